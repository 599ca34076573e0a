//! A server that says what a test wants, and remembers what it was told.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ::redis::{FromRedisValue, Parser, Pipeline, Value, from_redis_value};
use parking_lot::Mutex;

use super::{Purpose, Redis, RedisError, Server};
use crate::config::Settings;
use crate::descriptors::Descriptors;
use crate::logging::{Level, Logger, Recorded};

/// Listens until the end of the program's life: its threads wait for connections that never come.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

/// A connection, seen from the server.
pub(super) struct Peer {
    /// Counted from 0.
    pub(super) number: usize,
    pub(super) stream: TcpStream,
    parser: Parser,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// A server that treats each connection so.
    pub(super) fn new(treat: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let fake = Fake { port: listener.local_addr().expect("an address").port(), heard: Arc::default() };
        let (heard, treat) = (Arc::clone(&fake.heard), Arc::new(treat));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let stream = stream.expect("a connection");
                let mut peer = Peer { number, stream, parser: Parser::new(), heard: Arc::clone(&heard) };
                let treat = Arc::clone(&treat);
                thread::spawn(move || treat(&mut peer));
            }
        });
        fake
    }

    /// A server that answers each command but `PING` so; connections end where that is nothing.
    pub(super) fn answering(answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Fake::new(move |peer| {
            while let Some(command) = peer.command() {
                match if command == "PING" { Some("+PONG\r\n".to_owned()) } else { answer(&command) } {
                    Some(text) => peer.say(&text),
                    None => return,
                }
            }
        })
    }

    /// The commands so far but `PING`, each as one line.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().iter().filter(|command| *command != "PING").cloned().collect()
    }

    pub(super) fn heard_pings(&self) -> usize {
        self.heard.lock().iter().filter(|command| *command == "PING").count()
    }

    /// Options that lead to it, and more of them.
    pub(super) fn options(&self, more: &str) -> String {
        format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {}{more}}}"#, self.port)
    }
}

impl Peer {
    /// The next command as one line; nothing when the client has gone.
    pub(super) fn command(&mut self) -> Option<String> {
        let words: Vec<String> = from_redis_value(self.parser.parse_value(&mut self.stream).ok()?).expect("words");
        let line = words.join(" ");
        self.heard.lock().push(line.clone());
        Some(line)
    }

    pub(super) fn say(&mut self, text: &str) {
        // The client may be gone, which is what some tests are about.
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Answers the question with which a connection begins.
    pub(super) fn greet(&mut self) {
        assert_eq!(self.command().as_deref(), Some("PING"));
        self.say("+PONG\r\n");
    }

    /// Waits until the client closes.
    pub(super) fn linger(&mut self) {
        while self.stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    }
}

/// A bulk text of Redis.
pub(super) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// Connects by options in JSON; and the log, from information on.
pub(super) fn logged(json: &str) -> (Result<Redis, RedisError>, Recorded) {
    let mut settings = Settings::new();
    settings.merge_json(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let config = settings.resolve(false).unwrap_or_else(|error| panic!("{json}: {error}")).0.redis;
    let (log, lines) = Logger::recording(Level::Info);
    (Redis::connect(&config, Arc::new(Descriptors::default()), log), lines)
}

pub(super) fn connected(json: &str) -> Redis {
    logged(json).0.unwrap_or_else(|error| panic!("{json}: {error}"))
}

pub(super) fn refused(json: &str) -> String {
    match logged(json).0 {
        Err(error) => error.to_string(),
        Ok(_) => panic!("connected by {json}"),
    }
}

/// Commands, a line each.
pub(super) fn commands(lines: &[&str]) -> Pipeline {
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
    pub(super) fn all(&self, purpose: Purpose, lines: &[&str]) -> Result<Vec<Value>, RedisError> {
        self.ask(&commands(lines), purpose, None)
    }

    fn told<T: FromRedisValue>(&self, purpose: Purpose, line: &str) -> Result<T, String> {
        let values = self.all(purpose, &[line]).map_err(|error| error.to_string())?;
        match values.into_iter().next().expect("an answer") {
            Value::ServerError(error) => Err(super::connection::text_of(&error)),
            value => Ok(from_redis_value(value).unwrap_or_else(|error| panic!("{line}: {error}"))),
        }
    }

    /// The answer to a command that may be repeated.
    pub(super) fn read<T: FromRedisValue>(&self, line: &str) -> Result<T, String> {
        self.told(Purpose::Read, line)
    }

    /// The answer to a command that may not.
    pub(super) fn write<T: FromRedisValue>(&self, line: &str) -> Result<T, String> {
        self.told(Purpose::Write, line)
    }
}

pub(super) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "still not: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
