//! The handle for Rust tests: sync methods, with a thread of its own behind them.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::backend::{Announcement, Backend, Edit};
use crate::delivery::{Delivery, End};
use crate::endpoint::Endpoint;
use crate::environment::EditError;
use crate::faults::Fault;
use crate::files::{FileError, Files};
use crate::notification::Notification;
use crate::record::{Count, Request};
use crate::server;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::tls::{Tls, TlsError};

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How to start an emulator. The default: empty, on a free port of the loopback, plain HTTP.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Flags file in the JSON localhost format, followed while it changes.
    pub file: Option<PathBuf>,
    /// Directory of segment files, followed too.
    pub segments: Option<PathBuf>,
    /// Serve `https` instead of `http`.
    pub tls: Option<Tls>,
    /// Settings to start with.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { address, file: None, segments: None, tls: None, settings: Settings::default() }
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The system refused a thread or an event queue.
    #[error("cannot start the server thread")]
    Thread(#[source] io::Error),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A running emulator. Dropping it ends it and closes all its connections.
pub struct Emulator {
    backend: Arc<Backend>,
    address: SocketAddr,
    scheme: &'static str,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts an emulator; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on, or a file cannot be used.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let files = Files::new(options.file, options.segments);
        let backend = Backend::new(options.settings, files, runtime.handle().clone());
        if let Some(error) = backend.look().into_iter().next() {
            return Err(error.into());
        }
        let acceptor = options.tls.as_ref().map(Tls::acceptor).transpose()?;
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let listening = |cause| StartError::Listen { address: options.address, cause };
        // Not tokio's own bind: that would need to block, which callers inside a runtime of theirs must not.
        let listener = std::net::TcpListener::bind(options.address).map_err(listening)?;
        listener.set_nonblocking(true).map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(listening)?
        };
        let (stop, stopped) = watch::channel(false);
        let behind = backend.clone();
        let thread = std::thread::Builder::new().name("splitio-emulator".to_owned()).spawn(move || {
            runtime.block_on(async {
                let watching = tokio::spawn(follow(behind.clone()));
                server::serve(listener, acceptor, behind, stopped).await;
                watching.abort();
            });
        });
        let thread = thread.map_err(StartError::Thread)?;
        Ok(Self { backend, address, scheme, stop, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The base URL for sdk, events, auth and telemetry of an SDK; streaming takes [`Self::url`].
    pub fn api_url(&self) -> String {
        format!("{}{}/api", self.url(), self.settings().prefix)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.backend.settings()
    }

    /// Changes settings, from the next request on.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.backend.state().settings);
    }

    fn announced(&self, edit: Edit) -> i64 {
        self.backend.announce(&edit, Announcement::default());
        edit.number()
    }

    /// Creates or replaces a flag; returns its change number: its own if that is new, else the time.
    ///
    /// # Errors
    /// When it has no name.
    pub fn upsert_flag(&self, flag: Value) -> Result<i64, EditError> {
        Ok(self.announced(self.backend.put_flag(flag, None)?))
    }

    /// Archives a flag; returns the change number.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn archive_flag(&self, name: &str) -> Result<i64, EditError> {
        Ok(self.announced(self.backend.archive_flag(name, None)?))
    }

    /// Kills a flag, so that it serves `treatment` to everyone; returns the change number.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn kill_flag(&self, name: &str, treatment: &str) -> Result<i64, EditError> {
        Ok(self.announced(self.backend.kill_flag(name, Some(treatment), None)?))
    }

    /// Creates or replaces a rule-based segment; returns its change number.
    ///
    /// # Errors
    /// When it has no name.
    pub fn upsert_rbs(&self, rbs: Value) -> Result<i64, EditError> {
        Ok(self.announced(self.backend.put_rbs(rbs, None)?))
    }

    /// Archives a rule-based segment; returns the change number.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn archive_rbs(&self, name: &str) -> Result<i64, EditError> {
        Ok(self.announced(self.backend.archive_rbs(name, None)?))
    }

    /// Makes `keys` the members of a segment, creating it if need be. Returns the segment's change number, `None` when
    /// they were its members already.
    ///
    /// # Errors
    /// None in practice: numbers are chosen to grow.
    pub fn set_segment<K: Into<String>>(
        &self,
        name: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Option<i64>, EditError> {
        let keys = keys.into_iter().map(Into::into).collect();
        Ok(self.backend.set_segment(name, keys, None, None)?.map(|edit| self.announced(edit)))
    }

    /// Adds and removes members of a segment; returns its change number.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn update_segment(&self, name: &str, added: &[&str], removed: &[&str]) -> Result<i64, EditError> {
        let text = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Ok(self.announced(self.backend.update_segment(name, text(added), text(removed), None)?))
    }

    /// Forgets a segment: it answers 404 from now on.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn remove_segment(&self, name: &str) -> Result<(), EditError> {
        self.backend.remove_segment(name)
    }

    /// Arms a fault; the id is for [`Self::remove_fault`].
    ///
    /// # Panics
    /// When it cannot be carried out: a status or probability out of range, or a header that is none.
    pub fn fault(&self, fault: Fault) -> u64 {
        if let Err(problem) = fault.check() {
            panic!("{problem}: {fault:?}");
        }
        self.backend.state().faults.add(fault)
    }

    /// Disarms a fault; false when it is not armed.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.backend.state().faults.remove(id)
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.backend.state().faults.clear();
    }

    /// From now on, requests without `till` see the present state, as from a stale CDN node: the next `requests` of them,
    /// or all until [`Self::refresh`]. A `since` the node never saw goes through to the backend.
    pub fn stale(&self, requests: Option<u64>) {
        self.backend.freeze(requests);
    }

    /// Ends [`Self::stale`].
    pub fn refresh(&self) {
        self.backend.thaw();
    }

    /// Sends a notification to the live streams.
    pub fn notify(&self, notification: Notification, delivery: Delivery) {
        self.backend.notify(notification, delivery);
    }

    /// The live streams.
    pub fn streams(&self) -> Vec<Stream> {
        self.backend.state().streams.list()
    }

    /// Ends all live streams at once; returns how many.
    pub fn drop_streams(&self, how: End) -> usize {
        self.backend.state().streams.drop_streams(how, None)
    }

    /// Not a byte more on the live streams, keepalives included, for a time or until [`Self::resume_streams`]. What is
    /// sent meanwhile comes after it. Returns how many streams there are.
    pub fn stall_streams(&self, time: Option<Duration>) -> usize {
        self.backend.state().streams.stall(time, None)
    }

    /// Ends [`Self::stall_streams`].
    pub fn resume_streams(&self) -> usize {
        self.backend.state().streams.resume(None)
    }

    /// From now on tokens issued so far open no stream (401, Ably error 40142). With `live`, streams end with that error.
    pub fn expire_tokens(&self, live: bool) {
        self.backend.expire_tokens(live);
    }

    /// All requests so far, in the order they arrived, those without an answer included.
    pub fn requests(&self) -> Vec<Request> {
        self.backend.state().record.requests(None)
    }

    /// The same for one service.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Request> {
        self.backend.state().record.requests(Some(endpoint))
    }

    /// Blocks until the answered requests to a service fulfil `wanted`, or `timeout` is over; returns them either way.
    pub fn wait_until(
        &self,
        endpoint: Endpoint,
        timeout: Duration,
        wanted: impl Fn(&[Request]) -> bool,
    ) -> Vec<Request> {
        self.backend.wait(endpoint, timeout, wanted)
    }

    /// Blocks until `count` requests to a service have been answered, or `timeout` is over; returns them either way.
    pub fn wait_for(&self, endpoint: Endpoint, count: usize, timeout: Duration) -> Vec<Request> {
        self.wait_until(endpoint, timeout, |requests| requests.len() >= count)
    }

    /// Sums by service, kept also while `record` is off.
    pub fn counts(&self) -> BTreeMap<Endpoint, Count> {
        self.backend.state().record.counts()
    }

    /// Forgets requests and sums.
    pub fn clear_requests(&self) {
        self.backend.note(crate::record::Record::clear);
    }

    /// Back to the start: the settings given then, no faults, no record, and no data but what the files hold.
    pub fn reset(&self) {
        // Files that are broken just now are reported by the next look at them.
        self.backend.reset();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // It panicked: the test has seen the consequences, and a second panic in drop would hide them.
            let _ = thread.join();
        }
    }
}

/// Looks at the files for ever. What is wrong with them is reported once on stderr, for whoever is editing.
async fn follow(backend: Arc<Backend>) {
    let mut complaint = String::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let problems: Vec<String> = backend.look().iter().map(|error| with_causes(error)).collect();
        let problems = problems.join("; ");
        if problems != complaint && !problems.is_empty() {
            eprintln!("splitio-emulator: {problems}");
        }
        complaint = problems;
    }
}

/// An error in one line, down to its last cause.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
