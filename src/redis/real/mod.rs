//! Against real servers, started here: what only they can show.
//!
//! `scripts/setup` installs `redis-server` and `redis-cli`; without them these tests fail.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::redis::{Pipeline, Value};
use tempfile::TempDir;

mod groups;
mod secure;

use super::fake::{commands, connected, eventually, logged, refused};
use super::{Purpose, RedisError, Server};
use crate::logging::Level;

/// A server of Redis's programs, stopped when dropped.
struct Program {
    port: u16,
    child: Child,
    _directory: TempDir,
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
            "port {port}\nsentinel monitor themaster 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds themaster 500\nsentinel failover-timeout themaster 1000\n\
             {options}\n"
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
        Program { port, child, _directory: directory }
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

    /// What `redis-cli` says with a password.
    fn cli_as(&self, password: &str, arguments: &[&str]) -> String {
        self.cli(&[&["--no-auth-warning", "-a", password][..], arguments].concat())
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

#[test]
fn large_answers() {
    let server = Program::start("");
    let redis = connected(&format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {}}}"#, server.port));
    let large = "x".repeat(5_000_000);
    assert_eq!(redis.write(&format!("RPUSH large {large}")), Ok(1));
    assert_eq!(redis.read("LINDEX large 0"), Ok(large));
    let many = vec!["LPUSH many a"; 20_000];
    assert_eq!(redis.all(Purpose::Write, &many).expect("answers").len(), many.len());
    assert_eq!(redis.read("LRANGE many 0 -1").map(|all: Vec<String>| all.len()), Ok(many.len()));
}

#[test]
fn a_user_who_may_only_do_what_is_needed() {
    let server = Program::start(
        "user default off\nuser ann on >pass-word ~SPLITIO.* -@all +ping +auth +select +get +mget +smembers \
         +sismember +scan +rpush +expire +hset +hincrby +hlen",
    );
    let options = |more: &str| format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {}{more}}}"#, server.port);
    let ann = r#", "redisDb": 1, "redisUsername": "ann", "redisPassword": "pass-word""#;
    let redis = connected(&options(ann));
    assert_eq!(redis.write("RPUSH SPLITIO.events a"), Ok(1));
    assert_eq!(redis.write("EXPIRE SPLITIO.events 3600"), Ok(1));
    assert_eq!(redis.read("MGET SPLITIO.split.a SPLITIO.split.b"), Ok(vec![None::<String>, None]));
    let refusal = redis.read::<String>("GET other").expect_err("no permission");
    assert!(refusal.starts_with("NOPERM"), "{refusal}");
    for (more, message) in [
        ("", "answered: NOAUTH "),
        (r#", "redisPassword": "pass-word""#, "answered: WRONGPASS "),
        (r#", "redisUsername": "ann", "redisPassword": "wr0ng""#, "answered: WRONGPASS "),
    ] {
        let error = refused(&options(more));
        assert!(error.contains(message) && !error.contains("pass-word") && !error.contains("wr0ng"), "{error}");
    }
}

#[test]
fn a_unix_socket() {
    let sockets = tempfile::tempdir().expect("a directory");
    let path = sockets.path().join("redis.sock");
    let _server = Program::start(&format!("unixsocket {}", path.display()));
    let redis = connected(&format!(r#"{{"redisUnixSocketPath": {path:?}, "redisDb": 2}}"#));
    assert_eq!(redis.write("RPUSH l a b"), Ok(2));
}

#[test]
fn an_ipv6_address_and_keepalive() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("not tested: this machine has no IPv6");
        return;
    }
    let server = Program::start("bind ::1");
    for options in ["", r#", "redisSocketKeepaliveOptions": {"idle": 10, "interval": 5, "count": 3}"#] {
        let redis = connected(&format!(
            r#"{{"redisHost": "::1", "redisPort": {}, "redisSocketKeepalive": true{options}}}"#,
            server.port
        ));
        assert_eq!(redis.read("GET a"), Ok(None::<String>));
    }
}

#[test]
fn b30_a_server_that_stops_hangs_and_comes_back() {
    let mut server = Program::start("");
    let (redis, lines) = logged(&format!(
        r#"{{"redisHost": "127.0.0.1", "redisPort": {}, "redisSocketTimeout": 0.5, "redisSocketConnectTimeout": 1}}"#,
        server.port
    ));
    let redis = redis.expect("a connection");
    assert_eq!(redis.write("RPUSH l a"), Ok(1));
    server.signal("-STOP");
    let begun = Instant::now();
    redis.read::<i64>("LLEN l").expect_err("no answer");
    redis.read::<i64>("LLEN l").expect_err("no answer");
    let hung = begun.elapsed();
    assert!(hung > Duration::from_millis(1500) && hung < Duration::from_secs(4), "{hung:?}");
    server.signal("-CONT");
    eventually("an answer", || redis.read("GET none") == Ok(None::<String>));

    server.kill();
    let begun = Instant::now();
    let error = redis.read::<i64>("LLEN l").expect_err("no server");
    assert!(error.contains("cannot connect") && begun.elapsed() < Duration::from_millis(900), "{error}");
    let _server = Program::start_at(server.port, "");
    // A connection of before the end is not used for a push.
    eventually("an answer", || redis.write("RPUSH l a") == Ok(1));
    assert_eq!((lines.count(Level::Error), lines.count(Level::Info)), (1, 1), "{:?}", lines.lines());
}
