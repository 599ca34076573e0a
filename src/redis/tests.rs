//! What becomes of commands when a server misbehaves. Several that stand in for each other: `group_tests.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::redis::Value;

use super::fake::{Fake, Peer, bulk, commands, connected, eventually, logged, refused};
use super::{Purpose, RedisError, Server};
use crate::logging::Level;

const SHORT: &str = r#", "redisSocketTimeout": 0.4"#;

/// The time that something takes must be about the time-out of [`SHORT`], or some times it.
fn assert_took(begun: Instant, times: u32, what: &str) {
    let (took, expected) = (begun.elapsed(), Duration::from_millis(400) * times);
    assert!(took >= expected && took < expected + Duration::from_secs(2), "{what}: {took:?}");
}

#[test]
fn how_a_connection_begins() {
    for (options, expected) in [
        ("", &["GET a"][..]),
        (r#", "redisPassword": "secret""#, &["AUTH secret", "GET a"]),
        (
            r#", "redisPassword": "secret", "redisUsername": "ann", "redisDb": 3"#,
            &["AUTH ann secret", "SELECT 3", "GET a"],
        ),
        (r#", "redisUsername": "ann", "redisDb": 3"#, &["SELECT 3", "GET a"]),
    ] {
        let fake = Fake::answering(|_| Some("+OK\r\n".to_owned()));
        let redis = connected(&fake.options(options));
        redis.read::<String>("GET a").expect("OK");
        assert_eq!(
            (fake.heard(), fake.heard_pings()),
            (expected.iter().map(|&c| c.to_owned()).collect(), 1),
            "{options}"
        );
        assert!(!format!("{redis:?}").contains("secret"), "{redis:?}");
    }
}

#[test]
fn who_is_turned_away() {
    let secret = r#", "redisPassword": "secret""#;
    for (answer, options, message) in [
        ("-WRONGPASS no such user\r\n", secret, "answered: WRONGPASS no such user"),
        (
            "-ERR unknown command `AUTH`, with args beginning with: `secret`, \r\n",
            secret,
            "answered: ERR unknown command `AUTH`",
        ),
        (
            "-ERR unknown command 'AUTH', with args beginning with: 'secr\r\n",
            secret,
            "answered: ERR unknown command 'AUTH'",
        ),
        ("-NOAUTH Authentication required.\r\n", "", "answered: NOAUTH Authentication required."),
        ("-LOADING Redis is loading\r\n", "", "answered: LOADING Redis is loading"),
        (
            "HTTP/1.1 400 Bad Request\r\n\r\n",
            "",
            "answered: something that Redis does not say; is it another kind of server, or one with TLS?",
        ),
    ] {
        let fake = Fake::new(move |peer| {
            while peer.command().is_some() {
                peer.say(answer);
            }
        });
        let expected = format!("Redis at 127.0.0.1:{} {message}", fake.port);
        assert_eq!(refused(&fake.options(options)), expected);
    }
    // Said without being asked, before the end.
    let full = Fake::new(|peer| peer.say("-ERR max number of clients reached\r\n"));
    let message = refused(&full.options(r#", "redisPassword": "secret""#));
    assert!(message.ends_with("answered: ERR max number of clients reached"), "{message}");
    let message = refused(r#"{"redisHost": "127.0.0.1", "redisPort": 1}"#);
    assert!(message.starts_with("cannot connect to Redis at 127.0.0.1:1: "), "{message}");
    let message = refused(r#"{"redisUnixSocketPath": "/nowhere/redis.sock"}"#);
    assert!(message.starts_with("cannot connect to Redis at /nowhere/redis.sock: "), "{message}");
    // Who may not ask for a sign of life has got one.
    let fake = Fake::new(|peer| {
        while peer.command().is_some() {
            peer.say("-NOPERM this user has no permissions to run the 'ping' command\r\n");
        }
    });
    connected(&fake.options(""));
}

#[test]
fn silence_and_drops_end_at_the_deadline() {
    let silent = Fake::new(Peer::linger);
    let begun = Instant::now();
    let message = refused(&silent.options(r#", "redisSocketConnectTimeout": 0.4"#));
    assert!(message.ends_with("did not answer in time"), "{message}");
    assert_took(begun, 1, "a server that says nothing from the beginning");

    for (what, treat) in [
        ("a server that says nothing", (|peer| peer.linger()) as fn(&mut Peer)),
        ("a server that drips", |peer| {
            peer.command();
            peer.say("$100000\r\n");
            for _ in 0..1000 {
                peer.say("x");
                thread::sleep(Duration::from_millis(10));
            }
        }),
        ("a server that never reads", |_| thread::sleep(Duration::from_secs(10))),
    ] {
        let fake = Fake::new(move |peer| {
            peer.greet();
            treat(peer);
        });
        let redis = connected(&fake.options(SHORT));
        let begun = Instant::now();
        let many = format!("GET {}", "x".repeat(30_000_000));
        let error = redis.all(Purpose::Read, &[&many]).expect_err(what);
        assert!(matches!(error, RedisError::Timeout { .. }), "{what}: {error}");
        assert_took(begun, 1, what);
        // The caller's own limit is the shorter one, on a new connection.
        let begun = Instant::now();
        let until = begun + Duration::from_millis(50);
        redis.ask(&commands(&["GET a"]), Purpose::Read, Some(until)).expect_err(what);
        assert!(begun.elapsed() < Duration::from_millis(390), "{what}: {:?}", begun.elapsed());
    }
}

#[test]
fn connections_that_were_closed_at_rest_are_replaced() {
    let fake = Fake::new(|peer| {
        peer.greet();
        peer.command();
        peer.say(":1\r\n");
        // The next one finds the end, or what nobody asked for.
        if peer.number == 0 {
            peer.say("+surprise\r\n");
            peer.linger();
        }
    });
    let redis = connected(&fake.options(""));
    for purpose in [Purpose::Read, Purpose::Write, Purpose::Write] {
        assert_eq!(redis.all(purpose, &["RPUSH l a"]).expect("an answer"), [Value::Int(1)]);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(fake.heard().len(), 3);
}

#[test]
fn what_may_have_been_done_is_not_sent_again() {
    let retry = format!(r#"{SHORT}, "redisRetryOnTimeout": true"#);
    for (breaks, options, purpose, times) in [
        (true, SHORT, Purpose::Read, 2),
        (true, SHORT, Purpose::Write, 1),
        (false, SHORT, Purpose::Read, 1),
        (false, SHORT, Purpose::Write, 1),
        (false, &retry, Purpose::Read, 2),
        (false, &retry, Purpose::Write, 1),
    ] {
        let fake = Fake::new(move |peer| {
            peer.greet();
            while peer.command().is_some() {
                if peer.number > 0 {
                    peer.say(":1\r\n");
                } else if breaks {
                    return;
                }
            }
        });
        let redis = connected(&fake.options(options));
        let answer = redis.all(purpose, &["RPUSH l a"]);
        assert_eq!((answer.is_ok(), fake.heard().len()), (times == 2, times), "{breaks} {options} {purpose:?}");
    }
}

/// A path that has died keeps its connections open, and swallows what is sent.
#[test]
fn one_time_out_condemns_all_connections() {
    let fake = Fake::new(|peer| {
        peer.greet();
        while let Some(command) = peer.command() {
            if peer.number < 4 && command == "GET b" {
                return peer.linger();
            }
            thread::sleep(Duration::from_millis(20));
            peer.say(":1\r\n");
        }
    });
    let redis = connected(&fake.options(SHORT));
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| assert_eq!(redis.read("GET a"), Ok(1))))));
    assert_eq!(fake.heard_pings(), 4);
    let error = redis.all(Purpose::Read, &["GET b"]).expect_err("no answer");
    assert!(matches!(error, RedisError::Timeout { .. }), "{error}");
    assert_eq!((redis.read("GET b"), fake.heard_pings()), (Ok(1), 5));
}

#[test]
fn who_has_little_time_left_condemns_nobody() {
    let fake = Fake::answering(|_| {
        thread::sleep(Duration::from_millis(200));
        Some(":1\r\n".to_owned())
    });
    let (redis, lines) = logged(&fake.options(SHORT));
    let redis = redis.expect("a connection");
    thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(|| assert_eq!(redis.read("GET a"), Ok(1))))));
    let soon = Some(Instant::now() + Duration::from_millis(100));
    let error = redis.ask(&commands(&["RPUSH l a"]), Purpose::Write, soon).expect_err("too slow");
    assert!(matches!(error, RedisError::Timeout { .. }), "{error}");
    // What cannot be answered in time is not even sent.
    let error = redis.ask(&commands(&["RPUSH l b"]), Purpose::Write, Some(Instant::now())).expect_err("too late");
    assert!(matches!(error, RedisError::Timeout { .. }), "{error}");
    assert_eq!((redis.pool.is_current(0), lines.count(Level::Error)), (true, 0), "{:?}", lines.lines());
    assert_eq!(redis.read("GET c"), Ok(1));
    assert!(!fake.heard().contains(&"RPUSH l b".to_owned()), "{:?}", fake.heard());
}

#[test]
fn calls_fail_fast_though_none_has_the_time_that_an_attempt_may_take() {
    let fake = Fake::new(|peer| {
        if peer.number == 0 {
            peer.greet();
        }
        peer.linger();
    });
    let redis = connected(&fake.options(r#", "redisSocketTimeout": 0.3"#));
    let call = || {
        let begun = Instant::now();
        let until = Some(begun + Duration::from_millis(600));
        redis.ask(&commands(&["GET a"]), Purpose::Read, until).expect_err("silence");
        begun.elapsed()
    };
    let first = [call(), call()];
    assert!(first.iter().all(|took| *took < Duration::from_millis(900)), "{first:?}");
    let rest: Vec<_> = (0..20).map(|_| call()).collect();
    let slow = rest.iter().filter(|took| **took >= Duration::from_millis(100)).count();
    // The pause may end among them, and one tries again.
    assert!(slow <= 1, "{rest:?}");
}

#[test]
fn the_pool_has_its_limit() {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&open), Arc::clone(&most));
    let fake = Fake::new(move |peer| {
        counts.1.fetch_max(counts.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        peer.greet();
        while peer.command().is_some() {
            thread::sleep(Duration::from_millis(2));
            peer.say(":1\r\n");
        }
        counts.0.fetch_sub(1, Ordering::SeqCst);
    });
    let redis = connected(&fake.options(r#", "redisMaxConnections": 3"#));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(redis.read("GET a"), Ok(1))));
        }
    });
    assert_eq!((fake.heard().len(), most.load(Ordering::SeqCst)), (400, 3));
    redis.close();
    eventually("no connection is open", || open.load(Ordering::SeqCst) == 0);
}

#[test]
fn who_finds_no_free_connection_waits_and_no_longer_than_for_an_answer() {
    let fake = Fake::new(|peer| {
        peer.greet();
        while let Some(command) = peer.command() {
            if command == "GET slow" {
                thread::sleep(Duration::from_millis(800));
            }
            peer.say(":1\r\n");
        }
    });
    let redis = connected(&fake.options(r#", "redisMaxConnections": 1, "redisSocketTimeout": 0.5"#));
    thread::scope(|scope| {
        let slow = scope.spawn(|| redis.read::<i64>("GET slow"));
        eventually("the slow one is under way", || fake.heard() == ["GET slow"]);
        let begun = Instant::now();
        let until = Some(begun + Duration::from_millis(250));
        let error = redis.ask(&commands(&["GET a"]), Purpose::Read, until).expect_err("no connection");
        assert!(matches!(error, RedisError::Busy { .. }) && begun.elapsed() < Duration::from_millis(490), "{error}");
        // The slow one is given up before the time of the next is over.
        assert_eq!(redis.read("GET a"), Ok(1));
        assert!(slow.join().expect("no panic").is_err());
    });
    thread::scope(|scope| {
        let slow = scope.spawn(|| redis.read::<i64>("GET slow"));
        eventually("the slow one is under way", || fake.heard().len() == 3);
        let waiting = scope.spawn(|| redis.all(Purpose::Read, &["GET a"]));
        thread::sleep(Duration::from_millis(50));
        redis.close();
        assert!(matches!(waiting.join().expect("no panic"), Err(RedisError::Closed)));
        assert!(slow.join().expect("no panic").is_err_and(|error| error.ends_with("did not answer in time")));
    });
}

#[test]
fn b30_an_outage_is_quick_and_two_lines() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serve = |listener: std::net::TcpListener| {
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            drop(listener);
            let mut parser = ::redis::Parser::new();
            while let Ok(command) = parser.parse_value(&mut stream) {
                if matches!(&command, Value::Array(words) if words[0] == Value::BulkString(b"QUIT".into())) {
                    return;
                }
                std::io::Write::write_all(&mut stream, b":1\r\n").expect("a client");
            }
        })
    };
    let server = serve(listener);
    let (redis, lines) = logged(&format!(r#"{{"redisHost": "127.0.0.1", "redisPort": {port}}}"#));
    let redis = redis.expect("a connection");
    assert_eq!(redis.read("GET a"), Ok(1));
    redis.write::<i64>("QUIT").expect_err("no answer");
    server.join().expect("no panic");
    let begun = Instant::now();
    for _ in 0..1000 {
        redis.read::<i64>("GET a").expect_err("nobody is there");
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let server = serve(std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port again"));
    eventually("an answer", || redis.read("GET a") == Ok(1));
    assert_eq!((lines.count(Level::Error), lines.count(Level::Info)), (1, 1), "{:?}", lines.lines());
    redis.close();
    server.join().expect("no panic");
}

#[test]
fn what_a_replica_refuses_goes_to_the_next_connection() {
    let fake = Fake::new(|peer| {
        peer.greet();
        while let Some(command) = peer.command() {
            match (&*command, peer.number) {
                ("GET a", _) => peer.say(&bulk("a")),
                (_, 1) => peer.say(":1\r\n"),
                _ => peer.say("-READONLY You can't write against a read only replica.\r\n"),
            }
        }
    });
    let redis = connected(&fake.options(""));
    let values = redis.all(Purpose::Write, &["RPUSH l a", "GET a", "HINCRBY h f 1"]).expect("answers");
    assert_eq!(values, [Value::Int(1), Value::BulkString(b"a".into()), Value::Int(1)]);
    assert_eq!(fake.heard(), ["RPUSH l a", "GET a", "HINCRBY h f 1", "RPUSH l a", "HINCRBY h f 1"]);

    // Where nobody takes writes, not every call looks for another server.
    let fake = Fake::answering(|_| Some("-READONLY You can't write against a read only replica.\r\n".to_owned()));
    let redis = connected(&fake.options(""));
    for _ in 0..100 {
        let refusal = redis.write::<i64>("RPUSH l a").expect_err("read-only");
        assert!(refusal.starts_with("READONLY"), "{refusal}");
    }
    assert!(fake.heard().len() <= 103 && fake.heard_pings() <= 4, "{} {}", fake.heard().len(), fake.heard_pings());
}

#[test]
fn an_answer_to_one_is_never_an_answer_to_another() {
    let fake = Fake::answering(|command| {
        if command.ends_with("late") {
            thread::sleep(Duration::from_millis(800));
        }
        Some(bulk(command))
    });
    let redis = connected(&fake.options(SHORT));
    thread::scope(|scope| {
        for thread in 0..4 {
            let redis = &redis;
            scope.spawn(move || {
                for call in 0..50 {
                    let late = if call % 25 == 24 { "late" } else { "" };
                    let command = format!("GET {thread}.{call}{late}");
                    match redis.read::<String>(&command) {
                        Ok(answer) => assert_eq!(answer, command),
                        Err(error) => assert!(!late.is_empty(), "{command}: {error}"),
                    }
                }
            });
        }
    });
}
