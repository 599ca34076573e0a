//! Attribute sets: typed setters, so that C programs need not write JSON for four attributes in each call.

use std::ffi::c_char;
use std::ptr;

use super::codes::*;
use super::error;
use super::guard::guard;
use super::handle::Handle;
use super::text::{self, BadText};
use super::types::{split_attributes, split_error, split_status};
use crate::input::{Attributes, AttributesError};

impl Handle for Attributes {
    type C = split_attributes;
    const MARK: &'static [u8; 8] = b"splitatt";
}

const NO_SET: &str = "attributes is NULL or no attribute set";

/// Why an attribute was not set.
enum Unset {
    Text(&'static str, BadText),
    Full(AttributesError),
}

/// Sets an attribute.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn set<'a>(
    attributes: *mut split_attributes,
    name: Result<&'a str, BadText>,
    set: impl FnOnce(&mut Attributes, &'a str) -> Result<(), Unset>,
) -> split_status {
    guard(SPLIT_E_PANIC, || {
        // SAFETY: the caller's promise.
        let Some(attributes) = (unsafe { Attributes::from_mut(attributes) }) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &NO_SET);
        };
        match name.map_err(|cause| Unset::Text("name", cause)).and_then(|name| set(attributes, name)) {
            Ok(()) => SPLIT_OK,
            Err(Unset::Text(what, cause)) => cause.refuse(what),
            Err(Unset::Full(cause)) => error::set_last(SPLIT_E_INVALID_ARGUMENT, &cause),
        }
    })
}

fn set_text(attributes: &mut Attributes, name: &str, value: Result<&str, BadText>) -> Result<(), Unset> {
    let value = value.map_err(|cause| Unset::Text("value", cause))?;
    attributes.set_text(name, value).map_err(Unset::Full)
}

fn set_texts<'a>(
    attributes: &mut Attributes,
    name: &str,
    values: impl Iterator<Item = Result<&'a str, BadText>> + Clone,
) -> Result<(), Unset> {
    // Read twice, so that a set that is filled for each evaluation allocates nothing once it is warm.
    values.clone().try_for_each(|value| value.map(drop)).map_err(|cause| Unset::Text("a value", cause))?;
    attributes.set_texts(name, values.flatten()).map_err(Unset::Full)
}

/// An array that may be NULL only if nothing is in it.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn values<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Unset> {
    if pointer.is_null() && len > 0 {
        return Err(Unset::Text("values", BadText::Null));
    }
    // SAFETY: the caller's promise.
    unsafe { text::array(pointer, len) }.map_err(|cause| Unset::Text("values", cause))
}

/// An empty set of attributes (or properties). Evaluations only read it: it can
/// be filled once and given to any number of them, on any number of threads.
///
/// Threads: any. Memory: the caller's, until `split_attributes_free`.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn split_attributes_new() -> *mut split_attributes {
    guard(ptr::null_mut(), || Attributes::new().into_raw())
}

/// Sets an attribute to text. All setters copy what they are given and replace
/// what the attribute was.
///
/// Threads: of all setters, one at a time per set, and no evaluation that reads
/// it meanwhile. NULL: `SPLIT_E_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_string(
    attributes: *mut split_attributes,
    name: *const c_char,
    value: *const c_char,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe { set(attributes, text::nul(name), |attributes, name| set_text(attributes, name, text::nul(value))) }
}

/// `split_attributes_set_string` with lengths.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_string_n(
    attributes: *mut split_attributes,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::sized(name, name_len), |attributes, name| {
            set_text(attributes, name, text::sized(value, value_len))
        })
    }
}

/// Sets an attribute to a whole number. As a date it counts seconds since 1970,
/// as in Split's SDKs for Python, Go and Ruby; `split_attributes_set_datetime`
/// leaves no doubt.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_int(
    attributes: *mut split_attributes,
    name: *const c_char,
    value: i64,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::nul(name), |attributes, name| attributes.set_integer(name, value).map_err(Unset::Full))
    }
}

