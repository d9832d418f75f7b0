//! The console in a real browser: headless Chromium, driven by one script per flow.

mod flows;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::promises::world::{HANG_GUARD, Node, PASSWORD};

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

/// Runs the script `name` against `centre`; `facts` are its arguments.
async fn play(name: &str, centre: &Node, facts: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/console");
    let mut script = Command::new("node")
        .arg(folder.join(name))
        .arg(format!("http://{}", centre.address))
        .args(facts)
        .env("NPM_PACKAGES", packages())
        .env("PASSWORD", PASSWORD)
        .env("IMAGES", folder.join("../../../../../docs/images"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs");
    let mut out = script.stdout.take().expect("piped");
    let mut said = String::new();
    let told = async {
        out.read_to_string(&mut said).await.expect("UTF-8");
        script.wait().await.expect("it ends")
    };
    let ended = tokio::time::timeout(2 * HANG_GUARD, told).await;
    let ended = ended.expect("the script does not hang");
    assert!(ended.success(), "{name}:\n{said}");
}
