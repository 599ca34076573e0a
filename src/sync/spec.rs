//! Which version of the protocol is spoken.
//!
//! Split Proxies of some age do not know version 1.3 and refuse it. They are asked in 1.1 then, and once a day in 1.3, for
//! they may have been replaced. What the new one says takes the place of everything: its numbers are not those of the
//! old one, which knew of no rule-based segments.

use std::time::Duration;

use tokio::time::Instant;

/// How long an old proxy is taken for one.
const RECHECK: Duration = Duration::from_secs(24 * 3600);

/// What is known about the other side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spec {
    /// It has not refused the present version.
    #[default]
    Present,
    /// It refused it then.
    Old { refused_at: Instant },
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// In the present version.
    Present,
    /// In the present version and from the beginning, of somebody who refused it a day ago.
    Recheck,
    /// In the version that old proxies know.
    Old,
}

impl Dialect {
    /// The parameter `s`.
    pub(super) fn version(self) -> &'static str {
        match self {
            Dialect::Present | Dialect::Recheck => "1.3",
            Dialect::Old => "1.1",
        }
    }
}

impl Spec {
    /// How to put the next question.
    pub(super) fn dialect(self, now: Instant) -> Dialect {
        match self {
            Spec::Present => Dialect::Present,
            Spec::Old { refused_at } if now.duration_since(refused_at) >= RECHECK => Dialect::Recheck,
            Spec::Old { .. } => Dialect::Old,
        }
    }

    /// A question was answered as old proxies do. False if that says nothing new, and is a failure like others.
    pub(super) fn refused(&mut self, asked: Dialect, now: Instant) -> bool {
        if asked == Dialect::Old {
            return false;
        }
        *self = Spec::Old { refused_at: now };
        true
    }

    /// A question was answered well, and the answer applied.
    pub(super) fn understood(&mut self, asked: Dialect) {
        if asked == Dialect::Recheck {
            *self = Spec::Present;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_the_old_version() {
        let start = Instant::now();
        let at = |hours: u64| start + Duration::from_secs(hours * 3600);
        let mut spec = Spec::default();
        assert_eq!(spec.dialect(at(0)), Dialect::Present);
        spec.understood(Dialect::Present);
        assert!(spec.refused(Dialect::Present, at(1)));
        assert_eq!(spec.dialect(at(1)), Dialect::Old);
        assert!(!spec.refused(Dialect::Old, at(2)));
        spec.understood(Dialect::Old);
        assert_eq!((spec.dialect(at(24)), spec.dialect(at(25))), (Dialect::Old, Dialect::Recheck));
        // It failed for another reason: the next one asks again.
        assert_eq!(spec.dialect(at(26)), Dialect::Recheck);
        assert!(spec.refused(Dialect::Recheck, at(26)));
        assert_eq!((spec.dialect(at(49)), spec.dialect(at(50))), (Dialect::Old, Dialect::Recheck));
        spec.understood(Dialect::Recheck);
        assert_eq!(spec.dialect(at(51)), Dialect::Present);
    }
}
