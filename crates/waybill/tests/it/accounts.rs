//! `waybill user` and `waybill token`.

use super::support::{Served, run, waybill};

#[test]
fn a_token_logs_its_user_in_until_it_is_revoked() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = Served::node("hq", data.path());
    let as_user = |user: &str, secret: &str, arguments: &[&str]| {
        let mut command = waybill(arguments);
        command
            .env("WAYBILL_SERVER", &served.url)
            .env("WAYBILL_USER", user)
            .env("WAYBILL_PASSWORD", secret);
        run(command.env("WAYBILL_NEW_PASSWORD", "a long password"))
    };

    let added = as_user(
        "admin",
        "secret",
        &["user", "add", "sync", "--role", "replicator", "--project", "demo"],
    );
    assert_eq!(added.code, 0, "{}", added.err);
    let made = as_user(
        "sync",
        "a long password",
        &["token", "create", "ci", "--days", "7"],
    );
    assert_eq!(made.code, 0, "{}", made.err);
    let token = made.out.trim().to_owned();
    let listed = as_user("sync", &token, &["token", "list", "--output", "csv"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert!(
        listed.out.contains("ci,") && !listed.out.contains(&token),
        "{}",
        listed.out
    );
    let not_allowed = as_user("sync", &token, &["user", "list"]);
    assert_eq!(not_allowed.code, 2, "{}", not_allowed.out);
    let revoked = as_user("admin", "secret", &["token", "revoke", "ci", "--of", "sync"]);
    assert_eq!(revoked.code, 0, "{}", revoked.err);

    let after = as_user("sync", &token, &["token", "list"]);

    assert_eq!(after.code, 2, "{}", after.out);
    assert!(!after.err.contains(&token), "{}", after.err);
}

#[test]
fn a_wrong_password_is_refused_with_what_to_do() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = Served::node("hq", data.path());

    let said = run(waybill(&["user", "list", "--server", &served.url]).env("WAYBILL_PASSWORD", "wrong"));

    assert_eq!(said.code, 2);
    assert!(said.err.contains("waybill login"), "{}", said.err);
    assert!(!said.err.contains("wrong"), "{}", said.err);
}
