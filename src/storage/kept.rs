//! The state of definitions that a thread keeps at hand.
//!
//! Taking the published state from its atomic pointer costs two locked instructions, as much as a third of an evaluation.
//! A thread that evaluates again and again keeps the state instead, with its number, and only looks whether that is still
//! the published one.
//!
//! What a thread keeps lives until the thread looks again, or ends. So that idle threads cannot fill the memory with old
//! states, only a few threads of a process keep one ([`KEEPERS`]), and none a large one ([`HEAVY`]); all others, and each
//! for its first calls, take the published one every time.

use std::cell::Cell;
use std::sync::Arc;

use crate::concurrent::{ArcSwap, AtomicU64, AtomicUsize, Guard, Ordering, PATIENCE, global, thread_local};
use crate::rules::Definitions;

/// At most so many threads of a process keep a state. More that compute at the same time are rare.
const KEEPERS: usize = 16;
/// A state that may take more bytes than this is not kept; states that follow each other share nearly all of them.
const HEAVY: usize = 32 * 1024 * 1024;

/// A number for a state that is published: no other state of this process has it. It is odd if nobody is to keep the
/// state.
pub(super) fn edition_of(definitions: &Definitions) -> u64 {
    global! {
        static NEXT: AtomicU64 = AtomicU64::new(0);
    }
    NEXT.fetch_add(2, Ordering::Relaxed) | u64::from(definitions.weight() > HEAVY)
}

#[inline(always)]
fn may_be_kept(edition: u64) -> bool {
    edition & 1 == 0
}

thread_local! {
    static KEPT: Cell<Option<Kept>> = const { Cell::new(None) };
    /// Calls since the state that is kept was the right one.
    static STRANGE: Cell<u8> = const { Cell::new(0) };
}

struct Kept {
    edition: u64,
    definitions: Arc<Definitions>,
    _seat: Seat,
}

/// One of the [`KEEPERS`]. A forked child has fewer: the seats of threads that are not there stay taken.
struct Seat(());

global! {
    static SEATED: AtomicUsize = AtomicUsize::new(0);
}

