//! What is special about options that name hosts, headers and files.
//!
//! These are pasted from elsewhere, with slashes, line ends and spaces too many, and a request to a wrong place fails
//! late and far away. So they are put right where it is clear what was meant; where it is not, the user is told by the
//! option's name when the factory is made.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value as Json};
use url::{Host, Url};

use super::error::{ConfigError, Cut};
use super::flag_set::trim;
use super::parse::quoted;
use super::values::{BaseUrl, PemFile, Secret};
use crate::files;

/// Normalises a base URL, or says what is wrong with it.
pub(super) fn base_url(name: &'static str, given: &str, default: &str) -> Result<BaseUrl, ConfigError> {
    let text = trim(given);
    normalised(text).map(|text| BaseUrl { overridden: text != default, text }).map_err(|problem| {
        // What stands before an @ may be a password.
        let value = if text.contains('@') { "the value".to_owned() } else { quoted(text) };
        ConfigError::BaseUrl { name, value, problem }
    })
}

/// The URL parser forgives what users mistype: it skips tabs and line ends, and takes a backslash for a slash.
fn has_no_place_in_url(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\\'
}

fn normalised(text: &str) -> Result<String, String> {
    if text.contains(has_no_place_in_url) {
        return Err("it has white space, control characters or backslashes in it".to_owned());
    }
    let authority = text
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    let Some((_, authority)) = authority else {
        return Err("it must begin with https:// or http://".to_owned());
    };
    if authority.is_empty() || authority.starts_with(['/', ':', '?', '#']) {
        return Err("it has no host".to_owned());
    }
    let url = Url::parse(text).map_err(|problem| problem.to_string())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name in it".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("nothing can be added after a ? or #".to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether what is sent to a base URL can be read on the way. What stays on this machine cannot.
pub(super) fn is_clear_text(base_url: &str) -> bool {
    let url = Url::parse(base_url).ok().filter(|url| url.scheme() == "http");
    url.is_some_and(|url| match url.host() {
        Some(Host::Domain(name)) => name != "localhost",
        Some(Host::Ipv4(address)) => !address.is_loopback(),
        Some(Host::Ipv6(address)) => !address.is_loopback(),
        None => true,
    })
}

/// The proxy, or why it is dropped. The reasons do not show the value, which may hold a password.
pub(super) fn proxy(given: &str) -> Result<Secret, &'static str> {
    let text = trim(given);
    let Some((scheme, authority)) = text.split_once("://") else {
        return Err("it does not begin with http:// or https://");
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("only proxies with http:// and https:// are supported");
    }
    if authority.is_empty() || authority.starts_with(['/', '?', '#']) {
        return Err("it has no host");
    }
    if text.contains(has_no_place_in_url) {
        return Err("it has white space, control characters or backslashes in it");
    }
    match Url::parse(text) {
        Ok(url) if url.host().is_some() => Ok(Secret::new(text)),
        Ok(_) | Err(url::ParseError::EmptyHost) => Err("it has no host"),
        Err(url::ParseError::InvalidPort) => Err("its port is not a number from 0 to 65535"),
        Err(_) => Err("it is not a URL"),
    }
}

/// Headers that the SDK or its HTTP library sets itself (`splitsdk*` besides).
const OWN_HEADERS: [&str; 9] = [
    "accept",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "referrer",
    "x-fastly-debug",
];

/// Reads customHeaders. Headers of the SDK's own are left out and told to `warn`; no message shows a value.
pub(super) fn headers(
    given: &Map<String, Json>,
    mut warn: impl FnMut(String),
) -> Result<BTreeMap<String, Secret>, ConfigError> {
    let mut headers = BTreeMap::new();
    for (header, value) in given {
        let name = trim(header).to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(ConfigError::HeaderName { header: header.clone() });
        }
        if OWN_HEADERS.contains(&name.as_str()) || name.starts_with("splitsdk") {
            warn(format!("the SDK sets the header {} itself; yours is left out", Cut(header)));
            continue;
        }
        let Json::String(text) = value else {
            return Err(ConfigError::Unusable {
                name: "customHeaders",
                value: format!("the value of {}", Cut(header)),
                wanted: "text".to_owned(),
            });
        };
        let value = trim(text);
        if value.len() != text.len() {
            warn(format!("white space around the value of {} is removed", Cut(header)));
        }
        if !value.bytes().all(is_printable) {
            return Err(ConfigError::HeaderValue { header: header.clone() });
        }
        headers.insert(name, Secret::new(value));
    }
    Ok(headers)
}

/// A character of a header's name, as RFC 9110 has it.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Text for a header that is also a part of keys in Redis: `/` becomes `-`, what a header cannot hold is removed.
/// The second value says whether anything was.
pub(super) fn identity(given: &str) -> (String, bool) {
    let kept = given.replace('/', "-").chars().filter(|&c| matches!(c, ' '..='~')).collect::<String>();
    let removed = kept.chars().count() != given.chars().count();
    (trim(&kept).to_owned(), removed)
}

/// Reads a PEM file whole.
pub(super) fn pem_file(name: &'static str, path: &str) -> Result<PemFile, ConfigError> {
    let path = PathBuf::from(path);
    match files::read(&path, LARGEST_PEM) {
        Err(cause) => Err(ConfigError::File { name, path, cause }),
        Ok(contents) if contents.windows(BEGIN.len()).any(|window| window == BEGIN) => Ok(PemFile { path, contents }),
        Ok(_) => Err(ConfigError::NotPem { name, path }),
    }
}

