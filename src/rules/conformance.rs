//! The decisions of Split's Python SDK, recorded, against ours: every record of the fixtures that concern rules.
//!
//! Definitions go through [`crate::wire`], as they do in life. Each decision is also explained, and the account has to
//! agree with it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::account_tests::evaluate;
use super::bucketing::{Algorithm, bucket, legacy, murmur3_32};
use super::flag::pick_by_bucket;
use super::matcher::{Bound, NumberTest, Unit};
use super::semver::Version;
use super::testing::{World, csv_fixture, fixture, flag_json};
use super::value::with_text;
use super::{Fallbacks, Outcome};
use crate::config::{FallbackTreatment, FallbackTreatments};
use crate::input::{Attributes, Key};

type Raw = Box<RawValue>;

fn key(matching: &str) -> Key<'_> {
    Key { matching, bucketing: None }
}

fn attributes(json: &RawValue) -> Option<Attributes> {
    (json.get() != "null").then(|| Attributes::from_json(json.get()).expect("an object"))
}

#[derive(Debug, Deserialize)]
struct Hashed {
    key: String,
    seed: i32,
    hash: i64,
    bucket: u8,
}

#[test]
fn murmur3_buckets() {
    for case in fixture::<Hashed>("murmur3_buckets.json", 520) {
        let seed = case.seed as u32;
        let hash = murmur3_32(case.key.as_bytes(), seed);
        assert_eq!(
            (i64::from(hash), bucket(&case.key, seed, Algorithm::Murmur3)),
            (case.hash, case.bucket),
            "{case:?}"
        );
    }
}

#[test]
fn legacy_buckets() {
    for case in fixture::<Hashed>("legacy_buckets.json", 220) {
        let seed = case.seed as u32;
        let hash = legacy(&case.key, seed);
        assert_eq!((i64::from(hash), bucket(&case.key, seed, Algorithm::Legacy)), (case.hash, case.bucket), "{case:?}");
    }
}

/// A flag with one condition on all keys.
fn flag_with_partitions(partitions: &RawValue, seed: i64, algo: i64) -> World {
    World::with_flags(&[format!(
        r#"{{"name":"f","status":"ACTIVE","seed":{seed},"algo":{algo},"conditions":[{{"conditionType":"ROLLOUT",
        "matcherGroup":{{"combiner":"AND","matchers":[]}},"partitions":{partitions}}}]}}"#
    )])
}

#[test]
fn partition_pick() {
    #[derive(Debug, Deserialize)]
    struct Case {
        bucket: u8,
        partitions: Raw,
        treatment: String,
    }
    for case in fixture::<Case>("partition_pick.json", 153) {
        let world = flag_with_partitions(&case.partitions, 0, 2);
        let flag = world.definitions.flag("f").expect("stored");
        let picked = pick_by_bucket(&flag.conditions[0].partitions, case.bucket);
        assert_eq!(picked.choice.map_or("control", |choice| choice.treatment.as_str()), case.treatment, "{case:?}");
    }
}