/// Sets an attribute to a number. Split's number and date matchers take whole
/// numbers only: for those, use `split_attributes_set_int`.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_double(
    attributes: *mut split_attributes,
    name: *const c_char,
    value: f64,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::nul(name), |attributes, name| attributes.set_float(name, value).map_err(Unset::Full))
    }
}

/// Sets an attribute to true or false.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_bool(
    attributes: *mut split_attributes,
    name: *const c_char,
    value: bool,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::nul(name), |attributes, name| attributes.set_bool(name, value).map_err(Unset::Full))
    }
}

/// Sets an attribute to a point in time: milliseconds since 1970.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_datetime(
    attributes: *mut split_attributes,
    name: *const c_char,
    unix_ms: i64,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::nul(name), |attributes, name| attributes.set_datetime(name, unix_ms).map_err(Unset::Full))
    }
}

/// Sets an attribute to a set of strings.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_strings(
    attributes: *mut split_attributes,
    name: *const c_char,
    values: *const *const c_char,
    values_len: usize,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::nul(name), |attributes, name| {
            let texts = self::values(values, values_len)?.iter().map(|text| text::nul(*text));
            set_texts(attributes, name, texts)
        })
    }
}

/// `split_attributes_set_strings` with lengths, `value_lens[i]` that of `values[i]`.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_set_strings_n(
    attributes: *mut split_attributes,
    name: *const c_char,
    name_len: usize,
    values: *const *const c_char,
    value_lens: *const usize,
    values_len: usize,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        set(attributes, text::sized(name, name_len), |attributes, name| {
            let texts = self::values(values, values_len)?.iter();
            let lens = self::values(value_lens, values_len)?;
            set_texts(attributes, name, texts.zip(lens).map(|(text, len)| text::sized(*text, *len)))
        })
    }
}

/// Sets every attribute of a JSON object, whose values may be any JSON. All of
/// them or, on failure, none.
///
/// Threads, NULL: as `split_attributes_set_string`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_merge_json(
    attributes: *mut split_attributes,
    json: *const c_char,
    error: *mut split_error,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let status = guard(SPLIT_E_PANIC, || {
            let Some(attributes) = Attributes::from_mut(attributes) else {
                return error::fail(error, SPLIT_E_INVALID_ARGUMENT, &NO_SET);
            };
            let json = match text::nul(json) {
                Ok(json) => json,
                Err(cause) => return error::fail(error, SPLIT_E_INVALID_ARGUMENT, &format_args!("json {cause}")),
            };
            match attributes.merge_json(json) {
                Ok(()) => SPLIT_OK,
                Err(cause @ AttributesError::NotAnObject { .. }) => error::fail(error, SPLIT_E_INVALID_JSON, &cause),
                Err(cause @ AttributesError::TooLarge) => error::fail(error, SPLIT_E_INVALID_ARGUMENT, &cause),
            }
        });
        if status == SPLIT_E_PANIC {
            error::copy_last(error);
        }
        status
    }
}

/// Empties the set and keeps its memory for the next filling.
///
/// Threads: as the setters. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_clear(attributes: *mut split_attributes) {
    guard((), || {
        // SAFETY: the module's promise.
        if let Some(attributes) = unsafe { Attributes::from_mut(attributes) } {
            attributes.clear();
        }
    });
}

