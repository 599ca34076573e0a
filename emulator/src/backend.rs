//! The state behind the services: everything that requests read and that tests and the control API change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::delivery::{Delivery, End};
use crate::endpoint::Endpoint;
use crate::environment::{Change, Delta, EditError, Environment, Question, Segment, SegmentDelta, UNKNOWN, archive};
use crate::faults::Faults;
use crate::files::{Document, FileError, Files, News};
use crate::notification::Notification;
use crate::record::{Record, Request};
use crate::settings::{Payload, Settings};
use crate::stream::Streams;
use crate::token::{EXPIRED, Tokens};

/// Numbers at which a CDN node got stuck.
#[derive(Debug, Clone)]
struct Frozen {
    flags: i64,
    rbs: i64,
    segments: HashMap<String, i64>,
    /// Requests it still answers so; no end when absent.
    remaining: Option<u64>,
}

pub(crate) struct State {
    pub settings: Settings,
    pub environment: Environment,
    pub record: Record,
    pub faults: Faults,
    pub streams: Streams,
    pub tokens: Tokens,
    frozen: Option<Frozen>,
}

/// An edit that was made: what to announce.
#[derive(Debug)]
pub(crate) enum Edit {
    Flag(Change),
    Kill(Change),
    Rbs(Change),
    Segment { name: String, number: i64 },
}

impl Edit {
    pub(crate) fn number(&self) -> i64 {
        match self {
            Edit::Flag(change) | Edit::Kill(change) | Edit::Rbs(change) => change.number,
            Edit::Segment { number, .. } => *number,
        }
    }
}

pub(crate) struct Backend {
    state: Mutex<State>,
    /// Told whenever the record grows.
    news: Condvar,
    initial: Settings,
    files: Mutex<Files>,
    /// Where delayed notifications wait.
    runtime: Handle,
}

/// How an edit is announced, where that departs from the settings.
#[derive(Debug, Default)]
pub(crate) struct Announcement {
    pub push: Option<bool>,
    pub payload: Option<Payload>,
    pub delivery: Option<Delivery>,
}

