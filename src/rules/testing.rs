//! Definitions for tests, made from JSON as the backend sends it, and the fixtures.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::evaluator::Decision;
use super::key_set::KeySet;
use super::{Account, Applied, Change, Definitions, Fallbacks, Registry, Request, Segment, Unwatched, key_hash};
use crate::input::{Attributes, Key};
use crate::logging::Logger;
use crate::wire::changes::{flag_from_json, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

/// All records of a fixture, of which the fixtures' README says how many there are.
pub(crate) fn fixture<T: DeserializeOwned>(name: &str, records: usize) -> Vec<T> {
    let all: Vec<T> = serde_json::from_str(&fixture_text(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"));
    assert_eq!(all.len(), records, "{name}");
    all
}

/// All lines of a CSV fixture after the first, as fields.
pub(crate) fn csv_fixture(name: &str, records: usize) -> Vec<Vec<String>> {
    let text = fixture_text(name);
    let all: Vec<Vec<String>> = text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(all.len(), records, "{name}");
    all
}

fn fixture_text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

/// The account of a decision: its outermost step, or null; and whether something was left out.
pub(crate) struct Explained {
    pub(crate) steps: serde_json::Value,
    pub(crate) is_cut: bool,
}

/// A storage without threads.
pub(crate) struct World {
    pub(crate) definitions: Definitions,
    pub(crate) registry: Registry,
    pub(crate) fallbacks: Fallbacks,
    pub(crate) log: Logger,
}

impl World {
    pub(crate) fn new() -> Self {
        World {
            definitions: Definitions::empty(),
            registry: Registry::default(),
            fallbacks: Fallbacks::none(),
            log: Logger::silent(),
        }
    }

    pub(crate) fn with_flags<S: AsRef<str>>(flags: &[S]) -> Self {
        let mut world = World::new();
        world.put(flags, &[] as &[&str]);
        world
    }

    /// Compiles and stores definitions.
    pub(crate) fn put<F: AsRef<str>, R: AsRef<str>>(&mut self, flags: &[F], rule_based_segments: &[R]) -> Applied {
        let change = self.compile(flags, rule_based_segments);
        self.apply(change, None)
    }

    pub(crate) fn compile<F: AsRef<str>, R: AsRef<str>>(&mut self, flags: &[F], rule_based_segments: &[R]) -> Change {
        let fallbacks = !self.fallbacks.is_empty();
        let mut compiler = Compiler { registry: &mut self.registry, log: &self.log, fallbacks };
        Change {
            flags: flags.iter().filter_map(|json| flag_from_json(json.as_ref(), &mut compiler)).collect(),
            rule_based_segments: rule_based_segments
                .iter()
                .filter_map(|json| rule_based_segment_from_json(json.as_ref(), &mut compiler))
                .collect(),
            ..Change::default()
        }
    }

    pub(crate) fn apply(&mut self, change: Change, filter: Option<&[String]>) -> Applied {
        let (next, applied) = self.definitions.apply(change, filter);
        self.definitions = next;
        applied
    }

    pub(crate) fn segment<S: AsRef<str>>(&mut self, name: &str, keys: &[S]) {
        let id = self.registry.segment_id(name);
        let keys = KeySet::from_keys(keys).expect("few keys");
        let segment = Segment { keys, ..Segment::empty(name) };
        self.definitions = self.definitions.with_segment(id, Arc::new(segment));
    }

    pub(crate) fn evaluate<'a>(&'a self, flag: &str, key: Key<'a>, attributes: Option<&'a Attributes>) -> Decision<'a> {
        self.definitions.evaluate(flag, &self.request(key, attributes), Unwatched)
    }

    /// The decision, and its account.
    pub(crate) fn explain<'a>(
        &'a self,
        flag: &str,
        key: Key<'a>,
        attributes: Option<&'a Attributes>,
    ) -> (Decision<'a>, Explained) {
        let account = Account::default();
        let decision = self.definitions.evaluate(flag, &self.request(key, attributes), &account);
        let (steps, is_cut) = account.into_steps();
        (decision, Explained { steps: serde_json::to_value(steps).expect("JSON"), is_cut })
    }

    fn request<'a>(&'a self, key: Key<'a>, attributes: Option<&'a Attributes>) -> Request<'a> {
        Request { key, key_hash: key_hash(key.matching), attributes, fallbacks: &self.fallbacks, log: &self.log }
    }

    /// The treatment of a key without attributes.
    pub(crate) fn treatment(&self, flag: &str, key: &str) -> &'static str {
        self.evaluate(flag, Key { matching: key, bucketing: None }, None).treatment.as_str()
    }
}

/// A flag that serves `on` to whom its matchers (JSON) match, and `off` to all others.
pub(crate) fn flag_json(name: &str, matchers: &str) -> String {
    format!(
        r#"{{"name":"{name}","status":"ACTIVE","defaultTreatment":"off","seed":1,"algo":2,"conditions":[{{"conditionType":"WHITELIST",
        "label":"c","matcherGroup":{{"combiner":"AND","matchers":[{matchers}]}},"partitions":[{{"treatment":"on","size":100}}]}}]}}"#
    )
}

/// A rule-based segment of those whom its matchers (JSON) match, without exclusions.
pub(crate) fn rule_based_segment_json(name: &str, matchers: &str) -> String {
    format!(
        r#"{{"name":"{name}","status":"ACTIVE","conditions":[{{"matcherGroup":{{"combiner":"AND","matchers":[{matchers}]}}}}]}}"#
    )
}
