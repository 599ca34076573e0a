//! Each kind of notification: what evaluations answer after it, and what was asked for it.

use serde_json::{Value, json};
use splitio_emulator::{Cut, Delivery, Emulator, Endpoint, Fault, Notification, Payload, Update};

use crate::sdk::*;

/// The definition of the specification's vectors: a flag that serves "off" by default.
const VECTORS: [(i64, &str); 3] = [
    (
        0,
        "eyJuYW1lIjoidmVjX2ZsYWciLCJ0cmFmZmljVHlwZU5hbWUiOiJ1c2VyIiwic2VlZCI6Nywic3RhdHVzIjoiQUNUSVZFIiwia2lsbGVkIjpmYWxzZSwiZGVmYXVsdFRyZWF0bWVudCI6Im9mZiIsImNoYW5nZU51bWJlciI6MTc2MDAwMDAwMDUwMCwiYWxnbyI6MiwiY29uZGl0aW9ucyI6W119",
    ),
    (
        1,
        "H4sIAAAAAAACAyXNsQoCMQyA4XfJ3KEKetBNxMHlpsNFROI1OYu9VtpUEPHdjVymwPeTfCDhTODgReOVI05gQAoyh3F4P6lfsFUqCpXIg+t0EZRWFXb74Xg6KD1CjH9kjJUMeGJsUYZCKDMl0TQzazfeMU3Ut/mmF92q29plNtYawDhlcGutcvJBQk7643z5/gD4V9BWpQAAAA==",
    ),
    (
        2,
        "eJwlzbEKAjEMgOF3ydyhCnrQTcTB5abDRUTiNTmLvVbaVBDx3Y1cpsD3k3wg4Uzg4EXjlSNOYEAKModxeD+pX7BVKgqVyIPrdBGUVhV2++F4Oig9Qox/ZIyVDHhibFGGQigzJdE0M2s33jFN1Lf5phfdqtvaZTbWGsA4ZXBrrXLyQUJO+uN8+f4Af/81FQ==",
    ),
];

fn split_update(change_number: i64) -> Update {
    Update { change_number, pcn: None, payload: Payload::None, definition: None, c: None, d: None }
}

fn notify(backend: &Emulator, notification: Notification) {
    backend.notify(notification, Delivery::default());
}

#[test]
fn c06_the_vectors_are_applied_without_a_request() {
    for (c, d) in VECTORS {
        let backend = backend(|_| ());
        let sdk = Sdk::streaming(&backend, &json!({}));
        let update = Update { pcn: Some(1), c: Some(c), d: Some(d.to_owned()), ..split_update(1_760_000_000_500) };
        notify(&backend, Notification::SplitUpdate(update));
        sdk.wait_treatment("ann", "vec_flag", "off");
        assert_eq!(fetches(&backend), 0, "{c}");
        assert_eq!(sdk.take_updates(), ["vec_flag"], "{c}");
    }
}

#[test]
fn split_update_with_every_payload() {
    for payload in PAYLOADS {
        let backend = backend(|settings| settings.payload = payload);
        let sdk = Sdk::streaming(&backend, &json!({}));
        for number in 2..6 {
            let treatment = format!("t{number}");
            backend.upsert_flag(serving("f", &treatment, number)).expect("a flag");
            sdk.wait_treatment("ann", "f", &treatment);
        }
        match payload {
            Payload::None => eventually("fetches", || asked(&backend, Endpoint::SplitChanges).len() >= 4),
            _ => assert_eq!(fetches(&backend), 0, "{payload:?}"),
        }
    }
}

