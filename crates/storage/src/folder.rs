//! The data folder: only its owner may look inside, and only one process uses it at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::db::{StoreError, StoreResult};

/// Makes `folder` where it is missing and closes it to other users.
pub fn make(folder: &Path) -> StoreResult<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    Ok(())
}

/// Takes the folder for this process; it is free again after [`unlock`], or when the returned file is dropped.
pub fn lock(folder: &Path) -> StoreResult<File> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("lock"))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(folder.into())),
        Err(error) => Err(StoreError::Disk(error.into())),
    }
}

/// Lets go of the folder, whoever still holds the file.
pub fn unlock(lock: &File) -> std::io::Result<()> {
    Ok(flock(lock, FlockOperation::Unlock)?)
}

/// Reads a small file, or `None` where there is none.
pub fn read(file: &Path) -> StoreResult<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(file) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(bytes))
}

/// Writes a small new file that only its owner may read, and makes it and its name durable.
pub fn write_private(path: &Path, bytes: &[u8]) -> StoreResult<()> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
