//! The scripts in `examples/`, against two real nodes, as a person runs them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::Served;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The scripts by name; `lib.sh` is what they share.
fn scripts() -> BTreeSet<String> {
    let files = folder().read_dir().expect("the folder of examples");
    let names = files.map(|file| file.expect("readable").file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.ends_with(".sh") && name != "lib.sh")
        .collect()
}

#[test]
fn every_example_does_what_it_says() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let centre = Served::node("centre", &data.path().join("centre"));
    let edge = Served::node("edge", &data.path().join("edge"));

    for script in scripts() {
        let mut command = Command::new("sh");
        command
            .arg(folder().join(&script))
            .env("WAYBILL_URL", &centre.url)
            .env("EDGE_URL", &edge.url)
            .env("WAYBILL_USER", "admin")
            .env("WAYBILL_PASSWORD", "secret")
            .env("no_proxy", "127.0.0.1");
        let output = command.output().expect("sh runs");
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        println!("{script}\n{said}");
        assert!(output.status.success(), "{script}\n{said}\n{complaint}");
        assert!(!said.contains("secret"), "{script} shows a password");
    }
}

#[test]
fn every_example_is_in_the_table_of_their_readme() {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("a README");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: BTreeSet<String> = rows
        .filter_map(|row| row.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();

    assert_eq!(named, scripts());
}
