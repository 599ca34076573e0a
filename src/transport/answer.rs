//! What comes back: status, body, and how long to stay away.
//!
//! Read piece by piece, with a limit for silence and one for size: a backend that stalls, or sends a bomb, costs that
//! much and no more.

use std::io::{self, Write};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, RETRY_AFTER};
use tokio::time::timeout;

use super::error::{CutError, To, TransportError};

/// Longer requests to stay away are cut to this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);
/// Memory reserved on the word of a Content-Length alone.
const LARGEST_RESERVATION: u64 = 8 << 20;

/// What the backend said, whatever the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Decompressed.
    pub(crate) body: Vec<u8>,
    /// How long the backend asks to be left alone; at most five minutes.
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    /// Any 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// How a body is read.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    /// Longest silence between two pieces.
    pub(super) silence: Duration,
    /// Largest body in bytes, decompressed.
    pub(super) limit: u64,
}

/// Reads an answer to its end.
pub(super) async fn read(mut response: Response, how: Reading, to: &To) -> Result<Answer, TransportError> {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let expected = response.content_length().unwrap_or(0);
    if expected > how.limit {
        return Err(TransportError::TooLarge { to: to.clone(), limit: how.limit });
    }
    let mut body = Decoder::new(response.headers(), expected, how.limit).map_err(|source| cut(to, source))?;
    while let Some(piece) = piece(&mut response, how.silence, to).await? {
        body.write(&piece).map_err(|problem| problem.into_error(to, how.limit))?;
    }
    let body = body.finish().map_err(|problem| problem.into_error(to, how.limit))?;
    Ok(Answer { status, body, retry_after })
}

/// The next piece of a body.
async fn piece(response: &mut Response, silence: Duration, to: &To) -> Result<Option<bytes::Bytes>, TransportError> {
    match timeout(silence, response.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(broken_off(error, to)),
        Err(_) => Err(TransportError::ReadTimeout { to: to.clone(), after: silence }),
    }
}

/// What an error within a body means. A dead connection says nothing about the server, a body that it ends does.
pub(super) fn broken_off(error: reqwest::Error, to: &To) -> TransportError {
    let source = error.without_url();
    if source.is_timeout() {
        return TransportError::Lost { to: to.clone(), source };
    }
    cut(to, CutError::Ended(source))
}

fn cut(to: &To, source: CutError) -> TransportError {
    TransportError::Cut { to: to.clone(), source }
}

/// How long the server asks to be left alone: in seconds, or until a date, which is measured by the server's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than fit are a very long time.
        text.parse().map_or(LONGEST_RETRY_AFTER, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// Takes the pieces of a body, and decompresses them as they come, so that no more than the limit is ever held.
enum Decoder {
    Plain(Capped),
    Gzip { decoder: Box<MultiGzDecoder<Capped>>, begun: bool },
}

/// Why a piece was not taken.
enum Refusal {
    TooLarge,
    Gzip(io::Error),
}

impl Refusal {
    fn into_error(self, to: &To, limit: u64) -> TransportError {
        match self {
            Refusal::TooLarge => TransportError::TooLarge { to: to.clone(), limit },
            Refusal::Gzip(error) => cut(to, CutError::Gzip(error)),
        }
    }
}

impl Decoder {
    fn new(headers: &HeaderMap, expected: u64, limit: u64) -> Result<Self, CutError> {
        let reserve = usize::try_from(expected.min(LARGEST_RESERVATION)).unwrap_or(0);
        let body = Capped { body: Vec::with_capacity(reserve), limit, exceeded: false };
        let encoding = headers.get(CONTENT_ENCODING).map_or(Ok(""), |value| value.to_str());
        match encoding.map(str::trim) {
            Ok(name) if name.is_empty() || name.eq_ignore_ascii_case("identity") => Ok(Decoder::Plain(body)),
            Ok(name) if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                Ok(Decoder::Gzip { decoder: Box::new(MultiGzDecoder::new(body)), begun: false })
            }
            _ => Err(CutError::Encoding),
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Refusal> {
        match self {
            Decoder::Plain(body) => body.write_all(piece).map_err(|_| Refusal::TooLarge),
            Decoder::Gzip { decoder, begun } => {
                *begun |= !piece.is_empty();
                let written = decoder.write_all(piece);
                written.map_err(|error| refusal(decoder.get_ref(), error))
            }
        }
    }

    fn finish(self) -> Result<Vec<u8>, Refusal> {
        match self {
            Decoder::Plain(body) => Ok(body.body),
            // Answers without a body say "gzip" too.
            Decoder::Gzip { begun: false, .. } => Ok(Vec::new()),
            Decoder::Gzip { mut decoder, .. } => match decoder.try_finish() {
                Ok(()) => Ok(std::mem::take(&mut decoder.get_mut().body)),
                Err(error) => Err(refusal(decoder.get_ref(), error)),
            },
        }
    }
}

fn refusal(body: &Capped, error: io::Error) -> Refusal {
    if body.exceeded { Refusal::TooLarge } else { Refusal::Gzip(error) }
}

/// A body that refuses to grow beyond its limit.
struct Capped {
    body: Vec<u8>,
    limit: u64,
    exceeded: bool,
}

impl Write for Capped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.body.len() as u64 + piece.len() as u64 > self.limit {
            self.exceeded = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.body.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_in_seconds_and_dates() {
        let date = "Tue, 24 Nov 2026 10:00:00 GMT";
        let cases = [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("300", Some(300)),
            ("301", Some(300)),
            ("99999999999999999999999", Some(300)),
            ("Tue, 24 Nov 2026 10:01:30 GMT", Some(90)),
            ("Tue, 24 Nov 2026 11:00:00 GMT", Some(300)),
            ("Tue, 24 Nov 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
        ];
        for (text, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static(date));
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers).map(|wait| wait.as_secs()), want, "{text:?}");
        }
    }
}
