//! What several pages say of a run: how far it is, how fast, how long.

use domain::id::TaskKey;
use domain::record::Record;
use maud::{Markup, html};
use messages::{Text, text};

use super::chart;
use super::look::Look;
use super::show::{self, bytes, count, duration};

/// Shortest time after which a speed says something, in milliseconds.
const SPEED_AFTER_MS: i64 = 500;

/// Returns where a record is shown.
pub(super) fn path(record: &Record) -> String {
    format!("/records/{}", record.id)
}

/// Returns where a task is shown.
pub(super) fn task_path(key: &TaskKey) -> String {
    format!("/tasks/{key}")
}

/// Returns how long a record has been going on, or went on, in milliseconds.
pub(super) fn lasted_ms(record: &Record, now_ms: i64) -> i64 {
    let started_ms = record.started_ms.unwrap_or(record.created_ms);
    record.ended_ms.unwrap_or(now_ms) - started_ms
}

/// Returns the bytes per second a record moved; `None` when it is too early to say.
pub(super) fn speed(record: &Record, now_ms: i64) -> Option<u64> {
    let lasted_ms = lasted_ms(record, now_ms);
    let moved = record.counts.as_ref()?.bytes_moved;
    let known = lasted_ms >= SPEED_AFTER_MS && moved > 0;
    known.then(|| moved.saturating_mul(1000) / lasted_ms.unsigned_abs().max(1))
}

/// Returns about how long a run will still go on when it settles as many artifacts as the one before.
pub(super) fn left(record: &Record, usual: Option<u64>, now_ms: i64) -> Option<Text> {
    let settled = record.counts.as_ref()?.settled();
    let rest = usual?.checked_sub(settled).filter(|rest| *rest > 0)?;
    let lasted_ms = lasted_ms(record, now_ms);
    if settled == 0 || lasted_ms < SPEED_AFTER_MS || record.status.end().is_some() {
        return None;
    }
    let left_ms = u128::from(rest) * u128::from(lasted_ms.unsigned_abs()) / u128::from(settled);
    let left_ms = i64::try_from(left_ms).unwrap_or(i64::MAX);
    Some(text!("ui-time-left", time = duration(left_ms)))
}

/// Shows how far a run is that goes on.
pub(super) fn progress(look: &Look, record: &Record, name: Option<&String>, usual: Option<u64>) -> Markup {
    let counts = record.counts.unwrap_or_default();
    html! {
        div .head {
            div {
                a href=(path(record)) { b { (name.map_or("", String::as_str)) } }
                " " (show::status(look, record.status))
            }
            span .soft.small.tab {
                (settled(look, counts.settled(), usual))
                " · " (bytes(counts.bytes_moved))
                @if let Some(speed) = speed(record, look.now_ms) { " · " (bytes(speed)) "/s" }
                @if let Some(left) = left(record, usual, look.now_ms) { " · " (look.say(left)) }
            }
        }
        (chart::result(look, &counts, usual, "thick"))
    }
}

fn settled(look: &Look, settled: u64, usual: Option<u64>) -> String {
    match usual.filter(|usual| *usual >= settled) {
        Some(usual) => look.say(text!(
            "ui-artifacts-of-about",
            n = count(settled),
            all = count(usual)
        )),
        None => look.say(text!("ui-artifacts", n = count(settled), count = settled)),
    }
}
