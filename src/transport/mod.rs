//! The HTTP client: every byte between the SDK and the backend passes here.
//!
//! What it promises to those who call it: headers and URLs are exactly those of the protocol; secrets are in neither
//! errors nor logs, and stay with the hosts that the options name; silence is limited, whole calls are not; a dead connection
//! is not used twice; any call is cancelled by dropping its future. Nothing is global and nothing waits in the
//! background, so after a fork a transport can be forgotten and a new one made.

mod answer;
mod call;
mod clients;
mod error;
mod headers;
mod noting;
mod proxy;
mod settings;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod upload;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Body, Method, Request, Response, StatusCode, Url};
use tokio::time::{Instant, sleep_until};

pub(crate) use self::answer::Answer;
pub(crate) use self::call::{Call, Endpoint, Resource, Service};
#[cfg(test)]
pub(crate) use self::error::CutError;
pub(crate) use self::error::{RequestError, SetupError, To, TransportError, explained};
pub(crate) use self::settings::{BaseUrls, ClientCertificate, IdentityHeaders, TransportSettings};
pub(crate) use self::stream::{EventStream, Opening};
pub(crate) use self::tls::{Identity, certificates, roots};

use self::answer::Reading;
use self::clients::{Clients, Lent};
use self::headers::{Audience, Headers};
use self::noting::Noting;
use self::proxy::ProxyRules;
use self::tls::Tls;
use self::upload::{Progress, Upload};
use crate::descriptors::Descriptors;
use crate::logging::Logger;

/// More is a loop.
const REDIRECTS: usize = 10;
/// Largest answer in bytes, decompressed: a bomb otherwise.
const LARGEST_ANSWER: u64 = 1 << 30;

/// Told of every answer of the backend; telemetry counts them.
pub(crate) trait Meter: Send + Sync {
    /// An answer was read to its end. `latency` runs from the beginning of the call, redirects included.
    fn answered(&self, resource: Resource, status: u16, latency: Duration);
}

/// Sends what the SDK asks, and brings back the answers. Needs a tokio runtime with timers and I/O around each call.
pub(crate) struct Transport {
    base_urls: BaseUrls,
    headers: Headers,
    clients: Clients,
    connect_timeout: Duration,
    reading: Reading,
    meter: Box<dyn Meter>,
}

/// A request, ready to be sent.
struct Outgoing {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl Transport {
    /// Makes a transport. Reads the proxies from the environment unless an option names one, and logs what it cannot
    /// use of them; connects to nobody. Its connections are noted in `descriptors`.
    pub(crate) fn new(
        settings: TransportSettings,
        meter: Box<dyn Meter>,
        descriptors: Arc<Descriptors>,
        log: &Logger,
    ) -> Result<Transport, SetupError> {
        let tls = Tls::new(&settings)?;
        Self::with(settings, tls, |name| std::env::var(name).ok(), meter, descriptors, log)
    }

    fn with(
        settings: TransportSettings,
        tls: Tls,
        environment: impl Fn(&str) -> Option<String>,
        meter: Box<dyn Meter>,
        descriptors: Arc<Descriptors>,
        log: &Logger,
    ) -> Result<Transport, SetupError> {
        let headers = Headers::new(&settings)?;
        let proxies = ProxyRules::new(settings.proxy_url.as_deref(), environment, |source| {
            log.warning("transport", format_args!("{source} is not the URL of a proxy; it is ignored"));
        });
        Ok(Transport {
            headers,
            clients: Clients::new(tls, proxies, settings.connect_timeout, Noting(descriptors)),
            connect_timeout: settings.connect_timeout,
            reading: Reading { silence: settings.read_timeout, limit: LARGEST_ANSWER },
            base_urls: settings.base_urls,
            meter,
        })
    }

    /// Fetches. Follows redirects; what is neither redirect nor failure to get an answer is an [`Answer`], whatever
    /// its status.
    pub(crate) async fn get(&self, call: &Call) -> Result<Answer, TransportError> {
        let begun = Instant::now();
        let mut url = self.url(call)?;
        let mut audience = Audience::Home;
        for _ in 0..=REDIRECTS {
            let outgoing = Outgoing {
                method: Method::GET,
                headers: self.headers.of_get(audience),
                url: url.clone(),
                body: Bytes::new(),
            };
            let Exchanged { answer, redirect } = self.exchange(call.endpoint(), outgoing).await?;
            let Some(next) = redirect else { return Ok(self.metered(call, answer, begun)) };
            if leaves_home(&url, &next) {
                audience = Audience::Foreign;
            }
            url = next;
        }
        Err(TransportError::Redirects { to: to(call.endpoint(), &url), limit: REDIRECTS })
    }

    /// Posts JSON. Follows no redirects: their status is the answer.
    pub(crate) async fn post(&self, call: &Call, json: Bytes) -> Result<Answer, TransportError> {
        let begun = Instant::now();
        let outgoing = Outgoing {
            method: Method::POST,
            url: self.url(call)?,
            headers: self.headers.of_post(call.endpoint()),
            body: json,
        };
        let exchanged = self.exchange(call.endpoint(), outgoing).await?;
        Ok(self.metered(call, exchanged.answer, begun))
    }

