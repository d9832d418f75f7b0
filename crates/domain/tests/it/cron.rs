//! Cron expressions against the recorded answers of Quartz 2.3.2, and the laws of the search.

use domain::cron::CronExpression;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

/// Zone, expression, and the next firings after [`ORACLE_START`], `null` for "no more", or `ERR` and why.
const ORACLE: &str = include_str!("quartz-oracle.tsv");
const ORACLE_START: &str = "2027-02-25T00:00:00";

fn cron(text: &str) -> CronExpression {
    text.parse().expect("a cron expression")
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone of the database")
}

fn moment(local: &str, zone: &TimeZone) -> Timestamp {
    let local: DateTime = local.parse().expect("a local time");
    zone.to_timestamp(local).expect("a moment")
}

/// Returns the firings after a local time, as local times; the last is `null` when there are no more.
fn firings(text: &str, zone: &TimeZone, start: &str, count: usize) -> Vec<String> {
    let cron = cron(text);
    let mut after = moment(start, zone);
    let mut firings = Vec::new();
    while firings.len() < count {
        let Some(next) = cron.next_after(after, zone) else {
            firings.push("null".into());
            break;
        };
        firings.push(zone.to_datetime(next).to_string());
        after = next;
    }
    firings
}

#[test]
fn every_answer_of_quartz_is_ours() {
    let lines: Vec<&str> = ORACLE.lines().filter(|line| !line.starts_with('#')).collect();

    for line in &lines {
        let [name, text, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            unreachable!("three columns: {line}");
        };
        if expected.starts_with("ERR") {
            assert!(text.parse::<CronExpression>().is_err(), "{text}");
            continue;
        }
        assert_eq!(
            firings(text, &zone(name), ORACLE_START, 20).join(" "),
            expected,
            "{name} {text}"
        );
    }

    assert_eq!(lines.len(), 68);
}

#[test]
fn the_text_is_kept_as_it_was_written() {
    let text = "0 0 8 ? * fri-Mon";

    assert_eq!(cron(text).as_str(), text);
    assert_eq!(cron(text).to_string(), text);
    assert_eq!(cron(text), cron(text));
}

#[test]
fn what_quartz_overlooks_is_overlooked() {
    let cases = [
        ("0 0 8 ? * MON-FRI/2", "0 0 8 ? * MON-FRI"),
        ("0 0 8 ? * tuesday", "0 0 8 ? * 3"),
        ("0 0 8 15W,20 * ?", "0 0 8 15W * ?"),
        ("0 0 8 ? * 3,6#3", "0 0 8 ? * 3#3"),
        ("0 0 8X 5,,6 * ?", "0 0 8 5,6 * ?"),
        ("0 */0 8 * * ? * and so on", "0 * 8 * * ?"),
        ("0 0-30/0 8 * * ?", "0 0 8 * * ?"),
    ];

    for (text, meaning) in cases {
        let [text, meaning] = [text, meaning].map(|text| firings(text, &TimeZone::UTC, ORACLE_START, 20));
        assert_eq!(text, meaning);
    }
}

#[test]
fn a_weekday_near_a_day_the_month_lacks_fires_if_it_lies_in_the_month() {
    let fired = firings("0 0 0 29W 1,2 ?", &TimeZone::UTC, "2025-01-01T00:00:00", 3);

    assert_eq!(
        fired,
        [
            "2025-01-29T00:00:00",
            "2025-02-28T00:00:00",
            "2026-01-29T00:00:00"
        ]
    );
}

#[test]
fn a_skipped_local_time_does_not_fire_that_day() {
    let new_york = zone("America/New_York");

    let hourly = firings("0 0/30 * * * ?", &new_york, "2027-03-14T01:00:00", 3);
    let daily = firings("0 30 2 * * ?", &new_york, "2027-03-13T12:00:00", 1);

    assert_eq!(
        hourly,
        [
            "2027-03-14T01:30:00",
            "2027-03-14T03:00:00",
            "2027-03-14T03:30:00"
        ]
    );
    assert_eq!(daily, ["2027-03-15T02:30:00"]);
}

