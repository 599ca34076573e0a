//! A recorder with flags to record, for tests. Times are the tests' own.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::tallies::truncated_to_hour;
use super::*;
use crate::callbacks::{Delivery, Instance, PollQueue, Polled, QueueKinds};
use crate::config::Settings;
use crate::logging::{Level, Recorded};
use crate::rules::{Put, Registry, intern_treatment, labels};
use crate::wire::changes::flag_from_json;
use crate::wire::compile::Compiler;

/// Minutes after this are the times of tests: ten o'clock of some day.
pub(super) const TEN: i64 = 1_764_064_800_000;
pub(super) const MINUTE: i64 = 60_000;

pub(super) struct World {
    pub(super) recorder: Arc<Recorder>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) config: Config,
    pub(super) lines: Recorded,
    heard: Option<Arc<PollQueue>>,
    flags: HashMap<String, Arc<Flag>>,
}

/// One evaluation.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) key: &'a str,
    pub(super) flag: &'a str,
    pub(super) label: Option<Interned>,
    pub(super) properties: Option<&'a str>,
    /// Minutes after ten o'clock.
    pub(super) minute: i64,
}

impl<'a> Seen<'a> {
    pub(super) fn new(flag: &'a str, key: &'a str, minute: i64) -> Self {
        Seen { key, flag, label: labels::DEFAULT_RULE.text, properties: None, minute }
    }

    fn call(self) -> CallContext<'a> {
        let key = Key { matching: self.key, bucketing: None };
        CallContext::new(key, key_hash(self.key), None, self.properties.map(Into::into))
    }

    fn time(self) -> i64 {
        TEN + self.minute * MINUTE
    }
}

impl World {
    /// A recorder with these options, whose impressions are heard.
    pub(super) fn new(options: &Json) -> Self {
        Self::make(options, true)
    }

    /// Likewise, but nobody hears impressions.
    pub(super) fn unheard(options: &Json) -> Self {
        Self::make(options, false)
    }

    fn make(options: &Json, heard: bool) -> Self {
        assert_eq!(truncated_to_hour(TEN), TEN);
        let mut settings = Settings::new();
        settings.merge_json(&options.to_string()).expect("valid options");
        let (config, _) = settings.resolve(false).expect("valid options");
        let (log, lines) = Logger::recording(Level::Info);
        let instance = Arc::new(Instance::default());
        let heard = heard.then(|| {
            let kinds = QueueKinds { impressions: true, ..QueueKinds::default() };
            Arc::new(PollQueue::new(kinds, 0, Arc::clone(&instance)).expect("descriptors"))
        });
        let delivery = Delivery::new(0, instance, log.clone(), 1000);
        let outlets = Arc::new(Outlets { delivery, queue: heard.clone() });
        let telemetry = Arc::new(Telemetry::new(true));
        let store = Arc::new(Store::new(None));
        let recorder = Arc::new(Recorder::new(&config, outlets, store, Arc::clone(&telemetry), log.clone()));
        let mut registry = Registry::default();
        let mut compiler = Compiler { registry: &mut registry, log: &log, fallbacks: false };
        let flags = ["checkout", "search", "quiet", "a", "b", "c", "d", "e"].map(|name| {
            let json = json!({"name": name, "status": "ACTIVE", "defaultTreatment": "off", "changeNumber": 5,
                              "impressionsDisabled": name == "quiet", "conditions": []});
            let Some(Put::Store(flag)) = flag_from_json(&json.to_string(), &mut compiler) else {
                panic!("{json} is no flag")
            };
            (name.to_owned(), flag)
        });
        World { recorder, telemetry, config, lines, heard, flags: flags.into() }
    }

    /// With another recorder.
    pub(super) fn with(self, recorder: Recorder) -> Self {
        World { recorder: Arc::new(recorder), ..self }
    }

    /// Records an evaluation that gave "on".
    pub(super) fn see(&self, seen: Seen<'_>) {
        self.recorder.impression_at(&seen.call(), &self.draft(seen), seen.time());
    }

    /// Records a call that evaluated several flags for the key of the first and gave "on" for each.
    pub(super) fn see_in_redis(&self, seen: &[Seen<'_>], spent: Spent) {
        let drafts: Vec<_> = seen.iter().map(|&seen| self.draft(seen)).collect();
        self.recorder.redis_call_at(&seen[0].call(), &drafts, spent, seen[0].time());
    }

    fn draft<'a>(&'a self, seen: Seen<'a>) -> Draft<'a> {
        let flag = self.flags.get(seen.flag).map(|flag| &**flag);
        Draft { name: seen.flag, flag, treatment: intern_treatment("on").expect("room"), label: seen.label }
    }

    pub(super) fn track(&self, key: &str) -> Result<(), Refusal> {
        self.track_until(key, None)
    }

    pub(super) fn track_until(&self, key: &str, until: Option<Instant>) -> Result<(), Refusal> {
        self.recorder.event(NewEvent {
            key: key.into(),
            traffic_type: "user".into(),
            event_type: "paid".into(),
            value: None,
            time: TEN,
            size: 1024,
            properties: None,
            until,
        })
    }

    /// Previous times that listeners were told, in minutes after ten o'clock.
    pub(super) fn heard(&self) -> Vec<Option<i64>> {
        let Some(queue) = &self.heard else { return Vec::new() };
        let Polled::Records(records) = queue.poll(Some(Instant::now()), 1000) else { return Vec::new() };
        let records: Vec<Json> = serde_json::from_str(&records).expect("an array");
        records.iter().map(|record| minutes(record.get("previous_time").unwrap_or(&Json::Null))).collect()
    }

    /// What the next report will say.
    pub(super) fn usage(&self) -> Json {
        let counted = self.recorder.counts.counted(TEN);
        let usage = self.telemetry.pop();
        let not_sent = counted - self.recorder.counted_and_sent.sum();
        serde_json::to_value(UsageBody::new(&usage, not_sent, Holdings::default(), 0)).expect("JSON")
    }
}

/// A time as minutes after ten o'clock.
pub(super) fn minutes(time: &Json) -> Option<i64> {
    time.as_i64().map(|time| (time - TEN) / MINUTE)
}
