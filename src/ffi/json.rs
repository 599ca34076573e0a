//! Text made for C programs.
//!
//! Its memory is ours and stays so: a program that would `free` it might have another allocator than the library.

use std::ffi::c_void;
use std::ptr;

use super::handle::Handle;
use super::types::split_json;

/// What `split_json.hold` stands for: the text and its NUL.
struct Held(Vec<u8>);

impl Handle for Held {
    type C = c_void;
    const MARK: &'static [u8; 8] = b"splitjsn";
}

/// Gives a text to the caller, who ends it by [`release`].
pub(super) fn give(text: String) -> split_json {
    let len = text.len();
    let mut held = Held(text.into_bytes());
    held.0.push(0);
    split_json { ptr: held.0.as_ptr().cast(), len, hold: held.into_raw() }
}

/// Lets go of a text and empties it.
///
/// # Safety
/// As the module [`super`] says.
pub(super) unsafe fn release(text: &mut split_json) {
    // SAFETY: the caller's promise: the text is what `give` made, or empty.
    drop(unsafe { Held::from_raw(text.hold.cast_mut()) });
    *text = split_json { ptr: ptr::null(), len: 0, hold: ptr::null() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn a_text_is_given_and_ended_and_may_be_ended_again() {
        let mut text = give("[1]".to_owned());
        // SAFETY: the text is alive until it is released.
        unsafe {
            assert_eq!(CStr::from_ptr(text.ptr), c"[1]");
            assert_eq!(text.len, 3);
            for _ in 0..2 {
                release(&mut text);
                assert!(text.ptr.is_null() && text.hold.is_null() && text.len == 0);
            }
        }
    }
}
