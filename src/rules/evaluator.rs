//! From a flag and a key to a treatment: Split's decision, step by step.
//!
//! Flags depend on flags and on rule-based segments, which depend on each other, so this recurses; how deep is bounded,
//! because circles are legal JSON. A hundred levels must fit into 64 KiB of stack: the frames below carry pointers only,
//! and whatever needs room (texts, log lines) is a function of its own, kept out of line.

use std::cell::Cell;
use std::sync::Arc;

use super::bucketing::bucket;
use super::config_text::ConfigText;
use super::definitions::Definitions;
use super::fallback::Fallbacks;
use super::flag::{Choice, Condition, Flag};
use super::intern::{self, Interned};
use super::key_table::KeyHash;
use super::labels::{self, Label};
use super::matcher::{Dependency, LOG, Leaf, Matcher, NameRef, SegmentRef, Test};
use super::rule_based_segment::{Excluded, RuleBasedSegment};
use super::watcher::{Reason, Watcher};
use crate::input::{Attributes, Key, Value};
use crate::logging::Logger;

/// How deep evaluations of flags and rule-based segments may nest, the first one included.
const MAX_DEPTH: u32 = 100;
/// How many nested evaluations one call may cause. Definitions that refer to two others each, a hundred levels deep, are
/// no circle and yet would take longer than anybody lives.
const MAX_NESTED: u32 = 100_000;

static CONTROL: Choice = Choice { treatment: intern::CONTROL, config: None };

/// Who asks, and what stands ready to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// Whose treatment is decided.
    pub(crate) key: Key<'a>,
    /// The hash of the matching key, made once for all who need it.
    pub(crate) key_hash: KeyHash,
    /// What the caller says about the key.
    pub(crate) attributes: Option<&'a Attributes>,
    /// What is served instead of `control`.
    pub(crate) fallbacks: &'a Fallbacks,
    /// Where rules complain.
    pub(crate) log: &'a Logger,
}

/// What needs no other definition. One copy serves evaluations that are watched and those that are not.
impl Request<'_> {
    #[inline(never)]
    fn ask(&self, leaf: &Leaf, matcher: &Matcher) -> bool {
        let Request { key, attributes, log, .. } = *self;
        match &matcher.attribute {
            None => leaf.matches_key(key.matching, self.key_hash, log),
            Some(name) => match attributes.and_then(|all| all.look_up(name)) {
                Some(value) => leaf.matches(value, name.text(), log),
                None => false,
            },
        }
    }

    /// What a matcher looks at; nothing where the attribute is absent or null.
    pub(super) fn value_for(&self, matcher: &Matcher) -> Option<Value<'_>> {
        match &matcher.attribute {
            None => Some(Value::Text(self.key.matching)),
            Some(name) => self.attributes.and_then(|all| all.look_up(name)),
        }
    }

    #[inline(never)]
    fn allocation_bucket(&self, flag: &Flag) -> u8 {
        bucket(self.key.bucketing_text(), flag.traffic_allocation_seed, flag.algorithm)
    }

    #[cold]
    #[inline(never)]
    fn segment_is_missing(&self, segment: &SegmentRef) -> bool {
        self.log.warning(LOG, format_args!("segment {:?} is not loaded: nobody is in it", segment.name));
        false
    }
}

/// How an evaluation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The flag decided.
    Evaluated,
    /// There is no such flag. Makes no impression.
    UnknownFlag,
    /// The evaluation failed. Makes an impression without change number.
    Exception,
}

/// What was decided. Borrowed from the definitions: nothing is counted or copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision<'a> {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// What to serve.
    pub(crate) treatment: Interned,
    /// Why.
    pub(crate) label: Option<Interned>,
    /// Configuration of that treatment.
    pub(crate) config: Option<&'a Arc<ConfigText>>,
    /// The flag, if it decided.
    pub(crate) flag: Option<&'a Flag>,
    /// Whether a fallback treatment took the place of `control`.
    pub(crate) is_fallback: bool,
}

/// Evaluations nest deeper, or there are more of them, than anything sensible needs.
#[derive(Debug)]
struct TooDeep;

/// A treatment and its reason, before fallback.
type Chosen<'a> = Result<(&'a Choice, &'a Label), TooDeep>;

impl Definitions {
    /// Decides which treatment of a flag a key gets, and tells how it came about.
    #[inline(always)]
    pub(crate) fn evaluate<'a>(&'a self, flag: &str, request: &Request<'a>, watch: impl Watcher) -> Decision<'a> {
        match self.flag(flag) {
            Some(flag) => self.evaluate_flag(flag, request, watch),
            None => unknown(flag, request),
        }
    }

