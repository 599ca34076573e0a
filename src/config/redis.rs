//! What is special about the options of Redis.

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
            wanted: "one of the texts none, optional, required".to_owned(),
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
