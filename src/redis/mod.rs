//! Talking to Redis: what is asked as one pipeline on a connection of one's own, and by when it must be answered.
//!
//! Flags are read by `storage`, and impressions and events written by `recorder`; both see Redis through [`Server`]
//! only, so that what they make of failures is tested with answers made up on the spot.

mod address;
mod attempts;
mod cluster;
mod connection;
mod error;
#[cfg(test)]
mod fake;
mod follow;
#[cfg(test)]
mod group_tests;
mod keys;
mod locks;
mod outages;
mod pool;
#[cfg(test)]
mod real;
mod sentinel;
mod server;
mod socket;
#[cfg(test)]
mod tests;
mod tls;
mod topology;

use std::fmt::Debug;
use std::time::Instant;

use ::redis::{Pipeline, Value};

pub(crate) use connection::text_of;
pub(crate) use error::RedisError;
pub(crate) use keys::Keys;
pub(crate) use server::Redis;

/// What may be done again when nobody knows whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Asked once more where a connection turns out to be broken, or with redisRetryOnTimeout after a time-out.
    Read,
    /// Sent once: a push whose answer was lost may have happened.
    Write,
}

/// Who answers commands: a Redis, the master that sentinels name, or the master of a cluster's slot.
pub(crate) trait Server: Debug + Send + Sync {
    /// Sends commands in one piece, without `MULTI`, and waits for all answers: one per command, in their order. What the
    /// server refuses is a [`Value::ServerError`] among them.
    ///
    /// Waits on the calling thread, for redisSocketTimeout and no longer than `until`. A connection that must be made
    /// first may take redisSocketConnectTimeout besides.
    fn ask(&self, commands: &Pipeline, purpose: Purpose, until: Option<Instant>) -> Result<Vec<Value>, RedisError>;

    /// Asks the node to which the slot of a question's key is moving just now; nothing if it is not. Neither pipeline
    /// writes.
    fn ask_target(
        &self,
        _question: &Pipeline,
        _commands: &Pipeline,
        _until: Instant,
    ) -> Result<Option<Vec<Value>>, RedisError> {
        Ok(None)
    }

    /// Another number when commands may be answered by another server than before.
    fn generation(&self) -> u64 {
        0
    }

    /// How long the answers to one call of [`Server::ask`] are waited for.
    fn timeout(&self) -> std::time::Duration;
}
