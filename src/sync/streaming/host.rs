//! Who opens streams. Everything else sees the HTTP client through these two traits, so that what depends on time is
//! tested with a clock that does not run.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::transport::{Answer, Call, EventStream, Opening, Transport, TransportError};

/// What asking for a stream becomes.
pub(crate) type Asked<'a> = Pin<Box<dyn Future<Output = Result<Opened, TransportError>> + Send + 'a>>;

/// What reading on becomes.
pub(crate) type Piece<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, TransportError>> + Send + 'a>>;

/// Opens streams.
pub(crate) trait StreamHost: Send + Sync {
    /// Asks for a stream. Dropping the future takes the question back.
    fn open<'a>(&'a self, call: &'a Call) -> Asked<'a>;
}

/// What came of it.
pub(crate) enum Opened {
    /// Events will follow.
    Stream(Box<dyn ByteStream>),
    /// An answer other than 200.
    Refused(Answer),
}

/// The bytes of a stream. Dropping it closes the connection.
pub(crate) trait ByteStream: Send {
    /// The next bytes, cut anywhere; `None` when the peer has ended it. Dropping the future loses nothing.
    fn next(&mut self) -> Piece<'_>;
}

impl StreamHost for Transport {
    fn open<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        Box::pin(async move {
            Ok(match self.open_stream(call).await? {
                Opening::Open(stream) => Opened::Stream(Box::new(stream)),
                Opening::Refused(answer) => Opened::Refused(answer),
            })
        })
    }
}

impl ByteStream for EventStream {
    fn next(&mut self) -> Piece<'_> {
        Box::pin(EventStream::next(self))
    }
}
