//! Telling users that something changed: only what really did, and nothing before they were told of readiness.

use std::sync::Arc;

use crate::callbacks::{Event, Outlets};
use crate::lifecycle::Lifecycle;
use crate::rules::Applied;

/// Where changes are told.
#[derive(Debug)]
pub(crate) struct Updates {
    lifecycle: Arc<Lifecycle>,
    outlets: Arc<Outlets>,
}

impl Updates {
    pub(crate) fn new(lifecycle: Arc<Lifecycle>, outlets: Arc<Outlets>) -> Self {
        Updates { lifecycle, outlets }
    }

    /// The first definitions are there. False if they were before, or the factory is destroyed.
    pub(crate) fn ready(&self) -> bool {
        let became = self.lifecycle.become_ready();
        if became {
            self.outlets.event(Event::Ready);
        }
        became
    }

    /// Flags and rule-based segments changed; they are published already.
    pub(crate) fn definitions(&self, applied: Applied) {
        if !applied.flags_changed.is_empty() {
            self.update(true, applied.flags_changed);
        }
        if applied.rule_based_segments_changed {
            self.segments();
        }
    }

    /// A segment came, or its keys changed.
    pub(crate) fn segments(&self) {
        self.update(false, Vec::new());
    }

    fn update(&self, flags_changed: bool, names: Vec<String>) {
        if self.lifecycle.is_ready() {
            self.outlets.event(Event::Update { flags_changed, names });
        }
    }
}
