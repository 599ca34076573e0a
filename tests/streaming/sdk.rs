//! An SDK and its backend.

use std::ffi::{CStr, CString};
use std::ptr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use splitio::ffi::*;
use splitio_emulator::{Emulator, Endpoint, Options, Payload, Settings};

use crate::secrets;

/// Longer than anything takes that works.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits until something holds. Panics with `what` if it does not in time.
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    eventually_within(LIMIT, what, condition);
}

/// The same, where it may take longer.
#[track_caller]
pub fn eventually_within(limit: Duration, what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < limit, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An emulator that streams.
pub fn backend(change: impl FnOnce(&mut Settings)) -> Emulator {
    let mut settings = Settings::default();
    settings.streaming = true;
    change(&mut settings);
    let backend = Emulator::start(Options { settings, ..Options::default() }).expect("a free port");
    // So that there is a change number from the beginning.
    backend.upsert_flag(serving("first", "on", 1)).expect("a first flag");
    backend
}

/// A flag that serves one treatment to everybody.
pub fn serving(name: &str, treatment: &str, change_number: i64) -> Value {
    flag(name, change_number, &json!({"matcherType": "ALL_KEYS"}), treatment)
}

/// A flag that serves a treatment to the members of a segment, and "off" to others.
pub fn serving_members(name: &str, segment: &str, kind: &str, change_number: i64) -> Value {
    let matcher = json!({"matcherType": kind, "userDefinedSegmentMatcherData": {"segmentName": segment}});
    flag(name, change_number, &matcher, "member")
}

fn flag(name: &str, change_number: i64, matcher: &Value, treatment: &str) -> Value {
    json!({
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "killed": false, "defaultTreatment": "off",
        "changeNumber": change_number, "seed": 7, "algo": 2, "trafficAllocation": 100, "trafficAllocationSeed": 1,
        "conditions": [{
            "conditionType": "ROLLOUT", "label": "rule",
            "matcherGroup": {"combiner": "AND", "matchers": [matcher]},
            "partitions": [{"treatment": treatment, "size": 100}],
        }],
    })
}

/// A factory, behind the C ABI.
pub struct Sdk {
    factory: *mut split_factory,
    /// What came out of the queue, in order: events and log lines.
    records: Mutex<Vec<Value>>,
}

// SAFETY: the functions used here may be called from any thread, except the one that frees.
unsafe impl Send for Sdk {}
unsafe impl Sync for Sdk {}

impl Sdk {
    /// Starts one; `options` are added to those that make it talk to the backend and poll once in a thousand seconds.
    pub fn start(backend: &Emulator, options: &Value) -> Sdk {
        let api = backend.api_url();
        let mut all = json!({
            "sdk_api_base_url": api, "events_api_base_url": api, "auth_api_base_url": api,
            "telemetry_api_base_url": api, "streaming_api_base_url": backend.url(),
            "featuresRefreshRate": 1000, "segmentsRefreshRate": 1000, "impressionsMode": "NONE", "logLevel": "debug",
        });
        all.as_object_mut().expect("object").extend(options.as_object().expect("object").clone());
        let json = CString::new(all.to_string()).expect("no NUL");
        let key = CString::new(format!("test-key-{}", backend.address().port())).expect("no NUL");
        // SAFETY: all pointers are to what their types say, and live for the calls.
        let factory = unsafe {
            let config = split_config_new();
            assert_eq!(split_config_merge_json(config, json.as_ptr(), ptr::null_mut()), SPLIT_OK, "{json:?}");
            let kinds = SPLIT_QUEUE_EVENTS | SPLIT_QUEUE_LOGS;
            assert_eq!(split_config_enable_queue(config, kinds, 100_000), SPLIT_OK);
            let factory = split_factory_new(key.as_ptr(), config, ptr::null_mut());
            split_config_free(config);
            factory
        };
        assert!(!factory.is_null(), "{json:?}");
        Sdk { factory, records: Mutex::default() }
    }

    /// Starts one and waits until it is ready.
    pub fn ready(backend: &Emulator, options: &Value) -> Sdk {
        let sdk = Sdk::start(backend, options);
        // SAFETY: the factory lives.
        assert_eq!(unsafe { split_block_until_ready(sdk.factory, 20_000) }, SPLIT_OK, "{:?}", sdk.logs());
        sdk
    }

    /// Starts one and waits until changes come by the stream; forgets what was asked until then.
    pub fn streaming(backend: &Emulator, options: &Value) -> Sdk {
        let sdk = Sdk::ready(backend, options);
        sdk.wait_up(backend);
        backend.clear_requests();
        sdk
    }

    /// Waits until streaming is up for the first time since requests were cleared: everything was fetched after it.
    pub fn wait_up(&self, backend: &Emulator) {
        eventually("a stream", || backend.streams().len() == 1);
        self.wait_log("streaming", "changes come by the stream");
    }

    /// Waits for a log line that contains this, and takes all lines up to it away.
    #[track_caller]
    pub fn wait_log(&self, target: &str, text: &str) {
        self.wait_log_within(LIMIT, target, text);
    }

    /// The same, where it may take longer.
    #[track_caller]
    pub fn wait_log_within(&self, limit: Duration, target: &str, text: &str) {
        let place = |records: &[Value]| {
            records.iter().position(|record| {
                record["target"] == target && record["message"].as_str().is_some_and(|line| line.contains(text))
            })
        };
        eventually_within(limit, text, || {
            self.pull();
            place(&self.records.lock().expect("no panic")).is_some()
        });
        let mut records = self.records.lock().expect("no panic");
        if let Some(place) = place(&records) {
            let mut at = 0;
            records.retain(|record| {
                at += 1;
                at > place + 1 || record["type"] != "log"
            });
        }
    }

    pub fn treatment(&self, key: &str, flag: &str) -> &'static str {
        let (key, flag) = (CString::new(key).expect("no NUL"), CString::new(flag).expect("no NUL"));
        // SAFETY: texts that end in NUL; the answer lives as long as the process.
        unsafe {
            let treatment = split_get_treatment(self.factory, key.as_ptr(), flag.as_ptr(), ptr::null());
            CStr::from_ptr(treatment).to_str().expect("UTF-8")
        }
    }

    /// Waits until a key gets a treatment.
    #[track_caller]
    pub fn wait_treatment(&self, key: &str, flag: &str, treatment: &str) {
        let limit = Instant::now() + LIMIT;
        while self.treatment(key, flag) != treatment {
            let answer = self.treatment(key, flag);
            assert!(Instant::now() < limit, "{flag} serves {answer} to {key}, not {treatment}: {:#?}", self.logs());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// All flags as the manager shows them.
    pub fn flags(&self) -> Value {
        // SAFETY: the text is given back after it was read.
        unsafe {
            let mut text = std::mem::zeroed::<split_json>();
            assert_eq!(split_manager_json(self.factory, ptr::null(), &mut text), SPLIT_OK);
            take(&mut text)
        }
    }

    fn pull(&self) {
        loop {
            // SAFETY: as above.
            let pulled = unsafe {
                let mut text = std::mem::zeroed::<split_json>();
                match split_poll(self.factory, 0, 10_000, &mut text) {
                    SPLIT_OK => take(&mut text),
                    _ => return,
                }
            };
            let pulled = pulled.as_array().expect("a list");
            pulled.iter().filter_map(|record| record["message"].as_str()).for_each(secrets::watch);
            self.records.lock().expect("no panic").extend(pulled.iter().cloned());
        }
    }

    /// Log lines so far, with their level.
    pub fn logs(&self) -> Vec<String> {
        self.pull();
        let records = self.records.lock().expect("no panic");
        let lines = records.iter().filter(|record| record["type"] == "log");
        lines.map(|line| format!("{} {}: {}", line["level"], line["target"], line["message"])).collect()
    }

    /// Takes all log lines so far away.
    pub fn forget_logs(&self) {
        self.pull();
        self.records.lock().expect("no panic").retain(|record| record["type"] != "log");
    }

    /// Takes the names of flags in update events so far; segments: "segments".
    pub fn take_updates(&self) -> Vec<String> {
        self.pull();
        let mut records = self.records.lock().expect("no panic");
        let mut updates = Vec::new();
        records.retain(|record| {
            let is_update = record["type"] == "event" && record["kind"] == "update";
            if is_update && record["flags_changed"] == true {
                updates.extend(
                    record["names"].as_array().expect("names").iter().filter_map(Value::as_str).map(str::to_owned),
                );
            } else if is_update {
                updates.push("segments".to_owned());
            }
            !is_update
        });
        updates
    }

    /// Destroys it, and gives the time that took.
    pub fn destroy(&self, timeout: Duration) -> (split_status, Duration) {
        let begun = Instant::now();
        let timeout = i64::try_from(timeout.as_millis()).expect("short");
        // SAFETY: the factory lives.
        let status = unsafe { split_destroy(self.factory, timeout) };
        (status, begun.elapsed())
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        // SAFETY: nobody else has it any more.
        unsafe {
            split_destroy(self.factory, 5000);
        }
        // For the lines that no test has asked for.
        if !std::thread::panicking() {
            self.pull();
        }
        // SAFETY: as above.
        unsafe { split_factory_free(self.factory) };
    }
}

/// Reads a text and gives it back.
unsafe fn take(text: &mut split_json) -> Value {
    // SAFETY: the library's text, which lives until it is released.
    unsafe {
        let bytes = std::slice::from_raw_parts(text.ptr.cast::<u8>(), text.len);
        let value = serde_json::from_slice(bytes).expect("JSON");
        split_json_release(text);
        value
    }
}

/// Queries of requests to a service so far: `since=1&rbSince=-1`, or the path of a segment with its query.
pub fn asked(backend: &Emulator, endpoint: Endpoint) -> Vec<String> {
    let short = |request: splitio_emulator::Request| match endpoint {
        Endpoint::SegmentChanges => {
            format!("{}?{}", request.path.rsplit('/').next().unwrap_or_default(), request.query)
        }
        _ => request.query.replace("s=1.3&", ""),
    };
    backend.requests_to(endpoint).into_iter().map(short).collect()
}

/// How many definitions and segments were asked for.
pub fn fetches(backend: &Emulator) -> usize {
    backend.requests_to(Endpoint::SplitChanges).len() + backend.requests_to(Endpoint::SegmentChanges).len()
}

/// With what a change is announced.
pub const PAYLOADS: [Payload; 4] = [Payload::None, Payload::Plain, Payload::Gzip, Payload::Zlib];
