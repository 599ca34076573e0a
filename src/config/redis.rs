//! What is special about the options of Redis: which of them go together.
//!
//! What cannot work in combination is said when the factory is made; at the first evaluation it would be an outage.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::error::{ConfigError, Cut};
use super::parse::{self, Value};
use super::reader::{Reader, chosen};
use super::table::Id;
use super::values::{CertificateCheck, KeepaliveOptions, Mode, Node, RedisConfig};

/// Reads all options of Redis, and in Redis mode checks whether they can work together.
pub(super) fn read(reader: &mut Reader<'_>, mode: Mode) -> Result<RedisConfig, ConfigError> {
    let active = mode == Mode::Redis;
    if active {
        check(reader)?;
    }
    let ssl = reader.boolean(Id::RedisSsl);
    let file = |reader: &Reader<'_>, id| if active && ssl { reader.pem_file(id) } else { Ok(None) };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(RedisConfig {
        host: reader.text_or_default(Id::RedisHost).to_owned(),
        // The table keeps it in range.
        port: reader.count(Id::RedisPort) as u16,
        db: reader.count(Id::RedisDb) as u32,
        username: user(reader, Id::RedisUsername, Id::RedisPassword, active),
        password: reader.secret(Id::RedisPassword),
        prefix: owned(reader.filled(Id::RedisPrefix)),
        unix_socket_path: reader.text(Id::RedisUnixSocketPath).map(PathBuf::from),
        socket_timeout: reader.seconds(Id::RedisSocketTimeout),
        socket_connect_timeout: reader.seconds(Id::RedisSocketConnectTimeout),
        socket_keepalive: reader.boolean(Id::RedisSocketKeepalive),
        socket_keepalive_options: match reader.settings.value(Id::RedisSocketKeepaliveOptions) {
            Some(Value::Object(given)) => keepalive(given, |text| reader.warn(Id::RedisSocketKeepaliveOptions, text)),
            _ => Default::default(),
        },
        retry_on_timeout: reader.boolean(Id::RedisRetryOnTimeout),
        max_connections: reader.count(Id::RedisMaxConnections),
        ssl,
        ssl_certfile: file(reader, Id::RedisSslCertfile)?,
        ssl_keyfile: file(reader, Id::RedisSslKeyfile)?,
        ssl_cert_reqs: certificate_check(reader, active && ssl)?,
        ssl_ca_certs: file(reader, Id::RedisSslCaCerts)?,
        ssl_server_name: owned(reader.filled(Id::RedisSslServerName)),
        sentinels: nodes(reader, Id::RedisSentinels),
        master_service: reader.text(Id::RedisMasterService).unwrap_or_default().to_owned(),
        sentinel_username: user(reader, Id::RedisSentinelUsername, Id::RedisSentinelPassword, active),
        sentinel_password: reader.secret(Id::RedisSentinelPassword),
        cluster_nodes: nodes(reader, Id::RedisClusterNodes),
        cluster_key_hash_tag: reader.text_or_default(Id::RedisClusterKeyHashTag).to_owned(),
        local_cache_enabled: reader.boolean(Id::RedisLocalCacheEnabled),
        local_cache_ttl: reader.seconds(Id::RedisLocalCacheTtl),
    })
}

fn check(reader: &Reader<'_>) -> Result<(), ConfigError> {
    let (sentinels, cluster) = (Id::RedisSentinels.spec().name, Id::RedisClusterNodes.spec().name);
    match (reader.is_given(Id::RedisSentinels), reader.is_given(Id::RedisClusterNodes)) {
        (true, true) => return Err(ConfigError::Exclusive { name: sentinels, other: cluster }),
        (true, false) if nodes(reader, Id::RedisSentinels).is_empty() => {
            return Err(ConfigError::NoNodes { name: sentinels });
        }
        (true, false) if reader.filled(Id::RedisMasterService).is_none() => {
            return Err(ConfigError::Incomplete { name: sentinels, missing: Id::RedisMasterService.spec().name });
        }
        (false, true) if nodes(reader, Id::RedisClusterNodes).is_empty() => {
            return Err(ConfigError::NoNodes { name: cluster });
        }
        (false, true) => check_cluster(reader)?,
        _ => {}
    }
    let has_certificate = reader.is_given(Id::RedisSslCertfile);
    if reader.boolean(Id::RedisSsl) && reader.is_given(Id::RedisSslKeyfile) && !has_certificate {
        let (name, missing) = (Id::RedisSslKeyfile.spec().name, Id::RedisSslCertfile.spec().name);
        return Err(ConfigError::Incomplete { name, missing });
    }
    Ok(())
}

