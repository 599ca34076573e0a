//! The queue of `Factory::poll`: impressions, log lines and events as records that the host takes when it likes.
//!
//! For languages that a foreign thread cannot call cheaply or safely. A full queue drops its oldest record. A
//! socket pair beside it is readable while records wait, for hosts with an event loop.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Event, Impression, Instance, QueueKinds};
use crate::input::push_json_text;
use crate::logging::{Level, Record, Sink};

/// Records held when the capacity given is 0.
const DEFAULT_CAPACITY: usize = 10_000;

/// A bounded queue of records, and the descriptor that says whether there are any.
#[derive(Debug)]
pub(crate) struct PollQueue {
    kinds: QueueKinds,
    capacity: usize,
    instance: Arc<Instance>,
    state: Mutex<State>,
    arrived: Condvar,
    readable: UnixStream,
    signal: UnixStream,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<Queued>,
    dropped: u64,
    closed: bool,
    /// Whether a byte is in the socket pair.
    signalled: bool,
}

#[derive(Debug)]
enum Queued {
    Impression(Box<Impression>),
    Event(Event),
    Log { level: Level, time: i64, target: &'static str, message: String },
}

/// What a wait for records ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// A JSON array.
    Records(String),
    /// The time ran out.
    Nothing,
    /// Closed, and empty.
    Closed,
}

impl PollQueue {
    pub(crate) fn new(kinds: QueueKinds, capacity: usize, instance: Arc<Instance>) -> io::Result<Self> {
        let (readable, signal) = UnixStream::pair()?;
        readable.set_nonblocking(true)?;
        signal.set_nonblocking(true)?;
        let capacity = if capacity == 0 { DEFAULT_CAPACITY } else { capacity };
        Ok(PollQueue { kinds, capacity, instance, state: Mutex::default(), arrived: Condvar::new(), readable, signal })
    }

    pub(crate) fn kinds(&self) -> QueueKinds {
        self.kinds
    }

    pub(crate) fn impression(&self, impression: Impression) {
        self.push(Queued::Impression(Box::new(impression)));
    }

    pub(crate) fn event(&self, event: Event) {
        self.push(Queued::Event(event));
    }

    /// A descriptor that is readable while records are queued, and once the queue is closed.
    pub(crate) fn fd(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// Everything that it has open.
    pub(crate) fn descriptors(&self) -> [RawFd; 2] {
        [&self.readable, &self.signal].map(|socket| socket.as_raw_fd())
    }

    /// Nothing is queued from now on; readers get what is left, then [`Polled::Closed`].
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.signal(&mut state);
        drop(state);
        self.arrived.notify_all();
    }

    /// Takes up to `max` records, at least one; waits for the first until the deadline, for ever without one.
    pub(crate) fn poll(&self, deadline: Option<Instant>, max: usize) -> Polled {
        let mut state = self.lock();
        loop {
            if !state.records.is_empty() {
                let count = max.max(1).min(state.records.len());
                let taken: Vec<Queued> = state.records.drain(..count).collect();
                if state.records.is_empty() && !state.closed {
                    self.unsignal(&mut state);
                }
                drop(state);
                return Polled::Records(self.to_json(&taken));
            }
            if state.closed && state.records.is_empty() {
                return Polled::Closed;
            }
            state = match deadline {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Polled::Nothing;
                    }
                    self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// How many records a full queue has dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn push(&self, record: Queued) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        if state.records.len() >= self.capacity {
            state.records.pop_front();
            state.dropped += 1;
        }
        state.records.push_back(record);
        self.signal(&mut state);
        drop(state);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left the queue itself whole: records are moved in and out in single steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self, state: &mut State) {
        if !state.signalled {
            // One byte in an empty socket buffer; if even that fails, readers that wait in `poll` still wake.
            state.signalled = (&self.signal).write(&[1]).is_ok();
        }
    }

    fn unsignal(&self, state: &mut State) {
        if state.signalled {
            state.signalled = (&self.readable).read(&mut [0; 8]).is_err();
        }
    }