/// In bytes. The roots of a whole system have a quarter of a megabyte.
const LARGEST_PEM: u64 = 16 << 20;

/// How a block of a PEM file begins.
const BEGIN: &[u8] = b"-----BEGIN ";

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, resolved};
    use super::*;

    fn default_of(name: &str) -> &'static str {
        let spec = super::super::options().iter().find(|spec| spec.name == name).expect("an option");
        spec.default_json.trim_matches('"')
    }

    const URLS: [&str; 5] = [
        "sdk_api_base_url",
        "events_api_base_url",
        "auth_api_base_url",
        "streaming_api_base_url",
        "telemetry_api_base_url",
    ];

    #[test]
    fn b10_base_urls_that_work() {
        for name in URLS {
            for (given, text) in [
                ("https://proxy", "https://proxy"),
                (" https://proxy/ ", "https://proxy"),
                ("https://proxy///", "https://proxy"),
                ("http://proxy:3000/", "http://proxy:3000"),
                ("HTTPS://Proxy:443/Api//", "https://proxy/Api"),
                ("http://[::1]:8080", "http://[::1]:8080"),
                ("http://127.0.0.1:8080/split/api/", "http://127.0.0.1:8080/split/api"),
                ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
            ] {
                let default = default_of(name);
                let url = base_url(name, given, default).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(url, BaseUrl { text: text.to_owned(), overridden: true }, "{name} {given}");
            }
        }
    }

    #[test]
    fn b10_base_urls_that_do_not() {
        for name in URLS {
            for given in [
                "",
                " ",
                "rubbish",
                "http://",
                "https:///",
                "https:///api",
                "proxy",
                "proxy:3000",
                "//proxy",
                "ftp://proxy",
                "http:/proxy",
                "http:proxy",
                "http://:80",
                "http://proxy:port",
                "http://proxy:65536",
                "http://[::1",
                "http://a b",
                "http://pro\txy",
                "http://pro\nxy",
                "http://a\\b",
                "http://?x",
                "http://proxy?x=1",
                "http://proxy#x",
                "http://ann:hunter2@proxy",
                "http://ann@proxy",
                "https://%",
                "null",
                "http://a\0",
            ] {
                let message = refused(&serde_json::json!({name: given}).to_string());
                assert!(message.starts_with(&format!("option {name}: ")), "{given:?}: {message}");
                assert!(message.contains("is not usable as a base URL: "), "{given:?}: {message}");
                assert!(!message.contains("hunter2"), "{message}");
            }
        }
        assert_eq!(
            refused(r#"{"sdk_api_base_url": "proxy:3000"}"#),
            "option sdk_api_base_url: \"proxy:3000\" is not usable as a base URL: it must begin with https:// or http://"
        );
    }

    #[test]
    fn a_default_that_is_given_is_not_overridden() {
        let (config, _) = resolved(r#"{"sdk_api_base_url": " HTTPS://sdk.split.io:443/api/"}"#);
        assert!(!config.sdk_api_base_url.overridden, "{:?}", config.sdk_api_base_url);
    }

    #[test]
    fn proxies() {
        for given in [
            "http://proxy",
            "http://proxy:3128",
            "https://ann:p%40ss@proxy:3128/",
            "HTTP://[::1]:3128",
            " http://ann:@proxy ",
        ] {
            let (config, notices) = resolved(&serde_json::json!({"proxyUrl": given}).to_string());
            let proxy = config.proxy_url.unwrap_or_else(|| panic!("{given}"));
            assert_eq!((proxy.expose(), notices.len()), (given.trim(), 0));
        }
        for given in [
            "",
            "proxy",
            "proxy:3128",
            "http://",
            "http://:3128",
            "http://proxy:port",
            "socks5://proxy",
            "http://pro\nxy",
            "x://",
        ] {
            let (config, notices) = resolved(&serde_json::json!({"proxyUrl": given}).to_string());
            assert!(config.proxy_url.is_none(), "{given}");
            assert_eq!(notices.len(), 1, "{given}: {notices:?}");
        }
    }

    #[test]
    fn b09_headers() {
        let (config, notices) = resolved(
            r#"{"customHeaders": {"X-Team": " core\n", "authorization": "hunter2", "SplitSDKVersion": "x", "Host": "h"}}"#,
        );
        assert_eq!(config.custom_headers.keys().collect::<Vec<_>>(), ["x-team"]);
        assert_eq!(config.custom_headers["x-team"].expose(), "core");
        assert_eq!(notices.len(), 4, "{notices:?}");
        assert!(!notices.concat().contains("hunter2") && !format!("{config:?}").contains("core"), "{notices:?}");
        for own in OWN_HEADERS {
            let json = serde_json::json!({"customHeaders": {own.to_uppercase(): "x"}}).to_string();
            assert!(resolved(&json).0.custom_headers.is_empty(), "{own}");
        }
        for (name, value, message) in [
            ("X-Team", "a\nb", "option customHeaders: the value of X-Team has characters that a header cannot hold"),
            ("X-Team", "é", "option customHeaders: the value of X-Team has characters that a header cannot hold"),
            ("X Team", "a", "option customHeaders: X Team is not the name of a header"),
            ("", "a", "option customHeaders:  is not the name of a header"),
        ] {
            assert_eq!(refused(&serde_json::json!({"customHeaders": {name: value}}).to_string()), message);
        }
        assert_eq!(
            refused(r#"{"customHeaders": {"X-Team": 5}}"#),
            "option customHeaders: the value of X-Team is not text"
        );
    }
}
