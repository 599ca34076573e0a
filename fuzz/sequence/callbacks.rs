//! Callbacks that read all they are given, and the count of who was dropped.

use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use splitio::ffi::*;

use super::lists::{read_list, read_text};
use super::source::Source;

/// What a callback is given: reading it after its drop is seen by a sanitizer.
struct UserData(AtomicU64);

static MADE: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

fn make() -> *mut c_void {
    MADE.fetch_add(1, Ordering::SeqCst);
    Box::into_raw(Box::new(UserData(AtomicU64::new(0)))).cast()
}

unsafe extern "C" fn drop_user_data(user_data: *mut c_void) {
    // SAFETY: `make` made it, and this is called once.
    drop(unsafe { Box::from_raw(user_data.cast::<UserData>()) });
    DROPPED.fetch_add(1, Ordering::SeqCst);
}

/// A callback that outlives the factory drops its own a little later.
pub fn all_dropped() {
    let start = Instant::now();
    while DROPPED.load(Ordering::SeqCst) != MADE.load(Ordering::SeqCst) {
        assert!(start.elapsed() < Duration::from_secs(4), "a user_data is never dropped, or twice");
        thread::sleep(Duration::from_micros(50));
    }
}

/// # Safety
/// `user_data` is from [`make`] and was not dropped.
unsafe fn touch(user_data: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { &*user_data.cast::<UserData>() }.0.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn log(record: *const split_log_record, user_data: *mut c_void) {
    // SAFETY: what the header promises to a callback.
    unsafe {
        touch(user_data);
        read_text((*record).target);
        read_text((*record).message);
    }
}

unsafe extern "C" fn listen(impression: *const split_impression, user_data: *mut c_void) {
    // SAFETY: what the header promises to a callback.
    unsafe {
        touch(user_data);
        let it = &*impression;
        let texts: [*const c_char; 9] = [
            it.key,
            it.bucketing_key,
            it.flag,
            it.treatment,
            it.label,
            it.attributes_json,
            it.properties_json,
            it.sdk_version,
            it.instance,
        ];
        texts.iter().for_each(|text| read_text(*text));
    }
}

unsafe extern "C" fn happen(event: *const split_event, user_data: *mut c_void) {
    // SAFETY: what the header promises to a callback.
    unsafe {
        touch(user_data);
        read_list((*event).names, (*event).names_len);
    }
}

/// # Safety
/// The configuration is NULL or alive, and nobody else uses it.
pub unsafe fn set_logger(config: *mut split_config, source: &mut Source<'_>) {
    let (level, log) = (source.below(6) as i32, if source.below(4) == 0 { None } else { Some(log as _) });
    let user_data = make();
    // SAFETY: the caller's promise.
    unsafe {
        if split_config_set_logger(config, level, log, user_data, Some(drop_user_data)) != SPLIT_OK {
            drop_user_data(user_data);
        }
    }
}

/// # Safety
/// As [`set_logger`].
pub unsafe fn set_listener(config: *mut split_config, source: &mut Source<'_>) {
    let listener = if source.below(4) == 0 { None } else { Some(listen as _) };
    let user_data = make();
    // SAFETY: the caller's promise.
    unsafe {
        if split_config_set_impression_listener(config, listener, user_data, Some(drop_user_data)) != SPLIT_OK {
            drop_user_data(user_data);
        }
    }
}

/// # Safety
/// The factory is NULL or alive.
pub unsafe fn add_handler(factory: *mut split_factory, source: &mut Source<'_>) {
    let (kind, handler) = (source.below(4) as i32, if source.below(8) == 0 { None } else { Some(happen as _) });
    let user_data = make();
    // SAFETY: the caller's promise.
    unsafe {
        if split_on(factory, kind, handler, user_data, Some(drop_user_data)) != SPLIT_OK {
            drop_user_data(user_data);
        }
    }
}
