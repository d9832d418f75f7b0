//! Where the programs are that `scripts/needs.sh` installs, and how one is run to its end.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns `name` as the system's path or its usual folders for servers have it.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    found(name, places.map(|folder| folder.join(name)))
}

/// Returns the script `name` of the Python packages made for tests.
pub fn python_tool(name: &str) -> PathBuf {
    found(name, [python_tools().join("bin").join(name)])
}

/// Returns the folder of the Python packages made for tests.
pub fn python_tools() -> PathBuf {
    tools().join("python")
}

/// Returns the script `name` of the npm packages made for tests.
pub fn npm_tool(name: &str) -> PathBuf {
    found(name, [tools().join("npm/node_modules/.bin").join(name)])
}

fn tools() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => root.join(target).join("tools"),
        None => root.join("target/tools"),
    }
}

fn found(name: &str, places: impl IntoIterator<Item = PathBuf>) -> PathBuf {
    let place = places.into_iter().find(|place| place.is_file());
    place.unwrap_or_else(|| unreachable!("`{name}` is not installed: run `make needs`"))
}

/// Runs `command` to its end and returns what it wrote to its output; it must succeed.
pub async fn run(command: &mut Command) -> String {
    let mut command = tokio::process::Command::from(std::mem::replace(command, Command::new("true")));
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .unwrap_or_else(|error| unreachable!("cannot run {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}{complained}");
    said
}
