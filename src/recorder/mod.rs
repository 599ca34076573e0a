//! What evaluations leave behind: impressions, counts, unique keys, events; and all posting, that of telemetry too.
//!
//! An evaluation that says nothing new (OPTIMIZED mode, an answer seen before in this hour) costs a look into the
//! [`observer`] and an addition to the thread's own [`counts`]. Everything else is put into a bounded queue for the io
//! thread. Listeners hear of every impression in every mode.
//!
//! In localhost mode nothing is sent: impressions are made only if a listener or the impression queue wants them. In Redis
//! mode calls push what they leave behind themselves ([`redis`]).

mod bell;
mod counts;
mod observer;
mod outbox;
mod post;
mod records;
mod redis;
mod schedule;
mod sender;
mod senders;
mod sightings;
mod table;
mod tallies;
mod unique_keys;

#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod test_backend;
#[cfg(test)]
mod test_world;
#[cfg(test)]
mod vectors;

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::callbacks::{Impression, Outlets};
use crate::clock;
use crate::config::{Config, ImpressionsMode, Mode};
use crate::input::{Attributes, Key};
use crate::logging::Logger;
use crate::refusal::Refusal;
use crate::rules::{Flag, Interned, KeyHash, key_hash};
use crate::storage::Store;
use crate::telemetry::{Counter, Resource, Telemetry};
use crate::transport::{Endpoint, Meter};
use crate::wire::metrics::{Circumstances, ConfigBody, Holdings, UsageBody};

use counts::Counts;
use observer::Observer;
pub(crate) use post::Post;
use records::StoredEvent;
use redis::Writer;
pub(crate) use redis::{Introduction, RedisWork, Spent};
use senders::{Periods, Senders, Sizes};
use tallies::truncated_to_hour;
use unique_keys::UniqueKeys;

/// One evaluation, as the recorder needs to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) name: &'a str,
    /// The flag that decided; none before readiness and after failures.
    pub(crate) flag: Option<&'a Flag>,
    pub(crate) treatment: Interned,
    pub(crate) label: Option<Interned>,
}

impl Draft<'_> {
    fn change_number(&self) -> Option<i64> {
        self.flag.map(|flag| flag.change_number)
    }
}

/// What all evaluations of one call have in common. Texts for listeners are made once, and only if they are wanted.
pub(crate) struct CallContext<'a> {
    key: Key<'a>,
    /// Of the matching key.
    hash: KeyHash,
    attributes: Option<&'a Attributes>,
    attributes_json: OnceCell<Arc<str>>,
    properties: Option<Arc<str>>,
}

impl<'a> CallContext<'a> {
    pub(crate) fn new(
        key: Key<'a>,
        hash: KeyHash,
        attributes: Option<&'a Attributes>,
        properties: Option<Arc<str>>,
    ) -> Self {
        CallContext { key, hash, attributes, attributes_json: OnceCell::new(), properties }
    }

    fn attributes_json(&self) -> Option<Arc<str>> {
        let attributes = self.attributes?;
        Some(Arc::clone(self.attributes_json.get_or_init(|| attributes.to_json().into())))
    }
}

/// An event that passed validation.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) key: Box<str>,
    pub(crate) traffic_type: Box<str>,
    pub(crate) event_type: Box<str>,
    pub(crate) value: Option<f64>,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    /// What it weighs in the queue.
    pub(crate) size: usize,
    /// A JSON object.
    pub(crate) properties: Option<String>,
    /// In Redis mode: by when it is pushed, or waits; none: as long as one answer may take.
    pub(crate) until: Option<Instant>,
}

/// What becomes of the impressions of flags that allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    /// They are compared with earlier ones for listeners, and nothing is sent.
    Listeners,
    Send(ImpressionsMode),
}

/// What was found out about an impression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Judgement {
    previous_time: Option<i64>,
    /// Whether it is sent, and not only counted.
    sent: bool,
}

/// Takes impressions and events, on any thread, and sends them, on the io thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    outlets: Arc<Outlets>,
    /// Somebody in this process wants impressions.
    wanted: bool,
    /// Nobody wants impressions: evaluations skip all of it.
    idle: bool,
    strategy: Strategy,
    observer: Observer,
    counts: Arc<Counts>,
    unique_keys: Arc<UniqueKeys>,
    /// Impressions that were counted and sent too: the first of an hour.
    counted_and_sent: Counter,
    senders: Senders,
    /// In Redis mode; then nobody posts what the senders hold.
    redis: Option<Arc<Writer>>,
    periods: Periods,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    log: Logger,
}

