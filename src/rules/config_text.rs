//! Texts of treatments' configurations.
//!
//! They may be large and they change, so unlike treatments they are not kept for ever: whoever shows one to a C caller
//! holds an `Arc` of it. The final NUL is stored with the text, so that nothing is copied for C.

use std::fmt;
use std::sync::Arc;

/// A configuration. It may contain U+0000; [`ConfigText::len`] counts it.
pub struct ConfigText {
    text_and_nul: Box<str>,
}

impl ConfigText {
    /// Keeps a copy of the text.
    pub fn new(text: &str) -> Arc<Self> {
        let mut owned = String::with_capacity(text.len() + 1);
        owned.push_str(text);
        owned.push('\0');
        Arc::new(ConfigText { text_and_nul: owned.into_boxed_str() })
    }

    /// The text, without its final NUL.
    pub fn as_str(&self) -> &str {
        &self.text_and_nul[..self.len()]
    }

    /// Its first byte; a NUL follows the last one. Valid as long as this object.
    pub fn as_ptr(&self) -> *const u8 {
        self.text_and_nul.as_ptr()
    }

    /// Length in bytes, without the final NUL.
    pub fn len(&self) -> usize {
        self.text_and_nul.len() - 1
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for ConfigText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_follows_and_inner_ones_count() {
        for text in ["", "{}", "a\0b", "é"] {
            let config = ConfigText::new(text);
            assert_eq!((config.as_str(), config.len(), config.is_empty()), (text, text.len(), text.is_empty()));
            assert_eq!(config.text_and_nul.as_bytes().last(), Some(&0), "{text:?}");
        }
    }
}
