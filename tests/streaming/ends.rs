//! Destroying a factory is prompt whatever streaming is doing, and leaves nothing behind.

use std::time::Duration;

use serde_json::json;
use splitio::ffi::{SPLIT_E_TIMEOUT, SPLIT_OK};
use splitio_emulator::{Emulator, End, Endpoint, Fault, Payload};

use crate::sdk::*;

/// What an end takes that is not held up by anything.
const PROMPT: Duration = Duration::from_millis(1500);

fn hang(endpoint: Endpoint) -> Fault {
    Fault { endpoint: Some(endpoint), hang: true, ..Fault::default() }
}

/// Brings a factory into a state.
type Scene = fn(&Emulator) -> Sdk;

fn arrived(backend: &Emulator, endpoint: Endpoint) {
    eventually("a request", || !backend.requests_to(endpoint).is_empty());
}

#[test]
fn in_every_state() {
    let scenes: [(&str, Scene); 10] = [
        ("start-up without an answer", |backend| {
            backend.fault(hang(Endpoint::SplitChanges));
            let sdk = Sdk::start(backend, &json!({}));
            arrived(backend, Endpoint::SplitChanges);
            sdk
        }),
        ("authentication without an answer", |backend| {
            backend.fault(hang(Endpoint::Auth));
            let sdk = Sdk::ready(backend, &json!({}));
            arrived(backend, Endpoint::Auth);
            sdk
        }),
        ("connecting", |backend| {
            backend.fault(hang(Endpoint::Stream));
            let sdk = Sdk::ready(backend, &json!({}));
            arrived(backend, Endpoint::Stream);
            sdk
        }),
        ("waiting before another connection", |backend| {
            backend.fault(Fault { endpoint: Some(Endpoint::Stream), status: Some(503), ..Fault::default() });
            let sdk = Sdk::ready(backend, &json!({}));
            eventually("three attempts", || backend.requests_to(Endpoint::Stream).len() == 3);
            sdk
        }),
        ("waiting because the server wants it", |backend| {
            backend.configure(|settings| settings.conn_delay = 200);
            let sdk = Sdk::ready(backend, &json!({"streamingHonorConnDelay": true}));
            arrived(backend, Endpoint::Auth);
            sdk
        }),
        ("streaming", |backend| Sdk::streaming(backend, &json!({}))),
        ("a stream that has stalled", |backend| {
            let sdk = Sdk::streaming(backend, &json!({}));
            assert_eq!(backend.stall_streams(None), 1);
            sdk
        }),
        ("the synchronization after connecting", |backend| {
            let sdk = Sdk::ready(backend, &json!({}));
            sdk.wait_up(backend);
            backend.clear_requests();
            backend.fault(hang(Endpoint::SplitChanges));
            backend.drop_streams(End::Reset);
            arrived(backend, Endpoint::SplitChanges);
            sdk
        }),
        ("a fetch of what was announced", |backend| {
            let sdk = Sdk::streaming(backend, &json!({}));
            backend.fault(hang(Endpoint::SplitChanges));
            backend.upsert_flag(serving("f", "on", 2)).expect("a flag");
            arrived(backend, Endpoint::SplitChanges);
            sdk
        }),
        ("a fetch of a segment", |backend| {
            backend.configure(|settings| settings.payload = Payload::Plain);
            let sdk = Sdk::streaming(backend, &json!({}));
            backend.fault(hang(Endpoint::SegmentChanges));
            backend.upsert_flag(serving_members("f", "s", "IN_SEGMENT", 2)).expect("a flag");
            arrived(backend, Endpoint::SegmentChanges);
            sdk
        }),
    ];
    for (name, scene) in scenes {
        let backend = backend(|_| ());
        let sdk = scene(&backend);
        let (status, took) = sdk.destroy(Duration::from_secs(10));
        assert!(status == SPLIT_OK && took < PROMPT, "{name}: {status} after {took:?}");
        eventually("no stream any more", || backend.streams().is_empty());
    }
}

#[test]
fn the_deadline_holds_while_the_backend_hangs() {
    let backend = backend(|_| ());
    let sdk = Sdk::streaming(&backend, &json!({}));
    backend.fault(Fault { hang: true, ..Fault::default() });
    let (status, took) = sdk.destroy(Duration::from_millis(300));
    // The last report cannot arrive.
    assert!(matches!(status, SPLIT_OK | SPLIT_E_TIMEOUT) && took < PROMPT, "{status} after {took:?}");
}
