//! The bounded queue between the threads that record and the one that sends.
//!
//! A thread that records holds its lock for one push, and waits for nothing else: not for the network, and not for a
//! bulk to be put together, as the sender swaps the whole queue out in one step. What is under way counts as held until
//! it arrived, and goes back to the front if it does not; so an outage cannot make the queue grow beyond its size.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bell::Bell;
use super::sender::{Package, Source};
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::telemetry::{Tally, Telemetry};
use crate::transport::Endpoint;

/// A post is asked for when what waits weighs so much, and none is made heavier on purpose.
const HEAVY: usize = 5 * 1024 * 1024;

/// What an [`Outbox`] holds.
pub(super) trait Record: Send + Sync + Sized + 'static {
    const ENDPOINT: Endpoint;
    /// In the plural, for the log.
    const WHAT: &'static str;
    /// The option that sets the size of its queue.
    const SIZE_OPTION: &'static str;

    /// Estimated size; 0 where only the number counts.
    fn weight(&self) -> usize;
    /// The JSON of a post.
    fn body(records: &[Self]) -> Result<Vec<u8>, serde_json::Error>;
    /// Where it is counted what became of them.
    fn tally(telemetry: &Telemetry) -> &Tally;
}

/// The queue has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A bounded queue of records, and those of them that are under way.
pub(super) struct Outbox<T> {
    size: usize,
    bulk_size: usize,
    /// Waiting or under way. Grows under the lock of `arrivals` only.
    held: AtomicUsize,
    /// Weight of what waits.
    weight: AtomicUsize,
    arrivals: Mutex<VecDeque<T>>,
    /// What arrived earlier or came back; the sender's.
    backlog: Mutex<VecDeque<T>>,
    accepted: AtomicU64,
    settled: AtomicU64,
    /// Since there was room last, records were dropped.
    dropping: AtomicBool,
    /// How many had been dropped when that began.
    dropped_before: AtomicU64,
    bell: Bell,
    telemetry: Arc<Telemetry>,
    complaint: Complaint,
}

impl<T: Record> Outbox<T> {
    /// An empty queue for `size` records, sent `bulk_size` at a time.
    pub(super) fn new(size: usize, bulk_size: usize, telemetry: Arc<Telemetry>, log: Logger) -> Self {
        Outbox {
            size,
            bulk_size,
            held: AtomicUsize::new(0),
            weight: AtomicUsize::new(0),
            arrivals: Mutex::default(),
            backlog: Mutex::default(),
            accepted: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            dropping: AtomicBool::new(false),
            dropped_before: AtomicU64::new(0),
            bell: Bell::default(),
            telemetry,
            complaint: Complaint::new(log, "recorder"),
        }
    }

    /// Queues what `record` makes, or counts it as dropped when there is no room. Then nothing is made.
    pub(super) fn push(&self, record: impl FnOnce() -> T) -> Result<(), Full> {
        self.put(record).inspect_err(|_full| self.refuse())
    }

    /// The same without a word about what there is no room for: who holds a lock calls [`Outbox::refuse`] later, as the
    /// log is the host's.
    pub(super) fn put(&self, record: impl FnOnce() -> T) -> Result<(), Full> {
        if self.is_full() {
            return Err(Full);
        }
        let record = record();
        let weight = record.weight();
        let mut arrivals = lock(&self.arrivals);
        if self.is_full() {
            return Err(Full);
        }
        let held = self.held.fetch_add(1, Ordering::Relaxed) + 1;
        let weight = self.weight.fetch_add(weight, Ordering::Relaxed) + weight;
        self.accepted.fetch_add(1, Ordering::Relaxed);
        arrivals.push_back(record);
        drop(arrivals);
        self.tally().queued.add(1);
        if held >= self.size || weight >= HEAVY {
            self.bell.ring();
        }
        Ok(())
    }

