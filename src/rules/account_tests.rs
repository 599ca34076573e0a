//! What accounts of decisions say, and that they say what was decided.

use serde_json::{Value, json};

use super::bucketing::{Algorithm, bucket};
use super::evaluator::Decision;
use super::testing::{Explained, World, flag_json, rule_based_segment_json};
use super::{Fallbacks, Outcome};
use crate::config::{FallbackTreatment, FallbackTreatments};
use crate::input::{Attributes, Key};

const ANN: Key<'_> = Key { matching: "ann", bucketing: None };

/// Evaluates, and sees that the account of the same question has the same end and no step that contradicts another.
pub(super) fn evaluate<'a>(
    world: &'a World,
    flag: &str,
    key: Key<'a>,
    attributes: Option<&'a Attributes>,
) -> Decision<'a> {
    let decision = world.evaluate(flag, key, attributes);
    let (again, account) = world.explain(flag, key, attributes);
    let told = |decision: &Decision<'_>| {
        let flag = decision.flag.map(|flag| flag.change_number);
        let config = decision.config.map(|config| config.as_str().to_owned());
        (decision.outcome, decision.treatment, decision.label, config, flag)
    };
    assert_eq!(told(&again), told(&decision), "{flag}, {key:?}");
    let steps = &account.steps;
    match decision.outcome {
        Outcome::UnknownFlag => assert!(steps.is_null(), "{steps}"),
        Outcome::Exception => assert!(steps["treatment"].is_null(), "{steps}"),
        Outcome::Evaluated => {
            let label = steps["label"].as_str();
            if steps["treatment"] == "control" && world.fallbacks.resolve(Some(flag)).is_some() {
                let label = label.map(|label| format!("fallback - {label}"));
                assert_eq!(label.as_deref(), decision.label.map(|label| label.as_str()), "{steps}");
            } else {
                assert_eq!(steps["treatment"], decision.treatment.as_str(), "{steps}");
                assert_eq!(label, decision.label.map(|label| label.as_str()), "{steps}");
            }
            if !account.is_cut {
                check(steps);
            }
        }
    }
    decision
}

/// Whether each step follows from the steps within it.
fn check(step: &Value) {
    let within = || step["steps"].as_array().into_iter().flatten();
    within().for_each(check);
    let results: Vec<bool> = within().filter_map(|step| step["result"].as_bool()).collect();
    let result = &step["result"];
    match step["step"].as_str().expect("a name") {
        "flag" => {
            let last = within().last();
            let reason = match last.map(|step| (step["step"].as_str(), &step["result"])) {
                _ if step["killed"] == true => "killed",
                Some((Some("prerequisite"), result)) if *result == false => "prerequisite",
                Some((Some("traffic_allocation"), result)) if *result == false => "traffic_allocation",
                Some((Some("partition"), _)) => "condition",
                _ => "default_rule",
            };
            assert_eq!(step["decided_by"], reason, "{step}");
            let treatment = if reason == "condition" {
                &last.expect("a partition")["treatment"]
            } else {
                &step["default_treatment"]
            };
            assert_eq!(&step["treatment"], treatment, "{step}");
        }
        "prerequisite" | "dependency" => {
            let wanted = step["treatments"].as_array().expect("a list");
            assert_eq!(*result, wanted.contains(&step["served"]), "{step}");
        }
        "condition" => {
            let holds = step["usable"] == true && results.iter().all(|&result| result);
            assert_eq!(*result, holds, "{step}");
        }
        "matcher" => {
            let matches = step["matches"].as_bool().expect("an answer");
            assert_eq!(*result, matches != (step["negate"] == true), "{step}");
            assert!(results.iter().all(|&result| result == matches), "{step}");
        }
        "traffic_allocation" => {
            assert_eq!(*result, step["bucket"].as_u64() <= step["percentage"].as_u64(), "{step}");
        }
        "partition" => match (step["from"].as_u64(), step["to"].as_u64()) {
            (Some(from), Some(to)) => {
                let bucket = step["bucket"].as_u64().expect("a number");
                assert!((from..=to).contains(&bucket), "{step}");
            }
            _ => assert_eq!(step["treatment"], "control", "{step}"),
        },
        "exclusion" => assert_eq!(results, [*result == true], "{step}"),
        "segment" | "excluded_keys" | "rule_based_segment" => assert!(result.is_boolean(), "{step}"),
        other => panic!("{other}"),
    }
}

