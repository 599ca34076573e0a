//! Why Redis gave no answer.
//!
//! Kinds are told apart by what follows from them: whether to try another connection, whether to say that Redis is
//! lost, and whether what was asked may have been done.

use std::io;

use crate::transport::SetupError;

/// Why commands were not answered. Texts name the endpoint, never a password.
///
/// Causes are in the texts and no `source`: they are a few words of the system's, and who logs an error with its
/// sources would say them twice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RedisError {
    /// No connection could be made.
    #[error("cannot connect to Redis at {endpoint}: {cause}")]
    Connect { endpoint: Box<str>, cause: io::Error },
    /// It was not answered in time.
    #[error("Redis at {endpoint} did not answer in time")]
    Timeout { endpoint: Box<str> },
    /// The caller had less time left than Redis may take, so that silence says nothing of Redis.
    #[error("no time was left to wait for Redis at {endpoint}")]
    Cut { endpoint: Box<str> },
    /// Other calls kept all connections for too long.
    #[error("all connections to Redis at {endpoint} are in use; redisMaxConnections limits them")]
    Busy { endpoint: Box<str> },
    /// The connection broke while waiting.
    #[error("the connection to Redis at {endpoint} broke: {cause}")]
    Broken { endpoint: Box<str>, cause: io::Error },
    /// It is answered, but not as Redis does, or with a refusal of all: a wrong password, for instance.
    #[error("Redis at {endpoint} answered: {message}")]
    Refused { endpoint: Box<str>, message: Box<str> },
    /// The options of TLS cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The factory is destroyed.
    #[error("the connections to Redis are closed")]
    Closed,
}

impl RedisError {
    /// Sorts what befell a connection.
    pub(super) fn of_exchange(endpoint: &str, cause: io::Error) -> Self {
        let endpoint = endpoint.into();
        match cause.kind() {
            io::ErrorKind::TimedOut => RedisError::Timeout { endpoint },
            _ => RedisError::Broken { endpoint, cause },
        }
    }

    /// The same again, for a call that is not even tried.
    pub(super) fn repeated(&self) -> Self {
        let again = |cause: &io::Error| io::Error::new(cause.kind(), cause.to_string());
        match self {
            RedisError::Connect { endpoint, cause } => {
                RedisError::Connect { endpoint: endpoint.clone(), cause: again(cause) }
            }
            RedisError::Timeout { endpoint } => RedisError::Timeout { endpoint: endpoint.clone() },
            RedisError::Cut { endpoint } => RedisError::Cut { endpoint: endpoint.clone() },
            RedisError::Broken { endpoint, cause } => {
                RedisError::Broken { endpoint: endpoint.clone(), cause: again(cause) }
            }
            RedisError::Refused { endpoint, message } => {
                RedisError::Refused { endpoint: endpoint.clone(), message: message.clone() }
            }
            RedisError::Busy { endpoint } => RedisError::Busy { endpoint: endpoint.clone() },
            // Not of connecting: the first is construction's, and after the second nothing is tried.
            RedisError::Setup(_) | RedisError::Closed => RedisError::Closed,
        }
    }
}
