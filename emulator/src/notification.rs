//! What the backend tells over the stream, and the bytes of it.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::backend::Edit;
use crate::environment::Change;
use crate::settings::Payload;
use crate::token::{CONTROLS, SEGMENTS, SPLITS};

/// Put in front of a channel by those who want to know its occupancy.
pub(crate) const OCCUPANCY_PREFIX: &str = "[?occupancy=metrics.publishers]";

/// The fields of an update of flags or rule-based segments.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Update {
    /// The number reached by this change.
    pub change_number: i64,
    /// The number the definition builds on.
    pub pcn: Option<i64>,
    /// How `definition` is put into the notification; not at all by default.
    pub payload: Payload,
    /// The definition after the change.
    pub definition: Option<Arc<Value>>,
    /// Value of `c` instead of the right one.
    pub c: Option<i64>,
    /// Value of `d` instead of the right one.
    pub d: Option<String>,
}

/// A message to SDKs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum Notification {
    /// A flag changed.
    SplitUpdate(Update),
    /// A rule-based segment changed.
    RbSegmentUpdate(Update),
    /// A flag was killed.
    SplitKill {
        /// The number reached by this change.
        change_number: i64,
        /// The flag.
        name: String,
        /// What it serves now.
        treatment: String,
    },
    /// A segment changed.
    SegmentUpdate {
        /// The number the segment reached.
        change_number: i64,
        /// The segment.
        name: String,
    },
    /// An order such as `STREAMING_PAUSED`; any text is sent.
    Control {
        /// The `controlType`.
        control: String,
        /// `control_pri` (when absent) or `control_sec`.
        #[serde(default)]
        channel: Option<String>,
    },
    /// How many publishers a control channel has.
    Occupancy {
        /// `control_pri` or `control_sec`; both when absent.
        #[serde(default)]
        channel: Option<String>,
        /// How many.
        publishers: u64,
    },
    /// An Ably error, as an event of that name.
    Error {
        /// Ably's code, such as 40142.
        code: u64,
        /// Its HTTP status.
        #[serde(default)]
        status: u16,
        /// Its text.
        #[serde(default)]
        message: String,
    },
    /// Any inner document, for types of the future.
    Other {
        /// The channel, without a prefix; the one of flags when absent.
        #[serde(default)]
        channel: Option<String>,
        /// The document, which becomes a string in the envelope.
        data: Value,
    },
    /// These bytes, to every stream, as they are.
    Raw {
        /// UTF-8 text with its own line ends.
        text: String,
    },
}

/// Bytes for those who subscribed to `channel`; for everybody when it is `None`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub channel: Option<String>,
    pub bytes: Vec<u8>,
}

impl Notification {
    /// How an edit is announced.
    pub(crate) fn of(edit: &Edit, payload: Payload) -> Self {
        let update = |change: &Change| {
            let instant = (payload != Payload::None).then(|| change.definition.clone());
            let pcn = instant.as_ref().map(|_| change.previous);
            Update { change_number: change.number, pcn, payload, definition: instant, c: None, d: None }
        };
        match edit {
            Edit::Flag(change) => Notification::SplitUpdate(update(change)),
            Edit::Rbs(change) => Notification::RbSegmentUpdate(update(change)),
            Edit::Kill(change) => Notification::SplitKill {
                change_number: change.number,
                name: change.name.clone(),
                treatment: change.definition["defaultTreatment"].as_str().unwrap_or("control").to_owned(),
            },
            Edit::Segment { name, number } => {
                Notification::SegmentUpdate { change_number: *number, name: name.clone() }
            }
        }
    }

