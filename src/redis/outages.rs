//! One line when Redis stops answering and one when it is back, however many calls fail in between.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::locks::Mutex;

use super::RedisError;
use crate::logging::{Level, Logger};

/// An outage that begins so soon after the last one is told of in debug lines only: what comes and goes with every
/// other call must not fill the log.
const CALM: Duration = Duration::from_secs(10);

/// Watches how calls end.
pub(super) struct Outages {
    log: Logger,
    /// For calls that are answered: nothing else is looked at while all is well.
    is_out: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Outage>,
    /// When an outage was last told of.
    told: Option<Instant>,
}

struct Outage {
    begun: Instant,
    calls: u64,
    is_quiet: bool,
}

impl Outages {
    pub(super) fn new(log: Logger) -> Self {
        Outages { log, is_out: AtomicBool::new(false), state: Mutex::default() }
    }

    /// A call was answered.
    #[inline]
    pub(super) fn answered(&self) {
        if self.is_out.load(Ordering::Relaxed) {
            self.over(Instant::now());
        }
    }

    #[cold]
    fn over(&self, now: Instant) {
        let over = self.state.lock().current.take();
        self.is_out.store(false, Ordering::Relaxed);
        if let Some(Outage { begun, calls, is_quiet }) = over {
            let level = if is_quiet { Level::Debug } else { Level::Info };
            let seconds = now.saturating_duration_since(begun).as_secs_f64();
            self.log.log(
                level,
                "redis",
                format_args!("Redis answers again, after {seconds:.1} s and {calls} failed calls"),
            );
        }
    }

    /// A call was not answered.
    #[cold]
    pub(super) fn failed(&self, error: &RedisError, now: Instant) {
        if matches!(error, RedisError::Closed) {
            return;
        }
        let mut state = self.state.lock();
        let State { current, told } = &mut *state;
        let is_quiet = told.is_some_and(|told| now.saturating_duration_since(told) < CALM);
        match current {
            Some(outage) => {
                outage.calls += 1;
                if !outage.is_quiet || is_quiet {
                    return;
                }
                // It began quietly and did not go.
                outage.is_quiet = false;
            }
            None => *current = Some(Outage { begun: now, calls: 1, is_quiet }),
        }
        if !is_quiet {
            *told = Some(now);
        }
        self.is_out.store(true, Ordering::Relaxed);
        drop(state);
        let level = if is_quiet { Level::Debug } else { Level::Error };
        self.log.log(level, "redis", format_args!("{error}; further failures are counted until it answers again"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_for_an_outage() {
        let (log, lines) = Logger::recording(Level::Info);
        let outages = Outages::new(log);
        let silence = RedisError::Timeout { endpoint: "r:1".into() };
        let begun = Instant::now();
        outages.answered();
        outages.failed(&RedisError::Closed, begun);
        for _ in 0..1000 {
            outages.failed(&silence, begun);
        }
        outages.over(begun + Duration::from_secs(30));
        let expected = [
            (Level::Error, "Redis at r:1 did not answer in time; further failures are counted until it answers again"),
            (Level::Info, "Redis answers again, after 30.0 s and 1000 failed calls"),
        ];
        assert_eq!(lines.lines(), expected.map(|(level, text)| (level, text.to_owned())));
        // In quick succession they are details.
        outages.failed(&silence, begun + CALM / 2);
        outages.answered();
        assert_eq!(lines.lines().len(), 2);
        outages.failed(&silence, begun + CALM / 2);
        assert_eq!(lines.lines().len(), 2);
        // Until it lasts.
        outages.failed(&silence, begun + CALM);
        assert_eq!(lines.lines().len(), 3);
    }
}
