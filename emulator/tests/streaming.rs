//! The stream on the wire: tokens, frames, and everything that goes wrong on the way.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use splitio_emulator::{Delivery, Emulator, End, Endpoint, Fault, Notification, Options, Payload, Settings, Update};
use support::{control, get, send};

fn streaming(change: impl FnOnce(&mut Settings)) -> Emulator {
    let mut settings = Settings::default();
    settings.streaming = true;
    change(&mut settings);
    Emulator::start(Options { settings, ..Options::default() }).unwrap()
}

fn token(emulator: &Emulator) -> String {
    get(emulator.address(), "/api/v2/auth?s=1.3").json()["token"].as_str().unwrap().to_owned()
}

const CHANNELS: &str = "b3JnMQ%3D%3D_ZW52Nw%3D%3D_splits%2Cb3JnMQ%3D%3D_ZW52Nw%3D%3D_segments\
    %2C%5B%3Foccupancy%3Dmetrics.publishers%5Dcontrol_pri%2C%5B%3Foccupancy%3Dmetrics.publishers%5Dcontrol_sec";

fn url(token: &str) -> String {
    format!("/event-stream?v=1.1&accessToken={token}&channels={CHANNELS}")
}

/// A reader of one stream, chunk framing included.
struct Listener {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Listener {
    fn open(emulator: &Emulator) -> Self {
        Self::open_url(emulator, &url(&token(emulator)))
    }

