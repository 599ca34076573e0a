//! The types of the C API, as C sees them.
//!
//! Structs that C programs allocate or read by index (`split_result`, `split_json`, `split_error`) never change; the
//! others start with their size and may grow at the end. The sizes are asserted below, and again in C.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;

/// Named, typed values: the attributes of a key, or the properties of an event
/// or an impression.
#[derive(Debug)]
pub struct split_attributes {
    _opaque: [u8; 0],
}

/// The settings a factory starts from. Made by `split_config_new`.
#[derive(Debug)]
pub struct split_config {
    _opaque: [u8; 0],
}

/// A running SDK: its definitions, its queues and its threads.
#[derive(Debug)]
pub struct split_factory {
    _opaque: [u8; 0],
}

/// The answers to an evaluation of many flags.
#[derive(Debug)]
pub struct split_results {
    _opaque: [u8; 0],
}

/// An owned list of strings.
#[derive(Debug)]
pub struct split_name_list {
    _opaque: [u8; 0],
}

/// An owned list of `split_flag_view`.
#[derive(Debug)]
pub struct split_flag_view_list {
    _opaque: [u8; 0],
}

/// `SPLIT_OK`, or one of the negative `SPLIT_E_` codes. A code keeps its number
/// for ever; later versions may add codes, so treat any other negative number
/// as a failure.
pub type split_status = i32;

/// Where a call writes why it failed. It is the caller's, usually on the stack;
/// nothing in it needs to be freed. Every call that takes one accepts NULL and
/// leaves it alone on success.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_error {
    pub status: split_status,
    /// A sentence in English, NUL-terminated; cut at a character if it is long.
    pub message: [c_char; 252],
}

/// One option of the configuration. See `split_option_at`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_option {
    pub size: usize,
    /// As Split documents it: "featuresRefreshRate".
    pub name: *const c_char,
    /// "integer", "number", "boolean", "string", "enum", "list" or "object".
    pub kind: *const c_char,
    /// The default as JSON.
    pub default_json: *const c_char,
    pub description: *const c_char,
    /// False: accepted so that a configuration can be shared between SDKs, and
    /// ignored with a warning, because it belongs to another language.
    pub supported: bool,
}

/// A line of the log. Valid until the callback returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_log_record {
    pub size: usize,
    /// One of `SPLIT_LOG_ERROR` to `SPLIT_LOG_DEBUG`.
    pub level: i32,
    /// Milliseconds since 1970.
    pub time: i64,
    /// The part of the SDK that speaks, such as "sync" or "impressions".
    pub target: *const c_char,
    pub message: *const c_char,
}

/// Called with each line of the log.
pub type split_log_fn = Option<unsafe extern "C" fn(record: *const split_log_record, user_data: *mut c_void)>;

/// Called once, after the last call that gets `user_data`, so that its owner
/// can let go of it: from the call that ends the factory or the configuration, on
/// the delivery thread, or, when a callback outlives the deadline of
/// `split_destroy`, once that callback returns. May be NULL wherever it is taken.
pub type split_drop_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// An impression, as listeners get it. All of it is valid until the callback
/// returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_impression {
    pub size: usize,
    pub key: *const c_char,
    /// NULL when none was given.
    pub bucketing_key: *const c_char,
    pub flag: *const c_char,
    pub treatment: *const c_char,
    /// NULL when the rule has none, or with labelsEnabled off.
    pub label: *const c_char,
    /// -1 when there was no definition.
    pub change_number: i64,
    /// Milliseconds since 1970.
    pub time: i64,
    /// When the same answer was last given; 0 when it was not, or isn't known.
    pub previous_time: i64,
    /// NULL when none were given.
    pub attributes_json: *const c_char,
    /// NULL when none were given.
    pub properties_json: *const c_char,
    /// Name and version of the SDK, as Split's back end gets it.
    pub sdk_version: *const c_char,
    /// Name of the instance: its machine name or address.
    pub instance: *const c_char,
}

/// Called with each impression.
pub type split_impression_fn =
    Option<unsafe extern "C" fn(impression: *const split_impression, user_data: *mut c_void)>;

