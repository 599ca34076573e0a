//! Standalone mode put together: HTTP client, synchronisation and the thread for both. Here alone they know of each
//! other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime;

use super::{FactoryError, living};
use crate::backoff::seeded_random;
use crate::callbacks::Instance;
use crate::config::{Config, PemFile};
use crate::recorder::{Announced, Recorder};
use crate::sync::Ground;
use crate::sync::backend::Backend;
use crate::sync::io::{Io, Stop};
use crate::sync::polling::FirstRun;
use crate::sync::standalone::{Beginning, Standalone};
use crate::sync::streaming::{StreamHost, Streaming};
use crate::telemetry::Telemetry;
use crate::transport::{
    BaseUrls, ClientCertificate, IdentityHeaders, Service, SetupError, Transport, TransportSettings,
};

/// How long a name look-up may hold up a factory that is made before a fork, once nobody needs its answer.
const LAST_LOOK_UP: Duration = Duration::from_secs(1);

/// What a factory in standalone mode has running.
#[derive(Debug)]
pub(super) struct Running {
    recorder: Arc<Recorder>,
    transport: Arc<Transport>,
    pub(super) io: Io,
}

/// What becomes part of a factory in standalone mode.
pub(super) struct Parts {
    pub(super) ground: Ground,
    pub(super) recorder: Arc<Recorder>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Running {
    /// Starts the io thread, which asks for definitions at once.
    pub(super) fn start(
        config: &Config,
        key: &str,
        instance: &Instance,
        parts: Parts,
        beginning: Beginning,
    ) -> Result<Self, FactoryError> {
        let Parts { ground, recorder, telemetry } = parts;
        let (log, guard) = (ground.log.clone(), ground.log.clone());
        let meter = Box::new(Arc::clone(&telemetry));
        let descriptors = Arc::clone(&ground.descriptors);
        let transport = Transport::new(settings(config, key, instance), meter, Arc::clone(&descriptors), &log);
        let transport = Arc::new(transport.map_err(unusable)?);
        let backend: Arc<dyn Backend> = Arc::<Transport>::clone(&transport);
        let standalone = Arc::new(Standalone::new(config, Arc::clone(&backend), ground, seeded_random()));
        let streaming = config.streaming_enabled.then(|| {
            let (sync, host) = (Arc::clone(&standalone), Arc::<Transport>::clone(&transport) as Arc<dyn StreamHost>);
            Arc::new(Streaming::new(config, sync, backend, host, telemetry, log, seeded_random()))
        });
        let io = {
            let (recorder, transport) = (Arc::clone(&recorder), Arc::clone(&transport));
            let config = config.clone();
            Io::start(guard, &descriptors, move |stop| {
                work(config, Synchronizer { standalone, streaming, beginning }, recorder, transport, stop)
            })
            .map_err(FactoryError::Thread)?
        };
        Ok(Running { recorder, transport, io })
    }

    /// Sends what is recorded; false if not all of it arrived in time.
    pub(super) fn flush(&self, deadline: Option<Instant>) -> bool {
        let (recorder, transport) = (Arc::clone(&self.recorder), Arc::clone(&self.transport));
        let sent = self.io.call(async move { recorder.flush(&*transport, deadline).await }, deadline);
        sent == Some(true)
    }
}

/// Fetches definitions on this thread, before a fork: whether all were had. Nothing stays open.
pub(super) fn fetch_once(
    config: &Config,
    key: &str,
    instance: &Instance,
    ground: Ground,
) -> Result<bool, FactoryError> {
    let log = ground.log.clone();
    let meter = Box::new(Arc::new(Telemetry::new(false)));
    let transport = Transport::new(settings(config, key, instance), meter, Arc::default(), &log).map_err(unusable)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(FactoryError::Thread)?;
    let standalone = Standalone::new(config, Arc::new(transport), ground, seeded_random());
    let complete = runtime.block_on(standalone.fetch_before_fork());
    drop(standalone);
    // A name look-up that hangs is not waited for longer.
    runtime.shutdown_timeout(LAST_LOOK_UP);
    if !complete {
        log.warning(
            "factory",
            format_args!("no definitions could be fetched before the fork: children will fetch them"),
        );
    }
    Ok(complete)
}

/// Brings definitions.
struct Synchronizer {
    standalone: Arc<Standalone>,
    /// None where only polls are wanted.
    streaming: Option<Arc<Streaming>>,
    beginning: Beginning,
}

impl Synchronizer {
    async fn run(self, on_ready: impl Fn() + Send + Sync + 'static, stop: Stop) {
        let Synchronizer { standalone, streaming, beginning } = self;
        let polled = Arc::clone(&standalone);
        let keep_up = move || {
            let (polled, streaming) = (Arc::clone(&polled), streaming.clone());
            async move {
                match streaming {
                    Some(streaming) => streaming.run().await,
                    None => polled.start_polling(FirstRun::AfterPeriod),
                }
            }
        };
        standalone.run(beginning, on_ready, keep_up, stop).await;
    }
}

/// Everything that happens on the io thread. False if something was not sent in the end.
async fn work(
    config: Config,
    synchronizer: Synchronizer,
    recorder: Arc<Recorder>,
    transport: Arc<Transport>,
    stop: Stop,
) -> bool {
    let made = Instant::now();
    let config = Arc::new(config);
    let on_ready = {
        let (recorder, transport) = (Arc::clone(&recorder), Arc::clone(&transport));
        move || {
            let (active_factories, redundant_factories) = living::counts();
            let about = Announced {
                proxied: transport.proxied(Service::Sdk),
                active_factories,
                redundant_factories,
                time_to_ready: made.elapsed(),
            };
            let (reporter, way, config) = (Arc::clone(&recorder), Arc::clone(&transport), Arc::clone(&config));
            tokio::spawn(async move { reporter.announce(&*way, &config, about).await });
            // It runs on while the recorder drains, and ends with that.
            tokio::spawn(Arc::clone(&recorder).run(Arc::clone(&transport)));
        }
    };
    synchronizer.run(on_ready, stop.clone()).await;
    recorder.drain(&*transport, stop.deadline()).await
}

fn unusable(cause: SetupError) -> FactoryError {
    match cause {
        SetupError::SdkKey => FactoryError::SdkKey("has control characters in it, or such as are not ASCII"),
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