    fn to_json(&self, records: &[Queued]) -> String {
        let mut out = String::with_capacity(256 * records.len() + 2);
        out.push('[');
        for (index, record) in records.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match record {
                Queued::Impression(impression) => push_impression(&mut out, impression, &self.instance),
                Queued::Event(event) => push_event(&mut out, event),
                Queued::Log { level, time, target, message } => {
                    out.push_str(r#"{"type":"log","level":"#);
                    push_number(&mut out, *level as i64);
                    out.push_str(r#","time":"#);
                    push_number(&mut out, *time);
                    out.push_str(r#","target":"#);
                    push_json_text(&mut out, target);
                    out.push_str(r#","message":"#);
                    push_json_text(&mut out, message);
                    out.push('}');
                }
            }
        }
        out.push(']');
        out
    }
}

impl Sink for PollQueue {
    fn write(&self, record: &Record<'_>) {
        self.push(Queued::Log {
            level: record.level,
            time: record.time,
            target: record.target,
            message: record.message.to_owned(),
        });
    }
}

fn push_impression(out: &mut String, impression: &Impression, instance: &Instance) {
    out.push_str(r#"{"type":"impression","key":"#);
    push_json_text(out, &impression.key);
    out.push_str(r#","bucketing_key":"#);
    push_text_or_null(out, impression.bucketing_key.as_deref());
    out.push_str(r#","flag":"#);
    push_json_text(out, &impression.flag);
    out.push_str(r#","treatment":"#);
    push_json_text(out, impression.treatment.as_str());
    out.push_str(r#","label":"#);
    push_text_or_null(out, impression.label.map(|label| label.as_str()));
    out.push_str(r#","change_number":"#);
    push_number(out, impression.change_number.unwrap_or(-1));
    out.push_str(r#","time":"#);
    push_number(out, impression.time);
    out.push_str(r#","previous_time":"#);
    match impression.previous_time {
        Some(time) => push_number(out, time),
        None => out.push_str("null"),
    }
    out.push_str(r#","attributes":"#);
    out.push_str(impression.attributes.as_deref().unwrap_or("null"));
    out.push_str(r#","properties":"#);
    out.push_str(impression.properties.as_deref().unwrap_or("null"));
    out.push_str(r#","sdk_version":"#);
    push_json_text(out, &instance.sdk_version);
    out.push_str(r#","instance":"#);
    push_json_text(out, &instance.machine_name);
    out.push('}');
}

fn push_event(out: &mut String, event: &Event) {
    match event {
        Event::Ready => out.push_str(r#"{"type":"event","kind":"ready"}"#),
        Event::Update { flags_changed, names } => {
            out.push_str(r#"{"type":"event","kind":"update","flags_changed":"#);
            out.push_str(if *flags_changed { "true" } else { "false" });
            out.push_str(r#","names":["#);
            for (index, name) in names.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_json_text(out, name);
            }
            out.push_str("]}");
        }
    }
}

fn push_text_or_null(out: &mut String, text: Option<&str>) {
    match text {
        Some(text) => push_json_text(out, text),
        None => out.push_str("null"),
    }
}

fn push_number(out: &mut String, number: i64) {
    // Writing to a String does not fail.
    let _ = write!(out, "{number}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue(capacity: usize) -> PollQueue {
        let kinds = QueueKinds { impressions: true, logs: true, events: true };
        PollQueue::new(kinds, capacity, Arc::default()).expect("a socket pair")
    }

    fn soon() -> Option<Instant> {
        Some(Instant::now() + Duration::from_millis(20))
    }

    #[test]
    fn a_full_queue_drops_its_oldest() {
        let queue = queue(2);
        for name in ["a", "b", "c"] {
            queue.event(Event::Update { flags_changed: true, names: vec![name.to_owned()] });
        }
        assert_eq!(queue.dropped(), 1);
        let expected = r#"[{"type":"event","kind":"update","flags_changed":true,"names":["b"]},{"type":"event","kind":"update","flags_changed":true,"names":["c"]}]"#;
        assert_eq!(queue.poll(soon(), 10), Polled::Records(expected.to_owned()));
        assert_eq!(queue.poll(soon(), 10), Polled::Nothing);
    }

    #[test]
    fn the_descriptor_tells_of_records_and_of_the_end() {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd as _;
        let queue = queue(0);
        let readable = || {
            let mut fds = [PollFd::new(queue.readable.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO).expect("a descriptor") == 1
        };
        assert!(!readable());
        queue.event(Event::Ready);
        queue.event(Event::Ready);
        assert!(readable());
        assert_eq!(queue.poll(soon(), 1), Polled::Records(r#"[{"type":"event","kind":"ready"}]"#.to_owned()));
        assert!(readable());
        queue.poll(soon(), 1);
        assert!(!readable());
        queue.close();
        assert!(readable());
        assert_eq!(queue.poll(None, 1), Polled::Closed);
        assert!(readable());
    }
}
