//! What evaluations read from Redis, and what they are told when it does not answer.

use super::fake::{Fake, TIMEOUT};
use super::*;
use crate::config::Settings;
use crate::input::Key;
use crate::logging::{Level, Recorded};
use crate::rules::testing::{flag_json, rule_based_segment_json};
use crate::rules::{Fallbacks, Request, Unwatched, key_hash};

/// A storage on a Redis, and how far the test's clock is ahead.
struct World {
    fake: Arc<Fake>,
    store: RedisStore,
    lines: Recorded,
    log: Logger,
    ahead: Duration,
}

impl World {
    fn new(options: &str) -> Self {
        World::on(Fake::new(), options)
    }

    fn on(fake: Arc<Fake>, options: &str) -> Self {
        let config = config(options);
        let (log, lines) = Logger::recording(Level::Debug);
        let server = Arc::<Fake>::clone(&fake);
        let store = RedisStore::new(server, Keys::of(&config), &config, false, log.clone());
        World { fake, store, lines, log, ahead: Duration::ZERO }
    }

    fn flag(&self, name: &str, matchers: &str) {
        self.fake.set(&format!("SPLITIO.split.{name}"), &flag_json(name, matchers));
    }

    fn rule_based_segment(&self, name: &str, matchers: &str) {
        self.fake.set(&format!("SPLITIO.rbsegment.{name}"), &rule_based_segment_json(name, matchers));
    }

    /// The treatment that a flag serves; none if Redis does not say.
    fn treatment(&self, flag: &str, key: &str) -> Option<&'static str> {
        self.treatment_at(flag, key, self.now())
    }

    /// The same in a call that began then.
    fn treatment_at(&self, flag: &str, key: &str, began: Instant) -> Option<&'static str> {
        let fallbacks = Fallbacks::default();
        let (key_hash, key) = (key_hash(key), Key { matching: key, bucketing: None });
        let request = Request { key, key_hash, attributes: None, fallbacks: &fallbacks, log: &self.log };
        let shelf = self.store.shelf();
        if let Some(flag) = shelf.plain_flag(flag, self.store.moment(began)) {
            let decision = flag.map(|flag| self.store.nothing().evaluate_flag(flag, &request, Unwatched));
            return Some(decision.map_or("control", |decision| decision.treatment.as_str()));
        }
        let gathered = self.store.gather(&[flag], key.matching, began);
        let treatment = gathered.definitions.evaluate(flag, &request, Unwatched).treatment.as_str();
        (!gathered.unread.contains(flag)).then_some(treatment)
    }

    /// How often Redis was asked since the last look.
    fn rounds(&self) -> usize {
        self.fake.asked().len()
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead
    }

    fn pass(&mut self, time: Duration) {
        self.ahead += time;
    }

    fn logged(&self, level: Level) -> Vec<String> {
        self.lines.lines().into_iter().filter(|line| line.0 == level).map(|line| line.1).collect()
    }
}