#[test]
fn c07_what_does_not_fit_is_one_fetch() {
    let bad: [(&str, Update); 5] = [
        ("another state", Update { pcn: Some(0), payload: Payload::Gzip, ..split_update(2) }),
        ("no base64", Update { pcn: Some(1), c: Some(1), d: Some("~~~".to_owned()), ..split_update(2) }),
        ("damaged", Update { pcn: Some(1), c: Some(2), d: Some("AAAA".to_owned()), ..split_update(2) }),
        ("unknown compression", Update { pcn: Some(1), c: Some(9), d: Some("e30=".to_owned()), ..split_update(2) }),
        ("no definition", Update { pcn: Some(1), c: Some(0), d: Some("e30=".to_owned()), ..split_update(2) }),
    ];
    for (name, mut update) in bad {
        let backend = backend(|settings| settings.auto_push = false);
        let sdk = Sdk::streaming(&backend, &json!({}));
        let definition = serving("f", "new", 2);
        backend.upsert_flag(definition.clone()).expect("a flag");
        update.definition = Some(definition.into());
        notify(&backend, Notification::SplitUpdate(update));
        sdk.wait_treatment("ann", "f", "new");
        assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"], "{name}");
        let is_loud = |line: &&String| line.starts_with(['1', '2']) && !line.contains("get_treatment");
        assert_eq!(
            sdk.logs().iter().filter(is_loud).count(),
            usize::from(name != "another state"),
            "{name}: {:#?}",
            sdk.logs()
        );
    }
}

fn rbs(name: &str, change_number: i64, keys: &[&str]) -> Value {
    json!({
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "changeNumber": change_number,
        "excluded": {"keys": [], "segments": []},
        "conditions": [{"conditionType": "ROLLOUT", "matcherGroup": {"combiner": "AND", "matchers": [
            {"matcherType": "WHITELIST", "negate": false, "whitelistMatcherData": {"whitelist": keys}}]}}],
    })
}

#[test]
fn a_rule_based_segment_comes_before_the_flag_that_needs_it() {
    for payload in PAYLOADS {
        let backend = backend(|settings| settings.payload = payload);
        let sdk = Sdk::streaming(&backend, &json!({}));
        backend.upsert_rbs(rbs("r", 5, &["ann"])).expect("a rule-based segment");
        backend.upsert_flag(serving_members("f", "r", "IN_RULE_BASED_SEGMENT", 6)).expect("a flag");
        sdk.wait_treatment("ann", "f", "member");
        assert_eq!(sdk.treatment("bob", "f"), "off", "{payload:?}");
        backend.upsert_rbs(rbs("r", 7, &["bob"])).expect("a rule-based segment");
        sdk.wait_treatment("bob", "f", "member");
        assert_eq!(sdk.treatment("ann", "f"), "off", "{payload:?}");
        if payload != Payload::None {
            assert_eq!(fetches(&backend), 0, "{payload:?}");
        }
        backend.archive_rbs("r").expect("archived");
        sdk.wait_treatment("bob", "f", "off");
    }
}

#[test]
fn a_flag_that_needs_an_unknown_rule_based_segment_is_fetched_with_it() {
    let backend = backend(|settings| settings.auto_push = false);
    let sdk = Sdk::streaming(&backend, &json!({}));
    let definition = serving_members("f", "r", "IN_RULE_BASED_SEGMENT", 6);
    backend.upsert_rbs(rbs("r", 5, &["ann"])).expect("a rule-based segment");
    backend.upsert_flag(definition.clone()).expect("a flag");
    let update =
        Update { pcn: Some(1), payload: Payload::Zlib, definition: Some(definition.into()), ..split_update(6) };
    notify(&backend, Notification::SplitUpdate(update));
    // Never the flag without its segment.
    eventually("the flag", || match sdk.treatment("ann", "f") {
        "control" => false,
        treatment => {
            assert_eq!(treatment, "member");
            true
        }
    });
    assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"]);
}

#[test]
fn c08_a_new_segment_is_fetched_beside_the_update_that_names_it() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.set_segment("beta", ["ann"]).expect("a segment");
    let slow = Fault { endpoint: Some(Endpoint::SegmentChanges), delay_ms: 300, ..Fault::default() };
    backend.fault(slow);
    backend.upsert_flag(serving_members("f", "beta", "IN_SEGMENT", 2)).expect("a flag");
    backend.upsert_flag(serving("g", "on", 3)).expect("a flag");
    sdk.wait_treatment("ann", "g", "on");
    assert_eq!(sdk.treatment("ann", "f"), "off", "while its segment is on its way");
    sdk.wait_treatment("ann", "f", "member");
    assert_eq!(asked(&backend, Endpoint::SplitChanges), [""; 0]);
    assert_eq!(asked(&backend, Endpoint::SegmentChanges)[0], "beta?since=-1");
    assert_eq!(sdk.take_updates(), ["f", "g", "segments"]);
}

