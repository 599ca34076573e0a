//! Localhost mode: definitions from files.
//!
//! JSON files are what the backend would send, so they are loaded in the background and retried, and may be refreshed.
//! YAML and plain text are loaded while the factory is made, once: what does not load there is an error to the caller.
//! A file that breaks later costs nothing: the last good definitions stay.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Ground;
use super::io::{Io, Stop};
use crate::callbacks::{Event, Outlets};
use crate::complaint::Complaint;
use crate::config::{Config, DEFAULT_FILE};
use crate::descriptors::Descriptors;
use crate::files;
use crate::findings::Findings;
use crate::lifecycle::Lifecycle;
use crate::logging::Logger;
use crate::rules::{Applied, Definitions, Segment, SegmentId};
use crate::storage::{Store, Writer};
use crate::wire::compile::Compiler;
use crate::wire::localhost::{
    Digest, Digests, Document, Format, LocalhostError, SegmentDocument, Verdict, compile, decode, read_text, read_yaml,
};

const TARGET: &str = "localhost";

/// Waits after a first load that failed (spec: 10, 20, 30, 30 ... seconds).
const RETRY_STEP: Duration = Duration::from_secs(10);
const RETRY_CAP: Duration = Duration::from_secs(30);

/// In bytes; as of an answer of the backend.
const LARGEST_FILE: u64 = 1 << 30;

/// Why the files of localhost mode do not load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path:?}: {cause}{}", or_another(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// What is in the file cannot be used.
    #[error("{path:?} does not load: {cause}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// Who named no file, or misspelt the option, does not know where this one comes from.
fn or_another(path: &Path) -> &'static str {
    if path.ends_with(DEFAULT_FILE) { "; the option splitFile names another file" } else { "" }
}

/// The files of one factory, and what was last read of them.
pub(crate) struct Localhost {
    files: Files,
    refresh: Option<Refresh>,
    store: Arc<Store>,
    lifecycle: Arc<Lifecycle>,
    outlets: Arc<Outlets>,
    log: Logger,
    /// Whether labels need their `fallback - ` form.
    fallbacks: bool,
    descriptors: Arc<Descriptors>,
    /// What stands for seeds that the file leaves out: seconds since 1970 when the factory was made. The same at every
    /// refresh, or keys would move to other buckets whenever somebody edits another flag.
    seed: i64,
    last: Option<Digests>,
    segments: HashMap<String, Digest>,
    /// About definitions that cannot be used, or find no room.
    unusable: Complaint,
    /// Why the last refresh failed: said once, not every second.
    complaint: Option<String>,
    /// The same for each segment.
    complaints: HashMap<String, String>,
}

struct Files {
    format: Format,
    flags: PathBuf,
    segments: Option<PathBuf>,
}

struct Refresh {
    flags: Duration,
    segments: Duration,
}

impl Localhost {
    /// The files that a configuration names.
    /// `seed` (seconds since 1970) stands for seeds that the file leaves out.
    pub(crate) fn new(config: &Config, ground: Ground, seed: i64) -> Self {
        let Ground { store, lifecycle, outlets, log, fallbacks, descriptors } = ground;
        let files = Files {
            format: Format::of(&config.split_file),
            flags: anchored(&config.split_file),
            segments: config.segment_directory.as_deref().map(anchored),
        };
        let refresh = config
            .localhost_refresh_enabled
            .then_some(Refresh { flags: config.features_refresh_rate, segments: config.segments_refresh_rate });
        Localhost {
            files,
            refresh,
            store,
            lifecycle,
            outlets,
            unusable: Complaint::new(log.clone(), TARGET),
            log,
            fallbacks,
            descriptors,
            seed,
            last: None,
            segments: HashMap::new(),
            complaint: None,
            complaints: HashMap::new(),
        }
    }

    /// Loads, here and now or in the background, as the format of the file has it. With `inherited` definitions, which
    /// are in use already, it only looks for changes.
    pub(crate) fn start(mut self, inherited: bool) -> Result<Option<Io>, StartError> {
        match self.files.format {
            _ if inherited && self.refresh.is_none() => Ok(None),
            Format::Json => {
                let (log, descriptors) = (self.log.clone(), Arc::clone(&self.descriptors));
                let work = move |stop| self.run(stop, inherited);
                Ok(Some(Io::start(log, &descriptors, work).map_err(StartError::Thread)?))
            }
            Format::Yaml | Format::Text if inherited => Ok(None),
            Format::Yaml | Format::Text => {
                self.load_plain()?;
                self.become_ready();
                Ok(None)
            }
        }
    }

