//! What the io thread pushes, and when. The clock of most of these tests runs as fast as it can: nothing sleeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use super::lane::Pushed;
use super::test_server::{Fault, TestServer};
use super::tests::{UNTIMED, complaints, keys_in, logging_to, world, writer};
use super::{Introduction, RedisWork, Writer};
use crate::descriptors::Descriptors;
use crate::logging::{Level, Logger};
use crate::recorder::schedule::End;
use crate::recorder::test_world::{Seen, TEN, World};
use crate::telemetry::Operation;

const EVENTS: &str = "SPLITIO.events";
const IMPRESSIONS: &str = "SPLITIO.impressions";
const UNIQUE_KEYS: &str = "SPLITIO.uniquekeys";
const COUNTS: &str = "SPLITIO.impressions.count";
const LATENCIES: &str = "SPLITIO.telemetry.latencies";
const EXCEPTIONS: &str = "SPLITIO.telemetry.exceptions";

/// The schedule, until the test is over.
fn pushing(writer: &Arc<Writer>) -> Arc<End> {
    let end = Arc::new(End::default());
    let (writer, until) = (Arc::clone(writer), Arc::clone(&end));
    tokio::spawn(async move { writer.keep_pushing(&until).await });
    end
}

async fn drained(writer: &Writer, seconds: u64) -> bool {
    writer.drain((Instant::now() + Duration::from_secs(seconds)).into_std()).await
}

/// Keys in `redis` now, sorted.
fn keys(server: &TestServer) -> Vec<String> {
    let inside = server.inside();
    let mut keys: Vec<String> = inside.lists.keys().chain(inside.hashes.keys()).cloned().collect();
    keys.sort();
    keys
}

#[tokio::test(start_paused = true)]
async fn everything_has_its_period() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let _end = pushing(&writer(&world));
    world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
    world.telemetry.latency(Operation::Treatment, Duration::ZERO);
    world.telemetry.exception(Operation::TreatmentsWithConfigByFlagSets);
    let begun = Instant::now();
    for (second, expected) in [
        (59, &[][..]),
        (61, &[EXCEPTIONS, LATENCIES]),
        (899, &[EXCEPTIONS, LATENCIES]),
        (901, &[EXCEPTIONS, LATENCIES, UNIQUE_KEYS]),
        (1799, &[EXCEPTIONS, LATENCIES, UNIQUE_KEYS]),
        (1801, &[COUNTS, EXCEPTIONS, LATENCIES, UNIQUE_KEYS]),
    ] {
        tokio::time::sleep_until(begun + Duration::from_secs(second)).await;
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(keys(&server), expected, "after {second} s");
    }
    let field = "rust-1.0.0/a-b/10.0.0.7/treatmentsWithConfigByFlagSets".to_owned();
    assert_eq!(server.hash(EXCEPTIONS), [(field, "1".to_owned())].into());
    assert_eq!(server.hash(COUNTS), [(format!("quiet::{TEN}"), "1".to_owned())].into());
    // What was seen a day ago is new.
    world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
    sleep(Duration::from_secs(86_400)).await;
    world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
    sleep(Duration::from_secs(901)).await;
    assert_eq!(server.list(UNIQUE_KEYS).len(), 2);
}