#[test]
fn segment_update() {
    let backend = backend(|_| ());
    backend.set_segment("beta", ["ann"]).expect("a segment");
    backend.upsert_flag(serving_members("f", "beta", "IN_SEGMENT", 2)).expect("a flag");
    let sdk = Sdk::streaming(&backend, &json!({}));
    assert_eq!((sdk.treatment("ann", "f"), sdk.treatment("bob", "f")), ("member", "off"));
    let number = backend.update_segment("beta", &["bob"], &["ann"]).expect("an update");
    sdk.wait_treatment("bob", "f", "member");
    assert_eq!(sdk.treatment("ann", "f"), "off");
    assert_eq!(fetches(&backend), asked(&backend, Endpoint::SegmentChanges).len(), "segments only");
    let before = asked(&backend, Endpoint::SegmentChanges).len();
    // Known already, and one that nobody refers to; then one that can be seen.
    notify(&backend, Notification::SegmentUpdate { change_number: number, name: "beta".to_owned() });
    notify(&backend, Notification::SegmentUpdate { change_number: number + 1, name: "nobody".to_owned() });
    backend.upsert_flag(serving("g", "on", 3)).expect("a flag");
    sdk.wait_treatment("ann", "g", "on");
    assert_eq!(asked(&backend, Endpoint::SegmentChanges).len(), before);
}

#[test]
fn c10_a_kill_is_carried_out_before_any_request() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    let sdk = Sdk::streaming(&backend, &json!({}));
    assert_eq!(sdk.treatment("ann", "first"), "on");
    let hang = backend.fault(Fault { endpoint: Some(Endpoint::SplitChanges), hang: true, ..Fault::default() });
    backend.kill_flag("first", "gone").expect("a flag");
    sdk.wait_treatment("ann", "first", "gone");
    assert_eq!(sdk.take_updates(), ["first"]);
    eventually("a fetch that hangs", || fetches(&backend) == 1);
    assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"]);
    assert!(backend.remove_fault(hang));
    // An older kill is not carried out.
    let kill = Notification::SplitKill { change_number: 1, name: "first".to_owned(), treatment: "older".to_owned() };
    notify(&backend, kill);
    assert_eq!(sdk.treatment("ann", "first"), "gone");
}

#[test]
fn a_kill_is_followed_by_the_definition() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &json!({}));
    let number = backend.kill_flag("first", "gone").expect("a flag");
    sdk.wait_treatment("ann", "first", "gone");
    eventually("its definition", || sdk.flags()[0]["change_number"] == number);
    assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"]);
    notify(
        &backend,
        Notification::SplitKill { change_number: number + 9, name: "none".to_owned(), treatment: "x".to_owned() },
    );
    assert_eq!(sdk.treatment("ann", "none"), "control");
}

