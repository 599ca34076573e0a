//! Versions, for programs that run with another library than they were built for; and errors in words.

use std::ffi::{CStr, c_char};

use super::codes::*;
use super::error;
use super::types::{split_error, split_status};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version has no NUL in it"),
};

const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));

/// As `SPLIT_VERSION_NUMBER` of the header counts.
const VERSION_NUMBER: u32 = MAJOR * 1_000_000 + MINOR * 1000 + PATCH;

const fn number(digits: &str) -> u32 {
    match u32::from_str_radix(digits, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version is made of numbers"),
    }
}

/// The version of the library that is running, such as "1.4.0".
///
/// Threads: any. Fork: any process. Memory: static.
#[unsafe(no_mangle)]
pub extern "C" fn split_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library that is running, as `SPLIT_VERSION_NUMBER` counts.
///
/// Threads: any. Fork: any process.
#[unsafe(no_mangle)]
pub extern "C" fn split_version_number() -> u32 {
    VERSION_NUMBER
}

/// Whether the running library can serve a program built with the header whose
/// `SPLIT_VERSION_NUMBER` is given: same major version, and not older.
///
/// Returns `SPLIT_OK` or `SPLIT_E_VERSION`. Programs use `SPLIT_CHECK_VERSION()`.
///
/// Threads: any. Fork: any process.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn split_version_check(header_version: u32) -> split_status {
    if header_version / 1_000_000 == MAJOR && header_version <= VERSION_NUMBER {
        return SPLIT_OK;
    }
    let (major, minor, patch) = (header_version / 1_000_000, header_version / 1000 % 1000, header_version % 1000);
    error::set_last(
        SPLIT_E_VERSION,
        &format_args!(
            "the program was built for libsplitio {major}.{minor}.{patch}, and this is {}",
            env!("CARGO_PKG_VERSION")
        ),
    )
}

/// A status in words: "timed out". Never NULL, also for numbers it doesn't know.
///
/// Threads: any. Fork: any process. Memory: static.
#[unsafe(no_mangle)]
pub extern "C" fn split_status_string(status: split_status) -> *const c_char {
    let text = match status {
        SPLIT_OK => c"success",
        SPLIT_E_INVALID_ARGUMENT => c"invalid argument",
        SPLIT_E_UNKNOWN_OPTION => c"unknown option",
        SPLIT_E_INVALID_OPTION => c"invalid value of an option",
        SPLIT_E_INVALID_JSON => c"invalid JSON",
        SPLIT_E_TIMEOUT => c"timed out",
        SPLIT_E_DESTROYED => c"the factory is destroyed",
        SPLIT_E_FORKED => c"the factory waits for split_resume",
        SPLIT_E_QUEUE_FULL => c"the queue of events is full",
        SPLIT_E_REENTRANT => c"called from a callback, whose thread it would wait for",
        SPLIT_E_STORAGE => c"the storage does not answer as it should",
        SPLIT_E_UNAUTHORIZED => c"Split does not accept the SDK key",
        SPLIT_E_VERSION => c"the program was built for another version of the library",
        SPLIT_E_PANIC => c"a defect in libsplitio",
        SPLIT_E_NOT_READY => c"the factory is not ready",
        SPLIT_E_UNKNOWN_FLAG => c"unknown feature flag",
        SPLIT_E_EVALUATION => c"the flag cannot be evaluated",
        SPLIT_E_SYSTEM => c"the system has no thread or descriptor to give",
        _ => c"unknown status",
    };
    text.as_ptr()
}

/// Copies why the latest failing call made *by this thread* failed.
///
/// For calls that have no room for a `split_error`, such as `split_track`.
/// Evaluations never set it: what is wrong with one is logged, and in
/// `split_result.status`. It is per operating-system thread: a Go program must
/// have locked its goroutine to a thread for it to mean anything.
///
/// Returns the status that is copied; `SPLIT_OK` when no call has failed.
///
/// Threads: any; each sees its own. NULL: `error` may be.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_last_error(error: *mut split_error) -> split_status {
    let last = error::last();
    // SAFETY: the module's promise.
    unsafe { error::copy_last(error) };
    last.status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::error::tests::message;
    use std::collections::HashSet;

    #[test]
    fn programs_of_the_same_major_version_that_are_not_newer_are_served() {
        let cases = [
            (VERSION_NUMBER, SPLIT_OK),
            (MAJOR * 1_000_000, SPLIT_OK),
            (VERSION_NUMBER + 1, SPLIT_E_VERSION),
            (VERSION_NUMBER + 1000, SPLIT_E_VERSION),
            (VERSION_NUMBER + 1_000_000, SPLIT_E_VERSION),
            (MAJOR * 1_000_000 - 1, SPLIT_E_VERSION),
            (0, SPLIT_E_VERSION),
            (u32::MAX, SPLIT_E_VERSION),
        ];
        for (header, expected) in cases {
            assert_eq!(split_version_check(header), expected, "{header}");
        }
        assert!(message(&error::last()).contains("4294.967.295"), "{}", message(&error::last()));
        assert_eq!(VERSION.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn every_status_has_words_of_its_own() {
        // SAFETY: static text.
        let words = |status| unsafe { CStr::from_ptr(split_status_string(status)) }.to_str().expect("UTF-8");
        let all: HashSet<&str> = (SPLIT_E_SYSTEM..=SPLIT_OK).map(words).collect();
        assert_eq!(all.len(), 1 + SPLIT_E_SYSTEM.unsigned_abs() as usize);
        for unknown in [1, SPLIT_E_SYSTEM - 1, i32::MIN, i32::MAX] {
            assert_eq!(words(unknown), "unknown status");
        }
        assert_eq!(words(SPLIT_E_TIMEOUT), "timed out");
    }

    #[test]
    fn the_last_error_is_copied() {
        error::set_last(SPLIT_E_TIMEOUT, &"too late");
        let mut copy = split_error { status: 0, message: [1; 252] };
        // SAFETY: a place of ours, and NULL.
        unsafe {
            assert_eq!(split_last_error(&mut copy), SPLIT_E_TIMEOUT);
            assert_eq!(split_last_error(std::ptr::null_mut()), SPLIT_E_TIMEOUT);
        }
        assert_eq!((copy.status, message(&copy)), (SPLIT_E_TIMEOUT, "too late"));
    }
}
