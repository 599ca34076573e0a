//! The types of matchers, as definitions name them. Evaluations do not look at them; people do.

/// Makes the enum and its names of one list.
macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// The type of a matcher.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// The type of this name; `None` for those that this library does not have.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Kind::$kind),)*
                    _ => None,
                }
            }

            /// Its name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

kinds! {
    AllKeys = "ALL_KEYS",
    InSegment = "IN_SEGMENT",
    InRuleBasedSegment = "IN_RULE_BASED_SEGMENT",
    InSplitTreatment = "IN_SPLIT_TREATMENT",
    Whitelist = "WHITELIST",
    StartsWith = "STARTS_WITH",
    EndsWith = "ENDS_WITH",
    ContainsString = "CONTAINS_STRING",
    MatchesString = "MATCHES_STRING",
    EqualTo = "EQUAL_TO",
    GreaterThanOrEqualTo = "GREATER_THAN_OR_EQUAL_TO",
    LessThanOrEqualTo = "LESS_THAN_OR_EQUAL_TO",
    Between = "BETWEEN",
    EqualToBoolean = "EQUAL_TO_BOOLEAN",
    ContainsAllOfSet = "CONTAINS_ALL_OF_SET",
    ContainsAnyOfSet = "CONTAINS_ANY_OF_SET",
    EqualToSet = "EQUAL_TO_SET",
    PartOfSet = "PART_OF_SET",
    EqualToSemver = "EQUAL_TO_SEMVER",
    GreaterThanOrEqualToSemver = "GREATER_THAN_OR_EQUAL_TO_SEMVER",
    LessThanOrEqualToSemver = "LESS_THAN_OR_EQUAL_TO_SEMVER",
    BetweenSemver = "BETWEEN_SEMVER",
    InListSemver = "IN_LIST_SEMVER",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_names() {
        for &name in NAMES {
            assert_eq!(Kind::named(name).map(Kind::name), Some(name));
        }
        assert_eq!((Kind::named("ALL_KEYS"), Kind::named("NEW")), (Some(Kind::AllKeys), None));
    }
}
