//! Reads the text of an expression, as forgiving as Quartz: names in any case, and nothing after the year
//! is looked at.

use super::Schedule;
use super::days::DayRule;
use super::field::{Field, Values};
use super::item::{Item, item};
use super::times::Times;

/// Reads `text`; the error is the reason to show.
pub(super) fn schedule(text: &str) -> Result<Schedule, String> {
    let text = text.to_uppercase();
    let fields: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|field| !field.is_empty())
        .collect();
    let [second, minute, hour, day_of_month, month, day_of_week, rest @ ..] = fields.as_slice() else {
        return Err(format!(
            "unexpected end of expression: it needs 6 or 7 fields (second minute hour day-of-month month \
             day-of-week, perhaps year) and has {}",
            fields.len()
        ));
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
            return Err("`?` can only be given for day-of-month or day-of-week, not for both".into());
        }
        (Some(_), Some(_)) => {
            return Err("day-of-month and day-of-week cannot both be given: one of them must be `?`".into());
        }
    };
    Ok(Schedule {
        times,
        days,
        months,
        years,
    })
}

fn values(field: Field, text: &str) -> Result<Values, String> {
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
fn days_of_month(text: &str) -> Result<Option<DayRule>, String> {
    if text.len() > 1 && text.contains('L') && text.contains(',') {
        return Err("`L` and `LW` cannot be given with other days of the month".into());
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
fn days_of_week(text: &str) -> Result<Option<DayRule>, String> {
    if text.len() > 1 && text.contains('L') && text.contains(',') {
        return Err("`L` cannot be given with other days of the week".into());
    }
    if text.matches('#').count() > 1 {
        return Err("only one `#` can be given".into());
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
fn items(field: Field, text: &str) -> Result<Vec<Item>, String> {
    let text = text.trim_matches(|c| c <= ' ');
    let items = text
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| item(field, part));
    let items: Vec<Item> = items.collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err(format!(
            "the {} field is empty: it needs a value or `*`",
            field.name()
        ));
    }
    Ok(items)
}
