//! What SDKs of an older specification may see.
//!
//! The backend never sends a matcher to an SDK that would not know it: the conditions of such a flag become one rule that
//! answers `control`. It also keeps the old envelope for them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::environment::Delta;

/// The `s` parameter of `splitChanges`: a version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spec {
    /// Base matchers.
    #[serde(rename = "1.0")]
    V1_0,
    /// Semantic versions.
    #[serde(rename = "1.1")]
    V1_1,
    /// Large segments.
    #[serde(rename = "1.2")]
    V1_2,
    /// Rule-based segments and prerequisites.
    #[serde(rename = "1.3")]
    V1_3,
}

impl Spec {
    /// `None` for a version this backend does not speak.
    pub(crate) fn parse(text: Option<&str>) -> Option<Self> {
        text.map_or(Some(Spec::V1_0), |text| serde_json::from_value(text.into()).ok())
    }

    fn knows(self, matcher: &str) -> bool {
        match matcher {
            "ALL_KEYS"
            | "IN_SEGMENT"
            | "WHITELIST"
            | "EQUAL_TO"
            | "GREATER_THAN_OR_EQUAL_TO"
            | "LESS_THAN_OR_EQUAL_TO"
            | "BETWEEN"
            | "EQUAL_TO_SET"
            | "PART_OF_SET"
            | "CONTAINS_ALL_OF_SET"
            | "CONTAINS_ANY_OF_SET"
            | "STARTS_WITH"
            | "ENDS_WITH"
            | "CONTAINS_STRING"
            | "IN_SPLIT_TREATMENT"
            | "EQUAL_TO_BOOLEAN"
            | "MATCHES_STRING" => true,
            "EQUAL_TO_SEMVER"
            | "GREATER_THAN_OR_EQUAL_TO_SEMVER"
            | "LESS_THAN_OR_EQUAL_TO_SEMVER"
            | "BETWEEN_SEMVER"
            | "IN_LIST_SEMVER" => self >= Spec::V1_1,
            "IN_LARGE_SEGMENT" => self >= Spec::V1_2,
            // What is newer than this list goes to the newest SDKs, which must live with matchers they do not know.
            _ => self >= Spec::V1_3,
        }
    }

    fn understands(self, flag: &Value) -> bool {
        matchers(flag)
            .all(|matcher| matcher.get("matcherType").and_then(Value::as_str).is_some_and(|name| self.knows(name)))
    }

    /// The body of a `splitChanges` answer.
    pub(crate) fn answer(self, flags: Delta, rbs: Delta) -> Value {
        if self >= Spec::V1_3 {
            return json!({
                "ff": {"d": flags.definitions, "s": flags.since, "t": flags.till},
                "rbs": {"d": rbs.definitions, "s": rbs.since, "t": rbs.till},
            });
        }
        let splits: Vec<Arc<Value>> = flags.definitions.into_iter().map(|flag| self.lower(flag)).collect();
        json!({"splits": splits, "since": flags.since, "till": flags.till})
    }

    fn lower(self, flag: Arc<Value>) -> Arc<Value> {
        let understood = self.understands(&flag);
        if understood && flag.get("prerequisites").is_none() {
            return flag;
        }
        let mut flag = Value::clone(&flag);
        if let Some(members) = flag.as_object_mut() {
            members.remove("prerequisites");
            if !understood {
                members.insert("conditions".to_owned(), unsupported());
            }
        }
        Arc::new(flag)
    }
}

fn matchers(flag: &Value) -> impl Iterator<Item = &Value> {
    let conditions = flag.get("conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.filter_map(|condition| condition.pointer("/matcherGroup/matchers")?.as_array()).flatten()
}

fn unsupported() -> Value {
    json!([{
        "conditionType": "ROLLOUT",
        "label": "targeting rule type unsupported by sdk",
        "matcherGroup": {"combiner": "AND", "matchers": [{"keySelector": null, "matcherType": "ALL_KEYS", "negate": false}]},
        "partitions": [{"treatment": "control", "size": 100}],
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn using(matcher: &str) -> Arc<Value> {
        Arc::new(json!({"name": matcher, "conditions": [
            {"matcherGroup": {"matchers": [{"matcherType": "ALL_KEYS"}, {"matcherType": matcher}]}}]}))
    }

    #[test]
    fn newer_matchers_are_replaced() {
        for (spec, matcher, kept) in [
            (Spec::V1_0, "BETWEEN", true),
            (Spec::V1_0, "IN_LIST_SEMVER", false),
            (Spec::V1_1, "IN_LIST_SEMVER", true),
            (Spec::V1_1, "IN_LARGE_SEGMENT", false),
            (Spec::V1_2, "IN_LARGE_SEGMENT", true),
            (Spec::V1_2, "IN_RULE_BASED_SEGMENT", false),
            (Spec::V1_3, "IN_RULE_BASED_SEGMENT", true),
            (Spec::V1_2, "SMELLS_LIKE", false),
            (Spec::V1_3, "SMELLS_LIKE", true),
        ] {
            let delta = Delta { since: -1, till: 9, definitions: vec![using(matcher)] };
            let answer = spec.answer(delta, Delta::default());
            let flag = answer.pointer("/splits/0").or(answer.pointer("/ff/d/0")).unwrap();
            let is_kept = flag.pointer("/conditions/0/matcherGroup/matchers/1/matcherType") == Some(&json!(matcher));
            assert_eq!(is_kept, kept, "{spec:?} {matcher}");
            if !kept {
                assert_eq!(flag["conditions"], unsupported());
            }
        }
    }

    #[test]
    fn versions() {
        for (text, expected) in [
            (None, Some(Spec::V1_0)),
            (Some("1.0"), Some(Spec::V1_0)),
            (Some("1.3"), Some(Spec::V1_3)),
            (Some("1.4"), None),
            (Some("two"), None),
        ] {
            assert_eq!(Spec::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn prerequisites_belong_to_the_newest_only() {
        let flag = Arc::new(json!({"name": "f", "conditions": [], "prerequisites": [{"n": "g", "ts": ["on"]}]}));
        assert!(Spec::V1_2.lower(flag).get("prerequisites").is_none());
    }
}
