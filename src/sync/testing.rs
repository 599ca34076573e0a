//! A backend that answers from a closure, for tests whose clock stands still.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::backend::{Asked, Backend, FetchError};
use crate::callbacks::{Delivery, Instance, Outlets, PollQueue, Polled, QueueKinds};
use crate::lifecycle::Lifecycle;
use crate::logging::Logger;
use crate::storage::Store;
use crate::sync::Ground;
use crate::transport::{Answer, Call, CutError, Endpoint, To, TransportError};

pub(super) fn status(status: u16, retry_after: Option<Duration>) -> FetchError {
    FetchError::Status { endpoint: Endpoint::SplitChanges, status, retry_after }
}

pub(super) fn timeout() -> FetchError {
    FetchError::Transport(TransportError::ReadTimeout { to: to(), after: Duration::from_secs(15) })
}

fn to() -> To {
    To { endpoint: Endpoint::SplitChanges, host: "test".into() }
}

/// What a question becomes.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Json(String),
    Status(u16),
    RetryAfter(u16, u64),
    Timeout,
    Cut,
    Hang,
    Panic,
    /// After so many milliseconds.
    Late(u64, Box<Reply>),
}

type Script = Box<dyn Fn(usize, &str) -> Reply + Send + Sync>;

/// Answers by a function of how many questions came before, and of the URL.
pub(super) struct Fake {
    script: Mutex<Script>,
    asked: Mutex<Vec<(Duration, String)>>,
    start: Instant,
}

impl Fake {
    pub(super) fn new(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Fake { script: Mutex::new(Box::new(script)), asked: Mutex::default(), start: Instant::now() })
    }

    /// Answers differently from now on.
    pub(super) fn answer(&self, script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) {
        *self.script.lock().expect("no panic") = Box::new(script);
    }

    /// What was asked since the last call of this.
    pub(super) fn asked(&self) -> Vec<String> {
        self.timed().into_iter().map(|(_, url)| url).collect()
    }

    /// The same with the time.
    pub(super) fn timed(&self) -> Vec<(Duration, String)> {
        std::mem::take(&mut self.asked.lock().expect("no panic"))
    }
}

/// Each pause between these is at least `shortest` and at most `longest`; there are so many of them, at least. The
/// rounding of a clock that counts milliseconds is forgiven.
#[track_caller]
pub(super) fn assert_pauses(times: &[Duration], least: usize, shortest: Duration, longest: Duration) {
    assert!(times.len() > least, "{} attempts", times.len());
    let millisecond = Duration::from_millis(1);
    for (index, pair) in times.windows(2).enumerate() {
        let pause = pair[1] - pair[0];
        assert!(pause + millisecond >= shortest && pause <= longest + millisecond, "{index}: {pause:?}");
    }
}

impl Backend for Fake {
    fn get<'a>(&'a self, call: &'a Call) -> Asked<'a> {
        let url = format!("{}{}", call.path(), call.query_string());
        let before = {
            let mut asked = self.asked.lock().expect("no panic");
            asked.push((self.start.elapsed(), url.clone()));
            asked.len() - 1
        };
        let mut reply = (self.script.lock().expect("no panic"))(before, &url);
        Box::pin(async move {
            if let Reply::Late(millis, late) = reply {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                reply = *late;
            }
            let answer =
                |status, body: &str, retry_after| Answer { status, body: body.as_bytes().to_vec(), retry_after };
            match reply {
                Reply::Json(json) => Ok(answer(200, &json, None)),
                Reply::Status(code) => Ok(answer(code, "", None)),
                Reply::RetryAfter(code, seconds) => Ok(answer(code, "", Some(Duration::from_secs(seconds)))),
                Reply::Timeout => Err(TransportError::ReadTimeout { to: to(), after: Duration::from_secs(15) }),
                Reply::Cut => Err(TransportError::Cut { to: to(), source: CutError::Encoding }),
                Reply::Hang | Reply::Late(..) => std::future::pending().await,
                Reply::Panic => panic!("as ordered"),
            }
        })
    }
}

/// What synchronisation works on, and what can be seen of its work.
pub(super) struct Site {
    pub(super) store: Arc<Store>,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) outlets: Arc<Outlets>,
    queue: Arc<PollQueue>,
}

impl Site {
    pub(super) fn new(filter: Option<&[&str]>) -> Self {
        let filter = filter.map(|sets| sets.iter().map(|&set| set.to_owned()).collect());
        let instance = Arc::new(Instance::default());
        let kinds = QueueKinds { events: true, ..QueueKinds::default() };
        let queue = Arc::new(PollQueue::new(kinds, 100, Arc::clone(&instance)).expect("a descriptor"));
        let delivery = Delivery::new(0, instance, Logger::silent(), 100);
        Site {
            store: Arc::new(Store::new(filter)),
            lifecycle: Arc::new(Lifecycle::new()),
            outlets: Arc::new(Outlets { delivery, queue: Some(Arc::clone(&queue)) }),
            queue,
        }
    }

    pub(super) fn ground(&self, log: &Logger) -> Ground {
        Ground {
            store: Arc::clone(&self.store),
            lifecycle: Arc::clone(&self.lifecycle),
            outlets: Arc::clone(&self.outlets),
            log: log.clone(),
            fallbacks: false,
            descriptors: Arc::default(),
        }
    }

    /// Events since the last call of this: "ready", "segments", or "flags" and their names.
    pub(super) fn events(&self) -> Vec<String> {
        let Polled::Records(json) = self.queue.poll(Some(std::time::Instant::now()), 1000) else { return Vec::new() };
        let records: Vec<serde_json::Value> = serde_json::from_str(&json).expect("JSON");
        let told = |record: &serde_json::Value| match (&record["kind"], &record["flags_changed"]) {
            (kind, _) if kind == "ready" => "ready".to_owned(),
            (_, flags) if flags == true => format!("flags {}", record["names"]),
            _ => format!("segments{}", if record["names"] == serde_json::json!([]) { "" } else { " with names" }),
        };
        records.iter().map(told).collect()
    }

    /// Names of the stored flags, sorted, and both change numbers.
    pub(super) fn stored(&self) -> (Vec<String>, i64, i64) {
        let definitions = self.store.load();
        let mut names: Vec<_> = definitions.flags().map(|flag| flag.name.to_string()).collect();
        names.sort();
        (names, definitions.change_number(), definitions.rbs_change_number())
    }
}
