//! No panic crosses into C.
//!
//! There it would be undefined behaviour, and a defect of ours is no reason to end the host's process: the call answers
//! as if it had been refused, and the log asks for a report.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::codes::SPLIT_E_PANIC;
use super::error;
use super::stderr::Stderr;
use crate::factory::Factory;
use crate::logging::{Level, Logger};

/// Runs the body of an exported function. A panic is logged, becomes this thread's last error, and gives `default`.
#[inline]
pub(super) fn guard<T>(default: T, body: impl FnOnce() -> T) -> T {
    watched(|| None, default, body)
}

/// [`guard`] of a call on a factory, which has a log to write to.
#[inline]
pub(super) fn guard_logged<T>(factory: &Factory, default: T, body: impl FnOnce() -> T) -> T {
    watched(|| factory.log(), default, body)
}

#[inline]
fn watched<'a, T>(log: impl FnOnce() -> Option<&'a Logger>, default: T, body: impl FnOnce() -> T) -> T {
    // A handle whose call panicked may be used again: what it shares is behind locks and atomics that stay whole.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        caught(&*payload, log());
        default
    })
}

#[cold]
#[inline(never)]
fn caught(payload: &(dyn Any + Send), log: Option<&Logger>) {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    error::set_last(SPLIT_E_PANIC, &format_args!("a defect in libsplitio: {text}"));
    // The log may be what panicked.
    let logged = catch_unwind(AssertUnwindSafe(|| {
        let message = format_args!("a defect in libsplitio, please report it: {text}");
        match log {
            Some(log) => log.error("ffi", message),
            None => Logger::new(Some(Level::Error), Box::new(Stderr::new())).error("ffi", message),
        }
    }));
    if logged.is_err() {
        error::set_last(SPLIT_E_PANIC, &format_args!("a defect in libsplitio, and in its logging: {text}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::callbacks::Hooks;
    use crate::config::Settings;
    use crate::logging::{Recorded, secret_in};

    #[test]
    fn a_panic_is_logged_and_gives_the_default() {
        let (log, lines) = Logger::recording(Level::Error);
        let name = "made up";
        assert_eq!(watched(|| Some(&log), 7, || panic!("{name}")), 7);
        assert_eq!(lines.lines(), [(Level::Error, "a defect in libsplitio, please report it: made up".to_owned())]);
        let last = error::last();
        assert_eq!(last.status, SPLIT_E_PANIC);
        assert_eq!(error::tests::message(&last), "a defect in libsplitio: made up");
        assert_eq!(guard(8, || 9), 9);
    }

    /// A panic shows values as `Debug` does, so nothing that a factory is made of may show a secret there.
    #[test]
    fn a_panic_that_shows_a_factory_shows_no_secret() {
        let lines = Recorded::default();
        let hooks = Hooks { logger: Some((Some(Level::Debug), Arc::new(lines.clone()) as _)), ..Hooks::default() };
        let mut settings = Settings::new();
        settings
            .merge_json(
                r#"{"customHeaders": {"X-Token": "s3cr3t"}, "proxyUrl": "http://ann:hunter2@127.0.0.1:1",
                    "redisPassword": "sesame", "redisSentinelPassword": "sesame",
                    "sdk_api_base_url": "http://127.0.0.1:1", "auth_api_base_url": "http://127.0.0.1:1",
                    "events_api_base_url": "http://127.0.0.1:1", "telemetry_api_base_url": "http://127.0.0.1:1"}"#,
            )
            .expect("options");
        let factory = Factory::new("k3y-n0b0dy-may-see".into(), &settings, &hooks).expect("a factory");
        let shown = format!("{factory:#?} {settings:#?} {hooks:#?}");
        assert!(shown.contains("x-token") && shown.contains("proxy_url"), "{shown}");
        assert_eq!(secret_in(&shown), None, "{shown}");

        assert_eq!(guard_logged(&factory, 7, || panic!("{factory:?} {settings:?} {hooks:?}")), 7);
        let defects = lines.lines().into_iter().filter(|(_, line)| line.starts_with("a defect in libsplitio"));
        assert_eq!(defects.count(), 1);
        assert_eq!(secret_in(error::tests::message(&error::last())), None);
    }
}
