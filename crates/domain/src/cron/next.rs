//! The search for the next moment: on the calendar first, then on the clocks of a zone.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use super::Schedule;

/// Returns the first moment strictly after `after` at which `schedule` fires in `zone`.
///
/// Ends because the local time only grows and the schedule has a last year.
pub(super) fn next_after(schedule: &Schedule, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut from = first_local(after, zone)?;
    loop {
        let local = schedule.first_from(from)?;
        let moment = zone.to_ambiguous_timestamp(local);
        let skipped = matches!(moment.offset(), AmbiguousOffset::Gap { .. });
        let moment = moment.later().ok()?;
        if moment > after && !skipped {
            return Some(moment);
        }
        let next_second = local.checked_add(1.second()).ok()?;
        from = if skipped {
            end_of_gap(moment, zone).max(next_second)
        } else {
            next_second
        };
    }
}

impl Schedule {
    /// Returns the first local time at or after `from`, as if no clock were ever changed.
    fn first_from(&self, from: DateTime) -> Option<DateTime> {
        let today = from.date();
        if let Some(time) = self.times.first_from(from.time())
            && self.first_day_from(today)? == today
        {
            return Some(today.to_datetime(time));
        }
        let day = self.first_day_from(today.tomorrow().ok()?)?;
        Some(day.to_datetime(self.times.first()?))
    }

    /// Returns the first day at or after `from` that the days, months and years allow.
    fn first_day_from(&self, from: Date) -> Option<Date> {
        self.years.from(from.year().into()).find_map(|year| {
            let from = from.max(Date::new(i16::try_from(year).ok()?, 1, 1).ok()?);
            self.months.from(from.month().into()).find_map(|month| {
                let first = Date::new(from.year(), i8::try_from(month).ok()?, 1).ok()?;
                self.days.first_from(from.max(first))
            })
        })
    }
}

/// Returns the first local second that can belong to a moment after `after`.
///
/// Times that come twice fire the second time, so during their first time all of them are still ahead.
fn first_local(after: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let second = after.as_nanosecond().div_euclid(1_000_000_000) + 1;
    let next = Timestamp::from_second(i64::try_from(second).ok()?).ok()?;
    let local = zone.to_datetime(next);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Fold { before, .. } if before == zone.to_offset(next) => {
            let turned_back = zone.following(next).next()?;
            Some(turned_back.offset().to_datetime(turned_back.timestamp()))
        }
        _ => Some(local),
    }
}

/// Returns the local time at which the clocks went on after the gap that ended last before `moment`.
fn end_of_gap(moment: Timestamp, zone: &TimeZone) -> DateTime {
    let just_after = moment.checked_add(1.second()).unwrap_or(moment);
    match zone.preceding(just_after).next() {
        Some(gap) => gap.offset().to_datetime(gap.timestamp()),
        None => zone.to_datetime(moment),
    }
}
