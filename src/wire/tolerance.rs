//! What becomes of documents and definitions that are not as they should be.

use serde_json::Value as Json;

use super::changes::{parse_changes, parse_segment_change};
use super::compile::Compiler;
use crate::input::{Attributes, Key};
use crate::logging::{Level, Logger};
use crate::rules::testing::{World, flag_json};
use crate::rules::{Applied, Outcome};

const NONE: &[&str] = &[];

/// One answer in which every member that exists occurs.
const FULL: &str = r#"{"ff":{"s":-1,"t":50,"d":[
    {"name":"full","trafficTypeName":"user","status":"ACTIVE","killed":false,"changeNumber":50,"seed":7,"algo":2,
     "trafficAllocation":100,"trafficAllocationSeed":8,"defaultTreatment":"off","configurations":{"on":"{}"},
     "sets":["web"],"impressionsDisabled":false,"prerequisites":[{"n":"good","ts":["on"]}],
     "conditions":[{"conditionType":"ROLLOUT","label":"c","matcherGroup":{"combiner":"AND","matchers":[
      {"matcherType":"IN_SEGMENT","negate":false,"keySelector":{"trafficType":"user","attribute":null},
       "userDefinedSegmentMatcherData":{"segmentName":"s"}},
      {"matcherType":"WHITELIST","whitelistMatcherData":{"whitelist":["ann"]}},
      {"matcherType":"BETWEEN","keySelector":{"attribute":"a"},
       "betweenMatcherData":{"dataType":"NUMBER","start":1,"end":2}},
      {"matcherType":"EQUAL_TO","unaryNumericMatcherData":{"dataType":"DATETIME","value":1}},
      {"matcherType":"BETWEEN_SEMVER","betweenStringMatcherData":{"start":"1.0.0","end":"2.0.0"}},
      {"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{"split":"good","treatments":["on"]}},
      {"matcherType":"EQUAL_TO_BOOLEAN","booleanMatcherData":true},
      {"matcherType":"MATCHES_STRING","stringMatcherData":"a"}]},
      "partitions":[{"treatment":"on","size":100}]}]},
    {"name":"good","status":"ACTIVE","conditions":[{"matcherGroup":{"combiner":"AND","matchers":[]},
     "partitions":[{"treatment":"on","size":100}]}]}]},
  "rbs":{"s":-1,"t":40,"d":[
    {"name":"members","trafficTypeName":"user","changeNumber":40,"status":"ACTIVE",
     "excluded":{"keys":["bob"],"segments":[{"name":"s","type":"standard"}]},
     "conditions":[{"conditionType":"ROLLOUT","label":"c","matcherGroup":{"combiner":"AND","matchers":[
      {"matcherType":"ALL_KEYS","negate":false}]}}]}]}}"#;

fn load(world: &mut World, json: &str) -> Applied {
    let document = parse_changes(json).unwrap_or_else(|cause| panic!("{cause}: {json}"));
    let mut compiler = Compiler { registry: &mut world.registry, log: &world.log, fallbacks: false };
    let change = document.compile(&mut compiler);
    world.apply(change, None)
}

/// All places below a value, as JSON pointers.
fn places(value: &Json, at: &str, all: &mut Vec<String>) {
    let mut below = |name: &str, child: &Json| {
        let place = format!("{at}/{name}");
        places(child, &place, all);
        all.push(place);
    };
    match value {
        Json::Object(members) => members.iter().for_each(|(name, child)| below(name, child)),
        Json::Array(elements) => elements.iter().enumerate().for_each(|(n, child)| below(&n.to_string(), child)),
        _ => {}
    }
}

