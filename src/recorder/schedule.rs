//! When work is done that has its period: in time, when a bell is rung, after failures later and later, and no more once
//! the end has begun.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use super::bell::Bell;
use super::sender::Ended;
use crate::backoff::{Backoff, seeded_random};
use crate::logging::Logger;

/// The first pause after a failure; the period is the last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The pause before work that panicked is begun again.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Ends a schedule.
#[derive(Debug)]
pub(super) struct End(watch::Sender<bool>);

impl Default for End {
    fn default() -> Self {
        End(watch::Sender::new(false))
    }
}

impl End {
    pub(super) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn ending(&self) -> Ending {
        Ending(self.0.subscribe())
    }
}

/// Tells that the schedule ends.
#[derive(Clone, Debug)]
pub(super) struct Ending(watch::Receiver<bool>);

impl Ending {
    pub(super) async fn begun(&mut self) {
        // An error is a sender that is gone, and its schedule with it.
        let _ = self.0.wait_for(|ending| *ending).await;
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

/// Begins work again that panics; another panic is no reason to lose what is recorded from then on.
pub(super) async fn supervise<F>(log: &Logger, work: impl Fn() -> F)
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
        log.error("recorder", format_args!("a sender panicked; it goes on in {AFTER_PANIC:?}"));
        sleep(AFTER_PANIC).await;
    }
}

/// Does something once per period and whenever the bell rings; after a failure later and later, and deaf to the bell.
pub(super) async fn keep_doing<F: Future<Output = Ended> + Send>(
    bell: &Bell,
    period: Duration,
    mut ending: Ending,
    work: impl Fn() -> F + Send,
) {
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
        let ended = work().await;
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

/// Does something once per period, first after one.
pub(super) async fn every<F: Future<Output = ()> + Send>(
    period: Duration,
    mut ending: Ending,
    work: impl Fn() -> F + Send,
) {
    loop {
        tokio::select! {
            biased;
            () = ending.begun() => return,
            () = sleep(period) => work().await,
        }
    }
}
