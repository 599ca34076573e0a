//! What can be asked of the backend, and the URL of each question.
//!
//! URLs are put together by hand: the CDN and the Split Proxy key their caches on the raw query, so the order of the
//! parameters and their escaping are part of the contract.

use std::fmt::{self, Display, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(crate) use crate::telemetry::Resource;

/// A host of the backend; each has a base URL of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Definitions.
    Sdk,
    /// Impressions and events.
    Events,
    /// Tokens of the stream.
    Auth,
    /// The SDK's own statistics.
    Telemetry,
    /// The stream.
    Streaming,
}

/// An endpoint of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    SplitChanges,
    SegmentChanges,
    Auth,
    Impressions,
    ImpressionCounts,
    Events,
    UniqueKeys,
    MetricsConfig,
    MetricsUsage,
    Stream,
}

impl Endpoint {
    pub(crate) fn service(self) -> Service {
        match self {
            Endpoint::SplitChanges | Endpoint::SegmentChanges => Service::Sdk,
            Endpoint::Auth => Service::Auth,
            Endpoint::Impressions | Endpoint::ImpressionCounts | Endpoint::Events => Service::Events,
            Endpoint::UniqueKeys | Endpoint::MetricsConfig | Endpoint::MetricsUsage => Service::Telemetry,
            Endpoint::Stream => Service::Streaming,
        }
    }

    /// What is appended to the base URL of the service.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Endpoint::SplitChanges => "/splitChanges",
            Endpoint::SegmentChanges => "/segmentChanges",
            Endpoint::Auth => "/v2/auth",
            Endpoint::Impressions => "/testImpressions/bulk",
            Endpoint::ImpressionCounts => "/testImpressions/count",
            Endpoint::Events => "/events/bulk",
            Endpoint::UniqueKeys => "/v1/keys/ss",
            Endpoint::MetricsConfig => "/v1/metrics/config",
            Endpoint::MetricsUsage => "/v1/metrics/usage",
            Endpoint::Stream => "/event-stream",
        }
    }

    /// `None` for the stream, whose life is told by streaming events.
    pub(crate) fn resource(self) -> Option<Resource> {
        match self {
            Endpoint::SplitChanges => Some(Resource::Splits),
            Endpoint::SegmentChanges => Some(Resource::Segments),
            Endpoint::Auth => Some(Resource::Token),
            Endpoint::Impressions => Some(Resource::Impressions),
            Endpoint::ImpressionCounts => Some(Resource::ImpressionCounts),
            Endpoint::Events => Some(Resource::Events),
            Endpoint::UniqueKeys | Endpoint::MetricsConfig | Endpoint::MetricsUsage => Some(Resource::Telemetry),
            Endpoint::Stream => None,
        }
    }
}

/// As messages name it: without the slash in front.
impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path()[1..])
    }
}

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An endpoint with the path segment and the parameters of one question.
///
/// ```text
/// Call::to(Endpoint::SegmentChanges).segment("beta testers").query("since", -1)
///     -> /segmentChanges/beta%20testers?since=-1
/// ```
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Call {
    endpoint: Endpoint,
    path: String,
    query: String,
}

impl Call {
    pub(crate) fn to(endpoint: Endpoint) -> Self {
        Call { endpoint, path: endpoint.path().to_owned(), query: String::new() }
    }

    /// Appends `name` as one segment of the path, escaped.
    pub(crate) fn segment(mut self, name: &str) -> Self {
        self.path.push('/');
        self.path.extend(utf8_percent_encode(name, ESCAPED));
        self
    }

    /// Appends a parameter after those already there. The value is escaped; names are plain words.
    pub(crate) fn query(mut self, name: &'static str, value: impl Display) -> Self {
        let before = if self.query.is_empty() { '?' } else { '&' };
        let value = value.to_string();
        // Writing to a String cannot fail.
        let _ = write!(self.query, "{before}{name}={}", utf8_percent_encode(&value, ESCAPED));
        self
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn query_string(&self) -> &str {
        &self.query
    }
}

/// Without the query: that of the stream holds a token.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_escaping_of_queries() {
        let cases = [
            (
                Call::to(Endpoint::SplitChanges)
                    .query("s", "1.3")
                    .query("since", 1_760_000_000_100_i64)
                    .query("rbSince", -1)
                    .query("sets", "mobile,web"),
                "/splitChanges?s=1.3&since=1760000000100&rbSince=-1&sets=mobile%2Cweb",
            ),
            (
                Call::to(Endpoint::SegmentChanges).segment("beta_testers-1.x").query("since", -1),
                "/segmentChanges/beta_testers-1.x?since=-1",
            ),
            (Call::to(Endpoint::SegmentChanges).segment("a b/c?d#é"), "/segmentChanges/a%20b%2Fc%3Fd%23%C3%A9"),
            (
                Call::to(Endpoint::Stream)
                    .query("v", "1.1")
                    .query("accessToken", "e30.e30.c-2_")
                    .query("channels", "b3J==_splits,[?occupancy=metrics.publishers]control_pri"),
                "/event-stream?v=1.1&accessToken=e30.e30.c-2_\
                 &channels=b3J%3D%3D_splits%2C%5B%3Foccupancy%3Dmetrics.publishers%5Dcontrol_pri",
            ),
            (Call::to(Endpoint::Events), "/events/bulk"),
        ];
        for (call, want) in cases {
            assert_eq!(format!("{}{}", call.path(), call.query_string()), want);
        }
    }

    #[test]
    fn debug_output_has_no_token() {
        let call = Call::to(Endpoint::Stream).query("accessToken", "s3cr3t");
        assert!(!format!("{call:?}").contains("s3cr3t"), "{call:?}");
    }
}
