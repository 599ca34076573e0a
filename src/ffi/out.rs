//! Where a call writes an answer.
//!
//! Never through a reference: the place may be uninitialised, which a reference may not point to.

use std::ptr::NonNull;

/// A place of the caller's that is written once, at the end of a call that succeeded.
#[derive(Debug)]
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// The place a pointer names; none for NULL. What is there is not looked at: it may be uninitialised.
    ///
    /// # Safety
    /// As the module [`super`] says; the place is the caller's alone until the call ends.
    pub(super) unsafe fn at(pointer: *mut T) -> Option<Self> {
        NonNull::new(pointer).map(Out)
    }

    /// Writes the answer.
    pub(super) fn write(self, value: T) {
        // SAFETY: who made it promised a place to write to.
        unsafe { self.0.as_ptr().write_unaligned(value) }
    }
}
