//! One connection to the stream, from the request for a token to the end.
//!
//! It reads strictly in the order of arrival, and never waits for anything but the next bytes: what is announced goes to
//! the workers' queues, what concerns the mode to the manager. Only a kill is carried out here, at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::backend::Backend;
use super::super::definitions::Sequence;
use super::super::polling::FirstRun;
use super::super::standalone::Standalone;
use super::ably_error::{AblyError, Reaction};
use super::host::{ByteStream, Opened, StreamHost};
use super::notification::{Notification, Update};
use super::sse::{Block, Event, Frame, Parser};
use super::status::{Consequence, Status, Tracker};
use super::token::{AuthError, Authentication, Grant};
use super::workers::Inbox;
use super::{SPEC, TARGET};
use crate::clock::now_ms;
use crate::complaint::Complaint;
use crate::logging::{Level, Logger};
use crate::telemetry::{StreamingEvent, Telemetry};
use crate::transport::{Answer, Call, Endpoint, TransportError, explained};

/// A server that says nothing for so long, not even that it is there, is not there.
const SILENCE: Duration = Duration::from_secs(70);

/// What becomes of streaming after a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Another connection, after a pause that is at least this long. Polling meanwhile.
    Retry(Duration),
    /// No other connection. Polling for good.
    GiveUp,
    /// Another connection at once.
    Renew,
}

/// What connections are made with.
pub(super) struct Connector {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) host: Arc<dyn StreamHost>,
    pub(super) sync: Arc<Standalone>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) log: Logger,
    /// Of connections.
    pub(super) complaint: Complaint,
    /// Of messages.
    pub(super) garbage: Complaint,
    /// Whether the pause that the server asks for before connecting is kept.
    pub(super) honors_delay: bool,
}

impl Connector {
    /// Connects and reads, until the connection is of no use any more. Tells of [`Status::Up`] and [`Status::Down`].
    pub(super) async fn run(self: Arc<Self>, tell: mpsc::UnboundedSender<Status>) -> Ending {
        let woken = self.sync.woken();
        let grant = match self.authenticate().await {
            Ok(grant) => grant,
            Err(ending) => return ending,
        };
        if self.honors_delay && !grant.connection_delay.is_zero() {
            self.sync.start_polling(FirstRun::AfterPeriod);
            sleep(grant.connection_delay).await;
        }
        match self.host.open(&grant.call()).await {
            Ok(Opened::Stream(stream)) => {
                let session = Session { connector: &self, tell: &tell, tracker: Some(Tracker::new()), up_since: None };
                session.listen(stream, grant.refresh_after, woken).await
            }
            Ok(Opened::Refused(answer)) => self.refused(&answer),
            Err(failure) => self.unreachable(&failure),
        }
    }

    async fn authenticate(&self) -> Result<Grant, Ending> {
        let answer = match self.backend.get(&Call::to(Endpoint::Auth).query("s", SPEC)).await {
            Ok(answer) => answer,
            Err(failure) => return Err(self.unreachable(&failure)),
        };
        match Authentication::of_answer(answer.status, &answer.body) {
            Authentication::Continue(grant) => {
                self.telemetry.token_refreshed();
                self.telemetry.streaming_event(StreamingEvent::Token { expires: grant.expires }, now_ms());
                Ok(grant)
            }
            Authentication::Retryable(failure) => {
                self.failed(Level::Warning, explained(&failure));
                Err(Ending::Retry(answer.retry_after.unwrap_or_default()))
            }
            Authentication::NonRetryable(failure) => {
                let level = match failure {
                    // What every Split Proxy says.
                    AuthError::NotEnabled => Level::Info,
                    _ => Level::Error,
                };
                self.complaint.say(level, format!("{}: polling for good", explained(&failure)));
                Err(Ending::GiveUp)
            }
        }
    }

    fn refused(&self, answer: &Answer) -> Ending {
        let error = AblyError::of_body(&answer.body);
        if let Some(code) = error.code {
            self.telemetry.streaming_event(StreamingEvent::ProviderError(code), now_ms());
        }
        let code = error.code.map(|code| format!(" and Ably's error {code}")).unwrap_or_default();
        let text = format!("the stream was answered with status {}{code}", answer.status);
        if error.reaction() == Reaction::GiveUp {
            self.complaint.say(Level::Error, format!("{text}: polling for good"));
            return Ending::GiveUp;
        }
        self.failed(Level::Warning, text);
        Ending::Retry(answer.retry_after.unwrap_or_default())
    }

    fn unreachable(&self, failure: &TransportError) -> Ending {
        let level = match failure {
            // Only whoever configured it can help.
            TransportError::ProxyCredentials { .. } | TransportError::NoRoots { .. } => Level::Error,
            _ => Level::Warning,
        };
        self.failed(level, failure.explained())
    }

    fn failed(&self, level: Level, text: String) -> Ending {
        self.complaint.say(level, format!("{text}; polling until streaming is back"));
        Ending::Retry(Duration::ZERO)
    }
}

/// An open connection. Its end is recorded however it comes, also when the factory ends.
struct Session<'a> {
    connector: &'a Connector,
    tell: &'a mpsc::UnboundedSender<Status>,
    /// None once the end is recorded.
    tracker: Option<Tracker>,
    up_since: Option<Instant>,
}

