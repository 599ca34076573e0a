//! What a flag or rule-based segment of a JSON file lacks, added; what is wrong in it, put right.
//!
//! Only the outermost members are read. Conditions and configurations pass as the text they are.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use serde_json::value::RawValue;

use super::TARGET;
use super::object::{Object, elements_of, integer_of, text_of};
use crate::config::flag_set;
use crate::input::{is_blank, push_json_text, shown};
use crate::logging::Logger;

/// Ends a flag's conditions unless they end with one like it: keys that nothing else matches get `off`.
const DEFAULT_RULE: &str = concat!(
    r#"{"conditionType":"ROLLOUT","label":"default rule","matcherGroup":{"combiner":"AND","#,
    r#""matchers":[{"keySelector":null,"matcherType":"ALL_KEYS","negate":false}]},"#,
    r#""partitions":[{"treatment":"on","size":0},{"treatment":"off","size":100}]}"#
);

/// The definition of a flag; `None`, after a warning, if it has no name. `now`: seconds since 1970.
pub(super) fn flag(raw: &RawValue, now: i64, log: &Logger) -> Option<String> {
    let fields = Fields::read(raw, "feature flag", log)?;
    let mut out = Definition::new(&fields);
    out.traffic_type_and_status();
    out.plain("killed", fields.or("killed", fields.boolean("killed"), false));
    let treatment = fields.text("defaultTreatment").filter(|text| !matches!(&**text, "" | " "));
    out.text("defaultTreatment", &fields.or("defaultTreatment", treatment, "control".into()));
    out.change_number();
    for seed in ["seed", "trafficAllocationSeed"] {
        out.plain(seed, fields.or(seed, fields.integer(seed).filter(|seed| *seed != 0), now));
    }
    let allocation = fields.integer("trafficAllocation").filter(|percent| (0..=100).contains(percent));
    out.plain("trafficAllocation", fields.or("trafficAllocation", allocation, 100));
    out.plain("algo", fields.or("algo", fields.integer("algo").filter(|algo| *algo == 2), 2));
    out.conditions(true);
    out.sets();
    out.plain("prerequisites", fields.list("prerequisites").map_or("[]", RawValue::get));
    // As they are, unless their type is wrong, which would cost the whole flag.
    if fields.boolean("impressionsDisabled").is_none() {
        out.leave_out("impressionsDisabled");
    }
    if fields.typed("configurations", "an object", |value| value.get().starts_with('{').then_some(())).is_none() {
        out.leave_out("configurations");
    }
    Some(out.finish())
}

/// The definition of a rule-based segment; `None`, after a warning, if it has no name.
pub(super) fn rule_based_segment(raw: &RawValue, log: &Logger) -> Option<String> {
    let fields = Fields::read(raw, "rule-based segment", log)?;
    let mut out = Definition::new(&fields);
    out.traffic_type_and_status();
    out.change_number();
    // No default rule: with it, everybody would be a member.
    out.conditions(false);
    Some(out.finish())
}

/// The outermost members of one definition.
struct Fields<'a> {
    object: Object<'a>,
    name: Cow<'a, str>,
    what: &'static str,
    log: &'a Logger,
}

impl Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.what, shown(&self.name))
    }
}

impl<'a> Fields<'a> {
    fn read(raw: &'a RawValue, what: &'static str, log: &'a Logger) -> Option<Self> {
        let Ok(object) = Object::read(raw.get()) else {
            log.warning(TARGET, format_args!("a {what} is not an object and is skipped"));
            return None;
        };
        match object.get("name").and_then(text_of).filter(|name| !is_blank(name)) {
            Some(name) => Some(Fields { object, name, what, log }),
            None => {
                log.warning(TARGET, format_args!("a {what} has no name, or one that is no text, and is skipped"));
                None
            }
        }
    }

    /// What `read` makes of a member; `None`, after a warning, if it makes nothing of it.
    fn typed<T>(&self, field: &str, wanted: &str, read: impl FnOnce(&'a RawValue) -> Option<T>) -> Option<T> {
        let value = self.object.get(field)?;
        let read = read(value);
        if read.is_none() {
            self.log.warning(TARGET, format_args!("{self}: {field} is not {wanted} and is treated as null"));
        }
        read
    }

    fn text(&self, field: &str) -> Option<Cow<'a, str>> {
        self.typed(field, "text", text_of)
    }

