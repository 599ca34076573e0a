//! What may be an event: its traffic type, its type, its value. The key and the properties have their own files.

use std::borrow::Cow;

use super::given::TARGET;
use super::text::{is_blank, shown};
use super::{Given, Method, Refused};
use crate::logging::Logger;

const METHOD: Method = Method::Track;

/// Checks the traffic type of an event and lower-cases it; it is not trimmed. `is_known` is asked about the result, and
/// answers yes as long as nobody can know: an SDK that is not ready, or that reads local files.
pub(crate) fn traffic_type<'a>(
    given: Given<'a>,
    is_known: impl FnOnce(&str) -> bool,
    log: &Logger,
) -> Option<Cow<'a, str>> {
    let text = text_of(given, "traffic type", log)?;
    let name = if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        let lower = text.to_lowercase();
        if lower == text { Cow::Borrowed(text) } else { Cow::Owned(lower) }
    };
    if matches!(name, Cow::Owned(_)) {
        log.warning(
            TARGET,
            format_args!("{METHOD}: the traffic type {:?} should be lower case, as which it is used", shown(text)),
        );
    }
    if !is_known(&name) {
        log.warning(
            TARGET,
            format_args!(
                "{METHOD}: no feature flag of this environment has the traffic type {:?}; \
                 check its name, and which environment the SDK key belongs to",
                shown(&name)
            ),
        );
    }
    Some(name)
}

/// Checks the type of an event.
pub(crate) fn event_type<'a>(given: Given<'a>, log: &Logger) -> Option<&'a str> {
    let text = text_of(given, "event type", log)?;
    if !is_event_type(text) {
        log.error(
            TARGET,
            format_args!(
                "{METHOD}: the event type {:?} is not usable; pass 1 to 80 letters a-z or A-Z, digits, hyphens, \
                 underscores, dots or colons, of which the first is a letter or digit",
                shown(text)
            ),
        );
        return None;
    }
    Some(text)
}

/// Checks the value of an event: any finite number, or none.
pub(crate) fn event_value(given: Given<'_>, log: &Logger) -> Result<Option<f64>, Refused> {
    match given {
        Given::Null => Ok(None),
        // The backend takes it as a double anyway.
        Given::Integer(number) => Ok(Some(number as f64)),
        Given::Float(number) if number.is_finite() => Ok(Some(number)),
        Given::Float(_) | Given::Text(_) | Given::NotText => {
            log.error(TARGET, format_args!("{METHOD}: the value is not a finite number; pass one, or none"));
            Err(Refused)
        }
    }
}

fn text_of<'a>(given: Given<'a>, what: &str, log: &Logger) -> Option<&'a str> {
    let wrong = match given {
        Given::Text(text) if !is_blank(text) => return Some(text),
        Given::Text(_) => "empty",
        Given::Null => "null",
        Given::Integer(_) | Given::Float(_) | Given::NotText => "not a string of valid UTF-8",
    };
    log.error(TARGET, format_args!("{METHOD}: the {what} is {wrong}; pass a string that is not blank"));
    None
}

/// 80, as in the code of all official SDKs; their guide still says 63, and no colons.
fn is_event_type(text: &str) -> bool {
    match text.as_bytes() {
        [first, rest @ ..] => {
            first.is_ascii_alphanumeric()
                && rest.len() <= 79
                && rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn traffic_types_are_lower_cased_beyond_ascii_too() {
        for (given, expected, warnings) in
            [("Ünï", "ünï", 1), ("ünï", "ünï", 0), ("user", "user", 0), ("日本", "日本", 0)]
        {
            let (log, lines) = Logger::recording(Level::Debug);
            assert_eq!(traffic_type(Given::Text(given), |_| true, &log).as_deref(), Some(expected), "{given}");
            assert_eq!(lines.count(Level::Warning), warnings, "{given}");
        }
    }

    #[test]
    fn values_are_finite() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let (log, lines) = Logger::recording(Level::Debug);
            assert_eq!(event_value(Given::Float(number), &log), Err(Refused), "{number}");
            assert_eq!(lines.count(Level::Error), 1, "{number}");
        }
    }
}