/// B20: delays of exponential growth overflowed after hours of failures.
#[tokio::test(start_paused = true)]
async fn ten_thousand_failures_in_a_row_are_retried_every_two_seconds() {
    // What is refused is said again every hour.
    for (fault, said) in [(Fault::Gone, 1), (Fault::Refuses("RPUSH"), 1 + 20_000 / 3600)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let _end = pushing(&writer(&world));
        server.fail_always(fault);
        world.track("alice").expect("room");
        sleep(Duration::from_secs(1)).await;
        let first = server.take_asked().len();
        assert!((4..8).contains(&first), "{first} in the first second of {fault:?}");
        sleep(Duration::from_secs(20_000)).await;
        let attempts = server.take_asked().len();
        assert!((10_000..12_000).contains(&attempts), "{attempts} in 20,000 s of {fault:?}");
        assert_eq!(complaints(&world), said, "{fault:?}: {:?}", world.lines.lines());
        server.fail_always(Fault::Nothing);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(keys_in(&server, EVENTS), ["alice"], "{fault:?}");
        assert_eq!(world.lines.count(Level::Info), 1, "{fault:?}: {:?}", world.lines.lines());
        // The next outage is not met with the pauses of this one.
        server.fail_next([Fault::Gone, Fault::Gone, Fault::Gone]);
        world.track("bob").expect("room");
        sleep(Duration::from_millis(200)).await;
        assert_eq!(keys_in(&server, EVENTS), ["alice", "bob"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_flushed_is_merged_back() {
    for fault in [Fault::Gone, Fault::Refuses("HINCRBY"), Fault::Refuses("RPUSH")] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let writer = writer(&world);
        let see = |keys: &[&str]| {
            for key in keys {
                world.see_in_redis(&[Seen::new("quiet", key, 0)], UNTIMED);
            }
        };
        see(&["alice", "bob"]);
        world.telemetry.exception(Operation::Track);
        server.fail_always(fault);
        assert!(!drained(&writer, 1).await, "{fault:?}");
        see(&["bob", "carol"]);
        server.fail_always(Fault::Nothing);
        assert_eq!((writer.push_counts(), writer.push_unique_keys()), (Pushed::All, Pushed::All));
        writer.push_telemetry();
        let mut keys: Vec<Json> = server.list(UNIQUE_KEYS);
        let mut keys: Vec<Json> =
            keys.iter_mut().flat_map(|element| element["ks"].as_array_mut().expect("keys").drain(..)).collect();
        keys.sort_by_key(Json::to_string);
        assert_eq!(keys, ["alice", "bob", "carol"], "{fault:?}");
        assert_eq!(server.hash(COUNTS), [(format!("quiet::{TEN}"), "4".to_owned())].into(), "{fault:?}");
        assert_eq!(server.hash(EXCEPTIONS).values().next().map(String::as_str), Some("1"), "{fault:?}");
    }
}

#[test]
fn only_counts_that_were_refused_are_merged_back() {
    let server = TestServer::new();
    let world = world(&json!({"impressionsMode": "NONE"}), &server);
    let writer = writer(&world);
    let see = |flag| world.see_in_redis(&[Seen::new(flag, "alice", 0)], UNTIMED);
    for flag in ["a", "b::c", "c", "c"] {
        see(flag);
    }
    // As if somebody had put text there.
    server.inside().hashes.entry(COUNTS.to_owned()).or_default().insert(format!("c::{TEN}"), "text".to_owned());
    assert_eq!(writer.push_counts(), Pushed::Refused);
    assert_eq!(world.lines.count(Level::Error), 1, "{:?}", world.lines.lines());
    server.inside().hashes.get_mut(COUNTS).expect("counts").remove(&format!("c::{TEN}"));
    see("c");
    assert_eq!(writer.push_counts(), Pushed::All);
    let counts = [("a", "1"), ("c", "3")].map(|(flag, count)| (format!("{flag}::{TEN}"), count.to_owned()));
    assert_eq!(server.hash(COUNTS), counts.into());
    assert_eq!((writer.push_counts(), server.inside().expiries.len()), (Pushed::All, 0));
    assert_eq!(world.lines.count(Level::Info), 1, "{:?}", world.lines.lines());
}

#[tokio::test(start_paused = true)]
async fn many_unique_keys_are_pushed_at_once_in_pushes_of_five_thousand() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let _end = pushing(&writer(&world));
    for number in 0..31_000 {
        world.see_in_redis(&[Seen::new("quiet", &number.to_string(), 0)], UNTIMED);
    }
    sleep(Duration::from_secs(1)).await;
    let pushes: Vec<usize> = {
        let inside = server.inside();
        let pushes = inside.asked.iter().filter(|commands| commands[0][0] == "RPUSH");
        let keys = |element: &String| {
            serde_json::from_str::<Json>(element).expect("JSON")["ks"].as_array().expect("keys").len()
        };
        pushes.map(|commands| commands[0][2..].iter().map(keys).sum()).collect()
    };
    assert!(pushes.iter().all(|&keys| keys <= 5000), "{pushes:?}");
    assert!(pushes.iter().sum::<usize>() > 30_000, "{pushes:?}");
}

#[tokio::test(start_paused = true)]
async fn the_end_pushes_what_waits_until_its_deadline() {
    for (failures, arrive) in [(0, true), (3, true), (1000, false)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let writer = writer(&world);
        server.fail_next(vec![Fault::Gone; failures]);
        world.track("alice").expect("room");
        world.see_in_redis(&[Seen::new("checkout", "alice", 0)], UNTIMED);
        let begun = Instant::now();
        assert_eq!(drained(&writer, 10).await, arrive, "{failures}");
        assert!(begun.elapsed() <= Duration::from_secs(10), "{failures}: {:?}", begun.elapsed());
        assert_eq!(
            (keys_in(&server, EVENTS).len(), keys_in(&server, IMPRESSIONS).len()),
            (usize::from(arrive), usize::from(arrive))
        );
        let lost = world.lines.lines().iter().any(|(_, line)| line.starts_with("1 impressions and 1 events"));
        assert_eq!(lost, !arrive, "{failures}: {:?}", world.lines.lines());
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_a_flush_waits_for_redis_and_not_for_a_refusal_to_end() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let writer = writer(&world);
    server.fail_next(vec![Fault::Gone; 50]);
    world.track("alice").expect("room");
    assert!(writer.push_all(None).await);
    server.fail_always(Fault::Refuses("RPUSH"));
    world.track("bob").expect("room");
    assert!(!writer.push_all(None).await);
    assert_eq!(keys_in(&server, EVENTS), ["alice"]);
}

#[tokio::test(start_paused = true)]
async fn an_io_thread_that_panics_goes_on_with_what_it_held() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let _end = pushing(&writer(&world));
    server.fail_next([Fault::Gone, Fault::Panics]);
    world.track("alice").expect("room");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(keys_in(&server, EVENTS), ["alice"]);
    assert_eq!(complaints(&world), 2, "{:?}", world.lines.lines());
}

#[test]
fn a_start_is_told_of_and_does_without_an_answer() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let writer = writer(&world);
    let introduction = writer.introduction(2, 1).expect("JSON");
    server.fail_next([Fault::Gone]);
    assert_eq!(writer.introduce(&introduction), Pushed::Lost);
    assert!(world.lines.lines().is_empty() && !writer.line.is_dead());
    assert_eq!(writer.introduce(&introduction), Pushed::All);
    let said = server.hash("SPLITIO.telemetry.init");
    let said: Json = serde_json::from_str(&said["rust-1.0.0/a-b/10.0.0.7"]).expect("JSON");
    assert_eq!(said, json!({"oM": 1, "st": "redis", "aF": 2, "rF": 1, "t": []}));
    assert!(server.inside().expiries.is_empty());
}

#[test]
fn a_start_that_nobody_waits_for_is_told_of_by_the_io_thread_and_again_until_it_is_answered() {
    let told = |server: &TestServer| !server.hash("SPLITIO.telemetry.init").is_empty();
    for (at_once, failures, told_at_once) in [(true, 0, true), (true, 2, false), (false, 0, false), (false, 2, false)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        server.fail_next(std::iter::repeat_n(Fault::Gone, failures));
        let barrier = server.barrier.lock().expect("no panic");
        if !told_at_once {
            server.fail_always(Fault::Holds);
        }
        let introduction = Introduction { active_factories: 1, redundant_factories: 0, at_once };
        // With an io thread that gets no answer.
        let work = world.recorder.start_redis(&Descriptors::default(), introduction).expect("a thread");
        assert_eq!(told(&server), told_at_once, "{at_once}, {failures} failures");
        drop(barrier);
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while !told(&server) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(told(&server), "{at_once}, {failures} failures");
        work.io.stop(Some(deadline));
        assert!(work.io.join(Some(deadline)), "{at_once}, {failures} failures");
        let asked = server.take_asked();
        assert_eq!(asked, vec![["HSET"]; failures + 1], "{at_once}, {failures} failures");
    }
}

#[test]
fn who_ends_at_once_is_told_of_all_the_same() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let introduction = Introduction { active_factories: 1, redundant_factories: 0, at_once: false };
    let work = world.recorder.start_redis(&Descriptors::default(), introduction).expect("a thread");
    let deadline = Some(std::time::Instant::now() + Duration::from_secs(60));
    work.io.stop(deadline);
    assert!(work.io.join(deadline));
    assert_eq!(server.take_asked(), [["HSET"]]);
}

