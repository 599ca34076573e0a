//! Python's regular expressions in the words of `fancy-regex`.
//!
//! Both read the common core alike. What they read differently is rewritten here, piece by piece: `$`, `\Z`, what stands
//! in classes, escapes, braces that quantify nothing, comments, the flags `m`, `x`, `a` and `u`. What Python rejects is
//! rejected, for a pattern that one engine takes for an error and another for something matches nothing everywhere; only
//! Java's `(?<name>…)` and `\p{…}`, which cannot mean anything else, are let through.

use std::iter::Peekable;
use std::str::CharIndices;

/// Why Python would not take a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct SyntaxError {
    what: &'static str,
    at: usize,
}

type Result<T> = std::result::Result<T, SyntaxError>;

/// Flags that are resolved while translating; `i` and `s` are left to the engine.
#[derive(Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    verbose: bool,
    ascii: bool,
}

struct Group {
    /// Flags outside of it.
    outer: Flags,
    /// Where a look-around begins in the output. The engine repeats none, but does repeat
    /// a choice between it and what never matches.
    look_around: Option<usize>,
}

struct Translator<'p> {
    rest: Peekable<CharIndices<'p>>,
    pattern: &'p str,
    out: String,
    flags: Flags,
    /// The groups that are open.
    groups: Vec<Group>,
    /// Names of groups, and their numbers.
    names: Vec<(&'p str, usize)>,
    /// How many groups capture.
    captures: usize,
    /// The last group that a condition asks for; it may come later.
    condition: usize,
    /// Whether a quantifier may follow.
    repeatable: bool,
}

/// A member of a class.
enum Item {
    One(char),
    /// A class within the class, already in the words of the engine.
    Many(String),
}

/// The pattern for `fancy-regex`.
pub(super) fn translate(pattern: &str) -> Result<String> {
    let mut translator = Translator {
        rest: pattern.char_indices().peekable(),
        pattern,
        out: String::with_capacity(pattern.len() + 16),
        flags: Flags::default(),
        groups: Vec::new(),
        names: Vec::new(),
        captures: 0,
        condition: 0,
        repeatable: false,
    };
    while let Some((at, c)) = translator.rest.next() {
        translator.piece(at, c)?;
    }
    if !translator.groups.is_empty() {
        return translator.fail("an unclosed group");
    }
    // The engine would look for it, and panic.
    if translator.condition > translator.captures {
        return translator.fail("a condition on a group that is not there");
    }
    Ok(translator.out)
}

