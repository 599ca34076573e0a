//! Comparisons of whole numbers and dates.
//!
//! All four of Split's comparisons are one range of whole numbers, fixed when the definition arrives: at least 18.5 is
//! 19 and more, equal to 18.5 is the empty range. Dates stand in milliseconds in definitions and in seconds in
//! attributes; both are cut to the minute, or to the day for equality, in UTC and towards the past.

use serde::Serialize;

/// What a number is cut to before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Left as it is.
    One,
    /// A date in seconds, cut to its minute.
    Minute,
    /// A date in seconds, cut to its day.
    Day,
}

impl Unit {
    fn cut(self, number: i64) -> i64 {
        let size = match self {
            Unit::One => return number,
            Unit::Minute => 60,
            Unit::Day => 86_400,
        };
        number.div_euclid(size).saturating_mul(size)
    }
}

/// A number of a definition, which JSON may write as a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Whole(i64),
    Float(f64),
}

impl Bound {
    /// The least whole number that is not below this one; saturates.
    fn ceil(self) -> i64 {
        match self {
            Bound::Whole(number) => number,
            Bound::Float(number) => number.ceil() as i64,
        }
    }

    /// The greatest whole number that is not above this one; saturates.
    fn floor(self) -> i64 {
        match self {
            Bound::Whole(number) => number,
            Bound::Float(number) => number.floor() as i64,
        }
    }
}

/// Whether a number is within a range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberTest {
    unit: Unit,
    least: i64,
    greatest: i64,
}

impl NumberTest {
    /// From `least` to `greatest`, both included; no limit where one is absent.
    pub(crate) fn new(unit: Unit, least: Option<Bound>, greatest: Option<Bound>) -> Self {
        let (least, greatest) = match unit {
            Unit::One => (least.map(Bound::ceil), greatest.map(Bound::floor)),
            dates => {
                let cut = |bound: Bound| dates.cut(bound.floor().div_euclid(1000));
                (least.map(cut), greatest.map(cut))
            }
        };
        NumberTest { unit, least: least.unwrap_or(i64::MIN), greatest: greatest.unwrap_or(i64::MAX) }
    }

    /// What the number, once cut to this unit, must not be below or above.
    pub(crate) fn bounds(&self) -> (Unit, Option<i64>, Option<i64>) {
        let limit = |bound, none| Some(bound).filter(|bound| *bound != none);
        (self.unit, limit(self.least, i64::MIN), limit(self.greatest, i64::MAX))
    }

    pub(crate) fn holds(&self, number: i64) -> bool {
        (self.least..=self.greatest).contains(&self.unit.cut(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_compare_by_value() {
        let at_least = |bound| NumberTest::new(Unit::One, Some(bound), None);
        let equal = |bound| NumberTest::new(Unit::One, Some(bound), Some(bound));
        let cases = [
            (at_least(Bound::Float(18.5)), 18, false),
            (at_least(Bound::Float(18.5)), 19, true),
            (at_least(Bound::Float(-18.5)), -18, true),
            (equal(Bound::Float(18.0)), 18, true),
            (equal(Bound::Float(18.5)), 18, false),
            (equal(Bound::Float(18.5)), 19, false),
            (equal(Bound::Whole(i64::MAX)), i64::MAX, true),
            (equal(Bound::Whole(i64::MAX)), i64::MAX - 1, false),
        ];
        for (test, number, expected) in cases {
            assert_eq!(test.holds(number), expected, "{test:?}, {number}");
        }
    }

    #[test]
    fn dates_at_the_ends_of_time_do_not_overflow() {
        let test = NumberTest::new(Unit::Day, Some(Bound::Whole(i64::MIN)), Some(Bound::Whole(i64::MAX)));
        assert!(!test.holds(i64::MIN) && !test.holds(i64::MAX) && test.holds(0));
    }
}
