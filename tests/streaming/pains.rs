//! Defects that other SDKs had with their streams, each with the number it has in the project's list.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splitio_emulator::{Delivery, Emulator, End, Endpoint, Fault, Notification, Payload};

use crate::sdk::*;

/// Upserts and waits for the answer.
#[track_caller]
fn change(backend: &Emulator, sdk: &Sdk, number: i64) {
    let treatment = format!("t{number}");
    backend.upsert_flag(serving("f", &treatment, number)).expect("a flag");
    sdk.wait_treatment("ann", "f", &treatment);
}

#[test]
fn b12_c19_an_update_in_pieces_is_applied_wherever_it_is_cut() {
    let backend = backend(|settings| settings.payload = Payload::Gzip);
    let sdk = Sdk::streaming(&backend, &json!({}));
    let mut number = 2;
    let mut deliver = |delivery: Delivery| {
        backend.configure(|settings| settings.delivery = delivery);
        change(&backend, &sdk, number);
        number += 1;
    };
    deliver(Delivery { bytewise: true, pause_ms: 1, ..Delivery::default() });
    // The frame is some 750 bytes long.
    for cut in 1..800 {
        deliver(Delivery { cuts: vec![cut], pause_ms: 1, ..Delivery::default() });
    }
    assert_eq!(fetches(&backend), 0);
}

