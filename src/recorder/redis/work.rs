//! What the io thread does in Redis mode: pushes what waits, and in their time counts, unique keys and latencies.
//!
//! It waits for Redis in its own way, as calls do: there is nothing else on this thread that could go on meanwhile.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{Instant as TokioInstant, sleep};

use super::Writer;
use super::batch::{Batch, refusal_to_set};
use super::lane::Pushed;
use crate::backoff::{Backoff, seeded_random};
use crate::clock;
use crate::descriptors::Descriptors;
use crate::recorder::schedule::{End, Ending, every, keep_doing, supervise};
use crate::recorder::sender::{Ended, FLUSH_PAUSES, Package, Source};
use crate::recorder::senders::{COUNTS_PERIOD, DAY, UNIQUE_KEYS_PERIOD};
use crate::sync::io::{Io, Stop};
use crate::telemetry::Operation;
use crate::wire::metrics::InitBody;

/// Latencies and failures that no call pushed wait for as long.
const TELEMETRY_PERIOD: Duration = Duration::from_secs(60);
/// Pauses between attempts to push what waits; connections are not made more often either.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The running io thread of a factory in Redis mode.
#[derive(Debug)]
pub(crate) struct RedisWork {
    writer: Arc<Writer>,
    /// Ends it: what is left is pushed first.
    pub(crate) io: Io,
}

impl RedisWork {
    /// Begins with what Redis was not told yet of the factory, if anything.
    pub(super) fn start(
        writer: &Arc<Writer>,
        descriptors: &Descriptors,
        introduction: Option<Batch>,
    ) -> io::Result<Self> {
        let work = Arc::clone(writer);
        let io = Io::start(writer.log.clone(), descriptors, |stop| work.work(stop, introduction))?;
        Ok(RedisWork { writer: Arc::clone(writer), io })
    }

    /// Lets no attempt to push take longer than that, for the factory ends then.
    pub(crate) fn end_by(&self, deadline: Option<Instant>) {
        self.writer.line.end_by(deadline);
    }

    /// Gives up what was not pushed until the end, and says so. Later the thread, if it is still waiting, says no more.
    pub(crate) fn give_up(&self) {
        self.writer.give_up();
    }

    /// Pushes what is recorded; false if not all of it arrived in time.
    pub(crate) fn flush(&self, deadline: Option<Instant>) -> bool {
        let writer = Arc::clone(&self.writer);
        self.io.call(async move { writer.push_all(deadline).await }, deadline) == Some(true)
    }
}

impl Writer {
    /// What tells Redis that this factory began; none, which is logged, if it cannot be written.
    pub(super) fn introduction(&self, active_factories: usize, redundant_factories: usize) -> Option<Batch> {
        let body = serde_json::to_vec(&InitBody::new(active_factories, redundant_factories));
        let complain = |error: &serde_json::Error| {
            self.log.error("telemetry", format_args!("cannot be written as JSON: {error}"));
        };
        let mut batch = Batch::default();
        batch.set(&self.keys.init, self.identity.field(), &body.inspect_err(complain).ok()?);
        Some(batch)
    }

    /// Tells Redis that this factory began. It does without if that is refused.
    pub(super) fn introduce(&self, introduction: &Batch) -> Pushed {
        let Some(answers) = self.line.ask_quietly(introduction, None) else { return Pushed::Lost };
        let Some(why) = refusal_to_set(&answers) else { return Pushed::All };
        self.log.debug("recorder", format_args!("the start of the factory is not written: {why}"));
        Pushed::Refused
    }

    /// Everything on the io thread. False if something was not pushed in the end.
    async fn work(self: Arc<Self>, mut stop: Stop, introduction: Option<Batch>) -> bool {
        let end = End::default();
        let introducing = || Arc::clone(&self).keep_introducing(introduction.clone(), end.ending());
        tokio::join!(supervise(&self.log, introducing), self.keep_pushing(&end), async {
            stop.requested().await;
            end.begin();
        });
        self.drain(stop.deadline()).await
    }

    /// Tells Redis of the factory, until there is an answer; once at any rate, however soon the end begins.
    async fn keep_introducing(self: Arc<Self>, introduction: Option<Batch>, mut ending: Ending) {
        let Some(introduction) = introduction else { return };
        let (first, cap) = PAUSES;
        let mut backoff = Backoff::new(first, cap, 0.9..=1.1);
        let mut random = seeded_random();
        while self.introduce(&introduction) == Pushed::Lost {
            tokio::select! {
                biased;
                () = ending.begun() => return,
                () = sleep(backoff.next(&mut random)) => {}
            }
        }
    }

