//! Whose treatment is decided.
//!
//! Two texts, because users who must be treated alike, such as those of one account, share a bucket and are targeted
//! one by one.

/// A key as callers give it: one text, or a pair. Borrowed from the caller for the length of a call.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// What targeting rules, whitelists and segments look at.
    pub matching: &'a str,
    /// What percentages are computed from; absent when the caller gave one key, which then serves for both.
    pub bucketing: Option<&'a str>,
}

impl<'a> Key<'a> {
    /// The text that percentages are computed from.
    pub fn bucketing_text(&self) -> &'a str {
        self.bucketing.unwrap_or(self.matching)
    }
}
