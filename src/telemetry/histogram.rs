//! Latencies in the buckets that Split's backend knows.
//!
//! The bounds are microseconds. Split's Python SDK looks milliseconds up in them, so that everything lands in the first
//! bucket; ours are measured in what they are looked up in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const BUCKETS: usize = 23;

/// The longest latency of each bucket, in microseconds: 1000 * 1.5^i, rounded. The last bucket has no bound.
const LONGEST: [u64; BUCKETS - 1] = [
    1000, 1500, 2250, 3375, 5063, 7594, 11_391, 17_086, 25_629, 38_443, 57_665, 86_498, 129_746, 194_620, 291_929,
    437_894, 656_841, 985_261, 1_477_892, 2_216_838, 3_325_257, 4_987_885,
];

/// How many latencies fell into each bucket.
#[derive(Debug, Default)]
pub(crate) struct Histogram([AtomicU64; BUCKETS]);

impl Histogram {
    pub(crate) fn record(&self, latency: Duration) {
        self.0[bucket(latency)].fetch_add(1, Ordering::Relaxed);
    }

    /// Moves the counts to `take`, which is given each bucket that has one.
    pub(crate) fn pop_each(&self, mut take: impl FnMut(usize, u64)) {
        for (bucket, count) in self.0.iter().enumerate() {
            // Most are empty, and reading disturbs no other thread.
            if count.load(Ordering::Relaxed) > 0 {
                take(bucket, count.swap(0, Ordering::Relaxed));
            }
        }
    }

    /// Adds to a bucket what was popped of it.
    pub(crate) fn put_back(&self, bucket: usize, count: u64) {
        self.0[bucket].fetch_add(count, Ordering::Relaxed);
    }

    /// Moves the counts to `sums`.
    pub(crate) fn pop_into(&self, sums: &mut [u64; BUCKETS]) {
        for (count, sum) in self.0.iter().zip(sums) {
            *sum += count.swap(0, Ordering::Relaxed);
        }
    }
}

/// A fraction of a microsecond above a bound is above it.
fn bucket(latency: Duration) -> usize {
    let microseconds = latency.as_nanos().div_ceil(1000);
    LONGEST.partition_point(|&longest| u128::from(longest) < microseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_by_half() {
        for (index, longest) in LONGEST.into_iter().enumerate() {
            let exact = 1000.0 * 1.5_f64.powi(i32::try_from(index).expect("small"));
            assert!((exact - longest as f64).abs() <= 0.5, "{index}: {longest} for {exact}");
        }
    }

    #[test]
    fn bounds_belong_to_their_bucket() {
        let cases = [
            (0, 0),
            (1000, 0),
            (1001, 1),
            (1500, 1),
            (5063, 4),
            (5064, 5),
            (4_987_885, 21),
            (4_987_886, 22),
            (7_481_828, 22),
            (1_000_000_000, 22),
        ];
        for (microseconds, expected) in cases {
            assert_eq!(bucket(Duration::from_micros(microseconds)), expected, "{microseconds}");
        }
        assert_eq!(bucket(Duration::from_nanos(1_000_001)), 1);
        assert_eq!(bucket(Duration::MAX), 22);
    }

    #[test]
    fn popping_empties() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(1));
        histogram.record(Duration::from_millis(2));
        let mut sums = [1; BUCKETS];
        histogram.pop_into(&mut sums);
        histogram.pop_into(&mut sums);
        assert_eq!(sums[..4], [2, 1, 2, 1]);
    }

    #[test]
    fn only_buckets_with_something_in_them_are_popped_and_can_be_put_back() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_millis(2));
        histogram.put_back(22, 7);
        let pop = || {
            let mut popped = Vec::new();
            histogram.pop_each(|bucket, count| popped.push((bucket, count)));
            popped
        };
        assert_eq!((pop(), pop()), (vec![(2, 1), (22, 7)], vec![]));
    }
}