#[test]
fn nobody_asks_in_the_background_for_longer_than_a_call_or_beyond_the_end() {
    for (end, longest) in [(None, 10), (Some(2), 2), (Some(60), 10)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let writer = writer(&world);
        let begun = std::time::Instant::now();
        writer.line.end_by(end.map(|seconds| begun + Duration::from_secs(seconds)));
        // Once it is asked and once quietly.
        world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
        assert_eq!(writer.push_counts(), Pushed::All);
        let counted = server.inside().until.take().expect("a limit") - begun;
        world.telemetry.exception(Operation::Track);
        writer.push_telemetry();
        let measured = server.inside().until.take().expect("a limit") - begun;
        for until in [counted, measured] {
            assert!((longest..longest + 5).contains(&until.as_secs()), "{end:?}: {until:?}");
        }
    }
}

#[test]
fn refusals_of_what_is_not_worth_an_error_are_there_for_who_looks() {
    let server = TestServer::new();
    let (log, lines) = Logger::recording(Level::Debug);
    let world = logging_to(World::new(&json!({})), &server, "", log);
    let writer = writer(&world);
    let said = |line: &str| lines.lines().iter().filter(|(level, said)| *level == Level::Debug && said == line).count();
    server.fail_always(Fault::Refuses("HSET"));
    assert_eq!(writer.introduce(&writer.introduction(1, 0).expect("JSON")), Pushed::Refused);
    assert_eq!(said("the start of the factory is not written: OOM no memory"), 1, "{:?}", lines.lines());
    server.fail_always(Fault::Refuses("HINCRBY"));
    world.telemetry.exception(Operation::Track);
    writer.push_telemetry();
    assert_eq!(said("failures are not written: OOM no memory"), 1, "{:?}", lines.lines());
    assert_eq!(lines.lines().len(), 2, "{:?}", lines.lines());
}

