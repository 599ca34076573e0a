//! The services as an SDK sees them, on the wire.

mod support;

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use splitio_emulator::{Emulator, Endpoint, Options, Settings, Spec};
use support::{control, get, post, send};

fn empty() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

fn with(settings: Settings) -> Emulator {
    Emulator::start(Options { settings, ..Options::default() }).unwrap()
}

fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings);
    settings
}

fn flag(name: &str, number: i64, matcher: &str) -> Value {
    json!({"name": name, "status": "ACTIVE", "changeNumber": number, "sets": [name], "conditions": [
        {"conditionType": "ROLLOUT", "matcherGroup": {"combiner": "AND", "matchers": [{"matcherType": matcher}]},
         "partitions": [{"treatment": "on", "size": 100}]}]})
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|object| object["name"].as_str().unwrap()).collect()
}

#[test]
fn split_changes() {
    let emulator = empty();
    emulator.upsert_flag(flag("plain", 10, "ALL_KEYS")).unwrap();
    emulator.upsert_flag(flag("semver", 20, "EQUAL_TO_SEMVER")).unwrap();
    emulator.upsert_rbs(json!({"name": "vip", "status": "ACTIVE", "changeNumber": 5})).unwrap();
    // url -> flags, s, t of the flags, and of the rule-based segments
    for (url, flags, numbers) in [
        ("?s=1.3&since=-1&rbSince=-1", vec!["plain", "semver"], [-1, 20, -1, 5]),
        ("?s=1.3&since=10&rbSince=5", vec!["semver"], [10, 20, 5, 5]),
        ("?s=1.3&since=20&rbSince=5", vec![], [20, 20, 5, 5]),
        ("?s=1.3&since=-1&rbSince=5&sets=other%2Csemver", vec!["semver"], [-1, 20, 5, 5]),
        ("?s=1.3&since=-1&rbSince=5&sets=semver,plain", vec!["plain", "semver"], [-1, 20, 5, 5]),
    ] {
        let answer = get(emulator.address(), &format!("/api/splitChanges{url}"));
        let body = answer.json();
        assert_eq!(names(&body["ff"]["d"]), flags, "{url}");
        let seen = ["/ff/s", "/ff/t", "/rbs/s", "/rbs/t"].map(|path| body.pointer(path).unwrap().as_i64().unwrap());
        assert_eq!(seen, numbers, "{url}");
    }
    for (url, unsupported) in [("?since=-1", true), ("?s=1.0&since=-1", true), ("?s=1.1&since=-1", false)] {
        let body = get(emulator.address(), &format!("/splitChanges{url}")).json();
        assert_eq!((names(&body["splits"]), &body["till"]), (vec!["plain", "semver"], &json!(20)), "{url}");
        let control = body["splits"][1]["conditions"][0]["partitions"][0]["treatment"] == "control";
        assert_eq!(control, unsupported, "{url}");
    }
}

#[test]
fn refusals() {
    let emulator = with(settings(|settings| {
        settings.keys = vec!["key".to_owned()];
        settings.client_keys = vec!["browser".to_owned()];
        settings.max_url = 60;
        settings.max_spec = Spec::V1_2;
    }));
    emulator.set_segment("s", ["a"]).unwrap();
    let long = format!("/api/splitChanges?s=1.2&since=-1&sets={}", "x".repeat(60));
    for (method, url, key, status) in [
        ("GET", "/api/splitChanges?s=1.2&since=-1", "Bearer key", 200),
        ("GET", "/api/splitChanges?s=1.2&since=-1", "Bearer wrong", 401),
        ("GET", "/api/splitChanges?s=1.2&since=-1", "key", 401),
        ("GET", "/api/splitChanges?s=1.2&since=-1", "Bearer ", 401),
        ("GET", "/api/splitChanges?s=1.3&since=-1&rbSince=-1", "Bearer key", 400),
        ("GET", "/api/splitChanges?s=9&since=-1", "Bearer key", 400),
        ("GET", "/api/splitChanges?s=1.2&since=x", "Bearer key", 400),
        ("GET", &long, "Bearer key", 414),
        ("GET", "/api/segmentChanges/s?since=-1", "Bearer key", 200),
        ("GET", "/api/segmentChanges/t?since=-1", "Bearer key", 404),
        ("GET", "/api/segmentChanges/s?since=-1", "Bearer browser", 403),
        ("GET", "/api/splitChanges?s=1.1", "Bearer browser", 200),
        ("POST", "/api/splitChanges?s=1.1", "Bearer key", 405),
        ("GET", "/api/events/bulk", "Bearer key", 405),
        ("GET", "/api/version", "", 200),
        ("GET", "/version", "", 200),
        ("GET", "/api/nothing", "Bearer key", 404),
        ("GET", "/control/nothing", "", 404),
    ] {
        let answer = send(emulator.address(), method, url, &[("Authorization", key)], "").unwrap();
        assert_eq!(answer.status, status, "{method} {url} {key:?}");
    }
    let refused: Vec<_> = emulator.requests().into_iter().filter(|request| !request.processed).collect();
    assert!(refused.iter().all(|request| request.status != Some(200) || request.endpoint == Endpoint::Version));
}

