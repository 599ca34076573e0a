//! One list in Redis, and what waits for it.
//!
//! While all is well the gate is open, and each call pushes what it leaves behind before it returns. A push that fails
//! shuts the gate: then calls put their records into the bounded queue and wait for nothing. The io thread pushes what
//! is in the queue; while it succeeds, calls that have something to push wait for it to finish: a moment where there is
//! room in the queue, and as long as they may where there is none. That keeps the order of every thread's records, and
//! threads that record faster than Redis takes it cannot keep the queue full for ever.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, Unanswered};
use super::elements::{Element, Identity};
use super::line::{Line, Refusals};
use crate::logging::Logger;
use crate::recorder::outbox::{Bulk, Outbox};
use crate::recorder::sender::{Package, Source};

/// Whether calls push their records themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// A push failed, and none has succeeded since.
    Shut,
    /// What waits is being pushed, and Redis takes it.
    Emptying,
    /// The factory has ended.
    Closed,
}

/// Why a record is neither in Redis nor waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotKept {
    Full,
    Ended,
}

/// How an attempt to push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    All,
    /// By the server: the next attempt may be refused as well.
    Refused,
    /// Nobody answered.
    Lost,
}

/// The way of records of one kind.
#[derive(Debug)]
pub(super) struct Lane<T: Element> {
    outbox: Arc<Outbox<T>>,
    key: String,
    gate: Mutex<Gate>,
    /// Calls that wait for it.
    #[cfg(test)]
    waiting_calls: std::sync::atomic::AtomicUsize,
    /// The same as the gate says, without a lock.
    open: AtomicBool,
    changed: Condvar,
    refusals: Refusals,
    unanswered: Unanswered,
    log: Logger,
}

impl<T: Element> Lane<T> {
    pub(super) fn new(outbox: &Arc<Outbox<T>>, key: String, log: &Logger) -> Self {
        Lane {
            outbox: Arc::clone(outbox),
            key,
            gate: Mutex::new(Gate::Open),
            #[cfg(test)]
            waiting_calls: Default::default(),
            open: AtomicBool::new(true),
            changed: Condvar::new(),
            refusals: Refusals::new(T::WHAT, log.clone()),
            unanswered: Unanswered::default(),
            log: log.clone(),
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(super) fn unanswered(&self) -> &Unanswered {
        &self.unanswered
    }

    #[cfg(test)]
    pub(super) fn waiting_calls(&self) -> usize {
        // Who has just counted itself still holds the gate, until it really waits.
        let _gate = self.gate();
        self.waiting_calls.load(Ordering::Relaxed)
    }

    /// Waiting or being pushed by the io thread.
    pub(super) fn held(&self) -> usize {
        self.outbox.held()
    }

    /// Gives records back that are to be pushed by the caller; otherwise says what became of them. While the queue is
    /// emptied it waits: for so long a moment if they fit in, and `until` then if they do not.
    #[inline]
    pub(super) fn admit(
        &self,
        records: Vec<T>,
        moment: Duration,
        until: Instant,
    ) -> ControlFlow<Result<(), NotKept>, Vec<T>> {
        if self.open.load(Ordering::Acquire) {
            ControlFlow::Continue(records)
        } else {
            self.wait(records, moment, until)
        }
    }

    #[cold]
    fn wait(&self, records: Vec<T>, moment: Duration, until: Instant) -> ControlFlow<Result<(), NotKept>, Vec<T>> {
        let soon = until.min(Instant::now() + moment);
        let mut gate = self.gate();
        while *gate == Gate::Emptying {
            let until = if self.outbox.has_room_for(records.len()) { soon } else { until };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            #[cfg(test)]
            self.waiting_calls.fetch_add(1, Ordering::Relaxed);
            gate = self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        match *gate {
            Gate::Open => ControlFlow::Continue(records),
            Gate::Shut | Gate::Emptying | Gate::Closed => ControlFlow::Break(self.put(gate, records)),
        }
    }

    /// Queues records whose push failed, and others from now on.
    #[cold]
    pub(super) fn shut_with(&self, records: Vec<T>) -> Result<(), NotKept> {
        let mut gate = self.gate();
        self.turn(&mut gate, Gate::Shut);
        self.put(gate, records)
    }

    /// Queues what comes from now on.
    #[cold]
    pub(super) fn shut(&self) {
        self.turn(&mut self.gate(), Gate::Shut);
    }

    /// Ends it, and gives up what waits. How much that was.
    pub(super) fn close(&self) -> usize {
        self.turn(&mut self.gate(), Gate::Closed);
        self.outbox.abandon()
    }

    /// Pushes all that waits, and opens the gate when that is done. For the io thread.
    pub(super) fn empty(&self, line: &Line, by: &Identity) -> Pushed {
        loop {
            {
                let mut gate = self.gate();
                if *gate == Gate::Open || *gate == Gate::Closed {
                    return Pushed::All;
                }
                if self.outbox.held() == 0 {
                    self.turn(&mut gate, Gate::Open);
                    return Pushed::All;
                }
            }
            // The time is not looked at. What is held and not to be had comes back later.
            let Some(bulk) = self.outbox.take(0) else { return Pushed::Lost };
            let pushed = self.push_bulk(line, by, bulk);
            let next = if pushed == Pushed::All { Gate::Emptying } else { Gate::Shut };
            self.turn(&mut self.gate(), next);
            if pushed != Pushed::All {
                return pushed;
            }
        }
    }

    fn push_bulk(&self, line: &Line, by: &Identity, bulk: Bulk<T>) -> Pushed {
        let Some(elements) = self.elements(bulk.records(), by) else {
            bulk.discard();
            return Pushed::All;
        };
        let mut batch = Batch::default();
        let push = batch.push(&self.key, &elements);
        // A bulk that is dropped is put back.
        let Some(answers) = line.push(&batch, push, &self.unanswered, None) else { return Pushed::Lost };
        match push.created(&answers, &self.unanswered) {
            Ok(created) => {
                bulk.sent();
                self.refusals.accepted();
                if created {
                    let mut expiry = Batch::default();
                    expiry.expire(&self.key);
                    line.ask_quietly(&expiry, None);
                }
                Pushed::All
            }
            Err(why) => {
                self.refusals.refused(&why);
                Pushed::Refused
            }
        }
    }

    /// None, which is logged, if they cannot be written.
    pub(super) fn elements(&self, records: &[T], by: &Identity) -> Option<Vec<Vec<u8>>> {
        let elements: Result<Vec<_>, _> = records.iter().map(|record| record.element(by)).collect();
        let complain = |error: &serde_json::Error| {
            let what = T::WHAT;
            self.log.error("recorder", format_args!("{what} cannot be written as JSON and are dropped: {error}"));
        };
        elements.inspect_err(complain).ok()
    }

    /// Queues what there is room for.
    fn put(&self, gate: MutexGuard<'_, Gate>, records: Vec<T>) -> Result<(), NotKept> {
        if *gate == Gate::Closed {
            return Err(NotKept::Ended);
        }
        let refused = records.into_iter().filter_map(|record| self.outbox.put(|| record).err()).count();
        drop(gate);
        (0..refused).for_each(|_| self.outbox.refuse());
        if refused > 0 { Err(NotKept::Full) } else { Ok(()) }
    }

    fn turn(&self, gate: &mut Gate, to: Gate) {
        if *gate != Gate::Closed {
            *gate = to;
        }
        self.open.store(*gate == Gate::Open, Ordering::Release);
        self.changed.notify_all();
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