fn explain(world: &World, flag: &str, attributes: &str) -> Value {
    let attributes = Attributes::from_json(attributes).expect("an object");
    evaluate(world, flag, ANN, Some(&attributes));
    world.explain(flag, ANN, Some(&attributes)).1.steps
}

/// What the account of a flag with these members says beside what it says of all flags.
fn explain_flag(members: &str) -> Value {
    explain(&World::with_flags(&[format!(r#"{{"name":"f","status":"ACTIVE","changeNumber":7,{members}}}"#)]), "f", "{}")
}

#[test]
fn what_decided_is_told() {
    let head = |reason: &str, treatment: &str, label: &str, killed: bool, steps: Value| {
        let mut flag = json!({
            "step": "flag", "flag": "f", "change_number": 7, "killed": killed, "default_treatment": "off",
            "decided_by": reason, "treatment": treatment, "label": label,
        });
        if !steps.as_array().expect("steps").is_empty() {
            flag["steps"] = steps;
        }
        flag
    };
    let all_keys = |result: bool| {
        json!({
            "step": "matcher", "type": "ALL_KEYS", "attribute": null, "value": "ann", "expected": null, "usable": true,
            "matches": true, "negate": !result, "result": result,
        })
    };
    let condition = |kind: &str, result: bool| json!({"step": "condition", "type": kind, "label": "c", "usable": true, "result": result, "steps": [all_keys(result)]});
    let number = bucket("ann", 5, Algorithm::Murmur3);
    let flag = |kind: &str, negate: bool, more: &str| {
        format!(
            r#""defaultTreatment":"off","seed":5,"algo":2,"conditions":[{{"conditionType":"{kind}","label":"c","matcherGroup":
            {{"combiner":"AND","matchers":[{{"matcherType":"ALL_KEYS","negate":{negate}}}]}},
            "partitions":[{{"treatment":"on","size":100}}]}}]{more}"#
        )
    };
    let partition = json!({
        "step": "partition", "bucket": number, "seed": 5, "algorithm": "murmur3", "from": 1, "to": 100, "treatment": "on",
    });
    let legacy = bucket("ann", -3_i32 as u32, Algorithm::Legacy);
    let cases = [
        (flag("ROLLOUT", false, r#","killed":true"#), head("killed", "off", "killed", true, json!([]))),
        (
            flag("ROLLOUT", false, ""),
            head("condition", "on", "c", false, json!([condition("ROLLOUT", true), partition])),
        ),
        (
            flag("WHITELIST", true, ""),
            head("default_rule", "off", "default rule", false, json!([condition("WHITELIST", false)])),
        ),
        (
            flag("ROLLOUT", false, r#","trafficAllocation":0,"trafficAllocationSeed":-3"#)
                .replace(r#""algo":2"#, r#""algo":1"#),
            head(
                "traffic_allocation",
                "off",
                "not in split",
                false,
                json!([{
                    "step": "traffic_allocation", "percentage": 0, "bucket": legacy, "seed": -3, "algorithm": "legacy",
                    "result": false,
                }]),
            ),
        ),
        (
            flag("ROLLOUT", false, r#","prerequisites":[{"n":"nobody","ts":["on","x"]}]"#),
            head(
                "prerequisite",
                "off",
                "prerequisites not met",
                false,
                json!([{
                    "step": "prerequisite", "flag": "nobody", "treatments": ["on", "x"], "served": "control", "result": false,
                }]),
            ),
        ),
    ];
    for (members, expected) in cases {
        assert_eq!(explain_flag(&members), expected, "{members}");
    }
}

#[test]
fn a_matcher_tells_what_it_saw_and_what_it_wanted() {
    let many: Vec<String> = (0..21).map(|number| format!("\"{number}\"")).collect();
    let many = format!(r#""WHITELIST","whitelistMatcherData":{{"whitelist":[{}]}}"#, many.join(","));
    let number = |kind: &str, value: &str| {
        format!(r#""{kind}","unaryNumericMatcherData":{{"dataType":"NUMBER","value":{value}}}"#)
    };
    let day = r#""EQUAL_TO","unaryNumericMatcherData":{"dataType":"DATETIME","value":86400001}"#.to_owned();
    let between = r#""BETWEEN","betweenMatcherData":{"dataType":"NUMBER","start":1,"end":3}"#.to_owned();
    let texts = |kind: &str| format!(r#""{kind}","whitelistMatcherData":{{"whitelist":["b","a"]}}"#);
    let text = |kind: &str, text: &str| format!(r#""{kind}","stringMatcherData":"{text}""#);
    let versions = r#""BETWEEN_SEMVER","betweenStringMatcherData":{"start":"1.0.0","end":"02.0.0"}"#.to_owned();
    let range =
        |unit: &str, at_least: Value, at_most: Value| json!({"unit": unit, "at_least": at_least, "at_most": at_most});
    let between_versions = |at_least: Value, at_most: Value| json!({"at_least": at_least, "at_most": at_most});
    let two = json!({"count": 2, "values": ["a", "b"]});
    let long = format!("\"{}\"", "x".repeat(1023));
    // The matcher, the attribute's JSON, what is seen, what is expected, whether it matches.
    let cases = [
        (many, "\"3\"", json!("3"), json!({"count": 21}), true),
        (texts("WHITELIST"), "\"a\"", json!("a"), two.clone(), true),
        (texts("STARTS_WITH"), "\"c\"", json!("c"), two.clone(), false),
        (texts("ENDS_WITH"), "[1,\"x\",null]", json!([1, "x", null]), two.clone(), false),
        (texts("CONTAINS_STRING"), "true", json!(true), two.clone(), false),
        (texts("PART_OF_SET"), "[\"a\"]", json!(["a"]), two, true),
        (text("MATCHES_STRING", "^a$"), "\"a\"", json!("a"), json!({"pattern": "^a$"}), true),
        (number("EQUAL_TO", "18.5"), "18", json!(18), range("one", json!(19), json!(18)), false),
        (number("GREATER_THAN_OR_EQUAL_TO", "18"), "18", json!(18), range("one", json!(18), json!(null)), true),
        (number("LESS_THAN_OR_EQUAL_TO", "18"), "null", json!(null), range("one", json!(null), json!(18)), false),
        (day, "86401", json!(86401), range("day", json!(86400), json!(86400)), true),
        (between, "{\"k\":1}", json!({"k": 1}), range("one", json!(1), json!(3)), false),
        (
            "\"EQUAL_TO_BOOLEAN\",\"booleanMatcherData\":true".into(),
            "true",
            json!(true),
            json!({"equal_to": true}),
            true,
        ),
        (
            text("EQUAL_TO_SEMVER", "1.2.3"),
            "\"1.2.3\"",
            json!("1.2.3"),
            between_versions(json!("1.2.3"), json!("1.2.3")),
            true,
        ),
        (
            text("LESS_THAN_OR_EQUAL_TO_SEMVER", "1.0.0-a"),
            "\"1\"",
            json!("1"),
            between_versions(json!(null), json!("1.0.0-a")),
            false,
        ),
        (versions, "\"1.5.0\"", json!("1.5.0"), between_versions(json!("1.0.0"), json!("2.0.0")), true),
        (texts("IN_LIST_SEMVER"), "\"1.5.0\"", json!("1.5.0"), json!({"count": 0, "values": []}), false),
        (text("MATCHES_STRING", "("), "\"a\"", json!("a"), json!(null), false),
        (text("MATCHES_STRING", "x"), &*long, json!(null), json!({"pattern": "x"}), true),
    ];
    for (matcher, value, seen, expected, matches) in cases {
        let json = format!(r#"{{"keySelector":{{"attribute":"a"}},"negate":true,"matcherType":{matcher}}}"#);
        let account = explain(&World::with_flags(&[flag_json("f", &json)]), "f", &format!(r#"{{"a":{value}}}"#));
        let step = &account["steps"][0]["steps"][0];
        let kind = matcher.split('"').nth(1);
        assert_eq!((step["step"].as_str(), step["type"].as_str()), (Some("matcher"), kind), "{step}");
        assert_eq!((&step["attribute"], &step["value"], &step["expected"]), (&json!("a"), &seen, &expected), "{step}");
        assert_eq!(
            (&step["matches"], &step["result"], &step["negate"]),
            (&json!(matches), &json!(!matches), &json!(true)),
            "{step}"
        );
        assert_eq!(step["usable"], json!(!expected.is_null()), "{step}");
        assert_eq!(step["value_bytes"].as_u64(), (value.len() > 1024).then_some(value.len() as u64), "{step}");
    }
}

#[test]
fn what_a_decision_depends_on_is_told_within_it() {
    let in_segment = |name: &str| {
        format!(r#"{{"matcherType":"IN_SEGMENT","userDefinedSegmentMatcherData":{{"segmentName":"{name}"}}}}"#)
    };
    let in_rule_based = |name: &str| {
        format!(
            r#"{{"matcherType":"IN_RULE_BASED_SEGMENT","userDefinedSegmentMatcherData":{{"segmentName":"{name}"}}}}"#
        )
    };
    let depends = r#"{"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{"split":"g","treatments":["on"]}}"#;
    let members = rule_based_segment_json("members", &in_segment("s")).replacen(
        '{',
        r#"{"excluded":{"keys":["bob"],"segments":[{"name":"banned","type":"standard"},{"name":"odd","type":"rule-based"}]},"#,
        1,
    );
    let mut world = World::new();
    world.put(
        &[
            flag_json("f", &format!("{},{depends}", in_rule_based("members"))),
            flag_json("g", &in_segment("missing")),
            flag_json("h", &in_rule_based("nowhere")),
        ],
        &[members, rule_based_segment_json("odd", r#"{"matcherType":"ALL_KEYS","negate":true}"#)],
    );
    world.segment("s", &["ann"]);
    world.segment("banned", &["eve"]);

    let account = explain(&world, "f", "{}");
    let matchers = account["steps"][0]["steps"].as_array().expect("two matchers");
    assert_eq!(matchers[0]["expected"], json!({"segment": "members"}));
    let segment = &matchers[0]["steps"][0];
    assert_eq!(
        [&segment["step"], &segment["segment"], &segment["known"], &segment["result"]],
        [&json!("rule_based_segment"), &json!("members"), &json!(true), &json!(true)]
    );
    let steps = segment["steps"].as_array().expect("steps");
    assert_eq!(steps[0], json!({"step": "excluded_keys", "count": 1, "result": false}));
    let banned = json!({"step": "segment", "segment": "banned", "loaded": true, "result": false});
    assert_eq!(steps[1], json!({"step": "exclusion", "result": false, "steps": [banned]}));
    assert_eq!((&steps[2]["step"], &steps[2]["steps"][0]["segment"]), (&json!("exclusion"), &json!("odd")));
    assert_eq!(
        steps[3]["steps"][0]["steps"],
        json!([{"step": "segment", "segment": "s", "loaded": true, "result": true}])
    );

    let dependency = &matchers[1]["steps"][0];
    assert_eq!(matchers[1]["expected"], json!({"flag": "g", "treatments": ["on"]}));
    assert_eq!(
        [&dependency["step"], &dependency["served"], &dependency["result"], &dependency["steps"][0]["flag"]],
        [&json!("dependency"), &json!("off"), &json!(false), &json!("g")]
    );
    let missing = json!([{"step": "segment", "segment": "missing", "loaded": false, "result": false}]);
    assert_eq!(dependency["steps"][0]["steps"][0]["steps"][0]["steps"], missing);

    let nowhere = json!([{"step": "rule_based_segment", "segment": "nowhere", "known": false, "result": false}]);
    assert_eq!(explain(&world, "h", "{}")["steps"][0]["steps"][0]["steps"], nowhere);
}

#[test]
fn a_fallback_serves_what_is_told_as_served() {
    let on = FallbackTreatment { treatment: "on".into(), config: None };
    let fallbacks = FallbackTreatments { global: Some(on), by_flag: Default::default() };
    let fallbacks = Fallbacks::compile(&fallbacks).expect("few treatments");
    let depends = r#"{"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{"split":"g","treatments":["on"]}}"#;
    let mut world = World { fallbacks, ..World::new() };
    world.put(&[flag_json("f", depends)], &[] as &[&str]);
    let dependency = &explain(&world, "f", "{}")["steps"][0]["steps"][0]["steps"][0];
    assert_eq!((&dependency["served"], &dependency["result"]), (&json!("on"), &json!(true)));
}

fn depth(step: &Value) -> usize {
    match step {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn count(step: &Value) -> usize {
    1 + step["steps"].as_array().into_iter().flatten().map(count).sum::<usize>()
}

#[test]
fn accounts_are_bounded_and_those_of_failures_end_where_it_failed() {
    let depends = |flag: &str| {
        format!(
            r#"{{"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{{"split":"{flag}","treatments":["on"]}}}}"#
        )
    };
    let next = |level: usize| [depends(&format!("n{}", level + 1)), depends(&format!("n{}", level + 1))].join(",");
    let mut flags: Vec<String> = (0..12).map(|level| flag_json(&format!("n{level}"), &next(level))).collect();
    flags.push(flag_json("n12", r#"{"matcherType":"ALL_KEYS"}"#));
    flags.push(flag_json("circle", &depends("circle")));
    let world = World::with_flags(&flags);

    // Many, and not deep. Then deep, in a circle that the evaluator gives up.
    let (decision, account) = world.explain("n2", ANN, None);
    assert_eq!((decision.treatment.as_str(), account.is_cut), ("on", true));
    assert!(count(&account.steps) <= 10_000 && depth(&account.steps) <= 90, "{}", count(&account.steps));
    assert_eq!((&account.steps["treatment"], &account.steps["decided_by"]), (&json!("on"), &json!("condition")));

    let (decision, Explained { steps, is_cut }) = world.explain("circle", ANN, None);
    assert_eq!((decision.outcome, is_cut), (Outcome::Exception, true));
    assert!(depth(&steps) <= 90 && count(&steps) == 40, "{} deep, {} steps", depth(&steps), count(&steps));
    assert_eq!([&steps["treatment"], &steps["decided_by"], &steps["label"]], [&json!(null); 3]);
    assert!(steps["steps"][0].get("result").is_none(), "{}", steps["steps"][0]["result"]);
}

#[test]
fn long_texts_of_definitions_are_bounded_as_well() {
    let values: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(50_000))).collect();
    let matcher = json!({"matcherType": "WHITELIST", "negate": true, "whitelistMatcherData": {"whitelist": values}});
    let matchers = vec![matcher.to_string(); 100].join(",");
    let world = World::with_flags(&[flag_json("long", &matchers)]);

    let (decision, account) = world.explain("long", ANN, None);
    assert_eq!((decision.treatment.as_str(), account.is_cut), ("on", true));
    let length = account.steps.to_string().len();
    assert!((1024 * 1024..5 * 1024 * 1024).contains(&length), "{length} bytes");
    assert_eq!(account.steps["treatment"], json!("on"));
}
