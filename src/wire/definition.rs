//! A feature flag and a rule-based segment as JSON has them.
//!
//! Every member may be absent or null. What that means is not decided here but in [`super::compile`].

use serde::Deserialize;

use super::read::{Number, Text, list, optional_texts, pairs, texts};

/// A feature flag.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FlagDto<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) traffic_type_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    pub(crate) killed: Option<bool>,
    #[serde(borrow)]
    pub(crate) default_treatment: Option<Text<'a>>,
    pub(crate) change_number: Option<Number>,
    pub(crate) seed: Option<Number>,
    pub(crate) traffic_allocation: Option<Number>,
    pub(crate) traffic_allocation_seed: Option<Number>,
    pub(crate) algo: Option<Number>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) conditions: Vec<ConditionDto<'a>>,
    #[serde(borrow, deserialize_with = "pairs")]
    pub(crate) configurations: Vec<(Text<'a>, Text<'a>)>,
    #[serde(borrow, deserialize_with = "texts")]
    pub(crate) sets: Vec<Text<'a>>,
    pub(crate) impressions_disabled: Option<bool>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) prerequisites: Vec<PrerequisiteDto<'a>>,
}

/// A flag that must serve one of some treatments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PrerequisiteDto<'a> {
    #[serde(borrow)]
    pub(crate) n: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "texts")]
    pub(crate) ts: Vec<Text<'a>>,
}

/// A rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConditionDto<'a> {
    #[serde(borrow)]
    pub(crate) condition_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) label: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) matcher_group: Option<MatcherGroupDto<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) partitions: Vec<PartitionDto<'a>>,
}

/// The matchers of a rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MatcherGroupDto<'a> {
    #[serde(borrow)]
    pub(crate) combiner: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) matchers: Vec<MatcherDto<'a>>,
}

/// A share of the keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PartitionDto<'a> {
    #[serde(borrow)]
    pub(crate) treatment: Option<Text<'a>>,
    pub(crate) size: Option<Number>,
}

/// A matcher. Which of its data count depends on its type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MatcherDto<'a> {
    #[serde(borrow)]
    pub(crate) matcher_type: Option<Text<'a>>,
    pub(crate) negate: Option<bool>,
    #[serde(borrow)]
    pub(crate) key_selector: Option<KeySelectorDto<'a>>,
    #[serde(borrow)]
    pub(crate) user_defined_segment_matcher_data: Option<SegmentDataDto<'a>>,
    #[serde(borrow)]
    pub(crate) whitelist_matcher_data: Option<WhitelistDataDto<'a>>,
    #[serde(borrow)]
    pub(crate) unary_numeric_matcher_data: Option<UnaryDataDto<'a>>,
    #[serde(borrow)]
    pub(crate) between_matcher_data: Option<BetweenDataDto<'a>>,
    #[serde(borrow)]
    pub(crate) between_string_matcher_data: Option<BetweenStringDataDto<'a>>,
    #[serde(borrow)]
    pub(crate) dependency_matcher_data: Option<DependencyDataDto<'a>>,
    pub(crate) boolean_matcher_data: Option<bool>,
    #[serde(borrow)]
    pub(crate) string_matcher_data: Option<Text<'a>>,
}

/// Whether the key or an attribute is asked about. An empty name is a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KeySelectorDto<'a> {
    #[serde(borrow)]
    pub(crate) attribute: Option<Text<'a>>,
}

/// A segment, rule-based or not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SegmentDataDto<'a> {
    #[serde(borrow)]
    pub(crate) segment_name: Option<Text<'a>>,
}

/// Texts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WhitelistDataDto<'a> {
    #[serde(borrow, deserialize_with = "optional_texts")]
    pub(crate) whitelist: Option<Vec<Text<'a>>>,
}

/// One number or date.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct UnaryDataDto<'a> {
    #[serde(borrow)]
    pub(crate) data_type: Option<Text<'a>>,
    pub(crate) value: Option<Number>,
}

/// Two numbers or dates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BetweenDataDto<'a> {
    #[serde(borrow)]
    pub(crate) data_type: Option<Text<'a>>,
    pub(crate) start: Option<Number>,
    pub(crate) end: Option<Number>,
}

/// Two versions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BetweenStringDataDto<'a> {
    #[serde(borrow)]
    pub(crate) start: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) end: Option<Text<'a>>,
}

/// Another flag and treatments wanted of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DependencyDataDto<'a> {
    #[serde(borrow)]
    pub(crate) split: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "optional_texts")]
    pub(crate) treatments: Option<Vec<Text<'a>>>,
}

/// A rule-based segment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleBasedSegmentDto<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) conditions: Vec<ConditionDto<'a>>,
    #[serde(borrow)]
    pub(crate) excluded: Option<ExcludedDto<'a>>,
}

/// Who is no member of a rule-based segment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExcludedDto<'a> {
    #[serde(borrow, deserialize_with = "texts")]
    pub(crate) keys: Vec<Text<'a>>,
    #[serde(borrow, deserialize_with = "list")]
    pub(crate) segments: Vec<ExcludedSegmentDto<'a>>,
}

/// A segment whose keys are no members.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExcludedSegmentDto<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Text<'a>>,
}
