//! Streaming through the C ABI, from an emulated backend: what evaluations answer, and what was asked for it.
//!
//! The functions are those of the shared library, linked as Rust. Nothing sleeps to see whether something happened: a
//! condition is waited for, with a limit that only a failure reaches.

#[cfg(target_os = "linux")]
mod chaos;
mod ends;
mod notifications;
mod pains;
#[cfg(target_os = "linux")]
mod process;
mod sdk;
#[path = "../standalone/secrets.rs"]
mod secrets;
mod statuses;
