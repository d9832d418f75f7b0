//! Which days of a month fire: the rule of the one day field that is not `?`.

use jiff::civil::Date;

use super::field::Values;

/// The days of a month that fire. Weekdays count from Sunday = 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DayRule {
    /// These days, as far as the month has them.
    Days(Values),
    /// The last day, or the one `before_end` days earlier (`L`, `L-3`).
    Last { before_end: i32 },
    /// The weekday (Monday to Friday) nearest to that day (`LW`, `L-3W`).
    LastWorkday { before_end: i32 },
    /// The weekday (Monday to Friday) nearest to a day (`15W`).
    Workday { nearest_to: i32 },
    /// Every day that is one of these weekdays.
    Weekdays(Values),
    /// The last such weekday (`6L`).
    LastWeekday { weekday: i32 },
    /// The `nth` such weekday (`6#3`); none in a month with fewer.
    NthWeekday { weekday: i32, nth: i32 },
}

impl DayRule {
    /// Returns the first day that fires among `from` and the later days of its month.
    pub(super) fn first_from(&self, from: Date) -> Option<Date> {
        let month = Month(from);
        let start = i32::from(from.day());
        let day = match self {
            Self::Days(days) => days.from(start).next(),
            Self::Weekdays(weekdays) => {
                (start..=month.length()).find(|day| weekdays.contains(month.weekday_of(*day)))
            }
            Self::Last { before_end } => Some(month.length() - before_end),
            Self::LastWorkday { before_end } => month.workday_near(month.length() - before_end),
            Self::Workday { nearest_to } => month.workday_near(*nearest_to),
            Self::LastWeekday { weekday } => Some(month.last(*weekday)),
            Self::NthWeekday { weekday, nth } => Some(month.first(*weekday) + 7 * (nth - 1)),
        };
        month.date(day.filter(|day| *day >= start)?)
    }
}

/// The month around a date.
struct Month(Date);

impl Month {
    fn length(&self) -> i32 {
        self.0.days_in_month().into()
    }

    /// Returns the date of `day`, if the month has it.
    fn date(&self, day: i32) -> Option<Date> {
        self.0.with().day(i8::try_from(day).ok()?).build().ok()
    }

    /// Returns the weekday of `day`, counted on into the neighbouring months.
    fn weekday_of(&self, day: i32) -> i32 {
        let first = i32::from(self.0.first_of_month().weekday().to_sunday_one_offset());
        (first + day - 2).rem_euclid(7) + 1
    }

    fn first(&self, weekday: i32) -> i32 {
        1 + (weekday - self.weekday_of(1)).rem_euclid(7)
    }

    fn last(&self, weekday: i32) -> i32 {
        self.length() - (self.weekday_of(self.length()) - weekday).rem_euclid(7)
    }

    /// Returns the Monday to Friday nearest to `day`, without leaving the month.
    ///
    /// A day the month does not have is counted on into the next one, as Quartz does: 30W in February
    /// fires on the 29th if the "30th" is a Saturday, and else not at all.
    fn workday_near(&self, day: i32) -> Option<i32> {
        const SUNDAY: i32 = 1;
        const SATURDAY: i32 = 7;
        let near = match self.weekday_of(day) {
            SATURDAY if day == 1 => day + 2,
            SATURDAY => day - 1,
            SUNDAY if day == self.length() => day - 2,
            SUNDAY => day + 1,
            _ => day,
        };
        (1..=self.length()).contains(&near).then_some(near)
    }
}
