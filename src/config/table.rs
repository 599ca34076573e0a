//! The one table of options. Parser, messages, `split_option_at` and `docs/configuration.md` all read it, so an option
//! added here exists everywhere; nothing else in the library may list options.
//!
//! Names and defaults are those of Split's Python SDK 10.7.0, so that a configuration can move between SDKs.

/// One option of the configuration.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionSpec {
    /// As Split documents it, such as "featuresRefreshRate".
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default as JSON; `null` when there is none.
    pub default_json: &'static str,
    /// What it does, in sentences.
    pub description: &'static str,
    /// False: accepted so that a configuration can be shared between SDKs, and ignored with a warning.
    pub supported: bool,
    /// The heading it stands under in the documentation.
    pub group: Group,
    /// The modes that read it.
    pub modes: &'static str,
    /// What a number counts.
    pub unit: Unit,
    /// Which numbers of the kind are used as they are.
    pub range: Range,
    /// Whether its value is kept out of every message.
    pub secret: bool,
    /// Whether a wrong type is an error even without strictConfig: going on with the default would be less safe, or
    /// would talk to somebody else.
    pub firm: bool,
    pub(super) initial: Initial,
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A whole number; fractions are rounded up.
    RoundedUp,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// Any text.
    Text,
    /// One of these texts, in any letter case.
    Enum(&'static [&'static str]),
    /// A list of texts; as text, separated by commas.
    Names,
    /// A list of hosts with their ports: `host:port,host:port`, `[["host", 1]]` or `["host:1"]`.
    Nodes,
    /// A JSON object.
    Object,
    /// Something that only code can give; the text says how.
    Code(&'static str),
}

impl Kind {
    /// The name that the C API gives it: "integer", "number", "boolean", "string", "enum", "list" or "object".
    pub fn name(self) -> &'static str {
        match self {
            Kind::Integer | Kind::RoundedUp => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
            Kind::Text => "string",
            Kind::Enum(_) => "enum",
            Kind::Names | Kind::Nodes => "list",
            Kind::Object | Kind::Code(_) => "object",
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    None,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// Which numbers are used as they are. Any other gives a warning, never an error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Range {
    /// Every one.
    Any,
    /// Those from `min` to `max`; the default replaces any other.
    Within {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// Those from `min` to `max`; a smaller one becomes `min`, a larger one the default.
    Raised {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
}

/// A heading of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the headings say what they are")]
pub enum Group {
    General,
    Refresh,
    Impressions,
    Events,
    Identity,
    Localhost,
    Redis,
    Fallback,
    Network,
    Pluggable,
    Ignored,
}

/// A default with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Initial {
    None,
    Integer(i64),
    Boolean(bool),
    Text(&'static str),
}

/// The largest count: what a 32-bit host can still hold, and what Redis takes as the number of a database.
const MANY: f64 = i32::MAX as f64;

impl OptionSpec {
    const fn new(
        group: Group,
        name: &'static str,
        kind: Kind,
        (initial, default_json): (Initial, &'static str),
        modes: &'static str,
        description: &'static str,
    ) -> Self {
        OptionSpec {
            name,
            kind,
            default_json,
            description,
            supported: true,
            group,
            modes,
            unit: Unit::None,
            range: Range::Any,
            secret: false,
            firm: false,
            initial,
        }
    }

    const fn seconds(mut self) -> Self {
        self.unit = Unit::Seconds;
        self
    }

    const fn milliseconds(mut self) -> Self {
        self.unit = Unit::Milliseconds;
        self
    }

    const fn raised_to(mut self, min: f64) -> Self {
        self.range = Range::Raised { min, max: f64::INFINITY };
        self
    }

    const fn raised_within(mut self, min: f64, max: f64) -> Self {
        self.range = Range::Raised { min, max };
        self
    }

    const fn at_least(mut self, min: f64) -> Self {
        self.range = Range::Within { min, max: f64::INFINITY };
        self
    }

    const fn within(mut self, min: f64, max: f64) -> Self {
        self.range = Range::Within { min, max };
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn firm(mut self) -> Self {
        self.firm = true;
        self
    }

    const fn ignored(name: &'static str, kind: Kind, description: &'static str) -> Self {
        let mut spec = OptionSpec::new(Group::Ignored, name, kind, (Initial::None, "null"), NO_MODE, description);
        spec.supported = false;
        spec
    }

    /// Its name in snake case, which is accepted too: "features_refresh_rate", "ip_addresses_enabled".
    pub fn snake_name(&self) -> String {
        snake(self.name).collect()
    }
}

/// The characters of a camel case name in snake case. A run of capitals is one word, whose last letter belongs to the
/// next word if a small letter follows: `IPAddressesEnabled`.
fn snake(name: &str) -> impl Iterator<Item = char> {
    let bytes = name.as_bytes();
    bytes.iter().enumerate().flat_map(move |(at, byte)| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let starts_word = byte.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_uppercase() && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase)
            });
        starts_word.then_some('_').into_iter().chain([char::from(byte.to_ascii_lowercase())])
    })
}

/// All options, in the order of Split's documentation.
pub fn options() -> &'static [OptionSpec] {
    OPTIONS
}

