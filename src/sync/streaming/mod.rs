//! What is said on the stream, apart from the stream itself.
//!
//! Everything here is a value in, a value out: no socket, no clock, no lock. The connection feeds bytes, answers and
//! times to it, so that each rule can be tried with a table instead of a server. From the wire inwards:
//! [`token`] reads the answer of the authentication, [`sse`] cuts bytes into frames, [`notification`] and
//! [`ably_error`] read frames, [`payload`] unpacks the definition inside an update, [`status`] decides whether
//! streaming is up, and [`worker_queue`] holds what is still to be done.

// Nobody opens a connection yet; the tests are the only callers.
#![cfg_attr(not(test), allow(dead_code))]

mod ably_error;
mod json;
mod notification;
mod payload;
mod sse;
mod status;
mod token;
mod worker_queue;
