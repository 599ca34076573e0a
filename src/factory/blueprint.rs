//! What every life of a factory is made of: settings and callbacks, nothing with a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use super::consumer::Connected;
use super::life::{Life, Source};
use super::living::Living;
use super::standalone::{self, Parts, Running};
use super::{FactoryError, identity};
use crate::callbacks::{Delivery, Event, EventHandler, EventKind, Hooks, Instance, Outlets, PollQueue};
use crate::client::Client;
use crate::clock;
use crate::config::{Config, Mode, Secret};
use crate::descriptors::Descriptors;
use crate::lifecycle::{Lifecycle, Status};
use crate::logging::{Level, Logger, Sink};
use crate::manager::Manager;
use crate::recorder::Recorder;
use crate::rules::{Definitions, Fallbacks};
use crate::storage::{RedisStore, Store};
use crate::sync::Ground;
use crate::sync::localhost::Localhost;
use crate::sync::standalone::Beginning;
use crate::telemetry::Telemetry;

/// Tells lives apart, for a delivery thread to know its own.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The plan of a factory.
#[derive(Debug)]
pub(super) struct Blueprint {
    key: Secret,
    pub(super) config: Config,
    instance: Arc<Instance>,
    fallbacks: Fallbacks,
    callbacks: ArcSwap<Callbacks>,
    /// For localhost files that leave seeds out: the same in every life, or keys would move to other buckets in children.
    seed: i64,
}

/// The host's code. Let go of when the factory is destroyed.
#[derive(Clone, Default)]
struct Callbacks {
    hooks: Hooks,
    handlers: Vec<(EventKind, EventHandler)>,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks").field("hooks", &self.hooks).field("handlers", &self.handlers.len()).finish()
    }
}

/// Where a life begins.
pub(super) struct Start {
    /// What it goes on from; none: nothing is known.
    pub(super) definitions: Option<Arc<Definitions>>,
    /// Whether these are all there are, so that it is ready at once.
    pub(super) complete: bool,
}

impl Start {
    pub(super) const EMPTY: Start = Start { definitions: None, complete: false };

    /// From what a life has, which may be one of another process: nothing with a lock is looked at.
    pub(super) fn from(life: &Life) -> Self {
        Start { definitions: Some(Arc::clone(&life.store.load())), complete: life.is_complete() }
    }
}

/// Where its log lines go, and who may listen.
pub(super) struct Ears {
    pub(super) log: Logger,
    pub(super) queue: Option<Arc<PollQueue>>,
    pub(super) descriptors: Arc<Descriptors>,
}

impl Ears {
    /// Whether lines of the log are for whoever reads the queue.
    pub(super) fn queues_log(&self) -> bool {
        self.queue.as_ref().is_some_and(|queue| queue.kinds().logs)
    }
}

impl Blueprint {
    pub(super) fn new(
        key: String,
        config: Config,
        instance: Arc<Instance>,
        hooks: &Hooks,
    ) -> Result<Self, FactoryError> {
        let fallbacks = Fallbacks::compile(&config.fallback_treatments)?;
        let callbacks = ArcSwap::from_pointee(Callbacks { hooks: hooks.clone(), handlers: Vec::new() });
        Ok(Blueprint { key: Secret::new(key), config, instance, fallbacks, callbacks, seed: clock::now_ms() / 1000 })
    }

    /// Whether its first life only waits for a fork.
    pub(super) fn is_preforked(&self) -> bool {
        self.config.preforked_initialization && self.config.mode == Mode::Standalone
    }

    pub(super) fn instance(config: &Config) -> Arc<Instance> {
        Arc::new(identity::instance(config))
    }

    /// A log and a queue as the hooks want them.
    pub(super) fn ears(config: &Config, hooks: &Hooks, instance: &Arc<Instance>) -> Result<Ears, FactoryError> {
        let descriptors = Arc::new(Descriptors::default());
        let queue = match hooks.queue {
            Some((kinds, capacity)) => {
                let queue = PollQueue::new(kinds, capacity, Arc::clone(instance)).map_err(FactoryError::Thread)?;
                for fd in queue.descriptors() {
                    descriptors.note(fd);
                }
                Some(Arc::new(queue))
            }
            None => None,
        };
        let log = match queue.as_ref().filter(|queue| queue.kinds().logs) {
            Some(queue) => Logger::new(config.log_level, Box::new(Arc::clone(queue) as Arc<dyn Sink>)),
            None => plain_log(config, hooks),
        };
        Ok(Ears { log, queue, descriptors })
    }

