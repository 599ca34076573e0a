//! The io thread, `splitio-io`: one current-thread runtime per factory for everything that waits.
//!
//! Its work ends at any await once [`Stop`] says so, which is what makes destroy prompt even when a backend hangs.

use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use tokio::sync::watch;

use crate::callbacks::closed_or_received;
use crate::threads;

/// Tells work on the io thread that the factory ends.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Comes back when the factory ends.
    pub(crate) async fn requested(&mut self) {
        // An error is a sender that is gone, and with it the factory.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Waits; false when the factory ended meanwhile.
    pub(crate) async fn sleep(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.requested() => false,
        }
    }
}

/// A running io thread.
#[derive(Debug)]
pub(crate) struct Io {
    stop: watch::Sender<bool>,
    ended: Receiver<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Io {
    /// Starts the thread with `work`, which is given the means to hear of the end.
    pub(crate) fn start<W, F>(work: W) -> io::Result<Io>
    where
        W: FnOnce(Stop) -> F + Send + 'static,
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(false);
        let (alive, ended) = bounded(0);
        let thread = threads::spawn("splitio-io", move || {
            runtime.block_on(work(Stop(stopped)));
            runtime.shutdown_background();
            drop(alive);
        })?;
        Ok(Io { stop, ended, thread: Mutex::new(Some(thread)) })
    }

    /// Tells the work to end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the thread to end; false, leaving it to itself, when the deadline came first.
    pub(crate) fn join(&self, deadline: Option<Instant>) -> bool {
        if !closed_or_received(&self.ended, deadline) {
            return false;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The channel closes as the thread's last act, so this does not wait; a panic was logged where it happened.
        thread.is_none_or(|thread| thread.join().is_ok())
    }
}
