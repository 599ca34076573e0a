//! `split_options`: what a call may be given besides its key and flag.
//!
//! The struct grows with versions, and its `size` says how much of it the caller knows: beyond that nothing is read.
//! JSON in it is read into a set that the thread keeps, so that evaluations with attributes as text do not allocate.

use std::cell::RefCell;
use std::ffi::c_char;
use std::mem::{self, MaybeUninit};
use std::ptr;

use super::handle::Handle;
use super::text;
use super::types::{split_attributes, split_options};
use crate::client::{Attached, Who};
use crate::input::{Attributes, Given};

/// Sets kept per thread for the next JSON text: attributes, and properties.
const SPARES: usize = 2;
/// A set that held more JSON than this is given back to the system.
const LARGEST_SPARE: usize = 64 * 1024;

thread_local! {
    /// Sets whose memory is warm, so that JSON in every call does not allocate in every call.
    static SPARE: RefCell<Vec<Attributes>> = const { RefCell::new(Vec::new()) };
}

/// The options of one call, read and, where they are JSON, parsed.
pub(super) struct Extras<'a> {
    bucketing_key: Option<Given<'a>>,
    attributes: Source<'a>,
    properties: Source<'a>,
}

enum Source<'a> {
    Nothing,
    Caller(&'a Attributes),
    Json(Parsed),
    Unreadable(Given<'a>),
}

/// A set read from JSON, which goes back to the spare ones.
struct Parsed {
    set: Attributes,
    json_len: usize,
}

/// What a usual question has besides its key: perhaps a key for the bucket, perhaps attributes.
#[derive(Clone, Copy, Default)]
pub(super) struct Usual<'a> {
    pub(super) bucketing_key: Option<&'a str>,
    pub(super) attributes: Option<&'a Attributes>,
}

/// The options of a usual question: nothing in it is JSON, there are no properties, and the caller knows all fields. None
/// when it is not so simple. Reads each field once, where it is: copies cost more than the rest.
///
/// # Safety
/// As the module [`super`] says.
#[inline(always)]
pub(super) unsafe fn usual<'a>(options: *const split_options) -> Option<Usual<'a>> {
    if options.is_null() {
        return Some(Usual::default());
    }
    // SAFETY: the size comes first and says whether all other fields are there.
    unsafe {
        if (&raw const (*options).size).read_unaligned() != size_of::<split_options>() {
            return None;
        }
        let attributes = (&raw const (*options).attributes).read_unaligned();
        let properties = (&raw const (*options).properties).read_unaligned();
        if !properties.is_null() || !(&raw const (*options).properties_json).read_unaligned().is_null() {
            return None;
        }
        let attributes = if attributes.is_null() {
            if !(&raw const (*options).attributes_json).read_unaligned().is_null() {
                return None;
            }
            None
        } else {
            Some(Attributes::from_ref(attributes)?)
        };
        let bucketing_key = (&raw const (*options).bucketing_key).read_unaligned();
        let bucketing_key = if bucketing_key.is_null() {
            None
        } else {
            let len = (&raw const (*options).bucketing_key_len).read_unaligned();
            Some(either_form(bucketing_key, len).ok()?)
        };
        Some(Usual { bucketing_key, attributes })
    }
}

impl<'a> Extras<'a> {
    /// Reads the options of an evaluation; NULL is none.
    ///
    /// # Safety
    /// As the module [`super`] says; what the options point to does not change during `'a`.
    #[inline]
    pub(super) unsafe fn of_evaluation(options: *const split_options) -> Self {
        if options.is_null() {
            return Extras { bucketing_key: None, attributes: Source::Nothing, properties: Source::Nothing };
        }
        // SAFETY: the caller's promise.
        unsafe {
            let options = known_fields(options);
            let key = options.bucketing_key;
            Extras {
                bucketing_key: (!key.is_null()).then(|| text::given(either_form(key, options.bucketing_key_len))),
                attributes: source(options.attributes, options.attributes_json, options.attributes_json_len),
                properties: source(options.properties, options.properties_json, options.properties_json_len),
            }
        }
    }

    /// Reads the options of an event, of which only the properties count; NULL is none.
    ///
    /// # Safety
    /// As [`Extras::of_evaluation`].
    pub(super) unsafe fn of_event(options: *const split_options) -> Self {
        let mut extras = Extras { bucketing_key: None, attributes: Source::Nothing, properties: Source::Nothing };
        if !options.is_null() {
            // SAFETY: the caller's promise.
            unsafe {
                let options = known_fields(options);
                extras.properties = source(options.properties, options.properties_json, options.properties_json_len);
            }
        }
        extras
    }

    /// The question these options make with a key.
    #[inline]
    pub(super) fn who<'w>(&'w self, key: Given<'w>) -> Who<'w> {
        Who {
            key,
            bucketing_key: self.bucketing_key,
            attributes: self.attributes.attached(),
            properties: self.properties.attached(),
        }
    }

    /// The properties of the event.
    pub(super) fn properties(&self) -> Attached<'_> {
        self.properties.attached()
    }
}

impl Source<'_> {
    #[inline]
    fn attached(&self) -> Attached<'_> {
        match self {
            Source::Nothing => Attached::Nothing,
            Source::Caller(set) => Attached::Set(set),
            Source::Json(parsed) => Attached::Set(&parsed.set),
            Source::Unreadable(given) => Attached::Unreadable(*given),
        }
    }
}

