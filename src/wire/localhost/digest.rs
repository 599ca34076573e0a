//! Whether the content of a file is still the one that was applied.
//!
//! Files are looked at every few seconds, and a change number in them may stand still: without this each look would be
//! an update. Times of files are no help, as they stand still too where files are swapped or copied.

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// SHA-256 of what matters of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Digest([u8; 32]);

/// Adds up a digest from parts. Each part is fenced, so that moving text from one to the next changes the result.
pub(super) struct Digester(Sha256);

impl Digester {
    pub(super) fn new() -> Self {
        Digester(Sha256::new())
    }

    pub(super) fn number(&mut self, number: i64) {
        self.0.update(number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.update(text.len().to_le_bytes());
        self.0.update(text);
    }

    /// JSON without the white space between its tokens: a file that was only laid out anew has not changed.
    pub(super) fn json(&mut self, json: Option<&RawValue>) {
        let text = json.map_or("null", RawValue::get);
        let mut inside = false;
        let mut escaped = false;
        for piece in text.split(|c: char| {
            let was_inside = inside;
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = inside,
                '"' => inside = !inside,
                _ => {}
            }
            !was_inside && c.is_ascii_whitespace()
        }) {
            self.0.update(piece);
        }
        // No JSON value ends with it.
        self.0.update(b"\n");
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(json: &str) -> Digest {
        let raw: &RawValue = serde_json::from_str(json).expect(json);
        let mut digester = Digester::new();
        digester.json(Some(raw));
        digester.finish()
    }

    #[test]
    fn layout_does_not_count_and_content_does() {
        let same = r#"{"a b":["x\" y\\",1,{}]}"#;
        for layout in [r#"{ "a b" : [ "x\" y\\" , 1 , { } ] }"#, "{\n\t\"a b\":\r\n[\"x\\\" y\\\\\",1,{}]}"] {
            assert_eq!(digest(layout), digest(same), "{layout}");
        }
        for other in [
            r#"{"ab":["x\" y\\",1,{}]}"#,
            r#"{"a b":["x\"y\\",1,{}]}"#,
            r#"{"a b":["x\" y\\",10,{}]}"#,
            r#"{"a b":[]}"#,
        ] {
            assert_ne!(digest(other), digest(same), "{other}");
        }
    }
}
