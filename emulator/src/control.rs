//! The control API: what tests in other languages, and people with curl, do to the backend. Documented in the README.
//!
//! It lives under `/control/` exactly, where no base URL of an SDK leads, and is neither recorded nor subject to faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::Query;
use crate::backend::{Announcement, Backend, Edit};
use crate::body::{self, Answer};
use crate::delivery::{Delivery, End};
use crate::emulator::with_causes;
use crate::endpoint::Endpoint;
use crate::environment::EditError;
use crate::faults::Fault;
use crate::notification::Notification;
use crate::settings::Payload;

pub(crate) const PREFIX: &str = "/control/";

/// Longest time a request for records may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("there is no {0}")]
    NoSuchThing(String),
    #[error("{0}")]
    Bad(String),
    #[error("not understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::NoSuchThing(_) | Refusal::Edit(EditError::Unknown { .. }) => StatusCode::NOT_FOUND,
            Refusal::Edit(EditError::NotAbove { .. }) => StatusCode::CONFLICT,
            Refusal::Bad(_) | Refusal::Json(_) | Refusal::Edit(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// The body of every edit; each path uses some of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EditRequest {
    flag: Option<Value>,
    rbs: Option<Value>,
    name: Option<String>,
    treatment: Option<String>,
    keys: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
    change_number: Option<i64>,
    push: Option<bool>,
    payload: Option<Payload>,
    delivery: Option<Delivery>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyRequest {
    notification: Notification,
    #[serde(default)]
    delivery: Delivery,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StreamRequest {
    stream: Option<u64>,
    how: Option<End>,
    for_ms: Option<u64>,
    live: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StaleRequest {
    requests: Option<u64>,
    off: bool,
}

pub(crate) async fn answer(backend: &Arc<Backend>, request: hyper::Request<Incoming>) -> Answer {
    let (head, incoming) = request.into_parts();
    let body = incoming.collect().await.map(Collected::to_bytes).unwrap_or_default();
    let what = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let query = Query(head.uri.query().unwrap_or(""));
    let outcome = match (&head.method, what) {
        (&Method::GET, "requests") => requests(backend, &query).await,
        (method, what) => act(backend, method, what, &body),
    };
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err(refusal) => (refusal.status(), json!({"error": refusal.to_string()})),
    };
    let mut answer = Answer::new(body::whole(value.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn act(backend: &Arc<Backend>, method: &Method, what: &str, body: &[u8]) -> Result<Value, Refusal> {
    match (method, what) {
        (&Method::GET, "state") => return Ok(backend.summary()),
        (&Method::GET, "options") => return Ok(serde_json::to_value(backend.settings())?),
        (&Method::GET, "counters") => return counters(backend),
        (&Method::GET, "faults") => return faults(backend),
        (&Method::DELETE, "faults") => backend.state().faults.clear(),
        (&Method::DELETE, "requests") => backend.note(crate::record::Record::clear),
        (&Method::POST, "reset") => {
            let problems: Vec<String> = backend.reset().iter().map(|error| with_causes(error)).collect();
            return Ok(json!({"problems": problems}));
        }
        (&Method::POST, "options") => {
            let mut state = backend.state();
            state.settings = state.settings.merged(&parsed(body)?)?;
        }
        (&Method::POST, "faults") => {
            let fault: Fault = parsed(body)?;
            fault.check().map_err(Refusal::Bad)?;
            return Ok(json!({"id": backend.state().faults.add(fault)}));
        }
        (&Method::DELETE, id) if id.starts_with("faults/") => {
            let known = id["faults/".len()..].parse().is_ok_and(|id| backend.state().faults.remove(id));
            return if known { Ok(json!({})) } else { Err(Refusal::NoSuchThing(format!("fault of that id: {id}"))) };
        }
        (&Method::POST, "stale") => {
            let request: StaleRequest = parsed(body)?;
            if request.off { backend.thaw() } else { backend.freeze(request.requests) }
        }
        (&Method::POST, "notify") => {
            let request: NotifyRequest = parsed(body)?;
            backend.notify(request.notification, request.delivery);
        }
        (&Method::GET, "streams") => return Ok(serde_json::to_value(backend.state().streams.list())?),
        (&Method::POST, "streams/drop" | "streams/stall" | "streams/resume" | "tokens/expire") => {
            return streams(backend, what, &parsed(body)?);
        }
        (&Method::POST, edit) => return self::edit(backend, edit, parsed(body)?),
        (method, what) => return Err(Refusal::NoSuchThing(format!("{method} {PREFIX}{what}"))),
    }
    Ok(json!({}))
}

fn streams(backend: &Arc<Backend>, what: &str, request: &StreamRequest) -> Result<Value, Refusal> {
    if what == "tokens/expire" {
        backend.expire_tokens(request.live);
        return Ok(json!({}));
    }
    let state = backend.state();
    let affected = match what {
        "streams/drop" => state.streams.drop_streams(request.how.unwrap_or(End::Close), request.stream),
        "streams/stall" => state.streams.stall(request.for_ms.map(Duration::from_millis), request.stream),
        _ => state.streams.resume(request.stream),
    };
    Ok(json!({"streams": affected}))
}

fn edit(backend: &Arc<Backend>, what: &str, request: EditRequest) -> Result<Value, Refusal> {
    let number = request.change_number;
    let name = || request.name.as_deref().ok_or_else(|| Refusal::Bad("a \"name\" is needed".to_owned()));
    let edit: Option<Edit> = match what {
        "flags" => {
            let flag = request.flag.clone().ok_or_else(|| Refusal::Bad("a \"flag\" is needed".to_owned()))?;
            Some(backend.put_flag(flag, number)?)
        }
        "flags/archive" => Some(backend.archive_flag(name()?, number)?),
        "flags/kill" => Some(backend.kill_flag(name()?, request.treatment.as_deref(), number)?),
        "rbs" => {
            let rbs = request.rbs.clone().ok_or_else(|| Refusal::Bad("an \"rbs\" is needed".to_owned()))?;
            Some(backend.put_rbs(rbs, number)?)
        }
        "rbs/archive" => Some(backend.archive_rbs(name()?, number)?),
        "segments" => backend.set_segment(name()?, request.keys.clone(), number, None)?,
        "segments/update" => {
            Some(backend.update_segment(name()?, request.added.clone(), request.removed.clone(), number)?)
        }
        "segments/remove" => {
            backend.remove_segment(name()?)?;
            None
        }
        other => return Err(Refusal::NoSuchThing(format!("POST {PREFIX}{other}"))),
    };
    let number = edit.as_ref().map(Edit::number);
    if let Some(edit) = edit {
        let EditRequest { push, payload, delivery, .. } = request;
        backend.announce(&edit, Announcement { push, payload, delivery });
    }
    Ok(json!({"change_number": number}))
}

/// An empty body is an empty object.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    Ok(serde_json::from_slice(body)?)
}

fn counters(backend: &Backend) -> Result<Value, Refusal> {
    Ok(serde_json::to_value(backend.state().record.counts())?)
}

fn faults(backend: &Backend) -> Result<Value, Refusal> {
    let list = backend.state().faults.list();
    Ok(list.into_iter().map(|(id, hits, fault)| json!({"id": id, "hits": hits, "fault": fault})).collect())
}

/// The record, at once or as soon as `min` answered requests are in it.
async fn requests(backend: &Backend, query: &Query<'_>) -> Result<Value, Refusal> {
    let endpoint = match query.get("endpoint") {
        None => None,
        Some(name) => Some(Endpoint::parse(&name).ok_or_else(|| Refusal::NoSuchThing(format!("endpoint {name:?}")))?),
    };
    let number = |name: &str| match query.get(name) {
        None => Ok(0),
        Some(text) => text.parse::<u64>().map_err(|_| Refusal::Bad(format!("{name} is a whole number"))),
    };
    let least = number("min")? as usize;
    let deadline = Instant::now() + Duration::from_millis(number("wait_ms")?).min(LONGEST_WAIT);
    loop {
        if backend.state().record.answered_to(endpoint) >= least || Instant::now() >= deadline {
            let requests = backend.state().record.requests(endpoint);
            return Ok(requests.iter().map(crate::record::Request::to_json).collect());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_as_endpoints() {
        let counts = std::collections::BTreeMap::from([(Endpoint::Events, 1)]);
        assert_eq!(serde_json::to_value(counts).unwrap(), json!({"events/bulk": 1}));
    }
}
