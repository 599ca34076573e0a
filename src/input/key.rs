//! Whose treatment is decided.

/// Whose treatment is decided.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// Says who it is: the value of matchers without an attribute, and the key of impressions.
    pub matching: &'a str,
    /// Decides the bucket; the matching key does when there is none.
    pub bucketing: Option<&'a str>,
}
