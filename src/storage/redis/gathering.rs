//! What one call needs: the flags it names, all that these refer to, and what of it is not known yet.
//!
//! A name is wanted once, whether there is something under it or not, so circles come to an end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use super::shelf::{Moment, Shelf};
use crate::rules::{Definitions, Flag, RuleBasedSegment, SegmentId, SegmentRef};

/// Collects the definitions of one call.
#[derive(Debug)]
pub(super) struct Gathering<'s> {
    shelf: &'s Shelf,
    now: Moment,
    flags: HashMap<Box<str>, Sought<Flag>>,
    rule_based_segments: HashMap<Box<str>, Sought<RuleBasedSegment>>,
    segments: BTreeMap<SegmentId, Arc<str>>,
    missing: Missing,
}

/// What is known of a name.
#[derive(Debug)]
enum Sought<T> {
    /// Redis did not say, or was not asked yet.
    Unread,
    /// There is this.
    Read(Option<Arc<T>>),
}

/// Names whose definitions must be read.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub(super) flags: Vec<Box<str>>,
    pub(super) rule_based_segments: Vec<Box<str>>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.rule_based_segments.is_empty()
    }
}

/// A definition that was found and whose references are to be followed.
enum Found {
    Flag(Arc<Flag>),
    RuleBasedSegment(Arc<RuleBasedSegment>),
}

impl<'s> Gathering<'s> {
    /// Begins with the flags of a call; what is on the shelf need not be read.
    pub(super) fn new(flags: &[&str], shelf: &'s Shelf, now: Moment) -> Self {
        let mut gathering = Gathering {
            shelf,
            now,
            flags: HashMap::with_capacity(flags.len()),
            rule_based_segments: HashMap::new(),
            segments: BTreeMap::new(),
            missing: Missing::default(),
        };
        let mut found = Vec::new();
        for flag in flags {
            gathering.want_flag(flag, &mut found);
        }
        gathering.follow(found);
        gathering
    }

    /// What must be read now; none once everything is known, or as much of it as can be.
    pub(super) fn take_missing(&mut self) -> Option<Missing> {
        let missing = mem::take(&mut self.missing);
        (!missing.is_empty()).then_some(missing)
    }

    /// Redis said what there is under these names.
    pub(super) fn add(
        &mut self,
        flags: impl IntoIterator<Item = (Box<str>, Option<Arc<Flag>>)>,
        rule_based_segments: impl IntoIterator<Item = (Box<str>, Option<Arc<RuleBasedSegment>>)>,
    ) {
        let mut found = Vec::new();
        for (name, flag) in flags {
            found.extend(flag.iter().cloned().map(Found::Flag));
            self.flags.insert(name, Sought::Read(flag));
        }
        for (name, segment) in rule_based_segments {
            found.extend(segment.iter().cloned().map(Found::RuleBasedSegment));
            self.rule_based_segments.insert(name, Sought::Read(segment));
        }
        self.follow(found);
    }

    /// The segments that are asked for.
    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = (SegmentId, &str)> {
        self.segments.iter().map(|(id, name)| (*id, &**name))
    }

    /// Those of some flags that cannot be evaluated, because Redis did not give them or a flag they depend on.
    ///
    /// A rule-based segment that it did not give has no members instead.
    pub(super) fn unread(&self, flags: &[&str]) -> HashSet<Box<str>> {
        if self.flags.values().all(|sought| matches!(sought, Sought::Read(_))) {
            return HashSet::new();
        }
        flags.iter().filter(|flag| self.depends_on_unread(flag)).map(|flag| Box::from(*flag)).collect()
    }

    fn depends_on_unread(&self, flag: &str) -> bool {
        let (mut flags, mut segments) = (vec![flag], Vec::new());
        let (mut seen_flags, mut seen_segments) = (HashSet::from([flag]), HashSet::new());
        loop {
            if let Some(name) = flags.pop() {
                match self.flags.get(name) {
                    Some(Sought::Read(Some(flag))) => {
                        flags.extend(flag.flags().filter(|name| seen_flags.insert(name)));
                        segments.extend(flag.rule_based_segments().filter(|name| seen_segments.insert(*name)));
                    }
                    Some(Sought::Read(None)) => {}
                    Some(Sought::Unread) | None => return true,
                }
            } else if let Some(name) = segments.pop() {
                if let Some(Sought::Read(Some(segment))) = self.rule_based_segments.get(name) {
                    flags.extend(segment.flags().filter(|name| seen_flags.insert(name)));
                    segments.extend(segment.rule_based_segments().filter(|name| seen_segments.insert(*name)));
                }
            } else {
                return false;
            }
        }
    }

    /// Everything that was found, for a key of which this is known.
    pub(super) fn into_definitions(self, key: &str, memberships: &[(SegmentId, bool)]) -> Definitions {
        let flags = self.flags.into_values().filter_map(Sought::found);
        let segments = self.rule_based_segments.into_values().filter_map(Sought::found);
        Definitions::of_one_key(key, flags, segments, memberships)
    }

    fn follow(&mut self, mut found: Vec<Found>) {
        while let Some(definition) = found.pop() {
            match definition {
                Found::Flag(flag) => {
                    flag.flags().for_each(|name| self.want_flag(name, &mut found));
                    flag.rule_based_segments().for_each(|name| self.want_rule_based_segment(name, &mut found));
                    flag.segments().for_each(|segment| self.want_segment(segment));
                }
                Found::RuleBasedSegment(segment) => {
                    segment.flags().for_each(|name| self.want_flag(name, &mut found));
                    segment.rule_based_segments().for_each(|name| self.want_rule_based_segment(name, &mut found));
                    segment.segments().for_each(|segment| self.want_segment(segment));
                }
            }
        }
    }

    fn want_flag(&mut self, name: &str, found: &mut Vec<Found>) {
        if self.flags.contains_key(name) {
            return;
        }
        let sought = match self.shelf.flag(name, self.now) {
            Some(flag) => {
                found.extend(flag.cloned().map(Found::Flag));
                Sought::Read(flag.cloned())
            }
            None => {
                self.missing.flags.push(name.into());
                Sought::Unread
            }
        };
        self.flags.insert(name.into(), sought);
    }

    fn want_rule_based_segment(&mut self, name: &str, found: &mut Vec<Found>) {
        if self.rule_based_segments.contains_key(name) {
            return;
        }
        let sought = match self.shelf.rule_based_segment(name, self.now) {
            Some(segment) => {
                found.extend(segment.cloned().map(Found::RuleBasedSegment));
                Sought::Read(segment.cloned())
            }
            None => {
                self.missing.rule_based_segments.push(name.into());
                Sought::Unread
            }
        };
        self.rule_based_segments.insert(name.into(), sought);
    }

    fn want_segment(&mut self, segment: &SegmentRef) {
        self.segments.entry(segment.id).or_insert_with(|| Arc::clone(&segment.name));
    }
}

impl<T> Sought<T> {
    fn found(self) -> Option<Arc<T>> {
        match self {
            Sought::Read(found) => found,
            Sought::Unread => None,
        }
    }
}
