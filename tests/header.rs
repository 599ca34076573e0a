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

/// A function of the header.
struct Function<'a> {
    name: &'a str,
    comment: &'a str,
    /// What it returns, with what stands before.
    returns: &'a str,
    parameters: &'a str,
}

impl<'a> Function<'a> {
    /// Reads the comment and the declaration that follow a `/**`; None for other declarations.
    fn read(item: &'a str) -> Option<Self> {
        let (comment, code) = item.split_once("*/")?;
        let (_, code) = code.split_once("SPLIT_API")?;
        let (before, rest) = code.split_once('(')?;
        let name = before.rsplit([' ', '*', '\n']).next()?;
        let (parameters, _) = rest.split_once(");")?;
        Some(Function { name, comment, returns: before.strip_suffix(name)?, parameters })
    }

    /// What the comment has to say and does not. What a function is given stays the caller's in every case, as the head
    /// of the header says; memory is a question for those that hand it out, or keep hold of it.
    fn unsaid(&self) -> Vec<&'static str> {
        let says = |words: &[&str]| words.iter().any(|word| self.comment.contains(word));
        let hands_out = self.returns.contains('*')
            || self.parameters.split(',').any(|parameter| {
                ["split_json *", "split_result *"].iter().any(|taken| parameter.trim().starts_with(taken))
            });
        let keeps = self.parameters.contains("*user_data");
        let ends = self.name.ends_with("_free") || self.name.ends_with("_release");
        let mut unsaid = Vec::new();
        if !says(&["Threads"]) {
            unsaid.push("which threads may call it (Threads)");
        }
        if self.parameters.contains('*') && !says(&["NULL"]) {
            unsaid.push("what NULL does (NULL)");
        }
        if hands_out && !ends && !says(&["Memory:", "memory,", "ended by", "valid until", "Valid until"]) {
            unsaid.push("whose memory it hands out (Memory, ended by, valid until)");
        }
        if keeps && !says(&["`drop`"]) {
            unsaid.push("when it lets go of user_data (drop)");
        }
        if ends && !says(&["the last call on", "Lets go of"]) {
            unsaid.push("that it ends what it is given");
        }
        unsaid
    }
}

fn functions(header: &str) -> Vec<Function<'_>> {
    header.split("/**").skip(1).filter_map(Function::read).collect()
}

#[test]
fn the_committed_header_is_what_the_code_says() {
    let committed = committed();
    let generated = header::generate(root(), env!("CARGO_PKG_VERSION")).expect("src/ffi can be read");
    let stale = committed.lines().zip(generated.lines()).position(|(committed, generated)| committed != generated);
    assert!(committed == generated, "include/splitio.h is stale after line {stale:?}: build once, and `git add` it");
}

#[test]
fn every_function_says_its_rules_of_threads_memory_and_null() {
    let header = committed();
    let functions = functions(&header);
    assert_eq!(functions.len(), header.matches("SPLIT_API").count() - 2, "functions without a comment");
    let unsaid: Vec<_> = functions
        .iter()
        .map(|function| (function.name, function.unsaid()))
        .filter(|(_, unsaid)| !unsaid.is_empty())
        .collect();
    assert!(unsaid.is_empty(), "comments that do not say everything: {unsaid:#?}");
}

#[test]
fn a_comment_that_says_too_little_is_noticed() {
    const THREADS: &str = "which threads may call it (Threads)";
    const NULL: &str = "what NULL does (NULL)";
    const MEMORY: &str = "whose memory it hands out (Memory, ended by, valid until)";
    const DROP: &str = "when it lets go of user_data (drop)";
    for (item, wanted) in [
        (" Threads: any. */\nSPLIT_API bool split_a(void);", vec![]),
        (" Counts. */\nSPLIT_API bool split_a(void);", vec![THREADS]),
        (" Threads: any. */\nSPLIT_API bool split_a(const split_config *config);", vec![NULL]),
        (" Threads: any. Memory: static. */\nSPLIT_API const char *split_a(void);", vec![]),
        (" Threads: any. */\nSPLIT_API SPLIT_NODISCARD\nsplit_results *split_a(void);", vec![MEMORY]),
        (" Threads: any. NULL: no. */\nSPLIT_API\nbool split_a(int32_t a,\n split_json *text);", vec![MEMORY]),
        (" Threads: any. NULL: no. */\nSPLIT_API bool split_a(const split_result *result);", vec![]),
        (" Threads: any. NULL: no. */\nSPLIT_API bool split_a(void *user_data, split_drop_fn drop);", vec![DROP]),
    ] {
        let function = Function::read(item).expect("a declaration");
        assert_eq!((function.name, function.unsaid()), ("split_a", wanted), "{item}");
    }
}

#[test]
fn the_functions_of_the_header_are_the_symbols_of_the_library() {
    let symbols = fs::read_to_string(root().join("tests/abi/symbols.txt")).expect("a list of symbols");
    let symbols: BTreeSet<&str> = symbols.lines().collect();
    let header = committed();
    let declared: BTreeSet<&str> = functions(&header).into_iter().map(|function| function.name).collect();
    assert_eq!(declared, symbols);
}