fn config(options: &str) -> RedisConfig {
    let mut settings = Settings::new();
    settings.merge_json(r#"{"redisHost":"fake"}"#).expect("JSON");
    settings.merge_json(options).expect("JSON");
    settings.resolve(false).expect("a configuration").0.redis
}

const EVERYBODY: &str = r#"{"matcherType":"ALL_KEYS"}"#;

fn in_segment(kind: &str, name: &str) -> String {
    format!(r#"{{"matcherType":"{kind}","userDefinedSegmentMatcherData":{{"segmentName":"{name}"}}}}"#)
}

fn depends_on(flag: &str) -> String {
    format!(
        r#"{{"matcherType":"IN_SPLIT_TREATMENT","dependencyMatcherData":{{"split":"{flag}","treatments":["on"]}}}}"#
    )
}

/// A flag that everybody gets who gets `on` from another.
fn with_prerequisite(flag: &str, prerequisite: &str) -> String {
    flag_json(flag, EVERYBODY).replacen(
        '{',
        &format!(r#"{{"prerequisites":[{{"n":"{prerequisite}","ts":["on"]}}],"#),
        1,
    )
}

#[test]
fn as_many_rounds_as_a_flag_has_levels_and_none_for_what_is_fresh() {
    let world = World::new("{}");
    world.flag("plain", EVERYBODY);
    world.flag("segment", &in_segment("IN_SEGMENT", "staff"));
    world.flag("two segments", &[in_segment("IN_SEGMENT", "staff"), in_segment("IN_SEGMENT", "nobody")].join(","));
    world.fake.set_members("SPLITIO.segment.staff", &["ann"]);
    world.fake.set("SPLITIO.split.needs plain", &with_prerequisite("needs plain", "plain"));
    world.flag("asks plain", &depends_on("plain"));
    world.fake.set("SPLITIO.split.chain", &with_prerequisite("chain", "link"));
    world.flag("link", &in_segment("IN_RULE_BASED_SEGMENT", "rule"));
    world.rule_based_segment("rule", &in_segment("IN_SEGMENT", "staff"));
    world.fake.set("SPLITIO.split.circle", &with_prerequisite("circle", "back"));
    world.fake.set("SPLITIO.split.back", &with_prerequisite("back", "circle"));
    world.fake.set("SPLITIO.split.needs nothing", &with_prerequisite("needs nothing", "nothing"));
    world.flag("asks nothing", &in_segment("IN_RULE_BASED_SEGMENT", "nothing"));
    let excluding = rule_based_segment_json("excluding", EVERYBODY).replacen(
        '{',
        r#"{"excluded":{"keys":null,"segments":[{"name":"rule","type":"rule-based"},{"name":"staff","type":"standard"}]},"#,
        1,
    );
    world.fake.set("SPLITIO.rbsegment.excluding", &excluding);
    world.flag("not excluded", &in_segment("IN_RULE_BASED_SEGMENT", "excluding"));
    for (flag, treatment, first, then) in [
        ("plain", "on", 1, 0),
        ("segment", "on", 2, 1),
        ("two segments", "off", 2, 1),
        ("unknown", "control", 1, 0),
        ("needs plain", "on", 2, 0),
        ("asks plain", "on", 2, 0),
        ("chain", "on", 4, 1),
        ("circle", "control", 2, 0),
        ("needs nothing", "off", 2, 0),
        ("asks nothing", "off", 2, 0),
        ("not excluded", "off", 4, 1),
    ] {
        // Another storage, which knows nothing.
        let fresh = World::on(Arc::clone(&world.fake), "{}");
        for rounds in [first, then, then] {
            assert_eq!((fresh.treatment(flag, "ann"), fresh.rounds()), (Some(treatment), rounds), "{flag}");
        }
        let uncached = World::on(Arc::clone(&world.fake), r#"{"redisLocalCacheEnabled":false}"#);
        for _ in 0..2 {
            assert_eq!((uncached.treatment(flag, "ann"), uncached.rounds()), (Some(treatment), first), "{flag}");
        }
    }
}

#[test]
fn one_round_reads_all_that_is_missing_and_nothing_else() {
    let mut world = World::new(r#"{"redisPrefix":"my.app"}"#);
    let both = [depends_on("third"), in_segment("IN_RULE_BASED_SEGMENT", "rule"), in_segment("IN_SEGMENT", "a.b")];
    world.fake.set("my.app.SPLITIO.split.first", &flag_json("first", &both.join(",")));
    world.fake.set("my.app.SPLITIO.split.sec.ond", &flag_json("sec.ond", EVERYBODY));
    let gathered = world.store.gather(&["first", "sec.ond"], "ann", world.now());
    assert_eq!((gathered.definitions.len(), gathered.unread.len()), (2, 0));
    let expected = [
        vec!["MGET my.app.SPLITIO.split.first my.app.SPLITIO.split.sec.ond"],
        vec!["MGET my.app.SPLITIO.split.third", "MGET my.app.SPLITIO.rbsegment.rule"],
        vec!["SISMEMBER my.app.SPLITIO.segment.a.b ann"],
    ];
    assert_eq!(world.fake.asked(), expected);
    world.pass(Duration::from_secs(4));
    world.fake.set("my.app.SPLITIO.split.third", &flag_json("third", EVERYBODY));
    world.store.gather(&["first", "fourth"], "bob", world.now());
    let expected = [vec!["MGET my.app.SPLITIO.split.fourth"], vec!["SISMEMBER my.app.SPLITIO.segment.a.b bob"]];
    assert_eq!(world.fake.asked(), expected);
}

#[test]
fn null_and_absent_and_empty_are_the_same() {
    for (json, treatment) in [
        (
            r#"{"name":"f","status":"ACTIVE","defaultTreatment":"d","conditions":null,"configurations":null,"sets":null,"prerequisites":null}"#,
            "d",
        ),
        (
            r#"{"name":"f","status":"ACTIVE","defaultTreatment":"d","conditions":[],"configurations":{},"sets":[],"prerequisites":[]}"#,
            "d",
        ),
        (r#"{"name":"f","status":"ACTIVE","defaultTreatment":"d"}"#, "d"),
        (r#"{"name":"f","status":"ARCHIVED","defaultTreatment":"d"}"#, "control"),
        (r#"{"name":"g","status":"ACTIVE","defaultTreatment":"d"}"#, "control"),
        (r#"{"status":"ACTIVE","defaultTreatment":"d"}"#, "control"),
        ("[]", "control"),
        ("", "control"),
        ("{", "control"),
    ] {
        let world = World::new("{}");
        world.fake.set("SPLITIO.split.f", json);
        assert_eq!(world.treatment("f", "ann"), Some(treatment), "{json}");
    }
    let world = World::new("{}");
    world.flag("f", &in_segment("IN_RULE_BASED_SEGMENT", "r"));
    for (excluded, expected) in
        [(r#"{"keys":null,"segments":null}"#, "on"), ("null", "on"), (r#"{"keys":["ann"]}"#, "off")]
    {
        let world = World::on(Arc::clone(&world.fake), "{}");
        let json = rule_based_segment_json("r", EVERYBODY).replacen('{', &format!(r#"{{"excluded":{excluded},"#), 1);
        world.fake.set("SPLITIO.rbsegment.r", &json);
        assert_eq!(world.treatment("f", "ann"), Some(expected), "{excluded}");
    }
}

#[test]
fn a_broken_definition_costs_itself_and_is_complained_of_once_a_text() {
    let mut world = World::new("{}");
    world.flag("a", EVERYBODY);
    world.fake.set("SPLITIO.split.b", r#"{"name":"b","conditions":7}"#);
    world.flag("c", EVERYBODY);
    for _ in 0..3 {
        let gathered = world.store.gather(&["a", "b", "c"], "ann", world.now());
        assert_eq!((gathered.definitions.len(), gathered.unread.len()), (2, 0));
        world.pass(Duration::from_secs(10));
    }
    assert_eq!(world.logged(Level::Error).len(), 1, "{:?}", world.lines.lines());
}

#[test]
fn what_is_fresh_is_not_read_again_and_what_is_not_is() {
    let mut world = World::new(r#"{"redisLocalCacheTTL":5}"#);
    world.flag("f", EVERYBODY);
    assert_eq!((world.treatment("f", "ann"), world.treatment("g", "ann")), (Some("on"), Some("control")));
    let two_years = Duration::from_secs(2 * 365 * 24 * 3600);
    world.fake.set("SPLITIO.split.f", &flag_json("f", &in_segment("IN_SEGMENT", "nobody")));
    world.flag("g", EVERYBODY);
    for (time, f, g) in
        [(Duration::from_secs(4), "on", "control"), (Duration::from_secs(2), "off", "on"), (two_years, "off", "on")]
    {
        world.pass(time);
        assert_eq!((world.treatment("f", "ann"), world.treatment("g", "ann")), (Some(f), Some(g)), "{time:?}");
    }
    world.fake.remove("SPLITIO.split.f");
    assert_eq!(world.treatment("f", "ann"), Some("control"));
}

#[test]
fn without_a_time_to_live_everything_is_new_and_compiled_only_when_it_changed() {
    for options in [r#"{"redisLocalCacheTTL":0}"#, r#"{"redisLocalCacheEnabled":false}"#] {
        let world = World::new(options);
        let compiled = || world.store.gather(&["f"], "ann", world.now()).definitions.flag("f").cloned();
        world.flag("f", EVERYBODY);
        let (first, second) = (compiled().expect("there"), compiled().expect("there"));
        assert!(Arc::ptr_eq(&first, &second), "{options}");
        world.flag("f", &in_segment("IN_SEGMENT", "nobody"));
        assert_eq!(world.treatment("f", "ann"), Some("off"), "{options}");
        world.fake.remove("SPLITIO.split.f");
        assert!(compiled().is_none(), "{options}");
    }
}

#[test]
fn a_failure_is_not_kept_and_what_is_fresh_outlives_it() {
    let mut world = World::new("{}");
    world.flag("fresh", EVERYBODY);
    world.flag("other", EVERYBODY);
    world.fake.set("SPLITIO.split.needs other", &with_prerequisite("needs other", "other"));
    world.flag("asks rule", &in_segment("IN_RULE_BASED_SEGMENT", "rule"));
    world.rule_based_segment("rule", EVERYBODY);
    world.treatment("fresh", "ann");
    type Fail = fn(&Fake);
    let silent: Fail = |fake| fake.silence(true);
    let refusing: Fail = |fake| fake.refuse(&["MGET SPLITIO.split.other", "MGET SPLITIO.rbsegment"]);
    for (fail, answers) in [
        (silent, [Some("on"), None, None, None]),
        // Its rule-based segments have no members then.
        (refusing, [Some("on"), None, None, Some("off")]),
    ] {
        let world = World::on(Arc::clone(&world.fake), "{}");
        world.treatment("fresh", "ann");
        fail(&world.fake);
        let all = || ["fresh", "other", "needs other", "asks rule"].map(|flag| world.treatment(flag, "ann"));
        for _ in 0..3 {
            assert_eq!(all(), answers);
        }
        world.fake.silence(false);
        world.fake.refuse(&[]);
        assert_eq!(all(), [Some("on"); 4]);
    }
    // What is stale is no answer.
    world.pass(Duration::from_secs(10));
    world.fake.silence(true);
    assert_eq!(world.treatment("fresh", "ann"), None);
}

#[test]
fn nobody_is_in_a_segment_that_redis_does_not_tell_of() {
    let world = World::new("{}");
    world.flag("f", &in_segment("IN_SEGMENT", "staff"));
    world.fake.set_members("SPLITIO.segment.staff", &["ann"]);
    assert_eq!(world.treatment("f", "ann"), Some("on"));
    world.fake.refuse(&["SISMEMBER"]);
    for _ in 0..3 {
        assert_eq!(world.treatment("f", "ann"), Some("off"));
    }
    world.fake.silence(true);
    assert_eq!(world.treatment("f", "ann"), Some("off"));
    world.fake.silence(false);
    world.fake.refuse(&[]);
    assert_eq!(world.treatment("f", "ann"), Some("on"));
    let lines = world.logged(Level::Error);
    assert!(lines.len() == 1 && lines[0].starts_with("Redis does not tell the members of segments: "), "{lines:?}");
}

#[test]
fn an_outage_is_one_line_and_secrets_are_in_none() {
    let world = World::new(r#"{"redisPassword":"hunter2"}"#);
    world.flag("f", EVERYBODY);
    world.fake.silence(true);
    for _ in 0..10 {
        assert_eq!(world.treatment("f", "ann"), None);
        assert!(world.store.flag_names().is_empty() && world.store.flag_views().is_empty());
        assert!(world.store.flag("f").is_none());
        assert!(world.store.flags_of_sets(&["s".to_owned()], world.now()).is_none());
    }
    assert_eq!(world.logged(Level::Warning).len(), 1, "{:?}", world.lines.lines());
    assert!(world.logged(Level::Error).is_empty() && !format!("{:?}", world.lines.lines()).contains("hunter2"));
    world.fake.silence(false);
    assert_eq!(world.treatment("f", "ann"), Some("on"));
    world.fake.silence(true);
    assert_eq!(world.treatment("g", "ann"), None);
    assert_eq!(world.logged(Level::Warning).len(), 2, "{:?}", world.lines.lines());
}

#[test]
fn a_call_whose_time_is_over_asks_nothing_more() {
    let world = World::new("{}");
    world.flag("f", EVERYBODY);
    for (time, answer) in [(2 * TIMEOUT, (None, 0)), (TIMEOUT, (Some("on"), 1))] {
        let began = Instant::now().checked_sub(time).expect("the machine is up for longer");
        assert_eq!((world.treatment_at("f", "ann", began), world.rounds()), answer, "{time:?}");
    }
}

#[test]
fn traffic_types_are_there_with_a_count_above_zero() {
    for (text, known) in [
        (Some("3"), true),
        (Some("1"), true),
        (Some("0"), false),
        (Some("-1"), false),
        (Some("x"), false),
        (None, false),
    ] {
        let mut world = World::new("{}");
        if let Some(text) = text {
            world.fake.set("SPLITIO.trafficType.user", text);
        }
        for _ in 0..2 {
            assert_eq!(world.store.has_traffic_type("user", world.now()), known, "{text:?}");
        }
        assert_eq!(world.fake.asked(), [["GET SPLITIO.trafficType.user"]], "{text:?}");
        world.pass(Duration::from_secs(6));
        world.fake.set("SPLITIO.trafficType.user", "2");
        assert!(world.store.has_traffic_type("user", world.now()), "{text:?}");
    }
}

#[test]
fn a_traffic_type_that_redis_does_not_tell_of_passes_and_is_not_asked_for_by_every_event_of_an_outage() {
    let mut world = World::new("{}");
    world.fake.refuse(&["GET"]);
    for _ in 0..3 {
        assert!(world.store.has_traffic_type("user", world.now()));
    }
    assert_eq!((world.rounds(), world.logged(Level::Warning).len()), (3, 1));
    world.fake.silence(true);
    for _ in 0..3 {
        assert!(world.store.has_traffic_type("user", world.now()));
    }
    assert_eq!(world.rounds(), 1);
    world.pass(PATIENCE + Duration::from_secs(1));
    world.fake.silence(false);
    world.fake.refuse(&[]);
    assert!(!world.store.has_traffic_type("user", world.now()));
}

#[test]
fn flags_of_sets_are_one_union_of_one_round() {
    let world = World::on(Fake::synchronized(""), "{}");
    let sets = ["ghosts", "mobile", "web"].map(str::to_owned);
    let (flags, empty) = world.store.flags_of_sets(&sets, world.now()).expect("an answer");
    assert_eq!(flags.into_iter().collect::<Vec<_>>(), ["admin_tools", "app_gate", "banner", "dark_mode", "future"]);
    assert_eq!(empty, ["ghosts"]);
    let expected =
        ["SMEMBERS SPLITIO.flagSet.ghosts", "SMEMBERS SPLITIO.flagSet.mobile", "SMEMBERS SPLITIO.flagSet.web"];
    assert_eq!(world.fake.asked(), [expected]);
    world.fake.refuse(&["SMEMBERS SPLITIO.flagSet.web"]);
    assert!(world.store.flags_of_sets(&sets, world.now()).is_none());
}

#[test]
fn the_manager_reads_everything_in_chunks() {
    let world = World::new(r#"{"redisPrefix":"a*b"}"#);
    let names: Vec<String> = (0..CHUNKED).map(|n| format!("flag.{n:04}")).collect();
    for name in &names {
        world.fake.set(&format!("a*b.SPLITIO.split.{name}"), &flag_json(name, EVERYBODY));
    }
    world.fake.set("aXb.SPLITIO.split.other", &flag_json("other", EVERYBODY));
    world.fake.set("a*b.SPLITIO.splits.till", "7");
    assert_eq!(world.store.flag_names(), names);
    let asked = world.fake.asked();
    assert_eq!(asked[0], [r"SCAN 0 MATCH a\*b.SPLITIO.split.* COUNT 1000"]);
    world.fake.set("a*b.SPLITIO.split.flag.0001", "broken");
    let views = world.store.flag_views();
    assert_eq!((views.len(), &*views[1].name), (CHUNKED - 1, "flag.0002"));
    let chunks = world.fake.asked().iter().filter(|pipeline| pipeline[0].starts_with("MGET")).count();
    assert_eq!(chunks, 3);
    assert!(world.store.flag("flag.0000").expect("an answer").is_some());
    assert!(world.store.flag("nope").expect("an answer").is_none());
    world.fake.refuse(&["MGET"]);
    assert!(world.store.flag_views().is_empty());
}

#[test]
fn a_listing_ends() {
    let world = World::new("{}");
    world.flag("f", EVERYBODY);
    assert!(world.store.scan("SPLITIO.split.*", Instant::now()).is_none());
    assert_eq!(world.logged(Level::Error).len(), 1, "{:?}", world.lines.lines());
    assert_eq!(world.store.flag_names(), ["f"]);
}

/// More than two chunks.
const CHUNKED: usize = 1001;

#[test]
fn threads_that_read_at_the_same_time_agree() {
    let world = World::new(r#"{"redisLocalCacheTTL":0}"#);
    for n in 0..50 {
        world.flag(&format!("f{n}"), if n % 2 == 0 { EVERYBODY } else { r#"{"matcherType":"UNKNOWN"}"# });
    }
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let world = &world;
            scope.spawn(move || {
                for round in 0..500 {
                    let n = (round * 7 + thread) % 50;
                    let expected = if n % 2 == 0 { "on" } else { "control" };
                    assert_eq!(world.treatment(&format!("f{n}"), "ann"), Some(expected), "f{n}");
                }
            });
        }
    });
}

#[test]
fn a_logger_that_reads_a_definition_is_not_kept_waiting() {
    struct Asks(std::sync::OnceLock<Arc<RedisStore>>, std::sync::atomic::AtomicUsize);
    impl crate::logging::Sink for Arc<Asks> {
        fn write(&self, _: &crate::logging::Record<'_>) {
            if let Some(store) = self.0.get() {
                assert!(store.flag("g").is_some_and(|flag| flag.is_some()));
                self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }
    let world = World::new("{}");
    world.fake.set("SPLITIO.split.f", r#"{"name":"f","conditions":7}"#);
    world.flag("g", EVERYBODY);
    let asks = Arc::new(Asks(Default::default(), Default::default()));
    let log = Logger::new(Some(Level::Error), Box::new(Arc::clone(&asks)));
    let server = Arc::<Fake>::clone(&world.fake);
    let config = RedisConfig { local_cache_enabled: false, ..config("{}") };
    let store = Arc::new(RedisStore::new(server, Keys::of(&config), &config, false, log));
    assert!(asks.0.set(Arc::clone(&store)).is_ok());
    assert!(store.flag("f").is_some_and(|flag| flag.is_none()));
    assert_eq!(asks.1.load(std::sync::atomic::Ordering::Relaxed), 1);
}
