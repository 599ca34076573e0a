//! Fetching until an announced change is there.
//!
//! The stream announces a change before every node of the CDN has it. So a fetch that does not bring it is repeated, ten
//! times in quick succession; then with `till`, which makes the CDN ask the backend itself, and with growing pauses.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::backend::FetchError;
use crate::backoff::Backoff;

/// Attempts without `till`, and as many with it.
const ATTEMPTS: u32 = 10;
const QUICK: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_secs(10);
const SLOWEST: Duration = Duration::from_secs(60);

/// The pauses between attempts with `till`, which are also those between retries of a segment that failed.
pub(super) fn slow_backoff() -> Backoff {
    Backoff::new(SLOW, SLOWEST, 1.0..=1.0)
}

/// What is to be reached.
pub(super) trait Target: Copy + PartialEq + Send + Sync {
    /// Nothing in particular.
    const NONE: Self;

    /// What reaches both.
    fn with(self, other: Self) -> Self;

    /// What the CDN is asked for when it does not have it.
    fn till(self) -> i64;
}

/// Change numbers to reach; for a segment.
impl Target for i64 {
    const NONE: Self = i64::MIN;

    fn with(self, other: Self) -> Self {
        self.max(other)
    }

    fn till(self) -> i64 {
        self
    }
}

/// The pursuit of one thing, whose target may move on meanwhile. Whoever joins waits for its end.
#[derive(Debug)]
pub(super) struct Pursuit<T> {
    wanted: watch::Sender<T>,
    turn: tokio::sync::Mutex<()>,
    /// How many pursuits ended, and what the last one that failed was after.
    ended: AtomicU64,
    missed: Mutex<T>,
    random: Mutex<fastrand::Rng>,
}

impl<T: Target> Pursuit<T> {
    pub(super) fn new(random: fastrand::Rng) -> Self {
        Pursuit {
            wanted: watch::Sender::new(T::NONE),
            turn: tokio::sync::Mutex::default(),
            ended: AtomicU64::new(0),
            missed: Mutex::new(T::NONE),
            random: Mutex::new(random),
        }
    }

    /// Makes attempts, each with what `till` is to be, until `is_reached` says so; false when all were in vain. A target
    /// beyond that of a pursuit under way lets it begin anew.
    ///
    /// # Errors
    /// When an attempt shows that others are of no use.
    pub(super) async fn pursue<F>(
        &self,
        target: T,
        is_reached: impl Fn(T) -> bool,
        attempt: impl Fn(T, Option<i64>) -> F,
    ) -> Result<bool, FetchError>
    where
        F: Future<Output = Result<(), FetchError>>,
    {
        let mut wanted = self.wanted.subscribe();
        self.raise(target);
        let ended = self.ended.load(Ordering::Acquire);
        let _turn = self.turn.lock().await;
        if is_reached(target) {
            return Ok(true);
        }
        let missed = *self.missed();
        if self.ended.load(Ordering::Acquire) != ended && missed.with(target) == missed {
            // Whom this one joined was after as much, and in vain.
            return Ok(false);
        }
        'anew: loop {
            let target = *wanted.borrow_and_update();
            let mut slow = slow_backoff();
            for number in 0..2 * ATTEMPTS {
                let bypass = (number >= ATTEMPTS).then(|| target.till());
                let mut wait = if number < ATTEMPTS { QUICK } else { self.draw(&mut slow) };
                match attempt(target, bypass).await {
                    Ok(()) => {}
                    Err(failure) if failure.is_passing() => wait += failure.retry_after(),
                    Err(failure) => {
                        self.end(target);
                        return Err(failure);
                    }
                }
                if is_reached(target) {
                    return Ok(true);
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    moved = wanted.changed() => if moved.is_ok() { continue 'anew },
                }
            }
            self.end(target);
            return Ok(false);
        }
    }

    /// Makes a pursuit under way begin anew if this is beyond what it is after.
    pub(super) fn raise(&self, target: T) {
        self.wanted.send_if_modified(|wanted| {
            let both = wanted.with(target);
            std::mem::replace(wanted, both) != both
        });
    }

    /// In vain. The next one is not to be after this again, should it never have been there.
    fn end(&self, target: T) {
        self.wanted.send_if_modified(|wanted| {
            if *wanted == target {
                *wanted = T::NONE;
            }
            false
        });
        *self.missed() = target;
        self.ended.fetch_add(1, Ordering::Release);
    }

