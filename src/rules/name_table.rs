//! Definitions by name, of which the next state copies only what changes.
//!
//! One table of ten thousand flags would be copied for a change of one: a counted reference for each flag, most of them not
//! in any cache, and as many to give back. So there are many small tables, and a name's hash says in which it is: a change
//! copies that one, and the list of them. A look-up pays for it with one load more.

use std::sync::Arc;

use hashbrown::HashTable;

use super::key_table::{KeyHash, key_hash};
use crate::input::same;

/// What has a name.
pub(super) trait Named {
    fn name(&self) -> &str;
    /// Bytes of its JSON.
    fn size(&self) -> usize;
}

/// How many small tables there are. One byte of the hash chooses, so no look-up has to check it. A change among ten
/// thousand copies up to 256 references to tables and about 40 to definitions; one among a hundred thousand, 400.
const PAGES: usize = 1 << u8::BITS;

/// Definitions with distinct names. Clones share everything, and what is changed later shares what did not change.
#[derive(Debug)]
pub(super) struct NameTable<T> {
    pages: Arc<[Option<Arc<Page<T>>>; PAGES]>,
    len: usize,
    bytes: usize,
}

type Page<T> = HashTable<Arc<T>>;

impl<T> Clone for NameTable<T> {
    fn clone(&self) -> Self {
        NameTable { pages: Arc::clone(&self.pages), len: self.len, bytes: self.bytes }
    }
}

impl<T> Default for NameTable<T> {
    fn default() -> Self {
        NameTable { pages: Arc::new([const { None }; PAGES]), len: 0, bytes: 0 }
    }
}

/// hashbrown looks at the lowest bits and at the highest seven; these are others.
#[inline(always)]
fn page_of(hash: KeyHash) -> usize {
    usize::from((hash.value() >> 32) as u8)
}

fn hash_of<T: Named>(object: &Arc<T>) -> u64 {
    key_hash(object.name()).value()
}

impl<T: Named> NameTable<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of their JSON.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of them, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.pages.iter().flatten().flat_map(|page| page.iter())
    }

    /// The one with this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.get_hashed(key_hash(name), name)
    }

    /// The one with this name, whose hash this is.
    #[inline(always)]
    pub(super) fn get_hashed(&self, hash: KeyHash, name: &str) -> Option<&Arc<T>> {
        let page = self.pages[page_of(hash)].as_ref()?;
        page.find(hash.value(), |object| same(object.name().as_bytes(), name.as_bytes()))
    }

    /// Puts one in the place of its namesake.
    pub(super) fn insert(&mut self, object: Arc<T>) {
        let hash = key_hash(object.name());
        let known = self.get_hashed(hash, object.name());
        if known.is_some_and(|known| Arc::ptr_eq(known, &object)) {
            return;
        }
        let (places, bytes) = (usize::from(known.is_none()), known.map_or(0, |known| known.size()));
        self.len += places;
        self.bytes = self.bytes - bytes + object.size();
        let page = Arc::make_mut(Arc::make_mut(&mut self.pages)[page_of(hash)].get_or_insert_default());
        match page.find_mut(hash.value(), |known| known.name() == object.name()) {
            Some(place) => *place = object,
            None => drop(page.insert_unique(hash.value(), object, hash_of)),
        }
    }

    /// Takes out the one with this name, if there is one.
    pub(super) fn remove(&mut self, name: &str) {
        let hash = key_hash(name);
        if self.get_hashed(hash, name).is_none() {
            return;
        }
        let page = Arc::make_mut(Arc::make_mut(&mut self.pages)[page_of(hash)].get_or_insert_default());
        if let Ok(found) = page.find_entry(hash.value(), |object| object.name() == name) {
            self.bytes -= found.remove().0.size();
            self.len -= 1;
        }
    }
}

impl<T: Named> FromIterator<Arc<T>> for NameTable<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(objects: I) -> Self {
        let mut table = NameTable::default();
        objects.into_iter().for_each(|object| table.insert(object));
        table
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug)]
    struct Thing(String, u32);

    impl Named for Thing {
        fn name(&self) -> &str {
            &self.0
        }

        fn size(&self) -> usize {
            self.1 as usize
        }
    }

    fn things(numbers: std::ops::Range<u32>) -> NameTable<Thing> {
        numbers.map(|n| Arc::new(Thing(format!("thing-{n}"), 0))).collect()
    }

    /// Pages that two tables do not share.
    fn apart(one: &NameTable<Thing>, other: &NameTable<Thing>) -> usize {
        let is_shared = |(a, b): (&Option<Arc<_>>, &Option<Arc<_>>)| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        one.pages.iter().zip(other.pages.iter()).filter(|pair| !is_shared(*pair)).count()
    }

    #[test]
    fn behaves_like_a_map_under_random_changes() {
        let mut random = fastrand::Rng::with_seed(5);
        let (mut table, mut expected) = (NameTable::default(), BTreeMap::new());
        for step in 0..20_000 {
            let name = random.u32(..2000).to_string();
            if random.u8(..3) == 0 {
                table.remove(&name);
                expected.remove(&name);
            } else {
                table.insert(Arc::new(Thing(name.clone(), step)));
                expected.insert(name.clone(), step);
            }
            assert_eq!(table.get(&name).map(|thing| thing.1), expected.get(&name).copied(), "{name}, step {step}");
            assert_eq!((table.len(), table.is_empty()), (expected.len(), expected.is_empty()), "step {step}");
            let bytes: usize = expected.values().map(|&step| step as usize).sum();
            assert_eq!(table.bytes(), bytes, "step {step}");
        }
        let found: BTreeMap<_, _> = table.iter().map(|thing| (thing.0.clone(), thing.1)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_change_copies_one_page_and_the_table_before_it_stays() {
        let before = things(0..10_000);
        let largest = before.pages.iter().flatten().map(|page| page.len()).max();
        assert!(largest.is_some_and(|largest| largest < 100), "{largest:?} in one page");
        type Change = fn(&mut NameTable<Thing>);
        let changes: [(&str, Change, Option<u32>); 3] = [
            ("put in place", |table| table.insert(Arc::new(Thing("thing-7".into(), 1))), Some(1)),
            ("removed", |table| table.remove("thing-7"), None),
            ("added", |table| table.insert(Arc::new(Thing("new".into(), 2))), Some(0)),
        ];
        for (what, change, expected) in changes {
            let mut after = before.clone();
            change(&mut after);
            assert_eq!(apart(&before, &after), 1, "{what}");
            assert_eq!(after.get("thing-7").map(|thing| thing.1), expected, "{what}");
            assert_eq!((before.len(), before.get("thing-7").map(|thing| thing.1)), (10_000, Some(0)), "{what}");
        }
    }

    #[test]
    fn what_changes_nothing_copies_nothing() {
        let before = things(0..100);
        let mut after = before.clone();
        after.remove("nobody");
        let same = Arc::clone(before.get("thing-7").expect("put in"));
        after.insert(same);
        assert!(Arc::ptr_eq(&before.pages, &after.pages));
    }
}
