//! The io thread, `splitio-io`: one current-thread runtime per factory for everything that waits.
//!
//! Its work ends at any await once [`Stop`] says so, which is what makes destroy prompt even when a backend hangs.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::descriptors::Descriptors;
use crate::logging::Logger;
use crate::threads::{Awaited, End};

/// How long after its deadline work may take to notice that it has passed.
const GRACE: Duration = Duration::from_millis(100);

/// Tells work on the io thread that the factory ends, and by when.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Stage>);

#[derive(Clone, Copy, Debug)]
enum Stage {
    Running,
    /// What is left to do has until then; none: a hundred years, for nobody waits longer.
    Ending(Option<Instant>),
}

impl Stop {
    /// Comes back when the factory ends.
    pub(crate) async fn requested(&mut self) {
        // An error is a sender that is gone, and with it the factory.
        let _ = self.0.wait_for(|stage| matches!(stage, Stage::Ending(_))).await;
    }

    /// Until when the end may take, once it was requested.
    pub(crate) fn deadline(&self) -> Instant {
        match *self.0.borrow() {
            Stage::Ending(Some(deadline)) => deadline,
            Stage::Ending(None) => Instant::now() + Duration::from_secs(100 * 365 * 24 * 3600),
            Stage::Running => Instant::now(),
        }
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
    stop: watch::Sender<Stage>,
    runtime: Handle,
    /// Whether the work said that all of it was done.
    complete: Arc<AtomicBool>,
    thread: Awaited,
}

impl Io {
    /// Starts the thread, and notes its `descriptors`. Its `work` is given the means
    /// to hear of the end, and says whether it left nothing undone.
    pub(crate) fn start<W, F>(log: Logger, descriptors: &Descriptors, work: W) -> io::Result<Io>
    where
        W: FnOnce(Stop) -> F + Send + 'static,
        F: Future<Output = bool>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        {
            // Before the caller goes on, who may fork.
            let _context = runtime.enter();
            descriptors.note_runtime()?;
        }
        let (stop, stopped) = watch::channel(Stage::Running);
        let complete = Arc::new(AtomicBool::new(false));
        let handle = runtime.handle().clone();
        let done = Arc::clone(&complete);
        let thread = Awaited::spawn("splitio-io", move || {
            // Tasks have guards of their own, which restart them; this one keeps the host alive whatever comes.
            match catch_unwind(AssertUnwindSafe(|| runtime.block_on(work(Stop(stopped))))) {
                Ok(complete) => done.store(complete, Ordering::Release),
                Err(_) => log.error("io", format_args!("a defect ended the io thread: definitions stay as they are")),
            }
            // A name look-up that hangs is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Io { stop, runtime: handle, complete, thread })
    }

    /// Tells the work to end, by the deadline.
    pub(crate) fn stop(&self, deadline: Option<Instant>) {
        self.stop.send_replace(Stage::Ending(deadline));
    }

    /// Runs something on the thread and waits for what comes of it; none when the deadline came first, or the thread ended.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        deadline: Option<Instant>,
    ) -> Option<T> {
        let (answer, answered) = bounded(1);
        self.runtime.spawn(async move {
            // Refused if the caller no longer waits.
            let _ = answer.send(work.await);
        });
        match deadline {
            Some(deadline) => answered.recv_deadline(deadline).ok(),
            None => answered.recv().ok(),
        }
    }

    /// Waits for the thread to end; false when the deadline came first, which leaves it to itself, or when it left
    /// something undone.
    pub(crate) fn join(&self, deadline: Option<Instant>) -> bool {
        let end = self.thread.join(deadline.map(|deadline| deadline + GRACE));
        end == Some(End::Well) && self.complete.load(Ordering::Acquire)
    }
}