/// null where a list or an object was expected once broke the whole answer.
#[test]
fn b25_null_in_the_place_of_any_member_costs_no_other_object() {
    let full: Json = serde_json::from_str(FULL).expect("JSON");
    let mut all = Vec::new();
    places(&full, "", &mut all);
    assert!(all.len() > 90, "{all:?}");
    for place in all {
        let mut document = full.clone();
        *document.pointer_mut(&place).expect("a place") = Json::Null;
        let mut world = World::new();
        load(&mut world, &document.to_string());
        let gone = |prefix: &str| prefix.starts_with(&place) || place.starts_with(prefix);
        for (name, prefix) in [("full", "/ff/d/0"), ("good", "/ff/d/1")] {
            assert!(gone(prefix) || world.definitions.flag(name).is_some(), "{name} without {place}");
        }
        assert!(gone("/rbs/d/0") || world.definitions.rule_based_segment("members").is_some(), "{place}");
        if !gone("/ff/t") {
            assert_eq!(world.definitions.change_number(), 50, "{place}");
        }
        // Whatever is left can be evaluated.
        let attributes = Attributes::from_json(r#"{"a":1}"#).expect("an object");
        for flag in ["full", "good"] {
            let key = Key { matching: "ann", bucketing: None };
            let outcome = world.evaluate(flag, key, Some(&attributes)).outcome;
            assert_ne!(outcome, Outcome::Exception, "{flag} without {place}");
        }
    }
}

#[test]
fn wrong_types_anywhere_cost_one_object_and_one_error_line() {
    let full: Json = serde_json::from_str(FULL).expect("JSON");
    let mut all = Vec::new();
    places(&full, "", &mut all);
    let ignored = ["/trafficType", "/s"];
    for place in all.into_iter().filter(|place| place.starts_with("/ff/d/0/")) {
        if ignored.iter().any(|end| place.ends_with(end)) {
            continue;
        }
        let mut document = full.clone();
        *document.pointer_mut(&place).expect("a place") = serde_json::json!({"no": ["such", "type"]});
        // Objects may have members that nobody knows.
        let replaced = full.pointer(&place).expect("a place");
        if replaced.is_object() {
            continue;
        }
        let (log, lines) = Logger::recording(Level::Error);
        let mut world = World { log, ..World::new() };
        load(&mut world, &document.to_string());
        assert!(world.definitions.flag("full").is_none() && world.definitions.flag("good").is_some(), "{place}");
        assert_eq!(lines.count(Level::Error), 1, "{place}: {:?}", lines.lines());
        let names_it = lines.lines()[0].1.contains("\"full\"");
        assert_eq!(names_it, place != "/ff/d/0/name", "{place}: {:?}", lines.lines());
    }
}

#[test]
fn a_bad_object_leaves_its_stored_namesake() {
    let mut world = World::with_flags(&[flag_json("f", r#"{"matcherType":"ALL_KEYS"}"#)]);
    for bad in [
        r#"{"name":"f","status":"ACTIVE","conditions":{}}"#,
        r#"{"name":"f","status":"ACTIVE","defaultTreatment":"o\u0000n"}"#,
        r#"{"name":"f","status":"ACTIVE","sets":["a\u0000b"]}"#,
        r#"{"name":"f","status":"ACTIVE","conditions":[{"matcherGroup":{"combiner":"AND","matchers":[
            {"matcherType":"IN_SEGMENT","userDefinedSegmentMatcherData":{"segmentName":"\u0000"}}]}}]}"#,
        r#"{"name":"f\u0000","status":"ACTIVE"}"#,
        r#"{"name":"f","name":"f"}"#,
        r#"{"name":null,"status":"ACTIVE"}"#,
        r#"{"name":" ","status":"ACTIVE"}"#,
        r#"{"status":"ACTIVE"}"#,
        r#"["f"]"#,
        "null",
        "17",
    ] {
        let (log, lines) = Logger::recording(Level::Error);
        world.log = log;
        let document = format!(r#"{{"ff":{{"t":1,"d":[{bad},{}]}}}}"#, flag_json("other", ""));
        let applied = load(&mut world, &document);
        assert!(applied.flags_changed.iter().all(|name| name == "other"), "{bad}: {applied:?}");
        assert_eq!(world.treatment("f", "ann"), "on", "{bad}");
        assert_eq!(lines.count(Level::Error), 1, "{bad}: {:?}", lines.lines());
    }
}

#[test]
fn configurations_may_hold_what_names_may_not() {
    let flag =
        r#"{"name":"f","status":"ACTIVE","defaultTreatment":"on","configurations":{"on":"a\u0000b","off":null}}"#;
    let world = World::with_flags(&[flag]);
    let decision = world.evaluate("f", Key { matching: "ann", bucketing: None }, None);
    assert_eq!(decision.config.map(|text| text.as_str()), Some("a\0b"));
}

