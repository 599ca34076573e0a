//! What calls leave in Redis, and what becomes of it when Redis fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::lane::Pushed;
use super::test_server::{Fault, TestServer};
use super::*;
use crate::config::RedisConfig;
use crate::logging::Level;
use crate::recorder::test_world::{Seen, TEN, World};
use crate::rules::intern_treatment;

const IMPRESSIONS: &str = "SPLITIO.impressions";
const EVENTS: &str = "SPLITIO.events";
const LATENCIES: &str = "SPLITIO.telemetry.latencies";

pub(super) fn world(options: &Json, server: &Arc<TestServer>) -> World {
    redirected(World::new(options), server, "")
}

/// A world whose recorder pushes to a server.
fn redirected(world: World, server: &Arc<TestServer>, prefix: &str) -> World {
    let mut redis: RedisConfig = world.config.redis.clone();
    redis.prefix = Some(prefix.to_owned());
    let instance = Instance {
        sdk_version: "rust-1.0.0".to_owned(),
        machine_name: "a/b".to_owned(),
        machine_ip: "10.0.0.7".to_owned(),
    };
    let old = &world.recorder;
    let recorder = Recorder::for_redis(
        &world.config,
        Arc::clone(&old.outlets),
        Arc::<TestServer>::clone(server),
        &Keys::of(&redis),
        &instance,
        Arc::clone(&world.telemetry),
        old.log.clone(),
    );
    let recorder = recorder.expect("an identity");
    world.with(recorder)
}

pub(super) fn writer(world: &World) -> Arc<Writer> {
    Arc::clone(world.recorder.redis.as_ref().expect("in Redis mode"))
}

/// An untimed call.
pub(super) const UNTIMED: Spent = Spent { operation: Operation::Treatment, latency: None, failed: false };

fn timed(operation: Operation, milliseconds: u64) -> Spent {
    Spent { operation, latency: Some(Duration::from_millis(milliseconds)), failed: false }
}

/// Lines of the log that say that something is wrong.
pub(super) fn complaints(world: &World) -> usize {
    world.lines.count(Level::Error) + world.lines.count(Level::Warning)
}

