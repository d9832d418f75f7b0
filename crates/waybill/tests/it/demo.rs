//! `waybill demo --once`.

use super::support::{run, waybill};

#[test]
fn a_demonstration_ends_with_0_once_everything_arrived_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (from, temporary) = (folder.path().join("from"), folder.path().join("tmp"));
    std::fs::create_dir_all(from.join("sub")).expect("made");
    std::fs::create_dir(&temporary).expect("made");
    for n in 0..30 {
        std::fs::write(from.join("sub").join(format!("file {n} ü%")), format!("{n}")).expect("written");
    }

    let said = run(waybill(&["demo", "--once", "--from"])
        .arg(&from)
        .env("TMPDIR", &temporary));

    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("succeeded"), "{}", said.out);
    assert!(said.err.contains("edge-2 holds 30 of 30 files"), "{}", said.err);
    assert_eq!(
        std::fs::read_dir(&temporary).expect("readable").count(),
        0,
        "nothing is left"
    );
}

#[test]
fn without_git_and_without_a_folder_a_bundled_sample_travels() {
    let folder = tempfile::tempdir().expect("a temporary folder");

    let said = run(waybill(&["demo", "--once"]).current_dir(folder.path()));

    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.err.contains("a bundled sample"), "{}", said.err);
}

#[test]
fn a_folder_without_files_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");

    let said = run(waybill(&["demo", "--once", "--from"]).arg(folder.path()));

    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
}
