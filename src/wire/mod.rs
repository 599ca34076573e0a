//! JSON of the backend, and of files that look like it, into our types; and what we report, into JSON.
//!
//! Reading is tolerant: one bad object costs itself and no other, unknown members are ignored, null is like absent. Text
//! is borrowed from the body it stands in, and compiled at once; no tree of values is ever built.

pub(crate) mod changes;
pub(crate) mod compile;
pub(crate) mod definition;
pub(crate) mod localhost;
pub(crate) mod metrics;
mod read;
pub(crate) mod recording;
#[cfg(test)]
mod tolerance;
