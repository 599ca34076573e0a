//! The programs of the C API fuzzer's corpus, as ordinary tests. `make fuzz` goes on from them, with sanitizers.

use std::fs;
use std::path::Path;

#[path = "../fuzz/sequence/mod.rs"]
mod sequence;

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");

#[test]
fn the_corpus_breaks_nothing() {
    let directory = Path::new(FUZZ).join("corpus/c_api");
    let mut count = 0;
    for file in fs::read_dir(&directory).expect("the corpus") {
        let path = file.expect("an entry").path();
        let program = fs::read(&path).expect("a file");
        if std::panic::catch_unwind(|| sequence::run(&program, &format!("{FUZZ}/files"))).is_err() {
            panic!("{path:?} breaks something");
        }
        count += 1;
    }
    assert!(count > 0, "{directory:?} is empty");
}
