//! The account of a decision: the steps that led to it, as the evaluator took them.
//!
//! The account is a tree, which programs walk and people read: each step holds the steps that it took to make it. Its size
//! is bounded, because definitions may refer to each other in circles; and how deep it nests, because readers of JSON give
//! up early (Ruby's at a hundred levels). What is beyond is left out, and the account says so.

use std::cell::RefCell;
use std::{io, ptr};

use serde::Serialize;
use serde_json::value::RawValue;

use super::bucketing::{Algorithm, bucket};
use super::evaluator::Request;
use super::expected::Expected;
use super::flag::{Choice, Condition, Flag};
use super::intern::Interned;
use super::labels::Label;
use super::matcher::{Dependency, Matcher, SegmentRef, Test};
use super::observer::{Observer, Reason};
use crate::input::push_json;

/// How deep steps nest. Each is an object within an array.
const MAX_DEPTH: usize = 40;
/// How many steps one account has at most.
const MAX_STEPS: usize = 10_000;
/// Bytes of JSON that its steps have, but for what they came to: names and patterns may be of any length.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Values whose JSON is longer, in bytes, are measured and not shown.
const MAX_VALUE: usize = 1024;

/// Something the evaluator did, and what came of it.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    #[serde(flatten)]
    kind: Kind,
    /// Absent where the evaluation was given up before, and for flags and partitions, which have a treatment.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Kind {
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
struct Wanted {
    flag: String,
    treatments: Vec<&'static str>,
    /// After fallback; none where the evaluation was given up.
    served: Option<&'static str>,
}

/// Where a key falls, and by what.
#[derive(Debug, Serialize)]
struct Bucket {
    bucket: u8,
    seed: i32,
    algorithm: &'static str,
}

/// A value, unless it is too long to show.
#[derive(Debug, Serialize)]
struct Seen {
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_bytes: Option<usize>,
}

impl Bucket {
    fn new(bucket: u8, seed: u32, algorithm: Algorithm) -> Self {
        let algorithm = match algorithm {
            Algorithm::Legacy => "legacy",
            Algorithm::Murmur3 => "murmur3",
        };
        // As definitions write it.
        Bucket { bucket, seed: seed as i32, algorithm }
    }
}

impl Seen {
    fn by(matcher: &Matcher, request: &Request<'_>) -> Self {
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
    fn of(dependency: &Dependency) -> Self {
        Wanted {
            flag: dependency.flag.name.to_string(),
            treatments: dependency.treatments.iter().map(Interned::as_str).collect(),
            served: None,
        }
    }
}

/// Makes an account while it watches.
#[derive(Debug, Default)]
pub(crate) struct Recorder(RefCell<Account>);

#[derive(Debug, Default)]
struct Account {
    /// Steps that have begun, each within the one before.
    open: Vec<Step>,
    /// The outermost step, once it has ended.
    whole: Option<Step>,
    steps: usize,
    bytes: Bytes,
    /// How many steps have begun that are left out.
    left_out: usize,
    is_cut: bool,
}

/// Bytes that were written, and are nowhere.
#[derive(Debug, Default)]
struct Bytes(usize);

impl Bytes {
    fn has_room_for(&mut self, kind: &Kind) -> bool {
        // It fails in writing what is beyond; what was counted until then stays counted, and nothing more fits.
        serde_json::to_writer(self, kind).is_ok()
    }
}

impl io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        if self.0 > MAX_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorder {
    /// The evaluation of the flag that was asked about, unless it was not evaluated at all; and whether steps were left
    /// out of it.
    pub(crate) fn into_account(self) -> (Option<Step>, bool) {
        let mut account = self.0.into_inner();
        // Of an evaluation that was given up.
        while let Some(step) = account.open.pop() {
            account.close(step);
        }
        (account.whole, account.is_cut)
    }

    fn begin(&self, kind: Kind) {
        self.0.borrow_mut().begin(kind);
    }

    fn end(&self, complete: impl FnOnce(&mut Step)) {
        self.0.borrow_mut().end(complete);
    }

    fn end_with(&self, result: bool) {
        self.end(|step| step.result = Some(result));
    }

    /// A step without steps of its own.
    fn single(&self, kind: Kind, result: Option<bool>) {
        self.begin(kind);
        self.end(|step| step.result = result);
    }
}

impl Step {
    /// What a flag served before fallback; nothing where its evaluation was given up.
    pub(crate) fn treatment(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Flag { treatment, .. } => treatment,
            _ => None,
        }
    }
}

impl Account {
    fn begin(&mut self, kind: Kind) {
        if self.left_out > 0
            || self.open.len() >= MAX_DEPTH
            || self.steps >= MAX_STEPS
            || !self.bytes.has_room_for(&kind)
        {
            self.left_out += 1;
            self.is_cut = true;
            return;
        }
        self.steps += 1;
        self.open.push(Step { kind, result: None, steps: Vec::new() });
    }

    fn end(&mut self, complete: impl FnOnce(&mut Step)) {
        if self.left_out > 0 {
            self.left_out -= 1;
        } else if let Some(mut step) = self.open.pop() {
            complete(&mut step);
            self.close(step);
        }
    }