    /// Asks for the stream, over a connection of its own. Follows no redirects: the token in the query is for one host.
    pub(crate) async fn open_stream(&self, call: &Call) -> Result<Opening, TransportError> {
        let url = self.url(call)?;
        let to = to(call.endpoint(), &url);
        let client = self.clients.single(&url, stream::CONNECT, &to)?;
        let outgoing = Outgoing { method: Method::GET, headers: self.headers.of_stream(), url, body: Bytes::new() };
        let response = self.send(&client, outgoing, stream::CONNECT, stream::SILENCE, &to).await?;
        Ok(stream::open(response, to).await)
    }

    /// Whether calls to a service go through a proxy.
    pub(crate) fn proxied(&self, service: Service) -> bool {
        Url::parse(self.base_urls.of(service)).is_ok_and(|url| self.clients.proxies().proxy_for(&url).is_some())
    }

    fn url(&self, call: &Call) -> Result<Url, TransportError> {
        let base = self.base_urls.of(call.endpoint().service());
        let text = format!("{base}{}{}", call.path(), call.query_string());
        match Url::parse(&text) {
            // Parsing resolves "." and ".."; a segment of such a name would ask for something else.
            Ok(url) if url.path().ends_with(call.path()) => Ok(url),
            Ok(url) => Err(bad_url(to(call.endpoint(), &url))),
            Err(_) => Err(bad_url(To { endpoint: call.endpoint(), host: "the configured host".into() })),
        }
    }

    /// One request, one answer.
    async fn exchange(&self, endpoint: Endpoint, outgoing: Outgoing) -> Result<Exchanged, TransportError> {
        let to = to(endpoint, &outgoing.url);
        let Lent { client, generation } = self.clients.lend(&outgoing.url, &to)?;
        let exchanged = self.exchange_over(&client, outgoing, &to).await;
        if exchanged.as_ref().is_err_and(TransportError::is_timeout) {
            self.clients.retire(generation);
        }
        exchanged
    }

    async fn exchange_over(
        &self,
        client: &reqwest::Client,
        outgoing: Outgoing,
        to: &To,
    ) -> Result<Exchanged, TransportError> {
        let url = outgoing.url.clone();
        let response = self.send(client, outgoing, self.connect_timeout, self.reading.silence, to).await?;
        let redirect = redirect(&response, &url);
        // The body of a redirect is read too: only so is the connection free for the next request.
        let answer = answer::read(response, self.reading, to).await?;
        Ok(Exchanged { answer, redirect })
    }

    /// Sends a request and waits for the head of the answer.
    async fn send(
        &self,
        client: &reqwest::Client,
        outgoing: Outgoing,
        connect_timeout: Duration,
        silence: Duration,
        to: &To,
    ) -> Result<Response, TransportError> {
        let proxied = self.clients.proxies().proxy_for(&outgoing.url).is_some();
        let progress = Progress::new();
        let mut request = Request::new(outgoing.method, outgoing.url);
        *request.headers_mut() = outgoing.headers;
        if request.method() == Method::POST {
            *request.body_mut() = Some(Body::wrap(Upload::new(outgoing.body, progress.clone())));
        }
        // Connecting has its own limit, which may be the longer one.
        let silence = silence.max(connect_timeout);
        let mut sending = pin!(client.execute(request));
        let response = loop {
            let deadline = progress.last() + silence;
            tokio::select! {
                biased;
                response = &mut sending => break response,
                () = sleep_until(deadline) => {
                    if progress.last() + silence <= deadline {
                        return Err(TransportError::ReadTimeout { to: to.clone(), after: silence });
                    }
                }
            }
        };
        let response = response.map_err(|error| TransportError::of_request(to.clone(), error, connect_timeout))?;
        if proxied && response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(TransportError::ProxyCredentials { to: to.clone() });
        }
        Ok(response)
    }

    fn metered(&self, call: &Call, answer: Answer, begun: Instant) -> Answer {
        if let Some(resource) = call.endpoint().resource() {
            self.meter.answered(resource, answer.status, begun.elapsed());
        }
        answer
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("base_urls", &self.base_urls).finish_non_exhaustive()
    }
}

struct Exchanged {
    answer: Answer,
    /// Where a GET would go on.
    redirect: Option<Url>,
}

fn bad_url(to: To) -> TransportError {
    TransportError::Request { to, source: RequestError::Url }
}

fn to(endpoint: Endpoint, url: &Url) -> To {
    To { endpoint, host: url.host_str().unwrap_or_default().into() }
}

/// Where an answer sends a GET on to; `None` for what is no redirect, or leads nowhere we go.
fn redirect(response: &Response, from: &Url) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let next = from.join(location).ok()?;
    matches!(next.scheme(), "http" | "https").then_some(next)
}

/// Whether a redirect leads to where the SDK key must not go: another host, port or scheme. From `http` to `https` on
/// the usual ports of the same host is the one step that may keep it, as in Python's requests.
fn leaves_home(from: &Url, next: &Url) -> bool {
    if from.host_str() != next.host_str() {
        return true;
    }
    let upgrade = from.scheme() == "http"
        && next.scheme() == "https"
        && from.port_or_known_default() == Some(80)
        && next.port_or_known_default() == Some(443);
    let same = from.scheme() == next.scheme() && from.port_or_known_default() == next.port_or_known_default();
    !(same || upgrade)
}
