//! Evaluating. What happens here on the way to [`Client::usual_treatment`](crate::client::Client::usual_treatment) is what
//! C costs: one look at the handle, the texts' lengths and bytes, and a guard that is free.

use std::ffi::c_char;
use std::ptr;

use super::codes::*;
use super::extras::{self, Extras, Usual};
use super::guard::guard_logged;
use super::handle::Handle;
use super::out::Out;
use super::results::{self, Results};
use super::text::{self, BadText, given};
use super::types::{split_factory, split_options, split_result, split_results, split_status};
use crate::factory::Factory;
use crate::input::{Given, Key, Method, usable_names};
use crate::rules::Interned;

/// The answer to a usual question ([`Client::usual_treatment`](crate::client::Client::usual_treatment)); NULL to others. One function for all callers, into which
/// everything on its way is inlined.
///
/// # Safety
/// As the module [`super`] says.
#[inline(never)]
unsafe fn usual_treatment(
    factory: *const split_factory,
    key: &str,
    flag: &str,
    options: *const split_options,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(factory) = Factory::from_ref(factory) else { return ptr::null() };
        guard_logged(factory, Interned::control().as_ptr().cast(), || {
            let Some(Usual { bucketing_key: bucketing, attributes }) = extras::usual(options) else {
                return ptr::null();
            };
            let treatment = factory.client().usual_treatment(Key { matching: key, bucketing }, flag, attributes);
            treatment.map_or(ptr::null(), |treatment| treatment.as_ptr().cast())
        })
    }
}

/// The treatment, or `control` where there is no factory to ask.
///
/// # Safety
/// As the module [`super`] says.
#[inline(always)]
unsafe fn treatment(
    factory: *const split_factory,
    key: Result<&str, BadText>,
    flag: Result<&str, BadText>,
    options: *const split_options,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        if let (Ok(key), Ok(flag)) = (key, flag) {
            let treatment = usual_treatment(factory, key, flag, options);
            if !treatment.is_null() {
                return treatment;
            }
        }
        any_treatment(factory, given(key), given(flag), options)
    }
}

/// [`treatment`], whatever is asked.
///
/// # Safety
/// As the module [`super`] says.
#[inline(never)]
unsafe fn any_treatment(
    factory: *const split_factory,
    key: Given<'_>,
    flag: Given<'_>,
    options: *const split_options,
) -> *const c_char {
    let control = Interned::control().as_ptr().cast();
    // SAFETY: the caller's promise.
    unsafe {
        let Some(factory) = Factory::from_ref(factory) else { return control };
        guard_logged(factory, control, || {
            let extras = Extras::of_evaluation(options);
            factory.client().treatment(&extras.who(key), flag).as_ptr().cast()
        })
    }
}

/// The whole answer, and its status.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn treatment_with_config(
    factory: *const split_factory,
    key: Given<'_>,
    flag: Given<'_>,
    options: *const split_options,
    result: *mut split_result,
) -> split_status {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(result) = Out::at(result) else { return SPLIT_E_INVALID_ARGUMENT };
        let answer = match Factory::from_ref(factory) {
            None => results::control(SPLIT_E_INVALID_ARGUMENT),
            Some(factory) => guard_logged(factory, results::control(SPLIT_E_PANIC), || {
                let extras = Extras::of_evaluation(options);
                results::of_answer(factory.client().treatment_with_config(&extras.who(key), flag))
            }),
        };
        let status = answer.status;
        result.write(answer);
        status
    }
}

/// What a batch asks about.
enum Asked {
    Flags(*const *const c_char, usize),
    Sets(*const *const c_char, usize),
}

/// The answers to a batch; none that say so where there is no factory to ask.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn many(
    factory: *const split_factory,
    method: Method,
    key: *const c_char,
    asked: Asked,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the caller's promise.
    unsafe {
        let (Asked::Flags(names, len) | Asked::Sets(names, len)) = asked;
        // What cannot be an array is answered, and complained about, as an empty one.
        let names = text::array(names, len).unwrap_or_default();
        let names = || names.iter().map(|name| given(text::nul(*name))).collect::<Vec<_>>();
        let Some(factory) = Factory::from_ref(factory) else {
            let flags = match asked {
                Asked::Flags(..) => names(),
                Asked::Sets(..) => Vec::new(),
            };
            return Results::refused(&usable_names(&flags), SPLIT_E_INVALID_ARGUMENT).into_raw();
        };
        let results = guard_logged(factory, Results::default(), || {
            let extras = Extras::of_evaluation(options);
            let who = extras.who(given(text::nul(key)));
            let answers = match asked {
                Asked::Flags(..) => factory.client().treatments(method, &who, &names()),
                Asked::Sets(..) => factory.client().treatments_by_sets(method, &who, &names()),
            };
            let with_configs = matches!(
                method,
                Method::TreatmentsWithConfig
                    | Method::TreatmentsWithConfigByFlagSet
                    | Method::TreatmentsWithConfigByFlagSets
            );
            Results::of_answers(answers, with_configs)
        });
        results.into_raw()
    }
}