#[tokio::test(start_paused = true)]
async fn the_end_says_what_of_each_kind_is_lost() {
    for (keys, unique, lost) in [(&[][..], 0, 0), (&["alice"], 1, 1), (&["alice", "bob", "bob"], 2, 1)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        server.fail_always(Fault::Gone);
        for key in keys {
            world.see_in_redis(&[Seen::new("quiet", key, 0)], UNTIMED);
        }
        assert_eq!(drained(&writer(&world), 1).await, lost == 0, "{keys:?}");
        let line = format!(
            "counts of {} impressions and {unique} unique keys could not be pushed in time and are lost",
            keys.len()
        );
        let said = world.lines.lines().iter().filter(|(level, said)| *level == Level::Error && *said == line).count();
        assert_eq!(said, lost, "{keys:?}: {:?}", world.lines.lines());
    }
}

#[test]
fn what_is_lost_is_said_before_the_end_and_once() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    server.fail_next([Fault::Gone]);
    world.track("alice").expect("room");
    server.fail_always(Fault::Holds);
    let barrier = server.barrier.lock().expect("no panic");
    let work = RedisWork::start(&writer(&world), &Descriptors::default(), None).expect("a thread");
    while server.inside().waiting == 0 {
        std::thread::yield_now();
    }
    let deadline = Some(std::time::Instant::now());
    work.end_by(deadline);
    work.io.stop(deadline);
    assert!(!work.io.join(deadline));
    let lost = || world.lines.lines().iter().filter(|(_, line)| line.ends_with("and are lost")).count();
    work.give_up();
    assert_eq!(lost(), 1, "{:?}", world.lines.lines());
    drop(barrier);
    assert!(work.io.join(Some(std::time::Instant::now() + Duration::from_secs(60))));
    assert_eq!(lost(), 1, "{:?}", world.lines.lines());
}

