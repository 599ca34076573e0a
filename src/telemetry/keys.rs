//! What is counted apart, and under which keys the backend knows it.
//!
//! The keys are the protocol's, and they differ between the backend and Redis; so they stand side by side, where it can
//! be seen that each has both.

/// Calls whose latencies and failures are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Treatment,
    Treatments,
    TreatmentWithConfig,
    TreatmentsWithConfig,
    TreatmentsByFlagSet,
    TreatmentsByFlagSets,
    TreatmentsWithConfigByFlagSet,
    TreatmentsWithConfigByFlagSets,
    Track,
}

impl Operation {
    pub(crate) const COUNT: usize = 9;
    /// In the order of the variants.
    pub(crate) const KEYS: [&'static str; Self::COUNT] = ["t", "ts", "tc", "tcs", "tf", "tfs", "tcf", "tcfs", "tr"];
    /// In the order of the variants: what the Synchronizer reads in Redis. It matches those of failures letter by letter,
    /// so that the snake case of Split's Python SDK is thrown away there.
    pub(crate) const METHODS: [&'static str; Self::COUNT] = [
        "treatment",
        "treatments",
        "treatmentWithConfig",
        "treatmentsWithConfig",
        "treatmentsByFlagSet",
        "treatmentsByFlagSets",
        "treatmentsWithConfigByFlagSet",
        "treatmentsWithConfigByFlagSets",
        "track",
    ];
}

/// Requests whose answers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resource {
    /// Flags and rule-based segments.
    Splits,
    Segments,
    Impressions,
    ImpressionCounts,
    Events,
    /// The SDK's own statistics, and unique keys.
    Telemetry,
    /// Tokens of the stream.
    Token,
}

impl Resource {
    pub(crate) const COUNT: usize = 7;
    /// In the order of the variants.
    pub(crate) const KEYS: [&'static str; Self::COUNT] = ["sp", "se", "im", "ic", "ev", "te", "to"];
}

/// Something that happened to the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamingEvent {
    Established,
    /// Publishers of the primary region.
    PrimaryOccupancy(i64),
    /// Publishers of the secondary region.
    SecondaryOccupancy(i64),
    Disabled,
    Enabled,
    Paused,
    /// The connection ended; whether because we wanted it to.
    Ended {
        requested: bool,
    },
    /// A token was fetched that expires at this time, in milliseconds since 1970.
    Token {
        expires: i64,
    },
    /// A code of the provider of the stream.
    ProviderError(i64),
    /// Changes come through the stream from now on.
    Streaming,
    /// Changes are polled for from now on.
    Polling,
}

impl StreamingEvent {
    /// Type and data as the backend knows them.
    pub(crate) fn code(self) -> (u8, i64) {
        match self {
            StreamingEvent::Established => (0, 0),
            StreamingEvent::PrimaryOccupancy(publishers) => (10, publishers),
            StreamingEvent::SecondaryOccupancy(publishers) => (20, publishers),
            StreamingEvent::Disabled => (30, 0),
            StreamingEvent::Enabled => (30, 1),
            StreamingEvent::Paused => (30, 2),
            StreamingEvent::Ended { requested } => (40, i64::from(!requested)),
            StreamingEvent::Token { expires } => (50, expires),
            StreamingEvent::ProviderError(code) => (60, code),
            StreamingEvent::Streaming => (70, 0),
            StreamingEvent::Polling => (70, 1),
        }
    }
}
