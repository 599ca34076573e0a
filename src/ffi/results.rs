//! Answers as C sees them.
//!
//! A treatment and a label live as long as the process; a configuration may go with its flag, so a result holds it
//! until it is released.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::Arc;

use super::codes::*;
use super::guard::guard;
use super::handle::Handle;
use super::out::Out;
use super::strings::Strings;
use super::types::{split_result, split_results, split_status};
use crate::client::{Answer, AnswerStatus};
use crate::rules::{ConfigText, Interned};

/// What `split_results` stands for.
#[derive(Debug, Default)]
pub(super) struct Results {
    list: Vec<split_result>,
    /// What the names in the list point to.
    _names: Strings,
}

impl Handle for Results {
    type C = split_results;
    const MARK: &'static [u8; 8] = b"splitres";
}

impl Results {
    /// The answers of a batch, in their order.
    pub(super) fn of_answers(answers: Vec<Answer>, with_configs: bool) -> Self {
        let mut names = Strings::default();
        let places: Vec<_> = answers.iter().map(|answer| names.push(&answer.flag)).collect();
        let result = |(mut answer, place): (Answer, _)| {
            answer.config = answer.config.filter(|_| with_configs);
            split_result { flag: names.at(place), ..of_answer(answer) }
        };
        Results { list: answers.into_iter().zip(places).map(result).collect(), _names: names }
    }

    /// `control` for each flag.
    pub(super) fn refused(flags: &[&str], status: split_status) -> Self {
        let mut names = Strings::default();
        let places: Vec<_> = flags.iter().map(|flag| names.push(flag)).collect();
        let result = |place| split_result { flag: names.at(place), ..control(status) };
        Results { list: places.into_iter().map(result).collect(), _names: names }
    }
}

impl Drop for Results {
    fn drop(&mut self) {
        for result in &self.list {
            // SAFETY: the list is this object's, and ends with it.
            unsafe { let_go(result.hold) };
        }
    }
}

/// An answer whose caller has the flag's name.
pub(super) fn of_answer(answer: Answer) -> split_result {
    let (config, config_len, hold) = match answer.config {
        None => (ptr::null(), 0, ptr::null()),
        Some(config) => (config.as_ptr().cast(), config.len(), Arc::into_raw(config).cast()),
    };
    split_result {
        flag: c"".as_ptr(),
        treatment: answer.treatment.as_ptr().cast(),
        config,
        config_len,
        label: answer.label.map_or(ptr::null(), |label| label.as_ptr().cast()),
        change_number: answer.change_number,
        status: code_of(answer.status),
        reserved: 0,
        hold,
    }
}

/// The answer where there is nothing to ask.
pub(super) fn control(status: split_status) -> split_result {
    split_result {
        flag: c"".as_ptr(),
        treatment: Interned::control().as_ptr().cast(),
        config: ptr::null(),
        config_len: 0,
        label: ptr::null(),
        change_number: -1,
        status,
        reserved: 0,
        hold: ptr::null(),
    }
}

pub(super) fn code_of(status: AnswerStatus) -> split_status {
    match status {
        AnswerStatus::Evaluated => SPLIT_OK,
        AnswerStatus::NotReady => SPLIT_E_NOT_READY,
        AnswerStatus::UnknownFlag => SPLIT_E_UNKNOWN_FLAG,
        AnswerStatus::Invalid => SPLIT_E_INVALID_ARGUMENT,
        AnswerStatus::Destroyed => SPLIT_E_DESTROYED,
        AnswerStatus::Failed => SPLIT_E_EVALUATION,
        AnswerStatus::StorageFailed => SPLIT_E_STORAGE,
        AnswerStatus::Forked => SPLIT_E_FORKED,
    }
}

/// Lets go of a configuration; NULL is none.
///
/// # Safety
/// `hold` is that of [`of_answer`], and nobody lets go of it again.
unsafe fn let_go(hold: *const std::ffi::c_void) {
    if !hold.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(hold.cast::<ConfigText>()) });
    }
}

