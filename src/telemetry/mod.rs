//! Counters that anyone may write to; no I/O. What is sent of them, and when, is the recorder's business.
//!
//! There is no lock in here: evaluations write to it.

mod histogram;
mod keys;
mod per_thread;
mod sampling;

use std::array;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

pub(crate) use histogram::BUCKETS;
use histogram::Histogram;
pub(crate) use keys::{Operation, Resource, StreamingEvent};
pub(crate) use per_thread::{Counter, PerThread, Writer};

/// More events of the stream than these are not kept until the next report.
const MOST_STREAMING_EVENTS: usize = 20;

/// What a factory counts about itself.
#[derive(Debug)]
pub(crate) struct Telemetry {
    /// Whether anybody will ask.
    on: bool,
    made: Instant,
    not_ready_uses: AtomicU64,
    ready_timeouts: AtomicU64,
    exceptions: [AtomicU64; Operation::COUNT],
    latencies: PerThread<[Histogram; Operation::COUNT]>,
    http_latencies: [Histogram; Resource::COUNT],
    last_success: [AtomicI64; Resource::COUNT],
    http_errors: ArcSwap<HttpErrors>,
    token_refreshes: AtomicU64,
    auth_rejections: AtomicU64,
    streamed_flags: AtomicU64,
    streamed_rule_based_segments: AtomicU64,
    streaming_events: ArcSwap<Vec<Happened>>,
    impressions: Tally,
    events: Tally,
}

/// How often each status other than success came.
pub(crate) type HttpErrors = BTreeMap<(Resource, u16), u64>;

/// An event of the stream and its time, in milliseconds since 1970.
pub(crate) type Happened = (StreamingEvent, i64);

/// What became of things offered to a queue.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) queued: Counter,
    pub(crate) dropped: Counter,
}

/// What happened since the last report, and the sums of a factory's life where the names say "all".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) last_success: [i64; Resource::COUNT],
    pub(crate) latencies: [[u64; BUCKETS]; Operation::COUNT],
    pub(crate) exceptions: [u64; Operation::COUNT],
    pub(crate) http_latencies: [[u64; BUCKETS]; Resource::COUNT],
    pub(crate) http_errors: Arc<HttpErrors>,
    pub(crate) token_refreshes: u64,
    pub(crate) auth_rejections: u64,
    pub(crate) streamed_flags: u64,
    pub(crate) streamed_rule_based_segments: u64,
    pub(crate) streaming_events: Arc<Vec<Happened>>,
    pub(crate) all_impressions_queued: u64,
    pub(crate) all_impressions_dropped: u64,
    pub(crate) all_events_queued: u64,
    pub(crate) all_events_dropped: u64,
}

/// Calls whose latencies fell into one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latencies {
    /// The place of their operation.
    pub(crate) operation: usize,
    pub(crate) bucket: usize,
    pub(crate) count: u64,
}

impl Telemetry {
    /// All zero. With `on` false calls are not timed: nobody will ask.
    pub(crate) fn new(on: bool) -> Self {
        Telemetry {
            on,
            made: Instant::now(),
            not_ready_uses: AtomicU64::new(0),
            ready_timeouts: AtomicU64::new(0),
            exceptions: Default::default(),
            latencies: PerThread::default(),
            http_latencies: Default::default(),
            last_success: Default::default(),
            http_errors: ArcSwap::default(),
            token_refreshes: AtomicU64::new(0),
            auth_rejections: AtomicU64::new(0),
            streamed_flags: AtomicU64::new(0),
            streamed_rule_based_segments: AtomicU64::new(0),
            streaming_events: ArcSwap::default(),
            impressions: Tally::default(),
            events: Tally::default(),
        }
    }

