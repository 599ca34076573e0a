//! What a factory is in one process: everything with a thread, a connection or a lock.
//!
//! A forked child cannot use any of it, for the threads are not there and the locks may be held by them. It gets another
//! life, made of the same [`Blueprint`](super::blueprint::Blueprint), and forgets this one as it stands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::consumer::Consumer;
use super::living::Living;
use super::standalone::Running;
use crate::callbacks::{Event, EventHandler, EventKind, Outlets, Polled, deadline};
use crate::client::Client;
use crate::descriptors::Descriptors;
use crate::lifecycle::{Lifecycle, Status, Waited};
use crate::logging::{self, Logger};
use crate::manager::Manager;
use crate::refusal::Refusal;
use crate::storage::Store;
use crate::sync::io::Io;
use crate::telemetry::Telemetry;

/// One life of a factory.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) client: Client,
    pub(super) manager: Manager,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) store: Arc<Store>,
    pub(super) outlets: Arc<Outlets>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) log: Logger,
    pub(super) source: Source,
    pub(super) descriptors: Arc<Descriptors>,
    pub(super) living: Mutex<Option<Living>>,
    /// Whether the definitions of a life that waits are all there are, so that whoever goes on from it is ready.
    pub(super) complete: bool,
    /// Held by who ends the waiting.
    pub(super) turn: Mutex<()>,
}

/// Where definitions come from.
#[derive(Debug)]
pub(super) enum Source {
    Backend(Running),
    Redis(Consumer),
    /// With a thread if the files are loaded, or looked at again, in the background.
    Files(Option<Io>),
    /// The life waits for a fork, or for being resumed after one.
    Nowhere,
}

impl Source {
    fn io(&self) -> Option<&Io> {
        match self {
            Source::Backend(running) => Some(&running.io),
            Source::Redis(consumer) => Some(consumer.io()),
            Source::Files(io) => io.as_ref(),
            Source::Nowhere => None,
        }
    }
}

impl Life {
    pub(super) fn status(&self) -> Status {
        self.lifecycle.status()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.status() == Status::WaitingFork
    }

    /// Whether it has all definitions, as of its last contact.
    pub(super) fn is_complete(&self) -> bool {
        self.complete || self.lifecycle.is_ready()
    }

    /// The right to end the waiting.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn in_callback(&self) -> bool {
        self.outlets.delivery.is_current_thread() || logging::is_writing()
    }

    pub(super) fn block_until_ready(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        if self.lifecycle.is_ready() {
            return Ok(());
        }
        self.refuse_waiting()?;
        self.refuse_reentrance()?;
        match self.lifecycle.wait_ready(deadline(timeout)) {
            Waited::Ready => Ok(()),
            Waited::Destroyed => Err(Refusal::Destroyed),
            Waited::Refused => Err(Refusal::Unauthorized),
            Waited::TimedOut => {
                self.telemetry.ready_timeout();
                Err(Refusal::TimedOut)
            }
        }
    }

    /// Lets the delivery thread call `handler`. The life is not one that waits.
    pub(super) fn on(&self, kind: EventKind, handler: EventHandler) -> Result<(), Refusal> {
        if self.status() == Status::Destroyed {
            return Err(Refusal::Destroyed);
        }
        self.outlets.delivery.handler(kind, handler).map_err(|cause| match cause {
            Some(cause) => Refusal::Thread(cause),
            None => Refusal::Destroyed,
        })?;
        if kind == EventKind::Ready {
            self.announce_ready();
        }
        Ok(())
    }

    /// Tells the delivery thread, if there is one, that the factory is ready, if it is. Who makes it ready tells that too,
    /// but perhaps before that thread was started, or not yet. Hearing of it twice does no harm.
    fn announce_ready(&self) {
        if self.lifecycle.is_ready() && !self.outlets.queues_events() {
            self.outlets.delivery.event(Event::Ready);
        }
    }

    pub(super) fn poll(&self, timeout: Option<Duration>, max: usize) -> Result<String, Refusal> {
        let Some(queue) = &self.outlets.queue else {
            return Err(match self.status() {
                Status::Destroyed => Refusal::Destroyed,
                Status::WaitingFork => Refusal::Forked,
                _ => Refusal::Invalid("nothing is queued: enable a queue in the configuration first"),
            });
        };
        if max == 0 {
            return Err(Refusal::Invalid("max is 0: at least one record is taken"));
        }
        if logging::is_writing() {
            return Err(Refusal::Reentrant);
        }
        match queue.poll(deadline(timeout), max) {
            Polled::Records(json) => Ok(json),
            Polled::Nothing => Err(Refusal::TimedOut),
            Polled::Closed => Err(Refusal::Destroyed),
        }
    }

    pub(super) fn flush(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        if self.status() == Status::Destroyed {
            return Err(Refusal::Destroyed);
        }
        self.refuse_waiting()?;
        self.refuse_reentrance()?;
        let deadline = deadline(timeout);
        let sent = match &self.source {
            Source::Backend(running) => running.flush(deadline),
            Source::Redis(consumer) => consumer.flush(deadline),
            Source::Files(_) | Source::Nowhere => true,
        };
        self.announce_ready();
        let delivered = self.outlets.delivery.wait_delivered(deadline);
        match (sent && delivered, self.status()) {
            (true, _) => Ok(()),
            (false, Status::Destroyed) => Err(Refusal::Destroyed),
            (false, _) => Err(Refusal::TimedOut),
        }
    }

    /// Ends it, unless somebody does or did; `let_go` drops what the factory keeps of callbacks.
    pub(super) fn destroy(&self, timeout: Duration, let_go: impl FnOnce()) -> Result<(), Refusal> {
        self.refuse_reentrance()?;
        let deadline = deadline(Some(timeout));
        if !self.lifecycle.destroy() {
            return if self.lifecycle.wait_ended(deadline) { Ok(()) } else { Err(Refusal::TimedOut) };
        }
        if self.end(deadline, let_go) { Ok(()) } else { Err(Refusal::TimedOut) }
    }

    /// Ends a life that its lifecycle calls destroyed. False if not all was done in time.
    pub(super) fn end(&self, deadline: Option<Instant>, let_go: impl FnOnce()) -> bool {
        self.outlets.delivery.close_events();
        let io = self.source.io();
        if let Some(io) = io {
            io.stop(deadline);
        }
        let delivered = self.outlets.delivery.finish(deadline);
        let stopped = io.is_none_or(|io| io.join(deadline));
        if let Source::Redis(consumer) = &self.source {
            consumer.close();
        }
        if let Some(queue) = &self.outlets.queue {
            let dropped = queue.dropped();
            if dropped > 0 {
                self.log.warning(
                    "callbacks",
                    format_args!("the queue was full: {dropped} of its oldest records were dropped"),
                );
            }
            queue.close();
        }
        drop(self.living.lock().unwrap_or_else(PoisonError::into_inner).take());
        let_go();
        self.lifecycle.end();
        delivered && stopped
    }

    fn refuse_reentrance(&self) -> Result<(), Refusal> {
        if self.in_callback() { Err(Refusal::Reentrant) } else { Ok(()) }
    }

    fn refuse_waiting(&self) -> Result<(), Refusal> {
        if self.is_waiting() { Err(Refusal::Forked) } else { Ok(()) }
    }
}
