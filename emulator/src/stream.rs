//! Live streams: who listens to what, and the task that writes to each.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::backend::{Backend, now_ms};
use crate::body;
use crate::delivery::{Delivery, End, Parcel};
use crate::faults::Cut;
use crate::link::Link;
use crate::notification::{Frame, Notification, OCCUPANCY_PREFIX};
use crate::token::EXPIRED;

/// How long the last bytes get to reach the network before the connection is cut.
const FLUSH: Duration = Duration::from_millis(30);

/// A stream that is about to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub channels: Vec<String>,
    /// When its token ends, milliseconds since the epoch; `None`: never.
    pub until: Option<i64>,
}

/// A live stream, as it is shown.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Stream {
    /// Its number, from 1.
    pub stream: u64,
    /// Number of the connection below it.
    pub connection: u64,
    /// When it was opened, milliseconds since the epoch.
    pub since_ms: i64,
    /// Channels as subscribed, occupancy prefixes included.
    pub channels: Vec<String>,
    /// Frames written to it, without keepalives.
    pub frames: u64,
    /// Whether it is stalled.
    pub stalled: bool,
}

#[derive(Debug)]
enum Order {
    Send(Parcel),
    Stall(Option<Duration>),
    Resume,
    End(End),
}

/// What the writing task lets others see.
#[derive(Debug, Default)]
struct Shown {
    frames: AtomicU64,
    stalled: AtomicBool,
}

#[derive(Debug)]
struct Live {
    id: u64,
    link: Link,
    since_ms: i64,
    channels: Vec<String>,
    orders: mpsc::UnboundedSender<Order>,
    shown: Arc<Shown>,
}

/// All live streams.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    last: u64,
    serial: u64,
    live: Vec<Live>,
    /// Notifications held back to be reordered.
    held: Vec<(Notification, Delivery)>,
}

impl Streams {
    /// Sends a notification; or keeps it until `reorder` of them are there, which then go in reverse order.
    pub(crate) fn publish(&mut self, notification: Notification, delivery: Delivery, reorder: usize) {
        self.held.push((notification, delivery));
        if self.held.len() < reorder {
            return;
        }
        for (notification, delivery) in std::mem::take(&mut self.held).into_iter().rev() {
            self.send(&notification, &delivery);
        }
    }

    fn send(&mut self, notification: &Notification, delivery: &Delivery) {
        self.serial += 1;
        let frames = notification.frames(self.serial, delivery.timestamp.unwrap_or_else(now_ms));
        for frame in frames {
            for live in &self.live {
                let chosen = delivery.stream.is_none_or(|wanted| wanted == live.id);
                if chosen && live.hears(&frame) {
                    for _ in 0..delivery.copies {
                        live.order(Order::Send(delivery.parcel(frame.bytes.clone())));
                    }
                }
            }
        }
    }

    pub(crate) fn list(&self) -> Vec<Stream> {
        let shown = |live: &Live| Stream {
            stream: live.id,
            connection: live.link.id,
            since_ms: live.since_ms,
            channels: live.channels.clone(),
            frames: live.shown.frames.load(Ordering::Relaxed),
            stalled: live.shown.stalled.load(Ordering::Relaxed),
        };
        self.live.iter().map(shown).collect()
    }

    fn chosen(&self, stream: Option<u64>) -> impl Iterator<Item = &Live> {
        self.live.iter().filter(move |live| stream.is_none_or(|wanted| wanted == live.id))
    }

    /// Ends streams at once; what waits in them is lost.
    pub(crate) fn drop_streams(&self, how: End, stream: Option<u64>) -> usize {
        self.chosen(stream)
            .map(|live| match how {
                End::Close => live.link.cut(Cut::Close),
                End::Reset => live.link.cut(Cut::Reset),
                // The writer must know, or it would go on.
                End::End | End::Half => live.order(Order::End(how)),
            })
            .count()
    }

    /// Not a byte more, keepalives included, for a time or until `resume`; what is sent meanwhile comes after it.
    pub(crate) fn stall(&self, time: Option<Duration>, stream: Option<u64>) -> usize {
        self.chosen(stream).map(|live| live.order(Order::Stall(time))).count()
    }

    pub(crate) fn resume(&self, stream: Option<u64>) -> usize {
        self.chosen(stream).map(|live| live.order(Order::Resume)).count()
    }

    fn remove(&mut self, id: u64) {
        self.live.retain(|live| live.id != id);
    }
}

impl Live {
    fn hears(&self, frame: &Frame) -> bool {
        frame.channel.as_ref().is_none_or(|channel| self.channels.contains(channel))
    }

    fn order(&self, order: Order) {
        // An error: the stream ended just now.
        let _ = self.orders.send(order);
    }
}

