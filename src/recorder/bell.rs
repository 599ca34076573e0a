//! How the threads that record wake the one that sends.
//!
//! Waking a task takes a lock of the runtime's. So it is done once: until the sender answers, all others find the bell rung
//! by a load.

use crate::concurrent::{AtomicBool, Notify, Ordering};

/// Rung by many, answered by one. Rings that were not answered yet are one ring.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: AtomicBool,
    notify: Notify,
}

impl Bell {
    /// Asks for a run of the sender. Costs a load when that was asked for already.
    pub(super) fn ring(&self) {
        if !self.rung.load(Ordering::Relaxed) && !self.rung.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Comes back when the bell was rung.
    pub(super) async fn heard(&self) {
        self.notify.notified().await;
    }

    /// A run begins, whatever it was begun for.
    pub(super) fn answer(&self) {
        self.rung.store(false, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Acquire)
    }
}
