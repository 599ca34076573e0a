//! Failures on order: which request is hit, and what happens to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cut {
    /// Our direction only: FIN, but the connection stays open for the peer.
    Half,
    /// Orderly end of the TCP connection (FIN), in the middle of whatever was being said.
    Close,
    /// RST.
    Reset,
}

/// A failure. All members have defaults, so name only what matters:
/// `Fault { endpoint: Some(Endpoint::Events), status: Some(503), times: Some(2), ..Fault::default() }`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// The service that fails; all of them when absent.
    pub endpoint: Option<Endpoint>,
    /// Only requests whose path and query contain this.
    pub url: Option<String>,

    /// This many matching requests pass first.
    pub skip: u64,
    /// At most this many are hit. Default: no limit.
    pub times: Option<u64>,
    /// Only within so many milliseconds from now. Default: for ever.
    pub for_ms: Option<u64>,
    /// Every n-th is hit only.
    pub every: Option<u64>,
    /// Each is hit with this probability only, 0 to 1.
    pub probability: Option<f64>,
    /// Where the chances for `probability` and delays start; the same seed, the same failures.
    pub seed: u64,

    /// Whether the backend acts on the request first, and only the answer is lost or late.
    pub after: bool,
    /// Waits so many milliseconds, then goes on.
    pub delay_ms: u64,
    /// Waits a random time between `delay_ms` and this.
    pub delay_max_ms: u64,
    /// Answers with this status instead, 200 to 599.
    pub status: Option<u16>,
    /// Headers put onto the answer, such as `Retry-After`.
    pub headers: BTreeMap<String, String>,
    /// Body instead of the right one.
    pub body: Option<String>,
    /// Answers with 302 (or `status`) to this URL.
    pub redirect: Option<String>,
    /// Never answers.
    pub hang: bool,
    /// Sends the first half of the body, then ends the connection: as `drop` says, or by FIN.
    pub truncate: bool,
    /// Sends the first half of the body, then nothing more.
    pub stall: bool,
    /// Sends the body in ten pieces, so many milliseconds apart.
    pub trickle_ms: Option<u64>,
    /// The body is no JSON.
    pub malformed: bool,
    /// The body says it is gzip, and is not.
    pub bad_gzip: bool,
    /// The body is the first half of what gzip made of it; the answer itself is whole.
    pub short_gzip: bool,
    /// Cuts the connection without an answer.
    pub drop: Option<Cut>,
}

impl Fault {
    /// # Errors
    /// What is wrong with it, if it could not be carried out.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(status) = self.status.filter(|status| !(200..600).contains(status)) {
            return Err(format!("status {status} is not within 200 and 599"));
        }
        if let Some(chance) = self.probability.filter(|chance| !(0.0..=1.0).contains(chance)) {
            return Err(format!("probability {chance} is not within 0 and 1"));
        }
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in headers.chain(self.redirect.iter().map(|url| ("location", url))) {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                return Err(format!("{name:?}: {value:?} is no header"));
            }
        }
        Ok(())
    }

    /// Whether the body does not come in one go.
    pub(crate) fn is_slow(&self) -> bool {
        self.truncate || self.stall || self.trickle_ms.is_some()
    }

    /// Whether something other than the backend's answer comes back.
    pub(crate) fn replaces(&self) -> bool {
        self.status.is_some() || self.redirect.is_some() || self.never_answers()
    }

    /// Whether there is no answer at all.
    pub(crate) fn never_answers(&self) -> bool {
        self.hang || self.drop.is_some() && !self.truncate
    }
}

#[derive(Debug)]
struct Armed {
    id: u64,
    fault: Fault,
    until: Option<Instant>,
    random: u64,
    matched: u64,
    hits: u64,
}