#[test]
fn numbers_may_be_written_as_floats_and_seeds_may_be_too_large() {
    let flag = |numbers: &str| {
        format!(
            r#"{{"name":"f","status":"ACTIVE","defaultTreatment":"off",{numbers},"conditions":[{{"conditionType":"ROLLOUT",
            "matcherGroup":{{"combiner":"AND","matchers":[]}},"partitions":[{{"treatment":"a","size":50.0}},
            {{"treatment":"b","size":5e1}}]}}]}}"#
        )
    };
    let plain = World::with_flags(&[flag(r#""seed":-605938843,"algo":2,"changeNumber":1000,"trafficAllocation":50"#)]);
    for numbers in [
        r#""seed":-605938843.0,"algo":2.0,"changeNumber":1e3,"trafficAllocation":50.9"#,
        // -605938843 + 2^32, and the same in the low bits of more.
        r#""seed":3689028453,"algo":2,"changeNumber":1000,"trafficAllocation":5e1"#,
        r#""seed":18446744073103612773,"algo":2,"changeNumber":1000,"trafficAllocation":50"#,
    ] {
        let world = World::with_flags(&[flag(numbers)]);
        assert_eq!(world.definitions.flag("f").expect("stored").change_number, 1000, "{numbers}");
        for n in 0..200 {
            let key = format!("user-{n}");
            assert_eq!(world.treatment("f", &key), plain.treatment("f", &key), "{numbers}, {key}");
        }
    }
}

#[test]
fn rules_that_make_no_sense_match_nobody_and_are_reported_once() {
    let all = r#"{"matcherType":"ALL_KEYS"}"#;
    let cases = [
        (flag_json("f", all).replace("AND", "OR"), "off", 1),
        (flag_json("f", all).replace(r#""combiner":"AND","#, ""), "off", 1),
        (flag_json("f", r#"{"matcherType":"MATCHES_STRING","stringMatcherData":"("}"#), "off", 1),
        (flag_json("f", r#"{"matcherType":"EQUAL_TO_SEMVER","stringMatcherData":"1.2"}"#), "off", 1),
        (flag_json("f", r#"{"matcherType":"WHITELIST"}"#), "off", 0),
        (flag_json("f", r#"{"matcherType":"IN_SEGMENT","negate":true}"#), "on", 0),
        (flag_json("f", r#"{"matcherType":"OF_THE_FUTURE"},{"matcherType":"OF_THE_FUTURE"}"#), "control", 1),
        (flag_json("f", r#"{"matcherType":null}"#), "control", 1),
        (flag_json("f", all).replace(r#""WHITELIST""#, r#""OF_THE_FUTURE""#), "on", 0),
    ];
    for (flag, expected, errors) in cases {
        let (log, lines) = Logger::recording(Level::Error);
        let mut world = World { log, ..World::new() };
        world.put(&[&flag], NONE);
        assert_eq!(lines.count(Level::Error), errors, "{flag}: {:?}", lines.lines());
        world.log = Logger::silent();
        assert_eq!(world.treatment("f", "ann"), expected, "{flag}");
    }
}

#[test]
fn both_formats_of_documents_are_read() {
    let flag = flag_json("f", "");
    let cases = [
        (format!(r#"{{"ff":{{"d":[{flag}],"s":1,"t":5}},"rbs":{{"d":[],"s":2,"t":6}}}}"#), (Some(5), Some(6), 1)),
        (format!(r#"{{"splits":[{flag}],"since":1,"till":5}}"#), (Some(5), Some(-1), 1)),
        (r#"{"splits":null,"since":1,"till":5}"#.into(), (Some(5), Some(-1), 0)),
        (r#"{"splits":[]}"#.into(), (None, Some(-1), 0)),
        (format!(r#"{{"ff":{{"d":[{flag}],"t":5}}}}"#), (Some(5), None, 1)),
        (r#"{"ff":null,"rbs":{"t":6,"d":null}}"#.into(), (None, Some(6), 0)),
        ("{}".into(), (None, None, 0)),
    ];
    for (json, expected) in cases {
        let document = parse_changes(&json).expect(&json);
        let actual = (document.flags.till, document.rule_based_segments.till, document.flags.objects.len());
        assert_eq!(actual, expected, "{json}");
        assert_eq!(document.is_old_format, json.contains("splits"), "{json}");
    }
    for json in
        ["", "[]", "null", "{", r#"{"ff":[]}x"#, r#"{"ff":{"d":{}}}"#, r#"{"ff":{"t":"5"}}"#, r#"{"splits":{}}"#]
    {
        assert!(parse_changes(json).is_err(), "{json}");
    }
}

#[test]
fn segment_changes_are_read() {
    let change = parse_segment_change(r#"{"name":"s","added":["a",null,"\u00e9"],"removed":null,"since":-1,"till":9}"#);
    let change = change.expect("JSON");
    let added: Vec<&str> = change.added.iter().map(AsRef::as_ref).collect();
    assert_eq!((added, change.removed.len(), change.till.map(|till| till.whole())), (vec!["a", "é"], 0, Some(9)));
    for json in ["", "[]", r#"{"added":"a"}"#, r#"{"added":[1]}"#, r#"{"till":"9"}"#] {
        assert!(parse_segment_change(json).is_err(), "{json}");
    }
}

/// What a backend may send as often as it likes.
#[test]
fn very_many_members_take_no_longer_each() {
    const MANY: usize = 50_000;
    let list = |one: &dyn Fn(usize) -> String| (0..MANY).map(one).collect::<Vec<_>>().join(",");
    let configs = list(&|n| format!(r#""{n}":"x""#));
    let parts = list(&|_| r#"{"treatment":"49999","size":0}"#.to_owned());
    let flag = |round: usize| {
        let sets = list(&|n| format!(r#""{round}_{n}""#));
        format!(
            r#"{{"name":"f","status":"ACTIVE","configurations":{{{configs}}},"sets":[{sets}],"conditions":[{{"matcherGroup":
            {{"combiner":"AND","matchers":[{{"matcherType":"ALL_KEYS"}}]}},"partitions":[{parts}]}}]}}"#
        )
    };
    let mut world = World::with_flags(&[flag(0)]);
    assert_eq!(world.put(&[flag(1)], NONE).flags_changed, ["f"]);
    let view = world.definitions.flag("f").expect("a flag").view();
    assert_eq!((view.configs.len(), view.sets.len(), view.treatments), (MANY, MANY, vec!["49999".to_owned()]));
}
