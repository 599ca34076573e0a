//! The file formats against the `localhost_*` fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::logging::Logger;

const NOW: i64 = 1_700_000_000;

fn fixture<T: for<'de> Deserialize<'de>>(text: &str, records: usize) -> Vec<T> {
    let cases: Vec<T> = serde_json::from_str(text).expect("a fixture");
    assert_eq!(cases.len(), records);
    cases
}

/// What a store does with the definitions of a section: an archived one goes.
fn store(flags: &mut BTreeMap<String, Json>, definitions: &[String]) {
    for definition in definitions {
        let flag: Json = serde_json::from_str(definition).expect(definition);
        let name = flag["name"].as_str().expect("a name").to_owned();
        if flag["status"] == "ACTIVE" {
            flags.insert(name, flag)
        } else {
            flags.remove(&name)
        };
    }
}

fn names(flags: &BTreeMap<String, Json>) -> Vec<&str> {
    flags.keys().map(String::as_str).collect()
}

#[derive(Debug, Deserialize)]
struct FlagCase {
    note: String,
    raw: Json,
    expected: Json,
}

/// A stored flag as the fixture shows it.
fn stored(flag: &Json) -> Json {
    let conditions: Vec<Json> = flag["conditions"]
        .as_array()
        .expect("conditions")
        .iter()
        .map(|condition| {
            let matchers = condition["matcherGroup"]["matchers"].as_array().expect("matchers");
            let types: Vec<&Json> = matchers.iter().map(|matcher| &matcher["matcherType"]).collect();
            json!({
                "conditionType": condition["conditionType"], "label": condition["label"],
                "matchers": types, "partitions": condition["partitions"],
            })
        })
        .collect();
    let mut shown = flag.clone();
    shown["conditions"] = conditions.into();
    shown["configurations"] = flag["configurations"].clone();
    shown["impressionsDisabled"] = flag["impressionsDisabled"].as_bool().unwrap_or(false).into();
    for seed in ["seed", "trafficAllocationSeed"] {
        if flag[seed] == NOW {
            shown[seed] = "<now>".into();
        }
    }
    shown
}

#[test]
fn every_record_of_flag_sanitization() {
    let text = include_str!("../../../tests/fixtures/localhost_flag_sanitization.json");
    for case in fixture::<FlagCase>(text, 45) {
        let document = json!({"ff": {"d": [case.raw], "s": -1, "t": 5}}).to_string();
        let document = Document::read(&document).expect("a document");
        let mut flags = BTreeMap::new();
        store(&mut flags, &document.sanitised_flags(NOW, &Logger::silent()));
        let actual = flags.values().next().map_or_else(|| "not stored".into(), stored);
        assert_eq!(actual, case.expected, "{}", case.note);
    }
}

#[derive(Debug, Deserialize)]
struct DocumentCase {
    document: Option<Json>,
    text: Option<String>,
    expected: Json,
}

