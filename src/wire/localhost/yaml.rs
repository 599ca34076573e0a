//! The YAML file: a list of flags, each with a treatment, perhaps for some keys only, perhaps with a configuration.
//!
//! Read as Split's SDKs read it, where only the first entry of an item counts; but a file that is wrong says where, and
//! none of it is applied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use super::LocalhostError;
use super::plain_flag::PlainFlag;
use super::yaml_tree::Node;
use crate::input::is_blank;

/// The most bytes that lists of keys and configurations may take together: with aliases a few kilobytes of YAML can stand for
/// more than the memory holds.
const MAX_EXPANDED: usize = 64 << 20;

/// The definitions of a file's text, in the order in which the flags first appear.
pub(crate) fn read(text: &str) -> Result<Vec<String>, LocalhostError> {
    read_into(Room(MAX_EXPANDED), text)
}

fn read_into(mut room: Room, text: &str) -> Result<Vec<String>, LocalhostError> {
    let root = Node::read(text)?;
    let items = match root.as_deref() {
        Some(Node::List(items)) => items.as_slice(),
        Some(Node::Map(entries)) if entries.is_empty() => &[],
        _ => return Err(wrong("the file".to_owned(), "it is not a list of feature flags")),
    };
    let mut flags: Vec<PlainFlag<'_>> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let place = || format!("item {}", index + 1);
        let Node::Map(entries) = &**item else {
            return Err(wrong(place(), "it is not a map from a feature flag to what it serves"));
        };
        // Only the first entry counts, as in Split's SDKs.
        let Some((name, entry)) = entries.first() else {
            return Err(wrong(place(), "it is empty"));
        };
        let name = match &**name {
            Node::Scalar(name) if !is_blank(&name.text) => &*name.text,
            _ => return Err(wrong(place(), "the name of the feature flag is not text, or blank")),
        };
        let position = *positions.entry(name).or_insert_with(|| {
            flags.push(PlainFlag::new(Cow::Borrowed(name)));
            flags.len() - 1
        });
        serve(&mut flags[position], entry, &mut room).map_err(|reason| match reason {
            Reason::Form(reason) => wrong(format!("{} ({name:?})", place()), reason),
            Reason::Other(error) => error,
        })?;
    }
    Ok(flags.into_iter().map(PlainFlag::into_json).collect())
}

/// Why an entry cannot be used.
enum Reason {
    Form(&'static str),
    Other(LocalhostError),
}

/// What is left of [`MAX_EXPANDED`].
struct Room(usize);

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), Reason> {
        self.0 = self.0.checked_sub(bytes).ok_or(Reason::Form("the file stands for too much text, by its aliases"))?;
        Ok(())
    }
}

/// Adds one entry to its flag.
fn serve<'a>(flag: &mut PlainFlag<'a>, entry: &'a Node<'a>, room: &mut Room) -> Result<(), Reason> {
    let Node::Map(members) = entry else {
        return Err(Reason::Form("what follows the name is not a map"));
    };
    let treatment = match member(members, "treatment") {
        Some(Node::Scalar(scalar)) if !scalar.is_null() => Cow::Borrowed(&*scalar.text),
        Some(Node::List(_) | Node::Map(_)) => return Err(Reason::Form("the treatment is not text")),
        Some(Node::Scalar(_)) | None => return Err(Reason::Form("there is no treatment")),
    };
    let keys = match member(members, "keys") {
        None => None,
        Some(Node::Scalar(scalar)) if scalar.is_null() => Some(Vec::new()),
        Some(Node::Scalar(scalar)) => Some(vec![Cow::Borrowed(&*scalar.text)]),
        Some(Node::List(items)) => {
            room.take(items.len() * size_of::<Cow<'_, str>>())?;
            let keys = items.iter().map(|item| match &**item {
                Node::Scalar(scalar) => Ok(Cow::Borrowed(&*scalar.text)),
                Node::List(_) | Node::Map(_) => Err(Reason::Form("a key is not text")),
            });
            Some(keys.collect::<Result<_, _>>()?)
        }
        Some(Node::Map(_)) => return Err(Reason::Form("the keys are neither a key nor a list of keys")),
    };
    match member(members, "config") {
        None => {}
        Some(Node::Scalar(scalar)) if scalar.is_null() => flag.configure(treatment.clone(), None),
        Some(Node::Scalar(scalar)) => flag.configure(treatment.clone(), Some(Cow::Borrowed(&*scalar.text))),
        Some(node) => {
            let json = node.to_json().map_err(Reason::Other)?;
            room.take(json.len())?;
            flag.configure(treatment.clone(), Some(Cow::Owned(json)));
        }
    }
    flag.serve(treatment, keys);
    Ok(())
}

/// The value of a name; the last one if there are several.
fn member<'a>(members: &'a [(Rc<Node<'a>>, Rc<Node<'a>>)], wanted: &str) -> Option<&'a Node<'a>> {
    let is_wanted = |name: &Node<'_>| matches!(name, Node::Scalar(scalar) if scalar.text == wanted);
    members.iter().rev().find(|(name, _)| is_wanted(name)).map(|(_, value)| &**value)
}

