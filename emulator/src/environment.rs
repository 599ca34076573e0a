//! What the backend knows, with the past of it.
//!
//! An SDK asks for "everything since N", and N may be any number it ever got, or one from before a CDN node fell behind.
//! So nothing is overwritten here: an object is the list of its versions, a segment the log of its changes, and an answer is
//! computed from the numbers that were asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::files::Document;

/// Nothing known yet: the number every sequence starts from.
pub const UNKNOWN: i64 = -1;

/// Why an edit was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Definitions are JSON objects with a name that is not empty.
    #[error("a definition is a JSON object with a \"name\"")]
    NoName,
    /// The object to be changed does not exist.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// The kind of object.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Change numbers only grow.
    #[error("change number {wanted} is not above {current}")]
    NotAbove {
        /// The number that was asked for.
        wanted: i64,
        /// The number the sequence has reached.
        current: i64,
    },
}

/// One step of a sequence: what a notification tells.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub name: String,
    pub previous: i64,
    pub number: i64,
    pub definition: Arc<Value>,
}

/// The answer to one `since`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Delta {
    pub since: i64,
    pub till: i64,
    pub definitions: Vec<Arc<Value>>,
}

/// What an SDK asks a sequence for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question<'a> {
    pub since: i64,
    /// Answer as of this number (a stale CDN node); now when absent.
    pub at: Option<i64>,
    /// Flag sets to restrict the answer to; empty for no restriction.
    pub sets: &'a [String],
    /// At most about so many definitions at once.
    pub page: Option<usize>,
}

#[derive(Debug)]
struct Version {
    number: i64,
    definition: Arc<Value>,
}

/// The flags, or the rule-based segments: objects whose changes share one row of numbers.
#[derive(Debug)]
pub(crate) struct Sequence {
    what: &'static str,
    number: i64,
    objects: BTreeMap<String, Vec<Version>>,
    /// Objects as the file had them last, to tell edits of the file from edits made otherwise.
    sources: HashMap<String, Value>,
}

impl Sequence {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, number: UNKNOWN, objects: BTreeMap::new(), sources: HashMap::new() }
    }

    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    pub(crate) fn current(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.objects.values().filter_map(|versions| versions.last()).map(|version| &version.definition)
    }

    /// Creates or replaces an object. The number is `wanted`, else the definition's own when that is new, else the time.
    pub(crate) fn put(&mut self, mut definition: Value, wanted: Option<i64>, now: i64) -> Result<Change, EditError> {
        let name = name_of(&definition).ok_or(EditError::NoName)?.to_owned();
        let own = own_number(&definition).filter(|own| *own > self.number);
        let number = next_number(self.number, wanted, own, now)?;
        definition["changeNumber"] = number.into();
        let definition = Arc::new(definition);
        let previous = std::mem::replace(&mut self.number, number);
        self.objects.entry(name.clone()).or_default().push(Version { number, definition: definition.clone() });
        Ok(Change { name, previous, number, definition })
    }

    /// Puts the current version of `name` once more, with what `edit` does to it.
    pub(crate) fn amend(
        &mut self,
        name: &str,
        wanted: Option<i64>,
        now: i64,
        edit: impl FnOnce(&mut Value),
    ) -> Result<Change, EditError> {
        let current = self.objects.get(name).and_then(|versions| versions.last());
        let current = current.ok_or_else(|| EditError::Unknown { what: self.what, name: name.to_owned() })?;
        let mut definition = Value::clone(&current.definition);
        edit(&mut definition);
        self.put(definition, wanted, now)
    }

    /// Makes the file's content the state. At first it is history and keeps its own numbers; later each object that differs
    /// from the file's last content, or is gone from it (archived then), is one change.
    pub(crate) fn follow(
        &mut self,
        objects: Vec<Value>,
        till: i64,
        first: bool,
        now: i64,
    ) -> Result<Vec<Change>, EditError> {
        let mut objects: Vec<(String, Value)> =
            objects.into_iter().filter_map(|object| Some((name_of(&object)?.to_owned(), object))).collect();
        objects.sort_by_key(|(_, object)| own_number(object).unwrap_or(i64::MAX));
        if first {
            self.found(&objects, till);
            self.sources = objects.into_iter().collect();
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        let mut sources = HashMap::new();
        for (name, object) in objects {
            if self.sources.get(&name) != Some(&object) {
                changes.push(self.put(object.clone(), None, now)?);
            }
            sources.insert(name, object);
        }
        let mut gone: Vec<String> = self.sources.keys().filter(|name| !sources.contains_key(*name)).cloned().collect();
        gone.sort();
        for name in gone {
            changes.push(self.amend(&name, None, now, archive)?);
        }
        self.sources = sources;
        // A number the file announces beyond its objects: a change that concerns none of them, as for other flag sets.
        self.number = self.number.max(till);
        Ok(changes)
    }

    fn found(&mut self, objects: &[(String, Value)], till: i64) {
        let highest = objects.iter().filter_map(|(_, object)| own_number(object)).max().unwrap_or(UNKNOWN);
        // An environment with objects is never at "nothing known", which would tell SDKs that there is nothing to fetch.
        let least = if objects.is_empty() { UNKNOWN } else { 1 };
        self.number = till.max(highest).max(least);
        for (name, object) in objects {
            let mut definition = object.clone();
            let number = own_number(object).unwrap_or(self.number);
            if definition.get("changeNumber").is_none_or(Value::is_null) {
                definition["changeNumber"] = number.into();
            }
            self.objects.entry(name.clone()).or_default().push(Version { number, definition: Arc::new(definition) });
        }
    }

    pub(crate) fn delta(&self, question: &Question) -> Delta {
        let since = question.since;
        let reached = question.at.map_or(self.number, |at| at.min(self.number));
        if since >= reached {
            // Also for an SDK that is ahead of us: t below s would make it ask again for ever.
            return Delta { since, till: since, definitions: Vec::new() };
        }
        let mut found: Vec<&Version> =
            self.objects.values().filter_map(|versions| changed(versions, reached, question)).collect();
        found.sort_by_key(|version| version.number);
        let mut till = reached;
        if let Some(page) = question.page.filter(|page| *page < found.len()) {
            let last = found[page.max(1) - 1].number;
            let end = found.partition_point(|version| version.number <= last);
            if end < found.len() {
                found.truncate(end);
                till = last;
            }
        }
        Delta { since, till, definitions: found.into_iter().map(|version| version.definition.clone()).collect() }
    }
}

