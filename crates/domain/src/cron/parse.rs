//! Reads the text of an expression, as forgiving as Quartz: names in any case, and nothing after the year
//! is looked at.

use super::days::DayRule;
use super::field::{Field, Values};
use super::item::{Item, item};
use super::times::Times;
use super::{Fault, Schedule};

/// Reads `text`; the error says what is wrong.
pub(super) fn schedule(text: &str) -> Result<Schedule, Fault> {
    let text = text.to_uppercase();
    let fields: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|field| !field.is_empty())
        .collect();
    let [second, minute, hour, day_of_month, month, day_of_week, rest @ ..] = fields.as_slice() else {
        return Err(Fault::FieldCount { found: fields.len() });
    };
    let times = Times {
        seconds: values(Field::Second, second)?,
        minutes: values(Field::Minute, minute)?,
        hours: values(Field::Hour, hour)?,
    };
    let by_month = days_of_month(day_of_month)?;
    let months = values(Field::Month, month)?;
    let by_week = days_of_week(day_of_week)?;
    let years = values(Field::Year, rest.first().unwrap_or(&"*"))?;
    let days = match (by_month, by_week) {
        (Some(days), None) | (None, Some(days)) => days,
        (None, None) => {
            return Err(Fault::NoDays);
        }
        (Some(_), Some(_)) => {
            return Err(Fault::BothDays);
        }
    };
    Ok(Schedule {
        times,
        days,
        months,
        years,
    })
}

fn values(field: Field, text: &str) -> Result<Values, Fault> {
    let mut values = Values::default();
    for item in items(field, text)? {
        if let Item::Values(more) = item {
            values.join(more);
        }
    }
    Ok(values)
}

/// Reads the day-of-month field; `None` when it is `?`.
///
/// With a `W` anywhere in a list, the weekday nearest to the list's first day is all that counts.
fn days_of_month(text: &str) -> Result<Option<DayRule>, Fault> {
    if text.len() > 1 && text.contains('L') && text.contains(',') {
        return Err(Fault::LastDayInList);
    }
    let mut days = Values::default();
    let mut workday = false;
    for item in items(Field::DayOfMonth, text)? {
        match item {
            Item::Unspecified => return Ok(None),
            Item::Last(rule) => return Ok(Some(rule)),
            Item::Values(more) => days.join(more),
            Item::Workday(day) => {
                workday = true;
                days.join(Values::one(day));
            }
            Item::LastWeekday(_) | Item::NthWeekday(..) => {}
        }
    }
    Ok(match days.first() {
        Some(nearest_to) if workday => Some(DayRule::Workday { nearest_to }),
        _ => Some(DayRule::Days(days)),
    })
}

/// Reads the day-of-week field; `None` when it is `?`.
///
/// With a `#` anywhere in a list, it belongs to the list's first weekday, and the others do not count.
fn days_of_week(text: &str) -> Result<Option<DayRule>, Fault> {
    if text.len() > 1 && text.contains('L') && text.contains(',') {
        return Err(Fault::LastWeekdayInList);
    }
    if text.matches('#').count() > 1 {
        return Err(Fault::SecondNth);
    }
    let mut weekdays = Values::default();
    let mut nth = None;
    for item in items(Field::DayOfWeek, text)? {
        match item {
            Item::Unspecified => return Ok(None),
            Item::LastWeekday(weekday) => return Ok(Some(DayRule::LastWeekday { weekday })),
            Item::Values(more) => weekdays.join(more),
            Item::NthWeekday(weekday, number) => {
                nth = Some(number);
                weekdays.join(Values::one(weekday));
            }
            Item::Last(_) | Item::Workday(_) => {}
        }
    }
    Ok(match (nth, weekdays.first()) {
        (Some(nth), Some(weekday)) => Some(DayRule::NthWeekday { weekday, nth }),
        _ => Some(DayRule::Weekdays(weekdays)),
    })
}

/// Reads a list; all of it, so that a mistake anywhere is found.
fn items(field: Field, text: &str) -> Result<Vec<Item>, Fault> {
    let text = text.trim_matches(|c| c <= ' ');
    let items = text
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| item(field, part));
    let items: Vec<Item> = items.collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err(Fault::Empty(field));
    }
    Ok(items)
}
