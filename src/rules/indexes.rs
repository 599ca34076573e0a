//! What is asked of all flags together: those of a set, which traffic types there are, which segments are needed.
//!
//! Kept in step with each change, not made from all flags again. Most changes are to rules only, and touch none of this;
//! the others copy what they touch, of which the largest is the names of one flag set.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::flag::Flag;
use super::matcher::{SegmentId, SegmentRef};
use super::rule_based_segment::RuleBasedSegment;

/// Clones share everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexes {
    /// Flags by set; only sets of the filter if there is one.
    sets: Arc<HashMap<Box<str>, Names>>,
    /// How many flags have a traffic type.
    traffic_types: Arc<HashMap<Box<str>, usize>>,
    /// Segments that flags and rule-based segments refer to, and how often.
    segments: Arc<BTreeMap<Arc<str>, (SegmentId, usize)>>,
}

type Names = Arc<BTreeSet<Arc<str>>>;

impl Indexes {
    /// Names of the flags of a set.
    pub(super) fn flags_of_set(&self, set: &str) -> impl Iterator<Item = &str> {
        self.sets.get(set).into_iter().flat_map(|flags| flags.iter()).map(|flag| &**flag)
    }

    /// Whether a flag belongs to this set.
    pub(super) fn has_set(&self, set: &str) -> bool {
        self.sets.contains_key(set)
    }

    /// Whether a flag has this traffic type.
    pub(super) fn has_traffic_type(&self, name: &str) -> bool {
        self.traffic_types.contains_key(name)
    }

    /// Segments that flags and rule-based segments refer to, sorted by name.
    pub(super) fn segments(&self) -> impl ExactSizeIterator<Item = (&str, SegmentId)> {
        self.segments.iter().map(|(name, &(id, _))| (&**name, id))
    }

    /// One of them.
    pub(super) fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segments.get(name).map(|&(id, _)| id)
    }

    /// Whether nothing changed between these two in what is referred to.
    pub(super) fn needs_the_segments_of(&self, other: &Indexes) -> bool {
        Arc::ptr_eq(&self.segments, &other.segments)
    }

    /// A flag came, went, or is another now. Of its sets only those of the filter are indexed.
    pub(super) fn change_flag(&mut self, before: Option<&Flag>, after: Option<&Flag>, filter: Option<&[String]>) {
        let (had, has) = (before.map_or(&[][..], |flag| &flag.sets), after.map_or(&[][..], |flag| &flag.sets));
        // Sorted, and there may be as many as the backend likes.
        let is_in = |sets: &[Box<str>], set: &str| sets.binary_search_by(|known| (**known).cmp(set)).is_ok();
        let is_indexed = |set: &str| filter.is_none_or(|filter| filter.iter().any(|known| known == set));
        if let Some(flag) = before {
            had.iter().filter(|set| !is_in(has, set) && is_indexed(set)).for_each(|set| self.leave(set, &flag.name));
        }
        if let Some(flag) = after {
            has.iter().filter(|set| !is_in(had, set) && is_indexed(set)).for_each(|set| self.join(set, &flag.name));
        }
        self.change_traffic_type(before.and_then(traffic_type), after.and_then(traffic_type));
        self.change_segments(before.map(Flag::segments), after.map(Flag::segments));
    }

    /// A rule-based segment came, went, or is another now.
    pub(super) fn change_rule_based_segment(
        &mut self,
        before: Option<&RuleBasedSegment>,
        after: Option<&RuleBasedSegment>,
    ) {
        self.change_segments(before.map(RuleBasedSegment::segments), after.map(RuleBasedSegment::segments));
    }

    fn join(&mut self, set: &str, flag: &str) {
        let flags = Arc::make_mut(&mut self.sets).entry(set.into()).or_default();
        Arc::make_mut(flags).insert(flag.into());
    }

    fn leave(&mut self, set: &str, flag: &str) {
        let sets = Arc::make_mut(&mut self.sets);
        if let Some(flags) = sets.get_mut(set) {
            let flags = Arc::make_mut(flags);
            flags.remove(flag);
            if flags.is_empty() {
                sets.remove(set);
            }
        }
    }

    fn change_traffic_type(&mut self, before: Option<&str>, after: Option<&str>) {
        if before == after {
            return;
        }
        let counts = Arc::make_mut(&mut self.traffic_types);
        if let Some(after) = after {
            *counts.entry(after.into()).or_default() += 1;
        }
        if let Some(before) = before
            && let Some(count) = counts.get_mut(before)
        {
            *count -= 1;
            if *count == 0 {
                counts.remove(before);
            }
        }
    }

    fn change_segments<'s, I: Iterator<Item = &'s SegmentRef>>(&mut self, before: Option<I>, after: Option<I>) {
        let refs = |all: Option<I>| all.into_iter().flatten().collect::<Vec<_>>();
        let (before, after) = (refs(before), refs(after));
        if before.iter().map(|segment| segment.id).eq(after.iter().map(|segment| segment.id)) {
            return;
        }
        let counts = Arc::make_mut(&mut self.segments);
        for segment in after {
            counts.entry(Arc::clone(&segment.name)).or_insert((segment.id, 0)).1 += 1;
        }
        for segment in before {
            if let Some((_, count)) = counts.get_mut(&segment.name) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&segment.name);
                }
            }
        }
    }
}

fn traffic_type(flag: &Flag) -> Option<&str> {
    flag.traffic_type.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{World, flag_json};

    fn flag(name: &str, more: &str) -> String {
        flag_json(name, r#"{"matcherType":"ALL_KEYS"}"#).replacen('{', &format!("{{{more},"), 1)
    }

    #[test]
    fn a_change_copies_only_the_index_that_it_touches() {
        let user = r#""trafficTypeName":"user","sets":["s","t"]"#;
        let of_segment = r#"{"matcherType":"IN_SEGMENT","userDefinedSegmentMatcherData":{"segmentName":"x"}}"#;
        let none = (true, true, true, true);
        let rows = [
            ("rules", flag("a", &format!(r#"{user},"changeNumber":5"#)), none),
            ("traffic type", flag("a", r#""trafficTypeName":"other","sets":["s","t"]"#), (true, true, false, true)),
            ("one set", flag("a", r#""trafficTypeName":"user","sets":["s"]"#), (true, false, true, true)),
            ("segments", flag_json("a", of_segment).replacen('{', &format!("{{{user},"), 1), (true, true, true, false)),
            ("a flag of no set came", flag("c", r#""trafficTypeName":"user""#), (true, true, false, true)),
        ];
        for (what, sent, expected) in rows {
            let mut world = World::with_flags(&[flag("a", user), flag("b", user)]);
            let before = world.definitions.indexes.clone();
            assert_eq!(world.put(&[sent], &[] as &[&str]).flags_changed.len(), 1, "{what}");
            let after = &world.definitions.indexes;
            let same_set = |set| Arc::ptr_eq(&before.sets[set], &after.sets[set]);
            let shared = (
                same_set("s"),
                same_set("t"),
                Arc::ptr_eq(&before.traffic_types, &after.traffic_types),
                Arc::ptr_eq(&before.segments, &after.segments),
            );
            assert_eq!(shared, expected, "{what}");
        }
    }
}