/// Something that happened to a factory. Valid until the callback returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_event {
    pub size: usize,
    /// `SPLIT_EVENT_READY` or `SPLIT_EVENT_UPDATE`.
    pub kind: i32,
    /// Of an update: true when flags changed, false when segments did.
    pub flags_changed: bool,
    /// The flags that changed. Empty when segments did. Updates for which handlers
    /// are late are merged, and of more than 100,000 flags some are not named.
    pub names: *const *const c_char,
    pub names_len: usize,
}

/// Called when something happens to a factory.
pub type split_event_fn = Option<unsafe extern "C" fn(event: *const split_event, user_data: *mut c_void)>;

/// What an evaluation may be given besides the key and the flag. Start from
/// `SPLIT_OPTIONS_INIT` and set what is needed. Fields may be added at the end
/// in later versions; `size` says which of them the caller knows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_options {
    pub size: usize,
    /// The key that decides the bucket; NULL to use the matching key.
    pub bucketing_key: *const c_char,
    pub attributes: *const split_attributes,
    /// A JSON object; read when `attributes` is NULL. Other text makes the call
    /// invalid, whether or not the flag looks at attributes.
    pub attributes_json: *const c_char,
    /// Properties of the impression, or of the event that is tracked.
    pub properties: *const split_attributes,
    /// A JSON object; read when `properties` is NULL.
    pub properties_json: *const c_char,
    /// Bytes of the three texts above; 0 when they end in a NUL.
    pub bucketing_key_len: usize,
    pub attributes_json_len: usize,
    pub properties_json_len: usize,
}

/// One answer. The same size in every version.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_result {
    /// The flag's name. Set in lists; empty from
    /// `split_get_treatment_with_config`, whose caller has it.
    pub flag: *const c_char,
    /// Never NULL, and valid until the process ends.
    pub treatment: *const c_char,
    /// The configuration attached to the treatment; NULL when there is none.
    pub config: *const c_char,
    /// Bytes of `config`, without its NUL.
    pub config_len: usize,
    /// Why: the label of the rule that decided. Valid until the process ends;
    /// NULL when there is none, or with labelsEnabled off.
    pub label: *const c_char,
    /// The change number of the flag's definition; -1 when there was none.
    pub change_number: i64,
    /// `SPLIT_OK`, or why the treatment is "control" or a fallback.
    pub status: split_status,
    pub reserved: i32,
    /// What keeps `config` in memory. NULL: there is nothing to release.
    pub hold: *const c_void,
}

/// Text made for the caller, who ends it with `split_json_release`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_json {
    pub ptr: *const c_char,
    pub len: usize,
    pub hold: *const c_void,
}

/// A flag as the manager describes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct split_flag_view {
    pub size: usize,
    pub name: *const c_char,
    pub traffic_type: *const c_char,
    pub default_treatment: *const c_char,
    pub change_number: i64,
    pub killed: bool,
    pub impressions_disabled: bool,
    pub treatments: *const *const c_char,
    pub treatments_len: usize,
    pub sets: *const *const c_char,
    pub sets_len: usize,
    /// Treatments that have a configuration, and, index by index, what it is.
    pub config_treatments: *const *const c_char,
    pub configs: *const *const c_char,
    pub configs_len: usize,
    /// A JSON array of {"n": flag, "ts": [treatment, ...]}.
    pub prerequisites_json: *const c_char,
}

// What C programs were compiled with, on targets with 64-bit pointers.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<split_result>() == 64);
    assert!(size_of::<split_json>() == 24);
    assert!(size_of::<split_error>() == 256);
    assert!(size_of::<split_options>() == 72);
    assert!(offset_of!(split_result, config_len) == 24);
    assert!(offset_of!(split_result, change_number) == 40);
    assert!(offset_of!(split_result, status) == 48);
    assert!(offset_of!(split_result, hold) == 56);
    assert!(offset_of!(split_options, attributes_json) == 24);
    assert!(offset_of!(split_options, properties_json_len) == 64);
    assert!(offset_of!(split_log_record, time) == 16);
    assert!(offset_of!(split_impression, change_number) == 48);
    assert!(offset_of!(split_event, names) == 16);
    assert!(offset_of!(split_option, supported) == 40);
    assert!(offset_of!(split_flag_view, treatments) == 48);
};

// `SPLIT_OPTIONS_INIT` and `known_fields` count on fields of the size of a pointer.
const _: () = assert!(size_of::<split_options>() == 9 * size_of::<usize>());
