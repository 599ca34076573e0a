//! Where a Redis is, and finding the addresses of its name.
//!
//! The system's look-up knows no deadline and may hang for half a minute. So a name is looked up on a thread of its own,
//! which the one that waits leaves behind when time is up; addresses need no look-up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Instant;

use crate::config::Node;
use crate::threads;

/// Where a Redis, or a sentinel, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(Node),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(Node { host, port }) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(Node { host, port }) => write!(f, "{host}:{port}"),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// All addresses of a node, in the system's order.
pub(super) fn look_up(node: &Node, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = node.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, node.port)]);
    }
    let (answer, answered) = crossbeam_channel::bounded(1);
    let (host, port) = (node.host.clone(), node.port);
    threads::spawn("splitio-dns", move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        // Nobody listens any more when it came too late.
        let _ = answer.send(found);
    })?;
    match answered.recv_deadline(deadline) {
        Ok(Ok(found)) if found.is_empty() => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        Ok(found) => found,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the name was not resolved in time")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn node(host: &str) -> Node {
        Node { host: host.to_owned(), port: 6379 }
    }

    #[test]
    fn texts() {
        for (address, text) in [
            (Address::Tcp(node("redis.example")), "redis.example:6379"),
            (Address::Tcp(node("::1")), "[::1]:6379"),
            (Address::Unix("/run/redis.sock".into()), "/run/redis.sock"),
        ] {
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn names_and_addresses() {
        let soon = Instant::now() + Duration::from_secs(20);
        for (host, address) in [("127.0.0.1", "127.0.0.1:6379"), ("::1", "[::1]:6379"), ("localhost", "127.0.0.1:6379")]
        {
            let found = look_up(&node(host), soon).unwrap_or_else(|error| panic!("{host}: {error}"));
            assert!(found.contains(&address.parse().expect("an address")), "{host}: {found:?}");
        }
        assert!(look_up(&node("nowhere.invalid"), soon).is_err());
    }
}
