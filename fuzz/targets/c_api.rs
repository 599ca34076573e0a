#![no_main]

#[path = "../sequence/mod.rs"]
mod sequence;

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/files");

libfuzzer_sys::fuzz_target!(|data: &[u8]| sequence::run(data, FILES));