/// Ends a set.
///
/// Threads: the last call on `attributes`. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_attributes_free(attributes: *mut split_attributes) {
    guard((), || {
        // SAFETY: the module's promise.
        drop(unsafe { Attributes::from_raw(attributes) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::error::tests::message;

    fn json(attributes: *mut split_attributes) -> String {
        // SAFETY: alive, and nobody changes it now.
        unsafe { Attributes::from_ref(attributes) }.expect("alive").to_json()
    }

    #[test]
    fn each_setter_sets() {
        let set = split_attributes_new();
        let texts = [c"x".as_ptr(), c"y!".as_ptr()];
        // SAFETY: literals, and a set that is alive until it is freed.
        unsafe {
            for status in [
                split_attributes_set_string(set, c"string".as_ptr(), c"pro".as_ptr()),
                split_attributes_set_string_n(set, c"string_n?".as_ptr(), 8, c"prolonged".as_ptr(), 3),
                split_attributes_set_int(set, c"int".as_ptr(), i64::MIN),
                split_attributes_set_double(set, c"double".as_ptr(), 1.5),
                split_attributes_set_double(set, c"nan".as_ptr(), f64::NAN),
                split_attributes_set_bool(set, c"bool".as_ptr(), true),
                split_attributes_set_datetime(set, c"datetime".as_ptr(), 1999),
                split_attributes_set_strings(set, c"strings".as_ptr(), texts.as_ptr(), 2),
                split_attributes_set_strings_n(set, c"strings_n".as_ptr(), 9, texts.as_ptr(), [1, 1].as_ptr(), 2),
                split_attributes_set_strings(set, c"none".as_ptr(), ptr::null(), 0),
                split_attributes_merge_json(set, c"{\"json\":[1]}".as_ptr(), ptr::null_mut()),
            ] {
                assert_eq!(status, SPLIT_OK, "{}", message(&error::last()));
            }
            let expected = r#"{"string":"pro","string_n":"pro","int":-9223372036854775808,"double":1.5,"nan":null,"#
                .to_owned()
                + r#""bool":true,"datetime":1,"strings":["x","y!"],"strings_n":["x","y"],"none":[],"json":[1]}"#;
            assert_eq!(json(set), expected);
            split_attributes_clear(set);
            assert_eq!(json(set), "{}");
            split_attributes_free(set);
        }
    }

    #[test]
    fn what_cannot_be_set_changes_nothing_and_says_why() {
        let set = split_attributes_new();
        let (none, bad) = (ptr::null::<c_char>(), c"\xff".as_ptr());
        let (good, error) = (c"good".as_ptr(), ptr::null_mut());
        let some_bad = [good, bad];
        let said = |status| (status, message(&error::last()).to_owned());
        // SAFETY: literals, NULL, and a set that is alive until it is freed.
        unsafe {
            for (said, words) in [
                (
                    said(split_attributes_set_string(ptr::null_mut(), good, good)),
                    "attributes is NULL or no attribute set",
                ),
                (said(split_attributes_set_string(set, none, good)), "name is NULL"),
                (said(split_attributes_set_string(set, bad, good)), "name is not UTF-8"),
                (said(split_attributes_set_string(set, good, none)), "value is NULL"),
                (said(split_attributes_set_string(set, good, bad)), "value is not UTF-8"),
                (said(split_attributes_set_string_n(set, good, 5, good, 1)), "name has a NUL in it"),
                (said(split_attributes_set_string_n(set, good, 4, good, usize::MAX)), "value has an impossible length"),
                (said(split_attributes_set_int(set, none, 1)), "name is NULL"),
                (said(split_attributes_set_strings(set, good, ptr::null(), 1)), "values is NULL"),
                (said(split_attributes_set_strings(set, good, some_bad.as_ptr(), 2)), "a value is not UTF-8"),
                (
                    said(split_attributes_set_strings(set, good, some_bad.as_ptr(), usize::MAX)),
                    "values has an impossible length",
                ),
                (
                    said(split_attributes_set_strings_n(set, good, 4, some_bad.as_ptr(), ptr::null(), 1)),
                    "values is NULL",
                ),
                (said(split_attributes_merge_json(set, none, error)), "json is NULL"),
                (
                    said(split_attributes_merge_json(ptr::null_mut(), good, error)),
                    "attributes is NULL or no attribute set",
                ),
            ] {
                assert_eq!(said, (SPLIT_E_INVALID_ARGUMENT, words.to_owned()));
            }
            assert_eq!(split_attributes_merge_json(set, c"[]".as_ptr(), error), SPLIT_E_INVALID_JSON);
            assert_eq!(json(set), "{}");
            split_attributes_clear(ptr::null_mut());
            split_attributes_free(ptr::null_mut());
            split_attributes_free(set);
        }
    }
}
