//! Two nodes and the command line: from an empty repository to a log of what arrived.

use serde_json::Value;

use super::support::{run, waybill};
use super::two::Two;

/// Fills `demo/files` of hq with `names`.
fn fill(two: &Two, names: &[&str]) {
    for name in names {
        two.write(&format!("files/{name}"), name);
    }
    let location = two.hq.url.replace("http://", "waybill+http://admin@") + "/demo/files";
    two.ok(&["copy", &two.path("files"), &location]);
}

fn register(two: &Two) {
    two.ok(&["cluster", "add", "edge", &two.edge.url, "--username", "admin"]);
}

#[test]
fn a_task_made_on_the_command_line_replicates_and_its_record_says_so() {
    let two = Two::start();
    fill(&two, &["a", "img/b", "img/c"]);
    register(&two);

    two.ok(&[
        "task",
        "create",
        "once",
        "--project",
        "demo",
        "--repo",
        "files",
        "--to",
        "edge",
        "--manual",
    ]);
    two.ok(&["task", "run", "once"]);
    let watched = two.said(&["record", "watch", "once"]);

    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    let rows = two.json(&["record", "details", "once", "--path", "/img"]);
    let mut names: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["artifact"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["/img/b", "/img/c"]);
    let there = run(waybill(&[
        "repo",
        "files",
        "demo/files",
        "--output",
        "csv",
        "--server",
        &two.edge.url,
    ])
    .env("WAYBILL_PASSWORD", "secret"));
    assert_eq!(there.out.lines().count(), 4, "{}{}", there.out, there.err);
    let metrics = two.hq.get("/metrics").1;
    for line in [
        "waybill_runs_total{end=\"succeeded\"} 1",
        "waybill_artifacts_total{cluster=\"edge\",outcome=\"copied\"} 3",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} is not in\n{metrics}"
        );
    }
}

#[test]
fn a_task_of_a_cluster_that_does_not_answer_is_refused() {
    let two = Two::start();
    fill(&two, &["a"]);
    two.ok(&[
        "cluster",
        "add",
        "gone",
        "http://127.0.0.1:1",
        "--username",
        "admin",
        "--no-test",
    ]);

    let said = two.said(&[
        "task",
        "create",
        "t1",
        "--project",
        "demo",
        "--repo",
        "files",
        "--to",
        "gone",
        "--manual",
    ]);

    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("gone"), "{}", said.err);
}

#[test]
fn a_name_nobody_knows_is_refused_with_a_hint() {
    let two = Two::start();

    for arguments in [
        ["task", "show", "nothing"],
        ["cluster", "show", "nothing"],
        ["repo", "show", "no/thing"],
    ] {
        let said = two.said(&arguments);

        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("hint:"), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn a_login_is_remembered_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let two = Two::start();
    let config = two.folder.path().join("config");

    let login = run(waybill(&["login", &two.hq.url])
        .env("XDG_CONFIG_HOME", &config)
        .env("WAYBILL_PASSWORD", "secret"));
    let listed = run(waybill(&["cluster", "list"]).env("XDG_CONFIG_HOME", &config));

    assert_eq!(login.code, 0, "{}", login.err);
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert!(!login.out.contains("secret"), "{}", login.out);
    let mode = std::fs::metadata(config.join("waybill/login.toml"))
        .expect("written")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_plan_is_told_and_nothing_is_done() {
    let two = Two::start();
    fill(&two, &["a", "img/b"]);
    register(&two);
    two.task("plan", &[]);

    let said = two.said(&["task", "plan", "plan"]);
    let records = two.json(&["record", "list", "plan"]);

    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("/img/b") && said.out.contains("would copy"),
        "{}",
        said.out
    );
    assert_eq!(records.as_array().map(Vec::len), Some(0));
}

#[test]
fn a_retry_takes_exactly_the_selection() {
    let two = Two::start();
    fill(&two, &["a", "img/b", "img/c"]);
    register(&two);
    two.task("again", &[]);
    assert_eq!(two.carried("again").code, 0);

    let retried = two.json(&["record", "retry", "again", "--path", "/img"]);
    let id = retried["recordId"].as_str().expect("an id").to_owned();
    let watched = two.said(&["record", "watch", &id]);
    let rows = two.json(&["record", "details", &id]);

    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    let outcomes: Vec<_> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["unchanged", "unchanged"]);
    let parent = two.json(&["record", "show", &id]);
    let parent = parent["record"]["retryOf"]["recordId"].as_str().expect("an id");
    let shown = two.ok(&["record", "show", parent]);
    assert!(shown.contains("retried by") && shown.contains(&id), "{shown}");
}

