//! The table of failures, row by row: what the SDK does, and that evaluations do not notice.

use std::time::{Duration, Instant};

use serde_json::json;
use splitio::logging::Level;
use splitio::{Refusal, Status};
use splitio_emulator::{Cut, Endpoint, Fault};

use super::support::{
    Authority, Relay, SOON, Sdk, backend, backend_with_flag, flag, flag_of_segment, lines, next_answer,
};

fn status(endpoint: Endpoint, status: u16) -> Fault {
    Fault { endpoint: Some(endpoint), status: Some(status), ..Fault::default() }
}

#[test]
fn c02_a_segment_that_fails_does_not_delay_readiness_and_is_retried() {
    for code in [500, 404] {
        let backend = backend(|_| {});
        backend.upsert_flag(flag_of_segment("f", 10, "s")).expect("a name");
        backend.set_segment("s", ["ann"]).expect("a change");
        let fault = backend.fault(status(Endpoint::SegmentChanges, code));
        let sdk = Sdk::ready(&backend, json!({}));
        assert_eq!(sdk.treatment("ann", "f"), "off", "{code}");
        assert!(sdk.lines_of(Level::Warning).iter().any(|line| line.contains("\"s\"")), "{code}: {:?}", sdk.lines());
        backend.remove_fault(fault);
        sdk.expect("ann", "f", "on");
    }
}

#[test]
fn c03_start_up_retries_after_one_two_and_four_seconds() {
    let backend = backend_with_flag();
    backend.fault(Fault { times: Some(3), ..status(Endpoint::SplitChanges, 503) });
    let sdk = Sdk::start(&backend, json!({"featuresRefreshRate": 60}));
    assert_eq!(sdk.treatment("ann", "f"), "control");
    sdk.factory.block_until_ready(Some(SOON)).expect("ready");
    assert_eq!(sdk.treatment("ann", "f"), "on");
    let requests = backend.requests_to(Endpoint::SplitChanges);
    let first = "GET /api/splitChanges?s=1.3&since=-1&rbSince=-1";
    assert_eq!(lines(&requests)[..4], [first; 4]);
    for (pair, middle) in requests.windows(2).zip([1000.0, 2000.0, 4000.0]) {
        let waited = (pair[1].time_ms - pair[0].time_ms) as f64;
        // The machine may be late, but never early.
        assert!((0.79 * middle..1.2 * middle + 1500.0).contains(&waited), "{waited} for {middle}");
    }
}

#[test]
fn c04_a_filter_that_fits_into_no_url_never_becomes_ready() {
    let backend = backend_with_flag();
    backend.configure(|settings| settings.max_url = 60);
    let sdk = Sdk::start(&backend, json!({"flagSetsFilter": ["web", "one_more"]}));
    let requests = backend.wait_for(Endpoint::SplitChanges, 3, SOON);
    assert!(requests.len() >= 3 && requests.iter().all(|request| request.status == Some(414)), "{requests:?}");
    assert_eq!(sdk.factory.status(), Status::NotReady);
    let errors = sdk.lines_of(Level::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("2 flag sets of flagSetsFilter"), "{errors:?}");
    for pair in requests.windows(2) {
        assert!(pair[1].time_ms - pair[0].time_ms >= 880, "polls at its period: {requests:?}");
    }
}

#[test]
fn a_refused_key_is_told_in_place_of_a_time_out() {
    for code in [401, 403] {
        let backend = backend_with_flag();
        let fault = backend.fault(status(Endpoint::SplitChanges, code));
        let sdk = Sdk::start(&backend, json!({}));
        let begun = Instant::now();
        assert!(matches!(sdk.factory.block_until_ready(None), Err(Refusal::Unauthorized)), "{code}: at once");
        let wait = Duration::from_millis(300);
        assert!(matches!(sdk.factory.block_until_ready(Some(wait)), Err(Refusal::Unauthorized)), "{code}");
        assert!(begun.elapsed() >= wait, "not before its time");
        assert_eq!(sdk.lines_of(Level::Error).len(), 1, "{:?}", sdk.lines());
        assert!(sdk.lines().iter().all(|(_, line)| !line.contains("test-key")), "{:?}", sdk.lines());
        backend.remove_fault(fault);
        sdk.factory.block_until_ready(Some(SOON)).expect("somebody has repaired the key");
    }
}

