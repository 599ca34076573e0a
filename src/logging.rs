//! One logger per factory, and nothing global: two users of the library in one process must not fight over a logger.
//!
//! The level is checked before a line is formatted, so a line that nobody wants costs one comparison. Where the lines
//! go (a callback, a queue, standard error) is a [`Sink`], which the owner of the factory chooses.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use crate::clock::now_ms;

/// How much a line matters. The numbers are those of the C API (`SPLIT_LOG_ERROR` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Something asked for was not done.
    Error = 1,
    /// Something is probably not as intended.
    Warning = 2,
    /// A milestone of the factory's life.
    Info = 3,
    /// What developers of the library want to see.
    Debug = 4,
}

/// A line of the log.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// How much it matters.
    pub level: Level,
    /// Milliseconds since 1970.
    pub time: i64,
    /// The part of the SDK that speaks, such as "sync" or "impressions".
    pub target: &'static str,
    /// What it says.
    pub message: &'a str,
}

/// Whether this thread is in a sink, where nothing may wait for the library.
pub(crate) fn is_writing() -> bool {
    WRITING.get()
}

/// Where the lines of a factory go. Called on whichever thread has something to say, also from several at a time.
pub trait Sink: Send + Sync {
    /// Takes one line. Lines that the library logs during this call, on this thread, are dropped.
    fn write(&self, record: &Record<'_>);
}

thread_local! {
    /// Set while a sink runs on this thread: a logger that calls back in would otherwise log, and so recurse, for ever.
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Hands lines to a [`Sink`]. Clones are the same logger.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

struct Inner {
    /// The most talkative level that is written; 0 for none.
    max_level: u8,
    sink: Box<dyn Sink>,
}

impl Logger {
    /// A logger that writes lines up to `max_level` to `sink`; nothing for `None`.
    pub fn new(max_level: Option<Level>, sink: Box<dyn Sink>) -> Self {
        Logger(Arc::new(Inner { max_level: max_level.map_or(0, |level| level as u8), sink }))
    }

    /// A logger that writes nothing.
    pub fn silent() -> Self {
        Logger::new(None, Box::new(Nowhere))
    }

    /// Whether lines of this level are written.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        // The unit tests format every line, to watch it for secrets; those that nobody wants end there.
        cfg!(test) || self.wants(level)
    }

    #[inline]
    fn wants(&self, level: Level) -> bool {
        level as u8 <= self.0.max_level
    }

    /// Logs that something asked for was not done.
    #[inline]
    pub fn error(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.log(Level::Error, target, message);
    }

    /// Logs that something is probably not as intended.
    #[inline]
    pub fn warning(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.log(Level::Warning, target, message);
    }

    /// Logs a milestone.
    #[inline]
    pub fn info(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.log(Level::Info, target, message);
    }

    /// Logs a detail.
    #[inline]
    pub fn debug(&self, target: &'static str, message: fmt::Arguments<'_>) {
        self.log(Level::Debug, target, message);
    }

    /// Logs a line of any level. One that is not written is not even formatted:
    ///
    /// ```
    /// use std::fmt;
    /// use splitio::logging::{Level, Logger};
    ///
    /// struct Costly;
    /// impl fmt::Display for Costly {
    ///     fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         panic!("formatted")
    ///     }
    /// }
    /// Logger::silent().log(Level::Error, "example", format_args!("{Costly}"));
    /// ```
    #[inline]
    pub fn log(&self, level: Level, target: &'static str, message: fmt::Arguments<'_>) {
        if self.enabled(level) {
            self.write(level, target, message);
        }
    }

    #[cold]
    #[inline(never)]
    fn write(&self, level: Level, target: &'static str, message: fmt::Arguments<'_>) {
        if WRITING.replace(true) {
            return;
        }
        // Also when a sink of the Rust API panics: the mark must not outlive the call.
        struct Done;
        impl Drop for Done {
            fn drop(&mut self) {
                WRITING.set(false);
            }
        }
        let _done = Done;
        let message = message.to_string();
        #[cfg(test)]
        {
            watch_for_secrets(&message);
            if !self.wants(level) {
                return;
            }
        }
        self.0.sink.write(&Record { level, time: now_ms(), target, message: &message });
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("max_level", &self.0.max_level).finish_non_exhaustive()
    }
}

/// The secret of the tests that is in a text.
#[cfg(test)]
pub(crate) fn secret_in(text: &str) -> Option<&'static str> {
    include_str!("../tests/secrets.txt").lines().find(|secret| text.contains(secret))
}

