//! Failures on order, as they look from the other end of the wire.

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;
use splitio_emulator::{Cut, Emulator, Endpoint, Fault, Options};
use support::{Answer, control, get, post, send};

const EVENTS: &str = r#"[{"key":"a"}]"#;

fn emulator() -> Emulator {
    Emulator::start(Options::default()).unwrap()
}

fn try_events(emulator: &Emulator, headers: &[(&str, &str)]) -> Result<Answer, Vec<u8>> {
    let headers = [&[("Authorization", "Bearer key")], headers].concat();
    send(emulator.address(), "POST", "/api/events/bulk", &headers, EVENTS)
}

#[test]
fn statuses_and_headers() {
    let emulator = emulator();
    control(
        emulator.address(),
        "POST",
        "/control/faults",
        r#"{"endpoint": "events/bulk", "status": 429, "headers": {"Retry-After": "3"}, "times": 1}"#,
    );
    let answer = try_events(&emulator, &[]).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(try_events(&emulator, &[]).unwrap().status, 200);
    let seen = emulator.requests_to(Endpoint::Events);
    assert_eq!(seen.iter().map(|request| request.processed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(emulator.counts()[&Endpoint::Events].items, 1);
}

#[test]
fn processed_but_the_answer_is_lost() {
    let emulator = emulator();
    for fault in [
        Fault { status: Some(500), ..Fault::default() },
        Fault { drop: Some(Cut::Close), ..Fault::default() },
        Fault { drop: Some(Cut::Reset), ..Fault::default() },
    ] {
        for after in [false, true] {
            emulator.clear_requests();
            emulator.fault(Fault { after, times: Some(1), ..fault.clone() });
            let status = try_events(&emulator, &[]).ok().map(|answer| answer.status);
            assert_eq!(status, fault.status, "{fault:?}");
            let request = emulator.requests_to(Endpoint::Events).remove(0);
            assert_eq!((request.status, request.processed), (fault.status, after), "{fault:?}");
            assert_eq!(emulator.counts()[&Endpoint::Events].items, u64::from(after), "{fault:?}");
        }
    }
}

#[test]
fn a_reset_is_no_orderly_end() {
    let emulator = emulator();
    let reset = Some(std::io::ErrorKind::ConnectionReset);
    for (cut, kind) in [(Cut::Half, None), (Cut::Close, None), (Cut::Reset, reset)] {
        for truncate in [false, true] {
            emulator.fault(Fault { drop: Some(cut), truncate, times: Some(1), ..Fault::default() });
            let mut stream = std::net::TcpStream::connect(emulator.address()).unwrap();
            stream.write_all(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut came = Vec::new();
            let end = stream.read_to_end(&mut came);
            assert_eq!(end.as_ref().err().map(std::io::Error::kind), kind, "{cut:?} {end:?}");
            assert_eq!(came.is_empty(), !truncate, "{cut:?} {truncate}");
        }
    }
}

#[test]
fn spoiled_bodies() {
    let emulator = emulator();
    emulator.upsert_flag(json!({"name": "a", "changeNumber": 1})).unwrap();
    let url = "/api/splitChanges?s=1.3&since=-1&rbSince=-1";
    let fetch = |fault: Fault| {
        emulator.fault(Fault { times: Some(1), ..fault });
        let headers = [("Authorization", "Bearer key"), ("Accept-Encoding", "gzip")];
        send(emulator.address(), "GET", url, &headers, "")
    };
    let whole = fetch(Fault::default()).unwrap().body;
    let half = fetch(Fault { truncate: true, ..Fault::default() }).unwrap_err();
    assert_eq!(half, whole[..whole.len() / 2]);
    for fault in [Fault { bad_gzip: true, ..Fault::default() }, Fault { short_gzip: true, ..Fault::default() }] {
        let bad = fetch(fault.clone()).unwrap();
        assert_eq!(bad.header("content-encoding"), Some("gzip"), "{fault:?}");
        assert!(std::io::read_to_string(flate2::read::GzDecoder::new(&*bad.body)).is_err(), "{fault:?}");
    }
    emulator.fault(Fault { malformed: true, times: Some(1), ..Fault::default() });
    let malformed = get(emulator.address(), url);
    assert_eq!(malformed.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&malformed.body).is_err());
    let other = fetch(Fault { body: Some("[]".to_owned()), ..Fault::default() }).unwrap();
    assert_eq!(std::io::read_to_string(flate2::read::GzDecoder::new(&*other.body)).unwrap(), "[]");
    let moved = fetch(Fault { redirect: Some("http://elsewhere/".to_owned()), ..Fault::default() }).unwrap();
    assert_eq!((moved.status, moved.header("location")), (302, Some("http://elsewhere/")));
}

#[test]
fn delays_and_hangs() {
    let emulator = emulator();
    emulator.fault(Fault { delay_ms: 150, times: Some(1), ..Fault::default() });
    let start = Instant::now();
    assert_eq!(get(emulator.address(), "/api/version").status, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));

    emulator.fault(Fault { endpoint: Some(Endpoint::Events), hang: true, ..Fault::default() });
    let address = emulator.address();
    let hanging = std::thread::spawn(move || {
        send(address, "POST", "/api/events/bulk", &[("Authorization", "Bearer key")], EVENTS).is_err()
    });
    while emulator.requests_to(Endpoint::Events).is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(post(address, "/api/v1/metrics/usage", "{}").status, 200, "the others go on");
    assert_eq!(emulator.requests_to(Endpoint::Events)[0].status, None);
    drop(emulator);
    assert!(hanging.join().unwrap(), "ending the emulator ends its connections");
}

#[test]
fn slow_bodies() {
    let emulator = emulator();
    emulator.fault(Fault { trickle_ms: Some(20), times: Some(1), ..Fault::default() });
    let start = Instant::now();
    let answer = get(emulator.address(), "/api/splitChanges?s=1.3&since=-1&rbSince=-1");
    assert_eq!(answer.json()["ff"]["t"], -1);
    assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());

    emulator.fault(Fault { stall: true, times: Some(1), ..Fault::default() });
    let mut stream = std::net::TcpStream::connect(emulator.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.write_all(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut seen = Vec::new();
    let end = stream.read_to_end(&mut seen).unwrap_err();
    let whole = get(emulator.address(), "/version").body;
    assert!(seen.ends_with(&whole[..whole.len() / 2]) && !seen.ends_with(&whole), "{}", String::from_utf8_lossy(&seen));
    assert_eq!(end.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
#[should_panic(expected = "status 99")]
fn an_impossible_fault() {
    emulator().fault(Fault { status: Some(99), ..Fault::default() });
}

#[test]
fn over_the_control_api() {
    let emulator = emulator();
    let address = emulator.address();
    let id = control(address, "POST", "/control/faults", r#"{"endpoint": "version", "status": 503}"#)["id"].clone();
    assert_eq!(get(address, "/version").status, 503);
    let list = control(address, "GET", "/control/faults", "");
    assert_eq!((&list[0]["hits"], &list[0]["fault"]["status"]), (&json!(1), &json!(503)));
    control(address, "DELETE", &format!("/control/faults/{id}"), "");
    assert_eq!(get(address, "/version").status, 200);
    for body in [
        r#"{"endpoint": "nowhere"}"#,
        r#"{"stauts": 503}"#,
        r#"{"status": 99}"#,
        r#"{"headers": {"a b": ""}}"#,
        r#"{"probability": 2}"#,
        "[",
    ] {
        assert_eq!(send(address, "POST", "/control/faults", &[], body).unwrap().status, 400, "{body}");
    }
    for (url, body, status) in [
        ("/control/flags", r#"{"flag": {"name": "f"}, "change_number": 7}"#, 200),
        ("/control/flags", r#"{"flag": {"name": "f"}, "change_number": 7}"#, 409),
        ("/control/flags", r#"{"flag": {}}"#, 400),
        ("/control/flags", r#"{}"#, 400),
        ("/control/flags/kill", r#"{"name": "f", "treatment": "off"}"#, 200),
        ("/control/flags/archive", r#"{"name": "g"}"#, 404),
        ("/control/rbs", r#"{"rbs": {"name": "r"}}"#, 200),
        ("/control/rbs/archive", r#"{"name": "r"}"#, 200),
        ("/control/segments", r#"{"name": "s", "keys": ["a"]}"#, 200),
        ("/control/segments/update", r#"{"name": "s", "added": ["b"], "removed": ["a"]}"#, 200),
        ("/control/segments/update", r#"{"name": "t"}"#, 404),
        ("/control/segments/remove", r#"{"name": "s"}"#, 200),
        ("/control/options", r#"{"page_size": 2}"#, 200),
        ("/control/options", r#"{"page": 2}"#, 400),
        ("/control/reset", "", 200),
    ] {
        let answer = send(address, "POST", url, &[], body).unwrap();
        assert_eq!(answer.status, status, "{url} {body}");
    }
    assert_eq!(control(address, "GET", "/control/state", "")["flags"], json!({"t": -1, "d": []}));
}
