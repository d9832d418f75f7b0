//! `waybill copy` between folders.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Said, Served, run, waybill};

struct Folders {
    root: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(root.path().join("a/sub")).expect("made");
        for (name, text) in [("one", "1"), ("sub/two", "22"), ("sub/empty", "")] {
            std::fs::write(root.path().join("a").join(name), text).expect("written");
        }
        Self { root }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// Prepares `waybill copy` in this folder, with a state of its own.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = waybill(&["copy"]);
        command
            .args(arguments)
            .args(["--state", "state"])
            .current_dir(self.root.path());
        command
    }

    fn copy(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

fn counts(said: &Said) -> serde_json::Value {
    let answer: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    answer["counts"].clone()
}

#[test]
fn a_folder_is_copied_and_a_second_copy_moves_nothing() {
    let folders = Folders::new();
    let script = folders.path("a/sub/two");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("set");

    let first = folders.copy(&["./a", "./b", "--output", "json"]);
    let second = folders.copy(&["./a", "./b", "--output", "json"]);

    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    assert_eq!(counts(&first)["copied"], 3);
    assert_eq!(
        (text(&folders.path("b/one")), text(&folders.path("b/sub/two"))),
        ("1".into(), "22".into())
    );
    assert_eq!(text(&folders.path("b/sub/empty")), "");
    let mode = std::fs::metadata(folders.path("b/sub/two"))
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o100, 0o100, "the executable bit travels");
    assert_eq!(second.code, 0, "{}", second.err);
    assert_eq!(
        (&counts(&second)["unchanged"], &counts(&second)["bytes_moved"]),
        (&3.into(), &0.into())
    );
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let folders = Folders::new();

    let said = folders.copy(&["./a", "./b", "--dry-run"]);

    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("/sub/two"), "{}", said.out);
    assert!(!folders.path("b").exists());
}

#[test]
fn other_content_is_skipped_overwritten_or_refused_as_asked() {
    for (strategy, code, survivor) in [("skip", 0, "other"), ("overwrite", 0, "1"), ("fail", 1, "other")] {
        let folders = Folders::new();
        std::fs::create_dir(folders.path("b")).expect("made");
        std::fs::write(folders.path("b/one"), "other").expect("written");

        let said = folders.copy(&["./a", "./b", "--conflict", strategy]);

        assert_eq!(said.code, code, "{strategy}: {}{}", said.out, said.err);
        assert_eq!(text(&folders.path("b/one")), survivor, "{strategy}");
        assert_eq!(text(&folders.path("b/sub/two")), "22", "{strategy}");
    }
}

#[test]
fn what_cannot_be_carried_is_named_and_ends_with_3() {
    let folders = Folders::new();
    symlink("one", folders.path("a/link")).expect("linked");

    let said = folders.copy(&["./a", "./b"]);
    let allowed = folders.copy(&["./a", "./b", "--allow-uncarried"]);

    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("link") && said.err.contains("symbolic link"),
        "{}",
        said.err
    );
    assert_eq!(text(&folders.path("b/one")), "1");
    assert_eq!(allowed.code, 0, "{}", allowed.err);
}

#[test]
fn a_source_that_is_not_there_and_ends_that_overlap_are_refused() {
    let folders = Folders::new();

    for arguments in [
        ["./missing", "./b"],
        ["./a", "./a"],
        ["./a", "./a/sub"],
        ["ftp://host/a", "./b"],
    ] {
        let said = folders.copy(&arguments);

        assert_eq!(said.code, 2, "{arguments:?}: {}{}", said.out, said.err);
        assert!(!said.err.is_empty());
    }
}

#[test]
fn a_password_in_a_location_is_refused_and_never_repeated() {
    let folders = Folders::new();

    let said = folders.copy(&["./a", "waybill+http://admin:hunter2@127.0.0.1:1/p/r"]);

    assert_eq!(said.code, 2);
    assert!(!said.err.contains("hunter2"), "{}", said.err);
}

#[test]
fn a_folder_travels_to_a_node_and_back() {
    let folders = Folders::new();
    let served = Served::node("hq", &folders.path("data"));
    let location = served.url.replace("http://", "waybill+http://admin@") + "/demo/files";

    let there = run(folders
        .command(&["./a", &location])
        .env("WAYBILL_PASSWORD", "secret"));
    let back = run(folders
        .command(&[&location, "./c"])
        .env("WAYBILL_PASSWORD", "secret"));

    assert_eq!(there.code, 0, "{}{}", there.out, there.err);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    assert_eq!(
        (text(&folders.path("c/one")), text(&folders.path("c/sub/two"))),
        ("1".into(), "22".into())
    );
    assert_eq!(text(&folders.path("c/sub/empty")), "");
}

#[test]
fn a_node_that_is_not_there_ends_with_1_and_a_reason() {
    let folders = Folders::new();

    let said = run(folders
        .command(&["./a", "waybill+http://admin@127.0.0.1:1/p/r"])
        .env("WAYBILL_PASSWORD", "x"));

    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("unreachable") || said.out.contains("unreachable"),
        "{}{}",
        said.out,
        said.err
    );
}

#[test]
fn a_copy_that_was_interrupted_or_killed_goes_on_and_repeats_nothing() {
    for (signal, code) in [("INT", Some(1)), ("KILL", None)] {
        let folders = Folders::new();
        // Each is too large to travel together with others, so that some arrive long before the rest.
        for n in 0..8 {
            std::fs::write(folders.path("a").join(format!("large {n}")), vec![n; 600_000]).expect("written");
        }
        let mut started = folders.command(&["./a", "./b", "--rate", "700KiB"]);
        let mut copying = started
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let arrived = || {
            (0..8)
                .filter(|n| folders.path("b").join(format!("large {n}")).exists())
                .count()
        };
        let begun = Instant::now();
        while arrived() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(120), "nothing arrives");
            std::thread::sleep(Duration::from_millis(5));
        }

        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &copying.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        let ended = copying.wait().expect("it ends");
        let before = arrived();
        let again = folders.copy(&["./a", "./b", "--output", "json"]);

        assert_eq!(ended.code(), code, "{signal}");
        assert!(before < 8, "{signal}: it was too quick to be interrupted");
        assert_eq!(again.code, 0, "{signal}: {}{}", again.out, again.err);
        let counts = counts(&again);
        let settled = ["copied", "unchanged"].map(|name| counts[name].as_u64().expect("a number"));
        assert_eq!(settled[0] + settled[1], 11, "{signal}: {counts}");
        assert!(settled[1] as usize >= before, "{signal}: {counts}");
    }
}
