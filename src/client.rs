//! The evaluation calls and `track`: validate, decide, record, answer.
//!
//! [`Client::treatment`] is the path that must stay short: one atomic for the state, one load of the published
//! definitions, the rules, and what the recorder wants to know. It takes no lock and, once warm, allocates nothing.

use std::fmt;
use std::sync::Arc;

use crate::callbacks::Impression;
use crate::clock;
use crate::input::{self, Attributes, Given, Key, Method};
use crate::lifecycle::{Lifecycle, Status};
use crate::logging::Logger;
use crate::recorder::{Draft, Recorder};
use crate::refusal::Refusal;
use crate::rules::{ConfigText, Decision, Definitions, Fallbacks, Interned, Outcome, Request};
use crate::storage::Store;
use crate::telemetry::Telemetry;

/// Whose treatment is asked for, and what comes with the question.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The matching key.
    pub key: Given<'a>,
    /// The key that decides the bucket; none: the matching key.
    pub bucketing_key: Option<Given<'a>>,
    /// What is known about the key.
    pub attributes: Attached<'a>,
    /// Properties of the impression.
    pub properties: Attached<'a>,
}

impl<'a> From<&'a str> for Who<'a> {
    fn from(key: &'a str) -> Self {
        Who {
            key: Given::Text(key),
            bucketing_key: None,
            attributes: Attached::Nothing,
            properties: Attached::Nothing,
        }
    }
}

/// Named values that come with a call.
#[derive(Clone, Copy, Debug)]
pub enum Attached<'a> {
    /// None were given.
    Nothing,
    /// These.
    Set(&'a Attributes),
    /// What was given is no set of named values.
    Unreadable,
}

impl<'a> Attached<'a> {
    fn set(self) -> Option<&'a Attributes> {
        match self {
            Attached::Set(set) => Some(set),
            Attached::Nothing | Attached::Unreadable => None,
        }
    }
}

/// An event of a key, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    /// The key.
    pub key: Given<'a>,
    /// The traffic type of the key, such as `user`.
    pub traffic_type: Given<'a>,
    /// What happened.
    pub event_type: Given<'a>,
    /// How much of it; finite.
    pub value: Option<f64>,
    /// More about it.
    pub properties: Attached<'a>,
}

/// Why a treatment is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// The flag was evaluated.
    Evaluated,
    /// The evaluation came before the first definitions.
    NotReady,
    /// No flag has this name.
    UnknownFlag,
    /// An argument is not valid; the log says which.
    Invalid,
    /// The factory is destroyed.
    Destroyed,
    /// The flag cannot be evaluated; the log says why.
    Failed,
}

/// The answer to one evaluation.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The flag's name; empty where the caller named it.
    pub flag: Box<str>,
    /// The treatment.
    pub treatment: Interned,
    /// The configuration attached to it.
    pub config: Option<Arc<ConfigText>>,
    /// The label of the rule that decided; none with labelsEnabled off.
    pub label: Option<Interned>,
    /// The change number of the flag's definition; -1 when there was none.
    pub change_number: i64,
    /// Whether and why there was nothing to evaluate.
    pub status: AnswerStatus,
}

/// An answer that still borrows from the definitions.
struct Verdict<'a> {
    treatment: Interned,
    config: Option<&'a Arc<ConfigText>>,
    label: Option<Interned>,
    change_number: i64,
    status: AnswerStatus,
}

impl Verdict<'_> {
    fn into_answer(self, flag: &str) -> Answer {
        Answer {
            flag: flag.into(),
            treatment: self.treatment,
            config: self.config.cloned(),
            label: self.label,
            change_number: self.change_number,
            status: self.status,
        }
    }
}

/// Evaluates flags and takes events, on any thread.
#[derive(Debug)]
pub struct Client {
    lifecycle: Arc<Lifecycle>,
    store: Arc<Store>,
    recorder: Arc<Recorder>,
    telemetry: Arc<Telemetry>,
    fallbacks: Fallbacks,
    labels: Labels,
    log: Logger,
    localhost: bool,
}

/// Labels of answers that no definition gave. None of them with labelsEnabled off.
#[derive(Debug)]
struct Labels {
    enabled: bool,
    not_ready: Option<Interned>,
    fallback_not_ready: Option<Interned>,
}

impl Client {
    pub(crate) fn new(
        lifecycle: Arc<Lifecycle>,
        store: Arc<Store>,
        recorder: Arc<Recorder>,
        telemetry: Arc<Telemetry>,
        fallbacks: Fallbacks,
        log: Logger,
        config: &Config,
    ) -> Self {
        let enabled = config.labels_enabled;
        let labels = Labels {
            enabled,
            not_ready: intern_label("not ready").filter(|_| enabled),
            fallback_not_ready: intern_label("fallback - not ready").filter(|_| enabled),
        };
        let localhost = config.mode == Mode::Localhost;
        Client { lifecycle, store, recorder, telemetry, fallbacks, labels, log, localhost }
    }

    /// Evaluates a flag for a key, and records the impression.
    pub fn treatment(&self, who: &Who<'_>, flag: Given<'_>) -> Interned {
        self.one(Method::Treatment, who, flag, |verdict| verdict.treatment)
    }

    /// Like [`Client::treatment`], and says more. `flag` of the answer is empty.
    pub fn treatment_with_config(&self, who: &Who<'_>, flag: Given<'_>) -> Answer {
        self.one(Method::TreatmentWithConfig, who, flag, |verdict| verdict.into_answer(""))
    }

