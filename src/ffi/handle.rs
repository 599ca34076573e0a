//! What stands behind the opaque pointers of the C API.
//!
//! A C type and its Rust type are different types, so that a pointer can be used through [`Handle`] only, which looks
//! first. In front of each value stands a word that says what it is: a pointer to something else, or to something that
//! was freed and not yet used again, is answered like NULL. That is a courtesy for hosts with a bug, not a promise.

use std::sync::atomic::{AtomicU64, Ordering};

/// The memory of a handle.
#[repr(C)]
struct Marked<T> {
    mark: AtomicU64,
    value: T,
}

/// A Rust type that C programs hold by an opaque pointer.
pub(super) trait Handle: Sized {
    /// Its type in C.
    type C;
    /// Eight letters that tell it from other handles, and a reader of a memory dump what it is.
    const MARK: &'static [u8; 8];

    /// Gives the value to the caller, who ends it by the function named for it.
    fn into_raw(self) -> *mut Self::C {
        let marked = Marked { mark: AtomicU64::new(u64::from_ne_bytes(*Self::MARK)), value: self };
        Box::into_raw(Box::new(marked)).cast()
    }

    /// The value behind a pointer; none for NULL and what is no such handle.
    ///
    /// # Safety
    /// As the module [`super`] says; nothing changes or ends the value during `'a`.
    #[inline]
    unsafe fn from_ref<'a>(pointer: *const Self::C) -> Option<&'a Self> {
        let marked = pointer.cast::<Marked<Self>>();
        // SAFETY: the caller's promise; `is_live` reads one aligned word.
        unsafe { is_live(marked).then(|| &(*marked).value) }
    }

    /// The value behind a pointer, to change; none for NULL and what is no such handle.
    ///
    /// # Safety
    /// As the module [`super`] says; no other call uses the value during `'a`.
    unsafe fn from_mut<'a>(pointer: *mut Self::C) -> Option<&'a mut Self> {
        let marked = pointer.cast::<Marked<Self>>();
        // SAFETY: as `from_ref`, and nobody else has a reference.
        unsafe { is_live(marked).then(|| &mut (*marked).value) }
    }

    /// Takes the value back; none for NULL and what is no such handle, such as one that was ended before.
    ///
    /// # Safety
    /// As the module [`super`] says; this is the last call on the handle.
    unsafe fn from_raw(pointer: *mut Self::C) -> Option<Self> {
        let marked = pointer.cast::<Marked<Self>>();
        // SAFETY: as `from_ref`. The mark goes first, in one step, so that of two calls that race only one frees; it was
        // made by `into_raw`, so it is a box.
        unsafe {
            if !is_live(marked) {
                return None;
            }
            let mark = u64::from_ne_bytes(*Self::MARK);
            (*marked).mark.compare_exchange(mark, 0, Ordering::AcqRel, Ordering::Relaxed).ok()?;
            Some(Box::from_raw(marked).value)
        }
    }
}

/// Whether a pointer looks like one to a living handle of this type.
///
/// # Safety
/// If it is not NULL, and aligned as handles are, a word can be read there.
#[inline]
unsafe fn is_live<T: Handle>(marked: *const Marked<T>) -> bool {
    !marked.is_null()
        && marked.is_aligned()
        // SAFETY: the caller's promise.
        && unsafe { (*marked).mark.load(Ordering::Relaxed) } == u64::from_ne_bytes(*T::MARK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    #[derive(Debug, PartialEq)]
    struct Number(u32);
    struct number;
    impl Handle for Number {
        type C = number;
        const MARK: &'static [u8; 8] = b"a number";
    }
    struct Word;
    struct word;
    impl Handle for Word {
        type C = word;
        const MARK: &'static [u8; 8] = b"  a word";
    }

    #[test]
    fn a_handle_is_read_changed_and_ended() {
        let raw = Number(1).into_raw();
        // SAFETY: `raw` is alive until `from_raw`, and used by one call at a time.
        unsafe {
            assert_eq!(Number::from_ref(raw), Some(&Number(1)));
            Number::from_mut(raw).expect("alive").0 = 2;
            assert_eq!(Number::from_raw(raw), Some(Number(2)));
        }
    }

    #[test]
    fn what_is_no_such_handle_is_answered_like_null() {
        let other = Word.into_raw();
        let unmarked = [0_u64; 4];
        let misaligned = ptr::from_ref(&unmarked).cast::<u8>().wrapping_add(1);
        let pointers: [*mut number; 4] =
            [ptr::null_mut(), other.cast(), ptr::from_ref(&unmarked).cast_mut().cast(), misaligned.cast_mut().cast()];
        for pointer in pointers {
            // SAFETY: NULL, or at least a word of memory that is alive.
            unsafe {
                assert_eq!(Number::from_ref(pointer), None, "{pointer:p}");
                assert_eq!(Number::from_mut(pointer), None, "{pointer:p}");
                assert_eq!(Number::from_raw(pointer), None, "{pointer:p}");
            }
        }
        // SAFETY: made above, ended here.
        assert!(unsafe { Word::from_raw(other) }.is_some());
    }
}
