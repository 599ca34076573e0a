//! What evaluations read.

mod memory;
mod redis;

pub(crate) use memory::{Store, Writer};
pub(crate) use redis::{Moment, RedisStore, Shelf};
