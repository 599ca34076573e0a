//! The evaluation calls and `track`: validate, decide, record, answer.
//!
//! [`Client::treatment`] is the path that must stay short: one atomic for the state, one load of the published
//! definitions, the rules, and what the recorder wants to know. It takes no lock and, once warm, allocates nothing.
//! Most calls are of one kind ([`Client::usual_treatment`]); all others take a longer way, which looks at everything.
//!
//! With Redis the definitions are read when they are asked for: [`redis`].

mod call;
mod explain;
mod notices;
mod question;
mod redis;
#[cfg(test)]
mod redis_tests;
#[cfg(test)]
mod redis_vectors;
mod track;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::config::{Config, Mode};
use crate::input::{self, Attributes, Given, Key, Method};
use crate::lifecycle::{Lifecycle, Status};
use crate::logging::Logger;
use crate::recorder::{CallContext, Draft, Recorder};
use crate::rules::{
    Choice, Decision, Definitions, Fallbacks, Interned, Label, Outcome, Request, Unwatched, Watcher, key_hash, labels,
};
use crate::storage::{RedisStore, Store};
use crate::telemetry::{Operation, Telemetry};

use call::Verdict;
pub use call::{Answer, AnswerStatus, Attached, Track, Who};
pub use explain::Explanation;
use question::Question;