/// The version of an object that belongs into the answer, if any.
fn changed<'a>(versions: &'a [Version], reached: i64, question: &Question) -> Option<&'a Version> {
    let upto = versions.partition_point(|version| version.number <= reached);
    let versions = &versions[..upto];
    let current = versions.last().filter(|version| version.number > question.since)?;
    let fresh = question.since == UNKNOWN;
    if fresh && is_archived(&current.definition) {
        return None;
    }
    if question.sets.is_empty() || in_sets(&current.definition, question.sets) {
        return Some(current);
    }
    // It left the sets since the asker looked: they must hear of it to drop it.
    let seen = versions.partition_point(|version| version.number <= question.since).saturating_sub(1);
    let left = !fresh && versions[seen..].iter().any(|version| in_sets(&version.definition, question.sets));
    left.then_some(current)
}

/// Keys that entered and left a segment in one change.
#[derive(Debug)]
struct Step {
    number: i64,
    added: Vec<String>,
    removed: Vec<String>,
}

/// A standard segment; its numbers are its own.
#[derive(Debug)]
pub(crate) struct Segment {
    number: i64,
    log: Vec<Step>,
}

/// The answer to `segmentChanges`.
#[derive(Debug, PartialEq)]
pub(crate) struct SegmentDelta {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub since: i64,
    pub till: i64,
}

impl Segment {
    pub(crate) fn new() -> Self {
        Self { number: UNKNOWN, log: Vec::new() }
    }

    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.delta(UNKNOWN, None).added
    }

    /// Makes `keys` the members; `None` when they are already and no number was asked for.
    pub(crate) fn set(
        &mut self,
        keys: Vec<String>,
        wanted: Option<i64>,
        own: Option<i64>,
        now: i64,
    ) -> Result<Option<i64>, EditError> {
        let mut wish: BTreeMap<String, bool> = self.keys().into_iter().map(|key| (key, false)).collect();
        let mut added = Vec::new();
        for key in keys {
            if wish.insert(key.clone(), true).is_none() {
                added.push(key);
            }
        }
        let removed: Vec<String> = wish.into_iter().filter(|(_, stays)| !stays).map(|(key, _)| key).collect();
        if added.is_empty() && removed.is_empty() && wanted.is_none() && !self.log.is_empty() {
            return Ok(None);
        }
        self.update(added, removed, wanted, own, now).map(Some)
    }

    pub(crate) fn update(
        &mut self,
        added: Vec<String>,
        removed: Vec<String>,
        wanted: Option<i64>,
        own: Option<i64>,
        now: i64,
    ) -> Result<i64, EditError> {
        let number = next_number(self.number, wanted, own.filter(|own| *own > self.number), now)?;
        self.number = number;
        self.log.push(Step { number, added, removed });
        Ok(number)
    }

    pub(crate) fn delta(&self, since: i64, at: Option<i64>) -> SegmentDelta {
        let reached = at.map_or(self.number, |at| at.min(self.number));
        if since >= reached {
            return SegmentDelta { added: Vec::new(), removed: Vec::new(), since, till: since };
        }
        let mut fate: BTreeMap<&str, bool> = BTreeMap::new();
        for step in self.log.iter().filter(|step| step.number > since && step.number <= reached) {
            fate.extend(step.added.iter().map(|key| (key.as_str(), true)));
            fate.extend(step.removed.iter().map(|key| (key.as_str(), false)));
        }
        let pick =
            |wanted: bool| fate.iter().filter(|(_, is)| **is == wanted).map(|(key, _)| (*key).to_owned()).collect();
        let removed = if since == UNKNOWN { Vec::new() } else { pick(false) };
        SegmentDelta { added: pick(true), removed, since, till: reached }
    }
}

