//! Against real servers, started here: what only they can show.
//!
//! `scripts/setup` installs `redis-server` and `redis-cli`; without them these tests fail.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ::redis::{FromRedisValue, Pipeline, Value, from_redis_value};
use tempfile::TempDir;

use super::{Purpose, Redis, RedisError, Server};
use crate::config::Settings;
use crate::descriptors::Descriptors;
use crate::logging::{Level, Logger, Recorded};

/// A server of Redis's programs, stopped when dropped.
struct Program {
    port: u16,
    child: Child,
    directory: TempDir,
}

/// A port that nobody listened to a moment ago. Below the ephemeral ones, so that no connection takes it meanwhile; the
/// port of a cluster's bus, 10000 above, is free too.
fn port() -> u16 {
    for _ in 0..1000 {
        let port = fastrand::u16(12_000..22_000);
        if [port, port + 10_000].into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
    panic!("no port is free");
}

impl Program {
    /// A plain server with more options.
    fn start(options: &str) -> Self {
        Self::start_at(port(), options)
    }

    fn start_at(port: u16, options: &str) -> Self {
        Self::run(port, &[], &format!("port {port}\n{options}"))
    }

    /// A sentinel of the master "themaster".
    fn sentinel(master: u16, options: &str) -> Self {
        let port = port();
        let text = format!(
            "port {port}\n{options}\nsentinel monitor themaster 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds themaster 500\nsentinel failover-timeout themaster 3000\n"
        );
        Self::run(port, &["--sentinel"], &text)
    }

    fn run(port: u16, arguments: &[&str], options: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        let text = format!("bind 127.0.0.1\nsave \"\"\ndir {}\n{options}\n", path.display());
        fs::write(path.join("redis.conf"), text).expect("a configuration");
        let mut child = Command::new("redis-server")
            .arg(path.join("redis.conf"))
            .args(arguments)
            .stdout(fs::File::create(path.join("log")).expect("a log"))
            .stdin(Stdio::null())
            .spawn()
            .expect("redis-server, which scripts/setup installs");
        let log = || fs::read_to_string(path.join("log")).unwrap_or_default();
        eventually("a server that listens", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("redis-server ended with {status}: {}", log());
            }
            log().contains("eady to accept connections") || log().contains("Sentinel ID is")
        });
        Program { port, child, directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What `redis-cli` says.
    fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .expect("redis-cli, which scripts/setup installs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn kill(&mut self) {
        self.child.kill().expect("a server to kill");
        self.child.wait().expect("its end");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status().expect("kill");
        assert!(status.success(), "{name}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "still not: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn logged(json: &str) -> (Result<Redis, RedisError>, Recorded) {
    let mut settings = Settings::new();
    settings.merge_json(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let config = settings.resolve(false).unwrap_or_else(|error| panic!("{json}: {error}")).0.redis;
    let (log, lines) = Logger::recording(Level::Info);
    (Redis::connect(&config, Arc::new(Descriptors::default()), log), lines)
}

fn connected(json: &str) -> Redis {
    logged(json).0.unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn refused(json: &str) -> String {
    match logged(json).0 {
        Err(error) => error.to_string(),
        Ok(_) => panic!("connected by {json}"),
    }
}

fn commands(lines: &[&str]) -> Pipeline {
    let mut commands = Pipeline::new();
    for line in lines {
        let mut words = line.split(' ');
        let command = commands.cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            command.arg(word);
        });
    }
    commands
}

impl Redis {
    fn told<T: FromRedisValue>(&self, purpose: Purpose, line: &str) -> Result<T, String> {
        let values = self.ask(&commands(&[line]), purpose, None).map_err(|error| error.to_string())?;
        match values.into_iter().next().expect("an answer") {
            Value::ServerError(error) => Err(error.to_string()),
            value => Ok(from_redis_value(value).unwrap_or_else(|error| panic!("{line}: {error}"))),
        }
    }

    fn read<T: FromRedisValue>(&self, line: &str) -> Result<T, String> {
        self.told(Purpose::Read, line)
    }

    fn write<T: FromRedisValue>(&self, line: &str) -> Result<T, String> {
        self.told(Purpose::Write, line)
    }
}

#[test]
fn a_standalone_server() {
    let server = Program::start("");
    let redis = connected(&format!(r#"{{"redisHost": "localhost", "redisPort": {}, "redisDb": 3}}"#, server.port));
    let values =
        redis.ask(&commands(&["SET a 1", "GET a", "GET none", "LPUSH a 1", "MGET a none"]), Purpose::Write, None);
    let values = values.expect("answers");
    assert_eq!(values[..3], [Value::Okay, Value::BulkString(b"1".into()), Value::Nil]);
    assert!(matches!(&values[3], Value::ServerError(error) if error.code() == "WRONGTYPE"), "{values:?}");
    assert_eq!(values[4], Value::Array(vec![Value::BulkString(b"1".into()), Value::Nil]));
    assert_eq!(server.cli(&["-n", "3", "GET", "a"]).trim(), "1");
    assert_eq!(redis.ask(&Pipeline::new(), Purpose::Read, None).expect("nothing"), []);
    let (cursor, keys): (u64, Vec<String>) = redis.read("SCAN 0 MATCH * COUNT 1000").expect("keys");
    assert_eq!((cursor, keys), (0, vec!["a".to_owned()]));
    redis.close();
    assert!(matches!(redis.ask(&commands(&["GET a"]), Purpose::Read, None), Err(RedisError::Closed)));
    eventually("no client", || server.cli(&["CLIENT", "LIST", "TYPE", "normal"]).lines().count() == 1);
}
