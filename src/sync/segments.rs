//! Segments: each fetched by itself, ten at a time.
//!
//! A segment that cannot be had costs nobody else anything: evaluations take it for empty, and it is tried again in the
//! background until it comes, or until nothing refers to it any more. That matters with streaming, where nothing else
//! would ever ask for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::backend::{self, Backend, FetchError, ask, read};
use super::pursuit::{Pursuit, slow_backoff};
use super::updates::Updates;
use crate::backoff::Backoff;
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::rules::{Definitions, KeyTableError, Segment, SegmentId};
use crate::storage::Store;
use crate::transport::{Call, Endpoint};
use crate::wire::changes::parse_segment_change;

const TARGET: &str = "segments";

/// Fetches under way at once.
const FETCHES: usize = 10;

/// Bytes that the keys of all segments may take.
const MOST_BYTES: usize = 4 << 30;

/// Which segment.
#[derive(Clone, Debug)]
pub(super) struct SegmentName {
    id: SegmentId,
    name: Arc<str>,
}

/// What segments are fetched with.
pub(super) struct SegmentSync {
    backend: Arc<dyn Backend>,
    desk: Arc<Desk>,
    log: Logger,
    pool: Semaphore,
    flights: Mutex<HashMap<SegmentId, Arc<Flight>>>,
    failing: Mutex<HashMap<SegmentId, Failing>>,
    failed: Notify,
    complaint: Complaint,
    /// Between attempts that nothing but a change on the other side can help.
    period: Duration,
    random: Mutex<fastrand::Rng>,
}

/// The fetches of one segment: one at a time.
struct Flight {
    /// Held while fetching. How the last one ended.
    turn: tokio::sync::Mutex<Result<(), Arc<FetchError>>>,
    landings: AtomicU64,
    pursuit: Pursuit<i64>,
}

/// A segment that is to be tried again.
#[derive(Debug)]
struct Failing {
    name: Arc<str>,
    due: Instant,
    backoff: Backoff,
    /// Whether only the other side can help, so that it is left in peace.
    hopeless: bool,
}

/// Where answers are read and applied; also on another thread.
struct Desk {
    store: Arc<Store>,
    updates: Arc<Updates>,
    /// About answers of an older state than the one known.
    older: Complaint,
}

/// How a fetch of many segments ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// How many failed.
    pub(crate) failed: usize,
    /// Whether any was refused for the SDK key's sake.
    pub(crate) refused: bool,
    /// How long the backend asks to be left alone.
    pub(crate) retry_after: Duration,
}

/// Where a fetch is after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    CaughtUp,
    Further,
}

