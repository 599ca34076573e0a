//! What becomes of commands when it has to be found out which server they are for: sentinels, and clusters whose slots move.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::redis::Value;

use super::fake::{Fake, bulk, connected, refused};
use super::{Keys, Purpose};
use crate::logging::Level;

#[test]
fn b31_sentinels_are_asked_in_turn() {
    let master = Fake::answering(|command| {
        Some(match command {
            "ROLE" => format!("*3\r\n{}:0\r\n*0\r\n", bulk("master")),
            command => bulk(command),
        })
    });
    let replica = Fake::answering(|_| Some(format!("*2\r\n{}:0\r\n", bulk("slave"))));
    let names = |port: u16| {
        Fake::answering(move |command| {
            Some(match command {
                "SENTINEL GET-MASTER-ADDR-BY-NAME m" => {
                    format!("*2\r\n{}{}", bulk("127.0.0.1"), bulk(&port.to_string()))
                }
                _ => "+OK\r\n".to_owned(),
            })
        })
    };
    let (ignorant, outdated, right) =
        (Fake::answering(|_| Some("*-1\r\n".to_owned())), names(replica.port), names(master.port));
    let options = |sentinels: &[u16], more: &str| {
        let sentinels: Vec<_> = sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        format!(
            r#"{{"redisSentinels": {sentinels:?}, "redisMasterService": "m", "redisPassword": "secret", "redisDb": 3{more}}}"#
        )
    };
    let redis = connected(&options(&[1, ignorant.port, outdated.port, right.port], ""));
    assert_eq!(redis.read("GET a"), Ok("GET a".to_owned()));
    assert_eq!(master.heard(), ["AUTH secret", "SELECT 3", "ROLE", "GET a"]);
    let question = "SENTINEL GET-MASTER-ADDR-BY-NAME m";
    for sentinel in [&ignorant, &outdated, &right] {
        assert_eq!((sentinel.heard(), sentinel.heard_pings()), (vec![question.to_owned()], 1));
    }
    // The one that was right is asked first, and the others no more.
    redis.pool.renew(0);
    assert_eq!(redis.read("GET b"), Ok("GET b".to_owned()));
    assert_eq!((right.heard().len(), outdated.heard().len(), ignorant.heard().len()), (2, 1, 1));

    connected(&options(&[right.port], r#", "redisSentinelPassword": "other", "redisSentinelUsername": "sue""#));
    assert_eq!(right.heard()[2..], ["AUTH sue other", question]);

    let message = refused(&options(&[1, ignorant.port, outdated.port], ""));
    let expected = format!(
        "cannot connect to Redis at the master m of sentinels 127.0.0.1:1, 127.0.0.1:{i}, 127.0.0.1:{o}: master not \
         found: sentinel 127.0.0.1:1: cannot connect to Redis at 127.0.0.1:1: Connection refused (os error 111); \
         sentinel 127.0.0.1:{i} does not know it; 127.0.0.1:{r} is said to be the master and is not",
        i = ignorant.port,
        o = outdated.port,
        r = replica.port,
    );
    assert_eq!(message, expected);
}

#[test]
fn a_dead_master_costs_its_time_once_whoever_names_it() {
    let silent = Fake::new(|peer| {
        peer.command();
        peer.linger();
    });
    let port = silent.port;
    let namers = [(); 3].map(|()| {
        Fake::answering(move |command| {
            let (host, port) = (bulk("127.0.0.1"), port.to_string());
            Some(match command {
                "CLUSTER SLOTS" => format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n{host}:{port}\r\n"),
                _ => format!("*2\r\n{host}{}", bulk(&port)),
            })
        })
    });
    let nodes: Vec<_> = namers.iter().map(|fake| format!("127.0.0.1:{}", fake.port)).collect();
    for (options, pings) in [
        (format!(r#"{{"redisSentinels": {nodes:?}, "redisMasterService": "m""#), 1),
        (format!(r#"{{"redisClusterNodes": {nodes:?}"#), 2),
    ] {
        let begun = Instant::now();
        let error = refused(&format!(r#"{options}, "redisSocketConnectTimeout": 1.5}}"#));
        let took = begun.elapsed();
        assert!(took > Duration::from_millis(400) && took < Duration::from_millis(1400), "{took:?}: {error}");
        assert!(error.contains(&format!("Redis at 127.0.0.1:{port} did not answer in time")), "{error}");
        assert!(error.ends_with(&format!("{} names 127.0.0.1:{port} too", nodes[2])), "{error}");
        assert_eq!(silent.heard_pings(), pings, "{options}");
    }
}

#[test]
fn names_while_a_slot_moves_and_after() {
    const FLAG: &str = "{SPLITIO}.SPLITIO.split.";
    let page = |cursor: &str, name: &str| format!("*2\r\n{}*1\r\n{}", bulk(cursor), bulk(&format!("{FLAG}{name}")));
    let target = Fake::answering(move |command| {
        Some(match command {
            "ASKING" => "+OK\r\n".to_owned(),
            command if command.starts_with("SCAN 0 ") => page("7", "c"),
            command if command.starts_with("SCAN 7 ") => page("0", "d"),
            command if command.starts_with("GET ") => "$-1\r\n".to_owned(),
            _ => "-NOPERM no\r\n".to_owned(),
        })
    });
    let (port, state) = (target.port, Arc::new(AtomicUsize::new(0)));
    let now = Arc::clone(&state);
    let source = Fake::answering(move |command| {
        Some(match (command, now.load(Ordering::SeqCst)) {
            (command, state) if command == format!("GET {FLAG}") => match state {
                0 => "$-1\r\n".to_owned(),
                1 => format!("-ASK 2392 127.0.0.1:{port}\r\n"),
                _ => format!("-MOVED 2392 127.0.0.1:{port}\r\n"),
            },
            (command, 0 | 1) if command.starts_with("SCAN 0 ") => page("5", "a"),
            (command, 0 | 1) if command.starts_with("SCAN 5 ") => page("0", "b"),
            (command, _) if command.starts_with("SCAN") => format!("*2\r\n{}*0\r\n", bulk("0")),
            _ => "-NOPERM no\r\n".to_owned(),
        })
    });
    let options = format!(r#"{{"redisClusterNodes": ["127.0.0.1:{}"]}}"#, source.port);
    let mut settings = crate::config::Settings::new();
    settings.merge_json(&options).expect("JSON");
    let config = settings.resolve(false).expect("a configuration").0.redis;
    let log = crate::logging::Logger::recording(Level::Info).0;
    let keys = Keys::of(&config);
    let store = crate::storage::RedisStore::new(Arc::new(connected(&options)), keys, &config, false, log);
    for (stage, expected) in [&["a", "b"][..], &["a", "b", "c", "d"], &["c", "d"], &["c", "d"]].iter().enumerate() {
        state.store(stage, Ordering::SeqCst);
        assert_eq!(store.flag_names(), *expected, "{stage}");
    }
}

#[test]
fn a_slot_on_the_move() {
    let target = Fake::answering(|command| {
        Some(match command {
            "ASKING" => "+OK\r\n".to_owned(),
            command if command.starts_with("CLUSTER") => "-NOPERM no\r\n".to_owned(),
            command => bulk(&format!("{command} there")),
        })
    });
    let port = target.port;
    let source = Fake::answering(move |command| {
        Some(match command {
            "CLUSTER SLOTS" => "-ERR This instance has cluster support disabled\r\n".to_owned(),
            command if command.contains("moved") => format!("-MOVED 2392 127.0.0.1:{port}\r\n"),
            command if command.starts_with("MGET") => {
                "-TRYAGAIN Multiple keys request during rehashing of slot\r\n".to_owned()
            }
            command if command.contains("gone") => format!("-ASK 2392 127.0.0.1:{port}\r\n"),
            command => bulk(&format!("{command} here")),
        })
    });
    let redis = connected(&format!(r#"{{"redisClusterNodes": ["127.0.0.1:{}"]}}"#, source.port));
    let text = |text: &str| Value::BulkString(text.into());
    let values = redis.all(Purpose::Write, &["GET a", "RPUSH gone 1", "GET b", "RPUSH gone 2"]).expect("answers");
    assert_eq!(
        values,
        [text("GET a here"), text("RPUSH gone 1 there"), text("GET b here"), text("RPUSH gone 2 there")]
    );
    assert_eq!(target.heard(), ["ASKING", "RPUSH gone 1", "ASKING", "RPUSH gone 2"]);

    let values = redis.all(Purpose::Read, &["MGET a gone"]).expect("answers");
    assert_eq!(values, [Value::Array(vec![text("GET a here"), text("GET gone there")])]);
    assert_eq!(target.heard_pings(), 1, "the connection is kept");

    // Now it is there.
    assert_eq!(
        redis.all(Purpose::Write, &["RPUSH moved 1", "GET a"]).expect("answers")[0],
        text("RPUSH moved 1 there")
    );
    assert_eq!(redis.read("GET a"), Ok("GET a there".to_owned()));
    let all = ["CLUSTER SLOTS", "GET a", "RPUSH gone 1", "GET b", "RPUSH gone 2", "MGET a gone", "GET a", "GET gone"];
    assert_eq!(source.heard()[..8], all);
    assert_eq!(source.heard()[8..], ["RPUSH moved 1", "GET a"]);
}
