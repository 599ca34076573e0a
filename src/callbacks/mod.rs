//! User code, and the one thread per factory that calls it.
//!
//! An evaluation never runs user code: what listeners are to hear of is queued, and the delivery thread calls them one
//! at a time, in order, with no lock held. Languages that a foreign thread cannot call cheaply or safely read a queue
//! instead.

mod delivery;
mod poll_queue;

use std::fmt;
use std::sync::Arc;

use crate::logging::{Level, Sink};
use crate::rules::Interned;

pub(crate) use delivery::{Delivery, deadline};
pub(crate) use poll_queue::{PollQueue, Polled};

/// What an evaluation left behind, as listeners get it.
#[derive(Clone, Debug)]
pub struct Impression {
    /// The matching key.
    pub key: Box<str>,
    /// The bucketing key, if the caller gave one.
    pub bucketing_key: Option<Box<str>>,
    /// The flag's name.
    pub flag: Box<str>,
    /// What the caller was given.
    pub treatment: Interned,
    /// The label of the rule that decided; none with labelsEnabled off.
    pub label: Option<Interned>,
    /// The change number of the flag's definition; none when there was no definition.
    pub change_number: Option<i64>,
    /// When the flag was evaluated, in milliseconds since 1970.
    pub time: i64,
    /// When the same answer was last given; none when it was not, or is not known.
    pub previous_time: Option<i64>,
    /// The attributes of the call as a JSON object.
    pub attributes: Option<Arc<str>>,
    /// The properties of the call as a JSON object.
    pub properties: Option<Arc<str>>,
}

/// Who reports: the same for every impression of a factory.
#[derive(Clone, Debug, Default)]
pub struct Instance {
    /// Language and version of the SDK, such as `rust-1.0.0`.
    pub sdk_version: String,
    /// The machine's name; `NA` with IPAddressesEnabled off, `unknown` when it cannot be found out.
    pub machine_name: String,
    /// The machine's address, likewise.
    pub machine_ip: String,
}

/// Which events a handler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Split's `SDK_READY`: the factory has its first definitions. Once per factory.
    Ready,
    /// Split's `SDK_UPDATE`: definitions or segments changed after that.
    Update,
}

/// Something that happened to a factory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The factory has its first definitions.
    Ready,
    /// Definitions or segments changed.
    Update {
        /// True when flags changed, false when segments did.
        flags_changed: bool,
        /// The flags that changed; empty when segments did. Where handlers are far behind, some of very many are left out.
        names: Vec<String>,
    },
}

impl Event {
    /// Which handlers it is for.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Ready => EventKind::Ready,
            Event::Update { .. } => EventKind::Update,
        }
    }
}

/// Hears of every impression, on the delivery thread.
pub trait ImpressionListener: Send + Sync {
    /// Takes one impression. May take its time and evaluate flags; may not destroy the factory.
    fn impression(&self, impression: &Impression, instance: &Instance);
}

/// Called on the delivery thread when something happens to a factory.
pub type EventHandler = Arc<dyn Fn(&Event) + Send + Sync>;

/// What goes to the queue of `Factory::poll` instead of being called back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueKinds {
    /// What an impression listener would get.
    pub impressions: bool,
    /// What a logger would get.
    pub logs: bool,
    /// Ready and update events.
    pub events: bool,
}

/// The objects of a configuration: what text cannot hold.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Where the log goes, and up to which level. None: to `fallback_sink`, up to the option logLevel.
    pub logger: Option<(Option<Level>, Arc<dyn Sink>)>,
    /// Where the log goes when no logger is set; none: nowhere.
    pub fallback_sink: Option<Arc<dyn Sink>>,
    /// Hears of every impression.
    pub listener: Option<Arc<dyn ImpressionListener>>,
    /// What is queued for `Factory::poll`, and how many records at most (0: 10,000).
    pub queue: Option<(QueueKinds, usize)>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("logger", &self.logger.is_some())
            .field("listener", &self.listener.is_some())
            .field("queue", &self.queue)
            .finish()
    }
}

/// Where impressions and events of a factory go: the queue for the kinds it was enabled for, else the callbacks.
pub(crate) struct Outlets {
    pub(crate) delivery: Delivery,
    pub(crate) queue: Option<Arc<PollQueue>>,
}

impl Outlets {
    fn queue_for(&self, wanted: impl Fn(QueueKinds) -> bool) -> Option<&PollQueue> {
        self.queue.as_deref().filter(|queue| wanted(queue.kinds()))
    }

    /// Whether anybody wants impressions.
    pub(crate) fn wants_impressions(&self) -> bool {
        self.delivery.has_listener() || self.queue_for(|kinds| kinds.impressions).is_some()
    }

    /// Whether events go to the queue, and handlers hear of none.
    pub(crate) fn queues_events(&self) -> bool {
        self.queue_for(|kinds| kinds.events).is_some()
    }

    pub(crate) fn impression(&self, impression: Impression) {
        match self.queue_for(|kinds| kinds.impressions) {
            Some(queue) => queue.impression(impression),
            None => self.delivery.impression(impression),
        }
    }

    pub(crate) fn event(&self, event: Event) {
        match self.queue_for(|kinds| kinds.events) {
            Some(queue) => queue.event(event),
            None => self.delivery.event(event),
        }
    }
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets").field("queue", &self.queue).finish_non_exhaustive()
    }
}