impl Armed {
    fn hit(&mut self, endpoint: Endpoint, url: &str) -> Option<Hit> {
        let fault = &self.fault;
        let meant = fault.endpoint.is_none_or(|wanted| wanted == endpoint)
            && fault.url.as_deref().is_none_or(|part| url.contains(part));
        let over = self.until.is_some_and(|until| Instant::now() >= until)
            || fault.times.is_some_and(|times| self.hits >= times);
        if !meant || over {
            return None;
        }
        self.matched += 1;
        let turn = self.matched.checked_sub(fault.skip + 1)?;
        if fault.every.is_some_and(|every| every > 1 && (turn + 1) % every != 0) {
            return None;
        }
        if fault.probability.is_some_and(|probability| unit(&mut self.random) >= probability) {
            return None;
        }
        self.hits += 1;
        let spread = fault.delay_max_ms.saturating_sub(fault.delay_ms) as f64;
        let delay = fault.delay_ms + if spread > 0.0 { (spread * unit(&mut self.random)) as u64 } else { 0 };
        Some(Hit { fault: fault.clone(), delay: Duration::from_millis(delay) })
    }
}

/// A fault that is to happen now.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub fault: Fault,
    pub delay: Duration,
}

/// All faults in force; the first that wants a request gets it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    last: u64,
    armed: Vec<Armed>,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last += 1;
        let until = fault.for_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        self.armed.push(Armed { id: self.last, random: fault.seed, fault, until, matched: 0, hits: 0 });
        self.last
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.id != id);
        self.armed.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// Each with its id and how often it happened.
    pub(crate) fn list(&self) -> Vec<(u64, u64, Fault)> {
        self.armed.iter().map(|armed| (armed.id, armed.hits, armed.fault.clone())).collect()
    }

    pub(crate) fn strike(&mut self, endpoint: Endpoint, url: &str) -> Option<Hit> {
        self.armed.iter_mut().find_map(|armed| armed.hit(endpoint, url))
    }
}

/// The next number in [0, 1) of splitmix64: small, and the same on every machine.
fn unit(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(fault: Fault, endpoint: Endpoint) -> String {
        let mut faults = Faults::default();
        faults.add(fault);
        (0..8).map(|n| if faults.strike(endpoint, &format!("/api/x?n={n}")).is_some() { 'x' } else { '.' }).collect()
    }

    #[test]
    fn who_is_hit() {
        let events = Some(Endpoint::Events);
        for (fault, expected) in [
            (Fault::default(), "xxxxxxxx"),
            (Fault { endpoint: events, ..Fault::default() }, "xxxxxxxx"),
            (Fault { endpoint: Some(Endpoint::Auth), ..Fault::default() }, "........"),
            (Fault { times: Some(2), ..Fault::default() }, "xx......"),
            (Fault { skip: 3, times: Some(2), ..Fault::default() }, "...xx..."),
            (Fault { every: Some(3), ..Fault::default() }, "..x..x.."),
            (Fault { url: Some("n=5".to_owned()), ..Fault::default() }, ".....x.."),
            (Fault { for_ms: Some(0), ..Fault::default() }, "........"),
            (Fault { probability: Some(0.0), ..Fault::default() }, "........"),
            (Fault { probability: Some(1.0), ..Fault::default() }, "xxxxxxxx"),
        ] {
            assert_eq!(pattern(fault.clone(), Endpoint::Events), expected, "{fault:?}");
        }
    }

    #[test]
    fn chance_repeats_with_its_seed() {
        let with = |seed| pattern(Fault { probability: Some(0.5), seed, ..Fault::default() }, Endpoint::Events);
        assert_eq!(with(1), with(1));
        assert!((2..20).any(|seed| with(seed) != with(1)));
    }

    #[test]
    fn faults_queue_up() {
        let mut faults = Faults::default();
        let first = faults.add(Fault { times: Some(1), status: Some(500), ..Fault::default() });
        faults.add(Fault { status: Some(503), ..Fault::default() });
        let mut status = || faults.strike(Endpoint::Auth, "/").and_then(|hit| hit.fault.status);
        assert_eq!([status(), status()], [Some(500), Some(503)]);
        assert!(faults.remove(first) && !faults.remove(first));
    }
}
