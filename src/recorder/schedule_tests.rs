//! When posts are made, and what becomes of what they hold when they fail. The clock of these tests runs as fast as it
//! can: nothing sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::test_backend::{Backend, Reply};
use super::test_world::{Seen, World};
use crate::logging::Level;
use crate::refusal::Refusal;
use crate::transport::Endpoint::{self, Events, ImpressionCounts, Impressions, MetricsUsage, UniqueKeys};

fn running(world: &World, backend: &Arc<Backend>) -> JoinHandle<()> {
    tokio::spawn(Arc::clone(&world.recorder).run(Arc::clone(backend)))
}

async fn drained(world: &World, backend: &Backend, seconds: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    world.recorder.drain(backend, deadline.into_std()).await
}

/// Keys of the impressions of one flag that were answered with 200, in the order of their arrival.
fn impressions_arrived(backend: &Backend) -> Vec<String> {
    let posts = backend.received().into_iter().filter(|post| post.endpoint == Impressions && post.status == 200);
    let keys = |body: Json| {
        let impressions = body[0]["i"].as_array().expect("impressions").iter();
        impressions.map(|impression| impression["k"].clone()).collect::<Vec<_>>()
    };
    posts.flat_map(|post| keys(post.body)).map(|key| key.as_str().expect("a key").to_owned()).collect()
}

/// Keys of the events that were answered with 200, in the order of their arrival.
fn arrived(backend: &Backend) -> Vec<String> {
    let posts = backend.received().into_iter().filter(|post| post.endpoint == Events && post.status == 200);
    let keys =
        |body: Json| body.as_array().expect("events").iter().map(|event| event["key"].clone()).collect::<Vec<_>>();
    posts.flat_map(|post| keys(post.body)).map(|key| key.as_str().expect("a key").to_owned()).collect()
}

/// When posts to an endpoint came, in tenths of a second.
fn times(backend: &Backend, endpoint: Endpoint) -> Vec<u128> {
    let posts = backend.received().into_iter().filter(|post| post.endpoint == endpoint);
    posts.map(|post| post.at.as_millis() / 100).collect()
}

#[tokio::test(start_paused = true)]
async fn everything_has_its_period_and_the_first_run_comes_after_one() {
    let world = World::unheard(&json!({"metricsRefreshRate": 600}));
    let backend = Backend::new([]);
    let running = running(&world, &backend);
    for flag in ["checkout", "checkout", "quiet"] {
        world.see(Seen::new(flag, "alice", 0));
    }
    world.track("alice").expect("room");
    sleep(Duration::from_secs(2000)).await;
    for (endpoint, expected) in [
        (Events, &[100][..]),
        (Impressions, &[3000]),
        (UniqueKeys, &[9000]),
        (ImpressionCounts, &[18_000]),
        (MetricsUsage, &[6000, 12_000, 18_000]),
    ] {
        assert_eq!(times(&backend, endpoint), expected, "{endpoint}");
    }
    assert!(drained(&world, &backend, 10).await);
    running.await.expect("run ends with drain");
}