#[test]
fn segments() {
    let emulator = empty();
    let name = "a b/ü";
    let first = emulator.set_segment(name, ["x", "y"]).unwrap().unwrap();
    let second = emulator.update_segment(name, &["z"], &["x"]).unwrap();
    let url = "/api/segmentChanges/a%20b%2F%C3%BC";
    for (since, added, removed) in
        [(-1, json!(["y", "z"]), json!([])), (first, json!(["z"]), json!(["x"])), (second, json!([]), json!([]))]
    {
        let body = get(emulator.address(), &format!("{url}?since={since}")).json();
        let expected = json!({"name": name, "added": added, "removed": removed, "since": since, "till": second});
        assert_eq!(body, expected);
    }
}

#[test]
fn pages_lead_to_the_end() {
    let emulator = with(settings(|settings| settings.page_size = Some(2)));
    for number in 1..=5 {
        emulator.upsert_flag(flag(&format!("f{number}"), number, "ALL_KEYS")).unwrap();
    }
    let (mut since, mut pages) = (-1, Vec::new());
    loop {
        let body = get(emulator.address(), &format!("/api/splitChanges?s=1.3&since={since}&rbSince=-1")).json();
        pages.push(names(&body["ff"]["d"]).len());
        let till = body["ff"]["t"].as_i64().unwrap();
        if till == since {
            break;
        }
        since = till;
    }
    assert_eq!((pages, since), (vec![2, 2, 1, 0], 5));
}

#[test]
fn a_stale_node_is_passed_with_till() {
    let emulator = empty();
    emulator.upsert_flag(flag("a", 10, "ALL_KEYS")).unwrap();
    emulator.stale(Some(2));
    emulator.upsert_flag(flag("a", 20, "ALL_KEYS")).unwrap();
    let till = |url: &str| {
        let url = format!("/api/splitChanges?s=1.3&rbSince=-1&{url}");
        get(emulator.address(), &url).json()["ff"]["t"].as_i64().unwrap()
    };
    for (url, expected) in
        [("since=10", 10), ("since=10&till=20", 20), ("since=15", 20), ("since=-1", 10), ("since=10", 20)]
    {
        assert_eq!(till(url), expected, "{url}");
    }
    emulator.configure(|settings| settings.stale = 1);
    emulator.upsert_flag(flag("a", 30, "ALL_KEYS")).unwrap();
    assert_eq!([till("since=20"), till("since=20")], [20, 30]);
}

#[test]
fn gzip_for_those_who_accept_it() {
    let emulator = empty();
    let headers = [("Authorization", "Bearer key"), ("Accept-Encoding", "gzip")];
    let url = "/api/splitChanges?s=1.3&since=-1&rbSince=-1";
    let answer = send(emulator.address(), "GET", url, &headers, "").unwrap();
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["ff"]["t"], -1);
    assert_eq!(get(emulator.address(), url).header("content-encoding"), None);
}