impl SegmentSync {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        store: Arc<Store>,
        updates: Arc<Updates>,
        log: Logger,
        period: Duration,
        random: fastrand::Rng,
    ) -> Self {
        SegmentSync {
            backend,
            desk: Arc::new(Desk { store, updates, older: Complaint::new(log.clone(), TARGET) }),
            complaint: Complaint::new(log.clone(), TARGET),
            log,
            pool: Semaphore::new(FETCHES),
            flights: Mutex::default(),
            failing: Mutex::default(),
            failed: Notify::new(),
            period,
            random: Mutex::new(random),
        }
    }

    /// Fetches every segment that is referred to.
    pub(super) async fn catch_up(self: &Arc<Self>) -> Round {
        let round = self.fetch_many(self.needed(|_, _| true)).await;
        if round.failed == 0 {
            self.complaint.settle(format_args!("all segments are in step again"));
        }
        round
    }

    /// Fetches those that are referred to and were never asked for.
    pub(super) async fn discover(self: &Arc<Self>) -> Round {
        let names = {
            let failing = lock(&self.failing);
            self.needed(|definitions, id| definitions.segment(id).is_none() && !failing.contains_key(&id))
        };
        self.fetch_many(names).await
    }

    /// Fetches a segment until an announced change is there; false if it is not to be had. One that nothing refers to is
    /// not fetched: it will be once something does.
    pub(super) async fn pursue(&self, name: &str, target: i64) -> Result<bool, Arc<FetchError>> {
        let Some(id) = self.desk.store.load().needed_segment(name) else { return Ok(false) };
        let segment = SegmentName { id, name: name.into() };
        let flight = self.flight(id);
        let is_reached = |target| self.number(id).is_some_and(|number| target <= number);
        let attempt = |target, till| self.fetch(&segment, Some(target), till);
        let outcome = flight.pursuit.pursue(target, is_reached, attempt).await;
        let outcome = outcome.map_err(Arc::new);
        if let Err(failure) = &outcome {
            self.note_failure(&segment, failure);
            self.complaint.say(level(failure), format!("segment {name:?}: {}", failure.explained()));
        }
        outcome
    }

    /// Makes a fetch under way of a segment aim higher.
    pub(super) fn raise(&self, name: &str, target: i64) {
        if let Some(id) = self.desk.store.load().needed_segment(name) {
            self.flight(id).pursuit.raise(target);
        }
    }

    /// Tries segments again that failed, for as long as it lives.
    pub(super) async fn mend(self: Arc<Self>) {
        loop {
            let due = lock(&self.failing).values().map(|failing| failing.due).min();
            let failed = self.failed.notified();
            match due {
                None => failed.await,
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due) => drop(self.fetch_many(self.take_due()).await),
                    () = failed => {}
                },
            }
        }
    }

    /// Those whose time has come; each gets its next time.
    fn take_due(&self) -> Vec<SegmentName> {
        let definitions = self.desk.store.load();
        let mut failing = lock(&self.failing);
        failing.retain(|_, failing| definitions.needed_segment(&failing.name).is_some());
        let now = Instant::now();
        let mut random = lock(&self.random);
        let mut due = Vec::new();
        for (&id, failing) in failing.iter_mut().filter(|(_, failing)| failing.due <= now) {
            failing.due = now + self.pause(failing.hopeless, &mut failing.backoff, &mut random);
            due.push(SegmentName { id, name: Arc::clone(&failing.name) });
        }
        due
    }

    fn pause(&self, hopeless: bool, backoff: &mut Backoff, random: &mut fastrand::Rng) -> Duration {
        let pause = backoff.next(random);
        if hopeless { pause.max(self.period) } else { pause }
    }

    fn needed(&self, wanted: impl Fn(&Definitions, SegmentId) -> bool) -> Vec<SegmentName> {
        let definitions = self.desk.store.load();
        let needed = definitions.needed_segments().filter(|(_, id)| wanted(&definitions, *id));
        needed.map(|(name, id)| SegmentName { id, name: name.into() }).collect()
    }

    async fn fetch_many(self: &Arc<Self>, names: Vec<SegmentName>) -> Round {
        let count = names.len();
        let mut fetches = JoinSet::new();
        for segment in names {
            let this = Arc::clone(self);
            fetches.spawn(async move {
                let outcome = this.fetch_or_join(&segment).await;
                (segment.name, outcome)
            });
        }
        let mut round = Round::default();
        let mut first: Option<(Arc<str>, Arc<FetchError>)> = None;
        while let Some(fetched) = fetches.join_next().await {
            match fetched {
                Ok((_, Ok(()))) => {}
                Ok((name, Err(failure))) => {
                    round.failed += 1;
                    round.refused |= failure.is_refusal();
                    round.retry_after = round.retry_after.max(failure.retry_after());
                    if first.as_ref().is_none_or(|(before, _)| name < *before) {
                        first = Some((name, failure));
                    }
                }
                Err(ended) if ended.is_panic() => {
                    round.failed += 1;
                    self.log.error(TARGET, format_args!("fetching a segment failed inside: {ended}"));
                }
                // Only this function could have cancelled it.
                Err(_) => {}
            }
        }
        if let Some((name, failure)) = first {
            let failed = round.failed;
            let text =
                format!("{failed} of {count} segments failed and are tried again: {name:?}: {}", failure.explained());
            self.complaint.say(level(&failure), text);
        }
        round
    }

    /// Fetches all there is of a segment, or waits for who does already.
    async fn fetch_or_join(&self, segment: &SegmentName) -> Result<(), Arc<FetchError>> {
        let flight = self.flight(segment.id);
        let landings = flight.landings.load(Ordering::Acquire);
        let mut turn = flight.turn.lock().await;
        if flight.landings.load(Ordering::Acquire) != landings {
            return turn.clone();
        }
        let outcome = self.fetch_alone(segment, None, None).await.map_err(Arc::new);
        flight.landings.fetch_add(1, Ordering::Release);
        match &outcome {
            Ok(()) => drop(lock(&self.failing).remove(&segment.id)),
            Err(failure) => self.note_failure(segment, failure),
        }
        turn.clone_from(&outcome);
        outcome
    }

    async fn fetch(&self, segment: &SegmentName, target: Option<i64>, till: Option<i64>) -> Result<(), FetchError> {
        let flight = self.flight(segment.id);
        let _turn = flight.turn.lock().await;
        self.fetch_alone(segment, target, till).await?;
        lock(&self.failing).remove(&segment.id);
        Ok(())
    }

    async fn fetch_alone(
        &self,
        segment: &SegmentName,
        target: Option<i64>,
        till: Option<i64>,
    ) -> Result<(), FetchError> {
        // The pool is never closed.
        let _place = self.pool.acquire().await.ok();
        loop {
            let stored = self.desk.store.load().segment(segment.id).cloned();
            let since = stored.as_ref().map_or(-1, |segment| segment.change_number);
            if stored.is_some() && target.is_some_and(|target| target <= since) {
                return Ok(());
            }
            let mut call = Call::to(Endpoint::SegmentChanges).segment(&segment.name).query("since", since);
            if let Some(till) = till {
                call = call.query("till", till);
            }
            let body = ask(&*self.backend, &call).await?;
            let (desk, segment) = (Arc::clone(&self.desk), segment.clone());
            if read(body, move |body| desk.apply(&body, &segment, stored)).await? == Step::CaughtUp {
                return Ok(());
            }
        }
    }

    fn number(&self, id: SegmentId) -> Option<i64> {
        self.desk.store.load().segment(id).map(|segment| segment.change_number)
    }

    fn flight(&self, id: SegmentId) -> Arc<Flight> {
        let mut flights = lock(&self.flights);
        Arc::clone(flights.entry(id).or_insert_with(|| {
            Arc::new(Flight {
                turn: tokio::sync::Mutex::new(Ok(())),
                landings: AtomicU64::new(0),
                pursuit: Pursuit::new(lock(&self.random).fork()),
            })
        }))
    }

    fn note_failure(&self, segment: &SegmentName, failure: &FetchError) {
        let hopeless = !failure.is_passing();
        let mut failing = lock(&self.failing);
        if let Some(known) = failing.get_mut(&segment.id) {
            known.hopeless = hopeless;
            known.due = known.due.max(Instant::now() + failure.retry_after());
            return;
        }
        let mut backoff = slow_backoff();
        let pause = self.pause(hopeless, &mut backoff, &mut lock(&self.random)) + failure.retry_after();
        let name = Arc::clone(&segment.name);
        failing.insert(segment.id, Failing { name, due: Instant::now() + pause, backoff, hopeless });
        drop(failing);
        self.failed.notify_one();
    }
}

