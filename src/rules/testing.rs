//! What tests of rules are made of: flags as the backend sends them, answers with their account, and the fixtures.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::evaluator::Decision;
use super::key_set::KeySet;
pub(crate) use super::world::World;
use super::{Account, Applied, Change, Segment};
use crate::input::{Attributes, Key};
use crate::wire::changes::{flag_from_json, rule_based_segment_from_json};

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

impl World {
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

    /// Compiles definitions, which are not stored.
    pub(crate) fn compile<F: AsRef<str>, R: AsRef<str>>(&mut self, flags: &[F], rule_based_segments: &[R]) -> Change {
        let (flags, segments) = (flags.iter().map(AsRef::as_ref), rule_based_segments.iter().map(AsRef::as_ref));
        self.compiled(|compiler| Change {
            flags: flags.filter_map(|json| flag_from_json(json, compiler)).collect(),
            rule_based_segments: segments.filter_map(|json| rule_based_segment_from_json(json, compiler)).collect(),
            ..Change::default()
        })
    }

    pub(crate) fn segment<S: AsRef<str>>(&mut self, name: &str, keys: &[S]) {
        let id = self.registry.segment_id(name);
        let keys = KeySet::from_keys(keys).expect("few keys");
        let segment = Segment { keys, ..Segment::empty(name) };
        self.definitions = self.definitions.with_segment(id, Arc::new(segment));
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
