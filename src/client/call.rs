//! What is asked, and what is answered.
//!
//! Both borrow: a question from the caller, and a [`Verdict`] from the definitions, so that an evaluation copies
//! nothing that its caller does not ask for. Only an [`Answer`] owns what it says, for callers who keep it.

use std::sync::Arc;

use crate::input::{Attributes, Given};
use crate::rules::{ConfigText, Flag, Interned};

/// Whose treatment is asked for, and what comes with the question.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The matching key.
    pub key: Given<'a>,
    /// The key that decides the bucket; none: the matching key.
    pub bucketing_key: Option<Given<'a>>,
    /// What is known about the key.
    pub attributes: Attached<'a>,
    /// Properties of the impression.
    pub properties: Attached<'a>,
}

impl<'a> From<&'a str> for Who<'a> {
    fn from(key: &'a str) -> Self {
        Who { key: Given::Text(key), bucketing_key: None, attributes: Attached::Nothing, properties: Attached::Nothing }
    }
}

/// Named values that come with a call.
#[derive(Clone, Copy, Debug)]
pub enum Attached<'a> {
    /// None were given.
    Nothing,
    /// These.
    Set(&'a Attributes),
    /// This, which is no JSON object: the log will say where it stops being one.
    Unreadable(Given<'a>),
}

/// An event of a key, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    /// The key.
    pub key: Given<'a>,
    /// The traffic type of the key, such as `user`.
    pub traffic_type: Given<'a>,
    /// What happened.
    pub event_type: Given<'a>,
    /// How much of it; finite.
    pub value: Option<f64>,
    /// More about it.
    pub properties: Attached<'a>,
}

/// Why a treatment is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// The flag was evaluated.
    Evaluated,
    /// The evaluation came before the first definitions.
    NotReady,
    /// No flag has this name.
    UnknownFlag,
    /// An argument is not valid; the log says which.
    Invalid,
    /// The factory is destroyed.
    Destroyed,
    /// The flag cannot be evaluated; the log says why.
    Failed,
    /// Redis did not give the flag, or not all it depends on.
    StorageFailed,
    /// The factory waits for being resumed in a forked process, and reads from Redis, which it has not there.
    Forked,
}

/// The answer to one evaluation.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The flag's name; empty where the caller named it.
    pub flag: Box<str>,
    /// The treatment.
    pub treatment: Interned,
    /// The configuration attached to it.
    pub config: Option<Arc<ConfigText>>,
    /// The label of the rule that decided; none with labelsEnabled off.
    pub label: Option<Interned>,
    /// The change number of the flag's definition; -1 when there was none.
    pub change_number: i64,
    /// Whether and why there was nothing to evaluate.
    pub status: AnswerStatus,
}

/// An answer that still borrows from the definitions.
pub(super) struct Verdict<'a> {
    pub(super) treatment: Interned,
    pub(super) config: Option<&'a Arc<ConfigText>>,
    pub(super) label: Option<Interned>,
    /// The flag that decided; none before readiness, after failures, and where there is none.
    pub(super) flag: Option<&'a Flag>,
    /// Whether it is a fallback treatment.
    pub(super) is_fallback: bool,
    pub(super) status: AnswerStatus,
}

impl Verdict<'_> {
    pub(super) fn into_answer(self, flag: &str) -> Answer {
        Answer {
            flag: flag.into(),
            treatment: self.treatment,
            config: self.config.cloned(),
            label: self.label,
            change_number: self.flag.map_or(-1, |flag| flag.change_number),
            status: self.status,
        }
    }
}
