//! Servers that stand in for each other: a master named by sentinels, and a cluster.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ::redis::from_redis_value;

use super::{Program, eventually};
use crate::redis::fake::{commands, connected};
use crate::redis::{Purpose, Redis, Server as _};

/// Three sentinels, the master they watch and its replica.
struct Watched {
    servers: [Program; 2],
    sentinels: [Program; 3],
}

impl Watched {
    fn start(data: &str, sentinel: &str, auth: &str) -> Self {
        let master = Program::start(data);
        let replica = Program::start(&format!("{data}\nreplicaof 127.0.0.1 {}", master.port));
        eventually("a replica in step", || replica.cli_as(auth, &["INFO", "replication"]).contains("link_status:up"));
        let sentinels = [(); 3].map(|()| Program::sentinel(master.port, sentinel));
        let watched = Watched { servers: [master, replica], sentinels };
        for sentinel in &watched.sentinels {
            eventually("sentinels that know each other and the replica", || {
                let seen = sentinel.cli_as("sentinel-word", &["SENTINEL", "MASTER", "themaster"]);
                let value = |name: &str| seen.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
                value("num-other-sentinels").as_deref() == Some("2")
                    && value("num-slaves").as_deref() == Some("1")
                    && value("flags").as_deref() == Some("master")
            });
        }
        watched
    }

    /// The options that lead there; the first sentinel is dead.
    fn options(&self, more: &str) -> String {
        let ports = std::iter::once(1).chain(self.sentinels.iter().map(|sentinel| sentinel.port));
        let sentinels: Vec<_> = ports.map(|port| format!("127.0.0.1:{port}")).collect();
        format!(r#"{{"redisSentinels": {sentinels:?}, "redisMasterService": "themaster"{more}}}"#)
    }
}

/// Pushes numbers until told to stop, each until it is accepted; `next` is the one to come.
fn pushing(redis: &Redis, list: &str, next: &AtomicU32, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        match redis.write::<u32>(&format!("RPUSH {list} {}", next.load(Ordering::SeqCst))) {
            Ok(_) => drop(next.fetch_add(1, Ordering::SeqCst)),
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn pushed(redis: &Redis, list: &str) -> BTreeSet<u32> {
    redis.read::<Vec<u32>>(&format!("LRANGE {list} 0 -1")).expect("the list").into_iter().collect()
}

#[test]
fn b29_b31_a_failover_by_sentinels() {
    let data = "requirepass data-word\nmasterauth data-word\nmin-replicas-max-lag 10";
    let watch =
        "requirepass sentinel-word\nsentinel sentinel-pass sentinel-word\nsentinel auth-pass themaster data-word";
    let mut watched = Watched::start(data, watch, "data-word");
    let more = r#", "redisPassword": "data-word", "redisSentinelPassword": "sentinel-word", "redisDb": 3,
        "redisSocketTimeout": 1, "redisSocketConnectTimeout": 1"#;
    let redis = connected(&watched.options(more));
    assert_eq!(redis.write("RPUSH first a"), Ok(1));
    let in_three =
        |server: &Program, list: &str| server.cli_as("data-word", &["-n", "3", "LLEN", list]).trim().to_owned();
    assert_eq!(in_three(&watched.servers[0], "first"), "1");

    // The old master lives on, and its clients stay connected to it.
    let [old, new] = &watched.servers;
    assert_eq!(old.cli_as("data-word", &["WAIT", "1", "5000"]).trim(), "1");
    let asked = watched.sentinels[1].cli_as("sentinel-word", &["SENTINEL", "FAILOVER", "themaster"]);
    assert!(asked.contains("OK"), "{asked}");
    eventually("another master", || {
        watched.sentinels.iter().all(|sentinel| {
            let answer = sentinel.cli_as("sentinel-word", &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "themaster"]);
            answer.contains(&new.port.to_string())
        })
    });
    // As sentinels tell it after eight seconds, but for the clients, whose connections they would close.
    assert!(old.cli_as("data-word", &["REPLICAOF", "127.0.0.1", &new.port.to_string()]).contains("OK"));
    assert_eq!(redis.write("RPUSH first b"), Ok(2));
    assert_eq!(in_three(new, "first"), "2");
    eventually("the old master in step", || {
        old.cli_as("data-word", &["INFO", "replication"]).contains("link_status:up")
    });

    // Now the master dies while it is written to.
    let (next, stop) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let writer = scope.spawn(|| pushing(&redis, "second", &next, &stop));
        eventually("a hundred pushes", || next.load(Ordering::SeqCst) > 100);
        watched.servers[1].kill();
        let accepted_by_the_dead = next.load(Ordering::SeqCst);
        eventually("a hundred pushes to the new master", || next.load(Ordering::SeqCst) > accepted_by_the_dead + 100);
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("no panic");
        let port = redis.read::<Vec<String>>("CONFIG GET port").expect("the port");
        assert_eq!(port[1], watched.servers[0].port.to_string());
        // What the dead one had not yet passed on is lost; nothing after that is.
        let found = pushed(&redis, "second");
        let lost: Vec<_> =
            (accepted_by_the_dead + 1..next.load(Ordering::SeqCst)).filter(|n| !found.contains(n)).collect();
        assert!(lost.is_empty(), "{lost:?} are lost");
    });
}

