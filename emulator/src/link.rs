//! The TCP connection below a request, so that a test can cut it: hyper only knows orderly ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::faults::Cut;

/// The end of a connection, in the hands of whoever wants to cut it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub id: u64,
    cut: watch::Sender<Option<Cut>>,
}

impl Link {
    pub(crate) fn new(id: u64) -> Self {
        Self { id, cut: watch::Sender::new(None) }
    }

    pub(crate) fn cut(&self, how: Cut) {
        self.cut.send_replace(Some(how));
    }

    /// Returns when the connection is to be cut.
    pub(crate) async fn is_cut(&self) {
        // Never an error: `self` holds a sender.
        let _ = self.cut.subscribe().wait_for(Option::is_some).await;
    }
}

/// The socket; dropped after a `Cut::Reset` it sends RST instead of FIN.
pub(crate) struct Socket {
    pub stream: TcpStream,
    pub link: Link,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if *self.link.cut.borrow() == Some(Cut::Reset) {
            // Fails only when the peer has gone already, and then there is nothing to reset.
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
