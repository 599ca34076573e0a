//! Definitions without threads, files or a backend, for those who want to ask them many questions: tests and fuzzers.
//!
//! What is asked takes the way of the library, from JSON to the decision; only the thread is missing that would fetch.

use super::{Applied, Change, Decision, Definitions, Fallbacks, Registry, Request, Unwatched, key_hash};
use crate::input::{Attributes, Key};
use crate::logging::Logger;
use crate::wire::compile::Compiler;

/// A storage, and what evaluations need besides.
pub(crate) struct World {
    pub(crate) definitions: Definitions,
    pub(crate) registry: Registry,
    pub(crate) fallbacks: Fallbacks,
    pub(crate) log: Logger,
}

impl World {
    pub(crate) fn new() -> Self {
        World {
            definitions: Definitions::empty(),
            registry: Registry::default(),
            fallbacks: Fallbacks::default(),
            log: Logger::silent(),
        }
    }

    /// Compiles definitions, which are not stored.
    pub(crate) fn compiled(&mut self, compile: impl FnOnce(&mut Compiler<'_>) -> Change) -> Change {
        let fallbacks = !self.fallbacks.is_empty();
        compile(&mut Compiler { registry: &mut self.registry, log: &self.log, fallbacks })
    }

    pub(crate) fn apply(&mut self, change: Change, filter: Option<&[String]>) -> Applied {
        let (next, applied) = self.definitions.apply(change, filter);
        self.definitions = next;
        applied
    }

    /// Compiles and stores definitions.
    pub(crate) fn change(&mut self, compile: impl FnOnce(&mut Compiler<'_>) -> Change) -> Applied {
        let change = self.compiled(compile);
        self.apply(change, None)
    }

    pub(crate) fn request<'a>(&'a self, key: Key<'a>, attributes: Option<&'a Attributes>) -> Request<'a> {
        Request { key, key_hash: key_hash(key.matching), attributes, fallbacks: &self.fallbacks, log: &self.log }
    }

    pub(crate) fn evaluate<'a>(&'a self, flag: &str, key: Key<'a>, attributes: Option<&'a Attributes>) -> Decision<'a> {
        self.definitions.evaluate(flag, &self.request(key, attributes), Unwatched)
    }
}
