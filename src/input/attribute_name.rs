//! The name of an attribute, made ready to be looked for.
//!
//! A set holds a handful of values, and a matcher goes through their names. Comparing those as texts would be a third of
//! what a rule about two attributes costs; comparing a number made of each of them leaves one text to compare, and none
//! of those that are up to eight bytes long.

/// A name and its digest.
#[derive(Clone, Debug)]
pub(crate) struct AttributeName {
    digest: u64,
    text: Box<str>,
}

impl AttributeName {
    pub(crate) fn new(name: &str) -> Self {
        AttributeName { digest: digest(name), text: name.into() }
    }

    /// The name itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    #[inline(always)]
    pub(super) fn digest(&self) -> u64 {
        self.digest
    }
}

/// Names up to this length are told apart by length and digest alone.
pub(super) const TOLD_APART: usize = 8;

/// A number that is the same for equal names.
#[inline(always)]
pub(super) fn digest(name: &str) -> u64 {
    let bytes = name.as_bytes();
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    // Three at most.
    bytes.iter().fold(0, |digest, &byte| digest << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_names_of_a_length_have_digests_of_their_own() {
        for len in 0..=TOLD_APART {
            let plain = vec![b'a'; len];
            let changed = (0..len).flat_map(|place| (b'b'..=b'z').map(move |byte| (place, byte)));
            let mut digests = HashSet::from([digest(&"a".repeat(len))]);
            for (place, byte) in changed {
                let mut name = plain.clone();
                name[place] = byte;
                let name = String::from_utf8(name).expect("ASCII");
                assert!(digests.insert(digest(&name)), "{name}");
            }
        }
    }
}
