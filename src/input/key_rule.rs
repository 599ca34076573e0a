//! What may be a key, by the rules of Split's SDKs: a text passes as it is, a number becomes one, and what cannot be
//! used is named in the log.

use std::borrow::Cow;

use super::given::TARGET;
use super::text::{is_blank, is_solid};
use super::{Given, Key, Method};
use crate::logging::Logger;

/// The longest key, in code points.
const MAX_LENGTH: usize = 250;

/// Usable keys of one call.
#[derive(Debug)]
pub(crate) struct KeyTexts<'a> {
    matching: Cow<'a, str>,
    bucketing: Option<Cow<'a, str>>,
}

impl KeyTexts<'_> {
    /// The keys as evaluations take them.
    #[inline]
    pub(crate) fn key(&self) -> Key<'_> {
        Key { matching: &self.matching, bucketing: self.bucketing.as_deref() }
    }
}

/// Checks the key of a call that knows no bucketing key.
#[inline]
pub(crate) fn key<'a>(given: Given<'a>, method: Method, log: &Logger) -> Option<Cow<'a, str>> {
    usable(given, "key", method, log)
}

/// Whether the keys of an evaluation are certainly usable, as nearly all are.
#[inline(always)]
pub(crate) fn is_plain_key(key: Key<'_>) -> bool {
    is_plain(key.matching) && key.bucketing.is_none_or(is_plain)
}

/// Checks the key, or the pair of keys, of an evaluation. `None` for `bucketing`: a key alone; a pair needs both.
pub(crate) fn keys<'a>(
    matching: Given<'a>,
    bucketing: Option<Given<'a>>,
    method: Method,
    log: &Logger,
) -> Option<KeyTexts<'a>> {
    match bucketing {
        None => Some(KeyTexts { matching: key(matching, method, log)?, bucketing: None }),
        Some(bucketing) => Some(KeyTexts {
            matching: usable(matching, "matching_key", method, log)?,
            bucketing: Some(usable(bucketing, "bucketing_key", method, log)?),
        }),
    }
}

#[inline]
fn usable<'a>(given: Given<'a>, what: &'static str, method: Method, log: &Logger) -> Option<Cow<'a, str>> {
    match given {
        Given::Text(text) if is_plain(text) => Some(Cow::Borrowed(text)),
        _ => usable_after_a_look(given, what, method, log),
    }
}

/// Whether a text is certainly neither too long nor blank. It has at least as many bytes as code points.
#[inline(always)]
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_LENGTH && text.as_bytes().first().is_some_and(|first| is_solid(*first))
}

#[cold]
#[inline(never)]
fn usable_after_a_look<'a>(given: Given<'a>, what: &str, method: Method, log: &Logger) -> Option<Cow<'a, str>> {
    let wanted = "pass a string of 1 to 250 characters";
    match (given, key_text(given)) {
        (Given::Text(text), _) if is_blank(text) => {
            log.error(TARGET, format_args!("{method}: {what} is empty; {wanted}"));
            None
        }
        (Given::Text(text), usable) => {
            let length = text.chars().count();
            if length > MAX_LENGTH {
                log.error(TARGET, format_args!("{method}: {what} is too long ({length} characters); {wanted}"));
                return None;
            }
            usable
        }
        (_, Some(number)) => {
            log.warning(TARGET, format_args!("{method}: {what} is a number and is used as text; pass a string"));
            Some(number)
        }
        (Given::Null, None) => {
            log.error(TARGET, format_args!("{method}: {what} is null; {wanted}"));
            None
        }
        (_, None) => {
            log.error(TARGET, format_args!("{method}: {what} is not a string of valid UTF-8; {wanted}"));
            None
        }
    }
}

/// The text of a key, be it usable or not: of a number, the text under which it is evaluated.
pub(crate) fn key_text(given: Given<'_>) -> Option<Cow<'_, str>> {
    match given {
        Given::Text(text) => Some(Cow::Borrowed(text)),
        Given::Integer(number) => Some(Cow::Owned(number.to_string())),
        Given::Float(number) if number.is_finite() => Some(Cow::Owned(float_text(number))),
        Given::Null | Given::Float(_) | Given::NotText => None,
    }
}

/// The shortest text that reads back as the same number, always with a point or an exponent. The notation is that of
/// Split's Python SDK: a user's bucket hangs on it.
fn float_text(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn numbers_as_keys() {
        for (number, text) in [
            (5.0, "5.0"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.25e300, "1.25e+300"),
        ] {
            let key = key(Given::Float(number), Method::Track, &Logger::silent());
            assert_eq!(key.as_deref(), Some(text), "{number:?}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(key(Given::Float(number), Method::Track, &Logger::silent()).is_none(), "{number:?}");
        }
    }

    #[test]
    fn white_space_at_the_ends_is_part_of_a_key() {
        for text in [" a", "a ", "\u{3000}a", "\u{feff}", "\u{200b}", "\0"] {
            let (log, lines) = Logger::recording(Level::Debug);
            assert_eq!(key(Given::Text(text), Method::Treatment, &log).as_deref(), Some(text), "{text:?}");
            assert_eq!(lines.lines(), [], "{text:?}");
        }
    }

    #[test]
    fn a_complaint_names_method_and_argument_but_not_the_key() {
        let (log, lines) = Logger::recording(Level::Debug);
        let long = "secret".repeat(100);
        assert!(keys(Given::Text("ann"), Some(Given::Text(&long)), Method::TreatmentsByFlagSet, &log).is_none());
        let lines = lines.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].1.starts_with("get_treatments_by_flag_set: bucketing_key is too long (600"), "{lines:?}");
        assert!(!lines[0].1.contains("secret"), "{lines:?}");
    }

    #[test]
    fn a_key_alone_has_no_bucketing_key() {
        let texts = keys(Given::Text("ann"), None, Method::Treatment, &Logger::silent()).expect("usable");
        assert_eq!((texts.key().matching, texts.key().bucketing), ("ann", None));
        let texts = keys(Given::Text("ann"), Some(Given::Text("b")), Method::Treatment, &Logger::silent());
        assert_eq!(texts.expect("usable").key().bucketing, Some("b"));
    }
}
