//! Of what evaluations leave behind.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::thread;

use super::bell::Bell;
use super::bucket::Bucket;
use super::table::Table;
use super::tallies::{Entered, HOUR, Tallies};
use crate::concurrent::{AtomicU64, Mutex, Ordering};
use crate::models::take_a_part;

pub(crate) const MODELS: [(&str, fn()); 5] = [
    ("an item of a growing array is made once", items_are_made_once),
    ("each impression is counted once, with its name, while they are collected", each_impression_is_counted_once),
    ("an hour that ends while it is counted loses nothing", an_hour_that_ends_loses_nothing),
    ("an answer was given before at a time at which it was", times_are_those_of_the_answer),
    ("no record is left behind by a ring that was not heard", no_record_is_left_behind),
];

/// Two o'clock, an even hour.
const TWO: i64 = 2 * HOUR;

fn items_are_made_once() {
    let table = Arc::new(Table::<AtomicU64>::default());
    let threads = [[0, 1], [1, 0]].map(|indexes| {
        let table = Arc::clone(&table);
        thread::spawn(move || {
            for index in indexes {
                table.get_or_make(index).fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    assert!(table.iter().all(|(_, number)| number.load(Ordering::Relaxed) <= 2));
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let numbers: Vec<_> = table.iter().map(|(_, number)| number.load(Ordering::Relaxed)).collect();
    assert_eq!(numbers[..2], [2, 2]);
}

/// Counts on two threads while the calling one collects, and returns what the ledger has of each hour in the end.
fn counted(times: [&'static [i64]; 2], now: i64) -> Vec<(i64, u64)> {
    take_a_part();
    let tallies = Arc::new(Tallies::default());
    let threads = times.map(|times| {
        let tallies = Arc::clone(&tallies);
        thread::spawn(move || {
            for &time in times {
                assert_eq!(tallies.add(0, "flag", time), Entered::Kept);
            }
        })
    });
    assert_eq!(tallies.collect(now), Entered::Kept);
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(tallies.collect(now), Entered::Kept);
    let ledger = tallies.ledger();
    ledger
        .entries
        .iter()
        .map(|((name, hour), count)| {
            assert_eq!(&**name, "flag");
            (*hour, *count)
        })
        .collect()
}

fn each_impression_is_counted_once() {
    assert_eq!(counted([&[TWO, TWO + 1], &[TWO]], TWO), [(TWO, 3)]);
}

/// One that is counted in the last moment may get the label of the next hour of its bank, as the clock would have it a
/// moment later; none gets lost or counted twice.
fn an_hour_that_ends_loses_nothing() {
    let found = counted([&[TWO, TWO + HOUR], &[TWO]], TWO + 2 * HOUR);
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 3, "{found:?}");
    assert!(found.iter().any(|&(hour, _)| hour == TWO + HOUR || hour == TWO + 3 * HOUR), "{found:?}");
}

fn times_are_those_of_the_answer() {
    let words: Arc<[AtomicU64]> = (0..Bucket::WORDS).map(|_| AtomicU64::new(0)).collect();
    let threads = [10, 20].map(|now| {
        let words = Arc::clone(&words);
        thread::spawn(move || Bucket::new(&words).test_and_set(7, now))
    });
    let found: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert!(matches!(found[0], None | Some(20)) && matches!(found[1], None | Some(10)), "{found:?}");
    let later = Bucket::new(&words).test_and_set(7, 30);
    assert!(matches!(later, Some(10 | 20)), "{later:?} after {found:?}");
    assert_eq!(Bucket::new(&words).test_and_set(7, 40), Some(30));
}

/// As senders do: a run begins when the bell was rung, and takes all there is.
fn no_record_is_left_behind() {
    const RECORDS: usize = 2;
    let (bell, queue) = (Arc::new(Bell::default()), Arc::new(Mutex::new(0)));
    let sender = {
        let (bell, queue) = (Arc::clone(&bell), Arc::clone(&queue));
        thread::spawn(move || {
            let mut sent = 0;
            while sent < RECORDS {
                // Waits where it is, so that it is ready at once.
                assert!(pin!(bell.heard()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
                bell.answer();
                sent += std::mem::take(&mut *queue.lock().expect("no panic"));
            }
        })
    };
    for _ in 0..RECORDS {
        *queue.lock().expect("no panic") += 1;
        bell.ring();
    }
    // One that is never heard of would be a deadlock, which the checker finds.
    sender.join().expect("no panic");
}
