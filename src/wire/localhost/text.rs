//! The plain text file: a flag and its treatment in each line.
//!
//! The oldest format, written by hand in every editor. A line that makes no sense costs that line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::TARGET;
use super::plain_flag::PlainFlag;
use crate::input::{is_blank, is_space};
use crate::logging::Logger;

/// The definitions of a file's text, in the order in which the flags first appear.
pub(crate) fn read(text: &str, log: &Logger) -> Vec<String> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        if is_blank(line) || line.starts_with('#') {
            continue;
        }
        match pair(line) {
            Some((name, treatment)) => match positions.entry(name) {
                Entry::Occupied(position) => pairs[*position.get()].1 = treatment,
                Entry::Vacant(position) => {
                    position.insert(pairs.len());
                    pairs.push((name, treatment));
                }
            },
            None => log.warning(
                TARGET,
                format_args!(
                    "line {} of the split file is ignored: it is not a feature flag, white space and a treatment",
                    index + 1
                ),
            ),
        }
    }
    let flags = pairs.into_iter().map(|(name, treatment)| {
        let mut flag = PlainFlag::new(Cow::Borrowed(name));
        flag.serve(Cow::Borrowed(treatment), None);
        flag.into_json()
    });
    flags.collect()
}

/// Name and treatment, if there is nothing else in the line.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once(is_space)?;
    let treatment = rest.trim_start_matches(is_space);
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    (is_word(name) && is_word(treatment)).then_some((name, treatment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::Level;
    use crate::wire::localhost::decode;

    #[test]
    fn b28_hyphens_windows_line_ends_a_byte_order_mark_and_no_last_newline() {
        let bytes = b"\xef\xbb\xbfmy-flag on-1\r\n\r\n# note\r\nother off";
        let (log, lines) = Logger::recording(Level::Debug);
        let flags = read(decode(bytes).expect("UTF-8"), &log);
        assert_eq!(flags.len(), 2, "{flags:?}");
        for (flag, name, treatment) in [(&flags[0], "my-flag", "on-1"), (&flags[1], "other", "off")] {
            assert!(flag.contains(&format!(r#""name":"{name}""#)), "{flag}");
            assert!(flag.contains(&format!(r#""treatment":"{treatment}""#)), "{flag}");
        }
        assert_eq!(lines.lines(), []);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let (log, lines) = Logger::recording(Level::Debug);
        assert_eq!(read("# c\n\nf on off\ng\n", &log), Vec::<String>::new());
        let lines = lines.lines();
        assert!(
            matches!(&lines[..], [(Level::Warning, a), (Level::Warning, b)] if a.contains("line 3 ") && b.contains("line 4 ")),
            "{lines:?}"
        );
    }
}
