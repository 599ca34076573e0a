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
            let nearest = table::nearest(name);
            let error = ConfigError::UnknownOption { name: name.to_owned(), nearest };
            if strict {
                return Err(error);
            }
            // More likely misspelt than another SDK's.
            let level = if nearest.is_some() { Level::Warning } else { Level::Debug };
            self.note(name, level, format!("ignored: {error}"));
            return Ok(());
        };
        let spec = id.spec();
        if !spec.supported {
            match raw {
                Raw::Json(Json::Null) => drop(self.notices.remove(spec.name)),
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

#[cfg(test)]
mod tests {
    use super::super::options;
    use super::*;

    fn error(name: &str, text: &str) -> String {
        let mut settings = Settings::new();
        match settings.set(name, text) {
            Ok(()) => panic!("{name} = {text} is accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn text_that_is_not_of_the_kind() {
        for (name, text, message) in [
            ("featuresRefreshRate", "soon", r#"option featuresRefreshRate: "soon" is not a whole number of seconds"#),
            ("features_refresh_rate", "1.5", r#"option featuresRefreshRate: "1.5" is not a whole number of seconds"#),
            ("connectionTimeout", "", r#"option connectionTimeout: "" is not a whole number of milliseconds"#),
            ("eventsQueueSize", "10k", r#"option eventsQueueSize: "10k" is not a whole number"#),
            ("dataSampling", "nan", r#"option dataSampling: "nan" is not a number"#),
            ("redisSocketTimeout", "inf", r#"option redisSocketTimeout: "inf" is not a number of seconds"#),
            ("labelsEnabled", "yes", r#"option labelsEnabled: "yes" is not true or false"#),
            ("fallbackTreatments", "off", r#"option fallbackTreatments: "off" is not a JSON object"#),
            ("customHeaders", "token", "option customHeaders: the value is not a JSON object"),
            (
                "redisSentinels",
                "one:1,two",
                r#"option redisSentinels: "one:1,two" is not a list of host and port, such as first:26379,second:26379"#,
            ),
            (
                "impressionListener",
                "f",
                "option impressionListener is not set by text or JSON but by split_config_set_impression_listener",
            ),
            ("featureRefreshRate", "1", "unknown option featureRefreshRate; did you mean featuresRefreshRate?"),
            ("colour", "red", "unknown option colour"),
            ("a\nb", "red", "unknown option a\\nb"),
        ] {
            assert_eq!(error(name, text), message);
        }
    }

    #[test]
    fn json_that_is_not_of_the_kind() {
        for (json, message) in [
            (
                r#"{"featuresRefreshRate": "30"}"#,
                r#"option featuresRefreshRate: "30" is not a whole number of seconds"#,
            ),
            (r#"{"featuresRefreshRate": 1.5}"#, "option featuresRefreshRate: 1.5 is not a whole number of seconds"),
            (r#"{"impressionsRefreshRate": true}"#, "option impressionsRefreshRate: true is not a number of seconds"),
            (r#"{"labelsEnabled": 1}"#, "option labelsEnabled: 1 is not true or false"),
            (r#"{"machineName": 5}"#, "option machineName: 5 is not text"),
            (r#"{"logLevel": 4}"#, "option logLevel: 4 is not one of the texts none, error, warning, info, debug"),
            (r#"{"flagSetsFilter": "web"}"#, r#"option flagSetsFilter: "web" is not a list"#),
            (r#"{"redisPassword": 12345}"#, "option redisPassword: the value is not text"),
            (r#"{"customHeaders": ["token"]}"#, "option customHeaders: the value is not a JSON object"),
            ("[]", "the configuration is not a JSON object but a list"),
            ("null", "the configuration is not a JSON object but null"),
            (r#"{"nope": 1}"#, "unknown option nope"),
            ("{", "the configuration is not JSON: EOF while parsing an object at line 1 column 1"),
        ] {
            match Settings::new().merge_json(json) {
                Ok(()) => panic!("{json} is accepted"),
                Err(error) => assert_eq!(error.to_string(), message),
            }
        }
    }

    #[test]
    fn a_failure_changes_nothing() {
        let mut settings = Settings::new();
        settings.set("featuresRefreshRate", "7").expect("a good value");
        let failing = [
            r#"{"featuresRefreshRate": 8, "labelsEnabled": "no"}"#,
            r#"{"featuresRefreshRate": 8, "zzz": 1}"#,
            r#"{"strictConfig": false, "redisSentinels": 5, "featuresRefreshRate": 8}"#,
        ];
        for json in failing {
            assert!(settings.merge_json(json).is_err(), "{json}");
        }
        assert!(settings.set("featuresRefreshRate", "x").is_err());
        let (config, notices) = settings.resolve(false).expect("what was good is still there");
        assert_eq!((config.features_refresh_rate.as_secs(), notices), (7, Vec::new()));
    }

    #[test]
    fn strict_config_counts_for_the_object_or_from_then_on() {
        let unknown_and_wrong = r#""aaa": 1, "labelsEnabled": 3, "zzz": 2"#;
        for (before, json, accepted) in [
            (None, format!("{{{unknown_and_wrong}}}"), false),
            (None, format!(r#"{{{unknown_and_wrong}, "strictConfig": false}}"#), true),
            (None, format!(r#"{{"strict_config": false, {unknown_and_wrong}}}"#), true),
            (Some("false"), format!("{{{unknown_and_wrong}}}"), true),
            (Some("false"), format!(r#"{{{unknown_and_wrong}, "strictConfig": true}}"#), false),
            (Some("false"), format!(r#"{{{unknown_and_wrong}, "strictConfig": null}}"#), false),
            (Some("false"), format!(r#"{{{unknown_and_wrong}, "strictConfig": 7}}"#), true),
        ] {
            let mut settings = Settings::new();
            if let Some(strict) = before {
                settings.set("strictConfig", strict).expect("a boolean");
            }
            assert_eq!(settings.merge_json(&json).is_ok(), accepted, "{before:?} {json}");
            if accepted {
                let (config, notices) = settings.resolve(false).expect("nothing is wrong with the rest");
                let levels = |level| notices.iter().filter(|notice| notice.level == level).count();
                assert!(config.labels_enabled, "{json}");
                assert_eq!(levels(Level::Debug), 2, "{notices:?}");
                assert_eq!(levels(Level::Warning), 1 + usize::from(json.contains('7')), "{notices:?}");
            }
        }
    }

    #[test]
    fn unknown_names_that_look_misspelt_are_said_aloud() {
        for (name, level) in
            [("spiltFile", Level::Warning), ("split_fil", Level::Warning), ("threadPool", Level::Debug)]
        {
            let mut settings = Settings::new();
            settings.merge_json(&format!(r#"{{"strictConfig": false, "{name}": 1}}"#)).expect("lenient");
            let notices: Vec<_> = settings.notices().collect();
            assert_eq!((notices.len(), notices[0].level), (1, level), "{name}: {notices:?}");
            assert!(notices[0].text.starts_with(&format!("ignored: unknown option {name}")), "{notices:?}");
        }
    }

    #[test]
    fn the_last_word_counts_and_null_is_the_default() {
        let mut settings = Settings::new();
        settings.set("strictConfig", "false").expect("a boolean");
        settings.set("machineName", "first").expect("text");
        settings.merge_json(r#"{"machine_name": "second", "eventsPushRate": "x"}"#).expect("lenient");
        assert_eq!(settings.notices().count(), 1);
        settings.merge_json(r#"{"machineName": null, "eventsPushRate": 5}"#).expect("right types");
        assert_eq!(settings.notices().count(), 0);
        let (config, _) = settings.resolve(false).expect("nothing is wrong");
        assert_eq!((config.machine_name, config.events_push_rate.as_secs()), (None, 5));
    }

    #[test]
    fn options_of_other_languages_are_ignored_whatever_they_hold() {
        for spec in options().iter().filter(|spec| !spec.supported) {
            for value in ["1", "\"hunter2\"", "[1]", "{}", "true"] {
                let mut settings = Settings::new();
                settings.merge_json(&format!("{{\"{}\": {value}}}", spec.name)).expect("accepted");
                let notices: Vec<_> = settings.notices().collect();
                assert_eq!(notices.len(), 1, "{}", spec.name);
                assert_eq!(notices[0].level, Level::Warning);
                assert!(notices[0].text.starts_with(&format!("option {} is ignored", spec.name)), "{notices:?}");
                assert!(!notices[0].text.contains("hunter2"), "{notices:?}");
            }
        }
    }

    #[test]
    fn b09_secrets_are_in_no_message() {
        for spec in options().iter().filter(|spec| spec.secret) {
            let name = spec.name;
            for strict in [true, false] {
                for value in [
                    r#""http://ann:hunter2@""#,
                    r#""hunter2""#,
                    r#"["hunter2"]"#,
                    r#"{"x": "hunter2\n"}"#,
                    r#"{"x": "hunter2"}"#,
                    r#"{"x": ["hunter2"]}"#,
                ] {
                    let mut settings = Settings::new();
                    let json = format!("{{\"strictConfig\": {strict}, \"{name}\": {value}, \"redisHost\": \"h\"}}");
                    let mut said = String::new();
                    if let Err(error) = settings.merge_json(&json) {
                        said += &format!("{error} {error:?}");
                    }
                    if let Err(error) = settings.set(name, "hunter2") {
                        said += &format!("{error} {error:?}");
                    }
                    said += &format!("{settings:?} {:?}", settings.resolve(false));
                    assert!(!said.contains("hunter2"), "{json}: {said}");
                }
            }
        }
    }

    #[test]
    fn b34_long_texts_are_cut_at_a_character() {
        let names = ["featuresRefreshRate", "sdk_api_base_url", "mtlsCertPath", "redisSentinels", "proxyUrl"];
        for letter in ["é", "旗", "🚩"] {
            let long = letter.repeat(400);
            let mut messages = vec![error(&long, "1")];
            for name in names {
                let mut settings = Settings::new();
                let outcome = settings
                    .set(name, &long)
                    .and_then(|()| settings.set("mtlsKeyPath", "k"))
                    .and_then(|()| settings.resolve(false).map(|(_, notices)| format!("{notices:?}")));
                messages.push(outcome.unwrap_or_else(|error| error.to_string()));
            }
            let headers =
                format!(r#"{{"customHeaders": {{"{long}": "x"}}, "fallbackTreatments": {{"global": "{long}"}}}}"#);
            let mut settings = Settings::new();
            settings.merge_json(&headers).expect("right types");
            messages.push(settings.resolve(false).map(drop).expect_err("no header").to_string());
            for message in messages {
                assert!(message.chars().count() < 250, "{message}");
                assert_eq!(message.contains(letter), message.contains("..."), "{message}");
            }
        }
    }
}
