//! The test vectors of the specification of impressions, events and telemetry (its section 6), by their numbers. The
//! eighth is with [`super::unique_keys`].

use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant as TokioInstant;

use super::test_backend::{Backend, Reply};
use super::test_world::{Seen, TEN, World, minutes};
use super::*;
use crate::logging::Level;
use crate::rules::labels;
use crate::transport::Endpoint::{Events, ImpressionCounts, Impressions, MetricsUsage, UniqueKeys};

/// Minute and previous time of all impressions of one post to the backend, sorted as they are.
fn impressions(body: &Json) -> Vec<(i64, Option<i64>)> {
    let flags = body.as_array().expect("an array of flags");
    let all = flags.iter().flat_map(|flag| flag["i"].as_array().expect("impressions"));
    all.map(|one| (minutes(&one["m"]).expect("a time"), minutes(&one["pt"]))).collect()
}

/// Keys of all records of one post, in their order.
fn keys(body: &Json) -> Vec<&str> {
    let records = body.as_array().expect("an array").iter();
    let nested = records.flat_map(|one| match one.get("i") {
        Some(impressions) => impressions.as_array().expect("impressions").iter().map(|one| &one["k"]).collect(),
        None => vec![&one["key"]],
    });
    nested.map(|key| key.as_str().expect("a key")).collect()
}

async fn flushed(world: &World) -> std::sync::Arc<Backend> {
    let backend = Backend::new([]);
    assert!(world.recorder.flush(&*backend, None).await);
    backend
}

#[tokio::test]
async fn vector_1_debug_sends_all_and_counts_nothing() {
    let world = World::new(&json!({"impressionsMode": "DEBUG"}));
    for minute in [0, 30, 65] {
        world.see(Seen::new("checkout", "alice", minute));
    }
    let backend = flushed(&world).await;
    let expected = [(0, None), (30, Some(0)), (65, Some(30))];
    assert_eq!(backend.bodies(Impressions).iter().map(impressions).collect::<Vec<_>>(), [expected]);
    assert_eq!(backend.received().len(), 1);
    assert_eq!((world.heard(), world.usage()["iDe"].clone()), (vec![None, Some(0), Some(30)], json!(0)));
}

