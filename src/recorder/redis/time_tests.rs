//! Who waits for Redis and for how long, what was perhaps done, and what comes too late.

use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::json;

use super::lane::Pushed;
use super::test_server::{Fault, TestServer};
use super::tests::{EVENTS, IMPRESSIONS, UNTIMED, keys_in, timed, world, writer};
use super::*;
use crate::logging::Level;
use crate::recorder::test_world::{Seen, TEN};

#[test]
fn who_has_spent_its_time_on_a_slow_redis_pushes_nothing_twice() {
    // Of twice 5 s; what is too little for a push is left to the io thread, with nobody called dead.
    for (spent, asked) in [(0, 2), (5400, 2), (5600, 0), (8500, 0), (10_000, 0), (11_000, 0)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        world.see_in_redis(&[Seen::new("checkout", "alice", 0)], timed(Operation::Treatment, spent));
        assert_eq!(server.take_asked().len(), asked, "{spent}");
        let writer = writer(&world);
        assert_eq!(writer.impressions.held(), usize::from(asked == 0), "{spent}");
        world.track("alice").expect("pushed");
        assert_eq!((keys_in(&server, EVENTS).len(), writer.line.is_dead()), (1, false), "{spent}");
        assert_eq!(writer.empty_lanes(), Pushed::All);
        assert_eq!((keys_in(&server, IMPRESSIONS).len(), writer.impressions.held()), (1, 0), "{spent}");
        assert!(world.lines.lines().is_empty(), "{spent}: {:?}", world.lines.lines());
    }
}

#[test]
fn a_list_that_was_created_without_an_answer_lives_for_an_hour_too() {
    for (fault, there_before, expires) in [
        (Fault::Silent, false, true),
        (Fault::Silent, true, false),
        (Fault::Gone, false, true),
        (Fault::Gone, true, false),
    ] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        if there_before {
            for list in [EVENTS, IMPRESSIONS, "SPLITIO.uniquekeys"] {
                server.inside().lists.insert(list.to_owned(), vec!["{}".to_owned()]);
            }
        }
        let writer = writer(&world);
        server.fail_next([fault]);
        world.track("alice").expect("room");
        assert_eq!(writer.empty_lanes(), Pushed::All);
        server.fail_next([fault]);
        world.see_in_redis(&[Seen::new("checkout", "alice", 0)], UNTIMED);
        assert_eq!(writer.empty_lanes(), Pushed::All);
        server.fail_next([fault]);
        world.see_in_redis(&[Seen::new("quiet", "alice", 0)], UNTIMED);
        assert_eq!((writer.push_unique_keys(), writer.push_unique_keys()), (Pushed::Lost, Pushed::All));
        for list in [EVENTS, IMPRESSIONS, "SPLITIO.uniquekeys"] {
            let expiry = server.inside().expiries.get(list).copied();
            assert_eq!(expiry, expires.then_some(3600), "{list}, {fault:?}, {there_before}");
        }
    }
}

#[test]
fn an_event_is_pushed_in_the_time_that_its_call_has_left() {
    // Of 5 s for a push.
    for (left, asked) in [(None, 2), (Some(10_000), 2), (Some(4600), 2), (Some(4400), 0), (Some(0), 0)] {
        let server = TestServer::new();
        let world = world(&json!({}), &server);
        let until = left.map(|left| Instant::now() + Duration::from_millis(left));
        world.track_until("alice", until).expect("pushed, or room");
        assert_eq!(server.take_asked().len(), asked, "{left:?}");
        assert_eq!(writer(&world).events.held(), usize::from(asked == 0), "{left:?}");
        assert_eq!(writer(&world).empty_lanes(), Pushed::All);
        assert_eq!(keys_in(&server, EVENTS), ["alice"], "{left:?}");
        assert!(world.lines.lines().is_empty(), "{left:?}: {:?}", world.lines.lines());
    }
}

