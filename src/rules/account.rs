//! The account of a decision: the steps that led to it, as the evaluator took them.
//!
//! The account is a tree, which programs walk and people read: each step holds the steps that it took to make it. Its size
//! is bounded, because definitions may refer to each other in circles; and how deep it nests, because readers of JSON give
//! up early (Ruby's at a hundred levels). What is beyond is left out, and the account says so.

mod step;

use std::cell::RefCell;
use std::io;

use super::bucketing::bucket;
use super::evaluator::Request;
use super::expected::Expected;
use super::flag::{Choice, Condition, Flag, Picked};
use super::intern::Interned;
use super::labels::Label;
use super::matcher::{Dependency, Matcher, SegmentRef, Test};
use super::watcher::{Reason, Watcher};

pub(crate) use step::Step;
use step::{Bucket, Kind, Seen, Wanted};

/// How deep steps nest. Each is an object within an array.
const MAX_DEPTH: usize = 40;
/// How many steps one account has at most.
const MAX_STEPS: usize = 10_000;
/// Bytes of JSON that its steps have, but for what they came to: names and patterns may be of any length.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// An account, which is made while it watches.
#[derive(Debug, Default)]
pub(crate) struct Account(RefCell<Steps>);

#[derive(Debug, Default)]
struct Steps {
    /// Steps that have begun, each within the one before.
    open: Vec<Step>,
    /// The outermost step, once it has ended.
    whole: Option<Step>,
    /// How many steps there are.
    count: usize,
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

impl Account {
    /// The evaluation of the flag that was asked about, unless it was not evaluated at all; and whether steps were left
    /// out of it.
    pub(crate) fn into_steps(self) -> (Option<Step>, bool) {
        let mut steps = self.0.into_inner();
        // Of an evaluation that was given up.
        while let Some(step) = steps.open.pop() {
            steps.close(step);
        }
        (steps.whole, steps.is_cut)
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

impl Steps {
    fn begin(&mut self, kind: Kind) {
        if self.left_out > 0
            || self.open.len() >= MAX_DEPTH
            || self.count >= MAX_STEPS
            || !self.bytes.has_room_for(&kind)
        {
            self.left_out += 1;
            self.is_cut = true;
            return;
        }
        self.count += 1;
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
impl Watcher for &Account {
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
    fn picked(self, flag: &Flag, condition: &Condition, picked: &Picked<'_>, request: &Request<'_>) {
        // People want to see it where the evaluator did not need it, too.
        let number = || bucket(request.key.bucketing_text(), flag.seed, flag.algorithm);
        let place = picked.choice.map(|_| picked.place);
        let before = |place: usize| place.checked_sub(1).map_or(0, |before| condition.partitions[before].up_to);
        let partition = Kind::Partition {
            bucket: Bucket::new(picked.bucket.unwrap_or_else(number), flag.seed, flag.algorithm),
            from: place.map(|place| before(place) + 1),
            to: place.map(|place| condition.partitions[place].up_to),
            treatment: picked.choice.map_or(Interned::control(), |choice| choice.treatment).as_str(),
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
