//! The lives of a factory, from the process that made it to this one.
//!
//! A list that only grows, and takes no lock: a fork may come at any time, and its child must find it whole. Evaluations
//! look at the last life only: one load and two comparisons where nothing was forked.

use std::mem;
use std::sync::Arc;

use once_cell::race::OnceBox;

use super::life::Life;
use crate::process;

/// What no process is: a life with this answers for none until another follows.
const NOBODY: u32 = u32::MAX;

/// One life, and the next.
pub(super) struct Link {
    /// The process it belongs to.
    generation: u32,
    /// The process whose calls it may answer.
    answers_for: u32,
    pub(super) life: Arc<Life>,
    next: OnceBox<Link>,
}

/// Whether a life answers calls, or is only on the way to one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Settled,
    Passing,
}

impl Link {
    /// A life of this process.
    pub(super) fn new(life: Life, standing: Standing) -> Self {
        let generation = process::generation();
        let answers_for = if standing == Standing::Settled { generation } else { NOBODY };
        Link { generation, answers_for, life: Arc::new(life), next: OnceBox::new() }
    }

    /// The last life of all.
    #[inline]
    pub(super) fn last(&self) -> &Link {
        let mut link = self;
        while let Some(next) = link.next.get() {
            link = next;
        }
        link
    }

    /// Whether this is a life of this process.
    #[inline]
    pub(super) fn is_here(&self) -> bool {
        self.generation == process::generation()
    }

    /// Whether calls in this process may be answered by it.
    #[inline]
    pub(super) fn answers_here(&self) -> bool {
        self.answers_for == process::generation()
    }

    /// Lets another life follow. False if another has followed meanwhile; the one given is then dropped.
    pub(super) fn follow(&self, link: Link) -> bool {
        self.next.set(Box::new(link)).is_ok()
    }

    /// All lives, this first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(Some(self), |link| link.next.get())
    }
}

impl Drop for Link {
    /// What is another process's stays as it is: its locks may be held for ever, and its threads would be waited for.
    fn drop(&mut self) {
        if !self.is_here() {
            mem::forget(Arc::clone(&self.life));
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("generation", &self.generation).field("life", &self.life).finish_non_exhaustive()
    }
}
