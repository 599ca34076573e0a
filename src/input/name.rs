//! What may be the name of a feature flag: any text that is not blank. White space around it is a slip of the keyboard.

use std::collections::HashSet;

use super::given::TARGET;
use super::text::{is_solid, same, shown, trim};
use super::{Given, Method};
use crate::logging::Logger;

/// From this many names on, a set finds duplicates faster than a look at every name.
const MANY: usize = 32;

/// Checks the name of a single flag, and trims it.
#[inline]
pub(crate) fn flag_name<'a>(given: Given<'a>, method: Method, log: &Logger) -> Option<&'a str> {
    match given {
        Given::Text(text) if is_plain_flag_name(text) => Some(text),
        _ => flag_name_after_a_look(given, method, log),
    }
}

/// Whether a name is certainly usable as it is, as nearly all are: there is no white space at its ends, and it is not
/// empty.
#[inline(always)]
pub(crate) fn is_plain_flag_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if is_solid(*first) && is_solid(*last))
}

#[cold]
#[inline(never)]
fn flag_name_after_a_look<'a>(given: Given<'a>, method: Method, log: &Logger) -> Option<&'a str> {
    let wanted = "pass a string that is not blank";
    let text = match given {
        Given::Text(text) => text,
        Given::Null => {
            log.error(TARGET, format_args!("{method}: the feature flag name is null; {wanted}"));
            return None;
        }
        Given::Integer(_) | Given::Float(_) | Given::NotText => {
            log.error(TARGET, format_args!("{method}: the feature flag name is not a string of valid UTF-8; {wanted}"));
            return None;
        }
    };
    let trimmed = trim(text);
    if trimmed.is_empty() {
        log.error(TARGET, format_args!("{method}: the feature flag name is empty; {wanted}"));
        return None;
    }
    if trimmed.len() != text.len() {
        log.warning(
            TARGET,
            format_args!(
                "{method}: the feature flag name {:?} has white space at its ends; it is used without",
                shown(trimmed)
            ),
        );
    }
    Some(trimmed)
}

/// Checks the names of a call for several flags: the usable ones, trimmed, each once, in order of first appearance.
/// An empty list stands also for what is no list.
pub(crate) fn flag_names<'a>(given: &[Given<'a>], method: Method, log: &Logger) -> Option<Vec<&'a str>> {
    let named = given.iter().filter(|given| !matches!(given, Given::Null));
    let names = distinct(given.len(), named.filter_map(|given| flag_name(*given, method, log)));
    if names.is_empty() {
        log.error(
            TARGET,
            format_args!("{method}: there is no feature flag name to evaluate; pass a list with at least one name"),
        );
        return None;
    }
    Some(names)
}

/// The name under which a call that is refused for another reason answers. Says nothing: the reason was logged.
pub(crate) fn usable_name(given: Given<'_>) -> Option<&str> {
    match given {
        Given::Text(text) => Some(trim(text)).filter(|name| !name.is_empty()),
        Given::Null | Given::Integer(_) | Given::Float(_) | Given::NotText => None,
    }
}

/// The names under which a call for several flags answers when it is refused for another reason.
pub(crate) fn usable_names<'a>(given: &[Given<'a>]) -> Vec<&'a str> {
    distinct(given.len(), given.iter().filter_map(|given| usable_name(*given)))
}

/// Says that a flag, though asked for, is not there. For SDKs that are ready only.
#[cold]
#[inline(never)]
pub(crate) fn unknown_flag(name: &str, method: Method, log: &Logger) {
    log.warning(
        TARGET,
        format_args!(
            "{method}: the feature flag {:?} does not exist in this environment; \
             check its name, and which environment the SDK key belongs to",
            shown(name)
        ),
    );
}

fn distinct<'a>(at_most: usize, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept = Vec::with_capacity(at_most);
    if at_most < MANY {
        for name in names {
            if !kept.iter().any(|known: &&str| same(known.as_bytes(), name.as_bytes())) {
                kept.push(name);
            }
        }
    } else {
        let mut seen = HashSet::with_capacity(at_most);
        kept.extend(names.filter(|name| seen.insert(*name)));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn names_keep_the_order_of_first_appearance_however_many() {
        for count in [3, MANY - 1, MANY, 10 * MANY] {
            let names: Vec<String> = (0..count).map(|n| format!("f{}", n % 3)).collect();
            let given: Vec<Given<'_>> = names.iter().map(|name| Given::Text(name)).collect();
            let expected = Some(vec!["f0", "f1", "f2"]);
            assert_eq!(flag_names(&given, Method::Treatments, &Logger::silent()), expected, "{count}");
        }
    }

    #[test]
    fn names_for_answers_of_refused_calls() {
        let given = [
            Given::Text(" b "),
            Given::Null,
            Given::Text("b"),
            Given::Integer(5),
            Given::Text("\t"),
            Given::NotText,
            Given::Text("a"),
        ];
        assert_eq!(usable_names(&given), ["b", "a"]);
    }

    #[test]
    fn a_complaint_names_the_method() {
        let (log, lines) = Logger::recording(Level::Debug);
        assert_eq!(flag_name(Given::Text(" f"), Method::Split, &log), Some("f"));
        assert_eq!(flag_name(Given::NotText, Method::TreatmentWithConfig, &log), None);
        unknown_flag("f", Method::Treatments, &log);
        let lines = lines.lines();
        let expected = [
            (Level::Warning, "split: "),
            (Level::Error, "get_treatment_with_config: "),
            (Level::Warning, "get_treatments: "),
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for ((level, line), (expected, start)) in lines.iter().zip(expected) {
            assert!(*level == expected && line.starts_with(start), "{line}");
        }
    }
}