    fn close(&mut self, step: Step) {
        match self.open.last_mut() {
            Some(around) => around.steps.push(step),
            None => self.whole = Some(step),
        }
    }

    fn is_in_flag(&self) -> bool {
        self.open.last().is_some_and(|step| matches!(step.kind, Kind::Flag { .. }))
    }
}

// None of these is inlined into the evaluator, whose frames are stacked a hundred deep.
impl Observer for &Recorder {
    const COUNTS: bool = false;

    #[inline(never)]
    fn flag_begins(self, flag: &Flag) {
        self.begin(Kind::Flag {
            flag: flag.name.to_string(),
            change_number: flag.change_number,
            killed: flag.killed,
            default_treatment: flag.default.treatment.as_str(),
            decided_by: None,
            treatment: None,
            label: None,
        });
    }

    #[inline(never)]
    fn flag_ends(self, reason: Reason, choice: &Choice, text: &Label) {
        self.end(|step| {
            if let Kind::Flag { decided_by, treatment, label, .. } = &mut step.kind {
                *decided_by = Some(reason);
                *treatment = Some(choice.treatment.as_str());
                *label = text.text.map(|text| text.as_str());
            }
        });
    }

    #[inline(never)]
    fn dependency_begins(self, dependency: &Dependency) {
        let wanted = Wanted::of(dependency);
        let is_prerequisite = self.0.borrow().is_in_flag();
        self.begin(if is_prerequisite { Kind::Prerequisite(wanted) } else { Kind::Dependency(wanted) });
    }

    #[inline(never)]
    fn dependency_ends(self, treatment: Interned, holds: bool) {
        self.end(|step| {
            step.result = Some(holds);
            if let Kind::Prerequisite(wanted) | Kind::Dependency(wanted) = &mut step.kind {
                wanted.served = Some(treatment.as_str());
            }
        });
    }

    #[inline(never)]
    fn allocation(self, flag: &Flag, bucket: u8, is_allocated: bool) {
        let bucket = Bucket::new(bucket, flag.traffic_allocation_seed, flag.algorithm);
        self.single(Kind::TrafficAllocation { percentage: flag.traffic_allocation, bucket }, Some(is_allocated));
    }

    #[inline(never)]
    fn condition_begins(self, condition: &Condition) {
        self.begin(Kind::Condition {
            kind: if condition.is_rollout { "ROLLOUT" } else { "WHITELIST" },
            label: condition.label.text.map(|text| text.as_str()),
            usable: condition.usable,
        });
    }

    #[inline(never)]
    fn condition_ends(self, matched: bool) {
        self.end_with(matched);
    }

    #[inline(never)]
    fn picked(self, flag: &Flag, condition: &Condition, choice: Option<&Choice>, request: &Request<'_>) {
        let is_picked = |choice: &Choice| condition.partitions.iter().position(|part| ptr::eq(&part.choice, choice));
        let place = choice.and_then(is_picked);
        let before = |place: usize| place.checked_sub(1).map_or(0, |before| condition.partitions[before].up_to);
        let number = bucket(request.key.bucketing_text(), flag.seed, flag.algorithm);
        let partition = Kind::Partition {
            bucket: Bucket::new(number, flag.seed, flag.algorithm),
            from: place.map(|place| before(place) + 1),
            to: place.map(|place| condition.partitions[place].up_to),
            treatment: choice.map_or(Interned::control(), |choice| choice.treatment).as_str(),
        };
        self.single(partition, None);
    }

    #[inline(never)]
    fn matcher_begins(self, matcher: &Matcher, request: &Request<'_>) {
        self.begin(Kind::Matcher {
            kind: matcher.kind.name(),
            attribute: matcher.attribute.as_ref().map(|name| name.text().to_owned()),
            value: Seen::by(matcher, request),
            expected: Expected::by(&matcher.test),
            usable: !matches!(matcher.test, Test::Unusable),
            matches: None,
            negate: matcher.negate,
        });
    }

    #[inline(never)]
    fn matcher_ends(self, matcher: &Matcher, answer: bool) {
        self.end(|step| {
            step.result = Some(answer != matcher.negate);
            if let Kind::Matcher { matches, .. } = &mut step.kind {
                *matches = Some(answer);
            }
        });
    }

    #[inline(never)]
    fn segment(self, segment: &SegmentRef, loaded: bool, has_key: bool) {
        self.single(Kind::Segment { segment: segment.name.to_string(), loaded }, Some(has_key));
    }

    #[inline(never)]
    fn rule_based_segment_begins(self, name: &str, known: bool) {
        self.begin(Kind::RuleBasedSegment { segment: name.to_owned(), known });
    }

    #[inline(never)]
    fn rule_based_segment_ends(self, is_member: bool) {
        self.end_with(is_member);
    }

    #[inline(never)]
    fn excluded_keys(self, count: usize, is_excluded: bool) {
        self.single(Kind::ExcludedKeys { count }, Some(is_excluded));
    }

    #[inline(never)]
    fn exclusion_begins(self) {
        self.begin(Kind::Exclusion);
    }

    #[inline(never)]
    fn exclusion_ends(self, is_excluded: bool) {
        self.end_with(is_excluded);
    }
}
