//! From definitions as JSON has them to what evaluations use.
//!
//! Here stand the defaults for what is absent, and what becomes of parts that make no sense: a matcher without its data
//! never matches, a rule that was not understood never matches, a matcher type of the future turns the whole definition
//! into `control` for everybody it is rolled out to.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use super::definition::{ConditionDto, FlagDto, MatcherDto, PartitionDto, PrerequisiteDto, RuleBasedSegmentDto};
use super::read::{Number, Text};
use crate::input::AttributeName;
use crate::logging::Logger;
use crate::rules::compiled::{
    Algorithm, Bound, Choice, Condition, Dependency, Excluded, KeyTable, Kind, Leaf, Matcher, NameRef, NumberTest,
    Partition, Pattern, SemverTest, SetRelation, Test, Unit, Version, choice,
};
use crate::rules::{
    ConfigText, Flag, InternError, Interned, KeyTableError, Label, Put, Registry, RegistryError, RuleBasedSegment,
    intern_treatment, labels,
};

/// What log lines about definitions begin with.
pub(super) const LOG: &str = "definitions";

/// Why a definition, or a document of them, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WireError {
    /// The text is not JSON of the right shape.
    #[error("unexpected JSON: {cause}")]
    Json {
        /// What the JSON reader says.
        #[source]
        cause: serde_json::Error,
    },
    /// A definition, or a document, is something else than a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A definition has no name, or a blank one.
    #[error("it has no name")]
    NoName,
    /// A text that a C string could not hold.
    #[error("U+0000 in the name of a {what}")]
    Nul {
        /// What bears the name.
        what: &'static str,
    },
    /// A treatment cannot be kept.
    #[error("its treatments cannot be kept: {cause}")]
    Treatment {
        /// Why.
        #[from]
        #[source]
        cause: InternError,
    },
    /// A segment that it refers to cannot be kept.
    #[error("its segments cannot be kept: {cause}")]
    Segments {
        /// Why.
        #[from]
        #[source]
        cause: RegistryError,
    },
    /// A list of keys cannot be kept.
    #[error("its keys cannot be kept: {cause}")]
    Keys {
        /// Why.
        #[from]
        #[source]
        cause: KeyTableError,
    },
}

/// What compiling needs besides the definition.
#[derive(Debug)]
pub(crate) struct Compiler<'a> {
    /// Numbers of segments and flags.
    pub(crate) registry: &'a mut Registry,
    /// Where definitions that make no sense are complained about.
    pub(crate) log: &'a Logger,
    /// Whether fallback treatments are configured, so that labels need their other form.
    pub(crate) fallbacks: bool,
}

/// Configurations by treatment: there may be as many of both as the backend likes.
type Configs<'d> = HashMap<&'d str, &'d Arc<ConfigText>>;

/// What is kept of the text of a definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextOf {
    /// Differs between texts that differ.
    pub(crate) fingerprint: u64,
    /// In bytes.
    pub(crate) size: usize,
}