/// The option of this name, camel or snake case.
pub(super) fn find(name: &str) -> Option<Id> {
    let at = OPTIONS.iter().position(|spec| spec.name == name || snake(spec.name).eq(name.chars()))?;
    Some(Id::ALL[at])
}

/// The option whose name somebody probably meant, if one is close.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let plain = |name: &str| name.chars().filter(|&c| c != '_').flat_map(char::to_lowercase).collect::<String>();
    // Longer than any name by more than the distance accepted: not even worth the work, which grows with the product.
    if name.len() > 64 {
        return None;
    }
    let given = plain(name);
    let tolerated = (given.chars().count() / 3).min(3);
    let distances = OPTIONS.iter().map(|spec| (strsim::damerau_levenshtein(&given, &plain(spec.name)), spec.name));
    distances.filter(|(distance, _)| *distance <= tolerated).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// A default, as a value and as JSON.
macro_rules! initial {
    (null) => {
        (Initial::None, "null")
    };
    ($literal:literal $variant:ident) => {
        (Initial::$variant($literal), stringify!($literal))
    };
}

macro_rules! table {
    ($($id:ident = $spec:expr;)*) => {
        /// An option, as an index into the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Id {
            $($id,)*
        }

        impl Id {
            const ALL: &'static [Id] = &[$(Id::$id,)*];

            pub(super) fn spec(self) -> &'static OptionSpec {
                // The enum and the table come from the same list.
                &OPTIONS[self as usize]
            }
        }

        static OPTIONS: &[OptionSpec] = &[$($spec,)*];
    };
}

const ALL: &str = "all";
const MEMORY: &str = "standalone";
const FETCHED: &str = "standalone, localhost with JSON";
const RECORDED: &str = "standalone, Redis, pluggable";
const LOCAL: &str = "localhost";
const LOCAL_JSON: &str = "localhost with JSON";
const REDIS: &str = "Redis";
const PLUGGABLE: &str = "pluggable";
const NO_MODE: &str = "none";

const IMPRESSIONS_MODES: &[&str] = &["OPTIMIZED", "DEBUG", "NONE"];
const AUTHENTICATION: &[&str] = &["NONE", "KERBEROS_SPNEGO", "KERBEROS_PROXY"];
const LOG_LEVELS: &[&str] = &["none", "error", "warning", "info", "debug"];
const CERTIFICATE_CHECKS: &[&str] = &["none", "optional", "required"];

use Kind::{Boolean, Code, Enum, Integer, Names, Nodes, Number, Object, RoundedUp, Text};

