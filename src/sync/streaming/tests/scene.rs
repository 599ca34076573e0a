//! A backend and streams made up on the spot, in front of streaming whose clock stands still.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::super::super::standalone::Standalone;
use super::super::super::testing::{Fake, Reply, Site};
use super::super::Streaming;
use super::super::host::{Asked, ByteStream, Opened, Piece, StreamHost};
use crate::config::Settings;
use crate::logging::{Level, Logger, Recorded};
use crate::telemetry::Telemetry;
use crate::transport::{Answer, Call};

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What becomes of the request for a stream.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    Open,
    Refuse(u16, &'static str),
    RetryAfter(u64),
    Hang,
    Panic,
}

type Sender = mpsc::UnboundedSender<Bytes>;

/// Opens streams as planned, and lets the test speak on them.
pub(super) struct Host {
    plan: Mutex<Plan>,
    opened: Mutex<Vec<Duration>>,
    live: Mutex<Option<Sender>>,
    start: Instant,
}

struct Stream(mpsc::UnboundedReceiver<Bytes>);

impl ByteStream for Stream {
    fn next(&mut self) -> Piece<'_> {
        Box::pin(async { Ok(self.0.recv().await) })
    }
}

impl StreamHost for Host {
    fn open<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        assert!(call.query_string().starts_with("?v=1.1&accessToken="), "{call:?}");
        self.opened.lock().expect("no panic").push(self.start.elapsed());
        let plan = self.plan.lock().expect("no panic").clone();
        Box::pin(async move {
            let refuse = |status, body: &str, retry_after| {
                Ok(Opened::Refused(Answer { status, body: body.as_bytes().to_vec(), retry_after }))
            };
            match plan {
                Plan::Open => {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    *self.live.lock().expect("no panic") = Some(sender);
                    Ok(Opened::Stream(Box::new(Stream(receiver))))
                }
                Plan::Refuse(status, body) => refuse(status, body, None),
                Plan::RetryAfter(time) => refuse(503, "", Some(seconds(time))),
                Plan::Hang => std::future::pending().await,
                Plan::Panic => panic!("as ordered"),
            }
        })
    }
}

/// Everything around streaming.
pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) fake: Arc<Fake>,
    pub(super) sync: Arc<Standalone>,
    pub(super) lines: Recorded,
    host: Arc<Host>,
    telemetry: Arc<Telemetry>,
    /// What the backend is at, of flags.
    pub(super) number: Arc<AtomicI64>,
    work: JoinSet<()>,
}

/// A token that lives so many seconds.
pub(super) fn grant(life: i64, delay: i64) -> Reply {
    let capability = json!({"o_splits": ["subscribe"], "control_pri": ["subscribe", "channel-metadata:publishers"]});
    let claims = json!({"x-ably-capability": capability.to_string(), "iat": 1000, "exp": 1000 + life});
    let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims.to_string()));
    Reply::Json(json!({"pushEnabled": true, "connDelay": delay, "token": token}).to_string())
}

/// What the backend says of flags whose numbers have grown to `number`.
pub(super) fn changes(url: &str, number: i64) -> Reply {
    let since = parameter(url, "since");
    Reply::Json(json!({"ff": {"s": since, "t": number.max(since), "d": []}, "rbs": {"s": -1, "t": -1}}).to_string())
}

pub(super) fn parameter(url: &str, name: &str) -> i64 {
    let (_, after) = url.split_once(&format!("{name}=")).expect(url);
    after.split('&').next().and_then(|number| number.parse().ok()).expect(url)
}

/// Ready, with polls every 30 s, and streaming begun. The token lives an hour.
pub(super) async fn scene() -> Scene {
    scene_with("{}", |_| None).await
}

