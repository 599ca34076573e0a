//! Standalone mode against the emulator: what is asked, to the letter, and what evaluations answer then.
//!
//! Tests are named after the checklist of the protocol (`c01` ...) and after known pains of other SDKs (`b05` ...). What
//! takes hours, or a clock that jumps, is tested beside the code with a clock that stands still.

mod failures;
mod life;
mod requests;
mod secrets;
mod support;
