//! In Redis mode calls push what they leave behind before they return: who was answered may end the process.
//!
//! Modes, previous times, counts and unique keys are those of the other modes, and of one process. What cannot be pushed
//! waits ([`lane`]); counts and unique keys are pushed by the io thread in their time ([`work`]), with latencies of calls
//! that left nothing else behind.

mod batch;
mod elements;
mod lane;
mod line;
mod work;

#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;
#[cfg(test)]
mod work_tests;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::Value;

use super::bell::Bell;
use super::counts::Counts;
use super::records::StoredEvent;
use super::unique_keys::UniqueKeys;
use super::{CallContext, Draft, Recorder, Strategy};
use crate::backoff::seeded_random;
use crate::callbacks::{Impression, Instance, Outlets};
use crate::clock;
use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::logging::Logger;
use crate::redis::{Keys, Server};
use crate::refusal::Refusal;
use crate::storage::Store;
use crate::telemetry::{Latencies, Operation, Telemetry};

use batch::{Batch, Increase, Unanswered};
use elements::{Element, Identity};
use lane::{Lane, NotKept, Pushed};
use line::{Line, Refusals};
pub(crate) use work::RedisWork;

/// What a call took, before anything is recorded of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) operation: Operation,
    /// None: it was not timed.
    pub(crate) latency: Option<Duration>,
    /// Whether something failed inside; then its latency does not count.
    pub(crate) failed: bool,
}

/// What Redis is told of a factory when it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction {
    /// Distinct SDK keys that have a living factory in this process.
    pub(crate) active_factories: usize,
    /// Factories beyond one for each key.
    pub(crate) redundant_factories: usize,
    /// Whether the caller waits for an answer; if it does not, or there is none, the io thread sees to it.
    pub(crate) at_once: bool,
}

impl Recorder {
    /// A recorder that pushes to Redis, once [`Recorder::start_redis`] has been called in the background too.
    ///
    /// # Errors
    /// When the names in `instance` cannot be written.
    pub(crate) fn for_redis(
        config: &Config,
        outlets: Arc<Outlets>,
        server: Arc<dyn Server>,
        keys: &Keys,
        instance: &Instance,
        telemetry: Arc<Telemetry>,
        log: Logger,
    ) -> io::Result<Self> {
        let identity = Identity::of(instance)?;
        // Nobody asks how many definitions there are.
        let store = Arc::new(Store::new(None));
        let recorder = Recorder::new(config, outlets, store, telemetry, log);
        let writer = Writer::new(&recorder, config, server, keys, identity);
        let strategy = Strategy::Send(config.impressions_mode);
        Ok(Recorder { strategy, idle: false, redis: Some(Arc::new(writer)), ..recorder })
    }

    /// Starts the thread that pushes what calls do not, and tells Redis of this factory.
    pub(crate) fn start_redis(&self, descriptors: &Descriptors, introduction: Introduction) -> io::Result<RedisWork> {
        let Some(writer) = &self.redis else { return Err(io::ErrorKind::Unsupported.into()) };
        let untold = writer
            .introduction(introduction.active_factories, introduction.redundant_factories)
            .filter(|batch| !introduction.at_once || writer.introduce(batch) == Pushed::Lost);
        RedisWork::start(writer, descriptors, untold)
    }

