//! How many impressions each flag had in each hour, on the way from [`Tallies`] to the backend.
//!
//! A post takes what it needs and puts back what did not arrive; meanwhile counting goes on. What could not be sent has
//! a limit, and its loss is said once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bell::Bell;
use super::sender::{Package, Source};
use super::tallies::{Entered, MOST_ENTRIES, Tallies};
use crate::logging::Logger;
use crate::transport::Endpoint;
use crate::wire::recording;

/// Counts of impressions by flag and hour.
pub(super) struct Counts {
    tallies: Tallies,
    /// Since counts were sent last, some were dropped.
    dropping: AtomicBool,
    bell: Bell,
    log: Logger,
}

impl Counts {
    pub(super) fn new(log: Logger) -> Self {
        Counts { tallies: Tallies::default(), dropping: AtomicBool::new(false), bell: Bell::default(), log }
    }

    /// Counts an impression of the flag with this slot and name at `time`, in milliseconds since 1970.
    #[inline(always)]
    pub(super) fn add(&self, slot: u32, flag: &str, time: i64) {
        self.complain(self.tallies.add(slot, flag, time));
    }

    /// Counts an impression of a name that has no slot: no definition of it is known, or there were too many names.
    pub(super) fn add_unslotted(&self, flag: &str, time: i64) {
        self.complain(self.tallies.add_unslotted(flag, time));
    }

    /// Not to be called with the ledger locked: the log is the host's.
    #[inline(always)]
    fn complain(&self, entered: Entered) {
        if entered == Entered::Dropped && !self.dropping.swap(true, Ordering::Relaxed) {
            self.warn_of_drops();
        }
    }

    #[cold]
    #[inline(never)]
    fn warn_of_drops(&self) {
        self.log.warning(
            "recorder",
            format_args!(
                "counts of {MOST_ENTRIES} flags and hours could not be sent yet: dropping those of others until they are"
            ),
        );
    }

    /// Impressions counted so far, those that were sent among them.
    pub(super) fn counted(&self, now: i64) -> u64 {
        self.complain(self.tallies.collect(now));
        self.tallies.ledger().entered
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

/// Counts on their way to the backend; back in the ledger if they do not arrive.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Arc<Counts>,
    entries: Vec<((Arc<str>, i64), u64)>,
}

impl Counted {
    fn impressions(&self) -> u64 {
        self.entries.iter().map(|(_, count)| count).sum()
    }

    /// Flag, hour and count.
    pub(super) fn entries(&self) -> impl ExactSizeIterator<Item = (&str, i64, u64)> {
        self.entries.iter().map(|((flag, hour), count)| (&**flag, *hour, *count))
    }

    /// Gives those up whose flag cannot be counted.
    pub(super) fn give_up(&mut self, hopeless: impl Fn(&str) -> bool) {
        let (entries, given_up) =
            std::mem::take(&mut self.entries).into_iter().partition(|((flag, _), _)| !hopeless(flag));
        self.entries = entries;
        self.settle(given_up);
    }

    /// Those at the places that `arrived` knows did arrive; the others are back in the ledger.
    pub(super) fn partly_sent(mut self, mut arrived: impl FnMut(usize) -> bool) {
        let mut place = 0..;
        let (sent, kept) =
            std::mem::take(&mut self.entries).into_iter().partition(|_| place.next().is_some_and(&mut arrived));
        self.entries = kept;
        self.settle(sent);
    }

    fn settle(&self, entries: Vec<((Arc<str>, i64), u64)>) {
        if !entries.is_empty() {
            Counted { counts: Arc::clone(&self.counts), entries }.sent();
        }
    }
}

impl Source for Counts {
    type Package = Counted;
    const ENDPOINT: Endpoint = Endpoint::ImpressionCounts;
    const WHAT: &'static str = "counts of impressions";

    fn take(self: &Arc<Self>, now: i64) -> Option<Counted> {
        self.complain(self.tallies.collect(now));
        let entries = std::mem::take(&mut self.tallies.ledger().entries);
        if entries.is_empty() {
            return None;
        }
        Some(Counted { counts: Arc::clone(self), entries: entries.into_iter().collect() })
    }

    fn goes_on(&self) -> bool {
        false
    }

    fn accepted(&self, now: i64) -> u64 {
        self.counted(now)
    }

    fn settled(&self) -> u64 {
        self.tallies.ledger().settled
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }
}

impl Package for Counted {
    fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        let counts = self.entries.iter();
        let per_flag =
            counts.map(|((flag, hour), count)| recording::Count { flag, hour: *hour, count: *count }).collect();
        serde_json::to_vec(&recording::Counts { per_flag })
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn split(&mut self) -> Self {
        let later = self.entries.split_off(self.entries.len() / 2);
        Counted { counts: Arc::clone(&self.counts), entries: later }
    }

    fn sent(mut self) {
        let impressions = self.impressions();
        self.entries.clear();
        self.counts.tallies.ledger().settled += impressions;
        self.counts.dropping.store(false, Ordering::Relaxed);
    }

