//! What evaluations read.

mod memory;

pub(crate) use memory::{Store, Writer};
