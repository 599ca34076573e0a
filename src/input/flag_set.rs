//! The flag sets of a call. What may be the name of one is the same in settings and local files, so `config` knows it.

use super::given::TARGET;
use super::{Given, Method};
use crate::config::flag_set;
use crate::logging::Logger;

/// Checks the flag sets of a call: the usable names, lower-cased, sorted, each once. `None`: not a list.
pub(crate) fn flag_sets(given: Option<&[Given<'_>]>, method: Method, log: &Logger) -> Vec<String> {
    let Some(given) = given else {
        log.warning(TARGET, format_args!("{method}: the flag sets are not a list; pass a list of names"));
        return Vec::new();
    };
    let texts = given.iter().map(|given| match given {
        Given::Text(text) => Some(*text),
        Given::Null | Given::Integer(_) | Given::Float(_) | Given::NotText => None,
    });
    flag_set::sanitise(texts, method.name(), |level, message| log.log(level, TARGET, format_args!("{message}")))
}
