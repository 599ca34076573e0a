//! MATCHES_STRING: regular expressions as Split's Python SDK understands them.
//!
//! Patterns are written in a web console and were always run by whatever engine an SDK's language had. This library
//! speaks Python's `re`: the pattern is searched, look-around and back-references work, and so it takes a backtracking
//! engine, here `fancy-regex`, with a bound on its patience. [`super::python`] rewrites what the two read differently.

use fancy_regex::{Regex, RegexBuilder};

use super::LOG;
use super::python::{self, SyntaxError};
use crate::logging::Logger;

/// Steps back before a search is given up: some tens of milliseconds.
const MAX_BACKTRACKS: usize = 1_000_000;

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// As the definition has it.
    source: Box<str>,
}

/// Why a pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatternError {
    /// Python would reject it.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// The engine rejects it.
    #[error("{cause}")]
    Engine {
        /// What the engine says.
        #[source]
        cause: Box<fancy_regex::Error>,
    },
}

impl Pattern {
    pub(crate) fn compile(pattern: &str) -> Result<Self, PatternError> {
        let translated = python::translate(pattern)?;
        match RegexBuilder::new(&translated).backtrack_limit(MAX_BACKTRACKS).build() {
            Ok(regex) => Ok(Pattern { regex, source: pattern.into() }),
            Err(cause) => Err(PatternError::Engine { cause: Box::new(cause) }),
        }
    }

    /// The expression as the definition has it.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it occurs in a text. A search that exceeds its bound is answered with no.
    pub(crate) fn is_in(&self, text: &str, log: &Logger) -> bool {
        self.regex.is_match(text).unwrap_or_else(|cause| {
            log.warning(LOG, format_args!("a search for a pattern was given up: {cause}"));
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;

    fn is_in(pattern: &str, text: &str) -> Option<bool> {
        Pattern::compile(pattern).ok().map(|pattern| pattern.is_in(text, &Logger::silent()))
    }

    #[test]
    fn patterns_mean_what_python_means() {
        let cases = [
            // Ends of text.
            ("abc$", "abc\n", Some(true)),
            ("^(?:abc$)", "abc\n", Some(true)),
            (r"abc\Z", "abc\n", Some(false)),
            ("(?m)abc$", "abc\nd", Some(true)),
            ("(?m:^b$)c?", "a\nb\nc", Some(true)),
            ("(?m:b)$", "b\nc", Some(false)),
            // Classes hold characters, no classes and no operators.
            ("^[[]$", "[", Some(true)),
            ("^[a&&b]+$", "a&b", Some(true)),
            ("^[a~~b]+$", "~", Some(true)),
            ("^[]a]+$", "]a", Some(true)),
            ("^[^]a]+$", "bc", Some(true)),
            ("^[[:alpha:]]$", "a]", Some(true)),
            (r"^[\w.-]+$", "a.b-c", Some(true)),
            (r"^[+--]$", ",", Some(true)),
            (r"^[\]\\^-]+$", r"]\^-", Some(true)),
            (r"^[\b]$", "\u{8}", Some(true)),
            (r"^[\x41-\u0043]$", "B", Some(true)),
            ("^[ #]$", "#", Some(true)),
            ("[]", "]", None),
            ("[b-a]", "a", None),
            (r"[\w-a]", "a", None),
            // Escapes.
            (r"^\<a\>$", "<a>", Some(true)),
            (r"^\0$", "\0", Some(true)),
            (r"^\w[\w]$", "é½", Some(true)),
            (r"^\w[\w]$", "e\u{301}", Some(false)),
            (r"^\W[\W]$", "\u{301}-", Some(true)),
            (r"^\s[\s]$", "\u{1c}\u{2003}", Some(true)),
            (r"^\S[^\s]$", "é½", Some(true)),
            (r"^\101\x42\u0043\U00000044$", "ABCD", Some(true)),
            (r"^\-\/\ \@\é$", "-/ @é", Some(true)),
            (r"\h", "a", None),
            (r"\K", "a", None),
            ("\\", "\\", None),
            // Braces.
            ("^a{2$", "a{2", Some(true)),
            ("^{}$", "{}", Some(true)),
            ("^a{,2}$", "aa", Some(true)),
            ("^a{,2}$", "aaa", Some(false)),
            ("^x{a}$", "x{a}", Some(true)),
            ("^a{2,1}$", "a", None),
            ("^a{2}+$", "aa", Some(true)),
            // Quantifiers need something to repeat.
            ("*a", "a", None),
            ("a**", "a", None),
            ("^*", "a", None),
            ("(*a)", "a", None),
            ("a|*", "a", None),
            ("a??b", "b", Some(true)),
            ("^(?=b)*a(?!b){2}$", "a", Some(true)),
            // Groups.
            ("^(?P<q>[ab])(?P=q)$", "aa", Some(true)),
            ("^(?<q>[ab])c$", "ac", Some(true)),
            ("(?P<n>a)(?P<n>b)", "ab", None),
            ("^(a)?(?(1)b|c)$", "ab", Some(true)),
            ("^(a)?(?(1)b|c)$", "c", Some(true)),
            ("a(?#comment)b", "ab", Some(true)),
            ("(a", "a", None),
            ("a)", "a", None),
            ("(?Z)a", "a", None),
            // Flags.
            ("(?i)É", "é", Some(true)),
            ("^(?i:a)b$", "AB", Some(false)),
            ("(?s)^a.b$", "a\nb", Some(true)),
            ("(?s)a(?-s:.)b", "a\nb", Some(false)),
            ("^(?x) a b # c\n c [ ] \\ $", "abc  ", Some(true)),
            (r"^(?a)\w+$", "é", Some(false)),
            (r"^(?a)[\W]$", "é", Some(true)),
            (r"(?a)a\b", "aé", Some(true)),
            (r"a\b", "aé", Some(false)),
            (r"^\p{L}\P{L}$", "é1", Some(true)),
            (r"^[\p{Lu}x]+$", "Éx", Some(true)),
        ];
        for (pattern, text, expected) in cases {
            let translated = python::translate(pattern);
            assert_eq!(is_in(pattern, text), expected, "{pattern:?} in {text:?}, as {translated:?}");
        }
    }

    #[test]
    fn a_search_without_end_is_given_up() {
        let (log, lines) = Logger::recording(Level::Debug);
        let pattern = Pattern::compile(r"^(?:(a|a)(?=[ab]))+\1c").expect("a pattern");
        assert!(!pattern.is_in(&format!("{}b", "a".repeat(60)), &log));
        assert_eq!(lines.count(Level::Warning), 1);
    }
}
