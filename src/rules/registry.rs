//! Small numbers for names.
//!
//! Segments and flags get dense numbers when their names first occur, and keep them for the life of a factory: a matcher
//! finds its segment by index, and counts per flag are arrays. Belongs to the one writer of a storage.

use std::collections::HashMap;
use std::sync::Arc;

use super::definitions::Definitions;
use super::matcher::{SegmentId, SegmentRef};

/// How many names of a kind get a number in the life of a factory, and how many bytes they take: for numbers are never
/// taken back, and a backend may invent a name per second.
const MAX_NAMES: u32 = 131_072;
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Why a segment has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistryError {
    /// Numbers have run out.
    #[error("there were more than {MAX_NAMES} distinct segments by now, or more than {MAX_BYTES} bytes of their names")]
    Full,
}

/// The numbers given so far. Numbers are never taken back.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    segments: Names,
    flags: Names,
}

/// Names of one kind.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Arc<str>, u32>,
    /// The next name gets this.
    next: u32,
    bytes: usize,
}

impl Names {
    fn of<'n>(names: impl Iterator<Item = (&'n str, u32)>, places: usize) -> Self {
        let numbers: HashMap<Arc<str>, u32> = names.map(|(name, number)| (name.into(), number)).collect();
        let places = u32::try_from(places).unwrap_or(u32::MAX);
        let next = numbers.values().map(|number| number.saturating_add(1)).max().unwrap_or(0).max(places);
        let bytes = numbers.keys().map(|name| name.len()).sum();
        Names { numbers, next, bytes }
    }

    /// A name and its number, given now if need be and if there are any left.
    fn number(&mut self, name: &str) -> Option<(Arc<str>, u32)> {
        if let Some((name, &number)) = self.numbers.get_key_value(name) {
            return Some((Arc::clone(name), number));
        }
        if self.next >= MAX_NAMES || self.bytes + name.len() > MAX_BYTES {
            return None;
        }
        let (name, number): (Arc<str>, _) = (name.into(), self.next);
        self.next += 1;
        self.bytes += name.len();
        self.numbers.insert(Arc::clone(&name), number);
        Some((name, number))
    }
}

impl Registry {
    /// The numbers in a state whose own registry cannot be had: a forked child's first.
    pub(crate) fn of(definitions: &Definitions) -> Self {
        let flags = definitions.flags().filter_map(|flag| Some((&*flag.name, flag.slot?)));
        let segments = definitions.needed_segments().map(|(name, id)| (name, id.0));
        // Some that have no name any more are still in use as places of a list.
        Registry { segments: Names::of(segments, definitions.segments.len()), flags: Names::of(flags, 0) }
    }

    /// The number of a segment, given now if need be.
    #[cfg(test)]
    pub(crate) fn segment_id(&mut self, name: &str) -> SegmentId {
        self.segment(name).expect("a number").id
    }

    /// The number of a flag, given now if need be; none when numbers have run out, and it must do without.
    pub(crate) fn flag_slot(&mut self, name: &str) -> Option<u32> {
        self.flags.number(name).map(|(_, slot)| slot)
    }

    /// A segment's name and number, given now if need be.
    pub(crate) fn segment(&mut self, name: &str) -> Result<SegmentRef, RegistryError> {
        let (name, id) = self.segments.number(name).ok_or(RegistryError::Full)?;
        Ok(SegmentRef { id: SegmentId(id), name })
    }
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

    #[test]
    fn numbers_run_out_for_new_names_only() {
        let mut many = Registry::default();
        for number in 0..MAX_NAMES {
            let name = number.to_string();
            assert_eq!(many.flag_slot(&name), Some(number));
            assert_eq!(many.segment(&name).map(|segment| segment.id.0), Ok(number));
        }
        assert_eq!((many.flag_slot("another"), many.flag_slot("17")), (None, Some(17)));
        assert_eq!(many.segment("another").err(), Some(RegistryError::Full));
        assert_eq!(many.segment_id("17").0, 17);

        let mut long = Registry::default();
        let name = "x".repeat(MAX_BYTES - 1);
        assert_eq!((long.flag_slot(&name), long.flag_slot("yz")), (Some(0), None));
        assert_eq!((long.flag_slot(&name), long.flag_slot("y")), (Some(0), Some(1)));
    }
}