#[test]
fn posts_are_recorded() {
    let emulator = with(settings(|settings| settings.distinct = true));
    for (url, body) in [
        ("/api/events/bulk", r#"[{"key":"a"},{"key":"a"},{"key":"b"}]"#),
        ("/api/testImpressions/bulk", r#"[{"f":"x","i":[{"k":"a"},{"k":"b"}]}]"#),
        ("/api/testImpressions/count", r#"{"pf":[{"f":"x","m":0,"rc":7}]}"#),
        ("/api/v1/keys/ss", r#"{"keys":[{"f":"x","ks":["a","b"]}]}"#),
        ("/v1/metrics/config", "{}"),
        ("/api/v1/metrics/usage", "{}"),
    ] {
        assert_eq!(post(emulator.address(), url, body).status, 200, "{url}");
    }
    assert_eq!(post(emulator.address(), "/api/events/bulk", "no json").status, 400);
    let seen = control(emulator.address(), "GET", "/control/requests?endpoint=events/bulk", "");
    assert_eq!(seen[0]["body"], json!([{"key": "a"}, {"key": "a"}, {"key": "b"}]));
    assert_eq!((&seen[0]["bytes"], &seen[0]["status"], &seen[0]["processed"]), (&json!(37), &json!(200), &json!(true)));
    assert_eq!(
        (&seen[1]["body"], &seen[1]["status"], &seen[1]["processed"]),
        (&json!(null), &json!(400), &json!(false))
    );
    assert!(seen[0]["headers"].as_array().unwrap().contains(&json!(["authorization", "Bearer key"])));
    assert!(seen[0]["connection"] != seen[1]["connection"] && seen[0]["sequence"] == 1);
    let counts = control(emulator.address(), "GET", "/control/counters", "");
    for (endpoint, items, distinct) in [
        ("events/bulk", 3, 2),
        ("testImpressions/bulk", 2, 2),
        ("testImpressions/count", 7, 1),
        ("keys/ss", 2, 2),
        ("metrics/usage", 0, 0),
    ] {
        let count = &counts[endpoint];
        assert_eq!((&count["items"], &count["distinct"]), (&json!(items), &json!(distinct)), "{endpoint}");
    }
    assert_eq!(counts["events/bulk"]["statuses"], json!({"200": 1, "400": 1}));
    control(emulator.address(), "DELETE", "/control/requests", "");
    emulator.configure(|settings| settings.record = false);
    post(emulator.address(), "/api/events/bulk", "[{}]");
    assert_eq!((emulator.requests().len(), emulator.counts()[&Endpoint::Events].items), (0, 1));
}

#[test]
fn the_sample_environment() {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/redis/environment");
    let options = Options {
        file: Some(environment.join("splitChanges.json")),
        segments: Some(environment.join("segments")),
        ..Options::default()
    };
    let emulator = Emulator::start(options).unwrap();
    let body = get(emulator.address(), "/api/splitChanges?s=1.3&since=-1&rbSince=-1").json();
    let source: Value = serde_json::from_slice(&std::fs::read(environment.join("splitChanges.json")).unwrap()).unwrap();
    for half in ["ff", "rbs"] {
        let mut expected = source[half].clone();
        expected["d"].as_array_mut().unwrap().retain(|object| object["status"] == "ACTIVE");
        expected["d"].as_array_mut().unwrap().sort_by_key(|object| object["changeNumber"].as_i64());
        assert_eq!(body[half], expected, "{half}");
    }
    let staff = get(emulator.address(), "/api/segmentChanges/staff?since=-1").json();
    assert_eq!((&staff["added"], &staff["till"]), (&json!(["carol", "eve", "root"]), &json!(1760000000003_i64)));
    emulator.archive_flag("checkout_v2").unwrap();
    emulator.reset();
    assert_eq!(get(emulator.address(), "/api/splitChanges?s=1.3&since=-1&rbSince=-1").json(), body);
}

#[test]
fn files_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flags.json");
    let segments = directory.path().join("segments");
    std::fs::create_dir(&segments).unwrap();
    std::fs::write(&file, json!({"splits": [{"name": "a"}, {"name": "b"}]}).to_string()).unwrap();
    let options = Options { file: Some(file.clone()), segments: Some(segments.clone()), ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    let url = "/api/splitChanges?s=1.3&since=1&rbSince=-1";
    assert_eq!(get(emulator.address(), url).json()["ff"]["t"], 1);
    std::fs::write(&file, json!({"splits": [{"name": "a", "killed": true}]}).to_string()).unwrap();
    std::fs::write(segments.join("s.json"), json!({"name": "s", "added": ["k"], "till": 9}).to_string()).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let flags = loop {
        let body = get(emulator.address(), url).json();
        if body["ff"]["d"].as_array().unwrap().len() == 2 {
            break body["ff"]["d"].clone();
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert_eq!((names(&flags), &flags[1]["status"]), (vec!["a", "b"], &json!("ARCHIVED")));
    assert_eq!(get(emulator.address(), "/api/segmentChanges/s?since=-1").json()["till"], 9);
}

#[test]
fn bad_starts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flags.json");
    std::fs::write(&file, "{").unwrap();
    let taken = empty();
    for (options, part) in [
        (Options { file: Some(file), ..Options::default() }, "is not JSON: EOF"),
        (Options { segments: Some(directory.path().join("none")), ..Options::default() }, "cannot read"),
        (Options { address: taken.address(), ..Options::default() }, "cannot listen on 127.0.0.1"),
    ] {
        let error =
            Emulator::start(options).err().map(|error| splitio_emulator::with_causes(&error)).unwrap_or_default();
        assert!(error.contains(part), "{error}");
    }
}
