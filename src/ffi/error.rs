//! Where a call writes why it failed: the caller's `split_error`, and the last error of its thread.
//!
//! Two places, because most calls have no room for words, and who makes a factory wants them at hand. Both are plain
//! data of a fixed size: a failure has no memory to free, and can be told while a thread ends.

use std::cell::Cell;
use std::ffi::c_char;
use std::fmt::{self, Display, Write as _};

use super::codes::SPLIT_OK;
use super::out::Out;
use super::types::{split_error, split_status};

/// Room for a message, its NUL included.
const ROOM: usize = 252;

thread_local! {
    /// Plain data, so that it can also be used while the thread ends.
    static LAST: Cell<split_error> = const { Cell::new(split_error { status: SPLIT_OK, message: [0; ROOM] }) };
}

/// Notes a failure as this thread's last, and says it in `slot`, which may be NULL. Returns the status.
///
/// # Safety
/// As the module [`super`] says.
pub(super) unsafe fn fail(slot: *mut split_error, status: split_status, message: &dyn Display) -> split_status {
    let error = compose(status, message);
    LAST.set(error);
    // SAFETY: the caller's promise.
    if let Some(slot) = unsafe { Out::at(slot) } {
        slot.write(error);
    }
    status
}

/// Notes a failure of a call that has no room for its words. Returns the status.
pub(super) fn set_last(status: split_status, message: &dyn Display) -> split_status {
    LAST.set(compose(status, message));
    status
}

/// Says in `slot`, which may be NULL, what [`guard`](super::guard::guard) has just noted as this thread's last failure.
///
/// # Safety
/// As the module [`super`] says.
pub(super) unsafe fn copy_last(slot: *mut split_error) {
    // SAFETY: the caller's promise.
    if let Some(slot) = unsafe { Out::at(slot) } {
        slot.write(last());
    }
}

/// Why the latest failing call of this thread failed.
pub(super) fn last() -> split_error {
    LAST.get()
}

fn compose(status: split_status, message: &dyn Display) -> split_error {
    let mut text = Cut { bytes: [0; ROOM], len: 0 };
    // Ends early with a text that is full.
    let _full = write!(text, "{message}");
    split_error { status, message: text.bytes.map(|byte| byte as c_char) }
}

/// Text of a fixed size that ends in a NUL, cut at a character.
struct Cut {
    bytes: [u8; ROOM],
    len: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = ROOM - 1 - self.len;
        let fits = (0..=room.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        // A NUL would hide the rest of the sentence.
        let bytes = text.as_bytes()[..fits].iter().map(|&byte| if byte == 0 { b' ' } else { byte });
        for (place, byte) in self.bytes[self.len..].iter_mut().zip(bytes) {
            *place = byte;
        }
        self.len += fits;
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ffi::codes::SPLIT_E_TIMEOUT;
    use std::ffi::CStr;
    use std::ptr;

    /// What a C program would read.
    pub(crate) fn message(error: &split_error) -> &str {
        // SAFETY: `compose` ends every message with a NUL.
        unsafe { CStr::from_ptr(error.message.as_ptr()) }.to_str().expect("UTF-8")
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        for character in ["a", "é", "€", "😀"] {
            for lead in 0..5 {
                let text = "x".repeat(lead) + &character.repeat(400);
                // SAFETY: a slot of ours.
                let mut slot = compose(0, &"");
                unsafe { fail(&mut slot, SPLIT_E_TIMEOUT, &text) };
                let cut = message(&slot);
                assert!(text.starts_with(cut), "{cut}");
                assert!(cut.len() < ROOM && cut.len() > ROOM - 1 - character.len(), "{} of {character}", cut.len());
                assert_eq!(message(&last()), cut);
            }
        }
    }

    #[test]
    fn the_slot_may_be_null_and_a_nul_hides_nothing() {
        // SAFETY: NULL is allowed.
        let status = unsafe { fail(ptr::null_mut(), SPLIT_E_TIMEOUT, &"a\0b") };
        assert_eq!((status, last().status, message(&last())), (SPLIT_E_TIMEOUT, SPLIT_E_TIMEOUT, "a b"));
    }

    #[test]
    fn each_thread_has_its_own() {
        set_last(SPLIT_E_TIMEOUT, &"here");
        let there = std::thread::spawn(|| last().status).join().expect("no panic");
        assert_eq!((there, last().status), (SPLIT_OK, SPLIT_E_TIMEOUT));
    }
}
