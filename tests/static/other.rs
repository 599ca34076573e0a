//! A second Rust library for the program beside this file: Rust's standard library comes with it once more, and both
//! have to work, unwinding included, which the two do by the same symbols.

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::thread;

/// 42, by way of a thread, a hash map and a panic that is caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_answer() -> i32 {
    let lengths: HashMap<&str, i32> = ["split", "flag", "treatment"].map(|text| (text, text.len() as i32)).into();
    let sum = thread::spawn(move || lengths.values().sum::<i32>()).join().unwrap_or_default();
    std::panic::set_hook(Box::new(|_| ()));
    let caught = catch_unwind(|| if sum == 18 { panic!() }).is_err();
    if caught { sum + 24 } else { 0 }
}
