//! The status machine: when changes come by the stream, when they are polled for, and what is asked at each switch.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splitio_emulator::{Delivery, Emulator, End, Endpoint, Fault, Notification, Payload, Request};

use crate::sdk::*;

/// Polls every second, so that polling shows.
fn polling() -> Value {
    json!({"featuresRefreshRate": 1, "segmentsRefreshRate": 1})
}

fn control(backend: &Emulator, control: &str) {
    let control = Notification::Control { control: control.to_owned(), channel: None };
    backend.notify(control, Delivery::default());
}

fn publishers(backend: &Emulator, channel: &str, publishers: u64) {
    backend.notify(Notification::Occupancy { channel: Some(channel.to_owned()), publishers }, Delivery::default());
}

fn count(backend: &Emulator, endpoint: Endpoint) -> usize {
    backend.requests_to(endpoint).len()
}

/// Changes are polled for: nobody announces this one.
#[track_caller]
fn assert_polls(backend: &Emulator, sdk: &Sdk, number: i64) {
    let treatment = format!("polled{number}");
    backend.configure(|settings| settings.auto_push = false);
    backend.upsert_flag(serving("first", &treatment, number)).expect("a flag");
    sdk.wait_treatment("ann", "first", &treatment);
    backend.configure(|settings| settings.auto_push = true);
}

/// Changes come by the stream, without any request.
#[track_caller]
fn assert_streams(backend: &Emulator, sdk: &Sdk, number: i64) {
    let treatment = format!("streamed{number}");
    backend.configure(|settings| settings.payload = Payload::Gzip);
    backend.clear_requests();
    backend.upsert_flag(serving("first", &treatment, number)).expect("a flag");
    sdk.wait_treatment("ann", "first", &treatment);
    assert_eq!(fetches(backend), 0, "{:#?}", sdk.logs());
}

fn is_since(number: i64) -> impl Fn(&[Request]) -> bool {
    let query = format!("s=1.3&since={number}&rbSince=-1");
    move |requests| requests.iter().any(|request| request.query == query)
}

#[test]
fn streaming_begins_with_auth_stream_and_a_synchronization() {
    let backend = backend(|_| ());
    let sdk = Sdk::ready(&backend, &polling());
    sdk.wait_up(&backend);
    let order: Vec<_> = backend.requests().into_iter().map(|request| request.endpoint).collect();
    let place = |endpoint| order.iter().position(|of| *of == endpoint).expect("asked");
    assert!(place(Endpoint::Auth) < place(Endpoint::Stream), "{order:?}");
    let after = order[place(Endpoint::Stream)..].iter().filter(|of| **of == Endpoint::SplitChanges).count();
    assert_eq!(after, 1, "{order:?}");
    let auth = &backend.requests_to(Endpoint::Auth)[0];
    assert_eq!((auth.query.as_str(), auth.header("authorization").is_some()), ("s=1.3", true));
    let stream = &backend.requests_to(Endpoint::Stream)[0];
    assert_eq!((stream.header("authorization"), stream.header("accept")), (None, Some("text/event-stream")));
    assert!(stream.header("accept-encoding").is_none(), "{stream:?}");
    assert_streams(&backend, &sdk, 2);
}

#[test]
fn without_the_option_it_only_polls() {
    let backend = backend(|_| ());
    let mut options = polling();
    options["streamingEnabled"] = json!(false);
    let sdk = Sdk::ready(&backend, &options);
    assert_polls(&backend, &sdk, 2);
    assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (0, 0));
}

#[test]
fn c12_occupancy() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &polling());
    publishers(&backend, "control_pri", 0);
    assert_streams(&backend, &sdk, 2);
    publishers(&backend, "control_sec", 0);
    sdk.wait_log("streaming", "paused");
    assert_polls(&backend, &sdk, 3);
    assert_eq!(backend.streams().len(), 1, "the connection stays");
    backend.clear_requests();
    publishers(&backend, "control_sec", 1);
    sdk.wait_log("streaming", "changes come by the stream");
    let seen = backend.wait_until(Endpoint::SplitChanges, LIMIT, is_since(3));
    assert!(is_since(3)(&seen), "{seen:?}");
    assert_streams(&backend, &sdk, 4);
}

