//! Asking again and again: when polls run, and when not.
//!
//! A poll begins one period after the last one ended, so it never overlaps itself, and the period is spread, so that a fleet
//! that was started together does not ask together. Streaming switches polling on and off.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

/// When the first poll runs after polling was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstRun {
    /// After a period: everything was fetched just now.
    AfterPeriod,
    /// At once: something may have been missed.
    Now,
}

/// Whether polls run.
#[derive(Debug)]
pub(super) struct Polling(watch::Sender<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    running: Option<FirstRun>,
    /// Tells a stop and a start from no change.
    round: u64,
}

impl Polling {
    /// Not started.
    pub(super) fn new() -> Self {
        Polling(watch::Sender::new(State { running: None, round: 0 }))
    }

    /// Starts the polls; no effect if they are.
    pub(super) fn start(&self, first: FirstRun) {
        self.0.send_if_modified(|state| {
            let starts = state.running.is_none();
            if starts {
                *state = State { running: Some(first), round: state.round + 1 };
            }
            starts
        });
    }

    /// Stops the polls, also in the middle of one; no effect if they are.
    pub(super) fn stop(&self) {
        self.0.send_if_modified(|state| state.running.take().is_some());
    }

    /// Runs `poll` while polling is on, with the pause that `period` draws plus what the poll itself asks for, and at once
    /// when `hurry` changes.
    pub(super) async fn repeat<F>(
        &self,
        mut hurry: watch::Receiver<u64>,
        period: impl Fn() -> Duration,
        poll: impl Fn() -> F,
    ) where
        F: Future<Output = Duration>,
    {
        let mut state = self.0.subscribe();
        loop {
            // An error is a sender that is gone, and it lives as long as this.
            let Ok(running) = state.wait_for(|state| state.running.is_some()).await.map(|state| state.running) else {
                return;
            };
            let mut pause = if running == Some(FirstRun::Now) { Duration::ZERO } else { period() };
            hurry.mark_unchanged();
            loop {
                tokio::select! {
                    _ = state.changed() => break,
                    _ = hurry.changed() => {}
                    () = tokio::time::sleep(pause) => {}
                }
                tokio::select! {
                    _ = state.changed() => break,
                    extra = poll() => pause = period() + extra,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use tokio::time::{Instant, sleep};

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// When polls ran, in seconds, while `script` turned polling on and off. Each takes 2 s.
    async fn ran(script: impl AsyncFnOnce(&Polling, &watch::Sender<u64>)) -> Vec<u64> {
        let start = Instant::now();
        let times = RefCell::new(Vec::new());
        let polling = Polling::new();
        let hurry = watch::Sender::new(0);
        let poll = || async {
            times.borrow_mut().push(start.elapsed().as_secs());
            sleep(seconds(2)).await;
            // The third one is asked to stay away for a while.
            if times.borrow().len() == 3 { seconds(100) } else { Duration::ZERO }
        };
        tokio::select! {
            () = polling.repeat(hurry.subscribe(), || seconds(30), poll) => {}
            () = script(&polling, &hurry) => {}
        }
        times.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_after_the_end_of_the_last() {
        let times = ran(async |polling, _| {
            sleep(seconds(10)).await;
            polling.start(FirstRun::AfterPeriod);
            polling.start(FirstRun::Now);
            sleep(seconds(270)).await;
        });
        assert_eq!(times.await, [40, 72, 104, 236, 268]);
    }

    #[tokio::test(start_paused = true)]
    async fn starts_and_stops_are_idempotent_and_prompt() {
        let times = ran(async |polling, _| {
            polling.stop();
            polling.start(FirstRun::Now);
            sleep(seconds(1)).await;
            // In the middle of a poll, twice.
            polling.stop();
            polling.stop();
            sleep(seconds(100)).await;
            polling.start(FirstRun::Now);
            sleep(seconds(5)).await;
            polling.stop();
            polling.start(FirstRun::AfterPeriod);
            sleep(seconds(31)).await;
        });
        assert_eq!(times.await, [0, 101, 136]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_suspension_at_once() {
        let times = ran(async |polling, hurry| {
            hurry.send_modify(|count| *count += 1);
            polling.start(FirstRun::AfterPeriod);
            sleep(seconds(5)).await;
            hurry.send_modify(|count| *count += 1);
            sleep(seconds(33)).await;
        });
        assert_eq!(times.await, [5, 37]);
    }
}
