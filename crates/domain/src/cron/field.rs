//! The seven fields of an expression, and the numbers each may hold.

use std::collections::BTreeSet;

use super::{Fault, LAST_YEAR};

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One place in the expression, in the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Second,
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31, `L`, `W`.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 1 to 7 from Sunday on, or SUN to SAT, `L`, `#`.
    DayOfWeek,
    /// May be left out.
    Year,
}

impl Field {
    /// Returns the lowest and the highest number of the field; weekdays count from Sunday = 1.
    pub fn bounds(self) -> (i32, i32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (1, 7),
            Self::Year => (1970, LAST_YEAR.into()),
        }
    }

    /// Returns the number that a three-letter name, in capitals, stands for here.
    pub(super) fn number_of(self, name: &str) -> Option<i32> {
        let names: &[&str] = match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            Self::Second | Self::Minute | Self::Hour | Self::DayOfMonth | Self::Year => return None,
        };
        (1..)
            .zip(names)
            .find(|(_, known)| **known == name)
            .map(|(number, _)| number)
    }

    /// Refuses a number that the field cannot hold; a year may be any, it only never comes.
    pub(super) fn check(self, value: i32) -> Result<(), Fault> {
        let (low, high) = self.bounds();
        if self == Self::Year || (low..=high).contains(&value) {
            return Ok(());
        }
        Err(Fault::Value { field: self, value })
    }

    /// Refuses a step that would leave the field at once.
    pub(super) fn check_step(self, step: i32) -> Result<(), Fault> {
        let largest = match self {
            Self::Second | Self::Minute => 59,
            Self::Hour => 23,
            Self::DayOfMonth => 31,
            Self::Month => 12,
            Self::DayOfWeek => 7,
            Self::Year => i32::MAX,
        };
        if step <= largest {
            return Ok(());
        }
        Err(Fault::StepTooLarge {
            field: self,
            most: largest,
            step,
        })
    }

    /// Returns every `step`-th number from `start` to `end`; only `start` when `step` is zero.
    ///
    /// An end before the start goes on past the highest number (22-2, FRI-MON), except for years.
    pub(super) fn range(self, start: i32, end: i32, step: usize) -> Result<Values, Fault> {
        let (low, high) = self.bounds();
        self.check(start)?;
        self.check(end.max(start))?;
        let (end, step) = if step == 0 { (start, 1) } else { (end, step) };
        if self == Self::Year {
            if end < start {
                return Err(Fault::Years { start, end });
            }
            let years = (start..=end.min(high)).step_by(step).filter(|year| *year >= low);
            return Ok(years.collect());
        }
        let span = high - low + 1;
        let end = if end < start { end + span } else { end };
        let wrapped = |value| if value > high { value - span } else { value };
        Ok((start..=end).step_by(step).map(wrapped).collect())
    }
}

/// The numbers that one field allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Values(BTreeSet<i32>);

impl Values {
    /// Allows only `value`.
    pub(super) fn one(value: i32) -> Self {
        Self(BTreeSet::from([value]))
    }

    /// Allows what `other` allows, too.
    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns whether `value` is allowed.
    pub(super) fn contains(&self, value: i32) -> bool {
        self.0.contains(&value)
    }

    /// Returns the lowest number.
    pub(super) fn first(&self) -> Option<i32> {
        self.0.first().copied()
    }

    /// Returns the numbers from `low` on, ascending.
    pub(super) fn from(&self, low: i32) -> impl Iterator<Item = i32> {
        self.0.range(low..).copied()
    }
}

impl FromIterator<i32> for Values {
    fn from_iter<I: IntoIterator<Item = i32>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}
