//! What flags there are, as arrays of structs. They own all that they point to, and stay whole when definitions change.

use std::ffi::c_char;
use std::ptr;

use serde::{Serialize, Serializer};

use super::codes::*;
use super::guard::{guard, guard_logged};
use super::handle::Handle;
use super::out::Out;
use super::strings::{StringList, Strings};
use super::text::{self, given};
use super::types::{split_factory, split_flag_view, split_flag_view_list, split_json, split_name_list, split_status};
use super::{error, json};
use crate::factory::Factory;
use crate::lifecycle::Status;
use crate::manager::Manager;
use crate::refusal::Refusal;
use crate::rules::FlagView;

impl Handle for StringList {
    type C = split_name_list;
    const MARK: &'static [u8; 8] = b"splitnam";
}

/// What `split_flag_view_list` stands for.
#[derive(Debug, Default)]
pub(super) struct Views {
    pointers: Vec<*const split_flag_view>,
    /// What they point to.
    _views: Box<[View]>,
}

impl Handle for Views {
    type C = split_flag_view_list;
    const MARK: &'static [u8; 8] = b"splitvws";
}

/// A view and what it points to.
#[derive(Debug)]
struct View {
    view: split_flag_view,
    _texts: Strings,
    _lists: [StringList; 4],
}

impl Views {
    fn new(views: impl IntoIterator<Item = FlagView>) -> Self {
        let views: Box<[View]> = views.into_iter().map(|view| View::new(&view)).collect();
        Views { pointers: views.iter().map(|view| ptr::from_ref(&view.view)).collect(), _views: views }
    }
}

impl View {
    fn new(flag: &FlagView) -> Self {
        let mut texts = Strings::default();
        let name = texts.push(&flag.name);
        let traffic_type = flag.traffic_type.as_ref().map(|traffic_type| texts.push(traffic_type));
        let default_treatment = texts.push(&flag.default_treatment);
        let prerequisites = texts.push(&prerequisites_json(flag));
        let lists = [
            StringList::new(&flag.treatments),
            StringList::new(&flag.sets),
            StringList::new(flag.configs.iter().map(|(treatment, _)| treatment)),
            StringList::new(flag.configs.iter().map(|(_, config)| config)),
        ];
        let [treatments, sets, config_treatments, configs] = &lists;
        let view = split_flag_view {
            size: size_of::<split_flag_view>(),
            name: texts.at(name),
            traffic_type: texts.at_or_null(traffic_type),
            default_treatment: texts.at(default_treatment),
            change_number: flag.change_number,
            killed: flag.killed,
            impressions_disabled: flag.impressions_disabled,
            treatments: treatments.as_ptr(),
            treatments_len: treatments.len(),
            sets: sets.as_ptr(),
            sets_len: sets.len(),
            config_treatments: config_treatments.as_ptr(),
            configs: configs.as_ptr(),
            configs_len: configs.len(),
            prerequisites_json: texts.at(prerequisites),
        };
        View { view, _texts: texts, _lists: lists }
    }
}

/// A view as JSON.
#[derive(Serialize)]
struct ViewJson<'a> {
    name: &'a str,
    traffic_type: Option<&'a str>,
    default_treatment: &'a str,
    change_number: i64,
    killed: bool,
    impressions_disabled: bool,
    treatments: &'a [String],
    sets: &'a [String],
    #[serde(serialize_with = "as_object")]
    configs: &'a [(String, String)],
    prerequisites: Vec<PrerequisiteJson<'a>>,
}

#[derive(Serialize)]
struct PrerequisiteJson<'a> {
    n: &'a str,
    ts: &'a [String],
}

fn as_object<S: Serializer>(members: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

impl<'a> From<&'a FlagView> for ViewJson<'a> {
    fn from(flag: &'a FlagView) -> Self {
        ViewJson {
            name: &flag.name,
            traffic_type: flag.traffic_type.as_deref(),
            default_treatment: &flag.default_treatment,
            change_number: flag.change_number,
            killed: flag.killed,
            impressions_disabled: flag.impressions_disabled,
            treatments: &flag.treatments,
            sets: &flag.sets,
            configs: &flag.configs,
            prerequisites: prerequisites(flag),
        }
    }
}

fn prerequisites(flag: &FlagView) -> Vec<PrerequisiteJson<'_>> {
    let json = flag.prerequisites.iter().map(|other| PrerequisiteJson { n: &other.flag_name, ts: &other.treatments });
    json.collect()
}

