//! Whether streaming can be relied on, as its own messages tell: one tracker per connection.
//!
//! A pure state machine. The connection says what happened, the tracker says what the manager of polling and streaming
//! is to be told, and what telemetry records. It begins optimistic, with publishers in both regions: a message about
//! them comes with each connection.

use super::ably_error::{AblyError, Reaction};
use crate::telemetry::StreamingEvent;

/// What the manager is told. Each is told once, when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Changes come by the stream. Split calls it `STREAMING_READY`.
    Up,
    /// The connection stays, but changes may not come: poll. `STREAMING_PAUSED`.
    Down,
    /// The connection is of no use any more: close it, poll, wait, make another. `STREAMING_BACKOFF`.
    Retryable,
    /// The same, without making another, for the rest of the factory's life. `STREAMING_DISABLED`.
    NonRetryable,
    /// The server wants the connection to be made anew, from the authentication on. No polling meanwhile.
    Reset,
}

/// Where publishers are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// The channel `control_pri`.
    Primary,
    /// The channel `control_sec`.
    Secondary,
}

/// What a control message orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Changes come by the stream, again. The wire has `STREAMING_ENABLED` and `STREAMING_RESUMED` for it.
    Enabled,
    /// No changes come for a while.
    Paused,
    /// No changes come any more.
    Disabled,
    /// See [`Status::Reset`].
    Reset,
}

/// What follows from something that happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Consequence {
    /// For the manager.
    pub(super) status: Option<Status>,
    /// For telemetry.
    pub(super) recorded: Option<StreamingEvent>,
}

/// The state of one connection. Times are those of the messages, in milliseconds since 1970 by the sender's clock; a
/// message without one counts as newer than those before it, for so it arrived.
#[derive(Debug)]
pub(super) struct Tracker {
    established: bool,
    primary: Occupancy,
    secondary: Occupancy,
    control: Control,
    control_time: i64,
    last: Status,
    /// The connection ends, or is about to, and whoever must know does. Nothing it still says matters.
    shutdown_expected: bool,
}

#[derive(Debug)]
struct Occupancy {
    publishers: i64,
    time: i64,
}

impl Occupancy {
    const OPTIMISTIC: Occupancy = Occupancy { publishers: 2, time: -1 };
}

impl Tracker {
    /// For a new connection.
    pub(super) fn new() -> Self {
        Tracker {
            established: false,
            primary: Occupancy::OPTIMISTIC,
            secondary: Occupancy::OPTIMISTIC,
            control: Control::Enabled,
            control_time: -1,
            last: Status::Up,
            shutdown_expected: false,
        }
    }

    /// Something other than an error came, be it a comment: call it before what that was is looked at. Only the first
    /// time counts.
    pub(super) fn alive(&mut self) -> Consequence {
        if self.shutdown_expected || self.established {
            return Consequence::default();
        }
        self.established = true;
        Consequence { status: Some(Status::Up), recorded: Some(StreamingEvent::Established) }
    }

    /// A message about publishers came.
    pub(super) fn occupancy(&mut self, region: Region, publishers: i64, time: Option<i64>) -> Consequence {
        let of_region = match region {
            Region::Primary => &mut self.primary,
            Region::Secondary => &mut self.secondary,
        };
        // Per region: the clocks of two regions say nothing about each other's messages.
        if self.shutdown_expected || !is_news(&mut of_region.time, time) {
            return Consequence::default();
        }
        of_region.publishers = publishers;
        let recorded = match region {
            Region::Primary => StreamingEvent::PrimaryOccupancy(publishers),
            Region::Secondary => StreamingEvent::SecondaryOccupancy(publishers),
        };
        Consequence { status: self.evaluate(), recorded: Some(recorded) }
    }

    /// A control message came.
    pub(super) fn control(&mut self, control: Control, time: Option<i64>) -> Consequence {
        if self.shutdown_expected || !is_news(&mut self.control_time, time) {
            return Consequence::default();
        }
        if control == Control::Reset {
            self.shutdown_expected = true;
            return Consequence { status: Some(Status::Reset), recorded: None };
        }
        self.control = control;
        Consequence { status: self.evaluate(), recorded: None }
    }

    /// An error of Ably came, as a frame or in place of the stream.
    pub(super) fn error(&mut self, error: AblyError) -> Consequence {
        if self.shutdown_expected {
            return Consequence::default();
        }
        let status = match error.reaction() {
            Reaction::Retry => Some(Status::Retryable),
            Reaction::GiveUp => Some(Status::NonRetryable),
            Reaction::Ignore => None,
        };
        self.shutdown_expected = status.is_some();
        Consequence { status, recorded: error.code.map(StreamingEvent::ProviderError) }
    }

    /// We are about to close the connection: the factory ends, or the token is to be replaced.
    pub(super) fn expect_shutdown(&mut self) {
        self.shutdown_expected = true;
    }

