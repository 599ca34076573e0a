//! What a caller hands in, and to which method.
//!
//! Callers come from languages with null, and with numbers in the place of texts. So what was given is kept as it was,
//! until somebody can say what is wrong with it in the words of the method that was called.

use std::fmt;

/// A value as the caller gave it, before anybody looked at it.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// Nothing: a null pointer, `None`.
    Null,
    /// A string.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A number with a point.
    Float(f64),
    /// Anything else, also bytes that are not UTF-8.
    NotText,
}

impl<'a> From<&'a str> for Given<'a> {
    fn from(text: &'a str) -> Self {
        Given::Text(text)
    }
}

impl<'a> From<Option<&'a str>> for Given<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Given::Null, Given::Text)
    }
}

/// A public method, as messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// One flag.
    Treatment,
    /// One flag, with its configuration.
    TreatmentWithConfig,
    /// Several flags.
    Treatments,
    /// Several flags, with their configurations.
    TreatmentsWithConfig,
    /// The flags of a flag set.
    TreatmentsByFlagSet,
    /// The flags of several flag sets.
    TreatmentsByFlagSets,
    /// The flags of a flag set, with their configurations.
    TreatmentsWithConfigByFlagSet,
    /// The flags of several flag sets, with their configurations.
    TreatmentsWithConfigByFlagSets,
    /// An event.
    Track,
    /// The view of one flag.
    Split,
    /// The views of all flags.
    Splits,
    /// The names of all flags.
    SplitNames,
    /// The account of a decision.
    Explain,
}

impl Method {
    /// The name that Split's SDKs share, such as `get_treatment`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Treatment => "get_treatment",
            Method::TreatmentWithConfig => "get_treatment_with_config",
            Method::Treatments => "get_treatments",
            Method::TreatmentsWithConfig => "get_treatments_with_config",
            Method::TreatmentsByFlagSet => "get_treatments_by_flag_set",
            Method::TreatmentsByFlagSets => "get_treatments_by_flag_sets",
            Method::TreatmentsWithConfigByFlagSet => "get_treatments_with_config_by_flag_set",
            Method::TreatmentsWithConfigByFlagSets => "get_treatments_with_config_by_flag_sets",
            Method::Track => "track",
            Method::Split => "split",
            Method::Splits => "splits",
            Method::SplitNames => "split_names",
            Method::Explain => "explain",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An argument cannot be used, and the log already says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// The part of the SDK that speaks in this module's log lines.
pub(super) const TARGET: &str = "input";
