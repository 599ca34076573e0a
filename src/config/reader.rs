//! Reads options one by one, as the table says: the value given if it can be used, the default if not, and a notice.

use std::fmt;
use std::time::Duration;

use super::error::Notice;
use super::network;
use super::parse::{self, Value};
use super::settings::Settings;
use super::spec::{Initial, Kind, Range};
use super::table::Id;
use super::values::Secret;
use crate::logging::Level;

/// Longer times mean for ever, and would overflow the clock they are added to.
const CENTURY: f64 = 100.0 * 365.25 * 24.0 * 3600.0;

pub(super) struct Reader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    pub(super) fn warn(&mut self, id: Id, text: impl fmt::Display) {
        self.notices.push(Notice { level: Level::Warning, text: format!("option {}: {text}", id.spec().name) });
    }

    pub(super) fn is_given(&self, id: Id) -> bool {
        self.settings.value(id).is_some()
    }

    pub(super) fn boolean(&self, id: Id) -> bool {
        match (self.settings.value(id), id.spec().initial) {
            (Some(Value::Boolean(given)), _) => *given,
            (_, initial) => initial == Initial::Boolean(true),
        }
    }

    /// The text given, empty or not.
    pub(super) fn text(&self, id: Id) -> Option<&'a str> {
        match self.settings.value(id) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn text_or_default(&self, id: Id) -> &'a str {
        self.text(id).unwrap_or(default_text(id))
    }

    /// The text given, if there is something in it.
    pub(super) fn filled(&self, id: Id) -> Option<&'a str> {
        self.text(id).filter(|text| !text.is_empty())
    }

    pub(super) fn secret(&self, id: Id) -> Option<Secret> {
        self.filled(id).map(Secret::new)
    }

    /// The text of an enum, in the table's letter case.
    pub(super) fn choice(&mut self, id: Id) -> &'static str {
        let default = default_text(id);
        let Some(given) = self.text(id) else { return default };
        match chosen(id, given) {
            Some(choice) => choice,
            None => {
                let (given, wanted) = (parse::quoted(given), parse::wanted(id.spec()));
                self.warn(id, format_args!("{given} is not {wanted}; {default} is used"));
                default
            }
        }
    }

    /// Text for a header, without what a header cannot hold; `None` if nothing is left.
    pub(super) fn identity(&mut self, id: Id) -> Option<String> {
        let (text, removed) = network::identity(self.text(id)?);
        if removed {
            self.warn(id, "characters other than printable ASCII are removed");
        }
        (!text.is_empty()).then_some(text)
    }

    /// The number given if it is in range, or what the table puts in its place; the default if none is given.
    pub(super) fn number(&mut self, id: Id) -> f64 {
        self.given_number(id, id.spec().range).unwrap_or(default_number(id))
    }

    /// The number given, made to fit `range`; `None` for the default.
    pub(super) fn given_number(&mut self, id: Id, range: Range) -> Option<f64> {
        let given = match self.settings.value(id)? {
            Value::Integer(n) => *n as f64,
            Value::Number(n) => *n,
            _ => return None,
        };
        let (min, max) = match range {
            Range::Any => return Some(given),
            Range::Within { min, max } | Range::Raised { min, max } => (min, max),
        };
        if (min..=max).contains(&given) {
            return Some(given);
        }
        let raised = matches!(range, Range::Raised { .. }) && given < min;
        match (raised, max.is_finite()) {
            (true, _) => self.warn(id, format_args!("{given} is below the minimum; {min} is used")),
            (false, true) => self.warn(id, format_args!("{given} is not from {min} to {max}; the default is used")),
            (false, false) => self.warn(id, format_args!("{given} is below {min}; the default is used")),
        }
        raised.then_some(min)
    }

    pub(super) fn count(&mut self, id: Id) -> usize {
        // The table keeps counts below 2^31; `as` would saturate.
        self.number(id) as usize
    }

    pub(super) fn seconds(&mut self, id: Id) -> Duration {
        duration(self.number(id))
    }
}

/// A time in seconds, a hundred years at most.
pub(super) fn duration(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, CENTURY))
}

/// The text of an enum that was meant, in the table's letter case.
pub(super) fn chosen(id: Id, given: &str) -> Option<&'static str> {
    let given = given.trim();
    let (texts, index) = match id.spec().kind {
        Kind::Enum(texts) => (texts, None),
        Kind::EnumOrIndex(texts) if given.eq_ignore_ascii_case("false") => (texts, Some(0)),
        Kind::EnumOrIndex(texts) => (texts, given.parse().ok()),
        _ => return None,
    };
    texts.iter().find(|text| text.eq_ignore_ascii_case(given)).or_else(|| texts.get(index?)).copied()
}

/// The default of an option that has one.
pub(super) fn default_text(id: Id) -> &'static str {
    match id.spec().initial {
        Initial::Text(text) => text,
        // A mistake in the table; every default is read by the tests of `resolve`.
        _ => unreachable!("{} has no default text", id.spec().name),
    }
}

fn default_number(id: Id) -> f64 {
    match id.spec().initial {
        Initial::Integer(n) => n as f64,
        // As above.
        _ => unreachable!("{} has no default number", id.spec().name),
    }
}
