//! What is asked when all goes well.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use splitio_emulator::Endpoint;

use super::support::{SOON, Sdk, backend, backend_with_flag, flag, flag_of_segment, lines};

#[test]
fn c01_pages_then_segments_then_ready_with_exact_requests() {
    let backend = backend(|settings| settings.page_size = Some(1));
    backend.upsert_flag(flag_of_segment("first", 10, "beta testers")).expect("a name");
    backend.upsert_flag(flag("second", 20, "on")).expect("a name");
    backend.upsert_rbs(json!({"name": "r", "status": "ACTIVE", "changeNumber": 5, "conditions": []})).expect("a name");
    let segment = backend.set_segment("beta testers", ["ann"]).expect("a change").expect("a number");
    let options =
        json!({"machineIp": "10.1.2.3", "machineName": "host", "featuresRefreshRate": 60, "segmentsRefreshRate": 60});
    let sdk = Sdk::ready(&backend, options);

    let expected = [
        "GET /api/splitChanges?s=1.3&since=-1&rbSince=-1".to_owned(),
        "GET /api/splitChanges?s=1.3&since=10&rbSince=5".to_owned(),
        "GET /api/splitChanges?s=1.3&since=20&rbSince=5".to_owned(),
        "GET /api/segmentChanges/beta%20testers?since=-1".to_owned(),
        format!("GET /api/segmentChanges/beta%20testers?since={segment}"),
    ];
    let mut requests = backend.requests();
    requests.retain(|request| request.method == "GET");
    assert_eq!(lines(&requests), expected);
    for request in &requests {
        let headers: BTreeMap<_, _> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let address = backend.address().to_string();
        let version = format!("rust-{}", env!("CARGO_PKG_VERSION"));
        let expected = BTreeMap::from([
            ("accept", "*/*"),
            ("accept-encoding", "gzip"),
            ("authorization", "Bearer test-key"),
            ("cache-control", "no-cache"),
            ("content-type", "application/json"),
            ("host", &address),
            ("splitsdkmachineip", "10.1.2.3"),
            ("splitsdkmachinename", "host"),
            ("splitsdkversion", &version),
        ]);
        assert_eq!(headers, expected, "{request:?}");
        assert_eq!(request.headers.len(), expected.len(), "none twice: {request:?}");
        assert!(request.body.is_empty(), "{request:?}");
    }
    assert_eq!(
        [sdk.treatment("ann", "first"), sdk.treatment("bob", "first"), sdk.treatment("bob", "second")],
        ["on", "off", "on"]
    );
    assert_eq!(sdk.events(), ["ready"]);
}

#[test]
fn the_filter_of_flag_sets_goes_along_sorted_and_in_its_place() {
    let backend = backend_with_flag();
    let mut other = flag("other", 20, "on");
    other["sets"] = json!(["elsewhere"]);
    backend.upsert_flag(other).expect("a name");
    let sdk = Sdk::ready(&backend, json!({"flagSetsFilter": ["Web", "mobile", "web", "not valid!"]}));
    assert_eq!([sdk.treatment("ann", "f"), sdk.treatment("ann", "other")], ["on", "control"]);
    super::support::next_answer(&backend, Endpoint::SplitChanges);
    for (request, since) in backend.requests_to(Endpoint::SplitChanges).iter().zip(["-1", "20", "20"]) {
        assert_eq!(request.query, format!("s=1.3&since={since}&rbSince=-1&sets=mobile%2Cweb"));
    }
}

