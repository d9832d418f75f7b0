//! The console in a real browser: headless Chromium, driven by one script per flow.
//!
//! A script asks for what it cannot do itself (`do kill edge`) by a line on its output and waits for `ok`.

mod flows;
mod furnish;
mod viewer;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::promises::world::{Node, PASSWORD};

/// How long a script may take before the test gives up on it.
const HANG_GUARD: std::time::Duration = std::time::Duration::from_secs(300);

/// Returns where `scripts/needs.sh` installs npm packages.
fn packages() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("it lies in the target folder");
    let packages = target.join("tools/npm");
    assert!(
        packages.join("node_modules/playwright-core").exists(),
        "playwright-core is not installed: run `make needs`"
    );
    packages
}

/// Runs the script `name` against `centre`, and does to the two nodes what it asks for; `facts` are its arguments.
async fn play(name: &str, centre: &mut Node, edge: &mut Node, facts: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/console");
    let mut script = Command::new("node")
        .arg(folder.join(name))
        .arg(format!("http://{}", centre.address))
        .args(facts)
        .env("NPM_PACKAGES", packages())
        .env("PASSWORD", PASSWORD)
        .env("EDGE", format!("http://{}", edge.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut input = script.stdin.take().expect("piped");
    let mut lines = BufReader::new(script.stdout.take().expect("piped")).lines();
    let mut said = String::new();
    let told = async {
        while let Some(line) = lines.next_line().await.expect("UTF-8") {
            match line.as_str() {
                "do kill edge" => edge.kill().await,
                "do start edge" => edge.start_again().await,
                "do kill centre" => centre.kill().await,
                "do start centre" => centre.start_again().await,
                _ => {
                    said.push_str(&line);
                    said.push('\n');
                    continue;
                }
            }
            input.write_all(b"ok\n").await.expect("it listens");
        }
        script.wait().await.expect("it ends")
    };
    let ended = tokio::time::timeout(HANG_GUARD, told).await;
    let ended = ended.unwrap_or_else(|_| unreachable!("{name} hangs:\n{said}"));
    assert!(ended.success(), "{name}:\n{said}");
}
