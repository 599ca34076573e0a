//! Server-sent events, cut out of a stream of bytes.
//!
//! Chunks end anywhere: inside a line, a CRLF, the byte order mark, a character. So bytes are collected until a line is
//! whole, and only then read as text. A chunk is searched for line ends once, however long the line it belongs to is:
//! an update of a megabyte must not be slower by the square.

use std::mem;

use memchr::{memchr, memchr2};

/// The longest line, and the most data of one frame, in bytes. Far above any update; what is longer is no SSE server.
pub(super) const LIMIT: usize = 8 << 20;

/// Room that a parser keeps between lines. What a longer line took is given back after it.
const KEPT: usize = 64 << 10;

/// A line, or the data of one frame, is longer than [`LIMIT`]. The connection cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream sent a line or frame of more than {LIMIT} bytes")]
pub(super) struct TooLong;

/// What came between two empty lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A frame with data, or an error even without.
    Frame(Frame),
    /// Comments only, or fields without data: says nothing but that the server is there.
    KeepAlive,
}

/// An event as the server dispatched it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// What kind it is.
    pub(super) event: Event,
    /// Its data lines, joined with `\n`. Bytes that are not UTF-8 became U+FFFD: the readers of what is inside fall
    /// back to a fetch where that matters.
    pub(super) data: String,
}

/// The kind of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// `message`, and what has no name.
    Message,
    /// `error`.
    Error,
    /// Anything else, which means nothing to us.
    Other(String),
}

/// Cuts a stream into blocks. One per connection; after [`TooLong`] it is spent.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The last byte was `\r`, so a `\n` that comes next belongs to it.
    after_return: bool,
    /// A line has ended, so a byte order mark can no longer come.
    past_first_line: bool,
    block: Pending,
}

/// The block that has not ended yet.
#[derive(Debug, Default)]
struct Pending {
    event: String,
    data: Option<String>,
    /// There was a line, be it a comment.
    begun: bool,
}