    /// Remembers a handler for the lives to come.
    pub(super) fn remember(&self, kind: EventKind, handler: EventHandler) {
        self.callbacks.rcu(|callbacks| {
            let mut callbacks = Callbacks::clone(callbacks);
            callbacks.handlers.push((kind, Arc::clone(&handler)));
            callbacks
        });
    }

    /// Drops what belongs to the host.
    pub(super) fn let_go_of_callbacks(&self) {
        self.callbacks.store(Arc::default());
    }

    /// A life with threads.
    pub(super) fn running(&self, start: Start, ears: Option<Ears>) -> Result<Life, FactoryError> {
        let callbacks = self.callbacks.load_full();
        let is_first = ears.is_some();
        let Ears { log, queue, descriptors } = match ears {
            Some(ears) => ears,
            None => Blueprint::ears(&self.config, &callbacks.hooks, &self.instance)?,
        };
        let connected = match self.config.mode {
            Mode::Redis => {
                let connect = if is_first { Connected::at_once } else { Connected::when_asked };
                Some(connect(&self.config.redis, !self.fallbacks.is_empty(), &descriptors, &log)?)
            }
            _ => None,
        };
        // Who resumes has heard of the others in the parent.
        let living = Living::enter(self.key.expose(), if is_first { Some(&log) } else { None });
        let delivery = self.delivery(&log);
        self.introduce(&delivery, &callbacks)?;
        let telemetry = Arc::new(Telemetry::new(self.config.mode != Mode::Localhost));
        let status = Status::NotReady;
        let outlets = Arc::new(Outlets { delivery, queue });
        let store = self.store(&start);
        let parts = (Arc::clone(&outlets), Arc::clone(&telemetry), log.clone());
        let recorder = Arc::new(match &connected {
            None => {
                let (outlets, telemetry, log) = parts;
                Recorder::new(&self.config, outlets, Arc::clone(&store), telemetry, log)
            }
            Some(connected) => connected.recorder(&self.config, &self.instance, parts).map_err(FactoryError::Thread)?,
        });
        let redis = connected.as_ref().map(|connected| Arc::clone(&connected.store));
        let draft =
            Draft { status, store, redis, recorder: Arc::clone(&recorder), log, outlets, descriptors, telemetry };
        let mut life = self.assemble(draft);
        life.living = Mutex::new(Some(living));
        if let Some(connected) = connected {
            let consumer = connected.start(&recorder, &life.descriptors).map_err(FactoryError::Thread)?;
            life.source = Source::Redis(consumer);
            life.lifecycle.become_ready();
            life.outlets.event(Event::Ready);
            return Ok(life);
        }
        let inherited = start.complete;
        if inherited && life.lifecycle.become_ready() {
            life.outlets.event(Event::Ready);
        }
        let beginning = if inherited { Beginning::Inherited } else { Beginning::Fresh };
        let ground = Ground {
            store: Arc::clone(&life.store),
            lifecycle: Arc::clone(&life.lifecycle),
            outlets: Arc::clone(&life.outlets),
            log: life.log.clone(),
            fallbacks: !self.fallbacks.is_empty(),
            descriptors: Arc::clone(&life.descriptors),
        };
        life.source = match self.config.mode {
            Mode::Standalone => {
                let parts = Parts { ground, recorder, telemetry: Arc::clone(&life.telemetry) };
                Source::Backend(Running::start(&self.config, self.key.expose(), &self.instance, parts, beginning)?)
            }
            _ => Source::Files(Localhost::new(&self.config, ground, self.seed).start(inherited)?),
        };
        Ok(life)
    }

    /// The master's life under preforkedInitialization: fetches on this thread, and leaves nothing open or running.
    pub(super) fn preforked(&self, ears: Ears) -> Result<Life, FactoryError> {
        let log = ears.log.clone();
        let lifecycle = Arc::new(Lifecycle::new());
        let outlets = Arc::new(Outlets { delivery: self.delivery(&log), queue: None });
        let store = Arc::new(Store::new(self.config.flag_sets_filter.clone()));
        let ground = Ground {
            store: Arc::clone(&store),
            lifecycle,
            outlets,
            log,
            fallbacks: !self.fallbacks.is_empty(),
            descriptors: Arc::default(),
        };
        let complete = standalone::fetch_once(&self.config, self.key.expose(), &self.instance, ground)?;
        let definitions = Some(Arc::clone(&store.load()));
        Ok(self.waiting(Start { definitions, complete }, Status::WaitingFork, Some(ears)))
    }

