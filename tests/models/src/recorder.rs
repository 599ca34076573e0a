//! Of what evaluations leave behind.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use loom::thread;

use super::bell::Bell;
use super::sightings::Sightings;
use super::table::Table;
use super::tallies::{Entered, HOUR, Tallies};
use crate::concurrent::{AtomicU64, Mutex, Ordering};
use crate::models::{joined, take_a_part};

pub(crate) const MODELS: [(&str, fn()); 7] = [
    ("an item of a growing array is made once", items_are_made_once),
    ("each impression is counted once, with its name, while they are collected", each_impression_is_counted_once),
    ("flags whose counts are neighbours are named", neighbours_are_named),
    ("two threads count a flag for the first time", two_threads_name_one_flag),
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
    let reading = {
        let table = Arc::clone(&table);
        thread::spawn(move || assert!(table.iter().all(|(_, number)| number.load(Ordering::Relaxed) <= 2)))
    };
    joined(threads.into_iter().chain([reading]));
    let numbers: Vec<_> = table.iter().map(|(_, number)| number.load(Ordering::Relaxed)).collect();
    assert_eq!(numbers[..2], [2, 2]);
}

fn counting(tallies: &Arc<Tallies>, times: &'static [i64]) -> thread::JoinHandle<()> {
    let tallies = Arc::clone(tallies);
    thread::spawn(move || times.iter().for_each(|&time| assert_eq!(tallies.add(0, "flag", time), Entered::Kept)))
}

/// What the ledger has of each hour in the end.
fn collected(tallies: &Tallies, now: i64) -> Vec<(i64, u64)> {
    assert_eq!(tallies.collect(now), Entered::Kept);
    let ledger = tallies.ledger();
    assert!(ledger.entries.keys().all(|(name, _)| &**name == "flag"));
    ledger.entries.iter().map(|((_, hour), count)| (*hour, *count)).collect()
}

/// The same, of times that a thread counts while another collects.
fn collected_meanwhile(times: &'static [i64], now: i64) -> Vec<(i64, u64)> {
    take_a_part();
    let tallies = Arc::new(Tallies::default());
    let counting = counting(&tallies, times);
    let collecting = {
        let tallies = Arc::clone(&tallies);
        thread::spawn(move || assert_eq!(tallies.collect(now), Entered::Kept))
    };
    joined([counting, collecting]);
    collected(&tallies, now)
}

fn each_impression_is_counted_once() {
    assert_eq!(collected_meanwhile(&[TWO, TWO + 1, TWO], TWO), [(TWO, 3)]);
}

fn neighbours_are_named() {
    take_a_part();
    let tallies = Arc::new(Tallies::default());
    let threads = [true, false].map(|counts| {
        let tallies = Arc::clone(&tallies);
        thread::spawn(move || {
            if counts {
                for (slot, name) in [(0, "one"), (1, "two")] {
                    assert_eq!(tallies.add(slot, name, TWO), Entered::Kept);
                }
            } else {
                assert_eq!(tallies.collect(TWO), Entered::Kept);
            }
        })
    });
    joined(threads);
    assert_eq!(tallies.collect(TWO), Entered::Kept);
    let found: Vec<_> = tallies.ledger().entries.iter().map(|((name, _), count)| (name.to_string(), *count)).collect();
    assert_eq!(found, [("one".to_owned(), 1), ("two".to_owned(), 1)]);
}

fn two_threads_name_one_flag() {
    take_a_part();
    let tallies = Arc::new(Tallies::default());
    joined([counting(&tallies, &[TWO]), counting(&tallies, &[TWO])]);
    assert_eq!(collected(&tallies, TWO), [(TWO, 2)]);
}

/// One that is counted in the last moment may get the label of the next hour of its bank, as the clock would have it a
/// moment later; none gets lost or counted twice.
fn an_hour_that_ends_loses_nothing() {
    let found = collected_meanwhile(&[TWO, TWO + HOUR], TWO + 2 * HOUR);
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 2, "{found:?}");
    assert!(found.iter().any(|&(hour, _)| hour == TWO + HOUR || hour == TWO + 3 * HOUR), "{found:?}");
}

fn times_are_those_of_the_answer() {
    let words: Arc<[AtomicU64]> = (0..Sightings::WORDS).map(|_| AtomicU64::new(0)).collect();
    let threads = [10, 20].map(|now| {
        let words = Arc::clone(&words);
        thread::spawn(move || Sightings::new(&words).test_and_set(7, now))
    });
    let found = joined(threads);
    assert!(matches!(found[0], None | Some(20)) && matches!(found[1], None | Some(10)), "{found:?}");
    let later = Sightings::new(&words).test_and_set(7, 30);
    assert!(matches!(later, Some(10 | 20)), "{later:?} after {found:?}");
    assert_eq!(Sightings::new(&words).test_and_set(7, 40), Some(30));
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
