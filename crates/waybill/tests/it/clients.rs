//! The programs people keep, push and pull images with, with nothing of the tester's own settings.

use std::path::Path;
use std::process::Command;

use testkit::servers::program;

/// Runs `name` with nothing of the tester's own settings; it must succeed.
pub fn client(name: &str, home: &Path, arguments: &[&str]) -> String {
    // buildah wants the file, even an empty one.
    let logins = home.join("auth.json");
    if !logins.exists() {
        std::fs::write(&logins, "{}").expect("written");
    }
    let output = Command::new(program(name))
        .args(arguments)
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env("REGISTRY_AUTH_FILE", logins)
        .env("TMPDIR", home)
        .output()
        .expect("it runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{name} {arguments:?}: {out}{err}");
    out.into_owned()
}

/// Runs a client that keeps images, in the store `store` of `home`.
pub fn keeping(name: &str, home: &Path, store: &str, arguments: &[&str]) -> String {
    let (root, run) = (home.join(store), home.join(format!("{store}.run")));
    let mut all = vec![
        "--storage-driver",
        "vfs",
        "--root",
        root.to_str().expect("UTF-8"),
        "--runroot",
        run.to_str().expect("UTF-8"),
    ];
    all.extend(arguments);
    client(name, home, &all).trim().to_owned()
}

/// Runs buildah in the store `store` of `home`; returns what it prints.
pub fn buildah(home: &Path, arguments: &[&str]) -> String {
    keeping("buildah", home, "store", arguments)
}
