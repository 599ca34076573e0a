//! What the user has said so far. It is kept by option, so that saying something again replaces it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::error::{ConfigError, Cut, Notice};
use super::parse::{self, Raw, Value};
use super::table::{self, Id};
use crate::logging::Level;

/// Options as set by the user, before a mode is known.
///
/// Names are those of [`options`](super::options), also in snake case. Unknown names and values of a wrong type are
/// errors, or notices once strictConfig is false.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<Id, Value>,
    /// What there is to say about an option, known or not, by its name as given.
    notices: BTreeMap<String, Notice>,
}

impl Settings {
    /// Every option has its default.
    pub fn new() -> Self {
        Settings::default()
    }

    /// Sets an option from text, which is read as the option's kind: "30", "true", "DEBUG", "web,mobile" for a list,
    /// JSON for an object. On failure nothing has changed.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        self.assign(name, Raw::Text(text), self.strict())
    }

    /// Sets every option of a JSON object; null puts one back to its default. All of them or, on failure, none.
    /// strictConfig in the object counts for all of it.
    pub fn merge_json(&mut self, json: &str) -> Result<(), ConfigError> {
        let members = match serde_json::from_str(json).map_err(|cause| ConfigError::NotJson { cause })? {
            Json::Object(members) => members,
            other => return Err(ConfigError::NotAnObject { found: type_of(&other) }),
        };
        let strict = members.iter().filter(|(name, _)| table::find(name) == Some(Id::StrictConfig));
        let strict = strict.fold(self.strict(), |strict, (_, value)| match value {
            Json::Bool(strict) => *strict,
            Json::Null => true,
            _ => strict,
        });
        let mut draft = self.clone();
        for (name, value) in &members {
            draft.assign(name, Raw::Json(value), strict)?;
        }
        *self = draft;
        Ok(())
    }

    fn assign(&mut self, name: &str, raw: Raw<'_>, strict: bool) -> Result<(), ConfigError> {
        let Some(id) = table::find(name) else {
            let error = ConfigError::UnknownOption { name: name.to_owned(), nearest: table::nearest(name) };
            if strict {
                return Err(error);
            }
            self.note(name, Level::Debug, format!("{error}; it is ignored"));
            return Ok(());
        };
        let spec = id.spec();
        if !spec.supported {
            match raw {
                Raw::Json(Json::Null) => {}
                _ => self.note(
                    spec.name,
                    Level::Warning,
                    format!("option {} is ignored: {}", spec.name, spec.description),
                ),
            }
            return Ok(());
        }
        match parse::value(spec, raw) {
            Ok(Some(value)) => {
                self.notices.remove(spec.name);
                self.values.insert(id, value);
            }
            Ok(None) => {
                self.notices.remove(spec.name);
                self.values.remove(&id);
            }
            Err(error) if strict || spec.firm => return Err(error),
            Err(error) => {
                self.values.remove(&id);
                self.note(spec.name, Level::Warning, format!("{error}; the default is used"));
            }
        }
        Ok(())
    }

    fn note(&mut self, name: &str, level: Level, text: String) {
        self.notices.insert(Cut(name).to_string(), Notice { level, text });
    }

    fn strict(&self) -> bool {
        !matches!(self.value(Id::StrictConfig), Some(Value::Boolean(false)))
    }

    /// What was given for an option, if anything was.
    pub(super) fn value(&self, id: Id) -> Option<&Value> {
        self.values.get(&id)
    }

    pub(super) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices.values()
    }
}

/// Names only: values may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings ")?;
        f.debug_set().entries(self.values.keys().map(|id| id.spec().name)).finish()
    }
}

fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