    /// There is never anything left to do at the end.
    async fn run(mut self, mut stop: Stop, inherited: bool) -> bool {
        if !inherited && !self.load_at_last(&mut stop).await {
            return true;
        }
        let Some(Refresh { flags, segments }) = self.refresh else { return true };
        let mut flags_due = Instant::now() + flags;
        let mut segments_due = Instant::now() + segments;
        loop {
            tokio::select! {
                () = stop.requested() => return true,
                () = tokio::time::sleep_until(flags_due) => {
                    self.guarded(Self::refresh_flags);
                    flags_due = Instant::now() + flags;
                }
                () = tokio::time::sleep_until(segments_due) => {
                    self.guarded(Self::refresh_segments);
                    segments_due = Instant::now() + segments;
                }
            }
        }
    }

    /// Loads, as often as it takes, and makes the factory ready. False if it ended meanwhile.
    async fn load_at_last(&mut self, stop: &mut Stop) -> bool {
        let mut wait = RETRY_STEP;
        while let Err(failure) = self.load_json() {
            let seconds = wait.as_secs();
            self.log.error(TARGET, format_args!("{failure}; the next attempt is in {seconds} s"));
            if !stop.sleep(wait).await {
                return false;
            }
            wait = (wait + RETRY_STEP).min(RETRY_CAP);
        }
        self.become_ready();
        true
    }

