//! twine uploads to one index, and pip installs from another.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::servers::{Devpi, PypiOptions, PypiServer, python_packages, python_tool, run as finish};

use super::super::support::{Said, run, waybill};

/// Uploads the packages that real projects published to the index at `url`.
async fn twine(folder: &Path, url: &str) {
    let mut command = Command::new(python_tool("twine"));
    command
        .args([
            "upload",
            "--non-interactive",
            "--disable-progress-bar",
            "--repository-url",
            url,
        ])
        .args(["-u", "bob", "-p", "secret"])
        .args(python_packages())
        .env("HOME", folder);
    finish(&mut command).await;
}

/// Lets pip install `packages` from the pages at `simple`, and Python import them.
async fn pip(folder: &Path, simple: &str, packages: &[&str]) -> String {
    let mut command = Command::new(python_tool("python3"));
    command
        .args([
            "-m",
            "pip",
            "--isolated",
            "install",
            "--no-deps",
            "--no-cache-dir",
            "--disable-pip-version-check",
        ])
        .args(["--only-binary", ":all:", "--index-url", simple, "--target"])
        .arg(folder.join("site"))
        .args(packages)
        .env("HOME", folder);
    finish(&mut command).await;
    let script = "import six, packaging; print(six.__version__, packaging.__version__, six.__file__)";
    finish(
        Command::new(python_tool("python3"))
            .args(["-c", script])
            .env("PYTHONPATH", folder.join("site")),
    )
    .await
}

fn copy(folder: &Path, source: &str, target: &str) -> (Said, Value) {
    let (source, target) = (format!("pypi+{source}"), format!("pypi+{target}"));
    let mut command = waybill(&["copy", &source, &target, "--output", "json"]);
    let said = run(command.env("XDG_STATE_HOME", folder.join("state")));
    let counts = serde_json::from_str::<Value>(&said.out).map(|answer| answer["counts"].clone());
    (said, counts.unwrap_or_default())
}

#[tokio::test]
async fn pip_installs_from_the_copy_what_twine_uploaded() {
    // One that says nothing of what its files digest to.
    let silent = PypiOptions {
        hash: Some("off"),
        ..PypiOptions::default()
    };
    let (from, to) = (PypiServer::with(silent).await, Devpi::start(false, true).await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    twine(folder.path(), &from.server.url()).await;

    let (said, first) = copy(folder.path(), &from.server.url(), &to.url());
    let (again, second) = copy(folder.path(), &from.server.url(), &to.url());

    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(first["copied"], 2, "{first}");
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert_eq!(
        (&second["unchanged"], &second["bytes_moved"]),
        (&2.into(), &0.into()),
        "{second}"
    );
    let simple = format!("{}/+simple/", to.url());
    let says = pip(folder.path(), &simple, &["six", "packaging>=24,<25"]).await;
    let site = folder.path().join("site").display().to_string();
    assert!(says.starts_with("1.17.0 24.2 ") && says.contains(&site), "{says}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yank_is_noted_by_every_run_since_no_index_can_be_told() {
    let (from, to) = (PypiServer::start().await, PypiServer::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    twine(folder.path(), &from.server.url()).await;
    let proxy = FaultProxy::to(from.server.address()).await;
    let files = python_packages();
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let links = names
        .filter(|name| name.starts_with("six-"))
        .map(|name| format!("<a href=\"/packages/{name}\" data-yanked=\"it counts twice\">{name}</a>\n"));
    let answer = Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: format!("<html><body>{}</body></html>", links.collect::<String>()),
    };
    proxy.add(Rule::on("GET", "/simple/six/", answer));

    for outcome in ["copied", "unchanged"] {
        let (said, counts) = copy(folder.path(), &proxy.url(), &to.server.url());

        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert_eq!(
            (&counts[outcome], &counts["noted"]),
            (&2.into(), &1.into()),
            "{counts}"
        );
        let whole: Value = serde_json::from_str(&said.out).expect("JSON");
        let noted = &whole["noted"][0];
        assert_eq!(noted["artifact"], "pypi://six 1.17.0", "{whole}");
        let note = noted["note"].as_str().expect("a note");
        assert!(note.starts_with("yanked at the source (\"it counts"), "{note}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_arrives_otherwise_than_its_index_says_fails_its_version_and_no_other() {
    let (from, to) = (PypiServer::start().await, PypiServer::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    twine(folder.path(), &from.server.url()).await;
    let proxy = FaultProxy::to(from.server.address()).await;
    let files = || {
        let entries = std::fs::read_dir(to.server.folder().join("packages")).expect("its folder");
        let names = entries.map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    proxy.add(Rule::on("GET", "*.tar.gz", Fault::ChangeAnswer(5000)));

    let (said, spoiled) = copy(folder.path(), &proxy.url(), &to.server.url());
    let after = files();
    proxy.clear();
    let (again, healed) = copy(folder.path(), &proxy.url(), &to.server.url());

    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(
        (&spoiled["copied"], &spoiled["failed"]),
        (&1.into(), &1.into()),
        "{spoiled}"
    );
    assert_eq!(after, ["packaging-24.2-py3-none-any.whl"], "nothing half is seen");
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    assert_eq!(
        (&healed["copied"], &healed["unchanged"]),
        (&1.into(), &1.into()),
        "{healed}"
    );
    let real: Vec<_> = python_packages();
    let real: Vec<String> = real
        .iter()
        .filter_map(|it| it.file_name()?.to_str().map(str::to_owned))
        .collect();
    assert_eq!(files(), real);
}