fn prerequisites_json(flag: &FlagView) -> String {
    to_json(&prerequisites(flag))
}

/// Texts, numbers and lists of them: writing them into memory does not fail.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// Asks the manager of a factory; nothing is known where there is none.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn ask<T: Handle + Default>(factory: *const split_factory, ask: impl FnOnce(&Manager) -> T) -> *mut T::C {
    // SAFETY: the caller's promise.
    let factory = unsafe { Factory::from_ref(factory) };
    let known =
        factory.map(|factory| guard_logged(factory, T::default(), || ask(factory.manager()))).unwrap_or_default();
    known.into_raw()
}

/// The names of all flags. Never NULL; ended by `split_name_list_free`.
///
/// Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_manager_names(factory: *const split_factory) -> *mut split_name_list {
    // SAFETY: the module's promise.
    unsafe { ask(factory, |manager| StringList::new(manager.names())) }
}

/// All flags. Never NULL; ended by `split_flag_view_list_free`.
///
/// Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_manager_splits(factory: *const split_factory) -> *mut split_flag_view_list {
    // SAFETY: the module's promise.
    unsafe { ask(factory, |manager| Views::new(manager.splits())) }
}

/// One flag, as a list of one, or of none. Never NULL; ended by
/// `split_flag_view_list_free`.
///
/// Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_manager_split(
    factory: *const split_factory,
    name: *const c_char,
) -> *mut split_flag_view_list {
    // SAFETY: the module's promise.
    unsafe { ask(factory, |manager| Views::new(manager.split(given(text::nul(name))))) }
}

/// One flag as a JSON object with the fields of `split_flag_view` ("configs" an object,
/// "prerequisites" an array), or, with `name` NULL, all of them as an array.
/// `text` is ended by `split_json_release`; it is "null" for an unknown flag.
///
/// Threads: any, concurrently. Fork: works in a child. NULL: "null" for a NULL
/// `factory`, `SPLIT_E_INVALID_ARGUMENT` for a NULL `text`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_manager_json(
    factory: *const split_factory,
    name: *const c_char,
    text: *mut split_json,
) -> split_status {
    // SAFETY: the module's promise.
    unsafe {
        let Some(text) = Out::at(text) else {
            return error::set_last(SPLIT_E_INVALID_ARGUMENT, &"text is NULL");
        };
        let Some(factory) = Factory::from_ref(factory) else {
            text.write(json::give("null".to_owned()));
            return SPLIT_OK;
        };
        guard_logged(factory, SPLIT_E_PANIC, || {
            let manager = factory.manager();
            let found = if name.is_null() {
                to_json(&manager.splits().iter().map(ViewJson::from).collect::<Vec<_>>())
            } else {
                to_json(&manager.split(given(super::text::nul(name))).as_ref().map(ViewJson::from))
            };
            if factory.status() == Status::Destroyed {
                return error::set_last(SPLIT_E_DESTROYED, &Refusal::Destroyed);
            }
            text.write(json::give(found));
            SPLIT_OK
        })
    }
}

/// The strings of a list: an array of `*count`, valid until it is freed.
///
/// Threads: any, concurrently. NULL: NULL, and a count of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_name_list_data(
    strings: *const split_name_list,
    count: *mut usize,
) -> *const *const c_char {
    // SAFETY: the module's promise.
    unsafe {
        let list = StringList::from_ref(strings);
        if let Some(count) = Out::at(count) {
            count.write(list.map_or(0, StringList::len));
        }
        list.map_or(ptr::null(), StringList::as_ptr)
    }
}

/// Ends a list.
///
/// Threads: the last call on it. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_name_list_free(strings: *mut split_name_list) {
    guard((), || {
        // SAFETY: the module's promise.
        drop(unsafe { StringList::from_raw(strings) });
    });
}

/// The views of a list: an array of `*count` pointers, valid until it is freed.
///
/// Threads: any, concurrently. NULL: NULL, and a count of 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_flag_view_list_data(
    views: *const split_flag_view_list,
    count: *mut usize,
) -> *const *const split_flag_view {
    // SAFETY: the module's promise.
    unsafe {
        let list = Views::from_ref(views).map_or(&[][..], |views| &views.pointers);
        if let Some(count) = Out::at(count) {
            count.write(list.len());
        }
        if list.is_empty() { ptr::null() } else { list.as_ptr() }
    }
}

