//! One JSON object, read one level deep: what stands below stays text until somebody needs it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::input::{members, read_text};

/// The members of an object, each name once.
#[derive(Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    pub(super) fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        let mut kept: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::new();
        for (name, value) in members(json)? {
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => kept.push((name, value)),
            }
        }
        Ok(Object(kept))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The value of a name; `None` when it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        (value.get() != "null").then_some(*value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}

/// The text of a JSON string; `None` for other JSON, and for half a surrogate pair, which is no text.
pub(super) fn text_of(value: &RawValue) -> Option<Cow<'_, str>> {
    if value.get().starts_with('"') { read_text(value.get()).ok() } else { None }
}

/// A whole number within 64 bits, however it is written: `5`, `5.0`, `5e0`.
pub(super) fn integer_of(value: &RawValue) -> Option<i64> {
    let text = value.get();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    // Digits alone that are no i64 lie outside, though the nearest double may not.
    if text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let within = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    (within && number.fract() == 0.0).then_some(number as i64)
}

/// The elements of an array.
pub(super) fn elements_of(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_equal_names_counts() {
        let object = Object::read(r#"{"a":1,"b":null,"\u0061":2}"#).expect("an object");
        assert_eq!(object.get("a").map(RawValue::get), Some("2"));
        assert!(object.has("b") && object.get("b").is_none() && !object.has("c"));
        assert_eq!(object.iter().count(), 2);
    }

    #[test]
    fn whole_numbers() {
        for (json, number) in [
            ("5", Some(5)),
            ("-1", Some(-1)),
            ("5.0", Some(5)),
            ("1e3", Some(1000)),
            ("5.5", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("9223372036854775807", Some(i64::MAX)),
            ("1e30", None),
            (r#""5""#, None),
            ("true", None),
            ("[5]", None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).expect(json);
            assert_eq!(integer_of(raw), number, "{json}");
        }
    }
}