/// Three masters, and a replica of the second.
struct Nodes([Program; 4]);

impl Nodes {
    fn start() -> Self {
        let options = "cluster-enabled yes\ncluster-node-timeout 1000\ncluster-replica-validity-factor 0";
        let nodes = Nodes([(); 4].map(|()| Program::start(options)));
        for (node, slots) in nodes.0.iter().zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]]) {
            node.cli(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        }
        for node in &nodes.0[1..] {
            node.cli(&["CLUSTER", "MEET", "127.0.0.1", &nodes.0[0].port.to_string()]);
        }
        let second = nodes.id(1);
        eventually("a replica", || nodes.0[3].cli(&["CLUSTER", "REPLICATE", &second]).contains("OK"));
        eventually("a cluster", || {
            nodes.0.iter().all(|node| {
                let info = node.cli(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
            }) && nodes.0[3].cli(&["INFO", "replication"]).contains("link_status:up")
        });
        nodes
    }

    fn id(&self, node: usize) -> String {
        self.0[node].cli(&["CLUSTER", "MYID"]).trim().to_owned()
    }
}

#[test]
fn a_slot_that_moves_and_a_master_that_dies() {
    let mut nodes = Nodes::start();
    let ports: Vec<_> = nodes.0[..3].iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let redis = connected(&format!(
        r#"{{"redisClusterNodes": [{:?}, "127.0.0.1:1", {:?}], "redisSocketTimeout": 2, "redisSocketConnectTimeout": 2}}"#,
        ports[2], ports[0]
    ));
    // In slot 2392, of the first master.
    let names: Vec<_> = (0..200).map(|number| format!("{{SPLITIO}}.flag{number}")).collect();
    for name in &names {
        assert_eq!(redis.write::<String>(&format!("SET {name} {name}")), Ok("OK".to_owned()));
    }
    let all = format!("MGET {} {{SPLITIO}}.nothing", names.join(" "));
    let is_right = |answer: &[Option<String>]| {
        answer.iter().zip(&names).all(|(found, name)| found.as_ref() == Some(name)) && answer.last() == Some(&None)
    };
    let slot = "2392";
    let (first, second) = (nodes.id(0), nodes.id(1));
    let stop = AtomicBool::new(false);
    let count = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let pushed = redis.write::<u32>(&format!("RPUSH {{SPLITIO}}.list {number}"));
                number += 1;
                assert_eq!(pushed, Ok(number), "while the slot moves");
            }
            number
        });
        let reader = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let answer = redis.read::<Vec<Option<String>>>(&all).expect("an answer while the slot moves");
                assert!(is_right(&answer), "{answer:?}");
            }
        });
        nodes.0[1].cli(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &first]);
        nodes.0[0].cli(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &second]);
        let to = nodes.0[1].port.to_string();
        loop {
            let keys = nodes.0[0].cli(&["CLUSTER", "GETKEYSINSLOT", slot, "20"]);
            let keys: Vec<_> = keys.split_whitespace().collect();
            if keys.is_empty() {
                break;
            }
            let moved = nodes.0[0].cli(&[&["MIGRATE", "127.0.0.1", &to, "", "0", "5000", "KEYS"][..], &keys].concat());
            assert!(moved.contains("OK") || moved.contains("NOKEY"), "{moved}");
            thread::sleep(Duration::from_millis(20));
        }
        for node in [1, 0, 2] {
            assert!(nodes.0[node].cli(&["CLUSTER", "SETSLOT", slot, "NODE", &second]).contains("OK"), "{node}");
        }
        thread::sleep(Duration::from_millis(100));
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader's tests");
        writer.join().expect("the writer's tests")
    });
    assert_eq!(pushed(&redis, "{SPLITIO}.list"), (0..count).collect());
    let (_, keys): (u64, Vec<String>) = redis.read("SCAN 0 MATCH {SPLITIO}.* COUNT 1000").expect("keys");
    assert_eq!(keys.len(), 201);

    eventually("all in the replica", || nodes.0[1].cli(&["WAIT", "1", "1000"]).trim() == "1");
    nodes.0[1].kill();
    let until = || Some(Instant::now() + redis.timeout() * 2);
    eventually("answers by who was the replica", || {
        let begun = Instant::now();
        let answer = redis.ask(&commands(&[&all]), Purpose::Read, until());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let answer = answer.ok().and_then(|answer| from_redis_value::<Vec<Option<String>>>(answer[0].clone()).ok());
        answer.is_some_and(|answer| is_right(&answer))
    });
    eventually("a push", || redis.write("RPUSH {SPLITIO}.new 1") == Ok(1));
}
