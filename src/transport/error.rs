//! What can go wrong between a question and its answer.
//!
//! A message names the endpoint and the host, and what to do where that is known. It never shows the SDK key, a token,
//! the query of a URL or the password of a proxy; reqwest's errors lose their URL before they are kept as a cause.

use std::error::Error;
use std::fmt::{self, Display, Write};
use std::io;
use std::time::Duration;

use super::call::Endpoint;

/// Why a call got no usable answer. An answer of any status is no error here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TransportError {
    /// No such name, refused, unreachable.
    #[error("{to}: cannot connect")]
    Connect { to: To, source: reqwest::Error },
    /// The host, or an `https` proxy before it, could not be verified, or refused the handshake.
    #[error("{to}: TLS failed")]
    Tls { to: To, source: reqwest::Error },
    /// The proxy did not open a way to the host.
    #[error("{to}: the proxy gives no way to it")]
    Proxy { to: To, source: reqwest::Error },
    /// Status 407.
    #[error("{to}: the proxy demands other credentials (407); check user and password in the proxy's URL")]
    ProxyCredentials { to: To },
    /// The connection was not made in time.
    #[error("{to}: no connection within {after:?}")]
    ConnectTimeout { to: To, after: Duration },
    /// The host was silent for too long.
    #[error("{to}: silence for {after:?}")]
    ReadTimeout { to: To, after: Duration },
    /// The connection broke before the answer began, or its pings stayed unanswered.
    #[error("{to}: the connection broke")]
    Lost { to: To, source: reqwest::Error },
    /// The body ended early, or its compression is broken. Old Split Proxies answer a specification version that
    /// they do not know like this.
    #[error("{to}: the answer is cut short or damaged")]
    Cut { to: To, source: CutError },
    /// The body, decompressed, exceeds what is accepted.
    #[error("{to}: the answer is larger than {limit} bytes")]
    TooLarge { to: To, limit: u64 },
    /// More redirects than any honest server sends.
    #[error("{to}: more than {limit} redirects")]
    Redirects { to: To, limit: usize },
    /// `https` is asked for, and nothing to verify it with is there.
    #[error(
        "{to}: no root certificates on this system to verify the host with; \
         install them (package ca-certificates) or set the option caBundlePath"
    )]
    NoRoots { to: To, source: Option<rustls_native_certs::Error> },
    /// The URL, or a client for it, cannot be made.
    #[error("{to}: the request cannot be made")]
    Request { to: To, source: RequestError },
}

/// Whom a call was for, as messages name it: "splitChanges of sdk.split.io".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct To {
    pub(crate) endpoint: Endpoint,
    pub(crate) host: Box<str>,
}

impl Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.endpoint, self.host)
    }
}

/// How a body was damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CutError {
    /// The connection ended within the body.
    #[error("the connection ended within it")]
    Ended(#[source] reqwest::Error),
    /// gzip says so.
    #[error("it is not valid gzip")]
    Gzip(#[source] io::Error),
    /// Compressed in a way that nobody asked for.
    #[error("it has a content encoding other than gzip")]
    Encoding,
}

/// Why a request could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RequestError {
    #[error("its URL is not valid")]
    Url,
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Why a transport could not be made of its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SetupError {
    /// The key itself is not shown.
    #[error("the SDK key has characters in it that no key has: control characters, or such as are not ASCII")]
    SdkKey,
    /// The value is not shown.
    #[error("option customHeaders: {name:?} or its value cannot be sent in HTTP")]
    CustomHeader { name: String },
    #[error("option {option}: no certificate in PEM form in it")]
    NoCertificate { option: &'static str },
    #[error("option {option}: not readable as PEM")]
    Pem { option: &'static str, source: rustls::pki_types::pem::Error },
    #[error("options {options}: certificate and key cannot be used")]
    ClientCertificate { options: &'static str, source: rustls::Error },
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl TransportError {
    /// Whether the body ended early or could not be decompressed, which is how old Split Proxies refuse.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, TransportError::Cut { .. })
    }

    /// Whether the host was silent, so that its connection may be dead.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, TransportError::ConnectTimeout { .. } | TransportError::ReadTimeout { .. })
    }

    /// The message with its causes, for a log line.
    pub(crate) fn explained(&self) -> String {
        explained(self)
    }

    /// Sorts what reqwest reports about a request that has no answer yet.
    pub(super) fn of_request(to: To, error: reqwest::Error, connect_timeout: Duration) -> Self {
        let source = error.without_url();
        // Pings that stay unanswered are time-outs too, of a connection that there was.
        if source.is_timeout() && source.is_connect() {
            return TransportError::ConnectTimeout { to, after: connect_timeout };
        }
        match culprit(&source) {
            Culprit::Tls => TransportError::Tls { to, source },
            Culprit::ProxyCredentials => TransportError::ProxyCredentials { to },
            Culprit::Proxy => TransportError::Proxy { to, source },
            Culprit::Other if source.is_connect() => TransportError::Connect { to, source },
            Culprit::Other => TransportError::Lost { to, source },
        }
    }
}

enum Culprit {
    Tls,
    Proxy,
    ProxyCredentials,
    Other,
}

fn culprit(error: &(dyn Error + 'static)) -> Culprit {
    for cause in causes(error) {
        if cause.is::<rustls::Error>() {
            return Culprit::Tls;
        }
        // hyper-util does not export the type of its tunnel errors; their texts are all there is. Tests hold them.
        match cause.to_string().as_str() {
            "tunnel error: proxy authorization required" => return Culprit::ProxyCredentials,
            "tunnel error: unsuccessful"
            | "tunnel error: unexpected end of file"
            | "tunnel error: proxy response headers too long"
            | "tunnel error: io error establishing tunnel" => return Culprit::Proxy,
            _ => {}
        }
    }
    Culprit::Other
}

/// The error and what caused it. An `io::Error` hides the error that it wraps from `source`, so that is looked into.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    })
}

/// A message with its causes: "splitChanges of sdk.split.io: cannot connect: Connection refused (os error 111)".
pub(crate) fn explained(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for cause in causes(error) {
        // "error sending request", "client error (Connect)": which layer noticed it helps nobody.
        if cause.is::<reqwest::Error>() || cause.is::<hyper_util::client::legacy::Error>() {
            continue;
        }
        let message = cause.to_string();
        if message != last {
            let colon = if text.is_empty() { "" } else { ": " };
            // Writing to a String cannot fail.
            let _ = write!(text, "{colon}{message}");
            last = message;
        }
    }
    text
}
