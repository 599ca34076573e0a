//! Which of the backend's services a path belongs to.
//!
//! SDKs cut "base URL" and "path" at different places: the `/api` in front is optional everywhere, so that whatever a user
//! of any SDK configures ends at the right place. Nothing else is forgiven; a doubled slash is not found, as it should be.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// A service of the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    /// `GET splitChanges`
    #[serde(rename = "splitChanges")]
    SplitChanges,
    /// `GET segmentChanges/{name}`
    #[serde(rename = "segmentChanges")]
    SegmentChanges,
    /// `GET v2/auth`
    #[serde(rename = "auth")]
    Auth,
    /// `GET event-stream` and `GET sse`
    #[serde(rename = "stream")]
    Stream,
    /// `POST testImpressions/bulk`
    #[serde(rename = "testImpressions/bulk")]
    Impressions,
    /// `POST testImpressions/count`
    #[serde(rename = "testImpressions/count")]
    ImpressionCounts,
    /// `POST events/bulk`
    #[serde(rename = "events/bulk")]
    Events,
    /// `POST v1/keys/ss`
    #[serde(rename = "keys/ss")]
    UniqueKeys,
    /// `POST v1/metrics/config`
    #[serde(rename = "metrics/config")]
    TelemetryConfig,
    /// `POST v1/metrics/usage`
    #[serde(rename = "metrics/usage")]
    TelemetryUsage,
    /// `GET version`
    #[serde(rename = "version")]
    Version,
    /// Anything else; answered with 404.
    #[serde(rename = "other")]
    Other,
}

impl Endpoint {
    /// From the name used in control requests and records.
    pub fn parse(name: &str) -> Option<Self> {
        serde_json::from_value(name.into()).ok()
    }

    /// Whether it takes data from SDKs.
    pub fn is_post(self) -> bool {
        use Endpoint::{Events, ImpressionCounts, Impressions, TelemetryConfig, TelemetryUsage, UniqueKeys};
        matches!(self, Impressions | ImpressionCounts | Events | UniqueKeys | TelemetryConfig | TelemetryUsage)
    }
}

/// Splits a path into its service and, for a segment, the decoded name.
pub(crate) fn locate<'a>(path: &'a str, prefix: &str) -> (Endpoint, Option<std::borrow::Cow<'a, str>>) {
    let Some(path) = path.strip_prefix(prefix) else { return (Endpoint::Other, None) };
    let path = path.strip_prefix("/api").filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let endpoint = match path {
        "/splitChanges" => Endpoint::SplitChanges,
        "/v2/auth" => Endpoint::Auth,
        "/event-stream" | "/sse" => Endpoint::Stream,
        "/testImpressions/bulk" => Endpoint::Impressions,
        "/testImpressions/count" => Endpoint::ImpressionCounts,
        "/events/bulk" => Endpoint::Events,
        "/v1/keys/ss" => Endpoint::UniqueKeys,
        "/v1/metrics/config" => Endpoint::TelemetryConfig,
        "/v1/metrics/usage" => Endpoint::TelemetryUsage,
        "/version" => Endpoint::Version,
        _ => {
            let name = path.strip_prefix("/segmentChanges/").filter(|name| !name.is_empty() && !name.contains('/'));
            return match name.and_then(|name| percent_decode_str(name).decode_utf8().ok()) {
                Some(name) => (Endpoint::SegmentChanges, Some(name)),
                None => (Endpoint::Other, None),
            };
        }
    };
    (endpoint, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, prefix, expected, segment) in [
            ("/api/splitChanges", "", Endpoint::SplitChanges, None),
            ("/splitChanges", "", Endpoint::SplitChanges, None),
            ("/some/where/api/splitChanges", "/some/where", Endpoint::SplitChanges, None),
            ("/api/splitChanges", "/some/where", Endpoint::Other, None),
            ("/api//splitChanges", "", Endpoint::Other, None),
            ("//api/splitChanges", "", Endpoint::Other, None),
            ("/api/splitChanges/", "", Endpoint::Other, None),
            ("/api/api/splitChanges", "", Endpoint::Other, None),
            ("/api/segmentChanges/a%20b%2Fc%C3%A9", "", Endpoint::SegmentChanges, Some("a b/cé")),
            ("/api/segmentChanges/a/b", "", Endpoint::Other, None),
            ("/api/segmentChanges/%FF", "", Endpoint::Other, None),
            ("/api/segmentChanges/", "", Endpoint::Other, None),
            ("/v2/auth", "", Endpoint::Auth, None),
            ("/api/v2/auth", "", Endpoint::Auth, None),
            ("/sse", "", Endpoint::Stream, None),
            ("/api/event-stream", "", Endpoint::Stream, None),
            ("/v1/metrics/usage", "", Endpoint::TelemetryUsage, None),
            ("/api/v1/keys/ss", "", Endpoint::UniqueKeys, None),
            ("/api/control/flags", "", Endpoint::Other, None),
        ] {
            let (endpoint, name) = locate(path, prefix);
            assert_eq!((endpoint, name.as_deref()), (expected, segment), "{path} {prefix}");
        }
    }

    #[test]
    fn names_are_paths() {
        assert_eq!(Endpoint::parse("events/bulk"), Some(Endpoint::Events));
        assert_eq!(Endpoint::parse("nothing"), None);
    }
}
