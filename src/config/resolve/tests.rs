//! What configurations come to, and what users are told of them.

use super::super::testing::{refused, resolve, resolved};
use super::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn defaults() {
    let (config, notices) = resolved("{}");
    assert_eq!(notices, Vec::<String>::new());
    assert_eq!(config.mode, Mode::Standalone);
    assert!(!config.preforked_initialization && config.resume_on_fork && config.strict_config);
    assert_eq!(config.log_level, Some(Level::Warning));
    assert_eq!((&*config.sdk_name, &*config.sdk_version), ("rust", env!("CARGO_PKG_VERSION")));
    assert_eq!((config.features_refresh_rate, config.segments_refresh_rate), (seconds(30.0), seconds(30.0)));
    assert!(config.streaming_enabled && !config.streaming_honor_conn_delay);
    assert_eq!((config.connection_timeout, config.read_timeout), (seconds(1.5), seconds(15.0)));
    assert_eq!((config.flag_sets_filter, config.flag_sets_total, config.flag_sets_invalid), (None, 0, 0));
    assert_eq!(config.impressions_mode, ImpressionsMode::Optimized);
    assert_eq!(config.impressions_refresh_rate, seconds(300.0));
    assert_eq!((config.impressions_bulk_size, config.impressions_queue_size), (5000, 10_000));
    assert!(config.labels_enabled);
    assert_eq!(config.data_sampling, 1.0);
    assert_eq!(config.events_push_rate, seconds(10.0));
    assert_eq!((config.events_bulk_size, config.events_queue_size), (5000, 10_000));
    assert_eq!(config.metrics_refresh_rate, seconds(3600.0));
    assert!(config.ip_addresses_enabled);
    assert_eq!((config.machine_name, config.machine_ip), (None, None));
    assert_eq!(config.split_file, PathBuf::from("/home/ann/.split"));
    assert_eq!(config.segment_directory, Some(PathBuf::from("/home/ann")));
    assert!(!config.localhost_refresh_enabled);
    assert_eq!(config.fallback_treatments, Default::default());
    assert_eq!(config.sdk_api_base_url.text, "https://sdk.split.io/api");
    assert_eq!(config.events_api_base_url.text, "https://events.split.io/api");
    assert_eq!(config.auth_api_base_url.text, "https://auth.split.io/api");
    assert_eq!(config.streaming_api_base_url.text, "https://streaming.split.io");
    assert_eq!(config.telemetry_api_base_url.text, "https://telemetry.split.io/api");
    assert!(!config.sdk_api_base_url.overridden && !config.streaming_api_base_url.overridden);
    assert!(config.proxy_url.is_none() && config.custom_headers.is_empty());
    assert!(config.ca_bundle_path.is_none() && config.mtls_cert_path.is_none() && config.mtls_key_path.is_none());
}