/// The same with other options, and answers of the backend that take the place of the usual ones.
pub(super) async fn scene_with(
    options: &str,
    instead: impl Fn(&str) -> Option<Reply> + Send + Sync + 'static,
) -> Scene {
    let number = Arc::new(AtomicI64::new(100));
    let at = Arc::clone(&number);
    let fake = Fake::new(move |_, url| match instead(url) {
        Some(reply) => reply,
        None if url.starts_with("/v2/auth") => grant(3600, 0),
        None if url.starts_with("/segmentChanges") => Reply::Json(r#"{"added":[],"since":7,"till":7}"#.to_owned()),
        None => changes(url, at.load(Ordering::Relaxed)),
    });
    let site = Site::new(None);
    let (log, lines) = Logger::recording(Level::Debug);
    let mut settings = Settings::new();
    settings.merge_json(r#"{"featuresRefreshRate": 30, "segmentsRefreshRate": 30}"#).expect("valid");
    settings.merge_json(options).expect("valid");
    let (config, _) = settings.resolve(false).expect("valid");
    let random = fastrand::Rng::with_seed(7);
    let sync = Arc::new(Standalone::new(&config, Arc::clone(&fake) as _, site.ground(&log), random.clone()));
    let host = Arc::new(Host {
        plan: Mutex::new(Plan::Open),
        opened: Mutex::default(),
        live: Mutex::default(),
        start: Instant::now(),
    });
    let telemetry = Arc::new(Telemetry::new(true));
    let streaming = Arc::new(Streaming::new(
        &config,
        Arc::clone(&sync),
        Arc::clone(&fake) as _,
        Arc::clone(&host) as _,
        Arc::clone(&telemetry),
        log,
        random,
    ));
    let mut work = sync.background();
    assert!(sync.start_up().await);
    fake.asked();
    site.events();
    work.spawn(streaming.run());
    let scene = Scene { site, fake, sync, lines, host, telemetry, number, work };
    settle().await;
    scene
}

/// Lets everything happen that needs no time, nearly.
pub(super) async fn settle() {
    sleep(millis(1)).await;
}

impl Scene {
    pub(super) fn plan(&self, plan: Plan) {
        *self.host.plan.lock().expect("no panic") = plan;
    }

    /// Sends bytes on the stream; false if nobody listens any more.
    pub(super) async fn say(&self, text: &str) -> bool {
        let sender = self.host.live.lock().expect("no panic").clone();
        let heard = sender.expect("a stream was opened").send(Bytes::from(text.to_owned())).is_ok();
        settle().await;
        heard
    }

    /// Sends a message, `time` being its timestamp.
    pub(super) async fn tell(&self, time: i64, inner: &Value) -> bool {
        self.say(&message(time, "o_splits", inner, None)).await
    }

    pub(super) async fn publishers(&self, time: i64, channel: &str, publishers: i64) {
        let inner = json!({"metrics": {"publishers": publishers}});
        let channel = format!("[?occupancy=metrics.publishers]{channel}");
        assert!(self.say(&message(time, &channel, &inner, Some("[meta]occupancy"))).await);
    }

    pub(super) async fn control(&self, time: i64, control: &str) {
        assert!(self.tell(time, &json!({"type": "CONTROL", "controlType": control})).await);
    }

    pub(super) async fn alive(&self) {
        assert!(self.say(":keepalive\n\n").await);
    }

    /// The peer ends the stream.
    pub(super) async fn hang_up(&self) {
        drop(self.host.live.lock().expect("no panic").take());
        settle().await;
    }

    /// Whether the SDK still listens.
    pub(super) fn is_listened_to(&self) -> bool {
        self.host.live.lock().expect("no panic").as_ref().is_some_and(|sender| !sender.is_closed())
    }

    /// When streams were asked for since this was last asked, from the beginning on.
    pub(super) fn opened(&self) -> Vec<Duration> {
        std::mem::take(&mut self.host.opened.lock().expect("no panic"))
    }

    /// What was asked of the backend since this was last asked, without versions: `since=100`, `segment s since=-1`, `auth`.
    pub(super) fn asked(&self) -> Vec<String> {
        let short = |url: String| {
            url.replace("/splitChanges?s=1.3&", "").replace("&rbSince=-1", "").replace("/v2/auth?s=1.3", "auth")
        };
        self.fake.asked().into_iter().map(short).collect()
    }

    /// Types and data of streaming events since this was last asked.
    pub(super) fn events(&self) -> Vec<(u8, i64)> {
        self.telemetry.pop().streaming_events.iter().map(|(event, _)| event.code()).collect()
    }

    /// Makes [`Scene::asked`], [`Scene::events`] and [`Scene::opened`] begin here.
    pub(super) fn forget(&self) {
        self.asked();
        self.events();
        self.opened();
        self.site.events();
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Whether a poll comes within its period, and nothing else asks.
    pub(super) async fn polls(&self) -> bool {
        self.fake.asked();
        sleep(seconds(34)).await;
        !self.fake.asked().is_empty()
    }

    /// Ends all work.
    pub(super) async fn end(&mut self) {
        self.work.shutdown().await;
        settle().await;
    }
}

pub(super) fn message(time: i64, channel: &str, inner: &Value, name: Option<&str>) -> String {
    let envelope = json!({"id": "1", "timestamp": time, "channel": channel, "data": inner.to_string(), "name": name});
    format!("event: message\ndata: {envelope}\n\n")
}

pub(super) fn update(change_number: i64) -> Value {
    json!({"type": "SPLIT_UPDATE", "changeNumber": change_number})
}

/// An update that brings a flag along.
pub(super) fn instant(previous: i64, change_number: i64, definition: &Value) -> Value {
    let packed = base64::engine::general_purpose::STANDARD.encode(definition.to_string());
    json!({"type": "SPLIT_UPDATE", "changeNumber": change_number, "pcn": previous, "c": 0, "d": packed})
}
