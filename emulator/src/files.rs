//! Flags and segments from files, as in localhost mode, followed while they change.
//!
//! Files are looked at by name each time, so that an editor's rename and the symlink swap of a Kubernetes ConfigMap are
//! both seen. A file that cannot be read, or is half written, leaves the last good state in place until the next look.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::environment::{EditError, UNKNOWN};

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot read {path:?}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// No JSON.
    #[error("{path:?} is not JSON")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        cause: serde_json::Error,
    },
    /// JSON of another kind.
    #[error("{path:?} is not {wanted}")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// Definitions that cannot be applied.
    #[error("the content of a file cannot be applied")]
    Content(#[source] EditError),
}

/// One half of a flags file.
#[derive(Debug, PartialEq)]
pub(crate) struct Section {
    pub objects: Vec<Value>,
    pub till: i64,
}

/// A flags file.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    pub flags: Section,
    pub rbs: Section,
}

/// A segment file: a snapshot of the members.
#[derive(Debug, PartialEq)]
pub(crate) struct SegmentDocument {
    pub name: String,
    pub keys: Vec<String>,
    pub till: Option<i64>,
}

impl Document {
    /// New (`ff`, `rbs`) or old (`splits`) format.
    fn from_json(document: &Value) -> Option<Self> {
        let document = document.as_object()?;
        let section = |objects: Option<&Value>, till: Option<&Value>| Section {
            objects: objects.and_then(Value::as_array).cloned().unwrap_or_default(),
            till: till.and_then(Value::as_i64).filter(|till| *till >= UNKNOWN).unwrap_or(UNKNOWN),
        };
        if let Some(splits) = document.get("splits") {
            return Some(Self { flags: section(Some(splits), document.get("till")), rbs: section(None, None) });
        }
        let part = |name: &str| {
            let part = document.get(name);
            section(part.and_then(|part| part.get("d")), part.and_then(|part| part.get("t")))
        };
        Some(Self { flags: part("ff"), rbs: part("rbs") })
    }
}

impl SegmentDocument {
    fn from_json(document: &Value) -> Option<Self> {
        let name = document.get("name")?.as_str().filter(|name| !name.trim().is_empty())?.to_owned();
        let list = |member: &str| -> Vec<String> {
            let list = document.get(member).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let removed = list("removed");
        let keys = list("added").into_iter().filter(|key| !removed.contains(key)).collect();
        let till = document.get("till").and_then(Value::as_i64).filter(|till| *till > 0);
        Some(Self { name, keys, till })
    }
}

/// What files said at a look.
#[derive(Debug)]
pub(crate) enum News {
    Flags(Document),
    Segment(SegmentDocument),
}

#[derive(Debug, Clone, PartialEq)]
struct Stamp {
    /// Where the symlinks led.
    real: PathBuf,
    modified: Option<SystemTime>,
    length: u64,
    content: Vec<u8>,
}

/// The watched files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub flags: Option<PathBuf>,
    pub segments: Option<PathBuf>,
    seen: HashMap<PathBuf, Stamp>,
}

impl Files {
    pub(crate) fn new(flags: Option<PathBuf>, segments: Option<PathBuf>) -> Self {
        Self { flags, segments, seen: HashMap::new() }
    }

    /// Forgets what was seen, so that the next look reports everything.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// What changed since the last look: segments first, for flags need them.
    pub(crate) fn look(&mut self) -> (Vec<News>, Vec<FileError>) {
        let (mut news, mut errors) = (Vec::new(), Vec::new());
        let mut paths = Vec::new();
        if let Some(directory) = &self.segments {
            match segment_files(directory) {
                Ok(found) => paths.extend(found),
                Err(cause) => errors.push(FileError::Read { path: directory.clone(), cause }),
            }
        }
        for path in paths {
            match self.read(&path, "a segment: {\"name\", \"added\"}", SegmentDocument::from_json) {
                Ok(found) => news.extend(found.map(News::Segment)),
                Err(error) => errors.push(error),
            }
        }
        if let Some(path) = self.flags.clone() {
            match self.read(&path, "a JSON object with \"ff\" or \"splits\"", Document::from_json) {
                Ok(found) => news.extend(found.map(News::Flags)),
                Err(error) => errors.push(error),
            }
        }
        (news, errors)
    }

