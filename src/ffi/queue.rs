//! The queue in place of callbacks, for languages that a foreign thread cannot call cheaply or safely.

use super::codes::*;
use super::factory::{call, timeout};
use super::guard::{guard, guard_logged};
use super::handle::Handle;
use super::out::Out;
use super::types::{split_factory, split_json, split_status};
use super::{error, json};
use crate::factory::Factory;

/// Takes up to `max` queued records, as a JSON array of objects whose "type" is
/// "impression", "log" or "event"; waits up to `timeout_ms` for the first
/// (negative: as long as it takes).
///
/// Returns `SPLIT_OK`, `SPLIT_E_TIMEOUT` with no records, or `SPLIT_E_DESTROYED`
/// once the factory is destroyed and the queue is empty: the reader's loop ends
/// there. `text` is ended by `split_json_release`.
///
/// Threads: any; one reader is usual. Fork: as `split_block_until_ready`.
/// NULL: `SPLIT_E_INVALID_ARGUMENT`, as for a `max` of 0 and without a queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_poll(
    factory: *const split_factory,
    timeout_ms: i64,
    max: usize,
    text: *mut split_json,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let Some(text) = Out::at(text) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &"text is NULL");
        };
        call(factory, |factory| {
            text.write(json::give(factory.poll(timeout(timeout_ms), max)?));
            Ok(())
        })
    }
}

/// A descriptor that is readable while records are queued and after the factory
/// is destroyed, for poll, epoll, kqueue or an event loop. Only wait on it: don't
/// read, write or close it.
///
/// Returns -1 on Windows, without a queue, and in a child that hasn't resumed;
/// resuming makes a new one.
///
/// Threads: any, concurrently. NULL: -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_poll_fd(factory: *const split_factory) -> i32 {
    // SAFETY: the module's promise.
    let Some(factory) = (unsafe { Factory::from_ref(factory) }) else { return -1 };
    guard_logged(factory, -1, || factory.poll_fd().unwrap_or(-1))
}

/// Lets go of a text and empties it.
///
/// Threads: one at a time per text. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_json_release(text: *mut split_json) {
    guard((), || {
        // SAFETY: the module's promise.
        if let Some(text) = unsafe { text.as_mut() } {
            unsafe { json::release(text) };
        }
    });
}
