#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| splitio::fuzzing::attributes(data));
