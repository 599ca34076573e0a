//! What is wrong is said once, and every hour while it lasts.
//!
//! A backend may be away for a night. A line for each attempt would fill disks; one line at the beginning would be
//! rotated away by the morning. And what comes and goes every second, or is wrong in another way each time, is new each
//! time: so there is a limit to what is said within an hour.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::logging::{Level, Logger};

const REMINDER: Duration = Duration::from_secs(3600);
/// Lines of each level within that time, so that no warnings hide an error. The last of them says that it is.
const MOST: usize = 10;

/// The state of one thing that can be wrong, in one way or in several at a time.
#[derive(Debug)]
pub(crate) struct Complaint {
    log: Logger,
    target: &'static str,
    said: Mutex<Vec<Said>>,
    /// Whether anything of that may be unsettled: so that what goes well, which may be each evaluation, takes no lock.
    open: AtomicBool,
}

/// A line of the last hour.
#[derive(Debug)]
struct Said {
    level: Level,
    about: String,
    at: Instant,
    /// It is right again. If it goes wrong once more, that is news.
    settled: bool,
}

impl Complaint {
    pub(crate) fn new(log: Logger, target: &'static str) -> Self {
        Complaint { log, target, said: Mutex::default(), open: AtomicBool::new(false) }
    }

    /// Something is wrong: said aloud when it is new, or an hour old; otherwise at debug level.
    pub(crate) fn say(&self, level: Level, text: String) {
        self.say_about(level, &text, format_args!("{text}"));
    }

    /// The same for a text with figures in it, where `about` tells what is new from what is known.
    pub(crate) fn say_about(&self, level: Level, about: &str, text: fmt::Arguments<'_>) {
        self.say_as(level, self.target, about, text);
    }

    /// Says a line that another part of the SDK had to say. What is neither an error nor a warning is no complaint.
    pub(crate) fn pass_on(&self, level: Level, target: &'static str, text: String) {
        if level <= Level::Warning {
            self.say_as(level, target, &text, format_args!("{text}"));
        } else {
            self.log.log(level, target, format_args!("{text}"));
        }
    }

    fn say_as(&self, level: Level, target: &'static str, about: &str, text: fmt::Arguments<'_>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|said| said.at.elapsed() < REMINDER);
        // Said as a warning, it is not known as an error.
        let known = said.iter().any(|said| !said.settled && said.level <= level && said.about == about);
        let before = said.iter().filter(|said| said.level == level).count();
        let aloud = !known && before < MOST;
        if aloud {
            said.push(Said { level, about: about.to_owned(), at: Instant::now(), settled: false });
            self.open.store(true, Ordering::Relaxed);
        }
        let last = aloud && before + 1 == MOST;
        drop(said);
        if last {
            self.log.log(level, target, format_args!("{text} (said too often: at debug level for a while)"));
        } else {
            self.log.log(if aloud { level } else { Level::Debug }, target, text);
        }
    }

    /// All of it is right again; `text` says so if anything was said before.
    pub(crate) fn settle(&self, text: fmt::Arguments<'_>) {
        if !self.open.load(Ordering::Relaxed) {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        self.open.store(false, Ordering::Relaxed);
        let mut any = false;
        for said in said.iter_mut() {
            any |= !std::mem::replace(&mut said.settled, true);
        }
        drop(said);
        if any {
            self.log.info(self.target, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many lines of each level a complaint makes of what happens once a second, or less often.
    async fn lines_of(seconds: u64, step: u64, happen: impl Fn(&Complaint, u64)) -> [usize; 3] {
        let (log, lines) = Logger::recording(Level::Info);
        let complaint = Complaint::new(log, "test");
        for second in (0..seconds).step_by(step as usize) {
            happen(&complaint, second);
            tokio::time::advance(Duration::from_secs(step)).await;
        }
        [Level::Error, Level::Warning, Level::Info].map(|level| lines.count(level))
    }

    #[tokio::test(start_paused = true)]
    async fn a_night_of_failures_takes_few_lines() {
        let night = 8 * 3600;
        let away = |complaint: &Complaint, _| complaint.say(Level::Warning, "away".to_owned());
        assert_eq!(lines_of(night, 60, away).await, [0, 8, 0]);
        let in_two_ways = |complaint: &Complaint, second: u64| match second % 2 {
            0 => complaint.say(Level::Warning, "away".to_owned()),
            _ => complaint.say(Level::Error, "something else".to_owned()),
        };
        assert_eq!(lines_of(night, 1, in_two_ways).await, [8, 8, 0]);
        let always_another =
            |complaint: &Complaint, second: u64| complaint.say(Level::Warning, format!("the {second}th"));
        assert_eq!(lines_of(night, 1, always_another).await, [0, 8 * MOST, 0]);
        let coming_and_going = |complaint: &Complaint, second: u64| match second % 2 {
            0 => complaint.say(Level::Warning, "away".to_owned()),
            _ => complaint.settle(format_args!("back")),
        };
        assert_eq!(lines_of(night, 1, coming_and_going).await, [0, 8 * MOST, 8 * MOST]);
        let with_figures = |complaint: &Complaint, second: u64| {
            complaint.say_about(Level::Warning, "events", format_args!("{second} events"));
        };
        assert_eq!(lines_of(night, 1, with_figures).await, [0, 8, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_wrong_again_is_said_again() {
        let (log, lines) = Logger::recording(Level::Info);
        let complaint = Complaint::new(log, "test");
        complaint.say(Level::Warning, "away".to_owned());
        complaint.say(Level::Warning, "away".to_owned());
        complaint.settle(format_args!("back"));
        complaint.settle(format_args!("back"));
        complaint.say(Level::Warning, "away".to_owned());
        let expected = [(Level::Warning, "away"), (Level::Info, "back"), (Level::Warning, "away")];
        assert_eq!(lines.lines(), expected.map(|(level, text)| (level, text.to_owned())));
    }

    #[test]
    fn warnings_hide_no_error() {
        let (log, lines) = Logger::recording(Level::Warning);
        let complaint = Complaint::new(log, "test");
        for number in 0..2 * MOST {
            complaint.say(Level::Warning, format!("the {number}th"));
        }
        complaint.say(Level::Error, "check the SDK key".to_owned());
        assert_eq!((lines.count(Level::Warning), lines.count(Level::Error)), (MOST, 1));
    }

    #[test]
    fn what_is_known_as_a_warning_is_new_as_an_error() {
        let (log, lines) = Logger::recording(Level::Warning);
        let complaint = Complaint::new(log, "test");
        for level in [Level::Warning, Level::Error, Level::Error, Level::Warning] {
            complaint.say(level, "refused".to_owned());
        }
        let said: Vec<_> = lines.lines().into_iter().map(|(level, _)| level).collect();
        assert_eq!(said, [Level::Warning, Level::Error]);
    }

    #[test]
    fn the_last_line_says_that_it_is() {
        let (log, lines) = Logger::recording(Level::Warning);
        let complaint = Complaint::new(log, "test");
        for number in 1..=MOST + 5 {
            complaint.say(Level::Warning, format!("the {number}th"));
        }
        let lines = lines.lines();
        assert_eq!(lines.len(), MOST);
        let marked: Vec<_> = lines.iter().map(|(_, line)| line.contains("at debug level")).collect();
        assert_eq!((marked[MOST - 2], marked[MOST - 1]), (false, true), "{lines:?}");
    }
}
