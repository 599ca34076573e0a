//! When was this answer last given? The memory behind previous times and the de-duplication of impressions.
//!
//! A lock-free, four-way set-associative table: each cache line has four fingerprints and four times, and in the steady
//! state an evaluation only reads one (the time is stored once per tick of the coarse clock). The official SDKs keep a
//! global least-recently-used list behind a lock; ours forgets the oldest of a line instead, which can only be seen in
//! *which* answer is forgotten.

use std::sync::atomic::AtomicU64;

use once_cell::race::OnceBox;

use super::sightings::Sightings;

/// 4 ways each: 524,288 answers, above the 500,000 that Split's SDKs for servers remember.
const LINES: usize = 1 << 17;
const WORDS: usize = Sightings::WORDS;

/// The table; 8 MiB, taken at the first answer.
#[derive(Debug, Default)]
pub(super) struct Observer {
    /// Made without a lock, which a forked child could find held for ever.
    table: OnceBox<Table>,
}

#[derive(Debug)]
struct Table {
    words: Box<[AtomicU64]>,
    /// Where the first whole cache line begins.
    first: usize,
}

impl Observer {
    /// Remembers that an answer was given at `now`, and returns when it was given before.
    ///
    /// `fingerprint` is a hash of key, flag, treatment, label and change number.
    #[inline(always)]
    pub(super) fn test_and_set(&self, fingerprint: u64, now: i64) -> Option<i64> {
        let table = self.table.get_or_init(|| Box::new(Table::new()));
        // 0 marks an empty place.
        let fingerprint = fingerprint.max(1);
        let now = now.unsigned_abs();
        table.line(fingerprint).test_and_set(fingerprint, now).map(u64::cast_signed)
    }
}

impl Table {
    fn new() -> Self {
        let words: Box<[AtomicU64]> = bytemuck::allocation::zeroed_slice_box(LINES * WORDS + WORDS);
        let misaligned = (words.as_ptr().addr() / size_of::<u64>()) % WORDS;
        Table { words, first: (WORDS - misaligned) % WORDS }
    }

    #[inline(always)]
    fn line(&self, fingerprint: u64) -> Sightings<'_> {
        let index = (fingerprint >> (u64::BITS - LINES.trailing_zeros())) as usize;
        let start = self.first + index * WORDS;
        Sightings::new(&self.words[start..start + WORDS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sighting_is_remembered() {
        let observer = Observer::default();
        for (fingerprint, now, expected) in [
            (7, 100, None),
            (7, 100, Some(100)),
            (7, 150, Some(100)),
            (8, 160, None),
            (7, 170, Some(150)),
            (0, 1, None),
            (0, 2, Some(1)),
        ] {
            assert_eq!(observer.test_and_set(fingerprint, now), expected, "{fingerprint} at {now}");
        }
    }

    #[test]
    fn a_full_line_forgets_its_oldest() {
        let observer = Observer::default();
        for fingerprint in 1..=5 {
            assert_eq!(observer.test_and_set(fingerprint, fingerprint.cast_signed()), None);
        }
        assert_eq!(observer.test_and_set(5, 10), Some(5));
        assert_eq!(observer.test_and_set(2, 11), Some(2));
        assert_eq!(observer.test_and_set(1, 12), None);
    }

    #[test]
    fn half_a_million_answers_fit() {
        let observer = Observer::default();
        let fingerprint = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for n in 1..=400_000 {
            observer.test_and_set(fingerprint(n), 1);
        }
        let known = (1..=400_000).filter(|&n| observer.test_and_set(fingerprint(n), 1).is_some()).count();
        assert!(known > 380_000, "{known}");
    }
}