impl Parser {
    /// Takes the next bytes, and appends the blocks that they complete, in order; also those before an error.
    pub(super) fn feed(&mut self, chunk: &[u8], blocks: &mut Vec<Block>) -> Result<(), TooLong> {
        let mut rest = chunk;
        while !rest.is_empty() {
            if mem::take(&mut self.after_return) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                return self.keep(rest);
            };
            self.after_return = rest[end] == b'\r';
            if self.line.is_empty() {
                self.end_of_line(&rest[..end], blocks)?;
            } else {
                self.keep(&rest[..end])?;
                let mut line = mem::take(&mut self.line);
                self.end_of_line(&line, blocks)?;
                if line.capacity() <= KEPT {
                    line.clear();
                    self.line = line;
                }
            }
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if bytes.len() > LIMIT - self.line.len() {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_of_line(&mut self, line: &[u8], blocks: &mut Vec<Block>) -> Result<(), TooLong> {
        if line.len() > LIMIT {
            return Err(TooLong);
        }
        let line = match line.strip_prefix(b"\xEF\xBB\xBF") {
            Some(text) if !self.past_first_line => text,
            _ => line,
        };
        self.past_first_line = true;
        if line.is_empty() {
            blocks.extend(mem::take(&mut self.block).end());
            return Ok(());
        }
        self.block.line(line)
    }
}

impl Pending {
    fn line(&mut self, line: &[u8]) -> Result<(), TooLong> {
        self.begun = true;
        let (field, value) = match memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"data" => self.data(&String::from_utf8_lossy(value))?,
            // Comments (no name), `id` and `retry`, which have no use here, and what the standard does not know.
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, value: &str) -> Result<(), TooLong> {
        match &mut self.data {
            None => self.data = Some(value.to_owned()),
            Some(data) if data.len() + 1 + value.len() > LIMIT => return Err(TooLong),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
        }
        Ok(())
    }

    fn end(self) -> Option<Block> {
        let event = match &*self.event {
            "" | "message" => Event::Message,
            "error" => Event::Error,
            _ => Event::Other(self.event),
        };
        match (event, self.data) {
            (event, Some(data)) => Some(Block::Frame(Frame { event, data })),
            // It has no code, so nothing is done about it; but a stream that begins with it is not established.
            (Event::Error, None) => Some(Block::Frame(Frame { event: Event::Error, data: String::new() })),
            (_, None) => self.begun.then_some(Block::KeepAlive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Block> {
        let mut parser = Parser::default();
        let mut blocks = Vec::new();
        for chunk in chunks {
            parser.feed(chunk, &mut blocks).expect("within the limits");
        }
        blocks
    }

    fn frame(event: Event, data: &str) -> Block {
        Block::Frame(Frame { event, data: data.to_owned() })
    }

    fn message(data: &str) -> Block {
        frame(Event::Message, data)
    }

    fn other(name: &str, data: &str) -> Block {
        frame(Event::Other(name.to_owned()), data)
    }

    /// Streams and what is in them.
    fn cases() -> Vec<(&'static [u8], Vec<Block>)> {
        let keep_alive = || Block::KeepAlive;
        vec![
            (b"", vec![]),
            (b"\n\r\n\r\r\n", vec![]),
            (b"data: a\n", vec![]),
            (
                b"id: 7f3c@1760000003000-0\nevent: message\ndata: {\"id\":\"k9:0:0\"}\n\n",
                vec![message("{\"id\":\"k9:0:0\"}")],
            ),
            (b"event: message\r\ndata: a\r\n\r\ndata: b\r\n\r\n", vec![message("a"), message("b")]),
            (b"event: message\rdata: a\r\rdata: b\r\r", vec![message("a"), message("b")]),
            (b"data: a\r\ndata: b\rdata: c\ndata: d\n\r\n", vec![message("a\nb\nc\nd")]),
            // The \n belongs to the \r, so one of these frames has one line and the other two.
            (b"data: a\r\n\r\ndata: b\n\rdata: c\r\r\n", vec![message("a"), message("b"), message("c")]),
            (b":keepalive\n\n", vec![keep_alive()]),
            (b":\n\n: a\n:b\n\ndata: c\n\n", vec![keep_alive(), keep_alive(), message("c")]),
            (b":comment\ndata: a\n:data: b\n\n", vec![message("a")]),
            (b"id: 1\n\nretry: 3000\n\nevent: message\n\n", vec![keep_alive(), keep_alive(), keep_alive()]),
            (b"event: error\ndata: {\"code\":40142}\n\n", vec![frame(Event::Error, "{\"code\":40142}")]),
            (b"event: error\n\n", vec![frame(Event::Error, "")]),
            (b"event: presence\ndata: a\n\n", vec![other("presence", "a")]),
            (b"event: errors\nevent: message\ndata: a\n\n", vec![message("a")]),
            (b"event: presence\n\ndata: a\n\n", vec![keep_alive(), message("a")]),
            (b"event\ndata\n\n", vec![message("")]),
            (b"data:\n\n", vec![message("")]),
            (b"data: \ndata\ndata:a\n\n", vec![message("\n\na")]),
            (b"data:a\n\ndata:  a \n\n", vec![message("a"), message(" a ")]),
            (b"data: a:b: c\n\n", vec![message("a:b: c")]),
            (b" data: a\nDATA: b\ndatum: c\n\n", vec![keep_alive()]),
            (b"\xEF\xBB\xBFdata: a\n\n", vec![message("a")]),
            (b"\xEF\xBB\xBF\ndata: a\n\n", vec![message("a")]),
            (b"\xEF\xBB\xBF:a\n\n\xEF\xBB\xBFdata: b\n\n", vec![keep_alive(), keep_alive()]),
            (b"\xEF\xBB\xBF\xEF\xBB\xBFdata: b\n\n", vec![keep_alive()]),
            ("data: Zürich 東京 🦀\n\n".as_bytes(), vec![message("Zürich 東京 🦀")]),
            ("data: a\u{2028}b\u{85}c\u{b}d\u{c}e\n\n".as_bytes(), vec![message("a\u{2028}b\u{85}c\u{b}d\u{c}e")]),
            (b"data: a\xFFb\xE6\x9D\ndata: c\n\n", vec![message("a\u{FFFD}b\u{FFFD}\nc")]),
            (b"data: a\0b\n\n", vec![message("a\0b")]),
        ]
    }

    #[test]
    fn b12_every_cut_gives_the_same() {
        for (stream, expected) in cases() {
            let text = String::from_utf8_lossy(stream);
            assert_eq!(parse([stream]), expected, "whole: {text:?}");
            assert_eq!(parse(stream.chunks(1)), expected, "byte by byte: {text:?}");
            for cut in 0..=stream.len() {
                let (first, second) = stream.split_at(cut);
                assert_eq!(parse([first, b"", second]), expected, "cut at {cut}: {text:?}");
            }
        }
    }

    #[test]
    fn a_block_comes_with_the_byte_that_ends_it() {
        for (stream, last) in [(&b"data: a\n\n"[..], 8), (b"data: a\r\r\n", 8), (b"data: a\r\n\r\n", 9)] {
            let mut parser = Parser::default();
            let mut blocks = Vec::new();
            for (n, byte) in stream.iter().enumerate() {
                parser.feed(&[*byte], &mut blocks).expect("short");
                assert_eq!(blocks.len(), usize::from(n >= last), "byte {n} of {stream:?}");
            }
        }
    }

    #[test]
    fn b15_a_line_of_a_megabyte() {
        let data = "x".repeat(1 << 20);
        let stream = format!("event: message\ndata: {data}\n\n:keepalive\n\n").into_bytes();
        for size in [1, 1000, 16 << 10, stream.len()] {
            let blocks = parse(stream.chunks(size));
            assert!(blocks == [message(&data), Block::KeepAlive], "chunks of {size}");
        }
    }

    #[test]
    fn long_lines_do_not_stay_in_memory() {
        let mut parser = Parser::default();
        let mut blocks = Vec::new();
        let line = [b"data: ", &vec![b'x'; 1 << 20][..]].concat();
        parser.feed(&line, &mut blocks).expect("within the limit");
        parser.feed(b"\n\n", &mut blocks).expect("within the limit");
        assert_eq!(blocks.len(), 1);
        assert!(parser.line.capacity() <= KEPT, "{}", parser.line.capacity());
    }

    #[test]
    fn the_limit_is_exact() {
        let rows: [(&str, Vec<Vec<u8>>, bool); 6] = [
            ("a line at the limit", vec![vec![b':'; LIMIT], b"\n\n".to_vec()], true),
            ("one byte more", vec![vec![b':'; LIMIT], b":".to_vec()], false),
            ("one byte more, with the line's end", vec![vec![b':'; LIMIT], b":\n\n".to_vec()], false),
            ("one byte more, in one chunk", vec![[vec![b':'; LIMIT + 1], b"\n\n".to_vec()].concat()], false),
            ("much more, without an end", vec![vec![b':'; 3 * LIMIT]], false),
            ("many lines", vec![[b"data: ", &vec![b'x'; 100_000][..], b"\n"].concat(); 90], false),
        ];
        for (name, chunks, fits) in rows {
            let mut parser = Parser::default();
            let mut blocks = Vec::new();
            let outcome = chunks.iter().try_for_each(|chunk| parser.feed(chunk, &mut blocks));
            assert_eq!(outcome, if fits { Ok(()) } else { Err(TooLong) }, "{name}");
            assert_eq!(blocks.len(), usize::from(fits), "{name}");
        }
    }

    #[test]
    fn what_came_before_the_limit_is_handed_out() {
        let mut blocks = Vec::new();
        let stream = [b"data: a\n\n:", &vec![b'x'; LIMIT][..]].concat();
        assert_eq!(Parser::default().feed(&stream, &mut blocks), Err(TooLong));
        assert_eq!(blocks, [message("a")]);
    }
}
