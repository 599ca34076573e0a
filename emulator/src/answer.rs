//! Answering SDKs: from the request's head to the last byte, with whatever fault was ordered on the way.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::backend::{Backend, now_ms};
use crate::body::{self, Answer};
use crate::control;
use crate::endpoint::{Endpoint, locate};
use crate::environment::UNKNOWN;
use crate::faults::{Cut, Fault, Hit};
use crate::link::Link;
use crate::notification::ably_error;
use crate::record::{Request, Sum};
use crate::settings::Settings;
use crate::spec::Spec;
use crate::stream::{self, Opening};
use crate::token::EXPIRED;

/// How long a half-sent body gets to reach the network before its end is cut off.
const FLUSH: Duration = Duration::from_millis(30);

pub(crate) async fn answer(backend: Arc<Backend>, link: Link, request: hyper::Request<Incoming>) -> Answer {
    if request.uri().path().starts_with(control::PREFIX) {
        return control::answer(&backend, request).await;
    }
    let (head, incoming) = request.into_parts();
    let settings = backend.settings();
    let (endpoint, segment) = locate(head.uri.path(), &settings.prefix);
    let arrival = arrival(&head, endpoint, link.id);
    let sequence = backend.note(|record| record.arrived(arrival, settings.record));
    let Ok(sent) = incoming.collect().await.map(Collected::to_bytes).map(|sent| unpacked(&head, sent)) else {
        // The upload broke off, so nobody waits for an answer.
        link.cut(Cut::Close);
        return std::future::pending().await;
    };
    if settings.record {
        backend.note(|record| record.body(sequence, sent.clone()));
    }

    let visit =
        Visit { backend: &backend, link: &link, settings: &settings, head: &head, endpoint, sequence, sent: &sent };
    let url = head.uri.path_and_query().map_or("", |url| url.as_str());
    let hit = backend.state().faults.strike(endpoint, url);
    let reply = match hit {
        None => visit.process(segment.as_deref()),
        Some(hit) => match visit.spoiled(hit, segment.as_deref()).await {
            Ok(reply) => reply,
            Err(answer) => return answer,
        },
    };
    visit.pack(reply)
}

fn arrival(head: &Parts, endpoint: Endpoint, connection: u64) -> Request {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Request {
        sequence: 0,
        time_ms: now_ms(),
        connection,
        endpoint,
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: Bytes::new(),
        status: None,
        processed: false,
    }
}

fn unpacked(head: &Parts, sent: Bytes) -> Bytes {
    if head.headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "gzip") {
        return sent;
    }
    let mut plain = Vec::new();
    match MultiGzDecoder::new(&*sent).read_to_end(&mut plain) {
        Ok(_) => plain.into(),
        // Kept as it came, for the test to look at.
        Err(_) => sent,
    }
}

/// What is to be sent, before compression.
struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Already compressed, or pretending to be.
    packed: bool,
    /// A stream instead of a body.
    stream: Option<Opening>,
}

impl Reply {
    fn new(status: StatusCode, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), headers: Vec::new(), packed: false, stream: None }
    }

    fn refused(status: StatusCode, message: &str) -> Self {
        Self::new(status, &json!({"code": status.as_u16(), "message": message}))
    }

    fn header(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.retain(|(present, _)| *present != name);
            self.headers.push((name, value));
        }
    }
}

/// One request on its way through the backend.
struct Visit<'a> {
    backend: &'a Arc<Backend>,
    link: &'a Link,
    settings: &'a Settings,
    head: &'a Parts,
    endpoint: Endpoint,
    sequence: u64,
    sent: &'a Bytes,
}

