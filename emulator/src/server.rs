//! Connections: accepting them, TLS, and cutting them.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::answer::answer;
use crate::backend::Backend;
use crate::link::{Link, Socket};

/// Serves until `stop` turns true, then drops every connection.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    backend: Arc<Backend>,
    mut stop: watch::Receiver<bool>,
) {
    let mut last = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // An error here belongs to one peer (gone before it was accepted) or to a lack of descriptors, which passes.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it small frames would wait for the peer's acknowledgement; it can only fail for a dead socket.
        let _ = stream.set_nodelay(true);
        last += 1;
        let (socket, link) = Socket::new(stream, last);
        let (tls, backend, mut stop) = (tls.clone(), backend.clone(), stop.clone());
        tokio::spawn(async move {
            let talk = async {
                match tls {
                    None => converse(socket, &link, backend).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(socket).await {
                            converse(stream, &link, backend).await;
                        }
                    }
                }
            };
            tokio::select! {
                () = talk => {}
                () = link.is_cut() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, link: &Link, backend: Arc<Backend>) {
    let service = service_fn(|request| {
        let (backend, link) = (backend.clone(), link.clone());
        async move { Ok::<_, Infallible>(answer(backend, link, request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None);
    // What goes wrong on a connection is the peer's business, or was ordered.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