    fn missed(&self) -> std::sync::MutexGuard<'_, T> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, backoff: &mut Backoff) -> Duration {
        backoff.next(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use tokio::time::Instant;

    use super::super::testing::{assert_pauses, status, timeout};
    use super::*;

    fn pursuit() -> Pursuit<i64> {
        Pursuit::new(fastrand::Rng::with_seed(7))
    }

    #[tokio::test(start_paused = true)]
    async fn ten_quick_attempts_then_ten_slow_ones_with_till() {
        let start = Instant::now();
        let seen = RefCell::new(Vec::new());
        let attempt = async |_: i64, till: Option<i64>| {
            seen.borrow_mut().push((start.elapsed().as_millis(), till));
            // What may pass counts as an attempt like any other.
            if seen.borrow().len() % 2 == 0 { Err(timeout()) } else { Ok(()) }
        };
        let outcome = pursuit().pursue(5, |_| false, attempt).await;
        assert!(matches!(outcome, Ok(false)), "{outcome:?}");
        let seen = seen.into_inner();
        let quick: Vec<_> = (0..10).map(|n| (n * 50, None)).collect();
        assert_eq!(seen[..10], quick);
        let slow = [0_u128, 10, 30, 70, 130, 190, 250, 310, 370, 430].map(|s| (500 + s * 1000, Some(5)));
        assert_eq!(seen[10..], slow);
    }

    /// Delays of exponential growth overflowed after hours of failures.
    #[tokio::test(start_paused = true)]
    async fn b20_ten_thousand_failures_of_what_was_announced() {
        let start = Instant::now();
        let times = RefCell::new(Vec::new());
        let pursuit = pursuit();
        for target in 0..500 {
            let attempt = async |_: i64, _: Option<i64>| {
                times.borrow_mut().push(start.elapsed());
                Err(timeout())
            };
            let outcome = pursuit.pursue(target, |_| false, attempt).await;
            assert!(matches!(outcome, Ok(false)), "{target}: {outcome:?}");
        }
        assert_pauses(&times.into_inner(), 9_999, QUICK, SLOWEST);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_tried_again() {
        for (code, attempts) in
            [(400, 1), (401, 1), (403, 1), (404, 1), (414, 1), (408, 20), (429, 20), (500, 20), (503, 20), (304, 20)]
        {
            let count = Cell::new(0);
            let attempt = async |_: i64, _: Option<i64>| {
                count.set(count.get() + 1);
                Err(status(code, None))
            };
            let outcome = pursuit().pursue(5, |_| false, attempt).await;
            assert_eq!((count.get(), outcome.is_err()), (attempts, attempts == 1), "{code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_asks_for_a_pause_gets_it() {
        let start = Instant::now();
        let count = Cell::new(0);
        let attempt = async |_: i64, _: Option<i64>| {
            count.set(count.get() + 1);
            if count.get() == 1 { Err(status(429, Some(Duration::from_secs(7)))) } else { Ok(()) }
        };
        let outcome = pursuit().pursue(5, |_| count.get() == 2, attempt).await;
        assert_eq!((outcome.is_ok_and(|reached| reached), start.elapsed().as_millis()), (true, 7050));
    }

    #[tokio::test(start_paused = true)]
    async fn a_higher_target_begins_anew_and_is_shared() {
        let pursuit = Rc::new(pursuit());
        let seen = Rc::new(RefCell::new(Vec::new()));
        let stored = Rc::new(Cell::new(0));
        let run = |target| {
            let (pursuit, seen, stored) = (Rc::clone(&pursuit), Rc::clone(&seen), Rc::clone(&stored));
            async move {
                let attempt = async |target: i64, till: Option<i64>| {
                    seen.borrow_mut().push((target, till));
                    if (target, till) == (9, Some(9)) {
                        stored.set(9);
                    }
                    Ok(())
                };
                pursuit.pursue(target, |target| stored.get() >= target, attempt).await
            }
        };
        let later = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            run(9).await
        };
        let (first, second) = tokio::join!(run(5), later);
        assert!(first.is_ok_and(|reached| reached) && second.is_ok_and(|reached| reached));
        let seen = seen.borrow();
        // 5: ten quick and two slow ones (0.5 s, 10.5 s); 9 comes at 20 s.
        assert_eq!(seen.len(), 12 + 11, "{seen:?}");
        assert_eq!((seen[11], seen[12], seen[22]), ((5, Some(5)), (9, None), (9, Some(9))));
    }

    #[tokio::test(start_paused = true)]
    async fn who_joins_a_vain_pursuit_does_not_repeat_it() {
        let pursuit = pursuit();
        let count = Cell::new(0);
        let attempt = async |_: i64, _: Option<i64>| {
            count.set(count.get() + 1);
            Ok(())
        };
        let (one, two) = tokio::join!(pursuit.pursue(5, |_| false, attempt), pursuit.pursue(5, |_| false, attempt));
        assert!(matches!((one, two), (Ok(false), Ok(false))));
        assert_eq!(count.get(), 20);
        // Whoever comes later, for less, is not made to wait for what never came.
        let target = Cell::new(0);
        let attempt = async |wanted: i64, _: Option<i64>| {
            target.set(wanted);
            Ok(())
        };
        let outcome = pursuit.pursue(4, |_| target.get() != 0, attempt).await;
        assert_eq!((outcome.is_ok_and(|reached| reached), target.get()), (true, 4));
    }
}
