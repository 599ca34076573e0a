//! The numbers of the C API. A number, once published, keeps its meaning for ever.
//!
//! Statuses are plain `i32` here, as `split_status` is in C: a typedef'd constant would be printed below the types.

/// The call did what it says.
pub const SPLIT_OK: i32 = 0;

/// A required pointer is NULL, a length is wrong, or text is not UTF-8.
pub const SPLIT_E_INVALID_ARGUMENT: i32 = -1;

/// No option has this name; the message suggests the nearest one.
pub const SPLIT_E_UNKNOWN_OPTION: i32 = -2;

/// The option exists and does not take this value.
pub const SPLIT_E_INVALID_OPTION: i32 = -3;

/// The text is not JSON, or not the JSON this call takes.
pub const SPLIT_E_INVALID_JSON: i32 = -4;

/// The time given ran out first.
pub const SPLIT_E_TIMEOUT: i32 = -5;

/// `split_destroy` has been called on this factory.
pub const SPLIT_E_DESTROYED: i32 = -6;

/// The factory waits for `split_resume`: made with preforkedInitialization, or in
/// a fork of the process that made it, with resumeOnFork off.
pub const SPLIT_E_FORKED: i32 = -7;

/// The queue of events is full and the event was dropped.
pub const SPLIT_E_QUEUE_FULL: i32 = -8;

/// The call would wait for the thread it was made from, a callback's.
pub const SPLIT_E_REENTRANT: i32 = -9;

/// The storage (file, Redis) cannot be reached or does not answer as it should.
pub const SPLIT_E_STORAGE: i32 = -10;

/// Split does not accept the SDK key.
pub const SPLIT_E_UNAUTHORIZED: i32 = -11;

/// The header a program was built with asks for more than the library has.
pub const SPLIT_E_VERSION: i32 = -12;

/// A defect in libsplitio, caught at the boundary. Please report it.
pub const SPLIT_E_PANIC: i32 = -13;

/// An evaluation came before the first definitions.
pub const SPLIT_E_NOT_READY: i32 = -14;

/// No flag has this name, as far as the factory knows.
pub const SPLIT_E_UNKNOWN_FLAG: i32 = -15;

/// The flag cannot be evaluated, such as one that depends on itself; see the log.
pub const SPLIT_E_EVALUATION: i32 = -16;

/// The system has no thread or descriptor left to give.
pub const SPLIT_E_SYSTEM: i32 = -17;

/// Fetching the first definitions.
pub const SPLIT_STATUS_NOT_READY: i32 = 0;

/// Answering from definitions.
pub const SPLIT_STATUS_READY: i32 = 1;

/// Destroyed: every evaluation is "control".
pub const SPLIT_STATUS_DESTROYED: i32 = 2;

/// Made with preforkedInitialization and not resumed; or in a forked child,
/// before its first call (resumeOnFork) or `split_resume`.
pub const SPLIT_STATUS_WAITING_FORK: i32 = 3;

/// The factory has its first definitions.
pub const SPLIT_EVENT_READY: i32 = 1;

/// Definitions or segments changed after that.
pub const SPLIT_EVENT_UPDATE: i32 = 2;

/// Nothing is logged.
pub const SPLIT_LOG_NONE: i32 = 0;

pub const SPLIT_LOG_ERROR: i32 = 1;

pub const SPLIT_LOG_WARNING: i32 = 2;

pub const SPLIT_LOG_INFO: i32 = 3;

pub const SPLIT_LOG_DEBUG: i32 = 4;

/// Queue what an impression listener would get.
pub const SPLIT_QUEUE_IMPRESSIONS: u32 = 1;

/// Queue what a logger would get.
pub const SPLIT_QUEUE_LOGS: u32 = 2;

/// Queue SPLIT_EVENT_READY and SPLIT_EVENT_UPDATE.
pub const SPLIT_QUEUE_EVENTS: u32 = 4;
