//! What can be turned while the emulator runs, from Rust, from the command line and with `POST /control/options`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::delivery::Delivery;
use crate::spec::Spec;

/// How a change is put into its notification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payload {
    /// Only the change number; the SDK has to fetch.
    #[default]
    None,
    /// The definition as it is (base64 only).
    Plain,
    /// The definition, compressed by gzip.
    Gzip,
    /// The definition, compressed by zlib.
    Zlib,
}

/// Settings that apply from the next request on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Accepted SDK keys. Empty (the default): any key that is not empty.
    pub keys: Vec<String>,
    /// Keys of client-side SDKs: accepted as well, but segments answer 403.
    pub client_keys: Vec<String>,
    /// Most definitions in one answer. Default: no limit.
    pub page_size: Option<usize>,
    /// Longest path and query in bytes; longer ones answer 414. Default: 8192.
    pub max_url: usize,
    /// Newest specification that is spoken, as an old Split Proxy; a newer one answers 400. Default: 1.3.
    pub max_spec: Spec,
    /// Path in front of all services. Default: none.
    pub prefix: String,
    /// Whether answers are compressed for those who accept gzip. Default: true.
    pub gzip: bool,
    /// After each edit, so many requests without `till` still see the state before it, as from a slow CDN. Default: 0.
    pub stale: u64,
    /// Whether requests are kept for `requests()`; counters are kept always. Default: true.
    pub record: bool,
    /// Whether counters also know how many different items were accepted (costs 16 bytes an item). Default: false.
    pub distinct: bool,
    /// Whether auth offers streaming. Default: false.
    pub streaming: bool,
    /// How edits are announced. Default: only the number.
    pub payload: Payload,
    /// Whether edits are announced by themselves. Default: true.
    pub auto_push: bool,
    /// How they travel, edits of files included. Default: whole and at once.
    pub delivery: Delivery,
    /// So many notifications are collected and then sent in reverse order. Default: 0, each goes at once.
    pub reorder: usize,
    /// Milliseconds between keepalive comments; 0 for none. Default: 20000.
    pub keepalive_ms: u64,
    /// Life of a streaming token in seconds, `exp - iat`; may be negative. Default: 3600.
    pub token_life: i64,
    /// Whether a live stream ends with error 40142 when its token's life is over. Default: true.
    pub token_expires: bool,
    /// Whether tokens hold characters that need the URL-safe base64 alphabet. Default: false.
    pub token_url_safe: bool,
    /// Seconds in `connDelay` of the auth answer. Default: 0.
    pub conn_delay: u64,
    /// Publishers told for each control channel on connect. Default: 2.
    pub publishers: u64,
    /// Whether occupancy is told on connect. Default: true.
    pub initial_occupancy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            client_keys: Vec::new(),
            page_size: None,
            max_url: 8192,
            max_spec: Spec::V1_3,
            prefix: String::new(),
            gzip: true,
            stale: 0,
            record: true,
            distinct: false,
            streaming: false,
            payload: Payload::None,
            auto_push: true,
            delivery: Delivery::default(),
            reorder: 0,
            keepalive_ms: 20_000,
            token_life: 3600,
            token_expires: true,
            token_url_safe: false,
            conn_delay: 0,
            publishers: 2,
            initial_occupancy: true,
        }
    }
}

impl Settings {
    /// The same with the members of `changes` in place.
    ///
    /// # Errors
    /// If `changes` is no object, or holds a name or type that is not a setting's.
    pub fn merged(&self, changes: &Value) -> Result<Settings, serde_json::Error> {
        let mut merged = serde_json::to_value(self)?;
        match (merged.as_object_mut(), changes.as_object()) {
            (Some(merged), Some(changes)) => merged.extend(changes.clone()),
            _ => return Err(serde::de::Error::custom("settings are a JSON object")),
        }
        serde_json::from_value(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn merging() {
        let settings = Settings { page_size: Some(3), ..Settings::default() };
        let merged = settings.merged(&json!({"payload": "gzip", "page_size": null})).unwrap();
        assert_eq!((merged.payload, merged.page_size, merged.max_url), (Payload::Gzip, None, 8192));
        for bad in [json!({"paylod": "gzip"}), json!({"payload": "lzma"}), json!([])] {
            assert!(settings.merged(&bad).is_err(), "{bad}");
        }
    }
}
