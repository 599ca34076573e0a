//! Programs that call the C API, made of bytes: whatever the bytes are, they are a program.
//!
//! A program does all that the header allows and nothing else: NULL handles, destroyed factories, texts that are none, any
//! number anywhere, several threads that evaluate while one of them destroys. All that comes back is read to its end, so
//! that a sanitizer has something to see. At the end everything is freed, and every `user_data` must have been dropped once.

mod callbacks;
mod calls;
mod lists;
mod source;

use std::ffi::{CStr, CString, c_char};
use std::{ptr, thread};

use splitio::ffi::*;

use self::calls::{Sets, call};
use self::source::Source;

/// Handles that several threads may use at once.
struct Factories([*mut split_factory; 3]);

// SAFETY: all that is done with them while threads share them may be done on any thread.
unsafe impl Send for Factories {}
// SAFETY: likewise.
unsafe impl Sync for Factories {}

impl Factories {
    fn pick(&self, source: &mut Source<'_>) -> *mut split_factory {
        // Sometimes the place of none.
        self.0.get(source.below(4)).copied().unwrap_or(ptr::null_mut())
    }
}

struct Program<'a> {
    source: Source<'a>,
    /// Where the localhost files are.
    files: &'a str,
    configs: [*mut split_config; 2],
    factories: Factories,
    sets: Sets,
    /// A factory costs some milliseconds, threads cost some as well.
    factories_left: u32,
    threads_left: u32,
}

/// Runs a program. `files` is the directory of the localhost files.
pub fn run(bytes: &[u8], files: &str) {
    let mut program = Program {
        source: Source::new(bytes),
        files,
        configs: [ptr::null_mut(); 2],
        factories: Factories([ptr::null_mut(); 3]),
        sets: Sets::default(),
        factories_left: 4,
        threads_left: 3,
    };
    while !program.source.is_empty() {
        program.step();
    }
    program.end();
    callbacks::all_dropped();
}

/// Options, and what they may be set to. None of them names a host: those are set to a port of this machine at which nobody
/// listens, whatever a program does. Without preforkedInitialization, which waits there for seconds, as it should.
const OPTIONS: [(&CStr, &[&CStr]); 13] = [
    (c"impressionsMode", &[c"DEBUG", c"OPTIMIZED", c"NONE", c"x"]),
    (c"impressionsQueueSize", &[c"1", c"10", c"0", c"-1", c"1e3"]),
    (c"impressionsBulkSize", &[c"1", c"5000"]),
    (c"eventsQueueSize", &[c"1", c"10", c"many"]),
    (c"eventsBulkSize", &[c"1", c"5000"]),
    (c"labelsEnabled", &[c"true", c"false", c"0"]),
    (c"flagSetsFilter", &[c"web", c"web,mobile", c"!", c""]),
    (
        c"fallbackTreatments",
        &[c"\"off\"", c"{\"global\":\"off\",\"byFlag\":{\"nope\":{\"treatment\":\"t\",\"config\":\"{}\"}}}", c"{"],
    ),
    (c"streamingEnabled", &[c"true", c"false"]),
    (c"resumeOnFork", &[c"true", c"false"]),
    (c"strictConfig", &[c"true", c"false"]),
    (c"IPAddressesEnabled", &[c"true", c"false"]),
    (c"featureRefreshRate", &[c"1"]),
];

const DOCUMENTS: [&CStr; 7] = [
    c"{}",
    c"{\"labelsEnabled\":false,\"impressionsMode\":\"none\"}",
    c"{\"impressionsQueueSize\":\"1\",\"strictConfig\":false,\"nothing\":[]}",
    c"{\"flagSetsFilter\":[\"web\",7]}",
    c"[1]",
    c"{\"labelsEnabled\":",
    c"\xff",
];

const HOSTS: [&CStr; 5] = [
    c"sdk_api_base_url",
    c"events_api_base_url",
    c"auth_api_base_url",
    c"streaming_api_base_url",
    c"telemetry_api_base_url",
];

const NOBODY: &CStr = c"http://127.0.0.1:1/api";

/// A configuration whose factories write nothing to standard error.
fn silent_config() -> *mut split_config {
    let config = split_config_new();
    // SAFETY: it is alive.
    let status = unsafe { split_config_set(config, c"logLevel".as_ptr(), c"none".as_ptr(), ptr::null_mut()) };
    assert_eq!(status, SPLIT_OK);
    config
}

