//! A step of an account: its members are those that `docs/explain.md` describes, which programs read.
//!
//! So what a member is called, and when it is absent, is decided by the types here and nowhere else; how they are filled in
//! is [`super::Account`]'s business.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::bucketing::Algorithm;
use super::super::evaluator::Request;
use super::super::expected::Expected;
use super::super::intern::Interned;
use super::super::matcher::{Dependency, Matcher};
use super::super::watcher::Reason;
use crate::input::push_json;

/// Values whose JSON is longer, in bytes, are measured and not shown.
const MAX_VALUE: usize = 1024;

/// Something the evaluator did, and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    #[serde(flatten)]
    pub(super) kind: Kind,
    /// Absent where the evaluation was given up before, and for flags and partitions, which have a treatment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum Kind {
    Flag {
        flag: String,
        change_number: i64,
        killed: bool,
        default_treatment: &'static str,
        /// None where the evaluation was given up.
        decided_by: Option<Reason>,
        /// Before fallback.
        treatment: Option<&'static str>,
        label: Option<&'static str>,
    },
    /// A prerequisite of the flag above.
    Prerequisite(Wanted),
    /// What the matcher above asks.
    Dependency(Wanted),
    TrafficAllocation {
        percentage: u8,
        #[serde(flatten)]
        bucket: Bucket,
    },
    Condition {
        #[serde(rename = "type")]
        kind: &'static str,
        label: Option<&'static str>,
        /// False where it was not understood: it matches nobody.
        usable: bool,
    },
    Partition {
        #[serde(flatten)]
        bucket: Bucket,
        /// The first and last bucket of the part that the key is in; none where all parts end before.
        from: Option<u8>,
        to: Option<u8>,
        treatment: &'static str,
    },
    Matcher {
        #[serde(rename = "type")]
        kind: &'static str,
        /// None: the matching key is asked about.
        attribute: Option<String>,
        #[serde(flatten)]
        value: Seen,
        expected: Option<Expected>,
        /// False where the definition lacks what the matcher needs: it matches nobody.
        usable: bool,
        /// Before negation.
        matches: Option<bool>,
        negate: bool,
    },
    Segment {
        segment: String,
        /// False: it is not known yet, and nobody is in it.
        loaded: bool,
    },
    RuleBasedSegment {
        segment: String,
        /// False: there is none of this name, and nobody is in it.
        known: bool,
    },
    ExcludedKeys {
        count: usize,
    },
    /// Of the members of the segment below.
    Exclusion,
}

/// Treatments wanted of another flag.
#[derive(Debug, Serialize)]
pub(super) struct Wanted {
    flag: String,
    treatments: Vec<&'static str>,
    /// After fallback; none where the evaluation was given up.
    pub(super) served: Option<&'static str>,
}

/// Where a key falls, and by what.
#[derive(Debug, Serialize)]
pub(super) struct Bucket {
    bucket: u8,
    seed: i32,
    algorithm: &'static str,
}

/// A value, unless it is too long to show.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_bytes: Option<usize>,
}

impl Bucket {
    pub(super) fn new(bucket: u8, seed: u32, algorithm: Algorithm) -> Self {
        let algorithm = match algorithm {
            Algorithm::Legacy => "legacy",
            Algorithm::Murmur3 => "murmur3",
        };
        // As definitions write it.
        Bucket { bucket, seed: seed as i32, algorithm }
    }
}

impl Seen {
    pub(super) fn by(matcher: &Matcher, request: &Request<'_>) -> Self {
        let mut json = String::new();
        if let Some(value) = request.value_for(matcher) {
            push_json(&mut json, value);
        }
        if json.len() > MAX_VALUE {
            return Seen { value: None, value_bytes: Some(json.len()) };
        }
        // No value is empty text, which is no JSON.
        Seen { value: RawValue::from_string(json).ok(), value_bytes: None }
    }
}

impl Wanted {
    pub(super) fn of(dependency: &Dependency) -> Self {
        Wanted {
            flag: dependency.flag.name.to_string(),
            treatments: dependency.treatments.iter().map(Interned::as_str).collect(),
            served: None,
        }
    }
}
