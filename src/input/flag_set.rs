//! What may be the name of a flag set. One rule for evaluations, for the filter in the settings and for local files.

use std::collections::BTreeSet;
use std::fmt;

use super::given::TARGET;
use super::text::trim;
use super::{Given, Method};
use crate::logging::Logger;

/// Checks the flag sets of a call: the usable names, lower-cased, sorted, each once. `None`: not a list.
pub(crate) fn flag_sets(given: Option<&[Given<'_>]>, method: Method, log: &Logger) -> Vec<String> {
    let Some(given) = given else {
        log.warning(TARGET, format_args!("{method}: the flag sets are not a list; pass a list of names"));
        return Vec::new();
    };
    let texts = given.iter().map(|given| match given {
        Given::Text(text) => Some(*text),
        Given::Null | Given::Integer(_) | Given::Float(_) | Given::NotText => None,
    });
    sanitise(texts, &method, TARGET, log)
}

/// The usable names, lower-cased, sorted, each once. `None` stands for what is not text; complaints begin with `place`.
pub(crate) fn sanitise<'a>(
    given: impl IntoIterator<Item = Option<&'a str>>,
    place: &dyn fmt::Display,
    target: &'static str,
    log: &Logger,
) -> Vec<String> {
    let names: BTreeSet<String> = given.into_iter().filter_map(|given| flag_set(given, place, target, log)).collect();
    names.into_iter().collect()
}

fn flag_set(given: Option<&str>, place: &dyn fmt::Display, target: &'static str, log: &Logger) -> Option<String> {
    let Some(text) = given else {
        log.error(target, format_args!("{place}: a flag set name is null or not text; pass a string"));
        return None;
    };
    let trimmed = trim(text);
    if trimmed.len() != text.len() {
        log.warning(
            target,
            format_args!("{place}: the flag set name {text:?} has white space at its ends; {trimmed:?} is used"),
        );
    }
    let name = trimmed.to_lowercase();
    if name != trimmed {
        log.warning(
            target,
            format_args!("{place}: the flag set name {trimmed:?} should be lower case; {name:?} is used"),
        );
    }
    if !is_flag_set(&name) {
        log.error(
            target,
            format_args!(
                "{place}: the flag set name {name:?} is not usable and is ignored; use 1 to 50 letters a-z, digits \
                 or underscores, of which the first is no underscore"
            ),
        );
        return None;
    }
    Some(name)
}

fn is_flag_set(name: &str) -> bool {
    let lower_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match name.as_bytes() {
        [first, rest @ ..] => {
            lower_or_digit(first) && rest.len() <= 49 && rest.iter().all(|byte| lower_or_digit(byte) || *byte == b'_')
        }
        [] => false,
    }
}