    /// Decides likewise about a flag that the caller has, and that need not be in here.
    #[inline(always)]
    pub(crate) fn evaluate_flag<'a>(
        &'a self,
        flag: &'a Flag,
        request: &Request<'a>,
        watch: impl Watcher,
    ) -> Decision<'a> {
        let run = Run { definitions: self, request, watch, nested: Cell::new(0) };
        let (outcome, decided, choice, label) = match run.decide_here(flag, 1) {
            Ok((choice, label)) => (Outcome::Evaluated, Some(flag), choice, label),
            Err(TooDeep) => {
                complain_of_depth(flag, request);
                (Outcome::Exception, None, &CONTROL, &labels::EXCEPTION)
            }
        };
        finish(outcome, &flag.name, decided, choice, label, request)
    }
}

/// The decision about a flag that is not there.
#[inline(always)]
pub(crate) fn unknown<'a>(flag: &str, request: &Request<'a>) -> Decision<'a> {
    finish(Outcome::UnknownFlag, flag, None, &CONTROL, &labels::DEFINITION_NOT_FOUND, request)
}

#[cold]
#[inline(never)]
fn complain_of_depth(flag: &Flag, request: &Request<'_>) {
    let name = &flag.name;
    request.log.error(LOG, format_args!("flag {name:?} cannot be evaluated: what it depends on nests too deep"));
}

#[inline(always)]
fn finish<'a>(
    outcome: Outcome,
    name: &str,
    flag: Option<&'a Flag>,
    choice: &'a Choice,
    label: &'a Label,
    request: &Request<'a>,
) -> Decision<'a> {
    let (choice, label, is_fallback) = match fallback_of(name, choice, request) {
        Some(fallback) => (fallback, label.fallback, true),
        None => (choice, label.text, false),
    };
    Decision { outcome, treatment: choice.treatment, label, config: choice.config.as_ref(), flag, is_fallback }
}

/// What takes the place of a choice, if it is `control` and something does.
#[inline]
fn fallback_of<'a>(name: &str, choice: &Choice, request: &Request<'a>) -> Option<&'a Choice> {
    if choice.treatment == Interned::control() { request.fallbacks.resolve(Some(name)) } else { None }
}

/// One call's evaluation, with everything it nests.
struct Run<'a, 'r, W> {
    definitions: &'a Definitions,
    request: &'r Request<'a>,
    watch: W,
    nested: Cell<u32>,
}

