//! Asking the backend for definitions, and what can come of it.
//!
//! Everything that fetches sees the HTTP client through [`Backend`] only, so that rules about time and failure are tested
//! with a clock that does not run and answers made up on the spot.

use std::future::Future;
use std::pin::Pin;
use std::str::Utf8Error;
use std::time::Duration;
use std::{fmt, io, str};

use tokio::sync::oneshot;

use crate::rules::KeyTableError;
use crate::threads;
use crate::transport::{Answer, Call, Endpoint, Transport, TransportError};
use crate::wire::compile::WireError;

/// Larger answers are read on a thread of their own: meanwhile the io thread has a stream to listen to.
const LARGE: usize = 256 * 1024;

/// What a question becomes.
pub(crate) type Asked<'a> = Pin<Box<dyn Future<Output = Result<Answer, TransportError>> + Send + 'a>>;

/// Who answers questions about definitions.
pub(crate) trait Backend: Send + Sync {
    /// Asks. Dropping the future takes the question back.
    fn get<'a>(&'a self, call: &'a Call) -> Asked<'a>;
}

impl Backend for Transport {
    fn get<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        Box::pin(Transport::get(self, call))
    }
}

/// Why a fetch failed. What is stored stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FetchError {
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The answer was no.
    #[error("{endpoint} answered {status}{}", Advice(*endpoint, *status))]
    Status { endpoint: Endpoint, status: u16, retry_after: Option<Duration> },
    #[error("the answer of {endpoint} is not text: {cause}")]
    Text {
        endpoint: Endpoint,
        #[source]
        cause: Utf8Error,
    },
    #[error("the answer of {endpoint} cannot be used: {cause}")]
    Wire {
        endpoint: Endpoint,
        #[source]
        cause: WireError,
    },
    #[error("the segment cannot be kept: {0}")]
    Keys(#[from] KeyTableError),
    /// There is no thread to read a large answer on.
    #[error("cannot start a thread to read the answer: {0}")]
    Thread(#[source] io::Error),
    /// That thread panicked.
    #[error("reading the answer failed")]
    Reader,
}

impl FetchError {
    /// The status, where there was an answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            FetchError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Split does not accept the SDK key, or not for this.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.status(), Some(401 | 403))
    }

    /// The filter of flag sets does not fit into a URL, and never will.
    pub(super) fn is_too_long(&self) -> bool {
        self.status() == Some(414)
    }

    /// Whether asking again soon can help. A client's mistake stays one.
    pub(super) fn is_passing(&self) -> bool {
        !matches!(self.status(), Some(400..=499)) || matches!(self.status(), Some(408 | 429))
    }

    /// What old Split Proxies do instead of answering a version of the protocol that they do not know.
    pub(super) fn is_old_proxy(&self) -> bool {
        match self {
            FetchError::Transport(cause) => cause.is_cut(),
            other => other.status() == Some(400),
        }
    }

    /// How long the backend asks to be left alone, beyond the usual.
    pub(super) fn retry_after(&self) -> Duration {
        match self {
            FetchError::Status { retry_after: Some(time), .. } => *time,
            _ => Duration::ZERO,
        }
    }

    /// The message with its causes.
    pub(super) fn explained(&self) -> String {
        match self {
            FetchError::Transport(cause) => cause.explained(),
            other => other.to_string(),
        }
    }
}

/// What to do about a status, where that is known.
struct Advice(Endpoint, u16);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0, self.1) {
            (Endpoint::SegmentChanges, 403) => {
                ": segments are not for this SDK key; most likely it is one for browsers and mobile apps, where one for \
                 servers is needed"
            }
            (_, 401 | 403) => ": Split does not accept the SDK key; check it, and the environment it is for",
            (Endpoint::SegmentChanges, 404) => ": there is no such segment",
            (_, 404) => ": check the SDK key, and the base URLs in the options",
            (_, 300..=399) => ": a redirect that leads nowhere",
            _ => "",
        })
    }
}

/// Asks, and takes nothing but success for an answer.
pub(super) async fn ask(backend: &dyn Backend, call: &Call) -> Result<Vec<u8>, FetchError> {
    let answer = backend.get(call).await?;
    if answer.is_success() {
        return Ok(answer.body);
    }
    Err(FetchError::Status { endpoint: call.endpoint(), status: answer.status, retry_after: answer.retry_after })
}

/// The text of an answer.
pub(super) fn text(body: &[u8], endpoint: Endpoint) -> Result<&str, FetchError> {
    str::from_utf8(body).map_err(|cause| FetchError::Text { endpoint, cause })
}

/// Reads an answer, a large one on a thread of its own. That thread ends what it has begun when nobody waits any more.
pub(super) async fn read<R: Send + 'static>(
    body: Vec<u8>,
    work: impl FnOnce(Vec<u8>) -> Result<R, FetchError> + Send + 'static,
) -> Result<R, FetchError> {
    aside(body.len() >= LARGE, move || work(body)).await?
}

/// Does work, on a thread of its own if it is `much`.
pub(super) async fn aside<R: Send + 'static>(
    much: bool,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, FetchError> {
    if !much {
        return Ok(work());
    }
    let (done, outcome) = oneshot::channel();
    let thread = threads::spawn("splitio-read", move || {
        // An error means that nobody waits for it any more.
        let _ = done.send(work());
    });
    drop(thread.map_err(FetchError::Thread)?);
    outcome.await.map_err(|_| FetchError::Reader)
}