table! {
    // General
    PreforkedInitialization = OptionSpec::new(Group::General, "preforkedInitialization", Boolean, initial!(false Boolean), MEMORY,
        "For servers that fork workers: definitions are fetched once, at most four attempts, while the factory is made, and no \
         thread is started; a child starts them at its first call or by `split_resume`.");
    ResumeOnFork = OptionSpec::new(Group::General, "resumeOnFork", Boolean, initial!(true Boolean), ALL,
        "A forked child gets threads and connections of its own at its first call. False: only by `split_resume`.");
    StrictConfig = OptionSpec::new(Group::General, "strictConfig", Boolean, initial!(true Boolean), ALL,
        "An unknown option or a value of the wrong type is an error. False: an unknown option is ignored, a wrong type gives the \
         default with a warning. In JSON it counts for the whole object; as text, for what is set after it.");
    LogLevel = OptionSpec::new(Group::General, "logLevel", Enum(LOG_LEVELS), initial!("warning" Text), ALL,
        "The most talkative level that is logged: to standard error, or to the queue of log lines. A logger set in code has a level of its own.");
    SdkName = OptionSpec::new(Group::General, "sdkName", Text, initial!("rust" Text), ALL,
        "For bindings: the language that Split's back end sees, such as `python`. Characters that a header cannot hold are removed.");
    SdkVersion = OptionSpec::new(Group::General, "sdkVersion", Text, initial!(null), ALL,
        "For bindings: the version that Split's back end sees. Default: the version of this library.");

    // Refresh, streaming
    FeaturesRefreshRate = OptionSpec::new(Group::Refresh, "featuresRefreshRate", Integer, initial!(30 Integer), FETCHED,
        "Pause between two fetches of feature flags, while streaming is not connected; in localhost mode between two looks at splitFile.").seconds().raised_to(1.0);
    SegmentsRefreshRate = OptionSpec::new(Group::Refresh, "segmentsRefreshRate", Integer, initial!(30 Integer), FETCHED,
        "Pause between two fetches of segments, while streaming is not connected; in localhost mode between two looks at segmentDirectory.").seconds().raised_to(1.0);
    StreamingEnabled = OptionSpec::new(Group::Refresh, "streamingEnabled", Boolean, initial!(true Boolean), MEMORY,
        "Changes are announced by a stream. False: only polling.");
    StreamingHonorConnDelay = OptionSpec::new(Group::Refresh, "streamingHonorConnDelay", Boolean, initial!(false Boolean), MEMORY,
        "Wait the delay that Split's back end asks for before connecting to the stream.");
    ConnectionTimeout = OptionSpec::new(Group::Refresh, "connectionTimeout", Integer, initial!(1500 Integer), MEMORY,
        "Longest time to connect to Split's services.").milliseconds().at_least(1.0);
    ReadTimeout = OptionSpec::new(Group::Refresh, "readTimeout", Integer, initial!(null), MEMORY,
        "Longest silence between two pieces of an answer; not a limit for the whole answer. Default: connectionTimeout, but at least 15000.").milliseconds().at_least(1.0);
    FlagSetsFilter = OptionSpec::new(Group::Refresh, "flagSetsFilter", Names, initial!(null), FETCHED,
        "Only feature flags of these flag sets are kept. Names are trimmed and lower-cased; invalid ones are dropped with an error \
         in the log. Nothing valid: no filter. Dropped with a warning in the other modes.");

    // Impressions
    ImpressionsMode = OptionSpec::new(Group::Impressions, "impressionsMode", Enum(IMPRESSIONS_MODES), initial!("OPTIMIZED" Text), RECORDED,
        "OPTIMIZED sends one impression per key, flag and treatment an hour, and counts; DEBUG sends every impression; NONE sends \
         counts and unique keys only.");
    ImpressionsRefreshRate = OptionSpec::new(Group::Impressions, "impressionsRefreshRate", RoundedUp, initial!(300 Integer), MEMORY,
        "Pause between two posts of impressions. In DEBUG mode the default is 60; in the other modes the minimum is 60.").seconds().raised_to(1.0);
    ImpressionsBulkSize = OptionSpec::new(Group::Impressions, "impressionsBulkSize", Integer, initial!(5000 Integer), MEMORY,
        "Impressions in one post, at most.").within(1.0, MANY);
    ImpressionsQueueSize = OptionSpec::new(Group::Impressions, "impressionsQueueSize", Integer, initial!(10000 Integer), MEMORY,
        "Impressions that wait for being posted, at most; further ones are dropped and counted.").within(1.0, MANY);
    ImpressionListener = OptionSpec::new(Group::Impressions, "impressionListener", Code("split_config_set_impression_listener"), initial!(null), ALL,
        "A function that gets every impression. Set in code, by `split_config_set_impression_listener`.");
    LabelsEnabled = OptionSpec::new(Group::Impressions, "labelsEnabled", Boolean, initial!(true Boolean), ALL,
        "Impressions say which rule decided. False: they do not, for rules whose names are confidential.");
    DataSampling = OptionSpec::new(Group::Impressions, "dataSampling", Number, initial!(1 Integer), REDIS,
        "Share of calls that record anything at all: impressions, counts, latencies.").raised_within(0.1, 1.0);

    // Events, telemetry
    EventsPushRate = OptionSpec::new(Group::Events, "eventsPushRate", Integer, initial!(10 Integer), MEMORY,
        "Pause between two posts of events.").seconds().raised_to(1.0);
    EventsBulkSize = OptionSpec::new(Group::Events, "eventsBulkSize", Integer, initial!(5000 Integer), MEMORY,
        "Events in one post, at most.").within(1.0, MANY);
    EventsQueueSize = OptionSpec::new(Group::Events, "eventsQueueSize", Integer, initial!(10000 Integer), MEMORY,
        "Events that wait for being posted, at most; `split_track` refuses further ones.").within(1.0, MANY);
    MetricsRefreshRate = OptionSpec::new(Group::Events, "metricsRefreshRate", Integer, initial!(3600 Integer), MEMORY,
        "Pause between two posts of the SDK's own statistics.").seconds().at_least(60.0);

    // Identity
    IpAddressesEnabled = OptionSpec::new(Group::Identity, "IPAddressesEnabled", Boolean, initial!(true Boolean), ALL,
        "Address and name of the machine are sent with impressions. False: both are `NA`.");
    MachineName = OptionSpec::new(Group::Identity, "machineName", Text, initial!(null), ALL,
        "Name to send. `/` becomes `-`; characters that a header cannot hold are removed. Default: `ip-` and the address.");
    MachineIp = OptionSpec::new(Group::Identity, "machineIp", Text, initial!(null), ALL,
        "Address to send, cleaned like machineName. Default: the address that leads to the network.");

    // Localhost
    SplitFile = OptionSpec::new(Group::Localhost, "splitFile", Text, initial!(null), LOCAL,
        "File of the feature flags: `.json` is JSON, `.yaml` and `.yml` are YAML, anything else is lines of flag and treatment. \
         Default: `.split` in the home directory.");
    SegmentDirectory = OptionSpec::new(Group::Localhost, "segmentDirectory", Text, initial!(null), LOCAL_JSON,
        "Directory of the segments, one `<segment>.json` each. Default: the home directory.");
    LocalhostRefreshEnabled = OptionSpec::new(Group::Localhost, "localhostRefreshEnabled", Boolean, initial!(false Boolean), LOCAL_JSON,
        "Read the files again at featuresRefreshRate and segmentsRefreshRate.");

    // Redis
    RedisHost = OptionSpec::new(Group::Redis, "redisHost", Text, initial!("localhost" Text), REDIS,
        "Host of the Redis that a Split Synchronizer fills. Giving it selects Redis mode, also with its default.");
    RedisPort = OptionSpec::new(Group::Redis, "redisPort", Integer, initial!(6379 Integer), REDIS, "Port of redisHost.").within(1.0, 65535.0);
    RedisDb = OptionSpec::new(Group::Redis, "redisDb", Integer, initial!(0 Integer), REDIS,
        "Number of the database; 0 in a cluster.").within(0.0, MANY);
    RedisUsername = OptionSpec::new(Group::Redis, "redisUsername", Text, initial!(null), REDIS,
        "User name; without redisPassword it is ignored with a warning.");
    RedisPassword = OptionSpec::new(Group::Redis, "redisPassword", Text, initial!(null), REDIS, "Password.").secret();
    RedisPrefix = OptionSpec::new(Group::Redis, "redisPrefix", Text, initial!(null), REDIS,
        "Put before every key, with a dot. Must be the Synchronizer's.");
    RedisUnixSocketPath = OptionSpec::new(Group::Redis, "redisUnixSocketPath", Text, initial!(null), REDIS,
        "Path of a Unix socket, used instead of redisHost and redisPort. Giving it selects Redis mode.");
    RedisSocketTimeout = OptionSpec::new(Group::Redis, "redisSocketTimeout", Number, initial!(5 Integer), REDIS,
        "Longest time for a command or a pipeline.").seconds().at_least(0.001);
    RedisSocketConnectTimeout = OptionSpec::new(Group::Redis, "redisSocketConnectTimeout", Number, initial!(5 Integer), REDIS,
        "Longest time to connect.").seconds().at_least(0.001);
    RedisSocketKeepalive = OptionSpec::new(Group::Redis, "redisSocketKeepalive", Boolean, initial!(false Boolean), REDIS,
        "TCP keepalive on the connections.");
    RedisSocketKeepaliveOptions = OptionSpec::new(Group::Redis, "redisSocketKeepaliveOptions", Object, initial!(null), REDIS,
        "Details of redisSocketKeepalive: `{\"idle\": seconds, \"interval\": seconds, \"count\": probes}`, or by the names `TCP_KEEPIDLE`, \
         `TCP_KEEPINTVL` and `TCP_KEEPCNT`. Anything else is ignored with a warning.");
    RedisRetryOnTimeout = OptionSpec::new(Group::Redis, "redisRetryOnTimeout", Boolean, initial!(false Boolean), REDIS,
        "Repeat a read that timed out, once. Writes are never repeated.");
    RedisMaxConnections = OptionSpec::new(Group::Redis, "redisMaxConnections", Integer, initial!(16 Integer), REDIS,
        "Connections at a time, at most.").within(1.0, MANY);
    RedisSsl = OptionSpec::new(Group::Redis, "redisSsl", Boolean, initial!(false Boolean), REDIS, "TLS to Redis, sentinels included.").firm();
    RedisSslKeyfile = OptionSpec::new(Group::Redis, "redisSslKeyfile", Text, initial!(null), REDIS,
        "PEM file with the key of the client certificate; default: redisSslCertfile.").firm();
    RedisSslCertfile = OptionSpec::new(Group::Redis, "redisSslCertfile", Text, initial!(null), REDIS,
        "PEM file with the client certificate and its chain.").firm();
    RedisSslCertReqs = OptionSpec::new(Group::Redis, "redisSslCertReqs", Enum(CERTIFICATE_CHECKS), initial!("required" Text), REDIS,
        "`required` and `optional` verify the server's certificate and its name; `none` (also 0 or false) accepts any, with a warning. \
         Split's Python SDK does not verify by default; this one does. Anything else is an error.").firm();
    RedisSslCaCerts = OptionSpec::new(Group::Redis, "redisSslCaCerts", Text, initial!(null), REDIS,
        "PEM file with authorities to trust besides those of the system.").firm();
    RedisSslServerName = OptionSpec::new(Group::Redis, "redisSslServerName", Text, initial!(null), REDIS,
        "Name to send and to verify instead of the host, for sentinels and clusters that announce addresses.").firm();
    RedisSentinels = OptionSpec::new(Group::Redis, "redisSentinels", Nodes, initial!(null), REDIS,
        "Sentinels that know the master. Giving it selects Redis mode and needs redisMasterService.").firm();
    RedisMasterService = OptionSpec::new(Group::Redis, "redisMasterService", Text, initial!(null), REDIS,
        "Name of the master that the sentinels watch.").firm();
    RedisSentinelUsername = OptionSpec::new(Group::Redis, "redisSentinelUsername", Text, initial!(null), REDIS,
        "User name for the sentinels themselves; without redisSentinelPassword it is ignored with a warning.");
    RedisSentinelPassword = OptionSpec::new(Group::Redis, "redisSentinelPassword", Text, initial!(null), REDIS,
        "Password for the sentinels themselves.").secret();
    RedisClusterNodes = OptionSpec::new(Group::Redis, "redisClusterNodes", Nodes, initial!(null), REDIS,
        "Nodes of a cluster to begin with. Giving it selects Redis mode; not together with redisSentinels.").firm();
    RedisClusterKeyHashTag = OptionSpec::new(Group::Redis, "redisClusterKeyHashTag", Text, initial!("{SPLITIO}" Text), REDIS,
        "Put before every key of a cluster so that all share a slot. Must be the Synchronizer's; the braces are required.").firm();
    RedisLocalCacheEnabled = OptionSpec::new(Group::Redis, "redisLocalCacheEnabled", Boolean, initial!(true Boolean), REDIS,
        "Keep definitions in memory for redisLocalCacheTTL.");
    RedisLocalCacheTtl = OptionSpec::new(Group::Redis, "redisLocalCacheTTL", Integer, initial!(5 Integer), REDIS,
        "How long a definition from Redis is used without asking again; 0 is the same as redisLocalCacheEnabled false.").seconds().at_least(0.0);

    // Fallback
    FallbackTreatments = OptionSpec::new(Group::Fallback, "fallbackTreatments", Object, initial!(null), ALL,
        "Answers instead of `control`: `{\"global\": T, \"byFlag\": {\"<flag>\": T}}`, where T is a treatment or \
         `{\"treatment\": \"off\", \"config\": \"text\"}`. Treatments have up to 100 characters. Treatments and flag names begin with a \
         letter and hold letters, digits, `_` and `-`, or begin with a digit and may also hold dots. Others are dropped with a warning.");

    // Network
    SdkApiBaseUrl = OptionSpec::new(Group::Network, "sdk_api_base_url", Text, initial!("https://sdk.split.io/api" Text), MEMORY,
        "Where definitions are fetched: `/splitChanges` and `/segmentChanges/<segment>` are added.").firm();
    EventsApiBaseUrl = OptionSpec::new(Group::Network, "events_api_base_url", Text, initial!("https://events.split.io/api" Text), MEMORY,
        "Where impressions and events go: `/testImpressions/bulk`, `/testImpressions/count` and `/events/bulk` are added.").firm();
    AuthApiBaseUrl = OptionSpec::new(Group::Network, "auth_api_base_url", Text, initial!("https://auth.split.io/api" Text), MEMORY,
        "Where the stream's token comes from: `/v2/auth` is added.").firm();
    StreamingApiBaseUrl = OptionSpec::new(Group::Network, "streaming_api_base_url", Text, initial!("https://streaming.split.io" Text), MEMORY,
        "Where the stream is: `/event-stream` is added.").firm();
    TelemetryApiBaseUrl = OptionSpec::new(Group::Network, "telemetry_api_base_url", Text, initial!("https://telemetry.split.io/api" Text), MEMORY,
        "Where the SDK's own statistics go: `/v1/metrics/config`, `/v1/metrics/usage` and `/v1/keys/ss` are added.").firm();
    ProxyUrl = OptionSpec::new(Group::Network, "proxyUrl", Text, initial!(null), MEMORY,
        "Proxy for all connections, such as `http://user:password@host:3128`; wins over the environment. Without a host, or with a port that is not a \
         number, it is dropped with a warning.").secret();
    CustomHeaders = OptionSpec::new(Group::Network, "customHeaders", Object, initial!(null), MEMORY,
        "Headers to add to every request: an object of text. Those the SDK sets itself are refused with a warning.").secret().firm();
    CaBundlePath = OptionSpec::new(Group::Network, "caBundlePath", Text, initial!(null), MEMORY,
        "PEM file with authorities to trust besides those of the system.").firm();
    MtlsCertPath = OptionSpec::new(Group::Network, "mtlsCertPath", Text, initial!(null), MEMORY,
        "PEM file with the client certificate and its chain; needs mtlsKeyPath.").firm();
    MtlsKeyPath = OptionSpec::new(Group::Network, "mtlsKeyPath", Text, initial!(null), MEMORY,
        "PEM file with the key of mtlsCertPath.").firm();
    HttpAuthenticateScheme = OptionSpec::new(Group::Network, "httpAuthenticateScheme", Enum(AUTHENTICATION), initial!("NONE" Text), MEMORY,
        "Kerberos is recognised so that it can be refused: no factory is made with it.");
    KerberosPrincipalUser = OptionSpec::new(Group::Network, "kerberosPrincipalUser", Text, initial!(null), MEMORY,
        "Belongs to Kerberos, which is refused; alone it does nothing.");
    KerberosPrincipalPassword = OptionSpec::new(Group::Network, "kerberosPrincipalPassword", Text, initial!(null), MEMORY,
        "Belongs to Kerberos, which is refused; alone it does nothing.").secret();

    // Pluggable storage
    StorageType = OptionSpec::new(Group::Pluggable, "storageType", Text, initial!(null), ALL,
        "`pluggable` selects a storage of your own, which is not available yet: no factory is made with it. Anything else is ignored with a warning.");
    StoragePrefix = OptionSpec::new(Group::Pluggable, "storagePrefix", Text, initial!(null), PLUGGABLE,
        "Put before every key, with a dot.").firm();
    StorageWrapper = OptionSpec::new(Group::Pluggable, "storageWrapper", Code("code, once pluggable storage is available"), initial!(null), PLUGGABLE,
        "The storage. Not available yet.");

    // Ignored
    OperationMode = OptionSpec::ignored("operationMode", Text, "Computed, from the SDK key and the options given.");
    ApiKey = OptionSpec::ignored("apiKey", Text, "The SDK key is an argument of `split_factory_new`.").secret();
    Ready = OptionSpec::ignored("ready", Integer, "Waiting is done by `split_block_until_ready`.");
    RedisConnectionPool = OptionSpec::ignored("redisConnectionPool", Object, "Belongs to Python's Redis library.");
    RedisEncoding = OptionSpec::ignored("redisEncoding", Text, "Belongs to Python's Redis library; here it is always UTF-8.");
    RedisEncodingErrors = OptionSpec::ignored("redisEncodingErrors", Text, "Belongs to Python's Redis library.");
    RedisErrors = OptionSpec::ignored("redisErrors", Text, "Deprecated in Python's Redis library.");
    RedisDecodeResponses = OptionSpec::ignored("redisDecodeResponses", Boolean, "Belongs to Python's Redis library.");
}
