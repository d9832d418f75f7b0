//! npm publishes to one verdaccio and installs from another.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testkit::servers::{Verdaccio, program, run as finish};

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
    let copy = |choice: &[&str]| {
        let (source, target) = (format!("npm+{source}"), format!("npm+{target}"));
        let arguments = ["copy", &source, &target, "--output", "json"];
        let mut command = waybill(&[&arguments, choice].concat());
        let said = run(command.env("XDG_STATE_HOME", folder.path().join("state")));
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        serde_json::from_str::<Value>(&said.out).expect("JSON")
    };

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
