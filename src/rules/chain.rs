//! Texts in a chain that only grows, by one compare-and-swap at its end: what a table of interned texts is made of.

use super::intern::Interned;
use crate::concurrent::OnceRef;

/// A text, and those after it. Never freed.
pub(super) struct Node {
    text: Interned,
    next: Link,
}

/// Set once. A plain pointer, so that leak checkers see what it holds.
pub(super) type Link = OnceRef<'static, Node>;

impl Node {
    pub(super) fn new(text: Interned) -> Self {
        Node { text, next: Link::new() }
    }
}

/// The one copy of a text in the chain that begins at `link`, and whether the node that `make` made for it is not the
/// one: another thread was faster.
pub(super) fn find_or_add<E>(
    mut link: &'static Link,
    text: &str,
    make: impl Fn() -> Result<&'static Node, E>,
) -> Result<(Interned, bool), E> {
    let mut fresh = None;
    loop {
        if let Some(node) = link.get() {
            if node.text.as_str() == text {
                return Ok((node.text, fresh.is_some()));
            }
            link = &node.next;
            continue;
        }
        let node = match fresh {
            Some(node) => node,
            None => *fresh.insert(make()?),
        };
        if link.set(node).is_ok() {
            return Ok((node.text, false));
        }
    }
}
