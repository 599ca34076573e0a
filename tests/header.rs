//! `include/splitio.h` is committed, so that nobody needs Rust to read it; this fails when it is not what the code says,
//! or when it does not say what every function has to say.

#[path = "../build/header.rs"]
mod header;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The header as git has it: build.rs brings the file up to date before this test runs, and would hide what nobody has
/// committed. In a source archive there is the file only.
fn committed() -> String {
    let git = Command::new("git")
        .args(["-c", "safe.directory=*", "show", ":./include/splitio.h"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success());
    match git {
        Some(output) => String::from_utf8(output.stdout).expect("a header in UTF-8"),
        None => fs::read_to_string(root().join("include/splitio.h")).expect("a header"),
    }
}

/// The functions of the header, each with its comment.
fn functions(header: &str) -> Vec<(&str, &str)> {
    let declarations = header.split("/**").skip(1).filter_map(|item| item.split_once("*/"));
    let functions = declarations.filter_map(|(comment, code)| {
        let (_, code) = code.split_once("SPLIT_API")?;
        let (before, _) = code.split_once('(')?;
        let name = before.rsplit([' ', '*', '\n']).next()?;
        Some((name, comment))
    });
    functions.collect()
}

#[test]
fn the_committed_header_is_what_the_code_says() {
    let committed = committed();
    let generated = header::generate(root(), env!("CARGO_PKG_VERSION")).expect("src/ffi can be read");
    let stale = committed.lines().zip(generated.lines()).position(|(committed, generated)| committed != generated);
    assert!(committed == generated, "include/splitio.h is stale after line {stale:?}: build once, and `git add` it");
}

#[test]
fn every_function_says_which_threads_may_call_it() {
    let header = committed();
    let functions = functions(&header);
    assert_eq!(functions.len(), header.matches("SPLIT_API").count() - 2, "functions without a comment");
    for (name, comment) in functions {
        assert!(comment.contains("Threads"), "{name} does not say which threads may call it");
    }
}

#[test]
fn the_functions_of_the_header_are_the_symbols_of_the_library() {
    let symbols = fs::read_to_string(root().join("tests/abi/symbols.txt")).expect("a list of symbols");
    let symbols: BTreeSet<&str> = symbols.lines().collect();
    let header = committed();
    let declared: BTreeSet<&str> = functions(&header).into_iter().map(|(name, _)| name).collect();
    assert_eq!(declared, symbols);
}
