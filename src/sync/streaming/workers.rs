//! Who does what was announced: one worker for definitions, whose order matters, and one for segments, which fetches
//! many at a time.
//!
//! They work only while streaming is up. What comes meanwhile waits; what was under way when they stopped is forgotten,
//! because polling, or the synchronization before they start again, brings it.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::definitions::{Announced, Landing, Sequence, UnreadableError};
use super::super::payload::Payload;
use super::super::standalone::Standalone;
use super::TARGET;
use super::notification::Update;
use super::worker_queue::{DefinitionQueue, DefinitionWork, SegmentQueue, SegmentWork};
use crate::backoff::Backoff;
use crate::logging::{Level, Logger};
use crate::telemetry::Telemetry;
use crate::transport::explained;

/// Pauses between attempts to synchronize everything.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What was announced and is still to be done.
#[derive(Default)]
pub(super) struct Inbox {
    definitions: Mutex<DefinitionQueue>,
    segments: Mutex<SegmentQueue>,
    definition_came: Notify,
    segment_came: Notify,
}

impl Inbox {
    /// A flag or rule-based segment changed.
    pub(super) fn definition(&self, sequence: Sequence, update: Update) {
        self.definitions().push(sequence, update);
        self.definition_came.notify_one();
    }

    /// A segment changed.
    pub(super) fn segment(&self, name: &str, change_number: i64) {
        self.segments().push(name, change_number);
        self.segment_came.notify_one();
    }

    fn definitions(&self) -> MutexGuard<'_, DefinitionQueue> {
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segments(&self) -> MutexGuard<'_, SegmentQueue> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who work on it.
pub(super) struct Workers {
    sync: Arc<Standalone>,
    inbox: Arc<Inbox>,
    telemetry: Arc<Telemetry>,
    log: Logger,
    running: watch::Sender<bool>,
    random: Mutex<fastrand::Rng>,
}

impl Workers {
    /// Stopped at first.
    pub(super) fn new(
        sync: Arc<Standalone>,
        inbox: Arc<Inbox>,
        telemetry: Arc<Telemetry>,
        log: Logger,
        random: fastrand::Rng,
    ) -> Self {
        Workers { sync, inbox, telemetry, log, running: watch::Sender::new(false), random: Mutex::new(random) }
    }

    /// Lets them work.
    pub(super) fn start(&self) {
        self.running.send_replace(true);
    }

    /// Ends what they do, also in the middle of it.
    pub(super) fn stop(&self) {
        self.running.send_replace(false);
    }

    /// The worker of definitions.
    pub(super) async fn definitions(self: Arc<Self>) {
        self.while_running(|| self.do_definitions()).await;
    }

    /// The worker of segments.
    pub(super) async fn segments(self: Arc<Self>) {
        self.while_running(|| self.do_segments()).await;
    }

    /// Synchronizes everything, as often as it takes.
    pub(super) async fn sync_all(&self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY, 0.8..=1.2);
        while let Err(failure) = self.sync.sync_all().await {
            let wait = backoff.next(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner));
            sleep(wait + failure.retry_after()).await;
        }
        self.sync.discover();
    }

    async fn while_running<F: Future<Output = ()>>(&self, work: impl Fn() -> F) {
        let mut running = self.running.subscribe();
        // An error is a sender that is gone, and it lives as long as this.
        while running.wait_for(|running| *running).await.is_ok() {
            tokio::select! {
                _ = running.wait_for(|running| !*running) => {}
                () = work() => {}
            }
        }
    }

    async fn do_definitions(&self) {
        loop {
            let work = self.inbox.definitions().pop();
            match work {
                None => self.inbox.definition_came.notified().await,
                Some(DefinitionWork::SyncAll) => self.resync().await,
                Some(DefinitionWork::Fetch { sequence, target }) => self.fetch(sequence, target).await,
                Some(DefinitionWork::Apply { sequence, change_number, payload }) => {
                    self.apply(sequence, change_number, payload).await;
                }
            }
        }
    }

    async fn resync(&self) {
        self.log.warning(TARGET, format_args!("too many changes were announced at once: synchronising everything"));
        self.sync_all().await;
    }

    async fn apply(&self, sequence: Sequence, change_number: i64, payload: Payload) {
        let (level, why) = match self.sync.land(Announced { sequence, change_number, payload }).await {
            Landing::Known => return,
            Landing::Applied => {
                match sequence {
                    Sequence::Flags => self.telemetry.flag_streamed(),
                    Sequence::RuleBasedSegments => self.telemetry.rule_based_segment_streamed(),
                }
                self.sync.discover();
                return;
            }
            Landing::Elsewhere => (Level::Debug, "it builds on another state than the present one".to_owned()),
            Landing::Lacks(name) => (Level::Debug, format!("the rule-based segment {name:?} is not known yet")),
            // What is wrong with the definition was said aloud when it was compiled.
            Landing::Unreadable(cause @ UnreadableError::Definition) => (Level::Debug, cause.to_string()),
            Landing::Unreadable(cause) => (Level::Warning, explained(&cause)),
        };
        self.log.log(level, TARGET, format_args!("what update {change_number} brought is fetched instead: {why}"));
        let target = self.inbox.definitions().fold(sequence, change_number);
        self.fetch(sequence, target).await;
    }

    /// Fetches until the target is there. What is announced meanwhile raises it.
    async fn fetch(&self, sequence: Sequence, target: i64) {
        let fetch = self.sync.definitions_target(sequence.targets(Some(target)));
        tokio::pin!(fetch);
        loop {
            tokio::select! {
                // What failed was complained of, and is left to the next announcement or synchronization.
                _ = &mut fetch => return,
                () = self.inbox.definition_came.notified() => {}
            }
            let queue = self.inbox.definitions();
            for sequence in [Sequence::Flags, Sequence::RuleBasedSegments] {
                if let Some(waiting) = queue.highest(sequence) {
                    self.sync.raise_definitions(sequence.targets(Some(waiting)));
                }
            }
        }
    }

    async fn do_segments(&self) {
        self.inbox.segments().abandon();
        let mut fetches = JoinSet::new();
        loop {
            let resync = self.inbox.segments().take_resync();
            if resync {
                self.resync().await;
            }
            while let Some(SegmentWork { segment, target }) = self.pop_segment() {
                let (sync, inbox) = (Arc::clone(&self.sync), Arc::clone(&self.inbox));
                fetches.spawn(async move {
                    let mut next = Some(target);
                    while let Some(target) = next {
                        // As above.
                        let _ = sync.segment_target(&segment, target).await;
                        next = inbox.segments().done(&segment, target);
                    }
                });
            }
            tokio::select! {
                () = self.inbox.segment_came.notified() => {
                    while let Some(SegmentWork { segment, target }) = self.take_raised() {
                        self.sync.raise_segment(&segment, target);
                    }
                }
                Some(ended) = fetches.join_next() => if let Err(failure) = ended {
                    self.log.error(TARGET, format_args!("fetching a segment failed inside: {failure}"));
                },
            }
        }
    }

    fn pop_segment(&self) -> Option<SegmentWork> {
        self.inbox.segments().pop()
    }

    fn take_raised(&self) -> Option<SegmentWork> {
        self.inbox.segments().take_raised()
    }
}
