//! Which proxy a URL is fetched through: one answer for fetches, posts and the stream.
//!
//! reqwest would read the environment itself, but it ignores all of it where `REQUEST_METHOD` is set (we ignore only
//! `HTTP_PROXY`, which a client of a CGI program can set), prefers upper-case names (Python and curl the lower-case
//! ones), and could not tell telemetry what it will do.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The proxies that options and environment name. Not `Debug`: a URL's shows user and password.
pub(super) struct ProxyRules {
    http: Option<Url>,
    https: Option<Url>,
    exempt: Option<Matcher>,
}

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

impl ProxyRules {
    /// `option` wins over the environment, `NO_PROXY` included. What cannot be used is left out, and `warn` is told
    /// where it came from; its value may hold a password.
    pub(super) fn new(
        option: Option<&str>,
        environment: impl Fn(&str) -> Option<String>,
        mut warn: impl FnMut(&'static str),
    ) -> Self {
        let mut read = |source: &'static str, text: &str| {
            let url = parse(text);
            if url.is_none() {
                warn(source);
            }
            url
        };
        if let Some(url) = option.and_then(|text| read("option proxyUrl", text)) {
            return ProxyRules { http: Some(url.clone()), https: Some(url), exempt: None };
        }
        // The lower-case name wins, as in Python and curl; set to nothing, it switches the other off.
        let variable = |lower: &str, upper: &str| {
            environment(lower).or_else(|| environment(upper)).filter(|text| !text.trim().is_empty())
        };
        // A client of a CGI program sets HTTP_PROXY with a header named Proxy.
        let upper_http = if environment("REQUEST_METHOD").is_some() { "http_proxy" } else { "HTTP_PROXY" };
        let mut proxy = |source, lower, upper| variable(lower, upper).and_then(|text| read(source, &text));
        let http = proxy("the environment's HTTP_PROXY", "http_proxy", upper_http);
        let https = proxy("the environment's HTTPS_PROXY", "https_proxy", "HTTPS_PROXY");
        let all = match (&http, &https) {
            (Some(_), Some(_)) => None,
            _ => proxy("the environment's ALL_PROXY", "all_proxy", "ALL_PROXY"),
        };
        let exempt = variable("no_proxy", "NO_PROXY").map(|list| Matcher::builder().all(ANY).no(list).build());
        ProxyRules { http: http.or_else(|| all.clone()), https: https.or(all), exempt }
    }

    /// The proxy to use, with user and password in it.
    pub(super) fn proxy_for(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "http" => self.http.as_ref(),
            "https" => self.https.as_ref(),
            _ => None,
        }?;
        (!self.exempts(url)).then_some(proxy)
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    fn exempts(&self, url: &Url) -> bool {
        let Some(matcher) = &self.exempt else { return false };
        url.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}

/// The matcher wants a proxy to say "not exempt" with; which one does not matter.
const ANY: &str = "http://any";

/// A proxy's URL; one without scheme is `http`, as everywhere.
fn parse(text: &str) -> Option<Url> {
    let text = text.trim();
    let url = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("http://{text}")) }.ok()?;
    let usable = SCHEMES.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
    usable.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(option: Option<&str>, environment: &[(&str, &str)]) -> (ProxyRules, Vec<&'static str>) {
        let mut warnings = Vec::new();
        let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let rules = ProxyRules::new(option, lookup, |source| warnings.push(source));
        (rules, warnings)
    }

    #[test]
    fn option_and_environment() {
        let (http, https) = ("http://sdk.split.io/x", "https://sdk.split.io/x");
        type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            (None, &[], https, None),
            (Some("http://p:3128"), &[], https, Some("http://p:3128/")),
            (Some("http://p:3128"), &[], http, Some("http://p:3128/")),
            (Some("http://p"), &[("HTTPS_PROXY", "http://q"), ("NO_PROXY", "*")], https, Some("http://p/")),
            (Some("p:3128"), &[], https, Some("http://p:3128/")),
            (Some("http://:x"), &[("HTTPS_PROXY", "http://q")], https, Some("http://q/")),
            (Some("ftp://p"), &[], https, None),
            (None, &[("HTTPS_PROXY", "http://q")], https, Some("http://q/")),
            (None, &[("HTTPS_PROXY", "http://q")], http, None),
            (None, &[("https_proxy", "http://l"), ("HTTPS_PROXY", "http://q")], https, Some("http://l/")),
            (None, &[("https_proxy", ""), ("HTTPS_PROXY", "http://q")], https, None),
            (None, &[("HTTP_PROXY", "http://q")], http, Some("http://q/")),
            (None, &[("HTTP_PROXY", "http://q")], https, None),
            (None, &[("HTTP_PROXY", "http://q"), ("REQUEST_METHOD", "GET")], http, None),
            (None, &[("http_proxy", "http://l"), ("REQUEST_METHOD", "GET")], http, Some("http://l/")),
            (None, &[("HTTPS_PROXY", "http://q"), ("REQUEST_METHOD", "GET")], https, Some("http://q/")),
            (None, &[("ALL_PROXY", "http://a")], http, Some("http://a/")),
            (None, &[("all_proxy", "http://a"), ("HTTPS_PROXY", "http://q")], https, Some("http://q/")),
            (None, &[("all_proxy", "socks5h://a:1080")], https, Some("socks5h://a:1080")),
            (None, &[("HTTPS_PROXY", "http://q"), ("NO_PROXY", "example.com, .split.io")], https, None),
            (None, &[("HTTPS_PROXY", "http://q"), ("no_proxy", "split.io")], https, None),
            (None, &[("HTTPS_PROXY", "http://q"), ("no_proxy", "*")], https, None),
            (None, &[("HTTPS_PROXY", "http://q"), ("no_proxy", "lit.io")], https, Some("http://q/")),
            (None, &[("HTTP_PROXY", "http://q"), ("NO_PROXY", "10.0.0.0/8")], "http://10.1.2.3/x", None),
            (None, &[("HTTP_PROXY", "http://q"), ("NO_PROXY", "::1")], "http://[::1]:80/x", None),
            (None, &[("HTTP_PROXY", "http://q"), ("NO_PROXY", "::1")], "http://[::2]:80/x", Some("http://q/")),
        ];
        for case @ (option, environment, url, want) in cases {
            let (rules, _) = rules(*option, environment);
            let url = Url::parse(url).expect("a URL");
            assert_eq!(rules.proxy_for(&url).map(Url::as_str), *want, "{case:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_value() {
        let (rules, warnings) = rules(Some("ftp://user:s3cr3t@p"), &[("https_proxy", "://")]);
        assert!(rules.is_empty());
        assert_eq!(warnings, ["option proxyUrl", "the environment's HTTPS_PROXY"]);
    }
}
