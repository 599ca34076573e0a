//! A cluster, of which one slot matters: the hash tag puts all keys there.
//!
//! So there is one server to talk to, the slot's master. Who that is, any node tells; and a node that is asked in vain
//! names the right one. Nodes that fail are asked last the next time, so that a dead one costs its time once.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::locks::Mutex;
use ::redis::{Pipeline, Value};

use super::RedisError;
use super::address::Address;
use super::connection::{Connection, Dialer, Login};
use super::socket::share;
use crate::config::{Node, RedisConfig};

/// The way to one slot of a cluster.
pub(super) struct Cluster {
    slot: u16,
    /// Never forgotten, whatever nodes come and go.
    configured: Vec<Node>,
    /// All that are known, in the order in which they are asked.
    nodes: Mutex<Vec<Node>>,
    name: Arc<str>,
}

/// What a node says of the slot.
#[derive(Debug, PartialEq, Eq)]
struct View {
    /// Its master; none while nobody serves the slot.
    master: Option<Node>,
    /// All nodes, in the order in which they are named.
    nodes: Vec<Node>,
}

impl Cluster {
    pub(super) fn of(config: &RedisConfig) -> Self {
        let names: Vec<_> = config.cluster_nodes.iter().map(|node| Address::Tcp(node.clone()).to_string()).collect();
        Cluster {
            slot: slot_of(&config.cluster_key_hash_tag),
            configured: config.cluster_nodes.clone(),
            nodes: Mutex::new(config.cluster_nodes.clone()),
            name: format!("the cluster of {}", names.join(", ")).into(),
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// Connects to the slot's master, by the first node that knows it.
    pub(super) fn open(&self, dialer: &Dialer, login: &Login, deadline: Instant) -> Result<Connection, RedisError> {
        let nodes = self.nodes.lock().clone();
        let (mut reasons, mut dead) = (Vec::new(), Vec::new());
        for (tried, node) in nodes.iter().enumerate() {
            if dead.contains(node) {
                continue;
            }
            match self.by(node, dialer, login, &mut dead, share(deadline, nodes.len() - tried)) {
                Ok(connection) => return Ok(connection),
                Err(reason) => {
                    self.last(node);
                    reasons.push(reason);
                }
            }
        }
        let cause = io::Error::new(io::ErrorKind::NotFound, reasons.join("; "));
        Err(RedisError::Connect { endpoint: self.name[..].into(), cause })
    }

    /// Connects to the master that one node names, or says why that cannot be. Who is among the `dead` is not tried.
    fn by(
        &self,
        node: &Node,
        dialer: &Dialer,
        login: &Login,
        dead: &mut Vec<Node>,
        deadline: Instant,
    ) -> Result<Connection, String> {
        let address = Address::Tcp(node.clone());
        let mut question = Pipeline::new();
        question.cmd("CLUSTER").arg("SLOTS");
        // Half of the time is the master's.
        let asked = dialer.dial(&address, login, share(deadline, 2)).and_then(|mut connection| {
            Ok((connection.exchange(&question.get_packed_pipeline(), question.len(), deadline)?, connection))
        });
        let (answers, connection) = asked.map_err(|error| error.to_string())?;
        let Some(view) = answers.first().and_then(|answer| View::of(answer, self.slot, node)) else {
            // Who may not ask is told by the answers to its commands when this is the wrong node.
            return Ok(connection);
        };
        let Some(master) = view.master.clone() else {
            return Err(format!("by {address} nobody serves the slot {} of the keys", self.slot));
        };
        self.learn(view);
        if master == *node {
            return Ok(connection);
        }
        if dead.contains(&master) {
            return Err(format!("{address} names {} too", Address::Tcp(master)));
        }
        let address = Address::Tcp(master.clone());
        dialer.dial(&address, login, deadline).map_err(|error| {
            self.last(&master);
            dead.push(master);
            error.to_string()
        })
    }

    fn learn(&self, view: View) {
        let mut nodes: Vec<Node> = view.master.into_iter().collect();
        for node in view.nodes.iter().chain(&self.configured) {
            if !nodes.contains(node) {
                nodes.push(node.clone());
            }
        }
        *self.nodes.lock() = nodes;
    }

    /// A node is to be asked first.
    pub(super) fn first(&self, node: &Node) {
        let mut nodes = self.nodes.lock();
        nodes.retain(|known| known != node);
        nodes.insert(0, node.clone());
    }

    /// A node is to be asked last.
    pub(super) fn last(&self, node: &Node) {
        let mut nodes = self.nodes.lock();
        if let Some(place) = nodes.iter().position(|known| known == node) {
            nodes[place..].rotate_left(1);
        }
    }
}

impl View {
    /// Reads an answer to `CLUSTER SLOTS` that `asked` gave; none for anything else.
    fn of(answer: &Value, slot: u16, asked: &Node) -> Option<Self> {
        let Value::Array(ranges) = answer else { return None };
        let mut view = View { master: None, nodes: Vec::new() };
        for range in ranges {
            let Value::Array(range) = range else { return None };
            let [Value::Int(first), Value::Int(last), nodes @ ..] = &range[..] else { return None };
            let mut nodes = nodes.iter().map(|node| announced(node, asked));
            let master = nodes.next().flatten();
            if (*first..=*last).contains(&slot.into()) {
                view.master = master.clone();
            }
            view.nodes.extend(master);
            view.nodes.extend(nodes.flatten());
        }
        Some(view)
    }
}

/// A node of an answer to `CLUSTER SLOTS`. One without a host is where the question was asked; `?` is unknown.
fn announced(node: &Value, asked: &Node) -> Option<Node> {
    let Value::Array(node) = node else { return None };
    let [host, Value::Int(port), ..] = &node[..] else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        _ => "",
    };
    let host = match host {
        "?" => return None,
        "" => &asked.host,
        host => host,
    };
    Some(Node { host: host.to_owned(), port: u16::try_from(*port).ok()? })
}

/// Where `MOVED` or `ASK` leads: `3999 10.0.0.1:6381`. Without a host: to the one that says so.
pub(super) fn target(details: &str, asked: &Address) -> Option<Node> {
    let (_, place) = details.split_once(' ')?;
    let (host, port) = place.rsplit_once(':')?;
    let host = match (host, asked) {
        ("", Address::Tcp(asked)) => &asked.host,
        ("" | "?", _) => return None,
        (host, _) => host,
    };
    Some(Node { host: host.to_owned(), port: port.parse().ok()? })
}

/// The slot of all keys with this hash tag, braces included: the CRC-16 of XMODEM over what is between them.
fn slot_of(tag: &str) -> u16 {
    let tag = tag.trim_start_matches('{').trim_end_matches('}');
    let crc = tag.bytes().fold(0_u16, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    });
    crc % 16384
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(host: &str, port: u16) -> Node {
        Node { host: host.to_owned(), port }
    }

