//! Small numbers for names.
//!
//! Segments and flags get dense numbers when their names first occur, and keep them for the life of a factory: a matcher
//! finds its segment by index, and counts per flag are arrays. Belongs to the one writer of a storage.

use std::collections::HashMap;
use std::sync::Arc;

use super::matcher::{SegmentId, SegmentRef};

/// The numbers given so far. Numbers are never taken back.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    segments: HashMap<Arc<str>, SegmentId>,
    flags: HashMap<Box<str>, u32>,
}

impl Registry {
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
                let slot = next(self.flags.len());
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
        let id = SegmentId(next(self.segments.len()));
        let name: Arc<str> = name.into();
        self.segments.insert(Arc::clone(&name), id);
        SegmentRef { id, name }
    }
}

fn next(count: usize) -> u32 {
    // So many names do not fit into memory.
    u32::try_from(count).unwrap_or(u32::MAX)
}