impl<'p> Translator<'p> {
    fn fail<T>(&mut self, what: &'static str) -> Result<T> {
        let at = self.rest.peek().map_or(self.pattern.len(), |&(at, _)| at);
        Err(SyntaxError { what, at })
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|&(_, c)| c)
    }

    fn eat(&mut self, expected: char) -> bool {
        self.rest.next_if(|&(_, c)| c == expected).is_some()
    }

    /// Puts out something that may be repeated.
    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeatable = true;
    }

    fn literal(&mut self, c: char) {
        push_literal(&mut self.out, c);
        self.repeatable = true;
    }

    /// Puts out a condition on the place, which cannot be repeated.
    fn anchor(&mut self, text: &str) {
        self.out.push_str(text);
        self.repeatable = false;
    }

    fn piece(&mut self, at: usize, c: char) -> Result<()> {
        match c {
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' if self.flags.verbose => {}
            '#' if self.flags.verbose => while self.rest.next_if(|&(_, c)| c != '\n').is_some() {},
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.open()?,
            ')' => match self.groups.pop() {
                Some(group) => {
                    self.flags = group.outer;
                    self.atom(")");
                    if let (Some(start), Some('*' | '+' | '?' | '{')) = (group.look_around, self.peek()) {
                        self.out.insert_str(start, "(?:");
                        self.out.push_str("|(?!))");
                    }
                }
                None => return self.fail("a parenthesis that closes nothing"),
            },
            '|' => self.anchor("|"),
            '.' => self.atom("."),
            '^' => self.anchor(if self.flags.multi_line { "(?m:^)" } else { "^" }),
            '$' => self.end(at),
            '*' | '+' | '?' => self.quantify(&c.to_string())?,
            '{' => match self.braces()? {
                Some(quantifier) => self.quantify(&quantifier)?,
                None => self.literal('{'),
            },
            c => self.literal(c),
        }
        Ok(())
    }

    fn end(&mut self, at: usize) {
        if self.flags.multi_line {
            self.anchor("(?m:$)");
        } else if at + 1 == self.pattern.len() && self.groups.is_empty() {
            // Nothing follows that could mind the newline being taken, and without look-around most patterns with a `$`
            // stay within reach of the engine that does not backtrack.
            self.anchor(r"\n?\z");
        } else {
            self.anchor(r"(?=\n?\z)");
        }
    }

    fn quantify(&mut self, quantifier: &str) -> Result<()> {
        if !self.repeatable {
            return self.fail("nothing to repeat");
        }
        self.out.push_str(quantifier);
        if self.eat('?') {
            self.out.push('?');
        } else if self.eat('+') {
            self.out.push('+');
        }
        self.repeatable = false;
        Ok(())
    }

    /// The quantifier that follows an open brace, if one does.
    fn braces(&mut self) -> Result<Option<String>> {
        let mut ahead = self.rest.clone();
        let mut text = String::new();
        while let Some((_, c)) = ahead.next_if(|&(_, c)| c.is_ascii_digit() || c == ',') {
            text.push(c);
        }
        let closed = ahead.next_if(|&(_, c)| c == '}').is_some();
        if !closed || text.is_empty() || text.matches(',').count() > 1 {
            return Ok(None);
        }
        self.rest = ahead;
        let Some((least, most)) = text.split_once(',') else { return Ok(Some(format!("{{{text}}}"))) };
        let least = if least.is_empty() { "0" } else { least };
        match (least.parse::<u32>(), most.parse::<u32>()) {
            (Ok(least), Ok(most)) if most < least => self.fail("a quantifier with its bounds the wrong way round"),
            _ => Ok(Some(format!("{{{least},{most}}}"))),
        }
    }

    fn escape(&mut self) -> Result<()> {
        let Some((_, c)) = self.rest.next() else { return self.fail("a backslash at the end") };
        match c {
            'A' => self.anchor(r"\A"),
            'Z' | 'z' => self.anchor(r"\z"),
            'b' if self.flags.ascii => {
                let word = "[0-9A-Za-z_]";
                self.anchor(&format!("(?:(?<={word})(?!{word})|(?<!{word})(?={word}))"));
            }
            'B' if self.flags.ascii => {
                let word = "[0-9A-Za-z_]";
                self.anchor(&format!("(?:(?<={word})(?={word})|(?<!{word})(?!{word}))"));
            }
            'b' => self.anchor(r"\b"),
            'B' => self.anchor(r"\B"),
            '1'..='9' => self.back_reference(c)?,
            _ => match self.escaped(c)? {
                Item::One(c) => self.literal(c),
                Item::Many(class) => self.atom(&class),
            },
        }
        Ok(())
    }

    /// `\1` to `\99`, or three octal digits.
    fn back_reference(&mut self, first: char) -> Result<()> {
        let mut ahead = self.rest.clone();
        let octal: String =
            std::iter::from_fn(|| ahead.next_if(|(_, c)| matches!(c, '0'..='7'))).map(|(_, c)| c).take(2).collect();
        if matches!(first, '1'..='3') && octal.len() == 2 {
            self.rest.nth(1);
            return match u32::from_str_radix(&format!("{first}{octal}"), 8).ok().and_then(char::from_u32) {
                Some(c) => {
                    self.literal(c);
                    Ok(())
                }
                None => self.fail("a bad octal escape"),
            };
        }
        let second = self.rest.next_if(|(_, c)| c.is_ascii_digit()).map(|(_, c)| c);
        let number: String = std::iter::once(first).chain(second).collect();
        self.atom(&format!(r"(?:\{number})"));
        Ok(())
    }

    /// What an escape stands for that means the same inside and outside of a class.
    fn escaped(&mut self, c: char) -> Result<Item> {
        let ascii = self.flags.ascii;
        let class = |unicode: &str, plain: &str| Ok(Item::Many(if ascii { plain.into() } else { unicode.into() }));
        match c {
            'd' => class(r"\d", "[0-9]"),
            'D' => class(r"\D", "[^0-9]"),
            // The engine's word characters include marks and miss fractions, its white space misses four separators.
            'w' => class(r"[\p{L}\p{N}_]", "[0-9A-Za-z_]"),
            'W' => class(r"[^\p{L}\p{N}_]", "[^0-9A-Za-z_]"),
            's' => class(r"[\s\x1c-\x1f]", r"[ \t\n\r\x0b\x0c]"),
            'S' => class(r"[^\s\x1c-\x1f]", r"[^ \t\n\r\x0b\x0c]"),
            'n' => Ok(Item::One('\n')),
            'r' => Ok(Item::One('\r')),
            't' => Ok(Item::One('\t')),
            'f' => Ok(Item::One('\u{c}')),
            'v' => Ok(Item::One('\u{b}')),
            'a' => Ok(Item::One('\u{7}')),
            'x' => self.hex(2),
            'u' => self.hex(4),
            'U' => self.hex(8),
            '0' => self.octal(),
            'p' | 'P' => self.property(c),
            c if c.is_ascii_alphanumeric() => self.fail("an unknown escape"),
            c => Ok(Item::One(c)),
        }
    }

    fn hex(&mut self, digits: usize) -> Result<Item> {
        let mut text = String::new();
        while text.len() < digits
            && let Some((_, c)) = self.rest.next_if(|(_, c)| c.is_ascii_hexdigit())
        {
            text.push(c);
        }
        let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
        // Lone surrogates, which Python can match and UTF-8 cannot hold, fail here too.
        match code.and_then(char::from_u32) {
            Some(c) => Ok(Item::One(c)),
            None => self.fail("a bad escape of a code point"),
        }
    }

    /// After `\0`: up to two more octal digits.
    fn octal(&mut self) -> Result<Item> {
        let mut code = 0;
        for _ in 0..2 {
            let Some(digit) = self.rest.next_if(|(_, c)| matches!(c, '0'..='7')) else { break };
            code = code * 8 + digit.1.to_digit(8).unwrap_or(0);
        }
        // At most 63.
        Ok(Item::One(char::from_u32(code).unwrap_or('\0')))
    }

    fn property(&mut self, kind: char) -> Result<Item> {
        if !self.eat('{') {
            return self.fail("a property without braces");
        }
        let mut name = String::new();
        while let Some((_, c)) = self.rest.next_if(|(_, c)| c.is_ascii_alphanumeric() || matches!(c, '_' | '=' | ' ')) {
            name.push(c);
        }
        if !self.eat('}') {
            return self.fail("a property without its closing brace");
        }
        Ok(Item::Many(format!(r"\{kind}{{{name}}}")))
    }

    fn class(&mut self) -> Result<()> {
        self.out.push('[');
        if self.eat('^') {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((_, c)) = self.rest.next() else { return self.fail("an unclosed class") };
            if c == ']' && !first {
                break;
            }
            first = false;
            let low = self.class_item(c)?;
            let mut ahead = self.rest.clone();
            let dash = ahead.next_if(|&(_, c)| c == '-').is_some();
            // A hyphen at the end is itself.
            let is_range = dash && ahead.peek().is_some_and(|&(_, c)| c != ']');
            if !is_range {
                match low {
                    Item::One(c) => push_literal(&mut self.out, c),
                    Item::Many(class) => self.out.push_str(&class),
                }
                continue;
            }
            self.rest = ahead;
            let Some((_, c)) = self.rest.next() else { return self.fail("an unclosed class") };
            let high = self.class_item(c)?;
            match (low, high) {
                (Item::One(low), Item::One(high)) if low <= high => {
                    push_literal(&mut self.out, low);
                    self.out.push('-');
                    push_literal(&mut self.out, high);
                }
                _ => return self.fail("a bad range"),
            }
        }
        self.atom("]");
        Ok(())
    }

    fn class_item(&mut self, c: char) -> Result<Item> {
        if c != '\\' {
            return Ok(Item::One(c));
        }
        match self.rest.next() {
            None => self.fail("a backslash at the end"),
            Some((_, 'b')) => Ok(Item::One('\u{8}')),
            Some((_, digit @ '1'..='7')) => {
                let mut text = String::from(digit);
                while text.len() < 3
                    && let Some((_, c)) = self.rest.next_if(|(_, c)| matches!(c, '0'..='7'))
                {
                    text.push(c);
                }
                // Inside a class there are no back-references, and Python wants all three digits.
                let code = u32::from_str_radix(&text, 8).ok().filter(|&code| text.len() == 3 && code < 0o400);
                match code.and_then(char::from_u32) {
                    Some(c) => Ok(Item::One(c)),
                    None => self.fail("a bad octal escape"),
                }
            }
            Some((_, c)) => self.escaped(c),
        }
    }

    /// After an open parenthesis.
    fn open(&mut self) -> Result<()> {
        if !self.eat('?') {
            self.captures += 1;
            return self.begin("(", false);
        }
        match self.rest.next().map(|(_, c)| c) {
            Some('#') => {
                for (_, c) in self.rest.by_ref() {
                    if c == ')' {
                        return Ok(());
                    }
                }
                self.fail("an unclosed comment")
            }
            Some('P') if self.eat('=') => {
                let name = self.name(')')?;
                self.atom(&format!("(?P={name})"));
                Ok(())
            }
            Some('P') if self.eat('<') => self.named(),
            Some('<') if !matches!(self.peek(), Some('=' | '!')) => self.named(),
            Some('<') => {
                let kind = self.rest.next().map_or('=', |(_, c)| c);
                self.begin(&format!("(?<{kind}"), true)
            }
            Some(c @ (':' | '>')) => self.begin(&format!("(?{c}"), false),
            Some(c @ ('=' | '!')) => self.begin(&format!("(?{c}"), true),
            Some('(') => {
                let condition = self.name(')')?;
                // The engine knows a name here only in a form of its own.
                let named = self.names.iter().find(|(name, _)| *name == condition).map(|(_, group)| *group);
                match named.or_else(|| condition.parse().ok()) {
                    None | Some(0) => self.fail("a condition on a group that is not known"),
                    Some(group) => {
                        self.condition = self.condition.max(group);
                        self.begin(&format!("(?({group})"), false)
                    }
                }
            }
            Some(c) => self.flag_group(c),
            None => self.fail("an unclosed group"),
        }
    }

    fn begin(&mut self, text: &str, is_look_around: bool) -> Result<()> {
        self.groups.push(Group { outer: self.flags, look_around: is_look_around.then_some(self.out.len()) });
        self.anchor(text);
        Ok(())
    }

    fn named(&mut self) -> Result<()> {
        let name = self.name('>')?;
        if self.names.iter().any(|(known, _)| *known == name) {
            return self.fail("a second group of the same name");
        }
        self.captures += 1;
        self.names.push((name, self.captures));
        self.begin(&format!("(?P<{name}>"), false)
    }

    /// A name, or the number of a group, up to what ends it.
    fn name(&mut self, end: char) -> Result<&'p str> {
        let start = self.rest.peek().map_or(self.pattern.len(), |&(at, _)| at);
        let mut length = 0;
        while let Some((_, c)) = self.rest.next_if(|&(_, c)| c.is_alphanumeric() || c == '_') {
            length += c.len_utf8();
        }
        if length == 0 || !self.eat(end) {
            return self.fail("a bad name of a group");
        }
        Ok(&self.pattern[start..start + length])
    }

    /// Flags for the rest of a group, or for a group of their own.
    fn flag_group(&mut self, first: char) -> Result<()> {
        let mut flags = self.flags;
        let mut on = String::new();
        let mut off = String::new();
        let mut turning_on = true;
        let mut next = Some(first);
        let closing = loop {
            match next {
                Some('m') => flags.multi_line = turning_on,
                Some('x') => flags.verbose = turning_on,
                Some('a') if turning_on => flags.ascii = true,
                Some('u') if turning_on => flags.ascii = false,
                Some(c @ ('i' | 's')) if turning_on => on.push(c),
                Some(c @ ('i' | 's')) => off.push(c),
                Some('-') if turning_on => turning_on = false,
                Some(c @ (':' | ')')) => break c,
                _ => return self.fail("an unknown flag"),
            }
            next = self.rest.next().map(|(_, c)| c);
        };
        let engine = match (on.is_empty(), off.is_empty()) {
            (_, true) => on,
            (_, false) => format!("{on}-{off}"),
        };
        if closing == ':' {
            self.begin(&format!("(?{engine}:"), false)?;
        } else if !engine.is_empty() {
            self.anchor(&format!("(?{engine})"));
        }
        self.flags = flags;
        Ok(())
    }
}

/// A character as itself, inside and outside of classes.
fn push_literal(out: &mut String, c: char) {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => out.push(c),
        // White space and controls by number; `\<` and `\>` would be ends of words.
        '\0'..=' ' | '<' | '>' | '\u{7f}' => {
            out.push_str(r"\x");
            out.extend([c as u32 / 16, c as u32 % 16].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
        }
        c if c.is_ascii() => out.extend(['\\', c]),
        c => out.push(c),
    }
}
