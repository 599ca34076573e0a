//! Callbacks of C programs as the library calls them.
//!
//! A C function and its `user_data` become an object of Rust, whose end tells the host that nobody needs the data any
//! more: once, and whoever was the last to hold it.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::codes::{SPLIT_EVENT_READY, SPLIT_EVENT_UPDATE};
use super::strings::{StringList, Strings};
use super::types::{
    split_drop_fn, split_event, split_event_fn, split_impression, split_impression_fn, split_log_fn, split_log_record,
};
use crate::callbacks::{Event, Impression, ImpressionListener, Instance};
use crate::logging::{Record, Sink};

/// The `user_data` of a callback, and the notification that nobody needs it any more. That comes when this is dropped,
/// so the callback owns it.
#[derive(Debug)]
pub(super) struct UserData {
    pointer: *mut c_void,
    drop: split_drop_fn,
    /// False when the call that brought it failed: the caller then keeps it.
    taken: AtomicBool,
}

// SAFETY: the header says on which threads callbacks run; what `user_data` points to is the host's to make fit for that.
unsafe impl Send for UserData {}
// SAFETY: likewise.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(pointer: *mut c_void, drop: split_drop_fn) -> Self {
        UserData { pointer, drop, taken: AtomicBool::new(true) }
    }

    /// Leaves it to the caller: `drop` will not be called.
    pub(super) fn leave(&self) {
        self.taken.store(false, Ordering::Relaxed);
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(drop) = self.drop.filter(|_| *self.taken.get_mut()) {
            // SAFETY: the host gave the two together, and this is the only call.
            unsafe { drop(self.pointer) }
        }
    }
}

/// A logger.
#[derive(Debug)]
pub(super) struct CLogger {
    pub(super) log: split_log_fn,
    pub(super) user_data: UserData,
}

impl Sink for CLogger {
    fn write(&self, record: &Record<'_>) {
        let Some(log) = self.log else { return };
        let mut strings = Strings::default();
        let (target, message) = (strings.push(record.target), strings.push(record.message));
        let record = split_log_record {
            size: size_of::<split_log_record>(),
            level: record.level as i32,
            time: record.time,
            target: strings.at(target),
            message: strings.at(message),
        };
        // SAFETY: the record and its texts live until the call returns; the host's function is what the header asks for.
        unsafe { log(&record, self.user_data.pointer) }
    }
}

/// An impression listener.
#[derive(Debug)]
pub(super) struct CListener {
    pub(super) listener: split_impression_fn,
    pub(super) user_data: UserData,
}

impl ImpressionListener for CListener {
    fn impression(&self, impression: &Impression, instance: &Instance) {
        let Some(listener) = self.listener else { return };
        let mut strings = Strings::default();
        let key = strings.push(&impression.key);
        let flag = strings.push(&impression.flag);
        let sdk_version = strings.push(&instance.sdk_version);
        let machine = strings.push(&instance.machine_name);
        let bucketing_key = impression.bucketing_key.as_ref().map(|text| strings.push(text));
        let attributes = impression.attributes.as_ref().map(|text| strings.push(text));
        let properties = impression.properties.as_ref().map(|text| strings.push(text));
        let impression = split_impression {
            size: size_of::<split_impression>(),
            key: strings.at(key),
            bucketing_key: strings.at_or_null(bucketing_key),
            flag: strings.at(flag),
            treatment: impression.treatment.as_ptr().cast(),
            label: impression.label.map_or(ptr::null(), |label| label.as_ptr().cast()),
            change_number: impression.change_number.unwrap_or(-1),
            time: impression.time,
            previous_time: impression.previous_time.unwrap_or(0),
            attributes_json: strings.at_or_null(attributes),
            properties_json: strings.at_or_null(properties),
            sdk_version: strings.at(sdk_version),
            instance: strings.at(machine),
        };
        // SAFETY: as in `CLogger`.
        unsafe { listener(&impression, self.user_data.pointer) }
    }
}

