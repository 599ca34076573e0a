//! Names of flag sets: one rule for the filter of the configuration, for evaluations and for localhost files.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::logging::Level;

/// Longest name, in characters.
const LONGEST: usize = 50;

/// A name after trimming and lower-casing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Normalised<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) trimmed: bool,
    pub(crate) lowered: bool,
    /// Whether the result matches `^[a-z0-9][_a-z0-9]{0,49}$`.
    pub(crate) valid: bool,
}

/// Trims and lower-cases a name, and says whether it is then the name of a flag set.
pub(crate) fn normalise(given: &str) -> Normalised<'_> {
    let trimmed = trim(given);
    let lower_already = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    let name =
        if trimmed.bytes().all(lower_already) { Cow::Borrowed(trimmed) } else { Cow::Owned(trimmed.to_lowercase()) };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = name.len() <= LONGEST
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || byte == b'_');
    Normalised { trimmed: trimmed.len() != given.len(), lowered: name != trimmed, valid, name }
}

/// Without white space at its ends: what Unicode calls so, and the separators U+001C to U+001F, as in Split's SDKs.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// The valid names, sorted and distinct. `None` in `given` stands for what is not text. What was changed or dropped is
/// told to `report`, in messages that begin with `who`.
pub(crate) fn sanitise<'a>(
    given: impl IntoIterator<Item = Option<&'a str>>,
    who: &str,
    mut report: impl FnMut(Level, String),
) -> Vec<String> {
    let mut valid = BTreeSet::new();
    for name in given {
        let Some(name) = name else {
            report(Level::Error, format!("{who}: a flag set is not text and is left out"));
            continue;
        };
        let shown = super::error::Cut(name);
        let normal = normalise(name);
        if normal.trimmed {
            report(Level::Warning, format!("{who}: white space around the flag set \"{shown}\" is removed"));
        }
        if normal.lowered {
            report(Level::Warning, format!("{who}: the flag set \"{shown}\" is turned to lower case"));
        }
        if normal.valid {
            valid.insert(normal.name.into_owned());
        } else {
            report(
                Level::Error,
                format!(
                    "{who}: \"{shown}\" is not the name of a flag set and is left out: a name has up to {LONGEST} \
                     letters, digits and underscores, and does not begin with an underscore"
                ),
            );
        }
    }
    valid.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, records, resolve};
    use super::*;

    #[test]
    fn names_as_the_official_sdk_reads_them() {
        for record in records("flag_set", 17) {
            let mut told = Vec::new();
            let names = sanitise([record.input.as_str()], "test", |level, _| told.push(level));
            assert_eq!(names.first().map(String::as_str), record.result.as_str(), "{record:?}");
            let told = |level| told.iter().filter(|&&told| told == level).count();
            assert_eq!((told(Level::Error), told(Level::Warning)), (record.errors, record.warnings), "{record:?}");
        }
    }

    #[test]
    fn filters_as_the_official_sdk_reads_them() {
        for record in records("flag_sets", 8) {
            let json = serde_json::json!({"strictConfig": false, "flagSetsFilter": record.input}).to_string();
            let (config, notices) = resolve(&json).expect("nothing is an error");
            let names = config.flag_sets_filter.unwrap_or_default();
            assert_eq!(serde_json::json!(names), record.result, "{record:?}");
            assert_eq!(count(&notices, Level::Error), record.errors, "{record:?}");
            // The record is about a list argument; an option that is null was not given.
            let warnings = if record.input.is_null() { 0 } else { record.warnings };
            assert_eq!(count(&notices, Level::Warning), warnings, "{record:?}");
            let given = record.input.as_array().map_or(0, Vec::len);
            assert_eq!((config.flag_sets_total, config.flag_sets_invalid), (given, given - names.len()), "{record:?}");
        }
    }

    #[test]
    fn letters_that_only_unicode_changes() {
        for (given, name, trimmed, lowered, valid) in [
            ("\u{a0}web\u{2003}", "web", true, false, true),
            ("\u{1c}web\u{1f}", "web", true, false, true),
            ("\u{feff}web", "\u{feff}web", false, false, false),
            ("\u{212a}", "k", false, true, true),
            ("\u{1c5}", "\u{1c6}", false, true, false),
            ("ß", "ß", false, false, false),
            ("a\0", "a\0", false, false, false),
        ] {
            let wanted = Normalised { name: name.into(), trimmed, lowered, valid };
            assert_eq!(normalise(given), wanted, "{given:?}");
        }
    }
}
