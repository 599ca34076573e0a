//! Documents that tell what changed: of flags and rule-based segments, and of one segment.
//!
//! Each object of a document is cut out as text first and read by itself, so that a bad one is skipped and the others
//! are applied. Its text also gives the fingerprint by which an object that was sent again is recognised.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::compile::{Compiler, LOG, TextOf, WireError, compile_flag, compile_rule_based_segment};
use super::definition::{FlagDto, RuleBasedSegmentDto};
use super::read::{Number, Text, present, texts};
#[cfg(any(test, fuzzing))]
use crate::rules::Change;
use crate::rules::{Flag, Put, RuleBasedSegment, key_hash};

/// Flags and rule-based segments that changed.
#[derive(Debug, Default)]
pub(crate) struct ChangesDto<'a> {
    pub(crate) flags: SectionDto<'a>,
    pub(crate) rule_based_segments: SectionDto<'a>,
    /// Whether the document is of the format before rule-based segments.
    pub(crate) is_old_format: bool,
}

/// Objects of one kind that changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SectionDto<'a> {
    /// The change number that was asked for.
    pub(crate) since: Option<i64>,
    /// The change number reached; `None` where the section, or its number, is missing.
    pub(crate) till: Option<i64>,
    /// The objects, each as its JSON text.
    pub(crate) objects: Vec<&'a RawValue>,
}

/// Keys that came to a segment and left it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SegmentChangeDto<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "texts")]
    pub(crate) added: Vec<Text<'a>>,
    #[serde(borrow, deserialize_with = "texts")]
    pub(crate) removed: Vec<Text<'a>>,
    pub(crate) since: Option<Number>,
    pub(crate) till: Option<Number>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DocumentDto<'a> {
    #[serde(borrow)]
    ff: Option<RawSectionDto<'a>>,
    #[serde(borrow)]
    rbs: Option<RawSectionDto<'a>>,
    /// Its presence, even as null, tells the old format.
    #[serde(borrow, deserialize_with = "present")]
    splits: Option<Option<Vec<&'a RawValue>>>,
    since: Option<Number>,
    till: Option<Number>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSectionDto<'a> {
    s: Option<Number>,
    t: Option<Number>,
    #[serde(borrow)]
    d: Option<Vec<&'a RawValue>>,
}

/// Reads a document of either format. Its objects are not looked at yet.
pub(crate) fn parse_changes(json: &str) -> Result<ChangesDto<'_>, WireError> {
    let document: DocumentDto<'_> = parse_object(json)?;
    if let Some(splits) = document.splits {
        let flags = section(RawSectionDto { s: document.since, t: document.till, d: splits });
        let none = SectionDto { since: Some(-1), till: Some(-1), objects: Vec::new() };
        return Ok(ChangesDto { flags, rule_based_segments: none, is_old_format: true });
    }
    Ok(ChangesDto {
        flags: document.ff.map(section).unwrap_or_default(),
        rule_based_segments: document.rbs.map(section).unwrap_or_default(),
        is_old_format: false,
    })
}

/// Reads a document about one segment.
pub(crate) fn parse_segment_change(json: &str) -> Result<SegmentChangeDto<'_>, WireError> {
    parse_object(json)
}

impl ChangesDto<'_> {
    /// Compiles the objects. Those that cannot be used are logged and keep what is stored under their names.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn compile(&self, compiler: &mut Compiler<'_>) -> Change {
        Change {
            flags: self.flags.objects.iter().filter_map(|raw| flag_from_json(raw.get(), compiler)).collect(),
            rule_based_segments: self
                .rule_based_segments
                .objects
                .iter()
                .filter_map(|raw| rule_based_segment_from_json(raw.get(), compiler))
                .collect(),
            change_number: self.flags.till,
            rbs_change_number: self.rule_based_segments.till,
            replace: false,
        }
    }
}

/// Reads and compiles one flag. One that cannot be used is logged, and kept as it is if it has a name.
pub(crate) fn flag_from_json(json: &str, compiler: &mut Compiler<'_>) -> Option<Put<Flag>> {
    let read = parse_object::<FlagDto<'_>>(json).and_then(|dto| compile_flag(&dto, TextOf::json(json), compiler));
    or_keep(read, "feature flag", json, compiler)
}

/// Reads and compiles one rule-based segment, likewise.
pub(crate) fn rule_based_segment_from_json(json: &str, compiler: &mut Compiler<'_>) -> Option<Put<RuleBasedSegment>> {
    let read = parse_object::<RuleBasedSegmentDto<'_>>(json)
        .and_then(|dto| compile_rule_based_segment(&dto, TextOf::json(json), compiler));
    or_keep(read, "rule-based segment", json, compiler)
}

impl TextOf {
    fn json(json: &str) -> Self {
        TextOf { fingerprint: fingerprint(json), size: json.len() }
    }
}

/// A number that differs between texts that differ.
pub(crate) fn fingerprint(json: &str) -> u64 {
    key_hash(json).value()
}

fn or_keep<T>(read: Result<Put<T>, WireError>, what: &str, json: &str, compiler: &Compiler<'_>) -> Option<Put<T>> {
    #[derive(Deserialize)]
    struct NameDto<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }
    match read {
        Ok(put) => Some(put),
        Err(cause) => match parse_object::<NameDto<'_>>(json) {
            Ok(NameDto { name }) => {
                let name = name.as_ref();
                compiler.log.error(LOG, format_args!("{what} {name:?} is skipped: {cause}"));
                Some(Put::Keep(name.into()))
            }
            Err(_) => {
                compiler.log.error(LOG, format_args!("a {what} is skipped: {cause}"));
                None
            }
        },
    }
}

fn section(raw: RawSectionDto<'_>) -> SectionDto<'_> {
    SectionDto { since: raw.s.map(Number::whole), till: raw.t.map(Number::whole), objects: raw.d.unwrap_or_default() }
}

/// Reads an object; serde alone would take an array for a list of its members.
fn parse_object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, WireError> {
    if !json.trim_start().starts_with('{') {
        // What is no JSON at all says so itself.
        serde_json::from_str::<serde::de::IgnoredAny>(json).map_err(|cause| WireError::Json { cause })?;
        return Err(WireError::NotAnObject);
    }
    serde_json::from_str(json).map_err(|cause| WireError::Json { cause })
}