/// Evaluates a flag for a key, and records the impression.
///
/// The treatment is NUL-terminated and never NULL. It is "control", or what
/// fallbackTreatments says, when there is nothing to evaluate: an unknown flag,
/// a factory that isn't ready or was destroyed, an argument that isn't valid.
/// The same treatment is always the same pointer, valid until the process ends:
/// a binding may keep a table from pointer to its own string.
///
/// With definitions in memory it waits for nothing: no lock, no system call.
/// With Redis it waits for Redis, for up to twice redisSocketTimeout.
///
/// Threads: any, concurrently. Fork: works in a child, from the definitions of
/// the fork, and resumes the factory first (resumeOnFork); with that off,
/// impressions are recorded from `split_resume` on.
/// NULL: "control"; `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatment(
    factory: *const split_factory,
    key: *const c_char,
    flag: *const c_char,
    options: *const split_options,
) -> *const c_char {
    // SAFETY: the module's promise.
    unsafe { treatment(factory, text::nul(key), text::nul(flag), options) }
}

/// `split_get_treatment` with lengths.
///
/// Threads, fork, memory, NULL: as `split_get_treatment`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatment_n(
    factory: *const split_factory,
    key: *const c_char,
    key_len: usize,
    flag: *const c_char,
    flag_len: usize,
    options: *const split_options,
) -> *const c_char {
    // SAFETY: the module's promise.
    unsafe { treatment(factory, text::sized(key, key_len), text::sized(flag, flag_len), options) }
}

/// Like `split_get_treatment`, and says more: the configuration of the
/// treatment, and whether and why there was nothing to evaluate.
///
/// `result` is filled in every case, and is ended by `split_result_release`
/// (which has nothing to do if `hold` is NULL). Returns `result->status`.
///
/// Threads: any, concurrently. Fork: as `split_get_treatment`.
/// NULL: "control"; with `result` NULL, nothing is evaluated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatment_with_config(
    factory: *const split_factory,
    key: *const c_char,
    flag: *const c_char,
    options: *const split_options,
    result: *mut split_result,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe { treatment_with_config(factory, given(text::nul(key)), given(text::nul(flag)), options, result) }
}

/// `split_get_treatment_with_config` with lengths.
///
/// Threads, fork, memory, NULL: as `split_get_treatment_with_config`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatment_with_config_n(
    factory: *const split_factory,
    key: *const c_char,
    key_len: usize,
    flag: *const c_char,
    flag_len: usize,
    options: *const split_options,
    result: *mut split_result,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let (key, flag) = (given(text::sized(key, key_len)), given(text::sized(flag, flag_len)));
        treatment_with_config(factory, key, flag, options, result)
    }
}

/// Evaluates `flags_len` flags for a key, against one state of the definitions.
///
/// There is one result per distinct flag, in the order they were asked for.
///
/// Returns a list that is never NULL, ended by `split_results_free`.
///
/// Threads: any, concurrently. Fork: as `split_get_treatment`. NULL: an empty
/// list for a NULL `flags`; "control" for each flag if `factory` or `key` is.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments(
    factory: *const split_factory,
    key: *const c_char,
    flags: *const *const c_char,
    flags_len: usize,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::Treatments, key, Asked::Flags(flags, flags_len), options) }
}

/// `split_get_treatments`, with the configuration of each treatment.
///
/// Threads, fork, memory, NULL: as `split_get_treatments`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments_with_config(
    factory: *const split_factory,
    key: *const c_char,
    flags: *const *const c_char,
    flags_len: usize,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::TreatmentsWithConfig, key, Asked::Flags(flags, flags_len), options) }
}

