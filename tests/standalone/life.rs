//! Becoming ready, and ending, whatever the backend does.

use std::time::{Duration, Instant};

use serde_json::json;
use splitio::{Refusal, Status};
use splitio_emulator::{Endpoint, Fault};

use super::support::{SOON, Sdk, backend, backend_with_flag, flag_of_segment};

#[test]
fn b05_destroy_takes_back_a_request_that_is_never_answered() {
    for endpoint in [Endpoint::SplitChanges, Endpoint::SegmentChanges] {
        let backend = backend(|_| {});
        backend.upsert_flag(flag_of_segment("f", 10, "s")).expect("a name");
        backend.fault(Fault { endpoint: Some(endpoint), hang: true, ..Fault::default() });
        let sdk = Sdk::start(&backend, json!({}));
        let deadline = Instant::now() + SOON;
        while backend.requests_to(endpoint).is_empty() {
            assert!(Instant::now() < deadline, "{endpoint:?} is never asked");
            std::thread::sleep(Duration::from_millis(2));
        }
        let begun = Instant::now();
        sdk.factory.destroy(Duration::from_millis(500)).unwrap_or_else(|error| panic!("{endpoint:?}: {error}"));
        assert!(begun.elapsed() < Duration::from_millis(500), "{endpoint:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn b06_c24_destroyed_before_it_is_ready_it_asks_no_more_and_releases_who_waits() {
    for code in [401, 503] {
        let backend = backend_with_flag();
        backend.fault(Fault { status: Some(code), ..Fault::default() });
        let sdk = Sdk::start(&backend, json!({}));
        backend.wait_for(Endpoint::SplitChanges, 1, SOON);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| sdk.factory.block_until_ready(Some(SOON)));
            let begun = Instant::now();
            sdk.factory.destroy(Duration::from_secs(10)).expect("in time");
            assert!(begun.elapsed() < Duration::from_secs(1), "{code}: {:?}", begun.elapsed());
            assert!(matches!(waiting.join().expect("no panic"), Err(Refusal::Destroyed)), "{code}");
        });
        backend.clear_faults();
        let asked = backend.requests().len();
        // Longer than the wait that was under way.
        std::thread::sleep(Duration::from_millis(2500));
        assert_eq!((backend.requests().len(), sdk.factory.status()), (asked, Status::Destroyed), "{code}");
        assert_eq!(sdk.treatment("ann", "f"), "control");
    }
}

#[test]
fn b11_ready_means_that_segments_are_there() {
    let backend = backend(|_| {});
    let names = ["a", "b", "c", "d"];
    for (number, name) in (10..).zip(names) {
        backend.upsert_flag(flag_of_segment(name, number, name)).expect("a name");
        backend.set_segment(name, ["ann"]).expect("a change");
    }
    // They answer in random order.
    backend.fault(Fault { endpoint: Some(Endpoint::SegmentChanges), delay_max_ms: 20, seed: 7, ..Fault::default() });
    backend.configure(|settings| settings.record = false);
    for start in 0..200 {
        let sdk = Sdk::start(&backend, json!({"featuresRefreshRate": 60, "segmentsRefreshRate": 60}));
        sdk.factory.block_until_ready(Some(SOON)).unwrap_or_else(|error| panic!("start {start}: {error}"));
        assert!(sdk.factory.is_ready(), "start {start}");
        assert_eq!(names.map(|flag| sdk.treatment("ann", flag)), ["on"; 4], "start {start}");
        sdk.factory.destroy(SOON).unwrap_or_else(|error| panic!("start {start}: {error}"));
    }
}

#[test]
fn b11_a_time_out_comes_not_before_its_time() {
    let backend = backend_with_flag();
    backend.fault(Fault { hang: true, ..Fault::default() });
    let sdk = Sdk::start(&backend, json!({}));
    for millis in [0, 1, 50, 300] {
        let wait = Duration::from_millis(millis);
        let begun = Instant::now();
        assert!(matches!(sdk.factory.block_until_ready(Some(wait)), Err(Refusal::TimedOut)));
        assert!(begun.elapsed() >= wait, "{wait:?}: {:?}", begun.elapsed());
    }
}
