//! Commands to Redis and what their answers say. Whatever is no answer is noted as an outage, and told as nothing.

use std::string::FromUtf8Error;
use std::time::Instant;

use ::redis::{Pipeline, Value};

use super::RedisStore;
use super::outage::Subject;
use crate::redis::{Purpose, RedisError};

/// How many keys a `SCAN` looks at in a step.
const SCAN_COUNT: u32 = 1000;

impl RedisStore {
    /// The texts under some keys, which may be none: one pipeline with an `MGET` for each list that is not empty.
    pub(super) fn texts<const N: usize>(
        &self,
        asked: [(Subject, Vec<String>); N],
        until: Option<Instant>,
    ) -> [Option<Vec<Option<String>>>; N] {
        let mut commands = Pipeline::new();
        for (_, keys) in asked.iter().filter(|(_, keys)| !keys.is_empty()) {
            commands.cmd("MGET").arg(keys);
        }
        let mut answers = self.ask(&commands, until).map(Vec::into_iter);
        asked.map(|(subject, keys)| {
            if keys.is_empty() {
                return Some(Vec::new());
            }
            let texts = self.list(subject, answers.as_mut()?.next()?)?;
            if texts.len() != keys.len() {
                self.outage.refuses(subject, &format_args!("{} answers to {} keys", texts.len(), keys.len()));
                return None;
            }
            Some(texts.into_iter().map(text).collect())
        })
    }

    /// Which of some segments, of which there is at least one, have a key. None for all if Redis does not say.
    pub(super) fn memberships(&self, segments: &[String], key: &str, until: Instant) -> Vec<Option<bool>> {
        let mut commands = Pipeline::with_capacity(segments.len());
        for segment in segments {
            commands.cmd("SISMEMBER").arg(segment).arg(key);
        }
        let Some(answers) = self.ask(&commands, Some(until)) else { return vec![None; segments.len()] };
        let is_member = |answer| match answer {
            Value::Int(number) => {
                self.outage.tells(Subject::Segments);
                Some(number != 0)
            }
            Value::Boolean(is_member) => Some(is_member),
            other => {
                self.outage.refuses(Subject::Segments, &shown(&other));
                None
            }
        };
        answers.into_iter().map(is_member).collect()
    }

    /// The members of some sets, of which there is at least one.
    pub(super) fn members(&self, sets: &[String], until: Instant) -> Option<Vec<Vec<String>>> {
        let mut commands = Pipeline::with_capacity(sets.len());
        for set in sets {
            commands.cmd("SMEMBERS").arg(set);
        }
        let answers = self.ask(&commands, Some(until))?;
        answers.into_iter().map(|answer| Some(strings(self.list(Subject::FlagSets, answer)?))).collect()
    }

    /// The text under a key. The outer none: Redis does not say.
    pub(super) fn text(&self, subject: Subject, key: &str, until: Option<Instant>) -> Option<Option<String>> {
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("GET").arg(key);
        match self.ask(&commands, until)?.pop()? {
            answer @ (Value::Nil | Value::BulkString(_)) => {
                self.outage.tells(subject);
                Some(text(answer))
            }
            other => {
                self.outage.refuses(subject, &shown(&other));
                None
            }
        }
    }

    /// All keys that match a pattern, some perhaps more than once.
    pub(super) fn scan(&self, pattern: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut cursor = "0".to_owned();
        loop {
            let mut commands = Pipeline::with_capacity(1);
            commands.cmd("SCAN").arg(&cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
            let answer = self.list(Subject::Names, self.ask(&commands, None)?.pop()?)?;
            let Ok([Value::BulkString(next), Value::Array(keys)]) = <[Value; 2]>::try_from(answer) else {
                self.outage.refuses(Subject::Names, &"an answer to SCAN that is none");
                return None;
            };
            found.extend(strings(keys));
            cursor = String::from_utf8_lossy(&next).into_owned();
            if cursor == "0" {
                return Some(found);
            }
        }
    }

    /// One answer for each command.
    fn ask(&self, commands: &Pipeline, until: Option<Instant>) -> Option<Vec<Value>> {
        let began = Instant::now();
        if until.is_some_and(|until| began >= until) {
            let spent = 2 * self.server.timeout();
            let cause = format_args!("Redis took more than {} s for what one call needs", spent.as_secs_f64());
            self.outage.is_silent(&cause, self.clock.moment(began));
            return None;
        }
        match self.server.ask(commands, Purpose::Read, until) {
            Ok(answers) => {
                self.outage.is_over();
                Some(answers)
            }
            // The factory was destroyed meanwhile.
            Err(RedisError::Closed) => None,
            Err(cause) => {
                self.outage.is_silent(&cause, self.clock.moment(Instant::now()));
                None
            }
        }
    }

    fn list(&self, subject: Subject, answer: Value) -> Option<Vec<Value>> {
        match answer {
            Value::Array(values) | Value::Set(values) => {
                self.outage.tells(subject);
                Some(values)
            }
            other => {
                self.outage.refuses(subject, &shown(&other));
                None
            }
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::BulkString(text) => Some(String::from_utf8(text).unwrap_or_else(lossy)),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// The Synchronizer writes UTF-8. What is not costs its characters, not the whole.
#[cold]
fn lossy(error: FromUtf8Error) -> String {
    String::from_utf8_lossy(error.as_bytes()).into_owned()
}

fn strings(values: Vec<Value>) -> Vec<String> {
    values.into_iter().filter_map(text).collect()
}

/// An answer that was not expected, without what may be in it.
fn shown(answer: &Value) -> String {
    match answer {
        Value::ServerError(error) => error.to_string(),
        _ => "an answer of another kind than expected".to_owned(),
    }
}
