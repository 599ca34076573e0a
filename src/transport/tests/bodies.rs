//! What comes back: statuses, compression, damage, bombs, the stream.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{Server, Step, reply};
use super::*;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("into memory");
    encoder.finish().expect("into memory")
}

/// Fetches from a server that takes these steps.
async fn fetch(steps: Vec<Step>) -> Result<Answer, TransportError> {
    fetch_within(steps, LARGEST_ANSWER).await
}

async fn fetch_within(steps: Vec<Step>, limit: u64) -> Result<Answer, TransportError> {
    let server = Server::start(move |_| steps.clone()).await;
    let mut transport = transport(settings(&server.origin()));
    transport.reading.limit = limit;
    transport.get(&changes()).await
}

fn raw(head: &str, body: &[u8]) -> Vec<Step> {
    vec![Step::Send([b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n\r\n", body].concat()), Step::Close]
}

#[tokio::test]
async fn every_status_is_an_answer() {
    let meter = Metered::default();
    for status in [200, 202, 204, 304, 400, 401, 403, 404, 407, 408, 413, 414, 429, 500, 503] {
        let server = Server::start(move |_| vec![reply(status, &[], b"")]).await;
        let transport = metered(settings(&server.origin()), meter.clone());
        let answer = transport.get(&Call::to(Endpoint::Auth)).await.expect("an answer");
        assert_eq!((answer.status, answer.is_success()), (status, status < 300));
        assert_eq!(meter.all().last(), Some(&(Resource::Token, status)));
    }
    let answer = fetch(vec![reply(429, &[("retry-after", "12")], b"slow down")]).await.expect("an answer");
    let want = Answer { status: 429, body: b"slow down".to_vec(), retry_after: Some(Duration::from_secs(12)) };
    assert_eq!(answer, want);
}

#[tokio::test]
async fn gzip_is_decoded() {
    let text = "flags ".repeat(100_000).into_bytes();
    let packed = gzip(&text);
    let two = [gzip(&text[..7]), gzip(&text[7..])].concat();
    let chunked = [format!("{:x}\r\n", packed.len()).as_bytes(), &packed, b"\r\n0\r\n\r\n"].concat();
    let (head, tail) = packed.split_at(1);
    let in_pieces = vec![
        Step::Send(
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len()).into(),
        ),
        Step::Send(head.to_vec()),
        Step::Pause(Duration::from_millis(20)),
        Step::Send(tail.to_vec()),
    ];
    let cases = [
        ("plain", vec![reply(200, &[], &text)]),
        ("identity", vec![reply(200, &[("content-encoding", "identity")], &text)]),
        ("gzip", vec![reply(200, &[("content-encoding", "gzip")], &packed)]),
        ("x-gzip", vec![reply(200, &[("content-encoding", "X-GZip")], &packed)]),
        ("members", vec![reply(200, &[("content-encoding", "gzip")], &two)]),
        ("chunked", raw("content-encoding: gzip\r\ntransfer-encoding: chunked", &chunked)),
        ("to the end", raw("content-encoding: gzip\r\nconnection: close", &packed)),
        ("pieces", in_pieces),
    ];
    for (name, steps) in cases {
        let answer = fetch(steps).await.unwrap_or_else(|error| panic!("{name}: {}", everything(&error)));
        assert!(answer.body == text, "{name}: {} bytes", answer.body.len());
    }
    let empty = fetch(vec![reply(200, &[("content-encoding", "gzip")], b"")]).await.expect("an answer");
    assert_eq!(empty.body, b"");
}

#[tokio::test]
async fn damaged_bodies_are_told_from_other_failures() {
    let packed = gzip(&"flags ".repeat(1000).into_bytes());
    let mut wrong_sum = packed.clone();
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    let gzipped = |body: &[u8]| vec![reply(200, &[("content-encoding", "gzip")], body)];
    let cases = [
        ("shorter than its length", raw("content-length: 10", b"12345")),
        ("chunk cut", raw("transfer-encoding: chunked", b"a\r\n12345")),
        ("no last chunk", raw("transfer-encoding: chunked", b"5\r\n12345\r\n")),
        ("gzip without its trailer", gzipped(&packed[..packed.len() - 8])),
        ("gzip cut in the trailer", gzipped(&packed[..packed.len() - 1])),
        ("gzip cut in the middle", gzipped(&packed[..packed.len() / 2])),
        ("gzip cut in the header", gzipped(&packed[..5])),
        ("gzip with a wrong sum", gzipped(&wrong_sum)),
        ("not gzip", gzipped(b"{\"code\": 400}")),
        ("another encoding", vec![reply(200, &[("content-encoding", "br")], b"x")]),
    ];
    for (name, steps) in cases {
        let error = fetch(steps).await.expect_err(name);
        assert!(error.is_cut(), "{name}: {}", everything(&error));
    }
    let meter = Metered::default();
    let server = Server::start(|_| vec![Step::Close]).await;
    let error = metered(settings(&server.origin()), meter.clone()).get(&changes()).await.expect_err("nothing");
    assert!(matches!(error, TransportError::Lost { .. }), "{error:?}");
    assert_eq!(meter.all(), [], "nothing was answered");
}

#[tokio::test]
async fn bombs_are_not_unpacked() {
    let zeros = vec![0; 1 << 20];
    let packed = gzip(&zeros);
    let limit = zeros.len() as u64;
    let chunk = [b"100001\r\n", &vec![0; (1 << 20) + 1][..], b"\r\n0\r\n\r\n"].concat();
    let cases = [
        ("gzip at the limit", vec![reply(200, &[("content-encoding", "gzip")], &packed)], limit, true),
        ("gzip above it", vec![reply(200, &[("content-encoding", "gzip")], &packed)], limit - 1, false),
        ("plain at the limit", vec![reply(200, &[], &zeros)], limit, true),
        ("plain above it", vec![reply(200, &[], &zeros)], limit - 1, false),
        ("a length above it", raw("content-length: 99999999999", b""), limit, false),
        ("chunks above it", raw("transfer-encoding: chunked", &chunk), limit, false),
    ];
    for (name, steps, limit, fits) in cases {
        match fetch_within(steps, limit).await {
            Ok(answer) => assert!(fits && answer.body == zeros, "{name}"),
            Err(TransportError::TooLarge { limit: told, .. }) => assert!(!fits && told == limit, "{name}"),
            Err(error) => panic!("{name}: {}", everything(&error)),
        }
    }
}

#[tokio::test]
async fn a_stream_is_read_as_it_comes() {
    let server = Server::start(|_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        vec![
            Step::Send([head, "7\r\n:first\n\r\n"].concat().into()),
            Step::Pause(Duration::from_millis(50)),
            Step::Send(b"8\r\n:second\n\r\n".to_vec()),
            Step::Pause(Duration::from_millis(50)),
            Step::Close,
        ]
    })
    .await;
    let transport = transport(settings(&server.origin()));
    let Opening::Open(mut stream) = transport.open_stream(&Call::to(Endpoint::Stream)).await.expect("an answer") else {
        panic!("refused")
    };
    assert_eq!(stream.next().await.expect("bytes").as_deref(), Some(&b":first\n"[..]));
    assert_eq!(stream.next().await.expect("bytes").as_deref(), Some(&b":second\n"[..]));
    let error = stream.next().await.expect_err("the last chunk is missing");
    assert!(error.is_cut(), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_is_refused_says_why() {
    let why = "x".repeat(20_000);
    let text = why.clone();
    let server = Server::start(move |_| vec![reply(401, &[("retry-after", "3")], text.as_bytes())]).await;
    let transport_to = |server: &Server| transport(settings(&server.origin()));
    let opening = transport_to(&server).open_stream(&Call::to(Endpoint::Stream)).await.expect("an answer");
    let Opening::Refused(answer) = opening else { panic!("open") };
    assert_eq!((answer.status, answer.retry_after), (401, Some(Duration::from_secs(3))));
    assert_eq!(answer.body, &why.as_bytes()[..8192]);

    // Its token is for this host, so it is not carried to another.
    let server = Server::start(|_| vec![reply(302, &[("location", "/other")], b"")]).await;
    let opening = transport_to(&server).open_stream(&Call::to(Endpoint::Stream)).await.expect("an answer");
    assert!(matches!(opening, Opening::Refused(Answer { status: 302, .. })), "{opening:?}");
    server.only_request();
}
