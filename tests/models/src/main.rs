//! The library's code without locks, run by a model checker in every order that threads can take its steps in, and with
//! every value that a processor may let them see.
//!
//! The modules are the library's own files. What they use of the rest of the library has a stand-in here, which is as
//! small as they need it. The last line is "N passed, M failed".
#![allow(dead_code, reason = "models need a part of each module")]

mod concurrent;
mod models;

/// As src/telemetry.
#[path = "../../../src/telemetry"]
mod telemetry {
    mod per_thread;
    pub(crate) use per_thread::{Counter, PerThread, Writer};
}

/// As src/recorder.
#[path = "../../../src/recorder"]
mod recorder {
    pub(crate) mod bell;
    pub(crate) mod sightings;
    pub(crate) mod table;
    pub(crate) mod tallies;

    #[path = "../../tests/models/src/recorder.rs"]
    pub(crate) mod models;
}

/// As src/storage.
#[path = "../../../src/storage"]
mod storage {
    mod kept;
    mod memory;
    pub(crate) use memory::Store;
}

/// As src/rules.
#[path = "../../../src/rules"]
mod rules {
    mod chain;

    #[path = "../../tests/models/src/rules.rs"]
    pub(crate) mod models;

    /// A text that is leaked.
    mod intern {
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Interned(pub(crate) &'static str);

        impl Interned {
            pub(crate) fn as_str(&self) -> &'static str {
                self.0
            }
        }
    }

    /// A state, of which only its number is of interest.
    #[derive(Clone, Debug)]
    pub(crate) struct Definitions(i64);

    impl Definitions {
        pub(crate) fn empty() -> Self {
            Definitions(-1)
        }

        pub(crate) fn numbered(change_number: i64) -> Self {
            Definitions(change_number)
        }

        pub(crate) fn change_number(&self) -> i64 {
            self.0
        }

        pub(crate) fn weight(&self) -> usize {
            0
        }
    }

    #[derive(Debug)]
    pub(crate) struct Registry;

    impl Registry {
        pub(crate) fn of(_: &Definitions) -> Self {
            Registry
        }
    }
}

fn main() {
    std::process::exit(models::run());
}