#[test]
fn c13_paused_and_resumed_in_both_spellings_and_disabled() {
    for resume in ["STREAMING_ENABLED", "STREAMING_RESUMED"] {
        let backend = backend(|_| ());
        let sdk = Sdk::streaming(&backend, &polling());
        control(&backend, "STREAMING_PAUSED");
        sdk.wait_log("streaming", "paused");
        assert_polls(&backend, &sdk, 2);
        control(&backend, resume);
        sdk.wait_log("streaming", "changes come by the stream");
        assert_streams(&backend, &sdk, 3);
        control(&backend, "STREAMING_DISABLED");
        eventually("the end of the stream", || backend.streams().is_empty());
        backend.clear_requests();
        assert_polls(&backend, &sdk, 4);
        assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (0, 0), "{resume}");
    }
}

#[test]
fn what_changes_while_paused_is_there_after_the_resumption() {
    let backend = backend(|_| ());
    // No poll comes in time but the first.
    let sdk = Sdk::streaming(&backend, &json!({}));
    control(&backend, "STREAMING_PAUSED");
    sdk.wait_log("streaming", "paused");
    eventually("the first poll", || count(&backend, Endpoint::SplitChanges) == 1);
    backend.configure(|settings| settings.auto_push = false);
    backend.upsert_flag(serving("first", "missed", 2)).expect("a flag");
    control(&backend, "STREAMING_RESUMED");
    sdk.wait_treatment("ann", "first", "missed");
}

#[test]
fn a_reset_connects_anew() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &polling());
    let before = backend.streams()[0].stream;
    control(&backend, "STREAMING_RESET");
    sdk.wait_log("streaming", "changes come by the stream");
    let streams = backend.streams();
    assert!(streams.len() == 1 && streams[0].stream != before, "{streams:?}");
    assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::SplitChanges)), (1, 1));
    assert_streams(&backend, &sdk, 2);
}

#[test]
fn c14_errors_of_ably() {
    for (code, is_final) in [(40_142, Some(false)), (40_012, Some(true)), (50_000, None)] {
        let backend = backend(|_| ());
        let sdk = Sdk::streaming(&backend, &polling());
        let error = Notification::Error { code, status: 401, message: "as ordered".to_owned() };
        backend.notify(error, Delivery::default());
        match is_final {
            None => assert_streams(&backend, &sdk, 2),
            Some(false) => {
                assert_polls(&backend, &sdk, 2);
                sdk.wait_log("streaming", "changes come by the stream");
                assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (1, 1), "{code}");
                assert_streams(&backend, &sdk, 3);
            }
            Some(true) => {
                eventually("the end of the stream", || backend.streams().is_empty());
                assert_polls(&backend, &sdk, 2);
                assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (0, 0), "{code}");
            }
        }
    }
}

#[test]
fn c15_a_stream_that_ends_is_replaced_by_polling_and_then_by_another() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &polling());
    let refuse = Fault { endpoint: Some(Endpoint::Stream), status: Some(503), times: Some(2), ..Fault::default() };
    backend.fault(refuse);
    backend.drop_streams(End::Close);
    eventually("a poll at once", || count(&backend, Endpoint::SplitChanges) >= 1);
    assert_polls(&backend, &sdk, 2);
    sdk.wait_log("streaming", "changes come by the stream");
    let times: Vec<_> = backend.requests_to(Endpoint::Stream).iter().map(|request| request.time_ms).collect();
    assert_eq!(times.len(), 3, "{times:?}");
    // 1, 2 and 4 s, each spread down to the half.
    assert!((900..4000).contains(&(times[1] - times[0])) && (1900..8000).contains(&(times[2] - times[1])), "{times:?}");
    assert_streams(&backend, &sdk, 3);
}

#[test]
fn c17_answers_of_the_authentication() {
    let auth = |fault: Fault| Fault { endpoint: Some(Endpoint::Auth), times: Some(1), ..fault };
    let rows = [
        (auth(Fault { status: Some(401), ..Fault::default() }), true),
        (auth(Fault { status: Some(500), ..Fault::default() }), false),
        (auth(Fault { malformed: true, ..Fault::default() }), false),
        (
            auth(Fault {
                body: Some(r#"{"pushEnabled":false,"token":""}"#.to_owned()),
                status: Some(200),
                ..Fault::default()
            }),
            true,
        ),
    ];
    for (fault, is_final) in rows {
        let backend = backend(|_| ());
        backend.fault(fault.clone());
        let sdk = Sdk::ready(&backend, &polling());
        assert_polls(&backend, &sdk, 2);
        if is_final {
            assert_polls(&backend, &sdk, 3);
            assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (1, 0), "{fault:?}");
        } else {
            sdk.wait_up(&backend);
            assert_streams(&backend, &sdk, 3);
        }
    }
}