/// Calls an event handler.
pub(super) fn call_handler(handler: split_event_fn, user_data: &UserData, event: &Event) {
    let Some(handler) = handler else { return };
    let (kind, flags_changed, names) = match event {
        Event::Ready => (SPLIT_EVENT_READY, false, StringList::default()),
        Event::Update { flags_changed, names } => (SPLIT_EVENT_UPDATE, *flags_changed, StringList::new(names)),
    };
    let event = split_event {
        size: size_of::<split_event>(),
        kind,
        flags_changed,
        names: names.as_ptr(),
        names_len: names.len(),
    };
    // SAFETY: as in `CLogger`.
    unsafe { handler(&event, user_data.pointer) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;
    use crate::rules::Interned;
    use std::cell::RefCell;
    use std::ffi::{CStr, c_char};
    use std::slice;

    thread_local! {
        static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    fn see(text: String) {
        SEEN.with_borrow_mut(|seen| seen.push(text));
    }

    fn seen() -> Vec<String> {
        SEEN.take()
    }

    fn text(pointer: *const c_char) -> String {
        if pointer.is_null() {
            return "-".to_owned();
        }
        // SAFETY: callbacks get NUL-terminated texts.
        unsafe { CStr::from_ptr(pointer) }.to_str().expect("UTF-8").to_owned()
    }

    unsafe extern "C" fn dropped(user_data: *mut c_void) {
        see(format!("dropped {}", user_data.addr()));
    }

    fn user_data(number: usize) -> UserData {
        UserData::new(ptr::without_provenance_mut(number), Some(dropped))
    }

    #[test]
    fn drop_comes_once_and_not_for_what_was_left() {
        drop(user_data(1));
        let left = user_data(2);
        left.leave();
        drop(left);
        drop(UserData::new(ptr::null_mut(), None));
        assert_eq!(seen(), ["dropped 1"]);
    }

    #[test]
    fn a_logger_gets_the_line() {
        unsafe extern "C" fn log(record: *const split_log_record, user_data: *mut c_void) {
            // SAFETY: the library's record.
            let record = unsafe { &*record };
            assert_eq!(record.size, size_of::<split_log_record>());
            let (target, message) = (text(record.target), text(record.message));
            see(format!("{} {} {target} {message} {}", record.level, record.time, user_data.addr()));
        }
        let logger = CLogger { log: Some(log), user_data: user_data(3) };
        logger.write(&Record { level: Level::Warning, time: 9, target: "sync", message: "zoë" });
        drop(logger);
        assert_eq!(seen(), ["2 9 sync zoë 3", "dropped 3"]);
    }

    #[test]
    fn a_listener_gets_the_impression() {
        unsafe extern "C" fn listen(impression: *const split_impression, _: *mut c_void) {
            // SAFETY: the library's impression.
            let i = unsafe { &*impression };
            assert_eq!(i.size, size_of::<split_impression>());
            let texts = [i.key, i.bucketing_key, i.flag, i.treatment, i.label, i.attributes_json, i.properties_json];
            see(texts.map(text).join(" "));
            see(format!("{} {} {}", i.change_number, i.time, i.previous_time));
            see([i.sdk_version, i.instance].map(text).join(" "));
        }
        let listener = CListener { listener: Some(listen), user_data: user_data(4) };
        let instance = Instance {
            sdk_version: "rust-1.0.0".to_owned(),
            machine_name: "web".to_owned(),
            machine_ip: "10.0.0.7".to_owned(),
        };
        let impression = Impression {
            key: "k".into(),
            bucketing_key: None,
            flag: "f".into(),
            treatment: Interned::control(),
            label: None,
            change_number: None,
            time: 7,
            previous_time: None,
            attributes: Some("{\"a\":1}".into()),
            properties: None,
        };
        listener.impression(&impression, &instance);
        assert_eq!(seen(), ["k - f control - {\"a\":1} -", "-1 7 0", "rust-1.0.0 web"]);
    }

    #[test]
    fn a_handler_gets_the_event() {
        unsafe extern "C" fn handle(event: *const split_event, _: *mut c_void) {
            // SAFETY: the library's event.
            let event = unsafe { &*event };
            assert_eq!(event.size, size_of::<split_event>());
            let names = if event.names.is_null() {
                Vec::new()
            } else {
                // SAFETY: the event's array.
                unsafe { slice::from_raw_parts(event.names, event.names_len) }.iter().map(|name| text(*name)).collect()
            };
            see(format!("{} {} {names:?}", event.kind, event.flags_changed));
        }
        let data = user_data(5);
        call_handler(Some(handle), &data, &Event::Ready);
        let names = vec!["a".to_owned(), "b".to_owned()];
        call_handler(Some(handle), &data, &Event::Update { flags_changed: true, names });
        data.leave();
        assert_eq!(seen(), ["1 false []", "2 true [\"a\", \"b\"]"]);
    }
}