/// Everything behind one SDK key.
#[derive(Debug)]
pub(crate) struct Environment {
    pub flags: Sequence,
    pub rbs: Sequence,
    pub segments: BTreeMap<String, Segment>,
    /// Whether a flags file has been read: what it says later are changes.
    founded: bool,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self {
            flags: Sequence::new("flag"),
            rbs: Sequence::new("rule-based segment"),
            segments: BTreeMap::new(),
            founded: false,
        }
    }

    /// Makes a flags file the state; returns the changes of flags and of rule-based segments.
    pub(crate) fn follow(&mut self, document: Document, now: i64) -> Result<(Vec<Change>, Vec<Change>), EditError> {
        let first = !std::mem::replace(&mut self.founded, true);
        let Document { flags, rbs } = document;
        let rbs = self.rbs.follow(rbs.objects, rbs.till, first, now)?;
        Ok((self.flags.follow(flags.objects, flags.till, first, now)?, rbs))
    }
}

pub(crate) fn archive(definition: &mut Value) {
    definition["status"] = "ARCHIVED".into();
}

fn next_number(current: i64, wanted: Option<i64>, own: Option<i64>, now: i64) -> Result<i64, EditError> {
    match wanted {
        Some(wanted) if wanted <= current => Err(EditError::NotAbove { wanted, current }),
        Some(wanted) => Ok(wanted),
        None => Ok(own.unwrap_or_else(|| now.max(current + 1))),
    }
}

fn name_of(definition: &Value) -> Option<&str> {
    definition.get("name")?.as_str().filter(|name| !name.trim().is_empty())
}

fn own_number(definition: &Value) -> Option<i64> {
    definition.get("changeNumber")?.as_i64().filter(|number| *number >= 0)
}

fn is_archived(definition: &Value) -> bool {
    definition.get("status").and_then(Value::as_str).is_some_and(|status| status != "ACTIVE")
}

