//! What is posted through, and what an answer to a post means.
//!
//! One table for all that is posted: what may succeed another time is kept, and what would fail again is given up.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::transport::{Answer, Call, Endpoint, Transport};

/// The way to the backend. Tests have a backend of their own.
pub(crate) trait Post: Send + Sync + 'static {
    /// Posts JSON. Dropping the future cancels the post, which may have arrived by then.
    fn post(&self, to: Endpoint, json: Bytes) -> impl Future<Output = Result<Answer, Unreached>> + Send;
}

/// Why there was no answer: a sentence for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreached(pub(crate) String);

impl Post for Transport {
    async fn post(&self, to: Endpoint, json: Bytes) -> Result<Answer, Unreached> {
        Transport::post(self, &Call::to(to), json).await.map_err(|error| Unreached(error.explained()))
    }
}

/// What to do after a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// It arrived.
    Sent,
    /// Try again, but not before this time has passed.
    Later(Duration),
    /// Keep it: the SDK key is not accepted, which somebody may put right.
    Unauthorized,
    /// Try again in smaller pieces.
    TooLarge,
    /// It would fail again.
    Never,
}

impl Reaction {
    pub(super) fn to(answer: &Result<Answer, Unreached>) -> Self {
        let Ok(Answer { status, retry_after, .. }) = answer else { return Reaction::Later(Duration::ZERO) };
        match status {
            200..300 => Reaction::Sent,
            429 => Reaction::Later(retry_after.unwrap_or_default()),
            408 | 500.. => Reaction::Later(Duration::ZERO),
            401 | 403 => Reaction::Unauthorized,
            413 => Reaction::TooLarge,
            _ => Reaction::Never,
        }
    }

    /// Whether the same post may succeed another time.
    pub(super) fn is_temporary(self) -> bool {
        matches!(self, Reaction::Later(_) | Reaction::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_reactions() {
        let seconds = Duration::from_secs;
        let cases = [
            (200, None, Reaction::Sent),
            (202, Some(seconds(9)), Reaction::Sent),
            (301, None, Reaction::Never),
            (304, None, Reaction::Never),
            (400, None, Reaction::Never),
            (401, None, Reaction::Unauthorized),
            (403, None, Reaction::Unauthorized),
            (404, None, Reaction::Never),
            (408, None, Reaction::Later(seconds(0))),
            (413, None, Reaction::TooLarge),
            (414, None, Reaction::Never),
            (429, None, Reaction::Later(seconds(0))),
            (429, Some(seconds(30)), Reaction::Later(seconds(30))),
            (500, None, Reaction::Later(seconds(0))),
            (503, Some(seconds(30)), Reaction::Later(seconds(0))),
            (599, None, Reaction::Later(seconds(0))),
        ];
        for (status, retry_after, expected) in cases {
            let answer = Ok(Answer { status, body: Vec::new(), retry_after });
            assert_eq!(Reaction::to(&answer), expected, "{status} {retry_after:?}");
        }
        assert_eq!(Reaction::to(&Err(Unreached("no route".to_owned()))), Reaction::Later(seconds(0)));
    }
}