#[test]
fn an_artifact_is_asked_for_at_every_target_and_the_exit_code_says_whether_it_arrived() {
    let two = Two::start();
    fill(&two, &["a", "img/b"]);
    register(&two);
    two.task("later", &["--path", "/img"]);
    let ask = ["artifact", "demo/files", "/img/b"];

    let before = two.said(&ask);
    assert_eq!(two.carried("later").code, 0);
    let after = two.said(&ask);
    let whole = two.json(&ask);
    let nowhere = two.said(&["artifact", "demo/files", "/none"]);
    let nobody = two.said(&["artifact", "demo/files", "/a"]);

    assert!(
        before.code == 1 && before.out.contains("by hand"),
        "{}{}",
        before.out,
        before.err
    );
    assert!(
        after.code == 0 && after.out.contains("same"),
        "{}{}",
        after.out,
        after.err
    );
    assert_eq!(
        whole["here"]["sha256"], whole["sides"][0]["there"]["sha256"],
        "{whole}"
    );
    assert_eq!(nowhere.code, 1, "{}{}", nowhere.out, nowhere.err);
    assert!(
        nobody.code == 0 && nobody.err.contains("no task"),
        "{}{}",
        nobody.out,
        nobody.err
    );
}

#[test]
fn details_come_in_the_order_that_is_asked_for() {
    let two = Two::start();
    fill(&two, &["short", "a much longer name", "middle name"]);
    register(&two);
    two.task("sorted", &[]);
    assert_eq!(two.carried("sorted").code, 0);

    let rows = two.json(&["record", "details", "sorted", "--sort", "size", "--descending"]);
    let names = two.json(&["record", "details", "sorted", "--sort", "name", "--limit", "2"]);
    let alone = two.said(&["record", "details", "sorted", "--descending"]);

    let of = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().expect("rows").iter();
        rows.map(|row| row["artifact"].as_str().expect("a name").to_owned())
            .collect()
    };
    // Each file holds its own name.
    assert_eq!(of(&rows), ["/a much longer name", "/middle name", "/short"]);
    assert_eq!(of(&names), ["/a much longer name", "/middle name"]);
    assert!(alone.code == 2 && alone.err.contains("--sort"), "{}", alone.err);
}

#[test]
fn a_stopped_run_says_who_stopped_it_and_ends_with_1() {
    let two = Two::start();
    let large = "x".repeat(3_000_000);
    fill(&two, &["a"]);
    std::fs::write(two.folder.path().join("files/large"), large).expect("written");
    fill(&two, &[]);
    register(&two);
    two.task("slow", &["--rate", "100KiB"]);

    two.ok(&["task", "run", "slow"]);
    two.ok(&["record", "stop", "slow"]);
    let watched = two.said(&["record", "watch", "slow"]);

    assert_eq!(watched.code, 1, "{}{}", watched.out, watched.err);
    assert!(
        watched.out.contains("stopped") && watched.out.contains("admin"),
        "{}",
        watched.out
    );
}

#[test]
fn details_are_exported_as_lines_and_as_a_sheet() {
    let two = Two::start();
    fill(&two, &["a", "img/b", "img/c"]);
    register(&two);
    two.task("out", &[]);
    assert_eq!(two.carried("out").code, 0);
    let file = two.folder.path().join("out.csv");
    let file = file.to_str().expect("UTF-8");

    let lines = two.ok(&["record", "export", "out"]);
    two.ok(&[
        "record", "export", "out", "--as", "csv", "--path", "/img", "--to", file,
    ]);
    let again = two.said(&["record", "export", "out", "--to", file]);

    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (lines.lines().count(), &first["outcome"]),
        (3, &Value::from("copied"))
    );
    let sheet = std::fs::read_to_string(file).expect("written");
    assert!(
        sheet.starts_with("id,localCluster,cluster,repository,") && sheet.lines().count() == 3,
        "{sheet}"
    );
    assert_eq!(again.code, 2, "an existing file is not replaced");
}

