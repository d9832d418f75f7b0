//! `waybill cron`.

use super::support::said;

#[test]
fn cron_prints_one_local_time_a_line() {
    let said = said(&[
        "cron",
        "0 15 10 L-2 * ?",
        "--zone",
        "UTC",
        "--from",
        "2027-02-25T00:00:00",
        "--count",
        "3",
    ]);

    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(
        said.out,
        "2027-02-26T10:15:00\n2027-03-29T10:15:00\n2027-04-28T10:15:00\n"
    );
}

#[test]
fn cron_counts_on_the_clocks_of_the_zone() {
    let said = said(&[
        "cron",
        "0 0 12 * * ?",
        "--zone",
        "Europe/Berlin",
        "--from",
        "2027-02-25T12:00",
        "--count",
        "1",
    ]);

    assert_eq!(said.out, "2027-02-26T12:00:00\n");
}

#[test]
fn what_quartz_refuses_ends_with_2_and_the_reason() {
    let said = said(&["cron", "0 0 3 * * *"]);

    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(
        said.err.contains("0 0 3 * * *") && said.err.contains('?'),
        "{}",
        said.err
    );
}

#[test]
fn an_expression_that_never_fires_again_prints_nothing_and_says_so() {
    let said = said(&["cron", "0 0 0 1 1 ? 2020", "--from", "2027-01-01T00:00"]);

    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(said.err.contains("never fires again"), "{}", said.err);
}

#[test]
fn an_unknown_zone_is_refused() {
    let said = said(&["cron", "0 0 3 * * ?", "--zone", "Mars/Olympus"]);

    assert_eq!(said.code, 2);
    assert!(said.err.contains("Mars/Olympus"), "{}", said.err);
}
