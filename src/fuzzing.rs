//! What fuzzers call: one function for each kind of bytes that come from outside.
//!
//! A fuzzer outside of the crate cannot reach its private readers, and they shall not become public for its sake; so this
//! module exists for `fuzz/` (`cfg(fuzzing)`, which cargo-fuzz sets) and for tests, which feed every file of the committed
//! corpus to the function it was made for. Each function takes any bytes and does with them what the SDK does, as far as
//! that goes without threads and sockets. What it asserts holds for every input.

use crate::config::{FallbackTreatment, FallbackTreatments, Settings};
use crate::input::{Attributes, Given, Key, Method, properties_from_json};
use crate::logging::{Level, Logger, Record, Sink};
use crate::rules::compiled::Pattern;
use crate::rules::world::World;
use crate::rules::{Change, Fallbacks, Segment, key_hash};
pub use crate::sync::streaming::fuzzing::{notification, sse, token};
use crate::wire::changes::{parse_changes, parse_segment_change};
use crate::wire::localhost::{self, Document, SegmentDocument, decode, read_text, read_yaml};

/// What evaluations of made-up flags are given: a value of each kind, under names that the corpus uses.
const ATTRIBUTES: &str = r#"{"text":"some.body@example.com","number":42,"float":-1.5,"date":1700000000,"yes":true,
    "list":["a","b",1,null],"version":"1.22.3-rc.1+build","object":{"k":[1]},"null":null,"big":123456789012345678901}"#;

/// Every kind of matcher, on attributes of those names.
const ATTRIBUTE_FLAGS: &str = include_str!("../fuzz/attribute_flags.json");

const KEYS: [Key<'static>; 3] = [
    Key { matching: "ann", bucketing: None },
    Key { matching: "user-4711", bucketing: Some("b") },
    Key { matching: "Zoë 東京", bucketing: None },
];

/// So many flags of an input are evaluated: more would be the same again, and slow.
const FLAGS: usize = 64;

/// Formats every line, as a logger does, and drops it.
struct Dropped;

impl Sink for Dropped {
    fn write(&self, _: &Record<'_>) {}
}

fn log() -> Logger {
    Logger::new(Some(Level::Debug), Box::new(Dropped))
}

/// Nothing is stored yet; `control` has a fallback, as labels have two forms then.
pub(crate) fn empty_world() -> World {
    let on = FallbackTreatment { treatment: "fallback".into(), config: None };
    let configured = FallbackTreatments { global: Some(on), by_flag: Default::default() };
    World { fallbacks: Fallbacks::compile(&configured).expect("one treatment"), log: log(), ..World::new() }
}

impl World {
    /// Asks every flag what it serves to some keys, and the manager what it is; then takes all of them out again.
    pub(crate) fn exercise(mut self, attributes: &Attributes) {
        for flag in self.definitions.flags().take(FLAGS) {
            drop(flag.view());
            for set in &flag.sets {
                assert!(
                    self.definitions.flags_of_sets(&[set]).contains(&&*flag.name),
                    "{set} does not lead to its flag"
                );
            }
            for key in KEYS {
                let ask = || self.evaluate(&flag.name, key, Some(attributes));
                let (first, second) = (ask(), ask());
                assert_eq!((first.treatment, first.label), (second.treatment, second.label), "{}", flag.name);
            }
        }
        let names: Vec<_> = self.definitions.needed_segments().map(|(name, _)| name.to_owned()).collect();
        for name in &names {
            let id = self.registry.segment(name).ok().map(|segment| segment.id);
            assert_eq!(self.definitions.needed_segment(name), id, "{name}");
        }
        self.change(|_| Change { replace: true, ..Change::default() });
        assert_eq!((self.definitions.len(), self.definitions.needed_segments().len()), (0, 0), "something stays");
    }
}

fn usual_attributes() -> Attributes {
    Attributes::from_json(ATTRIBUTES).expect("a constant, and an object")
}

/// An answer about flags and rule-based segments: read, compiled, put in place twice, evaluated.
pub fn definitions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(changes) = parse_changes(text) else { return };
    let mut world = empty_world();
    world.change(|compiler| changes.compile(compiler));
    world.change(|compiler| changes.compile(compiler));
    world.exercise(&usual_attributes());
}

