//! Which keys each flag was evaluated for, where impressions are not sent one by one.
//!
//! A Bloom filter remembers which pairs of flag and key were seen today: that is asked first, without a lock, and
//! answers nearly always. Split's Python SDK sizes its filter for 30,000 pairs and so loses keys beyond; ours is that
//! of the Go and Java SDKs.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, mem};

use fastbloom::AtomicBloomFilter;
use once_cell::race::OnceBox;

use super::bell::Bell;
use super::sender::{Package, Source};
use crate::logging::Logger;
use crate::rules::key_hash;
use crate::telemetry::Counter;
use crate::transport::Endpoint;
use crate::wire::recording;

/// Pairs that the filter is made for; 12 MB, taken at the first pair.
const FILTER_PAIRS: usize = 10_000_000;
const FILTER_ERROR: f64 = 0.01;
/// A post is asked for when there are more keys than this.
const MANY: usize = 30_000;
/// Keys that wait or are under way, at most.
const MOST: usize = 100_000;
/// Keys in a post, over all its flags.
const POST: usize = 5000;

/// Keys by flag.
type Keys = BTreeMap<Box<str>, HashSet<Box<str>>>;

/// Keys that were not sent yet, and the memory of those that were.
pub(super) struct UniqueKeys {
    filter: OnceBox<AtomicBloomFilter>,
    /// Waiting or under way.
    held: AtomicUsize,
    waiting: Mutex<Waiting>,
    /// Since there was room last, keys were dropped.
    dropping: AtomicBool,
    /// How often that happened; a key may be dropped again each time it is seen.
    dropped: Counter,
    bell: Bell,
    log: Logger,
}

#[derive(Debug, Default)]
struct Waiting {
    keys: Keys,
    accepted: u64,
    settled: u64,
}

impl UniqueKeys {
    pub(super) fn new(log: Logger) -> Self {
        UniqueKeys {
            filter: OnceBox::new(),
            held: AtomicUsize::new(0),
            waiting: Mutex::default(),
            dropping: AtomicBool::new(false),
            dropped: Counter::default(),
            bell: Bell::default(),
            log,
        }
    }

    /// Notes that `flag` was evaluated for `key`.
    #[inline]
    pub(super) fn track(&self, flag: &str, key: &str) {
        // The parts are hashed, not joined: "ab" and "c" are not "a" and "bc".
        let pair = super::mix(key_hash(flag).value(), key_hash(key).value());
        if !self.filter().contains_hash(pair) {
            self.track_new(flag, key, pair);
        }
    }

    #[cold]
    fn track_new(&self, flag: &str, key: &str, pair: u64) {
        if self.held.load(Ordering::Relaxed) >= MOST {
            return self.refuse();
        }
        let mut waiting = lock(&self.waiting);
        if self.held.load(Ordering::Relaxed) >= MOST {
            drop(waiting);
            return self.refuse();
        }
        // Only what is kept is remembered, so that what was refused gets another chance.
        self.filter().insert_hash(pair);
        if waiting.insert(flag, key) {
            waiting.accepted += 1;
            if self.held.fetch_add(1, Ordering::Relaxed) + 1 > MANY {
                self.bell.ring();
            }
        }
    }

    fn refuse(&self) {
        if !self.dropping.load(Ordering::Relaxed) && !self.dropping.swap(true, Ordering::Relaxed) {
            self.log.warning(
                "impressions",
                format_args!("{MOST} unique keys could not be sent yet: dropping others until they are"),
            );
        }
        self.dropped.add(1);
    }

    /// Forgets which pairs were seen. Once a day.
    pub(super) fn forget_seen(&self) {
        if let Some(filter) = self.filter.get() {
            filter.clear();
        }
    }

    fn filter(&self) -> &AtomicBloomFilter {
        self.filter
            .get_or_init(|| Box::new(AtomicBloomFilter::with_false_pos(FILTER_ERROR).expected_items(FILTER_PAIRS)))
    }

    /// Keys arrived, or were given up.
    fn settle(&self, count: usize) {
        if count == 0 {
            return;
        }
        lock(&self.waiting).settled += count as u64;
        self.held.fetch_sub(count, Ordering::Relaxed);
        if self.dropping.load(Ordering::Relaxed) && self.dropping.swap(false, Ordering::Relaxed) {
            let dropped = self.dropped.sum();
            self.log.info(
                "impressions",
                format_args!("there is room for unique keys again; {dropped} were dropped so far"),
            );
        }
    }
}

