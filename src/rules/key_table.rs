//! An exact set of texts in as few bytes as possible: whitelists, and the keys of segments.
//!
//! All texts stand one behind the other in one string, each after its length, and a hash table holds only their places:
//! about 30 bytes for a key of 20, where a `HashSet<String>` takes 85, and one cache miss fewer for each look-up. The
//! hash comes from outside, because an evaluation hashes its key once and asks many tables.

use std::fmt;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use hashbrown::HashTable;
use std::hash::Hasher as _;

use crate::input::same;

/// The hash of a key: seeded at random once per process, for keys come from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

/// Not zero: foldhash tells lengths apart by rotating this, and "ab" from "abb" by nothing else.
const SEED: u64 = 0x243F_6A88_85A3_08D3;

/// Hashes a key, or any other name, for [`KeyTable`] and the tables of definitions.
#[inline(always)]
pub(crate) fn key_hash(key: &str) -> KeyHash {
    let mut hasher = FoldHasher::with_seed(SEED, SharedSeed::global_random());
    hasher.write(key.as_bytes());
    KeyHash(hasher.finish())
}

/// Why keys cannot be put into one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyTableError {
    /// Places of keys are 32-bit numbers.
    #[error("the keys take more than 4 GiB")]
    TooLarge,
}

/// A set of texts.
#[derive(Clone, Default)]
pub(crate) struct KeyTable {
    /// For each text its length, then the text itself.
    arena: String,
    places: HashTable<u32>,
}

/// Lengths up to here take one byte. All length bytes are ASCII, so that the arena stays a string.
const SHORT: usize = 0x7e;
/// Announces a length in [`LONG_DIGITS`] digits of seven bits, low ones first.
const LONG: u8 = 0x7f;
const LONG_DIGITS: usize = 5;

/// So many texts are put in by the order of the table. The table of fewer is in a cache anyhow.
const MANY: usize = 1 << 14;
/// Texts that are put in order at a time: enough for many in each stripe, and what is noted of them is two megabytes.
const BATCH: usize = 1 << 17;
/// Parts of the table, one behind the other.
const STRIPES: usize = 1 << 8;

impl KeyTable {
    /// An empty set with room for so many keys of so many bytes altogether.
    pub(crate) fn with_capacity(keys: usize, bytes: usize) -> Self {
        KeyTable { arena: String::with_capacity(bytes + keys), places: HashTable::with_capacity(keys) }
    }

    /// A set of texts, each counted once.
    pub(crate) fn from_keys<S: AsRef<str>>(keys: &[S]) -> Result<Self, KeyTableError> {
        let bytes = keys.iter().map(|key| key.as_ref().len()).sum();
        let mut table = KeyTable::with_capacity(keys.len(), bytes);
        if keys.len() < MANY {
            for key in keys {
                table.insert(key.as_ref())?;
            }
        } else {
            table.insert_many(keys)?;
        }
        Ok(table)
    }

    /// Adds texts, a stripe of the hash table after the other. In their own order a million of them go to as many places
    /// that are in no cache, which was a quarter of what a start costs. Of a text that comes twice both copies stay.
    fn insert_many<S: AsRef<str>>(&mut self, keys: &[S]) -> Result<(), KeyTableError> {
        // hashbrown fills up to seven of eight places, and begins to look at the one that the low bits of the hash tell.
        let places = self.places.capacity() / 7 * 8;
        let shift = places.checked_ilog2().unwrap_or(0).saturating_sub(STRIPES.ilog2());
        let mut stripes = vec![Vec::new(); STRIPES];
        for batch in keys.chunks(BATCH) {
            for key in batch.iter().map(AsRef::as_ref) {
                let hash = key_hash(key);
                stripes[(hash.0 >> shift) as usize % STRIPES].push((hash, self.push(key)?));
            }
            let arena = &self.arena;
            for (hash, place) in stripes.iter_mut().flat_map(|stripe| stripe.drain(..)) {
                let is_same = |&other: &u32| text_at(arena, other) == text_at(arena, place);
                self.places.entry(hash.0, is_same, |&place| key_hash(text_at(arena, place)).0).or_insert(place);
            }
        }
        Ok(())
    }

    /// How many distinct texts there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a text, whose hash this is, is in the set.
    #[inline]
    pub(crate) fn contains(&self, hash: KeyHash, key: &str) -> bool {
        self.place(hash, key).is_some()
    }

    /// A number that is the same for equal texts and differs for others.
    #[inline]
    pub(crate) fn place(&self, hash: KeyHash, key: &str) -> Option<u32> {
        self.places.find(hash.0, |&place| self.is_at(place, key)).copied()
    }