/// Keys of the elements of a list.
pub(super) fn keys_in(server: &TestServer, list: &str) -> Vec<String> {
    let elements = server.list(list);
    let key = |element: &Json| element["i"].get("k").or(element["e"].get("key")).cloned();
    elements.iter().map(|element| key(element).expect("a key").as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_records_of_one_call_are_one_push_in_the_order_of_evaluation() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let seen =
        ["search", "checkout"].map(|flag| Seen { properties: Some(r#"{"a":1}"#), ..Seen::new(flag, "alice", 0) });
    world.see_in_redis(&seen, timed(Operation::Treatments, 2));
    assert_eq!(server.take_asked(), [vec!["RPUSH", "HINCRBY", "HLEN"], vec!["EXPIRE", "EXPIRE"]]);
    let element = |flag: &str| {
        json!({"m": {"s": "rust-1.0.0", "n": "a-b", "i": "10.0.0.7"},
               "i": {"k": "alice", "b": null, "f": flag, "t": "on", "r": "default rule", "c": 5, "m": TEN,
                     "properties": "{\"a\":1}"}})
    };
    assert_eq!(server.list(IMPRESSIONS), [element("search"), element("checkout")]);
    let latencies = BTreeMap::from([("rust-1.0.0/a-b/10.0.0.7/treatments/2".to_owned(), "1".to_owned())]);
    assert_eq!(server.hash(LATENCIES), latencies);
    assert_eq!(server.inside().expiries, [(IMPRESSIONS.to_owned(), 3600), (LATENCIES.to_owned(), 3600)].into());
}

#[test]
fn what_says_nothing_new_is_not_pushed_and_its_latency_goes_with_the_next() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let alice = Seen::new("checkout", "alice", 0);
    for _ in 0..3 {
        world.see_in_redis(&[alice], timed(Operation::TreatmentWithConfig, 0));
    }
    assert_eq!(server.take_asked(), [vec!["RPUSH", "HINCRBY", "HLEN"], vec!["EXPIRE", "EXPIRE"]]);
    world.telemetry.latency(Operation::Track, Duration::from_secs(9));
    world.track("alice").expect("pushed");
    assert_eq!(server.take_asked(), [vec!["RPUSH", "HINCRBY", "HINCRBY", "HLEN"], vec!["EXPIRE"]]);
    let latencies = server.hash(LATENCIES).into_iter().collect::<Vec<_>>();
    let expected = [("track/22", "1"), ("treatmentWithConfig/0", "3")]
        .map(|(method, count)| (format!("rust-1.0.0/a-b/10.0.0.7/{method}"), count.to_owned()));
    assert_eq!(latencies, expected);
    assert_eq!(world.heard(), [None, Some(0), Some(0)]);
}

#[test]
fn events_are_pushed_by_track() {
    let server = TestServer::new();
    let world = redirected(World::unheard(&json!({})), &server, "app");
    world.track("alice").expect("pushed");
    let expected = json!({"m": {"s": "rust-1.0.0", "n": "a-b", "i": "10.0.0.7"},
                          "e": {"key": "alice", "trafficTypeName": "user", "eventTypeId": "paid", "value": null,
                                "timestamp": TEN, "properties": null}});
    assert_eq!(server.list("app.SPLITIO.events"), [expected]);
    assert_eq!(server.inside().expiries, [("app.SPLITIO.events".to_owned(), 3600)].into());
}

#[test]
fn modes_are_those_of_memory() {
    let quiet = Seen::new("quiet", "bob", 0);
    let checkout = Seen::new("checkout", "alice", 0);
    for (mode, pushed, counted, unique) in [
        ("OPTIMIZED", 1, vec![("checkout", "1"), ("quiet", "2")], vec![json!({"f": "quiet", "ks": ["bob"]})]),
        ("DEBUG", 2, vec![("quiet", "2")], vec![json!({"f": "quiet", "ks": ["bob"]})]),
        (
            "NONE",
            0,
            vec![("checkout", "2"), ("quiet", "2")],
            vec![json!({"f": "checkout", "ks": ["alice"]}), json!({"f": "quiet", "ks": ["bob"]})],
        ),
    ] {
        let server = TestServer::new();
        let world = world(&json!({"impressionsMode": mode}), &server);
        for _ in 0..2 {
            world.see_in_redis(&[checkout], UNTIMED);
            world.see_in_redis(&[quiet], UNTIMED);
        }
        let writer = writer(&world);
        assert_eq!((writer.push_counts(None), writer.push_unique_keys(None)), (Pushed::All, Pushed::All));
        assert_eq!(server.list(IMPRESSIONS).len(), pushed, "{mode}");
        let counts = counted.iter().map(|(flag, count)| (format!("{flag}::{TEN}"), (*count).to_owned())).collect();
        assert_eq!(server.hash("SPLITIO.impressions.count"), counts, "{mode}");
        assert_eq!(server.list("SPLITIO.uniquekeys"), unique, "{mode}");
        assert_eq!(world.heard().len(), 4, "{mode}");
    }
}

#[test]
fn a_key_lives_for_an_hour_from_the_push_that_created_it() {
    type Leave = fn(&World);
    let kinds: [(&str, Leave); 6] = [
        (IMPRESSIONS, |world| world.see_in_redis(&[Seen::new("checkout", "alice", 0)], UNTIMED)),
        (EVENTS, |world| world.track("alice").expect("pushed")),
        (LATENCIES, |world| {
            world.telemetry.latency(Operation::Treatment, Duration::ZERO);
            writer(world).push_telemetry(None);
        }),
        ("SPLITIO.telemetry.exceptions", |world| {
            world.telemetry.exception(Operation::Treatments);
            writer(world).push_telemetry(None);
        }),
        ("SPLITIO.impressions.count", |world| {
            world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
            assert_eq!(writer(world).push_counts(None), Pushed::All);
        }),
        ("SPLITIO.uniquekeys", |world| {
            world.recorder.unique_keys.forget_seen();
            world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
            assert_eq!(writer(world).push_unique_keys(None), Pushed::All);
        }),
    ];
    for (key, leave) in kinds {
        let server = TestServer::new();
        let world = world(&json!({"impressionsMode": "DEBUG"}), &server);
        let living = || {
            leave(&world);
            server.inside().expiries.remove(key)
        };
        assert_eq!((living(), living(), living()), (Some(3600), None, None), "{key}");
        server.inside().lists.clear();
        server.inside().hashes.clear();
        assert_eq!((living(), living()), (Some(3600), None), "{key} after it was fetched");
        // Of another process, which saw to it.
        server.inside().hashes.insert(key.to_owned(), [("other".to_owned(), "1".to_owned())].into());
        server.inside().lists.insert(key.to_owned(), vec!["{}".to_owned()]);
        assert_eq!(living(), None, "{key} of another");
    }
}

#[test]
fn each_failure_of_a_push_keeps_what_was_not_done() {
    // What fails, elements in the list, records that wait, latencies in the hash and expiries after the call.
    let cases = [
        (Fault::Nothing, 1, 0, 1, 2),
        (Fault::Gone, 0, 1, 0, 0),
        // Perhaps it was done: at least once is better than not at all.
        (Fault::Silent, 1, 1, 1, 0),
        (Fault::Refuses("RPUSH"), 0, 1, 1, 1),
        (Fault::Refuses("HINCRBY"), 1, 0, 0, 1),
        (Fault::Refuses("HLEN"), 1, 0, 1, 1),
    ];
    for (fault, pushed, held, latencies, expiries) in cases {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        server.fail_next([fault]);
        world.see_in_redis(&[Seen::new("checkout", "alice", 0)], timed(Operation::Treatment, 0));
        let writer = writer(&world);
        let inside = server.inside();
        let found = (
            inside.lists.get(IMPRESSIONS).map_or(0, Vec::len),
            writer.impressions.held(),
            inside.hashes.get(LATENCIES).map_or(0, BTreeMap::len),
            inside.expiries.len(),
        );
        drop(inside);
        assert_eq!(found, (pushed, held, latencies, expiries), "{fault:?}");
        assert_eq!(complaints(&world), held, "{fault:?}: {:?}", world.lines.lines());
        assert_eq!(writer.empty_lanes(None), Pushed::All);
        writer.push_telemetry(None);
        assert_eq!((server.list(IMPRESSIONS).len(), writer.impressions.held()), (pushed + held, 0), "{fault:?}");
        assert!(!server.hash(LATENCIES).is_empty(), "{fault:?}");
        assert_eq!(world.lines.count(Level::Info), held, "{fault:?}: {:?}", world.lines.lines());
    }
}

#[test]
fn an_expiry_that_fails_is_no_failure() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    server.fail_next([Fault::Nothing]);
    server.fail_always(Fault::Gone);
    world.track("alice").expect("pushed");
    assert_eq!((server.take_asked().len(), keys_in(&server, EVENTS)), (2, vec!["alice".to_owned()]));
    assert!(!writer(&world).line.is_dead() && world.lines.lines().is_empty());
}

#[test]
fn in_an_outage_records_wait_in_order_and_nobody_asks() {
    let server = TestServer::new();
    let world = world(&json!({"impressionsMode": "DEBUG", "eventsQueueSize": 4, "impressionsBulkSize": 2}), &server);
    world.track("0").expect("pushed");
    server.fail_always(Fault::Gone);
    server.take_asked();
    for key in ["1", "2", "3", "4"] {
        world.track(key).expect("room");
        world.see_in_redis(&[Seen::new("checkout", key, 0), Seen::new("search", key, 0)], UNTIMED);
    }
    assert_eq!(server.take_asked().len(), 1, "only the first finds out");
    for _ in 0..3 {
        assert!(matches!(world.track("5"), Err(Refusal::QueueFull)));
    }
    let writer = writer(&world);
    for _ in 0..3 {
        assert_eq!(writer.empty_lanes(None), Pushed::Lost);
    }
    assert_eq!(
        (world.lines.count(Level::Error), world.lines.count(Level::Warning)),
        (0, 2),
        "{:?}",
        world.lines.lines()
    );
    assert_eq!(world.telemetry.events().dropped.sum(), 3);

    server.fail_always(Fault::Nothing);
    assert_eq!(writer.empty_lanes(None), Pushed::All);
    world.track("6").expect("pushed");
    world.see_in_redis(&[Seen::new("checkout", "6", 0)], UNTIMED);
    assert_eq!(keys_in(&server, EVENTS), ["0", "1", "2", "3", "4", "6"]);
    assert_eq!(keys_in(&server, IMPRESSIONS), ["1", "1", "2", "2", "3", "3", "4", "4", "6"]);
    let infos: Vec<_> = world.lines.lines().into_iter().filter(|(level, _)| *level == Level::Info).collect();
    assert_eq!(infos.len(), 2, "that Redis is back, and that 3 events were dropped: {infos:?}");
    // All heard, whatever Redis did.
    assert_eq!(world.heard().len(), 9);
}

#[test]
fn one_list_that_is_refused_does_not_hold_the_other_up() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    server.fail_next([Fault::Refuses("RPUSH")]);
    world.see_in_redis(&[Seen::new("checkout", "alice", 0)], UNTIMED);
    server.take_asked();
    world.track("alice").expect("pushed");
    assert_eq!(server.take_asked()[0], ["RPUSH"]);
    assert_eq!(keys_in(&server, EVENTS), ["alice"]);
    let refused = "Redis refuses impressions, which wait until it does not: OOM no memory";
    assert_eq!(world.lines.lines(), [(Level::Error, refused.to_owned())]);
}

#[test]
fn impressions_that_do_not_fit_are_counted() {
    let server = TestServer::new();
    let world = world(&json!({"impressionsQueueSize": 3}), &server);
    server.fail_always(Fault::Gone);
    let seen = ["a", "b", "c", "d", "e"].map(|flag| Seen::new(flag, "alice", 0));
    world.see_in_redis(&seen, UNTIMED);
    let tally = world.telemetry.impressions();
    assert_eq!((tally.queued.sum(), tally.dropped.sum(), world.lines.count(Level::Warning)), (3, 2, 2));
    assert_eq!(world.heard().len(), 5);
}

#[test]
fn while_the_queue_is_emptied_calls_wait_and_then_push_themselves() {
    let server = TestServer::new();
    let world = world(&json!({"eventsBulkSize": 1}), &server);
    server.fail_next([Fault::Gone, Fault::Nothing, Fault::Holds]);
    for key in ["1", "2", "3"] {
        world.track(key).expect("room");
    }
    let writer = writer(&world);
    let barrier = server.barrier.lock().expect("no panic");
    std::thread::scope(|scope| {
        let emptying = scope.spawn(|| writer.empty_lanes(None));
        while server.inside().waiting == 0 {
            std::thread::yield_now();
        }
        assert_eq!(keys_in(&server, EVENTS), ["1"]);
        // Who has waited long enough leaves it to the queue.
        let event = |key: &str| StoredEvent {
            key: key.into(),
            traffic_type: "user".into(),
            event_type: "paid".into(),
            value: None,
            time: TEN,
            size: 1024,
            properties: None,
        };
        let kept = writer.events.admit(vec![event("4")], Instant::now());
        assert!(matches!(kept, ControlFlow::Break(Ok(()))));
        let calling = scope.spawn(|| world.track("5"));
        while writer.events.waiting_calls() == 0 {
            std::thread::yield_now();
        }
        assert!(!calling.is_finished());
        drop(barrier);
        assert_eq!(emptying.join().expect("no panic"), Pushed::All);
        calling.join().expect("no panic").expect("pushed");
    });
    assert_eq!(keys_in(&server, EVENTS), ["1", "2", "3", "4", "5"]);
    assert_eq!(world.telemetry.events().queued.sum(), 4, "the last was pushed by its call");
}

#[test]
fn the_end_refuses_instead_of_forgetting() {
    for closed_first in [true, false] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let writer = writer(&world);
        if closed_first {
            assert_eq!(writer.events.close(), 0);
        } else {
            // Its call was on its way when the connections were closed.
            server.fail_always(Fault::Closed);
            world.track("in time").expect("room");
            assert_eq!(writer.events.close(), 1);
        }
        server.take_asked();
        assert!(matches!(world.track("late"), Err(Refusal::Destroyed)));
        assert_eq!(writer.empty_lanes(None), Pushed::All);
        assert_eq!((server.take_asked().len(), writer.events.held()), (0, 0));
        assert!(world.lines.lines().is_empty(), "{:?}", world.lines.lines());
    }
}

