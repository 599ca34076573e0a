//! Comparisons of versions. What is compared with was parsed when the definition came; the value is, in each
//! evaluation.

use std::cmp::Ordering;

use crate::rules::key_table::{KeyTable, key_hash};
use crate::rules::semver::Version;

type Own = Version<Box<str>>;

/// What a version must be.
#[derive(Debug)]
pub(crate) enum SemverTest {
    Equal(Own),
    AtLeast(Own),
    AtMost(Own),
    Between(Own, Own),
    /// Normal forms.
    InList(KeyTable),
}

impl SemverTest {
    /// `None` when the text is no version.
    pub(crate) fn holds(&self, text: &str) -> Option<bool> {
        let version = Version::parse(text)?;
        Some(match self {
            SemverTest::Equal(wanted) => version.equals(wanted),
            SemverTest::AtLeast(least) => version.compare(least) != Ordering::Less,
            SemverTest::AtMost(most) => version.compare(most) != Ordering::Greater,
            SemverTest::Between(least, most) => {
                version.compare(least) != Ordering::Less && version.compare(most) != Ordering::Greater
            }
            SemverTest::InList(list) => {
                let normal = version.normalised(text);
                list.contains(key_hash(&normal), &normal)
            }
        })
    }
}
