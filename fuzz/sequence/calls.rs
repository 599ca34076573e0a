//! The calls that any thread may make, with whatever the source says.

use std::ffi::c_char;
use std::{mem, ptr};

use splitio::ffi::*;

use super::lists::{read_result, read_text, take_json, take_names, take_results, take_views};
use super::source::{Source, Text};
use super::{Factories, callbacks};

/// Sets of attributes of one thread.
pub struct Sets([*mut split_attributes; 2]);

impl Default for Sets {
    fn default() -> Self {
        Sets([ptr::null_mut(); 2])
    }
}

impl Sets {
    fn pick(&self, source: &mut Source<'_>) -> *mut split_attributes {
        self.0.get(source.below(3)).copied().unwrap_or(ptr::null_mut())
    }

    pub fn free(&mut self) {
        // SAFETY: NULL or alive, and nobody else has them.
        self.0.iter_mut().for_each(|set| unsafe { split_attributes_free(mem::replace(set, ptr::null_mut())) });
    }
}

impl Drop for Sets {
    fn drop(&mut self) {
        self.free();
    }
}

pub fn no_error() -> split_error {
    split_error { status: 0, message: [0; 252] }
}

pub fn read_error(error: &split_error) {
    // SAFETY: its message always ends in a NUL.
    unsafe { read_text(error.message.as_ptr()) }
}

/// Options with the texts that they point to.
struct Options {
    options: split_options,
    _texts: [Text; 3],
}

impl Options {
    fn read(source: &mut Source<'_>, sets: &Sets) -> Self {
        let full = size_of::<split_options>();
        let size = source.pick(&[full, full, full, full + 64, 16, 0, 7]);
        // Who does not know the lengths has NULs.
        let told = if size < full { 0 } else { source.byte() };
        let mut text = |bit: u8| {
            let text = source.text();
            match text.len() {
                len if told & bit != 0 && len > 0 => (text, len),
                _ => (text.terminated(), 0),
            }
        };
        let (key, attributes, properties) = (text(1), text(2), text(4));
        let options = split_options {
            size,
            bucketing_key: key.0.ptr(),
            attributes: sets.pick(source),
            attributes_json: attributes.0.ptr(),
            properties: sets.pick(source),
            properties_json: properties.0.ptr(),
            bucketing_key_len: key.1,
            attributes_json_len: attributes.1,
            properties_json_len: properties.1,
        };
        Options { options, _texts: [key.0, attributes.0, properties.0] }
    }
}

/// Makes one call.
pub fn call(source: &mut Source<'_>, factories: &Factories, sets: &mut Sets) {
    let kind = source.below(16);
    let factory = factories.pick(source);
    match kind {
        0..6 => evaluate(source, factory, sets),
        6 => track(source, factory, sets),
        7..9 => set_attribute(source, sets),
        9..11 => inspect(source, factory, sets),
        11 => ask_library(source),
        12..15 => wait(source, factory),
        _ => live(source, factory),
    }
}

fn evaluate(source: &mut Source<'_>, factory: *const split_factory, sets: &Sets) {
    let given = (source.below(4) > 0).then(|| Options::read(source, sets));
    let options = given.as_ref().map_or(ptr::null(), |given| &raw const given.options);
    let kind = source.below(10);
    let (key, name) = (source.text(), source.text());
    // SAFETY: the factory is NULL or alive, and so is all that is pointed to.
    unsafe {
        match kind {
            0 => read_text(split_get_treatment_n(factory, key.ptr(), key.len(), name.ptr(), name.len(), options)),
            1 => {
                let mut result = mem::zeroed();
                let (key_len, len) = (key.len(), name.len());
                let status = split_get_treatment_with_config_n(
                    factory,
                    key.ptr(),
                    key_len,
                    name.ptr(),
                    len,
                    options,
                    &mut result,
                );
                assert_eq!(status, result.status);
                read_result(&result);
                split_result_release(&mut result);
                split_result_release(&mut result);
            }
            _ => evaluate_named(source, factory, kind, &key.terminated(), name.terminated(), options),
        }
    }
}

