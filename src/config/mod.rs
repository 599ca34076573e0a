//! Options: table, parsing, checks, defaults.

mod fallback;

pub use fallback::{FallbackTreatment, FallbackTreatments};
