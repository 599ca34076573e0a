//! The keys of a segment: a large set that changes by small differences, and is read while it changes.
//!
//! The bulk is shared between successive states; what was added and removed since lies beside it. When the difference
//! exceeds a twentieth of the bulk they are merged, so one changed key never costs a copy of a million.

use std::sync::Arc;

use super::key_table::{KeyHash, KeyTable, KeyTableError, key_hash};

/// A difference of this part of the bulk is merged into it.
const MERGE_AT: usize = 20;
/// Below this many keys a copy is cheaper than two look-ups.
const SMALL: usize = 64;

/// An exact set of keys. Clones share their bulk.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet {
    base: Arc<KeyTable>,
    delta: Option<Arc<Delta>>,
}

/// `added` holds no key of the base, `removed` only such keys.
#[derive(Debug, Default)]
struct Delta {
    added: KeyTable,
    removed: KeyTable,
}

/// A set after a change.
#[derive(Debug)]
pub(crate) struct Updated {
    /// The new state.
    pub(crate) keys: KeySet,
    /// Whether any key came or went.
    pub(crate) changed: bool,
}

impl KeySet {
    /// A set of keys, each counted once.
    pub(crate) fn from_keys<S: AsRef<str>>(keys: &[S]) -> Result<Self, KeyTableError> {
        let mut base = KeyTable::from_keys(keys)?;
        base.shrink();
        Ok(KeySet { base: Arc::new(base), delta: None })
    }

    /// Whether a key, whose hash this is, is in the set.
    #[inline]
    pub(crate) fn contains(&self, hash: KeyHash, key: &str) -> bool {
        match &self.delta {
            None => self.base.contains(hash, key),
            Some(delta) => {
                delta.added.contains(hash, key) || self.base.contains(hash, key) && !delta.removed.contains(hash, key)
            }
        }
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        let (added, removed) = self.delta.as_ref().map_or((0, 0), |delta| (delta.added.len(), delta.removed.len()));
        self.base.len() + added - removed
    }

    /// Bytes on the heap, those included that other sets share.
    pub(crate) fn heap_bytes(&self) -> usize {
        let delta = self.delta.as_ref().map_or(0, |delta| delta.added.heap_bytes() + delta.removed.heap_bytes());
        self.base.heap_bytes() + delta
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All keys, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let delta = self.delta.as_deref();
        let is_left = move |key: &&str| delta.is_none_or(|delta| !delta.removed.contains(key_hash(key), key));
        self.base.iter().filter(is_left).chain(delta.into_iter().flat_map(|delta| delta.added.iter()))
    }

    /// The set with some keys added and others removed; a key in both lists ends up outside.
    pub(crate) fn with_delta<S: AsRef<str>>(&self, added: &[S], removed: &[S]) -> Result<Updated, KeyTableError> {
        let gone = KeyTable::from_keys(removed)?;
        let stays = |key: &str| !gone.contains(key_hash(key), key);
        let has = |key: &str| self.contains(key_hash(key), key);

        let mut fresh = KeyTable::default();
        for key in added.iter().map(AsRef::as_ref) {
            if !has(key) && stays(key) {
                fresh.insert(key)?;
            }
        }
        let leaving = gone.iter().filter(|key| has(key)).count();
        if fresh.is_empty() && leaving == 0 {
            return Ok(Updated { keys: self.clone(), changed: false });
        }

        let pending = self.delta.as_ref().map_or(0, |delta| delta.added.len() + delta.removed.len());
        let difference = pending + fresh.len() + leaving;
        let keys = if self.base.len() <= SMALL || difference > self.base.len() / MERGE_AT {
            self.merged(&fresh, stays)?
        } else {
            self.beside_base(&fresh, &gone, stays)?
        };
        Ok(Updated { keys, changed: true })
    }

    /// Everything in one new table.
    fn merged(&self, fresh: &KeyTable, stays: impl Fn(&str) -> bool) -> Result<KeySet, KeyTableError> {
        let count = self.len() + fresh.len();
        let bytes = self.iter().chain(fresh.iter()).map(str::len).sum();
        let mut base = KeyTable::with_capacity(count, bytes);
        for key in self.iter().filter(|key| stays(key)).chain(fresh.iter()) {
            base.insert(key)?;
        }
        base.shrink();
        Ok(KeySet { base: Arc::new(base), delta: None })
    }