    /// Adds a text; false if it was there.
    pub(crate) fn insert(&mut self, key: &str) -> Result<bool, KeyTableError> {
        let hash = key_hash(key);
        if self.contains(hash, key) {
            return Ok(false);
        }
        let place = self.push(key)?;
        let arena = &self.arena;
        self.places.insert_unique(hash.0, place, |&place| key_hash(text_at(arena, place)).0);
        Ok(true)
    }

    /// Appends a text to the arena.
    fn push(&mut self, key: &str) -> Result<u32, KeyTableError> {
        let place = u32::try_from(self.arena.len()).map_err(|_| KeyTableError::TooLarge)?;
        if key.len() <= SHORT {
            // Below 128, so one byte.
            self.arena.push(char::from(key.len() as u8));
        } else {
            self.arena.push(char::from(LONG));
            (0..LONG_DIGITS).for_each(|digit| self.arena.push(char::from((key.len() >> (7 * digit) & 0x7f) as u8)));
        }
        self.arena.push_str(key);
        Ok(place)
    }

    /// All texts, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|&place| text_at(&self.arena, place))
    }

    /// Gives back what was reserved in vain.
    pub(crate) fn shrink(&mut self) {
        self.arena.shrink_to_fit();
        let arena = &self.arena;
        self.places.shrink_to_fit(|&place| key_hash(text_at(arena, place)).0);
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.arena.capacity() + self.places.allocation_size()
    }

    #[inline(always)]
    fn is_at(&self, place: u32, key: &str) -> bool {
        if key.len() <= SHORT {
            let (bytes, start) = (self.arena.as_bytes(), place as usize + 1);
            usize::from(bytes[start - 1]) == key.len() && same(&bytes[start..start + key.len()], key.as_bytes())
        } else {
            text_at(&self.arena, place) == key
        }
    }
}

fn text_at(arena: &str, place: u32) -> &str {
    let place = place as usize;
    let bytes = arena.as_bytes();
    let (start, len) = match bytes[place] {
        LONG => {
            let digits = &bytes[place + 1..=place + LONG_DIGITS];
            let len = digits.iter().rev().fold(0, |len, &digit| len << 7 | usize::from(digit));
            (place + 1 + LONG_DIGITS, len)
        }
        len => (place + 1, usize::from(len)),
    };
    &arena[start..start + len]
}

impl fmt::Debug for KeyTable {
    /// The number of keys only: they are the host's users.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTable").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_only_differ_in_length_hash_apart() {
        let numbers = (0..10_000).map(|number| number.to_string());
        let repeated = ["a", "ab", "abcd"].into_iter().flat_map(|text| (1..50).map(|times| text.repeat(times)));
        let texts: std::collections::HashSet<String> = numbers.chain(repeated).collect();
        let mut by_hash = std::collections::HashMap::new();
        for text in &texts {
            if let Some(other) = by_hash.insert(key_hash(text).value(), text) {
                panic!("{text:?} and {other:?} have the same hash");
            }
        }
    }

    #[test]
    fn holds_exactly_what_was_put_in() {
        let lengths = [0, 1, 20, 125, 126, 127, 128, 250, 16_383, 16_384, 100_000];
        let keys: Vec<String> = lengths.iter().flat_map(|&len| ["x".repeat(len), "é".repeat(len)]).collect();
        let table = KeyTable::from_keys(&keys).expect("small");
        // The two empty ones are the same.
        assert_eq!(table.len(), keys.len() - 1);
        for key in &keys {
            assert!(table.contains(key_hash(key), key), "{} bytes", key.len());
            let longer = format!("{key}!");
            assert!(!table.contains(key_hash(&longer), &longer), "{} bytes", longer.len());
        }
        let mut listed: Vec<&str> = table.iter().collect();
        let mut expected: Vec<&str> = keys.iter().map(String::as_str).collect();
        listed.sort_unstable();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(listed, expected);
    }

    #[test]
    fn of_many_keys_each_counts_once() {
        let keys: Vec<String> = (0..BATCH + MANY).map(|n| (n % 50_000).to_string()).collect();
        let table = KeyTable::from_keys(&keys).expect("small");
        assert_eq!((table.len(), table.iter().count()), (50_000, 50_000));
        for key in &keys[..50_000] {
            assert!(table.contains(key_hash(key), key), "{key}");
        }
        assert!(!table.contains(key_hash("50000"), "50000"));
    }

    #[test]
    fn equal_hashes_are_not_equal_keys() {
        let table = KeyTable::from_keys(&["ann"]).expect("small");
        assert!(!table.contains(key_hash("ann"), "bob"));
    }
}
