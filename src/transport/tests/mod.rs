//! The transport against small servers on loopback, which do what real ones do on bad days.

mod bodies;
mod paths;
mod proxies;
mod requests;
mod secure;
mod server;
mod times;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls_native_certs::CertificateResult;

use super::tls::Tls;
use super::*;

/// Ample on a busy machine; tests of time limits set their own.
const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "k3y-n0b0dy-may-see";

/// What the meter was told.
#[derive(Clone, Default)]
struct Metered(Arc<Mutex<Vec<(Resource, u16)>>>);

impl Metered {
    fn all(&self) -> Vec<(Resource, u16)> {
        self.0.lock().clone()
    }
}

impl Meter for Metered {
    fn answered(&self, resource: Resource, status: u16, _: Duration) {
        self.0.lock().push((resource, status));
    }
}

/// All services at one origin, such as "http://127.0.0.1:8080".
fn settings(origin: &str) -> TransportSettings {
    TransportSettings {
        base_urls: BaseUrls {
            sdk: format!("{origin}/api"),
            events: format!("{origin}/api"),
            auth: format!("{origin}/api"),
            telemetry: format!("{origin}/api"),
            streaming: origin.to_owned(),
        },
        sdk_key: KEY.to_owned(),
        connect_timeout: PATIENCE,
        read_timeout: PATIENCE,
        proxy_url: None,
        ca_bundle: None,
        client_certificate: None,
        custom_headers: Vec::new(),
        identity: IdentityHeaders {
            sdk_version: "rust-1.0.0".to_owned(),
            machine_ip: "10.1.2.3".to_owned(),
            machine_name: "ip-10-1-2-3".to_owned(),
        },
        impressions_mode: "OPTIMIZED",
    }
}

/// Knows neither the environment nor the platform's roots, so that every machine gives the same results.
fn transport(settings: TransportSettings) -> Transport {
    metered(settings, Metered::default())
}

fn metered(settings: TransportSettings, meter: Metered) -> Transport {
    in_environment(settings, &[], meter)
}

fn in_environment(settings: TransportSettings, environment: &[(&str, &str)], meter: Metered) -> Transport {
    let tls = Tls::with_platform(&settings, CertificateResult::default).expect("usable certificates");
    let lookup = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    Transport::with(settings, tls, lookup, Box::new(meter), Arc::default(), &Logger::silent()).expect("usable settings")
}

fn changes() -> Call {
    Call::to(Endpoint::SplitChanges).query("s", "1.3").query("since", -1).query("rbSince", -1)
}

/// Everything that an error can show.
fn everything(error: &TransportError) -> String {
    format!("{error} | {error:?} | {}", error.explained())
}

/// Tasks of any runtime can share a transport and hold its futures.
#[test]
fn calls_can_be_spawned() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn sent<T: Send>(_: T) {}
    let (transport, call) = (transport(settings("http://127.0.0.1:1")), changes());
    shared(&transport);
    sent(transport.get(&call));
    sent(transport.post(&call, Bytes::new()));
    sent(transport.open_stream(&call));
}
