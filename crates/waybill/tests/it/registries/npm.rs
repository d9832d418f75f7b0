//! npm publishes to one verdaccio and installs from another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testkit::servers::{Verdaccio, npm_tool, program, run as finish};

use super::super::support::{run, waybill};

/// Runs npm against `registry` in `folder`, with settings and a cache of its own.
async fn npm(folder: &Path, registry: &str, arguments: &[&str]) -> String {
    let host = registry.trim_start_matches("http:");
    std::fs::write(
        folder.join(".npmrc"),
        format!("registry={registry}/\n{host}/:_authToken=anybody\nupdate-notifier=false\naudit=false\nfund=false\n"),
    )
    .expect("written");
    finish(
        Command::new(program("npm"))
            .args(arguments)
            .current_dir(folder)
            .env("HOME", folder)
            .env("npm_config_cache", folder.join(".cache")),
    )
    .await
}

async fn publish(folder: &Path, registry: &str, manifest: Value, tag: &str) {
    std::fs::create_dir_all(folder).expect("made");
    let version = manifest["version"].as_str().unwrap_or_default();
    std::fs::write(folder.join("package.json"), manifest.to_string()).expect("written");
    std::fs::write(folder.join("index.js"), format!("module.exports = '{version}'")).expect("written");
    npm(folder, registry, &["publish", "--tag", tag, "--access", "public"]).await;
}

/// Copies what of `source` is chosen; returns what `waybill copy` says.
fn copy(folder: &Path, (source, target): (&str, &str), choice: &[&str]) -> Value {
    let (source, target) = (format!("npm+{source}"), format!("npm+{target}"));
    let arguments = ["copy", &source, &target, "--output", "json"];
    let mut command = waybill(&[&arguments, choice].concat());
    let said = run(command.env("XDG_STATE_HOME", folder.join("state")));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    serde_json::from_str(&said.out).expect("JSON")
}

#[tokio::test]
async fn npm_installs_from_the_copy_what_it_published() {
    let (from, to) = (Verdaccio::start().await, Verdaccio::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, target) = (from.server.url(), to.server.url());
    let package = folder.path().join("package");
    let pad = |version: &str| json!({"name": "@demo/pad", "version": version});
    publish(&package, &source, pad("1.0.0"), "latest").await;
    publish(&package, &source, pad("2.0.0-beta.1"), "next").await;
    npm(&package, &source, &["deprecate", "@demo/pad@1.0.0", "use 2"]).await;
    let app = json!({"name": "app", "version": "0.1.0", "dependencies": {"@demo/pad": "^1.0.0"}});
    publish(&package, &source, app, "latest").await;
    let copy = |choice: &[&str]| copy(folder.path(), (&source, &target), choice);

    let newest = copy(&["--newest", "1", "--exclude", "*-beta*"]);
    let first = copy(&[]);
    let second = copy(&[]);

    assert_eq!(newest["counts"]["copied"], 2, "one of each package: {newest}");
    assert_eq!(first["counts"]["copied"], 1, "{first}");
    assert_eq!(second["counts"]["unchanged"], 3, "{second}");
    let user = folder.path().join("user");
    std::fs::create_dir_all(&user).expect("made");
    std::fs::write(user.join("package.json"), r#"{"name":"user","private":true}"#).expect("written");
    npm(&user, &target, &["install", "app", "next@npm:@demo/pad@next"]).await;
    let says = finish(
        Command::new(program("node"))
            .args([
                "-p",
                "require('app') + ' ' + require('@demo/pad') + ' ' + require('next')",
            ])
            .current_dir(&user),
    )
    .await;
    assert_eq!(says.trim(), "0.1.0 1.0.0 2.0.0-beta.1");
    let shown = npm(&user, &target, &["view", "@demo/pad@1.0.0", "deprecated"]).await;
    assert_eq!(shown.trim(), "use 2");
}

/// Packages as their authors made them, one with a scope, and what they depend on.
const REAL: [&str; 5] = [
    "@verdaccio/file-locking",
    "lockfile",
    "signal-exit",
    "combined-stream",
    "delayed-stream",
];

/// Returns the bytes of every file below `folder`, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below it").to_owned();
            found.insert(name, std::fs::read(path).expect("it is read"));
        }
    }
    found
}

#[tokio::test]
async fn real_packages_are_installed_from_the_copy_with_what_they_depend_on() {
    let (from, to) = (Verdaccio::start().await, Verdaccio::start().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, target) = (from.server.url(), to.server.url());
    let tool = npm_tool("verdaccio");
    let modules = tool.ancestors().nth(2).expect("node_modules");
    let publishing = REAL.iter().enumerate().map(|(number, name)| {
        let (home, package) = (folder.path().join(number.to_string()), modules.join(name));
        let source = &source;
        async move {
            std::fs::create_dir_all(&home).expect("made");
            let package = package.to_str().expect("UTF-8");
            npm(
                &home,
                source,
                &["publish", package, "--ignore-scripts", "--access", "public"],
            )
            .await;
        }
    });
    futures_util::future::join_all(publishing).await;

    let copied = copy(folder.path(), (&source, &target), &[]);

    assert_eq!(copied["counts"]["copied"], 5, "{copied}");
    let user = folder.path().join("user");
    std::fs::create_dir_all(&user).expect("made");
    std::fs::write(user.join("package.json"), r#"{"name":"user","private":true}"#).expect("written");
    npm(
        &user,
        &target,
        &["install", "@verdaccio/file-locking", "combined-stream"],
    )
    .await;
    for name in REAL {
        let place = user.join("node_modules").join(name);
        let (installed, own) = (files(&place), files(&modules.join(name)));
        assert!(installed.len() > 1, "{name}");
        // npm leaves lock files out when it publishes.
        let other = installed
            .iter()
            .find(|(path, bytes)| own.get(*path) != Some(*bytes));
        assert_eq!(
            other.map(|(path, _)| path),
            None,
            "{name} is what its author made"
        );
    }
    let asked =
        "typeof require('@verdaccio/file-locking').lockFile + require('combined-stream').create().dataSize";
    let mut node = Command::new(program("node"));
    let says = finish(node.args(["-p", asked]).current_dir(&user)).await;
    assert_eq!(says.trim(), "function0");
}