fn in_sets(definition: &Value, sets: &[String]) -> bool {
    let own = definition.get("sets").and_then(Value::as_array);
    own.is_some_and(|own| own.iter().filter_map(Value::as_str).any(|set| sets.iter().any(|wanted| wanted == set)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn flag(name: &str, number: i64, status: &str, sets: &[&str]) -> Value {
        json!({"name": name, "changeNumber": number, "status": status, "sets": sets})
    }

    fn history() -> Sequence {
        let mut flags = Sequence::new("flag");
        let first =
            vec![flag("a", 10, "ACTIVE", &["x"]), flag("b", 20, "ACTIVE", &["y"]), flag("old", 5, "ARCHIVED", &["x"])];
        flags.follow(first, 25, true, 0).unwrap();
        flags.put(flag("a", 30, "ACTIVE", &["y"]), None, 0).unwrap();
        flags.put(flag("c", 40, "ACTIVE", &["x"]), None, 0).unwrap();
        flags.amend("b", Some(50), 0, archive).unwrap();
        flags
    }

    fn names(delta: &Delta) -> Vec<&str> {
        delta.definitions.iter().filter_map(|definition| name_of(definition)).collect()
    }

    #[test]
    fn deltas() {
        let flags = history();
        let sets = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        // since, at, sets, page -> names, till
        for (since, at, filter, page, expected, till) in [
            (-1, None, sets(&[]), None, vec!["a", "c"], 50),
            (25, None, sets(&[]), None, vec!["a", "c", "b"], 50),
            (30, None, sets(&[]), None, vec!["c", "b"], 50),
            (50, None, sets(&[]), None, vec![], 50),
            (99, None, sets(&[]), None, vec![], 99),
            (-1, Some(25), sets(&[]), None, vec!["a", "b"], 25),
            (25, Some(25), sets(&[]), None, vec![], 25),
            (25, Some(30), sets(&[]), None, vec!["a"], 30),
            (-1, None, sets(&["x"]), None, vec!["c"], 50),
            (25, None, sets(&["x"]), None, vec!["a", "c"], 50),
            (30, None, sets(&["x"]), None, vec!["c"], 50),
            (25, None, sets(&["y"]), None, vec!["a", "b"], 50),
            (-1, None, sets(&["none"]), None, vec![], 50),
            (-1, None, sets(&[]), Some(1), vec!["a"], 30),
            (30, None, sets(&[]), Some(1), vec!["c"], 40),
            (40, None, sets(&[]), Some(1), vec!["b"], 50),
            (0, None, sets(&[]), None, vec!["old", "a", "c", "b"], 50),
        ] {
            let delta = flags.delta(&Question { since, at, sets: &filter, page });
            assert_eq!(
                (names(&delta), delta.since, delta.till),
                (expected, since, till),
                "{since} {at:?} {filter:?} {page:?}"
            );
        }
    }

    #[test]
    fn numbers_grow() {
        let mut flags = Sequence::new("flag");
        for (own, wanted, now, expected) in [
            (json!(7), None, 100, Some(7)),
            (json!(7), None, 100, Some(100)),
            (json!(null), None, 50, Some(101)),
            (json!(500), Some(200), 50, Some(200)),
            (json!(1), Some(200), 999, None),
        ] {
            let outcome = flags.put(json!({"name": "f", "changeNumber": own}), wanted, now).ok();
            assert_eq!(outcome.map(|change| change.number), expected, "{own} {wanted:?} {now}");
        }
        assert!(matches!(flags.put(json!({"name": " "}), None, 0), Err(EditError::NoName)));
        assert!(matches!(flags.amend("nobody", None, 0, archive), Err(EditError::Unknown { .. })));
    }

    #[test]
    fn an_edited_file_changes_only_what_differs() {
        let mut flags = Sequence::new("flag");
        flags.follow(vec![json!({"name": "a"}), json!({"name": "b", "changeNumber": 3})], -1, true, 100).unwrap();
        assert_eq!(flags.number(), 3);
        flags.put(json!({"name": "by hand"}), None, 100).unwrap();
        let edited = vec![json!({"name": "a", "killed": true}), json!({"name": "new", "changeNumber": 400})];
        let changes = flags.follow(edited.clone(), -1, false, 200).unwrap();
        let seen: Vec<_> =
            changes.iter().map(|change| (change.name.as_str(), change.previous, change.number)).collect();
        assert_eq!(seen, [("new", 100, 400), ("a", 400, 401), ("b", 401, 402)]);
        assert!(is_archived(&changes[2].definition));
        assert!(flags.follow(edited, -1, false, 300).unwrap().is_empty());
        assert!(flags.current().any(|definition| definition["name"] == "by hand" && !is_archived(definition)));
    }

    #[test]
    fn an_empty_environment_has_no_number() {
        let mut flags = Sequence::new("flag");
        flags.follow(Vec::new(), -1, true, 100).unwrap();
        for since in [-1, 0, 1_760_000_000_000] {
            let delta = flags.delta(&Question { since, ..Question::default() });
            assert_eq!((delta.since, delta.till), (since, since));
        }
    }

    #[test]
    fn segment_deltas() {
        let text = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let mut segment = Segment::new();
        assert_eq!(segment.set(text(&["a", "b"]), None, Some(10), 0).unwrap(), Some(10));
        assert_eq!(segment.set(text(&["b", "a", "a"]), None, None, 15).unwrap(), None);
        assert_eq!(segment.set(text(&["b", "c"]), None, None, 20).unwrap(), Some(20));
        assert_eq!(segment.update(text(&["d"]), text(&["c"]), Some(30), None, 0).unwrap(), 30);
        for (since, at, added, removed, till) in [
            (-1, None, &["b", "d"][..], &[][..], 30),
            (10, None, &["d"], &["a", "c"], 30),
            (20, None, &["d"], &["c"], 30),
            (30, None, &[], &[], 30),
            (-1, Some(10), &["a", "b"], &[], 10),
            (10, Some(10), &[], &[], 10),
        ] {
            let expected = SegmentDelta { added: text(added), removed: text(removed), since, till };
            assert_eq!(segment.delta(since, at), expected, "{since} {at:?}");
        }
        let mut empty = Segment::new();
        assert_eq!(empty.set(Vec::new(), None, None, 5).unwrap(), Some(5), "an empty segment is known");
    }
}