    fn read<T>(
        &mut self,
        path: &Path,
        wanted: &'static str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, FileError> {
        let failed = |cause| FileError::Read { path: path.to_owned(), cause };
        let metadata = fs::metadata(path).map_err(failed)?;
        let (modified, length) = (metadata.modified().ok(), metadata.len());
        let real = fs::canonicalize(path).map_err(failed)?;
        let seen = self.seen.get(path);
        // A write within the clock's grain of the last look shows in the content only, so young files are always read.
        let young = modified.is_none_or(|at| at.elapsed().is_ok_and(|age| age < Duration::from_secs(3)));
        if !young && seen.is_some_and(|seen| seen.real == real && seen.modified == modified && seen.length == length) {
            return Ok(None);
        }
        let content = fs::read(path).map_err(failed)?;
        if seen.is_some_and(|seen| seen.content == content) {
            return Ok(None);
        }
        let text = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&content);
        let json = serde_json::from_slice(text).map_err(|cause| FileError::Json { path: path.to_owned(), cause });
        let parsed = json.and_then(|json| parse(&json).ok_or(FileError::Kind { path: path.to_owned(), wanted }));
        // A bad file counts as not seen: it is complained about once a look, and taken as soon as it is whole.
        let parsed = parsed?;
        self.seen.insert(path.to_owned(), Stamp { real, modified, length, content });
        Ok(Some(parsed))
    }
}

/// `*.json`, without hidden files.
fn segment_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents() {
        let section = |objects: Vec<Value>, till| Section { objects, till };
        let none = || section(Vec::new(), -1);
        for (json, expected) in [
            (json!({}), Some((none(), none()))),
            (json!([]), None),
            (json!({"splits": [{"name": "a"}], "till": 5}), Some((section(vec![json!({"name": "a"})], 5), none()))),
            (
                json!({"ff": {"d": null, "t": 7}, "rbs": {"d": [{"name": "r"}]}}),
                Some((section(Vec::new(), 7), section(vec![json!({"name": "r"})], -1))),
            ),
            (json!({"ff": {"t": -9}}), Some((none(), none()))),
        ] {
            let document = Document::from_json(&json).map(|document| (document.flags, document.rbs));
            assert_eq!(document, expected, "{json}");
        }
    }

    #[test]
    fn segment_documents() {
        for (json, expected) in [
            (json!({"name": "s", "added": ["a", "b"], "removed": ["b"], "till": 9}), Some(("s", vec!["a"], Some(9)))),
            (json!({"name": "s", "added": null, "till": 0}), Some(("s", vec![], None))),
            (json!({"name": " ", "added": []}), None),
            (json!(7), None),
        ] {
            let document = SegmentDocument::from_json(&json);
            let seen = document
                .as_ref()
                .map(|seen| (seen.name.as_str(), seen.keys.iter().map(String::as_str).collect::<Vec<_>>(), seen.till));
            assert_eq!(seen, expected, "{json}");
        }
    }

    #[test]
    fn a_file_is_news_when_its_content_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("flags.json");
        let mut files = Files::new(Some(path.clone()), None);
        for (content, news, errors) in [
            (None, 0, 1),
            (Some("{\"ff\": {\"t\": 1}}"), 1, 0),
            (Some("{\"ff\": {\"t\": 1}}"), 0, 0),
            (Some("{\"ff\": {\"t\": 2}}"), 1, 0),
            (Some("{\"ff\": {\"t"), 0, 1),
            (Some("[]"), 0, 1),
            (Some("\u{feff}{\"ff\": {\"t\": 3}}"), 1, 0),
        ] {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let (seen, failed) = files.look();
            assert_eq!((seen.len(), failed.len()), (news, errors), "{content:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_swapped_symlink_is_seen() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (version, key) in [("v1", "ann"), ("v2", "bob")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("s.json"), json!({"name": "s", "added": [key]}).to_string()).unwrap();
        }
        symlink("v1", at("..data")).unwrap();
        symlink("..data/s.json", at("s.json")).unwrap();
        let mut files = Files::new(None, Some(directory.path().to_owned()));
        let mut keys = || match files.look().0.pop() {
            Some(News::Segment(segment)) => segment.keys,
            _ => Vec::new(),
        };
        assert_eq!(keys(), ["ann"]);
        symlink("v2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert_eq!(keys(), ["bob"]);
    }
}
