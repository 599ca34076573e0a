//! Polling or streaming: who brings changes at present.
//!
//! One task hears what becomes of the connection and switches. The order within a switch is what keeps changes from
//! being lost: streaming takes over from polling only once it is established and everything was synchronized after
//! that, and polling takes over at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::backend::Backend;
use super::super::polling::FirstRun;
use super::super::standalone::{Standalone, supervised};
use super::TARGET;
use super::connection::{Connector, Ending};
use super::host::StreamHost;
use super::status::Status;
use super::workers::{Inbox, Workers};
use crate::backoff::Backoff;
use crate::clock::now_ms;
use crate::complaint::Complaint;
use crate::config::Config;
use crate::logging::Logger;
use crate::telemetry::{StreamingEvent, Telemetry};

/// Pauses before another connection. Spread downwards, so that a fleet that lost its streams together does not come back
/// together.
const FIRST_RECONNECT: Duration = Duration::from_secs(1);
const LAST_RECONNECT: Duration = Duration::from_secs(30 * 60);

/// How long nobody brings changes while a connection says nothing about itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// Streaming of one factory.
pub(crate) struct Streaming {
    connector: Arc<Connector>,
    workers: Arc<Workers>,
    sync: Arc<Standalone>,
    telemetry: Arc<Telemetry>,
    log: Logger,
    random: fastrand::Rng,
}

/// What changes while it streams.
struct Manager {
    streaming: Arc<Streaming>,
    /// Synchronizes everything before the workers start.
    resync: JoinSet<()>,
    backoff: Backoff,
    random: fastrand::Rng,
    woken: watch::Receiver<u64>,
}

impl Streaming {
    /// Connects to nobody yet. `random` spreads waits.
    pub(crate) fn new(
        config: &Config,
        sync: Arc<Standalone>,
        backend: Arc<dyn Backend>,
        host: Arc<dyn StreamHost>,
        telemetry: Arc<Telemetry>,
        log: Logger,
        mut random: fastrand::Rng,
    ) -> Self {
        let inbox = Arc::new(Inbox::default());
        let workers = Arc::new(Workers::new(
            Arc::clone(&sync),
            Arc::clone(&inbox),
            Arc::clone(&telemetry),
            log.clone(),
            random.fork(),
        ));
        let connector = Arc::new(Connector {
            backend,
            host,
            sync: Arc::clone(&sync),
            inbox,
            telemetry: Arc::clone(&telemetry),
            complaint: Complaint::new(log.clone(), TARGET),
            garbage: Complaint::new(log.clone(), TARGET),
            log: log.clone(),
            honors_delay: config.streaming_honor_conn_delay,
        });
        Streaming { connector, workers, sync, telemetry, log, random }
    }

    /// Streams, and polls while that does not work. Comes back only when streaming is not to be had at all; polls run
    /// then.
    pub(crate) async fn run(self: Arc<Self>) {
        self.workers.stop();
        let mut work = JoinSet::new();
        let (one, two) = (Arc::clone(&self.workers), Arc::clone(&self.workers));
        work.spawn(supervised("the worker of definitions", self.log.clone(), move || Arc::clone(&one).definitions()));
        work.spawn(supervised("the worker of segments", self.log.clone(), move || Arc::clone(&two).segments()));
        let mut random = self.random.clone();
        let manager = Manager {
            resync: JoinSet::new(),
            backoff: Backoff::new(FIRST_RECONNECT, LAST_RECONNECT, 0.5..=1.0),
            random: random.fork(),
            woken: self.sync.woken(),
            streaming: self,
        };
        manager.run().await;
    }
}

impl Manager {
    async fn run(mut self) {
        loop {
            let begun = Instant::now();
            match self.connect().await {
                Ending::Renew => {
                    // Nobody brings changes in the gap: all of them are fetched when it ends.
                    self.streaming.workers.stop();
                    self.resync = JoinSet::new();
                    // A server that resets every connection is not asked without pause.
                    sleep_until(begun + FIRST_RECONNECT).await;
                }
                Ending::Retry(extra) => {
                    self.poll();
                    let wait = self.backoff.next(&mut self.random).max(extra);
                    self.streaming.log.debug(TARGET, format_args!("connects again in {} ms", wait.as_millis()));
                    self.woken.mark_unchanged();
                    tokio::select! {
                        () = sleep(wait) => {}
                        _ = self.woken.changed() => {}
                    }
                }
                Ending::GiveUp => {
                    self.poll();
                    self.record(StreamingEvent::Disabled);
                    return;
                }
            }
        }
    }

    /// Makes one connection and follows it to its end.
    async fn connect(&mut self) -> Ending {
        let (tell, mut told) = mpsc::unbounded_channel();
        // A task of its own, so that a panic in it is one connection's.
        let mut connection = JoinSet::new();
        connection.spawn(Arc::clone(&self.streaming.connector).run(tell));
        let patience = Instant::now() + PATIENCE;
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                Some(status) = told.recv() => {
                    is_told = true;
                    if status == Status::Up { self.up() } else { self.down() }
                }
                Some(ended) = connection.join_next() => return self.of_task(ended),
                Some(synchronized) = self.resync.join_next() => match synchronized {
                    Ok(()) => {
                        self.streaming.workers.start();
                        self.streaming.log.debug(TARGET, format_args!("changes come by the stream from now on"));
                    }
                    failed @ Err(_) => return self.of_task(failed.map(|()| Ending::Renew)),
                },
                () = sleep_until(patience), if !is_told => {
                    is_told = true;
                    self.streaming.sync.start_polling(FirstRun::Now);
                }
            }
        }
    }

    fn of_task(&self, ended: Result<Ending, JoinError>) -> Ending {
        ended.unwrap_or_else(|failure| {
            self.streaming.log.error(TARGET, format_args!("streaming failed inside: {failure}"));
            Ending::Retry(Duration::ZERO)
        })
    }

    fn up(&mut self) {
        let Streaming { sync, workers, connector, .. } = &*self.streaming;
        sync.stop_polling();
        let workers = Arc::clone(workers);
        self.resync = JoinSet::new();
        self.resync.spawn(async move { workers.sync_all().await });
        self.backoff.reset();
        connector.complaint.settle(format_args!("streaming is back"));
        self.record(StreamingEvent::Streaming);
        self.record(StreamingEvent::Enabled);
    }

    fn down(&mut self) {
        self.streaming.log.info(TARGET, format_args!("streaming is paused by Split: polling"));
        self.poll();
        self.record(StreamingEvent::Paused);
    }

    fn poll(&mut self) {
        self.resync = JoinSet::new();
        self.streaming.workers.stop();
        self.streaming.sync.start_polling(FirstRun::Now);
        self.record(StreamingEvent::Polling);
    }

    fn record(&self, event: StreamingEvent) {
        self.streaming.telemetry.streaming_event(event, now_ms());
    }
}
