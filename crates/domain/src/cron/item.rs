//! Reads one element of a field's list, as forgiving as Quartz: what follows a complete value (`5X`,
//! `MON-FRI/2`) is not looked at.

use super::Fault;
use super::days::DayRule;
use super::field::{Field, Values};

/// What one element of a comma-separated list says.
pub(super) enum Item {
    /// `?`
    Unspecified,
    /// `*`, `7`, `1-5`, `0/15`
    Values(Values),
    /// `L`, `L-3`, `LW` in day-of-month
    Last(DayRule),
    /// `15W`
    Workday(i32),
    /// `6L`
    LastWeekday(i32),
    /// `6#3`
    NthWeekday(i32, i32),
}

/// Reads one element; the error says what is wrong.
pub(super) fn item(field: Field, text: &str) -> Result<Item, Fault> {
    if let Some(before_end) = text.strip_prefix('L')
        && let Some(last) = last(field, before_end)?
    {
        return Ok(last);
    }
    match text.bytes().next() {
        Some(b'?') => unspecified(field, text),
        Some(b'*' | b'/') => every(field, text),
        Some(b'A'..=b'Z') => named(field, text),
        Some(b'0'..=b'9') => numbered(field, text),
        _ => Err(unexpected(field, text)),
    }
}

fn unspecified(field: Field, text: &str) -> Result<Item, Fault> {
    if text.chars().count() > 2 {
        return Err(Fault::AfterUnspecified { text: text.into() });
    }
    match field {
        Field::DayOfMonth | Field::DayOfWeek => Ok(Item::Unspecified),
        _ => Err(Fault::Unspecified(field)),
    }
}

/// Reads `*`, `*/5` or `/5`; a step below one is one.
fn every(field: Field, text: &str) -> Result<Item, Fault> {
    let (low, high) = field.bounds();
    let step = match text.strip_prefix('*').unwrap_or(text).strip_prefix('/') {
        Some(step) => step.parse().map_err(|_| no_step(text))?,
        None => 1,
    };
    field.check_step(step)?;
    field
        .range(low, high, usize::try_from(step.max(1)).unwrap_or(1))
        .map(Item::Values)
}

/// Reads what follows an `L`, when that is one of the forms beginning so (`L`, `LW`, `L-3`, `L-3W`).
fn last(field: Field, text: &str) -> Result<Option<Item>, Fault> {
    let (offset, workday) = match text.strip_suffix('W') {
        Some(offset) => (offset, true),
        None => (text, false),
    };
    let digits = match offset.strip_prefix('-') {
        Some(digits) => digits,
        None if offset.is_empty() => "0",
        None => return Ok(None),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    match field {
        Field::DayOfWeek => return Ok(Some(Item::Values(Values::one(7)))),
        Field::DayOfMonth => {}
        _ => return Err(Fault::Option { option: 'L', field }),
    }
    let before_end = match digits {
        "" if workday => 0,
        _ => digits
            .parse()
            .map_err(|_| Fault::LastOffset { text: digits.into() })?,
    };
    if before_end > 30 {
        return Err(Fault::LastOffsetTooLarge { offset: before_end });
    }
    let rule = if workday {
        DayRule::LastWorkday { before_end }
    } else {
        DayRule::Last { before_end }
    };
    Ok(Some(Item::Last(rule)))
}

/// Reads what begins with the name of a month or weekday: `MON`, `MON-FRI`, `FRI#3`, `FRIL`.
fn named(field: Field, text: &str) -> Result<Item, Fault> {
    let (start, rest) = name(field, text)?;
    if let Some(end) = rest.strip_prefix('-') {
        let (end, _) = name(field, end)?;
        return field.range(start, end, 1).map(Item::Values);
    }
    if field == Field::DayOfWeek {
        if let Some(number) = rest.strip_prefix('#') {
            return Ok(Item::NthWeekday(start, nth(number)?));
        }
        if rest.starts_with('L') {
            return Ok(Item::LastWeekday(start));
        }
    }
    Ok(Item::Values(Values::one(start)))
}

/// Reads what begins with a number: `5`, `5-10`, `5-10/2`, `5/15`, `15W`, `6L`, `6#3`.
fn numbered(field: Field, text: &str) -> Result<Item, Fault> {
    let (value, rest) = number(text)?;
    field.check(value)?;
    let option = rest.chars().next();
    match (option, field) {
        (Some('L'), Field::DayOfWeek) => Ok(Item::LastWeekday(value)),
        (Some('W'), Field::DayOfMonth) => Ok(Item::Workday(value)),
        (Some('#'), Field::DayOfWeek) => Ok(Item::NthWeekday(value, nth(&rest[1..])?)),
        (Some('-'), _) => range(field, value, &rest[1..]),
        (Some('/'), _) => steps(field, value, &rest[1..]),
        (Some(option @ ('L' | 'W' | '#')), _) => Err(Fault::Option { option, field }),
        _ => field.range(value, value, 1).map(Item::Values),
    }
}

/// Reads the end of a range, and its step if it has one.
fn range(field: Field, start: i32, text: &str) -> Result<Item, Fault> {
    let (end, rest) = number(text)?;
    let step = match rest.strip_prefix('/') {
        Some(step) => number(step)?.0,
        None => 1,
    };
    field
        .range(start, end, usize::try_from(step).unwrap_or(1))
        .map(Item::Values)
}

/// Reads the step of `5/15`: from there to the field's highest number. Quartz looks at what follows the
/// step only if that has one digit; so a slip such as `0/5-30` is refused.
fn steps(field: Field, start: i32, text: &str) -> Result<Item, Fault> {
    let (step, rest) = number(text).map_err(|_| no_step(text))?;
    if !rest.is_empty() && text.len() - rest.len() == 1 {
        return Err(Fault::AfterStep { text: rest.into() });
    }
    field.check_step(step)?;
    field
        .range(start, field.bounds().1, usize::try_from(step).unwrap_or(1))
        .map(Item::Values)
}

fn name(field: Field, text: &str) -> Result<(i32, &str), Fault> {
    if !matches!(field, Field::Month | Field::DayOfWeek) {
        return Err(unexpected(field, text));
    }
    let invalid = || Fault::Name {
        field,
        text: text.into(),
    };
    let (name, rest) = text.split_at_checked(3).ok_or_else(invalid)?;
    Ok((field.number_of(name).ok_or_else(invalid)?, rest))
}

fn number(text: &str) -> Result<(i32, &str), Fault> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let number = number.parse().map_err(|_| Fault::Number { text: text.into() })?;
    Ok((number, rest))
}

fn nth(text: &str) -> Result<i32, Fault> {
    match text.parse() {
        Ok(nth @ 1..=5) => Ok(nth),
        _ => Err(Fault::Nth { text: text.into() }),
    }
}

fn no_step(text: &str) -> Fault {
    Fault::Step { text: text.into() }
}

fn unexpected(field: Field, text: &str) -> Fault {
    Fault::Unexpected {
        field,
        text: text.into(),
    }
}