impl Program<'_> {
    fn step(&mut self) {
        match self.source.below(12) {
            0..3 => self.configure(),
            3 => self.make_factory(),
            4 => self.free_factory(),
            5 => self.with_threads(),
            _ => call(&mut self.source, &self.factories, &mut self.sets),
        }
    }

    fn configure(&mut self) {
        let source = &mut self.source;
        let place = source.below(2);
        let config = self.configs[place];
        let mut error = calls::no_error();
        // SAFETY: the configuration is NULL or alive, and this thread's alone.
        unsafe {
            match source.below(8) {
                0 if config.is_null() => self.configs[place] = silent_config(),
                0 => {
                    split_config_free(config);
                    self.configs[place] = ptr::null_mut();
                }
                1 => {
                    split_config_merge_json(config, source.pick(&DOCUMENTS).as_ptr(), &mut error);
                }
                2 => callbacks::set_logger(config, source),
                3 => callbacks::set_listener(config, source),
                4 => {
                    let (kinds, capacity) = (source.below(9) as u32, source.pick(&[0, 1, 3, 1000, usize::MAX]));
                    split_config_enable_queue(config, kinds, capacity);
                    // Into the queue, if there is one: not to standard error.
                    let level = if kinds & SPLIT_QUEUE_LOGS == 0 { c"none" } else { c"debug" };
                    split_config_set(config, c"logLevel".as_ptr(), level.as_ptr(), &mut error);
                }
                _ => {
                    let (name, values) = source.pick(&OPTIONS);
                    let value = source.pick(values).as_ptr();
                    let null = source.below(16);
                    let name = if null == 1 { ptr::null() } else { name.as_ptr() };
                    split_config_set(config, name, if null == 2 { ptr::null() } else { value }, &mut error);
                }
            }
        }
        calls::read_error(&error);
    }

    fn make_factory(&mut self) {
        let source = &mut self.source;
        let place = source.below(3);
        if self.factories_left == 0 || !self.factories.0[place].is_null() {
            return;
        }
        self.factories_left -= 1;
        let own = self.configs[source.below(2)];
        let key: *const c_char =
            source.pick(&[c"localhost", c"localhost", c"localhost", c"an-sdk-key", c"", c"\xff"]).as_ptr();
        let key = if source.below(16) == 15 { ptr::null() } else { key };
        let file = source.pick(&["flags.json", "flags.yaml", "flags.split", "none.json", "none.yaml"]);
        let (file, segments) = (self.path(file), self.path("segments"));
        let mut error = calls::no_error();
        // SAFETY: the configuration is alive.
        unsafe {
            let config = if own.is_null() { silent_config() } else { own };
            for host in HOSTS {
                assert_eq!(split_config_set(config, host.as_ptr(), NOBODY.as_ptr(), &mut error), SPLIT_OK);
            }
            split_config_set(config, c"splitFile".as_ptr(), file.as_ptr(), &mut error);
            split_config_set(config, c"segmentDirectory".as_ptr(), segments.as_ptr(), &mut error);
            self.factories.0[place] = split_factory_new(key, config, &mut error);
            if own.is_null() {
                split_config_free(config);
            }
        }
        assert_eq!(self.factories.0[place].is_null(), error.status != SPLIT_OK, "{error:?}");
        calls::read_error(&error);
    }

    fn path(&self, file: &str) -> CString {
        CString::new(format!("{}/{file}", self.files)).expect("paths have no NUL")
    }

    fn free_factory(&mut self) {
        let place = self.source.below(3);
        // SAFETY: NULL or alive, and nobody else has it.
        unsafe { split_factory_free(self.factories.0[place]) };
        self.factories.0[place] = ptr::null_mut();
    }

    /// Gives each of some threads its own part of what is left, for calls on the same factories.
    fn with_threads(&mut self) {
        if self.threads_left == 0 {
            return;
        }
        self.threads_left -= 1;
        let parts: Vec<Source<'_>> = (0..2 + self.source.below(2)).map(|_| self.source.part()).collect();
        let factories = &self.factories;
        thread::scope(|scope| {
            for mut part in parts {
                scope.spawn(move || {
                    let mut sets = Sets::default();
                    while !part.is_empty() {
                        call(&mut part, factories, &mut sets);
                    }
                });
            }
        });
    }

    fn end(&mut self) {
        // SAFETY: NULL or alive, and nobody else has them.
        unsafe {
            self.configs.iter().for_each(|config| split_config_free(*config));
            self.factories.0.iter().for_each(|factory| split_factory_free(*factory));
        }
        self.sets.free();
    }
}
