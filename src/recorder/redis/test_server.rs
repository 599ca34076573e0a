//! A Redis for tests: does what it is asked, in memory, and fails as it is told to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use redis::{Arg, Pipeline, Value};
use serde_json::Value as Json;

use crate::redis::{Purpose, RedisError, Server};

/// How one pipeline goes wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It does not.
    Nothing,
    /// There is no connection.
    Gone,
    /// All is done and no answer comes.
    Silent,
    /// The connections were closed by ourselves.
    Closed,
    /// It is done once the test lets go of the barrier.
    Holds,
    /// A defect of ours.
    Panics,
    /// Commands of this name are refused.
    Refuses(&'static str),
}

/// What is in it, and what it was asked.
#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) lists: BTreeMap<String, Vec<String>>,
    pub(super) hashes: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) expiries: BTreeMap<String, u64>,
    /// Pipelines, and their commands.
    pub(super) asked: Vec<Vec<Vec<String>>>,
    /// Of the next pipelines that are not just about expiry.
    next: VecDeque<Fault>,
    /// Once there are no next.
    always: Option<Fault>,
    /// How many pipelines are held up.
    pub(super) waiting: usize,
}

#[derive(Debug, Default)]
pub(super) struct TestServer {
    inside: Mutex<Inside>,
    /// Held by tests that hold pipelines up.
    pub(super) barrier: Mutex<()>,
}

/// What a server says when it refuses.
pub(super) fn refused(code: &str, details: &str) -> Value {
    redis::parse_redis_value(format!("-{code} {details}\r\n").as_bytes()).expect("an answer")
}

impl TestServer {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("no panic")
    }

    /// Goes wrong like this, and then not any more.
    pub(super) fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.inside().next.extend(faults);
    }

    /// Goes wrong like this until told otherwise.
    pub(super) fn fail_always(&self, fault: Fault) {
        self.inside().always = Some(fault);
    }

    /// Elements of a list, decoded.
    pub(super) fn list(&self, key: &str) -> Vec<Json> {
        let inside = self.inside();
        let elements = inside.lists.get(key).into_iter().flatten();
        elements.map(|element| serde_json::from_str(element).expect("JSON")).collect()
    }

    pub(super) fn hash(&self, key: &str) -> BTreeMap<String, String> {
        self.inside().hashes.get(key).cloned().unwrap_or_default()
    }

    /// Names of the commands of each pipeline so far.
    pub(super) fn take_asked(&self) -> Vec<Vec<String>> {
        let asked = std::mem::take(&mut self.inside().asked);
        asked.into_iter().map(|pipeline| pipeline.into_iter().map(|mut command| command.remove(0)).collect()).collect()
    }
}

impl Inside {
    fn execute(&mut self, command: &[String]) -> Value {
        let parts: Vec<&str> = command.iter().map(String::as_str).collect();
        let int = |number: usize| Value::Int(i64::try_from(number).expect("small"));
        match *parts {
            ["RPUSH", key, ref elements @ ..] if !elements.is_empty() => {
                let list = self.lists.entry(key.to_owned()).or_default();
                list.extend(elements.iter().map(|&element| element.to_owned()));
                int(list.len())
            }
            ["HINCRBY", key, field, by] => {
                let hash = self.hashes.entry(key.to_owned()).or_default();
                let number = hash.entry(field.to_owned()).or_insert_with(|| "0".to_owned());
                let Ok(before) = number.parse::<i64>() else { return refused("ERR", "hash value is not an integer") };
                let sum = before + by.parse::<i64>().expect("a number");
                *number = sum.to_string();
                Value::Int(sum)
            }
            ["HLEN", key] => int(self.hashes.get(key).map_or(0, BTreeMap::len)),
            ["HSET", key, field, value] => {
                self.hashes.entry(key.to_owned()).or_default().insert(field.to_owned(), value.to_owned());
                int(1)
            }
            ["EXPIRE", key, seconds] => {
                self.expiries.insert(key.to_owned(), seconds.parse().expect("a number"));
                int(1)
            }
            _ => refused("ERR", "unknown command"),
        }
    }
}

impl Server for TestServer {
    fn ask(&self, commands: &Pipeline, purpose: Purpose, until: Option<Instant>) -> Result<Vec<Value>, RedisError> {
        assert_eq!(purpose, Purpose::Write);
        let commands: Vec<Vec<String>> = commands
            .cmd_iter()
            .map(|command| {
                let text = |arg| match arg {
                    Arg::Simple(bytes) => String::from_utf8(Vec::from(bytes)).expect("text"),
                    _ => panic!("a cursor"),
                };
                command.args_iter().map(text).collect()
            })
            .collect();
        assert!(!commands.is_empty());
        let mut inside = self.inside();
        let is_expiry = commands.iter().all(|command| command[0] == "EXPIRE");
        inside.asked.push(commands.clone());
        let fault = if is_expiry { None } else { inside.next.pop_front() }.or(inside.always).unwrap_or(Fault::Nothing);
        let endpoint: Box<str> = "test:6379".into();
        if until.is_some_and(|until| until < Instant::now()) {
            return Err(RedisError::Timeout { endpoint });
        }
        match fault {
            Fault::Gone => Err(RedisError::Connect { endpoint, cause: std::io::ErrorKind::ConnectionRefused.into() }),
            Fault::Closed => Err(RedisError::Closed),
            Fault::Holds => {
                inside.waiting += 1;
                drop(inside);
                drop(self.barrier.lock().expect("no panic"));
                let mut inside = self.inside();
                inside.waiting -= 1;
                Ok(commands.iter().map(|command| inside.execute(command)).collect())
            }
            Fault::Panics => {
                drop(inside);
                panic!("as the test wants it")
            }
            Fault::Silent => {
                commands.iter().for_each(|command| drop(inside.execute(command)));
                Err(RedisError::Timeout { endpoint })
            }
            Fault::Refuses(name) => Ok(commands
                .iter()
                .map(|command| if command[0] == name { refused("OOM", "no memory") } else { inside.execute(command) })
                .collect()),
            Fault::Nothing => Ok(commands.iter().map(|command| inside.execute(command)).collect()),
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(5)
    }
}
