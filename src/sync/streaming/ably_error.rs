//! Errors of Ably, the service behind the stream: what to do about which code.

use serde_json::{Map, Value};

use super::json::whole;
use super::sse::{Block, Event, Parser};

/// An error as Ably sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AblyError {
    /// Ably's code; none when the error was unreadable or had none.
    pub(super) code: Option<i64>,
}

/// What an error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// A new token helps: close, wait, authenticate again.
    Retry,
    /// Nothing helps: close, and poll for the rest of the factory's life.
    GiveUp,
    /// Wait and see. When the server closes after it, that is an ordinary drop.
    Ignore,
}

impl AblyError {
    /// Reads the data of an `error` frame.
    pub(super) fn of_frame(data: &str) -> AblyError {
        AblyError { code: code(data.as_bytes()) }
    }

    /// Reads the body of an answer other than 200, whole or cut: an object, or the stream with an `error` frame.
    pub(super) fn of_body(body: &[u8]) -> AblyError {
        AblyError { code: code(body).or_else(|| code_of_frames(body)) }
    }

    /// What is to be done.
    pub(super) fn reaction(self) -> Reaction {
        match self.code {
            // The tokens that expired, were revoked, or are otherwise not the right ones any more.
            Some(40_140..=40_149) => Reaction::Retry,
            Some(40_000..=49_999) => Reaction::GiveUp,
            _ => Reaction::Ignore,
        }
    }
}

/// The code of a bare object, or of one nested under `error`.
fn code(document: &[u8]) -> Option<i64> {
    let object: Map<String, Value> = serde_json::from_slice(document).ok()?;
    whole(&object, "code").or_else(|| whole(object.get("error")?.as_object()?, "code"))
}

fn code_of_frames(body: &[u8]) -> Option<i64> {
    let mut blocks = Vec::new();
    let mut parser = Parser::default();
    // Bodies end without the empty line that would dispatch their last frame.
    let parsed = parser.feed(body, &mut blocks).and_then(|()| parser.feed(b"\n\n", &mut blocks));
    parsed.ok()?;
    blocks.into_iter().find_map(|block| match block {
        Block::Frame(frame) if frame.event == Event::Error => code(frame.data.as_bytes()),
        Block::Frame(_) | Block::KeepAlive => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_to_codes() {
        let rows = [
            (Some(40_142), Reaction::Retry),
            (Some(40_140), Reaction::Retry),
            (Some(40_149), Reaction::Retry),
            (Some(40_139), Reaction::GiveUp),
            (Some(40_150), Reaction::GiveUp),
            (Some(40_012), Reaction::GiveUp),
            (Some(40_000), Reaction::GiveUp),
            (Some(49_999), Reaction::GiveUp),
            (Some(39_999), Reaction::Ignore),
            (Some(50_000), Reaction::Ignore),
            (Some(0), Reaction::Ignore),
            (Some(-40_142), Reaction::Ignore),
            (Some(i64::MAX), Reaction::Ignore),
            (None, Reaction::Ignore),
        ];
        for (code, expected) in rows {
            assert_eq!(AblyError { code }.reaction(), expected, "{code:?}");
        }
    }

    #[test]
    fn codes_of_frames() {
        let rows = [
            (r#"{"code":40142,"statusCode":401,"message":"token no longer valid","href":"x"}"#, Some(40_142)),
            (r#"{"code":40142,"statusCode":null,"message":null}"#, Some(40_142)),
            (r#"{"error":{"code":40012}}"#, Some(40_012)),
            (r#"{"code":null,"error":{"code":40012}}"#, Some(40_012)),
            (r#"{"code":null}"#, None),
            (r#"{"code":"40142"}"#, None),
            (r#"{"error":null}"#, None),
            (r#"{"error":40142}"#, None),
            ("[40142]", None),
            ("40142", None),
            ("{\"code\":40142", None),
            ("", None),
        ];
        for (data, code) in rows {
            assert_eq!(AblyError::of_frame(data), AblyError { code }, "{data}");
        }
    }

    #[test]
    fn codes_of_bodies() {
        let rows: [(&[u8], Option<i64>); 9] = [
            (b"{\"code\":40142}\n", Some(40_142)),
            (b"{\n  \"error\": {\n    \"code\": 40101\n  }\n}", Some(40_101)),
            (b"event: error\ndata: {\"code\":40142}\n\n", Some(40_142)),
            (b":hello\n\nevent: error\r\ndata: {\"code\":40142}", Some(40_142)),
            (b"event: message\ndata: {\"code\":40142}\n\n", None),
            (b"event: error\ndata: {\"code\":401", None),
            (b"<html>503 Service Unavailable</html>", None),
            (b"\xFF\xFE", None),
            (b"", None),
        ];
        for (body, code) in rows {
            assert_eq!(AblyError::of_body(body), AblyError { code }, "{}", String::from_utf8_lossy(body));
        }
    }
}
