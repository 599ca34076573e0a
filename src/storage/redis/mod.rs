//! Definitions in Redis, read when they are asked for, by the thread that asks.
//!
//! What a call needs is collected in as few rounds as its flags allow ([`gathering`]), compiled, and evaluated in memory;
//! compiled forms are kept ([`shelf`]), and for as long as they are fresh nothing is read for them. No lock is held while
//! Redis is waited for.

mod gathering;
mod listing;
mod outage;
mod questions;
mod shelf;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use crate::complaint::Complaint;
use crate::config::RedisConfig;
use crate::findings::Findings;
use crate::logging::{Level, Logger};
use crate::redis::{Keys, Server};
use crate::rules::{Definitions, Flag, Put, Registry, RuleBasedSegment, SegmentId};
use crate::wire::changes::{fingerprint, flag_from_json, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

use gathering::{Gathering, Missing};
use outage::{LOG, Outage, Subject};
use shelf::{Clock, Kept, KeptFlag};
pub(crate) use shelf::{Moment, Shelf};

/// How long a Redis that did not answer is not asked for what can do without an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The definitions of one factory, in Redis.
#[derive(Debug)]
pub(crate) struct RedisStore {
    server: Arc<dyn Server>,
    keys: Keys,
    is_cluster: bool,
    /// How long what was read is fresh; zero: it never is.
    ttl: Duration,
    /// Whether fallback treatments are configured.
    fallbacks: bool,
    clock: Clock,
    shelf: ArcSwap<Shelf>,
    /// Held by who changes the shelf.
    changing: Mutex<()>,
    registry: Mutex<Registry>,
    outage: Outage,
    /// About definitions.
    complaint: Complaint,
    /// For flags that need nothing else.
    nothing: Definitions,
}

/// What one call needs.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The flags and all they refer to, as far as they are there.
    pub(crate) definitions: Definitions,
    /// Flags that Redis did not give, or not all they depend on.
    pub(crate) unread: HashSet<Box<str>>,
}

impl RedisStore {
    pub(crate) fn new(server: Arc<dyn Server>, keys: Keys, config: &RedisConfig, fallbacks: bool, log: Logger) -> Self {
        RedisStore {
            server,
            keys,
            is_cluster: !config.cluster_nodes.is_empty(),
            ttl: if config.local_cache_enabled { config.local_cache_ttl } else { Duration::ZERO },
            outage: Outage::new(log.clone()),
            complaint: Complaint::new(log, LOG),
            fallbacks,
            clock: Clock::starting_now(),
            shelf: ArcSwap::default(),
            changing: Mutex::default(),
            registry: Mutex::default(),
            nothing: Definitions::empty(),
        }
    }

    /// What is kept, for [`Shelf::plain_flag`].
    #[inline]
    pub(crate) fn shelf(&self) -> Guard<Arc<Shelf>> {
        self.shelf.load()
    }

    /// A time as the shelf understands it.
    #[inline]
    pub(crate) fn moment(&self, time: Instant) -> Moment {
        self.clock.moment(time)
    }

    /// Definitions without any.
    #[inline]
    pub(crate) fn nothing(&self) -> &Definitions {
        &self.nothing
    }

    /// When a call that began then must have its answer.
    pub(crate) fn deadline(&self, began: Instant) -> Instant {
        began + 2 * self.server.timeout()
    }

    /// Reads what is needed to evaluate some flags for a key, by the [deadline](RedisStore::deadline) of the call.
    pub(crate) fn gather(&self, flags: &[&str], key: &str, began: Instant) -> Gathered {
        let until = self.deadline(began);
        let shelf = self.shelf.load();
        let mut gathering = Gathering::new(flags, &shelf, self.clock.moment(began));
        while let Some(missing) = gathering.take_missing() {
            self.read(missing, &mut gathering, until);
        }
        let unread = gathering.unread(flags);
        let memberships = self.memberships_of(&gathering, key, until);
        Gathered { definitions: gathering.into_definitions(key, &memberships), unread }
    }

