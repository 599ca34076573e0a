//! What a [`Transport`](super::Transport) needs to know, as plain values: it knows nothing of options, and its tests
//! need none.

use std::fmt;
use std::time::Duration;

use super::call::Service;

/// Everything that shapes the HTTP calls of a factory. The values were checked when the options were read.
#[derive(Clone)]
pub(crate) struct TransportSettings {
    pub(crate) base_urls: BaseUrls,
    /// Trimmed.
    pub(crate) sdk_key: String,
    /// Longest time for name look-up, connection, tunnel and TLS together.
    pub(crate) connect_timeout: Duration,
    /// Longest silence while an answer is awaited or read. Not a limit for the whole call.
    pub(crate) read_timeout: Duration,
    /// Proxy for everything, maybe with user and password. `None`: what the environment says.
    pub(crate) proxy_url: Option<String>,
    /// Text of `caBundlePath`: PEM certificates trusted besides the platform's.
    pub(crate) ca_bundle: Option<Vec<u8>>,
    /// Texts of `mtlsCertPath` and `mtlsKeyPath`.
    pub(crate) client_certificate: Option<ClientCertificate>,
    /// Names and values fit for HTTP; they never replace a header of the SDK's own.
    pub(crate) custom_headers: Vec<(String, String)>,
    pub(crate) identity: IdentityHeaders,
    /// "OPTIMIZED", "DEBUG" or "NONE": header of the posts of impressions and counts.
    pub(crate) impressions_mode: &'static str,
}

/// Where each service is: `http` or `https`, without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrls {
    pub(crate) sdk: String,
    pub(crate) events: String,
    pub(crate) auth: String,
    pub(crate) telemetry: String,
    pub(crate) streaming: String,
}

impl BaseUrls {
    pub(crate) fn of(&self, service: Service) -> &str {
        match service {
            Service::Sdk => &self.sdk,
            Service::Events => &self.events,
            Service::Auth => &self.auth,
            Service::Telemetry => &self.telemetry,
            Service::Streaming => &self.streaming,
        }
    }
}

/// A certificate chain and its key, PEM.
#[derive(Clone)]
pub(crate) struct ClientCertificate {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// Who the SDK says it is, and where it runs.
#[derive(Clone, Debug)]
pub(crate) struct IdentityHeaders {
    /// `<language>-<version>`, such as "rust-1.0.0".
    pub(crate) sdk_version: String,
    /// "NA" or "unknown" leave out both headers about the machine.
    pub(crate) machine_ip: String,
    pub(crate) machine_name: String,
}

/// Without key, proxy password, header values and certificates.
impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportSettings")
            .field("base_urls", &self.base_urls)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("identity", &self.identity)
            .field("impressions_mode", &self.impressions_mode)
            .finish_non_exhaustive()
    }
}
