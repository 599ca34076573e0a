//! Standalone mode: in step with Split's cloud, or with a Split Proxy.
//!
//! First everything is fetched, with patience, until the factory is ready; from then on polls keep it in step. Streaming
//! does so instead while it works: it turns polling off and on, and asks for what was announced.

use std::any::Any;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Ground;
use super::backend::{Backend, FetchError};
use super::definitions::{Announced, DefinitionSync, Landing, Targets};
use super::io::Stop;
use super::polling::{FirstRun, Polling};
use super::segments::{Round, SegmentSync};
use super::suspension::{self, Suspension};
use super::updates::Updates;
use crate::backoff::Backoff;
use crate::complaint::Complaint;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::logging::{Level, Logger};

const TARGET: &str = "sync";

const IN_STEP: &str = "flags are in step again";

/// Waits between attempts before the factory is ready.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// Attempts after the first, before a fork.
const RETRIES_BEFORE_FORK: u32 = 3;
/// How much later forked workers may ask.
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// How a task that panicked is spared from doing so in a loop.
const RESTART: Duration = Duration::from_secs(1);

/// What a factory begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With nothing: it becomes ready by what it fetches.
    Fresh,
    /// With the definitions of the process that it was forked from: it is ready.
    Inherited,
}

/// Keeps one factory in step with its backend.
pub(crate) struct Standalone {
    definitions: DefinitionSync,
    segments: Arc<SegmentSync>,
    lifecycle: Arc<Lifecycle>,
    updates: Arc<Updates>,
    log: Logger,
    complaint: Complaint,
    definitions_period: Duration,
    segments_period: Duration,
    polling: Polling,
    /// Counts suspensions of the host.
    woken: watch::Sender<u64>,
    random: Mutex<fastrand::Rng>,
}

impl Standalone {
    /// Asks nobody yet. `random` spreads waits.
    pub(crate) fn new(config: &Config, backend: Arc<dyn Backend>, ground: Ground, mut random: fastrand::Rng) -> Self {
        let Ground { store, lifecycle, outlets, log, fallbacks, descriptors: _ } = ground;
        let updates = Arc::new(Updates::new(Arc::clone(&lifecycle), outlets));
        let definitions = DefinitionSync::new(
            Arc::clone(&backend),
            Arc::clone(&store),
            Arc::clone(&updates),
            log.clone(),
            fallbacks,
            config.sdk_api_base_url.overridden,
            random.fork(),
        );
        let segments = SegmentSync::new(
            backend,
            store,
            Arc::clone(&updates),
            log.clone(),
            config.segments_refresh_rate,
            random.fork(),
        );
        Standalone {
            definitions,
            segments: Arc::new(segments),
            lifecycle,
            updates,
            complaint: Complaint::new(log.clone(), TARGET),
            log,
            definitions_period: config.features_refresh_rate,
            segments_period: config.segments_refresh_rate,
            polling: Polling::new(),
            woken: watch::Sender::new(0),
            random: Mutex::new(random),
        }
    }

    /// Becomes ready, says so to `on_ready`, and leaves it to `keep_up` who brings changes from then on, until the
    /// factory ends. If it cannot become ready, polls run.
    pub(crate) async fn run<F>(
        self: Arc<Self>,
        beginning: Beginning,
        on_ready: impl Fn() + Send + Sync + 'static,
        keep_up: impl Fn() -> F + Send + Sync + 'static,
        mut stop: Stop,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut work = self.background();
        let (ready, is_ready) = watch::channel(false);
        let this = Arc::clone(&self);
        let (on_ready, ready) = (Arc::new(on_ready), Arc::new(ready));
        work.spawn(supervised("start-up", self.log.clone(), move || {
            let (this, on_ready, ready) = (Arc::clone(&this), Arc::clone(&on_ready), Arc::clone(&ready));
            async move {
                let is_ready = match beginning {
                    Beginning::Fresh => this.start_up().await,
                    Beginning::Inherited => this.take_up().await,
                };
                if is_ready {
                    on_ready();
                    ready.send_replace(true);
                } else {
                    this.start_polling(FirstRun::AfterPeriod);
                }
            }
        }));
        let keep_up = Arc::new(keep_up);
        work.spawn(supervised("streaming", self.log.clone(), move || {
            let (mut is_ready, keep_up) = (is_ready.clone(), Arc::clone(&keep_up));
            async move {
                // An error is a start-up that has ended without success.
                if is_ready.wait_for(|ready| *ready).await.is_ok() {
                    keep_up().await;
                }
            }
        }));
        stop.requested().await;
        work.shutdown().await;
    }

