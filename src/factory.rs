//! The life of a factory: made, ready, destroyed; and made again in a forked child.
//!
//! A factory is all there is: Split's factory, client and manager hang on it, and so do its threads. Whatever waits here
//! has a deadline, and whatever is ended here can be ended again.
//!
//! What a factory has in one process is a [`life`]; its lives stand in a [`lineage`], and every call is answered by the
//! last of them, if that is this process's. If it is not, there was a fork, and [`heir`] finds out what to do.

mod blueprint;
mod consumer;
mod heir;
mod identity;
mod life;
mod lineage;
mod living;
mod standalone;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::callbacks::{EventHandler, EventKind, Hooks, Instance};
use crate::client::Client;
use crate::config::{Config, ConfigError, Notice, Settings};
use crate::input::{self, Given, SdkKey};
use crate::lifecycle::Status;
use crate::logging::{Level, Logger};
use crate::manager::Manager;
use crate::refusal::Refusal;
use crate::rules::InternError;
use crate::sync::localhost::{LoadError, StartError};

use blueprint::{Blueprint, Ears, Start};
use life::Life;
use lineage::{Link, Standing};

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
    /// Redis does not answer, or not as it should. The text names where it was expected.
    #[error("{0}")]
    Redis(#[source] Box<dyn Error + Send + Sync>),
    /// TLS to Redis cannot be set up: certificates that cannot be used, for instance.
    #[error("cannot set up TLS for Redis: {0}")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
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
    blueprint: Blueprint,
    first: Link,
}

impl Factory {
    /// Starts a factory and returns at once; definitions arrive later. `localhost` as the key reads flags from a file.
    ///
    /// With preforkedInitialization it fetches on this thread, with few retries, and starts nothing.
    ///
    /// # Errors
    /// When the key or the configuration cannot work, or a localhost file in YAML or text does not load.
    pub fn new(sdk_key: Given<'_>, settings: &Settings, hooks: &Hooks) -> Result<Factory, FactoryError> {
        let localhost = matches!(sdk_key, Given::Text("localhost"));
        let (config, mut notices) = settings.resolve(localhost)?;
        let instance = Blueprint::instance(&config);
        let ears = Blueprint::ears(&config, hooks, &instance)?;
        tell(&notices, &ears.log);
        // The queue of a factory that is never made is never read, and a misspelt option may be why there is none.
        let unread = ears.queues_log().then(|| blueprint::plain_log(&config, hooks));
        let made = Factory::made(sdk_key, config, instance, ears, hooks);
        if let (Err(_), Some(log)) = (&made, unread) {
            notices.retain(|notice| notice.level <= Level::Warning);
            tell(&notices, &log);
        }
        made
    }

    fn made(
        sdk_key: Given<'_>,
        config: Config,
        instance: Arc<Instance>,
        ears: Ears,
        hooks: &Hooks,
    ) -> Result<Factory, FactoryError> {
        let key = usable_key(sdk_key, &ears.log)?;
        let blueprint = Blueprint::new(key, config, instance, hooks)?;
        let life = if blueprint.is_preforked() {
            blueprint.preforked(ears)?
        } else {
            blueprint.running(Start::EMPTY, Some(ears))?
        };
        Ok(Factory { blueprint, first: Link::new(life, Standing::Settled) })
    }

    /// The evaluation calls and `track`.
    #[inline]
    pub fn client(&self) -> &Client {
        &self.life().client
    }

    /// What flags there are.
    pub fn manager(&self) -> &Manager {
        &self.life().manager
    }

    /// Where the factory is in its life. In a forked child that has not resumed: [`Status::WaitingFork`].
    pub fn status(&self) -> Status {
        let last = self.first.last();
        match last.life.status() {
            Status::Destroyed => Status::Destroyed,
            _ if !last.is_here() => Status::WaitingFork,
            status => status,
        }
    }

    /// Whether it is [`Status::Ready`].
    pub fn is_ready(&self) -> bool {
        self.life().lifecycle.is_ready()
    }

    /// The log of this factory; none in a forked child that has not resumed.
    pub fn log(&self) -> Option<&Logger> {
        let last = self.first.last();
        last.is_here().then_some(&last.life.log)
    }

    /// Whether the calling thread is in a callback of this factory, or in a logger: it may not wait for the library, which
    /// may be waiting for it.
    pub fn in_callback(&self) -> bool {
        let last = self.first.last();
        last.is_here() && last.life.in_callback()
    }

    /// Waits until the factory is ready; none: for as long as it takes.
    pub fn block_until_ready(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        self.life().block_until_ready(timeout)
    }

