//! Configurations: what text can say is a [`Settings`], what it cannot is in the [`Hooks`].

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

use super::callbacks::{CListener, CLogger, UserData};
use super::codes::*;
use super::error;
use super::guard::guard;
use super::handle::Handle;
use super::stderr::Stderr;
use super::text;
use super::types::{split_config, split_drop_fn, split_error, split_impression_fn, split_log_fn, split_status};
use crate::callbacks::{Hooks, QueueKinds};
use crate::config::{ConfigError, Settings};
use crate::logging::Level;

/// What `split_config` stands for.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) settings: Settings,
    pub(super) hooks: Hooks,
}

impl Handle for Config {
    type C = split_config;
    const MARK: &'static [u8; 8] = b"splitcfg";
}

impl Config {
    pub(super) fn new() -> Self {
        let hooks = Hooks { fallback_sink: Some(Arc::new(Stderr::new())), ..Hooks::default() };
        Config { settings: Settings::new(), hooks }
    }
}

/// The code for what is wrong with a configuration.
pub(super) fn status_of(error: &ConfigError) -> split_status {
    match error {
        ConfigError::UnknownOption { .. } => SPLIT_E_UNKNOWN_OPTION,
        ConfigError::NotJson { .. } | ConfigError::NotAnObject { .. } => SPLIT_E_INVALID_JSON,
        _ => SPLIT_E_INVALID_OPTION,
    }
}

/// Changes the settings of a configuration; `name` names the text that may be none.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn change(
    config: *mut split_config,
    error: *mut split_error,
    change: impl FnOnce(&mut Settings) -> Result<Result<(), ConfigError>, (&'static str, text::BadText)>,
) -> split_status {
    // SAFETY: the caller's promise.
    unsafe {
        let status = guard(SPLIT_E_PANIC, || {
            let Some(config) = Config::from_mut(config) else {
                return error::fail(error, SPLIT_E_INVALID_ARGUMENT, &NO_CONFIG);
            };
            match change(&mut config.settings) {
                Ok(Ok(())) => SPLIT_OK,
                Ok(Err(cause)) => error::fail(error, status_of(&cause), &cause),
                Err((name, cause)) => error::fail(error, SPLIT_E_INVALID_ARGUMENT, &format_args!("{name} {cause}")),
            }
        });
        if status == SPLIT_E_PANIC {
            error::copy_last(error);
        }
        status
    }
}

const NO_CONFIG: &str = "config is NULL or no configuration";

/// An empty configuration: every option has its default.
///
/// Threads: any. Memory: the caller's, until `split_config_free`.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn split_config_new() -> *mut split_config {
    guard(ptr::null_mut(), || Config::new().into_raw())
}

/// Sets an option from text.
///
/// Names are those of Split's documentation ("featuresRefreshRate"), or the
/// same in snake case ("features_refresh_rate"). The text is read as the
/// option's type: "30", "true", "DEBUG", "web,mobile" for a list, JSON for an
/// object. `split_option_at` and docs/configuration.md list them all.
///
/// On failure the configuration is as it was.
///
/// Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_set(
    config: *mut split_config,
    name: *const c_char,
    value: *const c_char,
    error: *mut split_error,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        change(config, error, |settings| {
            let name = text::nul(name).map_err(|cause| ("name", cause))?;
            let value = text::nul(value).map_err(|cause| ("value", cause))?;
            Ok(settings.set(name, value))
        })
    }
}

/// Sets every option of a JSON object, by the same names:
/// {"streamingEnabled": false, "flagSetsFilter": ["web"]}.
///
/// All of them or, on failure, none.
///
/// Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_merge_json(
    config: *mut split_config,
    json: *const c_char,
    error: *mut split_error,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        change(config, error, |settings| {
            let json = text::nul(json).map_err(|cause| ("json", cause))?;
            Ok(settings.merge_json(json))
        })
    }
}

