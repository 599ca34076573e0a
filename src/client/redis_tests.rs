//! What callers are told, what is logged and what is recorded, when Redis answers and when it does not.

use serde_json::json;

use super::*;
use crate::callbacks::{Delivery, Instance, Outlets};
use crate::config::Settings;
use crate::input::Value;
use crate::logging::{Level, Recorded};
use crate::manager::Manager;
use crate::redis::Keys;
use crate::rules::testing::flag_json;
use crate::storage::Fake;

/// A client and a manager on a Redis that was made up.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) manager: Manager,
    pub(super) fake: Arc<Fake>,
    lines: Recorded,
    telemetry: Arc<Telemetry>,
}

impl World {
    pub(super) fn new(fake: Arc<Fake>, options: &str) -> Self {
        let mut settings = Settings::new();
        settings.merge_json(r#"{"redisHost":"fake"}"#).expect("JSON");
        settings.merge_json(options).expect("JSON");
        let (config, _) = settings.resolve(false).expect("a configuration");
        let (log, lines) = Logger::recording(Level::Debug);
        let instance = Arc::new(Instance::default());
        let delivery = Delivery::new(0, Arc::clone(&instance), log.clone(), 1000);
        let outlets = Arc::new(Outlets { delivery, queue: None });
        let telemetry = Arc::new(Telemetry::new(true));
        let (server, keys) = (Arc::<Fake>::clone(&fake), Keys::of(&config.redis));
        let fallbacks = Fallbacks::compile(&config.fallback_treatments).expect("room");
        let redis = Arc::new(RedisStore::new(
            Arc::<Fake>::clone(&fake),
            keys.clone(),
            &config.redis,
            !fallbacks.is_empty(),
            log.clone(),
        ));
        let recorder =
            Recorder::for_redis(&config, outlets, server, &keys, &instance, Arc::clone(&telemetry), log.clone());
        let lifecycle = Arc::new(Lifecycle::at(Status::Ready));
        let store = Arc::new(Store::new(None));
        let client = Client::new(
            Arc::clone(&lifecycle),
            Arc::clone(&store),
            Arc::new(recorder.expect("names")),
            Arc::clone(&telemetry),
            fallbacks,
            log.clone(),
            &config,
        )
        .reading_from(Arc::clone(&redis));
        let manager = Manager { lifecycle, store, redis: Some(redis), telemetry: Arc::clone(&telemetry), log };
        World { client, manager, fake, lines, telemetry }
    }

    fn logged(&self, level: Level, part: &str) -> usize {
        self.lines.lines().iter().filter(|line| line.0 == level && line.1.contains(part)).count()
    }

    /// Elements of all pushes to a list since the last look.
    fn pushed(&self, list: &str) -> usize {
        let beginning = format!("RPUSH SPLITIO.{list} ");
        self.fake.written().iter().filter(|command| command.starts_with(&beginning)).count()
    }
}

fn given<'a>(names: &[&'a str]) -> Vec<Given<'a>> {
    names.iter().map(|name| Given::Text(name)).collect()
}

const IN_STAFF: &str = r#"{"matcherType":"IN_SEGMENT","userDefinedSegmentMatcherData":{"segmentName":"staff"}}"#;

