//! What goes out: URLs, headers, bodies, redirects.

use super::server::{Received, Server, Step, reply};
use super::*;

fn ok(_: &Received) -> Vec<Step> {
    vec![reply(200, &[], b"{}")]
}

/// The headers of a request without those that belong to HTTP itself.
fn headers(request: &Received) -> Vec<(&str, &str)> {
    let own = |name: &str| !matches!(name, "host" | "content-length");
    request.headers.iter().map(|(name, value)| (&**name, &**value)).filter(|(name, _)| own(name)).collect()
}

#[tokio::test]
async fn headers_of_each_kind_of_request() {
    const IDENTITY: [(&str, &str); 3] =
        [("splitsdkmachineip", "10.1.2.3"), ("splitsdkmachinename", "ip-10-1-2-3"), ("splitsdkversion", "rust-1.0.0")];
    const COMMON: [(&str, &str); 4] = [
        ("accept", "*/*"),
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer k3y-n0b0dy-may-see"),
        ("content-type", "application/json"),
    ];
    let cases = [
        (Endpoint::SplitChanges, Some(("cache-control", "no-cache"))),
        (Endpoint::SegmentChanges, Some(("cache-control", "no-cache"))),
        (Endpoint::Auth, Some(("cache-control", "no-cache"))),
        (Endpoint::Impressions, Some(("splitsdkimpressionsmode", "OPTIMIZED"))),
        (Endpoint::ImpressionCounts, Some(("splitsdkimpressionsmode", "OPTIMIZED"))),
        (Endpoint::Events, None),
        (Endpoint::UniqueKeys, None),
        (Endpoint::MetricsConfig, None),
        (Endpoint::MetricsUsage, None),
    ];
    for (endpoint, special) in cases {
        let server = Server::start(ok).await;
        let transport = transport(settings(&server.origin()));
        let call = Call::to(endpoint);
        let (method, body): (_, &[u8]) = match endpoint {
            Endpoint::SplitChanges | Endpoint::SegmentChanges | Endpoint::Auth => {
                transport.get(&call).await.expect("an answer");
                ("GET", b"")
            }
            _ => {
                transport.post(&call, Bytes::from_static(b"[1]")).await.expect("an answer");
                ("POST", b"[1]")
            }
        };
        let request = server.only_request();
        let mut want: Vec<_> = COMMON.into_iter().chain(IDENTITY).chain(special).collect();
        want.sort_unstable();
        assert_eq!(headers(&request), want, "{endpoint}");
        assert_eq!(request.line, format!("{method} /api{} HTTP/1.1", endpoint.path()));
        assert_eq!(request.body, body, "{endpoint}");
    }

    let server = Server::start(ok).await;
    let transport = transport(settings(&server.origin()));
    transport.open_stream(&Call::to(Endpoint::Stream).query("v", "1.1")).await.expect("a stream");
    let request = server.only_request();
    let own = [("accept", "text/event-stream"), ("splitsdkclientkey", "-see")];
    let mut want: Vec<_> = IDENTITY.into_iter().chain(own).collect();
    want.sort_unstable();
    assert_eq!(headers(&request), want, "the stream");
    assert_eq!(request.line, "GET /event-stream?v=1.1 HTTP/1.1");
}

#[tokio::test]
async fn the_machine_is_named_or_not() {
    let cases = [
        ("NA", "NA", None, None),
        ("unknown", "unknown", None, None),
        ("unknown", "host", None, None),
        ("10.0.0.1", "", Some("10.0.0.1"), None),
        ("10.0.0.1", "b\u{fc}ro\u{4e2d}\n-1", Some("10.0.0.1"), Some("b\u{fc}ro-1")),
        ("10.0.0.1", "\u{4e2d}", Some("10.0.0.1"), None),
    ];
    for case @ (ip, name, want_ip, want_name) in cases {
        let server = Server::start(ok).await;
        let mut settings = settings(&server.origin());
        settings.identity.machine_ip = ip.to_owned();
        settings.identity.machine_name = name.to_owned();
        transport(settings).get(&changes()).await.expect("an answer");
        let request = server.only_request();
        let got = (request.header("splitsdkmachineip"), request.header("splitsdkmachinename"));
        assert_eq!(got, (want_ip, want_name), "{case:?}");
    }
}

#[tokio::test]
async fn custom_headers_are_added_and_replace_nothing() {
    let server = Server::start(ok).await;
    let mut settings = settings(&server.origin());
    let custom = [("X-Tenant", "a b"), ("Authorization", "mine"), ("SplitSDKVersion", "mine"), ("accept", "mine")];
    settings.custom_headers = custom.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    settings.custom_headers.push(("accept-encoding".to_owned(), "br".to_owned()));
    let transport = transport(settings);
    transport.get(&changes()).await.expect("an answer");
    transport.open_stream(&Call::to(Endpoint::Stream)).await.expect("a stream");
    let [fetch, stream] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert_eq!(fetch.header("x-tenant"), Some("a b"));
    assert_eq!(fetch.header("authorization"), Some("Bearer k3y-n0b0dy-may-see"));
    assert_eq!(fetch.header("splitsdkversion"), Some("rust-1.0.0"));
    assert_eq!(fetch.header("accept-encoding"), Some("gzip"));
    assert_eq!(stream.header("x-tenant"), Some("a b"));
    assert_eq!(stream.header("authorization"), None);
    assert_eq!(stream.header("accept"), Some("text/event-stream"));
    assert_eq!(stream.header("accept-encoding"), None);
}

