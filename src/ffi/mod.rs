//! The C ABI, and all of the library's `unsafe`.
//!
//! An exported function is a few lines: check, call, convert. Pointers from C become references in five places only
//! (`handle`, `text`, `out`, `error` and `extras`), and what those rely on is what `splitio.h` asks of its
//! callers: a pointer is NULL or points to what its type says, for as long as the call runs; text ends in a NUL or has
//! the length that was given; the calls that end or change a thing are not made while another call uses it. The
//! `unsafe` blocks of the exported functions pass that promise on and add nothing to it.
//!
//! The comments of exported items are the header's: `build/header.rs` makes `include/splitio.h` from them.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]
// The types carry their C names, and the safety of all functions is the chapter above.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod attributes;
mod callbacks;
#[allow(missing_docs)] // Some codes and fields say all in their names.
mod codes;
mod config;
mod error;
mod evaluate;
mod events;
mod explain;
mod extras;
mod factory;
mod fork;
mod guard;
mod handle;
mod json;
mod lifecycle;
mod manager;
mod options;
mod out;
mod queue;
mod results;
mod stderr;
mod strings;
mod text;
#[allow(missing_docs)]
mod types;
mod version;

pub use attributes::*;
pub use codes::*;
pub use config::*;
pub use evaluate::*;
pub use events::*;
pub use explain::*;
pub use factory::*;
pub use fork::*;
pub use lifecycle::*;
pub use manager::*;
pub use options::*;
pub use queue::*;
pub use results::*;
pub use types::*;
pub use version::*;
