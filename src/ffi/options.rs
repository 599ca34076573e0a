//! The table of options, for programs that show or check configurations: bindings ask it, so that no option is listed
//! twice.

use std::ffi::CString;
use std::ptr;
use std::sync::OnceLock;

use super::guard::guard;
use super::types::split_option;
use crate::config;

/// The table as C sees it, made once.
struct Table {
    options: Vec<split_option>,
    /// What the options point to.
    _texts: Vec<CString>,
}

// SAFETY: nothing of it changes once it is made.
unsafe impl Send for Table {}
// SAFETY: likewise.
unsafe impl Sync for Table {}

static TABLE: OnceLock<Table> = OnceLock::new();

/// Makes the table, if nobody has: in a forked child it may not be too late, see `split_factory_new`.
pub(super) fn prepare() {
    TABLE.get_or_init(Table::new);
}

impl Table {
    fn new() -> Self {
        let mut texts = Vec::new();
        let mut keep = |text: &str| {
            // The texts of the table are literals, and `the_table_is_complete` sees that they have no NUL.
            let text = CString::new(text).unwrap_or_default();
            let pointer = text.as_ptr();
            texts.push(text);
            pointer
        };
        let options = config::options()
            .iter()
            .map(|option| split_option {
                size: size_of::<split_option>(),
                name: keep(option.name),
                kind: keep(option.kind.name()),
                default_json: keep(option.default_json),
                description: keep(option.description),
                supported: option.supported,
            })
            .collect();
        Table { options, _texts: texts }
    }
}

/// How many options there are.
///
/// Threads: any. Fork: any process.
#[unsafe(no_mangle)]
pub extern "C" fn split_option_count() -> usize {
    config::options().len()
}

/// The option at an index, in the order Split documents them; NULL past the end.
///
/// Threads: any. Fork: any process. Memory: static.
#[unsafe(no_mangle)]
pub extern "C" fn split_option_at(index: usize) -> *const split_option {
    guard(ptr::null(), || {
        let table = TABLE.get_or_init(Table::new);
        table.options.get(index).map_or(ptr::null(), ptr::from_ref)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::{CStr, c_char};

    #[test]
    fn the_table_is_complete() {
        // SAFETY: texts of the table.
        let text = |pointer: *const c_char| unsafe { CStr::from_ptr(pointer) }.to_str().expect("UTF-8");
        for (index, expected) in config::options().iter().enumerate() {
            // SAFETY: the table is static.
            let option = unsafe { split_option_at(index).as_ref() }.expect("in the table");
            assert_eq!(option.size, size_of::<split_option>());
            assert_eq!(
                [option.name, option.kind, option.default_json, option.description].map(text),
                [expected.name, expected.kind.name(), expected.default_json, expected.description]
            );
            assert_eq!(option.supported, expected.supported);
        }
        assert!(split_option_count() > 50);
        assert!(split_option_at(split_option_count()).is_null() && split_option_at(usize::MAX).is_null());
    }
}
