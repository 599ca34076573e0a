//! Noticing forks.
//!
//! A child's handler adds to a number ([`process`]); that is all that is safe to do there. What follows from it happens
//! at the child's first call.

use std::ffi::c_int;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use crate::process;

/// Notices the forks from now on. Called before the first factory is made.
pub(super) fn watch() -> io::Result<()> {
    static REFUSED: OnceLock<c_int> = OnceLock::new();
    // SAFETY: the handler is a function of this library, which is never unloaded, and does nothing but add.
    let refused = *REFUSED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(in_the_child)) });
    if refused == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(refused)) }
}

unsafe extern "C" fn in_the_child() {
    process::counter().fetch_add(1, Ordering::Relaxed);
}

/// Where the number of forks between the first process that used the library and
/// this one stands. Never NULL; read it, never write it.
///
/// For bindings that keep threads or descriptors of their own and want to notice a
/// fork for the price of a load.
///
/// Threads: any. Fork: any process. Memory: static.
#[unsafe(no_mangle)]
pub extern "C" fn split_fork_generation() -> *const u32 {
    // A refusal is told by `split_factory_new`: without a factory nobody needs to notice.
    let _ = watch();
    process::counter().as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_sees_another_number_and_the_parent_does_not() {
        // SAFETY: the number is static; the child calls nothing but what a child of threads may.
        unsafe {
            let generation = split_fork_generation();
            let before = generation.read_volatile();
            let child = libc::fork();
            if child == 0 {
                libc::_exit(generation.read_volatile().wrapping_sub(before) as i32);
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            assert!(libc::WIFEXITED(status));
            assert_eq!((libc::WEXITSTATUS(status), generation.read_volatile()), (1, before));
        }
    }
}
