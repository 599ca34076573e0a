//! The configuration as the rest of the library sees it: one typed field per option, nothing left to check.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::fallback::FallbackTreatments;
use crate::logging::Level;

/// Every option, validated. Made by [`Settings::resolve`](super::Settings::resolve). Its `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where definitions come from; computed from the SDK key and the options given.
    pub mode: Mode,

    /// Fetch once and start no thread before a fork. Default false.
    pub preforked_initialization: bool,
    /// A forked child resumes at its first call. Default true.
    pub resume_on_fork: bool,
    /// Whether unknown names and wrong types were errors. Default true.
    pub strict_config: bool,
    /// The most talkative level that is logged; `None` for nothing. Default warning.
    pub log_level: Option<Level>,
    /// Language that the back end sees; printable ASCII without `/`. Default "rust".
    pub sdk_name: String,
    /// Version that the back end sees; printable ASCII without `/`. Default: of this library.
    pub sdk_version: String,

    /// Pause between fetches of flags; 1 s to 100 years. Default 30 s.
    pub features_refresh_rate: Duration,
    /// Pause between fetches of segments; 1 s to 100 years. Default 30 s.
    pub segments_refresh_rate: Duration,
    /// Whether the stream is used. Default true.
    pub streaming_enabled: bool,
    /// Whether `connDelay` is waited for. Default false.
    pub streaming_honor_conn_delay: bool,
    /// Longest time to connect; 1 ms to 100 years. Default 1.5 s.
    pub connection_timeout: Duration,
    /// Longest silence while reading; 1 ms to 100 years. Default 15 s, or `connection_timeout` if that is longer.
    pub read_timeout: Duration,
    /// Valid flag sets, sorted and distinct, never empty; `None` for no filter and always outside standalone and
    /// localhost mode.
    pub flag_sets_filter: Option<Vec<String>>,
    /// How many names `flagSetsFilter` held (telemetry `fsT`).
    pub flag_sets_total: usize,
    /// How many of these were invalid or repeated (telemetry `fsI`).
    pub flag_sets_invalid: usize,

    /// What is sent about impressions. Default OPTIMIZED.
    pub impressions_mode: ImpressionsMode,
    /// Pause between posts of impressions; from 60 s, in DEBUG mode from 1 s. Default 300 s, in DEBUG mode 60 s.
    pub impressions_refresh_rate: Duration,
    /// Impressions in a post, at least 1. Default 5000.
    pub impressions_bulk_size: usize,
    /// Impressions that may wait, at least 1, maybe billions: a limit, not a size to allocate. Default 10000.
    pub impressions_queue_size: usize,
    /// Whether impressions carry labels. Default true.
    pub labels_enabled: bool,
    /// Share of calls that record, 0.1 to 1. Default 1. Redis mode only.
    pub data_sampling: f64,

    /// Pause between posts of events; 1 s to 100 years. Default 10 s.
    pub events_push_rate: Duration,
    /// Events in a post, at least 1. Default 5000.
    pub events_bulk_size: usize,
    /// Events that may wait, at least 1, maybe billions: a limit, not a size to allocate. Default 10000.
    pub events_queue_size: usize,
    /// Pause between posts of statistics; 60 s to 100 years. Default 3600 s.
    pub metrics_refresh_rate: Duration,

    /// False: address and name of the machine are `NA`, whatever the next two say. Default true.
    pub ip_addresses_enabled: bool,
    /// Name of the machine: printable ASCII without `/`, not empty. `None`: to be made of the address.
    pub machine_name: Option<String>,
    /// Address of the machine: printable ASCII without `/`, not empty. `None`: to be found out.
    pub machine_ip: Option<String>,

    /// File of the flags. Default `.split` in the home directory; empty only outside localhost mode, where nobody
    /// reads it.
    pub split_file: PathBuf,
    /// Directory of the segments. Default: the home directory; `None` when there is none.
    pub segment_directory: Option<PathBuf>,
    /// Whether the files are read again. Default false.
    pub localhost_refresh_enabled: bool,

    /// The options of Redis, whose names begin with `redis`.
    pub redis: RedisConfig,

    /// Answers instead of `control`. Default: none.
    pub fallback_treatments: FallbackTreatments,

    /// Definitions.
    pub sdk_api_base_url: BaseUrl,
    /// Impressions and events.
    pub events_api_base_url: BaseUrl,
    /// The stream's token.
    pub auth_api_base_url: BaseUrl,
    /// The stream.
    pub streaming_api_base_url: BaseUrl,
    /// Statistics.
    pub telemetry_api_base_url: BaseUrl,
    /// Proxy for all connections, a URL with scheme http or https and a host; may hold a password. `None`: what the
    /// environment says.
    pub proxy_url: Option<Secret>,
    /// Headers to add to every request, by lower-case name. Names and values are fit for HTTP.
    pub custom_headers: BTreeMap<String, Secret>,
    /// Authorities besides the system's.
    pub ca_bundle_path: Option<PemFile>,
    /// Client certificate chain. Present exactly when its key is.
    pub mtls_cert_path: Option<PemFile>,
    /// Key of the client certificate.
    pub mtls_key_path: Option<PemFile>,
}

