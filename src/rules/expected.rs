//! What a matcher wants its value to be, for people to read: as it is compared, with long lists counted and not listed.
//!
//! Made from the compiled matcher, not from the definition's JSON, so that it shows what evaluations really compare
//! with.

use serde::Serialize;

use super::intern::Interned;
use super::key_table::KeyTable;
use super::matcher::{Leaf, SemverTest, Test, Unit};

/// Lists up to this length are listed.
const LISTED: usize = 20;

/// What a value must be. What it is compared by stands in the type of the matcher.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Expected {
    Segment {
        segment: String,
    },
    Dependency {
        flag: String,
        treatments: Vec<&'static str>,
    },
    /// One of these, sorted.
    List {
        count: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        values: Option<Vec<String>>,
    },
    /// From here to there, both included. Dates are seconds since 1970, cut to their unit.
    Range {
        unit: Unit,
        at_least: Option<i64>,
        at_most: Option<i64>,
    },
    Boolean {
        equal_to: bool,
    },
    Pattern {
        pattern: String,
    },
    /// Versions in their normal form; equal if both are.
    Versions {
        at_least: Option<String>,
        at_most: Option<String>,
    },
}

impl Expected {
    /// Nothing for a matcher that everybody passes, or that lacks its data.
    pub(crate) fn by(test: &Test) -> Option<Self> {
        Some(match test {
            Test::AllKeys | Test::Unusable => return None,
            Test::InSegment(segment) => Expected::Segment { segment: segment.name.to_string() },
            Test::InRuleBasedSegment(segment) => Expected::Segment { segment: segment.name.to_string() },
            Test::Dependency(dependency) => Expected::Dependency {
                flag: dependency.flag.name.to_string(),
                treatments: dependency.treatments.iter().map(Interned::as_str).collect(),
            },
            Test::Leaf(leaf) => Expected::by_leaf(leaf),
        })
    }

    fn by_leaf(leaf: &Leaf) -> Self {
        match leaf {
            Leaf::Whitelist(texts) | Leaf::Set(_, texts) => Expected::table(texts),
            Leaf::StartsWith(parts) | Leaf::EndsWith(parts) | Leaf::Contains(parts) => {
                Expected::list(parts.len(), parts.iter().map(|part| &**part))
            }
            Leaf::Pattern(pattern) => Expected::Pattern { pattern: pattern.source().to_owned() },
            Leaf::Number(test) => {
                let (unit, at_least, at_most) = test.bounds();
                Expected::Range { unit, at_least, at_most }
            }
            Leaf::Boolean(wanted) => Expected::Boolean { equal_to: *wanted },
            Leaf::Semver(test) => Expected::by_version(test),
        }
    }

    fn by_version(test: &SemverTest) -> Self {
        let (at_least, at_most) = match test {
            SemverTest::InList(list) => return Expected::table(list),
            SemverTest::Equal(version) => (Some(version), Some(version)),
            SemverTest::AtLeast(version) => (Some(version), None),
            SemverTest::AtMost(version) => (None, Some(version)),
            SemverTest::Between(least, most) => (Some(least), Some(most)),
        };
        let text = |version: Option<&_>| version.map(|version: &super::semver::Version<Box<str>>| version.to_text());
        Expected::Versions { at_least: text(at_least), at_most: text(at_most) }
    }

    fn table(table: &KeyTable) -> Self {
        Expected::list(table.len(), table.iter())
    }

    fn list<'t>(count: usize, texts: impl Iterator<Item = &'t str>) -> Self {
        let values = (count <= LISTED).then(|| {
            let mut values: Vec<String> = texts.map(str::to_owned).collect();
            values.sort_unstable();
            values
        });
        Expected::List { count, values }
    }
}