/// Compiles a flag.
pub(crate) fn compile_flag(
    dto: &FlagDto<'_>,
    text: TextOf,
    compiler: &mut Compiler<'_>,
) -> Result<Put<Flag>, WireError> {
    let name = usable_name(dto.name.as_ref(), "feature flag")?;
    if !is_active(dto.status.as_ref()) {
        return Ok(Put::Remove(name.into()));
    }
    let config = |(of, text): &(Text<'_>, Text<'_>)| (Box::from(of.as_ref()), ConfigText::new(text.as_ref()));
    let in_order: Box<[(Box<str>, Arc<ConfigText>)]> = dto.configurations.iter().map(config).collect();
    let configs: Configs<'_> = in_order.iter().map(|(of, text)| (&**of, text)).collect();
    let allocation = dto.traffic_allocation.map_or(100.0, Number::float);
    let prerequisite = |one: &PrerequisiteDto<'_>| dependency(one.n.as_ref(), &one.ts);
    let flag = Flag {
        name: name.into(),
        slot: compiler.registry.flag_slot(name),
        killed: dto.killed.unwrap_or(false),
        default: treatment(dto.default_treatment.as_ref(), &configs)?,
        change_number: dto.change_number.map_or(-1, Number::whole),
        traffic_type: boxed(dto.traffic_type_name.as_ref()),
        sets: sets(&dto.sets)?,
        impressions_disabled: dto.impressions_disabled.unwrap_or(false),
        prerequisites: dto.prerequisites.iter().map(prerequisite).collect::<Result<_, _>>()?,
        // Between 0 and 100, where the fraction does not matter: buckets are whole.
        traffic_allocation: if (0.0..=100.0).contains(&allocation) { allocation as u8 } else { 100 },
        traffic_allocation_seed: dto.traffic_allocation_seed.map_or(0, Number::low_bits),
        seed: dto.seed.map_or(0, Number::low_bits),
        algorithm: match dto.algo {
            Some(algo) if algo.float() == 2.0 => Algorithm::Murmur3,
            _ => Algorithm::Legacy,
        },
        conditions: compiler.conditions(&dto.conditions, &configs, &format_args!("flag {name:?}"))?,
        configs: in_order,
        fingerprint: text.fingerprint,
        size: text.size,
    };
    Ok(Put::Store(Arc::new(flag)))
}

/// Compiles a rule-based segment.
pub(crate) fn compile_rule_based_segment(
    dto: &RuleBasedSegmentDto<'_>,
    text: TextOf,
    compiler: &mut Compiler<'_>,
) -> Result<Put<RuleBasedSegment>, WireError> {
    let name = usable_name(dto.name.as_ref(), "rule-based segment")?;
    if !is_active(dto.status.as_ref()) {
        return Ok(Put::Remove(name.into()));
    }
    let mut excluded = Vec::new();
    for entry in dto.excluded.iter().flat_map(|excluded| &excluded.segments) {
        let Some(name) = segment_name(entry.name.as_ref())? else { continue };
        match entry.kind.as_ref().map_or("standard", Text::as_ref) {
            "standard" => excluded.push(Excluded::Segment(compiler.registry.segment(name)?)),
            "rule-based" => excluded.push(Excluded::RuleBased(NameRef::new(name))),
            // Large ones, and kinds of the future: nobody is in them.
            _ => {}
        }
    }
    let keys = dto.excluded.as_ref().map_or(&[][..], |excluded| &excluded.keys);
    let segment = RuleBasedSegment {
        name: name.into(),
        excluded_keys: KeyTable::from_keys(keys)?,
        excluded: excluded.into(),
        conditions: compiler.conditions(
            &dto.conditions,
            &Configs::default(),
            &format_args!("rule-based segment {name:?}"),
        )?,
        fingerprint: text.fingerprint,
        size: text.size,
    };
    Ok(Put::Store(Arc::new(segment)))
}