#[test]
fn a_key_for_browsers_is_named_and_does_not_become_ready() {
    let backend = backend(|settings| settings.client_keys = vec!["test-key".to_owned()]);
    backend.upsert_flag(flag_of_segment("f", 10, "s")).expect("a name");
    backend.set_segment("s", ["ann"]).expect("a change");
    let sdk = Sdk::start(&backend, json!({}));
    assert!(matches!(sdk.factory.block_until_ready(None), Err(Refusal::Unauthorized)));
    backend.wait_for(Endpoint::SegmentChanges, 2, SOON);
    assert_eq!(sdk.factory.status(), Status::NotReady);
    let errors = sdk.lines_of(Level::Error);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("one for servers is needed"), "{errors:?}");
    backend.configure(|settings| settings.client_keys.clear());
    sdk.factory.block_until_ready(Some(SOON)).expect("ready when segments answer");
    assert_eq!(sdk.treatment("ann", "f"), "on");
}

/// A failure while the factory is ready, and the level of the line about it.
fn passing_failures() -> Vec<(Fault, Level)> {
    let fault = |fault: Fault| Fault { endpoint: Some(Endpoint::SplitChanges), ..fault };
    let by_status = |code| fault(Fault { status: Some(code), ..Fault::default() });
    let mut rows: Vec<_> =
        [304, 404, 408, 429, 500, 502, 503, 504].map(|code| (by_status(code), Level::Warning)).into();
    rows.extend([401, 403, 414].map(|code| (by_status(code), Level::Error)));
    let others = [
        Fault { malformed: true, ..Fault::default() },
        Fault { body: Some("[1, 2]".to_owned()), ..Fault::default() },
        Fault { drop: Some(Cut::Close), ..Fault::default() },
        Fault { drop: Some(Cut::Reset), ..Fault::default() },
        Fault { hang: true, ..Fault::default() },
    ];
    rows.extend(others.into_iter().map(|other| (fault(other), Level::Warning)));
    rows
}