#[tokio::test]
async fn keys_and_headers_that_http_cannot_carry_are_refused_unseen() {
    let unusable = |change: fn(&mut TransportSettings)| {
        let mut settings = settings("http://127.0.0.1:1");
        change(&mut settings);
        let error = Transport::new(settings, Box::new(Metered::default()), Arc::default(), &Logger::silent())
            .expect_err("refused");
        format!("{error} {error:?}")
    };
    for text in [
        unusable(|settings| settings.sdk_key = "s3cr3t\nx".to_owned()),
        unusable(|settings| settings.sdk_key = "s3cr3t\u{e9}".to_owned()),
        unusable(|settings| settings.custom_headers = vec![("X-Token".to_owned(), "s3cr3t\n".to_owned())]),
    ] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    let text = unusable(|settings| settings.custom_headers = vec![("X-Token".to_owned(), "a\nb".to_owned())]);
    assert!(text.contains("X-Token"), "{text}");
    for (key, last) in [("abc", "abc"), ("abcd", "abcd"), ("abcde", "bcde"), ("", "")] {
        let server = Server::start(ok).await;
        let mut settings = settings(&server.origin());
        settings.sdk_key = key.to_owned();
        transport(settings).open_stream(&Call::to(Endpoint::Stream)).await.expect("a stream");
        assert_eq!(server.only_request().header("splitsdkclientkey"), Some(last), "{key:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_on_get_only() {
    let script = |request: &Received| {
        let step = match request.line.split(' ').nth(1).unwrap_or_default() {
            path if path.starts_with("/api/splitChanges") => reply(302, &[("location", "/elsewhere?x=1")], b"moved"),
            "/elsewhere?x=1" => reply(308, &[("location", "last")], b""),
            "/last" => reply(200, &[], b"there"),
            _ => reply(307, &[("location", "/last")], b""),
        };
        vec![step]
    };
    let server = Server::start(script).await;
    let meter = Metered::default();
    let transport = metered(settings(&server.origin()), meter.clone());
    let answer = transport.get(&changes()).await.expect("an answer");
    assert_eq!((answer.status, &*answer.body), (200, &b"there"[..]));
    let want = [
        "GET /api/splitChanges?s=1.3&since=-1&rbSince=-1 HTTP/1.1",
        "GET /elsewhere?x=1 HTTP/1.1",
        "GET /last HTTP/1.1",
    ];
    assert_eq!(server.lines(), want);
    assert!(server.requests().iter().all(|request| request.header("authorization").is_some()));
    assert_eq!(server.connections(), 1, "bodies of redirects are read, so the connection serves again");

    let answer = transport.post(&Call::to(Endpoint::Events), Bytes::from_static(b"[]")).await.expect("an answer");
    assert_eq!((answer.status, answer.is_success()), (307, false));
    assert_eq!(server.lines().len(), 4);
    assert_eq!(meter.all(), [(Resource::Splits, 200), (Resource::Events, 307)]);
}

#[tokio::test]
async fn redirects_that_lead_nowhere() {
    let cases: [(&[(&str, &str)], u16); 4] =
        [(&[], 302), (&[("location", "ftp://x/")], 301), (&[("location", "http://:x/")], 303), (&[], 304)];
    for (headers, status) in cases {
        let server = Server::start(move |_| vec![reply(status, headers, b"")]).await;
        let answer = transport(settings(&server.origin())).get(&changes()).await.expect("an answer");
        assert_eq!(answer.status, status, "{headers:?}");
    }
    let server = Server::start(|_| vec![reply(302, &[("location", "/round")], b"")]).await;
    let error = transport(settings(&server.origin())).get(&changes()).await.expect_err("a loop");
    assert!(matches!(error, TransportError::Redirects { limit: 10, .. }), "{error:?}");
    assert_eq!(server.lines().len(), 11, "the first request and ten redirects");
}

#[tokio::test]
async fn other_hosts_get_no_secrets() {
    let far = Server::start(ok).await;
    let port = far.port;
    let near = Server::start(move |request| {
        // Back home from abroad, too: what has been abroad may have been told where to go.
        let to = if request.line.contains("/api/") { format!("http://localhost:{port}/far") } else { "/x".to_owned() };
        vec![reply(302, &[("location", &to)], b"")]
    })
    .await;
    let mut settings = settings(&near.origin());
    settings.custom_headers = vec![("X-Api-Key".to_owned(), "s3cr3t".to_owned())];
    transport(settings).get(&changes()).await.expect("an answer");
    let request = far.only_request();
    assert_eq!(request.line, "GET /far HTTP/1.1");
    assert_eq!((request.header("authorization"), request.header("x-api-key")), (None, None));
    assert_eq!(request.header("splitsdkversion"), Some("rust-1.0.0"));
    assert_eq!(near.only_request().header("x-api-key"), Some("s3cr3t"));
}

#[test]
fn what_counts_as_leaving_home() {
    let cases = [
        ("http://a/x", "http://a/y", false),
        ("http://a/x", "http://a:80/y", false),
        ("http://a/x", "https://a/y", false),
        ("http://a/x", "https://a:444/y", true),
        ("https://a/x", "http://a/y", true),
        ("https://a/x", "https://b/x", true),
        ("https://a/x", "https://a:8443/x", true),
        ("https://a:1/x", "http://a:1/x", true),
        ("https://a/x", "https://b.a/x", true),
    ];
    for case @ (from, next, want) in cases {
        let url = |text| Url::parse(text).expect("a URL");
        assert_eq!(leaves_home(&url(from), &url(next)), want, "{case:?}");
    }
}

#[tokio::test]
async fn segments_named_like_directories_are_not_asked_for() {
    let transport = transport(settings("http://127.0.0.1:1"));
    for name in [".", ".."] {
        let call = Call::to(Endpoint::SegmentChanges).segment(name);
        let error = transport.get(&call).await.expect_err("no URL");
        assert!(matches!(error, TransportError::Request { source: RequestError::Url, .. }), "{error:?}");
    }
}
