//! Files that options name, read whole.
//!
//! A path may lead to anything: a FIFO holds whoever opens it until somebody writes, a device may have no end. So only
//! regular files are read (links to them too), no further than a limit, and no program that the host starts inherits them.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The contents of a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Close-on-exec is std's doing. A FIFO is opened at once, and a terminal does not become the program's.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit} bytes"));
    if about.len() > limit {
        return Err(too_large());
    }
    let mut contents = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default());
    // What grows meanwhile, or lies about its length, is cut off too.
    file.take(limit + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > limit { Err(too_large()) } else { Ok(contents) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1000;

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        std::os::unix::fs::symlink("/dev/zero", path("link to a device")).expect("a link");
        for (name, length) in [("full", LIMIT), ("too long", LIMIT + 1)] {
            std::fs::write(path(name), vec![b'x'; length as usize]).expect("written");
        }
        std::os::unix::fs::symlink("full", path("link")).expect("a link");
        for (name, problem) in [
            ("full", None),
            ("link", None),
            ("too long", Some("it has more than 1000 bytes")),
            ("fifo", Some("it is not a regular file")),
            ("link to a device", Some("it is not a regular file")),
            (".", Some("it is not a regular file")),
            ("socket", Some("No such device or address (os error 6)")),
            ("none", Some("No such file or directory (os error 2)")),
        ] {
            let found = read(&path(name), LIMIT);
            assert_eq!(found.as_ref().err().map(io::Error::to_string).as_deref(), problem, "{name}: {found:?}");
            assert!(found.is_err() || found.is_ok_and(|contents| contents.len() as u64 == LIMIT), "{name}");
        }
    }

    /// Its length is said to be 0.
    #[test]
    fn a_file_that_says_nothing_of_its_length_is_cut_off() {
        let problem = read(Path::new("/proc/self/maps"), 100).expect_err("more than 100 bytes");
        assert_eq!(problem.kind(), io::ErrorKind::FileTooLarge, "{problem}");
        assert!(!read(Path::new("/proc/self/maps"), 1 << 20).expect("less than a megabyte").is_empty());
    }
}
