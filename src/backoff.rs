//! Waits between attempts, in one place: every retry of the SDK draws its waits here.
//!
//! Exponential delays elsewhere have overflowed after a night of failures, and fleets without jitter have come back all
//! in the same second. So the doubling stops at the cap, and every wait is spread.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

/// Waits between attempts: doubling from `first` to `cap`, each spread by `jitter`.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    /// What the doubling stops at: the cap divided by the largest factor, so that the spread stays below the cap
    /// and is a spread there too.
    ceiling: Duration,
    jitter: RangeInclusive<f64>,
    attempt: u32,
}

/// No wait is shorter, whatever is asked for: a wait of nothing is a busy loop.
const SHORTEST: Duration = Duration::from_millis(1);

impl Backoff {
    /// Waits that begin with `first` and never exceed `cap`, each multiplied by a factor drawn from `jitter`.
    pub(crate) fn new(first: Duration, cap: Duration, jitter: RangeInclusive<f64>) -> Self {
        let ceiling = cap.div_f64(jitter.end().max(1.0));
        Backoff { first: first.max(SHORTEST), ceiling, jitter, attempt: 0 }
    }

    /// How long to wait before the next attempt.
    pub(crate) fn next(&mut self, random: &mut fastrand::Rng) -> Duration {
        let doubled = 1_u32.checked_shl(self.attempt).and_then(|factor| self.first.checked_mul(factor));
        let wait = match doubled {
            Some(wait) if wait < self.ceiling => {
                self.attempt += 1;
                wait
            }
            // The exponent grows no further, so it cannot overflow.
            _ => self.ceiling,
        };
        let (low, high) = (*self.jitter.start(), *self.jitter.end());
        wait.mul_f64(low + (high - low) * random.f64()).max(SHORTEST)
    }

    /// Begins anew with the first wait: call it after a success.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// A generator whose numbers differ between the processes of a fork.
///
/// `fastrand`'s own seeds come from thread-local state, which children inherit; all of them would draw the same waits.
pub(crate) fn seeded_random() -> fastrand::Rng {
    let mut hasher = RandomState::new().build_hasher();
    std::process::id().hash(&mut hasher);
    SystemTime::now().hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn b20_never_zero_never_above_the_cap() {
        let cases = [
            (ms(1000), ms(30_000), 0.8..=1.2),
            (ms(1000), ms(1_800_000), 0.5..=1.0),
            (ms(10_000), ms(60_000), 1.0..=1.0),
            (ms(0), ms(60_000), 0.9..=1.1),
            (Duration::MAX, Duration::MAX, 0.9..=1.1),
        ];
        for (first, cap, jitter) in cases {
            let mut backoff = Backoff::new(first, cap, jitter.clone());
            let mut random = fastrand::Rng::with_seed(7);
            for attempt in 0..10_000 {
                let wait = backoff.next(&mut random);
                assert!(wait >= ms(1) && wait <= cap, "{first:?} {cap:?} {jitter:?}: {wait:?} at attempt {attempt}");
            }
        }
    }

    #[test]
    fn doubles_to_the_cap_and_begins_anew() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::new(ms(1000), ms(30_000), 1.0..=1.0);
        let mut waits = || (0..7).map(|_| backoff.next(&mut random).as_secs()).collect::<Vec<_>>();
        assert_eq!(waits(), [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(waits(), [30; 7]);
        backoff.reset();
        assert_eq!(backoff.next(&mut random), ms(1000));
    }

    #[test]
    fn waits_are_spread_at_the_cap_too() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::new(ms(1000), ms(30_000), 0.8..=1.2);
        let waits: Vec<_> = (0..1000).map(|_| backoff.next(&mut random)).skip(10).collect();
        let (low, high) = (waits.iter().min().expect("waits"), waits.iter().max().expect("waits"));
        assert!(*low < ms(20_500) && *high > ms(29_500), "{low:?} to {high:?}");
    }
}
