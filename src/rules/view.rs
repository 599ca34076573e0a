//! What a manager shows of a flag.
//!
//! Made when somebody asks: compiled flags keep what evaluations need, in the form in which they need it.

use std::collections::HashSet;

use super::flag::Flag;
use super::intern::Interned;

/// A flag as it is shown to people and programs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlagView {
    /// Name of the flag.
    pub name: String,
    /// What kind of thing its keys name.
    pub traffic_type: Option<String>,
    /// Whether everybody gets the default treatment.
    pub killed: bool,
    /// Treatments of all conditions, those without a share included: distinct, in order of first appearance.
    pub treatments: Vec<String>,
    /// The state of the environment in which the flag last changed; -1 if unknown.
    pub change_number: i64,
    /// Configurations by treatment, in the order of the definition.
    pub configs: Vec<(String, String)>,
    /// What those get whom no condition serves.
    pub default_treatment: String,
    /// Flag sets: distinct, sorted.
    pub sets: Vec<String>,
    /// Impressions are counted but not sent one by one.
    pub impressions_disabled: bool,
    /// What other flags must serve first.
    pub prerequisites: Vec<PrerequisiteView>,
}

/// A flag that must serve one of some treatments before another is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrerequisiteView {
    /// Name of that flag.
    pub flag_name: String,
    /// The treatments.
    pub treatments: Vec<String>,
}

impl Flag {
    /// The flag as a manager shows it.
    pub(crate) fn view(&self) -> FlagView {
        let mut seen = HashSet::new();
        let parts = self.conditions.iter().flat_map(|condition| &condition.partitions);
        let all = parts.map(|part| part.choice.treatment);
        let treatments: Vec<Interned> = all.filter(|treatment| seen.insert(treatment.as_ptr())).collect();
        let texts = |all: &[Interned]| all.iter().map(Interned::to_string).collect();
        let prerequisite = |dependency: &super::matcher::Dependency| PrerequisiteView {
            flag_name: dependency.flag.name.to_string(),
            treatments: texts(&dependency.treatments),
        };
        FlagView {
            name: self.name.to_string(),
            traffic_type: self.traffic_type.as_deref().map(str::to_owned),
            killed: self.killed,
            treatments: texts(&treatments),
            change_number: self.change_number,
            configs: self.configs.iter().map(|(of, text)| (of.to_string(), text.as_str().to_owned())).collect(),
            default_treatment: self.default.treatment.to_string(),
            sets: self.sets.iter().map(|set| set.to_string()).collect(),
            impressions_disabled: self.impressions_disabled,
            prerequisites: self.prerequisites.iter().map(prerequisite).collect(),
        }
    }
}
