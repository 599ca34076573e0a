//! What the stream announced and nobody has done yet.
//!
//! Two queues, of definitions and of segments, because definitions have an order and segments have none. In both, what
//! can be had with one fetch is one entry: a hundred announcements while a fetch is under way cost one more fetch. They
//! keep what comes while nobody works on them, so nothing is lost between a synchronization and the start of the work.
//!
//! They are bounded. A queue that is full is dropped whole, and everything is synchronized instead: see
//! [`DefinitionWork::SyncAll`] and [`SegmentQueue::take_resync`].

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::super::definitions::Sequence;
use super::super::payload::Payload;
use super::notification::Update;

/// The most entries of a queue.
const MOST: usize = 5000;

/// The most bytes of payloads that wait, for 5000 of the longest ones would be 40 GB.
const MOST_BYTES: usize = 64 << 20;

/// What the worker of definitions has to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DefinitionWork {
    /// The queue was full and is lost: synchronize everything.
    SyncAll,
    /// Apply a definition if it fits; else [`DefinitionQueue::fold`], and fetch.
    Apply {
        /// What it is a definition of.
        sequence: Sequence,
        /// The change number after it.
        change_number: i64,
        /// The definition.
        payload: Payload,
    },
    /// Fetch until the sequence has reached the target.
    Fetch {
        /// Which sequence.
        sequence: Sequence,
        /// The change number to reach.
        target: i64,
    },
}

/// Announced changes of flags and rule-based segments, in the order in which to deal with them.
///
/// That is the order in which they came, except that a fetch is in the place of the first announcement it is for: a
/// rule-based segment that was announced before the flag that needs it is there before it.
#[derive(Debug, Default)]
pub(super) struct DefinitionQueue {
    entries: VecDeque<Entry>,
    /// Bytes of the payloads in `entries`.
    bytes: usize,
    resync: bool,
}

#[derive(Debug)]
struct Entry {
    sequence: Sequence,
    /// The change number after the change; for a fetch the highest one of those that it is for.
    target: i64,
    /// None: to be fetched. At most one such entry per sequence.
    payload: Option<Payload>,
}

impl DefinitionQueue {
    /// Takes an announcement.
    pub(super) fn push(&mut self, sequence: Sequence, update: Update) {
        if update.payload.is_none()
            && let Some(fetch) =
                self.entries.iter_mut().find(|entry| entry.sequence == sequence && entry.payload.is_none())
        {
            fetch.target = fetch.target.max(update.change_number);
            return;
        }
        let bytes = self.bytes + update.payload.as_ref().map_or(0, |payload| payload.data.len());
        if self.entries.len() == MOST || bytes > MOST_BYTES {
            *self = DefinitionQueue { resync: true, ..DefinitionQueue::default() };
            return;
        }
        self.bytes = bytes;
        self.entries.push_back(Entry { sequence, target: update.change_number, payload: update.payload });
    }

    /// Hands out the next piece of work.
    pub(super) fn pop(&mut self) -> Option<DefinitionWork> {
        if std::mem::take(&mut self.resync) {
            return Some(DefinitionWork::SyncAll);
        }
        let Entry { sequence, target, payload } = self.entries.pop_front()?;
        Some(match payload {
            None => DefinitionWork::Fetch { sequence, target },
            Some(payload) => {
                self.bytes -= payload.data.len();
                DefinitionWork::Apply { sequence, change_number: target, payload }
            }
        })
    }

    /// To be called when a definition could not be applied: those of its sequence that wait build on it, so they go,
    /// and one fetch brings them all. Gives the change number that this fetch has to reach.
    pub(super) fn fold(&mut self, sequence: Sequence, change_number: i64) -> i64 {
        let target = self.highest(sequence).map_or(change_number, |waiting| waiting.max(change_number));
        self.entries.retain(|entry| entry.sequence != sequence);
        self.bytes = self.entries.iter().filter_map(|entry| entry.payload.as_ref()).map(|p| p.data.len()).sum();
        target
    }

