//! Factories: made, waited for, listened to.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::callbacks::{UserData, call_handler};
use super::codes::*;
use super::config::{self, Config};
use super::guard::{guard, guard_logged};
use super::handle::Handle;
use super::types::{split_config, split_drop_fn, split_error, split_event_fn, split_factory, split_status};
use super::{error, fork, options, text};
use crate::callbacks::{EventHandler, EventKind};
use crate::factory::{Factory, FactoryError};
use crate::lifecycle::Status;
use crate::refusal::Refusal;

impl Handle for Factory {
    type C = split_factory;
    const MARK: &'static [u8; 8] = b"splitfac";
}

/// What is longer than this is for ever: a hundred years.
const LONGEST: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// A time to wait in milliseconds; none, which is for ever, for a negative one.
pub(super) fn timeout(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().filter(|&milliseconds| milliseconds <= LONGEST).map(Duration::from_millis)
}

/// Runs a call on a factory that says how it went; a failure becomes the thread's last error.
///
/// # Safety
/// As the module [`super`] says.
pub(super) unsafe fn call(
    factory: *const split_factory,
    call: impl FnOnce(&Factory) -> Result<(), Refusal>,
) -> split_status {
    // SAFETY: the caller's promise.
    let Some(factory) = (unsafe { Factory::from_ref(factory) }) else {
        return error::set_last(SPLIT_E_INVALID_ARGUMENT, &"factory is NULL or no factory");
    };
    guard_logged(factory, SPLIT_E_PANIC, || match call(factory) {
        Ok(()) => SPLIT_OK,
        Err(refusal) => error::set_last(code_of(&refusal), &refusal),
    })
}

fn code_of(refusal: &Refusal) -> split_status {
    match refusal {
        Refusal::Invalid(_) => SPLIT_E_INVALID_ARGUMENT,
        Refusal::TimedOut => SPLIT_E_TIMEOUT,
        Refusal::Destroyed => SPLIT_E_DESTROYED,
        Refusal::Forked => SPLIT_E_FORKED,
        Refusal::QueueFull => SPLIT_E_QUEUE_FULL,
        Refusal::Reentrant => SPLIT_E_REENTRANT,
        Refusal::Unauthorized => SPLIT_E_UNAUTHORIZED,
        Refusal::Thread(_) => SPLIT_E_SYSTEM,
        Refusal::Resume(cause) => code_of_failure(cause),
    }
}

fn code_of_failure(error: &FactoryError) -> split_status {
    match error {
        FactoryError::SdkKey(_) => SPLIT_E_INVALID_ARGUMENT,
        FactoryError::Config(cause) => config::status_of(cause),
        // Of fallbackTreatments.
        FactoryError::Treatments(_) => SPLIT_E_INVALID_OPTION,
        FactoryError::Localhost(_) | FactoryError::Redis(_) => SPLIT_E_STORAGE,
        FactoryError::Transport(_) | FactoryError::Tls(_) => SPLIT_E_INVALID_OPTION,
        FactoryError::Thread(_) => SPLIT_E_SYSTEM,
    }
}

/// Starts a factory and returns at once; definitions arrive later (see
/// `split_block_until_ready`, `split_on`).
///
/// `sdk_key` "localhost" reads flags from a file (splitFile). redisHost,
/// redisSentinels or redisClusterNodes in the configuration reads them from Redis.
///
/// Returns NULL when the key or the configuration cannot work, and says why in
/// `error`. Failing to reach Split is not such a case: it is retried. A Redis
/// that does not answer, or a localhost file (YAML, text) that does not load, is
/// one: `SPLIT_E_STORAGE`. With preforkedInitialization it fetches before it
/// returns, at most four times, and starts no thread.
///
/// Threads: any. Fork: any process, and best in the one that evaluates.
/// NULL: `config` NULL is the default configuration.
/// Memory: the caller's, until `split_factory_free`. `config` stays the caller's.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_factory_new(
    sdk_key: *const c_char,
    config: *const split_config,
    error: *mut split_error,
) -> *mut split_factory {
    // SAFETY: the module's promise.
    unsafe {
        let made = guard(None, || {
            if let Err(cause) = fork::watch() {
                error::fail(error, SPLIT_E_SYSTEM, &format_args!("forks of this process cannot be noticed: {cause}"));
                return Some(ptr::null_mut());
            }
            options::prepare();
            let default;
            let config = if config.is_null() {
                default = Config::new();
                &default
            } else if let Some(config) = Config::from_ref(config) {
                config
            } else {
                error::fail(error, SPLIT_E_INVALID_ARGUMENT, &"config is no configuration");
                return Some(ptr::null_mut());
            };
            match Factory::new(text::given(text::nul(sdk_key)), &config.settings, &config.hooks) {
                Ok(factory) => Some(factory.into_raw()),
                Err(cause) => {
                    error::fail(error, code_of_failure(&cause), &cause);
                    Some(ptr::null_mut())
                }
            }
        });
        made.unwrap_or_else(|| {
            error::copy_last(error);
            ptr::null_mut()
        })
    }
}