impl Backend {
    pub(crate) fn new(settings: Settings, files: Files, runtime: Handle) -> Arc<Self> {
        let state = State {
            settings: settings.clone(),
            environment: Environment::new(),
            record: Record::default(),
            faults: Faults::default(),
            streams: Streams::default(),
            tokens: Tokens::default(),
            frozen: None,
        };
        let files = Mutex::new(files);
        Arc::new(Self { state: Mutex::new(state), news: Condvar::new(), initial: settings, files, runtime })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// As after the start: the settings given then, no data but what the files hold, no faults, no record.
    pub(crate) fn reset(self: &Arc<Self>) -> Vec<FileError> {
        let mut files = self.files.lock();
        files.forget();
        {
            let mut state = self.state();
            state.settings = self.initial.clone();
            state.environment = Environment::new();
            state.record.clear();
            state.faults.clear();
            state.frozen = None;
        }
        self.read(&mut files)
    }

    /// Takes over what changed in the files; returns what is wrong with them.
    pub(crate) fn look(self: &Arc<Self>) -> Vec<FileError> {
        self.read(&mut self.files.lock())
    }

    fn read(self: &Arc<Self>, files: &mut Files) -> Vec<FileError> {
        let (news, mut errors) = files.look();
        for news in news {
            let outcome = match news {
                News::Flags(document) => self.follow(document),
                News::Segment(segment) => {
                    let edit = self.set_segment(&segment.name, segment.keys, None, segment.till);
                    edit.map(|edit| edit.into_iter().collect())
                }
            };
            match outcome {
                Ok(edits) => edits.iter().for_each(|edit| self.announce(edit, Announcement::default())),
                Err(error) => errors.push(FileError::Content(error)),
            }
        }
        errors
    }

    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut Record) -> T) -> T {
        let result = write(&mut self.state().record);
        self.news.notify_all();
        result
    }

    /// Blocks until `wanted` holds of the answered requests or the time is over; returns what there is then.
    pub(crate) fn wait(
        &self,
        endpoint: Endpoint,
        timeout: Duration,
        wanted: impl Fn(&[Request]) -> bool,
    ) -> Vec<Request> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            let mut requests = state.record.requests(Some(endpoint));
            requests.retain(|request| request.status.is_some());
            if wanted(&requests) || self.news.wait_until(&mut state, deadline).timed_out() {
                return requests;
            }
        }
    }

    pub(crate) fn put_flag(&self, flag: Value, number: Option<i64>) -> Result<Edit, EditError> {
        self.edit(|environment| environment.flags.put(flag, number, now_ms()).map(Edit::Flag))
    }

    pub(crate) fn archive_flag(&self, name: &str, number: Option<i64>) -> Result<Edit, EditError> {
        self.edit(|environment| environment.flags.amend(name, number, now_ms(), archive).map(Edit::Flag))
    }

    /// `treatment` becomes the default treatment; without it that stays.
    pub(crate) fn kill_flag(
        &self,
        name: &str,
        treatment: Option<&str>,
        number: Option<i64>,
    ) -> Result<Edit, EditError> {
        let kill = |flag: &mut Value| {
            flag["killed"] = true.into();
            if let Some(treatment) = treatment {
                flag["defaultTreatment"] = treatment.into();
            }
        };
        self.edit(|environment| environment.flags.amend(name, number, now_ms(), kill).map(Edit::Kill))
    }

    pub(crate) fn put_rbs(&self, rbs: Value, number: Option<i64>) -> Result<Edit, EditError> {
        self.edit(|environment| environment.rbs.put(rbs, number, now_ms()).map(Edit::Rbs))
    }

    pub(crate) fn archive_rbs(&self, name: &str, number: Option<i64>) -> Result<Edit, EditError> {
        self.edit(|environment| environment.rbs.amend(name, number, now_ms(), archive).map(Edit::Rbs))
    }

    /// Makes `keys` the members of a segment, creating it if need be. `None`: they were already.
    pub(crate) fn set_segment(
        &self,
        name: &str,
        keys: Vec<String>,
        number: Option<i64>,
        own: Option<i64>,
    ) -> Result<Option<Edit>, EditError> {
        self.edit(|environment| {
            let segment = environment.segments.entry(name.to_owned()).or_insert_with(Segment::new);
            let number = segment.set(keys, number, own, now_ms())?;
            Ok(number.map(|number| Edit::Segment { name: name.to_owned(), number }))
        })
    }

    pub(crate) fn update_segment(
        &self,
        name: &str,
        added: Vec<String>,
        removed: Vec<String>,
        number: Option<i64>,
    ) -> Result<Edit, EditError> {
        self.edit(|environment| {
            let unknown = || EditError::Unknown { what: "segment", name: name.to_owned() };
            let segment = environment.segments.get_mut(name).ok_or_else(unknown)?;
            let number = segment.update(added, removed, number, None, now_ms())?;
            Ok(Edit::Segment { name: name.to_owned(), number })
        })
    }

    /// Forgets a segment; it answers 404 then. Nothing announces that, as with the real backend.
    pub(crate) fn remove_segment(&self, name: &str) -> Result<(), EditError> {
        let unknown = || EditError::Unknown { what: "segment", name: name.to_owned() };
        self.state().environment.segments.remove(name).map(|_| ()).ok_or_else(unknown)
    }

    /// Makes the content of a flags file the state.
    fn follow(&self, document: Document) -> Result<Vec<Edit>, EditError> {
        self.edit(|environment| {
            let (flags, rbs) = environment.follow(document, now_ms())?;
            Ok(rbs.into_iter().map(Edit::Rbs).chain(flags.into_iter().map(Edit::Flag)).collect())
        })
    }

    fn edit<T>(&self, edit: impl FnOnce(&mut Environment) -> Result<T, EditError>) -> Result<T, EditError> {
        let mut state = self.state();
        // Filling an empty environment is no change that a CDN could have missed.
        if state.settings.stale > 0 && state.environment.flags.number() != UNKNOWN {
            let remaining = Some(state.settings.stale);
            match &mut state.frozen {
                Some(frozen) => frozen.remaining = remaining,
                None => state.freeze(remaining),
            }
        }
        edit(&mut state.environment)
    }

    /// Tells the streams of an edit, if that is wanted.
    pub(crate) fn announce(self: &Arc<Self>, edit: &Edit, announcement: Announcement) {
        let (push, notification, delivery) = {
            let settings = &self.state().settings;
            let payload = announcement.payload.unwrap_or(settings.payload);
            let delivery = announcement.delivery.unwrap_or_else(|| settings.delivery.clone());
            (announcement.push.unwrap_or(settings.auto_push), Notification::of(edit, payload), delivery)
        };
        if push {
            self.notify(notification, delivery);
        }
    }

    pub(crate) fn notify(self: &Arc<Self>, notification: Notification, delivery: Delivery) {
        if delivery.delay_ms == 0 {
            return self.publish(notification, delivery);
        }
        let backend = self.clone();
        self.runtime.spawn(async move {
            tokio::time::sleep(Duration::from_millis(delivery.delay_ms)).await;
            backend.publish(notification, delivery);
        });
    }

    fn publish(&self, notification: Notification, delivery: Delivery) {
        let mut state = self.state();
        let reorder = state.settings.reorder;
        state.streams.publish(notification, delivery, reorder);
    }

    /// From now on tokens issued so far open no stream; `live` streams end with Ably's error for it as well.
    pub(crate) fn expire_tokens(self: &Arc<Self>, live: bool) {
        self.state().tokens.expire();
        if live {
            let error = Notification::Error { code: EXPIRED, status: 401, message: "token expired".to_owned() };
            self.notify(error, Delivery { then: Some(End::End), ..Delivery::default() });
        }
    }

    /// From now on requests without `till` see the present state; for `requests` requests, or until `thaw`.
    pub(crate) fn freeze(&self, requests: Option<u64>) {
        self.state().freeze(requests);
    }

    pub(crate) fn thaw(&self) {
        self.state().frozen = None;
    }

    /// A summary for people and scripts.
    pub(crate) fn summary(&self) -> Value {
        let state = self.state();
        let environment = &state.environment;
        let segments: HashMap<&String, Value> = environment
            .segments
            .iter()
            .map(|(name, segment)| (name, json!({"till": segment.number(), "keys": segment.keys().len()})))
            .collect();
        json!({
            "flags": {"t": environment.flags.number(), "d": environment.flags.current().collect::<Vec<_>>()},
            "rbs": {"t": environment.rbs.number(), "d": environment.rbs.current().collect::<Vec<_>>()},
            "segments": segments,
            "stale": state.frozen.as_ref().map(|frozen| json!({"flags": frozen.flags, "remaining": frozen.remaining})),
        })
    }
}

