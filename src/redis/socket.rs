//! A socket that never waits beyond a deadline.
//!
//! Time-outs of the system limit one read each, so that a server which drips bytes could hold a caller for ever. Here all
//! reads and writes until the next deadline share it: the socket never blocks, and waiting is `poll`'s.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Protocol, SockAddr, SockRef, TcpKeepalive, Type};

use super::address::{Address, look_up};
use crate::config::KeepaliveOptions;
use crate::descriptors::Descriptors;
use crate::process;

/// A connected socket. Noted for forked children as long as it is open.
#[derive(Debug)]
pub(super) struct Socket {
    /// Before what it notes, so that it is dropped first.
    noted: Noted,
    kind: Kind,
    /// When reads and writes give up.
    deadline: Instant,
    /// Whether any byte went out since the deadline was set.
    has_sent: bool,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Tells forked children of a descriptor until it is dropped, which must come before the descriptor is closed.
#[derive(Debug)]
struct Noted {
    fd: RawFd,
    descriptors: Arc<Descriptors>,
    /// Of the process that made it.
    generation: u32,
}

/// The share of what is left until a deadline that one of several attempts in a row may use.
pub(super) fn share(deadline: Instant, attempts: usize) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    Instant::now() + left / u32::try_from(attempts).unwrap_or(u32::MAX).max(1)
}

/// How often a Unix socket whose listener has no room is tried again.
const ROOM: Duration = Duration::from_millis(5);

impl Socket {
    /// Connects: a name's addresses are tried in their order, each with its share of the time.
    pub(super) fn connect(
        address: &Address,
        keepalive: Option<&KeepaliveOptions>,
        descriptors: &Arc<Descriptors>,
        deadline: Instant,
    ) -> io::Result<Self> {
        let node = match address {
            Address::Unix(path) => return Self::open(Domain::UNIX, &SockAddr::unix(path)?, descriptors, deadline),
            Address::Tcp(node) => node,
        };
        let found = look_up(node, deadline)?;
        let mut failure = None;
        for (tried, address) in found.iter().enumerate() {
            let until = share(deadline, found.len() - tried);
            match Self::open(Domain::for_address(*address), &(*address).into(), descriptors, until) {
                Ok(socket) => {
                    socket.tune(keepalive)?;
                    return Ok(socket);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn open(domain: Domain, to: &SockAddr, descriptors: &Arc<Descriptors>, deadline: Instant) -> io::Result<Self> {
        let protocol = (domain != Domain::UNIX).then_some(Protocol::TCP);
        let socket = socket2::Socket::new(domain, Type::STREAM, protocol)?;
        // Before it is connected: a fork may come while that takes its time.
        let noted = Noted::new(socket.as_raw_fd(), descriptors);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match socket.connect_timeout(to, left) {
                Ok(()) => break,
                // What a Unix socket says to those who will not wait for room in its queue.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(ROOM.min(left)),
                Err(error) => return Err(error),
            }
        }
        socket.set_nonblocking(true)?;
        let kind = match domain {
            Domain::UNIX => Kind::Unix(socket.into()),
            _ => Kind::Tcp(socket.into()),
        };
        Ok(Socket { noted, kind, deadline, has_sent: false })
    }

    fn tune(&self, keepalive: Option<&KeepaliveOptions>) -> io::Result<()> {
        let socket = SockRef::from(self);
        socket.set_tcp_nodelay(true)?;
        let Some(options) = keepalive else { return Ok(()) };
        let mut details = TcpKeepalive::new();
        if let Some(idle) = options.idle {
            details = details.with_time(idle);
        }
        if let Some(interval) = options.interval {
            details = details.with_interval(interval);
        }
        if let Some(count) = options.count {
            details = details.with_retries(count);
        }
        socket.set_tcp_keepalive(&details)
    }

    /// Sets when the reads and writes that follow give up.
    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.has_sent = false;
    }

    /// Whether any byte went out since the deadline was set.
    pub(super) fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Reads what is there, without waiting: [`io::ErrorKind::WouldBlock`] when nothing is.
    pub(super) fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Tcp(stream) => stream.read(buffer),
            Kind::Unix(stream) => stream.read(buffer),
        }
    }

    /// Waits until the socket can be read from or written to.
    fn wait(&self, for_what: PollFlags) -> io::Result<()> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // Rounded up: rounded down, the last millisecond would be spent in a busy loop.
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.as_fd(), for_what)], timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Tcp(stream) => stream.as_fd(),
            Kind::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(PollFlags::POLLIN)?;
            match self.read_now(buffer) {
                Err(error) if is_momentary(&error) => {}
                read => return read,
            }
        }
    }
}

/// Without a `write_vectored` of its own: the one of the standard library does not keep `SIGPIPE` from the host.
impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            let written = match &mut self.kind {
                Kind::Tcp(stream) => stream.write(buffer),
                Kind::Unix(stream) => stream.write(buffer),
            };
            match written {
                Err(error) if is_momentary(&error) => self.wait(PollFlags::POLLOUT)?,
                Ok(count) => {
                    self.has_sent |= count > 0;
                    return Ok(count);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // So that the other side sees the end, whoever else still holds a copy.
        if self.noted.generation == process::generation() {
            let _ = SockRef::from(&*self).shutdown(std::net::Shutdown::Both);
        }
    }
}

fn is_momentary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

impl Noted {
    fn new(fd: RawFd, descriptors: &Arc<Descriptors>) -> Self {
        descriptors.note(fd);
        Noted { fd, descriptors: Arc::clone(descriptors), generation: process::generation() }
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.descriptors.forget(self.fd);
    }
}