    fn integer(&self, field: &str) -> Option<i64> {
        self.typed(field, "a whole number", integer_of)
    }

    fn boolean(&self, field: &str) -> Option<bool> {
        self.typed(field, "true or false", |value| value.get().parse().ok())
    }

    fn list(&self, field: &str) -> Option<&'a RawValue> {
        self.typed(field, "a list", |value| value.get().starts_with('[').then_some(value))
    }

    fn or<T: Display>(&self, field: &str, value: Option<T>, otherwise: T) -> T {
        value.unwrap_or_else(|| {
            self.log.debug(TARGET, format_args!("{self}: {field} is taken to be {otherwise}"));
            otherwise
        })
    }
}

/// JSON text in the making. Members that it was not told of follow as they were.
struct Definition<'a, 'f> {
    fields: &'f Fields<'a>,
    json: String,
    told: Vec<&'static str>,
}

impl<'a, 'f> Definition<'a, 'f> {
    fn new(fields: &'f Fields<'a>) -> Self {
        let mut definition = Definition { fields, json: String::from("{"), told: Vec::with_capacity(16) };
        definition.text("name", &fields.name);
        definition
    }

    fn member(&mut self, name: &str) {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        push_json_text(&mut self.json, name);
        self.json.push(':');
    }

    fn text(&mut self, name: &'static str, text: &str) {
        self.told.push(name);
        self.member(name);
        push_json_text(&mut self.json, text);
    }

    /// A value whose text is its JSON.
    fn plain(&mut self, name: &'static str, value: impl Display) {
        self.told.push(name);
        self.member(name);
        // Writing to a String does not fail.
        let _ = write!(self.json, "{value}");
    }

    fn leave_out(&mut self, name: &'static str) {
        self.told.push(name);
    }

    fn traffic_type_and_status(&mut self) {
        let fields = self.fields;
        self.text("trafficTypeName", &fields.or("trafficTypeName", fields.text("trafficTypeName"), "user".into()));
        let status = fields.text("status").filter(|status| matches!(&**status, "ACTIVE" | "ARCHIVED"));
        self.text("status", &fields.or("status", status, "ACTIVE".into()));
    }

    fn change_number(&mut self) {
        let number = self.fields.integer("changeNumber").filter(|number| *number >= 0);
        self.plain("changeNumber", self.fields.or("changeNumber", number, 0));
    }

    fn conditions(&mut self, end_with_default_rule: bool) {
        let conditions = self.fields.list("conditions").and_then(elements_of).unwrap_or_default();
        let lacks_default_rule = !conditions.last().is_some_and(|condition| serves_every_key(condition));
        let mut texts: Vec<&str> = conditions.iter().map(|condition| condition.get()).collect();
        if end_with_default_rule && lacks_default_rule {
            self.fields.log.debug(TARGET, format_args!("{}: the default rule is appended", self.fields));
            texts.push(DEFAULT_RULE);
        }
        self.plain("conditions", format_args!("[{}]", texts.join(",")));
    }

    fn sets(&mut self) {
        let given = self.fields.list("sets").and_then(elements_of).unwrap_or_default();
        let names: Vec<Option<Cow<'_, str>>> = given.into_iter().map(text_of).collect();
        let names = names.iter().map(Option::as_deref);
        let log = self.fields.log;
        let report = |level, message| log.log(level, TARGET, format_args!("{message}"));
        let sets = flag_set::sanitise(names, &self.fields.to_string(), report);
        // Their names are letters, digits and underscores: nothing to escape.
        let sets: Vec<String> = sets.iter().map(|set| format!("\"{set}\"")).collect();
        self.plain("sets", format_args!("[{}]", sets.join(",")));
    }

    fn finish(mut self) -> String {
        let fields = self.fields;
        for (name, value) in fields.object.iter() {
            if !self.told.contains(&name) {
                self.member(name);
                self.json.push_str(value.get());
            }
        }
        self.json.push('}');
        self.json
    }
}

