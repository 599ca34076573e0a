//! What calls give back, read to its end and let go.

use std::ffi::{CStr, c_char};
use std::{ptr, slice};

use splitio::ffi::*;

/// # Safety
/// The text is NULL or ends in a NUL.
pub unsafe fn read_text(text: *const c_char) {
    if !text.is_null() {
        // SAFETY: the caller's promise.
        let text = unsafe { CStr::from_ptr(text) };
        assert!(text.to_str().is_ok(), "not UTF-8: {text:?}");
    }
}

/// # Safety
/// `list` is an array of `len` texts.
pub unsafe fn read_list(list: *const *const c_char, len: usize) {
    for index in 0..len {
        // SAFETY: the caller's promise.
        unsafe { read_text(*list.add(index)) }
    }
}

/// # Safety
/// The library filled it, and it was not released.
pub unsafe fn read_result(result: &split_result) {
    assert!(!result.treatment.is_null() && !result.flag.is_null());
    // SAFETY: the caller's promise.
    unsafe {
        [result.flag, result.treatment, result.config, result.label].iter().for_each(|text| read_text(*text));
        if !result.config.is_null() {
            assert_eq!(CStr::from_ptr(result.config).count_bytes(), result.config_len);
        }
    }
}

/// # Safety
/// An owned list, which ends here.
pub unsafe fn take_results(results: *mut split_results) {
    assert!(!results.is_null());
    let mut count = usize::MAX;
    // SAFETY: the caller's promise.
    unsafe {
        let data = split_results_data(results, &mut count);
        let all = if count == 0 { &[] } else { slice::from_raw_parts(data, count) };
        for result in all {
            read_result(result);
            assert!(ptr::eq(split_results_find(results, result.flag), result), "a result is found by its flag");
        }
        split_results_find(results, c"not here".as_ptr());
        split_results_free(results);
    }
}

/// # Safety
/// An owned list, which ends here.
pub unsafe fn take_names(names: *mut split_name_list) {
    assert!(!names.is_null());
    let mut count = usize::MAX;
    // SAFETY: the caller's promise.
    unsafe {
        let data = split_name_list_data(names, &mut count);
        read_list(data, count);
        split_name_list_free(names);
    }
}

/// # Safety
/// An owned list, which ends here.
pub unsafe fn take_views(views: *mut split_flag_view_list) {
    assert!(!views.is_null());
    let mut count = usize::MAX;
    // SAFETY: the caller's promise.
    unsafe {
        let data = split_flag_view_list_data(views, &mut count);
        for index in 0..count {
            let view = &**data.add(index);
            [view.name, view.traffic_type, view.default_treatment, view.prerequisites_json]
                .iter()
                .for_each(|text| read_text(*text));
            read_list(view.treatments, view.treatments_len);
            read_list(view.sets, view.sets_len);
            read_list(view.config_treatments, view.configs_len);
            read_list(view.configs, view.configs_len);
        }
        split_flag_view_list_free(views);
    }
}

/// # Safety
/// The call that filled it said `status`.
pub unsafe fn take_json(status: split_status, mut text: split_json) {
    // SAFETY: the caller's promise.
    unsafe {
        if status == SPLIT_OK {
            read_text(text.ptr);
            assert_eq!(CStr::from_ptr(text.ptr).count_bytes(), text.len);
            split_json_release(&mut text);
        }
        split_json_release(&mut text);
    }
}
