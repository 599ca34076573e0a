//! The local cache: what was read from Redis a moment ago, compiled.
//!
//! Evaluations read it without a lock. Looking at an entry leaves a mark of when that was, in steps of changes to the
//! shelf, so what is put out when there is no more room is what was not asked for since the longest. How long an entry
//! is fresh stands in the entry: where Redis gives the text that it gave before, that alone is changed. So the compiled
//! form is kept also by those who want no answer from a cache, for whom nothing is ever fresh.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashTable;

use crate::rules::{Flag, RuleBasedSegment, key_hash};

/// How many names of a kind are kept.
pub(super) const ROOM: usize = 1000;

/// Everything that is kept, in one state. Clones share their drawers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    /// How often it changed.
    tick: u64,
    pub(super) flags: Arc<Drawer<KeptFlag>>,
    pub(super) rule_based_segments: Arc<Drawer<Arc<RuleBasedSegment>>>,
    /// Those that flags have.
    pub(super) traffic_types: Arc<Drawer<()>>,
}

/// Names of one kind.
#[derive(Clone, Debug)]
pub(super) struct Drawer<T> {
    table: HashTable<Arc<Kept<T>>>,
}

impl<T> Default for Drawer<T> {
    fn default() -> Self {
        Drawer { table: HashTable::new() }
    }
}

/// A flag, and whether it can be evaluated alone.
#[derive(Clone, Debug)]
pub(super) struct KeptFlag {
    pub(super) flag: Arc<Flag>,
    is_plain: bool,
}

impl KeptFlag {
    pub(super) fn new(flag: Arc<Flag>) -> Self {
        let asks_flags = flag.flags().next().is_some();
        let asks_segments = flag.segments().next().is_some() || flag.rule_based_segments().next().is_some();
        KeptFlag { flag, is_plain: !asks_flags && !asks_segments }
    }
}

/// What Redis answered about a name.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) name: Box<str>,
    /// A number that differs between texts that differ; none where there is no text.
    pub(super) text: Option<u64>,
    /// None where there is nothing under this name, or nothing that can be used.
    pub(super) object: Option<T>,
    fresh_until: AtomicU64,
    used: AtomicU64,
}

impl<T> Kept<T> {
    /// An entry that is fresh until this moment, exclusively.
    pub(super) fn new(name: &str, text: Option<u64>, object: Option<T>, fresh_until: Moment) -> Self {
        let (fresh_until, used) = (AtomicU64::new(fresh_until.0), AtomicU64::new(0));
        Kept { name: name.into(), text, object, fresh_until, used }
    }

    fn fresh_until(&self) -> u64 {
        self.fresh_until.load(Ordering::Relaxed)
    }
}

