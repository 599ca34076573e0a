//! Treatments to answer with instead of `control`.

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
