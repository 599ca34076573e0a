//! Numbers that every thread writes and one reads now and then.
//!
//! A counter that two threads write is a cache line that two processors fight for, and costs an evaluation more than all
//! its rules. So each thread has a part of its own, made without a lock.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use once_cell::race::OnceBox;

/// More threads than this share parts, which is slower but not wrong.
const PARTS: usize = 64;

thread_local! {
    static PART: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The part of the calling thread.
#[inline]
fn part() -> usize {
    let part = PART.get();
    if part < PARTS { part } else { first_use() }
}

#[cold]
fn first_use() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let part = NEXT.fetch_add(1, Ordering::Relaxed) % PARTS;
    PART.set(part);
    part
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
        &self.0[part()].get_or_init(|| Box::new(Apart::default())).0
    }

    /// All that were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(OnceBox::get).map(|apart| &apart.0)
    }
}

impl<T> Default for PerThread<T> {
    fn default() -> Self {
        PerThread([const { OnceBox::new() }; PARTS])
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
        self.0.mine().fetch_add(count, Ordering::Relaxed);
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
    fn a_thread_keeps_its_part() {
        let numbers = PerThread::<AtomicU64>::default();
        assert!(std::ptr::eq(numbers.mine(), numbers.mine()));
        assert_eq!(numbers.iter().count(), 1);
    }
}
