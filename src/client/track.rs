//! Events: validated as evaluations are, and queued. Unlike those, a call says when it was refused, as what it brings
//! is lost.

use std::time::Instant;

use super::{Attached, Client, Track};
use crate::clock;
use crate::config::Mode;
use crate::input::{self, Given, Method, Properties};
use crate::lifecycle::Status;
use crate::recorder::NewEvent;
use crate::refusal::Refusal;

impl Client {
    /// Records an event of a key.
    pub fn track(&self, event: &Track<'_>) -> Result<(), Refusal> {
        let begun = self.begin(Method::Track);
        match self.lifecycle.status() {
            Status::Destroyed => {
                self.complain_destroyed(Method::Track);
                return Err(Refusal::Destroyed);
            }
            Status::WaitingFork => return Err(Refusal::Forked),
            Status::NotReady => self.notice_not_ready(Method::Track),
            Status::Ready => {}
        }
        // All arguments are looked at before any refuses: the log then names every mistake at once.
        let ready = self.lifecycle.is_ready();
        // Asking for the traffic type and pushing the event take no longer than an evaluation.
        let redis = self.redis.as_ref().map(|redis| (redis, Instant::now()));
        let is_known = |name: &str| match redis {
            _ if !ready || self.mode == Mode::Localhost => true,
            Some((redis, began)) => redis.has_traffic_type(name, began),
            None => self.store.load().has_traffic_type(name),
        };
        let key = input::key(event.key, Method::Track, &self.log);
        let traffic_type = input::traffic_type(event.traffic_type, is_known, &self.log);
        let event_type = input::event_type(event.event_type, &self.log);
        let value = input::event_value(event.value.map_or(Given::Null, Given::Float), &self.log);
        let properties = match event.properties {
            Attached::Nothing => Ok(Properties::none()),
            Attached::Set(set) => input::properties(set, Method::Track, &self.log),
            Attached::Unreadable(given) => input::properties_from_json(given, Method::Track, &self.log),
        };
        let (Some(key), Some(traffic_type), Some(event_type), Ok(value), Ok(properties)) =
            (key, traffic_type, event_type, value, properties)
        else {
            return Err(Refusal::Invalid("the event is not valid; the log says what is wrong with it"));
        };
        // Before it is recorded: with Redis both are pushed in one.
        self.end(Method::Track, begun, false);
        self.recorder.event(NewEvent {
            key: key.into(),
            traffic_type: traffic_type.into(),
            event_type: event_type.into(),
            value,
            time: clock::now_ms(),
            size: properties.size,
            properties: properties.json,
            until: redis.map(|(redis, began)| redis.deadline(began)),
        })
    }
}