#[test]
fn b13_however_the_peer_ends_polling_begins_at_once_and_a_reconnect_follows() {
    let rows = [
        ("orderly", End::End, false),
        ("FIN", End::Close, false),
        ("RST", End::Reset, false),
        ("half-close", End::Half, false),
        ("FIN within a frame", End::Close, true),
        ("RST within a frame", End::Reset, true),
    ];
    for (name, end, within_a_frame) in rows {
        let backend = backend(|_| ());
        let sdk = Sdk::streaming(&backend, &json!({}));
        backend.configure(|settings| settings.auto_push = false);
        backend.upsert_flag(serving("f", "missed", 2)).expect("a flag");
        let hold = backend.fault(Fault { endpoint: Some(Endpoint::Auth), status: Some(503), ..Fault::default() });
        if within_a_frame {
            let half = Delivery { truncate: Some(40), then: Some(end), ..Delivery::default() };
            backend.notify(Notification::Other { channel: None, data: json!({"type": "x"}) }, half);
        } else {
            assert_eq!(backend.drop_streams(end), 1, "{name}");
        }
        sdk.wait_treatment("ann", "f", "missed");
        assert!(backend.requests_to(Endpoint::Stream).is_empty(), "{name}: polled before there is another stream");
        backend.remove_fault(hold);
        sdk.wait_log("streaming", "changes come by the stream");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn b13_without_a_stream_it_is_idle_and_silent() {
    use crate::process::{io_threads_ticks, is_parent};
    const NAME: &str = "pains::b13_without_a_stream_it_is_idle_and_silent";
    let parent = is_parent(NAME, |out, err| {
        let of_harness = |line: &&str| line.is_empty() || line.starts_with("running ") || line.starts_with("test ");
        assert_eq!(out.lines().filter(|line| !of_harness(line)).count(), 0, "{out}");
        assert_eq!(err, "");
    });
    if parent {
        return;
    }
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.fault(Fault {
        endpoint: Some(Endpoint::Stream),
        drop: Some(splitio_emulator::Cut::Close),
        ..Fault::default()
    });
    let before = io_threads_ticks();
    backend.drop_streams(End::Close);
    eventually("three attempts", || backend.requests_to(Endpoint::Stream).len() == 3);
    let ticks = io_threads_ticks() - before;
    assert!(ticks < 30, "{ticks} hundredths of a second");
    drop(sdk);
}

#[test]
fn b14_a_fleet_that_lost_its_streams_together_does_not_come_back_together() {
    const FLEET: usize = 20;
    let backend = backend(|_| ());
    let fleet: Vec<Sdk> = (0..FLEET).map(|_| Sdk::start(&backend, &json!({}))).collect();
    let everybody = || eventually("everybody's stream", || backend.streams().len() == FLEET);
    // The pauses of each, in milliseconds, from the loss of all streams until there are as many again. Before everybody
    // has had so many pauses nobody gets a stream.
    let lose = |least: usize| -> Vec<Vec<u64>> {
        fleet.iter().for_each(Sdk::forget_logs);
        let refused = Fault { endpoint: Some(Endpoint::Stream), status: Some(503), ..Fault::default() };
        let fault = backend.fault(refused);
        let begun = Instant::now();
        backend.drop_streams(End::Reset);
        eventually("pauses", || fleet.iter().all(|sdk| pauses_of(&sdk.logs()).len() >= least));
        backend.remove_fault(fault);
        everybody();
        let took = begun.elapsed();
        let pauses: Vec<_> = fleet.iter().map(|sdk| pauses_of(&sdk.logs())).collect();
        for of_one in &pauses {
            assert!(of_one.len() >= least && of_one.is_sorted_by(|earlier, later| earlier < later), "{of_one:?}");
            assert!(Duration::from_millis(of_one.iter().sum()) <= took, "{of_one:?}, {took:?}");
        }
        pauses
    };
    everybody();
    let mut firsts = Vec::new();
    for round in 0..3 {
        let of_round: Vec<u64> = lose(1).iter().map(|of_one| of_one[0]).collect();
        assert!(most_together(&of_round) <= FLEET * 3 / 4, "round {round}: {of_round:?}");
        firsts.extend(of_round);
    }
    // Of these sixty a fifth is expected in each tenth of their half a second, and half of them in none by chance.
    assert!(most_together(&firsts) <= firsts.len() / 2, "{firsts:?}");
    // To find nobody there for a while.
    lose(3);
    drop(fleet);
}

/// The pauses before other connections, in milliseconds, as they are logged.
fn pauses_of(lines: &[String]) -> Vec<u64> {
    let pause = |line: &String| line.split_once("connects again in ")?.1.split_once(" ms")?.0.parse().ok();
    lines.iter().filter_map(pause).collect()
}

/// How many there are in that tenth of a second that has most of them.
fn most_together(times: &[u64]) -> usize {
    let after = |begin: &u64| times.iter().filter(|time| (*begin..begin + 100).contains(*time)).count();
    times.iter().map(after).max().unwrap_or_default()
}

fn long_flag(name: &str, number: i64, bytes: usize) -> Value {
    let mut flag = serving(name, "long", number);
    flag["configurations"] = json!({"long": "x".repeat(bytes)});
    flag
}

#[test]
fn b15_a_line_of_a_megabyte_is_applied() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.upsert_flag(long_flag("f", 2, 1 << 20)).expect("a flag");
    sdk.wait_treatment("ann", "f", "long");
    assert_eq!(fetches(&backend), 0);
}

#[test]
fn b15_a_line_above_the_limit_is_a_reconnect_and_a_fetch_once() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.upsert_flag(long_flag("f", 2, 9 << 20)).expect("a flag");
    sdk.wait_log("streaming", "changes come by the stream");
    assert_eq!(sdk.treatment("ann", "f"), "long");
    assert_eq!(backend.requests_to(Endpoint::Stream).len(), 1);
    // What comes after it is applied as ever.
    backend.clear_requests();
    change(&backend, &sdk, 3);
    assert_eq!((fetches(&backend), backend.requests_to(Endpoint::Stream).len()), (0, 0));
}

#[test]
fn a_stalled_stream_loses_nothing_when_it_goes_on() {
    let backend = backend(|settings| settings.payload = Payload::Zlib);
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.stall_streams(Some(Duration::from_millis(200)));
    for number in 2..20 {
        backend.upsert_flag(serving("f", &format!("t{number}"), number)).expect("a flag");
    }
    sdk.wait_treatment("ann", "f", "t19");
    assert_eq!(fetches(&backend), 0);
}
