//! Treatments and labels as texts that live as long as the process.
//!
//! A C caller gets a treatment as a pointer that is never freed, and a binding maps that pointer to a string of its
//! language once; so there is one copy per distinct text, and it is leaked on purpose. What may be leaked is capped, for
//! a backend that invents a treatment per second must not eat the host.
//!
//! The tables take no lock: a child that was forked while another thread of its parent compiled a definition would find
//! a lock held for ever.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::chain::{Link, Node, find_or_add};
use super::key_table::key_hash;
use super::labels;

/// How many texts a table holds, and how many bytes they take with their final NUL.
const MAX_TEXTS: usize = 65_536;
const MAX_BYTES: usize = 16 * 1024 * 1024;

const CHAINS: usize = 4096;

/// A text of the library itself, at one address. The bytes need a static of their own: the literal behind a constant, or
/// behind another static, is copied into each unit of code that reads it, and then equal texts were not the same pointer.
macro_rules! interned {
    ($text:expr) => {{
        const TEXT: &str = concat!($text, "\0");
        static BYTES: [u8; TEXT.len()] = $crate::rules::intern::array(TEXT);
        $crate::rules::Interned::fixed(&BYTES)
    }};
}
pub(crate) use interned;

/// The treatment of last resort.
pub(crate) static CONTROL: Interned = interned!("control");

static TREATMENTS: Table = Table::new();
static LABELS: Table = Table::new();

/// A text that lives as long as the process. Two of one kind are equal exactly when they are the same pointer.
#[derive(Clone, Copy)]
pub struct Interned(&'static str);

impl Interned {
    /// What [`interned`] makes of its bytes.
    pub(crate) const fn fixed(text_and_nul: &'static [u8]) -> Self {
        match str::from_utf8(text_and_nul) {
            Ok(text) => Interned(text),
            // Evaluated while compiling, of a literal.
            Err(_) => panic!("not UTF-8"),
        }
    }

    /// The treatment `control`.
    pub fn control() -> Self {
        CONTROL
    }

    /// The text, without its final NUL.
    pub fn as_str(&self) -> &'static str {
        &self.0[..self.0.len() - 1]
    }

    /// Its first byte; a NUL follows the last one.
    pub fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }
}

/// The bytes of a text, for [`interned`].
pub(crate) const fn array<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(text.as_bytes());
    bytes
}

impl PartialEq for Interned {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }
}

impl Eq for Interned {}

impl fmt::Debug for Interned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Interned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a treatment has no copy that lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InternError {
    /// The table is full.
    #[error("there are more than {MAX_TEXTS} distinct treatments, or more than {MAX_BYTES} bytes of them")]
    Full,
    /// In C it would end in its middle.
    #[error("a treatment contains U+0000")]
    Nul,
}

/// The one copy of a treatment.
pub(crate) fn intern_treatment(text: &str) -> Result<Interned, InternError> {
    if text == CONTROL.as_str() {
        return Ok(CONTROL);
    }
    TREATMENTS.intern(text)
}

/// The one copy of a label; `None` when the table is full, or when C could not read it to its end.
pub(crate) fn intern_label(text: &str) -> Option<Interned> {
    labels::fixed(text).or_else(|| LABELS.intern(text).ok())
}

struct Table {
    chains: [Link; CHAINS],
    texts: AtomicUsize,
    bytes: AtomicUsize,
}

impl Table {
    const fn new() -> Self {
        Table { chains: [const { Link::new() }; CHAINS], texts: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    fn intern(&'static self, text: &str) -> Result<Interned, InternError> {
        if text.contains('\0') {
            return Err(InternError::Nul);
        }
        let chain = &self.chains[key_hash(text).value() as usize % CHAINS];
        let (one, is_spare) = find_or_add(chain, text, || self.make(text))?;
        if is_spare {
            // What was leaked for nothing stays leaked, but is not counted.
            self.give_back(text.len() + 1);
        }
        Ok(one)
    }

    fn make(&self, text: &str) -> Result<&'static Node, InternError> {
        let bytes = text.len() + 1;
        take(&self.texts, 1, MAX_TEXTS)?;
        if let Err(full) = take(&self.bytes, bytes, MAX_BYTES) {
            self.texts.fetch_sub(1, Ordering::Relaxed);
            return Err(full);
        }
        let mut owned = String::with_capacity(bytes);
        owned.push_str(text);
        owned.push('\0');
        let text = Interned(Box::leak(owned.into_boxed_str()));
        Ok(Box::leak(Box::new(Node::new(text))))
    }

    fn give_back(&self, bytes: usize) {
        self.texts.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn take(counter: &AtomicUsize, amount: usize, limit: usize) -> Result<(), InternError> {
    let add = |taken: usize| taken.checked_add(amount).filter(|&sum| sum <= limit);
    match counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
        Ok(_) => Ok(()),
        Err(_) => Err(InternError::Full),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_the_same_pointer() {
        let on = intern_treatment("on").expect("room");
        let also_on = intern_treatment(&String::from("on")).expect("room");
        let off = intern_treatment("off").expect("room");
        assert_eq!((on, on.as_ptr()), (also_on, also_on.as_ptr()));
        assert_ne!(on, off);
        assert_eq!((on.as_str(), off.as_str()), ("on", "off"));
        assert_eq!(on.0, "on\0");
    }

    #[test]
    fn control_and_the_labels_of_the_library_exist_once() {
        assert_eq!(intern_treatment("control"), Ok(Interned::control()));
        assert_eq!(intern_label("default rule"), labels::DEFAULT_RULE.text);
        assert_eq!(intern_label("fallback - killed"), labels::KILLED.fallback);
        assert_eq!(intern_label("mine"), intern_label("mine"));
    }

    #[test]
    fn what_c_could_not_read_is_refused() {
        assert_eq!(intern_treatment("o\0n"), Err(InternError::Nul));
        assert_eq!(intern_label("o\0n"), None);
    }

    #[test]
    fn threads_agree_on_one_copy() {
        static TABLE: Table = Table::new();
        let texts: Vec<String> = (0..2000).map(|n| format!("text {n}")).collect();
        let pointers: Vec<Vec<usize>> = std::thread::scope(|scope| {
            let intern_all = || texts.iter().map(|text| TABLE.intern(text).expect("room").as_ptr() as usize).collect();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern_all)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert!(pointers.iter().all(|each| *each == pointers[0]));
        assert_eq!(TABLE.texts.load(Ordering::Relaxed), texts.len());
    }

    #[test]
    fn a_full_table_refuses_new_texts_and_still_knows_the_old_ones() {
        static BY_COUNT: Table = Table::new();
        for n in 0..MAX_TEXTS {
            BY_COUNT.intern(&n.to_string()).expect("room");
        }
        assert_eq!(BY_COUNT.intern("one more"), Err(InternError::Full));
        assert!(BY_COUNT.intern("17").is_ok());

        static BY_BYTES: Table = Table::new();
        let large = "x".repeat(MAX_BYTES - 1);
        assert!(BY_BYTES.intern(&large).is_ok());
        assert_eq!(BY_BYTES.intern("y"), Err(InternError::Full));
        assert!(BY_BYTES.intern(&large).is_ok());
    }
}
