//! Things with locks, in a library whose host may fork.
//!
//! A lock that another thread held when the process forked is held for ever in the child. So whatever has a lock stands
//! behind a pointer that the child can point elsewhere, without a look at what it pointed to.

use std::mem;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

/// A pointer to something that may have to be left behind.
#[derive(Debug, Default)]
pub(super) struct Replaceable<T>(ArcSwap<T>);

impl<T> Replaceable<T> {
    pub(super) fn new(content: T) -> Self {
        Replaceable(ArcSwap::from_pointee(content))
    }

    pub(super) fn load(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    pub(super) fn load_full(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Puts something new in its place. The old is leaked: it may be in the middle of a change that never ends.
    pub(super) fn replace(&self, content: T) {
        mem::forget(self.0.swap(Arc::new(content)));
    }
}