impl Seat {
    fn take() -> Option<Seat> {
        let more = |seated: usize| (seated < KEEPERS).then_some(seated + 1);
        SEATED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Seat(()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        SEATED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads the state with this number, if it is the one that the thread keeps.
#[inline(always)]
pub(super) fn read_kept<R>(edition: u64, read: impl FnOnce(&Definitions) -> R) -> Option<R> {
    let result = KEPT.try_with(|place| {
        // Taken out of its place, not borrowed: a logger may call back into the library, and then finds none.
        let kept = place.take()?;
        let result = (kept.edition == edition).then(|| read(&kept.definitions));
        place.set(Some(kept));
        result
    });
    // A thread that is ending keeps none.
    result.ok().flatten()
}

/// Reads the published state, which is not the one that the thread keeps, and may keep it from now on. `edition` is its
/// number, or that of one before it.
pub(super) fn read<R>(edition: u64, published: &ArcSwap<Definitions>, read: impl FnOnce(&Definitions) -> R) -> R {
    let definitions = published.load();
    let result = read(&definitions);
    let strange = STRANGE.with(Cell::get) + 1;
    STRANGE.with(|calls| calls.set(strange % PATIENCE));
    if strange == PATIENCE {
        // Whatever follows it, what was kept is no longer of use; and it leaves a seat to that.
        drop(KEPT.try_with(Cell::take));
        if may_be_kept(edition)
            && let Some(seat) = Seat::take()
        {
            keep(Kept { edition, definitions: Guard::into_inner(definitions), _seat: seat });
        }
    }
    result
}

#[inline(always)]
fn keep(kept: Kept) {
    // A thread that is ending keeps nothing.
    let _ending = KEPT.try_with(|place| place.set(Some(kept)));
}

/// Lets go of a state, if it is the one that this thread keeps.
pub(super) fn forget(edition: u64) {
    let kept = KEPT.try_with(Cell::take).ok().flatten();
    if let Some(kept) = kept.filter(|kept| kept.edition != edition) {
        keep(kept);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    fn state(change_number: i64) -> Arc<Definitions> {
        Arc::new(Definitions::numbered(change_number))
    }

    fn look<R>(edition: u64, published: &ArcSwap<Definitions>, look: impl Fn(&Definitions) -> R) -> R {
        read_kept(edition, &look).unwrap_or_else(|| read(edition, published, look))
    }

    /// The number that a read sees.
    fn seen(edition: u64, published: &ArcSwap<Definitions>) -> i64 {
        look(edition, published, Definitions::change_number)
    }

    /// The seats are those of the process: one test at a time.
    static SEATS: Mutex<()> = Mutex::new(());

    /// Runs on a thread of its own, which keeps nothing yet.
    fn apart(test: impl FnOnce() + Send) {
        let _seats = SEATS.lock().unwrap_or_else(PoisonError::into_inner);
        std::thread::scope(|scope| scope.spawn(test).join()).expect("no panic");
    }

    #[test]
    fn a_state_is_kept_once_it_was_read_often_and_until_there_is_another() {
        apart(|| {
            let published = ArcSwap::new(state(1));
            let (first, second) = (2_000_000, 2_000_002);
            let kept = || Arc::strong_count(&published.load_full()) - 2;
            for call in 0..3 * PATIENCE {
                assert_eq!(seen(first, &published), 1);
                assert_eq!(kept(), usize::from(call + 1 >= PATIENCE), "after call {call}");
            }
            let old = published.swap(state(2));
            for _ in 0..PATIENCE {
                assert_eq!(seen(second, &published), 2);
            }
            assert_eq!((Arc::strong_count(&old), kept()), (1, 1), "the old one is gone");
            forget(first);
            assert_eq!(kept(), 1);
            forget(second);
            assert_eq!(kept(), 0);
        });
    }

    #[test]
    fn two_factories_in_turns_see_each_its_own() {
        apart(|| {
            let (one, other) = (ArcSwap::new(state(1)), ArcSwap::new(state(2)));
            for _ in 0..10 * u32::from(PATIENCE) {
                assert_eq!((seen(2_000_010, &one), seen(2_000_012, &other)), (1, 2));
            }
        });
    }

    #[test]
    fn a_read_within_a_read_is_answered() {
        apart(|| {
            let published = ArcSwap::new(state(1));
            for _ in 0..3 * PATIENCE {
                let both = look(2_000_020, &published, |definitions| {
                    (definitions.change_number(), seen(2_000_020, &published))
                });
                assert_eq!(both, (1, 1));
            }
        });
    }

    #[test]
    fn few_threads_keep_a_state_and_those_that_end_make_room() {
        let _seats = SEATS.lock().unwrap_or_else(PoisonError::into_inner);
        let published = ArcSwap::new(state(1));
        for _ in 0..2 {
            let all = std::sync::Barrier::new(2 * KEEPERS);
            std::thread::scope(|scope| {
                let evaluate = || {
                    (0..PATIENCE).for_each(|_| assert_eq!(seen(2_000_030, &published), 1));
                    let leads = all.wait().is_leader();
                    let keepers = leads.then(|| Arc::strong_count(&published.load_full()) - 2);
                    all.wait();
                    assert!(keepers.is_none_or(|keepers| (1..=KEEPERS).contains(&keepers)), "{keepers:?}");
                };
                let threads: Vec<_> = (0..2 * KEEPERS).map(|_| scope.spawn(evaluate)).collect();
                // Ended for good, with what they kept, and not only with their function.
                threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
            });
        }
        assert_eq!(Arc::strong_count(&published.load_full()), 2);
    }

    #[test]
    fn what_is_heavy_is_not_kept() {
        apart(|| {
            let published = ArcSwap::new(state(1));
            let light = ArcSwap::new(state(2));
            (0..PATIENCE).for_each(|_| assert_eq!(seen(2_000_042, &light), 2));
            assert_eq!(Arc::strong_count(&light.load_full()), 3, "this is");
            (0..3 * PATIENCE).for_each(|_| assert_eq!(seen(2_000_041, &published), 1));
            assert_eq!(Arc::strong_count(&published.load_full()), 2);
            assert_eq!(Arc::strong_count(&light.load_full()), 2, "no longer");
        });
    }
}
