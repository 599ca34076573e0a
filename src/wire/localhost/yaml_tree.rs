//! A YAML document as a tree whose scalars are the text that was written.
//!
//! Built from the parser's events, because every ready-made tree decides first that `on`, `5` or `1.10` are not text.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use super::LocalhostError;
use crate::input::push_json_text;

/// Deeper documents are refused, before the stack is.
const MAX_DEPTH: usize = 64;
/// Longer texts are refused: a few aliases of aliases can stand for more than the memory holds.
const MAX_JSON: usize = 1 << 20;

#[derive(Debug)]
pub(super) enum Node<'a> {
    Scalar(Scalar<'a>),
    List(Vec<Rc<Node<'a>>>),
    Map(Vec<(Rc<Node<'a>>, Rc<Node<'a>>)>),
}

#[derive(Debug)]
pub(super) struct Scalar<'a> {
    pub(super) text: Cow<'a, str>,
    /// Without quotes or a tag, so that its text may stand for null, a number or a boolean.
    plain: bool,
}

impl Scalar<'_> {
    /// Whether it is YAML's null: nothing, `~` or the word.
    pub(super) fn is_null(&self) -> bool {
        self.plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    fn push_json(&self, json: &mut String) {
        match &*self.text {
            _ if self.is_null() => json.push_str("null"),
            "true" | "True" | "TRUE" if self.plain => json.push_str("true"),
            "false" | "False" | "FALSE" if self.plain => json.push_str("false"),
            text => match if self.plain { number(text) } else { None } {
                Some(number) => json.push_str(&number),
                None => push_json_text(json, text),
            },
        }
    }
}

impl<'a> Node<'a> {
    /// The only document of a text; `None` if there is none.
    pub(super) fn read(text: &'a str) -> Result<Option<Rc<Self>>, LocalhostError> {
        let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new() };
        let mut document = None;
        loop {
            match reader.next()? {
                None | Some(Event::StreamEnd) => return Ok(document),
                Some(Event::DocumentStart(_)) if document.is_some() => {
                    return Err(form("there is more than one YAML document"));
                }
                Some(Event::DocumentStart(_)) => {
                    let event = reader.next()?;
                    document = Some(reader.node(event, 0)?.node);
                }
                Some(_) => {}
            }
        }
    }

    /// Compact JSON; scalars have the type that YAML 1.2 gives them.
    pub(super) fn to_json(&self) -> Result<String, LocalhostError> {
        let mut json = String::new();
        self.push_json(&mut json)?;
        Ok(json)
    }

    fn push_json(&self, json: &mut String) -> Result<(), LocalhostError> {
        if json.len() > MAX_JSON {
            return Err(form("a config is longer than a megabyte"));
        }
        match self {
            Node::Scalar(scalar) => scalar.push_json(json),
            Node::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    item.push_json(json)?;
                }
                json.push(']');
            }
            Node::Map(entries) => {
                json.push('{');
                for (index, (name, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    let Node::Scalar(name) = &**name else {
                        return Err(form("a name in a config is not text"));
                    };
                    push_json_text(json, &name.text);
                    json.push(':');
                    value.push_json(json)?;
                }
                json.push('}');
            }
        }
        Ok(())
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Built<'a>>,
}

/// A node and how many storeys it has: aliases of aliases make deep trees of flat text.
#[derive(Clone)]
struct Built<'a> {
    node: Rc<Node<'a>>,
    height: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<Event<'a>>, LocalhostError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, _))) => Ok(Some(event)),
            Some(Err(cause)) => Err(LocalhostError::Yaml(cause)),
        }
    }

    fn node(&mut self, event: Option<Event<'a>>, depth: usize) -> Result<Built<'a>, LocalhostError> {
        let too_deep = "lists and maps are nested too deeply";
        if depth > MAX_DEPTH {
            return Err(form(too_deep));
        }
        let mut height = 0;
        let mut child = |reader: &mut Self, event| {
            let built = reader.node(event, depth + 1)?;
            height = height.max(built.height + 1);
            Ok(built.node)
        };
        let (anchor, node) = match event {
            Some(Event::Alias(anchor)) => {
                return self
                    .anchors
                    .get(&anchor)
                    .cloned()
                    .ok_or_else(|| form("an alias stands inside what it repeats"));
            }
            Some(Event::Scalar(text, style, anchor, tag)) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                (anchor, Node::Scalar(Scalar { text, plain }))
            }
            Some(Event::SequenceStart(anchor, _)) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Some(Event::SequenceEnd) => break,
                        event => items.push(child(self, event)?),
                    }
                }
                (anchor, Node::List(items))
            }
            Some(Event::MappingStart(anchor, _)) => {
                let mut entries = Vec::new();
                loop {
                    match self.next()? {
                        Some(Event::MappingEnd) => break,
                        event => {
                            let name = child(self, event)?;
                            let event = self.next()?;
                            entries.push((name, child(self, event)?));
                        }
                    }
                }
                (anchor, Node::Map(entries))
            }
            _ => return Err(form("the text ends within a list or map")),
        };
        if height > MAX_DEPTH {
            return Err(form(too_deep));
        }
        let built = Built { node: Rc::new(node), height };
        // The parser counts anchors from 1.
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }
}

