//! The descriptors of a factory, noted so that a forked child can close its copies.
//!
//! As long as a child holds a copy of its parent's connection, the other side never sees the parent close it. But a
//! number alone does not say what is behind it in the child, where something else may have taken its place; so what is
//! noted is the number together with what the kernel calls the thing, and only what is still the same is closed. Closed
//! raw: a `shutdown`, or a goodbye of TLS, would end the parent's connection.
//!
//! The HTTP client hides its sockets. Linux tells all the same: a socket of ours registered with the runtime names the
//! runtime's epoll descriptors in `/proc/self/fdinfo`, and those list every socket. The list is read in the **parent**,
//! whenever a connection is made: an epoll instance is shared after a fork and would show a child its parent's later
//! numbers. Where there is no `/proc`, nothing is closed; nor is a socket whose making a fork hits, before it is noted:
//! that copy stays open until the child ends.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use nix::unistd;

/// What a factory has open.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    /// Open until they are forgotten, most of them to the end.
    fixed: ArcSwap<Vec<Noted>>,
    /// What the runtime waits for, as of the last look.
    watched: ArcSwap<Vec<Noted>>,
    beacon: ArcSwapOption<Beacon>,
}

/// A number, and what was behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Noted {
    fd: RawFd,
    identity: String,
}

impl Noted {
    fn of(fd: RawFd) -> Option<Self> {
        Some(Noted { fd, identity: identity(fd)? })
    }
}

/// The socket that finds the runtime.
#[derive(Debug)]
struct Beacon {
    /// Its line in the list of an epoll descriptor ends so.
    inode: String,
    /// Of the epoll instance; the runtime has several names for it.
    epolls: Vec<RawFd>,
    _registered: tokio::net::UnixStream,
    _peer: UnixStream,
}

impl Descriptors {
    /// Notes a descriptor that stays open, or until it is forgotten.
    pub(crate) fn note(&self, fd: RawFd) {
        self.fixed.rcu(|noted| noted.iter().cloned().chain(Noted::of(fd)).collect::<Vec<_>>());
    }

    /// Forgets a descriptor that was noted. To be called before it is closed: its number may be another's at once.
    pub(crate) fn forget(&self, fd: RawFd) {
        self.fixed.rcu(|noted| noted.iter().filter(|noted| noted.fd != fd).cloned().collect::<Vec<_>>());
    }

    /// Finds the descriptors of the runtime whose context this is called in.
    pub(crate) fn note_runtime(&self) -> io::Result<()> {
        let (socket, peer) = UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let Some(inode) = identity(socket.as_raw_fd()).as_deref().and_then(inode_of_socket) else { return Ok(()) };
        for socket in [&socket, &peer] {
            self.note(socket.as_raw_fd());
        }
        let registered = tokio::net::UnixStream::from_std(socket)?;
        let epolls = open_descriptors().filter(|&fd| is_epoll(fd) && lists(fd, &inode)).collect::<Vec<_>>();
        let beacon = Beacon { inode, epolls, _registered: registered, _peer: peer };
        self.beacon.store(Some(Arc::new(beacon)));
        self.note_connections();
        Ok(())
    }

    /// Looks which sockets the runtime has now. To be called when a connection was begun or made.
    pub(crate) fn note_connections(&self) {
        let beacon = self.beacon.load();
        let Some(beacon) = beacon.as_deref() else { return };
        let Some(&epoll) = beacon.epolls.first() else { return };
        let listed = registered(epoll).unwrap_or_default().into_iter().filter_map(Noted::of);
        // The epoll instance itself has no name; that it lists the beacon tells it.
        let epolls = beacon.epolls.iter().map(|&fd| Noted { fd, identity: beacon.inode.clone() });
        self.watched.store(Arc::new(listed.chain(epolls).collect()));
    }

    /// In a forked child, once: closes the copies of what the parent had open.
    pub(crate) fn close_inherited(&self) {
        let (fixed, watched) = (self.fixed.load_full(), self.watched.load_full());
        for noted in watched.iter().chain(fixed.iter()) {
            let same = match identity(noted.fd) {
                Some(identity) => identity == noted.identity,
                None => is_epoll(noted.fd) && lists(noted.fd, &noted.identity),
            };
            if same {
                // Nothing is lost if it fails: the descriptor is closed even so.
                let _ = unistd::close(noted.fd);
            }
        }
    }
}

