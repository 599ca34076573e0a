//! The forms in which matchers see a value: text, whole number, truth, and what JSON text looks like.
//!
//! They are those of Split's Python SDK, whose `str` and `json.dumps` show in the text of numbers, arrays and objects.
//! Text and whole numbers, the usual attributes, are looked at without an allocation.

use std::fmt::Write as _;

use crate::input::Value;

/// Shows the text form of a value to a closure; `None` when there is no value.
pub(crate) fn with_text<R>(value: Value<'_>, look: impl FnOnce(&str) -> R) -> Option<R> {
    Some(match value {
        Value::Text(text) | Value::BigInteger(text) => look(text),
        Value::Bool(true) => look("true"),
        Value::Bool(false) => look("false"),
        Value::Integer(number) => look(Digits::of(number).as_str()),
        Value::Float(number) => look(&float_text(number)),
        Value::List(_) | Value::Object(_) => look(&json_text(value)),
        Value::Null => return None,
    })
}

/// The whole number a value is; beyond 64 bits it saturates. `None` for everything that is none.
pub(crate) fn integer(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(number),
        Value::Text(text) => integer_of_text(text.trim()),
        Value::BigInteger(text) => integer_of_text(text),
        _ => None,
    }
}

fn integer_of_text(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Negative all the way: there is one more number on that side.
    let below_zero =
        digits.bytes().fold(0_i64, |number, digit| number.saturating_mul(10).saturating_sub(i64::from(digit - b'0')));
    Some(if negative { below_zero } else { below_zero.saturating_neg() })
}

/// The truth a value is: a bool, or text that says so in any case.
pub(crate) fn boolean(value: Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(flag),
        Value::Text(text) => {
            let word = text.trim_matches([' ', '\t', '\r', '\n']);
            if word.eq_ignore_ascii_case("true") {
                Some(true)
            } else if word.eq_ignore_ascii_case("false") {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// The decimal digits of a whole number, on the stack.
struct Digits {
    buffer: [u8; 20],
    start: usize,
}

impl Digits {
    fn of(number: i64) -> Self {
        let mut digits = Digits { buffer: [0; 20], start: 20 };
        let mut rest = number.unsigned_abs();
        loop {
            // Below 10.
            digits.push(b'0' + (rest % 10) as u8);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            digits.push(b'-');
        }
        digits
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.buffer[self.start] = byte;
    }

    fn as_str(&self) -> &str {
        // Only ASCII was pushed, so there is no error to default from.
        str::from_utf8(&self.buffer[self.start..]).unwrap_or_default()
    }
}

/// A float as Python's `repr` writes it.
fn float_text(number: f64) -> String {
    let size = number.abs();
    if number.is_nan() {
        "nan".into()
    } else if number.is_infinite() {
        if number > 0.0 { "inf".into() } else { "-inf".into() }
    } else if size == 0.0 || (1e-4..1e16).contains(&size) {
        // Never an exponent in this range, and always a decimal point.
        format!("{number:?}")
    } else {
        let text = format!("{number:e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) => {
                let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
                format!("{mantissa}e{sign}{digits:0>2}")
            }
            None => text,
        }
    }
}

/// A value as Python's `json.dumps` writes it.
fn json_text(value: Value<'_>) -> String {
    let mut out = String::new();
    match value {
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_scalar(&mut out, item);
            }
            out.push(']');
        }
        value => push_scalar(&mut out, value),
    }
    out
}

fn push_scalar(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => push_ascii_text(out, text),
        Value::Float(number) => push_json_float(out, number),
        Value::Object(json) => push_json(out, json),
        // Lists hold no lists, only their JSON text; the others look like their text form.
        other => drop(with_text(other, |text| out.push_str(text))),
    }
}

fn push_json_float(out: &mut String, number: f64) {
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        out.push_str(&float_text(number));
    }
}

/// Rewrites JSON text, known to be right, piece by piece: whatever its nesting, it costs no stack.
fn push_json(out: &mut String, json: &str) {
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        let len = match first {
            b' ' | b'\t' | b'\n' | b'\r' => 1,
            b',' | b':' => {
                out.push(char::from(first));
                out.push(' ');
                1
            }
            b'"' => {
                let len = string_len(rest);
                match serde_json::from_str::<String>(&rest[..len]) {
                    Ok(text) => push_ascii_text(out, &text),
                    // A lone surrogate, which only escapes can write: they are ASCII as they stand.
                    Err(_) => out.push_str(&rest[..len]),
                }
                len
            }
            b'-' | b'0'..=b'9' => {
                let len = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let len = len.unwrap_or(rest.len());
                push_number(out, &rest[..len]);
                len
            }
            _ => {
                out.push(char::from(first));
                1
            }
        };
        rest = &rest[len..];
    }
}

/// The length of the JSON string that `text` begins with, quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().enumerate().skip(1).find(|&(_, byte)| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    end.map_or(text.len(), |(index, _)| index + 1)
}

fn push_number(out: &mut String, text: &str) {
    match text.parse::<f64>() {
        Ok(number) if text.contains(['.', 'e', 'E']) => push_json_float(out, number),
        _ if text == "-0" => out.push('0'),
        _ => out.push_str(text),
    }
}

/// A JSON string in ASCII only.
fn push_ascii_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Attributes;

    fn text(value: Value<'_>) -> Option<String> {
        with_text(value, str::to_owned)
    }

    #[test]
    fn whole_numbers_of_any_size_have_their_digits() {
        for number in [0, 7, -7, 10, 1_000_000_007, i64::MAX, i64::MIN] {
            assert_eq!(text(Value::Integer(number)), Some(number.to_string()));
        }
    }

    #[test]
    fn text_is_a_whole_number_or_not() {
        let cases = [
            ("42", Some(42)),
            ("\u{a0} -007\u{2003}", Some(-7)),
            ("+5", Some(5)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-99999999999999999999", Some(i64::MIN)),
            ("", None),
            ("-", None),
            ("+-5", None),
            ("5.0", None),
            ("1_000", None),
            ("\u{665}", None),
            ("\u{1c}5", None),
        ];
        for (given, expected) in cases {
            assert_eq!(integer(Value::Text(given)), expected, "{given:?}");
        }
    }

    #[test]
    fn json_is_rewritten_whatever_its_nesting() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let cases = [
            (
                r#"{"a":[ 1 ,-0,1.50,1E3,1e999,{"k\\\"":"\u00e9\/\ud83d\ude00"}],"b":null}"#,
                r#"{"a": [1, 0, 1.5, 1000.0, Infinity, {"k\\\"": "\u00e9/\ud83d\ude00"}], "b": null}"#,
            ),
            (&deep, &deep),
        ];
        for (given, expected) in cases {
            let mut attributes = Attributes::new();
            attributes.merge_json(&format!(r#"{{"a":[{given}]}}"#)).expect("JSON");
            let value = attributes.get("a").expect("set");
            assert_eq!(text(value), Some(format!("[{expected}]")));
        }
    }
}