impl State {
    fn freeze(&mut self, remaining: Option<u64>) {
        let environment = &self.environment;
        self.frozen = Some(Frozen {
            flags: environment.flags.number(),
            rbs: environment.rbs.number(),
            segments: environment.segments.iter().map(|(name, segment)| (name.clone(), segment.number())).collect(),
            remaining,
        });
    }

    /// The stuck CDN node, if it answers this request: it holds old answers for old URLs; a `since` beyond its time was never
    /// asked before, so that goes through to the backend.
    fn stuck(&mut self, covers: impl Fn(&Frozen) -> bool) -> Option<Frozen> {
        let frozen = self.frozen.as_mut().filter(|frozen| covers(frozen))?;
        let found = frozen.clone();
        if let Some(remaining) = &mut frozen.remaining {
            *remaining = remaining.saturating_sub(1);
            if *remaining == 0 {
                self.frozen = None;
            }
        }
        Some(found)
    }

    pub(crate) fn changes(&mut self, since: i64, rbs_since: i64, sets: &[String], bypass: bool) -> (Delta, Delta) {
        let covers = |frozen: &Frozen| since <= frozen.flags && rbs_since <= frozen.rbs;
        let frozen = if bypass { None } else { self.stuck(covers) };
        let page = self.settings.page_size;
        let at = frozen.as_ref().map(|frozen| frozen.flags);
        let flags = self.environment.flags.delta(&Question { since, at, sets, page });
        let at = frozen.as_ref().map(|frozen| frozen.rbs);
        let rbs = self.environment.rbs.delta(&Question { since: rbs_since, at, sets: &[], page });
        (flags, rbs)
    }

    pub(crate) fn segment(&mut self, name: &str, since: i64, bypass: bool) -> Option<SegmentDelta> {
        let covers = |frozen: &Frozen| frozen.segments.get(name).is_some_and(|number| since <= *number);
        let frozen = if bypass { None } else { self.stuck(covers) };
        let at = frozen.and_then(|frozen| frozen.segments.get(name).copied());
        Some(self.environment.segments.get(name)?.delta(since, at))
    }
}

pub(crate) fn now_ms() -> i64 {
    // Before 1970 only on a machine whose clock is broken; 0 then, and numbers still grow.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