/// How loudly to complain.
fn level(failure: &FetchError) -> Level {
    if failure.is_refusal() { Level::Error } else { Level::Warning }
}

impl Desk {
    /// Publishes what an answer makes of a segment, if that is still as it was when it was asked for.
    fn apply(&self, body: &[u8], segment: &SegmentName, before: Option<Arc<Segment>>) -> Result<Step, FetchError> {
        let endpoint = Endpoint::SegmentChanges;
        let dto = parse_segment_change(backend::text(body, endpoint)?)
            .map_err(|cause| FetchError::Wire { endpoint, cause })?;
        let base = before.as_ref().map_or(-1, |before| before.change_number);
        let since = dto.since.map_or(base, |number| number.whole());
        let till = dto.till.map_or(base, |number| number.whole());
        if till < base {
            let name = &segment.name;
            self.older.say(
                Level::Warning,
                format!("segment {name:?}: the answer is of an older state than the one known; it is discarded"),
            );
            return Ok(Step::CaughtUp);
        }
        let (after, keys_changed) = match &before {
            Some(before) => before.updated(&dto.added, &dto.removed, till)?,
            // Stored even without keys: known to be empty is not the same as never fetched.
            None => Segment { name: Arc::clone(&segment.name), ..Segment::empty("") }.updated(
                &dto.added,
                &dto.removed,
                till,
            )?,
        };
        let is_change = keys_changed || before.is_none();
        let is_news = is_change || till != base;
        if !self.store.load().has_room_for(segment.id, &after, MOST_BYTES) {
            return Err(KeyTableError::TooLarge.into());
        }
        let is_published = self.store.update(|current| {
            let is_base = match (current.segment(segment.id), &before) {
                (Some(present), Some(before)) => Arc::ptr_eq(present, before),
                (present, before) => present.is_none() && before.is_none(),
            };
            let next = (is_base && is_news).then(|| current.with_segment(segment.id, Arc::new(after)));
            (next, is_base)
        });
        if is_published && is_change {
            self.updates.segments();
        }
        // A server whose numbers differ but never grow would be asked for ever.
        let is_last = since == till || till == base;
        Ok(if is_published && is_last { Step::CaughtUp } else { Step::Further })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
