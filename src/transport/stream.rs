//! The streaming GET: an answer that is meant never to end.
//!
//! So nothing limits it as a whole, and its times are its own: silence that would be a failure elsewhere is usual here.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::answer::{self, Answer};
use super::error::{To, TransportError};

/// Longest time to connect.
pub(super) const CONNECT: Duration = Duration::from_secs(30);
/// Longest wait for the status once connected, and for the body of a refusal: as the silence that the stream itself
/// is allowed.
pub(super) const SILENCE: Duration = Duration::from_secs(70);
/// How much of a refusal is read: enough for any error of Ably's.
const REFUSAL: usize = 8 * 1024;

/// What came of asking for the stream.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Status 200: events will follow.
    Open(EventStream),
    /// Any other status, with the first 8 KiB of the body.
    Refused(Answer),
}

/// The bytes of an open stream. Dropping it closes the connection.
pub(crate) struct EventStream {
    response: Response,
    to: To,
}

impl EventStream {
    /// The next bytes, cut anywhere; `None` when the peer has ended the stream. Waits without limit: the caller knows
    /// how much silence is too much. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        self.response.chunk().await.map_err(|error| answer::broken_off(error, &self.to))
    }
}

/// Without the response, whose URL holds the token.
impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("to", &self.to).finish_non_exhaustive()
    }
}

/// Makes a stream of an answer, or reads why there is none.
pub(super) async fn open(mut response: Response, to: To) -> Opening {
    let status = response.status().as_u16();
    if status == 200 {
        return Opening::Open(EventStream { response, to });
    }
    let retry_after = answer::retry_after(response.headers());
    let mut body = Vec::new();
    let deadline = Instant::now() + SILENCE;
    // A refusal whose explanation breaks off is a refusal still: its status says enough.
    while body.len() < REFUSAL {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            _ => break,
        }
    }
    body.truncate(REFUSAL);
    Opening::Refused(Answer { status, body, retry_after })
}
