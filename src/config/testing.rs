//! What the tests of this area share.

use serde_json::Value as Json;

use super::{Config, ConfigError, Notice, Settings};
use crate::logging::Level;

/// Resolves a JSON object for an SDK key of Split's, in a process whose home directory is `/home/ann`.
pub(super) fn resolve(json: &str) -> Result<(Config, Vec<Notice>), ConfigError> {
    let mut settings = Settings::new();
    settings.merge_json(json)?;
    settings.resolve_at_home(false, Some("/home/ann".into()))
}

/// Resolves what must be fine, and gives the texts of the notices.
pub(super) fn resolved(json: &str) -> (Config, Vec<String>) {
    let (config, notices) = resolve(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    (config, notices.into_iter().map(|notice| notice.text).collect())
}

/// The message of what must fail.
pub(super) fn refused(json: &str) -> String {
    match resolve(json) {
        Ok(_) => panic!("{json} is accepted"),
        Err(error) => error.to_string(),
    }
}

/// How many notices have a level.
pub(super) fn count(notices: &[Notice], level: Level) -> usize {
    notices.iter().filter(|notice| notice.level == level).count()
}

/// A record of `input_validation.json`.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Record {
    rule: String,
    pub(super) input: Json,
    pub(super) result: Json,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

/// The records of a rule, which must be as many as are known.
pub(super) fn records(rule: &str, expected: usize) -> Vec<Record> {
    let all: Vec<Record> = serde_json::from_str(include_str!("../../tests/fixtures/input_validation.json"))
        .expect("input_validation.json is an array of records");
    let records: Vec<Record> = all.into_iter().filter(|record| record.rule == rule).collect();
    assert_eq!(records.len(), expected, "records of {rule}");
    records
}
