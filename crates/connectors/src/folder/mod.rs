//! Local folders behind the ports: a folder is a repository of files.
//!
//! Access never leaves the root. What cannot travel (links, special files, names that are no paths here,
//! empty folders) is reported and never guessed at. Modification time and the executable bit travel as
//! metadata; a digest cache spares hashing files again that did not change.

mod beneath;
mod draft;
mod source;
mod store;
mod target;
mod walk;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::artifact::{ArtifactKey, EXECUTABLE, MTIME, Metadata};
use domain::clock::Clock;
use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use rustix::fs::{Mode, Stat};

use crate::digests::{DigestCache, Identity};
use crate::scope::path_of;
use beneath::Root;
pub use source::FolderSource;
pub use target::FolderTarget;
pub use walk::{NotCarried, WhyNot};

/// A file that changed this shortly before it was hashed might change again within the same tick of its times.
const TICK: Duration = Duration::from_millis(100);
/// The same, where the file system keeps whole seconds only.
const COARSE_TICK: Duration = Duration::from_secs(3);

/// How a folder is read and written.
#[derive(Clone)]
pub struct FolderOptions {
    /// Tells how old a file is.
    pub clock: Arc<dyn Clock>,
    /// Where digests are remembered.
    pub cache: Option<Arc<DigestCache>>,
    /// Whether everything is hashed again, whatever the cache says.
    pub verify: bool,
}

/// A folder of this machine; opened when it is first used.
pub(crate) struct Folder {
    path: PathBuf,
    root: OnceLock<Root>,
    options: FolderOptions,
}

impl Folder {
    fn new(path: &Path, options: FolderOptions) -> Self {
        Self {
            path: path.into(),
            root: OnceLock::new(),
            options,
        }
    }

    fn root(&self) -> io::Result<&Root> {
        match self.root.get() {
            Some(root) => Ok(root),
            None => {
                let root = Root::open(&self.path)?;
                Ok(self.root.get_or_init(|| root))
            }
        }
    }

    /// Returns the digest of an open file, from the cache if it knows it; `None`: it changed while it was read.
    fn digest(&self, file: &mut File, identity: &Identity) -> io::Result<Option<Digest>> {
        let cache = self.options.cache.as_ref();
        if !self.options.verify
            && let Some(digest) = cache.and_then(|cache| cache.get(identity))
        {
            return Ok(Some(digest));
        }
        let started = self.now();
        let digest = hash(file)?;
        let later = Identity::of(&rustix::fs::fstat(&*file)?);
        if !identity.is_same_content(&later) {
            return Ok(None);
        }
        if later == *identity
            && settled(identity, started)
            && let Some(cache) = cache
        {
            cache.put(identity, &digest)?;
        }
        Ok(Some(digest))
    }

    fn now(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.options.clock.now_ms()).unwrap_or(0))
    }
}

/// Says whether a file has been left alone long enough before `now` for its times to tell the next change.
fn settled(identity: &Identity, now: Duration) -> bool {
    let (seconds, nanos) = identity.changed.max(identity.modified);
    let tick = if nanos == 0 { COARSE_TICK } else { TICK };
    let changed = Duration::new(u64::try_from(seconds).unwrap_or(0), nanos);
    changed + tick < now
}

fn hash(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            bytes => hasher.update(&piece[..bytes]),
        }
    }
}

/// Returns the properties of a file.
fn metadata(stat: &Stat) -> Metadata {
    let (seconds, nanos) = Identity::of(stat).modified;
    let executable = Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR);
    Metadata::from([
        (MTIME.into(), format!("{seconds}.{nanos:09}")),
        (EXECUTABLE.into(), executable.to_string()),
    ])
}

/// Returns the modification time that `metadata` asks for, if it does.
fn wanted_mtime(metadata: &Metadata) -> Option<SystemTime> {
    let (seconds, nanos) = metadata.get(MTIME)?.split_once('.')?;
    let (seconds, nanos): (i64, u32) = (seconds.parse().ok()?, nanos.parse().ok()?);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let since = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)?
    } else {
        UNIX_EPOCH.checked_add(whole)?
    };
    since.checked_add(Duration::from_nanos(nanos.into()))
}

/// Returns whether `metadata` asks for an executable file, if it says.
fn wanted_executable(metadata: &Metadata) -> Option<bool> {
    metadata.get(EXECUTABLE)?.parse().ok()
}

/// Returns the path of `key` below the root, without its leading slash.
fn relative(key: &ArtifactKey, stage: Stage) -> ConnectorResult<String> {
    if key.version.is_some() {
        let error = ConnectorError::new(ErrorKind::Protocol, stage, key.to_string());
        return Err(error.words("a folder holds files only"));
    }
    Ok(path_of(key, stage)?.as_str()[1..].into())
}

/// Turns an error about something in the folder into what a port says.
fn failure(stage: Stage, subject: impl Into<String>, error: &io::Error) -> ConnectorError {
    match error.kind() {
        _ if beneath::is_link(error) => ConnectorError::new(ErrorKind::Conflict, stage, subject)
            .words("a symbolic link stands there, and links are not followed"),
        io::ErrorKind::NotADirectory if stage != Stage::Read && stage != Stage::Describe => {
            ConnectorError::new(ErrorKind::Conflict, stage, subject)
                .words("a file stands where a folder should")
        }
        io::ErrorKind::NotADirectory => ConnectorError::new(ErrorKind::NotFound, stage, subject),
        io::ErrorKind::IsADirectory => ConnectorError::new(ErrorKind::Conflict, stage, subject)
            .words("something else than a file stands there"),
        _ => ConnectorError::io(stage, subject, error),
    }
}

/// Runs `work`, which blocks, where that disturbs nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ConnectorResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        ConnectorError::new(ErrorKind::Disk, Stage::Read, "a folder").words(error.to_string())
    })
}