    /// Names of the flags in some flag sets, sorted, and those of the sets that have none. Nothing if Redis does not say.
    pub(crate) fn flags_of_sets<'s>(
        &self,
        sets: &'s [String],
        began: Instant,
    ) -> Option<(BTreeSet<String>, Vec<&'s str>)> {
        let keys: Vec<String> = sets.iter().map(|set| self.keys.flag_set(set)).collect();
        let members = self.members(&keys, self.deadline(began))?;
        let is_empty = |(set, flags): (&'s String, &Vec<String>)| flags.is_empty().then_some(&**set);
        let empty = sets.iter().zip(&members).filter_map(is_empty).collect();
        Some((members.into_iter().flatten().collect(), empty))
    }

    /// Whether any flag has a traffic type; yes if Redis does not say.
    pub(crate) fn has_traffic_type(&self, name: &str, began: Instant) -> bool {
        let now = self.clock.moment(began);
        if let Some(is_there) = self.shelf.load().traffic_type(name, now) {
            return is_there;
        }
        if self.outage.silent_at().is_some_and(|noticed| now < noticed.after(PATIENCE)) {
            return true;
        }
        let key = self.keys.traffic_type(name);
        let Some(text) = self.text(Subject::TrafficTypes, &key, Some(self.deadline(began))) else { return true };
        let count = text.and_then(|text| text.trim().parse::<i64>().ok());
        let is_there = count.is_some_and(|count| count > 0);
        // Only whether there are any matters, not how many.
        let answer = Kept::new(name, Some(is_there.into()), is_there.then_some(()), now.after(self.ttl));
        self.keep(Vec::new(), Vec::new(), vec![answer]);
        is_there
    }

    /// Reads definitions, in one round.
    fn read(&self, missing: Missing, gathering: &mut Gathering<'_>, until: Instant) {
        let fresh_until = self.clock.moment(Instant::now()).after(self.ttl);
        let flag_keys = missing.flags.iter().map(|name| self.keys.flag(name)).collect();
        let rbs_keys = missing.rule_based_segments.iter().map(|name| self.keys.rule_based_segment(name)).collect();
        let asked = [(Subject::Flags, flag_keys), (Subject::RuleBasedSegments, rbs_keys)];
        let [flags, rbs] = self.texts(asked, Some(until)).map(Option::unwrap_or_default);

        let shelf = self.shelf.load();
        let flags: Vec<Kept<KeptFlag>> = missing
            .flags
            .iter()
            .zip(flags)
            .map(|(name, text)| {
                let text = text.as_deref();
                let known = shelf.flags.get(name);
                Kept::of_text(name, text, known, fresh_until, || self.compile_flag(name, text?).map(KeptFlag::new))
            })
            .collect();
        let rbs: Vec<Kept<Arc<RuleBasedSegment>>> = missing
            .rule_based_segments
            .iter()
            .zip(rbs)
            .map(|(name, text)| {
                let text = text.as_deref();
                let known = shelf.rule_based_segments.get(name);
                Kept::of_text(name, text, known, fresh_until, || self.compile_rule_based_segment(name, text?))
            })
            .collect();
        gathering.add(
            flags.iter().map(|kept| (kept.name.clone(), kept.object.as_ref().map(|kept| Arc::clone(&kept.flag)))),
            rbs.iter().map(|kept| (kept.name.clone(), kept.object.clone())),
        );
        self.keep(flags, rbs, Vec::new());
    }

    fn memberships_of(&self, gathering: &Gathering<'_>, key: &str, until: Instant) -> Vec<(SegmentId, bool)> {
        let segments = gathering.segments();
        if segments.len() == 0 {
            return Vec::new();
        }
        let (ids, keys): (Vec<_>, Vec<_>) = segments.map(|(id, name)| (id, self.keys.segment(name))).unzip();
        let has_key = self.memberships(&keys, key, until).into_iter().map(Option::unwrap_or_default);
        ids.into_iter().zip(has_key).collect()
    }

    /// Puts what was read on the shelf.
    fn keep(
        &self,
        mut flags: Vec<Kept<KeptFlag>>,
        mut rbs: Vec<Kept<Arc<RuleBasedSegment>>>,
        mut traffic_types: Vec<Kept<()>>,
    ) {
        let mut sort_out = |shelf: &Shelf| {
            flags.retain(|answer| !shelf.flags.renew(answer));
            rbs.retain(|answer| !shelf.rule_based_segments.renew(answer));
            traffic_types.retain(|answer| !shelf.traffic_types.renew(answer));
            flags.len() + rbs.len() + traffic_types.len() > 0
        };
        if !sort_out(&self.shelf.load()) {
            return;
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.shelf.load();
        if sort_out(&present) {
            self.shelf.store(Arc::new(present.with(flags, rbs, traffic_types)));
        }
    }

    /// The flag that a text is about, if it is the one of that name and active.
    fn compile_flag(&self, name: &str, text: &str) -> Option<Arc<Flag>> {
        let put = self.compile(text, flag_from_json)?;
        self.named(name, put, |flag| &flag.name)
    }

    fn compile_rule_based_segment(&self, name: &str, text: &str) -> Option<Arc<RuleBasedSegment>> {
        let put = self.compile(text, rule_based_segment_from_json)?;
        self.named(name, put, |segment| &segment.name)
    }

    fn compile<T>(&self, text: &str, read: fn(&str, &mut Compiler<'_>) -> Option<Put<T>>) -> Option<Put<T>> {
        let findings = Findings::default();
        let put = {
            let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
            let log = &findings.log();
            read(text, &mut Compiler { registry: &mut registry, log, fallbacks: self.fallbacks })
        };
        findings.tell(&self.complaint);
        put
    }

    fn named<T>(&self, name: &str, put: Put<T>, name_of: fn(&T) -> &str) -> Option<Arc<T>> {
        match put {
            Put::Store(object) if name_of(&object) == name => Some(object),
            Put::Store(object) => {
                let other = name_of(&object);
                let text = format!("{name:?} is skipped: its definition is that of {other:?}");
                self.complaint.say(Level::Error, text);
                None
            }
            Put::Remove(_) | Put::Keep(_) => None,
        }
    }
}

impl<T: Clone> Kept<T> {
    /// The entry of a text, which is compiled unless it is the one that is known.
    fn of_text(
        name: &str,
        text: Option<&str>,
        known: Option<&Kept<T>>,
        fresh_until: Moment,
        compile: impl FnOnce() -> Option<T>,
    ) -> Self {
        let text = text.map(fingerprint);
        match known.filter(|known| known.text == text) {
            Some(known) => Kept::new(name, text, known.object.clone(), fresh_until),
            None => Kept::new(name, text, compile(), fresh_until),
        }
    }
}
