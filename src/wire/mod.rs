//! Placeholder of the skeleton.
pub(crate) mod localhost;