/// Evaluates flags and takes events, on any thread.
#[derive(Debug)]
pub struct Client {
    lifecycle: Arc<Lifecycle>,
    store: Arc<Store>,
    /// In Redis mode, unless the factory waits for a fork. The other storage is empty then.
    redis: Option<Arc<RedisStore>>,
    recorder: Arc<Recorder>,
    telemetry: Arc<Telemetry>,
    fallbacks: Fallbacks,
    log: Logger,
    labels_enabled: bool,
    mode: Mode,
    /// That nothing is recorded was said.
    warned_of_fork: AtomicBool,
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
        let (labels_enabled, mode) = (config.labels_enabled, config.mode);
        let warned_of_fork = AtomicBool::new(false);
        Client {
            lifecycle,
            store,
            redis: None,
            recorder,
            telemetry,
            fallbacks,
            log,
            labels_enabled,
            mode,
            warned_of_fork,
        }
    }

    /// A client that reads from Redis.
    pub(crate) fn reading_from(self, redis: Arc<RedisStore>) -> Self {
        Client { redis: Some(redis), ..self }
    }

    /// Evaluates a flag for a key, and records the impression.
    pub fn treatment(&self, who: &Who<'_>, flag: Given<'_>) -> Interned {
        self.one(Method::Treatment, who, flag, |verdict| verdict.treatment)
    }

    /// What [`Client::treatment`] answers to a usual question, as nearly all are: the factory is ready, the texts are certainly
    /// usable as they are, and there are no properties. To all others nothing, and then nothing has happened.
    #[inline(always)] // into the functions that C calls: nothing of it then needs memory
    pub(crate) fn usual_treatment(
        &self,
        key: Key<'_>,
        flag: &str,
        attributes: Option<&Attributes>,
    ) -> Option<Interned> {
        self.usually(Method::Treatment, key, flag, attributes, |verdict| verdict.treatment)
    }

    /// Like [`Client::treatment`], and says more. `flag` of the answer is empty.
    #[inline]
    pub fn treatment_with_config(&self, who: &Who<'_>, flag: Given<'_>) -> Answer {
        self.one(Method::TreatmentWithConfig, who, flag, |verdict| verdict.into_answer(""))
    }

    /// Evaluates several flags against one state of the definitions: one answer per distinct name, in the order asked.
    pub fn treatments(&self, method: Method, who: &Who<'_>, flags: &[Given<'_>]) -> Vec<Answer> {
        match &self.redis {
            Some(redis) => self.many_from_redis(redis, method, who, flags, Instant::now()),
            None => self.many(method, who, flags, &self.store.load()),
        }
    }

    /// Evaluates every flag that is in at least one of the flag sets, in the order of their names.
    pub fn treatments_by_sets(&self, method: Method, who: &Who<'_>, sets: &[Given<'_>]) -> Vec<Answer> {
        if let Some(redis) = &self.redis {
            return self.sets_from_redis(redis, method, who, sets);
        }
        let sets = input::flag_sets(Some(sets), method, &self.log);
        let definitions = self.store.load();
        for set in sets.iter().filter(|set| !definitions.knows_set(set, self.store.filter())) {
            self.log.warning(
                "client",
                format_args!(
                    "{method}: the flag set {set:?} is not known to this SDK; check its name and flagSetsFilter"
                ),
            );
        }
        let flags = definitions.flags_of_sets(&sets);
        if flags.is_empty() {
            self.warn_of_empty_sets(method);
            return Vec::new();
        }
        let flags: Vec<Given<'_>> = flags.into_iter().map(Given::Text).collect();
        self.many(method, who, &flags, &definitions)
    }

    #[inline(always)]
    fn one<R>(&self, method: Method, who: &Who<'_>, flag: Given<'_>, take: impl Fn(Verdict<'_>) -> R + Copy) -> R {
        let attributes = match who.attributes {
            Attached::Nothing => Some(None),
            Attached::Set(set) => Some(Some(set)),
            Attached::Unreadable(_) => None,
        };
        match (usual_key(who), flag, attributes) {
            (Some(key), Given::Text(flag), Some(attributes)) => self.usually(method, key, flag, attributes, take),
            _ => None,
        }
        .unwrap_or_else(|| self.one_at_length(method, who, flag, Unwatched, take))
    }

    /// The answer to a usual question: see [`Client::usual_treatment`].
    #[inline(always)]
    fn usually<R>(
        &self,
        method: Method,
        key: Key<'_>,
        name: &str,
        attributes: Option<&Attributes>,
        take: impl Fn(Verdict<'_>) -> R + Copy,
    ) -> Option<R> {
        let is_plain = input::is_plain_key(key) && input::is_plain_flag_name(name);
        if !is_plain || !self.lifecycle.is_ready() || self.redis.is_some() {
            return None;
        }
        let begun = self.begin(method);
        let request = self.request(key, attributes);
        let kept = self
            .store
            .read_kept(|definitions| take(self.decide_and_record(method, name, &request, begun, definitions)));
        Some(match kept {
            Some(result) => result,
            None => self.usually_published(method, name, &request, begun, take),
        })
    }

    /// The answer to a usual question where the thread does not have the published state at hand.
    #[inline(never)]
    fn usually_published<R>(
        &self,
        method: Method,
        name: &str,
        request: &Request<'_>,
        begun: Option<Instant>,
        take: impl Fn(Verdict<'_>) -> R + Copy,
    ) -> R {
        self.store.read(|definitions| take(self.decide_and_record(method, name, request, begun, definitions)))
    }

    #[inline(always)]
    fn decide_and_record<'d>(
        &'d self,
        method: Method,
        name: &str,
        request: &Request<'d>,
        begun: Option<Instant>,
        definitions: &'d Definitions,
    ) -> Verdict<'d> {
        let verdict = self.evaluate(method, name, request, definitions, Unwatched);
        self.end(method, begun, verdict.status == AnswerStatus::Failed);
        if verdict.status != AnswerStatus::UnknownFlag && !self.recorder.is_idle() {
            let draft = Draft { name, flag: verdict.flag, treatment: verdict.treatment, label: verdict.label };
            self.recorder.lone_impression(request.key, request.key_hash, request.attributes, draft);
        }
        verdict
    }

    #[cold]
    #[inline(never)]
    fn one_at_length<R>(
        &self,
        method: Method,
        who: &Who<'_>,
        flag: Given<'_>,
        watch: impl Watcher,
        take: impl FnOnce(Verdict<'_>) -> R,
    ) -> R {
        if let Some(redis) = &self.redis {
            return self.one_from_redis(redis, method, who, flag, watch, take);
        }
        let begun = self.begin(method);
        match self.lifecycle.status() {
            Status::Destroyed => {
                self.complain_destroyed(method);
                return take(self.refused(flag, AnswerStatus::Destroyed));
            }
            Status::Ready => {}
            Status::NotReady | Status::WaitingFork => self.notice_unready(method),
        }
        let Some(Question { keys, names: name, attributes }) = self.question(method, who, flag) else {
            return take(self.refused(flag, AnswerStatus::Invalid));
        };
        let request = self.request(keys.key(), attributes);
        let call = CallContext::new(keys.key(), request.key_hash, attributes, self.properties(who, method));
        let definitions = self.store.load();
        let verdict = if self.has_nothing(&definitions) {
            self.not_ready(name)
        } else {
            self.evaluate(method, name, &request, &definitions, watch)
        };
        self.end(method, begun, verdict.status == AnswerStatus::Failed);
        if counts(method) {
            self.record(name, &call, &verdict);
        }
        take(verdict)
    }

    fn many(&self, method: Method, who: &Who<'_>, flags: &[Given<'_>], definitions: &Definitions) -> Vec<Answer> {
        let begun = self.begin(method);
        match self.lifecycle.status() {
            Status::Destroyed => {
                self.complain_destroyed(method);
                return self.refuse_all(flags, AnswerStatus::Destroyed);
            }
            Status::Ready => {}
            Status::NotReady | Status::WaitingFork => self.notice_unready(method),
        }
        let has_nothing = self.has_nothing(definitions);
        let Question { keys, names, attributes } = match self.questions(method, who, flags) {
            Ok(question) => question,
            Err(refusals) => return refusals,
        };
        let request = self.request(keys.key(), attributes);
        let call = CallContext::new(keys.key(), request.key_hash, attributes, self.properties(who, method));
        let verdicts: Vec<_> = names
            .into_iter()
            .map(|name| match has_nothing {
                true => (name, self.not_ready(name)),
                false => (name, self.evaluate(method, name, &request, definitions, Unwatched)),
            })
            .collect();
        self.end(method, begun, verdicts.iter().any(|(_, verdict)| verdict.status == AnswerStatus::Failed));
        // As in the official SDKs all flags are evaluated before the first is recorded.
        for (name, verdict) in &verdicts {
            self.record(name, &call, verdict);
        }
        verdicts.into_iter().map(|(name, verdict)| verdict.into_answer(name)).collect()
    }

    /// Made of the keys as they come out of validation: copying them from where they were just written costs 4 ns.
    #[inline(always)]
    fn request<'a>(&'a self, key: Key<'a>, attributes: Option<&'a Attributes>) -> Request<'a> {
        Request { key, key_hash: key_hash(key.matching), attributes, fallbacks: &self.fallbacks, log: &self.log }
    }

    #[inline(always)] // measured: 4 ns, for what it returns then needs no memory
    fn evaluate<'d>(
        &'d self,
        method: Method,
        name: &str,
        request: &Request<'d>,
        definitions: &'d Definitions,
        watch: impl Watcher,
    ) -> Verdict<'d> {
        self.verdict(method, name, definitions.evaluate(name, request, watch))
    }

    #[inline(always)]
    fn verdict<'d>(&self, method: Method, name: &str, decision: Decision<'d>) -> Verdict<'d> {
        let status = match decision.outcome {
            Outcome::Evaluated => AnswerStatus::Evaluated,
            Outcome::UnknownFlag => {
                input::unknown_flag(name, method, &self.log);
                AnswerStatus::UnknownFlag
            }
            Outcome::Exception => AnswerStatus::Failed,
        };
        Verdict {
            treatment: decision.treatment,
            config: decision.config,
            label: decision.label.filter(|_| self.labels_enabled),
            flag: decision.flag,
            is_fallback: decision.is_fallback,
            status,
        }
    }

    /// The answer before the first definitions.
    fn not_ready(&self, name: &str) -> Verdict<'_> {
        let status = if self.mode == Mode::Redis { AnswerStatus::Forked } else { AnswerStatus::NotReady };
        self.undecided(name, &labels::NOT_READY, status)
    }

    /// The answer where no flag decided.
    fn undecided(&self, name: &str, label: &Label, status: AnswerStatus) -> Verdict<'_> {
        let (fallback, label) = match self.fallbacks.resolve(Some(name)) {
            Some(fallback) => (Some(fallback), label.fallback),
            None => (None, label.text),
        };
        self.instead_of_control(fallback, label, status)
    }

    /// The answer to a call that is not valid, or comes too late.
    #[cold]
    fn refused(&self, flag: Given<'_>, status: AnswerStatus) -> Verdict<'_> {
        self.instead_of_control(self.fallbacks.resolve(input::usable_name(flag)), None, status)
    }

    fn instead_of_control<'a>(
        &self,
        fallback: Option<&'a Choice>,
        label: Option<Interned>,
        status: AnswerStatus,
    ) -> Verdict<'a> {
        Verdict {
            treatment: fallback.map_or(Interned::control(), |choice| choice.treatment),
            config: fallback.and_then(|choice| choice.config.as_ref()),
            label: label.filter(|_| self.labels_enabled),
            flag: None,
            is_fallback: fallback.is_some(),
            status,
        }
    }

    /// Tells the recorder, if it wants to know.
    #[inline]
    fn record(&self, name: &str, call: &CallContext<'_>, verdict: &Verdict<'_>) {
        use AnswerStatus::{Evaluated, Failed, NotReady};
        if self.recorder.is_idle() || !matches!(verdict.status, Evaluated | NotReady | Failed) {
            return;
        }
        self.recorder
            .impression(call, &Draft { name, flag: verdict.flag, treatment: verdict.treatment, label: verdict.label });
    }

    /// The beginning of a call, if it is one of those that are timed.
    #[inline]
    fn begin(&self, method: Method) -> Option<Instant> {
        self.telemetry.begin(operation(method)?)
    }

    /// A call that passed validation has its result.
    #[inline]
    fn end(&self, method: Method, begun: Option<Instant>, failed: bool) {
        let Some(operation) = operation(method) else { return };
        if failed {
            self.telemetry.exception(operation);
        } else {
            self.telemetry.end(operation, begun);
        }
    }

    /// Whether there is nothing to evaluate from. What is there before the factory is ready does not count, unless it
    /// waits for a fork: it has then what was fetched before.
    fn has_nothing(&self, definitions: &Definitions) -> bool {
        match self.lifecycle.status() {
            Status::NotReady => true,
            Status::WaitingFork => definitions.is_untouched(),
            Status::Ready | Status::Destroyed => false,
        }
    }
}

