//! Numbers, times and states as people read them.

use domain::record::RecordStatus;
use engine::freshness::Freshness;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use messages::{Text, text};

use super::look::Look;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Returns `count` with its thousands apart: `1,234,567`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Returns a number of bytes in binary units: `1.5 KiB`.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ if value < 100.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// Returns a number of bytes in binary units and, where that leaves something out, exactly.
pub(super) fn bytes_exactly(number: u64) -> String {
    match number {
        0..1024 => bytes(number),
        _ => format!("{} ({} B)", bytes(number), count(number)),
    }
}

/// Returns a length of time in its two largest units.
pub(super) fn duration(ms: i64) -> Text {
    let ms = ms.max(0);
    let parts = |large_ms: i64, small_ms: i64| (ms / large_ms, ms % large_ms / small_ms);
    if ms < SECOND_MS {
        text!("ui-milliseconds", n = ms)
    } else if ms < MINUTE_MS {
        let tenths = format!("{}.{}", ms / SECOND_MS, ms % SECOND_MS / 100);
        text!(
            "ui-seconds",
            n = if ms < 10 * SECOND_MS {
                tenths
            } else {
                (ms / SECOND_MS).to_string()
            }
        )
    } else if ms < HOUR_MS {
        let (minutes, seconds) = parts(MINUTE_MS, SECOND_MS);
        text!("ui-minutes-seconds", m = minutes, s = seconds)
    } else if ms < DAY_MS {
        let (hours, minutes) = parts(HOUR_MS, MINUTE_MS);
        text!("ui-hours-minutes", h = hours, m = minutes)
    } else {
        let (days, hours) = parts(DAY_MS, HOUR_MS);
        text!("ui-days-hours", d = days, h = hours)
    }
}

/// Returns the wall-clock text of `ms` with its offset, to the second.
pub(super) fn exact(ms: i64, zone: &TimeZone) -> String {
    let shown = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    shown
        .to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// Shows the instant `ms` by its distance from now, with the exact one on hover.
pub(super) fn when(look: &Look, ms: i64) -> Markup {
    let instant = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    html! {
        time datetime=(instant.to_string()) title=(exact(ms, &look.zone)) { (look.say(distance(look.now_ms, ms))) }
    }
}

/// Shows an instant that may not be known.
pub(super) fn maybe_when(look: &Look, ms: Option<i64>) -> Markup {
    match ms {
        Some(ms) => when(look, ms),
        None => html! { span .soft { "–" } },
    }
}

fn distance(now_ms: i64, ms: i64) -> Text {
    let away_ms = (now_ms - ms).abs();
    let past = ms <= now_ms;
    let (n, unit) = if away_ms < MINUTE_MS {
        (away_ms / SECOND_MS, 's')
    } else if away_ms < HOUR_MS {
        (away_ms / MINUTE_MS, 'm')
    } else if away_ms < 2 * DAY_MS {
        (away_ms / HOUR_MS, 'h')
    } else {
        (away_ms / DAY_MS, 'd')
    };
    match (past, unit) {
        (true, 's') if n < 2 => text!("ui-now"),
        (true, 's') => text!("ui-ago-seconds", n = n),
        (true, 'm') => text!("ui-ago-minutes", n = n),
        (true, 'h') => text!("ui-ago-hours", n = n),
        (true, _) => text!("ui-ago-days", n = n),
        (false, 's') => text!("ui-in-seconds", n = n),
        (false, 'm') => text!("ui-in-minutes", n = n),
        (false, 'h') => text!("ui-in-hours", n = n),
        (false, _) => text!("ui-in-days", n = n),
    }
}

/// Shows how a record stands.
pub(super) fn status(look: &Look, status: RecordStatus) -> Markup {
    let (class, name) = match status {
        RecordStatus::Waiting => ("", text!("ui-waiting")),
        RecordStatus::Running => ("run", text!("ui-running")),
        RecordStatus::Stopping => ("run", text!("ui-stopping")),
        RecordStatus::Succeeded => ("ok", text!("ui-succeeded")),
        RecordStatus::Failed => ("bad", text!("ui-failed")),
        RecordStatus::Stopped => ("warn", text!("ui-stopped")),
    };
    pill(class, &look.say(name))
}

/// Shows how a task stands.
pub(super) fn freshness(look: &Look, freshness: Freshness) -> Markup {
    let (class, name) = match freshness {
        Freshness::Silent => ("warn", text!("ui-silent")),
        Freshness::Failing => ("bad", text!("ui-failing")),
        Freshness::Running => ("run", text!("ui-running")),
        Freshness::Waiting => ("", text!("ui-never-ran")),
        Freshness::Fresh => ("ok", text!("ui-fresh")),
        Freshness::Off => ("", text!("ui-disabled")),
    };
    pill(class, &look.say(name))
}

/// Shows a state in one word.
pub(super) fn pill(class: &str, name: &str) -> Markup {
    html! { span class=(format!("pill {class}")) { (capital(name)) } }
}

/// Shows a number with what it counts; `path` is where it leads, if it leads somewhere.
pub(super) fn tile(number: &str, name: &str, class: &str, path: Option<&str>) -> Markup {
    let (class, name) = (format!("tile {class}"), capital(name));
    html! {
        @match path {
            Some(path) => a class=(class) href=(path) { b { (number) } span { (name) } },
            None => div class=(class) { b { (number) } span { (name) } },
        }
    }
}

/// Returns `words` as they begin a line.
fn capital(words: &str) -> String {
    let mut rest = words.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use messages::{Language, Render};

    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1_000, 1_234_567].map(count);

        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_distance_is_said_in_its_largest_unit() {
        let said = |ms: i64| distance(10 * DAY_MS, 10 * DAY_MS - ms).render(Language::English);

        assert_eq!(said(0), "just now");
        assert_eq!(said(59 * SECOND_MS), "59 s ago");
        assert_eq!(said(47 * HOUR_MS), "47 h ago");
        assert_eq!(said(49 * HOUR_MS), "2 d ago");
        assert_eq!(said(-90 * SECOND_MS), "in 1 min");
    }

    #[test]
    fn a_length_of_time_has_two_units() {
        let said = |ms: i64| duration(ms).render(Language::English);

        assert_eq!(said(412), "412 ms");
        assert_eq!(said(1_250), "1.2 s");
        assert_eq!(said(83_000), "1 min 23 s");
        assert_eq!(said(26 * HOUR_MS), "1 d 2 h");
    }
}