#[test]
fn data_sampling_skips_all_of_a_call_but_no_event() {
    let server = TestServer::new();
    let world = world(&json!({"dataSampling": 0.25, "impressionsMode": "DEBUG", "redisHost": "h"}), &server);
    for number in 0..4000 {
        world.see_in_redis(&[Seen::new("checkout", &number.to_string(), 0)], timed(Operation::Treatment, 0));
    }
    let recorded = server.list(IMPRESSIONS).len();
    assert!((800..1200).contains(&recorded), "{recorded}");
    assert_eq!(server.hash(LATENCIES).values().next(), Some(&recorded.to_string()));
    for number in 0..100 {
        world.track(&number.to_string()).expect("pushed");
    }
    assert_eq!(server.list(EVENTS).len(), 100);
}

/// What the official Python SDK pushed, as the fixtures have it.
fn pushed_by_python(command: &str, key: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string("tests/fixtures/redis/pushed.json").expect("fixtures");
    let sessions: Vec<Json> = serde_json::from_str(&text).expect("JSON");
    let mut found = Vec::new();
    for session in &sessions {
        let steps = session["steps"].as_array().expect("steps").iter().flat_map(|step| step["commands"].as_array());
        for sent in steps.chain(session["destroy"].as_array()).flatten() {
            let parts: Vec<String> = serde_json::from_value(sent.clone()).expect("texts");
            if parts[0] == command && parts[1] == key {
                found.push(parts[2..].to_vec());
            }
        }
    }
    assert!(!found.is_empty(), "no {command} {key}");
    found
}