    /// A defect costs one refresh, not all that come after it.
    fn guarded(&mut self, refresh: fn(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| refresh(self))).is_err() {
            self.log.error(TARGET, format_args!("a refresh failed inside; the next comes at its time"));
        }
    }

    fn become_ready(&self) {
        if self.lifecycle.become_ready() {
            self.log.info(TARGET, format_args!("ready with the flags of {:?}", self.files.flags));
            self.outlets.event(Event::Ready);
        }
    }

    fn load_plain(&mut self) -> Result<(), LoadError> {
        let bytes = read(&self.files.flags)?;
        let text = decode(&bytes).map_err(|cause| self.flags_form(cause))?;
        let findings = Findings::default();
        let log = findings.log();
        let flags = match self.files.format {
            Format::Yaml => read_yaml(text).map_err(|cause| self.flags_form(cause))?,
            Format::Json | Format::Text => read_text(text, &log),
        };
        let applied = self.store.write(|writer| {
            let change = compile(&flags, &mut self.compiler(writer, &log));
            let (next, applied) = writer.current().apply(change, writer.filter());
            writer.publish(next);
            applied
        });
        findings.tell(&self.unusable);
        applied.complain(&self.unusable);
        Ok(())
    }

    fn refresh_flags(&mut self) {
        match self.load_json() {
            Ok((applied, segments_changed)) => {
                self.complaint = None;
                if !applied.flags_changed.is_empty() {
                    self.outlets.event(Event::Update { flags_changed: true, names: applied.flags_changed });
                }
                if applied.rule_based_segments_changed || segments_changed {
                    self.outlets.event(Event::Update { flags_changed: false, names: Vec::new() });
                }
            }
            Err(failure) => {
                let failure = failure.to_string();
                if self.complaint.as_ref() != Some(&failure) {
                    self.log.error(TARGET, format_args!("{failure}; the definitions stay as they were"));
                }
                self.complaint = Some(failure);
            }
        }
    }

    /// Reads the file of the flags, and those of segments that are new to it, and publishes all together. Says also
    /// whether a segment came.
    fn load_json(&mut self) -> Result<(Applied, bool), LoadError> {
        let bytes = read(&self.files.flags)?;
        let text = decode(&bytes).map_err(|cause| self.flags_form(cause))?;
        let document = Document::read(text).map_err(|cause| self.flags_form(cause))?;
        let store = Arc::clone(&self.store);
        let findings = Findings::default();
        let log = findings.log();
        let (applied, sections) = store.write(|writer| {
            let current = writer.current();
            let sections = document.to_apply(self.last.as_ref(), current.change_number(), current.rbs_change_number());
            let change = document.compile(sections, self.seed, &mut self.compiler(writer, &log));
            let (next, applied) = current.apply(change, writer.filter());
            let is_new = |definitions: &Definitions, id| definitions.segment(id).is_none();
            let (next, _, segments_changed) = self.read_segments(next, is_new);
            writer.publish(next);
            ((applied, segments_changed), sections)
        });
        let is_wrong = findings.tell(&self.unusable) | applied.0.complain(&self.unusable);
        if !is_wrong && sections.flags {
            // Whoever mends a file and breaks it again wants to hear of it again.
            self.unusable.settle(format_args!("all flags of the file can be used"));
        }
        let (flags, rbs) = (document.flags(), document.rule_based_segments());
        self.log.debug(
            TARGET,
            format_args!(
                "read flags {} to {} and rule-based segments {} to {} from {:?}",
                flags.since, flags.till, rbs.since, rbs.till, self.files.flags
            ),
        );
        self.last = Some(document.digests());
        Ok(applied)
    }

    fn refresh_segments(&mut self) {
        let store = Arc::clone(&self.store);
        let changed = store.write(|writer| {
            let (next, read, changed) = self.read_segments(Definitions::clone(&writer.current()), |_, _| true);
            if read {
                writer.publish(next);
            }
            changed
        });
        if changed {
            self.outlets.event(Event::Update { flags_changed: false, names: Vec::new() });
        }
    }

    /// Reads the files of those needed segments that `wanted` names, and returns the state with them in it, whether it is
    /// another state, and whether keys came or went. What is wrong with a file is logged and leaves its segment as it is.
    fn read_segments(
        &mut self,
        mut definitions: Definitions,
        wanted: impl Fn(&Definitions, SegmentId) -> bool,
    ) -> (Definitions, bool, bool) {
        let needed: Vec<_> = definitions
            .needed_segments()
            .filter(|(_, id)| wanted(&definitions, *id))
            .map(|(name, id)| (name.to_owned(), id))
            .collect();
        let (mut any_read, mut any_changed) = (false, false);
        for (name, id) in needed {
            let stored = definitions.segment(id).cloned();
            match self.read_segment(&name, stored.as_deref()) {
                Ok(Some((segment, changed))) => {
                    any_read = true;
                    any_changed |= changed || stored.is_none();
                    self.complaints.remove(&name);
                    definitions = definitions.with_segment(id, Arc::new(segment));
                }
                Ok(None) => drop(self.complaints.remove(&name)),
                Err(failure) => self.complain_of_segment(name, failure.to_string()),
            }
        }
        (definitions, any_read, any_changed)
    }

    fn complain_of_segment(&mut self, name: String, failure: String) {
        if self.complaints.get(&name) != Some(&failure) {
            self.log.error(TARGET, format_args!("segment {name:?}: {failure}; it stays as it was"));
        }
        self.complaints.insert(name, failure);
    }

    fn read_segment(
        &mut self,
        name: &str,
        stored: Option<&Segment>,
    ) -> Result<Option<(Segment, bool)>, Box<dyn Error + Send + Sync>> {
        let Some(directory) = &self.files.segments else {
            return Err("segmentDirectory is not set, and there is no home directory".into());
        };
        if name.contains(['/', '\\']) {
            return Err("its name cannot be that of a file in segmentDirectory".into());
        }
        let path = directory.join(format!("{name}.json"));
        let bytes = read(&path)?;
        let form = |cause: LocalhostError| LoadError::Form { path: path.clone(), cause: Box::new(cause) };
        let text = decode(&bytes).map_err(form)?;
        let document = SegmentDocument::read(text, name, &self.log).map_err(form)?;
        let empty = Segment::empty(name);
        let before = stored.unwrap_or(&empty);
        match document.verdict(self.segments.get(name), before.change_number) {
            Verdict::Apply => {}
            Verdict::Unchanged | Verdict::Older => return Ok(None),
        }
        self.log.debug(TARGET, format_args!("read segment {name:?} {} to {}", document.since, document.till));
        let updated = before.updated(&document.added, &document.removed, document.till)?;
        self.segments.insert(name.to_owned(), document.digest);
        Ok(Some(updated))
    }

    fn compiler<'a>(&self, writer: &'a mut Writer<'_>, log: &'a Logger) -> Compiler<'a> {
        Compiler { registry: writer.registry, log, fallbacks: self.fallbacks }
    }

    fn flags_form(&self, cause: LocalhostError) -> LoadError {
        LoadError::Form { path: self.files.flags.clone(), cause: Box::new(cause) }
    }
}

/// Why localhost mode does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

/// The path from the root on: the host may change its directory, as daemons do.
fn anchored(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    files::read(path, LARGEST_FILE).map_err(|cause| LoadError::Read { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_named_says_how_to_name_another() {
        for (path, hint) in [("/nowhere/.split", true), ("/nowhere/flags.split", false), ("/nowhere/flags.yaml", false)]
        {
            let error = read(Path::new(path)).expect_err(path).to_string();
            assert!(error.starts_with(&format!("cannot read {path:?}: ")), "{error}");
            assert_eq!(error.ends_with("; the option splitFile names another file"), hint, "{error}");
        }
    }
}
