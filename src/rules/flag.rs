//! A feature flag, compiled: everything an evaluation needs stands ready in it.

use std::sync::Arc;

use super::bucketing::{Algorithm, bucket};
use super::config_text::ConfigText;
use super::intern::Interned;
use super::labels::Label;
use super::matcher::{Dependency, Matcher, SegmentRef, Test};

/// A treatment with its configuration, looked up in advance.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The treatment.
    pub(crate) treatment: Interned,
    /// Its configuration. `control` never has one.
    pub(crate) config: Option<Arc<ConfigText>>,
}

/// A part of the keys of a condition, and what it gets.
#[derive(Debug)]
pub(crate) struct Partition {
    /// The last bucket of this part: the sum of the sizes so far, 0 to 100. Not below that of the part before.
    pub(crate) up_to: u8,
    pub(crate) choice: Choice,
}

/// What a condition serves to a key.
#[derive(Debug)]
pub(crate) struct Picked<'a> {
    /// None where the partitions end before the key's bucket.
    pub(crate) choice: Option<&'a Choice>,
    /// The partition's place; beyond the last where there is none.
    pub(crate) place: usize,
    /// The key's bucket, where it had to be known.
    pub(crate) bucket: Option<u8>,
}

/// A rule of a flag or of a rule-based segment.
#[derive(Debug)]
pub(crate) struct Condition {
    /// Subject to traffic allocation.
    pub(crate) is_rollout: bool,
    /// Whether it can match at all. A condition that was not understood cannot.
    pub(crate) usable: bool,
    pub(crate) label: Label,
    /// All of them must be true.
    pub(crate) matchers: Box<[Matcher]>,
    /// Empty in rule-based segments.
    pub(crate) partitions: Box<[Partition]>,
}

impl Condition {
    /// What this condition serves to a key. Where everybody gets the same, the key is not hashed.
    #[inline(always)]
    pub(crate) fn pick(&self, bucketing_key: &str, seed: u32, algorithm: Algorithm) -> Picked<'_> {
        match &*self.partitions {
            [] => Picked { choice: None, place: 0, bucket: None },
            [whole] if whole.up_to == 100 => Picked { choice: Some(&whole.choice), place: 0, bucket: None },
            parts => pick_by_bucket(parts, bucket(bucketing_key, seed, algorithm)),
        }
    }

    /// Segments that the matchers ask for.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &SegmentRef> {
        self.matchers.iter().filter_map(|matcher| match &matcher.test {
            Test::InSegment(segment) => Some(segment),
            _ => None,
        })
    }

    /// Rule-based segments that the matchers ask for.
    pub(crate) fn rule_based_segments(&self) -> impl Iterator<Item = &str> {
        self.matchers.iter().filter_map(|matcher| match &matcher.test {
            Test::InRuleBasedSegment(segment) => Some(&*segment.name),
            _ => None,
        })
    }

    /// Names of the flags that the matchers ask for.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &str> {
        self.matchers.iter().filter_map(|matcher| match &matcher.test {
            Test::Dependency(dependency) => Some(&*dependency.flag.name),
            _ => None,
        })
    }
}

/// The first part that reaches the bucket.
#[inline(always)]
pub(crate) fn pick_by_bucket(parts: &[Partition], bucket: u8) -> Picked<'_> {
    // Counted, as they grow, and not searched: which part it is cannot be foretold, and a processor that has to guess is
    // wrong half the time.
    let before = parts.iter().map(|part| usize::from(part.up_to < bucket)).sum::<usize>();
    Picked { choice: parts.get(before).map(|part| &part.choice), place: before, bucket: Some(bucket) }
}

/// A feature flag.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// Its name.
    pub(crate) name: Box<str>,
    /// A small number for its name, the same for the life of a factory; none where there were too many names.
    pub(crate) slot: Option<u32>,
    /// Whether everybody gets the default treatment.
    pub(crate) killed: bool,
    /// What those get whom no condition serves.
    pub(crate) default: Choice,
    /// The state of the environment in which it last changed; -1 if unknown.
    pub(crate) change_number: i64,
    /// What kind of thing its keys name.
    pub(crate) traffic_type: Option<Box<str>>,
    /// Flag sets it belongs to: distinct, sorted.
    pub(crate) sets: Box<[Box<str>]>,
    /// Its impressions are counted but not sent one by one.
    pub(crate) impressions_disabled: bool,
    /// Configurations by treatment, in the order of the definition.
    pub(crate) configs: Box<[(Box<str>, Arc<ConfigText>)]>,
    /// What other flags must serve first.
    pub(crate) prerequisites: Arc<[Dependency]>,
    /// Percentage of keys exposed to rollout conditions.
    pub(crate) traffic_allocation: u8,
    pub(crate) traffic_allocation_seed: u32,
    pub(crate) seed: u32,
    pub(crate) algorithm: Algorithm,
    /// Shared with a killed form of the flag.
    pub(crate) conditions: Arc<[Condition]>,
    /// Differs between definitions that differ.
    pub(crate) fingerprint: u64,
    /// Bytes of its JSON.
    pub(crate) size: usize,
}

impl Flag {
    /// The flag as a kill notification leaves it, until its definition arrives.
    pub(crate) fn killed_with(&self, default_treatment: Interned, change_number: i64) -> Self {
        let config_of = |treatment: &str| self.configs.iter().find(|(of, _)| **of == *treatment).map(|(_, text)| text);
        let default = choice(default_treatment, config_of);
        // Another state than the definition's, which would count as unchanged if it came again.
        let fingerprint = self.fingerprint.wrapping_add(1);
        Flag { killed: true, default, change_number, fingerprint, ..self.clone() }
    }

    /// Names of the rule-based segments that its conditions ask for; one may occur more than once.
    pub(crate) fn rule_based_segments(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().flat_map(Condition::rule_based_segments)
    }

    /// Segments that its conditions ask for; one may occur more than once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &SegmentRef> {
        self.conditions.iter().flat_map(Condition::segments)
    }

    /// Names of the flags that its prerequisites and conditions ask for; one may occur more than once.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &str> {
        let prerequisites = self.prerequisites.iter().map(|dependency| &*dependency.flag.name);
        prerequisites.chain(self.conditions.iter().flat_map(Condition::flags))
    }
}

/// A treatment with the configuration that a flag has for it.
pub(crate) fn choice<'c>(treatment: Interned, config_of: impl FnOnce(&str) -> Option<&'c Arc<ConfigText>>) -> Choice {
    let config = if treatment == Interned::control() { None } else { config_of(treatment.as_str()) };
    Choice { treatment, config: config.cloned() }
}
