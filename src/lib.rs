//! libsplitio: the server-side Split (Harness FME) feature flag SDK.
//!
//! It decides treatments locally, from rules that it keeps in step with the FME backend or a file, and reports what it
//! decided. The C ABI in [`ffi`] is the product; the same core is offered to Rust here.
//!
//! ```no_run
//! use std::time::Duration;
//! use splitio::{Factory, Hooks, Settings};
//!
//! let mut settings = Settings::new();
//! settings.set("splitFile", "flags.json")?;
//! let factory = Factory::new("localhost".into(), &settings, &Hooks::default())?;
//! factory.block_until_ready(Some(Duration::from_secs(5)))?;
//! let treatment = factory.client().treatment(&"user-42".into(), "new_checkout".into());
//! println!("{}", treatment.as_str());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where a behaviour lives: [`config`] the options, [`input`] what a caller may hand in, `rules` the decisions, `sync`
//! where definitions come from, `recorder` what evaluations leave behind, [`callbacks`] the thread that calls user code.
#![deny(unsafe_code)]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

mod backoff;
pub mod callbacks;
mod client;
mod clock;
mod complaint;
mod concurrent;
pub mod config;
mod descriptors;
mod factory;
pub mod ffi;
mod files;
mod findings;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod input;
mod lifecycle;
pub mod logging;
mod manager;
mod process;
mod recorder;
mod redis;
mod refusal;
mod rules;
mod storage;
mod sync;
mod telemetry;
mod threads;
mod transport;
mod wire;

pub use callbacks::{Event, EventHandler, EventKind, Hooks, Impression, ImpressionListener, Instance, QueueKinds};
pub use client::{Answer, AnswerStatus, Attached, Client, Explanation, Track, Who};
pub use config::{ConfigError, Settings};
pub use factory::{Factory, FactoryError};
pub use input::{Attributes, Given, Method};
pub use lifecycle::Status;
pub use manager::Manager;
pub use refusal::Refusal;
pub use rules::{ConfigText, FlagView, InternError, Interned, PrerequisiteView};
pub use sync::localhost::LoadError;
