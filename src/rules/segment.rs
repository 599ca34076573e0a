//! A segment: keys that belong together, and the change number of that state.
//!
//! Immutable: evaluations read it while the next state is made, with which it shares what a change leaves alone.

use std::sync::Arc;

use super::key_set::KeySet;
use super::key_table::KeyTableError;

/// A segment in memory.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its members.
    pub(crate) keys: KeySet,
    /// Which state this is; -1 before any is known.
    pub(crate) change_number: i64,
}

impl Segment {
    /// A segment of which nothing is known yet.
    pub(crate) fn empty(name: &str) -> Self {
        Segment { name: name.into(), keys: KeySet::default(), change_number: -1 }
    }

    /// The state after a change, and whether any key came or went.
    pub(crate) fn updated<S: AsRef<str>>(
        &self,
        added: &[S],
        removed: &[S],
        change_number: i64,
    ) -> Result<(Self, bool), KeyTableError> {
        if self.keys.is_empty() && removed.is_empty() {
            // The first answer may hold millions: no second table beside them.
            let keys = KeySet::from_keys(added)?;
            let changed = !keys.is_empty();
            return Ok((Segment { name: Arc::clone(&self.name), keys, change_number }, changed));
        }
        let updated = self.keys.with_delta(added, removed)?;
        Ok((Segment { name: Arc::clone(&self.name), keys: updated.keys, change_number }, updated.changed))
    }
}