    /// Evaluates several flags against one state of the definitions: one answer per distinct name, in the order asked.
    pub fn treatments(&self, method: Method, who: &Who<'_>, flags: &[Given<'_>]) -> Vec<Answer> {
        self.many(method, who, flags, &self.store.load())
    }

    /// Evaluates every flag that is in at least one of the flag sets, in the order of their names.
    pub fn treatments_by_sets(&self, method: Method, who: &Who<'_>, sets: &[Given<'_>]) -> Vec<Answer> {
        let sets = input::flag_sets(Some(sets), method, &self.log);
        let definitions = self.store.load();
        for set in sets.iter().filter(|set| !definitions.knows_set(set)) {
            self.log.warning(
                "client",
                format_args!("{method}: the flag set {set:?} is not known to this SDK; check its name and flagSetsFilter"),
            );
        }
        let flags = definitions.flags_of_sets(&sets);
        if flags.is_empty() {
            self.log.warning("client", format_args!("{method}: no feature flag is in these flag sets: nothing to evaluate"));
            return Vec::new();
        }
        let flags: Vec<Given<'_>> = flags.into_iter().map(Given::Text).collect();
        self.many(method, who, &flags, &definitions)
    }

    /// Records an event of a key.
    pub fn track(&self, event: &Track<'_>) -> Result<(), Refusal> {
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
        let is_known = |name: &str| !ready || self.localhost || self.store.load().has_traffic_type(name);
        let key = input::key(event.key, Method::Track, &self.log);
        let traffic_type = input::traffic_type(event.traffic_type, is_known, &self.log);
        let event_type = input::event_type(event.event_type, &self.log);
        let value = input::event_value(event.value.map_or(Given::Null, Given::Float), &self.log);
        let properties = match event.properties {
            Attached::Nothing => Ok(Properties::none()),
            Attached::Set(set) => input::properties(set, Method::Track, &self.log),
            Attached::Unreadable => {
                input::properties_from_json(Given::NotText, Method::Track, &self.log)
            }
        };
        let (Some(key), Some(traffic_type), Some(event_type), Ok(value), Ok(properties)) =
            (key, traffic_type, event_type, value, properties)
        else {
            return Err(Refusal::Invalid("the event is not valid; the log says what is wrong with it"));
        };
        self.recorder.event(NewEvent {
            key: key.into(),
            traffic_type: traffic_type.into(),
            event_type: event_type.into(),
            value,
            time: clock::now_ms(),
            size: properties.size,
            properties: properties.json,
        })
    }

    #[inline]
    fn one<R>(
        &self,
        method: Method,
        who: &Who<'_>,
        flag: Given<'_>,
        take: impl FnOnce(Verdict<'_>) -> R,
    ) -> R {
        if self.lifecycle.status() != Status::Ready {
            return self.one_unready(method, who, flag, take);
        }
        let Some(keys) = input::keys(who.key, who.bucketing_key, method, &self.log) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let Some(name) = input::flag_name(flag, method, &self.log) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let Ok(attributes) = self.attributes(who, method) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let call = CallContext::new(keys.key(), attributes, self.properties(who, method));
        let definitions = self.store.load();
        let verdict = self.evaluate(method, name, &call, &definitions);
        self.record(name, &call, &verdict);
        take(verdict)
    }

    #[cold]
    #[inline(never)]
    fn one_unready<R>(
        &self,
        method: Method,
        who: &Who<'_>,
        flag: Given<'_>,
        take: impl FnOnce(Verdict<'_>) -> R,
    ) -> R {
        if self.lifecycle.status() == Status::Destroyed {
            self.complain_destroyed(method);
            return take(self.refused(flag, AnswerStatus::Destroyed));
        }
        self.notice_not_ready(method);
        let keys = input::keys(who.key, who.bucketing_key, method, &self.log);
        let name = keys.as_ref().and_then(|_| input::flag_name(flag, method, &self.log));
        let (Some(keys), Some(name), Ok(attributes)) = (keys, name, self.attributes(who, method)) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let call = CallContext::new(keys.key(), attributes, self.properties(who, method));
        let verdict = self.not_ready(name);
        self.record(name, &call, &verdict);
        take(verdict)
    }

    fn many(&self, method: Method, who: &Who<'_>, flags: &[Given<'_>], definitions: &Definitions) -> Vec<Answer> {
        let status = self.lifecycle.status();
        let refuse = |status| {
            let names = input::usable_names(flags).into_iter();
            names.map(|name| self.refused(Given::Text(name), status).into_answer(name)).collect()
        };
        if status == Status::Destroyed {
            self.complain_destroyed(method);
            return refuse(AnswerStatus::Destroyed);
        }
        if status == Status::NotReady {
            self.notice_not_ready(method);
        }
        let Some(keys) = input::keys(who.key, who.bucketing_key, method, &self.log) else {
            return refuse(AnswerStatus::Invalid);
        };
        let Some(names) = input::flag_names(flags, method, &self.log) else {
            return Vec::new();
        };
        let Ok(attributes) = self.attributes(who, method) else {
            return refuse(AnswerStatus::Invalid);
        };
        let call = CallContext::new(keys.key(), attributes, self.properties(who, method));
        let verdicts: Vec<_> = names
            .into_iter()
            .map(|name| match status {
                Status::NotReady => (name, self.not_ready(name)),
                _ => (name, self.evaluate(method, name, &call, definitions)),
            })
            .collect();
        // As in the official SDKs all flags are evaluated before the first is recorded.
        for (name, verdict) in &verdicts {
            self.record(name, &call, verdict);
        }
        verdicts.into_iter().map(|(name, verdict)| verdict.into_answer(name)).collect()
    }

    #[inline]
    fn evaluate<'d>(
        &self,
        method: Method,
        name: &str,
        call: &CallContext<'_>,
        definitions: &'d Definitions,
    ) -> Verdict<'d>
    where
        Self: 'd,
    {
        todo!()
    }
}