/// Without members that are null, which may be left out.
fn without_null(json: Json, member: &str) -> Json {
    let Json::Object(mut object) = json else { panic!("{json} is no object") };
    object.retain(|key, value| key != member || !value.is_null());
    Json::Object(object)
}

#[test]
fn records_look_like_those_of_the_python_sdk() {
    let identity = |element: &Json| {
        let part = |name: &str| element["m"][name].as_str().expect("text").to_owned();
        let instance = Instance { sdk_version: part("s"), machine_name: part("n"), machine_ip: part("i") };
        Identity::of(&instance).expect("texts")
    };
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let mut compared = 0;
    for element in pushed_by_python("RPUSH", IMPRESSIONS).into_iter().flatten() {
        let expected: Json = serde_json::from_str(&element.replace("\"<ms>\"", "17")).expect("JSON");
        let one = &expected["i"];
        let impression = Impression {
            key: text(&one["k"]).expect("a key").into(),
            bucketing_key: text(&one["b"]).map(Into::into),
            flag: text(&one["f"]).expect("a name").into(),
            treatment: intern_treatment(one["t"].as_str().expect("a treatment")).expect("room"),
            label: one["r"].as_str().map(|label| intern_treatment(label).expect("room")),
            change_number: one["c"].as_i64(),
            time: 17,
            previous_time: None,
            attributes: Some("{}".into()),
            properties: one["properties"].as_str().map(Into::into),
        };
        let ours: Json =
            serde_json::from_slice(&impression.element(&identity(&expected)).expect("JSON")).expect("JSON");
        assert_eq!(ours["m"], expected["m"]);
        assert_eq!(ours["i"], without_null(expected["i"].clone(), "properties"), "{element}");
        compared += 1;
    }
    for element in pushed_by_python("RPUSH", EVENTS).into_iter().flatten() {
        let expected: Json = serde_json::from_str(&element.replace("\"<ms>\"", "17")).expect("JSON");
        let one = &expected["e"];
        let event = StoredEvent {
            key: text(&one["key"]).expect("a key").into(),
            traffic_type: text(&one["trafficTypeName"]).expect("a name").into(),
            event_type: text(&one["eventTypeId"]).expect("a name").into(),
            value: one["value"].as_f64(),
            time: 17,
            size: 1024,
            properties: one["properties"]
                .is_object()
                .then(|| serde_json::value::to_raw_value(&one["properties"]).expect("JSON")),
        };
        let ours: Json = serde_json::from_slice(&event.element(&identity(&expected)).expect("JSON")).expect("JSON");
        let floats = |event: &Json| {
            let mut event: Map<String, Json> = event.as_object().expect("an object").clone();
            event["value"] = json!(event["value"].as_f64());
            event
        };
        assert_eq!((&ours["m"], floats(&ours["e"])), (&expected["m"], floats(&expected["e"])), "{element}");
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn methods_are_those_of_the_synchronizer() {
    let camel = |snake: &str| {
        let mut words = snake.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    };
    for parts in pushed_by_python("HINCRBY", LATENCIES) {
        let field: Vec<&str> = parts[0].split('/').collect();
        assert_eq!(field.len(), 5, "{field:?}");
        assert!(Operation::METHODS.contains(&&*camel(field[3])), "{field:?}");
    }
}
