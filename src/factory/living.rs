//! The factories that live in this process, by SDK key: users are told when they make more than they probably meant.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::input;
use crate::logging::Logger;

static LIVING: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

/// A factory's entry in the list; taken out when dropped.
#[derive(Debug)]
pub(super) struct Living {
    key: String,
}

impl Living {
    /// Enters a factory, and warns when it is not the only one.
    pub(super) fn enter(key: &str, log: &Logger) -> Self {
        let (same_key, other_keys) = with_list(|list| {
            let count = list.entry(key.to_owned()).or_default();
            let same_key = *count;
            *count += 1;
            (same_key, list.len() - 1)
        });
        input::other_factories(same_key, other_keys, log);
        Living { key: key.to_owned() }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        with_list(|list| {
            if let Some(count) = list.get_mut(&self.key) {
                *count -= 1;
                if *count == 0 {
                    list.remove(&self.key);
                }
            }
        });
    }
}

/// Distinct SDK keys that have a living factory, and living factories beyond one for each.
pub(super) fn counts() -> (usize, usize) {
    with_list(|list| (list.len(), list.values().map(|count| count - 1).sum()))
}

fn with_list<R>(look: impl FnOnce(&mut HashMap<String, usize>) -> R) -> R {
    let mut list = LIVING.lock().unwrap_or_else(PoisonError::into_inner);
    look(list.get_or_insert_default())
}
