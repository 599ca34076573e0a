//! Where a factory is in its life, and the waits for it.
//!
//! The state is one atomic, because every evaluation looks at it; who waits for a change waits at a gate beside it.
//! Changes are compare-and-set, so that readiness that comes late cannot overwrite the end.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Where a factory is in its life. The numbers are those of the C API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Fetching the first definitions.
    NotReady = 0,
    /// Answering from definitions.
    Ready = 1,
    /// Destroyed: every evaluation is `control` or the fallback.
    Destroyed = 2,
    /// Made with preforkedInitialization, or seen from a forked child, and not resumed.
    WaitingFork = 3,
}

/// How a wait for readiness ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    Ready,
    Destroyed,
    TimedOut,
    /// Split does not accept the SDK key: in place of a time-out, and at once where no time was given.
    Refused,
}

/// The state of one factory.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    status: AtomicU8,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    /// The first `destroy` has done all its work.
    ended: bool,
    /// The last word of the backend about the SDK key was no.
    refused: bool,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Lifecycle::at(Status::NotReady)
    }

    /// The beginning of a life that may be another than usual.
    pub(crate) fn at(status: Status) -> Self {
        Lifecycle { status: AtomicU8::new(status as u8), gate: Mutex::default(), changed: Condvar::new() }
    }

    /// One atomic load.
    #[inline]
    pub(crate) fn status(&self) -> Status {
        match self.status.load(Ordering::Acquire) {
            0 => Status::NotReady,
            1 => Status::Ready,
            3 => Status::WaitingFork,
            _ => Status::Destroyed,
        }
    }

    /// Whether it answers from definitions.
    #[inline]
    pub(crate) fn is_ready(&self) -> bool {
        self.status() == Status::Ready
    }

    /// The first definitions are there. False if the factory was ready already, or destroyed meanwhile.
    pub(crate) fn become_ready(&self) -> bool {
        let gate = self.lock();
        let became = self
            .status
            .compare_exchange(Status::NotReady as u8, Status::Ready as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        drop(gate);
        self.changed.notify_all();
        became
    }

    /// From now on the factory is destroyed. False if it was.
    pub(crate) fn destroy(&self) -> bool {
        let gate = self.lock();
        let first = self.status.swap(Status::Destroyed as u8, Ordering::AcqRel) != Status::Destroyed as u8;
        drop(gate);
        self.changed.notify_all();
        first
    }

    /// Notes whether the backend's last word about the SDK key was no.
    pub(crate) fn refuse(&self, refused: bool) {
        self.lock().refused = refused;
        self.changed.notify_all();
    }

    /// The first `destroy` has ended: releases those who wait in another.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits until the factory is ready or destroyed; without a deadline, for as long as it takes, unless the backend
    /// refuses the SDK key.
    pub(crate) fn wait_ready(&self, deadline: Option<Instant>) -> Waited {
        let refused_for_good = |gate: &Gate| deadline.is_none() && gate.refused;
        self.wait(deadline, |gate| {
            matches!(self.status(), Status::Ready | Status::Destroyed) || refused_for_good(gate)
        });
        match self.status() {
            Status::Ready => Waited::Ready,
            Status::Destroyed => Waited::Destroyed,
            Status::NotReady | Status::WaitingFork if self.lock().refused => Waited::Refused,
            Status::NotReady | Status::WaitingFork => Waited::TimedOut,
        }
    }

    /// Waits until the first `destroy` has ended; false when the deadline came first.
    pub(crate) fn wait_ended(&self, deadline: Option<Instant>) -> bool {
        self.wait(deadline, |gate| gate.ended)
    }

    fn wait(&self, deadline: Option<Instant>, done: impl Fn(&Gate) -> bool) -> bool {
        let mut gate = self.lock();
        while !done(&gate) {
            gate = match deadline {
                None => self.changed.wait(gate).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    self.changed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn late_readiness_does_not_revive() {
        let life = Lifecycle::new();
        assert!(life.destroy());
        assert!(!life.become_ready());
        assert_eq!(life.status(), Status::Destroyed);
        assert!(!life.destroy());
    }

    #[test]
    fn waits_end_with_what_they_wait_for() {
        let life = Lifecycle::new();
        let soon = || Some(Instant::now() + Duration::from_millis(10));
        assert_eq!(life.wait_ready(soon()), Waited::TimedOut);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| life.wait_ready(None));
            assert!(life.become_ready());
            assert_eq!(waiting.join().expect("no panic"), Waited::Ready);
            let waiting = scope.spawn(|| life.wait_ended(None));
            assert!(!life.wait_ended(soon()));
            life.destroy();
            life.end();
            assert!(waiting.join().expect("no panic"));
        });
        assert_eq!(life.wait_ready(None), Waited::Destroyed);
    }

    #[test]
    fn a_refused_key_is_told_in_place_of_a_time_out() {
        let life = Lifecycle::new();
        let soon = || Some(Instant::now() + Duration::from_millis(10));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| life.wait_ready(None));
            life.refuse(true);
            assert_eq!(waiting.join().expect("no panic"), Waited::Refused);
        });
        let began = Instant::now();
        assert_eq!(life.wait_ready(soon()), Waited::Refused);
        assert!(began.elapsed() >= Duration::from_millis(10), "not before its time");
        life.refuse(false);
        assert_eq!(life.wait_ready(soon()), Waited::TimedOut);
        life.refuse(true);
        life.become_ready();
        assert_eq!(life.wait_ready(None), Waited::Ready);
    }
}
