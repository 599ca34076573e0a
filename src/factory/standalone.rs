//! Standalone mode put together: HTTP client, synchronisation and the thread for both.

use std::sync::Arc;
use std::time::Duration;

use super::FactoryError;
use crate::backoff::seeded_random;
use crate::callbacks::Instance;
use crate::config::{Config, PemFile};
use crate::sync::io::Io;
use crate::sync::standalone::{Ground, Standalone};
use crate::transport::{
    BaseUrls, ClientCertificate, IdentityHeaders, Meter, Resource, SetupError, Transport, TransportSettings,
};

/// Starts the io thread, which asks for definitions at once.
pub(super) fn start(config: &Config, key: &str, instance: &Instance, ground: Ground) -> Result<Io, FactoryError> {
    let transport =
        Transport::new(settings(config, key, instance), Box::new(Unmetered), &ground.log).map_err(unusable)?;
    let standalone = Arc::new(Standalone::new(config, Arc::new(transport), ground, seeded_random()));
    Io::start(move |stop| standalone.run(stop)).map_err(FactoryError::Thread)
}

fn unusable(cause: SetupError) -> FactoryError {
    match cause {
        SetupError::SdkKey => {
            FactoryError::SdkKey("has characters in it that no key has: control characters, or such as are not ASCII")
        }
        option => FactoryError::Transport(Box::new(option)),
    }
}

fn settings(config: &Config, key: &str, instance: &Instance) -> TransportSettings {
    let contents = |file: &Option<PemFile>| file.as_ref().map(|file| file.contents.clone());
    let certificate = contents(&config.mtls_cert_path).zip(contents(&config.mtls_key_path));
    let headers = config.custom_headers.iter();
    TransportSettings {
        base_urls: BaseUrls {
            sdk: config.sdk_api_base_url.text.clone(),
            events: config.events_api_base_url.text.clone(),
            auth: config.auth_api_base_url.text.clone(),
            telemetry: config.telemetry_api_base_url.text.clone(),
            streaming: config.streaming_api_base_url.text.clone(),
        },
        sdk_key: key.to_owned(),
        connect_timeout: config.connection_timeout,
        read_timeout: config.read_timeout,
        proxy_url: config.proxy_url.as_ref().map(|url| url.expose().to_owned()),
        ca_bundle: contents(&config.ca_bundle_path),
        client_certificate: certificate.map(|(chain, key)| ClientCertificate { chain, key }),
        custom_headers: headers.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
        identity: IdentityHeaders {
            sdk_version: instance.sdk_version.clone(),
            machine_ip: instance.machine_ip.clone(),
            machine_name: instance.machine_name.clone(),
        },
        impressions_mode: config.impressions_mode.as_str(),
    }
}

/// Until telemetry counts the answers.
struct Unmetered;

impl Meter for Unmetered {
    fn answered(&self, _: Resource, _: u16, _: Duration) {}
}