    /// Records the evaluations of one call, in their order, and what it took. Listeners hear of all of them; what is to
    /// be sent is in Redis when this returns, or waits.
    ///
    /// Takes as long as is left of twice redisSocketTimeout since the call began, if it was timed.
    pub(crate) fn redis_call(&self, call: &CallContext<'_>, drafts: &[Draft<'_>], spent: Spent) {
        self.redis_call_at(call, drafts, spent, clock::now_ms());
    }

    pub(super) fn redis_call_at(&self, call: &CallContext<'_>, drafts: &[Draft<'_>], spent: Spent, now: i64) {
        let Some(writer) = &self.redis else { return };
        if !writer.sampling.takes_next() {
            return;
        }
        if spent.failed {
            self.telemetry.exception(spent.operation);
        } else if let Some(latency) = spent.latency {
            self.telemetry.latency(spent.operation, latency);
        }
        let mut sent = Vec::new();
        for draft in drafts {
            let judgement = self.judge_one(call, draft, now);
            if judgement.sent {
                sent.push(Self::impression_of(call, draft, now, judgement));
            }
            if self.wanted {
                let impression = Self::impression_of(call, draft, now, judgement);
                self.outlets.impression(Impression { attributes: call.attributes_json(), ..impression });
            }
        }
        if !sent.is_empty() {
            let left = (2 * writer.line.timeout()).saturating_sub(spent.latency.unwrap_or(writer.line.timeout()));
            let count = sent.len();
            match writer.push(&writer.impressions, sent, Instant::now() + left) {
                // What there is no room for is counted and logged, and the caller has no use for the news.
                Ok(()) | Err(NotKept::Full) => {}
                Err(NotKept::Ended) => {
                    self.telemetry.impressions().dropped.add(count as u64);
                    let when = "that were recorded while the factory was destroyed are lost";
                    writer.log.warning("recorder", format_args!("{count} impressions {when}"));
                }
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn redis_event(writer: &Writer, event: StoredEvent, until: Option<Instant>) -> Result<(), Refusal> {
        let until = until.unwrap_or_else(|| Instant::now() + writer.line.timeout());
        writer.push(&writer.events, vec![event], until).map_err(|not_kept| match not_kept {
            NotKept::Full => Refusal::QueueFull,
            NotKept::Ended => Refusal::Destroyed,
        })
    }
}

/// Writes to Redis, on any thread.
#[derive(Debug)]
pub(super) struct Writer {
    line: Line,
    identity: Identity,
    keys: Names,
    impressions: Lane<Impression>,
    events: Lane<StoredEvent>,
    counts: Arc<Counts>,
    counts_refusals: Refusals,
    unique_keys: Arc<UniqueKeys>,
    unique_keys_refusals: Refusals,
    unique_keys_unanswered: Unanswered,
    telemetry: Arc<Telemetry>,
    sampling: Sampling,
    /// Rung when a lane is shut.
    bell: Bell,
    /// Whether it was said what is lost in the end.
    given_up: AtomicBool,
    log: Logger,
}

/// The keys that have no [`Lane`].
#[derive(Debug)]
struct Names {
    unique_keys: String,
    counts: String,
    latencies: String,
    exceptions: String,
    init: String,
}

impl Writer {
    fn new(recorder: &Recorder, config: &Config, server: Arc<dyn Server>, keys: &Keys, identity: Identity) -> Self {
        let log = &recorder.log;
        Writer {
            line: Line::new(server, log.clone()),
            identity,
            keys: Names {
                unique_keys: keys.unique_keys(),
                counts: keys.impression_counts(),
                latencies: keys.latencies(),
                exceptions: keys.exceptions(),
                init: keys.init(),
            },
            impressions: Lane::new(recorder.senders.impressions.source(), keys.impressions(), log),
            events: Lane::new(recorder.senders.events.source(), keys.events(), log),
            counts: Arc::clone(&recorder.counts),
            counts_refusals: Refusals::new("counts of impressions", log.clone()),
            unique_keys: Arc::clone(&recorder.unique_keys),
            unique_keys_refusals: Refusals::new("unique keys", log.clone()),
            unique_keys_unanswered: Unanswered::default(),
            telemetry: Arc::clone(&recorder.telemetry),
            sampling: Sampling::new(config.data_sampling),
            bell: Bell::default(),
            given_up: AtomicBool::new(false),
            log: log.clone(),
        }
    }

    /// Pushes records of one call and the latencies of its thread, or lets the records wait.
    fn push<T: Element>(&self, lane: &Lane<T>, records: Vec<T>, until: Instant) -> Result<(), NotKept> {
        let records = match lane.admit(records, self.line.timeout() / 4, until) {
            ControlFlow::Continue(records) => records,
            ControlFlow::Break(kept) => return kept,
        };
        if !self.line.is_enough(until) {
            // Pushed now, it might be done and counted as lost, and pushed again.
            return self.keep(lane, records);
        }
        let Some(elements) = lane.elements(&records, &self.identity) else { return Ok(()) };
        let mut batch = Batch::default();
        let push = batch.push(lane.key(), &elements);
        let latencies = self.telemetry.pop_my_latencies();
        let increase = self.add_latencies(&mut batch, &latencies);
        let Some(answers) = self.line.push(&batch, push, lane.unanswered(), Some(until)) else {
            self.telemetry.put_back_latencies(latencies);
            // Who records something else now would wait for the same silence.
            self.impressions.shut();
            self.events.shut();
            return self.keep(lane, records);
        };
        let mut expiry = Batch::default();
        self.settle_latencies(latencies, &increase, &answers, &mut expiry);
        let kept = match push.created(&answers, lane.unanswered()) {
            Ok(created) => {
                lane.refusals().accepted();
                if created {
                    expiry.expire(lane.key());
                }
                Ok(())
            }
            Err(why) => {
                lane.refusals().refused(&why);
                self.keep(lane, records)
            }
        };
        self.line.ask_quietly(&expiry, Some(until));
        kept
    }

    #[cold]
    fn keep<T: Element>(&self, lane: &Lane<T>, records: Vec<T>) -> Result<(), NotKept> {
        let kept = lane.shut_with(records);
        self.bell.ring();
        kept
    }

    fn add_latencies(&self, batch: &mut Batch, latencies: &[Latencies]) -> Increase {
        let fields = latencies.iter().map(|&Latencies { operation, bucket, count }| {
            (format!("{}/{}/{bucket}", self.identity.field(), Operation::METHODS[operation]), count)
        });
        batch.increase(&self.keys.latencies, fields)
    }

    fn settle_latencies(&self, latencies: Vec<Latencies>, done: &Increase, answers: &[Value], expiry: &mut Batch) {
        if let Some(why) = done.refused(answers) {
            self.log.debug("recorder", format_args!("latencies are not written: {why}"));
            let refused = latencies.into_iter().enumerate().filter(|&(place, _)| !done.is_done(answers, place));
            self.telemetry.put_back_latencies(refused.map(|(_, latencies)| latencies));
        } else if done.created(answers) {
            expiry.expire(&self.keys.latencies);
        }
    }
}

/// Which calls are recorded.
#[derive(Debug)]
struct Sampling {
    share: f64,
    seed: u64,
    calls: AtomicU64,
}

impl Sampling {
    fn new(share: f64) -> Self {
        Sampling { share, seed: seeded_random().u64(..), calls: AtomicU64::new(0) }
    }

    fn takes_next(&self) -> bool {
        if self.share >= 1.0 {
            return true;
        }
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        // Not of the thread: children of a fork would all draw the same.
        fastrand::Rng::with_seed(super::mix(self.seed, call)).f64() < self.share
    }
}