    /// A call came before the factory was ready.
    pub(crate) fn not_ready_use(&self) {
        self.not_ready_uses.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls before the factory was ready, so far.
    pub(crate) fn not_ready_uses(&self) -> u64 {
        self.not_ready_uses.load(Ordering::Relaxed)
    }

    /// A wait for readiness timed out.
    pub(crate) fn ready_timeout(&self) {
        self.ready_timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for readiness that timed out, so far.
    pub(crate) fn ready_timeouts(&self) -> u64 {
        self.ready_timeouts.load(Ordering::Relaxed)
    }

    /// A call failed inside.
    pub(crate) fn exception(&self, operation: Operation) {
        self.exceptions[operation as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The beginning of a call, if it is one of those that are timed ([`sampling`]).
    #[inline(always)]
    pub(crate) fn begin(&self, operation: Operation) -> Option<Instant> {
        // Asked first: the thread's memory is then found once for all who look into it.
        let is_due = sampling::is_due(operation);
        if is_due && self.on { Some(Instant::now()) } else { None }
    }

    /// A call that passed validation ends; `begun` is what [`Telemetry::begin`] said.
    #[inline(always)]
    pub(crate) fn end(&self, operation: Operation, begun: Option<Instant>) {
        if let Some(begun) = begun {
            self.latency(operation, begun.elapsed());
        }
    }

    /// A call that passed validation took so long.
    #[cold]
    #[inline(never)]
    pub(crate) fn latency(&self, operation: Operation, latency: Duration) {
        self.latencies.mine()[operation as usize].record(latency);
    }

    /// The backend answered a request at `now`, in milliseconds since 1970.
    pub(crate) fn answered(&self, resource: Resource, status: u16, latency: Duration, now: i64) {
        self.http_latencies[resource as usize].record(latency);
        if (200..300).contains(&status) {
            self.last_success[resource as usize].store(now, Ordering::Relaxed);
            return;
        }
        if (resource, status) == (Resource::Token, 401) {
            self.auth_rejections.fetch_add(1, Ordering::Relaxed);
        }
        self.http_errors.rcu(|errors| {
            let mut errors = HttpErrors::clone(errors);
            *errors.entry((resource, status)).or_default() += 1;
            errors
        });
    }

    /// A token for the stream was fetched.
    pub(crate) fn token_refreshed(&self) {
        self.token_refreshes.fetch_add(1, Ordering::Relaxed);
    }

    /// A message of the stream held a flag that was put in place without asking for it.
    pub(crate) fn flag_streamed(&self) {
        self.streamed_flags.fetch_add(1, Ordering::Relaxed);
    }

    /// Likewise for a rule-based segment.
    pub(crate) fn rule_based_segment_streamed(&self) {
        self.streamed_rule_based_segments.fetch_add(1, Ordering::Relaxed);
    }

    /// Something happened to the stream. `time`, in milliseconds since 1970, is that of the message where one told so.
    pub(crate) fn streaming_event(&self, event: StreamingEvent, time: i64) {
        self.streaming_events.rcu(|events| {
            let mut events = Vec::clone(events);
            if events.len() < MOST_STREAMING_EVENTS {
                events.push((event, time));
            }
            events
        });
    }

    /// What became of impressions.
    pub(crate) fn impressions(&self) -> &Tally {
        &self.impressions
    }

    /// What became of events of keys.
    pub(crate) fn events(&self) -> &Tally {
        &self.events
    }

    /// How long this session has lasted, in milliseconds.
    pub(crate) fn session_length(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes the latencies that this thread left, as far as it has its histograms to itself.
    pub(crate) fn pop_my_latencies(&self) -> Vec<Latencies> {
        let mut popped = Vec::new();
        pop_latencies(self.latencies.mine(), &mut popped);
        popped
    }

    /// Takes the latencies that all threads left.
    pub(crate) fn pop_latencies(&self) -> Vec<Latencies> {
        let mut popped = Vec::new();
        self.latencies.iter().for_each(|histograms| pop_latencies(histograms, &mut popped));
        popped
    }

    /// Puts latencies back that could not be sent.
    pub(crate) fn put_back_latencies(&self, latencies: impl IntoIterator<Item = Latencies>) {
        for Latencies { operation, bucket, count } in latencies {
            self.latencies.mine()[operation].put_back(bucket, count);
        }
    }

    /// Takes the numbers of failures, by the place of their operation.
    pub(crate) fn pop_exceptions(&self) -> Vec<(usize, u64)> {
        let counts = self.exceptions.iter().map(|count| count.swap(0, Ordering::Relaxed)).enumerate();
        counts.filter(|&(_, count)| count > 0).collect()
    }

    /// Puts numbers of failures back that could not be sent.
    pub(crate) fn put_back_exceptions(&self, exceptions: impl IntoIterator<Item = (usize, u64)>) {
        for (operation, count) in exceptions {
            self.exceptions[operation].fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What is to be reported. The next report begins where this one ends.
    pub(crate) fn pop(&self) -> Usage {
        let pop = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let mut latencies = [[0; BUCKETS]; Operation::COUNT];
        for histograms in self.latencies.iter() {
            for (histogram, sums) in histograms.iter().zip(&mut latencies) {
                histogram.pop_into(sums);
            }
        }
        let mut http_latencies = [[0; BUCKETS]; Resource::COUNT];
        for (histogram, sums) in self.http_latencies.iter().zip(&mut http_latencies) {
            histogram.pop_into(sums);
        }
        Usage {
            last_success: array::from_fn(|resource| self.last_success[resource].load(Ordering::Relaxed)),
            latencies,
            exceptions: array::from_fn(|operation| pop(&self.exceptions[operation])),
            http_latencies,
            http_errors: self.http_errors.swap(Arc::default()),
            token_refreshes: pop(&self.token_refreshes),
            auth_rejections: pop(&self.auth_rejections),
            streamed_flags: pop(&self.streamed_flags),
            streamed_rule_based_segments: pop(&self.streamed_rule_based_segments),
            streaming_events: self.streaming_events.swap(Arc::default()),
            all_impressions_queued: self.impressions.queued.sum(),
            all_impressions_dropped: self.impressions.dropped.sum(),
            all_events_queued: self.events.queued.sum(),
            all_events_dropped: self.events.dropped.sum(),
        }
    }
}

fn pop_latencies(histograms: &[Histogram], to: &mut Vec<Latencies>) {
    for (operation, histogram) in histograms.iter().enumerate() {
        histogram.pop_each(|bucket, count| {
            match to.iter_mut().find(|known| (known.operation, known.bucket) == (operation, bucket)) {
                Some(known) => known.count += count,
                None => to.push(Latencies { operation, bucket, count }),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_empties_windows_and_keeps_sums() {
        let telemetry = Telemetry::new(true);
        telemetry.exception(Operation::Track);
        telemetry.end(Operation::Treatments, telemetry.begin(Operation::Treatments));
        telemetry.answered(Resource::Events, 200, Duration::from_millis(3), 17);
        telemetry.answered(Resource::Events, 503, Duration::from_millis(3), 18);
        telemetry.answered(Resource::Events, 503, Duration::from_millis(3), 19);
        telemetry.answered(Resource::Token, 401, Duration::ZERO, 20);
        telemetry.answered(Resource::Token, 403, Duration::ZERO, 21);
        telemetry.impressions().queued.add(3);
        telemetry.token_refreshed();
        telemetry.flag_streamed();
        let first = telemetry.pop();
        assert_eq!(first.exceptions, [0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(first.latencies.map(|buckets| buckets.iter().sum::<u64>()), [0, 1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(first.http_latencies[Resource::Events as usize][3], 3);
        assert_eq!(first.last_success, [0, 0, 0, 0, 17, 0, 0]);
        let errors = [((Resource::Events, 503), 2), ((Resource::Token, 401), 1), ((Resource::Token, 403), 1)];
        assert_eq!(*first.http_errors, HttpErrors::from(errors));
        assert_eq!((first.token_refreshes, first.auth_rejections, first.streamed_flags), (1, 1, 1));
        let second = telemetry.pop();
        assert!(second.http_errors.is_empty());
        assert_eq!((second.exceptions, second.token_refreshes, second.auth_rejections), ([0; 9], 0, 0));
        assert_eq!((second.last_success[4], second.all_impressions_queued), (17, 3));
    }

    #[test]
    fn twenty_streaming_events_are_kept() {
        let telemetry = Telemetry::new(true);
        for time in 0..25 {
            telemetry.streaming_event(StreamingEvent::Paused, time);
        }
        let events = telemetry.pop().streaming_events;
        assert_eq!((events.len(), events.last()), (20, Some(&(StreamingEvent::Paused, 19))));
        telemetry.streaming_event(StreamingEvent::Ended { requested: true }, 30);
        assert_eq!(*telemetry.pop().streaming_events, [(StreamingEvent::Ended { requested: true }, 30)]);
    }

    #[test]
    fn codes_of_streaming_events() {
        let cases = [
            (StreamingEvent::Established, (0, 0)),
            (StreamingEvent::PrimaryOccupancy(3), (10, 3)),
            (StreamingEvent::SecondaryOccupancy(0), (20, 0)),
            (StreamingEvent::Disabled, (30, 0)),
            (StreamingEvent::Enabled, (30, 1)),
            (StreamingEvent::Paused, (30, 2)),
            (StreamingEvent::Ended { requested: true }, (40, 0)),
            (StreamingEvent::Ended { requested: false }, (40, 1)),
            (StreamingEvent::Token { expires: 1_760_003_600_000 }, (50, 1_760_003_600_000)),
            (StreamingEvent::ProviderError(40_142), (60, 40_142)),
            (StreamingEvent::Streaming, (70, 0)),
            (StreamingEvent::Polling, (70, 1)),
        ];
        for (event, code) in cases {
            assert_eq!(event.code(), code, "{event:?}");
        }
    }

    #[test]
    fn nothing_is_timed_when_nobody_asks() {
        assert_eq!(Telemetry::new(false).begin(Operation::Treatments), None);
    }
}
