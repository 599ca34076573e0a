//! A Redis for tests: answers from memory, remembers what it was asked, and fails as it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ::redis::{Arg, Cmd, Pipeline, Value};
use serde_json::Value as Json;

use crate::redis::{Purpose, RedisError, Server};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Fake {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    texts: BTreeMap<String, String>,
    sets: BTreeMap<String, BTreeSet<String>>,
    asked: Vec<Vec<Vec<String>>>,
    written: Vec<String>,
    /// Whether nothing is answered.
    silent: bool,
    /// Names of commands, or commands in full, that are refused.
    refused: Vec<String>,
}

/// What a server says when it refuses.
fn refusal() -> Value {
    ::redis::parse_redis_value(b"-NOPERM this user has no permissions\r\n").expect("an answer")
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// With all that a Synchronizer wrote, behind a prefix that ends in its dot, if there is one.
    pub(crate) fn synchronized(prefix: &str) -> Arc<Self> {
        #[derive(serde::Deserialize)]
        struct Key {
            key: String,
            value: Json,
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redis/keys.json");
        let text = std::fs::read_to_string(path).expect("the fixture");
        let keys: Vec<Key> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(keys.len(), 37);
        let fake = Fake::new();
        for Key { key, value } in keys {
            let key = format!("{prefix}{key}");
            match value {
                Json::String(text) => fake.set(&key, &text),
                Json::Array(members) => {
                    fake.set_members(&key, &members.iter().filter_map(Json::as_str).collect::<Vec<_>>());
                }
                other => panic!("{key}: {other}"),
            }
        }
        fake
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no panic")
    }

    pub(crate) fn set(&self, key: &str, text: &str) {
        self.inside().texts.insert(key.to_owned(), text.to_owned());
    }

    pub(crate) fn remove(&self, key: &str) {
        self.inside().texts.remove(key);
    }

    pub(crate) fn set_members(&self, key: &str, members: &[&str]) {
        self.inside().sets.insert(key.to_owned(), members.iter().map(|&member| member.to_owned()).collect());
    }

    /// Whether it answers nothing from now on.
    pub(crate) fn silence(&self, silent: bool) {
        self.inside().silent = silent;
    }

    /// Refuses commands of which these are a beginning.
    pub(crate) fn refuse(&self, beginnings: &[&str]) {
        self.inside().refused = beginnings.iter().map(|&beginning| beginning.to_owned()).collect();
    }

    /// What it was asked to read since the last look: pipelines, and in them commands as text.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        let asked = std::mem::take(&mut self.inside().asked);
        asked.into_iter().map(|pipeline| pipeline.iter().map(|command| command.join(" ")).collect()).collect()
    }

    /// What it was asked to write since the last look: commands as text.
    pub(crate) fn written(&self) -> Vec<String> {
        std::mem::take(&mut self.inside().written)
    }
}

impl Inside {
    fn answer(&self, command: &[String]) -> Value {
        let arguments = &command[1..];
        let whole = command.join(" ");
        if self.refused.iter().any(|refused| whole.starts_with(&**refused)) {
            return refusal();
        }
        let text = |key: &String| self.texts.get(key).map_or(Value::Nil, |text| bulk(text));
        let members = |key: &String| self.sets.get(key).into_iter().flatten();
        match &*command[0] {
            "GET" => text(&arguments[0]),
            "MGET" => Value::Array(arguments.iter().map(text).collect()),
            "SISMEMBER" => Value::Int(members(&arguments[0]).any(|member| *member == arguments[1]).into()),
            "SMEMBERS" => Value::Array(members(&arguments[0]).map(|member| bulk(member)).collect()),
            "SCAN" => self.scan(arguments),
            "RPUSH" => Value::Int(i64::try_from(arguments.len()).expect("few") + 100),
            "HINCRBY" | "HLEN" | "HSET" | "EXPIRE" => Value::Int(7),
            _ => panic!("{whole}"),
        }
    }

    /// In steps of three keys, of which the last comes again in the next step, as it may.
    fn scan(&self, arguments: &[String]) -> Value {
        let [cursor, _, pattern, _, _] = arguments else { panic!("{arguments:?}") };
        let from: usize = cursor.parse().expect("a cursor");
        let beginning = pattern.strip_suffix('*').expect("a pattern").replace('\\', "");
        let found: Vec<&String> = self.texts.keys().filter(|key| key.starts_with(&beginning)).collect();
        let until = (from + 3).min(found.len());
        let keys = found[from.saturating_sub(1)..until].iter().map(|key| bulk(key)).collect();
        let next = if until == found.len() { 0 } else { until };
        Value::Array(vec![bulk(&next.to_string()), Value::Array(keys)])
    }
}

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn words(command: &Cmd) -> Vec<String> {
    let words = command.args_iter().map(|argument| match argument {
        Arg::Simple(word) => String::from_utf8(word.to_vec()).expect("text"),
        _ => panic!("a cursor"),
    });
    words.collect()
}

impl Server for Fake {
    fn ask(&self, commands: &Pipeline, purpose: Purpose, _until: Option<Instant>) -> Result<Vec<Value>, RedisError> {
        let commands: Vec<Vec<String>> = commands.cmd_iter().map(words).collect();
        assert!(!commands.is_empty(), "an empty pipeline");
        assert!(commands.iter().all(|command| command.len() > 1), "a command without a key: {commands:?}");
        let mut inside = self.inside();
        if purpose == Purpose::Read {
            inside.asked.push(commands.clone());
        }
        if inside.silent {
            return Err(RedisError::Timeout { endpoint: "fake:1".into() });
        }
        if purpose == Purpose::Write {
            inside.written.extend(commands.iter().map(|command| command.join(" ")));
        }
        Ok(commands.iter().map(|command| inside.answer(command)).collect())
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }
}
