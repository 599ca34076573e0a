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
    let names: BTreeSet<String> =
        given.iter().filter_map(|given| flag_set(*given, TARGET, format_args!("{method}"), log)).collect();
    names.into_iter().collect()
}

/// Checks one name; `place` begins its complaints.
pub(crate) fn flag_set(
    given: Given<'_>,
    target: &'static str,
    place: fmt::Arguments<'_>,
    log: &Logger,
) -> Option<String> {
    let Given::Text(text) = given else {
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
