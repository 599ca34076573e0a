//! The option fallbackTreatments: treatments to answer with instead of `control`.
//!
//! A mistake in one of them costs that one, with a warning: who asked for fallbacks wants the others all the more.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::Cut;

/// Longest treatment, in characters.
const LONGEST_TREATMENT: usize = 100;

/// What to answer instead of `control`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FallbackTreatments {
    /// For every flag that is not in `by_flag`, and where no flag is known.
    pub global: Option<FallbackTreatment>,
    /// By name of the flag.
    pub by_flag: BTreeMap<String, FallbackTreatment>,
}

/// A treatment, and maybe a configuration with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackTreatment {
    /// A name for which [`is_valid_treatment`] holds.
    pub treatment: String,
    /// Any text.
    pub config: Option<String>,
}

/// Whether a treatment may be a fallback: up to 100 characters, of the shape of [`is_valid_flag_name`].
pub fn is_valid_treatment(treatment: &str) -> bool {
    treatment.len() <= LONGEST_TREATMENT && is_valid_flag_name(treatment)
}

/// Whether a fallback can be given for a flag of this name. The whole of it matches `[0-9]+[.a-zA-Z0-9_-]*` or
/// `[a-zA-Z]+[a-zA-Z0-9_-]*`: a dot is allowed only after a digit at the beginning, of whatever length.
pub fn is_valid_flag_name(name: &str) -> bool {
    let Some(first) = name.bytes().next() else { return false };
    let dots = first.is_ascii_digit();
    first.is_ascii_alphanumeric()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || dots && byte == b'.')
}

/// Reads the option. What cannot be used is left out and told to `warn`.
pub(super) fn read(given: &Map<String, Value>, mut warn: impl FnMut(String)) -> FallbackTreatments {
    let by_flag = given.get("byFlag").or_else(|| given.get("by_flag"));
    let members = match by_flag {
        None | Some(Value::Null) => None,
        Some(Value::Object(members)) => Some(members),
        Some(_) => {
            warn("byFlag is not an object of flag names; there are no fallback treatments".to_owned());
            return FallbackTreatments::default();
        }
    };
    for name in given.keys().filter(|name| !matches!(name.as_str(), "global" | "byFlag" | "by_flag")) {
        warn(format!("\"{}\" is neither global nor byFlag and is ignored", Cut(name)));
    }
    let mut fallbacks = FallbackTreatments::default();
    match given.get("global").filter(|value| !value.is_null()).map(treatment) {
        None => {}
        Some(Ok(global)) => fallbacks.global = Some(global),
        Some(Err(problem)) => {
            warn(format!("global: {problem}"));
            warn("the global fallback treatment is dropped".to_owned());
        }
    }
    for (name, value) in members.into_iter().flatten() {
        if !is_valid_flag_name(name) {
            warn(format!("\"{}\" cannot be a flag name and is dropped: {SHAPE}", Cut(name)));
            continue;
        }
        match treatment(value) {
            Ok(fallback) => {
                fallbacks.by_flag.insert(name.clone(), fallback);
            }
            Err(problem) => warn(format!("the fallback of flag {} is dropped: {problem}", Cut(name))),
        }
    }
    fallbacks
}

const SHAPE: &str =
    "it begins with a letter and holds letters, digits, _ and -, or begins with a digit and may hold dots too";

