//! Cron expressions: the moments at which a scheduled task runs.
//!
//! A text is read once, by the rules of Quartz 2.3.2 (seconds first, `?` in one of the two day fields),
//! into the numbers each field allows; the search then jumps from field to field, never second by second.
//! Pure: the zone and the moment come from the caller.
//!
//! **Clock changes** are Quartz's: a local time that is skipped does not fire that day, and one that comes
//! twice fires the second time only.
//!
//! **Differences** are few. The years end at [`LAST_YEAR`], not a century after the process started. The
//! next moment is always the earliest one after the given: Quartz loses some when asked between the two
//! passes of an hour that comes twice, and after `29W` in January. What Quartz accepts only to crash, hang
//! or misread (`L` as an hour, `0W`, `0#3`, 99 for `*`, a lone comma) is refused.

mod days;
mod fault;
mod field;
mod item;
mod next;
mod parse;
mod times;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::days::DayRule;
pub use self::fault::Fault;
pub use self::field::Field;
use self::field::Values;
use self::times::Times;

/// Last year in which an expression can fire.
///
/// Fixed, so that one text means the same moments in every process.
pub const LAST_YEAR: i16 = 2126;

/// When something happens again and again: six or seven Quartz fields, from seconds to years.
///
/// Valid by construction, and printed as it was written. It may still never fire (31 February).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    schedule: Schedule,
}

/// A text that is no cron expression, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a cron expression")]
pub struct InvalidCron {
    /// The text, cut to 100 characters.
    pub text: String,
    /// What is wrong, and what would be right.
    pub reason: Fault,
}

impl CronExpression {
    /// Returns the first moment strictly after `after` that fires on the clocks of `zone`; `None` when
    /// there is no further one.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        next::next_after(&self.schedule, after, zone)
    }

    /// Returns the text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for CronExpression {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        match parse::schedule(text) {
            Ok(schedule) => Ok(Self {
                text: text.into(),
                schedule,
            }),
            Err(reason) => Err(InvalidCron {
                text: text.chars().take(100).collect(),
                reason,
            }),
        }
    }
}

impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What an expression says, field by field; every field but the years holds at least one number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Schedule {
    times: Times,
    days: DayRule,
    months: Values,
    years: Values,
}
