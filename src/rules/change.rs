//! From one state of the definitions to the next.
//!
//! Whoever listens for updates is to hear of real changes only. Backends send unchanged objects again, so each
//! definition carries a fingerprint of its text, and what comes with the fingerprint it had is left alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::definitions::Definitions;
use super::flag::Flag;
use super::intern::Interned;
use super::name_table::{NameTable, Named};
use super::rule_based_segment::RuleBasedSegment;
use crate::complaint::Complaint;
use crate::logging::Level;

/// How many definitions of a kind there may be, and how many bytes of JSON: what a backend sends beyond is refused, for it
/// may never end.
#[derive(Clone, Copy, Debug)]
struct Limits {
    count: usize,
    bytes: usize,
}

const LIMITS: Limits = Limits { count: 131_072, bytes: 1 << 30 };

/// What happens to one object.
#[derive(Debug)]
pub(crate) enum Put<T> {
    /// It takes the place of its namesake.
    Store(Arc<T>),
    /// It is archived, or unknown to this version: its namesake goes.
    Remove(Box<str>),
    /// It could not be read: its namesake stays, even where everything else is replaced.
    Keep(Box<str>),
}

/// Objects that changed. Of several about the same object the last counts.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// Flags.
    pub(crate) flags: Vec<Put<Flag>>,
    /// Rule-based segments.
    pub(crate) rule_based_segments: Vec<Put<RuleBasedSegment>>,
    /// What the change number of the flags becomes; `None` leaves it.
    pub(crate) change_number: Option<i64>,
    /// What the change number of the rule-based segments becomes; `None` leaves it.
    pub(crate) rbs_change_number: Option<i64>,
    /// Whether all that is not in here goes.
    pub(crate) replace: bool,
}

/// What a change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Names of the flags that came, went or changed, sorted.
    pub(crate) flags_changed: Vec<String>,
    /// Whether any rule-based segment came, went or changed.
    pub(crate) rule_based_segments_changed: bool,
    /// What found no room.
    pub(crate) refused: Refused,
}

/// Definitions that found no room. Of those that are known the version before stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    count: usize,
    /// Of the first.
    names: Vec<Box<str>>,
}

impl Refused {
    /// How many names, and characters of each, are kept.
    const FEW: usize = 3;
    const LONGEST: usize = 100;

    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < Refused::FEW {
            self.names.push(name.chars().take(Refused::LONGEST).collect::<String>().into());
        }
    }

    fn and(mut self, other: Refused) -> Self {
        self.count += other.count;
        self.names.extend(other.names);
        self
    }
}

impl Applied {
    /// Says what found no room, if anything did not.
    pub(crate) fn complain(&self, complaint: &Complaint) -> bool {
        let Refused { count: refused, names } = &self.refused;
        let Limits { count, bytes } = LIMITS;
        if *refused > 0 {
            complaint.say_about(
                Level::Error,
                "no room",
                format_args!(
                    "there is no room for {refused} definitions, such as {names:?}: there may be {count} of a kind, of \
                     {bytes} bytes in all"
                ),
            );
        }
        *refused > 0
    }

    /// Whether the new state differs from the one before in anything but change numbers.
    pub(crate) fn is_change(&self) -> bool {
        self.rule_based_segments_changed || !self.flags_changed.is_empty()
    }
}

/// A definition that can be told from others.
trait Comparable: Named {
    fn fingerprint(&self) -> u64;
}

