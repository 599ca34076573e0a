//! What fuzzers call: one function for each kind of bytes that come from outside.
//!
//! A fuzzer outside of the crate cannot reach its private readers, and they shall not become public for its sake; so this
//! module exists for `fuzz/` (`cfg(fuzzing)`, which cargo-fuzz sets) and for the test below, which feeds every file of the
//! committed corpus to the function it was made for. Each function takes any bytes and does with them what the SDK does,
//! as far as that goes without threads and sockets. What it asserts holds for every input.

use crate::config::Settings;
use crate::input::{Attributes, Given, Key, Method, properties_from_json};
use crate::logging::{Level, Logger, Record, Sink};
use crate::rules::compiled::Pattern;
use crate::rules::{Change, Definitions, Fallbacks, Registry, Request, Segment, Unwatched, key_hash};
pub use crate::sync::streaming::fuzzing::{notification, sse, token};
use crate::wire::changes::{parse_changes, parse_segment_change};
use crate::wire::compile::Compiler;
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

/// Definitions without threads.
pub(crate) struct World {
    pub(crate) definitions: Definitions,
    registry: Registry,
    pub(crate) log: Logger,
}

impl World {
    pub(crate) fn new() -> Self {
        World { definitions: Definitions::empty(), registry: Registry::default(), log: log() }
    }

    pub(crate) fn put(&mut self, compile: impl FnOnce(&mut Compiler<'_>) -> Change) {
        let change = compile(&mut Compiler { registry: &mut self.registry, log: &self.log, fallbacks: true });
        self.definitions = self.definitions.apply(change, None).0;
    }

    /// Asks every flag what it serves to some keys, and the manager what it is; then takes all of them out again.
    pub(crate) fn exercise(mut self, attributes: &Attributes) {
        let fallbacks = Fallbacks::default();
        for flag in self.definitions.flags().take(FLAGS) {
            drop(flag.view());
            for set in &flag.sets {
                assert!(
                    self.definitions.flags_of_sets(&[set]).contains(&&*flag.name),
                    "{set} does not lead to its flag"
                );
            }
            for key in KEYS {
                let key_hash = key_hash(key.matching);
                let request =
                    Request { key, key_hash, attributes: Some(attributes), fallbacks: &fallbacks, log: &self.log };
                let ask = || self.definitions.evaluate(&flag.name, &request, Unwatched);
                let (first, second) = (ask(), ask());
                assert_eq!((first.treatment, first.label), (second.treatment, second.label), "{}", flag.name);
            }
        }
        let names: Vec<_> = self.definitions.needed_segments().map(|(name, _)| name.to_owned()).collect();
        for name in &names {
            let id = self.registry.segment(name).ok().map(|segment| segment.id);
            assert_eq!(self.definitions.needed_segment(name), id, "{name}");
        }
        self.put(|_| Change { replace: true, ..Change::default() });
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
    let mut world = World::new();
    world.put(|compiler| changes.compile(compiler));
    world.put(|compiler| changes.compile(compiler));
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
    let mut world = World::new();
    let sections = document.to_apply(None, -1, -1);
    world.put(|compiler| document.compile(sections, 1_700_000_000, compiler));
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
    let mut world = World::new();
    world.put(|compiler| localhost::compile(flags, compiler));
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
    let mut world = World::new();
    let changes = parse_changes(ATTRIBUTE_FLAGS).expect("a constant, and a document");
    world.put(|compiler| changes.compile(compiler));
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
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 11] = [
        ("definitions", definitions),
        ("segment", segment),
        ("localhost_json", localhost_json),
        ("localhost_yaml", localhost_yaml),
        ("localhost_text", localhost_text),
        ("sse", sse),
        ("notification", notification),
        ("token", token),
        ("config", config),
        ("attributes", attributes),
        ("pattern", pattern),
    ];

    /// What fuzzers found, and what they start from. `make fuzz` goes on from here, with sanitizers.
    #[test]
    fn the_corpus_breaks_nothing() {
        for (name, target) in TARGETS {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
            let files = fs::read_dir(&directory).unwrap_or_else(|cause| panic!("{directory:?}: {cause}"));
            let mut count = 0;
            for file in files {
                let path = file.expect("an entry").path();
                let data = fs::read(&path).expect("a file");
                if std::panic::catch_unwind(|| target(&data)).is_err() {
                    panic!("{path:?} breaks {name}");
                }
                count += 1;
            }
            assert!(count > 0, "{directory:?} is empty");
        }
    }

    /// Stack of a thread that reads. Unoptimised frames are larger than those that users get.
    const STACK: usize = if cfg!(debug_assertions) { 512 * 1024 } else { 128 * 1024 };

    #[test]
    fn no_depth_overflows_the_stack() {
        const DEPTH: usize = 10_000;
        let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        let values = [nested("[", "]"), nested(r#"{"a":"#, "}"), nested("[{\"\":", "}]"), "[".repeat(DEPTH)];
        let documents: [(Target, &[&str]); 9] = [
            (
                definitions,
                &[
                    "@",
                    r#"{"ff":@}"#,
                    r#"{"ff":{"d":[@]}}"#,
                    r#"{"ff":{"d":[{"name":"f","conditions":@}]}}"#,
                    r#"{"ff":{"d":[{"name":"f","status":"ACTIVE","unknown":@}]}}"#,
                ],
            ),
            (segment, &["@", r#"{"name":"s","added":[@]}"#, r#"{"name":"s","unknown":@}"#]),
            (
                localhost_json,
                &[
                    "@",
                    r#"{"ff":{"d":[@]}}"#,
                    r#"{"ff":{"d":[{"name":"f","x":@}]}}"#,
                    r#"{"splits":[{"conditions":@}]}"#,
                ],
            ),
            (localhost_yaml, &["@", "- f: @", "- f:\n    config: @"]),
            (sse, &["\u{1}data: @\n\n", "\u{1}event: error\ndata: @\n\n"]),
            (notification, &["@", r#"{"type":"SPLIT_UPDATE","changeNumber":@}"#, "\0@", r#"{"data":@}"#]),
            (token, &["@", r#"{"exp":1,"iat":0,"x-ably-capability":@}"#]),
            (config, &["@", r#"{"fallbackTreatments":@}"#, "fallbackTreatments=@", r#"{"unknown":@}"#]),
            (attributes, &["@", r#"{"a":@}"#]),
        ];
        let patterns =
            [("(", ")"), ("(?:", ")"), ("(?=", ")"), ("(?P<n>", ")"), ("[", "]"), ("(?i:", "|a)*"), ("", "{2}")];
        let patterns = patterns.map(|(open, close)| (pattern as Target, nested(open, close)));
        let documents = documents.into_iter().flat_map(|(target, templates)| {
            let filled = |template: &&str| values.iter().map(|value| template.replace('@', value)).collect::<Vec<_>>();
            templates.iter().flat_map(filled).map(|text| (target, text)).collect::<Vec<_>>()
        });
        for (target, text) in documents.chain(patterns) {
            let small = std::thread::Builder::new().stack_size(STACK);
            // A stack that is too small ends the process.
            let reading = small.spawn(move || target(text.as_bytes())).expect("a thread");
            reading.join().expect("no panic");
        }
        let storeys = |text: &str| text.repeat(DEPTH).into_bytes();
        for text in [storeys("- "), storeys("? "), storeys("a: "), storeys("- [{")] {
            let small = std::thread::Builder::new().stack_size(STACK);
            small.spawn(move || localhost_yaml(&text)).expect("a thread").join().expect("no panic");
        }
    }
}