    fn open_url(emulator: &Emulator, url: &str) -> Self {
        let mut stream = TcpStream::connect(emulator.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {url} HTTP/1.1\r\nHost: emulator\r\nAccept: text/event-stream\r\n\r\n").unwrap();
        Self { stream, seen: Vec::new() }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads until `part` has come; returns everything before and with it, and forgets that.
    fn until(&mut self, part: &str) -> String {
        loop {
            if let Some(at) = self.seen.windows(part.len()).position(|window| window == part.as_bytes()) {
                let rest = self.seen.split_off(at + part.len());
                return String::from_utf8(std::mem::replace(&mut self.seen, rest)).unwrap();
            }
            let mut buffer = [0; 65536];
            match self.stream.read(&mut buffer) {
                Ok(count) if count > 0 => self.seen.extend_from_slice(&buffer[..count]),
                end => panic!("no {part:?} but {end:?} after {:?}", self.text()),
            }
        }
    }

    /// The envelope of the next message, and the document in it.
    fn message(&mut self) -> (Value, Value) {
        self.until("event: message\ndata: ");
        let data = self.until("\n\n");
        let envelope: Value = serde_json::from_str(data.trim()).unwrap_or_else(|error| panic!("{error}: {data}"));
        let inner = serde_json::from_str(envelope["data"].as_str().unwrap()).unwrap();
        (envelope, inner)
    }

    /// Past the two occupancies of the beginning.
    fn ready(mut self) -> Self {
        for _ in 0..2 {
            assert_eq!(self.message().0["name"], "[meta]occupancy");
        }
        self
    }

    /// Reads to the end; what came, and how it ended.
    fn rest(&mut self) -> (String, Option<ErrorKind>) {
        let end = self.stream.read_to_end(&mut self.seen);
        (self.text(), end.err().map(|error| error.kind()))
    }
}

#[test]
fn auth_answers() {
    let emulator = streaming(|settings| {
        settings.conn_delay = 3;
        settings.token_life = 601;
    });
    let answer = get(emulator.address(), "/v2/auth?s=1.3").json();
    assert_eq!((&answer["pushEnabled"], &answer["connDelay"]), (&json!(true), &json!(3)));
    let token = answer["token"].as_str().unwrap();
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 601);
    let capability: Value = serde_json::from_str(payload["x-ably-capability"].as_str().unwrap()).unwrap();
    assert_eq!(capability.as_object().unwrap().len(), 4);
    assert_eq!(capability["control_pri"], json!(["subscribe", "channel-metadata:publishers"]));
    emulator.configure(|settings| settings.streaming = false);
    assert_eq!(get(emulator.address(), "/api/v2/auth").json(), json!({"pushEnabled": false, "token": ""}));
}

#[test]
fn the_beginning() {
    let emulator = streaming(|settings| settings.keepalive_ms = 50);
    for path in ["/event-stream", "/sse", "/api/event-stream", "/api/sse"] {
        let url = url(&token(&emulator)).replace("/event-stream", path);
        let mut listener = Listener::open_url(&emulator, &url);
        let head = listener.until("\r\n\r\n").to_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{path}: {head}");
        for channel in ["control_pri", "control_sec"] {
            let (envelope, inner) = listener.message();
            assert_eq!(envelope["channel"], format!("[?occupancy=metrics.publishers]{channel}"));
            assert_eq!(inner, json!({"metrics": {"publishers": 2}}));
        }
        listener.until(":keepalive\n\n");
    }
    let one = format!("/sse?accessToken={}&channels=b3JnMQ%3D%3D_ZW52Nw%3D%3D_segments", token(&emulator));
    let mut listener = Listener::open_url(&emulator, &one);
    listener.until(":keepalive\n\n");
    emulator.upsert_flag(json!({"name": "f"})).unwrap();
    emulator.set_segment("s", ["a"]).unwrap();
    assert_eq!(listener.message().1["type"], "SEGMENT_UPDATE", "and nothing of channels that were not subscribed");
}

#[test]
fn edits_are_announced() {
    let emulator = streaming(|_| ());
    let mut listener = Listener::open(&emulator).ready();
    let first = emulator.upsert_flag(json!({"name": "f", "changeNumber": 5})).unwrap();
    assert_eq!(listener.message().1, json!({"type": "SPLIT_UPDATE", "changeNumber": first}));
    let big = json!({"name": "big", "configurations": {"on": "0123456789".repeat(20_000)}});
    for (payload, c) in [(Payload::Plain, 0), (Payload::Gzip, 1), (Payload::Zlib, 2)] {
        emulator.configure(|settings| settings.payload = payload);
        let before = control(emulator.address(), "GET", "/control/state", "")["flags"]["t"].clone();
        let number = emulator.upsert_flag(big.clone()).unwrap();
        let (_, inner) = listener.message();
        assert_eq!((&inner["pcn"], &inner["c"], &inner["changeNumber"]), (&before, &json!(c), &json!(number)));
        let bytes = STANDARD.decode(inner["d"].as_str().unwrap()).unwrap();
        let text = match c {
            0 => String::from_utf8(bytes).unwrap(),
            1 => std::io::read_to_string(flate2::read::GzDecoder::new(&*bytes)).unwrap(),
            _ => std::io::read_to_string(flate2::read::ZlibDecoder::new(&*bytes)).unwrap(),
        };
        let definition: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&definition["configurations"], &definition["changeNumber"]),
            (&big["configurations"], &json!(number))
        );
    }
    let number = emulator.upsert_rbs(json!({"name": "r"})).unwrap();
    let (_, inner) = listener.message();
    assert_eq!(
        (&inner["type"], &inner["changeNumber"], &inner["pcn"]),
        (&json!("RB_SEGMENT_UPDATE"), &json!(number), &json!(-1))
    );
    let number = emulator.kill_flag("f", "dead").unwrap();
    let expected = json!({"type": "SPLIT_KILL", "changeNumber": number, "splitName": "f", "defaultTreatment": "dead"});
    assert_eq!(listener.message().1, expected);
    emulator.configure(|settings| settings.auto_push = false);
    emulator.upsert_flag(json!({"name": "quiet"})).unwrap();
    let body = r#"{"flag": {"name": "loud"}, "push": true, "payload": "none"}"#;
    let number = control(emulator.address(), "POST", "/control/flags", body)["change_number"].clone();
    assert_eq!(listener.message().1, json!({"type": "SPLIT_UPDATE", "changeNumber": number}));
}