impl Recorder {
    pub(crate) fn new(
        config: &Config,
        outlets: Arc<Outlets>,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
        log: Logger,
    ) -> Self {
        let wanted = outlets.wants_impressions();
        let strategy = match config.mode {
            Mode::Standalone => Strategy::Send(config.impressions_mode),
            Mode::Localhost | Mode::Redis | Mode::Pluggable => Strategy::Listeners,
        };
        let counts = Arc::new(Counts::new(log.clone()));
        let unique_keys = Arc::new(UniqueKeys::new(log.clone()));
        Recorder {
            outlets,
            wanted,
            idle: strategy == Strategy::Listeners && !wanted,
            strategy,
            observer: Observer::default(),
            senders: Senders::new(Sizes::of(config), &counts, &unique_keys, &telemetry, &log),
            counts,
            unique_keys,
            redis: None,
            counted_and_sent: Counter::default(),
            periods: Periods::of(config),
            store,
            telemetry,
            log,
        }
    }

    /// A recorder that nothing is to be told, and that sends nothing.
    pub(crate) fn deaf(
        config: &Config,
        outlets: Arc<Outlets>,
        store: Arc<Store>,
        telemetry: Arc<Telemetry>,
        log: Logger,
    ) -> Self {
        Recorder { wanted: false, idle: true, ..Recorder::new(config, outlets, store, telemetry, log) }
    }