/// Reads `"off"` or `{"treatment": "off", "config": "text"}`. A configuration that is not text is kept as JSON.
fn treatment(value: &Value) -> Result<FallbackTreatment, String> {
    let (treatment, config) = match value {
        Value::String(treatment) => (Some(treatment), None),
        Value::Object(members) => {
            let treatment = match members.get("treatment") {
                Some(Value::String(treatment)) => Some(treatment),
                _ => None,
            };
            let config = match members.get("config") {
                None | Some(Value::Null) => None,
                Some(Value::String(config)) => Some(config.clone()),
                Some(other) => Some(other.to_string()),
            };
            (treatment, config)
        }
        _ => (None, None),
    };
    let Some(treatment) = treatment else {
        return Err("a treatment is text, or an object with treatment and config".to_owned());
    };
    if treatment.chars().count() > LONGEST_TREATMENT {
        return Err(format!("the treatment {} has more than {LONGEST_TREATMENT} characters", Cut(treatment)));
    }
    if !is_valid_treatment(treatment) {
        return Err(format!("\"{}\" cannot be a treatment: {SHAPE}", Cut(treatment)));
    }
    Ok(FallbackTreatment { treatment: treatment.clone(), config })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::records;
    use super::*;

    fn read(given: &Value) -> (FallbackTreatments, Vec<String>) {
        let mut warnings = Vec::new();
        let given = given.as_object().expect("an object");
        (super::read(given, |text| warnings.push(text)), warnings)
    }

    #[test]
    fn treatments_as_the_official_sdk_reads_them() {
        for record in records("fallback_treatment", 22) {
            let accepted = record.result == json!(true);
            let (fallbacks, warnings) = read(&json!({"byFlag": {"flag": record.input}}));
            assert_eq!(fallbacks.by_flag.contains_key("flag"), accepted, "{record:?}");
            assert_eq!((0, warnings.len()), (record.errors, record.warnings), "{record:?}: {warnings:?}");
            let (fallbacks, warnings) = read(&json!({"global": {"treatment": record.input}}));
            assert_eq!(fallbacks.global.is_some(), accepted, "{record:?}");
            assert_eq!(warnings.len(), if accepted { 0 } else { 2 }, "{record:?}: {warnings:?}");
        }
    }

    #[test]
    fn flag_names_as_the_official_sdk_reads_them() {
        for record in records("fallback_flag_name", 10) {
            let name = record.input.as_str().expect("names are text");
            assert_eq!(json!(is_valid_flag_name(name)), record.result, "{record:?}");
            // The rule itself logs nothing; its user says which entry is dropped.
            assert_eq!((record.errors, record.warnings), (0, 0));
            let (fallbacks, warnings) = read(&json!({"by_flag": {name: "off"}}));
            assert_eq!(fallbacks.by_flag.len() + warnings.len(), 1, "{record:?}");
            assert_eq!(json!(fallbacks.by_flag.contains_key(name)), record.result, "{record:?}");
        }
    }

    #[test]
    fn shapes() {
        let (fallbacks, warnings) = read(&json!({
            "global": {"treatment": "off", "config": "text\u{0}"},
            "byFlag": {"a": "on", "b": {"treatment": "on", "config": {"size": 1}}, "c": {"treatment": "x", "config": null}},
        }));
        let fallback = |treatment: &str, config: Option<&str>| FallbackTreatment {
            treatment: treatment.to_owned(),
            config: config.map(str::to_owned),
        };
        assert_eq!(fallbacks.global, Some(fallback("off", Some("text\0"))));
        let by_flag =
            [("a", fallback("on", None)), ("b", fallback("on", Some("{\"size\":1}"))), ("c", fallback("x", None))];
        assert_eq!(fallbacks.by_flag, by_flag.map(|(name, fallback)| (name.to_owned(), fallback)).into());
        assert_eq!(warnings, Vec::<String>::new());

        for (given, kept, said) in [
            (json!({}), 0, 0),
            (json!({"global": null, "byFlag": null}), 0, 0),
            (json!({"global": 5}), 0, 2),
            (json!({"global": {"config": "x"}}), 0, 2),
            (json!({"global": "off", "byFlag": ["a"]}), 0, 1),
            (json!({"global": "off", "byFlags": {"a": "on"}}), 1, 1),
            (json!({"byFlag": {"a": "on", "b": 7, " c": "on", "d": ["on"], "e": {"treatment": null}}}), 1, 4),
        ] {
            let (fallbacks, warnings) = read(&given);
            let found = usize::from(fallbacks.global.is_some()) + fallbacks.by_flag.len();
            assert_eq!((found, warnings.len()), (kept, said), "{given}: {warnings:?}");
        }
    }
}