fn check_cluster(reader: &Reader<'_>) -> Result<(), ConfigError> {
    if let Some(Value::Integer(db @ 1..)) = reader.settings.value(Id::RedisDb) {
        return Err(ConfigError::ClusterDatabase { db: *db });
    }
    let tag = reader.text_or_default(Id::RedisClusterKeyHashTag);
    if is_hash_tag(tag) {
        return Ok(());
    }
    Err(ConfigError::Unusable {
        name: Id::RedisClusterKeyHashTag.spec().name,
        value: parse::quoted(tag),
        wanted: "a text of at least three characters in one pair of braces, such as {SPLITIO}".to_owned(),
    })
}

/// A user name, which Redis takes only with a password.
fn user(reader: &mut Reader<'_>, name: Id, password: Id, active: bool) -> Option<String> {
    let user = reader.filled(name)?;
    if reader.filled(password).is_some() {
        return Some(user.to_owned());
    }
    if active {
        reader.warn(name, format_args!("without {} it is ignored", password.spec().name));
    }
    None
}

/// What is unset is verified. Text that says nothing is an error: nobody should be unsafe by a typing error.
fn certificate_check(reader: &mut Reader<'_>, active: bool) -> Result<CertificateCheck, ConfigError> {
    let id = Id::RedisSslCertReqs;
    let given = reader.text_or_default(id);
    match chosen(id, given) {
        Some("none") => {
            if active {
                reader.warn(id, "the certificate of Redis is not verified: whoever answers is trusted");
            }
            Ok(CertificateCheck::None)
        }
        None if active => Err(ConfigError::Unusable {
            name: id.spec().name,
            value: parse::quoted(given),
            wanted: parse::wanted(id.spec()),
        }),
        _ => Ok(CertificateCheck::Required),
    }
}

fn nodes(reader: &Reader<'_>, id: Id) -> Vec<Node> {
    match reader.settings.value(id) {
        // Only lists of nodes pass the parser.
        Some(Value::List(items)) => items.iter().filter_map(node).collect(),
        _ => Vec::new(),
    }
}

/// Reads `"host:port"`, where an IPv6 address stands in brackets, or `["host", port]`.
pub(super) fn node(item: &Json) -> Option<Node> {
    let (host, port) = match item {
        Json::String(text) => host_and_port(text.trim())?,
        Json::Array(pair) => match &pair[..] {
            [Json::String(host), Json::Number(port)] => (host.trim(), u16::try_from(port.as_u64()?).ok()?),
            _ => return None,
        },
        _ => return None,
    };
    let usable = !host.is_empty() && port != 0 && !host.contains(['/', '@', '[', ']']);
    usable.then(|| Node { host: host.to_owned(), port })
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?,
        // An address without brackets: nobody can tell which colon is the last.
        None if host.contains(':') => return None,
        None => host,
    };
    // `parse` takes a plus sign.
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok().map(|port| (host, port)))?
}

/// Reads redisSocketKeepaliveOptions. What cannot be used is left out and told to `warn`.
pub(super) fn keepalive(given: &Map<String, Json>, mut warn: impl FnMut(String)) -> KeepaliveOptions {
    let mut options = KeepaliveOptions::default();
    for (name, value) in given {
        let number = value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0);
        let seconds = number.map(|n| Duration::from_secs(n.into()));
        let known = match name.as_str() {
            "idle" | "TCP_KEEPIDLE" => {
                options.idle = seconds;
                true
            }
            "interval" | "TCP_KEEPINTVL" => {
                options.interval = seconds;
                true
            }
            "count" | "TCP_KEEPCNT" => {
                options.count = number;
                true
            }
            _ => false,
        };
        if !known {
            warn(format!("{} is none of idle, interval and count and is ignored", Cut(name)));
        } else if number.is_none() {
            warn(format!("{name} is not a positive whole number and is ignored"));
        }
    }
    options
}

