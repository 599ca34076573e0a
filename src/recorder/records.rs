//! Impressions and events as they wait, and as they are posted.
//!
//! They wait as they are: most are few, and those that are too many are dropped before anybody writes them as JSON.

use std::cmp::Ordering;

use serde_json::value::RawValue;

use super::outbox::Record;
use crate::callbacks::Impression;
use crate::telemetry::{Tally, Telemetry};
use crate::transport::Endpoint;
use crate::wire::recording;

impl Record for Impression {
    const ENDPOINT: Endpoint = Endpoint::Impressions;
    const WHAT: &'static str = "impressions";
    const SIZE_OPTION: &'static str = "impressionsQueueSize";

    fn weight(&self) -> usize {
        0
    }

    /// By flag, in the order of names; those of a flag in the order in which they were made.
    fn body(impressions: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        let mut sorted: Vec<&Impression> = impressions.iter().collect();
        sorted.sort_by(|a, b| Ord::cmp(&a.flag, &b.flag));
        let flags = sorted.chunk_by(|a, b| Ord::cmp(&a.flag, &b.flag) == Ordering::Equal);
        let body: Vec<_> = flags
            .map(|of_flag| recording::FlagImpressions {
                flag: &of_flag[0].flag,
                impressions: of_flag.iter().map(|impression| on_the_wire(impression)).collect(),
            })
            .collect();
        serde_json::to_vec(&body)
    }

    fn tally(telemetry: &Telemetry) -> &Tally {
        telemetry.impressions()
    }
}

fn on_the_wire(impression: &Impression) -> recording::Impression<'_> {
    recording::Impression {
        key: &impression.key,
        bucketing_key: impression.bucketing_key.as_deref(),
        treatment: impression.treatment.as_str(),
        label: impression.label.map(|label| label.as_str()),
        change_number: impression.change_number,
        time: impression.time,
        previous_time: impression.previous_time,
        properties: impression.properties.as_deref(),
    }
}

/// An event that waits.
#[derive(Debug)]
pub(super) struct StoredEvent {
    pub(super) key: Box<str>,
    pub(super) traffic_type: Box<str>,
    pub(super) event_type: Box<str>,
    pub(super) value: Option<f64>,
    pub(super) time: i64,
    pub(super) size: usize,
    pub(super) properties: Option<Box<RawValue>>,
}

impl StoredEvent {
    pub(super) fn on_the_wire(&self) -> recording::Event<'_> {
        recording::Event {
            key: &self.key,
            traffic_type_name: &self.traffic_type,
            event_type_id: &self.event_type,
            value: self.value,
            timestamp: self.time,
            properties: self.properties.as_deref(),
        }
    }
}

impl Record for StoredEvent {
    const ENDPOINT: Endpoint = Endpoint::Events;
    const WHAT: &'static str = "events";
    const SIZE_OPTION: &'static str = "eventsQueueSize";

    fn weight(&self) -> usize {
        self.size
    }

    fn body(events: &[Self]) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&events.iter().map(StoredEvent::on_the_wire).collect::<Vec<_>>())
    }

    fn tally(telemetry: &Telemetry) -> &Tally {
        telemetry.events()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Interned, intern_treatment};

    fn impression(flag: &str, key: &str) -> Impression {
        Impression {
            key: key.into(),
            bucketing_key: None,
            flag: flag.into(),
            treatment: Interned::control(),
            label: None,
            change_number: None,
            time: 17,
            previous_time: None,
            attributes: None,
            properties: None,
        }
    }

    #[test]
    fn impressions_are_grouped_by_flag() {
        let on = intern_treatment("on").expect("room");
        let zoe = Impression {
            bucketing_key: Some("org-7".into()),
            treatment: on,
            label: crate::rules::labels::DEFAULT_RULE.text,
            change_number: Some(5),
            previous_time: Some(16),
            attributes: Some(r#"{"age":3}"#.into()),
            properties: Some(r#"{"plan":"pro"}"#.into()),
            ..impression("b", "zoe")
        };
        let body = Impression::body(&[zoe, impression("a", "x"), impression("b", "ann")]).expect("JSON");
        let expected = concat!(
            r#"[{"f":"a","i":[{"k":"x","b":null,"t":"control","r":null,"c":null,"m":17,"pt":null}]},"#,
            r#"{"f":"b","i":[{"k":"zoe","b":"org-7","t":"on","r":"default rule","c":5,"m":17,"pt":16,"#,
            r#""properties":"{\"plan\":\"pro\"}"},"#,
            r#"{"k":"ann","b":null,"t":"control","r":null,"c":null,"m":17,"pt":null}]}]"#,
        );
        assert_eq!(String::from_utf8(body).expect("text"), expected);
    }

    #[test]
    fn events_have_all_their_keys() {
        let event = |value, properties: Option<&str>| StoredEvent {
            key: "alice".into(),
            traffic_type: "user".into(),
            event_type: "checkout.paid".into(),
            value,
            time: 17,
            size: 1024,
            properties: properties.map(|json| RawValue::from_string(json.to_owned()).expect("JSON")),
        };
        let events = [event(Some(42.5), Some(r#"{"plan":"pro","coupon":null}"#)), event(None, None)];
        let expected = concat!(
            r#"[{"key":"alice","trafficTypeName":"user","eventTypeId":"checkout.paid","value":42.5,"timestamp":17,"#,
            r#""properties":{"plan":"pro","coupon":null}},"#,
            r#"{"key":"alice","trafficTypeName":"user","eventTypeId":"checkout.paid","value":null,"timestamp":17,"#,
            r#""properties":null}]"#,
        );
        assert_eq!(String::from_utf8(StoredEvent::body(&events).expect("JSON")).expect("text"), expected);
    }
}