    /// Whether evaluations need to tell the recorder anything.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.idle
    }

    /// Records one evaluation.
    #[inline]
    pub(crate) fn impression(&self, call: &CallContext<'_>, draft: &Draft<'_>) {
        self.impression_at(call, draft, clock::now_ms());
    }

    /// Records the evaluation of a call that makes no other and has no properties. `hash` is that of the matching key.
    #[inline(always)]
    pub(crate) fn lone_impression(
        &self,
        key: Key<'_>,
        hash: KeyHash,
        attributes: Option<&Attributes>,
        draft: Draft<'_>,
    ) {
        let now = clock::now_ms();
        let judgement = self.judge(key.matching, hash, true, draft, now);
        if judgement.sent || self.wanted {
            // What is passed on is made here, not handed through: so it needs no memory when it is not.
            let Draft { name, flag, treatment, label } = draft;
            let Key { matching, bucketing } = key;
            let call = CallContext::new(Key { matching, bucketing }, hash, attributes, None);
            self.pass_on(&call, &Draft { name, flag, treatment, label }, now, judgement);
        }
    }

    #[inline]
    fn impression_at(&self, call: &CallContext<'_>, draft: &Draft<'_>, now: i64) {
        let judgement = self.judge_one(call, draft, now);
        if judgement.sent || self.wanted {
            self.pass_on(call, draft, now, judgement);
        }
    }

    #[inline]
    fn judge_one(&self, call: &CallContext<'_>, draft: &Draft<'_>, now: i64) -> Judgement {
        self.judge(call.key.matching, call.hash, call.properties.is_none(), *draft, now)
    }

    /// What becomes of an impression, which is noted. Properties make one unlike any other: it is then not comparable.
    #[inline(always)]
    fn judge(&self, key: &str, hash: KeyHash, comparable: bool, draft: Draft<'_>, now: i64) -> Judgement {
        let mode = match self.strategy {
            Strategy::Listeners => None,
            Strategy::Send(_) if draft.flag.is_some_and(|flag| flag.impressions_disabled) => {
                Some(ImpressionsMode::None)
            }
            Strategy::Send(mode) => Some(mode),
        };
        let compared = comparable && mode != Some(ImpressionsMode::None);
        let previous_time = if compared { self.observer.test_and_set(fingerprint(hash, draft), now) } else { None };
        match mode {
            None => Judgement { previous_time, sent: false },
            Some(ImpressionsMode::Optimized) => {
                let Some(previous) = previous_time else { return Judgement { previous_time, sent: true } };
                self.count(draft, now);
                let sent = previous < truncated_to_hour(now);
                if sent {
                    self.counted_and_sent.add(1);
                }
                Judgement { previous_time, sent }
            }
            Some(ImpressionsMode::Debug) => Judgement { previous_time, sent: true },
            Some(ImpressionsMode::None) => {
                self.count(draft, now);
                self.unique_keys.track(draft.name, key);
                Judgement { previous_time: None, sent: false }
            }
        }
    }

    #[inline(always)]
    fn count(&self, draft: Draft<'_>, now: i64) {
        match draft.flag.and_then(|flag| flag.slot) {
            Some(slot) => self.counts.add(slot, draft.name, now),
            None => self.counts.add_unslotted(draft.name, now),
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_on(&self, call: &CallContext<'_>, draft: &Draft<'_>, time: i64, judgement: Judgement) {
        let impression = || Self::impression_of(call, draft, time, judgement);
        if judgement.sent {
            // A full queue counts what it refuses, and the caller has no use for the news.
            let _ = self.senders.impressions.source().push(impression);
        }
        if self.wanted {
            self.outlets.impression(Impression { attributes: call.attributes_json(), ..impression() });
        }
    }

    /// Without the attributes, which only listeners get.
    fn impression_of(call: &CallContext<'_>, draft: &Draft<'_>, time: i64, judgement: Judgement) -> Impression {
        Impression {
            key: call.key.matching.into(),
            bucketing_key: call.key.bucketing.map(Into::into),
            flag: draft.name.into(),
            treatment: draft.treatment,
            label: draft.label,
            change_number: draft.change_number(),
            time,
            previous_time: judgement.previous_time,
            attributes: None,
            properties: call.properties.clone(),
        }
    }

    /// Takes an event. In localhost mode it goes nowhere; in Redis mode it is pushed, or waits, when this returns.
    pub(crate) fn event(&self, event: NewEvent) -> Result<(), Refusal> {
        if self.strategy == Strategy::Listeners {
            return Ok(());
        }
        let NewEvent { key, traffic_type, event_type, value, time, size, properties, until } = event;
        let properties = match properties.map(RawValue::from_string).transpose() {
            Ok(properties) => properties,
            Err(error) => {
                self.log.error("recorder", format_args!("an event has properties that are not JSON: {error}"));
                return Err(Refusal::Invalid("the properties of the event are not JSON"));
            }
        };
        let stored = || StoredEvent { key, traffic_type, event_type, value, time, size, properties };
        if let Some(writer) = &self.redis {
            return Self::redis_event(writer, stored(), until);
        }
        self.senders.events.source().push(stored).map_err(|_full| Refusal::QueueFull)
    }

    /// Sends everything at its time, until [`Recorder::drain`] ends that, and comes back when the posts that are under
    /// way then have ended. Once the factory is ready.
    ///
    /// Dropping the future cancels those posts; what they hold is queued again, but may have arrived.
    pub(crate) async fn run<P: Post>(self: Arc<Self>, post: Arc<P>) {
        let senders = &self.senders;
        let report = {
            let (recorder, post) = (Arc::clone(&self), Arc::clone(&post));
            move || {
                let (recorder, post) = (Arc::clone(&recorder), Arc::clone(&post));
                async move { recorder.report_usage(&*post, 0, None).await }
            }
        };
        senders.keep_sending(&post, self.periods, report).await;
    }

    /// Tells the backend how this factory is configured. Once, when it is ready.
    pub(crate) async fn announce(&self, post: &impl Post, config: &Config, about: Announced) {
        let body = ConfigBody::new(
            config,
            Circumstances {
                listener: self.wanted,
                proxied: about.proxied,
                active_factories: about.active_factories,
                redundant_factories: about.redundant_factories,
                time_to_ready: u64::try_from(about.time_to_ready.as_millis()).unwrap_or(u64::MAX),
                ready_timeouts: self.telemetry.ready_timeouts(),
                not_ready_uses: self.telemetry.not_ready_uses(),
            },
        );
        self.senders.report(None, self.report(post, Endpoint::MetricsConfig, &body)).await;
    }

    /// Sends what is recorded now, without waiting for its time. False if not all of it arrived: the deadline came first
    /// (never without one), the backend refused some of it, or it does not accept the SDK key.
    ///
    /// Begins no post after the deadline, but ends the one under way: who wants no more of it than that may leave.
    pub(crate) async fn flush(&self, post: &impl Post, deadline: Option<Instant>) -> bool {
        self.senders.send_all(post, deadline.map(Into::into)).await
    }

    /// Sends what is left, and as the very last request the usage of this session; for the end of a factory, when
    /// nothing more is recorded. False if something was not sent; the log says how much.
    ///
    /// Ends [`Recorder::run`], which has to run on meanwhile: what it has under way is waited for.
    pub(crate) async fn drain(&self, post: &impl Post, deadline: Instant) -> bool {
        let senders = &self.senders;
        senders.end();
        let mut all_arrived = senders.send_all_by(post, deadline.into()).await;
        // Of calls that were on their way when the end began.
        while all_arrived && senders.holds_records() {
            all_arrived = senders.send_all_by(post, deadline.into()).await;
        }
        senders.abandon();
        self.report_usage(post, self.telemetry.session_length(), Some(deadline)).await;
        all_arrived
    }

    async fn report_usage(&self, post: &impl Post, session_length: u64, deadline: Option<Instant>) {
        let report = async {
            let counted = self.counts.counted(clock::now_ms());
            let not_sent = counted.saturating_sub(self.counted_and_sent.sum());
            let usage = self.telemetry.pop();
            let body = UsageBody::new(&usage, not_sent, self.holdings(), session_length);
            self.report(post, Endpoint::MetricsUsage, &body).await;
        };
        let senders = &self.senders;
        if senders.report(deadline.map(Into::into), report).await.is_none() {
            self.log.debug("telemetry", format_args!("no time was left for the last report"));
        }
    }

    /// Reports are not worth a second attempt.
    async fn report(&self, post: &impl Post, to: Endpoint, body: &impl Serialize) {
        let body = match serde_json::to_vec(body) {
            Ok(body) => body,
            Err(error) => {
                self.log.error("telemetry", format_args!("a report cannot be written as JSON: {error}"));
                return;
            }
        };
        match post.post(to, body.into()).await {
            Ok(answer) if answer.is_success() => {}
            Ok(answer) => self.log.debug("telemetry", format_args!("{to} answered {}", answer.status)),
            Err(unreached) => self.log.debug("telemetry", format_args!("{unreached}")),
        }
    }

    fn holdings(&self) -> Holdings {
        let definitions = self.store.load();
        Holdings {
            flags: definitions.len(),
            segments: definitions.segments().count(),
            segment_keys: definitions.segments().map(|segment| segment.keys.len()).sum(),
        }
    }
}

/// What the recorder does not know of the factory that it reports for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Announced {
    /// Whether definitions come through a proxy.
    pub(crate) proxied: bool,
    /// Distinct SDK keys that have a living factory in this process.
    pub(crate) active_factories: usize,
    /// Living factories beyond one for each key.
    pub(crate) redundant_factories: usize,
    /// From construction to readiness.
    pub(crate) time_to_ready: Duration,
}

