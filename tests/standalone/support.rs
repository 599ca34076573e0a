//! An SDK and its backend.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use splitio::logging::{Level, Record, Sink};
use splitio::{Attached, Factory, FactoryError, Hooks, QueueKinds, Refusal, Settings, Track};
use splitio_emulator::{Emulator, Endpoint, Options, Request, Tls};
use tempfile::TempDir;

use crate::secrets;

/// For what is to happen soon; a machine under load takes its time.
pub const SOON: Duration = Duration::from_secs(20);

/// An emulator with these settings.
pub fn backend(configure: impl FnOnce(&mut splitio_emulator::Settings)) -> Emulator {
    let emulator = Emulator::start(Options::default()).expect("a port");
    emulator.configure(configure);
    emulator
}

/// An emulator with one flag, "f", that serves "on".
pub fn backend_with_flag() -> Emulator {
    let emulator = backend(|_| {});
    emulator.upsert_flag(flag("f", 10, "on")).expect("a name");
    emulator
}

/// A certificate authority, and its files.
pub struct Authority {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let directory = TempDir::new().expect("a directory");
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("a file");
        Authority { directory, issuer: Issuer::new(params, key) }
    }

    /// The file that makes an SDK trust it.
    pub fn bundle(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// An emulator with https, which speaks HTTP/2 to those who do.
    pub fn backend(&self) -> Emulator {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let path = |name| self.directory.path().join(name);
        let tls = Tls { certificates: path("server.pem"), key: path("server.key") };
        std::fs::write(&tls.certificates, certificate.pem()).expect("a file");
        std::fs::write(&tls.key, key.serialize_pem()).expect("a file");
        Emulator::start(Options { tls: Some(tls), ..Options::default() }).expect("a port")
    }
}

/// A flag that serves one treatment to everybody.
pub fn flag(name: &str, number: i64, treatment: &str) -> Value {
    with_matcher(name, number, treatment, json!({"matcherType": "ALL_KEYS", "negate": false}))
}

/// A flag that serves a treatment to the members of a segment, and "off" to everybody else.
pub fn flag_of_segment(name: &str, number: i64, segment: &str) -> Value {
    let data = json!({"segmentName": segment});
    let matcher = json!({"matcherType": "IN_SEGMENT", "negate": false, "userDefinedSegmentMatcherData": data});
    with_matcher(name, number, "on", matcher)
}

fn with_matcher(name: &str, number: i64, treatment: &str, matcher: Value) -> Value {
    json!({
        "name": name, "trafficTypeName": "user", "status": "ACTIVE", "killed": false, "changeNumber": number,
        "seed": 1, "algo": 2, "trafficAllocation": 100, "trafficAllocationSeed": 1, "defaultTreatment": "off",
        "sets": ["web"], "conditions": [{
            "conditionType": "ROLLOUT", "label": "rule", "matcherGroup": {"combiner": "AND", "matchers": [matcher]},
            "partitions": [{"treatment": treatment, "size": 100}]
        }]
    })
}

/// A way to a server that can die: connections made before stay open, and nothing passes any more.
pub struct Relay {
    pub address: SocketAddr,
    /// Connections up to this one are dead.
    dead: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
}

impl Relay {
    pub fn to(server: SocketAddr) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let relay =
            Relay { address: listener.local_addr().expect("an address"), dead: Arc::default(), made: Arc::default() };
        let (dead, made) = (Arc::clone(&relay.dead), Arc::clone(&relay.made));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let number = made.fetch_add(1, Ordering::SeqCst) + 1;
                let server = TcpStream::connect(server).expect("the server");
                for (mut from, mut to) in
                    [(client.try_clone().expect("a socket"), server.try_clone().expect("a socket")), (server, client)]
                {
                    let dead = Arc::clone(&dead);
                    std::thread::spawn(move || {
                        let mut bytes = [0; 4096];
                        while let Ok(count @ 1..) = from.read(&mut bytes) {
                            if number > dead.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                                return;
                            }
                        }
                    });
                }
            }
        });
        relay
    }

    pub fn connections(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// Lets the connections so far die.
    pub fn die(&self) {
        self.dead.store(self.connections(), Ordering::SeqCst);
    }
}

/// Lines of the log.
#[derive(Default)]
pub struct Log(Mutex<Vec<(Level, String)>>);

