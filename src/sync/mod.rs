//! Bringing storage up to date: from files in localhost mode, from the FME backend otherwise.
//!
//! It runs on a thread of its own, `splitio-io`, so that changes have one order and no evaluation waits for a file or
//! an answer.

pub(crate) mod backend;
mod definitions;
pub(crate) mod io;
pub(crate) mod localhost;
mod payload;
pub(crate) mod polling;
mod pursuit;
mod segments;
mod spec;
pub(crate) mod standalone;
pub(crate) mod streaming;
mod suspension;
#[cfg(test)]
mod testing;
mod updates;

use std::sync::Arc;

use crate::callbacks::Outlets;
use crate::descriptors::Descriptors;
use crate::lifecycle::Lifecycle;
use crate::logging::Logger;
use crate::storage::Store;

/// What a factory has that synchronisation works on.
pub(crate) struct Ground {
    pub(crate) store: Arc<Store>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) outlets: Arc<Outlets>,
    pub(crate) log: Logger,
    /// Whether labels need their `fallback - ` form.
    pub(crate) fallbacks: bool,
    pub(crate) descriptors: Arc<Descriptors>,
}