    /// The same bulk with a new difference.
    fn beside_base(
        &self,
        fresh: &KeyTable,
        gone: &KeyTable,
        stays: impl Fn(&str) -> bool,
    ) -> Result<KeySet, KeyTableError> {
        let mut delta = Delta::default();
        if let Some(before) = &self.delta {
            for key in before.added.iter().filter(|key| stays(key)) {
                delta.added.insert(key)?;
            }
            for key in before.removed.iter().filter(|key| !fresh.contains(key_hash(key), key)) {
                delta.removed.insert(key)?;
            }
        }
        let in_base = |key: &str| self.base.contains(key_hash(key), key);
        for key in fresh.iter().filter(|key| !in_base(key)) {
            delta.added.insert(key)?;
        }
        for key in gone.iter().filter(|key| in_base(key)) {
            delta.removed.insert(key)?;
        }
        Ok(KeySet { base: Arc::clone(&self.base), delta: Some(Arc::new(delta)) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn contains(set: &KeySet, key: &str) -> bool {
        set.contains(key_hash(key), key)
    }

    #[test]
    fn behaves_like_a_plain_set_under_random_changes() {
        let mut random = fastrand::Rng::with_seed(11);
        for start in [0, 10, 2000] {
            let mut expected: BTreeSet<String> = (0..start).map(|n| n.to_string()).collect();
            let keys: Vec<&String> = expected.iter().collect();
            let mut set = KeySet::from_keys(&keys).expect("small");
            for round in 0..40 {
                let mut pick = |most| -> Vec<String> {
                    (0..random.usize(..most)).map(|_| random.usize(..start + 50).to_string()).collect()
                };
                let (added, removed) = (pick(20), pick(10));
                let before = expected.clone();
                expected.extend(added.iter().cloned());
                expected.retain(|key| !removed.contains(key));
                let updated = set.with_delta(&added, &removed).expect("small");
                set = updated.keys;
                assert_eq!(updated.changed, before != expected, "start {start}, round {round}");
                assert_eq!(set.len(), expected.len(), "start {start}, round {round}");
                let mut listed: Vec<&str> = set.iter().collect();
                listed.sort_unstable();
                assert!(listed.iter().eq(expected.iter()), "start {start}, round {round}");
                for n in 0..start + 50 {
                    let key = n.to_string();
                    assert_eq!(contains(&set, &key), expected.contains(&key), "{key}, start {start}, round {round}");
                }
            }
        }
    }

    #[test]
    fn removed_wins_over_added() {
        let set = KeySet::from_keys(&["a"]).expect("small");
        let updated = set.with_delta(&["b", "a"], &["b", "a"]).expect("small");
        assert_eq!((updated.keys.len(), updated.changed), (0, true));
        let again = updated.keys.with_delta(&["b"], &["b"]).expect("small");
        assert!(!again.changed);
    }

    #[test]
    fn a_million_keys_take_little_memory_and_are_not_copied_for_a_small_change() {
        let keys: Vec<String> = (0..1_000_000).map(|n| format!("user-{n:015}")).collect();
        // The second number is one more than fit into a table of 2^20 places: most of the next size stays empty.
        for count in [1_000_000, (1 << 20) / 8 * 7 + 1] {
            let set = KeySet::from_keys(&keys[..count]).expect("small");
            let per_key = set.base.heap_bytes() as f64 / count as f64;
            assert!(per_key <= 20.0 + 16.0, "{per_key} bytes for each of {count} keys of 20");
        }

        let set = KeySet::from_keys(&keys).expect("small");
        assert_eq!(set.len(), 1_000_000);

        let small = set.with_delta(&["new"], &[keys[7].as_str()]).expect("small").keys;
        assert!(Arc::ptr_eq(&set.base, &small.base));
        assert_eq!(small.len(), 1_000_000);
        assert!(contains(&small, "new") && !contains(&small, &keys[7]) && contains(&set, &keys[7]));
    }

    #[test]
    fn a_large_difference_is_merged_also_when_it_comes_in_small_steps() {
        let keys: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
        let set = KeySet::from_keys(&keys).expect("small");
        let at_once = set.with_delta(&[], &keys[..501]).expect("small").keys;
        assert!(at_once.delta.is_none() && at_once.len() == 9_499);

        let mut stepwise = set.clone();
        for removed in keys[..500].chunks(10) {
            stepwise = stepwise.with_delta(&[], removed).expect("small").keys;
            assert!(Arc::ptr_eq(&stepwise.base, &set.base));
        }
        let merged = stepwise.with_delta(&["new"], &[]).expect("small").keys;
        assert!(merged.delta.is_none() && merged.len() == 9_501);
    }
}