impl Sink for Log {
    fn write(&self, record: &Record<'_>) {
        secrets::watch(record.message);
        self.0.lock().expect("no panic").push((record.level, record.message.to_owned()));
    }
}

/// A factory and what it says.
pub struct Sdk {
    pub factory: Factory,
    pub log: Arc<Log>,
}

impl Sdk {
    /// With periods of one second, all services on the emulator, and `options` on top.
    pub fn start(backend: &Emulator, options: Value) -> Sdk {
        Sdk::try_start("test-key", backend, options).expect("valid options")
    }

    pub fn try_start(key: &str, backend: &Emulator, options: Value) -> Result<Sdk, FactoryError> {
        let api = backend.api_url();
        let mut all = json!({
            "sdk_api_base_url": api, "events_api_base_url": api, "auth_api_base_url": api, "telemetry_api_base_url": api,
            "streaming_api_base_url": backend.url(), "streamingEnabled": false,
            "featuresRefreshRate": 1, "segmentsRefreshRate": 1,
        });
        all.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
        let mut settings = Settings::new();
        settings.merge_json(&all.to_string()).expect("valid options");
        let log = Arc::new(Log::default());
        let hooks = Hooks {
            logger: Some((Some(Level::Debug), Arc::clone(&log) as _)),
            queue: Some((QueueKinds { events: true, ..QueueKinds::default() }, 0)),
            ..Hooks::default()
        };
        Ok(Sdk { factory: Factory::new(key.into(), &settings, &hooks)?, log })
    }

    /// One that is ready.
    pub fn ready(backend: &Emulator, options: Value) -> Sdk {
        let sdk = Sdk::start(backend, options);
        sdk.factory.block_until_ready(Some(SOON)).unwrap_or_else(|error| panic!("{error}: {:?}", sdk.lines()));
        sdk
    }

    pub fn treatment(&self, key: &str, flag: &str) -> &'static str {
        self.factory.client().treatment(&key.into(), flag.into()).as_str()
    }

    /// Queues an event of a key.
    pub fn track(&self, key: &str) {
        let event = Track {
            key: key.into(),
            traffic_type: "user".into(),
            event_type: "paid".into(),
            value: None,
            properties: Attached::Nothing,
        };
        self.factory.client().track(&event).unwrap_or_else(|refusal| panic!("{key}: {refusal}"));
    }

    /// Waits until a treatment is served.
    pub fn expect(&self, key: &str, flag: &str, treatment: &str) {
        let deadline = Instant::now() + SOON;
        while self.treatment(key, flag) != treatment {
            assert!(Instant::now() < deadline, "{flag} for {key}: {}", self.treatment(key, flag));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn lines(&self) -> Vec<(Level, String)> {
        self.log.0.lock().expect("no panic").clone()
    }

    pub fn lines_of(&self, wanted: Level) -> Vec<String> {
        self.lines().into_iter().filter(|(level, _)| *level == wanted).map(|(_, line)| line).collect()
    }

    /// Events so far, as "ready", "flags" and names, or "segments"; waits for the first.
    pub fn events(&self) -> Vec<String> {
        let json = match self.factory.poll(Some(SOON), 1000) {
            Ok(json) => json,
            Err(Refusal::TimedOut) => return Vec::new(),
            Err(refusal) => panic!("{refusal}"),
        };
        let events: Vec<Value> = serde_json::from_str(&json).expect("JSON");
        let told = |event: &Value| match (event["kind"].as_str(), event["flags_changed"].as_bool()) {
            (Some("ready"), _) => "ready".to_owned(),
            (_, Some(true)) => format!("flags {}", event["names"]),
            _ => format!("segments {}", event["names"]),
        };
        events.iter().map(told).collect()
    }
}

/// Method, path and query as they were sent.
pub fn line(request: &Request) -> String {
    format!("{} {}?{}", request.method, request.path, request.query)
}

pub fn lines(requests: &[Request]) -> Vec<String> {
    requests.iter().map(line).collect()
}

/// Waits until a service has answered one more request than now.
pub fn next_answer(backend: &Emulator, endpoint: Endpoint) {
    let before = backend.requests_to(endpoint).len();
    let after = backend.wait_for(endpoint, before + 1, SOON).len();
    assert!(after > before, "no request to {endpoint:?}");
}