/// What a factory sees of it, on its thread and with a clock that nobody turns.
#[test]
fn in_an_outage_under_eight_threads_every_accepted_record_arrives_and_in_order() {
    let server = TestServer::new();
    let world =
        world(&json!({"impressionsMode": "DEBUG", "eventsQueueSize": 3000, "impressionsQueueSize": 3000}), &server);
    let work = RedisWork::start(&writer(&world), &Descriptors::default(), None).expect("a thread");
    let over = AtomicBool::new(false);
    let results: Vec<(usize, Vec<String>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (world, over) = (&world, &over);
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    let mut number = 0;
                    while !over.load(Ordering::Relaxed) {
                        let key = format!("{thread}-{number}");
                        world.see_in_redis(&[Seen::new("checkout", &key, 0)], UNTIMED);
                        if world.track(&key).is_ok() {
                            accepted.push(key);
                        }
                        number += 1;
                    }
                    (number, accepted)
                })
            })
            .collect();
        for fault in [Fault::Gone, Fault::Silent, Fault::Refuses("RPUSH")] {
            let pushed = || server.inside().lists.get(EVENTS).map_or(0, Vec::len);
            let before = pushed();
            while pushed() < before + 1000 {
                std::thread::yield_now();
            }
            server.fail_always(fault);
            let attempts = server.inside().asked.len();
            while server.inside().asked.len() < attempts + 3 {
                std::thread::yield_now();
            }
            server.fail_always(Fault::Nothing);
        }
        over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(work.flush(None));
    let arrived = keys_in(&server, EVENTS);
    for (thread, (_, accepted)) in results.iter().enumerate() {
        let prefix = format!("{thread}-");
        let mut of_thread: Vec<&String> = arrived.iter().filter(|key| key.starts_with(&prefix)).collect();
        // What was pushed twice, because its answer was lost, was so at once. And one that was done without an answer may
        // have found the queue full, and be refused all the same.
        let mut expected: std::collections::HashSet<_> = accepted.iter().collect();
        of_thread.retain(|&key| expected.remove(key));
        assert!(of_thread.iter().copied().eq(accepted), "thread {thread}");
    }
    let distinct: std::collections::HashSet<_> = keys_in(&server, IMPRESSIONS).into_iter().collect();
    let dropped = usize::try_from(world.telemetry.impressions().dropped.sum()).expect("small");
    // One that was done without an answer may have found the queue full, and be counted as dropped besides.
    let made: usize = results.iter().map(|(made, _)| made).sum();
    assert!(distinct.len() <= made && distinct.len() + dropped >= made, "{} and {dropped} of {made}", distinct.len());
    world.track("last").expect("pushed");
    let deadline = Some(std::time::Instant::now() + Duration::from_secs(60));
    work.io.stop(deadline);
    assert!(work.io.join(deadline));
    assert_eq!(keys_in(&server, EVENTS).last().map(String::as_str), Some("last"));
}
