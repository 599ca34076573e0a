//! Locks of the standard library, which a thread that panicked does not spoil: what it held is still in order.
//!
//! Not those of parking_lot. They share one table per process of all threads that wait, whose own locks may be held, when
//! the process forks, by a thread that does not come along; a child's threads would wait for it for ever.

use std::sync::{self, PoisonError};
use std::time::Instant;

pub(super) use std::sync::MutexGuard;

/// A mutex without poison.
#[derive(Debug, Default)]
pub(super) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Self {
        Mutex(sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition to wait for.
#[derive(Debug, Default)]
pub(super) struct Condvar(sync::Condvar);

impl Condvar {
    pub(super) fn new() -> Self {
        Condvar::default()
    }

    /// The guard again, and whether the deadline came first.
    pub(super) fn wait_until<'g, T>(&self, guard: MutexGuard<'g, T>, deadline: Instant) -> (MutexGuard<'g, T>, bool) {
        let left = deadline.saturating_duration_since(Instant::now());
        let (guard, late) = self.0.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
        (guard, late.timed_out())
    }

    pub(super) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(super) fn notify_all(&self) {
        self.0.notify_all();
    }
}
