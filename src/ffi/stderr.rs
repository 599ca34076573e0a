//! The log of factories that were given no logger: lines on standard error.
//!
//! Standard error belongs to the host. It may be closed, or a pipe whose reader has gone: a line is written whole, by
//! `write(2)`, what fails is ignored (there is nowhere to say it), and no SIGPIPE comes of it.

use std::io::ErrorKind;
use std::{io, ptr};

use crate::logging::{Level, Record, Sink};

/// Writes `splitio: warning: sync: message`.
///
/// Where the descriptor was closed when this was made, or is another file by now, nothing is written: its number may be
/// that of a connection, the library's own among them.
#[derive(Debug)]
pub(super) struct Stderr {
    file: Option<File>,
}

/// What tells open files apart.
type File = (libc::dev_t, libc::ino_t);

impl Stderr {
    pub(super) fn new() -> Self {
        Stderr { file: file_of(libc::STDERR_FILENO) }
    }
}

impl Sink for Stderr {
    fn write(&self, record: &Record<'_>) {
        if self.file.is_some() && self.file == file_of(libc::STDERR_FILENO) {
            write_all(libc::STDERR_FILENO, line(record).as_bytes());
        }
    }
}

fn file_of(descriptor: i32) -> Option<File> {
    // SAFETY: the call fills the plain data that it is given, or says that it did not.
    unsafe {
        let mut about: libc::stat = std::mem::zeroed();
        (libc::fstat(descriptor, &mut about) == 0).then_some((about.st_dev, about.st_ino))
    }
}

fn line(record: &Record<'_>) -> String {
    let level = match record.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    // A record is a line, and a terminal obeys control characters: a flag's name could otherwise forge one or the other.
    let message = record.message.replace(char::is_control, " ");
    format!("splitio: {level}: {}: {message}\n", record.target)
}

fn write_all(descriptor: i32, mut bytes: &[u8]) {
    let _held = PipeSignalHeld::new();
    while !bytes.is_empty() {
        // SAFETY: a slice's pointer and length; the descriptor is an integer to the kernel.
        let written = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(0) => return,
            Ok(written) => bytes = &bytes[written..],
            Err(_) if io::Error::last_os_error().kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Keeps SIGPIPE from this thread: by default it would end the process for the want of a log line.
struct PipeSignalHeld {
    before: libc::sigset_t,
    was_pending: bool,
}

impl PipeSignalHeld {
    fn new() -> Self {
        // SAFETY: the sets are plain data that these calls fill.
        unsafe {
            let pipe = pipe_signal();
            let mut before = pipe;
            libc::pthread_sigmask(libc::SIG_BLOCK, &pipe, &mut before);
            PipeSignalHeld { before, was_pending: is_pending() }
        }
    }
}

impl Drop for PipeSignalHeld {
    fn drop(&mut self) {
        // SAFETY: as above; the signal that is waited for is pending, so there is no wait.
        unsafe {
            if !self.was_pending && is_pending() {
                let mut signal = 0;
                libc::sigwait(&pipe_signal(), &mut signal);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut());
        }
    }
}

/// # Safety
/// None needed; the calls are foreign.
unsafe fn pipe_signal() -> libc::sigset_t {
    // SAFETY: filled before use.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        set
    }
}

/// # Safety
/// None needed; the calls are foreign.
unsafe fn is_pending() -> bool {
    // SAFETY: filled before use.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigpending(&mut set) == 0 && libc::sigismember(&set, libc::SIGPIPE) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn a_record_is_one_line() {
        let record = Record { level: Level::Warning, time: 0, target: "input", message: "a\nb\r\nc\x1b[2Jé" };
        assert_eq!(line(&record), "splitio: warning: input: a b  c [2Jé\n");
    }

    #[test]
    fn lines_arrive_and_a_broken_pipe_does_no_harm() {
        // The test runner ignores SIGPIPE; hosts do not.
        // SAFETY: no other test of this process has a use for the signal.
        let ignored = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        let (mut reader, writer) = io::pipe().expect("a pipe");
        write_all(writer.as_raw_fd(), b"one\n");
        let mut text = [0; 4];
        reader.read_exact(&mut text).expect("written");
        assert_eq!(&text, b"one\n");
        drop(reader);
        write_all(writer.as_raw_fd(), b"two\n");
        write_all(-1, b"three\n");
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGPIPE, ignored) };
    }
}
