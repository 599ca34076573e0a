//! One state of everything an evaluation reads.
//!
//! A state never changes: the storage makes the next one from it and publishes that whole, so an evaluation sees flags,
//! rule-based segments and segments that belong together. The parts are shared between states: a change of one flag copies
//! a page of the flags' table, a new state of one segment the list of segments, and neither any flag or key.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::flag::Flag;
use super::indexes::Indexes;
use super::key_table::{KeyHash, key_hash};
use super::matcher::SegmentId;
use super::name_table::{NameTable, Named};
use super::rule_based_segment::RuleBasedSegment;
use super::segment::Segment;

/// Flags, rule-based segments and segments in one state. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Definitions {
    pub(super) flags: NameTable<Flag>,
    pub(super) rule_based_segments: NameTable<RuleBasedSegment>,
    /// By [`SegmentId`].
    pub(super) segments: Arc<Vec<Option<Arc<Segment>>>>,
    pub(super) indexes: Indexes,
    pub(super) change_number: i64,
    pub(super) rbs_change_number: i64,
}

/// What a definition takes beside its texts.
const BYTES_PER_DEFINITION: usize = 1024;

/// Segments that nothing refers to any more are kept for the flag that may come back, as long as they take no more bytes.
const UNNEEDED_BYTES: usize = 64 * 1024 * 1024;

impl Named for Flag {
    #[inline(always)]
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> usize {
        self.size
    }
}

impl Named for RuleBasedSegment {
    #[inline(always)]
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> usize {
        self.size
    }
}

impl Default for Definitions {
    fn default() -> Self {
        Definitions::empty()
    }
}

impl Definitions {
    /// The state before anything is known.
    pub(crate) fn empty() -> Self {
        Definitions {
            flags: NameTable::default(),
            rule_based_segments: NameTable::default(),
            segments: Arc::default(),
            indexes: Indexes::default(),
            change_number: -1,
            rbs_change_number: -1,
        }
    }

    /// A state that can be told from others.
    #[cfg(test)]
    pub(crate) fn numbered(change_number: i64) -> Self {
        Definitions { change_number, ..Definitions::empty() }
    }

    /// The state of the flags; -1 before any is known.
    pub(crate) fn change_number(&self) -> i64 {
        self.change_number
    }

    /// The state of the rule-based segments; -1 before any is known.
    pub(crate) fn rbs_change_number(&self) -> i64 {
        self.rbs_change_number
    }

    /// Whether nothing was ever put into it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.change_number == -1 && self.rbs_change_number == -1 && self.flags.is_empty()
    }

    /// About how many bytes all of it takes, on the high side.
    pub(crate) fn weight(&self) -> usize {
        let keys: usize = self.segments().map(|segment| segment.keys.heap_bytes()).sum();
        let texts = self.flags.bytes() + self.rule_based_segments.bytes();
        keys + texts + (self.len() + self.rule_based_segments.len()) * BYTES_PER_DEFINITION
    }

    /// A flag by its name.
    #[inline]
    pub(crate) fn flag(&self, name: &str) -> Option<&Arc<Flag>> {
        self.flag_hashed(key_hash(name), name)
    }

    #[inline(always)]
    pub(super) fn flag_hashed(&self, hash: KeyHash, name: &str) -> Option<&Arc<Flag>> {
        self.flags.get_hashed(hash, name)
    }

    /// All flags, in no particular order.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &Arc<Flag>> {
        self.flags.iter()
    }

    /// How many flags there are.
    pub(crate) fn len(&self) -> usize {
        self.flags.len()
    }

    /// A rule-based segment by its name.
    pub(crate) fn rule_based_segment(&self, name: &str) -> Option<&Arc<RuleBasedSegment>> {
        self.rule_based_segment_hashed(key_hash(name), name)
    }

    #[inline]
    pub(super) fn rule_based_segment_hashed(&self, hash: KeyHash, name: &str) -> Option<&Arc<RuleBasedSegment>> {
        self.rule_based_segments.get_hashed(hash, name)
    }

    /// All rule-based segments.
    #[cfg(test)]
    pub(crate) fn rule_based_segments(&self) -> impl Iterator<Item = &Arc<RuleBasedSegment>> {
        self.rule_based_segments.iter()
    }

    /// A segment, once it was loaded.
    #[inline]
    pub(crate) fn segment(&self, id: SegmentId) -> Option<&Arc<Segment>> {
        self.segments.get(id.0 as usize)?.as_ref()
    }

    /// All loaded segments, referred to or not.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().flatten()
    }

    /// The same state with another state of one segment.
    pub(crate) fn with_segment(&self, id: SegmentId, segment: Arc<Segment>) -> Self {
        let mut segments = Vec::clone(&self.segments);
        let index = id.0 as usize;
        if segments.len() <= index {
            segments.resize(index + 1, None);
        }
        segments[index] = Some(segment);
        Definitions { segments: Arc::new(segments), ..self.clone() }
    }

    /// Whether the keys of all segments still take no more than so many bytes with this state of one of them.
    pub(crate) fn has_room_for(&self, id: SegmentId, segment: &Segment, bytes: usize) -> bool {
        let others = self.segments.iter().enumerate().filter(|(place, _)| *place != id.0 as usize);
        let taken: usize = others.flat_map(|(_, segment)| segment).map(|segment| segment.keys.heap_bytes()).sum();
        taken + segment.keys.heap_bytes() <= bytes
    }

    /// Lets go of the segments that nothing refers to, if they take many bytes. Whatever refers to one again makes it be
    /// fetched as if it was new.
    pub(super) fn forget_unneeded_segments(&mut self) {
        let needed: HashSet<u32> = self.needed_segments().map(|(_, id)| id.0).collect();
        let is_needed = |place: usize| u32::try_from(place).is_ok_and(|id| needed.contains(&id));
        let unneeded = self.segments.iter().enumerate().filter(|(place, _)| !is_needed(*place));
        let bytes: usize = unneeded.flat_map(|(_, segment)| segment).map(|segment| segment.keys.heap_bytes()).sum();
        if bytes > UNNEEDED_BYTES {
            let segments = self.segments.iter().enumerate();
            let kept = segments.map(|(place, segment)| segment.clone().filter(|_| is_needed(place)));
            self.segments = Arc::new(kept.collect());
        }
    }

    /// Names of the flags that belong to any of these sets: distinct, sorted. Unknown sets add nothing.
    pub(crate) fn flags_of_sets<S: AsRef<str>>(&self, sets: &[S]) -> Vec<&str> {
        let flags = sets.iter().flat_map(|set| self.indexes.flags_of_set(set.as_ref()));
        flags.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a flag belongs to this set, or a filter names it.
    pub(crate) fn knows_set(&self, set: &str, filter: Option<&[String]>) -> bool {
        self.indexes.has_set(set) || filter.is_some_and(|filter| filter.iter().any(|known| known == set))
    }

    /// Whether any flag has this traffic type.
    pub(crate) fn has_traffic_type(&self, name: &str) -> bool {
        self.indexes.has_traffic_type(name)
    }

    /// Segments that must be loaded for these flags and rule-based segments, sorted by name.
    pub(crate) fn needed_segments(&self) -> impl ExactSizeIterator<Item = (&str, SegmentId)> {
        self.indexes.segments()
    }

    /// The number of a segment that must be loaded; `None` for one that nothing refers to.
    pub(crate) fn needed_segment(&self, name: &str) -> Option<SegmentId> {
        self.indexes.segment(name)
    }
}
