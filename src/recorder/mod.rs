//! What evaluations leave behind: impressions, to whoever wants them.
//!
//! In localhost mode nothing is sent: impressions are made only if a listener or the impression queue wants them, and
//! then every one goes there.

mod observer;

use std::cell::OnceCell;
use std::sync::Arc;

use crate::callbacks::{Impression, Outlets};
use crate::clock;
use crate::input::{Attributes, Key};
use crate::refusal::Refusal;
use crate::rules::{Interned, key_hash};

use observer::Observer;

/// One evaluation, as the recorder needs to know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) flag: &'a str,
    pub(crate) treatment: Interned,
    pub(crate) label: Option<Interned>,
    pub(crate) change_number: Option<i64>,
}

/// What all evaluations of one call have in common. Texts for listeners are made once, and only if they are wanted.
pub(crate) struct CallContext<'a> {
    key: Key<'a>,
    attributes: Option<&'a Attributes>,
    attributes_json: OnceCell<Arc<str>>,
    properties: Option<Arc<str>>,
}

impl<'a> CallContext<'a> {
    pub(crate) fn new(key: Key<'a>, attributes: Option<&'a Attributes>, properties: Option<Arc<str>>) -> Self {
        CallContext { key, attributes, attributes_json: OnceCell::new(), properties }
    }

    pub(crate) fn key(&self) -> Key<'a> {
        self.key
    }

    pub(crate) fn attributes(&self) -> Option<&'a Attributes> {
        self.attributes
    }

    fn attributes_json(&self) -> Option<Arc<str>> {
        let attributes = self.attributes?;
        Some(Arc::clone(self.attributes_json.get_or_init(|| attributes.to_json().into())))
    }
}

/// An event that passed validation.
#[derive(Clone, Debug)]
pub(crate) struct NewEvent {
    pub(crate) key: Box<str>,
    pub(crate) traffic_type: Box<str>,
    pub(crate) event_type: Box<str>,
    pub(crate) value: Option<f64>,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    /// What it weighs in the queue.
    pub(crate) size: usize,
    /// A JSON object.
    pub(crate) properties: Option<String>,
}

/// Takes impressions and events, on any thread.
#[derive(Debug)]
pub(crate) struct Recorder {
    outlets: Arc<Outlets>,
    observer: Observer,
    /// Nobody wants impressions: evaluations skip all of it.
    idle: bool,
}

impl Recorder {
    pub(crate) fn new(outlets: Arc<Outlets>) -> Self {
        let idle = !outlets.wants_impressions();
        Recorder { outlets, observer: Observer::default(), idle }
    }

    /// Whether evaluations need to tell the recorder anything.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.idle
    }

    /// Records one evaluation.
    pub(crate) fn impression(&self, call: &CallContext<'_>, draft: &Draft<'_>) {
        let time = clock::now_ms();
        // Properties make an impression unlike any other: it is not compared with earlier ones.
        let previous_time = match call.properties {
            None => self.observer.test_and_set(fingerprint(call.key, draft), time),
            Some(_) => None,
        };
        self.outlets.impression(Impression {
            key: call.key.matching.into(),
            bucketing_key: call.key.bucketing.map(Into::into),
            flag: draft.flag.into(),
            treatment: draft.treatment,
            label: draft.label,
            change_number: draft.change_number,
            time,
            previous_time,
            attributes: call.attributes_json(),
            properties: call.properties.clone(),
        });
    }

    /// Takes an event. In localhost mode it goes nowhere.
    pub(crate) fn event(&self, _event: NewEvent) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A hash of the five fields that make two impressions the same: matching key, flag, treatment, label, change number.
///
/// Treatments and labels are interned, so their addresses stand for them.
fn fingerprint(key: Key<'_>, draft: &Draft<'_>) -> u64 {
    let label = draft.label.map_or(0, |label| label.as_ptr().addr() as u64);
    [
        key_hash(draft.flag).value(),
        draft.treatment.as_ptr().addr() as u64,
        label,
        draft.change_number.unwrap_or(0).cast_unsigned(),
    ]
    .into_iter()
    .fold(key_hash(key.matching).value(), mix)
}

/// Folds one number into a hash: the high and low halves of a 128-bit product, as foldhash does.
fn mix(hash: u64, number: u64) -> u64 {
    let product = u128::from(hash ^ 0x243F_6A88_85A3_08D3) * u128::from(number ^ 0x1319_8A2E_0370_7345);
    (product >> 64) as u64 ^ product as u64
}
