//! Keeps the factory's list of open connections up to date, for forked children to close their copies of.
//!
//! A connection has its socket long before it is made, through name look-up, tunnel and handshake, and a fork may come at
//! any time. So the list is looked at after every step.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::descriptors::Descriptors;

/// Wraps connectors.
#[derive(Clone)]
pub(super) struct Noting(pub(super) Arc<Descriptors>);

/// A connector whose connections are noted.
#[derive(Clone)]
pub(super) struct NotingConnector<S> {
    inner: S,
    descriptors: Arc<Descriptors>,
}

impl<S> Layer<S> for Noting {
    type Service = NotingConnector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        NotingConnector { inner, descriptors: Arc::clone(&self.0) }
    }
}

impl<S, To> Service<To> for NotingConnector<S>
where
    S: Service<To>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = NotedConnection<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        NotedConnection { connecting: Box::pin(self.inner.call(to)), descriptors: Arc::clone(&self.descriptors) }
    }
}

/// A connection in the making.
pub(super) struct NotedConnection<F> {
    connecting: Pin<Box<F>>,
    descriptors: Arc<Descriptors>,
}

impl<F: Future> Future for NotedConnection<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let step = self.connecting.as_mut().poll(context);
        self.descriptors.note_connections();
        step
    }
}
