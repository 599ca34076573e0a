//! How long a search for a pattern may take.
//!
//! The engine bounds its steps back, and nothing else. That is no bound on time: `(?:(?=.*x)a)*+b` looks through the whole
//! text at every place of every attempt, and hardly ever steps back. So what it may do between two steps back is reckoned
//! in advance, from the pattern and the length of a text, the way the engine goes about it: what needs no steps back is
//! left to an automaton, which looks at each byte once, and all else to a machine that tries one way after another. From
//! that follow the longest text that is searched, and how many steps back are allowed.
//!
//! Everything here is reckoned in nanoseconds of an ordinary core, on the high side, and saturates.

use fancy_regex::{Assertion, Expr, LookAround};

/// What one search may take.
const BUDGET: u64 = 100_000_000;

/// Steps back that are never exceeded: no pattern that ends at all needs as many for a text of a few kilobytes.
const MOST_STEPS_BACK: u64 = 100_000;

/// The longest texts that are searched where steps back are needed, in bytes: the first of these that the budget allows.
const LENGTHS: [u64; 14] = [4096, 3072, 2048, 1536, 1024, 768, 512, 384, 256, 192, 128, 96, 64, 32];

/// An instruction of the machine.
const STEP: u64 = 8;
/// A look at a class of characters, or the start of an automaton.
const LOOK: u64 = 30;

/// An automaton that has so few states at most soon knows all of them.
const STATES: u64 = 1 << 14;
/// What a byte takes then.
const KNOWN: u64 = 2;
/// What a byte takes otherwise, for each part that it may be in at once, and for so many at least: it may lead to a state
/// that was never seen before.
const UNKNOWN: u64 = 20;
const LEAST: u64 = 10;

/// Look-behinds within each other: the engine compiles some of them once more for each in which they are.
const DEEPEST: usize = 4;

/// No bound.
const ENDLESS: u64 = u64::MAX;

/// Within which a pattern is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The longest text, in bytes.
    pub(super) longest: usize,
    pub(super) steps_back: usize,
}

impl Bounds {
    /// Those of a pattern in the engine's words; `None` if even a short text might take for ever.
    pub(super) fn of(translated: &str) -> Result<Option<Self>, fancy_regex::Error> {
        let tree = Expr::parse_tree(translated)?;
        let whole = Part::new(
            &tree.expr,
            &mut Reader { groups: 0, behind: 0, is_referred: &|group| tree.backrefs.contains(group) },
        );
        let is_anchored = begins_at_start(&tree.expr);
        if !whole.is_hard {
            // Where it may begin anywhere, it may be anywhere in the pattern.
            let width = if is_anchored { whole.width } else { whole.size };
            let longest = BUDGET / per_byte(whole.size, width);
            return Ok(Some(Bounds { longest: size(longest), steps_back: size(MOST_STEPS_BACK) }));
        }
        Ok(LENGTHS.into_iter().find_map(|length| {
            let starts = if is_anchored { 0 } else { length + 1 };
            whole.steps_back(length, starts).map(|steps| Bounds { longest: size(length), steps_back: size(steps) })
        }))
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Whether the engine tries one place only.
fn begins_at_start(expr: &Expr) -> bool {
    match expr {
        Expr::Concat(parts) => parts.first().is_some_and(begins_at_start),
        Expr::Assertion(Assertion::StartText) => true,
        _ => false,
    }
}

/// A byte in an automaton of this size and width: each state is a set of parts.
fn per_byte(size: u64, width: u64) -> u64 {
    let is_known = width < u64::from(u64::BITS) && size <= STATES >> width;
    if is_known { KNOWN } else { width.max(LEAST).saturating_mul(UNKNOWN) }
}

/// A piece of a pattern.
struct Part<'e> {
    expr: &'e Expr,
    parts: Vec<Part<'e>>,
    /// Whether it needs the machine.
    is_hard: bool,
    /// Whether it takes a character at least.
    consumes: bool,
    /// Parts of an automaton for it.
    size: u64,
    /// In how many of them it may be at once, if it begins at one place.
    width: u64,
    /// Bytes that it looks at, at most.
    reach: u64,
    /// Whether all that it matches has the same number of characters.
    is_fixed: bool,
    /// Places in which the machine remembers something, all parts together.
    places: u64,
}

/// What is known while the parts are read in their order.
struct Reader<'r> {
    groups: usize,
    /// How many look-behinds have begun.
    behind: usize,
    /// Whether a group is referred to.
    is_referred: &'r dyn Fn(usize) -> bool,
}