    /// The highest change number of the sequence that waits. A fetch under way looks at it, to aim higher.
    pub(super) fn highest(&self, sequence: Sequence) -> Option<i64> {
        self.entries.iter().filter(|entry| entry.sequence == sequence).map(|entry| entry.target).max()
    }
}

/// Announced changes of segments. Each segment is fetched by one worker at a time, and none waits for another.
#[derive(Debug, Default)]
pub(super) struct SegmentQueue {
    /// The highest target of each segment that waits.
    targets: HashMap<Arc<str>, i64>,
    /// The keys of `targets`, in the order in which they came.
    order: VecDeque<Arc<str>>,
    /// The targets of the segments that are being fetched.
    under_way: HashMap<Arc<str>, i64>,
    resync: bool,
}

/// A segment to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SegmentWork {
    /// Which one.
    pub(super) segment: Arc<str>,
    /// The change number to reach.
    pub(super) target: i64,
}

impl SegmentQueue {
    /// Takes an announcement.
    pub(super) fn push(&mut self, segment: &str, change_number: i64) {
        if self.under_way.get(segment).is_some_and(|target| change_number <= *target) {
            return;
        }
        if let Some(target) = self.targets.get_mut(segment) {
            *target = change_number.max(*target);
            return;
        }
        if self.order.len() == MOST {
            self.targets.clear();
            self.order.clear();
            self.resync = true;
            return;
        }
        let segment: Arc<str> = segment.into();
        self.targets.insert(Arc::clone(&segment), change_number);
        self.order.push_back(segment);
    }

    /// Hands out a segment that nobody fetches at present. Whoever takes it says [`SegmentQueue::done`] in the end.
    pub(super) fn pop(&mut self) -> Option<SegmentWork> {
        let place = self.order.iter().position(|segment| !self.under_way.contains_key(segment))?;
        let segment = self.order.remove(place)?;
        let target = self.targets.remove(&segment)?;
        self.under_way.insert(Arc::clone(&segment), target);
        Some(SegmentWork { segment, target })
    }

    /// Hands out a segment that is being fetched and whose target is higher by now: that fetch is to aim at it.
    pub(super) fn take_raised(&mut self) -> Option<SegmentWork> {
        let place = self.order.iter().position(|segment| self.under_way.contains_key(segment))?;
        let segment = self.order.remove(place)?;
        let target = self.targets.remove(&segment)?;
        self.under_way.insert(Arc::clone(&segment), target);
        Some(SegmentWork { segment, target })
    }

    /// The fetch of a segment up to this target has ended, well or not. Gives the target that was raised too late for
    /// it, which is to be fetched now.
    pub(super) fn done(&mut self, segment: &str, target: i64) -> Option<i64> {
        let raised = self.under_way.get(segment).copied().filter(|present| *present > target);
        if raised.is_none() {
            self.under_way.remove(segment);
        }
        raised
    }

    /// Whoever fetched has stopped: nothing is under way, and everything is synchronized before the work goes on.
    pub(super) fn abandon(&mut self) {
        self.under_way.clear();
    }

