//! Which process this is, in a line of forks.
//!
//! Threads, connections and locks do not survive a fork in any use to the child. So whoever holds some compares this
//! number with the one of its beginning: the price of a load, where asking for the process id would be a system call.

use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between the first process that used the library and this one.
#[inline]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// The number itself: added to by the handler of forks in `ffi`, and read by bindings.
pub(crate) fn counter() -> &'static AtomicU32 {
    &GENERATION
}
