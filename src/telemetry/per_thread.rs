//! Numbers that every thread writes and one reads now and then.
//!
//! A counter that two threads write is a cache line that two processors fight for, and costs an evaluation more than all
//! its rules. So each thread has a part of its own, made without a lock: nobody else writes to it, so that an addition
//! needs no locked instruction either, which would cost as much as hashing a key. A thread that ends leaves its part to
//! the next one.

use std::array;
use std::cell::Cell;
use std::fmt;

use crate::concurrent::{AtomicU64, OWNED_PARTS as OWNED, OnceBox, Ordering, global, thread_local};

/// The part of all threads for which there is none of their own: slower, but not wrong.
const SHARED: usize = OWNED;
const PARTS: usize = OWNED + 1;

global! {
    /// Which parts have an owner. In a forked child those of the threads that are not there have one for ever: a part
    /// must never have two.
    static TAKEN: AtomicU64 = AtomicU64::new(0);
}

thread_local! {
    static PART: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Apart from the number, so that reading that does not have to see whether this was made.
    static LEASE: Lease = const { Lease(Cell::new(SHARED)) };
}

/// The part of the calling thread.
#[inline(always)]
fn part() -> usize {
    let part = PART.with(Cell::get);
    if part < PARTS { part } else { first_use() }
}

#[cold]
#[inline(never)]
fn first_use() -> usize {
    // A thread that is ending can no longer give back what it takes.
    let part = LEASE.try_with(Lease::take).unwrap_or(SHARED);
    PART.with(|own| own.set(part));
    part
}

/// Takes a part that has no owner. Sees what its last owner has written to it.
fn take() -> Option<usize> {
    let free = |taken: u64| (0..OWNED).find(|part| taken & 1 << part == 0);
    let before = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| Some(taken | 1 << free(taken)?));
    before.ok().and_then(free)
}

/// Gives the thread's part back when the thread ends.
struct Lease(Cell<usize>);

impl Lease {
    fn take(&self) -> usize {
        self.0.set(take().unwrap_or(SHARED));
        self.0.get()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // What counts after this, in another destructor, shares a part.
        let _ended = PART.try_with(|own| own.set(SHARED));
        let part = self.0.get();
        if part < OWNED {
            TAKEN.fetch_and(!(1 << part), Ordering::Release);
        }
    }
}

/// Whether the calling thread alone writes to what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Only,
    OneOfMany,
}

impl Writer {
    /// Adds to a number of a part. Who reads it sees what was written before the addition.
    #[inline(always)]
    pub(crate) fn add(self, number: &AtomicU64, count: u64) {
        match self {
            Writer::Only => number.store(number.load(Ordering::Relaxed) + count, Ordering::Release),
            Writer::OneOfMany => drop(number.fetch_add(count, Ordering::Release)),
        }
    }
}

/// Keeps what it holds off the cache lines of its neighbours; two lines, as processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// One `T` for each thread, made at the thread's first use.
pub(crate) struct PerThread<T>([OnceBox<Apart<T>>; PARTS]);

impl<T: Default> PerThread<T> {
    /// That of the calling thread. Others may share it.
    #[inline]
    pub(crate) fn mine(&self) -> &T {
        self.mine_to_write().0
    }

    /// That of the calling thread, and who else writes to it.
    #[inline(always)]
    pub(crate) fn mine_to_write(&self) -> (&T, Writer) {
        let part = part();
        let writer = if part == SHARED { Writer::OneOfMany } else { Writer::Only };
        (&self.0[part].get_or_init(|| Box::new(Apart::default())).0, writer)
    }

    /// All that were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(OnceBox::get).map(|apart| &apart.0)
    }
}

impl<T> Default for PerThread<T> {
    fn default() -> Self {
        PerThread(array::from_fn(|_| OnceBox::new()))
    }
}

impl<T> fmt::Debug for PerThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerThread").finish_non_exhaustive()
    }
}

/// A sum that threads add to without disturbing each other.
#[derive(Debug, Default)]
pub(crate) struct Counter(PerThread<AtomicU64>);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        let (number, writer) = self.0.mine_to_write();
        writer.add(number, count);
    }

    /// The sum so far.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|part| part.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_threads() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| (0..100).for_each(|_| counter.add(2)));
            }
        });
        assert_eq!(counter.sum(), 20_000);
    }

    #[test]
    fn nothing_is_lost_when_threads_come_and_go_at_once() {
        let counter = Counter::default();
        let running = std::sync::Barrier::new(2 * PARTS);
        std::thread::scope(|scope| {
            for _ in 0..2 * PARTS {
                scope.spawn(|| {
                    (0..100).for_each(|_| counter.add(1));
                    running.wait();
                    (0..100).for_each(|_| counter.add(1));
                });
            }
        });
        assert_eq!(counter.sum(), 2 * 200 * PARTS as u64);
    }

    #[test]
    fn a_thread_keeps_its_part() {
        let numbers = PerThread::<AtomicU64>::default();
        assert!(std::ptr::eq(numbers.mine(), numbers.mine()));
        assert_eq!(numbers.iter().count(), 1);
    }
}
