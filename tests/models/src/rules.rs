//! Of interned texts.

use std::sync::Arc;

use loom::thread;

use super::chain::{Link, Node, find_or_add};
use super::intern::Interned;

pub(crate) const MODELS: [(&str, fn()); 1] = [("threads agree on one copy of a text", threads_agree_on_one_copy)];

/// Where the text is, and whether a copy was made for nothing.
fn interned(chain: &'static Link, text: &'static str) -> (*const u8, bool) {
    let make = || Ok::<_, ()>(&*Box::leak(Box::new(Node::new(Interned(String::from(text).leak())))));
    let (one, is_spare) = find_or_add(chain, text, make).expect("made");
    assert_eq!(one.as_str(), text);
    (one.as_str().as_ptr(), is_spare)
}

fn threads_agree_on_one_copy() {
    let chain: &'static Link = Box::leak(Box::new(Link::new()));
    let spare = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let threads = [["on", "off"], ["off", "on"]].map(|texts| {
        let spare = Arc::clone(&spare);
        thread::spawn(move || {
            texts.map(|text| {
                let (copy, is_spare) = interned(chain, text);
                spare.fetch_add(usize::from(is_spare), std::sync::atomic::Ordering::Relaxed);
                (text, copy as usize)
            })
        })
    });
    let mut found: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    found.sort_unstable();
    assert!(found[0] == found[1] && found[2] == found[3], "{found:?}");
    for (text, copy) in found {
        assert_eq!(interned(chain, text), (copy as *const u8, false));
    }
}
