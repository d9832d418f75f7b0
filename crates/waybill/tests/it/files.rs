//! `waybill file`.

use super::support::{Served, run, waybill};

#[test]
fn files_are_found_moved_copied_and_deleted() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let source = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(source.path().join("new")).expect("a folder");
    std::fs::write(source.path().join("new/app-1.tgz"), b"1").expect("a file");
    std::fs::write(source.path().join("readme.txt"), b"22").expect("a file");
    let served = Served::node("hq", data.path());
    let said = |arguments: &[&str]| {
        let mut command = waybill(arguments);
        command
            .env("WAYBILL_SERVER", &served.url)
            .env("WAYBILL_USER", "admin")
            .env("WAYBILL_PASSWORD", "secret");
        run(&mut command)
    };
    let target = format!(
        "waybill+http://admin@{}/demo/files",
        served.url.trim_start_matches("http://").trim_end_matches('/')
    );
    let filled = said(&["copy", source.path().to_str().expect("a path"), &target]);
    assert_eq!(filled.code, 0, "{}", filled.err);
    let ok = |arguments: &[&str]| {
        let said = said(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out
    };
    let names = |arguments: &[&str]| {
        let mut all = vec!["file", "find", "demo", "--output", "csv"];
        all.extend_from_slice(arguments);
        let out = ok(&all);
        let rows = out.lines().skip(1);
        rows.map(|row| row.split(',').nth(1).expect("a path").to_owned())
            .collect::<Vec<String>>()
    };

    ok(&["file", "mkdir", "demo/files/releases"]);
    ok(&["file", "move", "demo/files/new", "demo/files/releases"]);
    ok(&[
        "file",
        "copy",
        "demo/files/readme.txt",
        "demo/files/releases/new/",
    ]);

    assert_eq!(
        names(&["--under", "releases"]),
        ["/releases/new/app-1.tgz", "/releases/new/readme.txt"]
    );
    assert_eq!(names(&["--name", "*.tgz"]), ["/releases/new/app-1.tgz"]);
    assert_eq!(names(&["--larger-than", "1", "--under", "/"]).len(), 2);
    let deleted = ok(&["file", "delete", "demo/files/releases"]);
    assert!(deleted.contains("4 files and folders"), "{deleted}");
    assert_eq!(names(&[]), ["/readme.txt"]);
    assert_eq!(said(&["file", "delete", "demo/files/releases"]).code, 2);
    assert_eq!(said(&["file", "delete", "demo/files"]).code, 2);
    let refused = said(&["file", "move", "demo/files/no", "demo/files/x"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    ok(&[
        "repo",
        "change",
        "demo/files",
        "--public",
        "true",
        "--quota",
        "1000",
    ]);
    let shown = ok(&["repo", "show", "demo/files", "--output", "json"]);
    assert!(
        shown.contains("\"quota\": 1000") || shown.contains("\"quota\":1000"),
        "{shown}"
    );
}