    /// The frames to send: one, but for an occupancy of both channels. `serial` makes ids different.
    pub(crate) fn frames(&self, serial: u64, timestamp: i64) -> Vec<Frame> {
        let message = |channel: &str, data: &Value| vec![message(serial, timestamp, channel, data)];
        match self {
            Notification::SplitUpdate(update) => message(SPLITS, &update.document("SPLIT_UPDATE")),
            Notification::RbSegmentUpdate(update) => message(SPLITS, &update.document("RB_SEGMENT_UPDATE")),
            Notification::SplitKill { change_number, name, treatment } => message(
                SPLITS,
                &json!({"type": "SPLIT_KILL", "changeNumber": change_number, "splitName": name, "defaultTreatment": treatment}),
            ),
            Notification::SegmentUpdate { change_number, name } => message(
                SEGMENTS,
                &json!({"type": "SEGMENT_UPDATE", "changeNumber": change_number, "segmentName": name}),
            ),
            Notification::Control { control, channel } => {
                let channel = format!("{OCCUPANCY_PREFIX}{}", channel.as_deref().unwrap_or(CONTROLS[0]));
                message(&channel, &json!({"type": "CONTROL", "controlType": control}))
            }
            Notification::Occupancy { channel: Some(channel), publishers } => {
                vec![occupancy(serial, timestamp, channel, *publishers)]
            }
            Notification::Occupancy { channel: None, publishers } => {
                CONTROLS.iter().map(|channel| occupancy(serial, timestamp, channel, *publishers)).collect()
            }
            Notification::Error { code, status, message } => {
                let data = ably_error(*code, *status, message);
                vec![Frame { channel: None, bytes: format!("event: error\ndata: {data}\n\n").into_bytes() }]
            }
            Notification::Other { channel, data } => message(channel.as_deref().unwrap_or(SPLITS), data),
            Notification::Raw { text } => vec![Frame { channel: None, bytes: text.clone().into_bytes() }],
        }
    }
}

impl Update {
    fn document(&self, kind: &str) -> Value {
        let mut document = json!({"type": kind, "changeNumber": self.change_number});
        if let Some(pcn) = self.pcn {
            document["pcn"] = pcn.into();
        }
        let encoded = self.definition.as_ref().and_then(|definition| encoded(definition, self.payload));
        let (c, d) = encoded.unzip();
        if let Some(c) = self.c.or(c) {
            document["c"] = c.into();
        }
        if let Some(d) = self.d.clone().or(d) {
            document["d"] = d.into();
        }
        document
    }
}

/// `c` and `d` of a definition.
fn encoded(definition: &Value, payload: Payload) -> Option<(i64, String)> {
    let text = definition.to_string();
    // Writing into memory cannot fail.
    let (c, bytes) = match payload {
        Payload::None => return None,
        Payload::Plain => (0, text.into_bytes()),
        Payload::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).ok()?;
            (1, encoder.finish().ok()?)
        }
        Payload::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).ok()?;
            (2, encoder.finish().ok()?)
        }
    };
    Some((c, STANDARD.encode(bytes)))
}

fn message(serial: u64, timestamp: i64, channel: &str, data: &Value) -> Frame {
    let envelope = json!({
        "id": format!("emu{serial}:0:0"), "clientId": "emulator", "timestamp": timestamp, "encoding": "json",
        "channel": channel, "data": data.to_string(),
    });
    frame(serial, timestamp, channel, &envelope)
}

fn occupancy(serial: u64, timestamp: i64, channel: &str, publishers: u64) -> Frame {
    let channel = format!("{OCCUPANCY_PREFIX}{channel}");
    let envelope = json!({
        "id": format!("emu{serial}:0:0"), "timestamp": timestamp, "encoding": "json", "channel": channel,
        "data": json!({"metrics": {"publishers": publishers}}).to_string(), "name": "[meta]occupancy",
    });
    frame(serial, timestamp, &channel, &envelope)
}

fn frame(serial: u64, timestamp: i64, channel: &str, envelope: &Value) -> Frame {
    let text = format!("id: emu@{timestamp}-{serial}\nevent: message\ndata: {envelope}\n\n");
    Frame { channel: Some(channel.to_owned()), bytes: text.into_bytes() }
}

