//! Redis mode put together: connections, the storage on them, and the thread that pushes what calls do not.
//!
//! Named as Split names the mode: others synchronise, and this SDK consumes what they wrote.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::{FactoryError, living};
use crate::callbacks::{Instance, Outlets};
use crate::config::{Config, RedisConfig};
use crate::descriptors::Descriptors;
use crate::logging::Logger;
use crate::recorder::{Introduction, Recorder, RedisWork};
use crate::redis::{Keys, Redis, RedisError};
use crate::storage::RedisStore;
use crate::sync::io::Io;
use crate::telemetry::Telemetry;

/// The Redis of a life, before anything runs on it.
#[derive(Debug)]
pub(super) struct Connected {
    server: Arc<Redis>,
    keys: Keys,
    /// Whether somebody waits for Redis anyhow, while the factory is made.
    is_first: bool,
    pub(super) store: Arc<RedisStore>,
}

/// What a factory in Redis mode has running.
#[derive(Debug)]
pub(super) struct Consumer {
    server: Arc<Redis>,
    work: RedisWork,
}

impl Connected {
    /// Connects, for a factory that is made: a Redis that cannot be reached then is probably another than was meant.
    pub(super) fn at_once(
        config: &RedisConfig,
        fallbacks: bool,
        descriptors: &Arc<Descriptors>,
        log: &Logger,
    ) -> Result<Self, FactoryError> {
        let server = Redis::connect(config, Arc::clone(descriptors), log.clone()).map_err(unusable)?;
        Ok(Connected { is_first: true, ..Connected::on(server, config, fallbacks, log) })
    }

    /// Lets the first who asks connect, for a life that goes on in a forked process: it answers as one whose Redis was
    /// lost, and recovers as such, if there is none now.
    pub(super) fn when_asked(
        config: &RedisConfig,
        fallbacks: bool,
        descriptors: &Arc<Descriptors>,
        log: &Logger,
    ) -> Result<Self, FactoryError> {
        let server = Redis::unconnected(config, Arc::clone(descriptors), log.clone()).map_err(unusable)?;
        Ok(Connected::on(server, config, fallbacks, log))
    }

    fn on(server: Redis, config: &RedisConfig, fallbacks: bool, log: &Logger) -> Self {
        let (server, keys) = (Arc::new(server), Keys::of(config));
        let store = RedisStore::new(Arc::<Redis>::clone(&server), keys.clone(), config, fallbacks, log.clone());
        Connected { server, keys, is_first: false, store: Arc::new(store) }
    }

    /// The recorder that writes to it.
    pub(super) fn recorder(
        &self,
        config: &Config,
        instance: &Instance,
        (outlets, telemetry, log): (Arc<Outlets>, Arc<Telemetry>, Logger),
    ) -> io::Result<Recorder> {
        let server = Arc::<Redis>::clone(&self.server);
        Recorder::for_redis(config, outlets, server, &self.keys, instance, telemetry, log)
    }

    /// Starts the io thread, and tells Redis that this factory began: before this returns only if it is no life that a
    /// call resumes, which may take no longer than other calls.
    pub(super) fn start(self, recorder: &Recorder, descriptors: &Descriptors) -> io::Result<Consumer> {
        let (active_factories, redundant_factories) = living::counts();
        let introduction = Introduction { active_factories, redundant_factories, at_once: self.is_first };
        let work = recorder.start_redis(descriptors, introduction)?;
        Ok(Consumer { server: self.server, work })
    }
}

impl Consumer {
    /// Pushes what waits; false if not all of it arrived in time.
    pub(super) fn flush(&self, deadline: Option<Instant>) -> bool {
        self.work.flush(deadline)
    }

    pub(super) fn io(&self) -> &Io {
        &self.work.io
    }

    /// Lets nothing that is pushed from now on take longer than that.
    pub(super) fn end_by(&self, deadline: Option<Instant>) {
        self.work.end_by(deadline);
    }

    /// Ends all connections, and says what was not pushed until now: nothing is after that.
    pub(super) fn close(&self) {
        self.work.give_up();
        self.server.close();
    }
}

fn unusable(cause: RedisError) -> FactoryError {
    match cause {
        RedisError::Setup(cause) => FactoryError::Tls(Box::new(cause)),
        cause => FactoryError::Redis(Box::new(cause)),
    }
}
