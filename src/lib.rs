//! libsplitio: the server-side Split (Harness FME) feature flag SDK.
#![deny(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

mod clock;
pub mod config;
pub mod ffi;
pub mod input;
pub mod logging;
mod rules;
mod sync {
    mod streaming;
}
mod wire;
