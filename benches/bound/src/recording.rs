//! The least that recording an impression can cost: the time by a coarse clock, a look whether the same was seen in the last
//! hour, in a table that is only read when it was, and a count that no other thread writes.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use foldhash::fast::FixedState;

/// Buckets of four: half a million impressions.
const BUCKETS: usize = 1 << 17;
const HOUR: u64 = 3_600_000;

#[derive(Default)]
#[repr(align(64))]
struct Bucket([(AtomicU64, AtomicU64); 4]);

pub(crate) struct Recording {
    seen: Box<[Bucket]>,
}

thread_local! {
    /// By the flags' places. Atomic, as who sends them would read them; one thread writes.
    static COUNTS: RefCell<Vec<AtomicU32>> = const { RefCell::new(Vec::new()) };
}

impl Recording {
    pub(crate) fn new() -> Self {
        Self { seen: (0..BUCKETS).map(|_| Bucket::default()).collect() }
    }

    pub(crate) fn impression(&self, key: &[u8], flag: u32, on: bool) {
        let now = now();
        let mut hasher = FixedState::default().build_hasher();
        hasher.write(key);
        let print = (hasher.finish() ^ (u64::from(flag) << 1 | u64::from(on))).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        self.observe(print, now);
        COUNTS.with_borrow_mut(|counts| {
            let place = flag as usize;
            if counts.len() <= place {
                counts.resize_with(place + 1, AtomicU32::default);
            }
            let count = &counts[place];
            count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
        });
    }

    fn observe(&self, print: u64, now: u64) {
        let bucket = &self.seen[(print >> 32) as usize % BUCKETS];
        let mut oldest = &bucket.0[0];
        for entry in &bucket.0 {
            if entry.0.load(Relaxed) == print {
                if now - entry.1.load(Relaxed) >= HOUR {
                    entry.1.store(now, Relaxed);
                }
                return;
            }
            if entry.1.load(Relaxed) < oldest.1.load(Relaxed) {
                oldest = entry;
            }
        }
        oldest.0.store(print, Relaxed);
        oldest.1.store(now, Relaxed);
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is one to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut time) };
    time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000
}
