//! Feature flags and rule-based segments, brought up to date.
//!
//! One fetch at a time asks for what came after the stored change numbers until there is no more. An answer is applied
//! only on top of what it was asked for: an update from elsewhere that came meanwhile makes it void, and the next question
//! begins from there.

mod instant;

use std::sync::Arc;

use tokio::time::Instant;

use super::backend::{self, Backend, FetchError, ask, read};
use super::pursuit::{Pursuit, Target};
use super::spec::{Dialect, Spec};
use super::updates::Updates;
use crate::complaint::Complaint;
use crate::findings::Findings;
use crate::logging::{Level, Logger};
use crate::rules::{Change, Definitions};
use crate::storage::Store;
use crate::transport::{Call, Endpoint};
use crate::wire::changes::{ChangesDto, SectionDto, flag_from_json, parse_changes, rule_based_segment_from_json};
use crate::wire::compile::Compiler;

pub(crate) use self::instant::{Announced, Landing, Sequence, UnreadableError};

const TARGET: &str = "definitions";

/// Change numbers of feature flags and of rule-based segments. The two sequences have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    flags: i64,
    rbs: i64,
}

/// What is asked for from the beginning.
const NOTHING: Numbers = Numbers { flags: -1, rbs: -1 };

impl Numbers {
    fn of(definitions: &Definitions) -> Self {
        Numbers { flags: definitions.change_number(), rbs: definitions.rbs_change_number() }
    }
}

/// Change numbers to reach, of what is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    /// Of the feature flags.
    pub(crate) flags: Option<i64>,
    /// Of the rule-based segments.
    pub(crate) rbs: Option<i64>,
}

impl Targets {
    /// Whether all that is asked for is there. Never where nothing in particular is asked for.
    fn are_reached(self, stored: Numbers) -> bool {
        self != Targets::default()
            && self.flags.is_none_or(|target| target <= stored.flags)
            && self.rbs.is_none_or(|target| target <= stored.rbs)
    }
}

impl Target for Targets {
    const NONE: Self = Targets { flags: None, rbs: None };

    fn with(self, other: Self) -> Self {
        // None is less than any number.
        Targets { flags: self.flags.max(other.flags), rbs: self.rbs.max(other.rbs) }
    }

    fn till(self) -> i64 {
        self.flags.or(self.rbs).unwrap_or(-1)
    }
}

/// What definitions are fetched for, and with what.
pub(super) struct DefinitionSync {
    backend: Arc<dyn Backend>,
    desk: Arc<Desk>,
    log: Logger,
    /// The filter as the wire has it.
    sets: Option<String>,
    set_count: usize,
    /// Whether somebody else than Split's cloud may be at the other end.
    may_be_proxy: bool,
    /// Held while fetching: one at a time.
    spec: tokio::sync::Mutex<Spec>,
    pursuit: Pursuit<Targets>,
}

/// Where answers are read and applied; also on another thread.
struct Desk {
    store: Arc<Store>,
    updates: Arc<Updates>,
    log: Logger,
    /// About answers of an older state than the one known.
    older: Complaint,
    /// About definitions that cannot be used, or find no room.
    unusable: Complaint,
    /// Whether labels need their `fallback - ` form.
    fallbacks: bool,
}

/// What an answer was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// The numbers that were sent.
    base: Numbers,
    /// Whether the answer takes the place of everything.
    replaces: bool,
}

/// Where a fetch is after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    CaughtUp,
    Further,
}

impl DefinitionSync {
    pub(super) fn new(
        backend: Arc<dyn Backend>,
        store: Arc<Store>,
        updates: Arc<Updates>,
        log: Logger,
        fallbacks: bool,
        may_be_proxy: bool,
        random: fastrand::Rng,
    ) -> Self {
        let filter = store.filter();
        DefinitionSync {
            sets: filter.map(|sets| sets.join(",")),
            set_count: filter.map_or(0, <[String]>::len),
            backend,
            desk: Arc::new(Desk {
                store,
                updates,
                log: log.clone(),
                older: Complaint::new(log.clone(), TARGET),
                unusable: Complaint::new(log.clone(), TARGET),
                fallbacks,
            }),
            log,
            may_be_proxy,
            spec: tokio::sync::Mutex::default(),
            pursuit: Pursuit::new(random),
        }
    }

    /// How many flag sets the filter has.
    pub(super) fn set_count(&self) -> usize {
        self.set_count
    }

    /// Fetches all there is.
    pub(super) async fn catch_up(&self) -> Result<(), FetchError> {
        self.fetch(Targets::NONE, None).await
    }

    /// Fetches until announced changes are there; false if they are not to be had.
    pub(super) async fn pursue(&self, targets: Targets) -> Result<bool, FetchError> {
        let is_reached = |targets: Targets| targets.are_reached(self.stored());
        self.pursuit.pursue(targets, is_reached, |targets, till| self.fetch(targets, till)).await
    }

    fn stored(&self) -> Numbers {
        Numbers::of(&self.desk.store.load())
    }

