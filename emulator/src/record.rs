//! What SDKs sent, in the order it arrived: the evidence of every test.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

/// One request as it was received.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Position among all requests since the start, from 1.
    pub sequence: u64,
    /// When its head arrived, milliseconds since the epoch.
    pub time_ms: i64,
    /// Number of the connection it came on.
    pub connection: u64,
    /// The service its path belongs to.
    pub endpoint: Endpoint,
    /// `GET` or `POST`, as sent.
    pub method: String,
    /// Path as sent, not decoded.
    pub path: String,
    /// Query string as sent, without the question mark.
    pub query: String,
    /// Headers in the order received, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed if it was compressed.
    pub body: Bytes,
    /// The status that was answered; `None` while there is none, or when the connection was cut instead.
    pub status: Option<u16>,
    /// Whether the backend acted on it: false when a fault or a bad key kept it away.
    pub processed: bool,
}

impl Request {
    /// The first value of a header, `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "sequence": self.sequence, "time_ms": self.time_ms, "connection": self.connection, "endpoint": self.endpoint,
            "method": self.method, "path": self.path, "query": self.query, "headers": self.headers,
            "body": self.json(), "bytes": self.body.len(), "status": self.status, "processed": self.processed,
        })
    }
}

/// Sums of one service.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Count {
    /// Requests received.
    pub requests: u64,
    /// Requests the backend acted on.
    pub processed: u64,
    /// Impressions, events, counts (their sum) or unique keys in those.
    pub items: u64,
    /// Different items among those, if the setting `distinct` is on.
    pub distinct: u64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    #[serde(skip)]
    seen: HashSet<u64>,
}

/// The requests of one run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    last: u64,
    kept: VecDeque<Request>,
    counts: BTreeMap<Endpoint, Count>,
}

impl Record {
    /// Notes the head of a request and gives it its number.
    pub(crate) fn arrived(&mut self, mut request: Request, keep: bool) -> u64 {
        self.last += 1;
        request.sequence = self.last;
        self.counts.entry(request.endpoint).or_default().requests += 1;
        if keep {
            self.kept.push_back(request);
        }
        self.last
    }

    pub(crate) fn body(&mut self, sequence: u64, body: Bytes) {
        if let Some(request) = self.find(sequence) {
            request.body = body;
        }
    }

    /// Notes that the backend took the request's data.
    pub(crate) fn processed(&mut self, sequence: u64, endpoint: Endpoint, sum: Sum) {
        if let Some(request) = self.find(sequence) {
            request.processed = true;
        }
        let count = self.counts.entry(endpoint).or_default();
        count.processed += 1;
        count.items += sum.items;
        count.seen.extend(sum.seen);
        count.distinct = count.seen.len() as u64;
    }

    pub(crate) fn answered(&mut self, sequence: u64, endpoint: Endpoint, status: u16) {
        if let Some(request) = self.find(sequence) {
            request.status = Some(status);
        }
        *self.counts.entry(endpoint).or_default().statuses.entry(status).or_default() += 1;
    }

    /// Numbers in `kept` grow by one unless recording was off for a while, so this is a search.
    fn find(&mut self, sequence: u64) -> Option<&mut Request> {
        let place = self.kept.binary_search_by_key(&sequence, |request| request.sequence).ok()?;
        self.kept.get_mut(place)
    }

    pub(crate) fn requests(&self, endpoint: Option<Endpoint>) -> Vec<Request> {
        self.kept.iter().filter(|request| endpoint.is_none_or(|wanted| wanted == request.endpoint)).cloned().collect()
    }

    /// How many of the kept requests have been answered.
    pub(crate) fn answered_to(&self, endpoint: Option<Endpoint>) -> usize {
        let wanted = |request: &&Request| endpoint.is_none_or(|wanted| wanted == request.endpoint);
        self.kept.iter().filter(wanted).filter(|request| request.status.is_some()).count()
    }

    pub(crate) fn counts(&self) -> BTreeMap<Endpoint, Count> {
        self.counts.clone()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.counts.clear();
    }
}

/// What is in one post, made before the record is locked: that can take a while.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    items: u64,
    seen: Vec<u64>,
}

impl Sum {
    pub(crate) fn of(endpoint: Endpoint, body: &Value, distinct: bool) -> Self {
        let mut sum = Self::default();
        each_item(endpoint, body, |weight, flag, item| {
            sum.items += weight;
            if distinct {
                let mut hasher = DefaultHasher::new();
                (flag.to_string(), item.to_string()).hash(&mut hasher);
                sum.seen.push(hasher.finish());
            }
        });
        sum
    }
}

/// Calls `note` for each item of a post: how many it stands for, its flag if items are grouped by flag, and the item.
fn each_item(endpoint: Endpoint, body: &Value, mut note: impl FnMut(u64, &Value, &Value)) {
    let (groups, member) = match endpoint {
        Endpoint::Events => (body, None),
        Endpoint::Impressions => (body, Some("i")),
        Endpoint::UniqueKeys => (&body["keys"], Some("ks")),
        Endpoint::ImpressionCounts => (&body["pf"], None),
        _ => return,
    };
    for group in groups.as_array().into_iter().flatten() {
        match member {
            None => note(group.get("rc").map_or(1, |count| count.as_u64().unwrap_or(0)), &Value::Null, group),
            Some(member) => {
                group[member].as_array().into_iter().flatten().for_each(|item| note(1, &group["f"], item));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted() {
        for (endpoint, body, expected, distinct) in [
            (Endpoint::Events, json!([{"key": "a"}, {"key": "b"}, {"key": "a"}]), 3, 2),
            (Endpoint::Impressions, json!([{"f": "x", "i": [{"k": 1}, {"k": 2}]}, {"f": "y", "i": [{"k": 1}]}]), 3, 3),
            (Endpoint::ImpressionCounts, json!({"pf": [{"f": "x", "rc": 41}, {"f": "y", "rc": 1}]}), 42, 2),
            (Endpoint::UniqueKeys, json!({"keys": [{"f": "x", "ks": ["a", "b"]}, {"f": "x", "ks": ["a"]}]}), 3, 2),
            (Endpoint::TelemetryUsage, json!({"iQ": 4}), 0, 0),
            (Endpoint::Events, json!("no list"), 0, 0),
        ] {
            let mut record = Record::default();
            record.processed(1, endpoint, Sum::of(endpoint, &body, true));
            let count = &record.counts()[&endpoint];
            assert_eq!((count.items, count.distinct), (expected, distinct), "{endpoint:?} {body}");
        }
    }
}
