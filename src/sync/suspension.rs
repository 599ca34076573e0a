//! Noticing that the host slept.
//!
//! The monotonic clock stands still while a machine is suspended, so a timer of 30 s that began before a night's sleep
//! fires 30 s after it, and until then flags are a night old. The boot-time clock runs on: where the two drift apart,
//! it is time to look at once.

use std::time::Duration;

/// Shorter pauses are left to the timers.
const DRIFT: Duration = Duration::from_secs(10);

/// How often to look: a wake-up that costs nothing, as rare as freshness after a suspension allows.
pub(super) const LOOK: Duration = Duration::from_secs(5);

/// Compares the two clocks with how they stood before.
#[derive(Debug)]
pub(super) struct Suspension {
    /// How far the boot-time clock is ahead; `None` where there is none.
    ahead: fn() -> Option<Duration>,
    before: Option<Duration>,
}

impl Suspension {
    pub(super) fn new(ahead: fn() -> Option<Duration>) -> Self {
        Suspension { ahead, before: ahead() }
    }

    /// Whether the host slept since this was last asked.
    pub(super) fn noticed(&mut self) -> bool {
        let now = (self.ahead)();
        let slept = match (self.before, now) {
            (Some(before), Some(now)) => now.saturating_sub(before) > DRIFT,
            _ => false,
        };
        self.before = now;
        slept
    }
}

/// How far this host's boot-time clock is ahead of its monotonic clock: the time it was suspended.
pub(super) fn time_asleep() -> Option<Duration> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use nix::time::ClockId;
        let monotonic = Duration::from(ClockId::CLOCK_MONOTONIC.now().ok()?);
        let boot = Duration::from(ClockId::CLOCK_BOOTTIME.now().ok()?);
        Some(boot.saturating_sub(monotonic))
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static ASLEEP: Cell<Option<u64>> = const { Cell::new(None) };
    }

    #[test]
    fn only_a_drift_is_noticed_and_once() {
        let mut suspension = Suspension::new(|| ASLEEP.get().map(Duration::from_secs));
        let looks = [
            (None, false),
            (Some(100), false),
            (Some(100), false),
            (Some(110), false),
            (Some(121), true),
            (Some(121), false),
            (Some(50), false),
            (None, false),
            (Some(900), false),
            (Some(3600), true),
        ];
        for (look, (asleep, noticed)) in looks.into_iter().enumerate() {
            ASLEEP.set(asleep);
            assert_eq!(suspension.noticed(), noticed, "look {look}: {asleep:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_clocks_of_this_host_can_be_read() {
        assert!(time_asleep().is_some());
        assert!(!Suspension::new(time_asleep).noticed());
    }
}
