//! When things are sent: in time, when a queue is full, when somebody asks for it, and at the end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use super::counts::Counts;
use super::outbox::Outbox;
use super::post::Post;
use super::records::StoredEvent;
use super::sender::{Ended, Source, Station};
use super::unique_keys::UniqueKeys;
use crate::backoff::{Backoff, seeded_random};
use crate::callbacks::Impression;
use crate::config::{Config, ImpressionsMode};
use crate::logging::Logger;
use crate::telemetry::Telemetry;

const COUNTS_PERIOD: Duration = Duration::from_secs(1800);
const UNIQUE_KEYS_PERIOD: Duration = Duration::from_secs(900);
/// After this, a key that was seen counts as new.
const DAY: Duration = Duration::from_secs(86_400);
/// The first pause after a failed post; the flush period of a queue is the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The pause before work that panicked is begun again.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// How often what is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Periods {
    /// None: impressions are not sent one by one.
    impressions: Option<Duration>,
    events: Duration,
    metrics: Duration,
}

impl Periods {
    pub(super) fn of(config: &Config) -> Self {
        let one_by_one = config.impressions_mode != ImpressionsMode::None;
        Periods {
            impressions: one_by_one.then_some(config.impressions_refresh_rate),
            events: config.events_push_rate,
            metrics: config.metrics_refresh_rate,
        }
    }
}

/// How much waits, and goes into a post.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    impressions: (usize, usize),
    events: (usize, usize),
}

impl Sizes {
    pub(super) fn of(config: &Config) -> Self {
        Sizes {
            impressions: (config.impressions_queue_size, config.impressions_bulk_size),
            events: (config.events_queue_size, config.events_bulk_size),
        }
    }
}

/// Everything that is sent, and who sends it.
#[derive(Debug)]
pub(super) struct Senders {
    pub(super) impressions: Arc<Station<Outbox<Impression>>>,
    pub(super) events: Arc<Station<Outbox<StoredEvent>>>,
    counts: Arc<Station<Counts>>,
    unique_keys: Arc<Station<UniqueKeys>>,
    /// Taken by whoever reports, so that the last report is the last request.
    reporting: Mutex<()>,
    /// The schedule ends; what is left is sent by who ended it.
    ending: watch::Sender<bool>,
    log: Logger,
}

impl Senders {
    pub(super) fn new(
        sizes: Sizes,
        counts: &Arc<Counts>,
        unique_keys: &Arc<UniqueKeys>,
        telemetry: &Arc<Telemetry>,
        log: &Logger,
    ) -> Self {
        let (impressions, impressions_bulk) = sizes.impressions;
        let (events, events_bulk) = sizes.events;
        let impressions = Outbox::new(impressions, impressions_bulk, Arc::clone(telemetry), log.clone());
        let events = Outbox::new(events, events_bulk, Arc::clone(telemetry), log.clone());
        Senders {
            impressions: Arc::new(Station::new(Arc::new(impressions), log.clone())),
            events: Arc::new(Station::new(Arc::new(events), log.clone())),
            counts: Arc::new(Station::new(Arc::clone(counts), log.clone())),
            unique_keys: Arc::new(Station::new(Arc::clone(unique_keys), log.clone())),
            reporting: Mutex::default(),
            ending: watch::Sender::new(false),
            log: log.clone(),
        }
    }

