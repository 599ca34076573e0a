//! From what a user wrote, text or JSON, to a value of the option's kind.
//!
//! Text comes from environments and command lines, JSON from programs: both mean the same, and are told the same where
//! they cannot be meant.

use serde_json::{Map, Value as Json};

use super::error::{ConfigError, Cut};
use super::spec::{Kind, OptionSpec, Unit};

/// A value of the right type. Whether it is in range is looked at when everything else is known.
#[derive(Clone)]
pub(super) enum Value {
    /// Whole numbers beyond 64 bits become the nearest that fits; they are out of every range anyway.
    Integer(i64),
    /// Finite.
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Of flag sets the items are unchecked; of nodes they are text or a pair, checked.
    List(Vec<Json>),
    Object(Map<String, Json>),
}

/// What the user gave for an option.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    Text(&'a str),
    Json(&'a Json),
}

/// Reads a value; `Ok(None)` is JSON null, which leaves the option at its default.
pub(super) fn value(spec: &OptionSpec, raw: Raw<'_>) -> Result<Option<Value>, ConfigError> {
    if let Raw::Json(Json::Null) = raw {
        return Ok(None);
    }
    if let Kind::Code(by) = spec.kind {
        return Err(ConfigError::OnlyByCode { name: spec.name, by });
    }
    let value = match raw {
        Raw::Text(text) => from_text(spec.kind, text),
        Raw::Json(json) => from_json(spec.kind, json),
    };
    value.map(Some).ok_or_else(|| ConfigError::Unusable {
        name: spec.name,
        value: match raw {
            _ if spec.secret => "the value".to_owned(),
            Raw::Text(text) => quoted(text),
            Raw::Json(json) => Cut(&json.to_string()).to_string(),
        },
        wanted: wanted(spec),
    })
}

/// A user's text in a message.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", Cut(text))
}

/// What an option takes, to follow "is not".
pub(super) fn wanted(spec: &OptionSpec) -> String {
    let counted = match spec.unit {
        Unit::None => "",
        Unit::Seconds => " of seconds",
        Unit::Milliseconds => " of milliseconds",
    };
    match spec.kind {
        Kind::Integer => format!("a whole number{counted}"),
        Kind::RoundedUp | Kind::Number => format!("a number{counted}"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Enum(texts) | Kind::EnumOrIndex(texts) => format!("one of the texts {}", texts.join(", ")),
        Kind::Names => "a list".to_owned(),
        Kind::Nodes => "a list of host and port, such as first:26379,second:26379".to_owned(),
        Kind::Object => "a JSON object".to_owned(),
        Kind::Code(by) => format!("set by {by}"),
    }
}

fn from_text(kind: Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Integer => whole(text).map(Value::Integer),
        Kind::RoundedUp => whole(text).or_else(|| number(text).map(rounded_up)).map(Value::Integer),
        Kind::Number => number(text).map(Value::Number),
        Kind::Boolean => {
            let text = text.trim();
            let is = |word: &str| text.eq_ignore_ascii_case(word);
            (is("true") || is("false")).then(|| Value::Boolean(is("true")))
        }
        Kind::Text | Kind::Enum(_) | Kind::EnumOrIndex(_) => Some(Value::Text(text.to_owned())),
        Kind::Names => Some(Value::List(pieces(text))),
        Kind::Nodes => nodes(pieces(text)),
        Kind::Object => match serde_json::from_str(text) {
            Ok(Json::Object(members)) => Some(Value::Object(members)),
            _ => None,
        },
        Kind::Code(_) => None,
    }
}

fn from_json(kind: Kind, json: &Json) -> Option<Value> {
    match (kind, json) {
        (Kind::Integer, Json::Number(_)) => whole(&json.to_string()).map(Value::Integer),
        (Kind::RoundedUp, Json::Number(n)) => n.as_i64().or_else(|| n.as_f64().map(rounded_up)).map(Value::Integer),
        (Kind::Number, Json::Number(n)) => n.as_f64().filter(|n| n.is_finite()).map(Value::Number),
        (Kind::Boolean, Json::Bool(b)) => Some(Value::Boolean(*b)),
        (Kind::Text | Kind::Enum(_) | Kind::EnumOrIndex(_), Json::String(text)) => Some(Value::Text(text.clone())),
        (Kind::EnumOrIndex(_), Json::Number(_) | Json::Bool(false)) => Some(Value::Text(json.to_string())),
        (Kind::Names, Json::Array(items)) => Some(Value::List(items.clone())),
        (Kind::Nodes, Json::Array(items)) => nodes(items.clone()),
        (Kind::Object, Json::Object(members)) => Some(Value::Object(members.clone())),
        _ => None,
    }
}

/// A finite number in Rust's or JSON's notation.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|n: &f64| n.is_finite())
}

/// A whole number, also one that is written "30.0".
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    // `as` saturates, which is what a number beyond 64 bits shall become.
    text.parse().ok().or_else(|| number(text).filter(|n| n.fract() == 0.0).map(|n| n as i64))
}

/// Saturating, like [`whole`].
fn rounded_up(n: f64) -> i64 {
    n.ceil() as i64
}

/// The items of a list in text. White space around the commas is layout, not part of an item.
fn pieces(text: &str) -> Vec<Json> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    text.split(',').map(|piece| Json::from(piece.trim())).collect()
}

/// The list, if every item names a host and a port.
fn nodes(items: Vec<Json>) -> Option<Value> {
    items.iter().all(|item| super::redis::node(item).is_some()).then_some(Value::List(items))
}
