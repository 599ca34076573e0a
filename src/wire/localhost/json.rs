//! The JSON file of flags and rule-based segments.
//!
//! It is a delta, like an answer of the backend: what vanishes from the file stays in memory. Reading and repairing are
//! two steps, since most refreshes find the file as it was, and the complaints about it have been made.

use serde_json::value::RawValue;

use super::digest::{Digest, Digester};
use super::object::{Object, elements_of, integer_of};
use super::{LocalhostError, sanitise};
use crate::logging::Logger;
use crate::rules::Change;
use crate::wire::changes::{flag_from_json, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

/// A file's content, which its definitions borrow from.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    flags: Section<'a>,
    rule_based_segments: Section<'a>,
}

/// One kind of definitions.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// The change number that the file continues from.
    pub(crate) since: i64,
    /// The change number that the file leads to.
    pub(crate) till: i64,
    objects: Vec<&'a RawValue>,
    digest: Digest,
}

/// What the two sections of a file were when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    flags: Digest,
    rule_based_segments: Digest,
}

/// Which sections of a file are to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sections {
    pub(crate) flags: bool,
    pub(crate) rule_based_segments: bool,
}

impl<'a> Document<'a> {
    /// Reads a file's text, in the format of today or that of before rule-based segments.
    pub(crate) fn read(text: &'a str) -> Result<Self, LocalhostError> {
        let root = Object::read(text).map_err(LocalhostError::Json)?;
        if root.has("splits") {
            let flags = Section::new(root.get("splits"), root.get("since"), root.get("till"), OLD_NAMES)?;
            return Ok(Document { flags, rule_based_segments: Section::read(None, RBS_NAMES)? });
        }
        Ok(Document {
            flags: Section::read(root.get("ff"), FLAG_NAMES)?,
            rule_based_segments: Section::read(root.get("rbs"), RBS_NAMES)?,
        })
    }

    /// The change numbers and so on of the flags.
    pub(crate) fn flags(&self) -> &Section<'a> {
        &self.flags
    }

    /// The same of the rule-based segments.
    pub(crate) fn rule_based_segments(&self) -> &Section<'a> {
        &self.rule_based_segments
    }

    /// To be kept until the file is looked at again, whether it was applied or not.
    pub(crate) fn digests(&self) -> Digests {
        Digests { flags: self.flags.digest, rule_based_segments: self.rule_based_segments.digest }
    }

    /// What to do with the file, given how it was `last` time and which change numbers are stored. A section that leads
    /// back is left alone, unless it says -1, which is how a file without change numbers is always taken.
    pub(crate) fn to_apply(&self, last: Option<&Digests>, flags_stored: i64, segments_stored: i64) -> Sections {
        let changed = last.is_none_or(|last| *last != self.digests());
        Sections {
            flags: changed && !leads_back(self.flags.till, flags_stored),
            rule_based_segments: changed && !leads_back(self.rule_based_segments.till, segments_stored),
        }
    }

    /// Mends and compiles the sections that are to be applied. `now` (seconds since 1970) seeds flags without a seed.
    pub(crate) fn compile(&self, apply: Sections, now: i64, compiler: &mut Compiler<'_>) -> Change {
        let mut change = Change::default();
        if apply.flags {
            let flags = self.sanitised_flags(now, compiler.log);
            change.flags = flags.iter().filter_map(|json| flag_from_json(json, compiler)).collect();
            change.change_number = Some(self.flags.till);
        }
        if apply.rule_based_segments {
            let segments = self.sanitised_rule_based_segments(compiler.log);
            change.rule_based_segments =
                segments.iter().filter_map(|json| rule_based_segment_from_json(json, compiler)).collect();
            change.rbs_change_number = Some(self.rule_based_segments.till);
        }
        change
    }

    /// The flags as definitions that the backend could have sent.
    pub(super) fn sanitised_flags(&self, now: i64, log: &Logger) -> Vec<String> {
        self.flags.objects.iter().filter_map(|raw| sanitise::flag(raw, now, log)).collect()
    }

    /// The same for the rule-based segments.
    pub(super) fn sanitised_rule_based_segments(&self, log: &Logger) -> Vec<String> {
        self.rule_based_segments.objects.iter().filter_map(|raw| sanitise::rule_based_segment(raw, log)).collect()
    }
}

/// How error messages name a section and its parts.
#[derive(Clone, Copy)]
struct Names {
    section: &'static str,
    objects: &'static str,
    since: &'static str,
    till: &'static str,
}

const FLAG_NAMES: Names = Names { section: "ff", objects: "ff.d", since: "ff.s", till: "ff.t" };
const RBS_NAMES: Names = Names { section: "rbs", objects: "rbs.d", since: "rbs.s", till: "rbs.t" };
const OLD_NAMES: Names = Names { section: "the document", objects: "splits", since: "since", till: "till" };

