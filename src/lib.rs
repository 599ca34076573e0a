//! libsplitio: the server-side Split (Harness FME) feature flag SDK.
#![deny(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

#[allow(dead_code)] // until the synchronisation that waits with it lands
mod backoff;
pub mod config;
pub mod ffi;
pub mod input;
pub mod logging;
mod rules;
#[allow(dead_code, unused_imports)] // until the synchronisation that speaks through it lands
mod transport;
mod wire;