#[tokio::test(start_paused = true)]
async fn in_none_mode_no_impressions_are_sent() {
    let world = World::unheard(&json!({"impressionsMode": "NONE"}));
    let backend = Backend::new([]);
    let _running = running(&world, &backend);
    world.see(Seen::new("checkout", "alice", 0));
    sleep(Duration::from_secs(2000)).await;
    assert_eq!(backend.bodies(Impressions).len(), 0);
    assert_eq!((backend.bodies(UniqueKeys).len(), backend.bodies(ImpressionCounts).len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_sent_at_once_and_full_bulks_one_after_the_other() {
    let world = World::unheard(&json!({"eventsQueueSize": 50, "eventsBulkSize": 2, "eventsPushRate": 3600}));
    let backend = Backend::new([]);
    let _running = running(&world, &backend);
    sleep(Duration::from_secs(1)).await;
    for number in 0..49 {
        world.track(&number.to_string()).expect("room");
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(backend.bodies(Events).len(), 0);
    world.track("49").expect("room");
    sleep(Duration::from_secs(1)).await;
    // Not more than so many in one run, however many wait.
    assert_eq!(times(&backend, Events), [20; 20]);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(arrived(&backend).len(), 50);
}

/// B20: delays of exponential growth overflowed after hours of failures.
#[tokio::test(start_paused = true)]
async fn ten_thousand_failures_in_a_row_are_retried_at_the_pace_of_the_schedule() {
    for reply in [Reply::Status(503), Reply::Nothing] {
        let world = World::unheard(&json!({"eventsPushRate": 10}));
        let backend = Backend::for_one(Events, [reply]);
        let running = running(&world, &backend);
        world.track("alice").expect("room");
        sleep(Duration::from_secs(100_000)).await;
        running.abort();
        let times: Vec<Duration> =
            backend.received().into_iter().filter(|post| post.endpoint == Events).map(|post| post.at).collect();
        let pauses: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(times.len() > 10_000, "{}", times.len());
        let tenth = Duration::from_millis(100);
        for (index, pause) in pauses.iter().enumerate() {
            let about = Duration::from_secs(1 << index.min(10)).min(Duration::from_secs(9));
            assert!(
                *pause > about.mul_f64(0.89) - tenth && *pause <= Duration::from_secs(10) + tenth,
                "{index}: {pause:?}"
            );
        }
        // One warning for all of the outage.
        assert_eq!(world.lines.count(Level::Warning), 1, "{:?}", world.lines.lines());
    }
}

/// B22: what was recorded while a post was under way was thrown away with its answer.
#[tokio::test(start_paused = true)]
async fn what_is_recorded_during_a_post_arrives_in_order_and_once() {
    for endpoint in [Events, Impressions] {
        let options = json!({"eventsPushRate": 1, "impressionsRefreshRate": 1, "impressionsMode": "DEBUG"});
        let world = World::unheard(&options);
        let replies = (0..40).map(|number| Reply::Slow(2000, if number % 2 == 0 { 200 } else { 503 }));
        let backend = Backend::for_one(endpoint, replies.chain([Reply::Status(200)]));
        let running = running(&world, &backend);
        let mut expected = Vec::new();
        for number in 0..200 {
            let key = number.to_string();
            world.track(&key).expect("room");
            world.see(Seen::new("checkout", &key, 0));
            expected.push(key);
            sleep(Duration::from_millis(200)).await;
        }
        assert!(drained(&world, &backend, 100).await, "{endpoint}");
        running.await.expect("run ends with drain");
        assert_eq!((arrived(&backend), impressions_arrived(&backend)), (expected.clone(), expected), "{endpoint}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_backend_is_left_alone_for_as_long_as_it_asks() {
    let world = World::unheard(&json!({"eventsQueueSize": 3}));
    let backend = Backend::for_one(Events, [Reply::RetryAfter(429, 120), Reply::Status(200)]);
    let _running = running(&world, &backend);
    world.track("alice").expect("room");
    sleep(Duration::from_secs(60)).await;
    // A full queue does not change that.
    while world.track("bob").is_ok() {}
    sleep(Duration::from_secs(100)).await;
    assert_eq!(times(&backend, Events), [100, 1300]);
    assert_eq!(arrived(&backend), ["alice", "bob", "bob"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_accepted_keeps_all_and_is_complained_about_hourly() {
    let world = World::unheard(&json!({"eventsQueueSize": 3}));
    let mut replies = vec![Reply::Status(401); 901];
    replies.push(Reply::Status(200));
    let backend = Backend::for_one(Events, replies);
    let _running = running(&world, &backend);
    while world.track("alice").is_ok() {}
    // At once, because the queue is full; then once per period.
    sleep(Duration::from_secs(8995)).await;
    assert_eq!((backend.bodies(Events).len(), world.lines.count(Level::Error)), (900, 3), "{:?}", world.lines.lines());
    assert!(!world.recorder.flush(&*backend, None).await, "comes back, though without a deadline");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(arrived(&backend).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_the_backend_will_never_take_is_dropped_and_counted() {
    for status in [301, 400, 404, 410] {
        let world = World::unheard(&json!({"eventsBulkSize": 2}));
        let backend = Backend::for_one(Events, [Reply::Status(status), Reply::Status(200)]);
        for key in ["a", "b", "c"] {
            world.track(key).expect("room");
        }
        assert!(!world.recorder.flush(&*backend, None).await);
        assert_eq!(arrived(&backend), ["c"], "{status}");
        assert_eq!((world.usage()["eD"].clone(), world.lines.count(Level::Error)), (json!(2), 1), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_halved_once() {
    // (answers, keys that arrive, keys dropped)
    let cases: [(&[u16], &[&str], u64); 4] = [
        (&[413, 200, 200], &["a", "b", "c", "d", "e"], 0),
        (&[413, 413, 200], &["c", "d", "e"], 2),
        (&[413, 503, 200, 200], &["a", "b", "c", "d", "e"], 0),
        (&[413, 200, 503, 200], &["a", "b", "c", "d", "e"], 0),
    ];
    for (answers, keys, dropped) in cases {
        let world = World::unheard(&json!({}));
        let backend = Backend::for_one(Events, answers.iter().map(|&status| Reply::Status(status)));
        for key in ["a", "b", "c", "d", "e"] {
            world.track(key).expect("room");
        }
        assert_eq!(world.recorder.flush(&*backend, None).await, dropped == 0, "{answers:?}");
        assert_eq!(
            (arrived(&backend), world.usage()["eD"].clone()),
            (keys.iter().map(|&key| key.to_owned()).collect(), json!(dropped)),
            "{answers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn counts_and_keys_that_did_not_arrive_are_sent_with_the_next() {
    let world = World::unheard(&json!({"impressionsMode": "NONE"}));
    let backend = Backend::new([Reply::Status(500), Reply::Nothing, Reply::Status(200)]);
    let _running = running(&world, &backend);
    world.see(Seen::new("checkout", "alice", 0));
    let soon = Instant::now() + Duration::from_millis(1);
    assert!(!world.recorder.flush(&*backend, Some(soon.into_std())).await);
    world.see(Seen::new("checkout", "bob", 1));
    assert!(world.recorder.flush(&*backend, None).await);
    let counts = backend.bodies(ImpressionCounts);
    assert_eq!(counts.last().expect("counts")["pf"][0]["rc"], 2);
    let keys = backend.bodies(UniqueKeys);
    assert_eq!(keys.last().expect("keys")["keys"][0]["ks"].as_array().expect("keys").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_posts_under_way_and_retries_the_others() {
    let world = World::unheard(&json!({}));
    let backend = Backend::for_one(Events, [Reply::Slow(3000, 200), Reply::Status(503), Reply::Status(200)]);
    let running = running(&world, &backend);
    world.track("under way").expect("room");
    sleep(Duration::from_secs(11)).await;
    world.track("later").expect("room");
    assert!(drained(&world, &backend, 10).await);
    running.await.expect("run ends with drain");
    assert_eq!(arrived(&backend), ["under way", "later"]);
    assert_eq!(backend.received().last().expect("posts").endpoint, MetricsUsage);
}

#[tokio::test(start_paused = true)]
async fn the_end_comes_at_its_deadline_and_says_what_is_lost() {
    for reply in [Reply::Hangs, Reply::Status(500)] {
        let world = World::unheard(&json!({}));
        let backend = Backend::for_one(Events, [reply]);
        world.track("alice").expect("room");
        let begun = Instant::now();
        assert!(!drained(&world, &backend, 10).await);
        assert!(begun.elapsed() <= Duration::from_secs(10), "{:?}", begun.elapsed());
        let lines = world.lines.lines();
        assert!(lines.iter().any(|(_, line)| line.contains("0 impressions and 1 events")), "{lines:?}");
        assert_eq!(world.usage()["eD"], 1);
    }
}

/// B21: calls waited once the queue of events was full.
#[tokio::test]
async fn no_call_waits_for_a_backend_that_hangs_and_what_does_not_fit_is_counted() {
    let world =
        World::unheard(&json!({"impressionsMode": "DEBUG", "impressionsQueueSize": 100, "eventsQueueSize": 100}));
    let backend = Backend::new([Reply::Hangs]);
    let accepted = AtomicU64::new(0);
    let calls = 20_000;
    let running = running(&world, &backend);
    tokio::task::yield_now().await;
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (world, accepted) = (&world, &accepted);
            scope.spawn(move || {
                for number in 0..calls {
                    world.see(Seen::new("checkout", if number % 2 == 0 { "alice" } else { "bob" }, 0));
                    match world.track(&thread.to_string()) {
                        Ok(()) => drop(accepted.fetch_add(1, Ordering::Relaxed)),
                        Err(refusal) => assert!(matches!(refusal, Refusal::QueueFull), "{refusal:?}"),
                    }
                }
            });
        }
    });
    running.abort();
    let usage = world.usage();
    let sum = |keys: [&str; 2]| keys.iter().map(|&key| usage[key].as_u64().expect("a count")).sum::<u64>();
    assert_eq!((sum(["iQ", "iDr"]), sum(["eQ", "eD"])), (8 * calls, 8 * calls));
    assert_eq!((usage["iQ"].clone(), usage["eQ"].as_u64()), (json!(100), Some(accepted.load(Ordering::Relaxed))));
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_post_held_is_sent_by_the_next() {
    let world = World::unheard(&json!({}));
    let backend = Backend::for_one(Events, [Reply::Hangs, Reply::Status(200)]);
    let running = running(&world, &backend);
    world.track("alice").expect("room");
    sleep(Duration::from_secs(11)).await;
    running.abort();
    assert!(running.await.expect_err("aborted").is_cancelled());
    assert!(drained(&world, &backend, 10).await);
    assert_eq!(arrived(&backend), ["alice"]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_panics_goes_on_with_what_it_held() {
    let world = World::unheard(&json!({}));
    let backend = Backend::for_one(Events, [Reply::Panics, Reply::Status(200)]);
    let _running = running(&world, &backend);
    world.track("alice").expect("room");
    sleep(Duration::from_secs(30)).await;
    assert_eq!((arrived(&backend), world.lines.count(Level::Error)), (vec!["alice".to_owned()], 1));
    assert_eq!(times(&backend, Events), [100, 210]);
}
