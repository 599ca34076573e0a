//! What is served instead of `control`, as configured.

use std::collections::BTreeMap;

/// A treatment to serve instead of `control`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackTreatment {
    /// The treatment.
    pub treatment: String,
    /// Its configuration, if any.
    pub config: Option<String>,
}

/// All fallback treatments of a factory; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FallbackTreatments {
    /// For flags without an entry of their own.
    pub global: Option<FallbackTreatment>,
    /// By flag name.
    pub by_flag: BTreeMap<String, FallbackTreatment>,
}