    /// Pushes everything at its time, until the end.
    pub(super) async fn keep_pushing(self: &Arc<Self>, end: &End) {
        let (log, this, ending) = (&self.log, || Arc::clone(self), || end.ending());
        let in_time =
            |pushed| async move { if pushed == Pushed::All { Ended::Done } else { Ended::Failed(Duration::ZERO) } };
        tokio::join!(
            supervise(log, || this().keep_emptying(ending())),
            supervise(log, || {
                let (this, ending) = (this(), ending());
                async move {
                    keep_doing(this.counts.bell(), COUNTS_PERIOD, ending, || in_time(this.push_counts())).await;
                }
            }),
            supervise(log, || {
                let (this, ending) = (this(), ending());
                async move {
                    let bell = this.unique_keys.bell();
                    keep_doing(bell, UNIQUE_KEYS_PERIOD, ending, || {
                        bell.answer();
                        in_time(this.push_unique_keys())
                    })
                    .await;
                }
            }),
            supervise(log, || {
                let this = this();
                every(DAY, ending(), move || {
                    this.unique_keys.forget_seen();
                    async {}
                })
            }),
            supervise(log, || {
                let this = this();
                every(TELEMETRY_PERIOD, ending(), move || {
                    this.push_telemetry();
                    async {}
                })
            }),
        );
    }

    /// Pushes what waits, whenever something does, until it succeeds.
    async fn keep_emptying(self: Arc<Self>, mut ending: Ending) {
        let (first, cap) = PAUSES;
        let mut backoff = Backoff::new(first, cap, 0.9..=1.1);
        let mut random = seeded_random();
        loop {
            self.bell.answer();
            let pause = match self.empty_lanes() {
                Pushed::All => {
                    backoff.reset();
                    None
                }
                Pushed::Refused | Pushed::Lost => Some(backoff.next(&mut random)),
            };
            tokio::select! {
                biased;
                () = ending.begun() => return,
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                () = self.bell.heard(), if pause.is_none() => {}
            }
        }
    }

    /// Pushes what waits, and lets calls push again where nothing waits any more.
    pub(super) fn empty_lanes(&self) -> Pushed {
        let impressions = || self.impressions.empty(&self.line, &self.identity);
        let events = || self.events.empty(&self.line, &self.identity);
        // First those that have something to try it with: calls should not have to find out.
        let (some_impressions, some_events) = (self.impressions.held() > 0, self.events.held() > 0);
        let mut pushed = Pushed::All;
        for turn in [true, false] {
            if some_impressions == turn {
                pushed = worse(pushed, impressions());
            }
            if some_events == turn && pushed != Pushed::Lost {
                pushed = worse(pushed, events());
            }
            if pushed == Pushed::Lost {
                return pushed;
            }
        }
        pushed
    }

    /// Pushes until everything that is there now is in Redis, through failures, and gives up when the deadline would
    /// pass; without one also when the server answers and refuses. Whether all of it arrived.
    pub(super) async fn push_all(&self, deadline: Option<Instant>) -> bool {
        let (first, cap) = FLUSH_PAUSES;
        let mut backoff = Backoff::new(first, cap, 0.9..=1.1);
        let mut random = seeded_random();
        loop {
            match self.push_once() {
                Pushed::All => return true,
                Pushed::Refused if deadline.is_none() => return false,
                Pushed::Refused | Pushed::Lost => {}
            }
            let pause = backoff.next(&mut random);
            if deadline.is_some_and(|deadline| TokioInstant::now() + pause >= deadline.into()) {
                return false;
            }
            sleep(pause).await;
        }
    }

    fn push_once(&self) -> Pushed {
        let mut pushed = Pushed::All;
        for push in [Self::empty_lanes, Self::push_counts, Self::push_unique_keys] {
            pushed = worse(pushed, push(self));
            if pushed == Pushed::Lost {
                return pushed;
            }
        }
        self.push_telemetry();
        pushed
    }

    /// Pushes what is left, for the end, when nothing more is recorded. False if something was not pushed; the log says
    /// how much.
    pub(super) async fn drain(&self, deadline: Instant) -> bool {
        let mut all_arrived = self.push_all(Some(deadline)).await;
        // Of calls that were on their way when the end began.
        while all_arrived && self.impressions.held() + self.events.held() > 0 {
            all_arrived = self.push_all(Some(deadline)).await;
        }
        self.give_up();
        all_arrived
    }

    /// Gives up what was not pushed, and says how much that is, once.
    fn give_up(&self) {
        if self.given_up.swap(true, Ordering::Relaxed) {
            return;
        }
        let (impressions, events) = (self.impressions.close(), self.events.close());
        if impressions + events > 0 {
            self.log.error(
                "recorder",
                format_args!("{impressions} impressions and {events} events could not be pushed in time and are lost"),
            );
        }
        let now = clock::now_ms();
        let counted = self.counts.accepted(now).saturating_sub(self.counts.settled());
        let unique_keys = self.unique_keys.accepted(now).saturating_sub(self.unique_keys.settled());
        if counted + unique_keys > 0 {
            self.log.error(
                "recorder",
                format_args!("counts of {counted} impressions and {unique_keys} unique keys could not be pushed in time and are lost"),
            );
        }
    }

