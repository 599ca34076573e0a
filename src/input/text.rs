//! White space as the validation rules mean it, and other small questions about texts.
//!
//! Not `str::trim`: Split's Python SDK takes four more characters for white space, and the SDKs of one environment have
//! to read a name alike.

/// Whether trimming removes it: Unicode's White_Space, and the four separators that Split's Python SDK strips too. The
/// byte order mark and the zero width space are neither.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The text without white space at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Whether nothing but white space is in it.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// As much of a text as a message needs: a name may be a megabyte long.
pub(crate) fn shown(text: &str) -> &str {
    text.char_indices().nth(100).map_or(text, |(end, _)| &text[..end])
}

/// Whether it is certainly no white space: a printable ASCII character. The answer for nearly every key and name.
#[inline]
pub(super) fn is_solid(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
}

/// Whether two texts are the same. Names are short: two overlapping loads answer for them, where a call of `memcmp` costs
/// more than the comparison, several times in each evaluation.
#[inline(always)]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        4..=7 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        // The first, the middle and the last byte are all there are.
        1..=3 => [0, a.len() / 2, a.len() - 1].iter().all(|&at| a[at] == b[at]),
        0 => true,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_is_told_from_one_that_differs_in_any_byte() {
        for len in 0..40 {
            let text = vec![b'x'; len];
            assert!(same(&text, &text.clone()), "{len}");
            assert!(!same(&text, &vec![b'x'; len + 1]), "{len}");
            for place in 0..len {
                let mut other = text.clone();
                other[place] = b'y';
                assert!(!same(&text, &other), "{place} of {len}");
            }
        }
    }

    #[test]
    fn what_trimming_removes() {
        for (text, trimmed) in [
            ("", ""),
            ("a", "a"),
            (" \t\n\u{b}\u{c}\ra\u{1c}\u{1d}\u{1e}\u{1f}", "a"),
            ("\u{85}\u{a0}\u{1680}\u{2000}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}", ""),
            ("\u{feff}a\u{200b}", "\u{feff}a\u{200b}"),
            ("a b", "a b"),
            ("\u{1b}\0", "\u{1b}\0"),
        ] {
            assert_eq!(trim(text), trimmed, "{text:?}");
            assert_eq!(is_blank(text), trimmed.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn messages_show_whole_characters() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(300)), "é".repeat(100));
    }

    #[test]
    fn nothing_solid_is_space() {
        for byte in 0..=u8::MAX {
            assert!(!(is_solid(byte) && is_space(char::from(byte))), "{byte}");
        }
    }
}