impl Waiting {
    /// False for a key that waits already.
    fn insert(&mut self, flag: &str, key: &str) -> bool {
        match self.keys.get_mut(flag) {
            Some(keys) => keys.insert(key.into()),
            None => {
                self.keys.insert(flag.into(), HashSet::from([key.into()]));
                true
            }
        }
    }
}

impl fmt::Debug for UniqueKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UniqueKeys").field("held", &self.held).finish_non_exhaustive()
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keys of one post, by flag; they wait again if they do not arrive.
#[derive(Debug)]
pub(super) struct KeysPost {
    from: Arc<UniqueKeys>,
    flags: Vec<(Box<str>, Vec<Box<str>>)>,
}

impl KeysPost {
    pub(super) fn flags(&self) -> impl ExactSizeIterator<Item = recording::FlagKeys<'_>> {
        self.flags.iter().map(|(flag, keys)| recording::FlagKeys { flag, keys })
    }
}

impl Source for UniqueKeys {
    type Package = KeysPost;
    const ENDPOINT: Endpoint = Endpoint::UniqueKeys;
    const WHAT: &'static str = "unique keys";

    /// The first flags, as many as fit whole. A flag that never fits is cut.
    fn take(self: &Arc<Self>, _now: i64) -> Option<KeysPost> {
        let mut waiting = lock(&self.waiting);
        let mut room = POST;
        let mut flags = Vec::new();
        while let Some(mut first) = waiting.keys.first_entry() {
            let keys = first.get_mut();
            if keys.len() <= room {
                room -= keys.len();
                let (flag, keys) = first.remove_entry();
                flags.push((flag, keys.into_iter().collect()));
                continue;
            }
            if room == POST {
                let some: Vec<Box<str>> = keys.iter().take(POST).cloned().collect();
                for key in &some {
                    keys.remove(key);
                }
                flags.push((first.key().clone(), some));
            }
            break;
        }
        drop(waiting);
        (!flags.is_empty()).then(|| KeysPost { from: Arc::clone(self), flags })
    }

    /// A flush is a flush of all of them.
    fn goes_on(&self) -> bool {
        !lock(&self.waiting).keys.is_empty()
    }

    fn accepted(&self, _now: i64) -> u64 {
        lock(&self.waiting).accepted
    }

    fn settled(&self) -> u64 {
        lock(&self.waiting).settled
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }
}

impl Package for KeysPost {
    fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&recording::UniqueKeys { keys: self.flags().collect() })
    }

    fn len(&self) -> usize {
        self.flags.iter().map(|(_, keys)| keys.len()).sum()
    }

    fn split(&mut self) -> Self {
        let mut room = self.len() / 2;
        let mut later = Vec::new();
        for (flag, keys) in mem::take(&mut self.flags) {
            let mut keys = keys;
            let rest = keys.split_off(room.min(keys.len()));
            room -= keys.len();
            if !rest.is_empty() {
                later.push((flag.clone(), rest));
            }
            if !keys.is_empty() {
                self.flags.push((flag, keys));
            }
        }
        KeysPost { from: Arc::clone(&self.from), flags: later }
    }

    fn sent(mut self) {
        let count = self.len();
        self.flags.clear();
        self.from.settle(count);
    }

    fn discard(self) {
        self.sent();
    }
}