    /// Sends everything at its time, and calls `report` at its, until [`Senders::end`]. What is under way then is waited
    /// for.
    pub(super) async fn keep_sending<P, R, F>(&self, post: &Arc<P>, periods: Periods, report: R)
    where
        P: Post,
        R: Fn() -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let keys = Arc::clone(self.unique_keys.source());
        tokio::join!(
            async {
                if let Some(period) = periods.impressions {
                    self.supervise(|| keep_sending(&self.impressions, post, period, self.ending())).await;
                }
            },
            self.supervise(|| keep_sending(&self.events, post, periods.events, self.ending())),
            self.supervise(|| keep_sending(&self.counts, post, COUNTS_PERIOD, self.ending())),
            self.supervise(|| keep_sending(&self.unique_keys, post, UNIQUE_KEYS_PERIOD, self.ending())),
            self.supervise(|| {
                let keys = Arc::clone(&keys);
                every(DAY, self.ending(), move || {
                    keys.forget_seen();
                    async {}
                })
            }),
            self.supervise(|| every(periods.metrics, self.ending(), report.clone())),
        );
    }

    /// Ends the schedule.
    pub(super) fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Sends what there is now, in parallel. Begins nothing after the deadline, and finishes what is under way then: a
    /// post that is cut off may have arrived, and would be sent again. False if not all of it arrived.
    pub(super) async fn send_all(&self, post: &impl Post, deadline: Option<Instant>) -> bool {
        let arrived = tokio::join!(
            self.impressions.send_all(post, deadline),
            self.events.send_all(post, deadline),
            self.counts.send_all(post, deadline),
            self.unique_keys.send_all(post, deadline),
        );
        arrived == (true, true, true, true)
    }

    /// The same for the end, when a post that is under way at the deadline is cut off.
    pub(super) async fn send_all_by(&self, post: &impl Post, deadline: Instant) -> bool {
        within(Some(deadline), self.send_all(post, Some(deadline))).await.unwrap_or(false)
    }

    /// Whether impressions or events wait.
    pub(super) fn holds_records(&self) -> bool {
        self.impressions.source().held() + self.events.source().held() > 0
    }

    /// Gives up what is left at the end, and says so.
    pub(super) fn abandon(&self) {
        let (impressions, events) = (self.impressions.source().abandon(), self.events.source().abandon());
        if impressions + events > 0 {
            self.log.error(
                "recorder",
                format_args!("{impressions} impressions and {events} events could not be sent in time and are lost"),
            );
        }
    }

    /// Makes a report when no other is under way; none if the deadline comes first.
    pub(super) async fn report<R>(&self, deadline: Option<Instant>, report: impl Future<Output = R>) -> Option<R> {
        within(deadline, async {
            let _turn = self.reporting.lock().await;
            report.await
        })
        .await
    }

    fn ending(&self) -> Ending {
        Ending(self.ending.subscribe())
    }

    /// Begins work again that panics; another panic is no reason to lose what is recorded from then on.
    async fn supervise<F>(&self, work: impl Fn() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            // Ends the task when this future is dropped.
            let mut tasks = JoinSet::new();
            tasks.spawn(work());
            let ended = tasks.join_next().await;
            if !matches!(&ended, Some(Err(error)) if JoinError::is_panic(error)) {
                return;
            }
            self.log.error("recorder", format_args!("a sender panicked; it goes on in {AFTER_PANIC:?}"));
            sleep(AFTER_PANIC).await;
        }
    }
}

/// Tells a sender that the schedule ends.
#[derive(Clone, Debug)]
struct Ending(watch::Receiver<bool>);

impl Ending {
    async fn begun(&mut self) {
        // An error is a sender that is gone, and its schedule with it.
        let _ = self.0.wait_for(|ending| *ending).await;
    }

    fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

/// Runs a station once per period and whenever its bell rings; after a failure later and later, and deaf to the bell.
fn keep_sending<S: Source, P: Post>(
    station: &Arc<Station<S>>,
    post: &Arc<P>,
    period: Duration,
    mut ending: Ending,
) -> impl Future<Output = ()> + Send + 'static {
    let (station, post) = (Arc::clone(station), Arc::clone(post));
    async move {
        let bell = station.source().bell();
        let mut backoff = Backoff::new(FIRST_RETRY, period, 0.9..=1.1);
        let mut random = seeded_random();
        let mut pause = period;
        let mut attentive = true;
        loop {
            tokio::select! {
                biased;
                () = ending.begun() => return,
                () = sleep(pause) => {}
                () = bell.heard(), if attentive => {}
            }
            let ended = station.run(&*post, || !ending.has_begun()).await;
            attentive = ended == Ended::Done;
            pause = match ended {
                Ended::Done => {
                    backoff.reset();
                    period
                }
                Ended::Failed(at_least) => at_least.max(backoff.next(&mut random)),
                Ended::Unauthorized => period,
            };
        }
    }
}

/// Does something once per period, first after one.
async fn every<F: Future<Output = ()> + Send>(period: Duration, mut ending: Ending, work: impl Fn() -> F + Send) {
    loop {
        tokio::select! {
            biased;
            () = ending.begun() => return,
            () = sleep(period) => work().await,
        }
    }
}

async fn within<R>(deadline: Option<Instant>, work: impl Future<Output = R>) -> Option<R> {
    match deadline {
        Some(deadline) => timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}