#[test]
fn what_redis_does_not_give_is_control_or_the_fallback_and_no_impression() {
    let options = json!({"redisLocalCacheEnabled": false, "impressionsMode": "DEBUG", "fallbackTreatments": {"byFlag": {"back": "fell"}}});
    let world = World::new(Fake::new(), &options.to_string());
    for flag in ["f", "back"] {
        world.fake.set(&format!("SPLITIO.split.{flag}"), &flag_json(flag, r#"{"matcherType":"ALL_KEYS"}"#));
    }
    let ask = |flag| {
        let answer = world.client.treatment_with_config(&Who::from("ann"), Given::Text(flag));
        let label = answer.label.map(|label| label.as_str());
        (answer.treatment.as_str(), label, answer.status, world.pushed("impressions"))
    };
    let (evaluated, unknown, failed) =
        (AnswerStatus::Evaluated, AnswerStatus::UnknownFlag, AnswerStatus::StorageFailed);
    let not_found = Some("definition not found");
    let fallback = Some("fallback - definition not found");
    assert_eq!(ask("f"), ("on", Some("c"), evaluated, 1));
    assert_eq!(ask("nope"), ("control", not_found, unknown, 0));
    assert_eq!(world.logged(Level::Warning, "does not exist"), 1);
    assert_eq!(world.telemetry.pop_exceptions(), []);
    for fail in [|fake: &Fake| fake.silence(true), |fake: &Fake| fake.refuse(&["MGET"])] {
        fail(&world.fake);
        assert_eq!(ask("f"), ("control", not_found, failed, 0));
        assert_eq!(ask("back"), ("fell", fallback, failed, 0));
        let answers = world.client.treatments(Method::Treatments, &Who::from("ann"), &given(&["f", "nope", "back"]));
        let statuses: Vec<_> = answers.iter().map(|answer| (answer.treatment.as_str(), answer.status)).collect();
        assert_eq!(statuses, [("control", failed), ("control", failed), ("fell", failed)]);
        world.fake.silence(false);
        world.fake.refuse(&[]);
    }
    assert_eq!(world.logged(Level::Warning, "does not exist"), 1, "{:?}", world.lines.lines());
    let exceptions = [(Operation::TreatmentWithConfig as usize, 4), (Operation::Treatments as usize, 2)];
    let mut counted = world.telemetry.pop_exceptions();
    counted.sort_unstable();
    let mut exceptions = Vec::from(exceptions);
    exceptions.sort_unstable();
    assert_eq!(counted, exceptions);
    assert_eq!(ask("f"), ("on", Some("c"), evaluated, 1));
}

#[test]
fn an_account_tells_what_redis_holds_and_leaves_no_trace() {
    let world = World::new(Fake::new(), r#"{"impressionsMode": "DEBUG"}"#);
    world.fake.set("SPLITIO.split.f", &flag_json("f", IN_STAFF));
    world.fake.set("SPLITIO.split.plain", &flag_json("plain", r#"{"matcherType":"ALL_KEYS"}"#));
    let explain = |flag| {
        let explanation = world.client.explain(&Who::from("ann"), Given::Text(flag));
        serde_json::from_str::<serde_json::Value>(&explanation.json).expect("JSON")
    };
    let account = explain("f");
    let segment = &account["evaluation"]["steps"][0]["steps"][0]["steps"][0];
    assert_eq!(*segment, json!({"step": "segment", "segment": "staff", "loaded": true, "result": false}));
    // From Redis, then from the local cache.
    for _ in 0..2 {
        assert_eq!(explain("plain")["evaluation"]["treatment"], "on");
    }
    assert_eq!(explain("nope")["status"], "unknown_flag");
    world.fake.silence(true);
    assert_eq!(explain("another")["status"], "storage_failed");
    world.fake.silence(false);
    assert_eq!(world.fake.written(), [] as [&str; 0]);
    assert!(world.telemetry.pop_latencies().is_empty());
    assert_eq!(world.telemetry.pop_exceptions(), []);
}

#[test]
fn an_evaluation_without_its_segments_is_recorded_with_the_label_it_reached() {
    let world = World::new(Fake::new(), r#"{"impressionsMode":"DEBUG"}"#);
    world.fake.set("SPLITIO.split.f", &flag_json("f", IN_STAFF));
    world.fake.set_members("SPLITIO.segment.staff", &["ann"]);
    let ask = || {
        let answer = world.client.treatment_with_config(&Who::from("ann"), Given::Text("f"));
        (
            answer.treatment.as_str(),
            answer.label.map(|label| label.as_str()),
            answer.status,
            world.pushed("impressions"),
        )
    };
    assert_eq!(ask(), ("on", Some("c"), AnswerStatus::Evaluated, 1));
    world.fake.refuse(&["SISMEMBER"]);
    assert_eq!(ask(), ("off", Some("default rule"), AnswerStatus::Evaluated, 1));
    assert_eq!(ask(), ("off", Some("default rule"), AnswerStatus::Evaluated, 1));
    assert_eq!(world.logged(Level::Error, "Redis does not tell"), 1);
}

#[test]
fn flag_sets_that_redis_does_not_tell_of_are_empty() {
    let world = World::new(Fake::synchronized(""), r#"{"redisLocalCacheEnabled":false}"#);
    let method = Method::TreatmentsByFlagSets;
    let ask = || world.client.treatments_by_sets(method, &Who::from("ann"), &given(&["web", "Web ", "ghosts"])).len();
    assert_eq!(ask(), 4);
    // One round each for sets, flags and segments.
    assert_eq!(world.fake.asked().len(), 3);
    assert_eq!(world.logged(Level::Warning, "\"ghosts\" is not in Redis"), 1);
    world.fake.refuse(&["SMEMBERS"]);
    assert_eq!(ask(), 0);
    assert_eq!(world.telemetry.pop_exceptions(), [(Operation::TreatmentsByFlagSets as usize, 1)]);
    assert_eq!(world.fake.asked().len(), 1);
    // Nothing is asked for no set.
    assert!(world.client.treatments_by_sets(method, &Who::from("ann"), &given(&["-"])).is_empty());
    assert_eq!(world.fake.asked().len(), 0);
}

#[test]
fn an_event_is_pushed_whatever_its_traffic_type_and_an_invalid_one_is_not() {
    let world = World::new(Fake::synchronized(""), r#"{"redisLocalCacheEnabled":false}"#);
    let track = |traffic_type, event_type| {
        let event = Track {
            key: Given::Text("ann"),
            traffic_type: Given::Text(traffic_type),
            event_type: Given::Text(event_type),
            value: None,
            properties: Attached::Nothing,
        };
        (
            world.client.track(&event).is_ok(),
            world.pushed("events"),
            world.logged(Level::Warning, "no feature flag of this"),
        )
    };
    assert_eq!(track("user", "paid"), (true, 1, 0));
    assert_eq!(track("ghost", "paid"), (true, 1, 1));
    assert_eq!(track("user", "not valid!"), (false, 0, 1));
    world.fake.refuse(&["GET"]);
    assert_eq!(track("ghost", "paid"), (true, 1, 1));
    assert_eq!(track("user", "paid"), (true, 1, 1));
    assert_eq!(world.logged(Level::Warning, "Redis does not tell traffic types"), 1);
}

#[test]
fn the_manager_is_empty_when_redis_does_not_answer() {
    let world = World::new(Fake::synchronized(""), "{}");
    let all =
        || (world.manager.names().len(), world.manager.splits().len(), world.manager.split("stopped".into()).is_some());
    assert_eq!(all(), (16, 16, true));
    world.fake.silence(true);
    assert_eq!(all(), (0, 0, false));
    assert_eq!(world.logged(Level::Warning, "does not exist"), 0);
    world.fake.silence(false);
    assert!(world.manager.split("nope".into()).is_none());
    assert_eq!(world.logged(Level::Warning, "does not exist"), 1);
}

#[test]
fn a_destroyed_factory_asks_nothing() {
    let world = World::new(Fake::synchronized(""), "{}");
    world.client.lifecycle.destroy();
    assert_eq!(world.client.treatment(&Who::from("ann"), "stopped".into()).as_str(), "control");
    let answers = world.client.treatments(Method::Treatments, &Who::from("ann"), &given(&["stopped", "a"]));
    assert!(answers.len() == 2 && answers.iter().all(|answer| answer.status == AnswerStatus::Destroyed));
    assert!(
        world.client.treatments_by_sets(Method::TreatmentsByFlagSet, &Who::from("ann"), &given(&["web"])).is_empty()
    );
    assert!(world.manager.names().is_empty());
    assert_eq!(world.fake.asked().len(), 0);
}

#[test]
fn one_round_for_many_flags_and_attributes_reach_their_rules() {
    let world = World::new(Fake::synchronized(""), "{}");
    let attributes = Attributes::from_json(r#"{"seats":42}"#).expect("JSON");
    assert!(matches!(attributes.get("seats"), Some(Value::Integer(42))));
    let who = Who { attributes: Attached::Set(&attributes), ..Who::from("acme") };
    let names = ["pricing", "banner", "nope", "banner", "legacy"];
    let ask = || {
        let answers = world.client.treatments(Method::TreatmentsWithConfig, &who, &given(&names));
        let treatments: Vec<_> = answers.iter().map(|answer| format!("{}:{}", answer.flag, answer.treatment)).collect();
        (treatments.join(" "), world.fake.asked().len())
    };
    let expected = "pricing:gold banner:off nope:control legacy:off".to_owned();
    assert_eq!(ask(), (expected.clone(), 1));
    assert_eq!(ask(), (expected, 0));
}
