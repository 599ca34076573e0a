//! Attributes as JSON, and JSON as attributes.
//!
//! Numbers are read as text before anything decides what they are: a whole number beyond 64 bits stays whole, which
//! `serde_json::Value` would make a float. So values are cut out as text, and each is read by its first character.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Attributes, AttributesError, MANY, Stored, Value, short};

impl Attributes {
    /// Reads a set from a JSON object.
    pub fn from_json(json: &str) -> Result<Self, AttributesError> {
        let mut set = Attributes::new();
        set.merge_json(json)?;
        Ok(set)
    }

    /// Sets every member of a JSON object, whose values may be any JSON. All of them or, on failure, none.
    pub fn merge_json(&mut self, json: &str) -> Result<(), AttributesError> {
        self.tidy()?;
        let members = members(json).map_err(|cause| AttributesError::NotAnObject { cause })?;
        // Everything is read before anything is set: a lone surrogate in the last value must not leave half a set behind.
        let read: Vec<_> = self.all_or_none(|set| {
            members.into_iter().map(|(name, raw)| Ok((name, set.read(raw, true)?))).collect::<Result<_, _>>()
        })?;
        if read.len() > MANY {
            return self.put_all(read);
        }
        read.into_iter().try_for_each(|(name, stored)| self.put(&name, stored))
    }

    /// The set as a compact JSON object, names in the order they were first set. NaN and infinities, which JSON lacks, become null.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.arena.len() + 16 * self.entries.len() + 2);
        out.push('{');
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_json_text(&mut out, name);
            out.push(':');
            push_json(&mut out, value);
        }
        out.push('}');
        out
    }

    /// Reads one JSON value whose syntax is known to be right. Arrays inside arrays are kept as their text.
    fn read(&mut self, raw: &RawValue, outermost: bool) -> Result<Stored, AttributesError> {
        let text = raw.get();
        let not_an_object = |cause| AttributesError::NotAnObject { cause };
        Ok(match text.as_bytes().first() {
            Some(b'"') => {
                let text: Cow<'_, str> = read_text(text).map_err(not_an_object)?;
                Stored::Text(self.keep(&text)?)
            }
            Some(b't') => Stored::Bool(true),
            Some(b'f') => Stored::Bool(false),
            Some(b'n') => Stored::Null,
            Some(b'[') if outermost => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(not_an_object)?;
                let elements: Vec<Stored> =
                    elements.into_iter().map(|element| self.read(element, false)).collect::<Result<_, _>>()?;
                let first = short(self.items.len())?;
                let len = short(elements.len())?;
                self.items.extend(elements);
                Stored::List { first, len }
            }
            Some(b'[' | b'{') => Stored::Object(self.keep(text)?),
            _ => self.read_number(text)?,
        })
    }

    fn read_number(&mut self, text: &str) -> Result<Stored, AttributesError> {
        if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            // JSON numbers are a subset of what Rust reads; too large ones become infinities, as in Python.
            return Ok(Stored::Float(text.parse().unwrap_or(f64::NAN)));
        }
        match text.parse::<i64>() {
            Ok(number) => Ok(Stored::Integer(number)),
            Err(_) => Ok(Stored::BigInteger(self.keep(text)?)),
        }
    }
}

/// The text of a JSON string, given with its quotes, whose syntax is known to be right.
pub(crate) fn read_text(text: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(plain) if memchr::memchr(b'\\', plain.as_bytes()).is_none() => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(text).map(Cow::Owned),
    }
}

/// The members of a JSON object, values as their text. A name may come more than once; the last one counts.
pub(crate) fn members(json: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, serde_json::Error> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                members.push((read_text(name.get()).map_err(A::Error::custom)?, value));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    let members = reader.deserialize_map(Members)?;
    reader.end()?;
    Ok(members)
}

/// Appends a value. NaN and infinities become null.
pub(crate) fn push_json(out: &mut String, value: Value<'_>) {
    match value {
        Value::Text(text) => push_json_text(out, text),
        // Writing to a String does not fail.
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::BigInteger(text) | Value::Object(text) => out.push_str(text),
        Value::Float(number) if number.is_finite() => drop(write!(out, "{number:?}")),
        Value::Float(_) | Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_json(out, item);
            }
            out.push(']');
        }
    }
}

/// Appends a JSON string: quoted, with what JSON forbids escaped.
pub(crate) fn push_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_back_as_it_was() {
        for json in [
            r#"{}"#,
            r#"{"a":1}"#,
            r#"{"a":-9223372036854775808,"b":9223372036854775808,"c":1.5,"d":1e300}"#,
            r#"{"t":"x\"\\\n\u0001é","u":["a",1,null,true,[1,[2]],{"k":"v"}],"o":{"x":{"y":[]}},"n":null}"#,
        ] {
            let expected: serde_json::Value = serde_json::from_str(json).expect(json);
            let set = Attributes::from_json(json).expect(json);
            let actual: serde_json::Value = serde_json::from_str(&set.to_json()).expect(json);
            assert_eq!(actual, expected, "{json}");
        }
    }

    #[test]
    fn whole_numbers_beyond_64_bits_stay_whole() {
        let set = Attributes::from_json(r#"{"n":123456789012345678901234567890}"#).expect("an object");
        assert!(matches!(set.get("n"), Some(Value::BigInteger("123456789012345678901234567890"))));
    }

    #[test]
    fn what_is_no_object_changes_nothing() {
        for json in [
            "",
            "[]",
            "1",
            "null",
            "{",
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":01}"#,
            r#"{"b":1,"a":"\ud800"}"#,
            "{'a':1}",
        ] {
            let mut set = Attributes::from_json(r#"{"kept":1}"#).expect("an object");
            assert!(set.merge_json(json).is_err(), "{json}");
            assert_eq!(set.to_json(), r#"{"kept":1}"#, "{json}");
        }
    }
}