/// Lets go of a result's configuration and empties the result.
///
/// Not for the results inside a `split_results`, which end with their list.
///
/// Threads: one at a time per result. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_result_release(result: *mut split_result) {
    guard((), || {
        // SAFETY: the module's promise; the result was filled by an evaluation, or released before.
        if let Some(result) = unsafe { result.as_mut() } {
            unsafe { let_go(result.hold) };
            *result = control(SPLIT_OK);
        }
    });
}

/// The results of a list: an array of `*count`, valid until the list is freed.
///
/// Threads: any, concurrently. NULL: NULL, and a count of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_results_data(results: *const split_results, count: *mut usize) -> *const split_result {
    // SAFETY: the module's promise.
    unsafe {
        let list = Results::from_ref(results).map_or(&[][..], |results| &results.list);
        if let Some(count) = Out::at(count) {
            count.write(list.len());
        }
        if list.is_empty() { ptr::null() } else { list.as_ptr() }
    }
}

/// The result of a flag, valid until the list is freed; NULL when it has none.
///
/// Threads: any, concurrently. NULL: NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_results_find(results: *const split_results, flag: *const c_char) -> *const split_result {
    // SAFETY: the module's promise.
    unsafe {
        let Some(results) = Results::from_ref(results).filter(|_| !flag.is_null()) else { return ptr::null() };
        let flag = CStr::from_ptr(flag);
        results.list.iter().find(|result| CStr::from_ptr(result.flag) == flag).map_or(ptr::null(), ptr::from_ref)
    }
}

/// Ends a list of results.
///
/// Threads: the last call on `results`. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_results_free(results: *mut split_results) {
    guard((), || {
        // SAFETY: the module's promise.
        drop(unsafe { Results::from_raw(results) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;

    fn answer(flag: &str, config: Option<&Arc<ConfigText>>) -> Answer {
        Answer {
            flag: flag.into(),
            treatment: Interned::control(),
            config: config.cloned(),
            label: None,
            change_number: 7,
            status: AnswerStatus::Evaluated,
        }
    }

    #[test]
    fn a_result_holds_its_configuration_until_it_is_released() {
        let config = ConfigText::new("{\"a\":\0}");
        let mut result = of_answer(answer("", Some(&config)));
        assert_eq!(Arc::strong_count(&config), 2);
        // SAFETY: held, and `config_len` bytes long.
        let text = unsafe { slice::from_raw_parts(result.config.cast::<u8>(), result.config_len + 1) };
        assert_eq!(text, b"{\"a\":\0}\0");
        for _ in 0..2 {
            // SAFETY: filled above; the second time it is empty.
            unsafe { split_result_release(&mut result) };
            assert_eq!(Arc::strong_count(&config), 1);
            assert!(result.config.is_null() && result.hold.is_null() && result.config_len == 0);
        }
        // SAFETY: NULL is allowed.
        unsafe { split_result_release(ptr::null_mut()) };
    }

    #[test]
    fn a_list_is_read_searched_and_ended() {
        let config = ConfigText::new("c");
        let answers = || vec![answer("a", Some(&config)), answer("zoë", None)];
        let without = Results::of_answers(answers(), false);
        assert_eq!(Arc::strong_count(&config), 1);
        drop(without);
        let list = Results::of_answers(answers(), true).into_raw();
        assert_eq!(Arc::strong_count(&config), 2);
        // SAFETY: the list is alive until it is freed; NULL is allowed.
        unsafe {
            let mut count = 0;
            let data = split_results_data(list, &mut count);
            assert_eq!(count, 2);
            assert_eq!(split_results_data(list, ptr::null_mut()), data);
            assert_eq!(split_results_find(list, c"zoë".as_ptr()), data.add(1));
            assert_eq!((*split_results_find(list, c"a".as_ptr())).config_len, 1);
            for missing in [c"b".as_ptr(), c"\xff".as_ptr(), ptr::null()] {
                assert!(split_results_find(list, missing).is_null());
            }
            split_results_free(list);
            assert!(split_results_data(ptr::null(), &mut count).is_null());
            assert_eq!(count, 0);
            assert!(split_results_find(ptr::null(), c"a".as_ptr()).is_null());
            split_results_free(ptr::null_mut());
        }
        assert_eq!(Arc::strong_count(&config), 1);
    }
}