#[test]
fn a_local_time_that_comes_twice_fires_the_second_time_only() {
    let new_york = zone("America/New_York");
    let midnight = moment("2027-11-07T00:30:00", &new_york);
    let second_one = moment("2027-11-07T00:00:00", &new_york) + 2.hours();
    let hourly = cron("0 0 * * * ?");

    assert_eq!(hourly.next_after(midnight, &new_york), Some(second_one));
    assert_eq!(
        hourly.next_after(second_one - 30.minutes(), &new_york),
        Some(second_one)
    );
    assert_eq!(
        hourly.next_after(second_one, &new_york),
        Some(second_one + 1.hour())
    );
}

#[test]
fn what_never_fires_is_known_without_looking_at_every_second() {
    let start = moment("1970-01-01T00:00:00", &TimeZone::UTC);

    // Looking second by second would not come to an end today.
    for text in [
        "0 0 0 31 2 ?",
        "* * * 30W 2 ? 2027",
        "* * * L-30 2 ?",
        "* * * ? 2 1#5 2027",
        "0 0 0 1 1 ? 1969",
    ] {
        assert_eq!(cron(text).next_after(start, &TimeZone::UTC), None, "{text}");
    }
}

#[test]
fn the_ends_of_time_are_answered_too() {
    for zone in [TimeZone::UTC, zone("America/New_York")] {
        let first = cron("* * * * * ?").next_after(Timestamp::MIN, &zone);

        assert_eq!(first, Some(moment("1970-01-01T00:00:00", &zone)));
        assert_eq!(cron("* * * * * ?").next_after(Timestamp::MAX, &zone), None);
    }
}

/// Expressions of the usual shape, most of them valid.
fn expressions() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        "([1-9]|1[0-9]|2[0-8])(/[1-9]|W)?|\\*|L(-[0-9])?W?".prop_map(|day| (day, "?".to_string())),
        "[1-7](#[1-5]|L|-[1-7])?|\\*|SUN|FRI-MON".prop_map(|weekday| ("?".to_string(), weekday)),
    ];
    let clock = "([0-5]?[0-9](/[1-9])?|\\*) ([0-5]?[0-9](/[1-9])?|\\*) (1?[0-9](-2[0-3])?|\\*)";
    (clock, days, "([1-9]|1[0-2])(-[1-9])?|\\*")
        .prop_map(|(clock, (day, weekday), month)| format!("{clock} {day} {month} {weekday}"))
}

/// Zones with gaps and folds at odd hours, of odd lengths.
fn zones() -> impl Strategy<Value = TimeZone> {
    let names = [
        "UTC",
        "America/New_York",
        "Asia/Shanghai",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Apia",
    ];
    prop::sample::select(names.to_vec()).prop_map(zone)
}

proptest! {
    #[test]
    fn arbitrary_text_is_read_or_refused(text in ".*", crooked in "[0-9LW#?*/, -]{0,20}") {
        for text in [text, crooked.clone(), format!("0 0 0 {crooked} * ?"), format!("0 0 0 ? * {crooked}")] {
            if let Ok(cron) = text.parse::<CronExpression>() {
                cron.next_after(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
            }
        }
    }

    #[test]
    fn the_next_firing_is_later_and_nothing_lies_between(
        text in expressions(),
        zone in zones(),
        after in 0_i64..4_000_000_000,
        nanosecond in 0..1_000_000_000,
        later in 0_i64..200_000,
    ) {
        let cron = cron(&text);
        let after = Timestamp::new(after, nanosecond).expect("a moment");

        if let Some(next) = cron.next_after(after, &zone) {
            let between = (after + later.seconds()).min(next - 1.nanosecond());

            prop_assert!(next > after);
            prop_assert_eq!(cron.next_after(between, &zone), Some(next));
        }
    }
}
