//! What evaluations read.

mod kept;
mod memory;
mod redis;

pub(crate) use memory::{Store, Writer};
#[cfg(test)]
pub(crate) use redis::fake::Fake;
pub(crate) use redis::{Gathered, RedisStore};
