//! What is asked about flags and rule-based segments, and what becomes of each answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::testing::{Fake, Reply, Site};
use super::*;
use crate::logging::Level;

fn flag(name: &str, number: i64) -> Value {
    json!({"name": name, "status": "ACTIVE", "changeNumber": number, "defaultTreatment": "off", "sets": ["web"],
           "conditions": []})
}

fn rbs(name: &str, number: i64) -> Value {
    json!({"name": name, "status": "ACTIVE", "changeNumber": number, "conditions": []})
}

/// `(s, t, objects)` of the flags and of the rule-based segments.
fn changes(flags: (i64, i64, &[Value]), segments: (i64, i64, &[Value])) -> Reply {
    let half = |(s, t, d): (i64, i64, &[Value])| json!({"s": s, "t": t, "d": d});
    Reply::Json(json!({"ff": half(flags), "rbs": half(segments)}).to_string())
}

fn old(since: i64, till: i64, flags: &[Value]) -> Reply {
    Reply::Json(json!({"splits": flags, "since": since, "till": till}).to_string())
}

fn sync(fake: &Arc<Fake>, site: &Site, may_be_proxy: bool) -> DefinitionSync {
    sync_logging(fake, site, may_be_proxy, Logger::silent())
}

fn sync_logging(fake: &Arc<Fake>, site: &Site, may_be_proxy: bool, log: Logger) -> DefinitionSync {
    let updates = Arc::new(Updates::new(Arc::clone(&site.lifecycle), Arc::clone(&site.outlets)));
    let random = fastrand::Rng::with_seed(7);
    DefinitionSync::new(Arc::clone(fake) as _, Arc::clone(&site.store), updates, log, false, may_be_proxy, random)
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_are_asked_for_until_there_is_no_more() {
    let fake = Fake::new(|before, _| match before {
        0 => changes((-1, 10, &[flag("a", 10)]), (-1, 5, &[rbs("r", 5)])),
        1 => changes((10, 20, &[flag("b", 20)]), (5, 5, &[])),
        _ => changes((20, 20, &[]), (5, 5, &[])),
    });
    let site = Site::new(Some(&["mobile", "web"]));
    sync(&fake, &site, false).catch_up().await.expect("answers");
    let expected = [
        "/splitChanges?s=1.3&since=-1&rbSince=-1&sets=mobile%2Cweb",
        "/splitChanges?s=1.3&since=10&rbSince=5&sets=mobile%2Cweb",
        "/splitChanges?s=1.3&since=20&rbSince=5&sets=mobile%2Cweb",
    ];
    assert_eq!(fake.asked(), expected);
    assert_eq!(site.stored(), (names(&["a", "b"]), 20, 5));
}

#[tokio::test(start_paused = true)]
async fn one_fetch_at_a_time_and_reached_targets_ask_nothing() {
    let fake = Fake::new(|before, _| match before {
        0 => Reply::Late(100, Box::new(changes((-1, 10, &[flag("a", 10)]), (-1, -1, &[])))),
        _ => changes((10, 10, &[]), (-1, -1, &[])),
    });
    let site = Site::new(None);
    let sync = sync(&fake, &site, false);
    let target = |flags| sync.pursue(Targets { flags: Some(flags), rbs: None });
    let (first, second, third) = tokio::join!(sync.catch_up(), target(10), target(9));
    assert!(first.is_ok() && second.is_ok_and(|reached| reached) && third.is_ok_and(|reached| reached));
    let expected = ["/splitChanges?s=1.3&since=-1&rbSince=-1", "/splitChanges?s=1.3&since=10&rbSince=-1"];
    assert_eq!(fake.asked(), expected);
}

#[tokio::test(start_paused = true)]
async fn c09_a_stale_cdn_is_passed_with_till_at_the_eleventh_request() {
    for (targets, till) in [
        (Targets { flags: Some(20), rbs: None }, 20),
        (Targets { flags: None, rbs: Some(7) }, 7),
        (Targets { flags: Some(20), rbs: Some(7) }, 20),
    ] {
        let fake = Fake::new(|before, url| match before {
            0 => changes((-1, 10, &[flag("a", 10)]), (-1, 5, &[])),
            _ if !url.contains("till") => changes((10, 10, &[]), (5, 5, &[])),
            _ => changes((10, 20, &[flag("a", 20)]), (5, 7, &[])),
        });
        let site = Site::new(None);
        let sync = sync(&fake, &site, false);
        sync.catch_up().await.expect("answers");
        fake.asked();
        assert!(sync.pursue(targets).await.expect("answers"), "{targets:?}");
        let asked = fake.asked();
        let stale = "/splitChanges?s=1.3&since=10&rbSince=5".to_owned();
        assert_eq!(asked[..10], vec![stale.clone(); 10], "{targets:?}");
        assert_eq!(asked[10], format!("{stale}&till={till}"), "{targets:?}");
        assert_eq!((site.stored().1, site.stored().2), (20, 7));
    }
}

#[tokio::test(start_paused = true)]
async fn c05_an_old_proxy_is_asked_in_its_version_and_again_after_a_day() {
    for refusal in [Reply::Status(400), Reply::Cut] {
        let said = refusal.clone();
        let fake = Fake::new(move |_, url| match url {
            url if url.contains("s=1.3") => refusal.clone(),
            url if url.contains("since=-1") => old(-1, 10, &[flag("a", 10), flag("gone", 10)]),
            _ => old(10, 10, &[]),
        });
        let site = Site::new(Some(&["web"]));
        let sync = sync(&fake, &site, true);
        let begun = Instant::now();
        sync.catch_up().await.expect("answers in 1.1");
        assert_eq!(begun.elapsed(), Duration::ZERO, "{said:?}: asked again at once");
        let first = "/splitChanges?s=1.3&since=-1&rbSince=-1&sets=web";
        let (second, third) = ("/splitChanges?s=1.1&since=-1&sets=web", "/splitChanges?s=1.1&since=10&sets=web");
        assert_eq!(fake.asked(), [first, second, third], "{said:?}");
        assert_eq!(site.stored(), (names(&["a", "gone"]), 10, -1));

        tokio::time::advance(Duration::from_secs(24 * 3600 - 1)).await;
        sync.catch_up().await.expect("answers in 1.1");
        assert_eq!(fake.asked(), [third], "{said:?}: not yet");

        // Asked again after a day, and refused again: in the same run it goes on in 1.1, with what is stored.
        tokio::time::advance(Duration::from_secs(1)).await;
        sync.catch_up().await.expect("answers in 1.1");
        assert_eq!(fake.asked(), [first, third], "{said:?}");

        // Another failure leaves the question open for the next poll.
        tokio::time::advance(Duration::from_secs(24 * 3600)).await;
        fake.answer(|_, _| Reply::Status(503));
        assert!(sync.catch_up().await.is_err());
        assert_eq!(fake.asked(), [first], "{said:?}");
        assert_eq!(site.stored().1, 10, "nothing was lost");

        // The new proxy's numbers are its own, and lower.
        let watched = Arc::clone(&site.store);
        fake.answer(move |_, url| match url {
            url if url.contains("since=-1&rbSince=-1") => {
                assert_eq!(watched.load().len(), 2, "never empty to readers");
                changes((-1, 7, &[flag("a", 10), flag("new", 7)]), (-1, 3, &[rbs("r", 3)]))
            }
            _ => changes((7, 7, &[]), (3, 3, &[])),
        });
        sync.catch_up().await.expect("answers in 1.3");
        assert_eq!(fake.asked(), [first, "/splitChanges?s=1.3&since=7&rbSince=3&sets=web"], "{said:?}");
        assert_eq!(site.stored(), (names(&["a", "new"]), 7, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn splits_own_cloud_is_never_taken_for_an_old_proxy() {
    for (reply, may_be_proxy) in
        [(Reply::Status(400), false), (Reply::Cut, false), (Reply::Status(500), true), (Reply::Timeout, true)]
    {
        let said = reply.clone();
        let fake = Fake::new(move |_, _| reply.clone());
        let site = Site::new(None);
        assert!(sync(&fake, &site, may_be_proxy).catch_up().await.is_err(), "{said:?}");
        assert_eq!(fake.asked(), ["/splitChanges?s=1.3&since=-1&rbSince=-1"], "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c22_an_answer_that_was_overtaken_is_discarded() {
    let site = Site::new(None);
    let store = Arc::clone(&site.store);
    // While the first question is under way, an instant update brings the flags to 30.
    let fake = Fake::new(move |before, _| {
        if before > 0 {
            return changes((30, 30, &[]), (5, 5, &[]));
        }
        store.write(|writer| {
            let change = Change { change_number: Some(30), ..Change::default() };
            let (next, _) = writer.current().apply(change, None);
            writer.publish(next);
        });
        changes((-1, 20, &[flag("late", 20)]), (-1, 5, &[rbs("r", 5)]))
    });
    sync(&fake, &site, false).catch_up().await.expect("answers");
    assert_eq!(fake.asked()[1], "/splitChanges?s=1.3&since=30&rbSince=5", "the half that was not overtaken counts");
    assert_eq!(site.stored(), (names(&[]), 30, 5));
    assert!(site.store.load().rule_based_segment("r").is_some());
}

#[tokio::test(start_paused = true)]
async fn servers_that_never_advance_are_not_asked_for_ever() {
    // First answer, answer to everything else, warnings about the latter, however often it comes.
    let cases = [
        (changes((-1, 9, &[]), (-1, -1, &[])), changes((5, 9, &[]), (-1, -1, &[])), 0),
        // All there is, whatever is asked: applied, but no news.
        (changes((-1, 9, &[flag("a", 9)]), (-1, -1, &[])), changes((-1, 9, &[flag("a", 9)]), (-1, -1, &[])), 0),
        (changes((-1, 9, &[]), (-1, -1, &[])), changes((9, 4, &[flag("x", 4)]), (-1, -1, &[])), 1),
        (changes((-1, 9, &[]), (-1, 8, &[])), changes((9, 9, &[]), (-1, -1, &[])), 0),
        (changes((-1, 9, &[]), (-1, 8, &[])), changes((9, 9, &[]), (8, 2, &[rbs("x", 2)])), 1),
    ];
    for (first, then, warnings) in cases {
        let said = format!("{then:?}");
        let fake = Fake::new(move |_, url| if url.contains("since=-1&") { first.clone() } else { then.clone() });
        let site = Site::new(None);
        let (log, lines) = Logger::recording(Level::Debug);
        let sync = sync_logging(&fake, &site, false, log);
        sync.catch_up().await.expect("answers");
        assert_eq!(fake.asked().len(), 2, "{said}");
        let before = site.stored();
        for _ in 0..20 {
            sync.catch_up().await.expect("answers");
        }
        assert_eq!(fake.asked().len(), 20, "{said}");
        assert_eq!(site.stored(), before, "{said}: numbers never decrease");
        assert_eq!(lines.count(Level::Warning), warnings, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn c11_archived_flags_and_those_that_left_the_sets_go_and_are_named() {
    let with = |name: &str, member: &str, value: Value| {
        let mut flag = flag(name, 20);
        flag[member] = value;
        flag
    };
    let first = changes((-1, 10, &[flag("left", 10), flag("archived", 10), flag("same", 10)]), (-1, -1, &[]));
    let second = [
        with("left", "sets", json!(["other"])),
        with("archived", "status", json!("ARCHIVED")),
        with("never let in", "sets", json!(null)),
        flag("same", 10),
    ];
    let second = changes((10, 20, &second), (-1, 5, &[rbs("r", 5)]));
    let fake = Fake::new(move |_, url| match url {
        url if url.contains("&since=-1") => first.clone(),
        url if url.contains("&since=10") => second.clone(),
        _ => changes((20, 20, &[]), (5, 5, &[])),
    });
    let site = Site::new(Some(&["web"]));
    let sync = sync(&fake, &site, false);
    sync.pursue(Targets { flags: Some(10), rbs: None }).await.expect("answers");
    assert_eq!(site.events(), names(&[]), "no update before readiness");
    assert!(site.lifecycle.become_ready());
    sync.catch_up().await.expect("answers");
    assert_eq!(site.events(), [r#"flags ["archived","left"]"#, "segments"]);
    assert_eq!(site.stored(), (names(&["same"]), 20, 5));
    sync.catch_up().await.expect("answers");
    assert_eq!(site.events(), names(&[]), "nothing changed");
}

#[tokio::test(start_paused = true)]
async fn c26_and_b25_null_or_missing_members_cost_nothing_else() {
    let whole = json!({
        "ff": {"s": -1, "t": 10, "d": [flag("a", 10)]},
        "rbs": {"s": -1, "t": 5, "d": [rbs("r", 5)]},
    });
    for path in ["/ff", "/ff/s", "/ff/t", "/ff/d", "/rbs", "/rbs/s", "/rbs/t", "/rbs/d"] {
        for missing in [false, true] {
            let mut body = whole.clone();
            let (parent, member) = path.rsplit_once('/').expect("a path");
            let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
            if missing {
                parent.remove(member);
            } else {
                parent.insert(member.to_owned(), Value::Null);
            }
            body["future"] = json!({"x": 1});
            let fake = Fake::new(move |before, _| match before {
                0 => Reply::Json(body.to_string()),
                _ => Reply::Json(json!({"ff": {"s": 0, "t": 0}, "rbs": {"s": 0, "t": 0}}).to_string()),
            });
            let site = Site::new(None);
            sync(&fake, &site, false).catch_up().await.expect("an answer");
            let definitions = site.store.load();
            let seen = (definitions.flag("a").is_some(), definitions.rule_based_segment("r").is_some());
            let expected = (!matches!(path, "/ff" | "/ff/d"), !matches!(path, "/rbs" | "/rbs/d"));
            assert_eq!(seen, expected, "{path}, missing: {missing}");
            let expected = (
                if matches!(path, "/ff" | "/ff/t") { -1 } else { 10 },
                if matches!(path, "/rbs" | "/rbs/t") { -1 } else { 5 },
            );
            // A half without a number leaves it; the second answer then gives it one.
            let numbers = (site.stored().1, site.stored().2);
            let close = |number: i64, expected: i64| number == expected || expected == -1 && number == 0;
            assert!(close(numbers.0, expected.0) && close(numbers.1, expected.1), "{path}: {numbers:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_has_no_effect() {
    let good = changes((-1, 10, &[flag("a", 10)]), (-1, -1, &[]));
    for (bad, expected) in [
        (Reply::Json("{\"ff\": ".to_owned()), "cannot be used"),
        (Reply::Json("[]".to_owned()), "not a JSON object"),
        (Reply::Json(String::new()), "cannot be used"),
        (Reply::Json(r#"{"ff": {"s": -1, "t": "x", "d": []}}"#.to_owned()), "cannot be used"),
        (Reply::Status(304), "redirect"),
        (Reply::Status(404), "check the SDK key, and the base URLs"),
        (Reply::Status(401), "does not accept the SDK key"),
    ] {
        let said = format!("{bad:?}");
        let good = good.clone();
        let fake = Fake::new(move |before, _| if before == 0 { good.clone() } else { bad.clone() });
        let site = Site::new(None);
        let failure = sync(&fake, &site, false).catch_up().await.expect_err(&said);
        assert!(failure.explained().contains(expected), "{said}: {}", failure.explained());
        assert_eq!(site.stored(), (names(&["a"]), 10, -1), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_definition_keeps_its_former_version() {
    let broken = json!({"name": "b", "status": "ACTIVE", "changeNumber": 20, "conditions": 7});
    let fake = Fake::new(move |_, url| match url {
        url if url.contains("&since=-1") => changes((-1, 10, &[flag("b", 10)]), (-1, -1, &[])),
        url if url.contains("&since=10") => changes((10, 20, &[broken.clone(), flag("c", 20)]), (-1, -1, &[])),
        _ => changes((20, 20, &[]), (-1, -1, &[])),
    });
    let site = Site::new(None);
    let (log, lines) = Logger::recording(Level::Debug);
    sync_logging(&fake, &site, false, log).catch_up().await.expect("answers");
    assert_eq!(site.stored(), (names(&["b", "c"]), 20, -1));
    assert_eq!(site.store.load().flag("b").map(|flag| flag.change_number), Some(10));
    assert!(lines.lines().iter().any(|(level, line)| *level == Level::Error && line.contains("\"b\"")));
}

#[test]
fn an_answer_of_any_size_is_read() {
    // Beside the io thread above a quarter of a megabyte: real threads, so with a clock that runs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let flags: Vec<_> = (0..5000).map(|n| flag(&format!("flag {n}"), 10)).collect();
    let large = changes((10, 10, &flags), (-1, -1, &[]));
    runtime.block_on(async {
        let fake = Fake::new(move |_, _| large.clone());
        let site = Site::new(None);
        sync(&fake, &site, false).catch_up().await.expect("an answer");
        assert_eq!((site.stored().0.len(), site.stored().1), (5000, 10));
    });
}
