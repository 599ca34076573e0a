//! The file of a segment: a delta of keys, like an answer of the backend.
//!
//! Reading it and deciding whether to apply it are two steps: most looks find the file as it was.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::digest::{Digest, Digester};
use super::json::{leads_back, number};
use super::{LocalhostError, TARGET};
use crate::input::is_blank;
use crate::logging::Logger;

/// A file's content; keys without escapes are borrowed from its text.
#[derive(Debug)]
pub(crate) struct SegmentDocument<'a> {
    /// Keys that join.
    pub(crate) added: Vec<Cow<'a, str>>,
    /// Keys that leave, also those in `added`.
    pub(crate) removed: Vec<Cow<'a, str>>,
    /// The change number that the file continues from.
    pub(crate) since: i64,
    /// The change number that the file leads to.
    pub(crate) till: i64,
    /// To be kept once the file is applied.
    pub(crate) digest: Digest,
}

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is new.
    Apply,
    /// It was applied already.
    Unchanged,
    /// It leads to a change number below the stored one.
    Older,
}

impl<'a> SegmentDocument<'a> {
    /// Reads the text of the file of the segment `name`.
    pub(crate) fn read(text: &'a str, name: &str, log: &Logger) -> Result<Self, LocalhostError> {
        let file: File<'a> = serde_json::from_str(text).map_err(LocalhostError::Json)?;
        match file.name {
            None => return Err(LocalhostError::NoSegmentName),
            Some(found) if is_blank(&found) => return Err(LocalhostError::NoSegmentName),
            Some(found) if found != name => {
                return Err(LocalhostError::OtherSegment { found, wanted: name.to_owned() });
            }
            Some(_) => {}
        }
        let fits = |till: &i64| *till > 0;
        let till = number(file.till, "till")?.filter(fits).unwrap_or(-1);
        let since = number(file.since, "since")?;
        let since = since.filter(|since| *since == -1 || (1..=till).contains(since)).unwrap_or(till);
        let (added, removed) = (file.added.unwrap_or_default(), file.removed.unwrap_or_default());
        let dropped = added.others + removed.others;
        if dropped > 0 {
            log.warning(TARGET, format_args!("segment {name:?}: {dropped} keys are not text and are left out"));
        }
        let mut digester = Digester::new();
        digester.number(since);
        digester.number(till);
        for list in [&added.texts, &removed.texts] {
            digester.number(list.len() as i64);
            list.iter().for_each(|key| digester.text(key));
        }
        Ok(SegmentDocument { added: added.texts, removed: removed.texts, since, till, digest: digester.finish() })
    }

    /// What to do with the file, given the one that was `last` applied and the stored change number.
    pub(crate) fn verdict(&self, last: Option<&Digest>, stored: i64) -> Verdict {
        if last == Some(&self.digest) {
            Verdict::Unchanged
        } else if leads_back(self.till, stored) {
            Verdict::Older
        } else {
            Verdict::Apply
        }
    }
}

#[derive(Deserialize)]
struct File<'a> {
    name: Option<String>,
    #[serde(borrow)]
    added: Option<Keys<'a>>,
    #[serde(borrow)]
    removed: Option<Keys<'a>>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    till: Option<&'a RawValue>,
}

/// The texts of a list, and how much else was in it.
#[derive(Default)]
struct Keys<'a> {
    texts: Vec<Cow<'a, str>>,
    others: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut keys = Keys::default();
                while let Some(item) = list.next_element::<Item<'de>>()? {
                    match item.0 {
                        Some(text) => keys.texts.push(text),
                        None => keys.others += 1,
                    }
                }
                Ok(keys)
            }
        }
        deserializer.deserialize_seq(KeysVisitor)
    }
}

/// A text, or something else.
struct Item<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemVisitor;
        impl<'de> Visitor<'de> for ItemVisitor {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Item(Some(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Item(Some(Cow::Owned(text.to_owned()))))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Item(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Item(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Item(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Item(None))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Item(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Item(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Item(None))
            }
        }
        deserializer.deserialize_any(ItemVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn what_is_not_text_is_left_out_with_one_warning() {
        let text =
            r#"{"name":"s","added":["a",1,null,"\u0062",[["x"]],{"y":"z"},true,1.5,-3],"removed":["c",{}],"till":3}"#;
        let (log, lines) = Logger::recording(Level::Debug);
        let document = SegmentDocument::read(text, "s", &log).expect("a segment");
        assert_eq!((&document.added[..], &document.removed[..]), (&["a".into(), "b".into()][..], &["c".into()][..]));
        assert!(matches!(document.added[..], [Cow::Borrowed(_), Cow::Owned(_)]));
        let lines = lines.lines();
        assert!(matches!(&lines[..], [(Level::Warning, line)] if line.contains(" 8 keys")), "{lines:?}");
    }

    #[test]
    fn files_of_the_wrong_form_say_why() {
        for (text, reason) in [
            (r#"{"name":"t"}"#, r#""t" instead of "s""#),
            (r#"{"name":"s","added":"x"}"#, "a list of keys"),
            (r#"{"name":"s","removed":{}}"#, "a list of keys"),
            (r#"{"name":"s","till":"x"}"#, "till is not"),
            (r#"{"name":"s","since":1.5}"#, "since is not"),
            (r#"{"name":5}"#, "JSON"),
            ("[]", "JSON"),
            (r#"{"name":" "}"#, "name"),
        ] {
            let error = SegmentDocument::read(text, "s", &Logger::silent()).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn change_numbers_are_made_to_fit() {
        for (since, till, expected) in [
            ("-1", "5", (-1, 5)),
            ("0", "5", (5, 5)),
            ("4", "5", (4, 5)),
            ("6", "5", (5, 5)),
            ("-2", "5", (5, 5)),
            ("null", "0", (-1, -1)),
            ("3", "-9", (-1, -1)),
        ] {
            let text = format!(r#"{{"name":"s","since":{since},"till":{till}}}"#);
            let document = SegmentDocument::read(&text, "s", &Logger::silent()).expect(&text);
            assert_eq!((document.since, document.till), expected, "{text}");
        }
    }
}
