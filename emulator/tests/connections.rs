//! HTTP/2 and TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use splitio_emulator::{Emulator, Options, Tls};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

#[test]
fn two_requests_on_one_http2_connection() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(emulator.address()).await.unwrap();
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        for _ in 0..2 {
            let url = format!("{}/api/splitChanges?s=1.3&since=-1&rbSince=-1", emulator.url());
            let request = hyper::Request::get(url).header("authorization", "Bearer key");
            let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
            assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["ff"]["t"], -1);
        }
    });
    let connections: Vec<u64> = emulator.requests().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1]);
}

#[test]
fn https() {
    let directory = tempfile::tempdir().unwrap();
    let (certificates, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificates, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let tls = Some(Tls { certificates: certificates.clone(), key });
    let emulator = Emulator::start(Options { tls, ..Options::default() }).unwrap();
    assert!(emulator.url().starts_with("https://127.0.0.1:"));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificates).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    for (offered, chosen) in [(vec!["h2", "http/1.1"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let mut config = config.clone();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut stream = StreamOwned::new(client, TcpStream::connect(emulator.address()).unwrap());
        stream.conn.complete_io(&mut stream.sock).unwrap();
        assert_eq!(stream.conn.alpn_protocol(), Some(chosen.as_bytes()), "{offered:?}");
        if chosen == "http/1.1" {
            stream.write_all(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
}

#[test]
fn bad_certificates() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cert.pem");
    let tls = Some(Tls { certificates: path.clone(), key: path.clone() });
    let start = || {
        let error = Emulator::start(Options { tls: tls.clone(), ..Options::default() }).err();
        error.map(|error| splitio_emulator::with_causes(&error)).unwrap_or_default()
    };
    assert!(start().contains("cert.pem"), "{}", start());
    std::fs::write(&path, "nothing").unwrap();
    assert!(start().contains("cert.pem"), "{}", start());
}
