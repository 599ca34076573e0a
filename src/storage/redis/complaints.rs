//! Log lines that wait until a lock is let go of: the log is the host's, and may take its time or evaluate a flag.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::logging::{Level, Logger, Record, Sink};

/// Lines, of whatever level. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Complaints(Arc<Mutex<Vec<Line>>>);

#[derive(Debug)]
struct Line {
    level: Level,
    target: &'static str,
    message: String,
}

impl Complaints {
    /// A log whose lines wait.
    pub(super) fn log(&self) -> Logger {
        Logger::new(Some(Level::Debug), Box::new(self.clone()))
    }

    /// Writes them.
    pub(super) fn pass_on(&self, log: &Logger) {
        let lines = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for Line { level, target, message } in lines {
            log.log(level, target, format_args!("{message}"));
        }
    }
}

impl Sink for Complaints {
    fn write(&self, record: &Record<'_>) {
        let line = Line { level: record.level, target: record.target, message: record.message.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}
