//! What src/concurrent.rs names, as the model checker has it.
//!
//! Of what crates give (`once_cell`, `arc-swap`, `tokio`), here is what they promise and no more: which orders of memory
//! they synchronise by, without the code that does it.

use std::ops::Deref;
use std::sync::{Arc, LockResult, OnceLock, PoisonError};

use loom::sync::Condvar;
pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

pub(crate) const OWNED_PARTS: usize = 2;
pub(crate) const FIRST_PIECE: usize = 1;
pub(crate) const PATIENCE: u8 = 2;

macro_rules! global {
    ($(#[$about:meta])* static $name:ident: $type:ty = $initial:expr;) => {
        $(#[$about])*
        static $name: $crate::concurrent::Global<$type> = $crate::concurrent::Global::new(|| $initial);
    };
}
pub(crate) use global;

/// A static of one execution. The checker's own ends before the destructors of threads have run.
pub(crate) struct Global<T: 'static> {
    make: fn() -> T,
    /// With the number of the execution that it was made in. Of the standard library: no step of the model.
    made: std::sync::Mutex<Option<(usize, &'static T)>>,
}

static EXECUTION: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// From now on all statics are new.
pub(crate) fn begin_execution() {
    EXECUTION.fetch_add(1, Ordering::Relaxed);
}

impl<T> Global<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Global { make, made: std::sync::Mutex::new(None) }
    }
}

impl<T> Deref for Global<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let execution = EXECUTION.load(Ordering::Relaxed);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match *made {
            Some((made_in, value)) if made_in == execution => value,
            _ => made.insert((execution, Box::leak(Box::new((self.make)())))).1,
        }
    }
}

/// The checker's knows no initial value that is a constant block.
macro_rules! of_each_thread {
    ($($(#[$about:meta])* static $name:ident: $type:ty = $initial:expr;)*) => {
        $(::loom::thread_local! { $(#[$about])* static $name: $type = { $initial }; })*
    };
}
pub(crate) use of_each_thread as thread_local;

/// The checker's lacks the default.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.0.lock()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

/// The values that threads want something to be, and the one that it became. `Release` by who sets it, `Acquire` by who
/// gets it.
#[derive(Debug)]
struct Once<T> {
    offers: [OnceLock<T>; OFFERS],
    /// The number of the offer, from 1.
    taken: AtomicUsize,
}

/// No model has more threads.
const OFFERS: usize = loom::MAX_THREADS;

impl<T> Once<T> {
    fn new() -> Self {
        Once { offers: [const { OnceLock::new() }; OFFERS], taken: AtomicUsize::new(0) }
    }

    fn get(&self) -> Option<&T> {
        self.offers[..self.taken.load(Ordering::Acquire)].last()?.get()
    }

    fn set(&self, mut value: T) -> Result<(), ()> {
        for (number, place) in self.offers.iter().enumerate() {
            // Of the standard library: no step of the model.
            match place.set(value) {
                Ok(()) => {
                    let set = self.taken.compare_exchange(0, number + 1, Ordering::AcqRel, Ordering::Acquire);
                    return set.map(drop).map_err(drop);
                }
                Err(ours) => value = ours,
            }
        }
        panic!("more offers than threads");
    }
}

/// As `once_cell::race::OnceBox`.
#[derive(Debug)]
pub(crate) struct OnceBox<T>(Once<Box<T>>);

impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        OnceBox(Once::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get().map(|value| &**value)
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        self.get().unwrap_or_else(|| {
            // Whether ours or another thread's: one is set.
            let (Ok(()) | Err(())) = self.0.set(make());
            self.get().expect("set")
        })
    }
}

impl<T> Default for OnceBox<T> {
    fn default() -> Self {
        OnceBox::new()
    }
}

/// As `once_cell::race::OnceRef`.
pub(crate) struct OnceRef<'a, T>(Once<&'a T>);

impl<'a, T> OnceRef<'a, T> {
    pub(crate) fn new() -> Self {
        OnceRef(Once::new())
    }

    pub(crate) fn get(&self) -> Option<&'a T> {
        self.0.get().copied()
    }

    pub(crate) fn set(&self, value: &'a T) -> Result<(), ()> {
        self.0.set(value)
    }
}

/// As `arc_swap::ArcSwap`.
#[derive(Debug)]
pub(crate) struct ArcSwap<T> {
    /// Of the standard library, and locked within one step of the model: no step of its own.
    values: std::sync::Mutex<Vec<Arc<T>>>,
    current: AtomicUsize,
}

impl<T> ArcSwap<T> {
    pub(crate) fn new(value: Arc<T>) -> Self {
        ArcSwap { values: std::sync::Mutex::new(vec![value]), current: AtomicUsize::new(0) }
    }

    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        Guard(self.load_full())
    }

    pub(crate) fn load_full(&self) -> Arc<T> {
        let current = self.current.load(Ordering::Acquire);
        Arc::clone(&self.values.lock().unwrap_or_else(PoisonError::into_inner)[current])
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        self.swap(value);
    }

    pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
        let new = {
            let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
            values.push(value);
            values.len() - 1
        };
        let old = self.current.swap(new, Ordering::AcqRel);
        Arc::clone(&self.values.lock().unwrap_or_else(PoisonError::into_inner)[old])
    }
}

/// As `arc_swap::Guard`.
pub(crate) struct Guard<T>(T);

impl<T> Guard<T> {
    pub(crate) fn into_inner(guard: Self) -> T {
        guard.0
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// As `tokio::sync::Notify`, except that waiting holds the thread.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    permit: Mutex<bool>,
    changed: Condvar,
}

impl Notify {
    pub(crate) fn notify_one(&self) {
        *self.permit.lock().expect("no panic") = true;
        self.changed.notify_one();
    }

    pub(crate) async fn notified(&self) {
        let mut permit = self.permit.lock().expect("no panic");
        while !*permit {
            permit = self.changed.wait(permit).expect("no panic");
        }
        *permit = false;
    }
}