#[test]
fn c11_changes_arrive_by_polling_and_are_told_by_name() {
    let backend = backend_with_flag();
    for name in ["archived", "leaving", "same"] {
        backend.upsert_flag(flag(name, 20, "on")).expect("a name");
    }
    let sdk = Sdk::ready(&backend, json!({"flagSetsFilter": ["web"]}));
    assert_eq!(sdk.events(), ["ready"]);

    backend.archive_flag("archived").expect("it is there");
    sdk.expect("ann", "archived", "control");
    assert_eq!(sdk.events(), [r#"flags ["archived"]"#]);

    let mut leaving = flag("leaving", 0, "on");
    leaving["sets"] = json!(["elsewhere"]);
    backend.upsert_flag(leaving).expect("a name");
    sdk.expect("ann", "leaving", "control");
    assert_eq!(sdk.events(), [r#"flags ["leaving"]"#]);

    // A segment that nobody had asked for is there in the same moment, not a period later.
    let number = backend.set_segment("staff", ["ann"]).expect("a change").expect("a number");
    backend.upsert_flag(flag_of_segment("f", 0, "staff")).expect("a name");
    sdk.expect("bob", "f", "off");
    sdk.expect("ann", "f", "on");
    let segments = backend.wait_for(Endpoint::SegmentChanges, 2, SOON);
    assert_eq!(
        lines(&segments)[..2],
        ["GET /api/segmentChanges/staff?since=-1".to_owned(), format!("GET /api/segmentChanges/staff?since={number}")]
    );
    assert_eq!(sdk.events()[0], r#"flags ["f"]"#);

    backend.update_segment("staff", &["bob"], &["ann"]).expect("it is there");
    sdk.expect("bob", "f", "on");
    assert_eq!(sdk.treatment("ann", "f"), "off");
}

#[test]
fn segments_of_rule_based_segments_are_fetched() {
    let backend = backend(|_| {});
    let matcher = |kind: &str, member: &str, name: &str| json!({"matcherType": kind, "negate": false, member: {"segmentName": name}});
    let rule = |matcher: Value| json!([{"conditionType": "ROLLOUT", "matcherGroup": {"combiner": "AND", "matchers": [matcher]}}]);
    let rbs = json!({
        "name": "vip", "status": "ACTIVE", "trafficTypeName": "user", "changeNumber": 5,
        "excluded": {"keys": ["eve"], "segments": [
            {"name": "staff", "type": "standard"}, {"name": "huge", "type": "large"}, {"name": "other", "type": "rule-based"}]},
        "conditions": rule(matcher("IN_SEGMENT", "userDefinedSegmentMatcherData", "payers")),
    });
    backend.upsert_rbs(rbs).expect("a name");
    let mut asking = flag("f", 10, "on");
    asking["conditions"][0]["matcherGroup"]["matchers"][0] =
        matcher("IN_RULE_BASED_SEGMENT", "userDefinedSegmentMatcherData", "vip");
    backend.upsert_flag(asking).expect("a name");
    backend.set_segment("staff", ["ann"]).expect("a change");
    backend.set_segment("payers", ["ann", "bob", "eve"]).expect("a change");
    let sdk = Sdk::ready(&backend, json!({}));
    let answers = ["ann", "bob", "eve", "dan"].map(|key| sdk.treatment(key, "f"));
    assert_eq!(answers, ["off", "on", "off", "off"]);
    let mut asked: Vec<_> =
        backend.requests_to(Endpoint::SegmentChanges).into_iter().map(|request| request.path).collect();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["/api/segmentChanges/payers", "/api/segmentChanges/staff"]);
}

#[test]
fn c05_an_old_proxy_is_spoken_to_in_its_version() {
    let backend = backend_with_flag();
    backend.configure(|settings| settings.max_spec = splitio_emulator::Spec::V1_2);
    let sdk = Sdk::ready(&backend, json!({"flagSetsFilter": ["web"], "featuresRefreshRate": 60}));
    let expected = [
        "GET /api/splitChanges?s=1.3&since=-1&rbSince=-1&sets=web",
        "GET /api/splitChanges?s=1.1&since=-1&sets=web",
        "GET /api/splitChanges?s=1.1&since=10&sets=web",
    ];
    assert_eq!(lines(&backend.requests_to(Endpoint::SplitChanges)), expected);
    assert_eq!(sdk.treatment("ann", "f"), "on");
}

#[test]
fn c26_what_is_unknown_or_null_costs_nothing_else() {
    let backend = backend_with_flag();
    let mut odd = flag("odd", 20, "on");
    odd["conditions"][0]["matcherGroup"]["matchers"][0]["matcherType"] = "FROM_THE_FUTURE".into();
    let mut nulls = flag("nulls", 30, "on");
    for member in ["prerequisites", "configurations", "sets", "impressionsDisabled", "trafficTypeName", "future"] {
        nulls[member] = Value::Null;
    }
    for flag in [odd, nulls] {
        backend.upsert_flag(flag).expect("a name");
    }
    let sdk = Sdk::ready(&backend, json!({}));
    let answers = ["f", "odd", "nulls"].map(|flag| sdk.treatment("ann", flag));
    assert_eq!(answers, ["on", "control", "on"]);
}

#[test]
fn b09_b10_keys_and_urls_as_people_paste_them() {
    for (key, slashes) in [("test-key\n", ""), ("  test-key\r\n", "/"), ("test-key", "///")] {
        let backend = backend_with_flag();
        backend.configure(|settings| settings.prefix = "/some/where".to_owned());
        let url = format!(" {}{slashes} ", backend.api_url());
        let sdk = Sdk::try_start(key, &backend, json!({"sdk_api_base_url": url})).expect("usable");
        sdk.factory.block_until_ready(Some(SOON)).unwrap_or_else(|error| panic!("{key:?} {url:?}: {error}"));
        let first = &backend.requests()[0];
        assert_eq!(first.path, "/some/where/api/splitChanges", "{key:?} {url:?}");
        assert_eq!(first.header("authorization"), Some("Bearer test-key"));
        assert!(sdk.lines().iter().all(|(_, line)| !line.contains("test-key")), "{:?}", sdk.lines());
    }
    let backend = backend_with_flag();
    for key in ["sdk\nkey", "sdk-k\u{e9}y", "sdk\u{7f}key"] {
        let Err(error) = Sdk::try_start(key, &backend, json!({})) else { panic!("{key:?} was accepted") };
        assert!(!error.to_string().contains(key), "{error}");
    }
}
