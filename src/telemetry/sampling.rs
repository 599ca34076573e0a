//! Which calls are timed.
//!
//! Two readings of an exact clock cost as much as the evaluation between them. So of the calls for one flag a thread
//! times one in sixteen, its first among them; all other calls are long enough to be timed each. A bucket holds only
//! calls that were measured for it: nothing is multiplied up.

use std::cell::Cell;

use super::Operation;

const ONE_IN: u8 = 16;

thread_local! {
    /// Calls since the last timed one. Apart for the two operations: in a regular mix of both, one might never be timed.
    static SINCE: [Cell<u8>; 2] = const { [Cell::new(0), Cell::new(0)] };
}

/// Whether the call of `operation` that begins on this thread is to be timed.
#[inline(always)]
pub(super) fn is_due(operation: Operation) -> bool {
    let which = match operation {
        Operation::Treatment => 0,
        Operation::TreatmentWithConfig => 1,
        _ => return true,
    };
    SINCE.with(|since| {
        let before = since[which].get();
        since[which].set((before + 1) % ONE_IN);
        before == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_flag_calls_are_sampled_and_the_others_all_timed() {
        let timed = |operation| (0..160).filter(|_| is_due(operation)).count();
        for (operation, expected) in [(Operation::Treatment, 10), (Operation::Treatments, 160), (Operation::Track, 160)]
        {
            assert_eq!(timed(operation), expected, "{operation:?}");
        }
    }

    #[test]
    fn a_regular_mix_times_both() {
        let mut timed = [0; 2];
        for _ in 0..160 {
            timed[0] += usize::from(is_due(Operation::Treatment));
            timed[1] += usize::from(is_due(Operation::TreatmentWithConfig));
        }
        assert_eq!(timed, [10, 10]);
    }
}
