//! The program: what it prints, and how it ends.
#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use support::get;

fn emulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_splitio-emulator"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn serves_until_it_is_told_to_end() {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/redis/environment");
    let (flags, segments) = (environment.join("splitChanges.json"), environment.join("segments"));
    let arguments = ["--port", "0", "--file", flags.to_str().unwrap(), "--segments", segments.to_str().unwrap()];
    for signal in ["-TERM", "-INT"] {
        let more = ["--streaming", "--payload", "zlib", "--set", "conn_delay=4", "--key", "key", "--page-size", "3"];
        let mut program = emulator(&[&arguments[..], &more].concat()).spawn().unwrap();
        let mut out = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().parse().unwrap();
        let body = get(address, "/api/splitChanges?s=1.3&since=-1&rbSince=-1").json();
        assert_eq!(body["ff"]["d"].as_array().unwrap().len(), 3);
        let auth = get(address, "/api/v2/auth?s=1.3").json();
        assert_eq!((&auth["pushEnabled"], &auth["connDelay"]), (&true.into(), &4.into()));
        assert!(Command::new("kill").args([signal, &program.id().to_string()]).status().unwrap().success());
        assert!(program.wait().unwrap().success(), "{signal}");
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        program.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "it says nothing else");
    }
}

#[test]
fn complains_in_one_line() {
    for (arguments, code, part) in [
        (&["--prot", "1"][..], 2, "--prot"),
        (&["--port", "many"], 2, "many"),
        (&["--payload", "lzma"], 2, "lzma"),
        (&["--max-spec", "1.9"], 2, "1.9"),
        (&["--set", "nothing=1"], 2, "nothing"),
        (&["--set", "page_size"], 2, "NAME=JSON"),
        (&["--tls-cert", "x"], 2, "go together"),
        (&["--port", "0", "--file", "/does/not/exist.json"], 1, "/does/not/exist.json"),
    ] {
        let output = emulator(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {text}");
        assert!(text.contains(part) && text.lines().count() == 1 && output.stdout.is_empty(), "{arguments:?} {text}");
    }
    for (argument, part) in [("--help", "usage: splitio-emulator"), ("--version", "splitio-emulator 1.")] {
        let output = emulator(&[argument]).output().unwrap();
        assert!(output.status.success() && String::from_utf8(output.stdout).unwrap().starts_with(part), "{argument}");
    }
}