impl Visit<'_> {
    /// What the backend itself does and says.
    fn process(&self, segment: Option<&str>) -> Reply {
        let url = self.head.uri.path_and_query().map_or(0, |url| url.as_str().len());
        if url > self.settings.max_url {
            return Reply::refused(StatusCode::URI_TOO_LONG, "URI too long");
        }
        let (endpoint, method) = (self.endpoint, &self.head.method);
        match endpoint {
            Endpoint::Other => return Reply::refused(StatusCode::NOT_FOUND, "no such service"),
            Endpoint::Version => return Reply::new(StatusCode::OK, &json!({"version": env!("CARGO_PKG_VERSION")})),
            _ if *method != if endpoint.is_post() { Method::POST } else { Method::GET } => {
                return Reply::refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
            }
            _ => {}
        }
        if endpoint == Endpoint::Stream {
            return self.stream();
        }
        let Some(client_side) = self.key() else {
            return Reply::refused(StatusCode::UNAUTHORIZED, "Invalid credentials");
        };
        let mut sum = Sum::default();
        let reply = match endpoint {
            Endpoint::SplitChanges => self.split_changes(),
            Endpoint::SegmentChanges if client_side => Reply::refused(StatusCode::FORBIDDEN, "client-side SDK key"),
            Endpoint::SegmentChanges => self.segment_changes(segment.unwrap_or_default()),
            Endpoint::Auth => self.auth(),
            _ => match serde_json::from_slice(self.sent) {
                Err(_) => return Reply::refused(StatusCode::BAD_REQUEST, "the body is not JSON"),
                Ok(posted) => {
                    sum = Sum::of(endpoint, &posted, self.settings.distinct);
                    Reply::new(StatusCode::OK, &json!({}))
                }
            },
        };
        if reply.status.is_success() {
            self.backend.note(|record| record.processed(self.sequence, endpoint, sum));
        }
        reply
    }

    /// Whether the key is a client-side one; `None` for a bad key.
    fn key(&self) -> Option<bool> {
        let header = self.head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let key = header.strip_prefix("Bearer ")?.trim();
        let among = |keys: &[String]| keys.iter().any(|known| known == key);
        let client_side = among(&self.settings.client_keys);
        let any = self.settings.keys.is_empty() && !key.is_empty();
        (client_side || any || among(&self.settings.keys)).then_some(client_side)
    }

    fn split_changes(&self) -> Reply {
        let query = Query(self.head.uri.query().unwrap_or(""));
        let Some(spec) = Spec::parse(query.get("s").as_deref()).filter(|spec| *spec <= self.settings.max_spec) else {
            return Reply::refused(StatusCode::BAD_REQUEST, "unknown specification version");
        };
        let (Some(since), Some(rbs_since)) = (query.number("since"), query.number("rbSince")) else {
            return Reply::refused(StatusCode::BAD_REQUEST, "since and rbSince are integers");
        };
        let sets = query.get("sets").unwrap_or_default();
        let sets: Vec<String> = sets.split(',').filter(|set| !set.is_empty()).map(str::to_owned).collect();
        let bypass = query.get("till").is_some();
        let (flags, rbs) = self.backend.state().changes(since, rbs_since, &sets, bypass);
        Reply::new(StatusCode::OK, &spec.answer(flags, rbs))
    }

    fn segment_changes(&self, name: &str) -> Reply {
        let query = Query(self.head.uri.query().unwrap_or(""));
        let Some(since) = query.number("since") else {
            return Reply::refused(StatusCode::BAD_REQUEST, "since is an integer");
        };
        match self.backend.state().segment(name, since, query.get("till").is_some()) {
            None => Reply::refused(StatusCode::NOT_FOUND, "no such segment"),
            Some(delta) => Reply::new(
                StatusCode::OK,
                &json!({"name": name, "added": delta.added, "removed": delta.removed,
                        "since": delta.since, "till": delta.till}),
            ),
        }
    }

    fn auth(&self) -> Reply {
        if !self.settings.streaming {
            return Reply::new(StatusCode::OK, &json!({"pushEnabled": false, "token": ""}));
        }
        let token = self.backend.state().tokens.issue(self.settings, now_ms());
        let delay = self.settings.conn_delay;
        Reply::new(StatusCode::OK, &json!({"pushEnabled": true, "connDelay": delay, "token": token}))
    }

    /// A stream is let in by its token alone, as by Ably.
    fn stream(&self) -> Reply {
        let query = Query(self.head.uri.query().unwrap_or(""));
        let refused = |status: StatusCode, code, message| {
            Reply::new(status, &json!({"error": ably_error(code, status.as_u16(), message)}))
        };
        let token = query.get("accessToken").unwrap_or_default();
        let until = match self.backend.state().tokens.check(&token, self.settings, now_ms()) {
            Ok(until) => until,
            Err(EXPIRED) => return refused(StatusCode::UNAUTHORIZED, EXPIRED, "token expired"),
            Err(code) => return refused(StatusCode::UNAUTHORIZED, code, "invalid token"),
        };
        let channels = query.get("channels").unwrap_or_default();
        let channels: Vec<String> = channels.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if channels.is_empty() {
            return refused(StatusCode::BAD_REQUEST, 40010, "no channels");
        }
        self.backend.note(|record| record.processed(self.sequence, self.endpoint, Sum::default()));
        let until = self.settings.token_expires.then_some(until);
        Reply { stream: Some(Opening { channels, until }), body: Vec::new(), ..Reply::refused(StatusCode::OK, "") }
    }

    /// The reply as a fault leaves it, or an answer that must not be touched any more.
    async fn spoiled(&self, hit: Hit, segment: Option<&str>) -> Result<Reply, Answer> {
        let Hit { fault, delay } = hit;
        let early = fault.after.then(|| self.process(segment));
        tokio::time::sleep(delay).await;
        if fault.never_answers() {
            if let Some(cut) = fault.drop {
                self.link.cut(cut);
            }
            return std::future::pending().await;
        }
        let mut reply = match early {
            _ if fault.replaces() => Reply { body: Vec::new(), ..Reply::refused(StatusCode::OK, "") },
            Some(early) => early,
            None => self.process(segment),
        };
        reply.alter(&fault);
        if !fault.is_slow() {
            return Ok(reply);
        }
        Err(self.dribble(self.pack(reply), &fault).await)
    }

    /// The same answer, of which each piece takes its time, or the second half never comes.
    async fn dribble(&self, answer: Answer, fault: &Fault) -> Answer {
        let (mut head, rest) = answer.into_parts();
        // Never an error: the body is in memory.
        let bytes = rest.collect().await.map(Collected::to_bytes).unwrap_or_default();
        head.headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        let (feed, body) = body::fed();
        let link = self.link.clone();
        let Fault { truncate, stall, drop, .. } = *fault;
        let end = if truncate || stall { bytes.len() / 2 } else { bytes.len() };
        let pause = Duration::from_millis(fault.trickle_ms.unwrap_or(0));
        let size = if pause.is_zero() { end } else { bytes.len().div_ceil(10) };
        tokio::spawn(async move {
            for start in (0..end).step_by(size.max(1)) {
                // An error means that the peer has gone by itself.
                if feed.send(Ok(bytes.slice(start..end.min(start + size)))).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
            if truncate {
                tokio::time::sleep(FLUSH).await;
                link.cut(drop.unwrap_or(Cut::Close));
            }
            if truncate || stall {
                feed.closed().await;
            }
        });
        Answer::from_parts(head, body)
    }

    fn pack(&self, mut reply: Reply) -> Answer {
        self.backend.note(|record| record.answered(self.sequence, self.endpoint, reply.status.as_u16()));
        if let Some(opening) = reply.stream.take() {
            let mut answer = Answer::new(stream::open(self.backend, self.link.clone(), opening));
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            answer.headers_mut().extend(reply.headers);
            return answer;
        }
        let accepts = self.head.headers.get(header::ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
        let gzip = self.settings.gzip && accepts.is_some_and(|accepted| accepted.contains("gzip"));
        if gzip && !reply.packed && !reply.body.is_empty() {
            reply.body = gzipped(&reply.body);
            reply.header("content-encoding", "gzip");
        }
        let mut answer = Answer::new(body::whole(reply.body));
        *answer.status_mut() = reply.status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer.headers_mut().extend(reply.headers);
        answer
    }
}

impl Reply {
    fn alter(&mut self, fault: &Fault) {
        if fault.body.is_some() || fault.malformed || fault.bad_gzip || fault.short_gzip || fault.is_slow() {
            self.stream = None;
        }
        if let Some(url) = &fault.redirect {
            self.status = StatusCode::FOUND;
            self.header("location", url);
        }
        if let Some(status) = fault.status {
            // In range: checked when the fault was armed.
            self.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if let Some(body) = &fault.body {
            self.body = body.clone().into_bytes();
        }
        if fault.malformed {
            self.body.truncate(self.body.len() / 2);
            self.body.extend_from_slice(b"\"]not json");
        }
        if fault.bad_gzip || fault.short_gzip {
            self.body = gzipped(&self.body);
            if fault.bad_gzip {
                // Damages the compressed data; the magic number stays, or it would not be recognised as gzip at all.
                self.body.iter_mut().skip(10).for_each(|byte| *byte ^= 0x5A);
            } else {
                self.body.truncate(self.body.len() / 2);
            }
            self.packed = true;
            self.header("content-encoding", "gzip");
        }
        for (name, value) in &fault.headers {
            self.header(name, value);
        }
    }
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory cannot fail; should it ever, the answer is empty, which no test takes for a right one.
    if encoder.write_all(bytes).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

/// A query string, decoded where it is asked.
pub(crate) struct Query<'a>(pub &'a str);

impl Query<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Absent counts as "nothing known"; `None` when it is no integer.
    fn number(&self, name: &str) -> Option<i64> {
        self.get(name).map_or(Some(UNKNOWN), |text| text.parse().ok())
    }
}
