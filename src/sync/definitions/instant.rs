//! Changes that are made without a fetch: a definition that came with its announcement, and a kill.
//!
//! A definition is put in place only on top of the state that it was made for. On any other, changes between the two
//! would be skipped; whoever announced it is told so, and fetches.

use std::str::Utf8Error;
use std::sync::Arc;

use super::super::backend::{FetchError, aside};
use super::super::payload::{Payload, PayloadError};
use super::{DefinitionSync, Desk, Numbers, Targets};
use crate::findings::Findings;
use crate::logging::Level;
use crate::rules::{Applied, Change, Definitions, Put, intern_treatment};
use crate::wire::changes::{flag_from_json, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

/// Longer payloads, in bytes as they came, are unpacked on a thread of their own: a few kilobytes may hold megabytes.
const LONG: usize = 32 * 1024;

/// Which of the two sequences of change numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// That of feature flags.
    Flags,
    /// That of rule-based segments.
    RuleBasedSegments,
}

impl Sequence {
    /// To reach a number of this sequence.
    pub(crate) fn targets(self, change_number: Option<i64>) -> Targets {
        match self {
            Sequence::Flags => Targets { flags: change_number, rbs: None },
            Sequence::RuleBasedSegments => Targets { flags: None, rbs: change_number },
        }
    }
}

impl Numbers {
    fn of_sequence(self, sequence: Sequence) -> i64 {
        match sequence {
            Sequence::Flags => self.flags,
            Sequence::RuleBasedSegments => self.rbs,
        }
    }
}

/// A definition that came with its announcement.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    /// What it is a definition of.
    pub(crate) sequence: Sequence,
    /// The change number of the sequence after it.
    pub(crate) change_number: i64,
    /// The definition.
    pub(crate) payload: Payload,
}

/// What became of an announced definition.
#[derive(Debug)]
pub(crate) enum Landing {
    /// It is in place.
    Applied,
    /// It is of a state that was reached before.
    Known,
    /// It builds on another state than the present one.
    Elsewhere,
    /// It refers to this rule-based segment, which is not there.
    Lacks(Box<str>),
    /// It cannot be read.
    Unreadable(UnreadableError),
}

/// Why an announced definition cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum UnreadableError {
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error("the payload is not text")]
    Text(#[from] Utf8Error),
    /// What is wrong with it was logged when it was compiled.
    #[error("the payload is no definition")]
    Definition,
    #[error(transparent)]
    Thread(FetchError),
}

/// A change of one object, and the rule-based segments that it asks for.
struct Single {
    change: Change,
    needed: Vec<Box<str>>,
}

impl DefinitionSync {
    /// Puts an announced definition in place if it builds on the present state.
    pub(crate) async fn land(&self, announced: Announced) -> Landing {
        if let Some(elsewhere) = misplaced(&announced, self.stored()) {
            return elsewhere;
        }
        let desk = Arc::clone(&self.desk);
        let landed = aside(announced.payload.data.len() >= LONG, move || desk.land(&announced)).await;
        match landed {
            Ok(Ok(landing)) => landing,
            Ok(Err(cause)) => Landing::Unreadable(cause),
            Err(cause) => Landing::Unreadable(UnreadableError::Thread(cause)),
        }
    }

    /// Kills a flag before its definition says so. Without a treatment it keeps its own default. Change numbers of the
    /// sequence stay, for the definition is still to come.
    pub(crate) fn kill(&self, flag: &str, default_treatment: Option<&str>, change_number: i64) {
        self.desk.kill(flag, default_treatment, change_number);
    }

    /// Makes a fetch under way aim higher.
    pub(crate) fn raise(&self, targets: Targets) {
        self.pursuit.raise(targets);
    }
}

/// What is to be said of an announcement that does not follow on these numbers.
fn misplaced(announced: &Announced, stored: Numbers) -> Option<Landing> {
    let stored = stored.of_sequence(announced.sequence);
    if announced.change_number <= stored {
        return Some(Landing::Known);
    }
    (announced.payload.previous != stored).then_some(Landing::Elsewhere)
}

impl Desk {
    fn land(&self, announced: &Announced) -> Result<Landing, UnreadableError> {
        let json = announced.payload.unpack()?;
        let Single { change, needed } = self.compile_single(announced, std::str::from_utf8(&json)?)?;
        let (landing, applied) = self.store.update(|current| {
            if let Some(elsewhere) = misplaced(announced, Numbers::of(current)) {
                return (None, (elsewhere, Applied::default()));
            }
            if let Some(missing) = needed.into_iter().find(|name| current.rule_based_segment(name).is_none()) {
                return (None, (Landing::Lacks(missing), Applied::default()));
            }
            let (next, applied): (Definitions, Applied) = current.apply(change, self.store.filter());
            (Some(next), (Landing::Applied, applied))
        });
        applied.complain(&self.unusable);
        self.updates.definitions(applied);
        Ok(landing)
    }

    fn compile_single(&self, announced: &Announced, json: &str) -> Result<Single, UnreadableError> {
        let findings = Findings::default();
        let log = &findings.log();
        let single = self.store.number(|registry| {
            let mut compiler = Compiler { registry, log, fallbacks: self.fallbacks };
            let number = Some(announced.change_number);
            match announced.sequence {
                Sequence::Flags => {
                    let put = usable(flag_from_json(json, &mut compiler))?;
                    let needed = match &put {
                        Put::Store(flag) => flag.rule_based_segments().map(Box::from).collect(),
                        Put::Remove(_) | Put::Keep(_) => Vec::new(),
                    };
                    let change = Change { flags: vec![put], change_number: number, ..Change::default() };
                    Ok(Single { change, needed })
                }
                Sequence::RuleBasedSegments => {
                    let put = usable(rule_based_segment_from_json(json, &mut compiler))?;
                    let change =
                        Change { rule_based_segments: vec![put], rbs_change_number: number, ..Change::default() };
                    Ok(Single { change, needed: Vec::new() })
                }
            }
        });
        findings.tell(&self.unusable);
        single
    }

    fn kill(&self, flag: &str, default_treatment: Option<&str>, change_number: i64) {
        let treatment = match default_treatment.map(intern_treatment).transpose() {
            Ok(treatment) => treatment,
            Err(cause) => {
                self.unusable.say_about(
                    Level::Warning,
                    "kill",
                    format_args!("flag {flag:?} is not killed before it is fetched: {cause}"),
                );
                return;
            }
        };
        let is_killed = self.store.update(|current| {
            let treatment = treatment.or_else(|| Some(current.flag(flag)?.default.treatment));
            let next = treatment.and_then(|treatment| current.with_kill(flag, treatment, change_number));
            let is_killed = next.is_some();
            (next, is_killed)
        });
        if is_killed {
            self.updates.definitions(Applied { flags_changed: vec![flag.to_owned()], ..Applied::default() });
        }
    }
}

/// Not what keeps the place of an object that could not be read.
fn usable<T>(put: Option<Put<T>>) -> Result<Put<T>, UnreadableError> {
    match put {
        Some(put @ (Put::Store(_) | Put::Remove(_))) => Ok(put),
        Some(Put::Keep(_)) | None => Err(UnreadableError::Definition),
    }
}