/// Evaluates every flag of a flag set, in the order of their names. Otherwise like
/// `split_get_treatments`; a set that is unknown, or outside flagSetsFilter, gives
/// an empty list.
///
/// Threads, fork, memory, NULL: as `split_get_treatments`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments_by_flag_set(
    factory: *const split_factory,
    key: *const c_char,
    set: *const c_char,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::TreatmentsByFlagSet, key, Asked::Sets(&set, 1), options) }
}

/// `split_get_treatments_by_flag_set`, with the configuration of each treatment.
///
/// Threads, fork, memory, NULL: as `split_get_treatments`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments_with_config_by_flag_set(
    factory: *const split_factory,
    key: *const c_char,
    set: *const c_char,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::TreatmentsWithConfigByFlagSet, key, Asked::Sets(&set, 1), options) }
}

/// Evaluates every flag that is in at least one of several flag sets, once, in the
/// order of their names.
///
/// Threads, fork, memory, NULL: as `split_get_treatments`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments_by_flag_sets(
    factory: *const split_factory,
    key: *const c_char,
    sets: *const *const c_char,
    sets_len: usize,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::TreatmentsByFlagSets, key, Asked::Sets(sets, sets_len), options) }
}

/// `split_get_treatments_by_flag_sets`, with the configuration of each treatment.
///
/// Threads, fork, memory, NULL: as `split_get_treatments`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_get_treatments_with_config_by_flag_sets(
    factory: *const split_factory,
    key: *const c_char,
    sets: *const *const c_char,
    sets_len: usize,
    options: *const split_options,
) -> *mut split_results {
    // SAFETY: the module's promise.
    unsafe { many(factory, Method::TreatmentsWithConfigByFlagSets, key, Asked::Sets(sets, sets_len), options) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::{split_results_data, split_results_free};
    use std::ffi::CStr;
    use std::slice;

    #[test]
    fn without_a_factory_everything_is_control() {
        let (key, flag, none) = (c"user".as_ptr(), c"flag".as_ptr(), ptr::null());
        let mut result = results::control(SPLIT_OK);
        // SAFETY: NULL is allowed, and the result is ours.
        unsafe {
            let treatment = split_get_treatment(none, key, flag, ptr::null());
            assert_eq!(CStr::from_ptr(treatment), c"control");
            assert_eq!(split_get_treatment_n(none, key, 4, flag, 4, ptr::null()), treatment);
            let status = split_get_treatment_with_config(none, key, flag, ptr::null(), &mut result);
            assert_eq!((status, result.status, result.treatment), (SPLIT_E_INVALID_ARGUMENT, status, treatment));
            let status = split_get_treatment_with_config(none, key, flag, ptr::null(), ptr::null_mut());
            assert_eq!(status, SPLIT_E_INVALID_ARGUMENT);
        }
    }

    #[test]
    fn without_a_factory_a_batch_has_control_for_each_usable_name() {
        let flags = [c" a ".as_ptr(), ptr::null(), c"b".as_ptr(), c"a".as_ptr(), c"\xff".as_ptr(), c" ".as_ptr()];
        let names = |list: *mut split_results| {
            let mut count = usize::MAX;
            // SAFETY: the list is alive until it is freed here.
            unsafe {
                let data = split_results_data(list, &mut count);
                let results = if count == 0 { &[] } else { slice::from_raw_parts(data, count) };
                let names = results.iter().map(|result| CStr::from_ptr(result.flag).to_owned()).collect::<Vec<_>>();
                split_results_free(list);
                names
            }
        };
        let (none, key, set) = (ptr::null(), c"user".as_ptr(), c"set".as_ptr());
        // SAFETY: NULL is allowed.
        unsafe {
            let list = split_get_treatments(none, key, flags.as_ptr(), flags.len(), ptr::null());
            assert_eq!(names(list), [c"a".to_owned(), c"b".to_owned()]);
            assert!(names(split_get_treatments(none, key, ptr::null(), 9, ptr::null())).is_empty());
            assert!(names(split_get_treatments(none, key, flags.as_ptr(), usize::MAX, ptr::null())).is_empty());
            assert!(names(split_get_treatments_by_flag_set(none, key, set, ptr::null())).is_empty());
            assert!(names(split_get_treatments_by_flag_sets(none, key, &set, 1, ptr::null())).is_empty());
        }
    }
}
