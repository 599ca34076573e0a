//! When things are sent: in time, when a queue is full, when somebody asks for it, and at the end.
//!
//! All four ways meet in a [`Station`], of which there is one for each kind: so nothing is taken twice, or overtakes
//! what was there before.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::counts::Counts;
use super::outbox::Outbox;
use super::post::Post;
use super::records::StoredEvent;
use super::schedule::{End, Ending, every, keep_doing, supervise};
use super::sender::{Source, Station};
use super::unique_keys::UniqueKeys;
use crate::callbacks::Impression;
use crate::config::{Config, ImpressionsMode};
use crate::logging::Logger;
use crate::telemetry::Telemetry;

pub(super) const COUNTS_PERIOD: Duration = Duration::from_secs(1800);
pub(super) const UNIQUE_KEYS_PERIOD: Duration = Duration::from_secs(900);
/// After this, a key that was seen counts as new.
pub(super) const DAY: Duration = Duration::from_secs(86_400);

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
    end: End,
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
            end: End::default(),
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
        let (log, ending) = (&self.log, || self.end.ending());
        tokio::join!(
            async {
                if let Some(period) = periods.impressions {
                    supervise(log, || keep_sending(&self.impressions, post, period, ending())).await;
                }
            },
            supervise(log, || keep_sending(&self.events, post, periods.events, ending())),
            supervise(log, || keep_sending(&self.counts, post, COUNTS_PERIOD, ending())),
            supervise(log, || keep_sending(&self.unique_keys, post, UNIQUE_KEYS_PERIOD, ending())),
            supervise(log, || {
                let keys = Arc::clone(&keys);
                every(DAY, ending(), move || {
                    keys.forget_seen();
                    async {}
                })
            }),
            supervise(log, || every(periods.metrics, ending(), report.clone())),
        );
    }

    /// Ends the schedule.
    pub(super) fn end(&self) {
        self.end.begin();
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
}

/// Runs a station once per period and whenever its bell rings; after a failure later and later, and deaf to the bell.
fn keep_sending<S: Source, P: Post>(
    station: &Arc<Station<S>>,
    post: &Arc<P>,
    period: Duration,
    ending: Ending,
) -> impl Future<Output = ()> + Send + 'static {
    let (station, post) = (Arc::clone(station), Arc::clone(post));
    async move {
        let run = || async { station.run(&*post, || !ending.has_begun()).await };
        keep_doing(station.source().bell(), period, ending.clone(), run).await;
    }
}

async fn within<R>(deadline: Option<Instant>, work: impl Future<Output = R>) -> Option<R> {
    match deadline {
        Some(deadline) => timeout_at(deadline, work).await.ok(),
        None => Some(work.await),
    }
}