/// An answer, and a localhost file, about the segment `s`.
pub fn segment(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(change) = parse_segment_change(text) {
        grow(&change.added, &change.removed);
    }
    if let Ok(document) = SegmentDocument::read(text, "s", &log()) {
        grow(&document.added, &document.removed);
    }
}

/// Puts keys into a segment and takes some out, on top of nothing and on top of keys.
fn grow<S: AsRef<str>>(added: &[S], removed: &[S]) {
    let Ok((full, _)) = Segment::empty("s").updated(added, &[], 1) else { return };
    let Ok((rest, _)) = full.updated(&[] as &[S], removed, 2) else { return };
    let contains = |segment: &Segment, key: &str| segment.keys.contains(key_hash(key), key);
    for key in added.iter().map(S::as_ref) {
        assert!(contains(&full, key), "{key:?} was added");
        let removed = removed.iter().any(|removed| removed.as_ref() == key);
        assert_eq!(contains(&rest, key), !removed, "{key:?}, removed: {removed}");
    }
    assert_eq!(rest.keys.iter().count(), rest.keys.len());
    if let Ok((again, changed)) = full.updated(added, &[], 3) {
        assert!(!changed && again.keys.len() == full.keys.len(), "the same keys again are no change");
    }
}

/// A JSON file of localhost mode.
pub fn localhost_json(data: &[u8]) {
    let Ok(document) = decode(data).and_then(Document::read) else { return };
    let mut world = empty_world();
    let sections = document.to_apply(None, -1, -1);
    world.change(|compiler| document.compile(sections, 1_700_000_000, compiler));
    let again = document.to_apply(Some(&document.digests()), -1, -1);
    assert!(!again.flags && !again.rule_based_segments, "the same document again is no change");
    world.exercise(&usual_attributes());
}

/// A YAML file of localhost mode.
pub fn localhost_yaml(data: &[u8]) {
    if let Ok(flags) = decode(data).and_then(read_yaml) {
        plain_flags(&flags);
    }
}

/// A `.split` file of localhost mode.
pub fn localhost_text(data: &[u8]) {
    if let Ok(text) = decode(data) {
        plain_flags(&read_text(text, &log()));
    }
}

fn plain_flags(flags: &[String]) {
    let mut world = empty_world();
    world.change(|compiler| localhost::compile(flags, compiler));
    world.exercise(&usual_attributes());
}

/// A configuration: a JSON object, or lines of `name=value`.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut settings = Settings::new();
    if text.starts_with('{') {
        if let Err(error) = settings.merge_json(text) {
            assert!(!error.to_string().is_empty());
        }
    } else {
        for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
            if let Err(error) = settings.set(name, value) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    for is_localhost in [false, true] {
        match settings.resolve(is_localhost) {
            Ok((config, notices)) => drop((format!("{config:?}"), format!("{notices:?}"))),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Attributes, which are also properties: read, written, read again; and every kind of matcher looks at them.
pub fn attributes(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(attributes) = Attributes::from_json(text) else { return };
    let json = attributes.to_json();
    let again = Attributes::from_json(&json).map(|again| again.to_json());
    assert_eq!(again.ok(), Some(json), "what was written reads as it was");
    if let Ok(properties) = properties_from_json(Given::Text(text), Method::Track, &log()) {
        assert!(properties.size >= 1024 && properties.json.is_none_or(|json| Attributes::from_json(&json).is_ok()));
    }
    let mut world = empty_world();
    let changes = parse_changes(ATTRIBUTE_FLAGS).expect("a constant, and a document");
    world.change(|compiler| changes.compile(compiler));
    world.exercise(&attributes);
}

/// A regular expression, and in the next lines the text it looks at.
pub fn pattern(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, text) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(pattern) = Pattern::compile(pattern) {
        pattern.is_in(text, &log());
    }
}

#[cfg(test)]
mod tests;