fn wrong(place: String, wrong: &'static str) -> LocalhostError {
    LocalhostError::YamlForm { place, wrong }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::localhost::decode;

    #[test]
    fn b28_windows_line_ends_a_byte_order_mark_and_no_last_newline() {
        let bytes = b"\xef\xbb\xbf- my-flag:\r\n    treatment: on\r\n    keys:\r\n      - ann\r\n- other:\r\n    treatment: off";
        let flags = read(decode(bytes).expect("UTF-8")).expect("YAML");
        assert_eq!(flags.len(), 2, "{flags:?}");
        assert!(flags[0].contains(r#""name":"my-flag""#) && flags[0].contains(r#""whitelist":["ann"]"#), "{flags:?}");
        assert!(flags[0].contains(r#""treatment":"on""#) && flags[1].contains(r#""treatment":"off""#), "{flags:?}");
    }

    #[test]
    fn failures_say_where_and_what() {
        for (text, place, reason) in [
            ("", "the file", "not a list"),
            ("---\n", "the file", "not a list"),
            ("- f:\n    treatment: on\n- g\n", "item 2", "not a map"),
            ("- f: on\n", r#"item 1 ("f")"#, "not a map"),
            ("- f: {treatment: }\n", r#"item 1 ("f")"#, "no treatment"),
            ("- f: {treatment: [on]}\n", r#"item 1 ("f")"#, "not text"),
            ("- f: {treatment: on, keys: {a: b}}\n", r#"item 1 ("f")"#, "neither"),
            ("- f: {treatment: on, keys: [[a]]}\n", r#"item 1 ("f")"#, "a key is not text"),
            ("- [a]: {treatment: on}\n", "item 1", "not text"),
            ("- ' ': {treatment: on}\n", "item 1", "blank"),
            ("- {}\n", "item 1", "empty"),
            ("{bad", "it is", "not YAML"),
            ("- f: {treatment: on}\n---\n- g: {treatment: on}\n", "the YAML text", "more than one"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.starts_with(place) && error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_what_is_served() {
        let text = "- f: &f\n    treatment: 1.10\n    keys: [0123, yes, 'a b', ~]\n    config: {v: 1.10}\n- g: *f\n";
        let flags = read(text).expect("YAML");
        for (flag, name) in flags.iter().zip(["f", "g"]) {
            for part in [
                r#""treatment":"1.10""#,
                r#"["0123","yes","a b","~"]"#,
                r#"{"1.10":"{\"v\":1.1}"}"#,
                &format!(r#""name":"{name}""#),
            ] {
                assert!(flag.contains(part), "{part} in {flag}");
            }
        }
        assert_eq!(flags.len(), 2);
    }

    #[test]
    fn a_null_config_takes_an_earlier_one_away() {
        let text = "- f: {treatment: on, config: x}\n- f: {treatment: on, config: ~}\n- f: {treatment: on}\n";
        let flags = read(text).expect("YAML");
        assert!(flags[0].contains(r#""configurations":{}"#), "{flags:?}");
    }

    #[test]
    fn aliases_that_stand_for_too_much_are_refused() {
        let flags = |member: &str, anchored: &str, aliases: usize| {
            let first = format!("- f: {{treatment: on, {member}: &a {anchored}}}\n");
            let others = (0..aliases).map(|n| format!("- f{n}: {{treatment: on, {member}: *a}}\n"));
            first + &others.collect::<String>()
        };
        let keys = format!("[{}]", "1,".repeat(100));
        let config = format!("{{k: {}}}", "x".repeat(2_392));
        for (text, fits) in [
            (flags("config", &config, 9), true),
            (flags("config", &config, 10), false),
            (flags("keys", &keys, 9), true),
            (flags("keys", &keys, 10), false),
        ] {
            match read_into(Room(24_000), &text) {
                Ok(flags) => assert!(fits, "{} flags", flags.len()),
                Err(error) => assert!(!fits && error.to_string().contains("by its aliases"), "{error}"),
            }
        }
    }
}
