//! The models of what is not private to a part of the library, and how all are run.
//!
//! Threads that only read are spawned last: the checker moves a reader to before a write that it has seen, but does not
//! always move a writer to before a read.

use std::panic::{catch_unwind, set_hook};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as Number;
use std::time::Instant;

use loom::model::Builder;
use loom::thread;

use crate::concurrent::{AtomicI64, AtomicU64, Ordering, begin_execution};
use crate::rules::Definitions;
use crate::storage::Store;
use crate::telemetry::{Counter, PerThread};
use crate::{recorder, rules};

/// How often threads may be interrupted by others where they need not be, in one execution. Nearly all defects that are
/// known of such code need no more.
const INTERRUPTIONS: usize = 2;

type Model = (&'static str, fn());

const MODELS: [Model; 4] = [
    ("a counter loses nothing between threads that add, end and begin", a_counter_loses_nothing),
    ("threads beyond those that own a part share one", threads_share_the_last_part),
    ("a part is made once", a_part_is_made_once),
    ("a thread never goes back to a state before, and sees the one it was told of", states_are_read_in_order),
];

/// Faults on purpose: a checker that does not find them is none.
const PLANTED: [Model; 2] = [
    ("planted: an addition of two steps", an_addition_of_two_steps),
    ("planted: a value that is not published", a_value_that_is_not_published),
];

/// Runs all models, and says for each what became of it. The exit status.
pub(crate) fn run() -> i32 {
    let (mut passed, mut failed) = (0, 0);
    let mut count = |name: &str, good: bool| {
        if good {
            passed += 1;
        } else {
            failed += 1;
            println!("FAILED: {name}");
        }
    };
    for (name, model) in MODELS.into_iter().chain(recorder::models::MODELS).chain(rules::models::MODELS) {
        count(name, explore(name, model));
    }
    // Their panics are as wanted.
    set_hook(Box::new(|_| ()));
    for (name, fault) in PLANTED {
        count(name, !explore(name, fault));
    }
    println!("\n{passed} passed, {failed} failed");
    i32::from(failed > 0)
}

/// Whether a model holds in all executions.
fn explore(name: &str, model: fn()) -> bool {
    let executions = Arc::new(Number::new(0));
    let counted = Arc::clone(&executions);
    let mut builder = Builder::new();
    builder.preemption_bound = Some(INTERRUPTIONS);
    builder.max_branches = 10_000;
    let begun = Instant::now();
    let held = catch_unwind(move || {
        builder.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            begin_execution();
            model();
        });
    });
    let executions = executions.load(Ordering::Relaxed);
    println!("{name}: {executions} executions, {:.1} s", begun.elapsed().as_secs_f64());
    held.is_ok()
}

/// Takes a part of what is counted per thread, so that the table of those that are taken is there before other threads.
pub(crate) fn take_a_part() {
    Counter::default().add(1);
}

pub(crate) fn joined<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

/// The second thread may get the first one's part, and then adds to what that has left there.
fn a_counter_loses_nothing() {
    take_a_part();
    let counter = Arc::new(Counter::default());
    let threads = [2, 1].map(|times| {
        let counter = Arc::clone(&counter);
        thread::spawn(move || (0..times).for_each(|_| counter.add(1)))
    });
    let reading = {
        let counter = Arc::clone(&counter);
        thread::spawn(move || {
            let seen = [counter.sum(), counter.sum()];
            assert!(seen[0] <= seen[1] && seen[1] <= 3, "{seen:?}");
        })
    };
    joined(threads.into_iter().chain([reading]));
    assert_eq!(counter.sum(), 3);
}

fn threads_share_the_last_part() {
    take_a_part();
    let counter = Arc::new(Counter::default());
    let threads = [(); 3].map(|()| {
        let counter = Arc::clone(&counter);
        thread::spawn(move || counter.add(1))
    });
    joined(threads);
    assert_eq!(counter.sum(), 3);
}

fn a_part_is_made_once() {
    take_a_part();
    let numbers = Arc::new(PerThread::<AtomicU64>::default());
    let threads = [(); 2].map(|()| {
        let numbers = Arc::clone(&numbers);
        thread::spawn(move || {
            numbers.mine().fetch_add(1, Ordering::Relaxed);
            assert!(std::ptr::eq(numbers.mine(), numbers.mine()));
        })
    });
    joined(threads);
    assert_eq!(numbers.iter().map(|number| number.load(Ordering::Relaxed)).sum::<u64>(), 2);
}

fn number_read(store: &Store) -> i64 {
    store.read_kept(Definitions::change_number).unwrap_or_else(|| store.read(Definitions::change_number))
}

fn states_are_read_in_order() {
    let store = Arc::new(Store::new(None));
    let told = Arc::new(AtomicI64::new(-1));
    let reader = {
        let (store, told) = (Arc::clone(&store), Arc::clone(&told));
        thread::spawn(move || {
            let mut last = -1;
            for _ in 0..4 {
                let told = told.load(Ordering::Acquire);
                let read = number_read(&store);
                assert!(read >= last && read >= told, "{read} after {last}, when told of {told}");
                last = read;
            }
        })
    };
    for number in 1..=2 {
        store.write(|writer| writer.publish(Definitions::numbered(number)));
        told.store(number, Ordering::Release);
    }
    joined([reader]);
}

fn an_addition_of_two_steps() {
    let number = Arc::new(AtomicU64::new(0));
    let threads = [(); 2].map(|()| {
        let number = Arc::clone(&number);
        thread::spawn(move || number.store(number.load(Ordering::SeqCst) + 1, Ordering::SeqCst))
    });
    joined(threads);
    assert_eq!(number.load(Ordering::SeqCst), 2);
}

fn a_value_that_is_not_published() {
    let (value, ready) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let writer = {
        let (value, ready) = (Arc::clone(&value), Arc::clone(&ready));
        thread::spawn(move || {
            value.store(1, Ordering::Relaxed);
            ready.store(1, Ordering::Relaxed);
        })
    };
    if ready.load(Ordering::Acquire) == 1 {
        assert_eq!(value.load(Ordering::Relaxed), 1);
    }
    joined([writer]);
}
