//! What code without locks is made of.
//!
//! Its correctness hangs on the order in which threads see each other's writes, which tests meet by luck. So the modules
//! that are included by tests/models take these names from here, and there from a model checker, which tries every order.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread_local;

pub(crate) use arc_swap::{ArcSwap, Guard};
pub(crate) use once_cell::race::{OnceBox, OnceRef};
pub(crate) use tokio::sync::Notify;

/// A static whose initial value need not be constant where a model checker makes it.
macro_rules! global {
    ($(#[$about:meta])* static $name:ident: $type:ty = $initial:expr;) => {
        $(#[$about])*
        static $name: $type = $initial;
    };
}
pub(crate) use global;

// How large things are; a model checker wants them small.

/// Threads that have a part of their own in what is counted per thread.
pub(crate) const OWNED_PARTS: usize = 63;
/// Items in the first piece of an array that grows.
pub(crate) const FIRST_PIECE: usize = 64;
/// Calls that find another state than their thread keeps, before the thread keeps that. One that serves two factories in
/// turns would otherwise change at each call.
pub(crate) const PATIENCE: u8 = 16;
