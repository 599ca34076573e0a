//! The life of a factory: made, ready, destroyed.
//!
//! A factory is all there is: Split's factory, client and manager hang on it, and so do its threads. Whatever waits here
//! has a deadline, and whatever is ended here can be ended again.

mod identity;
mod living;
mod standalone;

use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::callbacks::{Delivery, Event, EventHandler, EventKind, Hooks, Outlets, PollQueue, Polled, deadline};
use crate::client::Client;
use crate::config::{Config, ConfigError, Mode, Settings};
use crate::input::{self, Given, SdkKey};
use crate::lifecycle::{Lifecycle, Status, Waited};
use crate::logging::{self, Level, Logger, Sink};
use crate::manager::Manager;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::rules::{Fallbacks, InternError};
use crate::storage::Store;
use crate::sync::Ground;
use crate::sync::io::Io;
use crate::sync::localhost::{LoadError, Localhost, StartError};
use crate::telemetry::Telemetry;

use living::Living;
use standalone::{Parts, Running};

/// Tells factories apart, for the delivery thread to know its own.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Why there is no factory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactoryError {
    /// The SDK key cannot be one.
    #[error("the SDK key {0}")]
    SdkKey(&'static str),
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The files of localhost mode do not load.
    #[error(transparent)]
    Localhost(#[from] LoadError),
    /// The system gives no thread, or no descriptor.
    #[error("cannot start the factory's threads: {0}")]
    Thread(#[source] io::Error),
    /// The fallback treatments do not fit beside the treatments that this process knows already.
    #[error("fallbackTreatments: {0}")]
    Treatments(#[from] InternError),
    /// No HTTP client can be made: certificates or headers that cannot be used, for instance.
    #[error("cannot make an HTTP client: {0}")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
    /// This build has no such mode.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl From<StartError> for FactoryError {
    fn from(failure: StartError) -> Self {
        match failure {
            StartError::Load(cause) => FactoryError::Localhost(cause),
            StartError::Thread(cause) => FactoryError::Thread(cause),
        }
    }
}

/// A running SDK.
#[derive(Debug)]
pub struct Factory {
    client: Client,
    manager: Manager,
    lifecycle: Arc<Lifecycle>,
    outlets: Arc<Outlets>,
    telemetry: Arc<Telemetry>,
    log: Logger,
    source: Source,
    living: Mutex<Option<Living>>,
}

/// Where definitions come from.
#[derive(Debug)]
enum Source {
    Backend(Running),
    /// With a thread if the files are loaded, or looked at again, in the background.
    Files(Option<Io>),
}

impl Source {
    fn io(&self) -> Option<&Io> {
        match self {
            Source::Backend(running) => Some(&running.io),
            Source::Files(io) => io.as_ref(),
        }
    }
}

impl Factory {
    /// Starts a factory and returns at once; definitions arrive later. `localhost` as the key reads flags from a file.
    ///
    /// # Errors
    /// When the key or the configuration cannot work, or a localhost file in YAML or text does not load.
    pub fn new(sdk_key: Given<'_>, settings: &Settings, hooks: &Hooks) -> Result<Factory, FactoryError> {
        let localhost = matches!(sdk_key, Given::Text("localhost"));
        let (config, notices) = settings.resolve(localhost)?;
        let instance = Arc::new(identity::instance(&config));
        let queue = match hooks.queue {
            Some((kinds, capacity)) => {
                Some(Arc::new(PollQueue::new(kinds, capacity, Arc::clone(&instance)).map_err(FactoryError::Thread)?))
            }
            None => None,
        };
        let log = logger(&config, hooks, queue.as_ref());
        if config.preforked_initialization {
            log.warning(
                "factory",
                format_args!("preforkedInitialization is not supported yet: this factory starts its threads at once"),
            );
        }
        for notice in notices {
            log.log(notice.level, "config", format_args!("{}", notice.text));
        }
        let key = match input::sdk_key(sdk_key, &log) {
            Some(SdkKey::Localhost) => "localhost".to_owned(),
            Some(SdkKey::Environment(_)) if config.mode != Mode::Standalone => {
                return Err(FactoryError::Unsupported("Redis is not in this build: remove the Redis options"));
            }
            Some(SdkKey::Environment(key)) => header_safe(key, &log)?,
            None => return Err(FactoryError::SdkKey("is null, blank or not text")),
        };
        let living = Living::enter(&key, &log);
        let delivery = Delivery::new(
            NEXT_ID.fetch_add(1, Ordering::Relaxed),
            Arc::clone(&instance),
            log.clone(),
            config.impressions_queue_size,
            hooks.listener.clone(),
        )
        .map_err(FactoryError::Thread)?;
        let outlets = Arc::new(Outlets { delivery, queue });
        let lifecycle = Arc::new(Lifecycle::new());
        let telemetry = Arc::new(Telemetry::new(config.mode != Mode::Localhost));
        let fallbacks = Fallbacks::compile(&config.fallback_treatments)?;
        let store = Arc::new(Store::new(config.flag_sets_filter.clone()));
        let recorder = Arc::new(Recorder::new(
            &config,
            Arc::clone(&outlets),
            Arc::clone(&store),
            Arc::clone(&telemetry),
            log.clone(),
        ));
        let compiles_fallbacks = !fallbacks.is_empty();
        let client = Client::new(
            Arc::clone(&lifecycle),
            Arc::clone(&store),
            Arc::clone(&recorder),
            Arc::clone(&telemetry),
            fallbacks,
            log.clone(),
            &config,
        );
        let manager = Manager {
            lifecycle: Arc::clone(&lifecycle),
            store: Arc::clone(&store),
            telemetry: Arc::clone(&telemetry),
            log: log.clone(),
        };
        let ground = Ground {
            store,
            lifecycle: Arc::clone(&lifecycle),
            outlets: Arc::clone(&outlets),
            log: log.clone(),
            fallbacks: compiles_fallbacks,
        };
        let source = match config.mode {
            Mode::Standalone => {
                let parts = Parts { ground, recorder, telemetry: Arc::clone(&telemetry) };
                Source::Backend(Running::start(config, &key, &instance, parts)?)
            }
            _ => Source::Files(Localhost::new(&config, ground).start()?),
        };
        Ok(Factory { client, manager, lifecycle, outlets, telemetry, log, source, living: Mutex::new(Some(living)) })
    }

    /// The evaluation calls and `track`.
    #[inline]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What flags there are.
    pub fn manager(&self) -> &Manager {
        &self.manager
    }

    /// Where the factory is in its life.
    pub fn status(&self) -> Status {
        self.lifecycle.status()
    }

    /// Whether it is [`Status::Ready`]. One atomic load.
    pub fn is_ready(&self) -> bool {
        self.lifecycle.is_ready()
    }

    /// The log of this factory.
    pub fn log(&self) -> &Logger {
        &self.log
    }

    /// Whether the calling thread is in a callback of this factory, or in a logger: it may not wait for the library, which
    /// may be waiting for it.
    pub fn in_callback(&self) -> bool {
        self.outlets.delivery.is_current_thread() || logging::is_writing()
    }

    /// Waits until the factory is ready; none: for as long as it takes.
    pub fn block_until_ready(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        if self.is_ready() {
            return Ok(());
        }
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

    /// Calls `handler` whenever `kind` happens, on the delivery thread; one of [`EventKind::Ready`] also when the factory
    /// is ready already. On failure the handler is given back.
    pub fn on(&self, kind: EventKind, handler: EventHandler) -> Result<(), (Refusal, EventHandler)> {
        if self.status() == Status::Destroyed {
            return Err((Refusal::Destroyed, handler));
        }
        self.outlets.delivery.handler(kind, handler).map_err(|(cause, handler)| match cause {
            Some(cause) => (Refusal::Thread(cause), handler),
            None => (Refusal::Destroyed, handler),
        })?;
        if kind == EventKind::Ready && self.is_ready() && !self.outlets.queues_events() {
            // It may have become ready before the thread that hears of it was started; hearing of it twice does no harm.
            self.outlets.delivery.event(Event::Ready);
        }
        Ok(())
    }

    /// Takes up to `max` queued records as a JSON array; waits up to `timeout` for the first (none: as long as it takes).
    pub fn poll(&self, timeout: Option<Duration>, max: usize) -> Result<String, Refusal> {
        let Some(queue) = &self.outlets.queue else {
            if self.status() == Status::Destroyed {
                return Err(Refusal::Destroyed);
            }
            return Err(Refusal::Invalid("nothing is queued: enable a queue in the configuration first"));
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

    /// A descriptor that is readable while records are queued, and once the factory is destroyed.
    pub fn poll_fd(&self) -> Option<i32> {
        self.outlets.queue.as_ref().map(|queue| queue.fd())
    }

    /// Waits until what is queued was sent and callbacks that were due before have been called; none: as long as it takes.
    pub fn flush(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        if self.status() == Status::Destroyed {
            return Err(Refusal::Destroyed);
        }
        self.refuse_reentrance()?;
        let deadline = deadline(timeout);
        let sent = match &self.source {
            Source::Backend(running) => running.flush(deadline),
            Source::Files(_) => true,
        };
        let delivered = self.outlets.delivery.wait_delivered(deadline);
        match (sent && delivered, self.status()) {
            (true, _) => Ok(()),
            (false, Status::Destroyed) => Err(Refusal::Destroyed),
            (false, _) => Err(Refusal::TimedOut),
        }
    }

    /// Gives the factory threads and connections of its own in a forked process. Where there was no fork, nothing is to
    /// be done.
    pub fn resume(&self) -> Result<(), Refusal> {
        match self.status() {
            Status::Destroyed => Err(Refusal::Destroyed),
            _ => Ok(()),
        }
    }

    /// Stops the factory: delivers what is queued, for up to `timeout`, then ends its threads and drops its callbacks.
    /// The factory stays usable: everything answers that it is destroyed.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`] when something was not delivered in time (the factory is destroyed all the same);
    /// [`Refusal::Reentrant`] from a callback.
    pub fn destroy(&self, timeout: Duration) -> Result<(), Refusal> {
        self.refuse_reentrance()?;
        let deadline = deadline(Some(timeout));
        if !self.lifecycle.destroy() {
            return if self.lifecycle.wait_ended(deadline) { Ok(()) } else { Err(Refusal::TimedOut) };
        }
        let all_done = self.end(deadline);
        if all_done { Ok(()) } else { Err(Refusal::TimedOut) }
    }

    fn end(&self, deadline: Option<Instant>) -> bool {
        self.outlets.delivery.close_events();
        let io = self.source.io();
        if let Some(io) = io {
            io.stop(deadline);
        }
        let delivered = self.outlets.delivery.finish(deadline);
        let stopped = io.is_none_or(|io| io.join(deadline));
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
        self.lifecycle.end();
        delivered && stopped
    }

    fn refuse_reentrance(&self) -> Result<(), Refusal> {
        if self.in_callback() { Err(Refusal::Reentrant) } else { Ok(()) }
    }
}

impl Drop for Factory {
    /// Destroys without waiting, if nobody has.
    fn drop(&mut self) {
        if self.lifecycle.destroy() {
            self.end(Some(Instant::now()));
        }
    }
}

/// The key as it is sent. Keys that come from files often end in a newline, which no header can hold.
fn header_safe(key: &str, log: &Logger) -> Result<String, FactoryError> {
    let trimmed = input::trim(key);
    if trimmed.len() != key.len() {
        log.warning("factory", format_args!("the SDK key has white space at its ends, which is left out"));
    }
    if trimmed.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return Err(FactoryError::SdkKey("has control characters, or others than ASCII"));
    }
    Ok(trimmed.to_owned())
}

/// The logger that configuration and hooks ask for.
fn logger(config: &Config, hooks: &Hooks, queue: Option<&Arc<PollQueue>>) -> Logger {
    let queue = queue.filter(|queue| queue.kinds().logs);
    if let Some(queue) = queue {
        return Logger::new(config.log_level, Box::new(Arc::clone(queue) as Arc<dyn Sink>));
    }
    let (level, sink): (Option<Level>, _) = match &hooks.logger {
        Some((level, sink)) => (*level, Some(sink)),
        None => (config.log_level, hooks.fallback_sink.as_ref()),
    };
    match sink {
        Some(sink) => Logger::new(level, Box::new(Arc::clone(sink))),
        None => Logger::silent(),
    }
}
