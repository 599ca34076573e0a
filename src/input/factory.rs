//! What is said when a factory is asked for.
//!
//! Two mistakes are common and cost an afternoon each: a key that is none, and a factory for each request.

use std::fmt;

use super::Given;
use super::given::TARGET;
use super::text::is_blank;
use crate::logging::Logger;

/// The key that stands for no backend at all.
const LOCALHOST: &str = "localhost";

/// What an SDK key asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SdkKey<'a> {
    /// Local files instead of a backend.
    Localhost,
    /// The environment of this key. A secret: it is in no message.
    Environment(&'a str),
}

impl fmt::Debug for SdkKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SdkKey::Localhost => "Localhost",
            SdkKey::Environment(_) => "Environment(***)",
        })
    }
}

/// Checks an SDK key.
pub(crate) fn sdk_key<'a>(given: Given<'a>, log: &Logger) -> Option<SdkKey<'a>> {
    let wrong = match given {
        Given::Text(LOCALHOST) => return Some(SdkKey::Localhost),
        Given::Text(text) if !is_blank(text) => return Some(SdkKey::Environment(text)),
        Given::Text(_) => "empty",
        Given::Null => "null",
        Given::Integer(_) | Given::Float(_) | Given::NotText => "not a string of valid UTF-8",
    };
    log.error(
        TARGET,
        format_args!("factory: the SDK key is {wrong}; pass a server-side SDK key, or \"localhost\" for local files"),
    );
    None
}

/// Warns of factories that live already: `same_key` with the key asked for, `other_keys` with others.
pub(crate) fn other_factories(same_key: usize, other_keys: usize, log: &Logger) {
    if same_key > 0 {
        let factories = if same_key == 1 { "is 1 factory" } else { "are several factories" };
        log.warning(
            TARGET,
            format_args!(
                "factory: there {factories} with this SDK key already ({same_key}); keep a single one and reuse it"
            ),
        );
    } else if other_keys > 0 {
        log.warning(
            TARGET,
            format_args!(
                "factory: there is another factory already ({other_keys}), with another SDK key; \
                 make sure that this is intended"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn sdk_keys() {
        for (given, expected) in [
            (Given::Text("localhost"), Some(SdkKey::Localhost)),
            (Given::Text("Localhost"), Some(SdkKey::Environment("Localhost"))),
            (Given::Text(" k "), Some(SdkKey::Environment(" k "))),
            (Given::Text("\t"), None),
            (Given::Text(""), None),
            (Given::Null, None),
            (Given::NotText, None),
            (Given::Integer(5), None),
        ] {
            let (log, lines) = Logger::recording(Level::Debug);
            assert_eq!(sdk_key(given, &log), expected, "{given:?}");
            assert_eq!(lines.count(Level::Error), usize::from(expected.is_none()), "{given:?}");
        }
    }

    #[test]
    fn the_same_key_is_the_graver_case() {
        for (same, other, expected) in
            [(0, 0, None), (1, 3, Some("single one")), (2, 0, Some("(2)")), (0, 1, Some("intended"))]
        {
            let (log, lines) = Logger::recording(Level::Debug);
            other_factories(same, other, &log);
            let lines = lines.lines();
            match expected {
                None => assert_eq!(lines, []),
                Some(text) => {
                    assert!(matches!(&lines[..], [(Level::Warning, line)] if line.contains(text)), "{lines:?}");
                }
            }
        }
    }
}