/// What no other open thing is called; none for what has no name of its own.
fn identity(fd: RawFd) -> Option<String> {
    let target = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?.into_os_string().into_string().ok()?;
    if target.starts_with("socket:[") {
        return Some(target);
    }
    // The kernel numbers these since 5.2; before that they cannot be told apart and are left open.
    let id = (target == "anon_inode:[eventfd]").then(|| info(fd, "eventfd-id:").ok()?.pop()).flatten()?;
    Some(format!("eventfd {id}"))
}

/// The number in `socket:[4711]`, as an epoll descriptor writes it.
fn inode_of_socket(identity: &str) -> Option<String> {
    let number: u64 = identity.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
    Some(format!("{number:x}"))
}

fn is_epoll(fd: RawFd) -> bool {
    fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
}

/// Whether an epoll descriptor waits for the thing with this inode.
fn lists(epoll: RawFd, inode: &str) -> bool {
    let has = |line: &String| line.split_whitespace().any(|word| word.strip_prefix("ino:") == Some(inode));
    info(epoll, "tfd:").is_ok_and(|lines| lines.iter().any(has))
}

/// The descriptors that an epoll descriptor waits for.
fn registered(epoll: RawFd) -> io::Result<Vec<RawFd>> {
    let lines = info(epoll, "tfd:")?;
    Ok(lines.iter().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect())
}

/// What stands behind `name` in the lines of the kernel's notes on a descriptor.
fn info(fd: RawFd, name: &str) -> io::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
    Ok(text.lines().filter_map(|line| Some(line.strip_prefix(name)?.trim().to_owned())).collect())
}

fn open_descriptors() -> impl Iterator<Item = RawFd> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn the_sockets_of_the_runtime_are_found_and_closed_and_nothing_else() {
        let descriptors = Descriptors::default();
        descriptors.note_runtime().expect("sockets");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let connected = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let (mut accepted, _) = listener.accept().expect("a connection");
        descriptors.note_connections();
        let watched = descriptors.watched.load_full();
        let found = |fd: RawFd| watched.iter().any(|noted| noted.fd == fd);
        assert!(found(connected.as_raw_fd()) && !found(listener.as_raw_fd()), "{watched:?}");
        let epolls = watched.iter().filter(|noted| is_epoll(noted.fd)).count();
        assert!(epolls >= 1, "{watched:?}");

        // What took the number of something that was noted stays.
        let (other, _peer) = UnixStream::pair().expect("sockets");
        descriptors.fixed.store(Arc::new(vec![Noted { fd: other.as_raw_fd(), identity: "socket:[1]".to_owned() }]));
        // Only the connection: this test's runtime needs the others.
        let connection = watched.iter().filter(|noted| noted.fd == connected.as_raw_fd()).cloned().collect();
        descriptors.watched.store(Arc::new(connection));
        let number = connected.as_raw_fd();
        descriptors.close_inherited();
        assert!(identity(number).is_none() && identity(other.as_raw_fd()).is_some());
        assert_eq!(accepted.read(&mut [0; 8]).expect("the end"), 0);
        std::mem::forget(connected);
    }

    #[test]
    fn what_is_forgotten_stays_open() {
        let descriptors = Descriptors::default();
        let (noted, mut forgotten) = UnixStream::pair().expect("sockets");
        descriptors.note(noted.as_raw_fd());
        descriptors.note(forgotten.as_raw_fd());
        descriptors.forget(forgotten.as_raw_fd());
        descriptors.close_inherited();
        std::mem::forget(noted);
        assert_eq!(forgotten.read(&mut [0; 8]).expect("the end"), 0);
    }

    #[test]
    fn without_a_runtime_nothing_is_noted() {
        let descriptors = Descriptors::default();
        descriptors.note_connections();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let open = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        descriptors.close_inherited();
        assert!(identity(open.as_raw_fd()).is_some());
    }
}
