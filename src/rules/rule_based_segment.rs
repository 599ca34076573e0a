//! A rule-based segment: keys that satisfy one of some conditions and are not excluded.
//!
//! Who is in it is decided anew in each evaluation, by the rules of flags: hence the same [`Condition`], without
//! partitions.

use std::sync::Arc;

use super::flag::Condition;
use super::key_table::KeyTable;
use super::matcher::{NameRef, SegmentRef};

/// A segment whose keys are not members. Kinds that this library does not know exclude nobody and are left out.
#[derive(Clone, Debug)]
pub(crate) enum Excluded {
    Segment(SegmentRef),
    RuleBased(NameRef),
}

/// A rule-based segment, compiled.
#[derive(Debug)]
pub(crate) struct RuleBasedSegment {
    /// Its name.
    pub(crate) name: Box<str>,
    pub(crate) excluded_keys: KeyTable,
    pub(crate) excluded: Box<[Excluded]>,
    /// Any of them makes a member.
    pub(crate) conditions: Arc<[Condition]>,
    /// Differs between definitions that differ.
    pub(crate) fingerprint: u64,
    /// Bytes of its JSON.
    pub(crate) size: usize,
}

impl RuleBasedSegment {
    /// Segments that its conditions and exclusions ask for; one may occur more than once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &SegmentRef> {
        let excluded = self.excluded.iter().filter_map(|excluded| match excluded {
            Excluded::Segment(segment) => Some(segment),
            Excluded::RuleBased(_) => None,
        });
        self.conditions.iter().flat_map(Condition::segments).chain(excluded)
    }

    /// Names of the rule-based segments that its conditions and exclusions ask for; one may occur more than once.
    pub(crate) fn rule_based_segments(&self) -> impl Iterator<Item = &str> {
        let excluded = self.excluded.iter().filter_map(|excluded| match excluded {
            Excluded::Segment(_) => None,
            Excluded::RuleBased(segment) => Some(&*segment.name),
        });
        self.conditions.iter().flat_map(Condition::rule_based_segments).chain(excluded)
    }

    /// Names of the flags that its conditions ask for; one may occur more than once.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().flat_map(Condition::flags)
    }
}
