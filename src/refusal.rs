//! Why a call on a factory was refused: the one error of everything that is not an evaluation.

use std::io;

use crate::factory::FactoryError;

/// Why a call on a factory did not do what it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// An argument is not valid; the log says which rule it breaks.
    #[error("{0}")]
    Invalid(&'static str),
    /// The time given ran out first.
    #[error("timed out")]
    TimedOut,
    /// The factory is destroyed.
    #[error("the factory is destroyed")]
    Destroyed,
    /// The factory waits for `resume`.
    #[error("the factory waits for resume in a forked process")]
    Forked,
    /// The queue of events is full and the event was dropped.
    #[error("the queue of events is full")]
    QueueFull,
    /// The call would wait for the thread it was made from, a callback's.
    #[error("called from a callback, whose thread it would wait for")]
    Reentrant,
    /// Split does not accept the SDK key.
    #[error("Split does not accept the SDK key")]
    Unauthorized,
    /// A thread of the library could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// A forked process does not get what the factory needs.
    #[error("cannot resume: {0}")]
    Resume(#[source] Box<FactoryError>),
}
