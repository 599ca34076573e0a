//! Keeps `include/splitio.h` in step with `src/ffi`, and tells the linker what cargo does not know.

#[path = "build/header.rs"]
mod header;

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=src/ffi");
    println!("cargo::rerun-if-changed=include/splitio.h");
    keep_header();
    link();
}

fn keep_header() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/splitio.h");
    // Code that does not parse is rustc's to complain about, with line and column.
    let text = match header::generate(root, env!("CARGO_PKG_VERSION")) {
        Ok(text) => text,
        Err(error) => return println!("cargo::warning=include/splitio.h is left as it is: {error}"),
    };
    if fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
        return;
    }
    // A source directory that cannot be written, such as a vendored one, is nothing to fail for: tests/header.rs tells
    // those who can do something about it.
    if let Err(error) = fs::write(&path, text) {
        println!("cargo::warning=include/splitio.h is not up to date and cannot be written: {error}");
    }
}

fn link() {
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // Treatments handed out live as long as the process, and threads that called the library have its destructors.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // cargo-c names the library itself.
        if env::var_os("CARGO_CFG_CARGO_C").is_none() {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsplitio.so.{}", env!("CARGO_PKG_VERSION_MAJOR"));
        }
    }
}