/// Whether it is a ROLLOUT condition with an ALL_KEYS matcher anywhere in its group, negated or not.
fn serves_every_key(condition: &RawValue) -> bool {
    fn says(object: &Object<'_>, field: &str, text: &str) -> bool {
        object.get(field).and_then(text_of).as_deref() == Some(text)
    }
    fn matchers(condition: &RawValue) -> Option<Vec<&RawValue>> {
        let condition = Object::read(condition.get()).ok()?;
        if !says(&condition, "conditionType", "ROLLOUT") {
            return None;
        }
        let group = Object::read(condition.get("matcherGroup")?.get()).ok()?;
        elements_of(group.get("matchers")?)
    }
    let is_all_keys =
        |matcher: &RawValue| Object::read(matcher.get()).is_ok_and(|matcher| says(&matcher, "matcherType", "ALL_KEYS"));
    matchers(condition).unwrap_or_default().into_iter().any(is_all_keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    fn raw(json: &str) -> &RawValue {
        serde_json::from_str(json).expect(json)
    }

    #[test]
    fn wrong_types_warn_and_count_as_null() {
        let bad = r#"{"name":"f","trafficTypeName":5,"status":[],"killed":"x","defaultTreatment":{},"changeNumber":1.5,
            "seed":"7","trafficAllocationSeed":true,"trafficAllocation":"x","algo":"2","conditions":{},"sets":"a",
            "prerequisites":5,"impressionsDisabled":1,"configurations":"x","unknown":[1, 2]}"#;
        let (log, lines) = Logger::recording(Level::Warning);
        let mended = flag(raw(bad), 99, &log).expect("a name");
        assert_eq!(lines.count(Level::Warning), 14, "{:?}", lines.lines());
        let (log, lines) = Logger::recording(Level::Warning);
        let plain = flag(raw(r#"{"name":"f","unknown":[1, 2]}"#), 99, &log).expect("a name");
        assert_eq!(lines.lines(), []);
        assert_eq!(mended, plain);
        assert!(serde_json::from_str::<serde_json::Value>(&plain).is_ok(), "{plain}");
    }

    #[test]
    fn members_that_nobody_asked_for_stay_as_they_were() {
        let text = r#"{"configurations":{"z":"1","a":"2"},"name":"f","impressionsDisabled":true,"x":1.50}"#;
        let flag = flag(raw(text), 99, &Logger::silent()).expect("a name");
        assert!(flag.ends_with(r#""configurations":{"z":"1","a":"2"},"impressionsDisabled":true,"x":1.50}"#), "{flag}");
    }

    #[test]
    fn objects_without_a_name_are_skipped_with_a_warning() {
        for text in ["5", "[]", "null", "{}", r#"{"name":" \t"}"#, r#"{"name":["f"]}"#, r#"{"name":"\ud800"}"#] {
            let (log, lines) = Logger::recording(Level::Debug);
            assert_eq!(flag(raw(text), 99, &log), None, "{text}");
            assert_eq!(rule_based_segment(raw(text), &log), None, "{text}");
            assert_eq!((lines.count(Level::Warning), lines.lines().len()), (2, 2), "{text}");
        }
    }

    #[test]
    fn rule_based_segments() {
        let exact = r#"{"name":"s","trafficTypeName":"","status":"ARCHIVED","changeNumber":5,"conditions":[{"x":1}],"excluded":5}"#;
        for (given, expected) in [
            (exact, exact),
            (
                r#"{"name":"s"}"#,
                r#"{"name":"s","trafficTypeName":"user","status":"ACTIVE","changeNumber":0,"conditions":[]}"#,
            ),
            (
                r#"{"conditions":null,"changeNumber":-3,"status":"x","trafficTypeName":null,"name":"s","excluded":{"keys":["a"]}}"#,
                r#"{"name":"s","trafficTypeName":"user","status":"ACTIVE","changeNumber":0,"conditions":[],"excluded":{"keys":["a"]}}"#,
            ),
        ] {
            let (log, lines) = Logger::recording(Level::Warning);
            assert_eq!(rule_based_segment(raw(given), &log).as_deref(), Some(expected));
            assert_eq!(lines.lines(), []);
        }
    }

    #[test]
    fn repairs_are_told_to_developers_only() {
        let (log, lines) = Logger::recording(Level::Debug);
        flag(raw(r#"{"name":"f","sets":["A","-"]}"#), 99, &log).expect("a name");
        assert_eq!((lines.count(Level::Warning), lines.count(Level::Error)), (1, 1), "{:?}", lines.lines());
        assert!(lines.count(Level::Debug) > 5, "{:?}", lines.lines());
    }
}
