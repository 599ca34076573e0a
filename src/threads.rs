//! Threads of the library. The host's signals are the host's: all are blocked in ours, so that its handlers run on its
//! own threads.

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};

/// Starts a named thread with all signals blocked.
pub(crate) fn spawn(name: &str, main: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    // A new thread inherits the mask of the one that starts it: blocked before the start there is no gap after it.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = Builder::new().name(name.to_owned()).spawn(main);
    before.thread_set_mask()?;
    started
}
