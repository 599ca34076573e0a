//! Evaluations within evaluations: how deep, on how much stack, from how many threads, and what circles do.

use std::thread;

use super::Outcome;
use super::evaluator::Decision;
use super::testing::{World, flag_json, rule_based_segment_json};
use crate::input::{Attributes, Key};
use crate::logging::{Level, Logger};

const KEY: Key<'_> = Key { matching: "ann", bucketing: None };

/// How one definition leads to the next.
#[derive(Clone, Copy, Debug)]
enum Link {
    Prerequisite,
    Dependency,
    RuleBasedCondition,
    RuleBasedExclusion,
}

const LINKS: [Link; 4] = [Link::Prerequisite, Link::Dependency, Link::RuleBasedCondition, Link::RuleBasedExclusion];

fn depends_on(flag: &str) -> String {
    format!(
        r#"{{"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{{"split":"{flag}","treatments":["on"]}}}}"#
    )
}

fn in_rule_based(segment: &str) -> String {
    format!(
        r#"{{"matcherType":"IN_RULE_BASED_SEGMENT","userDefinedSegmentMatcherData":{{"segmentName":"{segment}"}}}}"#
    )
}

fn with_prerequisite(flag: &str, prerequisite: &str) -> String {
    let json = flag_json(flag, r#"{"matcherType":"ALL_KEYS"}"#);
    json.replacen('{', &format!(r#"{{"prerequisites":[{{"n":"{prerequisite}","ts":["on"]}}],"#), 1)
}

fn excluding(segment: &str, excluded: &str) -> String {
    let json = rule_based_segment_json(segment, r#"{"matcherType":"ALL_KEYS"}"#);
    json.replacen('{', &format!(r#"{{"excluded":{{"segments":[{{"name":"{excluded}","type":"rule-based"}}]}},"#), 1)
}

/// A flag `top` whose evaluation nests so many evaluations, itself included; the innermost asks `leaf`.
fn chain(link: Link, evaluations: usize, leaf: &str) -> World {
    let (mut flags, mut segments) = (Vec::new(), Vec::new());
    let name = |n: usize| if n == 1 { "top".to_owned() } else { format!("n{n}") };
    for n in 1..=evaluations {
        let next = name(n + 1);
        let last = n == evaluations;
        match link {
            Link::Prerequisite | Link::Dependency if last => flags.push(flag_json(&name(n), leaf)),
            Link::Prerequisite => flags.push(with_prerequisite(&name(n), &next)),
            Link::Dependency => flags.push(flag_json(&name(n), &depends_on(&next))),
            _ if n == 1 => flags.push(flag_json("top", &in_rule_based(&next))),
            _ if last => segments.push(rule_based_segment_json(&name(n), leaf)),
            Link::RuleBasedCondition => segments.push(rule_based_segment_json(&name(n), &in_rule_based(&next))),
            Link::RuleBasedExclusion => segments.push(excluding(&name(n), &next)),
        }
    }
    let mut world = World::new();
    world.put(&flags, &segments);
    world
}

fn evaluate<'a>(world: &'a World, attributes: &'a Attributes) -> Decision<'a> {
    world.evaluate("top", KEY, Some(attributes))
}

#[test]
fn a_hundred_evaluations_nest_and_no_more() {
    let all = r#"{"matcherType":"ALL_KEYS"}"#;
    let none = Attributes::new();
    for link in LINKS {
        for evaluations in [2, 99, 100, 101, 150] {
            let (log, lines) = Logger::recording(Level::Debug);
            let world = World { log, ..chain(link, evaluations, all) };
            let decision = evaluate(&world, &none);
            let expected = match link {
                _ if evaluations > 100 => (Outcome::Exception, "control"),
                // Whoever is excluded from an excluded segment is in again.
                Link::RuleBasedExclusion if evaluations % 2 == 1 => (Outcome::Evaluated, "off"),
                _ => (Outcome::Evaluated, "on"),
            };
            assert_eq!((decision.outcome, decision.treatment.as_str()), expected, "{link:?}, {evaluations}");
            assert_eq!(lines.count(Level::Error), usize::from(evaluations > 100), "{link:?}, {evaluations}");
            if evaluations > 100 {
                assert_eq!(
                    (decision.label.map(|label| label.as_str()), decision.flag.map(|flag| flag.change_number)),
                    (Some("exception"), None)
                );
            }
        }
    }
}

/// The stack an evaluation may take. Unoptimised frames are larger than what is promised for a release.
const STACK: usize = if cfg!(debug_assertions) { 512 * 1024 } else { 64 * 1024 };

fn on_a_small_stack(evaluation: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(STACK);
        small.spawn_scoped(scope, evaluation).expect("a thread").join().expect("no panic");
    });
}

#[test]
fn the_deepest_evaluation_fits_into_its_stack() {
    let leaf = |matcher: &str| format!(r#"{{"keySelector":{{"attribute":"a"}},{matcher}}}"#);
    let leaves = [
        leaf(r#""matcherType":"WHITELIST","whitelistMatcherData":{"whitelist":["x"]}"#),
        leaf(r#""matcherType":"EQUAL_TO_SEMVER","stringMatcherData":"1.2.3""#),
        leaf(r#""matcherType":"CONTAINS_ALL_OF_SET","whitelistMatcherData":{"whitelist":["x","y"]}"#),
        leaf(r#""matcherType":"MATCHES_STRING","stringMatcherData":"^(a|b)\\1(?=c)$""#),
        leaf(r#""matcherType":"MATCHES_STRING","stringMatcherData":"^[\\w.]+@example\\.(com|org)$""#),
    ];
    let values = [r#""joe@example.net""#, "1.5e300", r#"["x",1.5,{"k":[1]}]"#, "[1,2,3]"];
    for link in LINKS {
        for leaf in &leaves {
            for value in values {
                let world = chain(link, 100, leaf);
                let attributes = Attributes::from_json(&format!(r#"{{"a":{value}}}"#)).expect("an object");
                // A stack that is too small ends the process.
                let evaluation = || {
                    for decision in [evaluate(&world, &attributes), world.explain("top", KEY, Some(&attributes)).0] {
                        assert_eq!(decision.outcome, Outcome::Evaluated, "{link:?}, {leaf}, {value}");
                    }
                };
                on_a_small_stack(evaluation);
            }
        }
    }
}

/// Ten thousand definitions in a row, open or closed to a circle, are no deeper on the stack than the last that counts.
#[test]
fn long_chains_fit_into_that_stack_as_well() {
    for link in LINKS {
        for leaf in [r#"{"matcherType":"ALL_KEYS"}"#.to_owned(), depends_on("top")] {
            let world = chain(link, 10_000, &leaf);
            let evaluation =
                || assert_eq!(evaluate(&world, &Attributes::new()).outcome, Outcome::Exception, "{link:?}");
            on_a_small_stack(evaluation);
        }
    }
}

#[test]
fn a_circle_is_an_exception_unless_something_decides_before() {
    let mut world = World::with_flags(&[
        flag_json("a", &depends_on("b")),
        with_prerequisite("b", "a"),
        flag_json("self", &depends_on("self")),
        flag_json("first", &format!(r#"{{"matcherType":"ALL_KEYS","negate":true}},{}"#, depends_on("first"))),
    ]);
    for flag in ["a", "b", "self"] {
        assert_eq!(world.evaluate(flag, KEY, None).outcome, Outcome::Exception, "{flag}");
    }
    assert_eq!(world.treatment("first", "ann"), "off");

    world.put(
        &[flag_json("f", &in_rule_based("x"))],
        &[rule_based_segment_json("x", &in_rule_based("y")), excluding("y", "x")],
    );
    assert_eq!(world.evaluate("f", KEY, None).outcome, Outcome::Exception);
}

#[test]
fn definitions_that_branch_at_every_level_end_too() {
    let twice = |flag: usize| {
        let next = depends_on(&format!("n{}", flag + 1));
        // The first of the two is true, so the second is asked as well.
        flag_json(&format!("n{flag}"), &format!("{next},{next}"))
    };
    let mut flags: Vec<String> = (1..60).map(twice).collect();
    flags.push(flag_json("n60", r#"{"matcherType":"ALL_KEYS"}"#));
    let world = World::with_flags(&flags);
    assert_eq!(world.evaluate("n1", KEY, None).outcome, Outcome::Exception);
    assert_eq!(world.treatment("n50", "ann"), "on");
}

/// The guard against circles was once shared between concurrent calls of another SDK: wrong answers under load.
#[test]
fn b26_threads_agree_with_one_thread_about_nested_definitions() {
    const THREADS: usize = 8;
    // A million in all is for the library that is shipped: tests/c/threads.c.
    const ROUNDS: usize = 2_500;
    let half = |name: &str, more: &str| {
        format!(
            r#"{{"name":"{name}","status":"ACTIVE","defaultTreatment":"off","seed":{},"algo":2,{more}"conditions":[
            {{"conditionType":"ROLLOUT","label":"c","matcherGroup":{{"combiner":"AND","matchers":[{}]}},"partitions":[
            {{"treatment":"on","size":70}},{{"treatment":"off","size":30}}]}}]}}"#,
            name.len(),
            if name == "top" { in_rule_based("members") } else { r#"{"matcherType":"ALL_KEYS"}"#.into() }
        )
    };
    let mut world = World::new();
    world.put(
        &[
            half("top", r#""prerequisites":[{"n":"middle","ts":["on"]},{"n":"leaf","ts":["on","off"]}],"#),
            half("middle", r#""prerequisites":[{"n":"leaf","ts":["on"]}],"#),
            half("leaf", ""),
            flag_json("circle", &depends_on("circle")),
        ],
        &[rule_based_segment_json("members", &depends_on("leaf")), excluding("others", "members")],
    );
    let keys: Vec<String> = (0..50).map(|n| format!("user-{n}")).collect();
    let ask = |flag: &str, key: &str| {
        let decision = world.evaluate(flag, Key { matching: key, bucketing: None }, None);
        (decision.outcome, decision.treatment)
    };
    let expected: Vec<_> = keys.iter().map(|key| ask("top", key)).collect();
    let served = |treatment: &str| expected.iter().filter(|(_, served)| served.as_str() == treatment).count();
    assert!(served("on") > 5 && served("off") > 5, "{expected:?}");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    for (key, expected) in keys.iter().zip(&expected).skip(round % 5).step_by(10) {
                        assert_eq!(ask("top", key), *expected, "{key}");
                    }
                    if round % 50 == 0 {
                        assert_eq!(ask("circle", "ann").0, Outcome::Exception);
                    }
                }
            });
        }
    });
}
