//! Decisions, and nothing else: no thread, no file, no network, no clock.
//!
//! Definitions are compiled when they arrive ([`crate::wire`] reads them) and put into an immutable [`Definitions`];
//! an evaluation only reads that. What a rule means is in `spec` terms: flag, condition, matcher, segment.

mod account;
#[cfg(test)]
mod account_tests;
mod bucketing;
mod chain;
mod change;
mod config_text;
#[cfg(test)]
mod conformance;
mod definitions;
mod evaluator;
mod expected;
mod fallback;
mod flag;
mod indexes;
mod intern;
mod key_set;
mod key_table;
pub(crate) mod labels;
mod matcher;
mod name_table;
#[cfg(test)]
mod nesting;
mod one_key;
mod registry;
mod rule_based_segment;
mod segment;
mod semver;
#[cfg(test)]
pub(crate) mod testing;
mod value;
mod view;
mod watcher;
#[cfg(any(test, fuzzing))]
pub(crate) mod world;

pub use config_text::ConfigText;
pub use intern::{InternError, Interned};
pub use view::{FlagView, PrerequisiteView};

pub(crate) use account::{Account, Step};
pub(crate) use change::{Applied, Change, Put};
pub(crate) use definitions::Definitions;
pub(crate) use evaluator::{Decision, Outcome, Request, unknown};
pub(crate) use fallback::Fallbacks;
pub(crate) use flag::{Choice, Flag};
pub(crate) use intern::intern_treatment;
pub(crate) use key_table::{KeyHash, KeyTableError, key_hash};
pub(crate) use labels::Label;
pub(crate) use matcher::{SegmentId, SegmentRef};
pub(crate) use registry::{Registry, RegistryError};
pub(crate) use rule_based_segment::RuleBasedSegment;
pub(crate) use segment::Segment;
pub(crate) use watcher::{Unwatched, Watcher};

/// What definitions are compiled into. Only [`crate::wire`] makes these.
pub(crate) mod compiled {
    pub(crate) use super::bucketing::Algorithm;
    pub(crate) use super::flag::{Choice, Condition, Partition, choice};
    pub(crate) use super::key_table::KeyTable;
    pub(crate) use super::matcher::{
        Bound, Dependency, Kind, Leaf, Matcher, NameRef, NumberTest, Pattern, SemverTest, SetRelation, Test, Unit,
    };
    pub(crate) use super::rule_based_segment::Excluded;
    pub(crate) use super::semver::Version;
}
