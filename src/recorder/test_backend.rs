//! A backend for tests: answers as it is told to, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use super::post::{Post, Unreached};
use crate::transport::{Answer, Endpoint};

/// What comes back for one post.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Status(u16),
    RetryAfter(u16, u64),
    /// No answer, because of this.
    Nothing,
    /// This answer, after so many milliseconds.
    Slow(u64, u16),
    /// Never any answer.
    Hangs,
    /// A defect of ours.
    Panics,
}

/// A post that was received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) endpoint: Endpoint,
    pub(super) body: Json,
    /// Since the backend was made.
    pub(super) at: Duration,
    /// 0 for none.
    pub(super) status: u16,
}

/// Replies in the order given, then always the last one; 200 when none was given.
#[derive(Debug)]
pub(super) struct Backend {
    replies: Mutex<VecDeque<Reply>>,
    only: Option<Endpoint>,
    received: Mutex<Vec<Received>>,
    begun: Instant,
}

impl Backend {
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Self::make(None, replies)
    }

    /// Gives the replies for one endpoint, and 200 for all others.
    pub(super) fn for_one(endpoint: Endpoint, replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Self::make(Some(endpoint), replies)
    }

    fn make(only: Option<Endpoint>, replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let replies = Mutex::new(replies.into_iter().collect());
        Arc::new(Backend { replies, only, received: Mutex::default(), begun: Instant::now() })
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// Bodies of the posts to one endpoint.
    pub(super) fn bodies(&self, endpoint: Endpoint) -> Vec<Json> {
        self.received().into_iter().filter(|post| post.endpoint == endpoint).map(|post| post.body).collect()
    }

    fn reply(&self, to: Endpoint) -> Reply {
        if self.only.is_some_and(|only| only != to) {
            return Reply::Status(200);
        }
        let mut replies = self.replies.lock().expect("no panic");
        if replies.len() > 1 { replies.pop_front() } else { replies.front().copied() }.unwrap_or(Reply::Status(200))
    }
}

impl Post for Backend {
    async fn post(&self, to: Endpoint, json: Bytes) -> Result<Answer, Unreached> {
        let reply = self.reply(to);
        let (status, retry_after) = match reply {
            Reply::Status(status) | Reply::Slow(_, status) => (status, None),
            Reply::RetryAfter(status, seconds) => (status, Some(Duration::from_secs(seconds))),
            Reply::Nothing | Reply::Hangs | Reply::Panics => (0, None),
        };
        let body = serde_json::from_slice(&json).expect("a post is JSON");
        let at = self.begun.elapsed();
        self.received.lock().expect("no panic").push(Received { endpoint: to, body, at, status });
        match reply {
            Reply::Slow(milliseconds, _) => sleep(Duration::from_millis(milliseconds)).await,
            Reply::Hangs => std::future::pending().await,
            Reply::Panics => panic!("as the test wants it"),
            Reply::Nothing => return Err(Unreached("the connection broke".to_owned())),
            Reply::Status(_) | Reply::RetryAfter(..) => {}
        }
        Ok(Answer { status, body: Vec::new(), retry_after })
    }
}