/// Sends the log of the factories made from this configuration to `log`.
///
/// `max_level` is one of `SPLIT_LOG_NONE` to `SPLIT_LOG_DEBUG`. Without a
/// logger, lines up to the option logLevel (warning) are written to standard
/// error. `log` is called from threads of libsplitio and from those that call it, also
/// from several at a time. It must not call libsplitio. `drop` is called when
/// the configuration and its factories no longer need `user_data`; not in a forked
/// child, where threads of its parent hold it for ever.
///
/// Threads: one at a time per configuration. NULL: `log` NULL logs nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_set_logger(
    config: *mut split_config,
    max_level: i32,
    log: split_log_fn,
    user_data: *mut c_void,
    drop: split_drop_fn,
) -> split_status {
    guard(SPLIT_E_PANIC, || {
        // SAFETY: the module's promise.
        let Some(config) = (unsafe { Config::from_mut(config) }) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &NO_CONFIG);
        };
        let level = match max_level {
            SPLIT_LOG_NONE => None,
            SPLIT_LOG_ERROR => Some(Level::Error),
            SPLIT_LOG_WARNING => Some(Level::Warning),
            SPLIT_LOG_INFO => Some(Level::Info),
            SPLIT_LOG_DEBUG => Some(Level::Debug),
            _ => {
                return error::set_last(
                    SPLIT_E_INVALID_ARGUMENT,
                    &format_args!("max_level {max_level} is none of SPLIT_LOG_NONE to SPLIT_LOG_DEBUG"),
                );
            }
        };
        let user_data = UserData::new(user_data, drop);
        config.hooks.logger = Some((level.filter(|_| log.is_some()), Arc::new(CLogger { log, user_data })));
        SPLIT_OK
    })
}

/// Sends every impression of the factories made from this configuration to
/// `listener`.
///
/// It is called on a factory's delivery thread, one impression at a time, in
/// order, never from inside an evaluation and with no lock held: it may take
/// its time and may evaluate flags. It may not destroy the factory. When it
/// lags by impressionsQueueSize, impressions are dropped for it and counted in
/// the log; what Split's back end gets is not affected. It gets them in
/// localhost mode too, where nothing is sent.
///
/// Threads: one at a time per configuration. NULL: `listener` NULL removes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_set_impression_listener(
    config: *mut split_config,
    listener: split_impression_fn,
    user_data: *mut c_void,
    drop: split_drop_fn,
) -> split_status {
    guard(SPLIT_E_PANIC, || {
        // SAFETY: the module's promise.
        let Some(config) = (unsafe { Config::from_mut(config) }) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &NO_CONFIG);
        };
        let user_data = UserData::new(user_data, drop);
        config.hooks.listener = match listener {
            Some(_) => Some(Arc::new(CListener { listener, user_data })),
            None => None,
        };
        SPLIT_OK
    })
}

/// Queues impressions, log lines or events for `split_poll`, instead of calling
/// back: for languages that a foreign thread cannot call cheaply or safely.
///
/// `kinds` is a sum of `SPLIT_QUEUE_` values, `capacity` a number of records
/// (0: 10000). A full queue drops the oldest record and counts it. What is
/// queued is not called back, also when a callback is set. Log lines are queued
/// up to the option logLevel.
///
/// Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_enable_queue(
    config: *mut split_config,
    kinds: u32,
    capacity: usize,
) -> split_status {
    guard(SPLIT_E_PANIC, || {
        // SAFETY: the module's promise.
        let Some(config) = (unsafe { Config::from_mut(config) }) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &NO_CONFIG);
        };
        let all = SPLIT_QUEUE_IMPRESSIONS | SPLIT_QUEUE_LOGS | SPLIT_QUEUE_EVENTS;
        if kinds & !all != 0 {
            return error::set_last(
                SPLIT_E_INVALID_ARGUMENT,
                &format_args!("kinds {kinds} is no sum of SPLIT_QUEUE_ values"),
            );
        }
        let wanted = QueueKinds {
            impressions: kinds & SPLIT_QUEUE_IMPRESSIONS != 0,
            logs: kinds & SPLIT_QUEUE_LOGS != 0,
            events: kinds & SPLIT_QUEUE_EVENTS != 0,
        };
        config.hooks.queue = (kinds != 0).then_some((wanted, capacity));
        SPLIT_OK
    })
}