/// Ends a list.
///
/// Threads: the last call on it. Fork: any process. NULL: nothing happens.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn split_flag_view_list_free(views: *mut split_flag_view_list) {
    guard((), || {
        // SAFETY: the module's promise.
        drop(unsafe { Views::from_raw(views) });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::PrerequisiteView;
    use std::ffi::CStr;
    use std::slice;

    fn flag() -> FlagView {
        FlagView {
            name: "checkout".to_owned(),
            traffic_type: None,
            killed: true,
            treatments: vec!["on".to_owned(), "off".to_owned()],
            change_number: 7,
            configs: vec![("on".to_owned(), "{\"size\":1}".to_owned())],
            default_treatment: "off".to_owned(),
            sets: Vec::new(),
            impressions_disabled: false,
            prerequisites: vec![PrerequisiteView { flag_name: "cart".to_owned(), treatments: vec!["on".to_owned()] }],
        }
    }

    fn text<'a>(pointer: *const c_char) -> &'a str {
        // SAFETY: the tests read texts of living lists.
        unsafe { CStr::from_ptr(pointer) }.to_str().expect("UTF-8")
    }

    #[test]
    fn a_view_says_what_the_flag_is() {
        let list = Views::new([flag(), flag()]).into_raw();
        let mut count = 0;
        // SAFETY: the list is alive until it is freed.
        unsafe {
            let views = slice::from_raw_parts(split_flag_view_list_data(list, &mut count), 2);
            assert_eq!(count, 2);
            let view = &*views[1];
            assert_eq!(view.size, size_of::<split_flag_view>());
            assert_eq!([view.name, view.default_treatment].map(text), ["checkout", "off"]);
            assert!(view.traffic_type.is_null() && view.killed && !view.impressions_disabled);
            assert_eq!(view.change_number, 7);
            let treatments = slice::from_raw_parts(view.treatments, view.treatments_len);
            assert_eq!(treatments.iter().map(|treatment| text(*treatment)).collect::<Vec<_>>(), ["on", "off"]);
            assert!(view.sets.is_null() && view.sets_len == 0);
            assert_eq!(view.configs_len, 1);
            assert_eq!([*view.config_treatments, *view.configs].map(text), ["on", "{\"size\":1}"]);
            assert_eq!(text(view.prerequisites_json), r#"[{"n":"cart","ts":["on"]}]"#);
            split_flag_view_list_free(list);
        }
    }

    #[test]
    fn a_view_as_json_has_the_same_fields() {
        let expected = r#"{"name":"checkout","traffic_type":null,"default_treatment":"off","change_number":7,"#
            .to_owned()
            + r#""killed":true,"impressions_disabled":false,"treatments":["on","off"],"sets":[],"#
            + r#""configs":{"on":"{\"size\":1}"},"prerequisites":[{"n":"cart","ts":["on"]}]}"#;
        assert_eq!(to_json(&ViewJson::from(&flag())), expected);
    }

    #[test]
    fn without_a_factory_nothing_is_known() {
        let (mut count, none) = (7, ptr::null());
        let mut json = split_json { ptr: ptr::null(), len: 0, hold: ptr::null() };
        // SAFETY: NULL is allowed, and each list is freed once.
        unsafe {
            let names = split_manager_names(none);
            assert!(split_name_list_data(names, &mut count).is_null() && count == 0);
            split_name_list_free(names);
            for views in [split_manager_splits(none), split_manager_split(none, c"checkout".as_ptr())] {
                count = 7;
                assert!(split_flag_view_list_data(views, &mut count).is_null() && count == 0);
                split_flag_view_list_free(views);
            }
            assert_eq!(split_manager_json(none, ptr::null(), &mut json), SPLIT_OK);
            assert_eq!((text(json.ptr), json.len), ("null", 4));
            crate::ffi::split_json_release(&mut json);
            assert_eq!(split_manager_json(none, ptr::null(), ptr::null_mut()), SPLIT_E_INVALID_ARGUMENT);
            count = 7;
            assert!(split_name_list_data(ptr::null(), &mut count).is_null() && count == 0);
            assert!(split_flag_view_list_data(ptr::null(), ptr::null_mut()).is_null());
            split_name_list_free(ptr::null_mut());
            split_flag_view_list_free(ptr::null_mut());
        }
    }
}