impl Compiler<'_> {
    fn conditions(
        &mut self,
        dtos: &[ConditionDto<'_>],
        configs: &Configs<'_>,
        of: &dyn Display,
    ) -> Result<Arc<[Condition]>, WireError> {
        let mut conditions = Vec::with_capacity(dtos.len());
        for dto in dtos {
            match self.condition(dto, configs, of)? {
                Some(condition) => conditions.push(condition),
                None => return Ok(Arc::new([unsupported()])),
            }
        }
        Ok(conditions.into())
    }

    /// `None` if one of the matchers is of a type that this library does not have.
    fn condition(
        &mut self,
        dto: &ConditionDto<'_>,
        configs: &Configs<'_>,
        of: &dyn Display,
    ) -> Result<Option<Condition>, WireError> {
        let group = dto.matcher_group.as_ref();
        let mut matchers = Vec::new();
        for dto in group.iter().flat_map(|group| &group.matchers) {
            match self.matcher(dto, of)? {
                Some(matcher) => matchers.push(matcher),
                None => {
                    let kind = dto.matcher_type.as_ref().map_or("", Text::as_ref);
                    self.log.error(LOG, format_args!("{of} uses the unsupported matcher {kind:?}: it decides nothing"));
                    return Ok(None);
                }
            }
        }
        let usable = group.is_some_and(|group| group.combiner.as_ref().is_some_and(|text| text.as_ref() == "AND"));
        if !usable {
            self.log.error(LOG, format_args!("{of} has a condition without the combiner AND: it matches nobody"));
        }
        Ok(Some(Condition {
            is_rollout: dto.condition_type.as_ref().is_some_and(|kind| kind.as_ref() == "ROLLOUT"),
            usable,
            label: Label::of_condition(dto.label.as_ref().map(Text::as_ref), self.fallbacks),
            matchers: matchers.into(),
            partitions: partitions(&dto.partitions, configs)?,
        }))
    }

    fn matcher(&mut self, dto: &MatcherDto<'_>, of: &dyn Display) -> Result<Option<Matcher>, WireError> {
        let kind = dto.matcher_type.as_ref().map_or("", Text::as_ref);
        let Some(kind) = Kind::named(kind) else { return Ok(None) };
        let test = self.test(kind, dto, of)?;
        let attribute = dto.key_selector.as_ref().and_then(|selector| selector.attribute.as_ref());
        let attribute = attribute.map(|name| AttributeName::new(name.as_ref()));
        Ok(Some(Matcher { kind, test, negate: dto.negate.unwrap_or(false), attribute }))
    }

    /// What a matcher of this type asks.
    fn test(&mut self, kind: Kind, dto: &MatcherDto<'_>, of: &dyn Display) -> Result<Test, WireError> {
        let segment = dto.user_defined_segment_matcher_data.as_ref().and_then(|data| data.segment_name.as_ref());
        let list = dto.whitelist_matcher_data.as_ref().and_then(|data| data.whitelist.as_deref());
        let leaf = match kind {
            Kind::AllKeys => return Ok(Test::AllKeys),
            Kind::InSegment => {
                let segment = segment_name(segment)?.map(|name| self.registry.segment(name)).transpose()?;
                return Ok(segment.map_or(Test::Unusable, Test::InSegment));
            }
            Kind::InRuleBasedSegment => {
                let segment = segment_name(segment)?.map(NameRef::new);
                return Ok(segment.map_or(Test::Unusable, Test::InRuleBasedSegment));
            }
            Kind::InSplitTreatment => {
                let data = dto.dependency_matcher_data.as_ref();
                let Some((flag, treatments)) =
                    data.and_then(|data| data.split.as_ref().zip(data.treatments.as_deref()))
                else {
                    return Ok(Test::Unusable);
                };
                return Ok(Test::Dependency(Box::new(dependency(Some(flag), treatments)?)));
            }
            Kind::Whitelist => list.map(table).transpose()?.map(Leaf::Whitelist),
            Kind::StartsWith => list.map(boxes).map(Leaf::StartsWith),
            Kind::EndsWith => list.map(boxes).map(Leaf::EndsWith),
            Kind::ContainsString => list.map(boxes).map(Leaf::Contains),
            Kind::MatchesString => self.pattern(dto.string_matcher_data.as_ref(), of),
            Kind::EqualTo | Kind::GreaterThanOrEqualTo | Kind::LessThanOrEqualTo => unary_number(kind, dto),
            Kind::Between => between_numbers(dto),
            Kind::EqualToBoolean => dto.boolean_matcher_data.map(Leaf::Boolean),
            Kind::ContainsAllOfSet => set(SetRelation::ContainsAll, list)?,
            Kind::ContainsAnyOfSet => set(SetRelation::ContainsAny, list)?,
            Kind::EqualToSet => set(SetRelation::Equal, list)?,
            Kind::PartOfSet => set(SetRelation::PartOf, list)?,
            Kind::EqualToSemver => self.semver(dto.string_matcher_data.as_ref(), SemverTest::Equal, of),
            Kind::GreaterThanOrEqualToSemver => self.semver(dto.string_matcher_data.as_ref(), SemverTest::AtLeast, of),
            Kind::LessThanOrEqualToSemver => self.semver(dto.string_matcher_data.as_ref(), SemverTest::AtMost, of),
            Kind::BetweenSemver => self.semver_between(dto, of),
            Kind::InListSemver => list.map(|list| self.semver_list(list, of)).transpose()?,
        };
        Ok(leaf.map_or(Test::Unusable, Test::Leaf))
    }

    fn pattern(&self, text: Option<&Text<'_>>, of: &dyn Display) -> Option<Leaf> {
        match Pattern::compile(text?.as_ref()) {
            Ok(pattern) => Some(Leaf::Pattern(Box::new(pattern))),
            Err(cause) => {
                self.log.error(LOG, format_args!("{of} has a pattern that matches nothing: {cause}"));
                None
            }
        }
    }

    fn version(&self, text: Option<&Text<'_>>, of: &dyn Display) -> Option<Version<Box<str>>> {
        let text = text?.as_ref();
        let version = Version::parse(text).map(|version| version.boxed());
        if version.is_none() {
            self.log.error(LOG, format_args!("{of} asks for {text:?}, which is no semantic version"));
        }
        version
    }

    fn semver(
        &self,
        text: Option<&Text<'_>>,
        test: fn(Version<Box<str>>) -> SemverTest,
        of: &dyn Display,
    ) -> Option<Leaf> {
        self.version(text, of).map(|version| Leaf::Semver(Box::new(test(version))))
    }

    fn semver_between(&self, dto: &MatcherDto<'_>, of: &dyn Display) -> Option<Leaf> {
        let data = dto.between_string_matcher_data.as_ref()?;
        let (start, end) = (self.version(data.start.as_ref(), of)?, self.version(data.end.as_ref(), of)?);
        Some(Leaf::Semver(Box::new(SemverTest::Between(start, end))))
    }

    fn semver_list(&self, list: &[Text<'_>], of: &dyn Display) -> Result<Leaf, WireError> {
        let mut normal = KeyTable::default();
        for text in list.iter().filter(|text| !text.as_ref().is_empty()) {
            if let Some(version) = self.version(Some(text), of) {
                normal.insert(&version.normalised(text.as_ref()))?;
            }
        }
        Ok(Leaf::Semver(Box::new(SemverTest::InList(normal))))
    }
}

/// What takes the place of all conditions where one of them uses an unknown matcher: `control` for every key.
fn unsupported() -> Condition {
    Condition {
        is_rollout: true,
        usable: true,
        label: labels::UNSUPPORTED,
        matchers: Box::new([Matcher { kind: Kind::AllKeys, test: Test::AllKeys, negate: false, attribute: None }]),
        partitions: Box::new([Partition {
            up_to: 100,
            choice: Choice { treatment: Interned::control(), config: None },
        }]),
    }
}

fn is_active(status: Option<&Text<'_>>) -> bool {
    status.is_some_and(|status| status.as_ref() == "ACTIVE")
}

fn usable_name<'t>(name: Option<&'t Text<'_>>, what: &'static str) -> Result<&'t str, WireError> {
    let name = name.map_or("", Text::as_ref);
    if name.trim().is_empty() {
        return Err(WireError::NoName);
    }
    without_nul(name, what)
}

