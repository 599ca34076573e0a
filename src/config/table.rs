//! The one table of options. Parser, messages, `split_option_at` and `docs/configuration.md` all read it, so an option
//! added here exists everywhere; nothing else in the library may list options.
//!
//! Names and defaults are those of Split's Python SDK 10.7.0, so that a configuration can move between SDKs.

use super::spec::Kind::{Boolean, Code, Enum, EnumOrIndex, Integer, Names, Nodes, Number, Object, RoundedUp, Text};
use super::spec::{Group, Initial, OptionSpec, snake};

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
    ($($group:ident { $($id:ident = $spec:expr;)* })*) => {
        /// An option, as an index into the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Id {
            $($($id,)*)*
        }

        impl Id {
            const ALL: &'static [Id] = &[$($(Id::$id,)*)*];

            pub(super) fn spec(self) -> &'static OptionSpec {
                // The enum and the table come from the same list.
                &OPTIONS[self as usize]
            }
        }

        static OPTIONS: &[OptionSpec] = &[$($($spec.under(Group::$group),)*)*];
    };
}

/// The largest count: what a 32-bit host can still hold, and what Redis takes as the number of a database.
const MANY: f64 = i32::MAX as f64;

const ALL: &str = "all";
const MEMORY: &str = "standalone";
const FETCHED: &str = "standalone, localhost with JSON";
const RECORDED: &str = "standalone, Redis, pluggable";
const LOCAL: &str = "localhost";
const LOCAL_JSON: &str = "localhost with JSON";
const REDIS: &str = "Redis";
const PLUGGABLE: &str = "pluggable";
const NOWHERE: &str = "none";

const IMPRESSIONS_MODES: &[&str] = &["OPTIMIZED", "DEBUG", "NONE"];
const AUTHENTICATION: &[&str] = &["NONE", "KERBEROS_SPNEGO", "KERBEROS_PROXY"];
const LOG_LEVELS: &[&str] = &["none", "error", "warning", "info", "debug"];
const CERTIFICATE_CHECKS: &[&str] = &["none", "optional", "required"];

