//! Silence, slowness, cancelling, and the life of connections.

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::secure::Authority;
use super::server::{Server, Step, reply};
use super::*;

/// Long against the pauses below, even on a busy machine.
const SILENCE: Duration = Duration::from_millis(1500);
const PAUSE: Duration = Duration::from_millis(200);

fn impatient(server: &Server) -> Transport {
    let mut settings = settings(&server.origin());
    settings.connect_timeout = SILENCE;
    settings.read_timeout = SILENCE;
    transport(settings)
}

#[tokio::test]
async fn a_slow_but_steady_body_passes() {
    let server = Server::start(|_| {
        let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n".to_vec())];
        steps.extend((0..10).flat_map(|_| [Step::Pause(PAUSE), Step::Send(b"x".to_vec())]));
        steps
    })
    .await;
    let begun = Instant::now();
    let answer = impatient(&server).get(&changes()).await.expect("an answer");
    assert_eq!(answer.body, b"xxxxxxxxxx");
    assert!(begun.elapsed() > SILENCE, "so slow that a limit for the whole call would have struck");
}

#[tokio::test]
async fn silence_is_limited() {
    let cases = [
        ("before the head", vec![Step::Hang]),
        ("within the head", vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Hang]),
        ("within the body", vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec()), Step::Hang]),
    ];
    for (name, steps) in cases {
        let server = Server::start(move |_| steps.clone()).await;
        let error = impatient(&server).get(&changes()).await.expect_err(name);
        assert!(matches!(error, TransportError::ReadTimeout { after: SILENCE, .. }), "{name}: {error:?}");
        assert_eq!(error.to_string(), "splitChanges of 127.0.0.1: silence for 1.5s");
    }
}

#[tokio::test]
async fn connecting_is_limited_until_the_handshake_is_done() {
    // Accepts connections, which the kernel does, and says nothing on them.
    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port").into_std().expect("a socket");
    let port = mute.local_addr().expect("bound").port();
    let authority = Authority::new();
    let proxy = format!("http://127.0.0.1:{port}");
    for (origin, proxy) in [(format!("https://127.0.0.1:{port}"), None), ("https://split.test".to_owned(), Some(proxy))]
    {
        let mut settings = settings(&origin);
        settings.ca_bundle = Some(authority.pem());
        settings.proxy_url = proxy;
        settings.connect_timeout = Duration::from_millis(300);
        let error = transport(settings).get(&changes()).await.expect_err("no handshake");
        assert!(matches!(error, TransportError::ConnectTimeout { .. }), "{}", everything(&error));
        assert!(error.explained().contains("no connection within 300ms"), "{}", error.explained());
    }
}

#[tokio::test]
async fn a_slow_upload_passes_and_a_stuck_one_does_not() {
    const SIZE: usize = 48 << 20;
    for stuck in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let mut settings = settings(&origin);
        settings.read_timeout = SILENCE;
        settings.connect_timeout = SILENCE;
        let slow_reader = async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut read = 0;
            let mut piece = vec![0; 4 << 20];
            while read < SIZE && !(stuck && read > SIZE / 8) {
                tokio::time::sleep(PAUSE).await;
                let mut filled = 0;
                while filled < piece.len() && read + filled < SIZE {
                    filled += stream.read(&mut piece[filled..]).await.expect("more");
                }
                read += filled;
            }
            if stuck {
                std::future::pending::<()>().await;
            }
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .expect("listened to");
            stream
        };
        let server = tokio::spawn(slow_reader);
        let begun = Instant::now();
        let posted = transport(settings).post(&Call::to(Endpoint::Events), vec![b' '; SIZE].into()).await;
        match posted {
            Ok(answer) => {
                assert!(!stuck && answer.status == 200, "{answer:?}");
                assert!(begun.elapsed() > SILENCE, "slower than any silence is allowed to be");
            }
            Err(error) => assert!(stuck && matches!(error, TransportError::ReadTimeout { .. }), "{error:?}"),
        }
        server.abort();
    }
}

#[tokio::test]
async fn a_dropped_call_leaves_nothing_behind() {
    let server = Server::start(|_| vec![Step::Hang]).await;
    let transport = transport(settings(&server.origin()));
    let call = changes();
    {
        let mut call = pin!(transport.get(&call));
        while server.lines().is_empty() {
            tokio::select! {
                biased;
                answer = &mut call => panic!("{answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    tokio::time::timeout(PATIENCE, server.connection_ended()).await.expect("the connection is closed");
}

#[tokio::test]
async fn connections_are_kept_until_their_pool_is_old() {
    let server = Server::start(|_| vec![reply(200, &[], b"{}")]).await;
    let mut transport = transport(settings(&server.origin()));
    for _ in 0..3 {
        transport.get(&changes()).await.expect("an answer");
        transport.post(&Call::to(Endpoint::Events), Bytes::from_static(b"[]")).await.expect("an answer");
    }
    assert_eq!(server.connections(), 1);
    transport.clients.replace_after(Duration::ZERO);
    transport.get(&changes()).await.expect("an answer");
    transport.get(&changes()).await.expect("an answer");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn connections_that_the_server_has_closed_are_not_used_again() {
    let server = Server::start(|_| vec![reply(200, &[], b"{}"), Step::Close]).await;
    let transport = transport(settings(&server.origin()));
    for round in 1..=5 {
        transport.get(&changes()).await.unwrap_or_else(|error| panic!("{round}: {}", everything(&error)));
        server.connection_ended().await;
        let posted = transport.post(&Call::to(Endpoint::Events), Bytes::from_static(b"[]")).await;
        posted.unwrap_or_else(|error| panic!("{round}: {}", everything(&error)));
        server.connection_ended().await;
    }
}

#[tokio::test]
async fn refusals_are_told_apart_and_explained() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let error = transport(settings(&format!("http://{closed}"))).get(&changes()).await.expect_err("nobody listens");
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
    let text = error.explained();
    assert!(text.starts_with("splitChanges of 127.0.0.1: cannot connect: "), "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn errors_show_no_secrets() {
    let call = Call::to(Endpoint::Stream).query("accessToken", "t0k3n");
    let server = Server::start(|request| {
        let breaks = request.line.contains("since") || request.line.contains("POST");
        if breaks { vec![Step::Close] } else { vec![Step::Send(b"rubbish\r\n\r\n".to_vec()), Step::Close] }
    })
    .await;
    let mut settings = settings(&server.origin());
    settings.custom_headers = vec![("x-token".to_owned(), "t0k3n".to_owned())];
    let shown = format!("{settings:?}");
    let transport = transport(settings);
    let errors = [
        everything(&transport.get(&changes()).await.expect_err("closed")),
        everything(&transport.post(&Call::to(Endpoint::Events), Bytes::new()).await.expect_err("closed")),
        everything(&transport.open_stream(&call).await.expect_err("rubbish")),
    ];
    let open = Server::start(|_| vec![reply(200, &[], b"")]).await;
    let stream = super::transport(super::settings(&open.origin())).open_stream(&call).await.expect("a stream");
    for text in errors.iter().chain([&format!("{stream:?}"), &shown, &format!("{transport:?}")]) {
        assert!(!text.contains("t0k3n") && !text.contains(KEY) && !text.contains("since="), "{text}");
    }
}
