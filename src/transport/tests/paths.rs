//! Connections whose path has died without telling anybody (known pain B18).

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::secure::{Authority, ok};
use super::server::Server;
use super::*;

/// Passes bytes on until it is told to stop: then for good on the connections of that moment, which stay open.
struct Relay {
    port: u16,
    accepted: Arc<AtomicUsize>,
    dead: Arc<AtomicUsize>,
}

impl Relay {
    async fn to(target: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (accepted, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let relay = Relay { port, accepted: Arc::clone(&accepted), dead: Arc::clone(&dead) };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = accepted.fetch_add(1, Ordering::SeqCst) + 1;
                let far = TcpStream::connect(("127.0.0.1", target)).await.expect("the target listens");
                let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                tokio::spawn(pass(near_in, far_out, number, Arc::clone(&dead)));
                tokio::spawn(pass(far_in, near_out, number, Arc::clone(&dead)));
            }
        });
        relay
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn kill_established(&self) {
        self.dead.store(self.accepted(), Ordering::SeqCst);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: usize, dead: Arc<AtomicUsize>) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        if dead.load(Ordering::SeqCst) >= number {
            // Holds both sockets, as a firewall that has forgotten the connection.
            std::future::pending::<()>().await;
        }
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
}

/// Answers every HTTP/2 request with "two".
async fn http2_server(authority: &Authority) -> u16 {
    let mut config = authority.server("localhost");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.expect("TLS");
                let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut body = respond.send_response(http::Response::new(()), false).expect("a head");
                    body.send_data(Bytes::from_static(b"two"), true).expect("a body");
                }
            });
        }
    });
    port
}

/// A call, a death, a call that notices, a call that works again.
async fn outlives(relay: &Relay, mut settings: TransportSettings, body: &[u8]) {
    settings.read_timeout = Duration::from_millis(1500);
    settings.connect_timeout = settings.read_timeout;
    let transport = transport(settings);
    for _ in 0..2 {
        let answer = transport.get(&changes()).await.unwrap_or_else(|error| panic!("{}", everything(&error)));
        assert_eq!(answer.body, body);
    }
    assert_eq!(relay.accepted(), 1, "one connection for both");
    relay.kill_established();
    let error = transport.get(&changes()).await.expect_err("into the hole");
    assert!(error.is_timeout(), "{}", everything(&error));
    let answer = transport.get(&changes()).await.unwrap_or_else(|error| panic!("{}", everything(&error)));
    assert_eq!((&*answer.body, relay.accepted()), (body, 2));
    let posted = transport.post(&Call::to(Endpoint::Events), Bytes::from_static(b"[]")).await;
    assert_eq!(posted.unwrap_or_else(|error| panic!("{}", everything(&error))).status, 200);
}

#[tokio::test]
async fn b18_a_dead_http1_connection_is_given_up() {
    let server = Server::start(ok).await;
    let relay = Relay::to(server.port).await;
    outlives(&relay, settings(&format!("http://127.0.0.1:{}", relay.port)), b"secure").await;
}

#[tokio::test]
async fn b18_a_dead_http2_connection_is_given_up() {
    let authority = Authority::new();
    let relay = Relay::to(http2_server(&authority).await).await;
    let mut settings = settings(&format!("https://localhost:{}", relay.port));
    settings.ca_bundle = Some(authority.pem());
    outlives(&relay, settings, b"two").await;
}
