//! The end of a factory, and what comes before it.

use std::time::Duration;

use super::codes::*;
use super::error;
use super::factory::{call, timeout};
use super::guard::{guard, guard_logged};
use super::handle::Handle;
use super::types::{split_error, split_factory, split_status};
use crate::factory::Factory;

/// How long `split_destroy` sends what is queued when it is not told.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
/// What is longer is cut to this: it is added to a clock.
const LONGEST_DEADLINE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Sends what is queued (impressions, events, telemetry) and waits for it, and for
/// callbacks that were due before, up to `timeout_ms` (negative: as long as it
/// takes).
///
/// Returns `SPLIT_OK`, `SPLIT_E_TIMEOUT`, `SPLIT_E_DESTROYED`, `SPLIT_E_FORKED`
/// or `SPLIT_E_REENTRANT` from a callback.
///
/// Threads: any, concurrently. Fork: as `split_block_until_ready`.
/// NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_flush(factory: *const split_factory, timeout_ms: i64) -> split_status {
    // SAFETY: the module's promise.
    unsafe { call(factory, |factory| factory.flush(timeout(timeout_ms))) }
}

/// In a process forked from the one that made the factory, gives the factory
/// threads, connections and queues of its own. What was queued before the fork
/// is the parent's to send. The parent needs to do nothing.
///
/// It also starts a factory made with preforkedInitialization. Otherwise, where
/// there was no fork or the factory resumed by itself, it does nothing and
/// returns `SPLIT_OK`.
///
/// Threads: any; the first call does it and others wait for it.
/// NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_resume(factory: *mut split_factory, error: *mut split_error) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let status = call(factory, Factory::resume);
        if status != SPLIT_OK {
            error::copy_last(error);
        }
        status
    }
}

/// Stops a factory: sends what is queued, for up to `timeout_ms`, then ends its
/// threads and connections, and then drops its callbacks.
///
/// The handle stays valid: evaluations give "control" and everything else
/// `SPLIT_E_DESTROYED`. A negative `timeout_ms` is the default, 10 seconds. A
/// second call returns `SPLIT_OK`; while the first still runs it waits for that,
/// for up to its own `timeout_ms`. Returns `SPLIT_E_TIMEOUT` when something was
/// not sent (the factory is destroyed all the same), or `SPLIT_E_REENTRANT` from
/// a callback.
///
/// Threads: any, concurrently with any other call. Fork: in a child that has
/// not resumed, nothing is sent. NULL: `SPLIT_OK`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_destroy(factory: *mut split_factory, timeout_ms: i64) -> split_status {
    if factory.is_null() {
        return SPLIT_OK;
    }
    let deadline = if timeout_ms < 0 { DEFAULT_DEADLINE } else { timeout(timeout_ms).unwrap_or(LONGEST_DEADLINE) };
    // SAFETY: the module's promise.
    unsafe { call(factory, |factory| factory.destroy(deadline)) }
}

/// Ends the handle, after destroying the factory with a timeout of 0 if nobody
/// has (what was queued is then lost, counted and logged).
///
/// Threads: the last call on `factory`: no other call on it may be running. From
/// a callback it logs an error and does nothing.
/// Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_factory_free(factory: *mut split_factory) {
    // SAFETY: the module's promise.
    unsafe {
        let Some(alive) = Factory::from_ref(factory) else { return };
        if alive.in_callback() {
            guard_logged(alive, (), || {
                let message =
                    format_args!("split_factory_free was called from a callback of the factory: it is ignored");
                if let Some(log) = alive.log() {
                    log.error("ffi", message);
                }
            });
            return;
        }
        guard((), || drop(Factory::from_raw(factory)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn null_is_answered() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(split_flush(ptr::null(), 0), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(split_resume(ptr::null_mut(), ptr::null_mut()), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(split_destroy(ptr::null_mut(), -1), SPLIT_OK);
            split_factory_free(ptr::null_mut());
        }
    }
}