#[test]
fn silence_in_a_hurry_does_not_make_redis_dead() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    let writer = writer(&world);
    let mut batch = Batch::default();
    batch.push("list", &[b"x".to_vec()]);
    for (seconds, fault, dead) in
        [(1, Fault::Silent, false), (1, Fault::Gone, true), (10, Fault::Nothing, false), (10, Fault::Silent, true)]
    {
        server.fail_next([fault]);
        let answers = writer.line.ask(&batch, Some(Instant::now() + Duration::from_secs(seconds)));
        assert_eq!(answers.is_some(), matches!(fault, Fault::Nothing), "{seconds} s of {fault:?}");
        assert_eq!(writer.line.is_dead(), dead, "{seconds} s of {fault:?}");
    }
}

fn event(key: &str) -> StoredEvent {
    StoredEvent {
        key: key.into(),
        traffic_type: "user".into(),
        event_type: "paid".into(),
        value: None,
        time: TEN,
        size: 1024,
        properties: None,
    }
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
        let emptying = scope.spawn(|| writer.empty_lanes());
        while server.inside().waiting == 0 {
            std::thread::yield_now();
        }
        assert_eq!(keys_in(&server, EVENTS), ["1"]);
        // Who has waited long enough leaves it to the queue.
        let far = Instant::now() + Duration::from_secs(600);
        for (key, moment, until) in [("4", Duration::from_secs(600), Instant::now()), ("5", Duration::ZERO, far)] {
            let kept = writer.events.admit(vec![event(key)], moment, until);
            assert!(matches!(kept, ControlFlow::Break(Ok(()))), "{key}");
        }
        let calling = scope.spawn(|| world.track("6"));
        while writer.events.waiting_calls() == 0 {
            std::thread::yield_now();
        }
        assert!(!calling.is_finished());
        drop(barrier);
        assert_eq!(emptying.join().expect("no panic"), Pushed::All);
        calling.join().expect("no panic").expect("pushed");
    });
    assert_eq!(keys_in(&server, EVENTS), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(world.telemetry.events().queued.sum(), 5, "the last was pushed by its call");
}

#[test]
fn who_finds_no_room_while_the_queue_is_emptied_waits_for_some() {
    let server = TestServer::new();
    let world = world(&json!({"eventsBulkSize": 1, "eventsQueueSize": 2}), &server);
    server.fail_next([Fault::Gone, Fault::Nothing, Fault::Holds]);
    for key in ["1", "2"] {
        world.track(key).expect("room");
    }
    let writer = writer(&world);
    let far = Instant::now() + Duration::from_secs(600);
    let barrier = server.barrier.lock().expect("no panic");
    std::thread::scope(|scope| {
        let emptying = scope.spawn(|| writer.empty_lanes());
        while server.inside().waiting == 0 {
            std::thread::yield_now();
        }
        let calling = scope.spawn(|| writer.events.admit(vec![event("3"), event("4")], Duration::ZERO, far));
        while writer.events.waiting_calls() == 0 {
            std::thread::yield_now();
        }
        drop(barrier);
        assert_eq!(emptying.join().expect("no panic"), Pushed::All);
        // It pushes by itself, or finds the last of the others just gone, and the queue with room.
        let admitted = calling.join().expect("no panic");
        assert!(!matches!(admitted, ControlFlow::Break(Err(_))), "{admitted:?}");
    });
    assert_eq!(world.telemetry.events().dropped.sum(), 0);
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
        assert_eq!(writer.empty_lanes(), Pushed::All);
        assert_eq!((server.take_asked().len(), writer.events.held()), (0, 0));
        assert!(world.lines.lines().is_empty(), "{:?}", world.lines.lines());
    }
}

#[test]
fn impressions_that_come_after_the_end_are_counted() {
    let server = TestServer::new();
    let world = world(&json!({}), &server);
    assert_eq!(writer(&world).impressions.close(), 0);
    world.see_in_redis(&["a", "b"].map(|flag| Seen::new(flag, "alice", 0)), UNTIMED);
    assert_eq!(world.telemetry.impressions().dropped.sum(), 2);
    let line = "2 impressions that were recorded while the factory was destroyed are lost";
    assert_eq!(world.lines.lines(), [(Level::Warning, line.to_owned())]);
    assert_eq!(server.take_asked().len(), 0);
}
