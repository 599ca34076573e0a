//! The answers that Split's Python SDK gave on what a Synchronizer wrote (`tests/fixtures/redis`), call by call.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::redis_tests::World;
use super::*;
use crate::rules::FlagView;
use crate::storage::Fake;

#[derive(serde::Deserialize)]
struct Session {
    name: String,
    config: Json,
    steps: Vec<Step>,
}

#[derive(serde::Deserialize)]
struct Step {
    call: Call,
    expected: Json,
    commands: Vec<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Call {
    method: String,
    key: String,
    bucketing_key: Option<String>,
    flag: String,
    flags: Vec<String>,
    flag_set: String,
    flag_sets: Vec<String>,
    attributes: Option<Json>,
    properties: Option<Json>,
    traffic_type: String,
    event_type: String,
    value: Option<f64>,
    name: String,
}

impl Call {
    fn answer(&self, world: &World) -> Json {
        let attributes = self.attributes.as_ref().map(set);
        let properties = self.properties.as_ref().map(set);
        let who = Who {
            key: Given::Text(&self.key),
            bucketing_key: self.bucketing_key.as_deref().map(Given::Text),
            attributes: attributes.as_ref().map_or(Attached::Nothing, Attached::Set),
            properties: properties.as_ref().map_or(Attached::Nothing, Attached::Set),
        };
        let with_config =
            |answer: &Answer| json!([answer.treatment.as_str(), answer.config.as_ref().map(|text| text.as_str())]);
        let treatment = |answer: &Answer| json!(answer.treatment.as_str());
        fn all(answers: Vec<Answer>, show: impl Fn(&Answer) -> Json) -> Json {
            answers.iter().map(|answer| (answer.flag.to_string(), show(answer))).collect::<Map<_, _>>().into()
        }
        let flags: Vec<Given<'_>> = self.flags.iter().map(|name| Given::Text(name)).collect();
        let sets: Vec<Given<'_>> = self.flag_sets.iter().map(|name| Given::Text(name)).collect();
        let set = [Given::Text(&self.flag_set)];
        let (client, manager) = (&world.client, &world.manager);
        let flag = Given::Text(&self.flag);
        match &*self.method {
            "get_treatment" => json!(client.treatment(&who, flag).as_str()),
            "get_treatment_with_config" => with_config(&client.treatment_with_config(&who, flag)),
            "explain" => {
                let account: Json = serde_json::from_str(&client.explain(&who, flag).json).expect("JSON");
                json!([account["treatment"], account["config"]])
            }
            "get_treatments" => all(client.treatments(Method::Treatments, &who, &flags), treatment),
            "get_treatments_with_config" => {
                all(client.treatments(Method::TreatmentsWithConfig, &who, &flags), with_config)
            }
            "get_treatments_by_flag_set" => {
                all(client.treatments_by_sets(Method::TreatmentsByFlagSet, &who, &set), treatment)
            }
            "get_treatments_by_flag_sets" => {
                all(client.treatments_by_sets(Method::TreatmentsByFlagSets, &who, &sets), treatment)
            }
            "get_treatments_with_config_by_flag_set" => {
                all(client.treatments_by_sets(Method::TreatmentsWithConfigByFlagSet, &who, &set), with_config)
            }
            "get_treatments_with_config_by_flag_sets" => {
                all(client.treatments_by_sets(Method::TreatmentsWithConfigByFlagSets, &who, &sets), with_config)
            }
            "track" => json!(client.track(&self.event(who.properties)).is_ok()),
            "split_names" => json!(manager.names()),
            "split" => manager.split(Given::Text(&self.name)).map_or(Json::Null, view),
            "splits" => manager.splits().into_iter().map(view).collect(),
            other => panic!("{other}"),
        }
    }

    fn event<'a>(&'a self, properties: Attached<'a>) -> Track<'a> {
        Track {
            key: Given::Text(&self.key),
            traffic_type: Given::Text(&self.traffic_type),
            event_type: Given::Text(&self.event_type),
            value: self.value,
            properties,
        }
    }
}

fn set(members: &Json) -> Attributes {
    Attributes::from_json(&members.to_string()).expect("an object")
}

/// As Split's Python SDK shows a flag, with treatments and prerequisites sorted.
fn view(flag: FlagView) -> Json {
    let mut treatments = flag.treatments;
    treatments.sort_unstable();
    let configs: Map<_, _> = flag.configs.into_iter().map(|(of, text)| (of, text.into())).collect();
    let prerequisites = flag.prerequisites.iter().map(|one| json!({"n": one.flag_name, "ts": one.treatments}));
    json!({
        "name": flag.name, "traffic_type": flag.traffic_type, "killed": flag.killed, "treatments": treatments,
        "change_number": flag.change_number, "configs": configs, "default_treatment": flag.default_treatment,
        "sets": flag.sets, "impressions_disabled": flag.impressions_disabled,
        "prerequisites": prerequisites.collect::<Vec<_>>(),
    })
}

#[test]
fn answers_are_those_of_the_python_sdk() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redis/pushed.json");
    let sessions: Vec<Session> =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the fixture")).expect("JSON");
    assert_eq!((sessions.len(), sessions.iter().map(|session| session.steps.len()).sum::<usize>()), (7, 279));
    for Session { name, config, steps } in sessions {
        let prefix = config["redisPrefix"].as_str().map(|prefix| format!("{prefix}.")).unwrap_or_default();
        let world = World::new(Fake::synchronized(&prefix), &config.to_string());
        for Step { call, expected, commands } in steps {
            world.fake.asked();
            assert_eq!(call.answer(&world), expected, "{name}: {call:?}");
            let mut asked: Vec<String> = world.fake.asked().into_iter().flatten().collect();
            // Which flag comes first does not matter, nor does it matter whether segments are asked for together.
            let is_read = |command: &&Vec<String>| matches!(&*command[0], "MGET" | "GET" | "SMEMBERS" | "SISMEMBER");
            let mut theirs: Vec<String> = commands
                .iter()
                .filter(is_read)
                .filter(|command| command.len() > 1)
                .map(|command| sorted(command))
                .collect();
            asked = asked
                .iter()
                .map(|command| sorted(&command.split(' ').map(str::to_owned).collect::<Vec<_>>()))
                .collect();
            asked.retain(|command| !command.starts_with("SCAN"));
            asked.sort_unstable();
            theirs.sort_unstable();
            // Its cache keeps answers by the set of names asked for, and its manager asks the cache first.
            if !name.contains("cache") && !call.method.starts_with("split") {
                assert_eq!(asked, theirs, "{name}: {call:?}");
            }
            if call.method == "get_treatment_with_config" {
                let explained = Call { method: "explain".into(), ..call };
                assert_eq!(explained.answer(&world), expected, "{name}: {explained:?}");
            }
        }
    }
}

/// A command with its arguments in order.
fn sorted(command: &[String]) -> String {
    let mut arguments = Vec::from(&command[1..]);
    arguments.sort_unstable();
    format!("{} {}", command[0], arguments.join(" "))
}