    async fn fetch(&self, targets: Targets, till: Option<i64>) -> Result<(), FetchError> {
        let mut spec = self.spec.lock().await;
        loop {
            let stored = self.stored();
            if targets.are_reached(stored) {
                return Ok(());
            }
            let dialect = spec.dialect(Instant::now());
            let replaces = dialect == Dialect::Recheck;
            let asked = Asked { base: if replaces { NOTHING } else { stored }, replaces };
            let body = match ask(&*self.backend, &self.call(dialect, asked, till)).await {
                Ok(body) => body,
                Err(failure)
                    if self.may_be_proxy && failure.is_old_proxy() && spec.refused(dialect, Instant::now()) =>
                {
                    self.log.warning(
                        TARGET,
                        format_args!(
                            "the server at sdk_api_base_url does not know version 1.3 of the protocol ({}): without \
                             rule-based segments for the next 24 hours",
                            failure.explained()
                        ),
                    );
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let desk = Arc::clone(&self.desk);
            let step = read(body, move |body| desk.apply(&body, asked)).await?;
            spec.understood(dialect);
            if step == Step::CaughtUp {
                return Ok(());
            }
        }
    }

    /// The order of the parameters is part of the protocol.
    fn call(&self, dialect: Dialect, asked: Asked, till: Option<i64>) -> Call {
        let mut call = Call::to(Endpoint::SplitChanges).query("s", dialect.version()).query("since", asked.base.flags);
        if dialect != Dialect::Old {
            call = call.query("rbSince", asked.base.rbs);
        }
        if let Some(sets) = &self.sets {
            call = call.query("sets", sets);
        }
        match till {
            Some(till) if !asked.replaces => call.query("till", till),
            _ => call,
        }
    }
}

/// What becomes of one half of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Apply,
    /// What it was asked for is not the present state any more.
    Overtaken,
    /// It is of an older state than ours.
    Older,
    /// There is nothing in it: the normal state where there are no rule-based segments.
    Nothing,
}

fn verdict(section: &SectionDto<'_>, sent: i64, stored: i64) -> Verdict {
    match section.till {
        _ if stored != sent => Verdict::Overtaken,
        Some(-1) | None if section.objects.is_empty() => Verdict::Nothing,
        Some(till) if till < stored => Verdict::Older,
        _ => Verdict::Apply,
    }
}

/// Whether a half says that there is no more.
fn is_last(section: &SectionDto<'_>, sent: i64) -> bool {
    section.till.is_none_or(|till| till == section.since.unwrap_or(sent))
}

impl Desk {
    /// Compiles an answer and publishes what it makes of the stored state.
    fn apply(&self, body: &[u8], asked: Asked) -> Result<Step, FetchError> {
        let endpoint = Endpoint::SplitChanges;
        let dto =
            parse_changes(backend::text(body, endpoint)?).map_err(|cause| FetchError::Wire { endpoint, cause })?;
        if dto.is_old_format {
            self.log.debug(TARGET, format_args!("{endpoint} answered in the format before rule-based segments"));
        }
        let change = self.compile(&dto, asked);
        let Asked { base, replaces } = asked;
        let (flags, rbs) = (&dto.flags, &dto.rule_based_segments);
        let (applied, verdicts, moved) = self.store.update(|current| {
            let stored = Numbers::of(current);
            let verdicts = if replaces {
                [Verdict::Apply; 2]
            } else {
                [verdict(flags, base.flags, stored.flags), verdict(rbs, base.rbs, stored.rbs)]
            };
            let (next, applied) = current.apply(only(change, verdicts), self.store.filter());
            let moved = Numbers::of(&next) != stored;
            ((moved || applied.is_change()).then_some(next), (applied, verdicts, moved))
        });
        for (verdict, what) in verdicts.iter().zip(["feature flags", "rule-based segments"]) {
            if *verdict == Verdict::Older {
                self.older.say(
                    Level::Warning,
                    format!("the answer about {what} is of an older state than the one known; it is discarded"),
                );
            }
        }
        applied.complain(&self.unusable);
        self.updates.definitions(applied);
        let is_last = is_last(flags, base.flags) && is_last(rbs, base.rbs);
        let is_overtaken = verdicts.contains(&Verdict::Overtaken);
        // A server whose numbers differ but never grow would be asked for ever.
        let further = is_overtaken || !is_last && moved;
        Ok(if further { Step::Further } else { Step::CaughtUp })
    }

    fn compile(&self, dto: &ChangesDto<'_>, asked: Asked) -> Change {
        let number = |till: Option<i64>| if asked.replaces { Some(till.unwrap_or(-1)) } else { till };
        let findings = Findings::default();
        let log = findings.log();
        let change = Change {
            flags: self.compile_each(&dto.flags, flag_from_json, &log),
            rule_based_segments: self.compile_each(&dto.rule_based_segments, rule_based_segment_from_json, &log),
            change_number: number(dto.flags.till),
            rbs_change_number: number(dto.rule_based_segments.till),
            replace: asked.replaces,
        };
        findings.tell(&self.unusable);
        change
    }

    fn compile_each<T>(
        &self,
        section: &SectionDto<'_>,
        compile: fn(&str, &mut Compiler<'_>) -> Option<T>,
        log: &Logger,
    ) -> Vec<T> {
        let one = |json: &str| {
            self.store.number(|registry| compile(json, &mut Compiler { registry, log, fallbacks: self.fallbacks }))
        };
        section.objects.iter().filter_map(|raw| one(raw.get())).collect()
    }
}

/// A change without those halves that are not to be applied.
fn only(mut change: Change, [flags, rbs]: [Verdict; 2]) -> Change {
    if flags != Verdict::Apply {
        change.flags.clear();
        change.change_number = None;
    }
    if rbs != Verdict::Apply {
        change.rule_based_segments.clear();
        change.rbs_change_number = None;
    }
    change
}

#[cfg(test)]
mod tests;
