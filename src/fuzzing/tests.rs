//! The corpus as ordinary tests, and what no corpus holds: documents that nest ten thousand levels deep.

use std::fs;
use std::path::Path;

use super::*;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 11] = [
    ("definitions", definitions),
    ("segment", segment),
    ("localhost_json", localhost_json),
    ("localhost_yaml", localhost_yaml),
    ("localhost_text", localhost_text),
    ("sse", sse),
    ("notification", notification),
    ("token", token),
    ("config", config),
    ("attributes", attributes),
    ("pattern", pattern),
];

/// What fuzzers found, and what they start from. `make fuzz` goes on from here, with sanitizers.
#[test]
fn the_corpus_breaks_nothing() {
    for (name, target) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let files = fs::read_dir(&directory).unwrap_or_else(|cause| panic!("{directory:?}: {cause}"));
        let mut count = 0;
        for file in files {
            let path = file.expect("an entry").path();
            let data = fs::read(&path).expect("a file");
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                panic!("{path:?} breaks {name}");
            }
            count += 1;
        }
        assert!(count > 0, "{directory:?} is empty");
    }
}

/// Stack of a thread that reads. Unoptimised frames are larger than those that users get.
const STACK: usize = if cfg!(debug_assertions) { 512 * 1024 } else { 128 * 1024 };

#[test]
fn no_depth_overflows_the_stack() {
    const DEPTH: usize = 10_000;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
    let values = [nested("[", "]"), nested(r#"{"a":"#, "}"), nested("[{\"\":", "}]"), "[".repeat(DEPTH)];
    let documents: [(Target, &[&str]); 9] = [
        (
            definitions,
            &[
                "@",
                r#"{"ff":@}"#,
                r#"{"ff":{"d":[@]}}"#,
                r#"{"ff":{"d":[{"name":"f","conditions":@}]}}"#,
                r#"{"ff":{"d":[{"name":"f","status":"ACTIVE","unknown":@}]}}"#,
            ],
        ),
        (segment, &["@", r#"{"name":"s","added":[@]}"#, r#"{"name":"s","unknown":@}"#]),
        (
            localhost_json,
            &["@", r#"{"ff":{"d":[@]}}"#, r#"{"ff":{"d":[{"name":"f","x":@}]}}"#, r#"{"splits":[{"conditions":@}]}"#],
        ),
        (localhost_yaml, &["@", "- f: @", "- f:\n    config: @"]),
        (sse, &["\u{1}data: @\n\n", "\u{1}event: error\ndata: @\n\n"]),
        (notification, &["@", r#"{"type":"SPLIT_UPDATE","changeNumber":@}"#, "\0@", r#"{"data":@}"#]),
        (token, &["@", r#"{"exp":1,"iat":0,"x-ably-capability":@}"#]),
        (config, &["@", r#"{"fallbackTreatments":@}"#, "fallbackTreatments=@", r#"{"unknown":@}"#]),
        (attributes, &["@", r#"{"a":@}"#]),
    ];
    let patterns = [("(", ")"), ("(?:", ")"), ("(?=", ")"), ("(?P<n>", ")"), ("[", "]"), ("(?i:", "|a)*"), ("", "{2}")];
    let patterns = patterns.map(|(open, close)| (pattern as Target, nested(open, close)));
    let documents = documents.into_iter().flat_map(|(target, templates)| {
        let filled = |template: &&str| values.iter().map(|value| template.replace('@', value)).collect::<Vec<_>>();
        templates.iter().flat_map(filled).map(|text| (target, text)).collect::<Vec<_>>()
    });
    for (target, text) in documents.chain(patterns) {
        let small = std::thread::Builder::new().stack_size(STACK);
        // A stack that is too small ends the process.
        let reading = small.spawn(move || target(text.as_bytes())).expect("a thread");
        reading.join().expect("no panic");
    }
    let storeys = |text: &str| text.repeat(DEPTH).into_bytes();
    for text in [storeys("- "), storeys("? "), storeys("a: "), storeys("- [{")] {
        let small = std::thread::Builder::new().stack_size(STACK);
        small.spawn(move || localhost_yaml(&text)).expect("a thread").join().expect("no panic");
    }
}
