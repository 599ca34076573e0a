//! A server that keeps what it receives and answers by a script.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A request, as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    /// "GET /path?query HTTP/1.1"
    pub(super) line: String,
    /// By lower-case name; each byte of a value is one character.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What a server does next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    /// Says and reads nothing more, and keeps the connection.
    Hang,
    Close,
    /// Connects to this port of loopback, and passes everything on in both directions.
    Tunnel(u16),
}

/// A whole answer.
pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Step {
    let mut head = format!("HTTP/1.1 {status} Some Reason\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    Step::Send([head.as_bytes(), body].concat())
}

type Script = Arc<dyn Fn(&Received) -> Vec<Step> + Send + Sync>;

#[derive(Default)]
struct Log {
    requests: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    ended: Notify,
}

/// Listens on loopback until the test's runtime ends.
pub(super) struct Server {
    pub(super) port: u16,
    log: Arc<Log>,
}

impl Server {
    pub(super) async fn start(script: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static) -> Server {
        Self::listen(None, Arc::new(script)).await
    }

    pub(super) async fn start_tls(
        config: rustls::ServerConfig,
        script: impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static,
    ) -> Server {
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(script)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: Script) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let log = Arc::new(Log::default());
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                log.connections.fetch_add(1, Ordering::Relaxed);
                let (tls, script, log) = (tls.clone(), Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move {
                    // Clients of these tests hang up at any moment; what matters is what they received.
                    let _ = match tls {
                        None => serve(stream, &script, &log).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &script, &log).await,
                            Err(error) => Err(error),
                        },
                    };
                    log.ended.notify_one();
                });
            }
        });
        Server { port, log: kept }
    }

    /// "http://127.0.0.1:<port>"
    pub(super) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// "https://localhost:<port>"
    pub(super) fn secure_origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Received> {
        self.log.requests.lock().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.log.requests.lock().iter().map(|request| request.line.clone()).collect()
    }

    pub(super) fn only_request(&self) -> Received {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.into_iter().next().expect("one")
    }

    pub(super) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::Relaxed)
    }

    /// Returns when a connection has ended.
    pub(super) async fn connection_ended(&self) {
        self.log.ended.notified().await;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: &Script, log: &Log) -> io::Result<()> {
    while let Some(request) = receive(&mut stream).await? {
        log.requests.lock().push(request.clone());
        for step in script(&request) {
            match step {
                Step::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Step::Pause(time) => tokio::time::sleep(time).await,
                Step::Hang => {
                    // Ends when the client hangs up.
                    while stream.read(&mut [0; 1024]).await? > 0 {}
                    return Ok(());
                }
                Step::Close => return stream.shutdown().await,
                Step::Tunnel(port) => {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                    copy_bidirectional(&mut stream, &mut far).await?;
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Reads one request; `None` at the end of the connection.
async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Received>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && head.is_empty() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let head: String = head.into_iter().map(char::from).collect();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let earlier = headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        assert_eq!(earlier, None, "{name} was sent twice");
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { line, headers, body }))
}