impl Drop for KeysPost {
    fn drop(&mut self) {
        if self.flags.is_empty() {
            return;
        }
        let mut waiting = lock(&self.from.waiting);
        let mut repeated = 0;
        for (flag, keys) in self.flags.drain(..) {
            repeated += keys.iter().filter(|key| !waiting.insert(&flag, key)).count();
        }
        drop(waiting);
        self.from.settle(repeated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    fn tracker() -> Arc<UniqueKeys> {
        Arc::new(UniqueKeys::new(Logger::silent()))
    }

    fn posts(tracker: &Arc<UniqueKeys>) -> Vec<KeysPost> {
        std::iter::from_fn(|| tracker.take(0)).collect()
    }

    fn pairs<'a>(posts: impl IntoIterator<Item = &'a KeysPost>) -> Vec<(String, String)> {
        let of_flag = |(flag, keys): &(Box<str>, Vec<Box<str>>)| {
            keys.iter().map(|key| (flag.to_string(), key.to_string())).collect::<Vec<_>>()
        };
        let mut pairs: Vec<_> = posts.into_iter().flat_map(|post| post.flags.iter().flat_map(of_flag)).collect();
        pairs.sort();
        pairs
    }

    /// Vector 8 of the specification.
    #[test]
    fn posts_are_packed_and_have_each_pair_once() {
        let tracker = tracker();
        let mut expected = Vec::new();
        for (flag, keys) in [("a", 3000), ("b", 3000), ("c", 10), ("d", 12_000)] {
            for key in 0..keys {
                tracker.track(flag, &format!("key {key}"));
                tracker.track(flag, &format!("key {key}"));
                expected.push((flag.to_owned(), format!("key {key}")));
            }
        }
        expected.sort();
        let posts = posts(&tracker);
        assert_eq!(posts.iter().map(Package::len).collect::<Vec<_>>(), [3000, 3010, 5000, 5000, 2000]);
        let found = pairs(&posts);
        // The filter takes one new pair in a million for a known one at this size.
        let distinct: HashSet<_> = found.iter().collect();
        assert_eq!(distinct.len(), found.len());
        assert!(
            found.len() >= expected.len() - 2 && found.iter().all(|pair| expected.contains(pair)),
            "{}",
            found.len()
        );
    }

    #[test]
    fn names_and_keys_do_not_run_together() {
        let tracker = tracker();
        tracker.track("ab", "c");
        tracker.track("a", "bc");
        tracker.track("c", "ab");
        assert_eq!(pairs(&posts(&tracker)).len(), 3);
    }

    #[test]
    fn what_was_not_sent_waits_again_and_what_was_sent_does_not() {
        let tracker = tracker();
        tracker.track("f", "alice");
        drop(tracker.take(0).expect("a key"));
        tracker.track("f", "bob");
        let post = tracker.take(0).expect("keys");
        assert_eq!(post.len(), 2);
        post.sent();
        tracker.track("f", "bob");
        assert!(tracker.take(0).is_none());
        assert_eq!((tracker.accepted(0), tracker.settled()), (2, 2));
        tracker.forget_seen();
        tracker.track("f", "bob");
        assert_eq!(pairs(&posts(&tracker)), [("f".to_owned(), "bob".to_owned())]);
    }

    #[test]
    fn a_key_that_comes_again_while_it_is_under_way_waits_once() {
        let tracker = tracker();
        tracker.track("f", "alice");
        let post = tracker.take(0).expect("a key");
        tracker.forget_seen();
        tracker.track("f", "alice");
        drop(post);
        assert_eq!(tracker.take(0).expect("a key").len(), 1);
        assert_eq!(tracker.held.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn many_keys_ask_for_a_post_and_too_many_are_refused() {
        let (log, lines) = Logger::recording(Level::Warning);
        let tracker = Arc::new(UniqueKeys::new(log));
        let mut key = 0;
        let mut track_until = |held: usize| {
            while tracker.held.load(Ordering::Relaxed) < held {
                tracker.track("f", &key.to_string());
                key += 1;
            }
        };
        track_until(MANY);
        assert!(!tracker.bell.is_rung());
        track_until(MANY + 1);
        assert!(tracker.bell.is_rung());
        track_until(MOST);
        for key in ["x", "y", "z"] {
            tracker.track("f", key);
        }
        assert_eq!((tracker.held.load(Ordering::Relaxed), lines.count(Level::Warning)), (MOST, 1));
        assert_eq!(tracker.dropped.sum(), 3);
        tracker.take(0).expect("keys").sent();
        tracker.track("f", "x");
        assert_eq!(tracker.held.load(Ordering::Relaxed), MOST - POST + 1);
    }

    #[test]
    fn halves_have_all_of_the_whole() {
        let tracker = tracker();
        for (flag, keys) in [("a", 3), ("b", 4), ("c", 2)] {
            (0..keys).for_each(|key| tracker.track(flag, &key.to_string()));
        }
        let mut first = tracker.take(0).expect("keys");
        let all = pairs([&first]);
        let second = first.split();
        assert_eq!((first.len(), second.len()), (4, 5));
        assert_eq!(pairs([&first, &second]), all);
    }
}
