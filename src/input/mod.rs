//! Validation of everything a caller hands in.

mod attributes;
mod key;

pub use attributes::{Attributes, AttributesError, List, Value};
pub use key::Key;