#[test]
fn c11_archived_and_out_of_the_filter() {
    for payload in PAYLOADS {
        let backend = backend(|settings| settings.payload = payload);
        let of_set = |name: &str, set: &str, number: i64| {
            let mut flag = serving(name, "on", number);
            flag["sets"] = json!([set]);
            flag
        };
        backend.upsert_flag(of_set("a", "web", 2)).expect("a flag");
        backend.upsert_flag(of_set("b", "web", 3)).expect("a flag");
        let sdk = Sdk::streaming(&backend, &json!({"flagSetsFilter": ["web"]}));
        assert_eq!((sdk.treatment("ann", "a"), sdk.treatment("ann", "b")), ("on", "on"));
        sdk.take_updates();
        backend.archive_flag("a").expect("archived");
        sdk.wait_treatment("ann", "a", "control");
        let number = sdk.flags()[0]["change_number"].as_i64().expect("a number");
        assert_eq!(number, 3, "{payload:?}");
        let later = 4_000_000_000_000;
        backend.upsert_flag(of_set("b", "mobile", later)).expect("a flag");
        sdk.wait_treatment("ann", "b", "control");
        backend.upsert_flag(of_set("c", "mobile", later + 1)).expect("a flag");
        backend.upsert_flag(of_set("d", "web", later + 2)).expect("a flag");
        sdk.wait_treatment("ann", "d", "on");
        assert_eq!(sdk.treatment("ann", "c"), "control", "{payload:?}");
        assert_eq!(sdk.take_updates(), ["a", "b", "d"], "{payload:?}");
        assert!(asked(&backend, Endpoint::SplitChanges).iter().all(|query| query.contains("&sets=web")), "{payload:?}");
    }
}

#[test]
fn c09_a_stale_cdn_is_passed_with_the_eleventh_request() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.stale(Some(1000));
    backend.upsert_flag(serving("f", "on", 2)).expect("a flag");
    sdk.wait_treatment("ann", "f", "on");
    let asked = asked(&backend, Endpoint::SplitChanges);
    assert_eq!(asked[..10], ["since=1&rbSince=-1"; 10]);
    assert_eq!(asked[10..], ["since=1&rbSince=-1&till=2"]);
}

#[test]
fn a_fetch_outlives_failures() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &json!({}));
    let failing = |fault: Fault| Fault { endpoint: Some(Endpoint::SplitChanges), times: Some(2), ..fault };
    backend.fault(failing(Fault { status: Some(503), ..Fault::default() }));
    backend.fault(failing(Fault { malformed: true, ..Fault::default() }));
    backend.fault(failing(Fault { drop: Some(Cut::Reset), ..Fault::default() }));
    backend.upsert_flag(serving("f", "on", 2)).expect("a flag");
    sdk.wait_treatment("ann", "f", "on");
    assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"; 7]);
}

#[test]
fn c20_unknown_things_leave_the_connection_alone() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    let sdk = Sdk::streaming(&backend, &json!({}));
    let stream = backend.streams()[0].stream;
    let other = |data: Value| Notification::Other { channel: None, data };
    notify(&backend, other(json!({"type": "LS_DEFINITION_UPDATE", "changeNumber": 9})));
    notify(&backend, other(json!({"type": "SPLIT_UPDATE"})));
    notify(&backend, other(json!("text")));
    notify(&backend, Notification::Control { control: "STREAMING_DANCE".to_owned(), channel: None });
    notify(&backend, Notification::Occupancy { channel: Some("control_third".to_owned()), publishers: 0 });
    for text in ["event: message\ndata: {\n\n", "event: dance\ndata: 1\n\n", "id: 3\n\n", "data: {}\r\n\r\n"] {
        notify(&backend, Notification::Raw { text: text.to_owned() });
    }
    backend.notify(Notification::SplitUpdate(split_update(9)), Delivery { garble: true, ..Delivery::default() });
    backend.upsert_flag(serving("f", "on", 2)).expect("a flag");
    sdk.wait_treatment("ann", "f", "on");
    assert_eq!((fetches(&backend), backend.streams()[0].stream), (0, stream));
}

#[test]
fn duplicates_and_reordered_updates_end_in_the_last_state() {
    for payload in PAYLOADS {
        let backend = backend(|settings| {
            settings.payload = payload;
            settings.reorder = 4;
            settings.delivery.copies = 3;
        });
        let sdk = Sdk::streaming(&backend, &json!({}));
        for number in 2..10 {
            backend.upsert_flag(serving("f", &format!("t{number}"), number)).expect("a flag");
        }
        sdk.wait_treatment("ann", "f", "t9");
        let count = fetches(&backend);
        assert!(count <= 24, "{payload:?}: {count}");
        assert_eq!(sdk.treatment("ann", "f"), "t9", "{payload:?}");
    }
}