/// What the machine does, at most, on a way through a part on which it does not step back.
#[derive(Clone, Copy, Default)]
struct Way {
    /// With loops gone through no more often than they must: after each further round there is something to step back to.
    once: u64,
    /// With loops gone through as often as they can be.
    all: u64,
    /// How many things it leaves to step back to then.
    branches: u64,
    /// About how many there are on the way with loops gone through once, also such as it does not leave.
    tries_once: u64,
    /// The same with loops gone through as often as they can be.
    tries: u64,
}

impl Way {
    fn plain(cost: u64) -> Self {
        Way { once: cost, all: cost, ..Way::default() }
    }

    /// A place to step back to.
    fn branch() -> Self {
        Way { branches: 1, tries_once: 1, tries: 1, ..Way::default() }
    }

    fn then(self, next: Way) -> Self {
        Way {
            once: self.once.saturating_add(next.once),
            all: self.all.saturating_add(next.all),
            branches: self.branches.saturating_add(next.branches),
            tries_once: self.tries_once.saturating_add(next.tries_once),
            tries: self.tries.saturating_add(next.tries),
        }
    }

    fn or(self, other: Way) -> Self {
        Way {
            once: self.once.max(other.once),
            all: self.all.max(other.all),
            branches: self.branches.max(other.branches),
            tries_once: self.tries_once.max(other.tries_once),
            tries: self.tries.max(other.tries),
        }
    }

    /// Without anything left to step back to.
    fn cut(self) -> Self {
        Way { tries_once: self.tries_once, tries: self.tries, ..Way::plain(self.all) }
    }
}