/// An error as Ably writes it.
pub(crate) fn ably_error(code: u64, status: u16, message: &str) -> Value {
    json!({"code": code, "statusCode": status, "message": message, "href": format!("https://help.ably.io/error/{code}")})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn parts(notification: &Notification) -> (Option<String>, String, Value, Value) {
        let frame = notification.frames(7, 1000).remove(0);
        let text = String::from_utf8(frame.bytes).unwrap();
        let event = text.lines().find_map(|line| line.strip_prefix("event: ")).unwrap().to_owned();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        assert!(text.ends_with("\n\n"), "{text}");
        let envelope: Value = serde_json::from_str(data).unwrap();
        let inner = envelope["data"].as_str().map_or(Value::Null, |inner| serde_json::from_str(inner).unwrap());
        (frame.channel, event, envelope, inner)
    }

    #[test]
    fn documents() {
        let parse = |json: Value| serde_json::from_value::<Notification>(json).unwrap();
        for (order, channel, inner) in [
            (
                json!({"type": "SPLIT_UPDATE", "change_number": 5}),
                SPLITS,
                json!({"type": "SPLIT_UPDATE", "changeNumber": 5}),
            ),
            (
                json!({"type": "RB_SEGMENT_UPDATE", "change_number": 5, "pcn": -1, "payload": "plain", "definition": {"name": "r"}}),
                SPLITS,
                json!({"type": "RB_SEGMENT_UPDATE", "changeNumber": 5, "pcn": -1, "c": 0, "d": "eyJuYW1lIjoiciJ9"}),
            ),
            (
                json!({"type": "SPLIT_UPDATE", "change_number": 5, "pcn": 4, "c": 9, "d": "?"}),
                SPLITS,
                json!({"type": "SPLIT_UPDATE", "changeNumber": 5, "pcn": 4, "c": 9, "d": "?"}),
            ),
            (
                json!({"type": "SPLIT_KILL", "change_number": 6, "name": "f", "treatment": "off"}),
                SPLITS,
                json!({"type": "SPLIT_KILL", "changeNumber": 6, "splitName": "f", "defaultTreatment": "off"}),
            ),
            (
                json!({"type": "SEGMENT_UPDATE", "change_number": 6, "name": "s"}),
                SEGMENTS,
                json!({"type": "SEGMENT_UPDATE", "changeNumber": 6, "segmentName": "s"}),
            ),
            (
                json!({"type": "CONTROL", "control": "STREAMING_PAUSED"}),
                "[?occupancy=metrics.publishers]control_pri",
                json!({"type": "CONTROL", "controlType": "STREAMING_PAUSED"}),
            ),
            (
                json!({"type": "OCCUPANCY", "channel": "control_sec", "publishers": 0}),
                "[?occupancy=metrics.publishers]control_sec",
                json!({"metrics": {"publishers": 0}}),
            ),
            (json!({"type": "OTHER", "data": {"type": "NEW"}}), SPLITS, json!({"type": "NEW"})),
        ] {
            let (to, event, envelope, seen) = parts(&parse(order.clone()));
            assert_eq!((to.as_deref(), event.as_str(), &seen), (Some(channel), "message", &inner), "{order}");
            assert_eq!((&envelope["channel"], &envelope["timestamp"]), (&json!(channel), &json!(1000)), "{order}");
            assert_eq!(envelope["name"] == "[meta]occupancy", order["type"] == "OCCUPANCY", "{order}");
        }
        let (to, event, error, _) = parts(&parse(json!({"type": "ERROR", "code": 40142, "status": 401})));
        assert_eq!((to, event.as_str(), &error["code"]), (None, "error", &json!(40142)));
        assert_eq!(parse(json!({"type": "OCCUPANCY", "publishers": 1})).frames(1, 1).len(), 2);
        for bad in [json!({"type": "SPLIT"}), json!({"type": "SPLIT_UPDATE", "changeNumber": 1}), json!({})] {
            assert!(serde_json::from_value::<Notification>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn definitions_survive_their_encoding() {
        let definition = json!({"name": "ü", "big": "x".repeat(100_000)});
        for payload in [Payload::Plain, Payload::Gzip, Payload::Zlib] {
            let (c, d) = encoded(&definition, payload).unwrap();
            let bytes = STANDARD.decode(d).unwrap();
            let mut plain = Vec::new();
            match c {
                0 => plain = bytes,
                1 => drop(flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut plain).unwrap()),
                _ => drop(flate2::read::ZlibDecoder::new(&*bytes).read_to_end(&mut plain).unwrap()),
            }
            assert_eq!(serde_json::from_slice::<Value>(&plain).unwrap(), definition, "{payload:?}");
        }
        assert_eq!(encoded(&definition, Payload::None), None);
    }
}
