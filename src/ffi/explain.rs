//! Accounts of decisions.

use std::ffi::c_char;

use super::codes::*;
use super::extras::Extras;
use super::guard::guard_logged;
use super::handle::Handle;
use super::out::Out;
use super::text::{self, given};
use super::types::{split_factory, split_json, split_options, split_status};
use super::{error, json, results};
use crate::factory::Factory;

/// How `split_get_treatment_with_config` would decide now, and why: a JSON object
/// with the treatment and each step that led to it, such as every condition and
/// matcher that was tried, what it saw and what it answered. docs/explain.md has
/// its members. No impression is recorded, and telemetry doesn't count it.
///
/// For people and tools: it takes many times as long as an evaluation.
///
/// `text` is filled in every case, and is ended by `split_json_release`. Returns
/// what the evaluation would have had as its status, such as
/// `SPLIT_E_UNKNOWN_FLAG`; the object says the same.
///
/// Threads: any, concurrently. Fork: as `split_get_treatment`.
/// NULL: "null" for a NULL `factory`, `SPLIT_E_INVALID_ARGUMENT` for a NULL `text`;
/// `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_explain(
    factory: *const split_factory,
    key: *const c_char,
    flag: *const c_char,
    options: *const split_options,
    text: *mut split_json,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let Some(text) = Out::at(text) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &"text is NULL");
        };
        let nothing = |status| (status, "null".to_owned());
        let (status, explanation) = match Factory::from_ref(factory) {
            None => nothing(error::set_last(SPLIT_E_INVALID_ARGUMENT, &"factory is NULL")),
            Some(factory) => guard_logged(factory, nothing(SPLIT_E_PANIC), || {
                let extras = Extras::of_evaluation(options);
                let who = extras.who(given(text::nul(key)));
                let explanation = factory.client().explain(&who, given(text::nul(flag)));
                (results::code_of(explanation.status), explanation.json)
            }),
        };
        text.write(json::give(explanation));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::ptr;

    #[test]
    fn without_a_factory_there_is_nothing_to_explain() {
        let (key, flag, none) = (c"user".as_ptr(), c"flag".as_ptr(), ptr::null());
        let mut text = split_json { ptr: ptr::null(), len: 0, hold: ptr::null() };
        // SAFETY: NULL is allowed, and the text is ours.
        unsafe {
            assert_eq!(split_explain(none, key, flag, ptr::null(), &mut text), SPLIT_E_INVALID_ARGUMENT);
            assert_eq!((CStr::from_ptr(text.ptr), text.len), (c"null", 4));
            crate::ffi::split_json_release(&mut text);
            assert_eq!(split_explain(none, key, flag, ptr::null(), ptr::null_mut()), SPLIT_E_INVALID_ARGUMENT);
        }
    }
}
