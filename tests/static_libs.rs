//! What a program has to link besides `libsplitio.a` is written down twice, for CMake; pkg-config's file is made from that.
//! rustc knows it better: this fails when a dependency, or a new rustc, needs another library.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a C compiler links by itself, in the form that fits: libgcc_eh, and not libgcc_s, in a program without shared
/// libraries. Named outright, libgcc_s would make such programs impossible.
const BY_THE_COMPILER: [&str; 2] = ["gcc_s", "c"];

/// The libraries that rustc names for a static library with ours inside.
fn native_static_libs() -> BTreeSet<String> {
    let program = std::env::current_exe().expect("the path of this test");
    let directory = program.parent().expect("a file is in a directory");
    let work = tempfile::tempdir().expect("a directory for the outcome");
    let source = work.path().join("outer.rs");
    fs::write(&source, "extern crate splitio;").expect("a source file");
    let mut library = std::ffi::OsString::from("splitio=");
    // As this test is linked with; cargo gives it no hash, as the crate is a shared library as well.
    library.push(directory.join("libsplitio.rlib"));
    let mut dependencies = std::ffi::OsString::from("dependency=");
    dependencies.push(directory);
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--crate-type", "staticlib", "--print", "native-static-libs", "--out-dir"])
        .arg(work.path())
        .arg("--extern")
        .arg(library)
        .arg("-L")
        .arg(dependencies)
        .arg(&source)
        .output()
        .expect("rustc runs");
    let said = String::from_utf8(output.stderr).expect("rustc speaks UTF-8");
    let list = said.split_once("native-static-libs:").unwrap_or_else(|| panic!("rustc said only: {said}")).1;
    let list = list.lines().next().unwrap_or_default();
    list.split_whitespace().filter_map(|flag| flag.strip_prefix("-l")).map(str::to_owned).collect()
}

fn cmake(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cmake").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_libraries_that_cmake_and_pkg_config_name_are_those_of_rustc() {
    let mut wanted = native_static_libs();
    for name in BY_THE_COMPILER {
        assert!(wanted.remove(name), "{name} is no longer among {wanted:?}");
    }
    let build = cmake("CMakeLists.txt");
    let (_, rest) = build.split_once("set(splitio_system_libraries ").expect("CMakeLists.txt has a list");
    let (list, _) = rest.split_once(')').expect("a list ends");
    assert_eq!(list.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>(), wanted);
    let config = cmake("splitioConfig.cmake");
    assert!(config.contains(&format!("set(_splitio_system {list})")), "splitioConfig.cmake does not name {list}");
}