    pub(super) fn push_counts(&self) -> Pushed {
        let Some(mut counts) = self.counts.take(clock::now_ms()) else { return Pushed::All };
        counts.give_up(|flag| {
            // The Synchronizer splits a field there, and drops one of more than two parts.
            let hopeless = flag.contains("::");
            if hopeless {
                self.log
                    .debug("recorder", format_args!("impressions of {flag:?} cannot be counted because of its name"));
            }
            hopeless
        });
        let mut batch = Batch::default();
        let fields = counts.entries().map(|(flag, hour, count)| (format!("{flag}::{hour}"), count));
        let increase = batch.increase(&self.keys.counts, fields);
        if batch.is_empty() {
            return Pushed::All;
        }
        // Counts that are dropped are counted on.
        let Some(answers) = self.line.ask(&batch, None) else { return Pushed::Lost };
        counts.partly_sent(|place| increase.is_done(&answers, place));
        if increase.created(&answers) {
            let mut expiry = Batch::default();
            expiry.expire(&self.keys.counts);
            self.line.ask_quietly(&expiry, None);
        }
        match increase.refused(&answers) {
            Some(why) => {
                self.counts_refusals.refused(&why);
                Pushed::Refused
            }
            None => {
                self.counts_refusals.accepted();
                Pushed::All
            }
        }
    }

    pub(super) fn push_unique_keys(&self) -> Pushed {
        while let Some(keys) = self.unique_keys.take(0) {
            let elements: Result<Vec<_>, _> = keys.flags().map(|flag| serde_json::to_vec(&flag)).collect();
            let elements = match elements {
                Ok(elements) => elements,
                Err(error) => {
                    self.log.error("recorder", format_args!("unique keys cannot be written as JSON: {error}"));
                    keys.discard();
                    continue;
                }
            };
            let mut batch = Batch::default();
            let push = batch.push(&self.keys.unique_keys, &elements);
            // Keys that are dropped wait again.
            let unanswered = &self.unique_keys_unanswered;
            let Some(answers) = self.line.push(&batch, push, unanswered, None) else { return Pushed::Lost };
            match push.created(&answers, unanswered) {
                Ok(created) => {
                    keys.sent();
                    self.unique_keys_refusals.accepted();
                    if created {
                        let mut expiry = Batch::default();
                        expiry.expire(&self.keys.unique_keys);
                        self.line.ask_quietly(&expiry, None);
                    }
                }
                Err(why) => {
                    self.unique_keys_refusals.refused(&why);
                    return Pushed::Refused;
                }
            }
        }
        Pushed::All
    }

    /// Pushes latencies that went with no call, and failures. They are tried again in a minute.
    pub(super) fn push_telemetry(&self) {
        if self.line.is_dead() {
            return;
        }
        let (latencies, exceptions) = (self.telemetry.pop_latencies(), self.telemetry.pop_exceptions());
        let mut batch = Batch::default();
        let timed = self.add_latencies(&mut batch, &latencies);
        let fields = exceptions
            .iter()
            .map(|&(operation, count)| (format!("{}/{}", self.identity.field(), Operation::METHODS[operation]), count));
        let failed = batch.increase(&self.keys.exceptions, fields);
        let Some(answers) = self.line.ask_quietly(&batch, None) else {
            self.telemetry.put_back_latencies(latencies);
            self.telemetry.put_back_exceptions(exceptions);
            return;
        };
        let mut expiry = Batch::default();
        self.settle_latencies(latencies, &timed, &answers, &mut expiry);
        if let Some(why) = failed.refused(&answers) {
            self.log.debug("recorder", format_args!("failures are not written: {why}"));
        }
        let refused = exceptions.into_iter().enumerate().filter(|&(place, _)| !failed.is_done(&answers, place));
        self.telemetry.put_back_exceptions(refused.map(|(_, exceptions)| exceptions));
        if failed.created(&answers) {
            expiry.expire(&self.keys.exceptions);
        }
        self.line.ask_quietly(&expiry, None);
    }
}

fn worse(one: Pushed, other: Pushed) -> Pushed {
    match (one, other) {
        (Pushed::Lost, _) | (_, Pushed::Lost) => Pushed::Lost,
        (Pushed::Refused, _) | (_, Pushed::Refused) => Pushed::Refused,
        (Pushed::All, Pushed::All) => Pushed::All,
    }
}