fn form(wrong: &'static str) -> LocalhostError {
    LocalhostError::YamlForm { place: "the YAML text".to_owned(), wrong }
}

/// The number that a plain scalar stands for, as JSON; null for those that JSON lacks.
fn number(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some("null".to_owned());
    }
    let (minus, size) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if matches!(size, ".inf" | ".Inf" | ".INF") {
        return Some("null".to_owned());
    }
    if size.bytes().all(|byte| byte.is_ascii_digit()) && !size.is_empty() {
        // Digits as they are, also beyond 64 bits.
        let digits = size.trim_start_matches('0');
        return Some(if digits.is_empty() { "0".to_owned() } else { format!("{minus}{digits}") });
    }
    let is_number = size.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && size.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    // What Rust reads and these characters can spell is what YAML calls a float.
    let value: f64 = if is_number { text.parse().ok()? } else { return None };
    Some(if value.is_finite() { format!("{value:?}") } else { "null".to_owned() })
}

fn radix(digits: &str, radix: u32) -> Option<String> {
    // `from_str_radix` would take a sign.
    let plain = digits.starts_with(|c: char| c.is_digit(radix));
    if plain { u128::from_str_radix(digits, radix).ok().map(|number| number.to_string()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(yaml: &str) -> String {
        let node = Node::read(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        node.expect(yaml).to_json().expect(yaml)
    }

    #[test]
    fn scalars_keep_their_type_in_json() {
        for (yaml, expected) in [
            ("[1, -2, +3, 007, 0x1F, 0o17, 12345678901234567890123]", "[1,-2,3,7,31,15,12345678901234567890123]"),
            (
                "[1.5, -0.5, 1., .5, 1e3, 1.50, 1e999, .inf, -.inf, .nan]",
                "[1.5,-0.5,1.0,0.5,1000.0,1.5,null,null,null,null]",
            ),
            ("[true, False, ~, null]", "[true,false,null,null]"),
            (
                "[on, yes, 'true', \"5\", !!str 5, 1.2.3, 1-2, ., e5, 0x, 0x+1, 1_000, '']",
                r#"["on","yes","true","5","5","1.2.3","1-2",".","e5","0x","0x+1","1_000",""]"#,
            ),
            ("{a: 1, 5: {b: [c]}, ~: x}", r#"{"a":1,"5":{"b":["c"]},"~":"x"}"#),
            ("a: |\n  two\n  lines\nb: \"q\\\"\"", "{\"a\":\"two\\nlines\\n\",\"b\":\"q\\\"\"}"),
            ("[&a {k: v}, *a]", r#"[{"k":"v"},{"k":"v"}]"#),
        ] {
            assert_eq!(json(yaml), expected, "{yaml}");
        }
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "[".repeat(100_000);
        let closed = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let mut bomb = String::from("- &a0 [xxxxxxxx]\n");
        for n in 1..40 {
            bomb.push_str(&format!("- &a{n} [*a{m}, *a{m}]\n", m = n - 1));
        }
        let mut tower = String::from("- &a0 [x]\n");
        for n in 1..100_000 {
            tower.push_str(&format!("- &a{n} [*a{}]\n", n - 1));
        }
        assert!(Node::read(&deep).is_err() && Node::read(&closed).is_err() && Node::read(&tower).is_err());
        let bomb = Node::read(&bomb).expect("valid YAML").expect("a document");
        assert!(bomb.to_json().is_err());
        assert!(Node::read("&a [*a]").is_err());
        assert!(Node::read("a: 1\n---\nb: 1\n").is_err());
    }
}
