//! MATCHES_STRING: regular expressions as Split's Python SDK understands them.
//!
//! Patterns are written in a web console and were always run by whatever engine an SDK's language had. This library
//! speaks Python's `re`: the pattern is searched, look-around and back-references work, and so it takes a backtracking
//! engine, here `fancy-regex`, with bounds on its patience. [`super::python`] rewrites what the two read differently.
//!
//! Who writes patterns and who chooses the texts may be strangers to each other, and both to the host: no pair of them
//! may hold up an evaluation. A bound on the steps back is not enough, as every step may look at the whole text; and an
//! engine that never steps back takes time for every state of the pattern at every byte. So long texts are not searched
//! at all: how long, depends on the pattern.

use fancy_regex::{Regex, RegexBuilder};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};

use super::LOG;
use super::python::{self, SyntaxError};
use crate::logging::Logger;

/// Steps back before a search is given up: some milliseconds, and up to a second where each looks through
/// [`LONGEST_HARD`] bytes.
const MAX_BACKTRACKS: usize = 100_000;

/// The longest text, in bytes, for a pattern that needs steps back. Every pattern may look at as much.
const LONGEST_HARD: usize = 4096;

/// States times bytes for other patterns. Nearly all take a nanosecond for a byte; the worst take 30 for each state.
const WORK: usize = 1 << 26;

/// The largest automaton, in bytes; as the engine's own bound.
const LARGEST: usize = 10 << 20;

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// As the definition has it.
    source: Box<str>,
    /// The longest text, in bytes, that is searched.
    longest: usize,
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
            Ok(regex) => Ok(Pattern { regex, source: pattern.into(), longest: longest(&translated) }),
            Err(cause) => Err(PatternError::Engine { cause: Box::new(cause) }),
        }
    }

    /// The expression as the definition has it.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it occurs in a text. A search that exceeds its bounds is answered with no.
    pub(crate) fn is_in(&self, text: &str, log: &Logger) -> bool {
        if text.len() > self.longest {
            let (length, longest) = (text.len(), self.longest);
            log.warning(
                LOG,
                format_args!("a text of {length} bytes is not searched for a pattern that allows {longest}"),
            );
            return false;
        }
        self.regex.is_match(text).unwrap_or_else(|cause| {
            log.warning(LOG, format_args!("a search for a pattern was given up: {cause}"));
            false
        })
    }
}

/// The longest text for a pattern in the engine's words.
fn longest(translated: &str) -> usize {
    let config = NFA::config().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None);
    match NFA::compiler().configure(config).build(translated) {
        Ok(plain) if !has_possessive(translated) => (WORK / plain.states().len().max(1)).max(LONGEST_HARD),
        // What is no plain automaton needs steps back.
        _ => LONGEST_HARD,
    }
}

/// Whether there are possessive quantifiers, which the plain engine takes for two.
fn has_possessive(translated: &str) -> bool {
    let (mut in_class, mut after_quantifier) = (false, false);
    let mut characters = translated.chars();
    while let Some(character) = characters.next() {
        if character == '+' && after_quantifier {
            return true;
        }
        match character {
            '\\' => drop(characters.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        after_quantifier = !in_class && matches!(character, '*' | '+' | '?' | '}');
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::logging::Level;

    fn is_in(pattern: &str, text: &str) -> Option<bool> {
        Pattern::compile(pattern).ok().map(|pattern| pattern.is_in(text, &Logger::silent()))
    }

    #[test]
    fn only_possessive_quantifiers_are_taken_for_such() {
        let rows = [
            ("a*+", true),
            ("a++b", true),
            ("a?+", true),
            ("a{2}+", true),
            (r"\*+", false),
            (r"\++", false),
            ("[*+]", false),
            ("[-+*+]b+", false),
            (r"[\]*+]", false),
            ("a+b*c?d{2}e+", false),
        ];
        for (pattern, expected) in rows {
            let translated = python::translate(pattern).expect(pattern);
            assert_eq!(has_possessive(&translated), expected, "{pattern}: {translated}");
        }
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
            ("^(?P<n>a)?(?(n)b|c)$", "ab", Some(true)),
            ("^(?(1)b|c)(a)$", "ca", Some(true)),
            ("(?(1)b|c)", "c", None),
            ("(?:a)?(?(1)b|c)(?=(d))(?(3)e|f)", "c", None),
            ("(?(0)b|c)", "c", None),
            ("(?(n)b|c)(?P<n>a)", "ca", None),
            ("(?(99999999999999999999)b|c)", "c", None),
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

    /// Before there were bounds on texts, most of these took from ten seconds to hours.
    #[test]
    fn no_pattern_stalls_on_any_text() {
        let megabyte = 1 << 20;
        for (pattern, unit, times, end) in [
            ("(a+)+$", "a", megabyte, "b"),
            ("(x+x+)+y", "x", megabyte, "z"),
            ("(?!.*foo)bar", "ba", megabyte, "z"),
            ("(?!.*foo)bar", "ba", LONGEST_HARD / 2, ""),
            (r"(?<!x)(?=\w+$)y", "w", megabyte, "."),
            ("(?=(a+)+$)c", "a", LONGEST_HARD, ""),
            (r"(?:(?=.*x)a|a)*\Z(?<=q)", "a", LONGEST_HARD, ""),
            (r"^(?:(a|a)(?=[ab]))+\1c", "a", LONGEST_HARD - 1, "b"),
            ("(?:a{1000}){9}b", "a", megabyte, "c"),
            ("(?:[a-c]{500}){30}b", "a", LONGEST_HARD, ""),
            ("(?:[a-c]{500}){30}b", "ab", megabyte, ""),
            (r"^([\w.-]+)*@", "user.", megabyte, ""),
        ] {
            let pattern = Pattern::compile(pattern).unwrap_or_else(|cause| panic!("{pattern}: {cause}"));
            let text = unit.repeat(times) + end;
            let start = Instant::now();
            pattern.is_in(&text, &Logger::silent());
            let took = start.elapsed();
            assert!(took < Duration::from_secs(10), "{pattern:?} took {took:?} for {} bytes", text.len());
        }
    }

    #[test]
    fn long_texts_are_searched_for_what_is_plain_and_small() {
        let text = format!("{}beta=1", "cookie; ".repeat(100_000));
        let (log, lines) = Logger::recording(Level::Debug);
        for (pattern, expected) in
            [("beta=[01]$", true), ("^cookie", true), ("beta=2", false), ("(?=beta)", false), ("beta++", false)]
        {
            assert_eq!(Pattern::compile(pattern).expect("a pattern").is_in(&text, &log), expected, "{pattern}");
        }
        let hard = Pattern::compile("(?=beta)b").expect("a pattern");
        assert!(hard.is_in(&text[text.len() - LONGEST_HARD..], &log));
        let warning = "a text of 800006 bytes is not searched for a pattern that allows 4096";
        assert_eq!(lines.lines(), vec![(Level::Warning, warning.to_owned()); 2]);
    }
}
