//! Comparisons of an array with a set of texts.
//!
//! Each element is looked up in the definition's set, and not the other way round: that set was hashed once, when it
//! came.

use smallvec::SmallVec;

use crate::input::Value;
use crate::rules::key_table::{KeyTable, key_hash};

/// How the value's set must relate to the definition's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetRelation {
    ContainsAll,
    ContainsAny,
    Equal,
    PartOf,
}

impl SetRelation {
    /// False for everything that is not an array of plain values. Only text can equal an element of the definition.
    pub(crate) fn holds(self, wanted: &KeyTable, value: Value<'_>) -> bool {
        let Value::List(list) = value else { return false };
        // Which elements of the definition occur, each time one does.
        let mut found: SmallVec<[u32; 16]> = SmallVec::new();
        let mut others = false;
        for item in list.iter() {
            match item {
                Value::Text(text) => match wanted.place(key_hash(text), text) {
                    Some(place) => found.push(place),
                    None => others = true,
                },
                Value::List(_) | Value::Object(_) => return false,
                _ => others = true,
            }
        }
        let has_all = |mut found: SmallVec<[u32; 16]>| {
            found.sort_unstable();
            found.dedup();
            found.len() == wanted.len()
        };
        match self {
            SetRelation::ContainsAll => has_all(found),
            SetRelation::ContainsAny => !found.is_empty(),
            SetRelation::Equal => !others && has_all(found),
            SetRelation::PartOf => !others && !found.is_empty(),
        }
    }
}
