//! Definitions in memory: an immutable state behind an atomic pointer, and one writer at a time that makes the next.
//!
//! Readers never wait: they take the state that is published when they come. A writer builds the next one beside it,
//! under a lock that no reader takes, and publishes it whole, so flags appear together with what they refer to.
//!
//! Compiling a large answer takes a while, so it is done before that lock is taken: the numbers of names have a lock of
//! their own, which is held for one definition at a time ([`Store::number`]), and the next state is made in
//! [`Store::update`], where the writer sees whether the state it has prepared for is still the present one.

use std::sync::{Arc, PoisonError};

use super::kept;
use crate::concurrent::{ArcSwap, AtomicU64, Guard, Mutex, Ordering};
use crate::rules::{Definitions, Registry};

/// The definitions of one factory.
#[derive(Debug)]
pub(crate) struct Store {
    published: ArcSwap<Definitions>,
    /// Of the published state, in the numbers of [`kept`]. Changes after it.
    edition: AtomicU64,
    /// Taken before `writing` where both are needed.
    registry: Mutex<Registry>,
    writing: Mutex<()>,
    filter: Option<Vec<String>>,
}

impl Store {
    /// An empty store. With a filter it holds only flags that belong to one of these sets.
    pub(crate) fn new(filter: Option<Vec<String>>) -> Self {
        Store::with(filter, Arc::new(Definitions::empty()))
    }

    /// A store that goes on from a state that another has published.
    pub(crate) fn with(filter: Option<Vec<String>>, definitions: Arc<Definitions>) -> Self {
        Store {
            edition: AtomicU64::new(kept::edition_of(&definitions)),
            registry: Mutex::new(Registry::of(&definitions)),
            published: ArcSwap::new(definitions),
            writing: Mutex::default(),
            filter,
        }
    }

    /// The published state.
    #[inline]
    pub(crate) fn load(&self) -> Guard<Arc<Definitions>> {
        self.published.load()
    }

    /// Reads the published state, if it is what this thread keeps at hand.
    #[inline(always)]
    pub(crate) fn read_kept<R>(&self, read: impl FnOnce(&Definitions) -> R) -> Option<R> {
        kept::read_kept(self.edition.load(Ordering::Acquire), read)
    }

    /// Reads the published state, where [`Store::read_kept`] did not. Threads that do so again and again keep it at hand.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&Definitions) -> R) -> R {
        // Whoever sees the number sees the state it came with, or a later one.
        kept::read(self.edition.load(Ordering::Acquire), &self.published, read)
    }

    /// Under the lock of those who write.
    fn publish(&self, next: Definitions) {
        let edition = kept::edition_of(&next);
        self.published.store(Arc::new(next));
        self.edition.store(edition, Ordering::Release);
    }

    /// The flag sets that are let in; none: all.
    pub(crate) fn filter(&self) -> Option<&[String]> {
        self.filter.as_deref()
    }

    /// Lets `write` make the next state. Others who write wait.
    pub(crate) fn write<R>(&self, write: impl FnOnce(&mut Writer<'_>) -> R) -> R {
        self.number(|registry| {
            let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            write(&mut Writer { registry, store: self })
        })
    }

    /// Lets `compile` give numbers to names. Whoever else needs numbers waits, so it should be about one definition.
    pub(crate) fn number<R>(&self, compile: impl FnOnce(&mut Registry) -> R) -> R {
        // What a panicking writer left behind is at worst a name that nothing refers to.
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        compile(&mut registry)
    }

    /// Publishes the state that `next` makes of the present one, if it makes one. Others who write wait; the present
    /// state is the latest until this returns.
    pub(crate) fn update<R>(&self, next: impl FnOnce(&Definitions) -> (Option<Definitions>, R)) -> R {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, result) = next(&self.published.load());
        if let Some(next) = next {
            self.publish(next);
        }
        result
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        kept::forget(self.edition.load(Ordering::Relaxed));
    }
}

/// The right to write.
pub(crate) struct Writer<'a> {
    /// Numbers of flags and segments, for compiling definitions.
    pub(crate) registry: &'a mut Registry,
    store: &'a Store,
}

impl Writer<'_> {
    /// The state that the next is made from. Stays the latest while this writer writes.
    pub(crate) fn current(&self) -> Arc<Definitions> {
        self.store.published.load_full()
    }

    /// The flag sets that are let in; none: all.
    pub(crate) fn filter(&self) -> Option<&[String]> {
        self.store.filter()
    }

    /// Makes a state the one that evaluations read.
    pub(crate) fn publish(&mut self, next: Definitions) {
        self.store.publish(next);
    }
}
