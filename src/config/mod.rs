//! Options: what a user may set, what it means, and what happens when it cannot be meant.
//!
//! [`Settings`] collects what the user says, by name and in any order; [`Settings::resolve`] makes a [`Config`] of it,
//! once the SDK key is known: typed, complete, and checked so that nobody above has to. A mistake that would make the
//! library do something else than was asked for is a [`ConfigError`]; a value out of range is corrected, and a
//! [`Notice`] says so in the log of the factory.

#[cfg(test)]
mod document;
mod error;
pub mod fallback;
pub(crate) mod flag_set;
mod network;
mod parse;
mod reader;
mod redis;
mod resolve;
mod settings;
mod spec;
mod table;
#[cfg(test)]
mod testing;
mod values;

pub use error::{ConfigError, Notice};
pub use fallback::{FallbackTreatment, FallbackTreatments};
pub(crate) use resolve::DEFAULT_FILE;
pub use settings::Settings;
pub use spec::{Group, Kind, OptionSpec, Range, Unit};
pub use table::options;
pub use values::{
    BaseUrl, CertificateCheck, Config, ImpressionsMode, KeepaliveOptions, Mode, Node, PemFile, RedisConfig, Secret,
};
