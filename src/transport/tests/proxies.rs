//! Through proxies: fetches, posts and the stream alike, by option and by environment.

use super::secure::{Authority, ok};
use super::server::{Received, Server, Step, reply};
use super::*;

/// "user name:p@ss:word" as a proxy is told it.
const CREDENTIALS: &str = "Basic dXNlciBuYW1lOnBAc3M6d29yZA==";
const USERINFO: &str = "user%20name:p%40ss%3Aword";

/// A proxy that lets CONNECT through to any port of loopback, and answers what it is to fetch itself.
fn open_to(credentials: &'static str) -> impl Fn(&Received) -> Vec<Step> + Send + Sync + 'static {
    move |request| {
        if request.header("proxy-authorization") != (!credentials.is_empty()).then_some(credentials) {
            return vec![reply(407, &[("proxy-authenticate", "Basic")], b"")];
        }
        match request.line.strip_prefix("CONNECT localhost:") {
            Some(rest) => {
                let port = rest.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
                vec![Step::Send(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec()), Step::Tunnel(port)]
            }
            None => vec![reply(200, &[], b"fetched")],
        }
    }
}

/// A proxy with credentials, which speaks TLS when an authority vouches for it; and its scheme.
async fn proxy(authority: Option<&Authority>) -> (Server, &'static str) {
    match authority {
        Some(authority) => (Server::start_tls(authority.server("localhost"), open_to(CREDENTIALS)).await, "https"),
        None => (Server::start(open_to(CREDENTIALS)).await, "http"),
    }
}

/// Makes a call of each kind.
async fn one_of_each(transport: &Transport) -> Result<(), TransportError> {
    transport.get(&changes()).await?;
    transport.post(&Call::to(Endpoint::Events), Bytes::from_static(b"[]")).await?;
    transport.open_stream(&Call::to(Endpoint::Stream).query("v", "1.1")).await?;
    Ok(())
}

#[tokio::test]
async fn plain_http_is_asked_for_in_absolute_form() {
    let authority = Authority::new();
    for (by_option, secure_proxy) in [(true, false), (false, false), (true, true)] {
        let (proxy, scheme) = proxy(secure_proxy.then_some(&authority)).await;
        let url = format!("{scheme}://{USERINFO}@localhost:{}", proxy.port);
        let mut settings = settings("http://split.test");
        settings.ca_bundle = Some(authority.pem());
        let environment = [("HTTP_PROXY", &*url)];
        let transport = if by_option {
            settings.proxy_url = Some(url.clone());
            transport(settings)
        } else {
            in_environment(settings, &environment, Metered::default())
        };
        one_of_each(&transport).await.unwrap_or_else(|error| panic!("{}", everything(&error)));
        let want = [
            "GET http://split.test/api/splitChanges?s=1.3&since=-1&rbSince=-1 HTTP/1.1",
            "POST http://split.test/api/events/bulk HTTP/1.1",
            "GET http://split.test/event-stream?v=1.1 HTTP/1.1",
        ];
        assert_eq!(proxy.lines(), want, "by option: {by_option}");
        assert!(transport.proxied(Service::Sdk));
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    for (by_option, secure_proxy) in [(true, false), (false, false), (true, true), (false, true)] {
        let target = Server::start_tls(authority.server("localhost"), ok).await;
        let (proxy, scheme) = proxy(secure_proxy.then_some(&authority)).await;
        let url = format!("{scheme}://{USERINFO}@localhost:{}", proxy.port);
        let mut settings = settings(&target.secure_origin());
        settings.ca_bundle = Some(authority.pem());
        let environment = [("https_proxy", &*url)];
        let transport = if by_option {
            settings.proxy_url = Some(url.clone());
            transport(settings)
        } else {
            in_environment(settings, &environment, Metered::default())
        };
        one_of_each(&transport).await.unwrap_or_else(|error| panic!("{scheme}: {}", everything(&error)));
        let connect = format!("CONNECT localhost:{} HTTP/1.1", target.port);
        assert!(proxy.lines().iter().all(|line| *line == connect), "{:?}", proxy.lines());
        let want = [
            "GET /api/splitChanges?s=1.3&since=-1&rbSince=-1 HTTP/1.1",
            "POST /api/events/bulk HTTP/1.1",
            "GET /event-stream?v=1.1 HTTP/1.1",
        ];
        assert_eq!(target.lines(), want, "by option: {by_option}, proxy: {scheme}");
        assert!(target.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
    }
}

#[tokio::test]
async fn users_without_password_are_users() {
    for userinfo in ["me", "me:"] {
        let proxy = Server::start(open_to("Basic bWU6")).await;
        let mut settings = settings("http://split.test");
        settings.proxy_url = Some(format!("http://{userinfo}@127.0.0.1:{}", proxy.port));
        one_of_each(&transport(settings)).await.unwrap_or_else(|error| panic!("{userinfo}: {}", everything(&error)));
    }
}

#[tokio::test]
async fn refusals_of_proxies_are_told_apart_and_show_no_password() {
    let demanding = Server::start(open_to(CREDENTIALS)).await;
    let closed = Server::start(|_| vec![reply(403, &[], b"")]).await;
    let broken = Server::start(|_| vec![Step::Close]).await;
    let authority = Authority::new();
    type Is = fn(&TransportError) -> bool;
    let credentials: Is = |error| matches!(error, TransportError::ProxyCredentials { .. });
    let no_way: Is = |error| matches!(error, TransportError::Proxy { .. });
    let lost: Is = |error| matches!(error, TransportError::Lost { .. });
    let cases = [
        ("https", demanding.port, credentials),
        ("http", demanding.port, credentials),
        ("https", closed.port, no_way),
        ("https", broken.port, no_way),
        ("http", broken.port, lost),
    ];
    for (scheme, port, is) in cases {
        let mut settings = settings(&format!("{scheme}://localhost:1"));
        settings.ca_bundle = Some(authority.pem());
        settings.proxy_url = Some(format!("http://me:s3cr3t@127.0.0.1:{port}"));
        let meter = Metered::default();
        let transport = metered(settings, meter.clone());
        for error in [
            transport.get(&changes()).await.expect_err("refused"),
            transport.open_stream(&Call::to(Endpoint::Stream)).await.expect_err("refused"),
        ] {
            let text = everything(&error);
            assert!(is(&error), "{scheme} {port}: {text}");
            assert!(!text.contains("s3cr3t") && !text.contains("bWU6czNjcjN0"), "{text}");
        }
        assert_eq!(meter.all(), [], "a proxy's answer is none of the backend's");
    }
}

#[tokio::test]
async fn no_proxy_is_honoured_by_all_calls() {
    let target = Server::start(ok).await;
    let environment = [("http_proxy", "http://127.0.0.1:1"), ("NO_PROXY", "127.0.0.1")];
    let transport = in_environment(settings(&target.origin()), &environment, Metered::default());
    one_of_each(&transport).await.unwrap_or_else(|error| panic!("{}", everything(&error)));
    assert_eq!(target.lines().len(), 3);
    assert!(!transport.proxied(Service::Sdk));
}