    /// The connection is gone, and the tracker with it: the next one begins afresh.
    pub(super) fn disconnected(self) -> Consequence {
        Consequence {
            status: (!self.shutdown_expected).then_some(Status::Retryable),
            recorded: Some(StreamingEvent::Ended { requested: self.shutdown_expected }),
        }
    }

    fn evaluate(&mut self) -> Option<Status> {
        let healthy = self.primary.publishers > 0 || self.secondary.publishers > 0;
        let status = match (self.last, self.control) {
            (Status::Up | Status::Down, Control::Disabled) => Status::NonRetryable,
            (Status::Up, Control::Paused) => Status::Down,
            (Status::Up, _) if !healthy => Status::Down,
            (Status::Down, Control::Enabled) if healthy => Status::Up,
            _ => return None,
        };
        self.last = status;
        // The manager closes the connection, which is not to be reported to it again.
        self.shutdown_expected = status == Status::NonRetryable;
        Some(status)
    }
}

/// Whether a message is not older than the last one of its kind, whose time it then takes.
fn is_news(last: &mut i64, time: Option<i64>) -> bool {
    match time {
        Some(time) if time < *last => false,
        Some(time) => {
            *last = time;
            true
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that happens to a connection, as the rows below write it.
    #[derive(Clone, Copy, Debug)]
    enum Input {
        Alive,
        Publishers(Region, i64, Option<i64>),
        Control(Control, Option<i64>),
        Error(Option<i64>),
        ExpectShutdown,
        Disconnected,
    }

    use Control::{Disabled, Enabled, Paused, Reset};
    use Input::{Alive, Disconnected, ExpectShutdown};
    use Region::{Primary, Secondary};
    use Status::{Down, NonRetryable, Retryable, Up};

    const ENDED: Option<(u8, i64)> = Some((40, 1));
    const ENDED_AS_WANTED: Option<(u8, i64)> = Some((40, 0));

    fn pri(publishers: i64, time: i64) -> Input {
        Input::Publishers(Primary, publishers, Some(time))
    }

    fn sec(publishers: i64, time: i64) -> Input {
        Input::Publishers(Secondary, publishers, Some(time))
    }

    fn control(control: Control, time: i64) -> Input {
        Input::Control(control, Some(time))
    }

    fn error(code: i64) -> Input {
        Input::Error(Some(code))
    }

    type Step = (Input, Option<Status>, Option<(u8, i64)>);

    /// Plays a connection and compares what follows from each input.
    #[track_caller]
    fn play(name: &str, steps: &[Step]) {
        let mut tracker = Some(Tracker::new());
        for (n, (input, status, recorded)) in steps.iter().enumerate() {
            let mut living = tracker.take().expect("nothing happens to a connection that is gone");
            let consequence = match *input {
                Input::Alive => living.alive(),
                Input::Publishers(region, publishers, time) => living.occupancy(region, publishers, time),
                Input::Control(control, time) => living.control(control, time),
                Input::Error(code) => living.error(AblyError { code }),
                Input::ExpectShutdown => {
                    living.expect_shutdown();
                    Consequence::default()
                }
                Input::Disconnected => {
                    assert_eq!(
                        flat(living.disconnected()),
                        (*status, *recorded),
                        "{name}, step {n}: {input:?} of {steps:?}"
                    );
                    continue;
                }
            };
            assert_eq!(flat(consequence), (*status, *recorded), "{name}, step {n}: {input:?} of {steps:?}");
            tracker = Some(living);
        }
    }

    fn flat(consequence: Consequence) -> (Option<Status>, Option<(u8, i64)>) {
        (consequence.status, consequence.recorded.map(StreamingEvent::code))
    }

    #[test]
    fn establishment() {
        let rows: &[(&str, &[Step])] = &[
            ("once", &[(Alive, Some(Up), Some((0, 0))), (Alive, None, None), (Disconnected, Some(Retryable), ENDED)]),
            ("never", &[(Disconnected, Some(Retryable), ENDED)]),
            (
                "not by an error that matters",
                &[
                    (error(40142), Some(Retryable), Some((60, 40142))),
                    (Alive, None, None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
            (
                "after an error that does not",
                &[(error(50000), None, Some((60, 50000))), (Alive, Some(Up), Some((0, 0)))],
            ),
            (
                "before what the first message says",
                &[
                    (Alive, Some(Up), Some((0, 0))),
                    (pri(0, 1), None, Some((10, 0))),
                    (Alive, None, None),
                    (sec(0, 1), Some(Down), Some((20, 0))),
                ],
            ),
            ("not when we want to close it", &[(ExpectShutdown, None, None), (Alive, None, None)]),
        ];
        for (name, steps) in rows {
            play(name, steps);
        }
    }

    #[test]
    fn occupancy() {
        let rows: &[(&str, &[Step])] = &[
            (
                "one region is enough",
                &[
                    (pri(0, 1), None, Some((10, 0))),
                    (pri(3, 2), None, Some((10, 3))),
                    (sec(0, 3), None, Some((20, 0))),
                    (pri(0, 4), Some(Down), Some((10, 0))),
                    (sec(0, 5), None, Some((20, 0))),
                    (sec(1, 6), Some(Up), Some((20, 1))),
                    (pri(1, 7), None, Some((10, 1))),
                ],
            ),
            (
                "older ones are late, those of the same time are not",
                &[
                    (pri(0, 10), None, Some((10, 0))),
                    (sec(0, 10), Some(Down), Some((20, 0))),
                    (pri(2, 9), None, None),
                    (sec(2, 9), None, None),
                    (pri(2, 10), Some(Up), Some((10, 2))),
                ],
            ),
            (
                "each region has its own time",
                &[(pri(0, 1000), None, Some((10, 0))), (sec(0, 5), Some(Down), Some((20, 0)))],
            ),
            (
                "without a time it is new, and moves no time",
                &[
                    (pri(0, 10), None, Some((10, 0))),
                    (Input::Publishers(Secondary, 0, None), Some(Down), Some((20, 0))),
                    (Input::Publishers(Primary, 1, None), Some(Up), Some((10, 1))),
                    (pri(0, 9), None, None),
                    (pri(0, 10), Some(Down), Some((10, 0))),
                ],
            ),
            ("less than nobody", &[(pri(-1, 1), None, Some((10, -1))), (sec(-1, 1), Some(Down), Some((20, -1)))]),
        ];
        for (name, steps) in rows {
            play(name, steps);
        }
    }

    #[test]
    fn control_messages() {
        let rows: &[(&str, &[Step])] = &[
            (
                "paused and enabled",
                &[
                    (control(Paused, 1), Some(Down), None),
                    (control(Paused, 2), None, None),
                    (control(Enabled, 3), Some(Up), None),
                    (control(Enabled, 4), None, None),
                ],
            ),
            (
                "late ones do not count",
                &[
                    (control(Paused, 10), Some(Down), None),
                    (control(Enabled, 9), None, None),
                    (control(Enabled, 10), Some(Up), None),
                    (control(Disabled, 9), None, None),
                    (control(Reset, 9), None, None),
                    (Input::Control(Paused, None), Some(Down), None),
                ],
            ),
            (
                "enabled without publishers",
                &[
                    (control(Paused, 1), Some(Down), None),
                    (pri(0, 2), None, Some((10, 0))),
                    (sec(0, 2), None, Some((20, 0))),
                    (control(Enabled, 3), None, None),
                    (sec(1, 4), Some(Up), Some((20, 1))),
                ],
            ),
            (
                "publishers while paused",
                &[
                    (pri(0, 1), None, Some((10, 0))),
                    (sec(0, 1), Some(Down), Some((20, 0))),
                    (control(Paused, 2), None, None),
                    (pri(1, 3), None, Some((10, 1))),
                    (control(Enabled, 4), Some(Up), None),
                ],
            ),
            (
                "disabled is the end",
                &[
                    (control(Disabled, 1), Some(NonRetryable), None),
                    (control(Enabled, 2), None, None),
                    (pri(0, 2), None, None),
                    (error(40142), None, None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
            (
                "disabled while down",
                &[
                    (pri(0, 1), None, Some((10, 0))),
                    (sec(0, 1), Some(Down), Some((20, 0))),
                    (control(Disabled, 1), Some(NonRetryable), None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
            (
                "reset",
                &[
                    (control(Reset, 1), Some(Status::Reset), None),
                    (control(Reset, 2), None, None),
                    (control(Disabled, 3), None, None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
            (
                "reset while down",
                &[(control(Paused, 1), Some(Down), None), (control(Reset, 2), Some(Status::Reset), None)],
            ),
        ];
        for (name, steps) in rows {
            play(name, steps);
        }
    }

    #[test]
    fn errors_and_ends() {
        let rows: &[(&str, &[Step])] = &[
            (
                "a token that ended",
                &[
                    (Alive, Some(Up), Some((0, 0))),
                    (error(40142), Some(Retryable), Some((60, 40142))),
                    (error(40012), None, None),
                    (control(Disabled, 1), None, None),
                    (pri(0, 1), None, None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
            (
                "an error for good",
                &[(error(40012), Some(NonRetryable), Some((60, 40012))), (Disconnected, None, ENDED_AS_WANTED)],
            ),
            (
                "an error that means nothing, then a drop",
                &[
                    (Alive, Some(Up), Some((0, 0))),
                    (error(50000), None, Some((60, 50000))),
                    (Input::Error(None), None, None),
                    (control(Paused, 1), Some(Down), None),
                    (Disconnected, Some(Retryable), ENDED),
                ],
            ),
            (
                "a close of our own",
                &[
                    (Alive, Some(Up), Some((0, 0))),
                    (ExpectShutdown, None, None),
                    (pri(0, 1), None, None),
                    (control(Paused, 1), None, None),
                    (error(40012), None, None),
                    (Disconnected, None, ENDED_AS_WANTED),
                ],
            ),
        ];
        for (name, steps) in rows {
            play(name, steps);
        }
    }
}
