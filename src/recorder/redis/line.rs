//! The line to Redis: asks, and says once when it is dead and once when it lives again.
//!
//! Thousands of calls may fail in an outage that lasts a minute. Who asked before the outage was known says nothing of
//! its end by an answer, and little by a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::Value;

use super::batch::Batch;
use crate::logging::Logger;
use crate::redis::{Purpose, RedisError, Server};

/// Asks Redis, for everything that is recorded.
#[derive(Debug)]
pub(super) struct Line {
    server: Arc<dyn Server>,
    dead: AtomicBool,
    log: Logger,
}

impl Line {
    pub(super) fn new(server: Arc<dyn Server>, log: Logger) -> Self {
        Line { server, dead: AtomicBool::new(false), log }
    }

    /// Whether nothing was answered last.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// How long one attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.server.timeout()
    }

    /// One answer per command; none if it may be that nothing was done.
    pub(super) fn ask(&self, batch: &Batch, until: Option<Instant>) -> Option<Vec<Value>> {
        let was_dead = self.is_dead();
        match self.server.ask(batch.commands(), Purpose::Write, until) {
            Ok(answers) => {
                if was_dead && self.dead.swap(false, Ordering::Relaxed) {
                    self.log.info("recorder", format_args!("Redis takes records again: what waits is pushed now"));
                }
                Some(answers)
            }
            Err(error @ RedisError::Closed) => {
                self.log.debug("recorder", format_args!("not pushed: {error}"));
                None
            }
            Err(error) => {
                if self.dead.swap(true, Ordering::Relaxed) {
                    self.log.debug("recorder", format_args!("still waiting for Redis: {error}"));
                } else {
                    // The error is the connections', which say it once for all who need them.
                    let what = "what evaluations and track leave behind waits until Redis takes it";
                    self.log.warning("recorder", format_args!("{what}: {error}"));
                }
                None
            }
        }
    }

    /// The same for what is not worth a word, nor a second attempt.
    pub(super) fn ask_quietly(&self, batch: &Batch, until: Option<Instant>) -> Option<Vec<Value>> {
        if batch.is_empty() {
            return None;
        }
        let answers = self.server.ask(batch.commands(), Purpose::Write, until);
        answers.inspect_err(|error| self.log.debug("recorder", format_args!("not written: {error}"))).ok()
    }
}

/// What the server refuses although it answers: another type of key, no permission, no memory.
#[derive(Debug)]
pub(super) struct Complaint {
    /// In the plural.
    what: &'static str,
    refused: AtomicBool,
    log: Logger,
}

impl Complaint {
    pub(super) fn new(what: &'static str, log: Logger) -> Self {
        Complaint { what, refused: AtomicBool::new(false), log }
    }

    /// Said once.
    pub(super) fn refused(&self, why: &str) {
        let what = self.what;
        if self.refused.swap(true, Ordering::Relaxed) {
            self.log.debug("recorder", format_args!("Redis still refuses {what}: {why}"));
        } else {
            self.log.error("recorder", format_args!("Redis refuses {what}, which wait until it does not: {why}"));
        }
    }

    pub(super) fn accepted(&self) {
        if self.refused.load(Ordering::Relaxed) && self.refused.swap(false, Ordering::Relaxed) {
            self.log.info("recorder", format_args!("Redis takes {} again", self.what));
        }
    }
}