    fn discard(mut self) {
        let impressions = self.impressions();
        self.entries.clear();
        self.counts.tallies.ledger().settled += impressions;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let mut ledger = self.counts.tallies.ledger();
        let mut entered = Entered::Kept;
        for ((flag, hour), count) in self.entries.drain(..) {
            entered = entered.and(ledger.put(&flag, hour, count));
        }
        drop(ledger);
        self.counts.complain(entered);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tallies::HOUR;
    use super::*;

    /// Ten o'clock of some day.
    const TEN: i64 = 490_000 * HOUR + 10 * HOUR;

    fn counts() -> Arc<Counts> {
        Arc::new(Counts::new(Logger::silent()))
    }

    fn sent(counts: &Arc<Counts>, now: i64) -> Vec<(String, i64, u64)> {
        let Some(package) = counts.take(now) else { return Vec::new() };
        let entries = package.entries.iter().map(|((flag, hour), count)| (flag.to_string(), *hour, *count)).collect();
        package.sent();
        entries
    }

    /// Times of counting, time of collecting, hours and their counts.
    type Case = (&'static [i64], i64, &'static [(i64, u64)]);

    #[test]
    fn each_count_gets_its_hour_however_late_it_is_collected() {
        const MINUTE: i64 = 60_000;
        let cases: [Case; 5] = [
            (&[TEN, TEN + 1, TEN + 59 * MINUTE], TEN + 59 * MINUTE, &[(TEN, 3)]),
            (&[TEN, TEN + HOUR], TEN + HOUR, &[(TEN, 1), (TEN + HOUR, 1)]),
            (&[TEN, TEN + 2 * HOUR], TEN + 2 * HOUR, &[(TEN, 1), (TEN + 2 * HOUR, 1)]),
            (&[TEN, TEN + 7 * HOUR, TEN + 7 * HOUR], TEN + 9 * HOUR, &[(TEN, 1), (TEN + 7 * HOUR, 2)]),
            // The clock was set back.
            (&[TEN + 2 * HOUR, TEN, TEN + 2 * HOUR], TEN + 2 * HOUR, &[(TEN, 1), (TEN + 2 * HOUR, 2)]),
        ];
        for (times, now, expected) in cases {
            let counts = counts();
            for &time in times {
                counts.add(3, "f", time);
            }
            let expected: Vec<_> = expected.iter().map(|&(hour, count)| ("f".to_owned(), hour, count)).collect();
            assert_eq!(sent(&counts, now), expected, "{times:?} at {now}");
            assert_eq!(sent(&counts, now), [], "{times:?} again");
        }
    }

    #[test]
    fn a_straggler_of_the_last_hour_is_counted_there_after_a_collection() {
        let counts = counts();
        counts.add(0, "f", TEN);
        assert_eq!(sent(&counts, TEN + HOUR), [("f".to_owned(), TEN, 1)]);
        counts.add(0, "f", TEN + HOUR - 1);
        counts.add(0, "f", TEN + HOUR);
        assert_eq!(sent(&counts, TEN + HOUR), [("f".to_owned(), TEN, 1), ("f".to_owned(), TEN + HOUR, 1)]);
    }

    #[test]
    fn flags_come_by_name_and_what_was_not_sent_is_counted_on() {
        let counts = counts();
        for (slot, flag) in [(70_000, "z"), (0, "b"), (63, "a"), (64, "c")] {
            counts.add(slot, flag, TEN);
        }
        counts.add_unslotted("unknown", TEN);
        drop(counts.take(TEN).expect("counts"));
        counts.add(0, "b", TEN);
        let expected = [("a", 1), ("b", 2), ("c", 1), ("unknown", 1), ("z", 1)];
        assert_eq!(sent(&counts, TEN), expected.map(|(flag, count)| (flag.to_owned(), TEN, count)));
        assert_eq!((counts.counted(TEN), counts.settled()), (6, 6));
    }

    #[test]
    fn threads_lose_nothing_to_each_other_or_to_the_collector() {
        let counts = counts();
        let mut collected = 0;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..50_000).for_each(|n| counts.add(n % 100, &format!("f{}", n % 100), TEN))))
                .collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                collected += sent(&counts, TEN).iter().map(|(_, _, count)| count).sum::<u64>();
            }
        });
        collected += sent(&counts, TEN).iter().map(|(_, _, count)| count).sum::<u64>();
        assert_eq!(collected, 200_000);
    }

    #[test]
    fn names_out_of_the_blue_cannot_take_all_memory() {
        let (log, lines) = Logger::recording(crate::logging::Level::Warning);
        let counts = Arc::new(Counts::new(log));
        counts.add(0, "known", TEN);
        assert_eq!(counts.counted(TEN), 1);
        for name in 0..MOST_ENTRIES + 10 {
            counts.add_unslotted(&name.to_string(), TEN);
        }
        counts.add(0, "known", TEN);
        let expected = MOST_ENTRIES as u64 + 1;
        assert_eq!(sent(&counts, TEN).iter().map(|(_, _, count)| count).sum::<u64>(), expected);
        assert_eq!(lines.lines().len(), 1, "{:?}", lines.lines());
        assert_eq!((counts.counted(TEN), counts.settled()), (expected + 11, expected + 11));
    }
}