/// Ends the tests when a line has a secret of theirs: some threads would live on after a panic.
#[cfg(test)]
fn watch_for_secrets(message: &str) {
    use std::io::Write;
    if let Some(secret) = secret_in(message) {
        // Not by eprintln!, whose text the test would keep to itself.
        let _ = writeln!(std::io::stderr(), "{secret:?} is in the log: {message}");
        std::process::abort();
    }
}

impl Sink for Arc<dyn Sink> {
    fn write(&self, record: &Record<'_>) {
        (**self).write(record);
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn write(&self, _: &Record<'_>) {}
}

/// Lines kept for tests to count and read.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded(Arc<parking_lot::Mutex<Vec<(Level, String)>>>);

#[cfg(test)]
impl Recorded {
    pub(crate) fn count(&self, level: Level) -> usize {
        self.0.lock().iter().filter(|(l, _)| *l == level).count()
    }

    pub(crate) fn lines(&self) -> Vec<(Level, String)> {
        self.0.lock().clone()
    }
}

#[cfg(test)]
impl Sink for Recorded {
    fn write(&self, record: &Record<'_>) {
        self.0.lock().push((record.level, record.message.to_owned()));
    }
}

#[cfg(test)]
impl Logger {
    /// A logger whose lines a test can look at.
    pub(crate) fn recording(max_level: Level) -> (Logger, Recorded) {
        let recorded = Recorded::default();
        (Logger::new(Some(max_level), Box::new(recorded.clone())), recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_above_the_level_are_not_written() {
        let (log, lines) = Logger::recording(Level::Warning);
        log.info("test", format_args!("unseen"));
        log.warning("test", format_args!("seen"));
        assert_eq!(lines.lines(), [(Level::Warning, "seen".to_owned())]);
    }

    /// Lines of all levels, and of loggers that write none.
    #[test]
    fn every_line_is_watched_for_secrets() {
        use std::cell::Cell;
        struct Asked<'c>(&'c Cell<usize>);
        impl fmt::Display for Asked<'_> {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.set(self.0.get() + 1);
                Ok(())
            }
        }
        let asked = Cell::new(0);
        for log in [Logger::silent(), Logger::recording(Level::Warning).0, Logger::recording(Level::Debug).0] {
            for level in [Level::Error, Level::Warning, Level::Info, Level::Debug] {
                log.log(level, "test", format_args!("{}", Asked(&asked)));
            }
        }
        assert_eq!(asked.get(), 12);
        for secret in include_str!("../tests/secrets.txt").lines() {
            assert_eq!(secret_in(&format!("a line with {secret} in it")), Some(secret));
        }
        assert_eq!(secret_in("a line without any"), None);
    }

    #[test]
    fn a_sink_that_logs_does_not_recurse() {
        struct CallsBack(std::sync::OnceLock<Logger>, Arc<std::sync::atomic::AtomicUsize>);
        impl Sink for Arc<CallsBack> {
            fn write(&self, _: &Record<'_>) {
                self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if let Some(log) = self.0.get() {
                    log.error("test", format_args!("again"));
                }
            }
        }
        let sink = Arc::new(CallsBack(Default::default(), Default::default()));
        let log = Logger::new(Some(Level::Debug), Box::new(Arc::clone(&sink)));
        sink.0.set(log.clone()).expect("set once");
        log.error("test", format_args!("first"));
        log.error("test", format_args!("second"));
        assert_eq!(sink.1.load(std::sync::atomic::Ordering::Relaxed), 2);
    }
}
