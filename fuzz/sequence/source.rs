//! Bytes as choices: what to do, with which numbers and texts. When they are used up, every choice is the first.

use std::ffi::c_char;
use std::ptr;

pub struct Source<'a>(&'a [u8]);

/// What calls are given as keys, flags, sets, treatments and types: most of it means something to them.
const WORDS: [&str; 16] = [
    "ann",
    "bob",
    "on",
    "off",
    "web",
    "mobile",
    "user",
    "checkout",
    "banner",
    "nested",
    "pattern",
    "text",
    "number",
    "list",
    "{\"text\":\"x\",\"number\":7,\"list\":[\"a\"]}",
    "",
];

const ODD: [&[u8]; 7] = [b" ", b"\xff", b"ann\xc3", b"a\0b", b"Zo\xc3\xab", b"not here", b"{\"a\":"];

const NUMBERS: [i64; 10] =
    [0, 1, -1, 42, 1_700_000_000, 1_700_000_000_123, i64::MAX, i64::MIN, 1 << 53, -62_135_596_800];

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Source(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn number(&mut self) -> i64 {
        self.pick(&NUMBERS)
    }

    /// How long to wait, in milliseconds.
    pub fn wait(&mut self) -> i64 {
        self.pick(&[0, 1, 4])
    }

    pub fn text(&mut self) -> Text {
        let kind = self.byte();
        Text(match kind {
            0..192 => Some(WORDS[usize::from(kind) % WORDS.len()].as_bytes().to_vec()),
            192..224 => Some(self.pick(&ODD).to_vec()),
            224..248 => {
                let length = self.below(24).min(self.0.len());
                let (text, rest) = self.0.split_at(length);
                self.0 = rest;
                Some(text.to_vec())
            }
            248..252 => Some(vec![b'x'; 200 * (self.below(4) + 1)]),
            252.. => None,
        })
    }

    pub fn texts(&mut self) -> Vec<Text> {
        (0..self.below(5)).map(|_| self.text()).collect()
    }

    /// Takes a part off, as a source of its own.
    pub fn part(&mut self) -> Source<'a> {
        let length = self.below(64).min(self.0.len());
        let (part, rest) = self.0.split_at(length);
        self.0 = rest;
        Source(part)
    }
}

/// A text or NULL, in memory that ends where it ends.
pub struct Text(Option<Vec<u8>>);

impl Text {
    /// Its bytes, for calls that are told the length.
    pub fn ptr(&self) -> *const c_char {
        self.0.as_ref().map_or(ptr::null(), |text| text.as_ptr().cast())
    }

    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, Vec::len)
    }

    /// The same with a NUL after it.
    pub fn terminated(mut self) -> Self {
        if let Some(text) = &mut self.0 {
            text.push(0);
            text.shrink_to_fit();
        }
        self
    }
}
