//! Watching an evaluation, for whoever wants to know how it came about.
//!
//! The evaluator tells a [`Watcher`] each step it takes, so that the account of a decision is of that decision, and not
//! of a second evaluator's. [`Unwatched`] hears nothing: evaluations without an account are compiled as if none of this
//! were there (`scripts/callgrind` counts).

use serde::Serialize;

use super::evaluator::Request;
use super::flag::{Choice, Condition, Flag, Picked};
use super::intern::Interned;
use super::labels::Label;
use super::matcher::{Dependency, Matcher, SegmentRef};

/// What made a flag serve what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// It is killed.
    Killed,
    /// A prerequisite does not hold.
    Prerequisite,
    /// The key is outside the traffic allocation.
    TrafficAllocation,
    /// A condition matched.
    Condition,
    /// No condition matched.
    DefaultRule,
}

/// Hears the steps of one evaluation, in their order. What begins also ends, unless the evaluation is given up.
pub(crate) trait Watcher: Copy {
    /// A flag is evaluated.
    #[inline(always)]
    fn flag_begins(self, _: &Flag) {}

    /// It serves this, before fallback.
    #[inline(always)]
    fn flag_ends(self, _: Reason, _: &Choice, _: &Label) {}

    /// Another flag is asked for one of some treatments: for a prerequisite, or for the matcher that has begun.
    #[inline(always)]
    fn dependency_begins(self, _: &Dependency) {}

    /// It served this.
    #[inline(always)]
    fn dependency_ends(self, _served: Interned, _holds: bool) {}

    /// The key is in this bucket, and thereby within the flag's traffic allocation or outside of it.
    #[inline(always)]
    fn allocation(self, _: &Flag, _bucket: u8, _is_allocated: bool) {}

    /// A condition is looked at.
    #[inline(always)]
    fn condition_begins(self, _: &Condition) {}

    /// Whether all its matchers are true.
    #[inline(always)]
    fn condition_ends(self, _matched: bool) {}

    /// The condition that matched serves this.
    #[inline(always)]
    fn picked(self, _: &Flag, _: &Condition, _: &Picked<'_>, _: &Request<'_>) {}

    /// A matcher is asked.
    #[inline(always)]
    fn matcher_begins(self, _: &Matcher, _: &Request<'_>) {}

    /// Its answer, before negation.
    #[inline(always)]
    fn matcher_ends(self, _: &Matcher, _answer: bool) {}

    /// A segment has the key or not.
    #[inline(always)]
    fn segment(self, _: &SegmentRef, _is_loaded: bool, _has_key: bool) {}

    /// A rule-based segment is asked for the key.
    #[inline(always)]
    fn rule_based_segment_begins(self, _name: &str, _is_known: bool) {}

    /// Whether the key is a member.
    #[inline(always)]
    fn rule_based_segment_ends(self, _is_member: bool) {}

    /// So many keys are excluded by name, and whether this one is.
    #[inline(always)]
    fn excluded_keys(self, _keys: usize, _is_excluded: bool) {}

    /// A segment is asked whose keys are excluded.
    #[inline(always)]
    fn exclusion_begins(self) {}

    /// Whether the key is.
    #[inline(always)]
    fn exclusion_ends(self, _is_excluded: bool) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwatched;

impl Watcher for Unwatched {}