/// Ends a configuration. Factories made from it have their own copy.
///
/// Threads: the last call on `config`. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_config_free(config: *mut split_config) {
    guard((), || {
        // SAFETY: the module's promise.
        drop(unsafe { Config::from_raw(config) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::error::tests::message;
    use std::sync::atomic::{AtomicUsize, Ordering};

    unsafe extern "C" fn count(user_data: *mut c_void) {
        // SAFETY: the tests give a counter.
        unsafe { &*user_data.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn mistakes_are_refused_with_words() {
        let config = split_config_new();
        let set = |name: *const c_char, value: *const c_char| {
            let mut error = split_error { status: 0, message: [0; 252] };
            // SAFETY: literals, NULL, and a configuration that is alive.
            let status = unsafe { split_config_set(config, name, value, &mut error) };
            assert_eq!(status, error.status);
            (status, message(&error).to_owned())
        };
        let cases = [
            (c"featuresRefreshRate".as_ptr(), c"30".as_ptr(), SPLIT_OK, ""),
            (c"featureRefreshRate".as_ptr(), c"30".as_ptr(), SPLIT_E_UNKNOWN_OPTION, "featuresRefreshRate"),
            (c"featuresRefreshRate".as_ptr(), c"soon".as_ptr(), SPLIT_E_INVALID_OPTION, "soon"),
            (ptr::null(), c"30".as_ptr(), SPLIT_E_INVALID_ARGUMENT, "name is NULL"),
            (c"\xff".as_ptr(), c"30".as_ptr(), SPLIT_E_INVALID_ARGUMENT, "name is not UTF-8"),
            (c"featuresRefreshRate".as_ptr(), ptr::null(), SPLIT_E_INVALID_ARGUMENT, "value is NULL"),
        ];
        for (name, value, expected, words) in cases {
            let (status, said) = set(name, value);
            assert_eq!(status, expected, "{said}");
            assert!(said.contains(words), "{said:?} does not say {words:?}");
        }
        // SAFETY: the configuration is alive until it is freed; NULL is allowed everywhere.
        unsafe {
            let merge = |json: *const c_char| split_config_merge_json(config, json, ptr::null_mut());
            assert_eq!(merge(c"{\"streamingEnabled\": false}".as_ptr()), SPLIT_OK);
            assert_eq!(merge(c"[]".as_ptr()), SPLIT_E_INVALID_JSON);
            assert_eq!(merge(c"{".as_ptr()), SPLIT_E_INVALID_JSON);
            assert_eq!(merge(ptr::null()), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(split_config_enable_queue(config, 8, 0), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(split_config_enable_queue(config, 7, 0), SPLIT_OK);
            assert_eq!(split_config_enable_queue(ptr::null_mut(), 7, 0), SPLIT_E_INVALID_ARGUMENT);
            split_config_free(config);
            split_config_free(ptr::null_mut());
        }
    }

    #[test]
    fn user_data_is_dropped_when_it_is_replaced_and_at_the_end_and_not_on_failure() {
        unsafe extern "C" fn log(_: *const crate::ffi::split_log_record, _: *mut c_void) {}
        unsafe extern "C" fn listen(_: *const crate::ffi::split_impression, _: *mut c_void) {}
        let drops: [AtomicUsize; 5] = Default::default();
        let data = |index: usize| ptr::from_ref(&drops[index]).cast_mut().cast();
        let dropped = || drops.each_ref().map(|count| count.load(Ordering::Relaxed));
        let config = split_config_new();
        // SAFETY: the configuration is alive until it is freed, the counters longer.
        unsafe {
            assert_eq!(split_config_set_logger(config, 5, Some(log), data(0), Some(count)), SPLIT_E_INVALID_ARGUMENT);
            let none = ptr::null_mut();
            assert_eq!(split_config_set_logger(none, 1, Some(log), data(0), Some(count)), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(dropped(), [0, 0, 0, 0, 0]);
            assert_eq!(split_config_set_logger(config, 1, Some(log), data(1), Some(count)), SPLIT_OK);
            assert_eq!(split_config_set_impression_listener(config, Some(listen), data(2), Some(count)), SPLIT_OK);
            assert_eq!(dropped(), [0, 0, 0, 0, 0]);
            assert_eq!(split_config_set_logger(config, 4, None, data(3), Some(count)), SPLIT_OK);
            assert_eq!(dropped(), [0, 1, 0, 0, 0]);
            assert_eq!(split_config_set_impression_listener(config, None, data(4), Some(count)), SPLIT_OK);
            assert_eq!(dropped(), [0, 1, 1, 0, 1]);
            split_config_free(config);
        }
        assert_eq!(dropped(), [0, 1, 1, 1, 1]);
    }
}
