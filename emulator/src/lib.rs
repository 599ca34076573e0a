//! A backend of one's own: what Split's (Harness FME's) cloud does for server-side SDKs, on this machine.
//!
//! SDKs have to be tested against failures that a real backend shows once a year, and applications without the network.
//! [`Emulator`] is for Rust tests; the binary of the same name serves everybody else, with a control API over HTTP.
//!
//! ```no_run
//! use splitio_emulator::{Emulator, Endpoint, Fault, Options};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let backend = Emulator::start(Options::default())?;
//! backend.upsert_flag(serde_json::json!({"name": "checkout", "status": "ACTIVE"}))?;
//! backend.fault(Fault { endpoint: Some(Endpoint::Events), status: Some(503), times: Some(1), ..Fault::default() });
//! // ... an SDK at work, with backend.api_url() as its base URLs ...
//! assert_eq!(backend.requests_to(Endpoint::Events).len(), 2);
//! # Ok(())
//! # }
//! ```

mod answer;
mod backend;
mod body;
mod control;
mod delivery;
mod emulator;
mod endpoint;
mod environment;
mod faults;
mod files;
mod link;
mod notification;
mod record;
mod server;
mod settings;
mod spec;
mod stream;
mod tls;
mod token;

pub use delivery::{Delivery, End};
pub use emulator::{Emulator, Options, StartError, with_causes};
pub use endpoint::Endpoint;
pub use environment::EditError;
pub use faults::{Cut, Fault};
pub use files::FileError;
pub use notification::{Notification, Update};
pub use record::{Count, Request};
pub use settings::{Payload, Settings};
pub use spec::Spec;
pub use stream::Stream;
pub use tls::{Tls, TlsError};
