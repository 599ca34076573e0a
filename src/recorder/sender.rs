//! From a queue to the backend: one run of posts, and what is done when they fail.
//!
//! What is on its way is held by a [`Package`], which puts itself back when it is dropped. So whatever ends a post (an
//! answer, a cancelled future, a panic), nothing is lost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::bell::Bell;
use super::post::{Post, Reaction, Unreached};
use crate::backoff::{Backoff, seeded_random};
use crate::clock;
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::transport::{Answer, Endpoint};

/// As many posts without a pause, so that one queue does not keep the others from the thread.
const POSTS_PER_RUN: usize = 20;
/// Pauses of a flush between failed posts. Somebody waits for it, so they are shorter than those of the schedule.
pub(super) const FLUSH_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
const TARGET: &str = "recorder";

/// Something whose content is to be sent.
pub(super) trait Source: Send + Sync + 'static {
    type Package: Package;
    const ENDPOINT: Endpoint;
    /// In the plural, for the log.
    const WHAT: &'static str;

    /// What the next post is to hold, at `now` in milliseconds since 1970.
    fn take(self: &Arc<Self>, now: i64) -> Option<Self::Package>;
    /// Whether another post is to follow at once.
    fn goes_on(&self) -> bool;
    /// How much was ever put in.
    fn accepted(&self, now: i64) -> u64;
    /// How much of that was sent or given up. What was put in first is settled first.
    fn settled(&self) -> u64;
    /// Rung when a run should not wait for its time.
    fn bell(&self) -> &Bell;
}

/// The content of one post. Dropped, it goes back to where it was taken from.
pub(super) trait Package: Send + Sync + Sized + 'static {
    fn body(&self) -> Result<Vec<u8>, serde_json::Error>;
    /// Never 0.
    fn len(&self) -> usize;
    /// Keeps the first half, and gives the second.
    fn split(&mut self) -> Self;
    /// It arrived.
    fn sent(self);
    /// It never will.
    fn discard(self);
}

/// How a run of posts ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With what was to be sent.
    Done,
    /// With a failure; not again before this time has passed.
    Failed(Duration),
    /// The SDK key is not accepted.
    Unauthorized,
}

/// What became of one package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Sent,
    GivenUp,
    PutBack(Ended),
}

/// A source and its sender. One at a time sends.
#[derive(Debug)]
pub(super) struct Station<S> {
    source: Arc<S>,
    turn: Mutex<()>,
    complaint: Complaint,
    log: Logger,
}

impl<S: Source> Station<S> {
    pub(super) fn new(source: Arc<S>, log: Logger) -> Self {
        Station { source, turn: Mutex::default(), complaint: Complaint::new(log.clone(), TARGET), log }
    }

    pub(super) fn source(&self) -> &Arc<S> {
        &self.source
    }

    /// Posts while full packages wait and `goes_on` says so.
    pub(super) async fn run(&self, post: &impl Post, goes_on: impl Fn() -> bool) -> Ended {
        let _turn = self.turn.lock().await;
        self.source.bell().answer();
        for _ in 0..POSTS_PER_RUN {
            if !goes_on() {
                break;
            }
            let Some(package) = self.source.take(clock::now_ms()) else { break };
            if let Delivery::PutBack(ended) = self.deliver(post, package).await {
                return ended;
            }
            if !self.source.goes_on() {
                break;
            }
        }
        Ended::Done
    }

    /// Posts until everything that is there now was sent, through failures, and gives up only when the key is not
    /// accepted or the deadline would pass. Whether all of it arrived.
    pub(super) async fn send_all(&self, post: &impl Post, deadline: Option<Instant>) -> bool {
        let goal = self.source.accepted(clock::now_ms());
        let (first, cap) = FLUSH_PAUSES;
        let mut backoff = Backoff::new(first, cap, 0.9..=1.1);
        let mut random = seeded_random();
        let mut all_arrived = true;
        loop {
            let mut pause = None;
            let turn = self.turn.lock().await;
            while self.source.settled() < goal {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return false;
                }
                let Some(package) = self.source.take(clock::now_ms()) else { break };
                match self.deliver(post, package).await {
                    Delivery::Sent => backoff.reset(),
                    Delivery::GivenUp => all_arrived = false,
                    Delivery::PutBack(Ended::Failed(at_least)) => {
                        pause = Some(at_least.max(backoff.next(&mut random)));
                        break;
                    }
                    Delivery::PutBack(_) => return false,
                }
            }
            drop(turn);
            let Some(pause) = pause else { return all_arrived };
            if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                return false;
            }
            sleep(pause).await;
        }
    }

    async fn deliver(&self, post: &impl Post, mut package: S::Package) -> Delivery {
        let reaction = self.attempt(post, &package).await;
        if reaction != Reaction::TooLarge || package.len() < 2 {
            return conclude(reaction, package);
        }
        let second = package.split();
        let reaction = self.attempt(post, &package).await;
        if reaction.is_temporary() {
            // The second half goes back first, for the first to come before it.
            drop(second);
            return conclude(reaction, package);
        }
        let first = conclude(reaction, package);
        match conclude(self.attempt(post, &second).await, second) {
            Delivery::Sent => first,
            other => other,
        }
    }

    async fn attempt(&self, post: &impl Post, package: &S::Package) -> Reaction {
        let body = match package.body() {
            Ok(body) => body,
            Err(error) => {
                self.log.error(TARGET, format_args!("{} cannot be written as JSON and are dropped: {error}", S::WHAT));
                return Reaction::Never;
            }
        };
        let answer = post.post(S::ENDPOINT, body.into()).await;
        let reaction = Reaction::to(&answer);
        self.explain(reaction, &answer, package.len());
        reaction
    }

    fn explain(&self, reaction: Reaction, answer: &Result<Answer, Unreached>, count: usize) {
        let what = S::WHAT;
        if reaction == Reaction::Sent {
            return self.complaint.settle(format_args!("{what} are sent again"));
        }
        let reason = match answer {
            Ok(answer) => format!("{} answered {}", S::ENDPOINT, answer.status),
            Err(unreached) => unreached.to_string(),
        };
        let say = |level, text: fmt::Arguments<'_>| self.complaint.say_about(level, &reason, text);
        match reaction {
            Reaction::Sent => {}
            Reaction::Later(_) => {
                say(Level::Warning, format_args!("{count} {what} are kept to be sent again: {reason}"));
            }
            Reaction::Unauthorized => {
                say(Level::Error, format_args!("{what} cannot be sent: {reason}; check the SDK key"));
            }
            Reaction::TooLarge => say(
                Level::Warning,
                format_args!(
                    "a post of {count} {what} is too large for the backend; posts are halved once, then dropped"
                ),
            ),
            Reaction::Never => say(Level::Error, format_args!("{count} {what} are dropped: {reason}")),
        }
    }
}

fn conclude(reaction: Reaction, package: impl Package) -> Delivery {
    match reaction {
        Reaction::Sent => {
            package.sent();
            Delivery::Sent
        }
        Reaction::TooLarge | Reaction::Never => {
            package.discard();
            Delivery::GivenUp
        }
        // Dropping the package puts it back.
        Reaction::Later(at_least) => Delivery::PutBack(Ended::Failed(at_least)),
        Reaction::Unauthorized => Delivery::PutBack(Ended::Unauthorized),
    }
}
