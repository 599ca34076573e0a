//! The types of matchers, as definitions name them. Evaluations do not look at them; people do.

/// The type of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(u8);

const NAMES: [&str; 23] = [
    "ALL_KEYS",
    "IN_SEGMENT",
    "IN_RULE_BASED_SEGMENT",
    "IN_SPLIT_TREATMENT",
    "WHITELIST",
    "STARTS_WITH",
    "ENDS_WITH",
    "CONTAINS_STRING",
    "MATCHES_STRING",
    "EQUAL_TO",
    "GREATER_THAN_OR_EQUAL_TO",
    "LESS_THAN_OR_EQUAL_TO",
    "BETWEEN",
    "EQUAL_TO_BOOLEAN",
    "CONTAINS_ALL_OF_SET",
    "CONTAINS_ANY_OF_SET",
    "EQUAL_TO_SET",
    "PART_OF_SET",
    "EQUAL_TO_SEMVER",
    "GREATER_THAN_OR_EQUAL_TO_SEMVER",
    "LESS_THAN_OR_EQUAL_TO_SEMVER",
    "BETWEEN_SEMVER",
    "IN_LIST_SEMVER",
];

impl Kind {
    pub(crate) const ALL_KEYS: Kind = Kind(0);

    /// The type of this name; `None` for those that this library does not have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|known| *known == name).map(|place| Kind(place as u8))
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_names() {
        for name in NAMES {
            assert_eq!(Kind::named(name).map(Kind::name), Some(name));
        }
        assert_eq!((Kind::named("ALL_KEYS"), Kind::named("NEW")), (Some(Kind::ALL_KEYS), None));
    }
}