impl<'e> Part<'e> {
    fn new(expr: &'e Expr, reader: &mut Reader<'_>) -> Self {
        // Numbered in the order in which they begin.
        reader.groups += usize::from(matches!(expr, Expr::Group(_)));
        let group = reader.groups;
        let behind = matches!(expr, Expr::LookAround(_, LookAround::LookBehind | LookAround::LookBehindNeg));
        reader.behind += usize::from(behind);
        let is_too_deep = reader.behind > DEEPEST;
        let parts: Vec<Part<'_>> = expr.children_iter().map(|child| Part::new(child, reader)).collect();
        reader.behind -= usize::from(behind);
        let all = |what| sum(&parts, what);
        let any_hard = parts.iter().any(|part| part.is_hard);
        let longest = parts.iter().map(|part| part.reach).max().unwrap_or(0);
        let shape = |is_hard, size, reach| Part {
            expr,
            parts: Vec::new(),
            is_hard,
            consumes: false,
            size,
            width: size,
            reach,
            is_fixed: false,
            places: 0,
        };
        let part = match expr {
            // Boundaries of words are for the machine within a look-behind; which is reckoned in both ways.
            Expr::Empty | Expr::Assertion(_) => Part { is_fixed: true, ..shape(false, 1, 0) },
            Expr::Any { .. } | Expr::Delegate { .. } => Part { is_fixed: true, consumes: true, ..shape(false, 1, 4) },
            Expr::Literal { val, .. } => {
                let characters = val.chars().count() as u64;
                let consumes = characters > 0;
                Part { is_fixed: true, consumes, width: 1, ..shape(false, characters, 4 * characters) }
            }
            Expr::Concat(_) => Part {
                is_fixed: parts.iter().all(|part| part.is_fixed),
                consumes: parts.iter().any(|part| part.consumes),
                width: width_in_turn(&parts),
                ..shape(any_hard, all(|part| part.size), all(|part| part.reach))
            },
            Expr::Alt(_) => Part {
                is_fixed: parts.iter().all(|part| part.is_fixed && part.reach == longest),
                consumes: parts.iter().all(|part| part.consumes),
                width: all(|part| part.width.saturating_add(1)),
                ..shape(any_hard, all(|part| part.size.saturating_add(1)), longest)
            },
            Expr::Group(_) | Expr::AtomicGroup(_) => {
                let is_hard = match expr {
                    Expr::Group(_) => any_hard || (reader.is_referred)(group),
                    _ => true,
                };
                Part {
                    is_fixed: parts.iter().all(|part| part.is_fixed),
                    consumes: parts.iter().all(|part| part.consumes),
                    width: all(|part| part.width).saturating_add(1),
                    places: 4,
                    ..shape(is_hard, all(|part| part.size).saturating_add(1), longest)
                }
            }
            Expr::Repeat { lo, hi, .. } => {
                let (least, most) = (*lo as u64, *hi as u64);
                let times = if *hi == usize::MAX { least.max(1) } else { most };
                let size = all(|part| part.size).saturating_add(1).saturating_mul(times);
                let is_fixed = least == most && parts.iter().all(|part| part.is_fixed);
                Part {
                    is_fixed,
                    consumes: least > 0 && parts.iter().all(|part| part.consumes),
                    width: if is_fixed || most <= 1 { all(|part| part.width).saturating_add(1) } else { size },
                    places: 2,
                    ..shape(any_hard, size, longest.saturating_mul(most))
                }
            }
            Expr::LookAround(..) if is_too_deep => shape(true, ENDLESS, ENDLESS),
            Expr::LookAround(..) => Part { places: 4, ..shape(true, all(|part| part.size), 0) },
            Expr::Backref { .. } => shape(true, 1, ENDLESS),
            Expr::BackrefExistsCondition { .. } => shape(true, 1, 0),
            Expr::Conditional { .. } => Part { places: 2, ..shape(true, all(|part| part.size), ENDLESS) },
            // Nothing that a translation has.
            _ => shape(true, ENDLESS, ENDLESS),
        };
        let places = all(|part| part.places).saturating_add(part.places);
        Part { parts, places, ..part }
    }

    /// How many steps back are allowed in a text, where so many places are tried; `None` if that is less than are needed.
    fn steps_back(&self, length: u64, starts: u64) -> Option<u64> {
        // The machine goes through the places that it remembers whenever it remembers another.
        let machine = Machine { length, step: STEP.saturating_add(self.places) };
        // The engine finds an automaton for some patterns that seem to need the machine.
        if machine.scan(self.size, self.size, ENDLESS).once > BUDGET {
            return None;
        }
        let way = machine.steps(4).then(machine.way(self, false));
        let ways = BUDGET / way.once;
        // One begins at each step back, and after each branch; branches that were not stepped back to are left in the end.
        let left = way.branches.saturating_add(1);
        let needed =
            starts.saturating_mul(way.tries_once.saturating_add(1)).saturating_add(way.tries).saturating_add(4);
        let allowed = ways.saturating_sub(left) / 2;
        (allowed >= needed).then_some(allowed.min(MOST_STEPS_BACK))
    }
}

fn sum(parts: &[Part<'_>], what: fn(&Part<'_>) -> u64) -> u64 {
    parts.iter().map(what).fold(0, u64::saturating_add)
}

