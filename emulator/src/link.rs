//! The TCP connection below a request, so that a test can cut it: hyper only knows orderly ends.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::faults::Cut;

/// The end of a connection, in the hands of whoever wants to cut it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub id: u64,
    stream: Weak<TcpStream>,
    cut: watch::Sender<Option<Cut>>,
}

impl Link {
    pub(crate) fn cut(&self, how: Cut) {
        if let Some(stream) = self.stream.upgrade().filter(|_| how == Cut::Half) {
            // Fails only when the peer has gone already.
            let _ = SockRef::from(&*stream).shutdown(Shutdown::Write);
        }
        self.cut.send_replace(Some(how));
    }

    /// Returns when the connection is to be dropped.
    pub(crate) async fn is_cut(&self) {
        let dropped = |cut: &Option<Cut>| matches!(cut, Some(Cut::Close | Cut::Reset));
        // Never an error: `self` holds a sender.
        let _ = self.cut.subscribe().wait_for(dropped).await;
    }
}

/// The socket; dropped after a `Cut::Reset` it sends RST instead of FIN.
pub(crate) struct Socket {
    /// Nobody else holds it for longer than a call, so dropping the socket closes the connection.
    stream: Arc<TcpStream>,
    cut: watch::Receiver<Option<Cut>>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, id: u64) -> (Self, Link) {
        let stream = Arc::new(stream);
        let (sender, cut) = watch::channel(None);
        let link = Link { id, stream: Arc::downgrade(&stream), cut: sender };
        (Self { stream, cut }, link)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if *self.cut.borrow() == Some(Cut::Reset) {
            // Fails only when the peer has gone already, and then there is nothing to reset.
            let _ = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// `WouldBlock` from a try means that the readiness was stale; the next poll waits for a new one.
fn is_stale<T>(tried: &io::Result<T>) -> bool {
    tried.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context, buffer: &mut ReadBuf) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            let tried = self.stream.try_read(buffer.initialize_unfilled());
            if !is_stale(&tried) {
                return Poll::Ready(tried.map(|count| buffer.advance(count)));
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let tried = self.stream.try_write(bytes);
            if !is_stale(&tried) {
                return Poll::Ready(tried);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.stream).shutdown(Shutdown::Write))
    }
}
