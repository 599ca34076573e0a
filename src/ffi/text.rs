//! Text as C passes it. Nothing is copied: callers keep it as it is for the length of a call, and a call needs it no
//! longer.

use std::ffi::{CStr, c_char};
use std::{slice, str};

use super::codes::SPLIT_E_INVALID_ARGUMENT;
use super::types::split_status;
use crate::input::Given;

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadText {
    #[error("is NULL")]
    Null,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("has a NUL in it")]
    Nul,
    #[error("has an impossible length")]
    Length,
}

impl BadText {
    /// Notes that the argument called `name` is no text, as the failure of a call that has no room for words.
    pub(super) fn refuse(self, name: &str) -> split_status {
        super::error::set_last(SPLIT_E_INVALID_ARGUMENT, &format_args!("{name} {self}"))
    }
}

/// Text that ends in a NUL.
///
/// # Safety
/// As the module [`super`] says; the text does not change during `'a`.
#[inline(always)]
pub(super) unsafe fn nul<'a>(pointer: *const c_char) -> Result<&'a str, BadText> {
    if pointer.is_null() {
        return Err(BadText::Null);
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    plain(bytes).map_or_else(|| str::from_utf8(bytes).map_err(|_| BadText::NotUtf8), Ok)
}

/// Text of a length in bytes. It may not have a NUL in it: what takes it hands it on as text that ends in one.
///
/// # Safety
/// As the module [`super`] says; the text does not change during `'a`.
#[inline]
pub(super) unsafe fn sized<'a>(pointer: *const c_char, len: usize) -> Result<&'a str, BadText> {
    if pointer.is_null() {
        return Err(BadText::Null);
    }
    if len > isize::MAX as usize {
        return Err(BadText::Length);
    }
    // SAFETY: the caller's promise, and no object is larger than `isize::MAX`.
    let bytes = unsafe { slice::from_raw_parts(pointer.cast::<u8>(), len) };
    if let Some(text) = plain(bytes) {
        return Ok(text);
    }
    let text = str::from_utf8(bytes).map_err(|_| BadText::NotUtf8)?;
    if bytes.contains(&0) { Err(BadText::Nul) } else { Ok(text) }
}

/// Text that is ASCII without a NUL.
#[inline(always)]
fn plain(bytes: &[u8]) -> Option<&str> {
    // SAFETY: ASCII is UTF-8.
    is_plain(bytes).then(|| unsafe { str::from_utf8_unchecked(bytes) })
}

/// Whether all bytes are ASCII other than NUL. Keys and names are short and nearly always plain, which is seen here in
/// less time than the general checks take to start.
#[inline(always)]
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of a byte is set in `word` if it is not ASCII, and in the difference if it, or one that borrowed from
    // it, is NUL.
    let odd = |word: u64| (word | word.wrapping_sub(ONES)) & HIGH;
    let eight = |word: &[u8; 8]| odd(u64::from_ne_bytes(*word));
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // Keys have a length between these more often than not; a loop would take longer to begin than to run.
        match bytes.len() {
            8..=16 => eight(first) | eight(last) == 0,
            17..=24 => eight(first) | eight(bytes[8..].first_chunk().unwrap_or(last)) | eight(last) == 0,
            _ => bytes.as_chunks().0.iter().fold(eight(last), |all, word| all | eight(word)) == 0,
        }
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        odd(u64::from(u32::from_ne_bytes(*first)) << 32 | u64::from(u32::from_ne_bytes(*last))) == 0
    } else {
        bytes.iter().all(|byte| (1..0x80).contains(byte))
    }
}

/// Text for a call whose rules say what becomes of NULL and of bytes that are no text.
#[inline]
pub(super) fn given<'a>(text: Result<&'a str, BadText>) -> Given<'a> {
    match text {
        Ok(text) => Given::Text(text),
        Err(BadText::Null) => Given::Null,
        Err(BadText::NotUtf8 | BadText::Nul | BadText::Length) => Given::NotText,
    }
}

/// An array of `len` elements; empty for NULL.
///
/// # Safety
/// As the module [`super`] says; the array does not change during `'a`.
pub(super) unsafe fn array<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], BadText> {
    if pointer.is_null() {
        return Ok(&[]);
    }
    if len > isize::MAX as usize / size_of::<T>() || !pointer.is_aligned() {
        return Err(BadText::Length);
    }
    // SAFETY: the caller's promise, and no object is larger than `isize::MAX`.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[test]
    fn text_is_taken_as_it_is_or_refused() {
        let cases: [(&[u8], Result<&str, BadText>); 5] = [
            (b"\0", Ok("")),
            (b"user-1\0", Ok("user-1")),
            ("zoë 😀\0".as_bytes(), Ok("zoë 😀")),
            (b"\xff\0", Err(BadText::NotUtf8)),
            (b"\xed\xa0\x80\0", Err(BadText::NotUtf8)),
        ];
        for (bytes, expected) in cases {
            // SAFETY: literals that end in a NUL.
            unsafe {
                assert_eq!(nul(bytes.as_ptr().cast()), expected, "{bytes:?}");
                assert_eq!(sized(bytes.as_ptr().cast(), bytes.len() - 1), expected, "{bytes:?}");
                assert_eq!(
                    sized(bytes.as_ptr().cast(), bytes.len()),
                    Err(if expected.is_ok() { BadText::Nul } else { BadText::NotUtf8 }),
                    "{bytes:?}"
                );
            }
        }
    }

    #[test]
    fn plain_is_what_is_ascii_without_nul() {
        for len in 0..60 {
            assert!(is_plain(&vec![b'a'; len]) && is_plain(&vec![1; len]) && is_plain(&vec![0x7f; len]), "{len}");
            for (index, byte) in (0..len).flat_map(|index| [0, 0x80, 0xff].map(|byte| (index, byte))) {
                let mut bytes = vec![b'a'; len];
                bytes[index] = byte;
                assert!(!is_plain(&bytes), "{byte} at {index} of {len}");
            }
        }
    }

    #[test]
    fn null_and_impossible_lengths_are_seen_before_anything_is_read() {
        let text = c"text".as_ptr();
        // SAFETY: nothing is read.
        unsafe {
            assert_eq!(nul(ptr::null()), Err(BadText::Null));
            assert_eq!(sized(ptr::null(), 0), Err(BadText::Null));
            assert_eq!(sized(text, usize::MAX), Err(BadText::Length));
            assert_eq!(array::<u64>(ptr::null(), 9), Ok(&[][..]));
            assert_eq!(array::<u64>(ptr::NonNull::dangling().as_ptr(), usize::MAX / 8), Err(BadText::Length));
        }
    }
}