    /// A life that evaluates and does nothing else. Takes no lock, so that it can be made in the middle of a fork's
    /// confusion.
    pub(super) fn waiting(&self, start: Start, status: Status, ears: Option<Ears>) -> Life {
        let callbacks = self.callbacks.load_full();
        let Ears { log, queue, descriptors } = ears.unwrap_or_else(|| {
            // A queue would be one that nobody reads.
            let queues_logs = callbacks.hooks.queue.is_some_and(|(kinds, _)| kinds.logs);
            let log = if queues_logs { Logger::silent() } else { plain_log(&self.config, &callbacks.hooks) };
            Ears { log, queue: None, descriptors: Arc::default() }
        });
        let delivery = self.delivery(&log);
        let outlets = Arc::new(Outlets { delivery, queue });
        let telemetry = Arc::new(Telemetry::new(false));
        let store = self.store(&start);
        let (recorder_outlets, recorder_telemetry) = (Arc::clone(&outlets), Arc::clone(&telemetry));
        let recorder =
            Recorder::deaf(&self.config, recorder_outlets, Arc::clone(&store), recorder_telemetry, log.clone());
        let recorder = Arc::new(recorder);
        let draft = Draft { status, store, redis: None, recorder, log, outlets, descriptors, telemetry };
        let mut life = self.assemble(draft);
        life.complete = start.complete;
        life
    }

    fn delivery(&self, log: &Logger) -> Delivery {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Delivery::new(id, Arc::clone(&self.instance), log.clone(), self.config.impressions_queue_size)
    }

    /// Starts the thread of the callbacks, if there are any.
    fn introduce(&self, delivery: &Delivery, callbacks: &Callbacks) -> Result<(), FactoryError> {
        if let Some(listener) = &callbacks.hooks.listener {
            delivery.listen(listener).map_err(FactoryError::Thread)?;
        }
        for (kind, handler) in &callbacks.handlers {
            // Without a cause it is closed, which a new one is not.
            delivery
                .handler(*kind, Arc::clone(handler))
                .or_else(|cause| cause.map_or(Ok(()), Err))
                .map_err(FactoryError::Thread)?;
        }
        Ok(())
    }

    /// Definitions in memory; with Redis they stay there, and it is empty.
    fn store(&self, start: &Start) -> Arc<Store> {
        let filter = self.config.flag_sets_filter.clone();
        Arc::new(match &start.definitions {
            Some(definitions) => Store::with(filter, Arc::clone(definitions)),
            None => Store::new(filter),
        })
    }

    /// A life without a source.
    fn assemble(&self, draft: Draft) -> Life {
        let Draft { status, store, redis, recorder, log, outlets, descriptors, telemetry } = draft;
        let lifecycle = Arc::new(Lifecycle::at(status));
        let client = Client::new(
            Arc::clone(&lifecycle),
            Arc::clone(&store),
            recorder,
            Arc::clone(&telemetry),
            self.fallbacks.clone(),
            log.clone(),
            &self.config,
        );
        let client = match &redis {
            Some(redis) => client.reading_from(Arc::clone(redis)),
            None => client,
        };
        let manager = Manager {
            lifecycle: Arc::clone(&lifecycle),
            store: Arc::clone(&store),
            redis,
            telemetry: Arc::clone(&telemetry),
            log: log.clone(),
        };
        Life {
            client,
            manager,
            lifecycle,
            store,
            outlets,
            telemetry,
            log,
            source: Source::Nowhere,
            descriptors,
            living: Mutex::default(),
            complete: false,
            turn: Mutex::default(),
        }
    }
}

/// What differs between lives.
struct Draft {
    status: Status,
    store: Arc<Store>,
    redis: Option<Arc<RedisStore>>,
    recorder: Arc<Recorder>,
    log: Logger,
    outlets: Arc<Outlets>,
    descriptors: Arc<Descriptors>,
    telemetry: Arc<Telemetry>,
}

/// The log of those who do not queue it.
pub(super) fn plain_log(config: &Config, hooks: &Hooks) -> Logger {
    let (level, sink): (Option<Level>, _) = match &hooks.logger {
        Some((level, sink)) => (*level, Some(sink)),
        None => (config.log_level, hooks.fallback_sink.as_ref()),
    };
    match sink {
        Some(sink) => Logger::new(level, Box::new(Arc::clone(sink))),
        None => Logger::silent(),
    }
}
