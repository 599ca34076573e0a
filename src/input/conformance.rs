//! The validation rules against `tests/fixtures/input_validation.json` and `property_size.json`.
//!
//! The rules for fallback treatments are the settings' and are checked there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::*;
use crate::logging::{Level, Logger, Recorded};

#[derive(Debug, Deserialize)]
struct Case {
    rule: String,
    input: Json,
    #[serde(default)]
    known_traffic_types: Vec<String>,
    result: Json,
    errors: usize,
    warnings: usize,
}

fn fixture<T: for<'de> Deserialize<'de>>(text: &str) -> Vec<T> {
    serde_json::from_str(text).expect("a fixture")
}

fn given(json: &Json) -> Given<'_> {
    match json {
        Json::Null => Given::Null,
        Json::String(text) => Given::Text(text),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Given::Integer(number),
            None => Given::Float(number.as_f64().expect("a double")),
        },
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => Given::NotText,
    }
}

fn list(json: &Json) -> Option<Vec<Given<'_>>> {
    json.as_array().map(|items| items.iter().map(given).collect())
}

/// As a C program passes a map: the JSON text, or a null pointer.
fn map_text(json: &Json) -> Option<String> {
    (!json.is_null()).then(|| json.to_string())
}

fn result(case: &Case, log: &Logger) -> Json {
    let input = &case.input;
    match case.rule.as_str() {
        "key" => key(given(input), Method::Treatment, log).into(),
        "key_pair" => {
            let pair = list(input).expect("a pair");
            match keys(pair[0], Some(pair[1]), Method::Treatment, log) {
                Some(texts) => {
                    let key = texts.key();
                    serde_json::json!([key.matching, key.bucketing])
                }
                None => Json::Null,
            }
        }
        "flag_name" => flag_name(given(input), Method::Treatment, log).into(),
        "flag_names" => match flag_names(&list(input).unwrap_or_default(), Method::Treatments, log) {
            Some(mut names) => {
                names.sort_unstable();
                names.into()
            }
            None => Json::Null,
        },
        "attributes" => {
            let text = map_text(input);
            attributes(Given::from(text.as_deref()), Method::Treatment, log).is_ok().into()
        }
        "event_type" => event_type(given(input), log).into(),
        "traffic_type" => {
            let is_known = |name: &str| case.known_traffic_types.iter().any(|known| known == name);
            traffic_type(given(input), is_known, log).into()
        }
        "track_value" => match event_value(given(input), log) {
            // The fixture writes whole values without a point.
            Ok(Some(number)) if input.is_i64() => (number as i64).into(),
            Ok(number) => number.into(),
            Err(Refused) => "invalid".into(),
        },
        "flag_set" => match &flag_sets(Some(&[given(input)]), Method::TreatmentsByFlagSet, log)[..] {
            [] => Json::Null,
            [name] => name.as_str().into(),
            names => panic!("one name became {names:?}"),
        },
        "flag_sets" => flag_sets(list(input).as_deref(), Method::TreatmentsByFlagSets, log).into(),
        "properties" => {
            let text = map_text(input);
            match properties_from_json(Given::from(text.as_deref()), Method::Track, log) {
                Ok(Properties { json, size }) => {
                    let properties: Json = json.map_or(Json::Null, |json| serde_json::from_str(&json).expect("JSON"));
                    serde_json::json!({"valid": true, "properties": properties, "size": size})
                }
                Err(super::properties::PropertiesError::NotAMap(_)) => {
                    serde_json::json!({"valid": false, "properties": null, "size": 0})
                }
                Err(super::properties::PropertiesError::TooLarge { size }) => {
                    serde_json::json!({"valid": false, "properties": null, "size": size})
                }
            }
        }
        rule => panic!("unknown rule {rule:?}"),
    }
}

fn counts(lines: &Recorded) -> (usize, usize, usize) {
    (lines.count(Level::Error), lines.count(Level::Warning), lines.lines().len())
}

#[test]
fn every_record_of_input_validation() {
    let mut checked = BTreeMap::<String, usize>::new();
    for case in fixture::<Case>(include_str!("../../tests/fixtures/input_validation.json")) {
        if case.rule.starts_with("fallback_") {
            continue;
        }
        let (log, lines) = Logger::recording(Level::Debug);
        assert_eq!(result(&case, &log), case.result, "{case:?}");
        let expected = (case.errors, case.warnings, case.errors + case.warnings);
        assert_eq!(counts(&lines), expected, "{case:?}: {:?}", lines.lines());
        *checked.entry(case.rule).or_default() += 1;
    }
    let checked: Vec<(&str, usize)> = checked.iter().map(|(rule, count)| (rule.as_str(), *count)).collect();
    let expected = [
        ("attributes", 7),
        ("event_type", 19),
        ("flag_name", 12),
        ("flag_names", 13),
        ("flag_set", 17),
        ("flag_sets", 8),
        ("key", 20),
        ("key_pair", 13),
        ("properties", 10),
        ("track_value", 12),
        ("traffic_type", 10),
    ];
    assert_eq!(checked, expected);
}

#[derive(Debug, Deserialize)]
struct SizeCase {
    properties: String,
    count: usize,
    name_length: usize,
    string_value_length: Option<usize>,
    valid: bool,
    size: usize,
    errors: usize,
    warnings: usize,
}

#[test]
fn every_record_of_property_size() {
    let cases = fixture::<SizeCase>(include_str!("../../tests/fixtures/property_size.json"));
    assert_eq!(cases.len(), 9);
    for case in cases {
        let mut set = Attributes::new();
        for index in 0..case.count {
            let before_null = case.properties.ends_with("then a null one");
            let null = before_null && index == 1;
            // There, the length is that of the null one's name; the first weighs exactly the limit with one character.
            let name_length = if before_null && index == 0 { 1 } else { case.name_length };
            let name = format!("{index:0>name_length$}");
            let value = match case.string_value_length {
                _ if null => Json::Null,
                Some(length) => "é".repeat(length).into(),
                None => 1.into(),
            };
            set.merge_json(&serde_json::json!({ name: value }).to_string()).expect("an object");
        }
        assert_eq!(set.len(), case.count, "{case:?}");
        let (log, lines) = Logger::recording(Level::Debug);
        let (valid, size) = match properties(&set, Method::Track, &log) {
            Ok(properties) => (true, properties.size),
            Err(super::properties::PropertiesError::TooLarge { size }) => (false, size),
            Err(error) => panic!("{case:?}: {error}"),
        };
        assert_eq!((valid, size), (case.valid, case.size), "{case:?}");
        assert_eq!(counts(&lines), (case.errors, case.warnings, case.errors + case.warnings), "{case:?}");
    }
}

#[test]
fn very_many_names_take_no_longer_each() {
    let members: Vec<String> = (0..200_000).map(|n| format!("\"name {n}\":{n}")).collect();
    let json = format!("{{{}}}", members.join(","));
    let mut set = Attributes::from_json(&json).expect("an object");
    set.merge_json(&json).expect("an object");
    assert!(set.to_json() == json, "{} names", set.len());
}
