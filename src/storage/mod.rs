//! What evaluations read.

mod memory;
mod redis;

pub(crate) use memory::{Store, Writer};
pub(crate) use redis::{Gathered, RedisStore};
#[cfg(test)]
pub(crate) use redis::fake::Fake;
