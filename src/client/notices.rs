//! What the log hears of calls that come at the wrong time. Apart from the calls themselves, which are read for what
//! they do at the right one.

use std::sync::atomic::Ordering;

use super::{Client, counts};
use crate::config::Mode;
use crate::input::Method;
use crate::lifecycle::Status;

impl Client {
    pub(super) fn notice_unready(&self, method: Method) {
        if self.lifecycle.status() != Status::WaitingFork {
            return self.notice_not_ready(method);
        }
        if !self.warned_of_fork.swap(true, Ordering::Relaxed) {
            let consequence = match self.mode {
                Mode::Redis => "it does not read from Redis, so every flag is control or its fallback",
                _ => "it evaluates from the definitions at hand and records nothing",
            };
            self.log.warning("client", format_args!("{method}: the factory waits for resume: {consequence}"));
        }
    }

    pub(super) fn warn_of_empty_sets(&self, method: Method) {
        self.log
            .warning("client", format_args!("{method}: no feature flag is in these flag sets: nothing to evaluate"));
    }

    pub(super) fn notice_not_ready(&self, method: Method) {
        if counts(method) {
            self.telemetry.not_ready_use();
        }
        let message =
            format_args!("{method}: the SDK is not ready: results may be wrong; wait until it is ready first");
        match method {
            Method::Track => self.log.warning("client", message),
            _ => self.log.error("client", message),
        }
    }

    pub(super) fn complain_destroyed(&self, method: Method) {
        self.log.error("client", format_args!("{method}: the factory is destroyed; make a new one"));
    }
}