    /// Waiting or under way.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether so many more fit in now.
    pub(super) fn has_room_for(&self, records: usize) -> bool {
        self.held().saturating_add(records) <= self.size
    }

    /// Gives up everything that waits, and counts it as dropped, with what is under way and will not be waited for. How
    /// many that was.
    pub(super) fn abandon(&self) -> usize {
        let mut backlog = lock(&self.backlog);
        let mut arrivals = lock(&self.arrivals);
        let given_up = self.held();
        let waiting = backlog.len() + arrivals.len();
        backlog.clear();
        arrivals.clear();
        drop((arrivals, backlog));
        self.weight.store(0, Ordering::Relaxed);
        self.tally().dropped.add(given_up as u64);
        self.settle(waiting);
        given_up
    }

    fn is_full(&self) -> bool {
        self.held() >= self.size
    }

    /// Counts a record that there was no room for.
    ///
    /// Threads that are refused do not disturb each other: once one has complained they only read and count apart.
    pub(super) fn refuse(&self) {
        if !self.dropping.load(Ordering::Relaxed) && !self.dropping.swap(true, Ordering::Relaxed) {
            self.dropped_before.store(self.tally().dropped.sum(), Ordering::Relaxed);
            self.complaint.say(
                Level::Warning,
                format!(
                    "the queue of {what} is full ({size}): dropping {what} until there is room; consider a larger {option}",
                    what = T::WHAT,
                    size = self.size,
                    option = T::SIZE_OPTION,
                ),
            );
        }
        self.tally().dropped.add(1);
        self.bell.ring();
    }

    fn settle(&self, count: usize) {
        self.held.fetch_sub(count, Ordering::Relaxed);
        self.settled.fetch_add(count as u64, Ordering::Relaxed);
        if self.dropping.load(Ordering::Relaxed) && !self.is_full() && self.dropping.swap(false, Ordering::Relaxed) {
            let dropped = self.tally().dropped.sum() - self.dropped_before.load(Ordering::Relaxed);
            let what = T::WHAT;
            self.complaint.settle(format_args!("the queue of {what} has room again; {dropped} {what} were dropped"));
        }
    }

    fn tally(&self) -> &Tally {
        T::tally(&self.telemetry)
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("size", &self.size).field("held", &self.held).finish_non_exhaustive()
    }
}

fn lock<T>(records: &Mutex<VecDeque<T>>) -> MutexGuard<'_, VecDeque<T>> {
    records.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records of one post; they go back to the front of the queue if they do not arrive.
#[derive(Debug)]
pub(super) struct Bulk<T: Record> {
    outbox: Arc<Outbox<T>>,
    records: Vec<T>,
}

impl<T: Record> Source for Outbox<T> {
    type Package = Bulk<T>;
    const ENDPOINT: Endpoint = T::ENDPOINT;
    const WHAT: &'static str = T::WHAT;

    fn take(self: &Arc<Self>, _now: i64) -> Option<Bulk<T>> {
        let mut backlog = lock(&self.backlog);
        if backlog.is_empty() {
            mem::swap(&mut *backlog, &mut *lock(&self.arrivals));
        } else if backlog.len() < self.bulk_size {
            let mut arrived = mem::take(&mut *lock(&self.arrivals));
            backlog.append(&mut arrived);
        }
        let mut weight = 0;
        let heavy_at = backlog.iter().take(self.bulk_size).position(|record| {
            weight += record.weight();
            weight >= HEAVY
        });
        let count = heavy_at.map_or(self.bulk_size.min(backlog.len()), |last| last + 1);
        if count == 0 {
            return None;
        }
        self.weight.fetch_sub(weight, Ordering::Relaxed);
        Some(Bulk { outbox: Arc::clone(self), records: backlog.drain(..count).collect() })
    }

    fn goes_on(&self) -> bool {
        self.held() >= self.bulk_size
    }

    fn accepted(&self, _now: i64) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn settled(&self) -> u64 {
        self.settled.load(Ordering::Relaxed)
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }
}

