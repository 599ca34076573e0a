//! `include/splitio.h`, made from the code of `src/ffi`, so that the two cannot disagree.
//!
//! build.rs keeps the committed file in step; `tests/header.rs` fails when it is not. cbindgen does the work; what it
//! cannot say (headings, one-line comments, a length beside its pointer) is tidied here, line by line.

use std::fs;
use std::path::Path;

/// The files that declare something, in the order of the header, with the heading of their functions.
pub const SOURCES: [(&str, &str); 15] = [
    ("codes.rs", ""),
    ("types.rs", ""),
    ("version.rs", "Version and errors"),
    ("fork.rs", ""),
    ("options.rs", "Options"),
    ("config.rs", "Configuration"),
    ("factory.rs", "Factory"),
    ("evaluate.rs", "Evaluating"),
    ("explain.rs", ""),
    ("results.rs", "Results"),
    ("attributes.rs", "Attributes and properties"),
    ("events.rs", "Events"),
    ("manager.rs", "Manager"),
    ("queue.rs", "Queue"),
    ("lifecycle.rs", "Flushing, forking, ending"),
];

/// The header for a version such as `1.0.0`; `root` is the directory of Cargo.toml.
pub fn generate(root: &Path, version: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let mut numbers = version.split(['.', '-']);
    if let Some(text) = &mut config.after_includes {
        *text = text.replace("@VERSION@", version);
        for name in ["@MAJOR@", "@MINOR@", "@PATCH@"] {
            *text = text.replace(name, numbers.next().ok_or("a version has three numbers")?);
        }
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    let mut headings = Vec::new();
    for (file, heading) in SOURCES {
        let path = root.join("src/ffi").join(file);
        if !heading.is_empty() {
            let code = fs::read_to_string(&path)?;
            let (_, first) = code.split_once("extern \"C\" fn ").ok_or("a file with a heading has functions")?;
            let (name, _) = first.split_once('(').ok_or("a function has parameters")?;
            headings.push((format!("{name}("), heading));
        }
        builder = builder.with_src(path);
    }
    let mut raw = Vec::new();
    builder.generate()?.write(&mut raw);
    Ok(tidy(&String::from_utf8(raw)?, &headings))
}

/// What cbindgen wrote, as it should read.
fn tidy(raw: &str, headings: &[(String, &str)]) -> String {
    let mut out = String::new();
    let mut kind_above = None;
    for item in raw.trim_end().split("\n\n") {
        // SPLIT_E_, SPLIT_LOG_ and so on: codes of one kind stand together.
        let kind = item.lines().last().and_then(|line| line.strip_prefix("#define SPLIT_")?.split('_').next());
        out += if out.is_empty() {
            ""
        } else if kind.is_some() && kind == kind_above {
            "\n"
        } else {
            "\n\n"
        };
        kind_above = kind;
        if let Some((_, heading)) = headings.iter().find(|(name, _)| item.contains(&**name)) {
            out += &format!("/* ---- {heading} {} */\n\n", "-".repeat(68 - heading.len()));
        }
        out += &tidy_item(item).join("\n");
    }
    out + "\n"
}

fn tidy_item(item: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut dedent = 0;
    for line in item.lines() {
        let code = line.trim_start();
        let above = out.last_mut().map(|above| (above.trim_start().to_owned(), above));
        let measured = code.strip_prefix("size_t ").and_then(|code| code.split_once("_len")).map(|(name, _)| name);
        match above {
            // A comment of one line stands on one line.
            Some((start, above)) if start == "/**" => *above += code.trim_start_matches('*'),
            Some((start, above)) if start.starts_with("/** ") && code == "*/" => *above += " */",
            Some((start, above)) if start.starts_with("/** ") && code.starts_with('*') => {
                let indent = above.len() - start.len();
                *above = format!("{0:1$}/**\n{0:1$} *{2}", "", indent, &start[3..]);
                out.push(line.to_owned());
            }
            // A length stands beside what it measures.
            Some((start, above)) if measured.is_some_and(|name| start.ends_with(&format!("*{name},"))) => {
                *above += &format!(" {code}");
            }
            Some((start, above)) if start == "SPLIT_API" && code == "SPLIT_NODISCARD" => *above += " SPLIT_NODISCARD",
            _ => {
                // Parameters stay below each other when the `struct` of the return type goes.
                let parameters = line.find('(').unwrap_or_default();
                dedent += line[..parameters].matches("struct split_").count() * "struct ".len();
                let line = if code.len() < line.len() { line.get(dedent..).unwrap_or(code) } else { line };
                out.push(tidy_line(line));
            }
        }
    }
    out
}

fn tidy_line(line: &str) -> String {
    if line.starts_with("typedef struct ") {
        return line.to_owned();
    }
    if let Some((directive, condition)) = line.split_once(" // ") {
        return format!("{} /* {condition} */", directive.trim_end());
    }
    match line.split_once(" -") {
        Some((name, number)) if line.starts_with("#define") => format!("{name} (-{number})"),
        _ => line.replace("struct split_", "split_"),
    }
}
