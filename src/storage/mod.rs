//! What evaluations read: definitions in memory, or those of a Redis that a Synchronizer keeps.
//!
//! In memory the next state is made beside the present one and published whole, so that no evaluation waits for a
//! change or sees half of one. From Redis a call reads what it needs.

mod kept;
mod memory;
mod redis;

pub(crate) use memory::{Store, Writer};
#[cfg(test)]
pub(crate) use redis::fake::Fake;
pub(crate) use redis::{Gathered, RedisStore};
