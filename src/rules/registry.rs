//! Small numbers for names.
//!
//! Segments and flags get dense numbers when their names first occur, and keep them for the life of a factory: a matcher
//! finds its segment by index, and counts per flag are arrays. Belongs to the one writer of a storage.

use std::collections::HashMap;
use std::sync::Arc;

use super::definitions::Definitions;
use super::matcher::{SegmentId, SegmentRef};

/// The numbers given so far. Numbers are never taken back.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    segments: HashMap<Arc<str>, SegmentId>,
    /// The next segment gets this.
    next_segment: u32,
    flags: HashMap<Box<str>, u32>,
    /// The next flag gets this.
    next_flag: u32,
}

impl Registry {
    /// The numbers in a state whose own registry cannot be had: a forked child's first.
    pub(crate) fn of(definitions: &Definitions) -> Self {
        let flags: HashMap<_, _> = definitions.flags().map(|flag| (flag.name.clone(), flag.slot)).collect();
        let segments: HashMap<_, _> = definitions.needed_segments().map(|(name, id)| (name.into(), id)).collect();
        // Some that have no name any more are still in use as places of a list.
        let places = u32::try_from(definitions.segments.len()).unwrap_or(u32::MAX);
        let next_segment =
            segments.values().map(|id: &SegmentId| id.0.saturating_add(1)).max().unwrap_or(0).max(places);
        let next_flag = flags.values().map(|slot: &u32| slot.saturating_add(1)).max().unwrap_or(0);
        Registry { segments, next_segment, flags, next_flag }
    }

    /// The number of a segment, given now if need be.
    #[cfg(test)]
    pub(crate) fn segment_id(&mut self, name: &str) -> SegmentId {
        self.segment(name).id
    }

    /// The number of a flag, given now if need be.
    pub(crate) fn flag_slot(&mut self, name: &str) -> u32 {
        match self.flags.get(name) {
            Some(&slot) => slot,
            None => {
                let slot = take(&mut self.next_flag);
                self.flags.insert(name.into(), slot);
                slot
            }
        }
    }

    /// A segment's name and number, given now if need be.
    pub(crate) fn segment(&mut self, name: &str) -> SegmentRef {
        if let Some((name, &id)) = self.segments.get_key_value(name) {
            return SegmentRef { id, name: Arc::clone(name) };
        }
        let id = SegmentId(take(&mut self.next_segment));
        let name: Arc<str> = name.into();
        self.segments.insert(Arc::clone(&name), id);
        SegmentRef { id, name }
    }
}

fn take(next: &mut u32) -> u32 {
    let taken = *next;
    // So many names do not fit into memory.
    *next = taken.saturating_add(1);
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{World, flag_json};

    #[test]
    fn a_registry_of_a_state_goes_on_where_its_own_would() {
        let mut world = World::new();
        let flag = |name: &str, segment: &str| {
            flag_json(
                name,
                &format!(
                    r#"{{"matcherType":"IN_SEGMENT","negate":false,"userDefinedSegmentMatcherData":{{"segmentName":"{segment}"}}}}"#
                ),
            )
        };
        world.put(&[flag("a", "s"), flag("b", "t")], &[] as &[&str]);
        world.segment("t", &["key"]);
        let mut again = Registry::of(&world.definitions);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(again.flag_slot(name), world.registry.flag_slot(name), "{name}");
        }
        for name in ["s", "t", "u", "v"] {
            assert_eq!(again.segment_id(name), world.registry.segment_id(name), "{name}");
        }
    }
}
