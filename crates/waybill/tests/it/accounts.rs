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
fn access_is_granted_listed_and_revoked() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = Served::node("hq", data.path());
    let said = |arguments: &[&str]| {
        let mut command = waybill(arguments);
        command
            .env("WAYBILL_SERVER", &served.url)
            .env("WAYBILL_USER", "admin")
            .env("WAYBILL_PASSWORD", "secret");
        run(command.env("WAYBILL_NEW_PASSWORD", "a long password"))
    };
    assert_eq!(said(&["user", "add", "ann"]).code, 0);
    assert_eq!(said(&["repo", "create", "demo/files"]).code, 0);

    let granted = said(&["access", "grant", "ann", "--project", "demo", "--level", "write"]);
    let listed = said(&["access", "list", "--project", "demo", "--output", "csv"]);
    let users = said(&["user", "list"]);
    let revoked = said(&["access", "revoke", "ann", "--project", "demo"]);
    let again = said(&["access", "revoke", "ann", "--project", "demo"]);

    assert_eq!(granted.code, 0, "{}", granted.err);
    assert!(listed.out.contains("ann,write"), "{}", listed.out);
    assert!(users.out.contains("demo:write"), "{}", users.out);
    assert_eq!((revoked.code, again.code), (0, 2), "{}", again.err);
}

#[test]
fn a_platforms_keys_are_shown_once_and_worth_nothing_after_its_removal() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = Served::node("hq", data.path());
    let said = |arguments: &[&str]| {
        let mut command = waybill(arguments);
        command.env("WAYBILL_SERVER", &served.url);
        run(command
            .env("WAYBILL_USER", "admin")
            .env("WAYBILL_PASSWORD", "secret"))
    };

    let added = said(&["platform", "add", "ci"]);
    let listed = said(&["platform", "list"]);
    let removed = said(&["platform", "remove", "ci"]);

    assert_eq!(added.code, 0, "{}", added.err);
    let (access_key, secret_key) = added.out.trim().split_once(':').expect("two keys");
    assert!(listed.out.contains(access_key) && !listed.out.contains(secret_key));
    assert_eq!(removed.code, 0, "{}", removed.err);
    assert!(said(&["platform", "list"]).out.contains("no platforms"));
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
