//! How many impressions each flag had in each hour.
//!
//! Nearly every evaluation counts, so counting must not make threads meet: each has an array of its own, indexed by the
//! flag's slot, and the sender collects them. An array has two banks, for even and for odd hours, each labelled with the
//! hour that it counts: so what is counted before an hour ends stays in that hour, however late it is collected.

use std::array;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use once_cell::race::OnceBox;

use super::bell::Bell;
use super::sender::{Package, Source};
use super::table::Table;
use crate::logging::Logger;
use crate::telemetry::{PerThread, Writer};
use crate::transport::Endpoint;
use crate::wire::recording;

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;

/// Flags times hours that wait to be sent, at most. Far above what a day without the backend leaves behind for any
/// environment that evaluates sensibly; it bounds what names out of the blue can cost.
const MOST_ENTRIES: usize = 200_000;

/// The beginning of the hour of a time; both in milliseconds since 1970.
#[inline(always)]
pub(super) fn truncated_to_hour(time: i64) -> i64 {
    time - time.rem_euclid(HOUR)
}

/// Counts of impressions by flag and hour.
pub(super) struct Counts {
    arrays: PerThread<Array>,
    /// Of the flags that were counted, by slot.
    names: Table<OnceBox<Arc<str>>>,
    ledger: Mutex<Ledger>,
    /// Since counts were sent last, some were dropped.
    dropping: AtomicBool,
    bell: Bell,
    log: Logger,
}

/// The counts of one thread, or of several that share it. They only grow: who collects remembers up to where.
struct Array {
    /// The hour (the beginning) that each bank counts.
    hours: [AtomicI64; 2],
    cells: Table<Line>,
    /// How much of each cell is in the ledger; written with the ledger locked.
    collected: Table<Line>,
}

impl Default for Array {
    fn default() -> Self {
        Array {
            hours: array::from_fn(|_| AtomicI64::new(i64::MIN)),
            cells: Table::default(),
            collected: Table::default(),
        }
    }
}

/// The counts of four slots, two banks each, in a cache line that no other thread's counts are in.
#[derive(Default)]
#[repr(align(64))]
struct Line([[AtomicU64; 2]; SLOTS_PER_LINE]);

const SLOTS_PER_LINE: usize = 4;

impl Array {
    #[inline(always)]
    fn cell(&self, slot: u32, bank: usize) -> Option<&AtomicU64> {
        let slot = slot as usize;
        Some(&self.cells.get(slot / SLOTS_PER_LINE)?.0[slot % SLOTS_PER_LINE][bank])
    }

    fn make_cell(&self, slot: u32, bank: usize) -> &AtomicU64 {
        let slot = slot as usize;
        &self.cells.get_or_make(slot / SLOTS_PER_LINE).0[slot % SLOTS_PER_LINE][bank]
    }
}

/// Counts that were collected, and some that are rare enough to be put here at once.
#[derive(Debug, Default)]
struct Ledger {
    entries: BTreeMap<(Arc<str>, i64), u64>,
    /// Impressions ever entered.
    entered: u64,
    /// Of these, sent or given up.
    settled: u64,
}

/// Whether a count could be entered; a full ledger drops those of new flags and hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
enum Entered {
    Kept,
    Dropped,
}

impl Ledger {
    fn enter(&mut self, flag: &Arc<str>, hour: i64, count: u64) -> Entered {
        self.entered += count;
        self.put(flag, hour, count)
    }

    fn put(&mut self, flag: &Arc<str>, hour: i64, count: u64) -> Entered {
        let key = (Arc::clone(flag), hour);
        if self.entries.len() >= MOST_ENTRIES && !self.entries.contains_key(&key) {
            self.settled += count;
            return Entered::Dropped;
        }
        *self.entries.entry(key).or_default() += count;
        Entered::Kept
    }
}

impl Counts {
    pub(super) fn new(log: Logger) -> Self {
        Counts {
            arrays: PerThread::default(),
            names: Table::default(),
            ledger: Mutex::default(),
            dropping: AtomicBool::new(false),
            bell: Bell::default(),
            log,
        }
    }

    /// Counts an impression of the flag with this slot and name at `time`, in milliseconds since 1970.
    ///
    /// A few loads and one addition, to memory of this thread.
    #[inline(always)]
    pub(super) fn add(&self, slot: u32, flag: &str, time: i64) {
        let hour = truncated_to_hour(time);
        let bank = bank(hour);
        let (array, writer) = self.arrays.mine_to_write();
        if array.hours[bank].load(Ordering::Relaxed) == hour
            && let Some(cell) = array.cell(slot, bank)
            // The first sees to it that the flag's name is known before its count is.
            && cell.load(Ordering::Relaxed) != 0
        {
            writer.add(cell, 1);
            return;
        }
        self.add_first(array, writer, slot, flag, hour);
    }