/// Waits until the factory is ready.
///
/// `timeout_ms` is negative to wait for as long as it takes. Returns `SPLIT_OK`,
/// `SPLIT_E_TIMEOUT`, `SPLIT_E_UNAUTHORIZED` (in place of a time-out when Split
/// refused the key; at once if `timeout_ms` is negative), `SPLIT_E_DESTROYED`
/// (also when another thread destroys it meanwhile), `SPLIT_E_FORKED` or
/// `SPLIT_E_REENTRANT` from a callback.
///
/// Threads: any, concurrently. Fork: resumes the factory first (resumeOnFork);
/// with that off, `SPLIT_E_FORKED` in a child that has not resumed.
/// NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_block_until_ready(factory: *const split_factory, timeout_ms: i64) -> split_status {
    // SAFETY: the module's promise.
    unsafe { call(factory, |factory| factory.block_until_ready(timeout(timeout_ms))) }
}

/// Whether `split_factory_status` is `SPLIT_STATUS_READY`. A few loads.
///
/// Threads: any, concurrently. Fork: as `split_block_until_ready`; false in a
/// child that has not resumed. NULL: false.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_is_ready(factory: *const split_factory) -> bool {
    // SAFETY: the module's promise.
    unsafe { Factory::from_ref(factory) }.is_some_and(|factory| guard_logged(factory, false, || factory.is_ready()))
}

/// One of the `SPLIT_STATUS_` values.
///
/// Threads: any, concurrently. Fork: any process. NULL: `SPLIT_STATUS_DESTROYED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_factory_status(factory: *const split_factory) -> i32 {
    // SAFETY: the module's promise.
    match unsafe { Factory::from_ref(factory) }.map(Factory::status) {
        Some(Status::NotReady) => SPLIT_STATUS_NOT_READY,
        Some(Status::Ready) => SPLIT_STATUS_READY,
        Some(Status::WaitingFork) => SPLIT_STATUS_WAITING_FORK,
        Some(Status::Destroyed) | None => SPLIT_STATUS_DESTROYED,
    }
}

/// Calls `handler` whenever `kind` happens.
///
/// It is called on the factory's delivery thread, like an impression listener.
/// A handler of `SPLIT_EVENT_READY` (Split's SDK_READY) is called once, also when
/// it is added to a factory that is ready; one of `SPLIT_EVENT_UPDATE` (SDK_UPDATE)
/// for each change after that. Every handler that was added is called, in that
/// order, until the factory is destroyed.
///
/// Threads: any, concurrently; also from a callback. Fork: handlers go on in a
/// child; a factory that waits for `split_resume` notes them. NULL: `SPLIT_E_INVALID_ARGUMENT`.
/// Memory: on failure `drop` is not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_on(
    factory: *mut split_factory,
    kind: i32,
    handler: split_event_fn,
    user_data: *mut c_void,
    drop: split_drop_fn,
) -> split_status {
    let on = |factory: &Factory| {
        let kind = match kind {
            SPLIT_EVENT_READY => EventKind::Ready,
            SPLIT_EVENT_UPDATE => EventKind::Update,
            _ => return Err(Refusal::Invalid("kind is neither SPLIT_EVENT_READY nor SPLIT_EVENT_UPDATE")),
        };
        if handler.is_none() {
            return Err(Refusal::Invalid("handler is NULL"));
        }
        let user_data = Arc::new(UserData::new(user_data, drop));
        let ours = Arc::clone(&user_data);
        let handler: EventHandler = Arc::new(move |event| call_handler(handler, &user_data, event));
        factory.on(kind, handler).inspect_err(|_refusal| ours.leave())
    };
    // SAFETY: the module's promise.
    unsafe { call(factory, on) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_to_wait_is_one() {
        let longest = i64::try_from(LONGEST).expect("fits");
        let cases = [
            (i64::MIN, None),
            (-1, None),
            (0, Some(0)),
            (250, Some(250)),
            (longest, Some(LONGEST)),
            (longest + 1, None),
            (i64::MAX, None),
        ];
        for (given, expected) in cases {
            assert_eq!(timeout(given), expected.map(Duration::from_millis), "{given}");
        }
    }

    #[test]
    fn null_is_answered() {
        let none = ptr::null_mut();
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(split_block_until_ready(none, 0), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!(split_on(none, SPLIT_EVENT_READY, None, ptr::null_mut(), None), SPLIT_E_INVALID_ARGUMENT);
            assert!(!split_is_ready(none));
            assert_eq!(split_factory_status(none), SPLIT_STATUS_DESTROYED);
            assert!(split_factory_new(ptr::null(), ptr::null(), ptr::null_mut()).is_null());
        }
        assert_eq!(error::last().status, SPLIT_E_INVALID_ARGUMENT);
    }
    #[test]
    fn a_redis_that_is_not_there_is_named_without_its_password() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = listener.local_addr().expect("an address");
        drop(listener);
        let mut config = Config::new();
        let options =
            format!(r#"{{"redisHost":"127.0.0.1","redisPort":{},"redisPassword":"hunter2"}}"#, endpoint.port());
        config.settings.merge_json(&options).expect("options");
        let config = config.into_raw();
        let mut why = split_error { status: 0, message: [0; 252] };
        // SAFETY: the configuration is one, and is ended once.
        unsafe {
            assert!(split_factory_new(c"key".as_ptr(), config, &mut why).is_null());
            config::split_config_free(config);
        }
        let message: Vec<u8> =
            why.message.iter().map(|&byte| byte.cast_unsigned()).take_while(|&byte| byte != 0).collect();
        let message = String::from_utf8(message).expect("UTF-8");
        assert_eq!(why.status, SPLIT_E_STORAGE, "{message}");
        assert!(message.contains(&endpoint.to_string()) && !message.contains("hunter2"), "{message}");
    }
}