/// The keys of a question that has texts for keys, and no properties.
#[inline(always)]
fn usual_key<'a>(who: &Who<'a>) -> Option<Key<'a>> {
    match (who.key, who.bucketing_key, who.properties) {
        (Given::Text(matching), None, Attached::Nothing) => Some(Key { matching, bucketing: None }),
        (Given::Text(matching), Some(Given::Text(key)), Attached::Nothing) => {
            Some(Key { matching, bucketing: Some(key) })
        }
        _ => None,
    }
}

/// Whether calls are a program's, which leave impressions, times and counts behind. Accounts of decisions are people's.
fn counts(method: Method) -> bool {
    operation(method).is_some()
}

/// What telemetry calls a method; it does not time the manager's, nor accounts of decisions.
fn operation(method: Method) -> Option<Operation> {
    Some(match method {
        Method::Treatment => Operation::Treatment,
        Method::Treatments => Operation::Treatments,
        Method::TreatmentWithConfig => Operation::TreatmentWithConfig,
        Method::TreatmentsWithConfig => Operation::TreatmentsWithConfig,
        Method::TreatmentsByFlagSet => Operation::TreatmentsByFlagSet,
        Method::TreatmentsByFlagSets => Operation::TreatmentsByFlagSets,
        Method::TreatmentsWithConfigByFlagSet => Operation::TreatmentsWithConfigByFlagSet,
        Method::TreatmentsWithConfigByFlagSets => Operation::TreatmentsWithConfigByFlagSets,
        Method::Track => Operation::Track,
        Method::Split | Method::Splits | Method::SplitNames | Method::Explain => return None,
    })
}
