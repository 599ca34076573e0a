//! Members of JSON objects, read one by one.
//!
//! Not derived structures: those refuse the whole document when a member that nobody needs is null or of another type,
//! and take a list for an object. Here each reader says itself what it cannot do without.

use serde_json::{Map, Value};

/// The member as a text that is not empty. Taken out rather than copied: payloads can be long.
pub(super) fn take_text(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    match object.get_mut(name).map(Value::take) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The member as a whole number of 64 bits.
pub(super) fn whole(object: &Map<String, Value>, name: &str) -> Option<i64> {
    object.get(name).and_then(Value::as_i64)
}
