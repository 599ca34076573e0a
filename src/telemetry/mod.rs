//! Counters that anyone may write to; no I/O. What is sent of them, and when, is the recorder's business.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a factory counts about itself.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    /// Calls made before the factory was ready (`nR`).
    not_ready_uses: AtomicU64,
    /// Waits for readiness that timed out (`bT`).
    ready_timeouts: AtomicU64,
    /// Evaluations that failed inside (`mE`), all methods.
    exceptions: AtomicU64,
}

impl Telemetry {
    /// A call came before the factory was ready.
    pub(crate) fn not_ready_use(&self) {
        self.not_ready_uses.fetch_add(1, Ordering::Relaxed);
    }

    /// A wait for readiness timed out.
    pub(crate) fn ready_timeout(&self) {
        self.ready_timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// An evaluation failed inside.
    pub(crate) fn exception(&self) {
        self.exceptions.fetch_add(1, Ordering::Relaxed);
    }
}
