//! What evaluations and `track` left behind: bodies of posts, and elements of lists in Redis.
//!
//! Properties are an object in an event and text that holds one in an impression: so it is in Split's protocol.

use serde::Serialize;
use serde_json::value::RawValue;

/// The impressions of one flag; the body of `testImpressions/bulk` is an array of these.
#[derive(Debug, Serialize)]
pub(crate) struct FlagImpressions<'a> {
    #[serde(rename = "f")]
    pub(crate) flag: &'a str,
    #[serde(rename = "i")]
    pub(crate) impressions: Vec<Impression<'a>>,
}

/// One impression.
#[derive(Debug, Serialize)]
pub(crate) struct Impression<'a> {
    #[serde(rename = "k")]
    pub(crate) key: &'a str,
    #[serde(rename = "b")]
    pub(crate) bucketing_key: Option<&'a str>,
    #[serde(rename = "t")]
    pub(crate) treatment: &'a str,
    #[serde(rename = "r")]
    pub(crate) label: Option<&'a str>,
    #[serde(rename = "c")]
    pub(crate) change_number: Option<i64>,
    #[serde(rename = "m")]
    pub(crate) time: i64,
    #[serde(rename = "pt")]
    pub(crate) previous_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<&'a str>,
}

/// The body of `testImpressions/count`.
#[derive(Debug, Serialize)]
pub(crate) struct Counts<'a> {
    #[serde(rename = "pf")]
    pub(crate) per_flag: Vec<Count<'a>>,
}

/// How many impressions of a flag fell into an hour.
#[derive(Debug, Serialize)]
pub(crate) struct Count<'a> {
    #[serde(rename = "f")]
    pub(crate) flag: &'a str,
    /// Its beginning.
    #[serde(rename = "m")]
    pub(crate) hour: i64,
    #[serde(rename = "rc")]
    pub(crate) count: u64,
}

/// The body of `keys/ss`.
#[derive(Debug, Serialize)]
pub(crate) struct UniqueKeys<'a> {
    pub(crate) keys: Vec<FlagKeys<'a>>,
}

/// The keys that a flag was evaluated for.
#[derive(Debug, Serialize)]
pub(crate) struct FlagKeys<'a> {
    #[serde(rename = "f")]
    pub(crate) flag: &'a str,
    #[serde(rename = "ks")]
    pub(crate) keys: &'a [Box<str>],
}

/// One event; the body of `events/bulk` is an array of these.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    pub(crate) key: &'a str,
    pub(crate) traffic_type_name: &'a str,
    pub(crate) event_type_id: &'a str,
    pub(crate) value: Option<f64>,
    pub(crate) timestamp: i64,
    pub(crate) properties: Option<&'a RawValue>,
}

/// Who recorded an element of a list in Redis.
#[derive(Debug, Serialize)]
pub(crate) struct Metadata<'a> {
    #[serde(rename = "s")]
    pub(crate) sdk_version: &'a str,
    #[serde(rename = "n")]
    pub(crate) machine_name: &'a str,
    #[serde(rename = "i")]
    pub(crate) machine_ip: &'a str,
}

/// An element of the list of impressions.
#[derive(Debug, Serialize)]
pub(crate) struct ImpressionElement<'a> {
    /// [`Metadata`].
    #[serde(rename = "m")]
    pub(crate) metadata: &'a RawValue,
    #[serde(rename = "i")]
    pub(crate) impression: FullImpression<'a>,
}

/// One impression that is not grouped by its flag.
#[derive(Debug, Serialize)]
pub(crate) struct FullImpression<'a> {
    #[serde(rename = "k")]
    pub(crate) key: &'a str,
    #[serde(rename = "b")]
    pub(crate) bucketing_key: Option<&'a str>,
    #[serde(rename = "f")]
    pub(crate) flag: &'a str,
    #[serde(rename = "t")]
    pub(crate) treatment: &'a str,
    #[serde(rename = "r")]
    pub(crate) label: Option<&'a str>,
    #[serde(rename = "c")]
    pub(crate) change_number: Option<i64>,
    #[serde(rename = "m")]
    pub(crate) time: i64,
    #[serde(rename = "pt", skip_serializing_if = "Option::is_none")]
    pub(crate) previous_time: Option<i64>,
    /// Text: an object would make the Synchronizer drop the impression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<&'a str>,
}

/// An element of the list of events.
#[derive(Debug, Serialize)]
pub(crate) struct EventElement<'a> {
    /// [`Metadata`].
    #[serde(rename = "m")]
    pub(crate) metadata: &'a RawValue,
    #[serde(rename = "e")]
    pub(crate) event: Event<'a>,
}
