//! Which times of a day fire.

use jiff::civil::Time;

use super::field::Values;

/// The hours, minutes and seconds of a day that fire; none of the three is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) hours: Values,
    pub(super) minutes: Values,
    pub(super) seconds: Values,
}

impl Times {
    /// Returns the first time of a day.
    pub(super) fn first(&self) -> Option<Time> {
        time(self.hours.first()?, self.minutes.first()?, self.seconds.first()?)
    }

    /// Returns the first time at or after `from` on the same day.
    pub(super) fn first_from(&self, from: Time) -> Option<Time> {
        let [hour, minute, second] = [from.hour(), from.minute(), from.second()].map(i32::from);
        if self.hours.contains(hour) {
            if self.minutes.contains(minute)
                && let Some(second) = self.seconds.from(second).next()
            {
                return time(hour, minute, second);
            }
            if let Some(minute) = self.minutes.from(minute + 1).next() {
                return time(hour, minute, self.seconds.first()?);
            }
        }
        time(
            self.hours.from(hour + 1).next()?,
            self.minutes.first()?,
            self.seconds.first()?,
        )
    }
}

fn time(hour: i32, minute: i32, second: i32) -> Option<Time> {
    let part = |number| i8::try_from(number).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()
}