/// Opens a stream: its body, behind which a task writes until one side ends it.
pub(crate) fn open(backend: &Arc<Backend>, link: Link, opening: Opening) -> UnsyncBoxBody<Bytes, io::Error> {
    let (sender, body) = body::fed();
    let (orders, receiver) = mpsc::unbounded_channel();
    let shown = Arc::new(Shown::default());
    let Opening { channels, until } = opening;
    let mut state = backend.state();
    let settings = state.settings.clone();
    let streams = &mut state.streams;
    streams.last += 1;
    let id = streams.last;
    let occupied: Vec<String> =
        channels.iter().filter_map(|channel| channel.strip_prefix(OCCUPANCY_PREFIX)).map(str::to_owned).collect();
    let live = Live { id, link: link.clone(), since_ms: now_ms(), channels, orders, shown: shown.clone() };
    streams.live.push(live);
    if settings.initial_occupancy {
        for channel in occupied {
            let occupancy = Notification::Occupancy { channel: Some(channel), publishers: settings.publishers };
            streams.send(&occupancy, &Delivery { stream: Some(id), ..Delivery::default() });
        }
    }
    drop(state);

    let left = until.map(|until| Duration::from_millis(u64::try_from(until - now_ms()).unwrap_or(0)));
    let writer = Writer { sender, receiver, link, shown, until: left.map(|left| Instant::now() + left) };
    let backend = backend.clone();
    tokio::spawn(async move {
        writer.run(&backend).await;
        backend.state().streams.remove(id);
    });
    body
}

/// The stream is over: the peer went, or it was told to end.
struct Over;

struct Writer {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    receiver: mpsc::UnboundedReceiver<Order>,
    link: Link,
    shown: Arc<Shown>,
    until: Option<Instant>,
}

impl Writer {
    async fn run(mut self, backend: &Backend) {
        while self.step(backend).await.is_ok() {}
    }

    /// Waits for the next thing to do, and does it.
    async fn step(&mut self, backend: &Backend) -> Result<(), Over> {
        let keepalive = Some(backend.state().settings.keepalive_ms).filter(|ms| *ms > 0);
        let keepalive = keepalive.map(|ms| Instant::now() + Duration::from_millis(ms));
        tokio::select! {
            order = self.receiver.recv() => match order.ok_or(Over)? {
                Order::Send(parcel) => self.write(parcel).await,
                Order::Stall(time) => self.stall(time).await,
                Order::Resume => Ok(()),
                Order::End(how) => self.end(how).await,
            },
            () = at(keepalive) => self.put(Bytes::from_static(b":keepalive\n\n")).await,
            () = at(self.until) => {
                let error = Notification::Error { code: EXPIRED, status: 401, message: "token expired".to_owned() };
                for frame in error.frames(0, now_ms()) {
                    self.put(frame.bytes.into()).await?;
                }
                Err(Over)
            }
            () = self.sender.closed() => Err(Over),
        }
    }

    async fn write(&mut self, parcel: Parcel) -> Result<(), Over> {
        let pieces = parcel.pieces.len();
        for (place, piece) in parcel.pieces.into_iter().enumerate() {
            self.put(piece).await?;
            if place + 1 < pieces && !parcel.pause.is_zero() {
                tokio::time::sleep(parcel.pause).await;
            }
        }
        self.shown.frames.fetch_add(1, Ordering::Relaxed);
        match parcel.then {
            None => Ok(()),
            Some(how) => {
                tokio::time::sleep(FLUSH).await;
                self.end(how).await
            }
        }
    }

    async fn end(&self, how: End) -> Result<(), Over> {
        if let Some(cut) = how.cut() {
            self.link.cut(cut);
            // To leave before the connection does would look like the orderly end of the answer.
            self.sender.closed().await;
        }
        Err(Over)
    }

    async fn put(&self, bytes: Bytes) -> Result<(), Over> {
        self.sender.send(Ok(bytes)).await.map_err(|_| Over)
    }

    async fn stall(&mut self, time: Option<Duration>) -> Result<(), Over> {
        self.shown.stalled.store(true, Ordering::Relaxed);
        let mut until = time.map(|time| Instant::now() + time);
        let mut backlog = VecDeque::new();
        loop {
            tokio::select! {
                order = self.receiver.recv() => match order.ok_or(Over)? {
                    Order::Send(parcel) => backlog.push_back(parcel),
                    Order::Stall(time) => until = time.map(|time| Instant::now() + time),
                    Order::Resume => break,
                    Order::End(how) => return self.end(how).await,
                },
                () = at(until) => break,
                () = self.sender.closed() => return Err(Over),
            }
        }
        self.shown.stalled.store(false, Ordering::Relaxed);
        for parcel in backlog {
            self.write(parcel).await?;
        }
        Ok(())
    }
}

/// Never, without a time.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