#[test]
fn modes() {
    for (json, localhost, mode) in [
        ("{}", true, Mode::Localhost),
        (r#"{"redisHost": "h", "storageType": "pluggable"}"#, true, Mode::Localhost),
        (r#"{"redisHost": "localhost"}"#, false, Mode::Redis),
        (r#"{"redisHost": null}"#, false, Mode::Standalone),
        (r#"{"redisUnixSocketPath": "/run/redis"}"#, false, Mode::Redis),
        (r#"{"redisSentinels": ["s:1"], "redisMasterService": "m"}"#, false, Mode::Redis),
        (r#"{"redisClusterNodes": [["c", 1]], "storageType": "pluggable"}"#, false, Mode::Redis),
        (r#"{"redisPort": 6380, "redisPrefix": "p"}"#, false, Mode::Standalone),
    ] {
        let mut settings = Settings::new();
        settings.merge_json(json).expect("right types");
        let (config, notices) = settings.resolve_at_home(localhost, Some("/".into())).expect("nothing is wrong");
        assert_eq!((config.mode, notices), (mode, Vec::new()), "{json}");
    }
    let (config, notices) = resolved(r#"{"storageType": "memory"}"#);
    assert_eq!((config.mode, notices.len()), (Mode::Standalone, 1), "{notices:?}");
    let message = refused(r#"{"storageType": "Pluggable"}"#);
    assert!(message.contains("pluggable storage is not available yet"), "{message}");
}

/// Values of the right type that are out of range give a warning, never an error.
#[test]
fn ranges() {
    type Field = fn(&Config) -> f64;
    let features: Field = |config| config.features_refresh_rate.as_secs_f64();
    let impressions: Field = |config| config.impressions_refresh_rate.as_secs_f64();
    let metrics: Field = |config| config.metrics_refresh_rate.as_secs_f64();
    let connect: Field = |config| config.connection_timeout.as_secs_f64();
    let read: Field = |config| config.read_timeout.as_secs_f64();
    let queue: Field = |config| config.events_queue_size as f64;
    let sampling: Field = |config| config.data_sampling;
    let port: Field = |config| f64::from(config.redis.port);
    let cache: Field = |config| config.redis.local_cache_ttl.as_secs_f64();
    let timeout: Field = |config| config.redis.socket_timeout.as_secs_f64();
    let century = 3_155_760_000.0;
    for (json, field, value, warnings) in [
        (r#"{"featuresRefreshRate": 1}"#, features, 1.0, 0),
        (r#"{"featuresRefreshRate": 5.0}"#, features, 5.0, 0),
        (r#"{"featuresRefreshRate": 0}"#, features, 1.0, 1),
        (r#"{"featuresRefreshRate": -99999999999999999999}"#, features, 1.0, 1),
        (r#"{"featuresRefreshRate": 99999999999999999999}"#, features, century, 0),
        (r#"{"impressionsRefreshRate": 59}"#, impressions, 60.0, 1),
        (r#"{"impressionsRefreshRate": 59.2}"#, impressions, 60.0, 0),
        (r#"{"impressionsRefreshRate": 60.2}"#, impressions, 61.0, 0),
        (r#"{"impressionsRefreshRate": 1, "impressionsMode": "none"}"#, impressions, 60.0, 1),
        (r#"{"impressionsRefreshRate": 1, "impressionsMode": "debug"}"#, impressions, 1.0, 0),
        (r#"{"impressionsRefreshRate": 0, "impressionsMode": "debug"}"#, impressions, 1.0, 1),
        (r#"{"impressionsRefreshRate": 0.2, "impressionsMode": "Debug"}"#, impressions, 1.0, 0),
        (r#"{"impressionsMode": "DEBUG"}"#, impressions, 60.0, 0),
        (r#"{"impressionsMode": "verbose"}"#, impressions, 300.0, 1),
        (r#"{"metricsRefreshRate": 59}"#, metrics, 3600.0, 1),
        (r#"{"metricsRefreshRate": 60}"#, metrics, 60.0, 0),
        (r#"{"connectionTimeout": 0}"#, connect, 1.5, 1),
        (r#"{"connectionTimeout": 20000}"#, read, 20.0, 0),
        (r#"{"connectionTimeout": 20000, "readTimeout": 10}"#, read, 0.01, 0),
        (r#"{"readTimeout": -1}"#, read, 15.0, 1),
        (r#"{"eventsQueueSize": 0}"#, queue, 10_000.0, 1),
        (r#"{"eventsQueueSize": 2147483647}"#, queue, 2_147_483_647.0, 0),
        (r#"{"eventsQueueSize": 2147483648}"#, queue, 10_000.0, 1),
        (r#"{"dataSampling": 0.05}"#, sampling, 0.1, 1),
        (r#"{"dataSampling": 0.1}"#, sampling, 0.1, 0),
        (r#"{"dataSampling": 1.5}"#, sampling, 1.0, 1),
        (r#"{"redisPort": 65536}"#, port, 6379.0, 1),
        (r#"{"redisPort": 0}"#, port, 6379.0, 1),
        (r#"{"redisPort": 65535}"#, port, 65535.0, 0),
        (r#"{"redisLocalCacheTTL": 0}"#, cache, 0.0, 0),
        (r#"{"redisLocalCacheTTL": -1}"#, cache, 5.0, 1),
        (r#"{"redisSocketTimeout": 0.25}"#, timeout, 0.25, 0),
        (r#"{"redisSocketTimeout": 0}"#, timeout, 5.0, 1),
    ] {
        let (config, notices) = resolved(json);
        assert_eq!((field(&config), notices.len()), (value, warnings), "{json}: {notices:?}");
    }
}

#[test]
fn warnings_say_what_is_used() {
    for (json, text) in [
        (r#"{"eventsPushRate": 0}"#, "option eventsPushRate: 0 is below the minimum; 1 is used"),
        (r#"{"redisPort": 0}"#, "option redisPort: 0 is not from 1 to 65535; the default is used"),
        (r#"{"metricsRefreshRate": 3}"#, "option metricsRefreshRate: 3 is below 60; the default is used"),
        (
            r#"{"impressionsMode": "verbose"}"#,
            r#"option impressionsMode: "verbose" is not one of the texts OPTIMIZED, DEBUG, NONE; OPTIMIZED is used"#,
        ),
        (
            r#"{"sdk_api_base_url": "http://proxy", "events_api_base_url": "http://proxy"}"#,
            "option sdk_api_base_url: with http:// the SDK key is sent in clear text",
        ),
    ] {
        assert_eq!(resolved(json).1, [text], "{json}");
    }
    for nearby in ["http://localhost:8080", "http://127.0.0.1:1/api", "http://[::1]:1", "https://proxy"] {
        let json = format!(r#"{{"sdk_api_base_url": "{nearby}"}}"#);
        assert_eq!(resolved(&json).1, [""; 0], "{json}");
    }
}

#[test]
fn text_is_read_as_json_is() {
    for (name, text, json) in [
        ("featuresRefreshRate", " 7 ", "7"),
        ("impressionsRefreshRate", "99.5", "99.5"),
        ("dataSampling", "0.5", "0.5"),
        ("labelsEnabled", "False", "false"),
        ("logLevel", "Debug", r#""debug""#),
        ("machineName", "a,b", r#""a,b""#),
        ("flagSetsFilter", "web, mobile", r#"["web", "mobile"]"#),
        ("flagSetsFilter", " ", "[]"),
        ("redisClusterNodes", "[::1]:1, b:2", r#"[["::1", 1], "b:2"]"#),
        ("redisSslCertReqs", "0", "0"),
        ("redisSslCertReqs", "FALSE", "false"),
        ("fallbackTreatments", r#"{"global": "off"}"#, r#"{"global": "off"}"#),
    ] {
        let mut settings = Settings::new();
        settings.set(name, text).unwrap_or_else(|error| panic!("{error}"));
        let from_text = settings.resolve_at_home(false, Some("/home/ann".into())).expect("fine");
        let from_json = resolve(&format!("{{\"{name}\": {json}}}")).expect("fine");
        assert_eq!(format!("{from_text:?}"), format!("{from_json:?}"), "{name}");
        assert_ne!(format!("{from_text:?}"), format!("{:?}", resolve("{}")), "{name} {text}");
    }
}

#[test]
fn flag_sets() {
    let (config, notices) = resolved(r#"{"flagSetsFilter": [" Web", "web", "mobile", "-", 7]}"#);
    assert_eq!(config.flag_sets_filter, Some(vec!["mobile".to_owned(), "web".to_owned()]));
    assert_eq!((config.flag_sets_total, config.flag_sets_invalid, notices.len()), (5, 3, 4), "{notices:?}");

    let (config, _) = resolved(r#"{"flagSetsFilter": ["-"]}"#);
    assert_eq!((config.flag_sets_filter, config.flag_sets_total, config.flag_sets_invalid), (None, 1, 1));

    let (config, notices) = resolved(r#"{"flagSetsFilter": ["web"], "redisHost": "h"}"#);
    assert_eq!((config.flag_sets_filter, config.flag_sets_total, notices.len()), (None, 0, 1), "{notices:?}");
}

#[test]
fn identity_fits_headers_and_keys() {
    for (name, given, kept, warnings) in [
        ("machineName", "web-1", Some("web-1"), 0),
        ("machineName", "rack/7", Some("rack-7"), 0),
        ("machineName", "büro\r\n", Some("bro"), 1),
        ("machineName", "机", None, 1),
        ("machineName", "", None, 0),
        ("machineIp", "10.0.0.1\0", Some("10.0.0.1"), 1),
        ("sdkName", "python", Some("python"), 0),
        ("sdkName", "/é", Some("-"), 1),
        ("sdkName", "é", Some("rust"), 1),
        ("sdkVersion", "1.2.3\n", Some("1.2.3"), 1),
    ] {
        let (config, notices) = resolved(&serde_json::json!({name: given}).to_string());
        let found = match name {
            "machineName" => config.machine_name,
            "machineIp" => config.machine_ip,
            "sdkName" => Some(config.sdk_name),
            _ => Some(config.sdk_version),
        };
        assert_eq!((found.as_deref(), notices.len()), (kept, warnings), "{name} {given:?}");
    }
}

#[test]
fn localhost_needs_a_home_or_a_file() {
    let mut settings = Settings::new();
    for home in [None, Some("".into())] {
        let error = settings.resolve_at_home(true, home.clone()).map(drop).expect_err("nothing to read");
        assert_eq!(error.to_string(), "localhost mode needs the option splitFile, because HOME is not set");
        let (config, _) = settings.resolve_at_home(false, home).expect("no file is needed");
        assert_eq!((config.split_file, config.segment_directory), (PathBuf::new(), None));
    }
    settings.set("splitFile", "flags.yaml").expect("text");
    let (config, _) = settings.resolve_at_home(true, None).expect("there is a file");
    assert_eq!((config.split_file, config.segment_directory), (PathBuf::from("flags.yaml"), None));
    settings.set("segmentDirectory", "segments").expect("text");
    let (config, _) = settings.resolve_at_home(true, Some("/home/ann".into())).expect("there is a file");
    assert_eq!(config.segment_directory, Some(PathBuf::from("segments")));
}

#[test]
fn kerberos_is_refused() {
    for scheme in ["KERBEROS_SPNEGO", "kerberos_proxy"] {
        let message = refused(&format!(r#"{{"httpAuthenticateScheme": "{scheme}"}}"#));
        assert!(message.contains(&scheme.to_uppercase()) && message.contains("not supported"), "{message}");
    }
    let (_, notices) = resolved(r#"{"httpAuthenticateScheme": "basic", "kerberosPrincipalUser": "u"}"#);
    assert_eq!(notices.len(), 1, "{notices:?}");
}

#[test]
fn certificate_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("pem"), "-----BEGIN CERTIFICATE-----\n").expect("written");
    std::fs::write(path("empty"), "").expect("written");
    let json = |options: &[(&str, &str)]| {
        let options = options.iter().map(|(name, file)| ((*name).to_owned(), Json::from(path(file))));
        Json::Object(options.collect()).to_string()
    };

    let (config, _) = resolved(&json(&[("caBundlePath", "pem"), ("mtlsCertPath", "pem"), ("mtlsKeyPath", "pem")]));
    assert_eq!(config.ca_bundle_path.expect("read").contents, b"-----BEGIN CERTIFICATE-----\n");
    assert!(config.mtls_cert_path.is_some() && config.mtls_key_path.is_some());

    for (options, message) in [
        (&[("caBundlePath", "none")][..], "option caBundlePath: cannot read "),
        (&[("caBundlePath", "")], "option caBundlePath: cannot read "),
        (&[("caBundlePath", "empty")], "option caBundlePath: there is no certificate or key in PEM format in "),
        (&[("mtlsCertPath", "pem")], "option mtlsCertPath needs mtlsKeyPath too"),
        (&[("mtlsKeyPath", "pem")], "option mtlsKeyPath needs mtlsCertPath too"),
        (&[("mtlsCertPath", "pem"), ("mtlsKeyPath", "none")], "option mtlsKeyPath: cannot read "),
    ] {
        let found = refused(&json(options));
        assert!(found.starts_with(message), "{found}");
    }

    // Where nobody connects, nobody needs the files.
    let mut settings = Settings::new();
    settings.merge_json(&json(&[("caBundlePath", "none"), ("mtlsCertPath", "none")])).expect("text");
    settings.resolve_at_home(true, Some("/".into())).map(drop).expect("localhost");
}