    /// Calls `handler` whenever `kind` happens, on the delivery thread; one of [`EventKind::Ready`] also when the factory
    /// is ready already. A factory that waits for a fork notes it.
    pub fn on(&self, kind: EventKind, handler: EventHandler) -> Result<(), Refusal> {
        loop {
            let life = self.life();
            if !life.is_waiting() {
                life.on(kind, EventHandler::clone(&handler))?;
                self.blueprint.remember(kind, handler);
                if life.status() == Status::Destroyed {
                    // It was while this was remembered.
                    self.blueprint.let_go_of_callbacks();
                }
                return Ok(());
            }
            let _turn = life.turn();
            // Whoever resumes reads what is remembered with the turn in hand.
            if life.is_waiting() && std::ptr::eq(life, &*self.first.last().life) {
                self.blueprint.remember(kind, handler);
                return Ok(());
            }
        }
    }

    /// Takes up to `max` queued records as a JSON array; waits up to `timeout` for the first (none: as long as it takes).
    pub fn poll(&self, timeout: Option<Duration>, max: usize) -> Result<String, Refusal> {
        self.life().poll(timeout, max)
    }

    /// A descriptor that is readable while records are queued, and once the factory is destroyed. None in a forked child
    /// that has not resumed, which makes another one.
    pub fn poll_fd(&self) -> Option<i32> {
        let last = self.first.last();
        last.is_here().then(|| last.life.outlets.queue.as_ref().map(|queue| queue.fd())).flatten()
    }

    /// Waits until what is queued was sent and callbacks that were due before have been called; none: as long as it takes.
    pub fn flush(&self, timeout: Option<Duration>) -> Result<(), Refusal> {
        self.life().flush(timeout)
    }

    /// Gives the factory threads and connections of its own in a forked process, and starts one that was made with
    /// preforkedInitialization. Where neither is the case, nothing is to be done.
    ///
    /// # Errors
    /// [`Refusal::Destroyed`], or [`Refusal::Resume`] when the system does not give what that takes.
    pub fn resume(&self) -> Result<(), Refusal> {
        self.become_whole()
    }

    /// Stops the factory: delivers what is queued, for up to `timeout`, then ends its threads and drops its callbacks.
    /// The factory stays usable: everything answers that it is destroyed. In a forked child that has not resumed nothing
    /// is delivered.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`] when something was not delivered in time (the factory is destroyed all the same);
    /// [`Refusal::Reentrant`] from a callback.
    pub fn destroy(&self, timeout: Duration) -> Result<(), Refusal> {
        loop {
            let life = self.present_life();
            if !life.is_waiting() {
                return life.destroy(timeout, || self.blueprint.let_go_of_callbacks());
            }
            let _turn = life.turn();
            // Otherwise somebody has resumed meanwhile.
            if std::ptr::eq(life, &*self.first.last().life) {
                return life.destroy(timeout, || self.blueprint.let_go_of_callbacks());
            }
        }
    }

    #[inline]
    fn life(&self) -> &Life {
        let last = self.first.last();
        if last.answers_here() { &last.life } else { self.life_after_fork() }
    }
}

impl Drop for Factory {
    /// Destroys without waiting, if nobody has.
    fn drop(&mut self) {
        for link in self.first.iter().filter(|link| link.is_here()) {
            if link.life.lifecycle.destroy() {
                link.life.end(Some(Instant::now()), || self.blueprint.let_go_of_callbacks());
            }
        }
        let last = self.first.last();
        if !last.is_here() {
            last.life.descriptors.close_inherited();
        }
    }
}

/// Says what is odd about a configuration.
fn tell(notices: &[Notice], log: &Logger) {
    for notice in notices {
        log.log(notice.level, "config", format_args!("{}", notice.text));
    }
}

fn usable_key(given: Given<'_>, log: &Logger) -> Result<String, FactoryError> {
    match input::sdk_key(given, log) {
        Some(SdkKey::Localhost) => Ok("localhost".to_owned()),
        Some(SdkKey::Environment(key)) => header_safe(key, log),
        None => Err(FactoryError::SdkKey("is null, blank or not text")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callbacks::QueueKinds;
    use crate::logging::Recorded;

    #[test]
    fn what_is_odd_about_the_options_is_told_where_no_factory_comes_of_them() {
        let mut settings = Settings::new();
        let options =
            r#"{"strictConfig": false, "splitFile": "/nonexistent.yaml", "featureRefreshRate": 9, "mine": 1}"#;
        settings.merge_json(options).expect("options");
        for logs in [false, true] {
            let lines = Recorded::default();
            let hooks = Hooks {
                fallback_sink: Some(Arc::new(lines.clone())),
                queue: Some((QueueKinds { impressions: true, logs, events: true }, 0)),
                ..Hooks::default()
            };
            let made = Factory::new(Given::Text("localhost"), &settings, &hooks);
            assert!(matches!(made, Err(FactoryError::Localhost(_))), "{made:?}");
            let said = lines.lines();
            assert_eq!(said.len(), 1, "logs: {logs}: {said:?}");
            assert!(said[0].1.contains("did you mean featuresRefreshRate?"), "{said:?}");
        }
    }
}
