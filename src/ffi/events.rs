//! Events of keys.

use std::ffi::c_char;

use super::extras::Extras;
use super::factory::call;
use super::text::{self, given};
use super::types::{split_factory, split_options, split_status};
use crate::client::Track;
use crate::input::Given;

/// Records an event; a NaN is no value.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn track(
    factory: *const split_factory,
    [key, traffic_type, event_type]: [Given<'_>; 3],
    value: f64,
    options: *const split_options,
) -> split_status {
    // SAFETY: the caller's promise.
    unsafe {
        call(factory, |factory| {
            let extras = Extras::of_event(options);
            let value = Some(value).filter(|value| !value.is_nan());
            let event = Track { key, traffic_type, event_type, value, properties: extras.properties() };
            factory.client().track(&event)
        })
    }
}

/// Records an event of a key, for metrics.
///
/// `value` is `SPLIT_NO_VALUE`, or any other NaN, for an event without one;
/// infinities are invalid. Of `options`, only the properties are read. Returns as
/// soon as the event is queued; in Redis mode, as soon as Redis has it or, while
/// Redis fails, it waits in the buffer for it.
///
/// Returns `SPLIT_OK`, `SPLIT_E_INVALID_ARGUMENT`, `SPLIT_E_QUEUE_FULL`,
/// `SPLIT_E_DESTROYED` or `SPLIT_E_FORKED`; `split_last_error` has the words.
///
/// Threads: any, concurrently. Fork: as `split_block_until_ready`.
/// NULL: `SPLIT_E_INVALID_ARGUMENT`; `options` may be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_track(
    factory: *const split_factory,
    key: *const c_char,
    traffic_type: *const c_char,
    event_type: *const c_char,
    value: f64,
    options: *const split_options,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe { track(factory, [key, traffic_type, event_type].map(|text| given(text::nul(text))), value, options) }
}

/// `split_track` with lengths.
///
/// Threads, NULL: as `split_track`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_track_n(
    factory: *const split_factory,
    key: *const c_char,
    key_len: usize,
    traffic_type: *const c_char,
    traffic_type_len: usize,
    event_type: *const c_char,
    event_type_len: usize,
    value: f64,
    options: *const split_options,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let texts = [(key, key_len), (traffic_type, traffic_type_len), (event_type, event_type_len)];
        track(factory, texts.map(|(text, len)| given(text::sized(text, len))), value, options)
    }
}
