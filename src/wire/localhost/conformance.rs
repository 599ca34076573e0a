//! The file formats against the `localhost_*` fixtures.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::*;
use crate::input::Key;
use crate::logging::Logger;
use crate::rules::testing::{World, fixture};

const NOW: i64 = 1_700_000_000;

/// What the storage does with a file.
fn apply(world: &mut World, compile: impl FnOnce(&mut Compiler<'_>) -> Change) {
    let mut compiler = Compiler { registry: &mut world.registry, log: &world.log, fallbacks: false };
    let change = compile(&mut compiler);
    world.apply(change, None);
}

fn flags(world: &World) -> Vec<&str> {
    let names: BTreeSet<&str> = world.definitions.flags().map(|flag| &*flag.name).collect();
    names.into_iter().collect()
}

#[derive(Debug, Deserialize)]
struct FlagCase {
    note: String,
    raw: Json,
    expected: Json,
}

/// A stored flag as the fixture shows it.
fn stored(definition: &str) -> Json {
    let flag: Json = serde_json::from_str(definition).expect(definition);
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
    for case in fixture::<FlagCase>("localhost_flag_sanitization.json", 45) {
        let document = json!({"ff": {"d": [case.raw], "s": -1, "t": 5}}).to_string();
        let document = Document::read(&document).expect("a document");
        let mut world = World::new();
        apply(&mut world, |compiler| document.compile(document.to_apply(None, -1, -1), NOW, compiler));
        let actual = match world.definitions.len() {
            0 => "not stored".into(),
            _ => stored(&document.sanitised_flags(NOW, &Logger::silent())[0]),
        };
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
    for case in fixture::<DocumentCase>("localhost_documents.json", 20) {
        let text = case.text.clone().unwrap_or_else(|| case.document.as_ref().expect("either").to_string());
        let actual = match Document::read(&text) {
            Ok(document) => {
                let mut world = World::new();
                apply(&mut world, |compiler| document.compile(document.to_apply(None, -1, -1), NOW, compiler));
                let segments = world.definitions.rule_based_segments().map(|segment| &*segment.name);
                json!({
                    "flags": flags(&world), "rule_based_segments": segments.collect::<Vec<_>>(),
                    "change_number": world.definitions.change_number(),
                    "rbs_change_number": world.definitions.rbs_change_number(),
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
    let mut world = World::new();
    let mut last = None;
    for step in fixture::<RefreshStep>("localhost_json_refresh.json", 7) {
        let text = step.document.to_string();
        let read = Document::read(&text);
        assert_eq!(read.is_ok(), step.ok, "{}", step.note);
        let document = read.expect("all of them are fine");
        let stored = &world.definitions;
        let sections = document.to_apply(last.as_ref(), stored.change_number(), stored.rbs_change_number());
        apply(&mut world, |compiler| document.compile(sections, NOW, compiler));
        if step.note == "same content" {
            assert_eq!(sections, super::json::Sections { flags: false, rule_based_segments: false });
        }
        last = Some(document.digests());
        assert_eq!(flags(&world), step.flags, "{}", step.note);
        assert_eq!(world.definitions.change_number(), step.change_number, "{}", step.note);
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
    for case in fixture::<SegmentCase>("localhost_segments.json", 13) {
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

#[test]
fn every_record_of_text() {
    let mut evaluated = 0;
    for case in fixture::<TextCase>("localhost_text.json", 36) {
        let file = format!("file{}", case.extension);
        let definitions = match Format::of(Path::new(&file)) {
            Format::Json => panic!("{}: no JSON here", case.note),
            Format::Yaml => read_yaml(&case.text),
            Format::Text => Ok(read_text(&case.text, &Logger::silent())),
        };
        assert_eq!(definitions.is_ok(), case.loads, "{}: {definitions:?}", case.note);
        let definitions = definitions.unwrap_or_default();
        let mut world = World::new();
        apply(&mut world, |compiler| compile(&definitions, compiler));
        assert_eq!(flags(&world), case.flags, "{}", case.note);
        for Evaluation { key, flag, treatment, config } in &case.cases {
            let decision = world.evaluate(flag, Key { matching: key, bucketing: None }, None);
            let actual = (decision.treatment.as_str(), decision.config.map(|config| config.as_str()));
            assert_eq!(actual, (&**treatment, config.as_deref()), "{}: {flag} for {key}", case.note);
            evaluated += 1;
        }
    }
    assert_eq!(evaluated, 59);
}
