//! The pool, and what is done when a connection fails.
//!
//! Nothing is sent twice that may have been done: only reads are, and commands of which it is certain that no server has
//! taken them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::locks::Mutex;
use ::redis::{Pipeline, Value};

use super::address::Address;
use super::attempts::Attempts;
use super::connection::{Connection, Dialer, Login};
use super::outages::Outages;
use super::pool::{Found, Lent, Place, Pool};
use super::topology::Topology;
use super::{Purpose, RedisError, Server};
use crate::config::RedisConfig;
use crate::descriptors::Descriptors;
use crate::logging::Logger;
use crate::process;

/// The Redis of a configuration. Belongs to the process that made it.
pub(crate) struct Redis {
    pub(super) topology: Topology,
    pub(super) dialer: Dialer,
    pub(super) login: Login,
    pub(super) pool: Pool,
    attempts: Attempts,
    /// When a master that turned out to be none was last searched for.
    pub(super) searched: Mutex<Option<Instant>>,
    outages: Outages,
    /// The last connection to where `ASK` leads.
    pub(super) importing: Mutex<Option<Connection>>,
    /// What no single server is to blame for is said of this.
    name: Arc<str>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    /// Whether a read is asked again when it was not answered in time.
    retry_on_timeout: bool,
    /// Of the process.
    generation: u32,
}

/// Answers, and who gave them.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) values: Vec<Value>,
    pub(super) address: Arc<Address>,
    pub(super) generation: u64,
}

impl Redis {
    /// Connects; an error when nobody answers. Its connections are noted in `descriptors`.
    pub(crate) fn connect(
        config: &RedisConfig,
        descriptors: Arc<Descriptors>,
        log: Logger,
    ) -> Result<Redis, RedisError> {
        let redis = Redis::unconnected(config, descriptors, log)?;
        redis.lease(Instant::now() + redis.connect_timeout)?.give_back();
        Ok(redis)
    }

    /// Leaves connecting to the first who asks; an error when the options of TLS cannot be used.
    pub(crate) fn unconnected(
        config: &RedisConfig,
        descriptors: Arc<Descriptors>,
        log: Logger,
    ) -> Result<Redis, RedisError> {
        let topology = Topology::of(config);
        Ok(Redis {
            name: topology.name(),
            topology,
            dialer: Dialer::new(config, descriptors)?,
            login: Login { username: config.username.clone(), password: config.password.clone(), db: config.db },
            pool: Pool::new(config.max_connections),
            attempts: Attempts::new(),
            searched: Mutex::new(None),
            outages: Outages::new(log),
            importing: Mutex::new(None),
            timeout: config.socket_timeout,
            connect_timeout: config.socket_connect_timeout,
            retry_on_timeout: config.retry_on_timeout,
            generation: process::generation(),
        })
    }

    /// Closes the connections: those in use when their commands are answered. Commands are answered no more.
    pub(crate) fn close(&self) {
        if self.generation != process::generation() {
            return;
        }
        self.pool.close();
        *self.importing.lock() = None;
    }

    /// A connection that is open as far as anybody can tell.
    fn lease(&self, until: Instant) -> Result<Lent<'_>, RedisError> {
        let patience = until.min(Instant::now() + self.timeout);
        loop {
            match self.pool.lend(patience) {
                // One that was closed while it was at rest is dropped, and the next looked at.
                Found::Idle(mut lent) => {
                    if lent.connection.is_usable() {
                        return Ok(lent);
                    }
                }
                Found::Room(place) => return self.connected(place, until),
                Found::TimedOut => return Err(RedisError::Busy { endpoint: self.name[..].into() }),
                Found::Closed => return Err(RedisError::Closed),
            }
        }
    }

    /// A new connection.
    fn connected<'p>(&'p self, place: Place<'p>, until: Instant) -> Result<Lent<'p>, RedisError> {
        let begun = Instant::now();
        let attempt = self.attempts.begin(begun)?;
        let deadline = begun + self.connect_timeout;
        match self.topology.open(&self.dialer, &self.login, deadline.min(until)) {
            Ok(connection) => {
                attempt.succeeded();
                Ok(place.with(connection))
            }
            Err(error) => {
                let now = Instant::now();
                // Who had less time than an attempt may take has found out nothing.
                if until >= deadline || now < until {
                    attempt.failed(&error, now);
                }
                Err(error)
            }
        }
    }

    /// Sends commands and waits for their answers, refusals and directions among them.
    pub(super) fn exchange(
        &self,
        commands: &Pipeline,
        purpose: Purpose,
        until: Instant,
    ) -> Result<Answered, RedisError> {
        let packed = commands.get_packed_pipeline();
        let mut may_repeat = true;
        loop {
            let mut lent = self.lease(until)?;
            let deadline = until.min(Instant::now() + self.timeout);
            let error = match lent.connection.exchange(&packed, commands.len(), deadline) {
                Ok(values) => {
                    let (address, generation) = (lent.address(), lent.generation());
                    lent.give_back();
                    return Ok(Answered { values, address, generation });
                }
                Err(error) => error,
            };
            let is_lost = matches!(error, RedisError::Broken { .. });
            let may_be_lost = match purpose {
                Purpose::Read if is_lost => true,
                Purpose::Read => self.retry_on_timeout && matches!(error, RedisError::Timeout { .. }),
                Purpose::Write => is_lost && !lent.connection.has_sent(),
            };
            let (generation, node) = (lent.generation(), lent.address());
            drop(lent);
            // Where one connection is dead, so are those at rest: each would cost another time-out. A new one proves
            // that somebody answers before it is used.
            self.pool.renew(generation);
            if let (Some(cluster), Address::Tcp(node)) = (self.topology.cluster(), &*node) {
                cluster.last(node);
            }
            if !may_repeat || !may_be_lost || Instant::now() >= until {
                return Err(error);
            }
            may_repeat = false;
        }
    }
}

impl Server for Redis {
    fn ask(&self, commands: &Pipeline, purpose: Purpose, until: Option<Instant>) -> Result<Vec<Value>, RedisError> {
        // Before any lock: a parent's thread may have held it when this process was made.
        if self.generation != process::generation() {
            return Err(RedisError::Closed);
        }
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let longest = Instant::now() + self.connect_timeout + self.timeout * 2;
        let until = until.map_or(longest, |until| until.min(longest));
        let answered = self.exchange(commands, purpose, until).and_then(|answered| {
            if answered.values.iter().any(|value| matches!(value, Value::ServerError(_))) {
                return self.follow(commands, answered, purpose, until);
            }
            Ok(answered.values)
        });
        match &answered {
            Ok(_) => self.outages.answered(),
            Err(error) => self.outages.failed(error, Instant::now()),
        }
        answered
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Without the password, and without locks.
impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("name", &self.name).finish_non_exhaustive()
    }
}