#[test]
fn rule_based_segments_go_before_the_flags_that_need_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flags.json");
    std::fs::write(&file, json!({"ff": {"t": 1, "d": [{"name": "f"}]}}).to_string()).unwrap();
    let mut settings = Settings::default();
    settings.streaming = true;
    let emulator = Emulator::start(Options { file: Some(file.clone()), settings, ..Options::default() }).unwrap();
    let mut listener = Listener::open(&emulator).ready();
    let both = json!({"ff": {"d": [{"name": "f"}, {"name": "g"}]}, "rbs": {"d": [{"name": "r"}]}});
    std::fs::write(&file, both.to_string()).unwrap();
    let kinds = [listener.message().1["type"].clone(), listener.message().1["type"].clone()];
    assert_eq!(kinds, ["RB_SEGMENT_UPDATE", "SPLIT_UPDATE"]);
}

#[test]
fn tokens_end() {
    let emulator = streaming(|_| ());
    let refused = |token: &str| {
        let answer = send(emulator.address(), "GET", &url(token), &[], "").unwrap();
        (answer.status, answer.json()["error"]["code"].as_u64().unwrap())
    };
    assert_eq!(refused("nonsense"), (401, 40101));
    let token = token(&emulator);
    let mut listener = Listener::open_url(&emulator, &url(&token)).ready();
    emulator.expire_tokens(true);
    let (text, end) = {
        listener.until("event: error\ndata: ");
        let error: Value = serde_json::from_str(listener.until("\n\n").trim()).unwrap();
        assert_eq!((&error["code"], &error["statusCode"]), (&json!(40142), &json!(401)));
        listener.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        listener.rest()
    };
    assert!(text.ends_with("0\r\n\r\n"), "a complete answer, on a connection that lives on: {text:?} {end:?}");
    assert_eq!(refused(&token), (401, 40142));
    emulator.configure(|settings| settings.token_life = -1);
    assert_eq!(refused(&self::token(&emulator)), (401, 40142));
    emulator.configure(|settings| settings.token_life = 1);
    Listener::open(&emulator).until("\"code\":40142");
    let statuses: Vec<_> = emulator.requests_to(Endpoint::Stream).iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(401), Some(200), Some(401), Some(401), Some(200)]);
}

