//! Threads of the library. The host's signals are the host's: all are blocked in ours, so that its handlers run on its
//! own threads.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use nix::sys::signal::{SigSet, SigmaskHow};

/// Starts a named thread with all signals blocked.
pub(crate) fn spawn(name: &str, main: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    // A new thread inherits the mask of the one that starts it: blocked before the start there is no gap after it.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = Builder::new().name(name.to_owned()).spawn(main);
    before.thread_set_mask()?;
    started
}

/// A thread whose end can be waited for until a deadline.
#[derive(Debug)]
pub(crate) struct Awaited {
    ended: Receiver<()>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// How a thread came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Well,
    Panicked,
}

impl Awaited {
    /// Starts it.
    pub(crate) fn spawn(name: &str, main: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (alive, ended) = bounded(0);
        let handle = spawn(name, move || {
            main();
            // All that `main` had is gone by now: it may be the last of the host's logger.
            drop(alive);
        })?;
        Ok(Awaited { ended, handle: Mutex::new(Some(handle)) })
    }

    /// Waits for its end; none when the deadline came first, which leaves it to itself.
    pub(crate) fn join(&self, deadline: Option<Instant>) -> Option<End> {
        if !closed_or_received(&self.ended, deadline) {
            return None;
        }
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The channel closes as the thread's last act, so this does not wait. Without it a leak detector may look while
        // the thread is being taken down.
        let is_well = handle.is_none_or(|handle| handle.join().is_ok());
        Some(if is_well { End::Well } else { End::Panicked })
    }
}

/// Waits for an answer, or for the end of who would give it; false when the deadline came first.
fn closed_or_received(answers: &Receiver<()>, deadline: Option<Instant>) -> bool {
    match deadline {
        Some(deadline) => answers.recv_deadline(deadline) != Err(RecvTimeoutError::Timeout),
        None => {
            let _ = answers.recv();
            true
        }
    }
}