#[test]
fn c18_a_token_is_replaced_before_it_ends() {
    let backend = backend(|settings| settings.token_life = 601);
    let sdk = Sdk::streaming(&backend, &json!({}));
    let begun = Instant::now();
    backend.configure(|settings| settings.token_life = 3600);
    sdk.wait_log("streaming", "changes come by the stream");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!((count(&backend, Endpoint::Auth), count(&backend, Endpoint::Stream)), (1, 1));
    assert_eq!(asked(&backend, Endpoint::SplitChanges), ["since=1&rbSince=-1"], "no polling, one synchronization");
    assert_streams(&backend, &sdk, 2);
}

#[test]
fn tokens_that_expire_are_replaced() {
    let backend = backend(|settings| settings.token_url_safe = true);
    let sdk = Sdk::streaming(&backend, &polling());
    backend.expire_tokens(true);
    sdk.wait_log("streaming", "changes come by the stream");
    assert_streams(&backend, &sdk, 2);
}

#[test]
fn c21_what_is_announced_before_the_workers_start_is_done() {
    let backend = backend(|settings| settings.payload = Payload::Plain);
    // The synchronization after the stream is established takes its time.
    let sdk = Sdk::ready(&backend, &json!({"streamingHonorConnDelay": false}));
    let slow = Fault { endpoint: Some(Endpoint::SplitChanges), delay_ms: 500, after: true, ..Fault::default() };
    backend.fault(slow);
    backend.drop_streams(End::End);
    eventually("another stream", || backend.streams().len() == 1);
    backend.upsert_flag(serving("f", "on", 2)).expect("a flag");
    sdk.wait_treatment("ann", "f", "on");
}

#[test]
fn telemetry_tells_the_story_of_the_stream() {
    let backend = backend(|settings| settings.payload = Payload::Zlib);
    let sdk = Sdk::streaming(&backend, &json!({}));
    assert_streams(&backend, &sdk, 2);
    control(&backend, "STREAMING_PAUSED");
    sdk.wait_log("streaming", "paused");
    sdk.destroy(LIMIT);
    let usage = backend.wait_for(Endpoint::TelemetryUsage, 1, LIMIT)[0].json();
    let events: Vec<_> = usage["sE"]
        .as_array()
        .expect("events")
        .iter()
        .map(|event| (event["e"].as_i64(), event["d"].as_i64()))
        .collect();
    assert_eq!(events[0].0, Some(50), "{events:?}");
    let rest: Vec<_> = events[1..].iter().map(|(kind, data)| (kind.expect("e"), data.expect("d"))).collect();
    let expected = [(0, 0), (10, 2), (20, 2), (70, 0), (30, 1), (70, 1), (30, 2), (40, 0)];
    let mut sorted = rest.clone();
    sorted.sort_unstable();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{rest:?}");
    assert_eq!((rest[0], rest[rest.len() - 1]), (expected[0], expected[7]), "{rest:?}");
    assert_eq!((&usage["tR"], &usage["aR"], &usage["ufs"]["sp"]), (&json!(1), &json!(0), &json!(1)), "{usage}");
}

#[test]
fn a_refused_key_counts_as_a_rejection() {
    let backend = backend(|_| ());
    backend.fault(Fault { endpoint: Some(Endpoint::Auth), status: Some(401), ..Fault::default() });
    let sdk = Sdk::ready(&backend, &json!({}));
    sdk.wait_log("streaming", "polling for good");
    sdk.destroy(LIMIT);
    let usage = backend.wait_for(Endpoint::TelemetryUsage, 1, LIMIT)[0].json();
    assert_eq!((&usage["aR"], &usage["hE"]["to"]), (&json!(1), &json!({"401": 1})), "{usage}");
}