impl Meter for Arc<Telemetry> {
    fn answered(&self, resource: Resource, status: u16, latency: Duration) {
        Telemetry::answered(self, resource, status, latency, clock::now_ms());
    }
}

/// A hash of the five fields that make two impressions the same: matching key, flag, treatment, label, change number.
///
/// Treatments and labels are interned, so their addresses stand for them, and a flag's slot, if it has one, for its name.
#[inline(always)]
fn fingerprint(key: KeyHash, draft: Draft<'_>) -> u64 {
    // Of the key, whose hash is the last to be there, only one product has to wait.
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let slot = draft.flag.and_then(|flag| flag.slot);
    let flag = slot.map_or_else(|| key_hash(draft.name).value(), u64::from);
    let change_number = draft.flag.map_or(0, |flag| flag.change_number.cast_unsigned());
    let treatment = draft.treatment.as_ptr().addr() as u64;
    let label = draft.label.map_or(0, |label| label.as_ptr().addr() as u64);
    let answer = mix(flag ^ change_number.wrapping_mul(SPREAD), treatment ^ label.wrapping_mul(SPREAD));
    mix(key.value(), answer)
}

/// Folds one number into a hash: the high and low halves of a 128-bit product, as foldhash does.
#[inline(always)]
fn mix(hash: u64, number: u64) -> u64 {
    let product = u128::from(hash ^ 0x243F_6A88_85A3_08D3) * u128::from(number ^ 0x1319_8A2E_0370_7345);
    (product >> 64) as u64 ^ product as u64
}