table! {
    General {
        PreforkedInitialization = OptionSpec::new("preforkedInitialization", Boolean, initial!(false Boolean), MEMORY,
            "For servers that fork workers: definitions are fetched once, at most four attempts, while the factory is \
             made, and no thread is started; a child starts them at its first call or by `split_resume`.");
        ResumeOnFork = OptionSpec::new("resumeOnFork", Boolean, initial!(true Boolean), ALL,
            "A forked child gets threads and connections of its own at its first call. False: only by `split_resume`.");
        StrictConfig = OptionSpec::new("strictConfig", Boolean, initial!(true Boolean), ALL,
            "An unknown option or a value of the wrong type is an error. False: an unknown option is ignored, a wrong \
             type gives the default with a warning. In JSON it counts for the whole object; as text, for what is set \
             after it.");
        LogLevel = OptionSpec::new("logLevel", Enum(LOG_LEVELS), initial!("warning" Text), ALL,
            "The most talkative level that is logged: to standard error, or to the queue of log lines. A logger set \
             in code has a level of its own.");
        SdkName = OptionSpec::new("sdkName", Text, initial!("rust" Text), ALL,
            "For bindings: the language that Split's back end sees, such as `python`. Characters that a header cannot \
             hold are removed.");
        SdkVersion = OptionSpec::new("sdkVersion", Text, initial!(null), ALL,
            "For bindings: the version that Split's back end sees. Default: the version of this library.");
    }

    Refresh {
        FeaturesRefreshRate = OptionSpec::new("featuresRefreshRate", Integer, initial!(30 Integer), FETCHED,
            "Pause between two fetches of feature flags, while streaming is not connected; in localhost mode between \
             two looks at splitFile.").seconds().raised_to(1.0);
        SegmentsRefreshRate = OptionSpec::new("segmentsRefreshRate", Integer, initial!(30 Integer), FETCHED,
            "Pause between two fetches of segments, while streaming is not connected; in localhost mode between two \
             looks at segmentDirectory.").seconds().raised_to(1.0);
        StreamingEnabled = OptionSpec::new("streamingEnabled", Boolean, initial!(true Boolean), MEMORY,
            "Changes are announced by a stream. False: only polling.");
        StreamingHonorConnDelay = OptionSpec::new("streamingHonorConnDelay", Boolean, initial!(false Boolean), MEMORY,
            "Wait the delay that Split's back end asks for before connecting to the stream.");
        ConnectionTimeout = OptionSpec::new("connectionTimeout", Integer, initial!(1500 Integer), MEMORY,
            "Longest time to connect to Split's services.").milliseconds().at_least(1.0);
        ReadTimeout = OptionSpec::new("readTimeout", Integer, initial!(null), MEMORY,
            "Longest silence between two pieces of an answer; not a limit for the whole answer. Default: \
             connectionTimeout, but at least 15000.").milliseconds().at_least(1.0);
        FlagSetsFilter = OptionSpec::new("flagSetsFilter", Names, initial!(null), FETCHED,
            "Only feature flags of these flag sets are kept. Names are trimmed and lower-cased; invalid ones are \
             dropped with an error in the log. Nothing valid: no filter. Dropped with a warning in the other modes.");
    }

    Impressions {
        ImpressionsMode = OptionSpec::new(
            "impressionsMode", Enum(IMPRESSIONS_MODES), initial!("OPTIMIZED" Text), RECORDED,
            "OPTIMIZED sends one impression per key, flag and treatment an hour, and counts; DEBUG sends every \
             impression; NONE sends counts and unique keys only.");
        ImpressionsRefreshRate = OptionSpec::new("impressionsRefreshRate", RoundedUp, initial!(300 Integer), MEMORY,
            "Pause between two posts of impressions. In DEBUG mode the default is 60; in the other modes the minimum \
             is 60.").seconds().raised_to(1.0);
        ImpressionsBulkSize = OptionSpec::new("impressionsBulkSize", Integer, initial!(5000 Integer), MEMORY,
            "Impressions in one post, at most.").within(1.0, MANY);
        ImpressionsQueueSize = OptionSpec::new("impressionsQueueSize", Integer, initial!(10000 Integer), RECORDED,
            "Impressions that wait for being posted, or for a Redis that fails, at most; further ones are dropped and \
             counted.").within(1.0, MANY);
        ImpressionListener = OptionSpec::new(
            "impressionListener", Code("split_config_set_impression_listener"), initial!(null), ALL,
            "A function that gets every impression. Set in code, by `split_config_set_impression_listener`.");
        LabelsEnabled = OptionSpec::new("labelsEnabled", Boolean, initial!(true Boolean), ALL,
            "Impressions say which rule decided. False: they do not, for rules whose names are confidential.");
        DataSampling = OptionSpec::new("dataSampling", Number, initial!(1 Integer), REDIS,
            "Share of calls that record anything at all: impressions, counts, latencies.").raised_within(0.1, 1.0);
    }

    Events {
        EventsPushRate = OptionSpec::new("eventsPushRate", Integer, initial!(10 Integer), MEMORY,
            "Pause between two posts of events.").seconds().raised_to(1.0);
        EventsBulkSize = OptionSpec::new("eventsBulkSize", Integer, initial!(5000 Integer), MEMORY,
            "Events in one post, at most.").within(1.0, MANY);
        EventsQueueSize = OptionSpec::new("eventsQueueSize", Integer, initial!(10000 Integer), RECORDED,
            "Events that wait for being posted, or for a Redis that fails, at most; `split_track` refuses further \
             ones.").within(1.0, MANY);
        MetricsRefreshRate = OptionSpec::new("metricsRefreshRate", Integer, initial!(3600 Integer), MEMORY,
            "Pause between two posts of the SDK's own statistics.").seconds().at_least(60.0);
    }

    Identity {
        IpAddressesEnabled = OptionSpec::new("IPAddressesEnabled", Boolean, initial!(true Boolean), ALL,
            "Address and name of the machine are sent with impressions. False: both are `NA`.");
        MachineName = OptionSpec::new("machineName", Text, initial!(null), ALL,
            "Name to send. `/` becomes `-`; characters that a header cannot hold are removed. Default: `ip-` and the \
             address.");
        MachineIp = OptionSpec::new("machineIp", Text, initial!(null), ALL,
            "Address to send, cleaned like machineName. Default: the address that leads to the network.");
    }

    Localhost {
        SplitFile = OptionSpec::new("splitFile", Text, initial!(null), LOCAL,
            "File of the feature flags: `.json` is JSON, `.yaml` and `.yml` are YAML, anything else is lines of flag \
             and treatment. Default: `.split` in the home directory.");
        SegmentDirectory = OptionSpec::new("segmentDirectory", Text, initial!(null), LOCAL_JSON,
            "Directory of the segments, one `<segment>.json` each. Default: the home directory.");
        LocalhostRefreshEnabled = OptionSpec::new(
            "localhostRefreshEnabled", Boolean, initial!(false Boolean), LOCAL_JSON,
            "Read the files again at featuresRefreshRate and segmentsRefreshRate.");
    }

    Redis {
        RedisHost = OptionSpec::new("redisHost", Text, initial!("localhost" Text), REDIS,
            "Host of the Redis that a Split Synchronizer fills. Giving it selects Redis mode, also with its default.");
        RedisPort = OptionSpec::new("redisPort", Integer, initial!(6379 Integer), REDIS,
            "Port of redisHost.").within(1.0, 65535.0);
        RedisDb = OptionSpec::new("redisDb", Integer, initial!(0 Integer), REDIS,
            "Number of the database; 0 in a cluster.").within(0.0, MANY);
        RedisUsername = OptionSpec::new("redisUsername", Text, initial!(null), REDIS,
            "User name; without redisPassword it is ignored with a warning.");
        RedisPassword = OptionSpec::new("redisPassword", Text, initial!(null), REDIS, "Password.").secret();
        RedisPrefix = OptionSpec::new("redisPrefix", Text, initial!(null), REDIS,
            "Put before every key, with a dot. Must be the Synchronizer's.");
        RedisUnixSocketPath = OptionSpec::new("redisUnixSocketPath", Text, initial!(null), REDIS,
            "Path of a Unix socket, used instead of redisHost and redisPort. Giving it selects Redis mode.");
        RedisSocketTimeout = OptionSpec::new("redisSocketTimeout", Number, initial!(5 Integer), REDIS,
            "Longest time for a command or a pipeline.").seconds().at_least(0.001);
        RedisSocketConnectTimeout = OptionSpec::new("redisSocketConnectTimeout", Number, initial!(5 Integer), REDIS,
            "Longest time to connect.").seconds().at_least(0.001);
        RedisSocketKeepalive = OptionSpec::new("redisSocketKeepalive", Boolean, initial!(false Boolean), REDIS,
            "TCP keepalive on the connections.");
        RedisSocketKeepaliveOptions = OptionSpec::new("redisSocketKeepaliveOptions", Object, initial!(null), REDIS,
            "Details of redisSocketKeepalive: `{\"idle\": seconds, \"interval\": seconds, \"count\": probes}`, or by \
             the names `TCP_KEEPIDLE`, `TCP_KEEPINTVL` and `TCP_KEEPCNT`. Anything else is ignored with a warning.");
        RedisRetryOnTimeout = OptionSpec::new("redisRetryOnTimeout", Boolean, initial!(false Boolean), REDIS,
            "Repeat a read that timed out, once. Writes are never repeated.");
        RedisMaxConnections = OptionSpec::new("redisMaxConnections", Integer, initial!(16 Integer), REDIS,
            "Connections at a time, at most.").within(1.0, MANY);
        RedisSsl = OptionSpec::new("redisSsl", Boolean, initial!(false Boolean), REDIS,
            "TLS to Redis, sentinels included.").firm();
        RedisSslKeyfile = OptionSpec::new("redisSslKeyfile", Text, initial!(null), REDIS,
            "PEM file with the key of the client certificate; default: redisSslCertfile.").firm();
        RedisSslCertfile = OptionSpec::new("redisSslCertfile", Text, initial!(null), REDIS,
            "PEM file with the client certificate and its chain.").firm();
        RedisSslCertReqs = OptionSpec::new(
            "redisSslCertReqs", EnumOrIndex(CERTIFICATE_CHECKS), initial!("required" Text), REDIS,
            "`required` and `optional` verify the server's certificate and its name; `none` (also 0 or false) accepts \
             any, with a warning. Split's Python SDK does not verify by default; this one does. Anything else is an \
             error.").firm();
        RedisSslCaCerts = OptionSpec::new("redisSslCaCerts", Text, initial!(null), REDIS,
            "PEM file with authorities to trust besides those of the system.").firm();
        RedisSslServerName = OptionSpec::new("redisSslServerName", Text, initial!(null), REDIS,
            "Name to send and to verify instead of the host, for sentinels and clusters that announce addresses."
        ).firm();
        RedisSentinels = OptionSpec::new("redisSentinels", Nodes, initial!(null), REDIS,
            "Sentinels that know the master. Giving it selects Redis mode and needs redisMasterService.").firm();
        RedisMasterService = OptionSpec::new("redisMasterService", Text, initial!(null), REDIS,
            "Name of the master that the sentinels watch.").firm();
        RedisSentinelUsername = OptionSpec::new("redisSentinelUsername", Text, initial!(null), REDIS,
            "User name for the sentinels themselves; without redisSentinelPassword it is ignored with a warning.");
        RedisSentinelPassword = OptionSpec::new("redisSentinelPassword", Text, initial!(null), REDIS,
            "Password for the sentinels themselves.").secret();
        RedisClusterNodes = OptionSpec::new("redisClusterNodes", Nodes, initial!(null), REDIS,
            "Nodes of a cluster to begin with. Giving it selects Redis mode; not together with redisSentinels.").firm();
        RedisClusterKeyHashTag = OptionSpec::new("redisClusterKeyHashTag", Text, initial!("{SPLITIO}" Text), REDIS,
            "Put before every key of a cluster so that all share a slot. Must be the Synchronizer's; the braces are \
             required.").firm();
        RedisLocalCacheEnabled = OptionSpec::new("redisLocalCacheEnabled", Boolean, initial!(true Boolean), REDIS,
            "Keep definitions in memory for redisLocalCacheTTL.");
        RedisLocalCacheTtl = OptionSpec::new("redisLocalCacheTTL", Integer, initial!(5 Integer), REDIS,
            "How long a definition from Redis is used without asking again; 0 is the same as redisLocalCacheEnabled \
             false.").seconds().at_least(0.0);
    }

    Fallback {
        FallbackTreatments = OptionSpec::new("fallbackTreatments", Object, initial!(null), ALL,
            "Answers instead of `control`: `{\"global\": T, \"byFlag\": {\"<flag>\": T}}`, where T is a treatment or \
             `{\"treatment\": \"off\", \"config\": \"text\"}`. Treatments have up to 100 characters. Treatments and \
             flag names begin with a letter and hold letters, digits, `_` and `-`, or begin with a digit and may also \
             hold dots. Others are dropped with a warning.");
    }

    Network {
        SdkApiBaseUrl = OptionSpec::new("sdk_api_base_url", Text, initial!("https://sdk.split.io/api" Text), MEMORY,
            "Where definitions are fetched: `/splitChanges` and `/segmentChanges/<segment>` are added.").firm();
        EventsApiBaseUrl = OptionSpec::new(
            "events_api_base_url", Text, initial!("https://events.split.io/api" Text), MEMORY,
            "Where impressions and events go: `/testImpressions/bulk`, `/testImpressions/count` and `/events/bulk` \
             are added.").firm();
        AuthApiBaseUrl = OptionSpec::new("auth_api_base_url", Text, initial!("https://auth.split.io/api" Text), MEMORY,
            "Where the stream's token comes from: `/v2/auth` is added.").firm();
        StreamingApiBaseUrl = OptionSpec::new(
            "streaming_api_base_url", Text, initial!("https://streaming.split.io" Text), MEMORY,
            "Where the stream is: `/event-stream` is added.").firm();
        TelemetryApiBaseUrl = OptionSpec::new(
            "telemetry_api_base_url", Text, initial!("https://telemetry.split.io/api" Text), MEMORY,
            "Where the SDK's own statistics go: `/v1/metrics/config`, `/v1/metrics/usage` and `/v1/keys/ss` are \
             added.").firm();
        ProxyUrl = OptionSpec::new("proxyUrl", Text, initial!(null), MEMORY,
            "Proxy for all connections, such as `http://user:password@host:3128`; wins over the environment. Without \
             a host, or with a port that is not a number, it is dropped with a warning.").secret();
        CustomHeaders = OptionSpec::new("customHeaders", Object, initial!(null), MEMORY,
            "Headers to add to every request: an object of text. Those the SDK sets itself are refused with a \
             warning.").secret().firm();
        CaBundlePath = OptionSpec::new("caBundlePath", Text, initial!(null), MEMORY,
            "PEM file with authorities to trust besides those of the system.").firm();
        MtlsCertPath = OptionSpec::new("mtlsCertPath", Text, initial!(null), MEMORY,
            "PEM file with the client certificate and its chain; needs mtlsKeyPath.").firm();
        MtlsKeyPath = OptionSpec::new("mtlsKeyPath", Text, initial!(null), MEMORY,
            "PEM file with the key of mtlsCertPath.").firm();
        HttpAuthenticateScheme = OptionSpec::new(
            "httpAuthenticateScheme", Enum(AUTHENTICATION), initial!("NONE" Text), MEMORY,
            "Kerberos is recognised so that it can be refused: no factory is made with it.");
        KerberosPrincipalUser = OptionSpec::new("kerberosPrincipalUser", Text, initial!(null), MEMORY,
            "Belongs to Kerberos, which is refused; alone it does nothing.");
        KerberosPrincipalPassword = OptionSpec::new("kerberosPrincipalPassword", Text, initial!(null), MEMORY,
            "Belongs to Kerberos, which is refused; alone it does nothing.").secret();
    }

    Pluggable {
        StorageType = OptionSpec::new("storageType", Text, initial!(null), ALL,
            "`pluggable` selects a storage of your own, which is not available yet: no factory is made with it. \
             Anything else is ignored with a warning.");
        StoragePrefix = OptionSpec::new("storagePrefix", Text, initial!(null), PLUGGABLE,
            "Put before every key, with a dot.").firm();
        StorageWrapper = OptionSpec::new(
            "storageWrapper", Code("code, once pluggable storage is available"), initial!(null), PLUGGABLE,
            "The storage. Not available yet.");
    }

    Ignored {
        OperationMode = OptionSpec::new("operationMode", Text, initial!(null), NOWHERE,
            "Computed, from the SDK key and the options given.").ignored();
        ApiKey = OptionSpec::new("apiKey", Text, initial!(null), NOWHERE,
            "The SDK key is an argument of `split_factory_new`.").ignored().secret();
        Ready = OptionSpec::new("ready", Integer, initial!(null), NOWHERE,
            "Waiting is done by `split_block_until_ready`.").ignored();
        RedisConnectionPool = OptionSpec::new("redisConnectionPool", Object, initial!(null), NOWHERE,
            "Belongs to Python's Redis library.").ignored();
        RedisEncoding = OptionSpec::new("redisEncoding", Text, initial!(null), NOWHERE,
            "Belongs to Python's Redis library; here it is always UTF-8.").ignored();
        RedisEncodingErrors = OptionSpec::new("redisEncodingErrors", Text, initial!(null), NOWHERE,
            "Belongs to Python's Redis library.").ignored();
        RedisErrors = OptionSpec::new("redisErrors", Text, initial!(null), NOWHERE,
            "Deprecated in Python's Redis library.").ignored();
        RedisDecodeResponses = OptionSpec::new("redisDecodeResponses", Boolean, initial!(null), NOWHERE,
            "Belongs to Python's Redis library.").ignored();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::parse::{Raw, value};
    use super::*;

    #[test]
    fn names_are_distinct_in_both_cases_together() {
        let names: Vec<String> = options().iter().map(OptionSpec::snake_name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for (spec, id) in options().iter().zip(Id::ALL) {
            assert_eq!(id.spec().name, spec.name);
            assert_eq!(find(spec.name), Some(*id), "{}", spec.name);
            assert_eq!(find(&spec.snake_name()), Some(*id), "{}", spec.name);
        }
    }

    #[test]
    fn snake_case() {
        for (name, snake) in [
            ("featuresRefreshRate", "features_refresh_rate"),
            ("IPAddressesEnabled", "ip_addresses_enabled"),
            ("redisLocalCacheTTL", "redis_local_cache_ttl"),
            ("redisSslCaCerts", "redis_ssl_ca_certs"),
            ("sdk_api_base_url", "sdk_api_base_url"),
            ("ready", "ready"),
        ] {
            let id = find(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(id.spec().snake_name(), snake);
        }
        for name in ["FeaturesRefreshRate", "featuresrefreshrate", "features_RefreshRate", "sdkApiBaseUrl", "", "_"] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn defaults_are_of_their_kind() {
        for spec in options() {
            let default = serde_json::from_str(spec.default_json).unwrap_or_else(|_| panic!("{}", spec.name));
            let read = value(spec, Raw::Json(&default));
            assert_eq!(read.is_ok_and(|value| value.is_none()), spec.default_json == "null", "{}", spec.name);
        }
    }

    #[test]
    fn rows_are_complete() {
        for spec in options() {
            assert!(spec.description.ends_with('.'), "{}", spec.name);
            assert!(!spec.description.contains("  "), "{}", spec.name);
            assert_eq!(spec.supported, spec.modes != NOWHERE, "{}", spec.name);
            let is_text = matches!(spec.kind, Text | Object);
            assert!(!spec.secret || is_text, "{}: a notice would show the number", spec.name);
        }
    }

    /// Every name that design and specification know.
    #[test]
    fn all_options_are_there() {
        let names: BTreeSet<&str> = options().iter().map(|spec| spec.name).collect();
        let expected = "IPAddressesEnabled apiKey auth_api_base_url caBundlePath connectionTimeout customHeaders \
            dataSampling eventsBulkSize eventsPushRate eventsQueueSize events_api_base_url fallbackTreatments \
            featuresRefreshRate flagSetsFilter httpAuthenticateScheme impressionListener impressionsBulkSize \
            impressionsMode impressionsQueueSize impressionsRefreshRate kerberosPrincipalPassword \
            kerberosPrincipalUser labelsEnabled localhostRefreshEnabled logLevel machineIp machineName \
            metricsRefreshRate mtlsCertPath mtlsKeyPath operationMode preforkedInitialization proxyUrl readTimeout \
            ready redisClusterKeyHashTag redisClusterNodes redisConnectionPool redisDb redisDecodeResponses \
            redisEncoding redisEncodingErrors redisErrors redisHost redisLocalCacheEnabled redisLocalCacheTTL \
            redisMasterService redisMaxConnections redisPassword redisPort redisPrefix redisRetryOnTimeout \
            redisSentinelPassword redisSentinelUsername redisSentinels redisSocketConnectTimeout \
            redisSocketKeepalive redisSocketKeepaliveOptions redisSocketTimeout redisSsl redisSslCaCerts \
            redisSslCertReqs redisSslCertfile redisSslKeyfile redisSslServerName redisUnixSocketPath redisUsername \
            resumeOnFork sdkName sdkVersion sdk_api_base_url segmentDirectory segmentsRefreshRate splitFile \
            storagePrefix storageType storageWrapper streamingEnabled streamingHonorConnDelay \
            streaming_api_base_url strictConfig telemetry_api_base_url";
        assert_eq!(names, expected.split_whitespace().collect::<BTreeSet<&str>>());
    }

    #[test]
    fn suggestions_are_close() {
        for (given, suggested) in [
            ("featureRefreshRate", Some("featuresRefreshRate")),
            ("featuresrefreshrate", Some("featuresRefreshRate")),
            ("feature_refresh_rate", Some("featuresRefreshRate")),
            ("ipAddressesEnabled", Some("IPAddressesEnabled")),
            ("redisHots", Some("redisHost")),
            ("sdkApiBaseUrl", Some("sdk_api_base_url")),
            ("raedy", Some("ready")),
            ("x", None),
            ("", None),
            ("impressionListeners", Some("impressionListener")),
            ("somethingElse", None),
            (&"é".repeat(400), None),
        ] {
            assert_eq!(nearest(given), suggested, "{given}");
        }
    }
}
