//! Matchers: questions about a key or one of its attributes.
//!
//! A definition's matcher is turned into one of these when it arrives; nothing is parsed, truncated or compiled while
//! an evaluation waits. The ones that ask for other flags or segments are answered by the evaluator, which knows those;
//! everything else is a [`Leaf`], which needs the value only.

mod effort;
mod kind;
mod number;
mod pattern;
mod python;
mod semver_test;
mod set;

use std::sync::Arc;

use super::intern::Interned;
use super::key_table::{KeyHash, KeyTable, key_hash};
use super::value;
use crate::input::{AttributeName, Value};
use crate::logging::{Level, Logger};

pub(crate) use kind::Kind;
pub(crate) use number::{Bound, NumberTest, Unit};
pub(crate) use pattern::Pattern;
pub(crate) use semver_test::SemverTest;
pub(crate) use set::SetRelation;

/// The place of a segment in [`super::Definitions`]; dense, and stable for the life of a factory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentId(pub(crate) u32);

/// A segment as a definition refers to it.
#[derive(Clone, Debug)]
pub(crate) struct SegmentRef {
    pub(crate) id: SegmentId,
    pub(crate) name: Arc<str>,
}

/// The name of another flag or rule-based segment, hashed in advance.
#[derive(Clone, Debug)]
pub(crate) struct NameRef {
    pub(crate) hash: KeyHash,
    pub(crate) name: Box<str>,
}

impl NameRef {
    pub(crate) fn new(name: &str) -> Self {
        NameRef { hash: key_hash(name), name: name.into() }
    }
}

/// A flag that must serve one of some treatments: a prerequisite, or the data of IN_SPLIT_TREATMENT.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) flag: NameRef,
    pub(crate) treatments: Box<[Interned]>,
}

/// A question and whether its opposite is meant.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) kind: Kind,
    pub(crate) test: Test,
    /// Applied by the evaluator after everything else, so that unusable data and absent values are negated too.
    pub(crate) negate: bool,
    /// The attribute asked about; the matching key if there is none.
    pub(crate) attribute: Option<AttributeName>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Test {
    /// True for everybody, whatever the attribute.
    AllKeys,
    /// The key is in a segment.
    InSegment(SegmentRef),
    /// The key is in a rule-based segment.
    InRuleBasedSegment(NameRef),
    /// Another flag serves one of some treatments.
    Dependency(Box<Dependency>),
    /// Something about the value alone.
    Leaf(Leaf),
    /// The definition lacks what the question needs: false.
    Unusable,
}

/// Questions that the value alone answers.
#[derive(Debug)]
pub(crate) enum Leaf {
    Whitelist(Box<KeyTable>),
    StartsWith(Box<[Box<str>]>),
    EndsWith(Box<[Box<str>]>),
    Contains(Box<[Box<str>]>),
    Pattern(Box<Pattern>),
    Number(NumberTest),
    Boolean(bool),
    Set(SetRelation, Box<KeyTable>),
    Semver(Box<SemverTest>),
}

/// What log lines of matchers begin with.
pub(crate) const LOG: &str = "evaluation";

impl Leaf {
    /// The answer for the matching key, whose hash this is.
    #[inline(always)]
    pub(crate) fn matches_key(&self, key: &str, hash: KeyHash, log: &Logger) -> bool {
        match self {
            Leaf::Whitelist(keys) => keys.contains(hash, key),
            other => other.matches_any(Value::Text(key), "key", log),
        }
    }

    /// The answer for a value. `name` is what the log calls it. What most attributes are is answered here and now.
    #[inline(always)]
    pub(crate) fn matches(&self, value: Value<'_>, name: &str, log: &Logger) -> bool {
        match (self, value) {
            (Leaf::Whitelist(texts), Value::Text(text)) => texts.contains(key_hash(text), text),
            (Leaf::Number(test), Value::Integer(number)) => test.holds(number),
            _ => self.matches_any(value, name, log),
        }
    }

    /// The answer for a value of whatever type.
    ///
    /// Kept out of the evaluator, whose frames are stacked a hundred deep.
    #[inline(never)]
    fn matches_any(&self, value: Value<'_>, name: &str, log: &Logger) -> bool {
        match self {
            Leaf::Number(test) => match value::integer(value) {
                Some(number) => {
                    if matches!(value, Value::Text(_)) && log.enabled(Level::Warning) {
                        log.warning(LOG, format_args!("{name:?} is not a number; its text is read as one"));
                    }
                    test.holds(number)
                }
                None => {
                    log.error(LOG, format_args!("{name:?} is not a whole number, which a rule asks for"));
                    false
                }
            },
            Leaf::Boolean(expected) => value::boolean(value) == Some(*expected),
            Leaf::Set(relation, texts) => relation.holds(texts, value),
            _ => {
                if !matches!(value, Value::Text(_)) && log.enabled(Level::Warning) {
                    log.warning(LOG, format_args!("{name:?} is not text; its text form is used"));
                }
                value::with_text(value, |text| self.matches_text(text, name, log)).unwrap_or(false)
            }
        }
    }

    fn matches_text(&self, text: &str, name: &str, log: &Logger) -> bool {
        match self {
            Leaf::Whitelist(texts) => texts.contains(key_hash(text), text),
            Leaf::StartsWith(parts) => parts.iter().any(|part| text.starts_with(&**part)),
            Leaf::EndsWith(parts) => parts.iter().any(|part| text.ends_with(&**part)),
            Leaf::Contains(parts) => parts.iter().any(|part| text.contains(&**part)),
            Leaf::Pattern(pattern) => pattern.is_in(text, log),
            Leaf::Semver(test) => test.holds(text).unwrap_or_else(|| {
                log.error(LOG, format_args!("{name:?} is not a semantic version, which a rule asks for"));
                false
            }),
            // `matches` answered these without the text.
            Leaf::Number(_) | Leaf::Boolean(_) | Leaf::Set(..) => false,
        }
    }
}
