//! Properties of events and impressions, and the reading of JSON that a caller passes for properties or attributes.

use super::attributes::push_json;
use super::given::TARGET;
use super::text::shown;
use super::{Attributes, AttributesError, Given, Method, Value, push_json_text};
use crate::logging::Logger;

/// What an event weighs before its properties, in code points.
const BASE_SIZE: usize = 1024;
/// The heaviest event, in code points.
const MAX_SIZE: usize = 32_768;
/// More properties than this are suspicious, but all are kept.
const MANY: usize = 300;

/// Properties fit to be sent.
#[derive(Debug)]
pub(crate) struct Properties {
    /// A JSON object in the order given, with null for every value that cannot be sent; `None` if there are none.
    pub(crate) json: Option<String>,
    /// What an event with them weighs: 1024 plus the lengths of names and texts, in code points.
    pub(crate) size: usize,
}

impl Properties {
    /// No properties.
    pub(crate) fn none() -> Self {
        Properties { json: None, size: BASE_SIZE }
    }
}

/// Why there are no properties. The log already says so: an event is refused then, an evaluation goes on without.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PropertiesError {
    /// Not a JSON object.
    #[error("the properties are not a map")]
    NotAMap(#[source] Option<AttributesError>),
    /// Heavier than 32,768.
    #[error("the properties weigh {size} characters, which is more than {MAX_SIZE}")]
    TooLarge {
        /// What was added up until it was too much.
        size: usize,
    },
}

/// Reads attributes given as JSON. `Ok(None)` if nothing was given.
pub(crate) fn attributes(
    json: Given<'_>,
    method: Method,
    log: &Logger,
) -> Result<Option<Attributes>, Option<AttributesError>> {
    read(json, "attributes", method, log)
}

/// Reads and checks properties given as JSON; nothing given is no properties.
pub(crate) fn properties_from_json(
    json: Given<'_>,
    method: Method,
    log: &Logger,
) -> Result<Properties, PropertiesError> {
    match read(json, "properties", method, log).map_err(PropertiesError::NotAMap)? {
        Some(set) => properties(&set, method, log),
        None => Ok(Properties::none()),
    }
}

/// Checks properties, and makes them what is sent.
pub(crate) fn properties(set: &Attributes, method: Method, log: &Logger) -> Result<Properties, PropertiesError> {
    if set.is_empty() {
        return Ok(Properties::none());
    }
    let mut size = BASE_SIZE;
    let mut json = String::from("{");
    for (name, value) in set.iter() {
        size += name.chars().count();
        let value = match value {
            Value::Text(text) => {
                size += text.chars().count();
                value
            }
            Value::Integer(_) | Value::BigInteger(_) | Value::Bool(_) | Value::Null => value,
            Value::Float(number) if number.is_finite() => value,
            Value::Float(_) | Value::List(_) | Value::Object(_) => {
                log.warning(
                    TARGET,
                    format_args!(
                        "{method}: the property {:?} becomes null; pass a string, a finite number or a boolean",
                        shown(name)
                    ),
                );
                Value::Null
            }
        };
        if size > MAX_SIZE {
            log.error(
                TARGET,
                format_args!(
                    "{method}: the properties are too large: {size} characters with the {BASE_SIZE} of an event \
                     without, {MAX_SIZE} are allowed; pass fewer or shorter ones"
                ),
            );
            return Err(PropertiesError::TooLarge { size });
        }
        if json.len() > 1 {
            json.push(',');
        }
        push_json_text(&mut json, name);
        json.push(':');
        push_json(&mut json, value);
    }
    json.push('}');
    if set.len() > MANY {
        log.warning(
            TARGET,
            format_args!("{method}: {} properties are more than the {MANY} that can be looked at later", set.len()),
        );
    }
    Ok(Properties { json: Some(json), size })
}

fn read(
    json: Given<'_>,
    what: &str,
    method: Method,
    log: &Logger,
) -> Result<Option<Attributes>, Option<AttributesError>> {
    match json {
        Given::Null => Ok(None),
        Given::Text(json) => Attributes::from_json(json).map(Some).map_err(|error| {
            // Not the reader's own words: they may quote the text, and with it what the host knows about its users.
            match &error {
                AttributesError::NotAnObject { cause } => log.error(
                    TARGET,
                    format_args!(
                        "{method}: the {what} cannot be read from line {}, column {} on; pass a JSON object",
                        cause.line(),
                        cause.column()
                    ),
                ),
                AttributesError::TooLarge => log.error(TARGET, format_args!("{method}: the {what}: {error}")),
            }
            Some(error)
        }),
        Given::Integer(_) | Given::Float(_) | Given::NotText => {
            log.error(TARGET, format_args!("{method}: the {what} are not a string of valid UTF-8; pass a JSON object"));
            Err(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    #[test]
    fn what_cannot_be_sent_becomes_null_with_a_warning() {
        let mut set = Attributes::from_json(r#"{"z":"x","l":[1],"o":{"k":1},"n":null,"i":12345678901234567890123}"#)
            .expect("an object");
        set.set_float("nan", f64::NAN).expect("small");
        set.set_float("f", 2.5).expect("small");
        set.set_bool("a\"", true).expect("small");
        let (log, lines) = Logger::recording(Level::Debug);
        let properties = properties(&set, Method::Treatment, &log).expect("small");
        let expected =
            r#"{"z":"x","l":null,"o":null,"n":null,"i":12345678901234567890123,"nan":null,"f":2.5,"a\"":true}"#;
        assert_eq!(properties.json.as_deref(), Some(expected));
        assert_eq!(properties.size, 1024 + 12);
        assert_eq!((lines.count(Level::Warning), lines.lines().len()), (3, 3), "{:?}", lines.lines());
    }

    #[test]
    fn complaints_do_not_show_values() {
        let (log, lines) = Logger::recording(Level::Debug);
        assert!(attributes(Given::Text(r#"{"a":"secret""#), Method::Treatment, &log).is_err());
        assert!(properties_from_json(Given::Text(r#""secret""#), Method::Track, &log).is_err());
        assert!(attributes(Given::NotText, Method::Treatment, &log).is_err());
        let lines = lines.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|(level, line)| *level == Level::Error && !line.contains("secret")), "{lines:?}");
    }
}
