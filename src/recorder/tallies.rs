//! Counting by flag and hour, without a lock on the way.
//!
//! Nearly every evaluation counts, so counting must not make threads meet: each has an array of its own, indexed by the
//! flag's slot, and the sender collects them into one ledger. An array has two banks, for even and for odd hours, each
//! labelled with the hour that it counts: so what is counted before an hour ends stays in that hour, however late it is
//! collected.

use std::array;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::table::Table;
use crate::concurrent::{AtomicI64, AtomicU64, Mutex, MutexGuard, OnceBox, Ordering};
use crate::telemetry::{PerThread, Writer};

/// Milliseconds in an hour.
pub(super) const HOUR: i64 = 3_600_000;

/// Flags times hours that wait to be sent, at most. Far above what a day without the backend leaves behind for any
/// environment that evaluates sensibly; it bounds what names out of the blue can cost.
pub(super) const MOST_ENTRIES: usize = 200_000;

/// The beginning of the hour of a time; both in milliseconds since 1970.
#[inline(always)]
pub(super) fn truncated_to_hour(time: i64) -> i64 {
    time - time.rem_euclid(HOUR)
}

/// Flags, hours and how often.
pub(super) type Entries = BTreeMap<(Arc<str>, i64), u64>;

/// The arrays of all threads, and the ledger of what was collected from them.
#[derive(Default)]
pub(super) struct Tallies {
    arrays: PerThread<Array>,
    /// Of the flags that were counted, by slot.
    names: Table<OnceBox<Arc<str>>>,
    ledger: Mutex<Ledger>,
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
pub(super) struct Ledger {
    pub(super) entries: Entries,
    /// Impressions ever entered.
    pub(super) entered: u64,
    /// Of these, sent or given up.
    pub(super) settled: u64,
}

/// Whether a count could be entered; a full ledger drops those of new flags and hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Entered {
    Kept,
    Dropped,
}

impl Entered {
    /// Whether both could be.
    pub(super) fn and(self, other: Self) -> Self {
        if self == Entered::Kept { other } else { self }
    }
}

impl Ledger {
    fn enter(&mut self, flag: &Arc<str>, hour: i64, count: u64) -> Entered {
        self.entered += count;
        self.put(flag, hour, count)
    }

    pub(super) fn put(&mut self, flag: &Arc<str>, hour: i64, count: u64) -> Entered {
        let key = (Arc::clone(flag), hour);
        if self.entries.len() >= MOST_ENTRIES && !self.entries.contains_key(&key) {
            self.settled += count;
            return Entered::Dropped;
        }
        *self.entries.entry(key).or_default() += count;
        Entered::Kept
    }
}

impl Tallies {
    /// Counts an impression of the flag with this slot and name at `time`, in milliseconds since 1970.
    ///
    /// A few loads and one addition, to memory of this thread.
    #[inline(always)]
    pub(super) fn add(&self, slot: u32, flag: &str, time: i64) -> Entered {
        let hour = truncated_to_hour(time);
        let bank = bank(hour);
        let (array, writer) = self.arrays.mine_to_write();
        if array.hours[bank].load(Ordering::Relaxed) == hour
            && let Some(cell) = array.cell(slot, bank)
            // The first sees to it that the flag's name is known before its count is.
            && cell.load(Ordering::Relaxed) != 0
        {
            writer.add(cell, 1);
            return Entered::Kept;
        }
        self.add_first(array, writer, slot, flag, hour)
    }

    #[cold]
    #[inline(never)]
    fn add_first(&self, array: &Array, writer: Writer, slot: u32, flag: &str, hour: i64) -> Entered {
        let bank = bank(hour);
        let mut entered = Entered::Kept;
        if array.hours[bank].load(Ordering::Relaxed) != hour {
            let mut ledger = self.ledger();
            // Again, now that it can no longer change.
            let counted = array.hours[bank].load(Ordering::Relaxed);
            if counted > hour {
                return ledger.enter(&flag.into(), hour, 1);
            }
            entered = self.collect_bank(array, bank, &mut ledger);
            array.hours[bank].store(hour, Ordering::Relaxed);
        }
        self.names.get_or_make(slot as usize).get_or_init(|| Box::new(flag.into()));
        writer.add(array.make_cell(slot, bank), 1);
        entered
    }

    /// Counts an impression of a name that has no slot: no definition of it is known, or there were too many names.
    pub(super) fn add_unslotted(&self, flag: &str, time: i64) -> Entered {
        self.ledger().enter(&flag.into(), truncated_to_hour(time), 1)
    }

    /// What was collected, to look at and to change. Whoever counts for the first time in an hour waits meanwhile.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the counts of all threads to the ledger, and prepares their banks for the hours to come.
    pub(super) fn collect(&self, now: i64) -> Entered {
        let this_hour = truncated_to_hour(now);
        let mut entered = Entered::Kept;
        for array in self.arrays.iter() {
            // Not for all of them at once: an evaluation may have to wait for this.
            let mut ledger = self.ledger();
            for bank in 0..array.hours.len() {
                entered = entered.and(self.collect_bank(array, bank, &mut ledger));
                if array.hours[bank].load(Ordering::Relaxed) < this_hour {
                    let next = if bank == self::bank(this_hour) { this_hour } else { this_hour + HOUR };
                    array.hours[bank].store(next, Ordering::Relaxed);
                }
            }
        }
        entered
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
                    entered = entered.and(ledger.enter(name, hour, fresh));
                }
            }
        }
        entered
    }
}

/// Even hours are counted in one bank and odd ones in the other.
#[inline(always)]
fn bank(hour: i64) -> usize {
    usize::from(hour / HOUR % 2 != 0)
}
