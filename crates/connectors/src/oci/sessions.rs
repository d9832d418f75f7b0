//! Uploads that were begun and not finished: where they go on, also after a restart.
//!
//! A registry cannot be asked which uploads of a blob are open, so where it said that one goes on is written down, in
//! a file for each. It holds what the registry put into that URL, so only the owner may read it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::digest::Digest;

/// Uploads that are remembered; registries forget them sooner or later too.
const MOST_OPEN: usize = 1000;
/// How long a file is kept that nobody came back for.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// The uploads that are open.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    folder: Option<PathBuf>,
    open: Mutex<HashMap<String, String>>,
}

impl Sessions {
    /// Writes them down in `folder`, if there is one.
    pub(super) fn kept_in(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            open: Mutex::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the upload of the blob `digest` into `image` of `registry` goes on.
    pub(super) async fn get(&self, registry: &str, image: &str, digest: &str) -> Option<String> {
        let name = name(registry, image, digest);
        if let Some(location) = self.open().get(&name) {
            return Some(location.clone());
        }
        let path = self.folder.as_ref()?.join(name);
        tokio::fs::read_to_string(path).await.ok()
    }

    /// Notes that it goes on at `location`.
    pub(super) async fn set(&self, registry: &str, image: &str, digest: &str, location: &str) {
        let name = name(registry, image, digest);
        if let Some(folder) = self.folder.clone() {
            let (file, text) = (name.clone(), location.to_owned());
            let written = tokio::task::spawn_blocking(move || write(&folder, &file, &text)).await;
            // Not being able to go on later is no reason not to go on now.
            if let Ok(Err(error)) = written {
                tracing::warn!(%error, "an unfinished upload cannot be written down");
            }
        }
        let mut open = self.open();
        if open.len() >= MOST_OPEN {
            open.clear();
        }
        open.insert(name, location.into());
    }

    /// Notes that it is finished, or cannot be gone on with.
    pub(super) async fn end(&self, registry: &str, image: &str, digest: &str) {
        let name = name(registry, image, digest);
        self.open().remove(&name);
        if let Some(folder) = &self.folder {
            // It may never have been written.
            let _ = tokio::fs::remove_file(folder.join(name)).await;
        }
    }
}

fn name(registry: &str, image: &str, digest: &str) -> String {
    Digest::of(format!("{registry} {image} {digest}").as_bytes()).to_hex()
}

fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::create_dir_all(folder)?;
    forget_old(folder)?;
    let draft = folder.join(format!("{name}.new"));
    let mut file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(draft, folder.join(name))
}

fn forget_old(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)?.flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        if age.is_some_and(|age| age > KEPT_FOR) {
            // Whoever finds it gone begins anew.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_upload_is_known_to_the_next_process_until_it_ends() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sessions = || Sessions::kept_in(Some(folder.path().join("uploads")));

        let first = sessions();
        first
            .set("http://r", "a/b", "sha256:1", "http://r/x?_state=s")
            .await;
        let next = sessions();
        let known = next.get("http://r", "a/b", "sha256:1").await;
        assert_eq!(known.as_deref(), Some("http://r/x?_state=s"));
        assert_eq!(next.get("http://r", "a/c", "sha256:1").await, None);
        next.end("http://r", "a/b", "sha256:1").await;

        assert_eq!(sessions().get("http://r", "a/b", "sha256:1").await, None);
        assert_eq!(
            std::fs::read_dir(folder.path().join("uploads"))
                .expect("a folder")
                .count(),
            0
        );
    }
}