/// The options of Redis: a field is the option's name in snake case without `redis_`. Complete in every mode, but files
/// are read and combinations checked in Redis mode only.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisConfig {
    /// Default "localhost".
    pub host: String,
    /// Default 6379.
    pub port: u16,
    /// Number of the database. Default 0; always 0 with cluster nodes.
    pub db: u32,
    /// Only with a password.
    pub username: Option<String>,
    /// Not empty.
    pub password: Option<Secret>,
    /// Put before every key; not empty.
    pub prefix: Option<String>,
    /// Used instead of host and port.
    pub unix_socket_path: Option<PathBuf>,
    /// Longest time for a command; 1 ms to 100 years. Default 5 s.
    pub socket_timeout: Duration,
    /// Longest time to connect; 1 ms to 100 years. Default 5 s.
    pub socket_connect_timeout: Duration,
    /// TCP keepalive. Default false.
    pub socket_keepalive: bool,
    /// Details of keepalive. Default: those of the system.
    pub socket_keepalive_options: KeepaliveOptions,
    /// Whether a read that timed out is repeated once. Default false.
    pub retry_on_timeout: bool,
    /// Connections at a time, at least 1. Default 16.
    pub max_connections: usize,
    /// Whether TLS is spoken. Default false.
    pub ssl: bool,
    /// Client certificate chain. `None` without `ssl`.
    pub ssl_certfile: Option<PemFile>,
    /// Key of the client certificate; `None` with a certificate: the key is in the certificate's file.
    pub ssl_keyfile: Option<PemFile>,
    /// How much of the server's certificate is verified. Default: everything.
    pub ssl_cert_reqs: CertificateCheck,
    /// Authorities besides the system's. `None` without `ssl`.
    pub ssl_ca_certs: Option<PemFile>,
    /// Name to send and verify instead of the host.
    pub ssl_server_name: Option<String>,
    /// Sentinels; empty for none. Never together with cluster nodes.
    pub sentinels: Vec<Node>,
    /// Name of the master; not empty when there are sentinels.
    pub master_service: String,
    /// For the sentinels; only with a password.
    pub sentinel_username: Option<String>,
    /// For the sentinels; not empty.
    pub sentinel_password: Option<Secret>,
    /// Nodes of a cluster; empty for none.
    pub cluster_nodes: Vec<Node>,
    /// Put before every key of a cluster: at least three characters in braces. Default "{SPLITIO}".
    pub cluster_key_hash_tag: String,
    /// Whether definitions are kept in memory. Default true.
    pub local_cache_enabled: bool,
    /// For how long; zero for not at all. Default 5 s.
    pub local_cache_ttl: Duration,
}

/// Where definitions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Split's back end; kept in memory.
    Standalone,
    /// Files.
    Localhost,
    /// A Redis that a Split Synchronizer fills.
    Redis,
    /// A storage of the user's. Not available yet: [`Settings::resolve`](super::Settings::resolve) refuses it.
    Pluggable,
}

/// What is sent about impressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpressionsMode {
    /// One impression per key, flag and treatment an hour, and counts.
    Optimized,
    /// Every impression.
    Debug,
    /// Counts and unique keys.
    None,
}

impl ImpressionsMode {
    /// As the option and the header have it: "OPTIMIZED".
    pub fn as_str(self) -> &'static str {
        match self {
            ImpressionsMode::Optimized => "OPTIMIZED",
            ImpressionsMode::Debug => "DEBUG",
            ImpressionsMode::None => "NONE",
        }
    }
}

/// How much of a server's certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateCheck {
    /// Nothing: whoever answers is trusted.
    None,
    /// Chain and name. Also what `optional` means, for a client.
    Required,
}

/// The base of a service's URLs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Normalised: scheme `http` or `https`, a host, no trailing slash, neither query nor fragment nor user name. A
    /// path that begins with a slash can be appended.
    pub text: String,
    /// Whether it differs from the default.
    pub overridden: bool,
}

/// A host and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name or address; IPv6 without brackets.
    pub host: String,
    /// At least 1.
    pub port: u16,
}

/// Details of TCP keepalive; `None` for what the system does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepaliveOptions {
    /// Silence before the first probe, whole seconds.
    pub idle: Option<Duration>,
    /// Pause between probes, whole seconds.
    pub interval: Option<Duration>,
    /// Unanswered probes that end the connection.
    pub count: Option<u32>,
}

/// A file in PEM format, read when the configuration was resolved: a forked child or a changed root directory must not
/// come between.
#[derive(Clone)]
pub struct PemFile {
    /// Where it was.
    pub path: PathBuf,
    /// What was in it: at least one PEM block begins in it. May be a private key.
    pub contents: Vec<u8>,
}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Text that no log, error or `Debug` output may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for the one who must send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