/// Whether a tag keeps the keys of a cluster together: at least three characters, in exactly one pair of braces.
pub(super) fn is_hash_tag(tag: &str) -> bool {
    let inner = tag.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['{', '}']))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::{refused, resolved};
    use super::*;

    #[test]
    fn defaults() {
        let redis = resolved("{}").0.redis;
        assert_eq!((&*redis.host, redis.port, redis.db), ("localhost", 6379, 0));
        assert_eq!(
            (&redis.username, &redis.password, &redis.prefix, &redis.unix_socket_path),
            (&None, &None, &None, &None)
        );
        let five = Duration::from_secs(5);
        assert_eq!((redis.socket_timeout, redis.socket_connect_timeout, redis.local_cache_ttl), (five, five, five));
        assert_eq!(redis.socket_keepalive_options, KeepaliveOptions::default());
        assert!(!redis.socket_keepalive && !redis.retry_on_timeout && !redis.ssl && redis.local_cache_enabled);
        assert_eq!((redis.max_connections, redis.ssl_cert_reqs), (16, CertificateCheck::Required));
        assert!(redis.ssl_certfile.is_none() && redis.ssl_keyfile.is_none() && redis.ssl_ca_certs.is_none());
        assert!(redis.sentinels.is_empty() && redis.cluster_nodes.is_empty() && redis.master_service.is_empty());
        assert_eq!((&redis.sentinel_username, &redis.sentinel_password), (&None, &None));
        assert_eq!((&*redis.cluster_key_hash_tag, redis.ssl_server_name), ("{SPLITIO}", None));
    }

    #[test]
    fn nodes() {
        for (item, expected) in [
            (json!("host:1"), Some(("host", 1))),
            (json!("10.0.0.1:65535"), Some(("10.0.0.1", 65535))),
            (json!("[::1]:26379"), Some(("::1", 26379))),
            (json!(["host", 1]), Some(("host", 1))),
            (json!(["::1", 26379]), Some(("::1", 26379))),
            (json!("::1:26379"), None),
            (json!("[::1]"), None),
            (json!("[::1:2"), None),
            (json!("host"), None),
            (json!("host:"), None),
            (json!(":1"), None),
            (json!("host:0"), None),
            (json!("host:+1"), None),
            (json!("host:65536"), None),
            (json!("redis://host:1"), None),
            (json!("user@host:1"), None),
            (json!(["host", "1"]), None),
            (json!(["host", 1.5]), None),
            (json!(["host", 0]), None),
            (json!(["host"]), None),
            (json!(["host", 1, 2]), None),
            (json!(null), None),
            (json!({"host": 1}), None),
        ] {
            let found = node(&item).map(|node| (node.host, node.port));
            assert_eq!(found, expected.map(|(host, port)| (host.to_owned(), port)), "{item}");
        }
    }

    #[test]
    fn combinations_that_cannot_work() {
        for (json, message) in [
            (r#"{"redisSentinels": []}"#, "option redisSentinels: the list is empty"),
            (r#"{"redisClusterNodes": []}"#, "option redisClusterNodes: the list is empty"),
            (r#"{"redisSentinels": ["s:1"]}"#, "option redisSentinels needs redisMasterService too"),
            (
                r#"{"redisSentinels": ["s:1"], "redisMasterService": ""}"#,
                "option redisSentinels needs redisMasterService too",
            ),
            (
                r#"{"redisSentinels": ["s:1"], "redisMasterService": "m", "redisClusterNodes": ["c:1"]}"#,
                "options redisSentinels and redisClusterNodes exclude each other",
            ),
            (r#"{"redisClusterNodes": ["c:1"], "redisDb": 2}"#, "option redisDb: a cluster has database 0 only, not 2"),
            (
                r#"{"redisClusterNodes": ["c:1"], "redisClusterKeyHashTag": "SPLITIO"}"#,
                "option redisClusterKeyHashTag: \"SPLITIO\" is not a text of at least three characters in one pair of \
                 braces, such as {SPLITIO}",
            ),
            (
                r#"{"redisHost": "h", "redisSsl": true, "redisSslKeyfile": "k"}"#,
                "option redisSslKeyfile needs redisSslCertfile too",
            ),
            (
                r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": "maybe"}"#,
                "option redisSslCertReqs: \"maybe\" is not one of the texts none, optional, required",
            ),
            (
                r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": 3}"#,
                "option redisSslCertReqs: \"3\" is not one of the texts none, optional, required",
            ),
            // Not even without strictConfig: the back end would be asked instead of Redis.
            (
                r#"{"strictConfig": false, "redisSentinels": "s:1"}"#,
                "option redisSentinels: \"s:1\" is not a list of host and port, such as first:26379,second:26379",
            ),
        ] {
            assert_eq!(refused(json), message, "{json}");
        }
        let message = refused(r#"{"redisHost": "h", "redisSsl": true, "redisSslCaCerts": "/nowhere/ca.pem"}"#);
        assert!(message.starts_with("option redisSslCaCerts: cannot read /nowhere/ca.pem: "), "{message}");
    }

    #[test]
    fn combinations_that_give_a_warning() {
        let (required, none) = (CertificateCheck::Required, CertificateCheck::None);
        for (json, user, check, warnings) in [
            (r#"{"redisHost": "h", "redisUsername": "u"}"#, None, required, 1),
            (r#"{"redisHost": "h", "redisUsername": "u", "redisPassword": ""}"#, None, required, 1),
            (r#"{"redisHost": "h", "redisUsername": "u", "redisPassword": "p"}"#, Some("u"), required, 0),
            (r#"{"redisUsername": "u"}"#, None, required, 0),
            (r#"{"redisHost": "h", "redisPassword": "p", "redisSentinelUsername": "u"}"#, None, required, 1),
            (r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": "None"}"#, None, none, 1),
            (r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": false}"#, None, none, 1),
            (r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": 0}"#, None, none, 1),
            (r#"{"redisHost": "h", "redisSsl": true, "redisSslCertReqs": 2}"#, None, required, 0),
            (r#"{"redisHost": "h", "redisSslCertReqs": "none", "redisSslCaCerts": "/nowhere"}"#, None, none, 0),
            (r#"{"redisClusterNodes": ["c:1"], "redisDb": 0}"#, None, required, 0),
        ] {
            let (config, notices) = resolved(json);
            assert_eq!(notices.len(), warnings, "{json}: {notices:?}");
            assert_eq!((config.redis.username.as_deref(), config.redis.ssl_cert_reqs), (user, check), "{json}");
        }
    }

    #[test]
    fn keepalive_details() {
        let read = |given: Json| {
            let mut warnings = 0;
            let options = keepalive(given.as_object().expect("an object"), |_| warnings += 1);
            (options, warnings)
        };
        let all = KeepaliveOptions {
            idle: Some(Duration::from_secs(60)),
            interval: Some(Duration::from_secs(10)),
            count: Some(3),
        };
        assert_eq!(read(json!({"idle": 60, "interval": 10, "count": 3})), (all, 0));
        assert_eq!(read(json!({"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3})), (all, 0));
        let none = KeepaliveOptions::default();
        assert_eq!(read(json!({"idle": 0, "interval": -1, "count": "3", "4": 60})), (none, 4));
    }

    #[test]
    fn hash_tags() {
        for (tag, fine) in [
            ("{SPLITIO}", true),
            ("{é}", true),
            ("{}", false),
            ("", false),
            ("SPLITIO", false),
            ("{SPLITIO", false),
            ("{a}{b}", false),
            ("{{a}}", false),
            ("x{a}", false),
        ] {
            assert_eq!(is_hash_tag(tag), fine, "{tag}");
        }
    }
}
