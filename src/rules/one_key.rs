//! Definitions for a single call: the flags it asks for, what they refer to, and which of their segments hold its key.
//!
//! With Redis the members of segments stay there; what is known of a segment is whether it has the key of this call.

use std::sync::Arc;

use super::definitions::Definitions;
use super::flag::Flag;
use super::key_set::KeySet;
use super::matcher::SegmentId;
use super::rule_based_segment::RuleBasedSegment;
use super::segment::Segment;

impl Definitions {
    /// A state for evaluations of one key. Names are distinct; `memberships` tells for each segment whether it has the key.
    pub(crate) fn of_one_key(
        key: &str,
        flags: impl IntoIterator<Item = Arc<Flag>>,
        rule_based_segments: impl IntoIterator<Item = Arc<RuleBasedSegment>>,
        memberships: &[(SegmentId, bool)],
    ) -> Self {
        Definitions {
            flags: flags.into_iter().collect(),
            rule_based_segments: rule_based_segments.into_iter().collect(),
            segments: Arc::new(segments(key, memberships)),
            ..Definitions::empty()
        }
    }
}

/// All segments that have the key are one, and those that do not are another.
fn segments(key: &str, memberships: &[(SegmentId, bool)]) -> Vec<Option<Arc<Segment>>> {
    let places = memberships.iter().map(|(id, _)| id.0 as usize + 1).max().unwrap_or(0);
    let mut segments = vec![None; places];
    if places > 0 {
        let without = Arc::new(Segment::empty(""));
        // Keys are short; only gigabytes do not fit into a set.
        let keys = KeySet::from_keys(&[key]).unwrap_or_default();
        let with = Arc::new(Segment { keys, ..Segment::empty("") });
        for &(SegmentId(id), has_key) in memberships {
            segments[id as usize] = Some(Arc::clone(if has_key { &with } else { &without }));
        }
    }
    segments
}
