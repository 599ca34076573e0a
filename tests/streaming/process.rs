//! A process of its own for a test that counts what all of a process uses. Linux only, as the counts are.

use std::fs;
use std::process::{Command, Stdio};

const CHILD: &str = "SPLITIO_TEST_IS_CHILD";

/// Runs the test of this name again in a process of its own. False in that process: the test goes on there. In the first
/// one it has ended well when this returns; `check` has seen what it wrote to its standard output and error.
pub fn is_parent(test: &str, check: impl FnOnce(&str, &str)) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return false;
    }
    let child = Command::new(std::env::current_exe().expect("a test program"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .expect("the test program starts");
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    println!("{out}");
    eprintln!("{err}");
    assert!(child.status.success() && out.contains("1 passed"), "{test}: {}", child.status);
    check(&out, &err);
    true
}

/// How many threads this process has.
pub fn threads() -> usize {
    count("/proc/self/task")
}

/// How many descriptors are open.
pub fn descriptors() -> usize {
    count("/proc/self/fd")
}

fn count(directory: &str) -> usize {
    fs::read_dir(directory).expect("/proc").count()
}

/// CPU time of the SDK's I/O threads so far, in hundredths of a second.
pub fn io_threads_ticks() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc").filter_map(Result::ok);
    let stats = tasks.filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        (name.trim() == "splitio-io").then(|| fs::read_to_string(task.path().join("stat")).ok())?
    });
    // Fields 14 and 15, counted behind the name, which may hold spaces.
    let ticks = |stat: String| {
        let (_, rest) = stat.rsplit_once(") ").expect("a name");
        rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum::<u64>()
    };
    stats.map(ticks).sum()
}
