//! The line to Redis: asks, and says once when it is dead and once when it lives again.
//!
//! Thousands of calls may fail in an outage that lasts a minute. Who asked before the outage was known says nothing of
//! its end by an answer, and little by a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use redis::Value;

use super::batch::{Batch, Push, Unanswered};
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::redis::{Purpose, RedisError, Server};

/// What is known of commands without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    NotDone,
    PerhapsDone,
}

/// Asks Redis, for everything that is recorded.
#[derive(Debug)]
pub(super) struct Line {
    server: Arc<dyn Server>,
    dead: AtomicBool,
    /// When the factory ends, once it is to end.
    end: OnceLock<Instant>,
    log: Logger,
}

impl Line {
    pub(super) fn new(server: Arc<dyn Server>, log: Logger) -> Self {
        Line { server, dead: AtomicBool::new(false), end: OnceLock::new(), log }
    }

    /// Whether nothing was answered last.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// How long one attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.server.timeout()
    }

    /// Whether a Redis that is silent until then can be called so: a caller who has spent its time on other answers
    /// would take a slow one for dead.
    pub(super) fn is_enough(&self, until: Instant) -> bool {
        until.saturating_duration_since(Instant::now()) >= self.timeout() * 9 / 10
    }

    /// Lets nobody ask in the background beyond the end of the factory. Only the first end counts.
    pub(super) fn end_by(&self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            self.end.get_or_init(|| deadline);
        }
    }

    /// How long who asks in the background waits: as long as a call, for the end of a factory may have to wait for it.
    fn background(&self) -> Instant {
        let longest = Instant::now() + 2 * self.timeout();
        self.end.get().map_or(longest, |&end| longest.min(end))
    }

    /// One answer per command; none if it may be that nothing was done. Without `until` it is asked in the background.
    pub(super) fn ask(&self, batch: &Batch, until: Option<Instant>) -> Option<Vec<Value>> {
        self.try_asking(batch, until).ok()
    }

    /// The same for a batch that holds a push; remembers one that may have been done all the same.
    pub(super) fn push(
        &self,
        batch: &Batch,
        push: Push,
        unanswered: &Unanswered,
        until: Option<Instant>,
    ) -> Option<Vec<Value>> {
        let answers = self.try_asking(batch, until);
        if answers.as_ref().is_err_and(|&doubt| doubt == Doubt::PerhapsDone) {
            unanswered.add(push);
        }
        answers.ok()
    }

    fn try_asking(&self, batch: &Batch, until: Option<Instant>) -> Result<Vec<Value>, Doubt> {
        let was_dead = self.is_dead();
        let until = until.unwrap_or_else(|| self.background());
        let is_hurried = !self.is_enough(until);
        let answers = self.server.ask(batch.commands(), Purpose::Write, Some(until));
        let doubt = match &answers {
            Err(RedisError::Timeout { .. } | RedisError::Broken { .. }) => Doubt::PerhapsDone,
            _ => Doubt::NotDone,
        };
        match answers {
            Ok(answers) => {
                if was_dead && self.dead.swap(false, Ordering::Relaxed) {
                    self.log.info("recorder", format_args!("Redis takes records again: what waits is pushed now"));
                }
                Ok(answers)
            }
            Err(error @ RedisError::Closed) => {
                self.log.debug("recorder", format_args!("not pushed: {error}"));
                Err(doubt)
            }
            Err(error @ RedisError::Timeout { .. }) if is_hurried => {
                self.log.debug("recorder", format_args!("not pushed in the time that was left: {error}"));
                Err(doubt)
            }
            Err(error) => {
                if self.dead.swap(true, Ordering::Relaxed) {
                    self.log.debug("recorder", format_args!("still waiting for Redis: {error}"));
                } else {
                    // The error is the connections', which say it once for all who need them.
                    let what = "what evaluations and track leave behind waits until Redis takes it";
                    self.log.warning("recorder", format_args!("{what}: {error}"));
                }
                Err(doubt)
            }
        }
    }

    /// The same for what is not worth a word, nor a second attempt.
    pub(super) fn ask_quietly(&self, batch: &Batch, until: Option<Instant>) -> Option<Vec<Value>> {
        if batch.is_empty() {
            return None;
        }
        let until = until.unwrap_or_else(|| self.background());
        let answers = self.server.ask(batch.commands(), Purpose::Write, Some(until));
        answers.inspect_err(|error| self.log.debug("recorder", format_args!("not written: {error}"))).ok()
    }
}

/// What the server refuses although it answers: another type of key, no permission, no memory.
#[derive(Debug)]
pub(super) struct Refusals {
    /// In the plural.
    what: &'static str,
    complaint: Complaint,
}

impl Refusals {
    pub(super) fn new(what: &'static str, log: Logger) -> Self {
        Refusals { what, complaint: Complaint::new(log, "recorder") }
    }

    pub(super) fn refused(&self, why: &str) {
        let what = self.what;
        self.complaint.say_about(
            Level::Error,
            "refused",
            format_args!("Redis refuses {what}, which wait until it does not: {why}"),
        );
    }

    pub(super) fn accepted(&self) {
        self.complaint.settle(format_args!("Redis takes {} again", self.what));
    }
}
