//! What fuzzers call of this module: see [`crate::fuzzing`].

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::super::payload::Payload;
use super::ably_error::AblyError;
use super::notification::{Notification, Update};
use super::sse::{Block, Event, Frame, Parser, TooLong};
use super::token::Authentication;
use crate::fuzzing::empty_world;
use crate::input::Attributes;
use crate::rules::{Change, intern_treatment};
use crate::wire::changes::{flag_from_json, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

/// The stream as it comes from the server, after a byte that tells how it is cut: whatever that is, it reads the same.
pub fn sse(data: &[u8]) {
    let [cut, stream @ ..] = data else { return };
    fn read<'a>(mut chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Block>, Result<(), TooLong>) {
        let mut parser = Parser::default();
        let mut blocks = Vec::new();
        let outcome = chunks.try_for_each(|chunk| parser.feed(chunk, &mut blocks));
        (blocks, outcome)
    }
    let whole = read([stream].into_iter());
    assert_eq!(read(stream.chunks(usize::from(cut % 16) + 1)), whole, "in chunks");
    let (first, second) = stream.split_at(usize::from(*cut).min(stream.len()));
    assert_eq!(read([first, second].into_iter()), whole, "in two");
    for block in whole.0 {
        match block {
            Block::Frame(Frame { event: Event::Message, data }) => message(&data),
            Block::Frame(Frame { event: Event::Error, data }) => drop(AblyError::of_frame(&data).reaction()),
            Block::Frame(_) | Block::KeepAlive => {}
        }
    }
    AblyError::of_body(stream).reaction();
}

/// A message; text that is none is one's content. A byte below 8 begins a payload instead, as it is before base64.
pub fn notification(data: &[u8]) {
    if let [compression @ 0..8, packed @ ..] = data {
        let payload =
            Payload { previous: 1, compression: i64::from(*compression), data: BASE64_STANDARD.encode(packed) };
        take(Notification::SplitUpdate(Update { change_number: 2, payload: Some(payload.clone()) }));
        take(Notification::RbSegmentUpdate(Update { change_number: 2, payload: Some(payload) }));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    message(text);
    for (name, channel) in [("", "b3Jn_ZW52_splits"), ("[meta]occupancy", "[?occupancy=metrics.publishers]control_pri")]
    {
        message(&json!({"name": name, "channel": channel, "timestamp": 1, "data": text}).to_string());
    }
}

fn message(data: &str) {
    if let Ok(notification) = Notification::read(data) {
        take(notification);
    }
}

/// Does what it announces.
fn take(notification: Notification) {
    assert!(!format!("{notification:?}").is_empty());
    let mut world = empty_world();
    match notification {
        Notification::SplitUpdate(Update { payload: Some(payload), .. }) => {
            let Some(json) = unpacked(&payload) else { return };
            world.change(|compiler| flag(&json, compiler));
        }
        Notification::RbSegmentUpdate(Update { payload: Some(payload), .. }) => {
            let Some(json) = unpacked(&payload) else { return };
            world.change(|compiler| Change {
                rule_based_segments: rule_based_segment_from_json(&json, compiler).into_iter().collect(),
                ..Change::default()
            });
        }
        Notification::SplitKill { change_number, flag: name, default_treatment } => {
            let definition = json!({"name": name, "status": "ACTIVE", "defaultTreatment": "off"}).to_string();
            world.change(|compiler| flag(&definition, compiler));
            if let Ok(treatment) = intern_treatment(default_treatment.as_deref().unwrap_or("off"))
                && let Some(killed) = world.definitions.with_kill(&name, treatment, change_number)
            {
                world.definitions = killed;
            }
        }
        _ => return,
    }
    world.exercise(&Attributes::new());
}

fn flag(json: &str, compiler: &mut Compiler<'_>) -> Change {
    Change { flags: flag_from_json(json, compiler).into_iter().collect(), ..Change::default() }
}

fn unpacked(payload: &Payload) -> Option<String> {
    String::from_utf8(payload.unpack().ok()?).ok()
}

/// The answer of the authentication, and the claims of a token in a sound one.
pub fn token(data: &[u8]) {
    authenticated(data);
    let token = format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(data));
    authenticated(json!({"pushEnabled": true, "token": token, "connDelay": 60}).to_string().as_bytes());
}

fn authenticated(body: &[u8]) {
    match Authentication::of_answer(200, body) {
        Authentication::Continue(grant) => {
            assert!(grant.refresh_after <= Duration::from_secs(365 * 24 * 60 * 60), "{:?}", grant.refresh_after);
            assert!(grant.connection_delay <= Duration::from_secs(300), "{:?}", grant.connection_delay);
            assert!(grant.call().query_string().contains("accessToken="));
        }
        Authentication::Retryable(error) | Authentication::NonRetryable(error) => {
            assert!(!error.to_string().is_empty())
        }
    }
}