#[test]
fn failures_at_run_time_are_told_once_and_the_next_poll_goes_on() {
    let one = |(fault, level): (Fault, Level)| {
        let said = format!("{fault:?}");
        let backend = backend_with_flag();
        let sdk = Sdk::ready(&backend, json!({"readTimeout": 1500}));
        let armed = backend.fault(fault);
        backend.upsert_flag(flag("f", 20, "new")).expect("a name");
        let deadline = Instant::now() + SOON;
        while !sdk.lines().iter().any(|(_, line)| line.contains("splitChanges")) {
            assert!(Instant::now() < deadline, "{said}: {:?}", sdk.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((sdk.treatment("ann", "f"), sdk.factory.is_ready()), ("on", true), "{said}");
        backend.remove_fault(armed);
        sdk.expect("ann", "f", "new");
        let [warnings, errors] = [Level::Warning, Level::Error].map(|level| sdk.lines_of(level));
        // Not those about the plain http of the emulator, and about the factories of the other rows.
        let other = |line: &&String| !line.contains("http://") && !line.starts_with("factory:");
        let about = |lines: &[String]| lines.iter().filter(other).count();
        let expected = if level == Level::Error { (0, 1) } else { (1, 0) };
        assert_eq!((about(&warnings), about(&errors)), expected, "{said}: {:?}", sdk.lines());
        // What was stored when it failed is what the next one asked on top of.
        let queries: Vec<_> =
            backend.requests_to(Endpoint::SplitChanges).into_iter().map(|request| request.query).collect();
        assert!(queries[2..].iter().any(|query| query == "s=1.3&since=10&rbSince=-1"), "{said}: {queries:?}");
    };
    std::thread::scope(|scope| {
        for row in passing_failures() {
            scope.spawn(move || one(row));
        }
    });
}

#[test]
fn c28_gzip_is_read_and_damaged_gzip_has_no_effect() {
    for fault in [Fault { bad_gzip: true, ..Fault::default() }, Fault { truncate: true, ..Fault::default() }] {
        let said = format!("{fault:?}");
        let backend = backend_with_flag();
        let sdk = Sdk::ready(&backend, json!({}));
        assert_eq!(sdk.treatment("ann", "f"), "on");
        let armed = backend.fault(Fault { endpoint: Some(Endpoint::SplitChanges), ..fault });
        backend.upsert_flag(flag("f", 20, "new")).expect("a name");
        next_answer(&backend, Endpoint::SplitChanges);
        next_answer(&backend, Endpoint::SplitChanges);
        assert_eq!(sdk.treatment("ann", "f"), "on", "{said}");
        backend.remove_fault(armed);
        sdk.expect("ann", "f", "new");
    }
}

#[test]
fn a_single_bad_definition_costs_no_other() {
    let backend = backend_with_flag();
    let sdk = Sdk::ready(&backend, json!({}));
    let mut bad = flag("f", 20, "new");
    bad["conditions"] = json!("none");
    backend.upsert_flag(bad).expect("a name");
    backend.upsert_flag(flag("g", 30, "on")).expect("a name");
    sdk.expect("ann", "g", "on");
    assert_eq!(sdk.treatment("ann", "f"), "on", "its former version");
    assert!(sdk.lines_of(Level::Error).iter().any(|line| line.contains("\"f\"")), "{:?}", sdk.lines());
}

#[test]
fn a_backend_that_asks_to_be_left_alone_is() {
    let backend = backend_with_flag();
    let sdk = Sdk::ready(&backend, json!({}));
    let headers = [("Retry-After".to_owned(), "3".to_owned())].into();
    backend.fault(Fault { times: Some(1), headers, ..status(Endpoint::SplitChanges, 429) });
    let asked = |requests: &[splitio_emulator::Request]| {
        let place = requests.iter().position(|request| request.status == Some(429))?;
        Some(requests.get(place + 1)?.time_ms - requests[place].time_ms)
    };
    let requests = backend.wait_until(Endpoint::SplitChanges, SOON, |requests| asked(requests).is_some());
    assert!(asked(&requests).is_some_and(|pause| pause >= 3880), "{:?}", asked(&requests));
    assert_eq!(sdk.treatment("ann", "f"), "on");
}

#[test]
fn nobody_there_is_told_once_and_waited_for() {
    let backend = backend_with_flag();
    // A port that refuses: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let sdk = Sdk::start(&backend, json!({"sdk_api_base_url": format!("http://127.0.0.1:{port}/api")}));
    assert!(matches!(sdk.factory.block_until_ready(Some(Duration::from_millis(1500))), Err(Refusal::TimedOut)));
    let told: Vec<_> =
        sdk.lines_of(Level::Warning).into_iter().filter(|line| line.contains("cannot connect")).collect();
    assert_eq!(told.len(), 1, "{:?}", sdk.lines());
    assert!(told[0].contains("Connection refused"), "{told:?}");
}

#[test]
fn b18_a_connection_whose_path_died_is_given_up() {
    let authority = Authority::new();
    for (name, backend) in [("HTTP/1.1", backend(|_| {})), ("HTTP/2", authority.backend())] {
        backend.upsert_flag(flag("f", 10, "on")).expect("a name");
        let relay = Relay::to(backend.address());
        let url = format!("{}/api", backend.url().replace(&backend.address().to_string(), &relay.address.to_string()));
        let options = json!({
            "sdk_api_base_url": url, "events_api_base_url": url, "caBundlePath": authority.bundle(),
            "connectionTimeout": 500, "readTimeout": 1000, "eventsPushRate": 1,
        });
        let sdk = Sdk::ready(&backend, options);
        sdk.track("before");
        sdk.factory.flush(Some(SOON)).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let posts = backend.requests_to(Endpoint::Events);
        // Only HTTP/1.1 has this header.
        assert_eq!(posts[0].header("host").is_some(), name == "HTTP/1.1", "{posts:?}");
        let before = relay.connections();
        relay.die();
        let begun = Instant::now();
        backend.upsert_flag(flag("f", 20, "new")).expect("a name");
        sdk.track("after");
        sdk.expect("ann", "f", "new");
        let polled = begun.elapsed();
        let posts = backend.wait_for(Endpoint::Events, 2, SOON);
        // One period, one read time-out, a pause or a period, and what a machine under load needs.
        let limit = Duration::from_secs(3 + 3);
        assert!(polled < limit && begun.elapsed() < limit, "{name}: {polled:?}, {:?}", begun.elapsed());
        assert_eq!(posts[1].json()[0]["key"], "after", "{name}");
        assert!(relay.connections() > before, "{name}");
    }
}