impl<T: Record> Bulk<T> {
    pub(super) fn records(&self) -> &[T] {
        &self.records
    }
}

impl<T: Record> Package for Bulk<T> {
    fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        T::body(&self.records)
    }

    fn len(&self) -> usize {
        self.records.len()
    }

    fn split(&mut self) -> Self {
        let later = self.records.split_off(self.records.len() / 2);
        Bulk { outbox: Arc::clone(&self.outbox), records: later }
    }

    fn sent(mut self) {
        self.outbox.settle(mem::take(&mut self.records).len());
    }

    fn discard(mut self) {
        let count = mem::take(&mut self.records).len();
        self.outbox.tally().dropped.add(count as u64);
        self.outbox.settle(count);
    }
}

impl<T: Record> Drop for Bulk<T> {
    fn drop(&mut self) {
        if self.records.is_empty() {
            return;
        }
        let weight: usize = self.records.iter().map(T::weight).sum();
        let mut backlog = lock(&self.outbox.backlog);
        for record in self.records.drain(..).rev() {
            backlog.push_front(record);
        }
        self.outbox.weight.fetch_add(weight, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number, and its weight.
    impl Record for (u32, usize) {
        const ENDPOINT: Endpoint = Endpoint::Events;
        const WHAT: &'static str = "events";
        const SIZE_OPTION: &'static str = "eventsQueueSize";

        fn weight(&self) -> usize {
            self.1
        }

        fn body(records: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
            serde_json::to_vec(records)
        }

        fn tally(telemetry: &Telemetry) -> &Tally {
            telemetry.events()
        }
    }

    fn outbox(size: usize, bulk_size: usize) -> Arc<Outbox<(u32, usize)>> {
        Arc::new(Outbox::new(size, bulk_size, Arc::new(Telemetry::new(true)), Logger::silent()))
    }

    fn push_all(outbox: &Outbox<(u32, usize)>, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            outbox.push(|| (number, 1)).expect("room");
        }
    }

    fn numbers(bulk: &Bulk<(u32, usize)>) -> Vec<u32> {
        bulk.records.iter().map(|record| record.0).collect()
    }

    #[test]
    fn what_failed_comes_first_and_in_order() {
        let outbox = outbox(10, 3);
        push_all(&outbox, 0..5);
        let bulk = outbox.take(0).expect("records");
        push_all(&outbox, 5..6);
        assert_eq!(numbers(&bulk), [0, 1, 2]);
        drop(bulk);
        for expected in [&[0, 1, 2][..], &[3, 4, 5]] {
            let bulk = outbox.take(0).expect("records");
            assert_eq!(numbers(&bulk), expected);
            bulk.sent();
        }
        assert!(outbox.take(0).is_none());
        assert_eq!((outbox.held(), outbox.accepted(0), outbox.settled()), (0, 6, 6));
    }

    #[test]
    fn halves_go_back_in_order() {
        let outbox = outbox(10, 5);
        push_all(&outbox, 0..5);
        let mut first = outbox.take(0).expect("records");
        let second = first.split();
        assert_eq!((numbers(&first), numbers(&second)), (vec![0, 1], vec![2, 3, 4]));
        drop(second);
        drop(first);
        assert_eq!(numbers(&outbox.take(0).expect("records")), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_under_way_takes_room() {
        let outbox = outbox(3, 2);
        push_all(&outbox, 0..3);
        let bulk = outbox.take(0).expect("records");
        assert_eq!(outbox.push(|| (3, 1)), Err(Full));
        bulk.sent();
        push_all(&outbox, 3..5);
        assert_eq!(outbox.push(|| (5, 1)), Err(Full));
        let bulk = outbox.take(0).expect("records");
        assert_eq!(numbers(&bulk), [2, 3]);
        bulk.discard();
        let tally = outbox.telemetry.events();
        assert_eq!((tally.queued.sum(), tally.dropped.sum(), outbox.held()), (5, 4, 1));
    }

    #[test]
    fn a_burst_is_one_warning_and_one_ring() {
        let (log, lines) = Logger::recording(Level::Info);
        let outbox: Arc<Outbox<(u32, usize)>> = Arc::new(Outbox::new(2, 2, Arc::new(Telemetry::new(true)), log));
        for burst in 1..=2 {
            push_all(&outbox, 0..1);
            assert!(!outbox.bell.is_rung());
            push_all(&outbox, 1..2);
            assert!(outbox.bell.is_rung());
            for _ in 0..5 {
                outbox.push(|| unreachable!("not made when there is no room")).expect_err("no room");
            }
            assert_eq!((lines.count(Level::Warning), lines.count(Level::Info)), (burst, burst - 1));
            outbox.bell.answer();
            outbox.take(0).expect("records").sent();
        }
        assert!(lines.lines()[1].1.ends_with("5 events were dropped"), "{:?}", lines.lines());
    }

    #[test]
    fn five_mebibytes_ask_for_a_post_and_end_one() {
        let outbox = outbox(100, 50);
        let half = HEAVY / 2;
        outbox.push(|| (0, half)).expect("room");
        assert!(!outbox.bell.is_rung());
        outbox.push(|| (1, half)).expect("room");
        assert!(outbox.bell.is_rung());
        outbox.push(|| (2, 1)).expect("room");
        assert_eq!(outbox.weight.load(Ordering::Relaxed), HEAVY + 1);
        let bulk = outbox.take(0).expect("records");
        assert_eq!((numbers(&bulk), outbox.weight.load(Ordering::Relaxed)), (vec![0, 1], 1));
        drop(bulk);
        assert_eq!(outbox.weight.load(Ordering::Relaxed), HEAVY + 1);
        outbox.take(0).expect("records").sent();
        assert_eq!(numbers(&outbox.take(0).expect("records")), [2]);
    }

    #[test]
    fn many_bursts_are_few_lines() {
        let (log, lines) = Logger::recording(Level::Info);
        let outbox: Arc<Outbox<(u32, usize)>> = Arc::new(Outbox::new(2, 2, Arc::new(Telemetry::new(true)), log));
        for _ in 0..1000 {
            push_all(&outbox, 0..2);
            outbox.push(|| unreachable!("not made when there is no room")).expect_err("no room");
            outbox.take(0).expect("records").sent();
        }
        assert_eq!((lines.count(Level::Warning), lines.count(Level::Info)), (10, 10), "{:?}", lines.lines());
    }

    #[test]
    fn many_threads_push_while_one_takes() {
        let outbox = outbox(100_000, 777);
        let mut found = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u32)
                .map(|thread| {
                    let outbox = &outbox;
                    scope.spawn(move || push_all(outbox, (0..10_000).map(|number| thread * 10_000 + number)))
                })
                .collect();
            let mut failures = 0;
            while threads.iter().any(|thread| !thread.is_finished()) || outbox.held() > 0 {
                let Some(bulk) = outbox.take(0) else { continue };
                failures += 1;
                if failures % 3 == 0 {
                    continue;
                }
                found.extend(numbers(&bulk));
                bulk.sent();
            }
        });
        for thread in 0..4 {
            let of_thread = found.iter().filter(|&number| number / 10_000 == thread);
            assert!(of_thread.copied().eq(thread * 10_000..(thread + 1) * 10_000), "thread {thread}");
        }
    }

    #[test]
    fn what_is_abandoned_is_counted() {
        let outbox = outbox(10, 2);
        push_all(&outbox, 0..5);
        let under_way = outbox.take(0).expect("records");
        assert_eq!((outbox.abandon(), outbox.held(), outbox.telemetry.events().dropped.sum()), (5, 2, 5));
        under_way.sent();
        assert_eq!((outbox.held(), outbox.settled()), (0, 5));
    }
}
