//! What is wrong is said once, and every hour while it lasts.
//!
//! A backend may be away for a night. A line for each attempt would fill disks; one line at the beginning would be
//! rotated away by the morning.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::logging::{Level, Logger};

const REMINDER: Duration = Duration::from_secs(3600);

/// The state of one thing that can be wrong.
#[derive(Debug)]
pub(super) struct Complaint {
    log: Logger,
    target: &'static str,
    said: Mutex<Option<Said>>,
}

#[derive(Debug)]
struct Said {
    text: String,
    at: Instant,
}

impl Complaint {
    pub(super) fn new(log: Logger, target: &'static str) -> Self {
        Complaint { log, target, said: Mutex::default() }
    }

    /// Something is wrong: said aloud when it is new, or an hour old; otherwise at debug level.
    pub(super) fn say(&self, level: Level, text: String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let known = said.as_ref().is_some_and(|said| said.text == text && said.at.elapsed() < REMINDER);
        let level = if known { Level::Debug } else { level };
        if !known {
            *said = Some(Said { text: text.clone(), at: Instant::now() });
        }
        drop(said);
        self.log.log(level, self.target, format_args!("{text}"));
    }

    /// It is right again; `text` says so if anything was said before.
    pub(super) fn settle(&self, text: &str) {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).take();
        if said.is_some() {
            self.log.info(self.target, format_args!("{text}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_night_of_failures_takes_few_lines() {
        let (log, lines) = Logger::recording(Level::Debug);
        let complaint = Complaint::new(log, "test");
        for _ in 0..8 * 60 {
            complaint.say(Level::Warning, "away".to_owned());
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert_eq!(lines.count(Level::Warning), 8);
        complaint.say(Level::Error, "something else".to_owned());
        assert_eq!((lines.count(Level::Error), lines.count(Level::Info)), (1, 0));
        complaint.settle("back");
        complaint.settle("back");
        assert_eq!(lines.count(Level::Info), 1);
        complaint.say(Level::Warning, "away".to_owned());
        assert_eq!(lines.count(Level::Warning), 9);
    }
}
