//! MATCHES_STRING: regular expressions as Split's Python SDK understands them.
//!
//! Patterns are written in a web console and were always run by whatever engine an SDK's language had. This library
//! speaks Python's `re`: the pattern is searched, look-around and back-references work, and so it takes a backtracking
//! engine, here `fancy-regex`, with bounds on its patience. [`super::python`] rewrites what the two read differently.
//!
//! Who writes patterns and who chooses the texts may be strangers to each other, and both to the host: no pair of them
//! may hold up an evaluation for longer than about a tenth of a second. [`super::effort`] says in how long a text a
//! pattern is searched for.

use fancy_regex::{Regex, RegexBuilder};

use super::LOG;
use super::effort::Bounds;
use super::python::{self, SyntaxError};
use crate::logging::Logger;

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
    /// Any search might take for ever.
    #[error("it may look at the same text too often")]
    Endless,
}

impl From<fancy_regex::Error> for PatternError {
    fn from(cause: fancy_regex::Error) -> Self {
        PatternError::Engine { cause: Box::new(cause) }
    }
}

impl Pattern {
    pub(crate) fn compile(pattern: &str) -> Result<Self, PatternError> {
        let translated = python::translate(pattern)?;
        let Bounds { longest, steps_back } = Bounds::of(&translated)?.ok_or(PatternError::Endless)?;
        let regex = RegexBuilder::new(&translated).backtrack_limit(steps_back).build()?;
        Ok(Pattern { regex, source: pattern.into(), longest })
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::time::ClockId;

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

    /// What a search may take. Unoptimised code takes several times as long.
    const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 100 });

    /// Before there were bounds, most of these took from ten seconds to hours.
    #[test]
    fn no_pattern_stalls_on_any_text() {
        for (pattern, unit, end) in [
            ("(a+)+$", "a", "b"),
            ("(x+x+)+y", "x", "z"),
            ("(?!.*foo)bar", "ba", "z"),
            (r"(?<!x)(?=\w+$)y", "w", "."),
            ("(?=(a+)+$)c", "a", ""),
            (r"(?:(?=.*x)a|a)*\Z(?<=q)", "a", "x"),
            (r"^(?:(a|a)(?=[ab]))+\1c", "a", "b"),
            ("(?:a{1000}){9}b", "a", "c"),
            ("(?:[a-c]{500}){30}b", "a", ""),
            ("(?:[a-c]{500}){30}b", "ab", ""),
            (r"^([\w.-]+)*@", "user.", ""),
            ("(?:(?=.*x)a)*+q", "a", "x"),
            ("(?=.*a.{30}b)c", "aab", ""),
            ("(?=.*[ab].{8}b)c", "aabé", ""),
            (r"(?i)(.+)(?=x)\1q", "é", "É"),
            (r"\w{60}(?<=\w{1,60})q", "𝔞", ""),
            ("(?:(?:(?!b).)*(?!b).)*q", "a", ""),
            ("(?:.*a.{40}){3}c", "aab", ""),
            ("[ab]*a[ab]{300}c", "aab", ""),
        ] {
            let compiled = Pattern::compile(pattern).unwrap_or_else(|cause| panic!("{pattern}: {cause}"));
            let times = (compiled.longest.min(1 << 22) - end.len()) / unit.len();
            let text = unit.repeat(times) + end;
            // Of this thread, for a machine has more to do.
            let start = time_spent();
            let (log, lines) = Logger::recording(Level::Debug);
            compiled.is_in(&text, &log);
            let took = time_spent() - start;
            let length = text.len();
            assert!(took < BOUND, "{pattern:?} took {took:?} for {length} bytes: {:?}", lines.lines());
        }
    }

    fn time_spent() -> Duration {
        ClockId::CLOCK_THREAD_CPUTIME_ID.now().expect("a clock").into()
    }

    #[test]
    fn what_might_take_for_ever_is_refused() {
        for pattern in ["(?:(?=a)|b){1000000000}c", "(?:(?=(?:(?=(?:(?=.*x)a)*+)a)*+)a)*+q"] {
            let refused = Pattern::compile(pattern).map_err(|cause| cause.to_string());
            assert_eq!(refused.err().as_deref(), Some("it may look at the same text too often"), "{pattern}");
        }
    }

    #[test]
    fn long_texts_are_searched_for_what_is_plain_and_small() {
        let text = format!("{}beta=1", "cookie; ".repeat(100_000));
        let (log, lines) = Logger::recording(Level::Debug);
        for (pattern, expected) in [
            ("beta=[01]$", true),
            ("^cookie", true),
            ("beta=2", false),
            (r"e; \*+", false),
            ("e; [*+b]", true),
            ("(?=beta)", false),
            (r"(beta)\1", false),
        ] {
            assert_eq!(Pattern::compile(pattern).expect("a pattern").is_in(&text, &log), expected, "{pattern}");
        }
        let hard = Pattern::compile("(?=beta)b").expect("a pattern");
        assert!(hard.is_in(&text[text.len() - 4096..], &log));
        let warning = "a text of 800006 bytes is not searched for a pattern that allows 4096";
        assert_eq!(lines.lines(), vec![(Level::Warning, warning.to_owned()); 2]);
    }
}