/// A time on the clock of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// Counts nanoseconds, so that a time is an atomic number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn starting_now() -> Self {
        Clock(Instant::now())
    }

    /// 584 years fit.
    pub(super) fn moment(self, time: Instant) -> Moment {
        Moment(u64::try_from(time.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Moment {
    /// For atomics.
    pub(super) fn number(self) -> u64 {
        self.0
    }

    pub(super) fn numbered(number: u64) -> Moment {
        Moment(number)
    }

    pub(super) fn after(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Shelf {
    /// A flag that can be evaluated without asking Redis for anything: it is fresh, and refers to nothing. The inner
    /// `None` is a fresh answer too: there is no such flag.
    #[inline]
    pub(crate) fn plain_flag(&self, name: &str, now: Moment) -> Option<Option<&Flag>> {
        let kept = self.flags.fresh(name, now, self.tick)?;
        match &kept.object {
            None => Some(None),
            Some(kept) => kept.is_plain.then_some(Some(&kept.flag)),
        }
    }

    pub(super) fn flag(&self, name: &str, now: Moment) -> Option<Option<&Arc<Flag>>> {
        let kept = self.flags.fresh(name, now, self.tick)?;
        Some(kept.object.as_ref().map(|kept| &kept.flag))
    }

    pub(super) fn rule_based_segment(&self, name: &str, now: Moment) -> Option<Option<&Arc<RuleBasedSegment>>> {
        Some(self.rule_based_segments.fresh(name, now, self.tick)?.object.as_ref())
    }

    /// Whether flags have a traffic type.
    pub(super) fn traffic_type(&self, name: &str, now: Moment) -> Option<bool> {
        Some(self.traffic_types.fresh(name, now, self.tick)?.object.is_some())
    }

    /// The shelf with more in its drawers. Drawers that get nothing are shared.
    pub(super) fn with(
        &self,
        flags: Vec<Kept<KeptFlag>>,
        rule_based_segments: Vec<Kept<Arc<RuleBasedSegment>>>,
        traffic_types: Vec<Kept<()>>,
    ) -> Shelf {
        let tick = self.tick + 1;
        Shelf {
            tick,
            flags: Drawer::with(&self.flags, flags, tick),
            rule_based_segments: Drawer::with(&self.rule_based_segments, rule_based_segments, tick),
            traffic_types: Drawer::with(&self.traffic_types, traffic_types, tick),
        }
    }
}

impl<T: Clone> Drawer<T> {
    fn with(drawer: &Arc<Self>, answers: Vec<Kept<T>>, tick: u64) -> Arc<Self> {
        let mut drawer = Arc::clone(drawer);
        if !answers.is_empty() {
            Arc::make_mut(&mut drawer).put(answers, tick);
        }
        drawer
    }

    /// The entry of a name, of whatever age.
    pub(super) fn get(&self, name: &str) -> Option<&Kept<T>> {
        let found = self.table.find(key_hash(name).value(), |kept| *kept.name == *name);
        found.map(|kept| &**kept)
    }

    #[inline]
    fn fresh(&self, name: &str, now: Moment, tick: u64) -> Option<&Kept<T>> {
        let kept = self.get(name).filter(|kept| now.0 < kept.fresh_until())?;
        // A write to what other threads read costs them; once a tick is enough.
        if kept.used.load(Ordering::Relaxed) != tick {
            kept.used.store(tick, Ordering::Relaxed);
        }
        Some(kept)
    }

    /// Whether a new answer changes nothing but how long the entry is fresh, which is then done.
    pub(super) fn renew(&self, answer: &Kept<T>) -> bool {
        match self.get(&answer.name) {
            Some(kept) if kept.text == answer.text => {
                kept.fresh_until.fetch_max(answer.fresh_until(), Ordering::Relaxed);
                true
            }
            // Of two threads that asked, the one that did it later knows better.
            Some(kept) => kept.fresh_until() > answer.fresh_until(),
            None => false,
        }
    }

    /// Puts answers in, and out what was not used since the longest if there are too many.
    fn put(&mut self, answers: Vec<Kept<T>>, tick: u64) {
        let hash = |kept: &Arc<Kept<T>>| key_hash(&kept.name).value();
        for answer in answers {
            answer.used.store(tick, Ordering::Relaxed);
            let answer = Arc::new(answer);
            match self.table.find_mut(hash(&answer), |kept| kept.name == answer.name) {
                Some(place) => *place = answer,
                None => drop(self.table.insert_unique(hash(&answer), answer, hash)),
            }
        }
        let Some(excess) = self.table.len().checked_sub(ROOM).filter(|&excess| excess > 0) else { return };
        let age = |kept: &Kept<T>| (kept.used.load(Ordering::Relaxed), kept.fresh_until());
        let mut ages: Vec<_> = self.table.iter().map(|kept| age(kept)).collect();
        let (_, &mut last_to_go, _) = ages.select_nth_unstable(excess - 1);
        let mut left = excess;
        self.table.retain(|kept| {
            let goes = left > 0 && age(kept) <= last_to_go;
            left -= usize::from(goes);
            !goes
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, until: u64) -> Kept<()> {
        Kept::new(name, None, None, Moment(until))
    }

    fn names(range: std::ops::Range<usize>) -> Vec<Kept<()>> {
        range.map(|n| kept(&n.to_string(), 10)).collect()
    }

    #[test]
    fn what_was_not_asked_for_since_the_longest_goes() {
        let mut drawer = Drawer::default();
        drawer.put(names(0..ROOM), 1);
        assert!(drawer.fresh("0", Moment(5), 2).is_some());
        drawer.put(vec![kept("new", 10)], 3);
        drawer.put(names(ROOM..2 * ROOM - 2), 4);
        assert_eq!(drawer.table.len(), ROOM);
        for (name, stays) in [("0", true), ("new", true), ("1", false), ("999", false), ("1000", true), ("1997", true)]
        {
            assert_eq!(drawer.get(name).is_some(), stays, "{name}");
        }
    }

    #[test]
    fn more_than_there_is_room_for_at_once_leaves_as_many_as_there_is_room_for() {
        let mut drawer = Drawer::default();
        drawer.put(names(0..3 * ROOM), 1);
        assert_eq!(drawer.table.len(), ROOM);
    }

    #[test]
    fn an_entry_is_fresh_until_its_moment_and_the_later_answer_counts() {
        let mut drawer = Drawer::default();
        drawer.put(vec![Kept::new("a", Some(1), Some(()), Moment(10))], 1);
        for (now, fresh) in [(0, true), (9, true), (10, false), (11, false)] {
            assert_eq!(drawer.fresh("a", Moment(now), 1).is_some(), fresh, "{now}");
        }
        let answer = |text, until| Kept::new("a", Some(text), Some(()), Moment(until));
        for (answer, renewed, fresh_until) in [
            (answer(1, 20), true, 20),
            (answer(1, 15), true, 20),
            (answer(2, 15), true, 20),
            (answer(2, 25), false, 20),
        ] {
            assert_eq!(drawer.renew(&answer), renewed, "{answer:?}");
            assert_eq!(drawer.get("a").map(Kept::fresh_until), Some(fresh_until), "{answer:?}");
        }
        assert!(!drawer.renew(&kept("b", 5)));
    }
}
