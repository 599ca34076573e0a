//! Bodies of the posts in which the SDK speaks of itself: how it is configured, once, and what it did, from time to time.
//!
//! Key names follow the majority of Split's SDKs; the Python SDK's `sT` and `hp` are slips.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::config::{Config, ImpressionsMode, Mode};
use crate::telemetry::{Happened, HttpErrors, Operation, Resource, Usage};

/// What a configuration does not say about its factory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// Whether an impression listener is set.
    pub(crate) listener: bool,
    /// Whether definitions come through a proxy.
    pub(crate) proxied: bool,
    /// Distinct SDK keys that have a living factory in this process.
    pub(crate) active_factories: usize,
    /// Living factories beyond one for each key.
    pub(crate) redundant_factories: usize,
    /// Milliseconds from construction to readiness.
    pub(crate) time_to_ready: u64,
    /// Waits for readiness that timed out.
    pub(crate) ready_timeouts: u64,
    /// Calls before readiness.
    pub(crate) not_ready_uses: u64,
}

/// What a factory holds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Holdings {
    pub(crate) flags: usize,
    pub(crate) segments: usize,
    /// Over all segments.
    pub(crate) segment_keys: usize,
}

/// The body of `metrics/config`.
#[derive(Debug, Serialize)]
pub(crate) struct ConfigBody {
    #[serde(rename = "oM")]
    operation_mode: u8,
    st: &'static str,
    #[serde(rename = "sE")]
    streaming_enabled: bool,
    #[serde(rename = "rR")]
    refresh_rates: RefreshRates,
    #[serde(rename = "uO")]
    url_overrides: UrlOverrides,
    #[serde(rename = "iQ")]
    impressions_queue_size: usize,
    #[serde(rename = "eQ")]
    events_queue_size: usize,
    #[serde(rename = "iM")]
    impressions_mode: u8,
    #[serde(rename = "iL")]
    impression_listener: bool,
    #[serde(rename = "hP")]
    http_proxy: bool,
    #[serde(rename = "aF")]
    active_factories: usize,
    #[serde(rename = "rF")]
    redundant_factories: usize,
    #[serde(rename = "tR")]
    time_to_ready: u64,
    #[serde(rename = "bT")]
    ready_timeouts: u64,
    #[serde(rename = "nR")]
    not_ready_uses: u64,
    #[serde(rename = "fsT")]
    flag_sets_total: usize,
    #[serde(rename = "fsI")]
    flag_sets_invalid: usize,
    /// Tags; the library adds none of its own.
    t: [&'static str; 0],
    /// Integrations; servers have none.
    i: [&'static str; 0],
}

/// What a factory says of itself in Redis, in place of a [`ConfigBody`].
#[derive(Debug, Serialize)]
pub(crate) struct InitBody {
    #[serde(rename = "oM")]
    operation_mode: u8,
    st: &'static str,
    #[serde(rename = "aF")]
    active_factories: usize,
    #[serde(rename = "rF")]
    redundant_factories: usize,
    /// Tags; the library adds none of its own.
    t: [&'static str; 0],
}

impl InitBody {
    pub(crate) fn new(active_factories: usize, redundant_factories: usize) -> Self {
        InitBody { operation_mode: 1, st: "redis", active_factories, redundant_factories, t: [] }
    }
}

/// In seconds.
#[derive(Debug, Serialize)]
struct RefreshRates {
    sp: u64,
    se: u64,
    im: u64,
    ev: u64,
    te: u64,
}

#[derive(Debug, Serialize)]
struct UrlOverrides {
    s: bool,
    e: bool,
    a: bool,
    st: bool,
    t: bool,
}

impl ConfigBody {
    pub(crate) fn new(config: &Config, about: Circumstances) -> Self {
        ConfigBody {
            operation_mode: match config.mode {
                Mode::Standalone | Mode::Localhost => 0,
                Mode::Redis | Mode::Pluggable => 1,
            },
            st: match config.mode {
                Mode::Standalone | Mode::Localhost => "memory",
                Mode::Redis => "redis",
                Mode::Pluggable => "pluggable",
            },
            streaming_enabled: config.streaming_enabled,
            refresh_rates: RefreshRates {
                sp: config.features_refresh_rate.as_secs(),
                se: config.segments_refresh_rate.as_secs(),
                im: config.impressions_refresh_rate.as_secs(),
                ev: config.events_push_rate.as_secs(),
                te: config.metrics_refresh_rate.as_secs(),
            },
            url_overrides: UrlOverrides {
                s: config.sdk_api_base_url.overridden,
                e: config.events_api_base_url.overridden,
                a: config.auth_api_base_url.overridden,
                st: config.streaming_api_base_url.overridden,
                t: config.telemetry_api_base_url.overridden,
            },
            impressions_queue_size: config.impressions_queue_size,
            events_queue_size: config.events_queue_size,
            impressions_mode: match config.impressions_mode {
                ImpressionsMode::Optimized => 0,
                ImpressionsMode::Debug => 1,
                ImpressionsMode::None => 2,
            },
            impression_listener: about.listener,
            http_proxy: about.proxied,
            active_factories: about.active_factories,
            redundant_factories: about.redundant_factories,
            time_to_ready: about.time_to_ready,
            ready_timeouts: about.ready_timeouts,
            not_ready_uses: about.not_ready_uses,
            flag_sets_total: config.flag_sets_total,
            flag_sets_invalid: config.flag_sets_invalid,
            t: [],
            i: [],
        }
    }
}

/// The body of `metrics/usage`.
#[derive(Debug, Serialize)]
pub(crate) struct UsageBody<'a> {
    #[serde(rename = "lS")]
    last_success: Keyed<'a, i64>,
    #[serde(rename = "hE")]
    http_errors: BTreeMap<&'static str, BTreeMap<u16, u64>>,
    #[serde(rename = "hL")]
    http_latencies: Keyed<'a, [u64; 23]>,
    #[serde(rename = "mE")]
    exceptions: Keyed<'a, u64>,
    #[serde(rename = "mL")]
    latencies: Keyed<'a, [u64; 23]>,
    #[serde(rename = "iQ")]
    impressions_queued: u64,
    #[serde(rename = "iDe")]
    impressions_deduplicated: u64,
    #[serde(rename = "iDr")]
    impressions_dropped: u64,
    #[serde(rename = "eQ")]
    events_queued: u64,
    #[serde(rename = "eD")]
    events_dropped: u64,
    #[serde(rename = "spC")]
    flags: usize,
    #[serde(rename = "seC")]
    segments: usize,
    #[serde(rename = "skC")]
    segment_keys: usize,
    #[serde(rename = "tR")]
    token_refreshes: u64,
    #[serde(rename = "aR")]
    auth_rejections: u64,
    #[serde(rename = "sL")]
    session_length: u64,
    ufs: Streamed,
    #[serde(rename = "sE")]
    streaming_events: Vec<StreamingEventBody>,
    t: [&'static str; 0],
}

#[derive(Debug, Serialize)]
struct Streamed {
    sp: u64,
    rbs: u64,
}

#[derive(Debug, Serialize)]
struct StreamingEventBody {
    e: u8,
    d: i64,
    t: i64,
}

impl<'a> UsageBody<'a> {
    /// `session_length` is in milliseconds, and 0 in all reports but the last.
    pub(crate) fn new(usage: &'a Usage, deduplicated: u64, holdings: Holdings, session_length: u64) -> Self {
        UsageBody {
            last_success: Keyed(&Resource::KEYS, &usage.last_success),
            http_errors: http_errors(&usage.http_errors),
            http_latencies: Keyed(&Resource::KEYS, &usage.http_latencies),
            exceptions: Keyed(&Operation::KEYS, &usage.exceptions),
            latencies: Keyed(&Operation::KEYS, &usage.latencies),
            impressions_queued: usage.all_impressions_queued,
            impressions_deduplicated: deduplicated,
            impressions_dropped: usage.all_impressions_dropped,
            events_queued: usage.all_events_queued,
            events_dropped: usage.all_events_dropped,
            flags: holdings.flags,
            segments: holdings.segments,
            segment_keys: holdings.segment_keys,
            token_refreshes: usage.token_refreshes,
            auth_rejections: usage.auth_rejections,
            session_length,
            ufs: Streamed { sp: usage.streamed_flags, rbs: usage.streamed_rule_based_segments },
            streaming_events: usage.streaming_events.iter().map(streaming_event).collect(),
            t: [],
        }
    }
}

/// Every resource is there, also one without errors.
fn http_errors(errors: &HttpErrors) -> BTreeMap<&'static str, BTreeMap<u16, u64>> {
    let mut by_key: BTreeMap<_, BTreeMap<_, _>> = Resource::KEYS.map(|key| (key, BTreeMap::new())).into();
    for (&(resource, status), &count) in errors {
        by_key.entry(Resource::KEYS[resource as usize]).or_default().insert(status, count);
    }
    by_key
}

fn streaming_event(&(event, time): &Happened) -> StreamingEventBody {
    let (e, d) = event.code();
    StreamingEventBody { e, d, t: time }
}

/// An object that has these keys and these values.
#[derive(Debug)]
struct Keyed<'a, T>(&'static [&'static str], &'a [T]);

impl<T: Serialize> Serialize for Keyed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::config::Settings;
    use crate::telemetry::{StreamingEvent, Telemetry};

    fn buckets(index: usize, count: u64) -> Json {
        let mut buckets = [0; 23];
        buckets[index] = count;
        json!(buckets)
    }

    #[test]
    fn the_example_of_a_configuration() {
        let mut settings = Settings::new();
        settings
            .merge_json(
                r#"{"flagSetsFilter": ["a", "A"], "sdk_api_base_url": "http://h/api", "impressionsMode": "debug"}"#,
            )
            .expect("valid options");
        let (config, _) = settings.resolve(false).expect("valid options");
        let about = Circumstances {
            listener: true,
            proxied: false,
            active_factories: 2,
            redundant_factories: 1,
            time_to_ready: 412,
            ready_timeouts: 3,
            not_ready_uses: 4,
        };
        let expected = json!({
            "oM": 0, "st": "memory", "sE": true, "rR": {"sp": 30, "se": 30, "im": 60, "ev": 10, "te": 3600},
            "uO": {"s": true, "e": false, "a": false, "st": false, "t": false},
            "iQ": 10000, "eQ": 10000, "iM": 1, "iL": true, "hP": false, "aF": 2, "rF": 1,
            "tR": 412, "bT": 3, "nR": 4, "t": [], "i": [], "fsT": 2, "fsI": 1
        });
        assert_eq!(serde_json::to_value(ConfigBody::new(&config, about)).expect("JSON"), expected);
    }

    #[test]
    fn a_report_has_every_key_of_every_table() {
        let telemetry = Telemetry::new(true);
        telemetry.answered(Resource::Splits, 200, Duration::from_millis(5), 1_795_342_400_000);
        telemetry.answered(Resource::Events, 429, Duration::from_micros(1), 1_795_342_400_001);
        telemetry.streaming_event(StreamingEvent::Established, 1_795_338_801_100);
        telemetry.exception(Operation::TreatmentsByFlagSets);
        telemetry.events().queued.add(14);
        telemetry.flag_streamed();
        telemetry.token_refreshed();
        let usage = telemetry.pop();
        let holdings = Holdings { flags: 12, segments: 3, segment_keys: 950 };
        let body = serde_json::to_value(UsageBody::new(&usage, 88_012, holdings, 77)).expect("JSON");
        let none = json!(vec![0; 23]);
        let expected = json!({
            "lS": {"sp": 1_795_342_400_000_i64, "se": 0, "im": 0, "ic": 0, "ev": 0, "te": 0, "to": 0},
            "hE": {"sp": {}, "se": {}, "im": {}, "ic": {}, "ev": {"429": 1}, "te": {}, "to": {}},
            "hL": {"sp": buckets(4, 1), "se": none, "im": none, "ic": none, "ev": buckets(0, 1), "te": none, "to": none},
            "mE": {"t": 0, "ts": 0, "tc": 0, "tcs": 0, "tf": 0, "tfs": 1, "tcf": 0, "tcfs": 0, "tr": 0},
            "mL": {"t": none, "ts": none, "tc": none, "tcs": none, "tf": none, "tfs": none, "tcf": none,
                   "tcfs": none, "tr": none},
            "iQ": 0, "iDe": 88_012, "iDr": 0, "eQ": 14, "eD": 0, "spC": 12, "seC": 3, "skC": 950, "tR": 1, "aR": 0,
            "sL": 77, "ufs": {"sp": 1, "rbs": 0}, "sE": [{"e": 0, "d": 0, "t": 1_795_338_801_100_i64}], "t": []
        });
        assert_eq!(body, expected);
    }
}
