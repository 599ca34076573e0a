//! What is said of an outage: one line when it begins, however many calls it meets.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::shelf::Moment;
use crate::logging::{Level, Logger};

/// What log lines about Redis begin with.
pub(super) const LOG: &str = "redis";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Flags,
    RuleBasedSegments,
    Segments,
    FlagSets,
    TrafficTypes,
    Names,
}

impl Subject {
    const COUNT: usize = 6;
}

impl Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Flags => "feature flags",
            Subject::RuleBasedSegments => "rule-based segments",
            Subject::Segments => "the members of segments",
            Subject::FlagSets => "flag sets",
            Subject::TrafficTypes => "traffic types",
            Subject::Names => "the names of feature flags",
        })
    }
}

/// Whether Redis answers, and what was said of it.
#[derive(Debug)]
pub(super) struct Outage {
    log: Logger,
    /// It answers nothing at all.
    silent: AtomicBool,
    /// When that was last found out.
    noticed: AtomicU64,
    /// It answers, and does not tell these.
    refusing: [AtomicBool; Subject::COUNT],
}

impl Outage {
    pub(super) fn new(log: Logger) -> Self {
        Outage { log, silent: AtomicBool::new(false), noticed: AtomicU64::new(0), refusing: Default::default() }
    }

    /// There was no answer.
    pub(super) fn is_silent(&self, cause: &dyn Display, now: Moment) {
        self.noticed.store(now.number(), Ordering::Relaxed);
        let first = !self.silent.swap(true, Ordering::Relaxed);
        let consequence = "until Redis answers, flags that are not in the local cache are control, or their fallback";
        // The error is the connections', which say it once for all who need them.
        let level = if first { Level::Warning } else { Level::Debug };
        self.log.log(level, LOG, format_args!("{consequence}: {cause}"));
    }

    /// It answered.
    pub(super) fn is_over(&self) {
        // A read first, for a swap at every answer would keep processors busy with each other.
        if self.silent.load(Ordering::Relaxed) && self.silent.swap(false, Ordering::Relaxed) {
            self.log.debug(LOG, format_args!("flags are read again"));
        }
    }

    /// Since when it is known not to answer, if it does not.
    pub(super) fn silent_at(&self) -> Option<Moment> {
        self.silent.load(Ordering::Relaxed).then(|| Moment::numbered(self.noticed.load(Ordering::Relaxed)))
    }

    /// It answered, but with a refusal, or with something else than was asked for.
    pub(super) fn refuses(&self, subject: Subject, answer: &dyn Display) {
        let first = !self.refusing[subject as usize].swap(true, Ordering::Relaxed);
        let level = match subject {
            _ if !first => Level::Debug,
            // Nobody's answer depends on these.
            Subject::TrafficTypes => Level::Warning,
            _ => Level::Error,
        };
        self.log.log(level, LOG, format_args!("Redis does not tell {subject}: {answer}"));
    }

    /// It told what it was asked for.
    pub(super) fn tells(&self, subject: Subject) {
        let refusing = &self.refusing[subject as usize];
        if refusing.load(Ordering::Relaxed) && refusing.swap(false, Ordering::Relaxed) {
            self.log.info(LOG, format_args!("Redis tells {subject} again"));
        }
    }
}