/// # Safety
/// The factory is NULL or alive, the texts end in a NUL, and what the options point to is alive.
unsafe fn evaluate_named(
    source: &mut Source<'_>,
    factory: *const split_factory,
    kind: usize,
    key: &Text,
    name: Text,
    options: *const split_options,
) {
    let key = key.ptr();
    let mut names = vec![name];
    names.extend(source.texts().into_iter().map(Text::terminated));
    let all: Vec<*const c_char> = names.iter().map(Text::ptr).collect();
    let (first, len) = (all[0], all.len());
    let all = if source.below(16) == 1 { ptr::null() } else { all.as_ptr() };
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            2 => read_text(split_get_treatment(factory, key, first, options)),
            3 => {
                let mut result = mem::zeroed();
                assert_eq!(split_get_treatment_with_config(factory, key, first, options, &mut result), result.status);
                read_result(&result);
                split_result_release(&mut result);
            }
            4 => take_results(split_get_treatments(factory, key, all, len, options)),
            5 => take_results(split_get_treatments_with_config(factory, key, all, len, options)),
            6 => take_results(split_get_treatments_by_flag_set(factory, key, first, options)),
            7 => take_results(split_get_treatments_with_config_by_flag_set(factory, key, first, options)),
            8 => take_results(split_get_treatments_by_flag_sets(factory, key, all, len, options)),
            _ => take_results(split_get_treatments_with_config_by_flag_sets(factory, key, all, len, options)),
        }
    }
}

fn track(source: &mut Source<'_>, factory: *const split_factory, sets: &Sets) {
    let given = (source.below(4) > 0).then(|| Options::read(source, sets));
    let options = given.as_ref().map_or(ptr::null(), |given| &raw const given.options);
    let value = source.pick(&[f64::NAN, 0.0, -1.5, 1e300, f64::INFINITY]);
    let (told, key, of, event) = (source.below(2) == 0, source.text(), source.text(), source.text());
    let mut error = no_error();
    // SAFETY: as in `evaluate`.
    unsafe {
        if told {
            let (key_len, of_len, event_len) = (key.len(), of.len(), event.len());
            split_track_n(factory, key.ptr(), key_len, of.ptr(), of_len, event.ptr(), event_len, value, options);
        } else {
            let (key, of, event) = (key.terminated(), of.terminated(), event.terminated());
            split_track(factory, key.ptr(), of.ptr(), event.ptr(), value, options);
        }
        split_last_error(&mut error);
    }
    read_error(&error);
}

fn set_attribute(source: &mut Source<'_>, sets: &mut Sets) {
    let place = source.below(2);
    let set = sets.0[place];
    let kind = source.below(11);
    let (exact, value) = (source.text(), source.text());
    let mut error = no_error();
    // SAFETY: the set is NULL or alive, and this thread's alone; the texts are alive.
    unsafe {
        if kind == 0 {
            let (len, value_len) = (exact.len(), value.len());
            split_attributes_set_string_n(set, exact.ptr(), len, value.ptr(), value_len);
            return;
        }
        let texts = source.texts();
        if kind == 1 {
            let all: Vec<*const c_char> = texts.iter().map(Text::ptr).collect();
            let lens: Vec<usize> = texts.iter().map(Text::len).collect();
            let len = exact.len();
            split_attributes_set_strings_n(set, exact.ptr(), len, all.as_ptr(), lens.as_ptr(), all.len());
            return;
        }
        let (name, value) = (exact.terminated(), value.terminated());
        let (name, value) = (name.ptr(), value.ptr());
        match kind {
            2 => _ = split_attributes_set_string(set, name, value),
            3 => _ = split_attributes_set_int(set, name, source.number()),
            4 => _ = split_attributes_set_double(set, name, f64::from_bits(source.number() as u64)),
            5 => _ = split_attributes_set_bool(set, name, source.below(2) == 1),
            6 => _ = split_attributes_set_datetime(set, name, source.number()),
            7 => {
                let texts: Vec<Text> = texts.into_iter().map(Text::terminated).collect();
                let all: Vec<*const c_char> = texts.iter().map(Text::ptr).collect();
                split_attributes_set_strings(set, name, all.as_ptr(), all.len());
            }
            8 => _ = split_attributes_merge_json(set, value, &mut error),
            9 => split_attributes_clear(set),
            _ if set.is_null() => sets.0[place] = split_attributes_new(),
            _ => {
                split_attributes_free(set);
                sets.0[place] = ptr::null_mut();
            }
        }
    }
    read_error(&error);
}

