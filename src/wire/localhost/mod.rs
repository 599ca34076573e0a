//! The files of localhost mode, made into what the backend would have sent.
//!
//! Files are written by people: fields are missing, types are wrong, YAML takes `on` for a boolean. All of that is
//! repaired here, so that only one reader of definitions exists. Flags and rule-based segments come out as JSON text
//! for it. Nothing here opens a file or knows the time.

#[cfg(test)]
mod conformance;
mod digest;
mod json;
mod object;
mod plain_flag;
mod sanitise;
mod segment;
mod text;
mod yaml;
mod yaml_tree;

use std::path::Path;
use std::str::Utf8Error;

pub(crate) use digest::Digest;
pub(crate) use json::{Digests, Document};
pub(crate) use segment::{SegmentDocument, Verdict};
pub(crate) use text::read as read_text;
pub(crate) use yaml::read as read_yaml;

use super::changes::flag_from_json;
use super::compile::Compiler;
use crate::rules::Change;

/// The part of the SDK that speaks in this module's log lines.
const TARGET: &str = "localhost";

/// Why a file cannot be used. Which file it is, the one who read it says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalhostError {
    #[error("it is not UTF-8 text: {0}")]
    NotUtf8(#[source] Utf8Error),
    #[error("it is not a JSON document of the right form: {0}")]
    Json(#[source] serde_json::Error),
    #[error("{place} is not {wanted}")]
    WrongType { place: &'static str, wanted: &'static str },
    #[error("it does not say the name of its segment")]
    NoSegmentName,
    #[error("it holds the segment {found:?} instead of {wanted:?}")]
    OtherSegment { found: String, wanted: String },
    #[error("it is not YAML: {0}")]
    Yaml(#[source] saphyr_parser::ScanError),
    #[error("{place}: {wrong}")]
    YamlForm { place: String, wrong: &'static str },
}

/// Compiles the definitions of a YAML or plain text file.
pub(crate) fn compile(definitions: &[String], compiler: &mut Compiler<'_>) -> Change {
    Change {
        flags: definitions.iter().filter_map(|json| flag_from_json(json, compiler)).collect(),
        ..Change::default()
    }
}

/// How a file of flags is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Text,
}

impl Format {
    /// By the end of the file's name, in upper or lower case.
    pub(crate) fn of(path: &Path) -> Self {
        // Not `Path::extension`, for which a file named ".json" has none.
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match name.rsplit_once('.') {
            Some((_, "json")) => Format::Json,
            Some((_, "yaml" | "yml")) => Format::Yaml,
            _ => Format::Text,
        }
    }
}

/// The text of a file, without the byte order mark that some editors put before it.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, LocalhostError> {
    let text = std::str::from_utf8(bytes).map_err(LocalhostError::NotUtf8)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b28_the_format_goes_by_the_end_of_the_name() {
        for (path, format) in [
            ("flags.json", Format::Json),
            ("FLAGS.JSON", Format::Json),
            ("dir.yaml/flags.Json", Format::Json),
            ("flags.yaml", Format::Yaml),
            ("flags.yml", Format::Yaml),
            ("flags.YAML", Format::Yaml),
            ("flags.YML", Format::Yaml),
            ("mit Leerzeichen/Schälter.yml", Format::Yaml),
            ("../a b/.yaml", Format::Yaml),
            ("/home/ann/.split", Format::Text),
            ("flags.json.bak", Format::Text),
            ("json", Format::Text),
            ("", Format::Text),
        ] {
            assert_eq!(Format::of(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn b28_a_byte_order_mark_is_skipped_once() {
        assert_eq!(decode(b"\xef\xbb\xbff on").expect("UTF-8"), "f on");
        assert_eq!(decode(b"\xef\xbb\xbf\xef\xbb\xbff on").expect("UTF-8"), "\u{feff}f on");
        assert_eq!(decode(b"f on").expect("UTF-8"), "f on");
        assert!(matches!(decode(b"\xff\xfef\0"), Err(LocalhostError::NotUtf8(_))));
    }
}