#[test]
fn history_is_imported_once_however_often_it_is_sent() {
    let two = Two::start();
    let file = two.folder.path().join("history.jsonl");
    let record = serde_json::json!({ "record": {
        "id": "66a1c3f0d94e5b0012ab34cd", "taskKey": "0f4d6b1c2a3948578899aabbccddeeff", "taskName": "of old",
        "status": "FAILED", "startTime": "2024-07-25T11:20:00.5", "endTime": "2024-07-25T11:20:41",
        "errorReason": "bj-edge: timeout" } });
    std::fs::write(&file, format!("{record}\n")).expect("written");
    let file = file.to_str().expect("UTF-8");

    two.ok(&["record", "import", file]);
    two.ok(&["record", "import", file]);
    let records = two.json(&["record", "list", "0f4d6b1c2a3948578899aabbccddeeff"]);

    assert_eq!(records.as_array().map(Vec::len), Some(1), "{records}");
    assert_eq!(records[0]["id"], "66a1c3f0d94e5b0012ab34cd");
}

#[test]
fn a_failure_ends_the_plan_when_the_command_line_says_so() {
    let two = Two::start();
    let names: Vec<String> = (0..200).map(|n| format!("{n:03}")).collect();
    fill(&two, &names.iter().map(String::as_str).collect::<Vec<_>>());
    register(&two);
    let other = two.folder.path().join("other");
    std::fs::create_dir(&other).expect("made");
    std::fs::write(other.join("000"), "other").expect("written");
    let location = two.edge.url.replace("http://", "waybill+http://admin@") + "/demo/files";
    two.ok(&["copy", other.to_str().expect("UTF-8"), &location]);
    two.task("strict", &["--conflict", "fail", "--on-error", "stop"]);

    let watched = two.carried("strict");
    let record = two.json(&["record", "show", "strict"]);

    assert_eq!(watched.code, 1, "{}{}", watched.out, watched.err);
    assert!(watched.out.contains("not attempted"), "{}", watched.out);
    assert!(
        record["record"]["counts"]["copied"].as_u64().expect("a number") < 199,
        "{record}"
    );
}

#[test]
fn a_task_may_be_told_the_time_of_another_zone() {
    let two = Two::start();
    fill(&two, &["a"]);
    register(&two);
    let at = [
        "task",
        "create",
        "later",
        "--project",
        "demo",
        "--repo",
        "files",
        "--to",
        "edge",
        "--at",
    ];

    let mut arguments = at.to_vec();
    arguments.push("2099-01-01T00:00+00:00");
    two.ok(&arguments);
    let task = two.json(&["task", "show", "later"]);

    // Dates are shown on the clocks of this process, which are UTC's; the setting is on the server's.
    assert_eq!(task["task"]["nextExecutionTime"], "2099-01-01T00:00:00", "{task}");
}

#[test]
fn failures_are_listed_retried_and_dismissed() {
    let two = Two::start();
    fill(&two, &["a", "b"]);
    register(&two);
    let edge = two.edge.url.replace("http://", "waybill+http://admin@") + "/demo/files";
    let other = two.folder.path().join("other");
    std::fs::create_dir(&other).expect("made");
    for name in ["a", "b"] {
        std::fs::write(other.join(name), "something else").expect("written");
    }
    two.ok(&["copy", other.to_str().expect("UTF-8"), &edge]);
    two.ok(&[
        "task",
        "create",
        "once",
        "--project",
        "demo",
        "--repo",
        "files",
        "--to",
        "edge",
        "--manual",
        "--conflict",
        "fail",
    ]);
    two.ok(&["task", "run", "once"]);
    assert_eq!(two.said(&["record", "watch", "once"]).code, 1);
    let causes = two.json(&["record", "causes", "once"]);
    assert_eq!(
        (&causes[0]["class"], &causes[0]["count"]),
        (&"conflict".into(), &2.into())
    );
    let no = causes[0]["no"].to_string();
    let of_it = two.json(&["record", "details", "once", "--cause", &no]);
    assert_eq!(of_it.as_array().map(Vec::len), Some(2));

    let listed = two.json(&[
        "failure", "list", "--task", "once", "--to", "edge", "--sort", "first",
    ]);
    let ids: Vec<&str> = listed
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 2, "{listed}");
    let again = two.said(&["failure", "retry", ids[0]]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("conflict"), "{}", again.err);
    two.ok(&["failure", "dismiss", ids[0]]);
    assert!(two.ok(&["failure", "list"]).contains(ids[1]));
    two.ok(&["failure", "dismiss", "--retried-more-than", "0"]);
    two.ok(&["failure", "dismiss", ids[1]]);
    assert_eq!(two.json(&["failure", "list"]), Value::Array(Vec::new()));
    assert_eq!(two.said(&["failure", "retry", ids[1]]).code, 2);
}
