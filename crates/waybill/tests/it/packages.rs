//! Packages on the command line: what a repository of images holds, and tasks of some of it.

use serde_json::{Value, json};
use testkit::images::Image;

use super::two::Two;

/// Two nodes that know each other's repository `demo/images`; hq holds two images.
async fn furnished() -> Two {
    let two = Two::start();
    two.ok(&["repo", "create", "demo/images", "--type", "DOCKER"]);
    two.ok(&["cluster", "add", "edge", &two.edge.url, "--username", "admin"]);
    let url = two.hq.url.replace("http://", "http://admin:secret@");
    for (name, tag, layer) in [
        ("team/app", "1.0", b"one"),
        ("team/app", "1.1", b"two"),
        ("base", "1", b"ten"),
    ] {
        let name = format!("demo/images/{name}");
        Image::of(&[layer]).push(&url, &name, tag).await;
    }
    two
}

fn all<'a>(rows: &'a Value, member: &str) -> Vec<&'a str> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row[member].as_str().expect("a text")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_and_their_versions_are_listed_and_deleted() {
    let two = furnished().await;
    let app = "docker://team/app";

    let packages = two.json(&["package", "list", "demo/images"]);
    let versions = two.json(&["package", "versions", "demo/images", app, "--name", "1."]);
    two.ok(&["package", "delete", "demo/images", app, "--version", "1.0"]);
    let left = two.json(&["package", "versions", "demo/images", app]);
    two.ok(&["package", "delete", "demo/images", app]);
    let gone = two.said(&["package", "versions", "demo/images", app]);
    let no_key = two.said(&["package", "delete", "demo/images", "team/app"]);

    assert_eq!(all(&packages, "key"), ["docker://base", app]);
    assert_eq!(all(&versions, "version"), ["1.0", "1.1"]);
    assert_eq!(all(&left, "version"), ["1.1"]);
    assert!(gone.code == 2 && gone.err.contains(app), "{}", gone.err);
    assert!(
        no_key.code == 2 && no_key.err.contains("package"),
        "{}",
        no_key.err
    );
}

const RELEASE: &[&str] = &[
    "--project",
    "demo",
    "--repo",
    "images=demo/mirror",
    "--type",
    "DOCKER",
    "--to",
    "edge",
    "--manual",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_of_one_version_is_tried_made_run_and_replaced() {
    let two = furnished().await;
    let with = |verb: &[&'static str], more: &[&'static str]| [verb, RELEASE, more].concat();
    let one = [
        "--package",
        "docker://team/app=1.0",
        "--target-version",
        "stable",
        "--target-version",
        "1",
    ];
    let make = with(&["task", "create", "release"], &one);

    let tried = two.json(&[make.as_slice(), &["--dry-run"]].concat());
    let none = two.said(&["task", "show", "release"]);
    two.ok(&make);
    let ran = two.carried("release");
    let shown = two.ok(&["task", "show", "release"]);
    let replace = with(
        &["task", "replace", "release"],
        &["--package", "docker://base", "--name", "bases"],
    );
    two.ok(&replace);
    let changed = two.json(&["task", "show", "bases"]);
    let again = two.carried("bases");

    assert_eq!((&tried["counts"]["copy"], none.code), (&json!(1), 2), "{tried}");
    assert_eq!((ran.code, again.code), (0, 0), "{}{}", ran.err, again.err);
    assert!(shown.contains("docker://team/app=1.0"), "{shown}");
    let constraints = &changed["objects"][0]["packageConstraints"];
    assert_eq!(constraints[0]["packageKey"], "docker://base", "{changed}");
    let there = two.at_edge(&["package", "versions", "demo/mirror", "docker://team/app"]);
    assert_eq!(all(&there, "version"), ["1", "stable"]);
    let there = two.at_edge(&["package", "versions", "demo/mirror", "docker://base"]);
    assert_eq!(all(&there, "version"), ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_chooses_is_shown_as_its_arguments_say_it() {
    let two = furnished().await;
    let choice = [
        "--include",
        "semver:>=1, <2",
        "--exclude",
        "*-rc*",
        "--newest",
        "2",
    ];
    two.ok(&[&["task", "create", "choosy"], RELEASE, &choice].concat());
    two.ok(&[&["task", "create", "plain"], RELEASE].concat());

    let shown = two.ok(&["task", "show", "choosy"]);
    let read = two.json(&["task", "show", "choosy"]);
    let plain = two.ok(&["task", "show", "plain"]);

    let words = "--include 'semver:>=1, <2' --exclude '*-rc*' --newest 2";
    assert!(shown.contains(words), "{shown}");
    let filter = json!({ "include": ["semver:>=1, <2"], "exclude": ["*-rc*"], "newest": 2 });
    assert_eq!(read["objects"][0]["versionFilter"], filter, "{read}");
    assert!(!plain.contains("--"), "{plain}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_task_cannot_be_is_refused_by_the_name_of_the_argument() {
    let two = furnished().await;

    for (more, word) in [
        (&["--package", "team/app"][..], "--package"),
        (&["--package", "docker://base", "--path", "/x"], "--path"),
        (&["--package", "docker://base", "--repo", "more"], "--package"),
        (&["--target-version", "2"], "--package"),
        (
            &["--package", "docker://base", "--target-version", "2"],
            "--target-version",
        ),
        (&["--include", "semver:>>1"], "--include"),
        (&["--newest", "0"], "--newest"),
        (&["--platform", "linux"], "--platform"),
        (&["--keep", "61"], "--keep"),
        (&["--at", "tomorrow"], "--at"),
        (&["--rate", "fast"], "--rate"),
        (&["--conflict", "win"], "--conflict"),
        (
            &["--package", "docker://base=1", "--newest", "1"],
            "versionFilter",
        ),
    ] {
        let said = two.said(&[&["task", "create", "wrong"], RELEASE, more].concat());

        assert_eq!(said.code, 2, "{more:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(word), "{more:?}: {}", said.err);
    }
    assert_eq!(two.json(&["task", "list"]), json!([]));
}