fn inspect(source: &mut Source<'_>, factory: *const split_factory, sets: &Sets) {
    let kind = source.below(5);
    let name = source.text().terminated();
    if kind == 4 {
        return explain(source, factory, sets, &name);
    }
    // SAFETY: as in `evaluate`.
    unsafe {
        match kind {
            0 => take_names(split_manager_names(factory)),
            1 => take_views(split_manager_splits(factory)),
            2 => take_views(split_manager_split(factory, name.ptr())),
            _ => {
                let mut text = mem::zeroed();
                let status = split_manager_json(factory, name.ptr(), &mut text);
                take_json(status, text);
            }
        }
    }
}

fn explain(source: &mut Source<'_>, factory: *const split_factory, sets: &Sets, name: &Text) {
    let given = (source.below(4) > 0).then(|| Options::read(source, sets));
    let options = given.as_ref().map_or(ptr::null(), |given| &raw const given.options);
    let key = source.text().terminated();
    // SAFETY: as in `evaluate`.
    unsafe {
        let mut text = mem::zeroed();
        split_explain(factory, key.ptr(), name.ptr(), options, &mut text);
        // It is filled whatever the status is.
        take_json(SPLIT_OK, text);
    }
}

fn ask_library(source: &mut Source<'_>) {
    let number = source.number();
    // SAFETY: what is asked for by numbers may be any.
    unsafe {
        read_text(split_version());
        read_text(split_status_string(number as i32));
        read_text(split_status_string(-i32::from(source.byte())));
        assert_eq!(split_version_check(split_version_number()), SPLIT_OK);
        let _ = split_version_check(number as u32);
        if let Some(option) = split_option_at(source.below(256)).as_ref() {
            [option.name, option.kind, option.default_json, option.description]
                .iter()
                .for_each(|text| read_text(*text));
        }
        assert!(split_option_at(split_option_count()).is_null() && split_option_at(usize::MAX).is_null());
        assert!(!split_fork_generation().is_null());
    }
}

fn wait(source: &mut Source<'_>, factory: *const split_factory) {
    let (kind, wait) = (source.below(5), source.wait());
    // SAFETY: the factory is NULL or alive.
    unsafe {
        match kind {
            0 => _ = split_block_until_ready(factory, wait),
            1 => _ = split_flush(factory, wait),
            2 => {
                assert!(split_poll_fd(factory) < 0 || !factory.is_null());
                let ready = split_is_ready(factory);
                assert!(!ready || split_factory_status(factory) != SPLIT_STATUS_NOT_READY);
            }
            _ => {
                let mut text = mem::zeroed();
                let status = split_poll(factory, wait, source.pick(&[1, 0, 7, usize::MAX]), &mut text);
                take_json(status, text);
            }
        }
    }
}

/// What changes how a factory lives.
fn live(source: &mut Source<'_>, factory: *mut split_factory) {
    let kind = source.below(5);
    let mut error = no_error();
    // SAFETY: the factory is NULL or alive.
    unsafe {
        match kind {
            0 | 1 => callbacks::add_handler(factory, source),
            2 | 3 => _ = split_resume(factory, &mut error),
            _ => {
                split_destroy(factory, source.wait());
                assert!(!split_is_ready(factory), "ready after its end");
            }
        }
    }
    read_error(&error);
}
