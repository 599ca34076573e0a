//! The secrets of the tests, which may be in no line of a log.

use std::io::Write;

/// Ends the tests when a line has one: threads of the SDK would live on after a panic.
pub fn watch(line: &str) {
    if let Some(secret) = include_str!("../secrets.txt").lines().find(|secret| line.contains(secret)) {
        // Not by eprintln!, whose text the test would keep to itself.
        let _ = writeln!(std::io::stderr(), "{secret:?} is in the log: {line}");
        std::process::abort();
    }
}