#[test]
fn ends() {
    let emulator = streaming(|_| ());
    for (how, complete, kind) in [
        (End::End, true, None),
        (End::Half, false, None),
        (End::Close, false, None),
        (End::Reset, false, Some(ErrorKind::ConnectionReset)),
    ] {
        let url = url(&token(&emulator));
        let mut listener = Listener::open_url(&emulator, &url).ready();
        if how == End::End {
            listener.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        }
        assert_eq!(emulator.drop_streams(how), 1);
        let (text, end) = listener.rest();
        assert_eq!(text.ends_with("0\r\n\r\n"), complete, "{how:?} {text:?}");
        if how != End::End {
            assert_eq!(end, kind, "{how:?}");
        }
        if how == End::Half {
            assert_eq!(emulator.streams().len(), 1, "our half is still open");
        }
        drop(listener);
        let deadline = Instant::now() + Duration::from_secs(5);
        while !emulator.streams().is_empty() {
            assert!(Instant::now() < deadline, "{how:?}: the stream stays in the list");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn deliveries() {
    let emulator = streaming(|_| ());
    let mut listener = Listener::open(&emulator).ready();
    let update = |change_number| Notification::SplitUpdate(Update { change_number, ..Update::default() });
    let numbers = |listener: &mut Listener, count: usize| -> Vec<i64> {
        (0..count).map(|_| listener.message().1["changeNumber"].as_i64().unwrap()).collect()
    };
    emulator.notify(update(1), Delivery { copies: 2, ..Delivery::default() });
    emulator.notify(update(2), Delivery { delay_ms: 100, ..Delivery::default() });
    emulator.notify(update(3), Delivery::default());
    assert_eq!(numbers(&mut listener, 4), [1, 1, 3, 2]);
    emulator.configure(|settings| settings.reorder = 3);
    (4..=6).for_each(|number| emulator.notify(update(number), Delivery::default()));
    assert_eq!(numbers(&mut listener, 3), [6, 5, 4]);
    emulator.configure(|settings| settings.reorder = 0);

    emulator.notify(update(7), Delivery { garble: true, ..Delivery::default() });
    listener.until("data: ");
    let garbled = listener.until("\n\n");
    assert!(serde_json::from_str::<Value>(garbled.trim()).is_err(), "{garbled}");
    emulator.notify(Notification::Raw { text: ":x\r\n\r\n".to_owned() }, Delivery::default());
    listener.until(":x\r\n\r\n");
    emulator.notify(update(8), Delivery { timestamp: Some(42), ..Delivery::default() });
    assert_eq!(listener.message().0["timestamp"], 42);

    // Each piece is a chunk of its own: "1\r\n" and the byte.
    emulator
        .notify(Notification::Raw { text: ":ab\n\n".to_owned() }, Delivery { bytewise: true, ..Delivery::default() });
    listener.until("1\r\n:\r\n1\r\na\r\n1\r\nb\r\n1\r\n\n\r\n1\r\n\n\r\n");
    let cuts = Delivery { cuts: vec![2], pause_ms: 10, ..Delivery::default() };
    emulator.notify(Notification::Raw { text: ":ab\n\n".to_owned() }, cuts);
    listener.until("2\r\n:a\r\n3\r\nb\n\n\r\n");

    emulator.notify(update(9), Delivery { truncate: Some(20), then: Some(End::Close), ..Delivery::default() });
    let (text, end) = listener.rest();
    assert!(text.contains("id: emu@") && !text.contains("data: ") && !text.ends_with("0\r\n\r\n"), "{text:?}");
    assert_eq!(end, None);
}

#[test]
fn stalls() {
    let emulator = streaming(|settings| settings.keepalive_ms = 20);
    let mut listener = Listener::open(&emulator).ready();
    listener.until(":keepalive");
    assert_eq!(emulator.stall_streams(None), 1);
    emulator.upsert_flag(json!({"name": "f", "changeNumber": 5})).unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !emulator.streams()[0].stalled {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    listener.stream.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
    let (text, end) = listener.rest();
    assert_eq!((text.contains("SPLIT_UPDATE"), end), (false, Some(ErrorKind::WouldBlock)));
    emulator.resume_streams();
    listener.stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    listener.until("SPLIT_UPDATE");
    emulator.stall_streams(Some(Duration::from_millis(50)));
    emulator.upsert_flag(json!({"name": "f"})).unwrap();
    listener.until("SPLIT_UPDATE");
}

#[test]
fn refused_and_spoiled_streams() {
    let emulator = streaming(|_| ());
    let url = url(&token(&emulator));
    emulator.fault(Fault { endpoint: Some(Endpoint::Stream), status: Some(503), times: Some(1), ..Fault::default() });
    assert_eq!(send(emulator.address(), "GET", &url, &[], "").unwrap().status, 503);
    let error = "event: error\ndata: {\"code\":40012}\n\n";
    emulator.fault(Fault {
        endpoint: Some(Endpoint::Stream),
        body: Some(error.to_owned()),
        times: Some(1),
        ..Fault::default()
    });
    assert_eq!(send(emulator.address(), "GET", &url, &[], "").unwrap().body, error.as_bytes());
    assert_eq!(send(emulator.address(), "GET", &url.replace("channels", "x"), &[], "").unwrap().status, 400);
}

#[test]
fn over_the_control_api() {
    let emulator = streaming(|_| ());
    let address = emulator.address();
    let mut listener = Listener::open(&emulator).ready();
    let body = r#"{"notification": {"type": "OCCUPANCY", "publishers": 0}, "delivery": {"copies": 1}}"#;
    control(address, "POST", "/control/notify", body);
    for _ in 0..2 {
        assert_eq!(listener.message().1, json!({"metrics": {"publishers": 0}}));
    }
    let streams = control(address, "GET", "/control/streams", "");
    assert_eq!((&streams[0]["stream"], streams[0]["channels"].as_array().unwrap().len()), (&json!(1), 4));
    assert_eq!(control(address, "POST", "/control/streams/stall", r#"{"stream": 9}"#), json!({"streams": 0}));
    assert_eq!(control(address, "POST", "/control/streams/drop", r#"{"how": "reset"}"#), json!({"streams": 1}));
    assert_eq!(listener.rest().1, Some(ErrorKind::ConnectionReset));
    control(address, "POST", "/control/tokens/expire", "");
}