/// The fields that the caller knows; the others as if left out. A size that ends inside a field ends before it.
///
/// # Safety
/// As the module [`super`] says; `options` is not NULL.
#[inline]
unsafe fn known_fields(options: *const split_options) -> split_options {
    let mut known = MaybeUninit::<split_options>::zeroed();
    // SAFETY: the size comes first and says how much there is; all fields are as large as a pointer, and may be zero.
    unsafe {
        let size = options.cast::<usize>().read_unaligned();
        let whole_fields = size.min(size_of::<split_options>()) / size_of::<usize>() * size_of::<usize>();
        ptr::copy_nonoverlapping(options.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), whole_fields);
        known.assume_init()
    }
}

/// Text with its length, or, when that is 0, text that ends in a NUL.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn either_form<'a>(pointer: *const c_char, len: usize) -> Result<&'a str, text::BadText> {
    // SAFETY: the caller's promise.
    unsafe { if len == 0 { text::nul(pointer) } else { text::sized(pointer, len) } }
}

/// A set of the caller's, or JSON.
///
/// # Safety
/// As the module [`super`] says.
unsafe fn source<'a>(set: *const split_attributes, json: *const c_char, json_len: usize) -> Source<'a> {
    if !set.is_null() {
        // SAFETY: the caller's promise.
        return unsafe { Attributes::from_ref(set) }.map_or(Source::Unreadable(Given::NotText), Source::Caller);
    }
    if json.is_null() {
        return Source::Nothing;
    }
    // SAFETY: the caller's promise.
    match unsafe { either_form(json, json_len) } {
        Ok(json) => Parsed::new(json).map_or(Source::Unreadable(Given::Text(json)), Source::Json),
        Err(_) => Source::Unreadable(Given::NotText),
    }
}

impl Parsed {
    fn new(json: &str) -> Option<Self> {
        // The set is taken out, not borrowed: a logger may call back into the library from within this call.
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop());
        let mut parsed = Parsed { set: spare.ok().flatten().unwrap_or_default(), json_len: json.len() };
        parsed.set.merge_json(json).is_ok().then_some(parsed)
    }
}

impl Drop for Parsed {
    fn drop(&mut self) {
        if self.json_len > LARGEST_SPARE {
            return;
        }
        let mut set = mem::take(&mut self.set);
        set.clear();
        // A thread that is ending keeps nothing.
        let _ending = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARES {
                spare.push(set);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: split_options = split_options {
        size: size_of::<split_options>(),
        bucketing_key: c"bucket".as_ptr(),
        attributes: ptr::null(),
        attributes_json: c"{\"plan\":\"pro\"}".as_ptr(),
        properties: ptr::null(),
        properties_json: c"{\"n\":1}".as_ptr(),
        bucketing_key_len: 0,
        attributes_json_len: 0,
        properties_json_len: 0,
    };

    fn shown(attached: Attached<'_>) -> String {
        match attached {
            Attached::Nothing => "nothing".to_owned(),
            Attached::Set(set) => set.to_json(),
            Attached::Unreadable(given) => format!("unreadable {given:?}"),
        }
    }

    fn read(options: &split_options) -> [String; 3] {
        // SAFETY: the options and what they point to are constants.
        let extras = unsafe { Extras::of_evaluation(options) };
        let who = extras.who(Given::Text("key"));
        let bucketing_key = match who.bucketing_key {
            None => "none".to_owned(),
            Some(Given::Text(text)) => text.to_owned(),
            Some(other) => format!("{other:?}"),
        };
        [bucketing_key, shown(who.attributes), shown(who.properties)]
    }

    #[test]
    fn only_the_fields_that_the_caller_knows_are_read() {
        let word = size_of::<usize>();
        let (bucket, plan, n) = ("bucket", r#"{"plan":"pro"}"#, r#"{"n":1}"#);
        let cases = [
            (0, ["none", "nothing", "nothing"]),
            (word - 1, ["none", "nothing", "nothing"]),
            (word, ["none", "nothing", "nothing"]),
            (2 * word - 1, ["none", "nothing", "nothing"]),
            (2 * word, [bucket, "nothing", "nothing"]),
            (4 * word, [bucket, plan, "nothing"]),
            (9 * word, [bucket, plan, n]),
            (usize::MAX, [bucket, plan, n]),
        ];
        for (size, expected) in cases {
            assert_eq!(read(&split_options { size, ..ALL }), expected, "{size}");
        }
    }

    #[test]
    fn lengths_cut_and_what_is_no_object_is_unreadable() {
        let cut = split_options { bucketing_key_len: 3, attributes_json_len: 5, properties_json_len: 7, ..ALL };
        assert_eq!(read(&cut), ["buc", r#"unreadable Text("{\"pla")"#, r#"{"n":1}"#]);
        let bad = split_options {
            bucketing_key: c"\xff".as_ptr(),
            attributes_json: c"[1]".as_ptr(),
            properties_json: c"\xff".as_ptr(),
            ..ALL
        };
        assert_eq!(read(&bad), ["NotText", r#"unreadable Text("[1]")"#, "unreadable NotText"]);
    }

    #[test]
    fn a_set_wins_over_json_and_a_foreign_pointer_is_unreadable() {
        let mut set = Attributes::new();
        set.set_bool("mine", true).expect("small");
        let set = set.into_raw();
        let foreign = [0_u64; 4];
        let options = split_options { attributes: set, properties: foreign.as_ptr().cast(), ..ALL };
        assert_eq!(read(&options), ["bucket", r#"{"mine":true}"#, "unreadable NotText"]);
        // SAFETY: made above.
        assert!(unsafe { Attributes::from_raw(set) }.is_some());
    }

    #[test]
    fn of_an_event_only_the_properties_are_read() {
        let options = split_options { attributes_json: c"no JSON".as_ptr(), ..ALL };
        // SAFETY: constants.
        let extras = unsafe { Extras::of_event(&options) };
        assert_eq!(shown(extras.properties()), r#"{"n":1}"#);
    }
}