#[test]
fn every_record_of_documents() {
    let text = include_str!("../../../tests/fixtures/localhost_documents.json");
    for case in fixture::<DocumentCase>(text, 20) {
        let text = case.text.clone().unwrap_or_else(|| case.document.as_ref().expect("either").to_string());
        let actual = match Document::read(&text) {
            Ok(document) => {
                let (mut flags, mut segments) = (BTreeMap::new(), BTreeMap::new());
                store(&mut flags, &document.sanitised_flags(NOW, &Logger::silent()));
                store(&mut segments, &document.sanitised_rule_based_segments(&Logger::silent()));
                json!({
                    "flags": names(&flags), "rule_based_segments": names(&segments),
                    "change_number": document.flags().till, "rbs_change_number": document.rule_based_segments().till,
                })
            }
            Err(_) => "load fails".into(),
        };
        assert_eq!(actual, case.expected, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
struct RefreshStep {
    note: String,
    document: Json,
    flags: Vec<String>,
    change_number: i64,
    ok: bool,
}

#[test]
fn every_step_of_json_refresh() {
    let text = include_str!("../../../tests/fixtures/localhost_json_refresh.json");
    let mut flags = BTreeMap::new();
    let (mut change_number, mut rbs_change_number) = (-1, -1);
    let mut last = None;
    for step in fixture::<RefreshStep>(text, 7) {
        let text = step.document.to_string();
        let read = Document::read(&text);
        assert_eq!(read.is_ok(), step.ok, "{}", step.note);
        let document = read.expect("all of them are fine");
        let apply = document.to_apply(last.as_ref(), change_number, rbs_change_number);
        if apply.flags {
            store(&mut flags, &document.sanitised_flags(NOW, &Logger::silent()));
            change_number = document.flags().till;
        }
        if apply.rule_based_segments {
            rbs_change_number = document.rule_based_segments().till;
        }
        if step.note == "same content" {
            assert_eq!(apply, Sections { flags: false, rule_based_segments: false });
        }
        last = Some(document.digests());
        assert_eq!(
            (names(&flags), change_number),
            (step.flags.iter().map(String::as_str).collect(), step.change_number),
            "{}",
            step.note
        );
    }
}

#[derive(Debug, Deserialize)]
struct SegmentCase {
    note: String,
    documents: Vec<Json>,
    expected: Vec<SegmentState>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct SegmentState {
    ok: bool,
    keys: Option<BTreeSet<String>>,
    change_number: Option<i64>,
}

#[test]
fn every_record_of_segments() {
    let text = include_str!("../../../tests/fixtures/localhost_segments.json");
    for case in fixture::<SegmentCase>(text, 13) {
        let mut keys: Option<BTreeSet<String>> = None;
        let (mut change_number, mut last) = (-1, None);
        assert_eq!(case.documents.len(), case.expected.len(), "{}", case.note);
        for (document, expected) in case.documents.iter().zip(&case.expected) {
            let text = match document {
                Json::Null => None,
                Json::String(text) => Some(text.clone()),
                document => Some(document.to_string()),
            };
            let document = text.as_deref().map(|text| SegmentDocument::read(text, "s", &Logger::silent()));
            let ok = match document {
                Some(Ok(document)) => {
                    if document.verdict(last.as_ref(), change_number) == Verdict::Apply {
                        let keys = keys.get_or_insert_default();
                        keys.extend(document.added.iter().map(|key| key.to_string()));
                        keys.retain(|key| !document.removed.iter().any(|removed| removed == key));
                        change_number = document.till;
                        last = Some(document.digest);
                    }
                    true
                }
                Some(Err(_)) | None => false,
            };
            let change_number = keys.is_some().then_some(change_number);
            assert_eq!(SegmentState { ok, keys: keys.clone(), change_number }, *expected, "{}", case.note);
        }
    }
}

#[derive(Debug, Deserialize)]
struct TextCase {
    note: String,
    extension: String,
    text: String,
    loads: bool,
    flags: Vec<String>,
    cases: Vec<Evaluation>,
}

#[derive(Debug, Deserialize)]
struct Evaluation {
    key: String,
    flag: String,
    treatment: String,
    config: Option<String>,
}

/// Flags of YAML and text files need no more than this: whitelists, everybody, one partition.
fn evaluate<'a>(flag: &'a Json, key: &str) -> (&'a str, Option<&'a str>) {
    let matches = |condition: &&Json| {
        let matcher = &condition["matcherGroup"]["matchers"][0];
        match matcher["matcherType"].as_str() {
            Some("ALL_KEYS") => true,
            Some("WHITELIST") => {
                let whitelist = matcher["whitelistMatcherData"]["whitelist"].as_array().expect("a list");
                whitelist.iter().any(|listed| listed == key)
            }
            other => panic!("{other:?}"),
        }
    };
    let conditions = flag["conditions"].as_array().expect("conditions");
    match conditions.iter().find(matches) {
        Some(condition) => {
            assert_eq!(condition["partitions"][0]["size"], 100, "{condition}");
            let treatment = condition["partitions"][0]["treatment"].as_str().expect("a treatment");
            (treatment, flag["configurations"][treatment].as_str())
        }
        None => (flag["defaultTreatment"].as_str().expect("a treatment"), None),
    }
}

#[test]
fn every_record_of_text() {
    let text = include_str!("../../../tests/fixtures/localhost_text.json");
    let mut evaluated = 0;
    for case in fixture::<TextCase>(text, 36) {
        let file = format!("file{}", case.extension);
        let definitions = match Format::of(Path::new(&file)) {
            Format::Json => panic!("{}: no JSON here", case.note),
            Format::Yaml => read_yaml(&case.text),
            Format::Text => Ok(read_text(&case.text, &Logger::silent())),
        };
        assert_eq!(definitions.is_ok(), case.loads, "{}: {definitions:?}", case.note);
        let mut flags = BTreeMap::new();
        store(&mut flags, &definitions.unwrap_or_default());
        let expected: Vec<&str> = case.flags.iter().map(String::as_str).collect();
        assert_eq!(names(&flags), expected, "{}", case.note);
        for Evaluation { key, flag, treatment, config } in &case.cases {
            let actual = flags.get(flag).map_or(("control", None), |flag| evaluate(flag, key));
            assert_eq!(actual, (&**treatment, config.as_deref()), "{}: {flag} for {key}", case.note);
            evaluated += 1;
        }
    }
    assert_eq!(evaluated, 59);
}
