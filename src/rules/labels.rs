//! Labels: why an evaluation ended as it did, as impressions tell it.
//!
//! A label has two forms, because a fallback treatment turns `L` into `fallback - L`. Both exist before an evaluation
//! needs them, so that it neither formats nor looks up anything.

use super::intern::{Interned, intern_label, interned};

/// A label in both forms. Absent for conditions without a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// The label of what the definition serves.
    pub(crate) text: Option<Interned>,
    /// The label when a fallback treatment took the place of `control`.
    pub(crate) fallback: Option<Interned>,
}

impl Label {
    /// The label of a condition. Its second form is made only where fallback treatments are configured.
    pub(crate) fn of_condition(text: Option<&str>, fallbacks: bool) -> Self {
        let fallback = |text: &str| intern_label(&format!("fallback - {text}"));
        Label { text: text.and_then(intern_label), fallback: text.filter(|_| fallbacks).and_then(fallback) }
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub(crate) static $name: Label = Label {
            text: Some(interned!($text)),
            fallback: Some(interned!(concat!("fallback - ", $text))),
        };)*
        static FIXED: &[&Label] = &[$(&$name),*];
    };
}

labels! {
    /// The flag is killed.
    KILLED = "killed";
    /// A prerequisite does not hold.
    PREREQUISITES_NOT_MET = "prerequisites not met";
    /// The key is outside the traffic allocation.
    NOT_IN_SPLIT = "not in split";
    /// No condition matched.
    DEFAULT_RULE = "default rule";
    /// The flag uses a matcher that this library does not have.
    UNSUPPORTED = "targeting rule type unsupported by sdk";
    /// There is no such flag.
    DEFINITION_NOT_FOUND = "definition not found";
    /// The evaluation failed.
    EXCEPTION = "exception";
    /// The SDK is not ready.
    NOT_READY = "not ready";
}

/// The copy of a text that is one of the library's own labels.
pub(crate) fn fixed(text: &str) -> Option<Interned> {
    FIXED.iter().flat_map(|label| [label.text, label.fallback]).flatten().find(|own| own.as_str() == text)
}