impl<'a> Section<'a> {
    fn read(section: Option<&'a RawValue>, names: Names) -> Result<Self, LocalhostError> {
        let Some(section) = section else {
            return Section::new(None, None, None, names);
        };
        let wrong = |_| LocalhostError::WrongType { place: names.section, wanted: "an object" };
        let section = Object::read(section.get()).map_err(wrong)?;
        Section::new(section.get("d"), section.get("s"), section.get("t"), names)
    }

    fn new(
        objects: Option<&'a RawValue>,
        since: Option<&'a RawValue>,
        till: Option<&'a RawValue>,
        names: Names,
    ) -> Result<Self, LocalhostError> {
        let mut digester = Digester::new();
        digester.json(objects);
        digester.json(since);
        digester.json(till);
        let till = number(till, names.till)?.filter(|till| *till >= -1).unwrap_or(-1);
        let since = number(since, names.since)?.filter(|since| (-1..=till).contains(since)).unwrap_or(till);
        let objects = match objects {
            Some(objects) => {
                elements_of(objects).ok_or(LocalhostError::WrongType { place: names.objects, wanted: "a list" })?
            }
            None => Vec::new(),
        };
        Ok(Section { since, till, objects, digest: digester.finish() })
    }
}

/// Whether a document that leads to `till` is older than what is stored.
pub(super) fn leads_back(till: i64, stored: i64) -> bool {
    till != -1 && till < stored
}

pub(super) fn number(value: Option<&RawValue>, place: &'static str) -> Result<Option<i64>, LocalhostError> {
    match value {
        None => Ok(None),
        Some(value) => match integer_of(value) {
            Some(number) => Ok(Some(number)),
            None => Err(LocalhostError::WrongType { place, wanted: "a whole number" }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document<'_> {
        Document::read(text).expect(text)
    }

    #[test]
    fn documents_of_the_wrong_form_say_where() {
        for (text, place) in [
            ("[]", "JSON"),
            ("nope", "JSON"),
            ("", "JSON"),
            (r#"{"ff":{}} x"#, "JSON"),
            (r#"{"ff":[]}"#, "ff is not"),
            (r#"{"ff":{"d":{}}}"#, "ff.d is not"),
            (r#"{"rbs":{"t":"x"}}"#, "rbs.t is not"),
            (r#"{"rbs":{"s":1.5}}"#, "rbs.s is not"),
            (r#"{"splits":5}"#, "splits is not"),
            (r#"{"splits":[],"till":[]}"#, "till is not"),
        ] {
            let error = Document::read(text).expect_err(text).to_string();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn change_numbers_are_made_to_fit() {
        for (s, t, expected) in [
            ("-1", "5", (-1, 5)),
            ("null", "null", (-1, -1)),
            ("9", "5", (5, 5)),
            ("-7", "5", (5, 5)),
            ("3", "5", (3, 5)),
            ("3", "-2", (-1, -1)),
            ("0", "0", (0, 0)),
            ("5.0", "5.0", (5, 5)),
        ] {
            let text = format!(r#"{{"rbs":{{"s":{s},"t":{t}}}}}"#);
            let document = read(&text);
            let section = document.rule_based_segments();
            assert_eq!((section.since, section.till), expected, "{text}");
            assert_eq!((document.flags().since, document.flags().till), (-1, -1), "{text}");
        }
    }

    #[test]
    fn seeds_that_were_made_up_do_not_change_a_file() {
        let text = r#"{"ff":{"d":[{"name":"f"}],"t":5}}"#;
        let first = read(text);
        assert_ne!(first.sanitised_flags(1, &Logger::silent()), first.sanitised_flags(2, &Logger::silent()));
        assert_eq!(first.digests(), read(text).digests());
    }

    #[test]
    fn one_changed_section_lets_both_be_applied_unless_they_lead_back() {
        let first = read(r#"{"ff":{"d":[],"t":5},"rbs":{"d":[],"t":7}}"#);
        let last = Some(first.digests());
        let second = read(r#"{"ff":{"d":[],"t":5},"rbs":{"d":[{}],"t":7}}"#);
        let sections = |flags, rule_based_segments| Sections { flags, rule_based_segments };
        for (document, last, flags, segments, expected) in [
            (&first, None, -1, -1, sections(true, true)),
            (&first, None, 6, 7, sections(false, true)),
            (&first, last.as_ref(), 5, 7, sections(false, false)),
            (&second, last.as_ref(), 5, 7, sections(true, true)),
            (&second, last.as_ref(), 5, 8, sections(true, false)),
        ] {
            assert_eq!(document.to_apply(last, flags, segments), expected, "{document:?} on {flags} and {segments}");
        }
    }
}
