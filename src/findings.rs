//! What is wrong with the definitions of one answer or file: kept while they are read, and said afterwards.
//!
//! Afterwards, because they are read under a lock, and the log is the host's: it may take its time, or evaluate a flag.
//! Kept, because a hundred thousand of them may be wrong, and the first few tell enough; what the answer after it repeats,
//! the [`Complaint`] knows.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use crate::complaint::Complaint;
use crate::logging::{Level, Logger, Record, Sink};

/// Lines of a level that are kept: with the one that counts the others, about half of what is said within an hour.
const FEW: usize = 5;
/// Characters of a line that are kept: names may have any length.
const LONGEST: usize = 500;

/// The lines of one answer or file.
#[derive(Debug, Default)]
pub(crate) struct Findings(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    kept: Vec<Line>,
    /// Errors and warnings that are not.
    errors: usize,
    warnings: usize,
}

#[derive(Debug)]
struct Line {
    level: Level,
    target: &'static str,
    message: String,
}

impl Findings {
    /// A log whose lines wait.
    pub(crate) fn log(&self) -> Logger {
        Logger::new(Some(Level::Debug), Box::new(Arc::clone(&self.0)))
    }

    /// Says them, as far as they were not said before. Whether something was wrong.
    pub(crate) fn tell(self, complaint: &Complaint) -> bool {
        let Lines { kept, errors, warnings } = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let is_wrong = kept.iter().any(|line| line.level <= Level::Warning);
        for Line { level, target, message } in kept {
            complaint.pass_on(level, target, message);
        }
        for (level, more) in [(Level::Error, errors), (Level::Warning, warnings)] {
            if more > 0 {
                complaint.say_about(level, "more", format_args!("and {more} more lines like these"));
            }
        }
        is_wrong
    }
}

impl Sink for Arc<Mutex<Lines>> {
    fn write(&self, record: &Record<'_>) {
        let &Record { level, target, message, .. } = record;
        let mut lines = self.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.kept.iter().filter(|line| line.level == level).count() < FEW {
            lines.kept.push(Line { level, target, message: shortened(message) });
            return;
        }
        match level {
            Level::Error => lines.errors += 1,
            Level::Warning => lines.warnings += 1,
            Level::Info | Level::Debug => {}
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_of_each_level_are_said_and_the_others_counted() {
        let (log, lines) = Logger::recording(Level::Debug);
        let findings = Findings::default();
        let inner = findings.log();
        for number in 0..FEW + 3 {
            inner.warning("test", format_args!("flag {number} is odd"));
            inner.debug("test", format_args!("flag {number} is mended"));
        }
        inner.error("test", format_args!("flag {} is broken", "x".repeat(2 * LONGEST)));
        assert_eq!(lines.lines(), [], "they wait");
        assert!(findings.tell(&Complaint::new(log, "test")));
        assert_eq!(lines.count(Level::Debug), FEW);
        let loud: Vec<_> = lines.lines().into_iter().filter(|(level, _)| *level != Level::Debug).collect();
        assert_eq!(loud.len(), FEW + 2, "{loud:?}");
        assert_eq!(loud[0], (Level::Warning, "flag 0 is odd".to_owned()));
        assert_eq!(loud[FEW].1, format!("flag {}…", "x".repeat(LONGEST - "flag ".len())));
        assert_eq!(loud[FEW + 1], (Level::Warning, "and 3 more lines like these".to_owned()));
    }

    #[test]
    fn the_next_answer_repeats_nothing() {
        let (log, lines) = Logger::recording(Level::Warning);
        let complaint = Complaint::new(log, "test");
        for answer in 0..100 {
            let findings = Findings::default();
            for number in 0..100 {
                findings.log().error("test", format_args!("flag {number} is broken"));
            }
            assert!(findings.tell(&complaint), "answer {answer}");
        }
        assert_eq!(lines.count(Level::Error), FEW + 1, "{:?}", lines.lines());
        assert!(!Findings::default().tell(&complaint), "nothing is wrong");
    }
}