    #[cold]
    #[inline(never)]
    fn add_first(&self, array: &Array, writer: Writer, slot: u32, flag: &str, hour: i64) {
        let bank = bank(hour);
        if array.hours[bank].load(Ordering::Relaxed) != hour {
            let mut ledger = lock(&self.ledger);
            // Again, now that it can no longer change.
            let counted = array.hours[bank].load(Ordering::Relaxed);
            if counted > hour {
                let entered = ledger.enter(&flag.into(), hour, 1);
                drop(ledger);
                return self.complain(entered);
            }
            let entered = self.collect_bank(array, bank, &mut ledger);
            array.hours[bank].store(hour, Ordering::Relaxed);
            drop(ledger);
            self.complain(entered);
        }
        self.names.get_or_make(slot as usize).get_or_init(|| Box::new(flag.into()));
        writer.add(array.make_cell(slot, bank), 1);
    }

    /// Counts an impression of a name that has no slot: no definition of it is known, or there were too many names.
    pub(super) fn add_unslotted(&self, flag: &str, time: i64) {
        let entered = lock(&self.ledger).enter(&flag.into(), truncated_to_hour(time), 1);
        self.complain(entered);
    }

    /// Not to be called with the ledger locked: the log is the host's.
    fn complain(&self, entered: Entered) {
        if entered == Entered::Dropped && !self.dropping.swap(true, Ordering::Relaxed) {
            self.log.warning(
                "recorder",
                format_args!(
                    "counts of {MOST_ENTRIES} flags and hours could not be sent yet: dropping those of others until they are"
                ),
            );
        }
    }

    /// Impressions counted so far, those that were sent among them.
    pub(super) fn counted(&self, now: i64) -> u64 {
        self.collect(now);
        lock(&self.ledger).entered
    }

    /// Moves the counts of all threads to the ledger, and prepares their banks for the hours to come.
    fn collect(&self, now: i64) {
        let this_hour = truncated_to_hour(now);
        for array in self.arrays.iter() {
            // Not for all of them at once: an evaluation may have to wait for this.
            let mut ledger = lock(&self.ledger);
            let mut entered = Entered::Kept;
            for bank in 0..array.hours.len() {
                if self.collect_bank(array, bank, &mut ledger) == Entered::Dropped {
                    entered = Entered::Dropped;
                }
                if array.hours[bank].load(Ordering::Relaxed) < this_hour {
                    let next = if bank == self::bank(this_hour) { this_hour } else { this_hour + HOUR };
                    array.hours[bank].store(next, Ordering::Relaxed);
                }
            }
            drop(ledger);
            self.complain(entered);
        }
    }

    fn collect_bank(&self, array: &Array, bank: usize, ledger: &mut Ledger) -> Entered {
        let mut entered = Entered::Kept;
        let hour = array.hours[bank].load(Ordering::Relaxed);
        for (line_number, line) in array.cells.iter() {
            for (place, cells) in line.0.iter().enumerate() {
                let count = cells[bank].load(Ordering::Acquire);
                if count == 0 {
                    continue;
                }
                let collected = &array.collected.get_or_make(line_number).0[place][bank];
                let fresh = count - collected.load(Ordering::Relaxed);
                let slot = line_number * SLOTS_PER_LINE + place;
                // Who counts for the first time leaves the name first.
                if fresh > 0
                    && let Some(name) = self.names.get(slot).and_then(OnceBox::get)
                {
                    collected.store(count, Ordering::Relaxed);
                    if ledger.enter(name, hour, fresh) == Entered::Dropped {
                        entered = Entered::Dropped;
                    }
                }
            }
        }
        entered
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

/// Even hours are counted in one bank and odd ones in the other.
#[inline(always)]
fn bank(hour: i64) -> usize {
    usize::from(hour / HOUR % 2 != 0)
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.collect(now);
        let entries = std::mem::take(&mut lock(&self.ledger).entries);
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
        lock(&self.ledger).settled
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
        lock(&self.counts.ledger).settled += impressions;
        self.counts.dropping.store(false, Ordering::Relaxed);
    }

    fn discard(mut self) {
        let impressions = self.impressions();
        self.entries.clear();
        lock(&self.counts.ledger).settled += impressions;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        let mut ledger = lock(&self.counts.ledger);
        let mut entered = Entered::Kept;
        for ((flag, hour), count) in self.entries.drain(..) {
            if ledger.put(&flag, hour, count) == Entered::Dropped {
                entered = Entered::Dropped;
            }
        }
        drop(ledger);
        self.counts.complain(entered);
    }
}

#[cfg(test)]
mod tests {
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
