//! Validation of everything a caller hands in.

mod attributes;

pub use attributes::{Attributes, AttributesError, List, Value};