    /// Whether the queue was full and lost since this was last asked: synchronize everything.
    pub(super) fn take_resync(&mut self) -> bool {
        std::mem::take(&mut self.resync)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Sequence::{Flags, RuleBasedSegments};

    fn packed(previous: i64) -> Payload {
        Payload { previous, compression: 0, data: "e30=".to_owned() }
    }

    fn instant(change_number: i64) -> Update {
        Update { change_number, payload: Some(packed(change_number - 1)) }
    }

    fn plain(change_number: i64) -> Update {
        Update { change_number, payload: None }
    }

    fn apply(sequence: Sequence, change_number: i64) -> DefinitionWork {
        DefinitionWork::Apply { sequence, change_number, payload: packed(change_number - 1) }
    }

    fn fetch(sequence: Sequence, target: i64) -> DefinitionWork {
        DefinitionWork::Fetch { sequence, target }
    }

    fn filled(updates: impl IntoIterator<Item = (Sequence, Update)>) -> DefinitionQueue {
        let mut queue = DefinitionQueue::default();
        for (sequence, update) in updates {
            queue.push(sequence, update);
        }
        queue
    }

    fn rest(queue: &mut DefinitionQueue) -> Vec<DefinitionWork> {
        std::iter::from_fn(|| queue.pop()).take(2 * MOST).collect()
    }

    #[test]
    fn definitions_in_order_and_few() {
        type Row = (&'static str, Vec<(Sequence, Update)>, Vec<DefinitionWork>);
        let rows: Vec<Row> = vec![
            ("nothing", vec![], vec![]),
            (
                "plain ones collapse",
                vec![(Flags, plain(1)), (Flags, plain(2)), (Flags, plain(3))],
                vec![fetch(Flags, 3)],
            ),
            ("to the highest", vec![(Flags, plain(3)), (Flags, plain(1))], vec![fetch(Flags, 3)]),
            (
                "each sequence for itself, in the first one's place",
                vec![(RuleBasedSegments, plain(5)), (Flags, plain(1)), (RuleBasedSegments, plain(6))],
                vec![fetch(RuleBasedSegments, 6), fetch(Flags, 1)],
            ),
            (
                "payloads stay in order",
                vec![(Flags, instant(1)), (RuleBasedSegments, instant(5)), (Flags, instant(2)), (Flags, instant(1))],
                vec![apply(Flags, 1), apply(RuleBasedSegments, 5), apply(Flags, 2), apply(Flags, 1)],
            ),
            (
                "a fetch stays between payloads",
                vec![(Flags, instant(1)), (Flags, plain(2)), (Flags, instant(3)), (Flags, plain(4))],
                vec![apply(Flags, 1), fetch(Flags, 4), apply(Flags, 3)],
            ),
            (
                "a rule-based segment comes before the flag that needs it",
                vec![(RuleBasedSegments, plain(5)), (Flags, instant(1))],
                vec![fetch(RuleBasedSegments, 5), apply(Flags, 1)],
            ),
        ];
        for (name, updates, expected) in rows {
            let mut queue = filled(updates);
            assert_eq!(rest(&mut queue), expected, "{name}");
            assert_eq!(queue.bytes, 0, "{name}");
        }
    }

    #[test]
    fn a_payload_that_does_not_fit_takes_its_successors_along() {
        let updates = [
            (Flags, instant(1)),
            (Flags, instant(2)),
            (RuleBasedSegments, instant(9)),
            (Flags, plain(4)),
            (Flags, instant(3)),
        ];
        let mut queue = filled(updates);
        assert_eq!(queue.pop(), Some(apply(Flags, 1)));
        assert_eq!(queue.highest(Flags), Some(4));
        assert_eq!(queue.fold(Flags, 1), 4);
        assert_eq!(queue.highest(Flags), None);
        assert_eq!(queue.highest(RuleBasedSegments), Some(9));
        assert_eq!(queue.fold(Flags, 7), 7, "nothing waits, so its own number is the target");
        assert_eq!(rest(&mut queue), [apply(RuleBasedSegments, 9)]);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn too_many_definitions_ask_for_everything_once() {
        let number = |n: usize| i64::try_from(n).expect("small");
        let mut queue = filled((0..MOST).map(|n| (Flags, instant(number(n)))));
        assert_eq!(queue.entries.len(), MOST);
        queue.push(RuleBasedSegments, plain(1));
        queue.push(Flags, plain(6000));
        queue.push(Flags, instant(6001));
        assert_eq!(rest(&mut queue), [DefinitionWork::SyncAll, fetch(Flags, 6000), apply(Flags, 6001)]);

        let mut queue = filled((0..MOST).map(|n| (if n == 0 { RuleBasedSegments } else { Flags }, plain_or(n))));
        // What needs no entry of its own fits into a full queue.
        queue.push(RuleBasedSegments, plain(8));
        assert_eq!(queue.pop(), Some(fetch(RuleBasedSegments, 8)));
        assert_eq!(rest(&mut queue).len(), MOST - 1);
    }

    /// A fetch first, then payloads.
    fn plain_or(n: usize) -> Update {
        if n == 0 { plain(1) } else { instant(i64::try_from(n).expect("small")) }
    }

    #[test]
    fn too_long_definitions_ask_for_everything() {
        let long = |change_number| {
            let payload = Payload { previous: 0, compression: 0, data: "x".repeat(MOST_BYTES / 4) };
            (Flags, Update { change_number, payload: Some(payload) })
        };
        let mut queue = filled((0..4).map(long));
        assert_eq!(queue.bytes, MOST_BYTES);
        assert!(queue.pop().is_some_and(|work| matches!(work, DefinitionWork::Apply { change_number: 0, .. })));
        let (sequence, update) = long(4);
        queue.push(sequence, update);
        assert_eq!(queue.entries.len(), 4, "what was taken out made room");
        queue.push(Flags, instant(5));
        assert_eq!(rest(&mut queue), [DefinitionWork::SyncAll]);
        assert_eq!(queue.bytes, 0);
    }

    fn segment(name: &str, target: i64) -> Option<SegmentWork> {
        Some(SegmentWork { segment: name.into(), target })
    }

    #[test]
    fn segments_collapse_each_for_itself() {
        let mut queue = SegmentQueue::default();
        for (name, target) in [("a", 1), ("b", 7), ("a", 3), ("c", 2), ("a", 2), ("b", 6)] {
            queue.push(name, target);
        }
        let popped: Vec<_> = (0..4).map(|_| queue.pop()).collect();
        assert_eq!(popped, [segment("a", 3), segment("b", 7), segment("c", 2), None]);
    }

    #[test]
    fn a_segment_is_fetched_by_one_at_a_time_and_blocks_no_other() {
        let mut queue = SegmentQueue::default();
        queue.push("a", 1);
        assert_eq!(queue.pop(), segment("a", 1));
        queue.push("a", 1);
        assert_eq!(queue.take_raised(), None, "what is under way brings it");
        queue.push("a", 5);
        queue.push("b", 1);
        queue.push("a", 4);
        assert_eq!(queue.pop(), segment("b", 1));
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.done("a", 1), None);
        assert_eq!(queue.pop(), segment("a", 5));
        assert_eq!(queue.done("a", 5), None);
        queue.push("a", 1);
        assert_eq!(queue.pop(), segment("a", 1), "done is done: the worker drops what is stored already");
    }

    #[test]
    fn a_fetch_under_way_aims_higher() {
        let mut queue = SegmentQueue::default();
        queue.push("a", 1);
        assert_eq!(queue.take_raised(), None, "it only waits");
        assert_eq!(queue.pop(), segment("a", 1));
        queue.push("a", 3);
        queue.push("b", 1);
        queue.push("a", 2);
        assert_eq!(queue.take_raised(), segment("a", 3));
        assert_eq!(queue.take_raised(), None);
        queue.push("a", 3);
        assert_eq!(queue.done("a", 1), Some(3), "it was raised too late");
        queue.push("a", 3);
        assert_eq!(queue.done("a", 3), None);
        assert_eq!(queue.pop(), segment("b", 1));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn what_was_abandoned_is_not_under_way() {
        let mut queue = SegmentQueue::default();
        queue.push("a", 5);
        assert_eq!(queue.pop(), segment("a", 5));
        queue.abandon();
        queue.push("a", 3);
        assert_eq!(queue.pop(), segment("a", 3));
    }

    #[test]
    fn too_many_segments_ask_for_everything_once() {
        let mut queue = SegmentQueue::default();
        queue.push("under way", 1);
        assert_eq!(queue.pop(), segment("under way", 1));
        for n in 0..MOST {
            queue.push(&format!("s{n}"), 1);
        }
        queue.push("s0", 2);
        assert!(!queue.take_resync());
        queue.push("one more", 1);
        assert!(queue.take_resync());
        assert!(!queue.take_resync());
        assert_eq!(queue.pop(), None);
        queue.push("under way", 2);
        queue.push("later", 1);
        assert_eq!(queue.pop(), segment("later", 1));
        assert_eq!(queue.done("under way", 1), None);
        assert_eq!(queue.pop(), segment("under way", 2));
    }
}
