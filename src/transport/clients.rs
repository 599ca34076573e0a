//! The connection pools, and when they are given up.
//!
//! An HTTP/2 connection whose path died stays open and swallows every later request, and a busy keep-alive connection
//! never notices that a name has moved. Both have left other SDKs with stale flags until a restart. So the pool is
//! replaced after a time-out and every few minutes; requests under way keep theirs to the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Proxy, Url, redirect};
use tokio::time::Instant;

use super::error::{RequestError, To, TransportError};
use super::noting::Noting;
use super::proxy::ProxyRules;
use super::tls::{Tls, TlsUnavailable};

/// Pools live no longer than this.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Idle connections are closed after this.
const IDLE: Duration = Duration::from_secs(60);
/// How often an HTTP/2 connection in use is pinged, and how long the answer may take.
const PING: Duration = Duration::from_secs(10);

/// Makes clients, and keeps the current ones.
pub(super) struct Clients {
    tls: Tls,
    proxies: Arc<ProxyRules>,
    connect_timeout: Duration,
    lifetime: Duration,
    noting: Noting,
    current: Mutex<Pools>,
}

/// One client for what needs TLS, one for what does not.
struct Pools {
    generation: u64,
    born: Instant,
    secure: Option<Client>,
    plain: Option<Client>,
}

/// A client, and which generation of pools it belongs to.
pub(super) struct Lent {
    pub(super) client: Client,
    pub(super) generation: u64,
}

impl Clients {
    pub(super) fn new(tls: Tls, proxies: ProxyRules, connect_timeout: Duration, noting: Noting) -> Self {
        Clients {
            tls,
            proxies: Arc::new(proxies),
            connect_timeout,
            lifetime: LIFETIME,
            noting,
            current: Mutex::new(Pools::new(0)),
        }
    }

    /// The client to send a request for `url` with.
    pub(super) fn lend(&self, url: &Url, to: &To) -> Result<Lent, TransportError> {
        let secure = self.needs_tls(url);
        let mut pools = self.current();
        if pools.born.elapsed() >= self.lifetime {
            *pools = Pools::new(pools.generation + 1);
        }
        let generation = pools.generation;
        let slot = if secure { &mut pools.secure } else { &mut pools.plain };
        let client = match slot {
            Some(client) => client.clone(),
            None => {
                let client = self.build(secure, self.connect_timeout, to)?;
                slot.insert(client).clone()
            }
        };
        Ok(Lent { client, generation })
    }

    /// Gives up the pools of that generation: one of its connections may be dead.
    pub(super) fn retire(&self, generation: u64) {
        let mut pools = self.current();
        if pools.generation == generation {
            *pools = Pools::new(generation + 1);
        }
    }

    fn current(&self) -> MutexGuard<'_, Pools> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn replace_after(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    /// A client with a pool of its own, for a request that keeps its connection.
    pub(super) fn single(&self, url: &Url, connect_timeout: Duration, to: &To) -> Result<Client, TransportError> {
        self.build(self.needs_tls(url), connect_timeout, to)
    }

    pub(super) fn proxies(&self) -> &ProxyRules {
        &self.proxies
    }

    fn needs_tls(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.proxies.proxy_for(url).is_some_and(|proxy| proxy.scheme() == "https")
    }

    fn build(&self, secure: bool, connect_timeout: Duration, to: &To) -> Result<Client, TransportError> {
        let request = |source| TransportError::Request { to: to.clone(), source };
        let tls = if secure {
            self.tls.config().map_err(|problem| match problem {
                TlsUnavailable::NoRoots(source) => TransportError::NoRoots { to: to.clone(), source },
                TlsUnavailable::Refused(problem) => request(RequestError::Tls(problem)),
            })?
        } else {
            self.tls.unused().map_err(|problem| request(RequestError::Tls(problem)))?
        };
        // Redirects are followed by us: who gets which header, and which of the two clients, is ours to say.
        let builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(connect_timeout)
            .connector_layer(self.noting.clone())
            .pool_idle_timeout(IDLE)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING);
        self.through_proxies(builder).build().map_err(|error| request(RequestError::Client(error.without_url())))
    }

    fn through_proxies(&self, builder: ClientBuilder) -> ClientBuilder {
        // Also stops reqwest from reading the environment.
        let builder = builder.no_proxy();
        if self.proxies.is_empty() {
            return builder;
        }
        let rules = Arc::clone(&self.proxies);
        builder.proxy(Proxy::custom(move |url| rules.proxy_for(url).cloned()))
    }
}

impl Pools {
    fn new(generation: u64) -> Self {
        Pools { generation, born: Instant::now(), secure: None, plain: None }
    }
}
