//! A few answers and when they were last given, in one cache line.
//!
//! Threads read and write it without a lock. Two that race for a new answer may both find it new, and one that looks for
//! an answer while another takes its place may get that one's time: which answer is forgotten is all that differs.

use crate::concurrent::{AtomicU64, Ordering};

/// Fingerprints of answers, then the times of each. 0 marks an empty place.
#[derive(Clone, Copy)]
pub(super) struct Sightings<'a>(&'a [AtomicU64]);

const WAYS: usize = 4;

impl<'a> Sightings<'a> {
    /// Numbers in the line.
    pub(super) const WORDS: usize = 2 * WAYS;

    /// `words` are [`Sightings::WORDS`].
    #[inline(always)]
    pub(super) fn new(words: &'a [AtomicU64]) -> Self {
        Sightings(words)
    }

    /// Remembers that the answer with this fingerprint, not 0, was given at `now`, and returns when it was given before.
    #[inline(always)]
    pub(super) fn test_and_set(self, fingerprint: u64, now: u64) -> Option<u64> {
        let (fingerprints, times) = self.0.split_at(WAYS);
        for (known, time) in fingerprints.iter().zip(times) {
            if known.load(Ordering::Acquire) == fingerprint {
                let previous = time.load(Ordering::Relaxed);
                if previous != now {
                    // Whoever loses this race was given the answer at the winner's time or after it.
                    if let Err(winner) = time.compare_exchange(previous, now, Ordering::Relaxed, Ordering::Relaxed) {
                        return Some(winner);
                    }
                }
                return Some(previous);
            }
        }
        self.remember(fingerprint, now);
        None
    }

    /// Puts a new answer in the place of the oldest.
    #[cold]
    #[inline(never)]
    fn remember(self, fingerprint: u64, now: u64) {
        let (fingerprints, times) = self.0.split_at(WAYS);
        let oldest = (0..WAYS).min_by_key(|&way| match fingerprints[way].load(Ordering::Relaxed) {
            0 => 0,
            _ => times[way].load(Ordering::Relaxed),
        });
        // The range is not empty.
        if let Some(way) = oldest {
            times[way].store(now, Ordering::Relaxed);
            fingerprints[way].store(fingerprint, Ordering::Release);
        }
    }
}
