//! What the messages of the stream say.
//!
//! A message is a JSON document inside a string of another one. What cannot be read is an error for the log, never the
//! end of the connection; and a message of which only a part can be used is used for that part: an update without a
//! sound payload asks for a fetch, and so does a kill that does not say of what.

use serde_json::{Map, Value};

use super::super::payload::Payload;
use super::json::{take_text, whole};
use super::status::{Control, Region};
use super::token::OCCUPANCY_PREFIX;

/// The name of messages about the publishers of a channel.
const OCCUPANCY: &str = "[meta]occupancy";

/// So many characters of a word that we do not know are kept for the log.
const KEPT_OF_UNKNOWN: usize = 60;

/// A message, understood. Times are in milliseconds since 1970, by the sender's clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notification {
    /// A flag changed.
    SplitUpdate(Update),
    /// A rule-based segment changed.
    RbSegmentUpdate(Update),
    /// A flag was killed: it gives its default treatment from now on.
    SplitKill {
        /// The change number that the kill made.
        change_number: i64,
        /// The flag.
        flag: String,
        /// Its default treatment from now on; none to keep the one that it has.
        default_treatment: Option<String>,
    },
    /// A segment changed.
    SegmentUpdate {
        /// The segment's change number after that.
        change_number: i64,
        /// The segment.
        segment: String,
    },
    /// The server speaks of the stream itself.
    Control {
        /// What it orders.
        control: Control,
        /// When it was sent, if it says.
        time: Option<i64>,
    },
    /// Publishers of a region came or went.
    Occupancy {
        /// The region.
        region: Region,
        /// How many there are now.
        publishers: i64,
        /// When it was sent, if it says.
        time: Option<i64>,
    },
    /// Nothing for us. What it is, for the log.
    Ignored(String),
}

/// A change of a flag or of a rule-based segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    /// The change number after it: what a fetch has to reach.
    pub(super) change_number: i64,
    /// The new definition itself, if it came along whole.
    pub(super) payload: Option<Payload>,
}

