//! C strings side by side in one piece of memory, for structs that hand out several: one allocation for a list, not one
//! for each of its texts.

use std::ffi::c_char;
use std::ptr;

/// Texts, each with its NUL. A text with a NUL in it is what C makes of it: it ends there.
#[derive(Debug, Default)]
pub(super) struct Strings {
    bytes: Vec<u8>,
}

/// Which text of a [`Strings`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Strings {
    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) -> Place {
        let place = Place(self.bytes.len());
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        place
    }

    /// The text as C sees it; valid until another is added or all are dropped.
    pub(super) fn at(&self, place: Place) -> *const c_char {
        self.bytes[place.0..].as_ptr().cast()
    }

    /// The same; NULL for none.
    pub(super) fn at_or_null(&self, place: Option<Place>) -> *const c_char {
        place.map_or(ptr::null(), |place| self.at(place))
    }
}

/// A list of texts as an array of pointers.
#[derive(Debug, Default)]
pub(super) struct StringList {
    pointers: Vec<*const c_char>,
    /// What they point into: fixed once made.
    _strings: Strings,
}

impl StringList {
    /// The texts, in their order.
    pub(super) fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut strings = Strings::default();
        let places: Vec<Place> = texts.into_iter().map(|text| strings.push(text.as_ref())).collect();
        StringList { pointers: places.into_iter().map(|place| strings.at(place)).collect(), _strings: strings }
    }

    /// The array; NULL when it is empty.
    pub(super) fn as_ptr(&self) -> *const *const c_char {
        if self.pointers.is_empty() { ptr::null() } else { self.pointers.as_ptr() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.pointers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;
    use std::slice;

    #[test]
    fn texts_are_where_they_were_put() {
        let texts = ["", "on", "zoë"];
        let list = StringList::new(texts);
        // SAFETY: the list is alive.
        let pointers = unsafe { slice::from_raw_parts(list.as_ptr(), list.len()) };
        for (pointer, text) in pointers.iter().zip(texts) {
            // SAFETY: likewise, and each text ends in a NUL.
            assert_eq!(unsafe { CStr::from_ptr(*pointer) }.to_str(), Ok(text));
        }
        assert!(StringList::default().as_ptr().is_null());
    }
}