impl Session<'_> {
    async fn listen(
        mut self,
        mut stream: Box<dyn ByteStream>,
        refresh_after: Duration,
        mut woken: watch::Receiver<u64>,
    ) -> Ending {
        let mut parser = Parser::default();
        let mut blocks = Vec::new();
        let mut patience = Instant::now() + SILENCE;
        loop {
            // A server that takes its time to say something is not asked for another token because of that.
            let refresh = self.up_since.map(|since| since + refresh_after);
            let lost = tokio::select! {
                piece = stream.next() => match piece {
                    Ok(Some(bytes)) => {
                        patience = Instant::now() + SILENCE;
                        let fed = parser.feed(&bytes, &mut blocks);
                        for block in blocks.drain(..) {
                            if let Some(ending) = self.take(block) {
                                return ending;
                            }
                        }
                        match fed {
                            Ok(()) => continue,
                            Err(failure) => failure.to_string(),
                        }
                    }
                    Ok(None) => "the server ended the stream".to_owned(),
                    Err(failure) => failure.explained(),
                },
                () = sleep_until(patience) => format!("the stream was silent for {SILENCE:?}"),
                () = sleep_until(refresh.unwrap_or(patience)), if refresh.is_some() => {
                    return self.renew("the token is to be replaced");
                }
                _ = woken.changed() => return self.renew("the host was suspended"),
            };
            self.connector.failed(Level::Warning, lost);
            return self.end().unwrap_or(Ending::Retry(Duration::ZERO));
        }
    }

    fn take(&mut self, block: Block) -> Option<Ending> {
        if let Block::Frame(Frame { event: Event::Error, data }) = &block {
            let error = AblyError::of_frame(data);
            let ending = self.follow(|tracker| tracker.error(error), None);
            let code = error.code.map_or_else(|| "without a code".to_owned(), |code| code.to_string());
            match ending {
                Some(Ending::GiveUp) => {
                    self.connector.complaint.say(Level::Error, format!("Ably's error {code}: polling for good"));
                }
                Some(_) => drop(self.connector.failed(Level::Warning, format!("Ably's error {code}"))),
                None => self.connector.log.debug(TARGET, format_args!("Ably's error {code} is ignored")),
            }
            return ending;
        }
        self.up_since.get_or_insert_with(Instant::now);
        let ending = self.follow(Tracker::alive, None);
        match block {
            Block::Frame(Frame { event: Event::Message, data }) => ending.or_else(|| self.read(&data)),
            Block::Frame(_) | Block::KeepAlive => ending,
        }
    }

    fn read(&mut self, data: &str) -> Option<Ending> {
        let Connector { inbox, sync, log, garbage, .. } = self.connector;
        let notification = match Notification::read(data) {
            Ok(notification) => notification,
            Err(failure) => {
                garbage.say(Level::Warning, format!("{}; it is dropped", explained(&failure)));
                return None;
            }
        };
        log.debug(TARGET, format_args!("{notification:?}"));
        match notification {
            Notification::SplitUpdate(update) => inbox.definition(Sequence::Flags, update),
            Notification::RbSegmentUpdate(update) => inbox.definition(Sequence::RuleBasedSegments, update),
            Notification::SplitKill { change_number, flag, default_treatment } => {
                sync.kill(&flag, default_treatment.as_deref(), change_number);
                inbox.definition(Sequence::Flags, Update { change_number, payload: None });
            }
            Notification::SegmentUpdate { change_number, segment } => inbox.segment(&segment, change_number),
            Notification::Control { control, time } => {
                let ending = self.follow(|tracker| tracker.control(control, time), time);
                if ending == Some(Ending::GiveUp) {
                    self.connector
                        .complaint
                        .say(Level::Warning, "Split disabled streaming: polling for good".to_owned());
                }
                return ending;
            }
            Notification::Occupancy { region, publishers, time } => {
                return self.follow(|tracker| tracker.occupancy(region, publishers, time), time);
            }
            Notification::Ignored(_) => {}
        }
        None
    }

    /// Lets the tracker see something, and does what it says. `time` is the message's, in milliseconds since 1970.
    fn follow(&mut self, see: impl FnOnce(&mut Tracker) -> Consequence, time: Option<i64>) -> Option<Ending> {
        let consequence = see(self.tracker.as_mut()?);
        self.consequence(consequence, time)
    }

    fn consequence(&self, consequence: Consequence, time: Option<i64>) -> Option<Ending> {
        let Consequence { status, recorded } = consequence;
        if let Some(event) = recorded {
            self.connector.telemetry.streaming_event(event, time.unwrap_or_else(now_ms));
        }
        match status? {
            status @ (Status::Up | Status::Down) => {
                // Refused only if the manager has ended, and this connection with it.
                let _ = self.tell.send(status);
                None
            }
            Status::Retryable => Some(Ending::Retry(Duration::ZERO)),
            Status::NonRetryable => Some(Ending::GiveUp),
            Status::Reset => Some(Ending::Renew),
        }
    }

    fn renew(mut self, why: &str) -> Ending {
        self.connector.log.debug(TARGET, format_args!("{why}: connecting anew"));
        if let Some(tracker) = &mut self.tracker {
            tracker.expect_shutdown();
        }
        Ending::Renew
    }

    fn end(&mut self) -> Option<Ending> {
        let consequence = self.tracker.take()?.disconnected();
        self.consequence(consequence, None)
    }
}

impl Drop for Session<'_> {
    /// Whatever ends it here is wanted: the peer's end is recorded where it is noticed.
    fn drop(&mut self) {
        if let Some(tracker) = &mut self.tracker {
            tracker.expect_shutdown();
        }
        self.end();
    }
}