    /// The polls, which wait to be started, retries of segments, and the look at the clocks. They end when the set is
    /// dropped.
    pub(crate) fn background(self: &Arc<Self>) -> JoinSet<()> {
        let mut work = JoinSet::new();
        let log = || self.log.clone();
        let (one, two, three) = (Arc::clone(self), Arc::clone(self), Arc::clone(self));
        let segments = Arc::clone(&self.segments);
        work.spawn(supervised("flag polling", log(), move || Arc::clone(&one).poll_definitions()));
        work.spawn(supervised("segment polling", log(), move || Arc::clone(&two).poll_segments()));
        work.spawn(supervised("segment retries", log(), move || Arc::clone(&segments).mend()));
        work.spawn(supervised("clock", log(), move || Arc::clone(&three).watch_clocks()));
        work
    }

    /// Fetches everything, as often as it takes, and makes the factory ready. False if it is not ready by that: it was
    /// before, or is destroyed, or never will be, because the filter of flag sets does not fit into a URL.
    pub(crate) async fn start_up(&self) -> bool {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY, 0.8..=1.2);
        let mut woken = self.woken.subscribe();
        loop {
            let (refused, extra) = match self.sync_all().await {
                // A segment that is refused would be silently without members; not to be ready is seen.
                Ok(Round { refused: true, retry_after, .. }) => (true, retry_after),
                Ok(_) => break,
                Err(failure) if failure.is_too_long() => return false,
                Err(failure) => (failure.is_refusal(), failure.retry_after()),
            };
            if refused {
                self.lifecycle.refuse(true);
            }
            let wait = backoff.next(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner)) + extra;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = woken.changed() => {}
            }
        }
        self.lifecycle.refuse(false);
        let became_ready = self.updates.ready();
        if became_ready {
            self.log.info(TARGET, format_args!("ready"));
        }
        became_ready
    }

    /// Comes in step with definitions that are a parent's, and in use already. After a random part of a second: workers
    /// that were forked together would ask together.
    async fn take_up(&self) -> bool {
        let chance = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        tokio::time::sleep(LONGEST_DELAY.mul_f64(chance)).await;
        // What fails is logged, and whoever keeps up comes to it again.
        let _ = self.sync_all().await;
        true
    }

    /// Fetches everything for a process that will be forked, which must not wait for long. False if it was not to be had.
    pub(crate) async fn fetch_before_fork(&self) -> bool {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY, 0.8..=1.2);
        for attempt in 0..=RETRIES_BEFORE_FORK {
            if attempt > 0 {
                let wait = backoff.next(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner));
                tokio::time::sleep(wait).await;
            }
            match self.sync_all().await {
                Ok(round) if !round.refused => return true,
                Ok(_) => {}
                Err(failure) if failure.is_too_long() => return false,
                Err(_) => {}
            }
        }
        false
    }

    /// Fetches flags and rule-based segments, then all segments. Those that failed are retried in the background.
    ///
    /// # Errors
    /// When flags and rule-based segments were not had.
    pub(crate) async fn sync_all(&self) -> Result<Round, FetchError> {
        self.refresh_definitions().await?;
        Ok(self.segments.catch_up().await)
    }

    /// Lets polls run. No effect if they do.
    pub(crate) fn start_polling(&self, first: FirstRun) {
        self.polling.start(first);
    }

    /// Ends the polls, also those under way. No effect if none run.
    pub(crate) fn stop_polling(&self) {
        self.polling.stop();
    }

    /// Fetches until announced changes of flags or rule-based segments are there, past stale caches. False if they are
    /// not to be had. A call with higher targets meanwhile makes this one begin anew with those.
    pub(crate) async fn definitions_target(&self, targets: Targets) -> Result<bool, FetchError> {
        let reached = self.definitions.pursue(targets).await;
        self.discover();
        match &reached {
            Ok(true) => self.complaint.settle(format_args!("{IN_STEP}")),
            Ok(false) => self.log.debug(TARGET, format_args!("announced definitions are not to be had: {targets:?}")),
            Err(failure) => self.complain(failure),
        }
        reached
    }

    /// The same for a segment.
    pub(crate) async fn segment_target(&self, name: &str, change_number: i64) -> Result<bool, Arc<FetchError>> {
        self.segments.pursue(name, change_number).await
    }

    /// Makes fetches under way of announced definitions aim higher.
    pub(crate) fn raise_definitions(&self, targets: Targets) {
        self.definitions.raise(targets);
    }

    /// The same for a segment.
    pub(crate) fn raise_segment(&self, name: &str, change_number: i64) {
        self.segments.raise(name, change_number);
    }

    /// Puts a definition that came with its announcement in place, if it builds on the present state.
    pub(crate) async fn land(&self, announced: Announced) -> Landing {
        self.definitions.land(announced).await
    }

    /// Kills a flag before its definition says so; without a treatment it keeps its own default.
    pub(crate) fn kill(&self, flag: &str, default_treatment: Option<&str>, change_number: i64) {
        self.definitions.kill(flag, default_treatment, change_number);
    }

    /// Fetches segments that are referred to and were never fetched, beside what the caller does. To be called whenever
    /// definitions may have come.
    pub(crate) fn discover(&self) {
        let segments = Arc::clone(&self.segments);
        tokio::spawn(async move { segments.discover().await });
    }

    /// Changes whenever the host was suspended.
    pub(crate) fn woken(&self) -> watch::Receiver<u64> {
        self.woken.subscribe()
    }

    /// As if the host had been suspended.
    #[cfg(test)]
    pub(super) fn wake(&self) {
        self.woken.send_modify(|count| *count += 1);
    }

    async fn refresh_definitions(&self) -> Result<(), FetchError> {
        let outcome = self.definitions.catch_up().await;
        match &outcome {
            Ok(()) => self.complaint.settle(format_args!("{IN_STEP}")),
            Err(failure) => self.complain(failure),
        }
        outcome
    }

    fn complain(&self, failure: &FetchError) {
        let level = if failure.is_refusal() || failure.is_too_long() { Level::Error } else { Level::Warning };
        let text = match self.definitions.set_count() {
            count @ 1.. if failure.is_too_long() => {
                format!(
                    "the URL with the {count} flag sets of flagSetsFilter is too long for the backend: configure fewer"
                )
            }
            _ => failure.explained(),
        };
        self.complaint.say(level, text);
    }

    async fn poll_definitions(self: Arc<Self>) {
        let poll = || async {
            let outcome = self.refresh_definitions().await;
            self.discover();
            outcome.err().map_or(Duration::ZERO, |failure| failure.retry_after())
        };
        self.polling.repeat(self.woken(), || self.spread(self.definitions_period), poll).await;
    }

    async fn poll_segments(self: Arc<Self>) {
        let poll = || async { self.segments.catch_up().await.retry_after };
        self.polling.repeat(self.woken(), || self.spread(self.segments_period), poll).await;
    }

    async fn watch_clocks(self: Arc<Self>) {
        let mut suspension = Suspension::new(suspension::time_asleep);
        loop {
            tokio::time::sleep(suspension::LOOK).await;
            if suspension.noticed() {
                self.log.info(TARGET, format_args!("the host was suspended: synchronising at once"));
                self.woken.send_modify(|count| *count += 1);
            }
        }
    }

    /// A tenth more or less.
    fn spread(&self, period: Duration) -> Duration {
        let chance = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        period.mul_f64(0.9 + 0.2 * chance)
    }
}

/// Runs a task that should not end by a panic, and again if it does.
pub(super) async fn supervised<F>(name: &'static str, log: Logger, task: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        // A set, because it takes its task with it when it is dropped.
        let mut running = JoinSet::new();
        running.spawn(task());
        match running.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                let panic = ended.into_panic();
                log.error(TARGET, format_args!("{name} failed inside, and is restarted: {}", message(&*panic)));
                tokio::time::sleep(RESTART).await;
            }
            _ => return,
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "no message",
    }
}

#[cfg(test)]
mod tests;