#[tokio::test]
async fn vector_2_optimized_sends_the_first_of_an_hour_and_counts_the_rest() {
    let world = World::new(&json!({}));
    for (minute, properties) in [(0, None), (30, None), (65, None), (66, Some(r#"{"plan":"pro"}"#)), (67, None)] {
        world.see(Seen { properties, ..Seen::new("checkout", "alice", minute) });
    }
    let backend = flushed(&world).await;
    assert_eq!(
        backend.bodies(Impressions).iter().map(impressions).collect::<Vec<_>>(),
        [[(0, None), (65, Some(30)), (66, None)]]
    );
    let hour = 3_600_000;
    let expected = json!({"pf": [{"f": "checkout", "m": TEN, "rc": 1}, {"f": "checkout", "m": TEN + hour, "rc": 2}]});
    assert_eq!(backend.bodies(ImpressionCounts), [expected]);
    assert_eq!(backend.received().len(), 2);
    assert_eq!(world.heard(), [None, Some(0), Some(30), None, Some(65)]);
    let usage = world.usage();
    assert_eq!((&usage["iDe"], &usage["iQ"], &usage["iDr"]), (&json!(2), &json!(3), &json!(0)));
}

#[tokio::test]
async fn vectors_3_and_4_none_and_disabled_flags_count_and_track_keys() {
    for (options, flag) in [(json!({"impressionsMode": "NONE"}), "checkout"), (json!({}), "quiet")] {
        let world = World::new(&options);
        for (minute, key) in [(0, "alice"), (1, "alice"), (2, "bob"), (3, "alice")] {
            world.see(Seen::new(flag, key, minute));
        }
        let backend = flushed(&world).await;
        assert_eq!(backend.bodies(Impressions), Vec::<Json>::new(), "{flag}");
        assert_eq!(backend.bodies(ImpressionCounts), [json!({"pf": [{"f": flag, "m": TEN, "rc": 4}]})]);
        let mut tracked = backend.bodies(UniqueKeys);
        let names = tracked[0]["keys"][0]["ks"].as_array_mut().expect("keys");
        names.sort_by_key(|key| key.as_str().map(str::to_owned));
        assert_eq!(tracked, [json!({"keys": [{"f": flag, "ks": ["alice", "bob"]}]})]);
        assert_eq!((world.heard(), world.usage()["iDe"].clone()), (vec![None; 4], json!(4)), "{flag}");
    }
}

#[tokio::test]
async fn a_disabled_flag_says_nothing_of_the_others() {
    let world = World::new(&json!({}));
    world.see(Seen::new("quiet", "alice", 0));
    world.see(Seen::new("checkout", "alice", 0));
    let backend = flushed(&world).await;
    assert_eq!(backend.bodies(Impressions)[0][0]["f"], "checkout");
    assert_eq!(backend.bodies(ImpressionCounts), [json!({"pf": [{"f": "quiet", "m": TEN, "rc": 1}]})]);
}

#[tokio::test]
async fn vector_5_a_full_queue_takes_what_fits() {
    let world = World::new(&json!({"impressionsQueueSize": 3}));
    for flag in ["a", "b", "c", "d", "e"] {
        world.see(Seen::new(flag, "alice", 0));
    }
    assert_eq!(world.lines.count(Level::Warning), 1, "{:?}", world.lines.lines());
    assert_eq!(world.heard().len(), 5);
    let usage = world.usage();
    assert_eq!((&usage["iQ"], &usage["iDr"]), (&json!(3), &json!(2)));
    let backend = flushed(&world).await;
    assert_eq!(backend.bodies(Impressions)[0].as_array().expect("flags").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn vector_6_what_failed_is_sent_again_first() {
    let world = World::unheard(&json!({"impressionsBulkSize": 5}));
    let names = ["k0", "k1", "k2", "k3", "k4", "k5", "k6"];
    for key in names {
        world.see(Seen::new("checkout", key, 0));
    }
    let backend = Backend::new([Reply::Status(503), Reply::Status(200)]);
    assert!(world.recorder.flush(&*backend, None).await);
    let bodies = backend.bodies(Impressions);
    assert_eq!(bodies.iter().map(keys).collect::<Vec<_>>(), [&names[..5], &names[..5], &names[5..]]);
}

#[tokio::test]
async fn vector_7_without_labels_two_rules_are_one_answer() {
    for (label, sent) in [(None, 1), (labels::KILLED.text, 2)] {
        let world = World::unheard(&json!({}));
        world.see(Seen { label, ..Seen::new("checkout", "alice", 0) });
        let label = label.and(labels::DEFAULT_RULE.text);
        world.see(Seen { label, ..Seen::new("checkout", "alice", 1) });
        let backend = flushed(&world).await;
        assert_eq!(impressions(&backend.bodies(Impressions)[0]).len(), sent, "{label:?}");
    }
}

#[tokio::test]
async fn vector_9_the_event_that_does_not_fit_is_refused() {
    let world = World::unheard(&json!({}));
    for number in 0..10_000 {
        world.track(&number.to_string()).expect("room");
    }
    assert!(matches!(world.track("one more"), Err(Refusal::QueueFull)));
    let usage = world.usage();
    assert_eq!((&usage["eQ"], &usage["eD"]), (&json!(10_000), &json!(1)));
    let backend = flushed(&world).await;
    let sent: Vec<String> = backend.bodies(Events).iter().flat_map(|body| keys(body)).map(str::to_owned).collect();
    assert!(sent.iter().eq(&(0..10_000).map(|number| number.to_string()).collect::<Vec<_>>()));
    assert!(world.track("again").is_ok());
}

#[tokio::test(start_paused = true)]
async fn vector_10_the_end_sends_all_and_reports_last() {
    let world = World::unheard(&json!({}));
    for number in 0..9000 {
        world.see(Seen::new("checkout", &number.to_string(), 0));
    }
    world.see(Seen::new("checkout", "0", 1));
    let backend = Backend::new([]);
    let deadline = TokioInstant::now() + Duration::from_secs(10);
    assert!(world.recorder.drain(&*backend, deadline.into_std()).await);
    let bulks = backend.bodies(Impressions);
    assert_eq!(bulks.iter().map(|body| keys(body).len()).collect::<Vec<_>>(), [5000, 4000]);
    assert_eq!(backend.bodies(ImpressionCounts).len(), 1);
    let received = backend.received();
    let last = received.last().expect("posts");
    assert_eq!((last.endpoint, received.len()), (MetricsUsage, 4));
    assert!(last.body["sL"].is_u64() && last.body["iQ"] == 9000 && last.body["iDe"] == 1, "{}", last.body);
}

#[tokio::test]
async fn before_readiness_impressions_have_no_flag_and_are_counted_by_name() {
    let world = World::new(&json!({}));
    for minute in [0, 1, 2] {
        world.see(Seen { label: labels::NOT_READY.text, ..Seen::new("unknown", "alice", minute) });
    }
    let backend = flushed(&world).await;
    assert_eq!(backend.bodies(Impressions)[0][0]["i"][0]["c"], Json::Null);
    assert_eq!(backend.bodies(ImpressionCounts), [json!({"pf": [{"f": "unknown", "m": TEN, "rc": 2}]})]);
}

#[tokio::test]
async fn in_localhost_mode_nothing_is_sent() {
    let world = World::new(&json!({}));
    let mut config = world.config.clone();
    config.mode = Mode::Localhost;
    let recorder = &world.recorder;
    let local = Recorder::new(
        &config,
        recorder.outlets.clone(),
        recorder.store.clone(),
        recorder.telemetry.clone(),
        recorder.log.clone(),
    );
    let local = world.with(local);
    local.see(Seen::new("quiet", "alice", 0));
    local.see(Seen::new("quiet", "alice", 1));
    assert!(local.track("alice").is_ok());
    assert_eq!(flushed(&local).await.received().len(), 0);
    assert_eq!(local.heard(), [None, Some(0)]);
}

#[tokio::test]
async fn the_configuration_is_announced_once_it_is_known_how_the_start_went() {
    let world = World::new(&json!({}));
    world.telemetry.ready_timeout();
    let backend = Backend::new([]);
    let about = Announced {
        proxied: true,
        active_factories: 1,
        redundant_factories: 0,
        time_to_ready: Duration::from_millis(412),
    };
    world.recorder.announce(&*backend, &world.config, about).await;
    let body = &backend.bodies(crate::transport::Endpoint::MetricsConfig)[0];
    let found = ["tR", "bT", "nR", "hP", "iL", "aF"].map(|key| body[key].clone());
    assert_eq!(found, [json!(412), json!(1), json!(0), json!(true), json!(true), json!(1)]);
}