    fn parsed(answer: &str) -> Value {
        ::redis::parse_redis_value(answer.as_bytes()).expect("an answer of Redis")
    }

    #[test]
    fn slots() {
        // As `CLUSTER KEYSLOT` has them; the first is the example of the specification.
        for (tag, slot) in [("{123456789}", 0x31C3), ("{SPLITIO}", 2392), ("{a}", 15495)] {
            assert_eq!(slot_of(tag), slot, "{tag}");
        }
    }

    #[test]
    fn views() {
        let asked = node("first", 7000);
        let text = "*2\r\n*4\r\n:0\r\n:8191\r\n*2\r\n$4\r\n10.1\r\n:7001\r\n*2\r\n$4\r\n10.2\r\n:7002\r\n\
                    *3\r\n:8192\r\n:16383\r\n*3\r\n$0\r\n\r\n:7003\r\n$2\r\nid\r\n";
        let all = vec![node("10.1", 7001), node("10.2", 7002), node("first", 7003)];
        for (slot, master) in [(0, 0), (8191, 0), (8192, 2), (16383, 2)] {
            let expected = View { master: Some(all[master].clone()), nodes: all.clone() };
            assert_eq!(View::of(&parsed(text), slot, &asked), Some(expected), "{slot}");
        }
        for (text, expected) in [
            ("*0\r\n", Some(View { master: None, nodes: vec![] })),
            ("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$1\r\n?\r\n:7001\r\n", Some(View { master: None, nodes: vec![] })),
            ("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$-1\r\n:9\r\n", {
                let here = node("first", 9);
                Some(View { master: Some(here.clone()), nodes: vec![here] })
            }),
            ("-NOPERM no\r\n", None),
            ("*1\r\n:1\r\n", None),
        ] {
            assert_eq!(View::of(&parsed(text), 5, &asked), expected, "{text:?}");
        }
    }

    #[test]
    fn targets() {
        let asked = Address::Tcp(node("asked", 1));
        for (details, expected) in [
            ("3999 10.0.0.1:6381", Some(node("10.0.0.1", 6381))),
            ("3999 ::1:6381", Some(node("::1", 6381))),
            ("3999 redis.example:1", Some(node("redis.example", 1))),
            ("3999 :6381", Some(node("asked", 6381))),
            ("3999 ?:6381", None),
            ("3999", None),
            ("3999 host", None),
            ("3999 host:70000", None),
        ] {
            assert_eq!(target(details, &asked), expected, "{details:?}");
        }
    }

    #[test]
    fn order() {
        let nodes: Vec<_> = (1..=3).map(|port| node("n", port)).collect();
        let cluster = Cluster { slot: 5, configured: nodes.clone(), nodes: Mutex::new(nodes), name: "c".into() };
        let order = || cluster.nodes.lock().iter().map(|node| node.port).collect::<Vec<_>>();
        cluster.last(&node("n", 1));
        assert_eq!(order(), [2, 3, 1]);
        cluster.first(&node("n", 4));
        cluster.first(&node("n", 3));
        cluster.last(&node("n", 9));
        assert_eq!(order(), [3, 4, 2, 1]);
        cluster.learn(View { master: Some(node("n", 7)), nodes: vec![node("n", 7), node("n", 8)] });
        assert_eq!(order(), [7, 8, 1, 2, 3]);
    }
}
