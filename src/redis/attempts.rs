//! When the next connection may be tried.
//!
//! While Redis is away, one caller at a time tries to reach it, with growing pauses; everybody else is told at once what
//! the last one found. So a fleet does not hammer a server that comes back, and evaluations do not queue up behind a host
//! that swallows connections.

use std::time::{Duration, Instant};

use super::locks::Mutex;

use super::RedisError;
use crate::backoff::{Backoff, seeded_random};

/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Decides who may try.
pub(super) struct Attempts {
    state: Mutex<State>,
}

struct State {
    backoff: Backoff,
    random: fastrand::Rng,
    failure: Option<Failure>,
}

struct Failure {
    cause: RedisError,
    /// No attempt before.
    until: Instant,
    /// Whether somebody tries just now.
    is_tried: bool,
}

/// The permission to try once. Tell what came of it, or it counts for nothing.
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    /// Whether it is the one that others wait for the outcome of.
    is_trial: bool,
}

impl Attempts {
    pub(super) fn new() -> Self {
        let backoff = Backoff::new(PAUSES.0, PAUSES.1, 0.8..=1.0);
        Attempts { state: Mutex::new(State { backoff, random: seeded_random(), failure: None }) }
    }

    /// Allows an attempt, or says why the last one failed.
    pub(super) fn begin(&self, now: Instant) -> Result<Attempt<'_>, RedisError> {
        let mut state = self.state.lock();
        match &mut state.failure {
            None => Ok(Attempt { attempts: self, is_trial: false }),
            Some(failure) if failure.is_tried || now < failure.until => Err(failure.cause.repeated()),
            Some(failure) => {
                failure.is_tried = true;
                Ok(Attempt { attempts: self, is_trial: true })
            }
        }
    }
}

impl Attempt<'_> {
    /// Redis is reached.
    pub(super) fn succeeded(self) {
        let mut state = self.attempts.state.lock();
        state.failure = None;
        state.backoff.reset();
    }

    /// Redis is not reached.
    pub(super) fn failed(self, cause: &RedisError, now: Instant) {
        let mut state = self.attempts.state.lock();
        // Of several that began together, the first to fail speaks for all: the pause grows once.
        if state.failure.is_none() || self.is_trial {
            let State { backoff, random, failure } = &mut *state;
            let until = now + backoff.next(random);
            *failure = Some(Failure { cause: cause.repeated(), until, is_tried: false });
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_trial
            && let Some(failure) = &mut self.attempts.state.lock().failure
        {
            failure.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> RedisError {
        RedisError::Connect { endpoint: "r:1".into(), cause: std::io::ErrorKind::ConnectionRefused.into() }
    }

    #[test]
    fn one_at_a_time_with_growing_pauses() {
        let attempts = Attempts::new();
        let mut now = Instant::now();
        let (first, second) = (attempts.begin(now).expect("no failure yet"), attempts.begin(now).expect("none yet"));
        first.failed(&refusal(), now);
        second.failed(&refusal(), now);
        for (failures, pause) in [50, 100, 200, 400, 800, 1600, 2000, 2000].into_iter().enumerate() {
            let pause = Duration::from_millis(pause);
            let early = attempts.begin(now + pause.mul_f64(0.79)).err().expect("too early");
            assert!(early.to_string().contains("cannot connect to Redis at r:1"), "{early}");
            now += pause;
            let trial = attempts.begin(now).unwrap_or_else(|error| panic!("{failures}: {error}"));
            assert!(attempts.begin(now).is_err(), "{failures}: two at a time");
            trial.failed(&refusal(), now);
        }
        now += PAUSES.1;
        // Given up without a word, as by a panic.
        drop(attempts.begin(now).expect("time has passed"));
        attempts.begin(now).expect("time has passed").succeeded();
        let (one, _two) = (attempts.begin(now).expect("reached"), attempts.begin(now).expect("reached"));
        one.failed(&refusal(), now);
        assert!(attempts.begin(now + PAUSES.0).is_ok(), "the pauses begin anew");
    }

    #[test]
    fn b20_a_night_of_failures() {
        let attempts = Attempts::new();
        let mut now = Instant::now();
        for failures in 0..10_000 {
            attempts.begin(now).unwrap_or_else(|error| panic!("{failures}: {error}")).failed(&refusal(), now);
            assert!(attempts.begin(now).is_err(), "{failures}: no pause");
            now += PAUSES.1;
        }
    }
}