/// In how many parts an automaton for parts that follow each other may be at once: up to the first of variable length
/// it is in one of them, and from there on anywhere.
fn width_in_turn(parts: &[Part<'_>]) -> u64 {
    let fixed = parts.iter().take_while(|part| part.is_fixed).count();
    let (before, after) = parts.split_at(fixed);
    let first = after.first().map_or(0, |part| part.width);
    let rest = after.iter().skip(1).map(|part| part.size).fold(first, u64::saturating_add);
    before.iter().map(|part| part.width).fold(rest, u64::max)
}

/// What goes through a text.
#[derive(Clone, Copy)]
struct Machine {
    length: u64,
    /// An instruction.
    step: u64,
}

impl Machine {
    /// By an automaton.
    fn scan(self, size: u64, width: u64, reach: u64) -> Way {
        Way::plain(LOOK.saturating_add(per_byte(size, width).saturating_mul(reach.min(self.length) + 1)))
    }

    fn steps(self, count: u64) -> Way {
        Way::plain(self.step.saturating_mul(count))
    }

    /// What becomes of a part; `must` the machine do it, or is it free to leave it to an automaton?
    fn way(self, part: &Part<'_>, must: bool) -> Way {
        if !must && !part.is_hard {
            return self.scan(part.size, part.width, part.reach);
        }
        let inner = |must: bool| self.each(&part.parts, must);
        match part.expr {
            Expr::Empty | Expr::Assertion(_) | Expr::Any { .. } | Expr::BackrefExistsCondition { .. } => self.steps(1),
            Expr::Literal { .. } | Expr::Delegate { .. } => self.steps(1).then(Way::plain(LOOK + part.size)),
            Expr::Concat(_) => self.in_turn(&part.parts, must),
            Expr::Alt(_) => {
                let one = part.parts.iter().map(|part| self.way(part, must)).fold(Way::default(), Way::or);
                self.steps(2).then(one).then(Way::branch())
            }
            Expr::Group(_) => self.steps(2).then(inner(must)),
            Expr::Repeat { lo: 0, hi: 1, .. } => self.steps(1).then(inner(must)).then(Way::branch()),
            Expr::Repeat { lo, hi, .. } => self.rounds(inner(true), part, *lo as u64, *hi as u64),
            Expr::AtomicGroup(_) => self.steps(4).then(inner(false).cut()),
            Expr::LookAround(_, kind) => self.look_around(*kind, part),
            Expr::Backref { casei, .. } => {
                let per_byte = if *casei { 4 * LOOK } else { 1 };
                self.steps(1).then(Way::plain(self.length * per_byte))
            }
            Expr::Conditional { .. } => self.steps(5).then(inner(must)).then(Way::branch()),
            _ => Way { once: ENDLESS, all: ENDLESS, branches: ENDLESS, tries_once: ENDLESS, tries: ENDLESS },
        }
    }

    /// One part after the other, each by itself.
    fn each(self, parts: &[Part<'_>], must: bool) -> Way {
        parts.iter().map(|part| self.way(part, must)).fold(Way::default(), Way::then)
    }

    /// One part after the other. What is easy at the end goes to an automaton, as nothing comes after it that could make it
    /// step back; and so may what is easy and of a fixed length elsewhere.
    fn in_turn(self, parts: &[Part<'_>], must: bool) -> Way {
        let easy = if must { 0 } else { parts.iter().rev().take_while(|part| !part.is_hard).count() };
        let (first, last) = parts.split_at(parts.len() - easy);
        let mut way = first.iter().fold(Way::default(), |way, part| {
            let may_scan = !part.is_hard && part.is_fixed;
            let scan = if may_scan { self.scan(part.size, part.width, part.reach) } else { Way::default() };
            way.then(self.way(part, true)).then(scan)
        });
        if !last.is_empty() {
            let (size, reach) = (sum(last, |part| part.size), sum(last, |part| part.reach));
            way = way.then(self.scan(size, width_in_turn(last), reach));
        }
        way
    }

    fn rounds(self, round: Way, part: &Part<'_>, least: u64, most: u64) -> Way {
        let round = self.steps(3).then(round);
        let consumes = part.parts.iter().all(|part| part.consumes);
        let characters = self.length + 1;
        // Rounds that take nothing are as many as must be, and one more.
        let bound = if consumes { characters } else { characters.saturating_add(least) };
        let (least, most) = if consumes { (least.min(bound), most.min(bound)) } else { (least, most) };
        let most = if most == ENDLESS { bound } else { most };
        Way {
            once: round.once.saturating_mul(least.saturating_add(1)),
            all: round.all.saturating_mul(most.saturating_add(1)),
            branches: round.branches.saturating_add(1).saturating_mul(most.saturating_add(1)),
            tries_once: round.tries_once.saturating_add(1),
            tries: round.tries.saturating_add(most).saturating_add(1),
        }
    }

    fn look_around(self, kind: LookAround, part: &Part<'_>) -> Way {
        let inner = |must: bool| self.each(&part.parts, must);
        let (way, left) = match kind {
            LookAround::LookAhead => (inner(false).cut(), Way::default()),
            LookAround::LookAheadNeg => (inner(false).cut(), Way::branch()),
            LookAround::LookBehind | LookAround::LookBehindNeg => {
                // Where it may begin is looked for by an automaton that goes back, and then it is tried from there.
                let reach = part.parts.iter().map(|part| part.reach).max().unwrap_or(0);
                let scan = self.scan(part.size, part.size, reach);
                let way = scan.then(scan).then(inner(true));
                (Way { once: way.all, ..way }, Way::branch())
            }
        };
        self.steps(4).then(way).then(left)
    }
}

#[cfg(test)]
mod tests {
    use super::super::python::translate;
    use super::*;

    fn longest(pattern: &str) -> Option<usize> {
        let translated = translate(pattern).expect(pattern);
        Bounds::of(&translated).expect(pattern).map(|bounds| bounds.longest)
    }

    #[test]
    fn what_flags_use_is_searched_in_all_that_people_have() {
        let rows = [
            // No steps back.
            (r"^[\w.+-]+@[\w-]+\.[\w.]+$", 100_000),
            (r"@(example|test)\.(com|org)$", 50_000),
            (r"(?i)iphone|ipad|android", 50_000),
            ("beta=[01]$", 10_000_000),
            (r"^(\d+)\.(\d+)\.(\d+)(-\w+)?$", 50_000),
            (r"a\*+", 10_000_000),
            ("[*+]b", 10_000_000),
            // Some.
            (r"^(?!.*test).*@example\.com$", 4096),
            (r"^(?=.*[A-Z])(?=.*\d)(?=.*[^\w\s]).{8,}$", 4096),
            (r"(?<!not-)beta", 4096),
            (r"(?<=@)example\.com$", 4096),
            (r"\b(?!admin)\w+@", 2048),
            ("(?!.*foo)bar", 3072),
            (r"^(?:(?!admin).)*$", 4096),
            (r"^(\w+)-\1$", 4096),
            ("beta++", 2048),
            (r"^(?!.*(bot|crawler|spider)).*(iphone|ipad|android).*$", 4096),
            (r"^(?:(?!\.\.)[\w.])+@(?:[\w-]+\.)+\w+$", 1024),
        ];
        for (pattern, least) in rows {
            let longest = longest(pattern);
            assert!(longest.is_some_and(|longest| longest >= least), "{pattern:?}: {longest:?}, not {least}");
        }
    }

    #[test]
    fn what_may_look_again_and_again_is_searched_in_short_texts_or_none() {
        let rows = [
            ("(?:(?=.*x)a)*+b", Some(256)),
            ("(?:(?=(?:(?=.*x)a)*+)a)*+b", Some(96)),
            (r"(?:(?=(?:(?=(?:(?=.*x)a)*+)a)*+)a)*+b", Some(32)),
            ("(?=.*a.{30}b)c", Some(192)),
            ("(?:(?=a)|b){1000000000}c", None),
            ("(?:(?:(?=a)|b){40000}){40000}c", None),
            ("(?:[a-c]{500}){30}(?=b)", None),
            ("(?<!a|(?<!a|(?<!a|(?<!a|(?<!a|bb)b)b)b)b)", None),
        ];
        for (pattern, most) in rows {
            let longest = longest(pattern);
            assert!(longest <= most, "{pattern:?}: {longest:?}, more than {most:?}");
        }
    }

    /// As deep as the engine reads them. A part that is reckoned twice would be so two to the power of that.
    #[test]
    fn deep_patterns_are_reckoned_at_once() {
        for (open, close, depth) in
            [("(?<=", ")", 60), ("(?=", ")", 60), ("(?:(?!", ")a)*", 30), ("(", ")?+", 60), ("(?<!a|", "b+)", 60)]
        {
            let pattern = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            longest(&pattern);
        }
    }
}
