//! The factories that live in this process, by SDK key: users are told when they make more than they probably meant.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use crate::config::Secret;
use crate::input;
use crate::logging::Logger;
use crate::process;

static LIVING: ArcSwapOption<List> = ArcSwapOption::const_empty();

/// The list of one process. A forked child begins its own: the lock of its parent's may be held for ever.
struct List {
    generation: u32,
    counts: Mutex<HashMap<String, usize>>,
}

/// A factory's entry in the list; taken out when dropped.
#[derive(Debug)]
pub(super) struct Living {
    key: Secret,
}

impl Living {
    /// Enters a factory, and warns when it is not the only one.
    pub(super) fn enter(key: &str, log: Option<&Logger>) -> Self {
        let (same_key, other_keys) = with_list(|list| {
            let count = list.entry(key.to_owned()).or_default();
            let same_key = *count;
            *count += 1;
            (same_key, list.len() - 1)
        });
        if let Some(log) = log {
            input::other_factories(same_key, other_keys, log);
        }
        Living { key: Secret::new(key) }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        with_list(|list| {
            if let Some(count) = list.get_mut(self.key.expose()) {
                *count -= 1;
                if *count == 0 {
                    list.remove(self.key.expose());
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
    look(&mut list().counts.lock().unwrap_or_else(PoisonError::into_inner))
}

fn list() -> Arc<List> {
    let generation = process::generation();
    loop {
        let present = LIVING.load_full();
        if let Some(list) = present.as_ref().filter(|list| list.generation == generation) {
            return Arc::clone(list);
        }
        // Whoever is first makes it; another look tells.
        LIVING.compare_and_swap(&present, Some(Arc::new(List { generation, counts: Mutex::default() })));
        // The parent's may be in the middle of a change.
        mem::forget(present);
    }
}