/// Why a message is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotificationError {
    /// The frame's data is no JSON object.
    #[error("a message of the stream is not a JSON object")]
    Envelope(#[source] serde_json::Error),
    /// There is no message in the frame.
    #[error("a message of the stream has no data")]
    NoData,
    /// The message is no JSON object.
    #[error("the data of a message of the stream is not a JSON object")]
    Data(#[source] serde_json::Error),
    /// Something that it cannot do without is not there, null, or of a wrong type.
    #[error("{kind} of the stream has no usable {member}")]
    Member {
        /// What kind of message it is.
        kind: &'static str,
        /// What is missing.
        member: &'static str,
    },
}

impl Notification {
    /// Reads the data of a `message` frame.
    pub(super) fn read(data: &str) -> Result<Notification, NotificationError> {
        let mut envelope: Map<String, Value> = serde_json::from_str(data).map_err(NotificationError::Envelope)?;
        let inner = take_text(&mut envelope, "data").ok_or(NotificationError::NoData)?;
        let mut inner: Map<String, Value> = serde_json::from_str(&inner).map_err(NotificationError::Data)?;
        let time = whole(&envelope, "timestamp");
        if envelope.get("name").is_some_and(|name| name == OCCUPANCY) {
            return occupancy(&mut envelope, &inner, time);
        }
        let Some(kind) = take_text(&mut inner, "type") else { return Ok(ignored("a message without a type")) };
        match &*kind {
            "SPLIT_UPDATE" => Ok(Notification::SplitUpdate(update("SPLIT_UPDATE", inner)?)),
            "RB_SEGMENT_UPDATE" => Ok(Notification::RbSegmentUpdate(update("RB_SEGMENT_UPDATE", inner)?)),
            "SPLIT_KILL" => kill(inner),
            "SEGMENT_UPDATE" => Ok(Notification::SegmentUpdate {
                change_number: change_number("SEGMENT_UPDATE", &inner)?,
                segment: take_text(&mut inner, "segmentName")
                    .ok_or(NotificationError::Member { kind: "SEGMENT_UPDATE", member: "segmentName" })?,
            }),
            "CONTROL" => Ok(control(&mut inner, time)),
            unknown => Ok(ignored(unknown)),
        }
    }
}

fn occupancy(
    envelope: &mut Map<String, Value>,
    inner: &Map<String, Value>,
    time: Option<i64>,
) -> Result<Notification, NotificationError> {
    let channel = take_text(envelope, "channel").unwrap_or_default();
    let region = match channel.strip_prefix(OCCUPANCY_PREFIX).unwrap_or(&channel) {
        "control_pri" => Region::Primary,
        "control_sec" => Region::Secondary,
        other => return Ok(ignored(&format!("publishers of {other:?}"))),
    };
    let metrics = inner.get("metrics").and_then(Value::as_object);
    let publishers = metrics
        .and_then(|metrics| whole(metrics, "publishers"))
        .ok_or(NotificationError::Member { kind: "OCCUPANCY", member: "publishers" })?;
    Ok(Notification::Occupancy { region, publishers, time })
}

fn update(kind: &'static str, mut inner: Map<String, Value>) -> Result<Update, NotificationError> {
    let change_number = change_number(kind, &inner)?;
    let payload = match (whole(&inner, "pcn"), whole(&inner, "c"), take_text(&mut inner, "d")) {
        (Some(previous), Some(compression), Some(data)) => Some(Payload { previous, compression, data }),
        _ => None,
    };
    Ok(Update { change_number, payload })
}

fn kill(mut inner: Map<String, Value>) -> Result<Notification, NotificationError> {
    let change_number = change_number("SPLIT_KILL", &inner)?;
    let default_treatment = take_text(&mut inner, "defaultTreatment");
    Ok(match take_text(&mut inner, "splitName") {
        Some(flag) => Notification::SplitKill { change_number, flag, default_treatment },
        None => Notification::SplitUpdate(Update { change_number, payload: None }),
    })
}

fn control(inner: &mut Map<String, Value>, time: Option<i64>) -> Notification {
    let kind = take_text(inner, "controlType").unwrap_or_default();
    let control = match &*kind {
        // Split's SDKs disagree on the word: Python and Go know the first, the others the second.
        "STREAMING_ENABLED" | "STREAMING_RESUMED" => Control::Enabled,
        "STREAMING_PAUSED" => Control::Paused,
        "STREAMING_DISABLED" => Control::Disabled,
        "STREAMING_RESET" => Control::Reset,
        other => return ignored(&format!("CONTROL {other:?}")),
    };
    Notification::Control { control, time }
}

fn change_number(kind: &'static str, inner: &Map<String, Value>) -> Result<i64, NotificationError> {
    whole(inner, "changeNumber").ok_or(NotificationError::Member { kind, member: "changeNumber" })
}

fn ignored(what: &str) -> Notification {
    Notification::Ignored(what.chars().take(KEPT_OF_UNKNOWN).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TIME: i64 = 1_760_000_003_000;

    fn envelope(inner: &Value) -> Value {
        json!({
            "id": "a1:0:0", "clientId": "pub", "timestamp": TIME, "encoding": "json",
            "channel": "b3JnMQ==_ZW52Nw==_splits", "data": inner.to_string(),
        })
    }

    fn occupancy_envelope(channel: &str, inner: &Value) -> Value {
        let mut envelope = envelope(inner);
        envelope["channel"] = json!(channel);
        envelope["name"] = json!("[meta]occupancy");
        envelope
    }

    fn read(envelope: &Value) -> Result<Notification, String> {
        Notification::read(&envelope.to_string()).map_err(|error| error.to_string())
    }

    fn read_inner(inner: &Value) -> Result<Notification, String> {
        read(&envelope(inner))
    }

    fn payload(previous: i64, compression: i64, data: &str) -> Option<Payload> {
        Some(Payload { previous, compression, data: data.to_owned() })
    }

    fn split_update(change_number: i64, payload: Option<Payload>) -> Notification {
        Notification::SplitUpdate(Update { change_number, payload })
    }

    fn kill(flag: &str, default_treatment: Option<&str>) -> Notification {
        Notification::SplitKill {
            change_number: 9,
            flag: flag.to_owned(),
            default_treatment: default_treatment.map(str::to_owned),
        }
    }

    fn segment_update(change_number: i64, segment: &str) -> Notification {
        Notification::SegmentUpdate { change_number, segment: segment.to_owned() }
    }

    fn control(control: Control) -> Notification {
        Notification::Control { control, time: Some(TIME) }
    }

    fn publishers(region: Region, publishers: i64) -> Notification {
        Notification::Occupancy { region, publishers, time: Some(TIME) }
    }

    /// Word for word, as the specification shows them.
    #[test]
    fn messages_of_the_specification() {
        let rows = [
            (
                r#"{"id":"k9:0:0","clientId":"pub","timestamp":1760000003000,"encoding":"json","channel":"b3JnMQ==_ZW52Nw==_splits","data":"{\"type\":\"SPLIT_UPDATE\",\"changeNumber\":1760000000500}"}"#,
                split_update(1_760_000_000_500, None),
            ),
            (
                r#"{"id":"a1:0:0","timestamp":1760000003000,"encoding":"json","channel":"b3JnMQ==_ZW52Nw==_splits","data":"{\"type\":\"SPLIT_UPDATE\",\"changeNumber\":1760000000500,\"pcn\":1760000000100,\"c\":2,\"d\":\"eJwlzbEK\"}"}"#,
                split_update(1_760_000_000_500, payload(1_760_000_000_100, 2, "eJwlzbEK")),
            ),
            (
                r#"{"id":"a2:0:0","timestamp":1760000003100,"channel":"b3JnMQ==_ZW52Nw==_splits","data":"{\"type\":\"RB_SEGMENT_UPDATE\",\"changeNumber\":1760000000300,\"pcn\":-1,\"c\":0,\"d\":\"eyJu\"}"}"#,
                Notification::RbSegmentUpdate(Update {
                    change_number: 1_760_000_000_300,
                    payload: payload(-1, 0, "eyJu"),
                }),
            ),
            (
                r#"{"id":"a3:0:0","timestamp":1760000003200,"channel":"b3JnMQ==_ZW52Nw==_splits","data":"{\"type\":\"SPLIT_KILL\",\"changeNumber\":1760000000600,\"splitName\":\"checkout_banner\",\"defaultTreatment\":\"off\"}"}"#,
                Notification::SplitKill {
                    change_number: 1_760_000_000_600,
                    flag: "checkout_banner".to_owned(),
                    default_treatment: Some("off".to_owned()),
                },
            ),
            (
                r#"{"id":"a4:0:0","timestamp":1760000003300,"channel":"b3JnMQ==_ZW52Nw==_segments","data":"{\"type\":\"SEGMENT_UPDATE\",\"changeNumber\":1760000000250,\"segmentName\":\"beta_testers\"}"}"#,
                segment_update(1_760_000_000_250, "beta_testers"),
            ),
            (
                r#"{"id":"a5:0:0","timestamp":1760000003400,"channel":"[?occupancy=metrics.publishers]control_pri","data":"{\"type\":\"CONTROL\",\"controlType\":\"STREAMING_PAUSED\"}"}"#,
                Notification::Control { control: Control::Paused, time: Some(1_760_000_003_400) },
            ),
            (
                r#"{"id":"a6:0:0","timestamp":1760000003500,"encoding":"json","channel":"[?occupancy=metrics.publishers]control_sec","data":"{\"metrics\":{\"publishers\":2}}","name":"[meta]occupancy"}"#,
                Notification::Occupancy { region: Region::Secondary, publishers: 2, time: Some(1_760_000_003_500) },
            ),
        ];
        for (data, expected) in rows {
            assert_eq!(Notification::read(data).expect(data), expected, "{data}");
        }
    }

    #[test]
    fn control_words() {
        let rows = [
            ("STREAMING_PAUSED", control(Control::Paused)),
            ("STREAMING_DISABLED", control(Control::Disabled)),
            ("STREAMING_ENABLED", control(Control::Enabled)),
            ("STREAMING_RESUMED", control(Control::Enabled)),
            ("STREAMING_RESET", control(Control::Reset)),
            ("streaming_paused", ignored("CONTROL \"streaming_paused\"")),
            ("STREAMING_EXPLODED", ignored("CONTROL \"STREAMING_EXPLODED\"")),
            ("", ignored("CONTROL \"\"")),
        ];
        for (word, expected) in rows {
            assert_eq!(read_inner(&json!({"type": "CONTROL", "controlType": word})), Ok(expected), "{word}");
        }
    }

    #[test]
    fn channels_of_occupancy() {
        let rows = [
            ("[?occupancy=metrics.publishers]control_pri", publishers(Region::Primary, 3)),
            ("[?occupancy=metrics.publishers]control_sec", publishers(Region::Secondary, 3)),
            ("control_pri", publishers(Region::Primary, 3)),
            ("control_third", ignored("publishers of \"control_third\"")),
            ("b3JnMQ==_ZW52Nw==_splits", ignored("publishers of \"b3JnMQ==_ZW52Nw==_splits\"")),
            ("", ignored("publishers of \"\"")),
        ];
        for (channel, expected) in rows {
            let message = occupancy_envelope(channel, &json!({"metrics": {"publishers": 3}}));
            assert_eq!(read(&message), Ok(expected), "{channel}");
        }
        // The name decides, whatever else is inside.
        let message = occupancy_envelope("control_pri", &json!({"type": "CONTROL", "metrics": {"publishers": 0}}));
        assert_eq!(read(&message), Ok(publishers(Region::Primary, 0)));
    }

    #[test]
    fn what_means_nothing_is_ignored() {
        for kind in ["LS_DEFINITION_UPDATE", "MEMBERSHIPS_MS_UPDATE", "MEMBERSHIPS_LS_UPDATE", "split_update", "NEW"] {
            assert_eq!(read_inner(&json!({"type": kind, "changeNumber": "?"})), Ok(ignored(kind)), "{kind}");
        }
        let long = "ü".repeat(1000);
        assert_eq!(read_inner(&json!({"type": long})), Ok(Notification::Ignored("ü".repeat(KEPT_OF_UNKNOWN))));
        for inner in [json!({}), json!({"type": 5}), json!({"type": null}), json!({"type": ""})] {
            assert_eq!(read_inner(&inner), Ok(ignored("a message without a type")), "{inner}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let not_envelope = "a message of the stream is not a JSON object";
        let not_data = "the data of a message of the stream is not a JSON object";
        let rows = [
            ("", not_envelope),
            ("null", not_envelope),
            ("[]", not_envelope),
            ("[1,\"a\"]", not_envelope),
            ("{\"data\":", not_envelope),
            ("{}", "a message of the stream has no data"),
            (r#"{"data":""}"#, "a message of the stream has no data"),
            (r#"{"data":{"type":"SPLIT_UPDATE","changeNumber":5}}"#, "a message of the stream has no data"),
            (r#"{"data":"hello"}"#, not_data),
            (r#"{"data":"[]"}"#, not_data),
            (r#"{"data":"null"}"#, not_data),
            (r#"{"data":"{\"type\":\"SPLIT_UPDATE\""}"#, not_data),
            (r#"{"data":"{\"type\":\"SPLIT_UPDATE\"}"}"#, "SPLIT_UPDATE of the stream has no usable changeNumber"),
            (
                r#"{"data":"{\"type\":\"SPLIT_UPDATE\",\"changeNumber\":\"5\"}"}"#,
                "SPLIT_UPDATE of the stream has no usable changeNumber",
            ),
            (
                r#"{"data":"{\"type\":\"SPLIT_UPDATE\",\"changeNumber\":9223372036854775808}"}"#,
                "SPLIT_UPDATE of the stream has no usable changeNumber",
            ),
            (
                r#"{"data":"{\"type\":\"SEGMENT_UPDATE\",\"changeNumber\":5,\"segmentName\":\"\"}"}"#,
                "SEGMENT_UPDATE of the stream has no usable segmentName",
            ),
            (
                r#"{"name":"[meta]occupancy","channel":"control_pri","data":"{\"metrics\":[]}"}"#,
                "OCCUPANCY of the stream has no usable publishers",
            ),
        ];
        for (data, expected) in rows {
            let error = Notification::read(data).expect_err(data);
            assert_eq!(error.to_string(), expected, "{data}");
        }
        let deep = format!("{{\"data\":{}", "[".repeat(100_000));
        assert!(matches!(Notification::read(&deep), Err(NotificationError::Envelope(_))));
    }

    #[test]
    fn b25_null_members() {
        let unusable = |kind: &str, member: &str| Err(format!("{kind} of the stream has no usable {member}"));
        let untyped = || Ok(ignored("a message without a type"));
        let update = json!({"type": "SPLIT_UPDATE", "changeNumber": 9, "pcn": 8, "c": 0, "d": "e30="});
        let of_segment = |update| Notification::RbSegmentUpdate(update);
        let plain = || Update { change_number: 9, payload: None };
        let mut rbs_update = update.clone();
        rbs_update["type"] = json!("RB_SEGMENT_UPDATE");
        let killed = json!({"type": "SPLIT_KILL", "changeNumber": 9, "splitName": "f", "defaultTreatment": "off"});
        let segment = json!({"type": "SEGMENT_UPDATE", "changeNumber": 9, "segmentName": "s"});
        let paused = json!({"type": "CONTROL", "controlType": "STREAMING_PAUSED"});
        type Row<'a> = (&'a Value, &'a str, Result<Notification, String>);
        let rows: Vec<Row<'_>> = vec![
            (&update, "type", untyped()),
            (&update, "changeNumber", unusable("SPLIT_UPDATE", "changeNumber")),
            (&update, "pcn", Ok(split_update(9, None))),
            (&update, "c", Ok(split_update(9, None))),
            (&update, "d", Ok(split_update(9, None))),
            (&rbs_update, "type", untyped()),
            (&rbs_update, "changeNumber", unusable("RB_SEGMENT_UPDATE", "changeNumber")),
            (&rbs_update, "pcn", Ok(of_segment(plain()))),
            (&rbs_update, "c", Ok(of_segment(plain()))),
            (&rbs_update, "d", Ok(of_segment(plain()))),
            (&killed, "type", untyped()),
            (&killed, "changeNumber", unusable("SPLIT_KILL", "changeNumber")),
            (&killed, "splitName", Ok(split_update(9, None))),
            (&killed, "defaultTreatment", Ok(kill("f", None))),
            (&segment, "type", untyped()),
            (&segment, "changeNumber", unusable("SEGMENT_UPDATE", "changeNumber")),
            (&segment, "segmentName", unusable("SEGMENT_UPDATE", "segmentName")),
            (&paused, "type", untyped()),
            (&paused, "controlType", Ok(ignored("CONTROL \"\""))),
        ];
        for (whole, member, expected) in rows {
            let mut inner = whole.clone();
            inner[member] = Value::Null;
            assert_eq!(read_inner(&inner), expected, "{inner}");
        }
    }

    #[test]
    fn b25_null_members_of_the_envelope() {
        let update = envelope(&json!({"type": "SPLIT_UPDATE", "changeNumber": 9}));
        let paused = envelope(&json!({"type": "CONTROL", "controlType": "STREAMING_PAUSED"}));
        let occupancy = occupancy_envelope("control_pri", &json!({"metrics": {"publishers": 0}}));
        for member in ["id", "clientId", "timestamp", "encoding", "channel", "data", "name"] {
            let without = |whole: &Value| {
                let mut envelope = whole.clone();
                envelope[member] = Value::Null;
                read(&envelope)
            };
            let time = (member != "timestamp").then_some(TIME);
            let (expected_update, expected_control, expected_occupancy) = if member == "data" {
                let none = || Err("a message of the stream has no data".to_owned());
                (none(), none(), none())
            } else {
                let zero = Notification::Occupancy { region: Region::Primary, publishers: 0, time };
                let occupancy = match member {
                    "channel" => ignored("publishers of \"\""),
                    "name" => ignored("a message without a type"),
                    _ => zero,
                };
                let control = Notification::Control { control: Control::Paused, time };
                (Ok(split_update(9, None)), Ok(control), Ok(occupancy))
            };
            assert_eq!(without(&update), expected_update, "{member}");
            assert_eq!(without(&paused), expected_control, "{member}");
            assert_eq!(without(&occupancy), expected_occupancy, "{member}");
        }
    }

    #[test]
    fn a_payload_of_wrong_types_is_none() {
        let rows = [
            (json!({"pcn": "8", "c": 0, "d": "e30="}), None),
            (json!({"pcn": 8, "c": "0", "d": "e30="}), None),
            (json!({"pcn": 8, "c": 0, "d": 5}), None),
            (json!({"pcn": 8, "c": 0, "d": ""}), None),
            (json!({"pcn": 8, "c": 0}), None),
            // Unpacking says that it knows no such compression.
            (json!({"pcn": 8, "c": 9, "d": "e30="}), payload(8, 9, "e30=")),
        ];
        for (mut inner, expected) in rows {
            inner["type"] = json!("SPLIT_UPDATE");
            inner["changeNumber"] = json!(9);
            assert_eq!(read_inner(&inner), Ok(split_update(9, expected)), "{inner}");
        }
    }
}