impl<'a, W: Watcher> Run<'a, '_, W> {
    #[inline(never)]
    fn decide(&self, flag: &'a Flag, depth: u32) -> Chosen<'a> {
        self.decide_here(flag, depth)
    }

    /// [`Run::decide`] without a frame of its own, for the flag that is asked about.
    #[inline(always)]
    fn decide_here(&self, flag: &'a Flag, depth: u32) -> Chosen<'a> {
        self.watch.flag_begins(flag);
        if flag.killed {
            return Ok(self.chosen(Reason::Killed, &flag.default, &labels::KILLED));
        }
        for prerequisite in &*flag.prerequisites {
            if !self.holds(prerequisite, depth)? {
                return Ok(self.chosen(Reason::Prerequisite, &flag.default, &labels::PREREQUISITES_NOT_MET));
            }
        }
        let mut allocated = flag.traffic_allocation >= 100;
        for condition in &*flag.conditions {
            if condition.is_rollout && !allocated {
                if !self.is_allocated(flag) {
                    return Ok(self.chosen(Reason::TrafficAllocation, &flag.default, &labels::NOT_IN_SPLIT));
                }
                allocated = true;
            }
            if self.matches(condition, depth)? {
                let key = self.request.key.bucketing_text();
                let picked = condition.pick(key, flag.seed, flag.algorithm);
                self.watch.picked(flag, condition, &picked, self.request);
                return Ok(self.chosen(Reason::Condition, picked.choice.unwrap_or(&CONTROL), &condition.label));
            }
        }
        Ok(self.chosen(Reason::DefaultRule, &flag.default, &labels::DEFAULT_RULE))
    }

    #[inline(always)]
    fn chosen(&self, reason: Reason, choice: &'a Choice, label: &'a Label) -> (&'a Choice, &'a Label) {
        self.watch.flag_ends(reason, choice, label);
        (choice, label)
    }

    #[inline(always)]
    fn is_allocated(&self, flag: &Flag) -> bool {
        let bucket = self.request.allocation_bucket(flag);
        let is_allocated = bucket <= flag.traffic_allocation;
        self.watch.allocation(flag, bucket, is_allocated);
        is_allocated
    }

    /// Whether another flag serves one of the treatments wanted of it.
    fn holds(&self, dependency: &'a Dependency, depth: u32) -> Result<bool, TooDeep> {
        self.watch.dependency_begins(dependency);
        let NameRef { hash, name } = &dependency.flag;
        let choice = match self.definitions.flag_hashed(*hash, name) {
            Some(flag) => self.decide(flag, self.deeper(depth)?)?.0,
            None => &CONTROL,
        };
        let served = fallback_of(name, choice, self.request).unwrap_or(choice).treatment;
        let holds = dependency.treatments.contains(&served);
        self.watch.dependency_ends(served, holds);
        Ok(holds)
    }

    /// Whether all matchers are true.
    #[inline(always)]
    fn matches(&self, condition: &'a Condition, depth: u32) -> Result<bool, TooDeep> {
        self.watch.condition_begins(condition);
        let matched = self.matches_all(condition, depth)?;
        self.watch.condition_ends(matched);
        Ok(matched)
    }

    #[inline(always)]
    fn matches_all(&self, condition: &'a Condition, depth: u32) -> Result<bool, TooDeep> {
        if !condition.usable {
            return Ok(false);
        }
        for matcher in &condition.matchers {
            self.watch.matcher_begins(matcher, self.request);
            // What most matchers are is answered without the frame that the others need.
            let answer = match &matcher.test {
                Test::AllKeys => true,
                Test::InSegment(segment) if matcher.attribute.is_none() => self.is_in_segment(segment),
                Test::Leaf(leaf) => self.request.ask(leaf, matcher),
                _ => self.answer(matcher, depth)?,
            };
            self.watch.matcher_ends(matcher, answer);
            if answer == matcher.negate {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The answer of any matcher before negation.
    #[inline(never)]
    fn answer(&self, matcher: &'a Matcher, depth: u32) -> Result<bool, TooDeep> {
        match &matcher.test {
            Test::AllKeys => Ok(true),
            Test::InSegment(segment) => Ok(self.request.value_for(matcher).is_some() && self.is_in_segment(segment)),
            Test::InRuleBasedSegment(segment) => self.is_in_rule_based_segment(segment, depth),
            Test::Dependency(dependency) => self.holds(dependency, depth),
            Test::Leaf(leaf) => Ok(self.request.ask(leaf, matcher)),
            Test::Unusable => Ok(false),
        }
    }

    #[inline(never)]
    fn is_in_segment(&self, segment: &SegmentRef) -> bool {
        let loaded = self.definitions.segment(segment.id);
        let has_key = match loaded {
            Some(loaded) => loaded.keys.contains(self.request.key_hash, self.request.key.matching),
            None => self.request.segment_is_missing(segment),
        };
        self.watch.segment(segment, loaded.is_some(), has_key);
        has_key
    }

    fn is_in_rule_based_segment(&self, segment: &'a NameRef, depth: u32) -> Result<bool, TooDeep> {
        let known = self.definitions.rule_based_segment_hashed(segment.hash, &segment.name);
        self.watch.rule_based_segment_begins(&segment.name, known.is_some());
        let is_member = match known {
            Some(segment) => self.is_member(segment, self.deeper(depth)?)?,
            None => false,
        };
        self.watch.rule_based_segment_ends(is_member);
        Ok(is_member)
    }

    fn is_member(&self, segment: &'a RuleBasedSegment, depth: u32) -> Result<bool, TooDeep> {
        let excluded = &segment.excluded_keys;
        if !excluded.is_empty() {
            let is_excluded = excluded.contains(self.request.key_hash, self.request.key.matching);
            self.watch.excluded_keys(excluded.len(), is_excluded);
            if is_excluded {
                return Ok(false);
            }
        }
        for excluded in &segment.excluded {
            self.watch.exclusion_begins();
            let is_excluded = match excluded {
                Excluded::Segment(segment) => self.is_in_segment(segment),
                Excluded::RuleBased(segment) => self.is_in_rule_based_segment(segment, depth)?,
            };
            self.watch.exclusion_ends(is_excluded);
            if is_excluded {
                return Ok(false);
            }
        }
        for condition in &*segment.conditions {
            if self.matches(condition, depth)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The depth of what is nested in an evaluation of this depth.
    fn deeper(&self, depth: u32) -> Result<u32, TooDeep> {
        let nested = self.nested.get() + 1;
        self.nested.set(nested);
        if depth >= MAX_DEPTH || nested > MAX_NESTED { Err(TooDeep) } else { Ok(depth + 1) }
    }
}
