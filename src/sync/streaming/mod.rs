//! Changes as they happen: Split's stream of server-sent events.
//!
//! What only reads and decides is a value in, a value out, without socket, clock or lock, so that each rule can be tried
//! with a table instead of a server. From the wire inwards: [`token`] reads the answer of the authentication, [`sse`] cuts
//! bytes into frames, [`notification`] and [`ably_error`] read frames, [`status`] decides whether streaming is up, and
//! [`worker_queue`] holds what is still to be done.
//!
//! Around that stand three who act: [`connection`] makes a connection and reads from it, [`workers`] do what was
//! announced, and [`manager`] switches between polling and streaming.

mod ably_error;
mod connection;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod host;
mod json;
mod manager;
mod notification;
mod sse;
mod status;
#[cfg(test)]
mod tests;
mod token;
mod worker_queue;
mod workers;

pub(crate) use self::host::StreamHost;
pub(crate) use self::manager::Streaming;

/// What log lines about streaming begin with.
const TARGET: &str = "streaming";

/// The version of the protocol that is spoken.
const SPEC: &str = "1.3";
