//! The contract's dates: wall-clock text without a zone, made from instants at the edge and nowhere else.
//!
//! Instants are stored. An answer shows them in the node's zone, or in the one the reader names in
//! `X-BKREPO-Time-Zone`; what a reader sends is always taken in the node's zone.

use domain::clock::Clock;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// Header a reader names its zone in, and the answer states the zone it used.
pub const ZONE_HEADER: &str = "x-bkrepo-time-zone";

/// Returns the zone a header value names; `None` for anything that names none.
///
/// Accepted: an IANA name, `+08:00`, `+0800`, `Z`, or hours such as `8` and `-5.5`.
pub fn zone_of_header(value: &str) -> Option<TimeZone> {
    let value = value.trim();
    if value.eq_ignore_ascii_case("z") {
        return Some(TimeZone::UTC);
    }
    if let Some(seconds) = offset_seconds(value).or_else(|| hours_seconds(value)) {
        let offset = Offset::from_seconds(seconds).ok()?;
        return (seconds.abs() <= 18 * 3600).then(|| TimeZone::fixed(offset));
    }
    if value.is_empty() || value.len() > 64 {
        return None;
    }
    TimeZone::get(value).ok()
}

fn offset_seconds(value: &str) -> Option<i32> {
    let sign = match value.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = value[1..].split(':').collect();
    let valid = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
    if !valid {
        return None;
    }
    let (hours, minutes) = digits.split_at(2);
    let minutes: i32 = minutes.parse().ok().filter(|minutes| *minutes < 60)?;
    Some(sign * (hours.parse::<i32>().ok()? * 3600 + minutes * 60))
}

fn hours_seconds(value: &str) -> Option<i32> {
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.'));
    let hours: f64 = if plain { value.parse().ok()? } else { return None };
    // In range by the check, so the cast keeps the value.
    (hours.abs() <= 18.0).then_some((hours * 3600.0) as i32)
}

/// Returns the zone's present offset as `+HHMM`.
pub fn offset_text(zone: &TimeZone, clock: &dyn Clock) -> String {
    let seconds = zone.to_offset(instant(clock.now_ms())).seconds();
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Returns the wall-clock text of the instant `ms` in `zone`: `yyyy-MM-ddTHH:mm:ss[.f[f[f]]]`.
pub fn text(ms: i64, zone: &TimeZone) -> String {
    let local = zone.to_datetime(instant(ms));
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        local.year(),
        local.month(),
        local.day(),
        local.hour(),
        local.minute(),
        local.second()
    );
    let millisecond = local.subsec_nanosecond() / 1_000_000;
    if millisecond != 0 {
        let digits = format!("{millisecond:03}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

/// Returns the instant a wall-clock text means in `zone`, in Unix milliseconds.
///
/// Seconds are optional, the fraction has any number of digits, and a trailing `Z` or offset is ignored.
/// A time the zone skips or repeats is taken as its clocks were before the change.
pub fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    let local = without_offset(text.trim())?;
    let (date, time) = local.split_once(['T', 't'])?;
    let mut dates = date.splitn(3, '-');
    let year = number(dates.next()?, 4)?;
    let month = number(dates.next()?, 2)?;
    let day = number(dates.next()?, 2)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut times = time.splitn(3, ':');
    let hour = number(times.next()?, 2)?;
    let minute = number(times.next()?, 2)?;
    let second = times.next().map_or(Some(0), |second| number(second, 2))?;
    let small = |number: i64| i8::try_from(number).ok();
    let local = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    let local = local
        .checked_add(Span::new().milliseconds(milliseconds(fraction)?))
        .ok()?;
    let zoned = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(zoned.as_millisecond())
}

fn without_offset(text: &str) -> Option<&str> {
    if !text.is_ascii() {
        return None;
    }
    if let Some(plain) = text.strip_suffix(['Z', 'z']) {
        return Some(plain);
    }
    let time = text.find(['T', 't'])?;
    match text[time..].find(['+', '-']) {
        Some(sign) if offset_seconds(&text[time + sign..]).is_some() => Some(&text[..time + sign]),
        Some(_) => None,
        None => Some(text),
    }
}

fn number(digits: &str, length: usize) -> Option<i64> {
    let valid = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
    if valid { digits.parse().ok() } else { None }
}

fn milliseconds(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use testkit::ManualClock;

    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").expect("it is bundled")
    }

    #[test]
    fn a_fraction_has_as_many_digits_as_it_needs() {
        let shown = [813, 810, 800, 0, 5].map(|ms| text(1_620_793_148_000 + ms, &shanghai()));

        assert_eq!(
            shown,
            [
                "2021-05-12T12:19:08.813",
                "2021-05-12T12:19:08.81",
                "2021-05-12T12:19:08.8",
                "2021-05-12T12:19:08",
                "2021-05-12T12:19:08.005"
            ]
        );
    }

    #[test]
    fn a_text_means_the_nodes_wall_clock_whatever_offset_it_carries() {
        let expected = Some(1_620_793_148_813);
        for text in [
            "2021-05-12T12:19:08.813",
            "2021-05-12T12:19:08.813999999",
            "2021-05-12T12:19:08.813Z",
            "2021-05-12T12:19:08.813-05:00",
            "2021-05-12T12:19:08.813+0100",
        ] {
            assert_eq!(parse(text, &shanghai()), expected, "{text}");
        }
        assert_eq!(parse("2021-05-12T12:19", &shanghai()), Some(1_620_793_140_000));
        for text in [
            "",
            "2021-05-12",
            "2021-13-12T12:19",
            "2021-05-12T25:00",
            "x",
            "2021-05-12T12:19:08.8x",
            "２",
        ] {
            assert_eq!(parse(text, &shanghai()), None, "{text}");
        }
    }

    #[test]
    fn a_zone_is_named_in_many_ways_and_garbage_names_none() {
        let clock = ManualClock::at(1_620_793_148_000);
        let shown = |value: &str| zone_of_header(value).map(|zone| offset_text(&zone, &clock));

        assert_eq!(shown("Asia/Shanghai"), Some("+0800".into()));
        assert_eq!(shown("+08:00"), Some("+0800".into()));
        assert_eq!(shown("-0330"), Some("-0330".into()));
        assert_eq!(shown("8"), Some("+0800".into()));
        assert_eq!(shown("-5.5"), Some("-0530".into()));
        assert_eq!(shown("Z"), Some("+0000".into()));
        for garbage in ["", "Mars/Base", "+8:0x", "99", "+99:00", "..", "é8"] {
            assert_eq!(shown(garbage), None, "{garbage}");
        }
    }
}