#[test]
fn treatment_pick() {
    #[derive(Debug, Deserialize)]
    struct Case {
        key: String,
        seed: i64,
        algo: i64,
        partitions: Raw,
        treatment: String,
    }
    for case in fixture::<Case>("treatment_pick.json", 120) {
        let world = flag_with_partitions(&case.partitions, case.seed, case.algo);
        let decision = evaluate(&world, "f", key(&case.key), None);
        assert_eq!(decision.treatment.as_str(), case.treatment, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Allocation {
    key: String,
    algo: i64,
    traffic_allocation: Option<i64>,
    traffic_allocation_seed: i32,
    bucket: u8,
    allocated: bool,
    treatment: String,
    label: String,
}

#[test]
fn traffic_allocation() {
    for case in fixture::<Allocation>("traffic_allocation.json", 76) {
        check_allocation(&case);
    }
}

fn check_allocation(case: &Allocation) {
    let world = World::with_flags(&[format!(
        r#"{{"name":"f","status":"ACTIVE","defaultTreatment":"off","algo":{},"trafficAllocation":{},
        "trafficAllocationSeed":{},"conditions":[{{"conditionType":"ROLLOUT","label":"c","matcherGroup":{{"combiner":"AND",
        "matchers":[{{"matcherType":"ALL_KEYS"}}]}},"partitions":[{{"treatment":"on","size":100}}]}}]}}"#,
        case.algo,
        case.traffic_allocation.map_or("null".into(), |percent| percent.to_string()),
        case.traffic_allocation_seed
    )]);
    let algorithm = if case.algo == 2 { Algorithm::Murmur3 } else { Algorithm::Legacy };
    assert_eq!(bucket(&case.key, case.traffic_allocation_seed as u32, algorithm), case.bucket, "{case:?}");
    let decision = evaluate(&world, "f", key(&case.key), None);
    let label = decision.label.map(|label| label.as_str());
    assert_eq!((decision.treatment.as_str(), label), (&*case.treatment, Some(&*case.label)), "{case:?}");
    assert_eq!(case.allocated, case.label == "c", "{case:?}");
}

/// A traffic allocation of 1 % once exposed nobody, in every SDK of Split, through one comparison.
#[test]
fn b24_allocations_admit_exactly_the_buckets_up_to_them() {
    for algo in [1, 2] {
        let algorithm = if algo == 2 { Algorithm::Murmur3 } else { Algorithm::Legacy };
        for wanted in [1, 2, 99, 100] {
            let in_bucket = |key: &String| bucket(key, 77, algorithm) == wanted;
            let key = (0..).map(|n| format!("user-{n}")).find(in_bucket).expect("hashes spread");
            for traffic_allocation in [0, 1, 99, 100] {
                let allocated = i64::from(wanted) <= traffic_allocation;
                check_allocation(&Allocation {
                    key: key.clone(),
                    algo,
                    traffic_allocation: Some(traffic_allocation),
                    traffic_allocation_seed: 77,
                    bucket: wanted,
                    allocated,
                    treatment: if allocated { "on" } else { "off" }.into(),
                    label: if allocated { "c" } else { "not in split" }.into(),
                });
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct MatcherCase {
    matcher: Raw,
    key: String,
    attributes: Raw,
    expected: bool,
    #[serde(default)]
    segments: BTreeMap<String, Vec<String>>,
    tier: Option<String>,
}

impl MatcherCase {
    fn matches(&self) -> bool {
        let mut world = World::with_flags(&[flag_json("f", self.matcher.get())]);
        self.segments.iter().for_each(|(name, keys)| world.segment(name, keys));
        let attributes = attributes(&self.attributes);
        let decision = evaluate(&world, "f", key(&self.key), attributes.as_ref());
        match decision.treatment.as_str() {
            "on" => true,
            "off" => false,
            other => panic!("{other} for {self:?}"),
        }
    }
}

#[test]
fn matchers() {
    let files = [
        ("matcher_general.json", 34),
        ("matcher_numeric.json", 154),
        ("matcher_datetime.json", 179),
        ("matcher_boolean.json", 60),
        ("matcher_string.json", 128),
        ("matcher_set.json", 100),
        ("matcher_regex.json", 73),
        ("matcher_semver.json", 102),
    ];
    for (file, records) in files {
        for case in fixture::<MatcherCase>(file, records) {
            let actual = case.matches();
            if case.tier.as_deref() == Some("exotic") {
                // The official SDKs disagree on these.
                if actual != case.expected {
                    println!("{file}: {actual} instead of {}: {case:?}", case.expected);
                }
                continue;
            }
            assert_eq!(actual, case.expected, "{file}: {case:?}");
        }
    }
}

#[test]
fn string_form() {
    #[derive(Debug, Deserialize)]
    struct Case {
        value: Raw,
        text: Option<String>,
    }
    for case in fixture::<Case>("string_form.json", 41) {
        let attributes = Attributes::from_json(&format!(r#"{{"a":{}}}"#, case.value)).expect("JSON");
        let text = attributes.get("a").and_then(|value| with_text(value, str::to_owned));
        assert_eq!(text, case.text, "{case:?}");
    }
}

#[test]
fn date_truncation() {
    for case in csv_fixture("date_truncation.csv", 60) {
        let numbers: Vec<i64> = case.iter().map(|field| field.parse().expect("a number")).collect();
        let [definition_ms, attribute_s, minute_s, day_s] = numbers[..] else { panic!("{case:?}") };
        for (unit, cut, size) in [(Unit::Minute, minute_s, 60), (Unit::Day, day_s, 86_400)] {
            let is_equal = |ms| {
                let bound = Some(Bound::Whole(ms));
                NumberTest::new(unit, bound, bound)
            };
            // The definition's side, then the attribute's.
            let (from, to) = (cut, cut + size - 1);
            let holds = [from - 1, from, to, to + 1].map(|seconds| is_equal(definition_ms).holds(seconds));
            assert_eq!(holds, [false, true, true, false], "{unit:?}, {case:?}");
            let holds = [cut - 1, cut, cut + size].map(|bound| is_equal(bound * 1000).holds(attribute_s));
            assert_eq!(holds, [false, true, false], "{unit:?}, {case:?}");
        }
    }
}

#[test]
fn semver_parse() {
    #[derive(Debug, Deserialize)]
    struct Case {
        input: String,
        expected: Option<String>,
    }
    for case in fixture::<Case>("semver_parse.json", 57) {
        let version = Version::parse(&case.input);
        let normal = version.as_ref().map(|version| version.normalised(&case.input).into_owned());
        assert_eq!(normal, case.expected, "{case:?}");
        // Also with text of its own, as definitions keep it.
        let again = version.map(|version| version.boxed().normalised("").into_owned());
        assert_eq!(again, case.expected, "{case:?}");
    }
}

#[test]
fn semver_compare() {
    for case in csv_fixture("semver_compare.csv", 173) {
        let [a, b, compare, equal] = &case[..] else { panic!("{case:?}") };
        let (a, b) = (Version::parse(a).expect("a version"), Version::parse(b).expect("a version"));
        let actual = (a.compare(&b) as i8, a.equals(&b), b.boxed().compare(&a) as i8);
        let compare: i8 = compare.parse().expect("a number");
        assert_eq!(actual, (compare, equal == "true", -compare), "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
struct Scenario {
    name: String,
    flags: Vec<Raw>,
    #[serde(default)]
    rule_based_segments: Vec<Raw>,
    #[serde(default)]
    segments: BTreeMap<String, Vec<String>>,
    fallback: Option<FallbackDto>,
    cases: Vec<ScenarioCase>,
}

#[derive(Debug, Deserialize)]
struct FallbackDto {
    global: Option<FallbackTreatmentDto>,
    #[serde(default)]
    by_flag: BTreeMap<String, FallbackTreatmentDto>,
}

#[derive(Debug, Deserialize)]
struct FallbackTreatmentDto {
    treatment: String,
    config: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ScenarioCase {
    key: String,
    bucketing_key: Option<String>,
    flag: String,
    attributes: Option<Raw>,
    expected: Expected,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Expected {
    treatment: String,
    config: Option<String>,
    label: Option<String>,
    change_number: Option<i64>,
    impression: bool,
}

#[test]
fn evaluation_scenarios() {
    let mut cases = 0;
    for scenario in fixture::<Scenario>("evaluation_scenarios.json", 66) {
        let mut world = World::new();
        if let Some(configured) = &scenario.fallback {
            let own = |dto: &FallbackTreatmentDto| FallbackTreatment {
                treatment: dto.treatment.clone(),
                config: dto.config.clone(),
            };
            let fallbacks = FallbackTreatments {
                global: configured.global.as_ref().map(own),
                by_flag: configured.by_flag.iter().map(|(flag, dto)| (flag.clone(), own(dto))).collect(),
            };
            world.fallbacks = Fallbacks::compile(&fallbacks).expect("few treatments");
        }
        let texts = |raw: &[Raw]| raw.iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>();
        world.put(&texts(&scenario.flags), &texts(&scenario.rule_based_segments));
        scenario.segments.iter().for_each(|(name, keys)| world.segment(name, keys));
        for case in &scenario.cases {
            let attributes = case.attributes.as_deref().and_then(attributes);
            let key = Key { matching: &case.key, bucketing: case.bucketing_key.as_deref() };
            let decision = evaluate(&world, &case.flag, key, attributes.as_ref());
            let actual = Expected {
                treatment: decision.treatment.to_string(),
                config: decision.config.map(|config| config.as_str().to_owned()),
                label: decision.label.map(|label| label.to_string()),
                change_number: decision.flag.map(|flag| flag.change_number),
                impression: decision.outcome != Outcome::UnknownFlag,
            };
            assert_eq!(actual, case.expected, "{}: {case:?}", scenario.name);
            cases += 1;
        }
    }
    assert_eq!(cases, 158);
}

#[test]
fn split_views() {
    #[derive(Debug, Deserialize)]
    struct Case {
        flag: Raw,
        view: View,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct View {
        name: String,
        traffic_type: Option<String>,
        killed: bool,
        treatments: Vec<String>,
        change_number: i64,
        configs: BTreeMap<String, String>,
        default_treatment: String,
        sets: Vec<String>,
        impressions_disabled: bool,
        prerequisites: Vec<Prerequisite>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Prerequisite {
        flag_name: String,
        treatments: Vec<String>,
    }
    for case in fixture::<Case>("split_views.json", 6) {
        let world = World::with_flags(&[case.flag.get()]);
        let view = world.definitions.flag(&case.view.name).expect("stored").view();
        let prerequisites = view.prerequisites.into_iter();
        let actual = View {
            name: view.name,
            traffic_type: view.traffic_type,
            killed: view.killed,
            treatments: view.treatments,
            change_number: view.change_number,
            configs: view.configs.into_iter().collect(),
            default_treatment: view.default_treatment,
            sets: view.sets,
            impressions_disabled: view.impressions_disabled,
            prerequisites: prerequisites
                .map(|one| Prerequisite { flag_name: one.flag_name, treatments: one.treatments })
                .collect(),
        };
        assert_eq!(actual, case.view, "{}", case.flag);
    }
}
