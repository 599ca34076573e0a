//! The account of a decision, for people who wonder about it.
//!
//! It takes the way of an evaluation, with a [`Watcher`](crate::rules::Watcher) that writes down what happens: a second
//! evaluator would one day tell what the first does not do. It records nothing.

use std::borrow::Cow;

use serde::Serialize;

use super::{AnswerStatus, Client, Verdict, Who};
use crate::input::{Given, Method, key_text, usable_name};
use crate::rules::{Account, Step};

/// The account of a decision.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the evaluation would have had.
    pub status: AnswerStatus,
    /// A JSON object; `docs/explain.md` says of what.
    pub json: String,
}

#[derive(Serialize)]
struct Document<'a> {
    flag: Option<&'a str>,
    key: Option<Cow<'a, str>>,
    bucketing_key: Option<Cow<'a, str>>,
    status: &'static str,
    treatment: &'static str,
    config: Option<&'a str>,
    label: Option<&'static str>,
    change_number: i64,
    /// Whether the treatment is one of fallbackTreatments.
    fallback: bool,
    /// Whether steps were left out, because there were too many or they nested too deep.
    truncated: bool,
    evaluation: Option<&'a Step>,
}

impl Client {
    /// How a flag is decided for a key, as [`Client::treatment_with_config`] would decide it now; no impression is made
    /// and telemetry does not count it.
    pub fn explain(&self, who: &Who<'_>, flag: Given<'_>) -> Explanation {
        let account = Account::default();
        let take = |verdict: Verdict<'_>| (verdict.is_fallback, verdict.into_answer(""));
        let (fallback, answer) = self.one_at_length(Method::Explain, who, flag, &account, take);
        let (evaluation, truncated) = account.into_steps();
        let document = Document {
            flag: usable_name(flag),
            key: key_text(who.key),
            bucketing_key: who.bucketing_key.and_then(key_text),
            status: status(answer.status),
            treatment: answer.treatment.as_str(),
            config: answer.config.as_ref().map(|config| config.as_str()),
            label: answer.label.map(|label| label.as_str()),
            change_number: answer.change_number,
            fallback,
            truncated,
            evaluation: evaluation.as_ref(),
        };
        // Texts, numbers, and JSON that was read before: writing them into memory does not fail.
        let json = serde_json::to_string(&document).unwrap_or_else(|_| "null".to_owned());
        Explanation { status: answer.status, json }
    }
}

fn status(status: AnswerStatus) -> &'static str {
    match status {
        AnswerStatus::Evaluated => "evaluated",
        AnswerStatus::NotReady => "not_ready",
        AnswerStatus::UnknownFlag => "unknown_flag",
        AnswerStatus::Invalid => "invalid",
        AnswerStatus::Destroyed => "destroyed",
        AnswerStatus::Failed => "failed",
        AnswerStatus::StorageFailed => "storage_failed",
        AnswerStatus::Forked => "forked",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::redis_tests::World;
    use super::*;
    use crate::rules::testing::flag_json;
    use crate::storage::Fake;

    #[test]
    fn keys_are_shown_as_the_rules_see_them() {
        let world = World::new(Fake::new(), "{}");
        world.fake.set("SPLITIO.split.f", &flag_json("f", r#"{"matcherType":"ALL_KEYS"}"#));
        let explain = |key, bucketing_key| -> Json {
            let who = Who { key, bucketing_key, ..Who::from("") };
            serde_json::from_str(&world.client.explain(&who, Given::Text("f")).json).expect("JSON")
        };
        for (given, shown) in [
            (Given::Text("ann"), json!("ann")),
            (Given::Integer(7), json!("7")),
            (Given::Float(7.0), json!("7.0")),
            (Given::Text(""), json!("")),
            (Given::Null, Json::Null),
            (Given::Float(f64::NAN), Json::Null),
            (Given::NotText, Json::Null),
        ] {
            let account = explain(given, None);
            assert_eq!(account["key"], shown, "{given:?}");
            if account["status"] == "evaluated" {
                assert_eq!(account["evaluation"]["steps"][0]["steps"][0]["value"], shown, "{given:?}");
            }
            assert_eq!(explain(Given::Text("ann"), Some(given))["bucketing_key"], shown, "{given:?}");
        }
    }
}
