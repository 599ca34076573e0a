//! Semantic versions, as Split's SDKs compare them.
//!
//! Not the `semver` crate: Split drops leading zeros, accepts empty pre-release identifiers, orders identifiers by code
//! point even when one is numeric, and lets `EQUAL_TO_SEMVER` see build metadata. Numbers are unbounded, so they are
//! compared as digits: by length, then as text. Cases: `tests/fixtures/semver_*`.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A version over borrowed text (`&str`), or over its own (`Box<str>`) in definitions.
#[derive(Clone, Debug)]
pub(crate) struct Version<S> {
    /// Major, minor and patch, without leading zeros.
    numbers: [S; 3],
    /// Without its hyphen; identifiers may have leading zeros.
    pre_release: Option<S>,
    /// Without its plus sign.
    metadata: Option<S>,
}

impl<'a> Version<&'a str> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (rest, metadata) = cut(text, '+')?;
        let (core, pre_release) = cut(rest, '-')?;
        let mut parts = core.split('.');
        let mut number = || parts.next().filter(|part| is_number(part)).map(without_zeros);
        let numbers = [number()?, number()?, number()?];
        parts.next().is_none().then_some(Version { numbers, pre_release, metadata })
    }
}

impl<S: AsRef<str>> Version<S> {
    /// The version with text of its own.
    pub(crate) fn boxed(&self) -> Version<Box<str>> {
        let own = |text: &S| Box::from(text.as_ref());
        Version {
            numbers: self.numbers.each_ref().map(own),
            pre_release: self.pre_release.as_ref().map(own),
            metadata: self.metadata.as_ref().map(own),
        }
    }

    /// Precedence, which does not look at metadata.
    pub(crate) fn compare<T: AsRef<str>>(&self, other: &Version<T>) -> Ordering {
        let numbers = self.numbers.iter().zip(&other.numbers);
        let by_number = numbers.map(|(a, b)| compare_numbers(a.as_ref(), b.as_ref())).find(|order| order.is_ne());
        by_number.unwrap_or_else(|| match (&self.pre_release, &other.pre_release) {
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => compare_pre_releases(a.as_ref(), b.as_ref()),
        })
    }

    /// Whether the normal forms are equal, metadata included.
    pub(crate) fn equals<T: AsRef<str>>(&self, other: &Version<T>) -> bool {
        let metadata = self.metadata.as_ref().map(AsRef::as_ref) == other.metadata.as_ref().map(AsRef::as_ref);
        metadata && self.compare(other).is_eq()
    }

    /// The normal form of a version that has lost its original.
    pub(crate) fn to_text(&self) -> String {
        self.normalised("").into_owned()
    }

    /// The normal form. `original` is the text that was parsed, which mostly is that form already.
    pub(crate) fn normalised<'t>(&self, original: &'t str) -> Cow<'t, str> {
        let pre_release = || self.pre_release.as_ref().map(|text| identifiers(text.as_ref()));
        // Each identifier with the `-` or `.` before it.
        let pre_release_len = pre_release().map_or(0, |all| all.map(|identifier| identifier.len() + 1).sum());
        let metadata_len = self.metadata.as_ref().map_or(0, |text| text.as_ref().len() + 1);
        let numbers_len = self.numbers.iter().map(|number| number.as_ref().len()).sum::<usize>() + 2;
        // Normalising only ever drops zeros.
        if numbers_len + pre_release_len + metadata_len == original.len() {
            return Cow::Borrowed(original);
        }
        let mut text = self.numbers.each_ref().map(AsRef::as_ref).join(".");
        for (index, identifier) in pre_release().into_iter().flatten().enumerate() {
            text.push(if index == 0 { '-' } else { '.' });
            text.push_str(identifier);
        }
        if let Some(metadata) = &self.metadata {
            text.push('+');
            text.push_str(metadata.as_ref());
        }
        Cow::Owned(text)
    }
}

/// What stands before the first mark and, if there is one, what follows it, which must not be empty.
fn cut(text: &str, mark: char) -> Option<(&str, Option<&str>)> {
    match text.split_once(mark) {
        None => Some((text, None)),
        Some((_, "")) => None,
        Some((before, after)) => Some((before, Some(after))),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn without_zeros(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => &digits[digits.len() - 1..],
        significant => significant,
    }
}

fn identifiers(pre_release: &str) -> impl Iterator<Item = &str> {
    pre_release.split('.').map(|text| if is_number(text) { without_zeros(text) } else { text })
}

fn compare_numbers(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn compare_pre_releases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (identifiers(a), identifiers(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) if is_number(a) && is_number(b) => compare_numbers(a, b),
            // UTF-8 keeps the order of code points.
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
}