/// A segment that is referred to; `None` if its name is missing.
fn segment_name<'t>(name: Option<&'t Text<'_>>) -> Result<Option<&'t str>, WireError> {
    name.map(Text::as_ref).filter(|name| !name.is_empty()).map(|name| without_nul(name, "segment")).transpose()
}

fn without_nul<'t>(name: &'t str, what: &'static str) -> Result<&'t str, WireError> {
    if name.contains('\0') { Err(WireError::Nul { what }) } else { Ok(name) }
}

fn boxed(text: Option<&Text<'_>>) -> Option<Box<str>> {
    text.map(|text| text.as_ref().into())
}

fn boxes(list: &[Text<'_>]) -> Box<[Box<str>]> {
    list.iter().map(|text| Box::from(text.as_ref())).collect()
}

fn table(list: &[Text<'_>]) -> Result<Box<KeyTable>, KeyTableError> {
    KeyTable::from_keys(list).map(Box::new)
}

fn set(relation: SetRelation, list: Option<&[Text<'_>]>) -> Result<Option<Leaf>, WireError> {
    Ok(list.map(table).transpose()?.map(|texts| Leaf::Set(relation, texts)))
}

fn sets(list: &[Text<'_>]) -> Result<Box<[Box<str>]>, WireError> {
    let names = list.iter().map(|set| without_nul(set.as_ref(), "flag set").map(Box::from));
    let mut sets: Vec<Box<str>> = names.collect::<Result<_, _>>()?;
    sets.sort_unstable();
    sets.dedup();
    Ok(sets.into())
}

/// A treatment that is served; `control` where it is missing.
fn treatment(text: Option<&Text<'_>>, configs: &Configs<'_>) -> Result<Choice, WireError> {
    let treatment = text.map_or(Ok(Interned::control()), |text| intern_treatment(text.as_ref()))?;
    Ok(choice(treatment, |treatment| configs.get(treatment).copied()))
}

fn dependency(flag: Option<&Text<'_>>, treatments: &[Text<'_>]) -> Result<Dependency, WireError> {
    let treatments = treatments.iter().map(|text| intern_treatment(text.as_ref()));
    Ok(Dependency {
        // A prerequisite without a name is one on a flag that nobody has.
        flag: NameRef::new(flag.map_or("", Text::as_ref)),
        treatments: treatments.collect::<Result<_, _>>()?,
    })
}

fn partitions(dtos: &[PartitionDto<'_>], configs: &Configs<'_>) -> Result<Box<[Partition]>, WireError> {
    let mut total = 0.0;
    let mut up_to = 0;
    let partition = |dto: &PartitionDto<'_>| {
        total += dto.size.map_or(0.0, Number::float);
        // Buckets are whole and at most 100, so neither the fraction nor what is beyond matters. A part of negative size
        // takes nothing from those before it, which are asked first.
        up_to = up_to.max(total.clamp(0.0, 100.0) as u8);
        Ok(Partition { up_to, choice: treatment(dto.treatment.as_ref(), configs)? })
    };
    dtos.iter().map(partition).collect()
}

/// Dates are compared by day for equality and by minute otherwise.
fn unit(data_type: Option<&Text<'_>>, date: Unit) -> Unit {
    if data_type.is_some_and(|kind| kind.as_ref() == "DATETIME") { date } else { Unit::One }
}

fn bound(number: Number) -> Bound {
    match number {
        Number::Whole(number) => Bound::Whole(number),
        Number::Large(_) => Bound::Whole(i64::MAX),
        Number::Float(number) => Bound::Float(number),
    }
}

fn unary_number(kind: Kind, dto: &MatcherDto<'_>) -> Option<Leaf> {
    let data = dto.unary_numeric_matcher_data.as_ref()?;
    let value = Some(bound(data.value?));
    let by = |date| unit(data.data_type.as_ref(), date);
    Some(Leaf::Number(match kind {
        Kind::EqualTo => NumberTest::new(by(Unit::Day), value, value),
        Kind::GreaterThanOrEqualTo => NumberTest::new(by(Unit::Minute), value, None),
        _ => NumberTest::new(by(Unit::Minute), None, value),
    }))
}

fn between_numbers(dto: &MatcherDto<'_>) -> Option<Leaf> {
    let data = dto.between_matcher_data.as_ref()?;
    let unit = unit(data.data_type.as_ref(), Unit::Minute);
    Some(Leaf::Number(NumberTest::new(unit, Some(bound(data.start?)), Some(bound(data.end?)))))
}