impl Comparable for Flag {
    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl Comparable for RuleBasedSegment {
    fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl Definitions {
    /// The state after a change. With a filter, flags that belong to none of its sets are not stored.
    pub(crate) fn apply(&self, change: Change, filter: Option<&[String]>) -> (Definitions, Applied) {
        self.apply_within(LIMITS, change, filter)
    }

    fn apply_within(&self, limits: Limits, change: Change, filter: Option<&[String]>) -> (Definitions, Applied) {
        let is_let_in = |flag: &Flag| {
            filter.is_none_or(|filter| flag.sets.iter().any(|set| filter.iter().any(|known| **known == **set)))
        };
        let filtered = change.flags.into_iter().map(|put| match put {
            Put::Store(flag) if !is_let_in(&flag) => Put::Remove(flag.name.clone()),
            put => put,
        });
        let mut next = self.clone();

        let rbs = merge(&self.rule_based_segments, change.rule_based_segments, change.replace, limits);
        for Difference { before, after } in &rbs.differences {
            next.indexes.change_rule_based_segment(before.as_deref(), after.as_deref());
        }
        let flags = merge(&self.flags, filtered, change.replace, limits);
        for Difference { before, after } in &flags.differences {
            next.indexes.change_flag(before.as_deref(), after.as_deref(), filter);
        }

        let applied = Applied {
            flags_changed: flags.differences.iter().filter_map(Difference::name).map(str::to_owned).collect(),
            rule_based_segments_changed: !rbs.differences.is_empty(),
            refused: flags.refused.and(rbs.refused),
        };
        if let Some(table) = rbs.table {
            next.rule_based_segments = table;
        }
        if let Some(table) = flags.table {
            next.flags = table;
        }
        if !next.indexes.needs_the_segments_of(&self.indexes) {
            next.forget_unneeded_segments();
        }
        next.change_number = change.change_number.unwrap_or(self.change_number);
        next.rbs_change_number = change.rbs_change_number.unwrap_or(self.rbs_change_number);
        (next, applied)
    }

    /// The state after a flag was killed; `None` if there is no such flag, or the news are not newer than what is known.
    /// Change numbers stay, for the definition is still to come.
    pub(crate) fn with_kill(&self, flag: &str, default_treatment: Interned, change_number: i64) -> Option<Definitions> {
        let before = self.flag(flag)?;
        let is_known = before.killed && before.change_number == change_number;
        if change_number < self.change_number || change_number < before.change_number || is_known {
            return None;
        }
        // Sets, traffic type and segments are what they were, so no index changes.
        let mut next = self.clone();
        next.flags.insert(Arc::new(before.killed_with(default_treatment, change_number)));
        Some(next)
    }
}

struct Difference<T> {
    before: Option<Arc<T>>,
    after: Option<Arc<T>>,
}

impl<T: Named> Difference<T> {
    fn name(&self) -> Option<&str> {
        self.before.as_deref().or(self.after.as_deref()).map(Named::name)
    }
}

struct Merged<T> {
    /// `None` where nothing changed.
    table: Option<NameTable<T>>,
    /// By name.
    differences: Vec<Difference<T>>,
    refused: Refused,
}

fn merge<T: Comparable>(
    before: &NameTable<T>,
    puts: impl IntoIterator<Item = Put<T>>,
    replace: bool,
    limits: Limits,
) -> Merged<T> {
    let mut puts: Vec<Put<T>> = puts.into_iter().collect();
    if puts.is_empty() && !replace {
        return Merged { table: None, differences: Vec::new(), refused: Refused::default() };
    }
    // Of two about the same object the last counts.
    let mut touched: BTreeSet<Box<str>> = BTreeSet::new();
    puts.reverse();
    puts.retain(|put| touched.insert(name_of(put).into()));
    puts.reverse();
    // What makes room goes before what takes it, and what is known before what is new: in whichever order they were sent,
    // only what is new is refused while there are too many.
    puts.sort_by_cached_key(|put| match put {
        Put::Remove(_) => 0,
        Put::Keep(_) => 1,
        Put::Store(object) => 2 + u8::from(before.get(object.name()).is_none()),
    });
    let mut table = if replace { NameTable::default() } else { before.clone() };
    let mut refused = Refused::default();
    if replace {
        touched.extend(before.iter().map(|object| Box::from(object.name())));
    }
    for put in puts {
        match put {
            Put::Store(object) => {
                let old = table.get(object.name()).map(|old| old.size());
                let bytes = table.bytes() - old.unwrap_or(0) + object.size();
                if bytes > limits.bytes || old.is_none() && table.len() >= limits.count {
                    refused.add(object.name());
                    keep(&mut table, before, object.name());
                    continue;
                }
                let unchanged = before.get(object.name()).filter(|old| is_same(&***old, &*object)).cloned();
                table.insert(unchanged.unwrap_or(object));
            }
            Put::Remove(name) => table.remove(&name),
            Put::Keep(name) => keep(&mut table, before, &name),
        }
    }
    let compare = |name: Box<str>| {
        let (before, after) = (before.get(&name).cloned(), table.get(&name).cloned());
        let same = match (&before, &after) {
            (Some(before), Some(after)) => is_same(&**before, &**after),
            (None, None) => true,
            _ => false,
        };
        (!same).then_some(Difference { before, after })
    };
    let differences: Vec<_> = touched.into_iter().filter_map(compare).collect();
    Merged { table: (!differences.is_empty()).then_some(table), differences, refused }
}

/// Leaves an object as it was, also where everything else is replaced.
fn keep<T: Named>(table: &mut NameTable<T>, before: &NameTable<T>, name: &str) {
    if table.get(name).is_none()
        && let Some(old) = before.get(name)
    {
        table.insert(Arc::clone(old));
    }
}

fn name_of<T: Named>(put: &Put<T>) -> &str {
    match put {
        Put::Store(object) => object.name(),
        Put::Remove(name) | Put::Keep(name) => name,
    }
}

fn is_same<T: Comparable>(one: &T, other: &T) -> bool {
    one.fingerprint() == other.fingerprint()
}

#[cfg(test)]
mod tests {
    use super::Limits;
    use crate::complaint::Complaint;
    use crate::logging::{Level, Logger};
    use crate::rules::testing::{World, flag_json, rule_based_segment_json};
    use crate::rules::{Change, Put, SegmentId, intern_treatment};

    const NONE: &[&str] = &[];

    fn flag(name: &str, more: &str) -> String {
        flag_json(name, r#"{"matcherType":"ALL_KEYS"}"#).replacen('{', &format!("{{{more},"), 1)
    }

    fn archived(name: &str) -> String {
        format!(r#"{{"name":"{name}","status":"ARCHIVED"}}"#)
    }

    fn in_segment(segment: &str) -> String {
        format!(r#"{{"matcherType":"IN_SEGMENT","userDefinedSegmentMatcherData":{{"segmentName":"{segment}"}}}}"#)
    }

    fn names(world: &World) -> Vec<&str> {
        let mut names: Vec<&str> = world.definitions.flags().map(|flag| &*flag.name).collect();
        names.sort_unstable();
        names
    }

    fn needed(world: &World) -> Vec<&str> {
        world.definitions.needed_segments().map(|(name, _)| name).collect()
    }

    #[test]
    fn only_real_changes_are_reported() {
        let mut world = World::new();
        let steps: [(&[String], &[&str]); 7] = [
            (&[flag("b", r#""changeNumber":1"#), flag("a", r#""changeNumber":1"#)], &["a", "b"]),
            (&[flag("a", r#""changeNumber":1"#), flag("b", r#""changeNumber":1"#)], &[]),
            (&[flag("a", r#""changeNumber":2"#)], &["a"]),
            (&[archived("never seen")], &[]),
            (&[archived("a"), flag("a", r#""changeNumber":2"#)], &[]),
            (&[flag("c", r#""changeNumber":1"#), archived("c")], &[]),
            (&[archived("a"), r#"{"name":"b","seed":"bad"}"#.into()], &["a"]),
        ];
        for (flags, expected) in steps {
            assert_eq!(world.put(flags, NONE).flags_changed, expected, "{flags:?}");
        }
        assert_eq!(names(&world), ["b"]);

        let segment = rule_based_segment_json("s", r#"{"matcherType":"ALL_KEYS"}"#);
        for (sent, expected) in [(&segment, true), (&segment, false), (&archived("s"), true)] {
            assert_eq!(world.put(NONE, &[sent]).rule_based_segments_changed, expected, "{sent}");
        }
    }

    #[test]
    fn change_numbers_move_only_where_the_change_says_so() {
        let mut world = World::new();
        for (flags, segments, expected) in
            [(Some(5), None, (5, -1)), (None, Some(7), (5, 7)), (None, None, (5, 7)), (Some(-1), Some(-1), (-1, -1))]
        {
            let change = Change { change_number: flags, rbs_change_number: segments, ..Change::default() };
            assert!(!world.apply(change, None).is_change());
            assert_eq!((world.definitions.change_number(), world.definitions.rbs_change_number()), expected);
        }
    }

    #[test]
    fn replacing_removes_what_is_not_sent_and_keeps_what_could_not_be_read() {
        let mut world = World::with_flags(&[
            flag("gone", r#""changeNumber":1"#),
            flag("same", r#""changeNumber":1"#),
            flag("bad", r#""changeNumber":1"#),
            flag("other", r#""changeNumber":1"#),
        ]);
        let same = std::sync::Arc::clone(world.definitions.flag("same").expect("stored"));
        let sent = [
            flag("same", r#""changeNumber":1"#),
            r#"{"name":"bad","seed":[]}"#.into(),
            flag("other", r#""changeNumber":2"#),
        ];
        let change = Change { replace: true, ..world.compile(&sent, NONE) };
        assert!(matches!(&change.flags[1], Put::Keep(name) if &**name == "bad"));
        assert_eq!(world.apply(change, None).flags_changed, ["gone", "other"]);
        assert_eq!(names(&world), ["bad", "other", "same"]);
        assert!(std::sync::Arc::ptr_eq(&same, world.definitions.flag("same").expect("stored")));
    }

    #[test]
    fn a_filter_stores_and_indexes_only_its_sets() {
        let filter = ["s1".to_owned(), "unused".to_owned()];
        let mut world = World::new();
        let sent = [
            flag("in", r#""sets":["s2","s1"]"#),
            flag("out", r#""sets":["s2"]"#),
            flag("none", r#""sets":null"#),
            flag("also", r#""sets":["s1"]"#),
        ];
        let change = world.compile(&sent, NONE);
        assert_eq!(world.apply(change, Some(&filter)).flags_changed, ["also", "in"]);
        let definitions = &world.definitions;
        assert_eq!(definitions.flags_of_sets(&["s1", "s2", "unused"]), ["also", "in"]);
        assert!(definitions.flags_of_sets(&["s2"]).is_empty());
        for (set, expected) in [("s1", true), ("s2", false), ("unused", true), ("s3", false)] {
            assert_eq!(definitions.knows_set(set, Some(&filter)), expected, "{set}");
        }
        assert_eq!(definitions.flag("in").expect("stored").view().sets, ["s1", "s2"]);

        let change = world.compile(&[flag("in", r#""sets":["s2"]"#)], NONE);
        assert_eq!(world.apply(change, Some(&filter)).flags_changed, ["in"]);
        assert_eq!(world.definitions.flags_of_sets(&["s1"]), ["also"]);
    }

    #[test]
    fn indexes_follow_the_flags() {
        let user = |name: &str| flag(name, r#""trafficTypeName":"user","sets":["s"]"#);
        let mut world = World::with_flags(&[user("a"), user("b")]);
        assert!(world.definitions.has_traffic_type("user") && world.definitions.knows_set("s", None));
        world.put(&[flag("a", r#""trafficTypeName":"account""#)], NONE);
        assert!(world.definitions.has_traffic_type("user") && world.definitions.has_traffic_type("account"));
        assert_eq!(world.definitions.flags_of_sets(&["s"]), ["b"]);
        world.put(&[archived("b")], NONE);
        assert!(!world.definitions.has_traffic_type("user") && !world.definitions.knows_set("s", None));
    }

    #[test]
    fn needed_segments_are_those_of_stored_definitions() {
        let mut world = World::new();
        let excluding = |kind: &str| {
            rule_based_segment_json("r", &in_segment("of rule")).replacen(
                '{',
                &format!(r#"{{"excluded":{{"segments":[{{"name":"x","type":{kind}}}]}},"#),
                1,
            )
        };
        world
            .put(&[flag_json("a", &in_segment("shared")), flag_json("b", &in_segment("shared"))], &[excluding("null")]);
        assert_eq!(needed(&world), ["of rule", "shared", "x"]);
        world.put(&[flag_json("a", &in_segment("own"))], &[excluding(r#""large""#)]);
        assert_eq!(needed(&world), ["of rule", "own", "shared"]);
        world.put(&[archived("a"), archived("b")], &[archived("r")]);
        assert_eq!(needed(&world), NONE);
    }

    #[test]
    fn what_finds_no_room_is_refused_and_said() {
        let mut world = World::new();
        let (log, lines) = Logger::recording(Level::Error);
        let complaint = Complaint::new(log, "test");
        let text = |name: &str| flag(name, r#""changeNumber":1"#);
        let size = text("a").len();
        // One byte longer than there is room for.
        let longer = |name: &str| flag(name, r#""changeNumber":11"#);
        let steps: [(&[String], &[&str], &[&str]); 9] = [
            (&[text("a"), text("b"), text("c"), text("d")], &["d"], &["a", "b", "c"]),
            (&[text("e")], &["e"], &["a", "b", "c"]),
            (&[archived("a"), text("e")], &[], &["b", "c", "e"]),
            (&[text("f"), archived("e")], &[], &["b", "c", "f"]),
            (&[longer("b")], &["b"], &["b", "c", "f"]),
            (&[longer("b"), archived("c")], &[], &["b", "f"]),
            (&[text("g"), text("b")], &[], &["b", "f", "g"]),
            (&[text("g"), archived("g"), text("b")], &[], &["b", "f"]),
            (&[text("g"), text("h"), text("i")], &["h", "i"], &["b", "f", "g"]),
        ];
        for (flags, refused, expected) in steps {
            let change = world.compile(flags, NONE);
            let limits = Limits { count: 3, bytes: 3 * size };
            let (next, applied) = world.definitions.apply_within(limits, change, None);
            world.definitions = next;
            let found: Vec<&str> = applied.refused.names.iter().map(|name| &**name).collect();
            assert_eq!((found, names(&world)), (refused.to_vec(), expected.to_vec()), "{flags:?}");
            assert_eq!(applied.complain(&complaint), !refused.is_empty(), "{flags:?}");
        }
        assert_eq!(lines.count(Level::Error), 1, "{:?}", lines.lines());

        // Also where everything else is replaced.
        let change = Change { replace: true, ..world.compile(&[longer("b"), longer("f")], NONE) };
        let (next, applied) = world.definitions.apply_within(Limits { count: 3, bytes: size + 1 }, change, None);
        world.definitions = next;
        assert_eq!((applied.refused.count, applied.flags_changed), (1, vec!["b".to_owned(), "g".to_owned()]));
        assert_eq!(names(&world), ["b", "f"]);
    }

    #[test]
    fn a_state_weighs_what_its_texts_and_keys_take() {
        let mut world = World::with_flags(&[flag_json("f", &in_segment("s"))]);
        let weight = |world: &World| world.definitions.weight();
        assert!((1..10_000).contains(&weight(&world)), "{}", weight(&world));
        let before = weight(&world);
        world.segment("s", &["x".repeat(100_000)]);
        assert!((100_000..200_000).contains(&(weight(&world) - before)), "{}", weight(&world));
        let before = weight(&world);
        world.put(&[flag("g", &format!(r#""unknown":"{}""#, "x".repeat(100_000)))], NONE);
        assert!((100_000..200_000).contains(&(weight(&world) - before)), "{}", weight(&world));
    }

    #[test]
    fn segments_that_nothing_refers_to_are_kept_up_to_a_limit() {
        let mut world = World::with_flags(&[flag_json("stays", &in_segment("needed"))]);
        world.segment("needed", &["ann"]);
        let long: Vec<String> = (0..20).map(|n| format!("{n}{}", "x".repeat(1024 * 1024))).collect();
        let names = ["s0", "s1", "s2", "s3"];
        for (number, name) in names.iter().enumerate() {
            world.put(&[flag_json("f", &in_segment(name))], NONE);
            world.segment(name, &long);
            world.put(&[archived("f")], NONE);
            let kept = if number < 3 { number + 1 } else { 0 };
            assert_eq!(world.definitions.segments().count(), 1 + kept, "after {name}");
        }
        assert_eq!(world.treatment("stays", "ann"), "on");
        let (id, needed) = (world.registry.segment_id("needed"), world.definitions.segments().next().expect("loaded"));
        let bytes = needed.keys.heap_bytes();
        for (id, room, fits) in [(id, bytes, true), (id, bytes - 1, false), (SegmentId(9), 2 * bytes - 1, false)] {
            assert_eq!(world.definitions.has_room_for(id, needed, room), fits, "{id:?}");
        }
        world.put(&[flag_json("f", &in_segment("s1"))], NONE);
        let id = world.definitions.needed_segment("s1").expect("needed");
        assert!(world.definitions.segment(id).is_none(), "to be fetched again");
    }

    #[test]
    fn a_kill_serves_another_default_with_its_configuration_until_the_definition_comes() {
        let configured = flag("f", r#""changeNumber":5,"configurations":{"dead":"{}"}"#);
        let mut world = World::new();
        let change = Change { change_number: Some(5), ..world.compile(&[configured.as_str()], NONE) };
        world.apply(change, None);
        let dead = intern_treatment("dead").expect("room");
        assert!(world.definitions.with_kill("g", dead, 9).is_none());
        assert!(world.definitions.with_kill("f", dead, 4).is_none());
        let killed = world.definitions.with_kill("f", dead, 9).expect("newer");
        assert!(killed.with_kill("f", dead, 9).is_none());
        world.definitions = killed;

        let view = world.definitions.flag("f").expect("stored").view();
        assert_eq!((view.killed, &*view.default_treatment, view.change_number), (true, "dead", 9));
        assert_eq!(world.definitions.change_number(), 5);
        let key = crate::input::Key { matching: "ann", bucketing: None };
        let decision = world.evaluate("f", key, None);
        assert_eq!(decision.treatment, dead);
        assert_eq!(decision.config.map(|text| text.as_str()), Some("{}"));
        // What was sent before the kill is a change again.
        assert_eq!(world.put(&[configured], NONE).flags_changed, ["f"]);
    }
}
