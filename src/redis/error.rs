//! Why Redis gave no answer.

use std::io;

/// Why commands were not answered. Texts name the endpoint, never a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedisError {
    /// No connection could be made.
    #[error("cannot connect to Redis at {endpoint}: {cause}")]
    Connect {
        endpoint: Box<str>,
        #[source]
        cause: io::Error,
    },
    /// It was not answered in time.
    #[error("Redis at {endpoint} did not answer in time")]
    Timeout { endpoint: Box<str> },
    /// The connection broke while waiting.
    #[error("the connection to Redis at {endpoint} broke: {cause}")]
    Broken {
        endpoint: Box<str>,
        #[source]
        cause: io::Error,
    },
    /// It is answered, but not as Redis does, or with a refusal of all: a wrong password, for instance.
    #[error("Redis at {endpoint} answered: {message}")]
    Refused { endpoint: Box<str>, message: Box<str> },
    /// The factory is destroyed.
    #[error("the connections to Redis are closed")]
    Closed,
}
