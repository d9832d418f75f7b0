//! Files being written: complete and durable before they get the name that others know.
//!
//! Drafts lie in one folder of their own below the root, so that those of a killed process are found again;
//! where a part of the tree is another file system they lie beside their final place.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use domain::artifact::Metadata;
use domain::digest::{Digest, Hasher};
use domain::id::random_hex32;
use rustix::fs::{
    AtFlags, Dir, Mode, OFlags, RenameFlags, fstat, linkat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::beneath::{Root, split};
use super::{Folder, wanted_executable, wanted_mtime};
use crate::digests::Identity;

/// Folder below the root that drafts lie in.
const DRAFTS: &str = ".waybill-drafts";
/// A draft nobody has written to for this long belongs to a process that is gone.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Says whether a name is one of ours and no file of the repository.
pub(super) fn is_ours(name: &[u8]) -> bool {
    name == DRAFTS.as_bytes() || (name.starts_with(b".waybill-") && name.ends_with(b".draft"))
}

/// A file being written; removed unless it is published.
pub(super) struct Draft {
    folder: Arc<Folder>,
    /// Where it lies, and its name there.
    drafts: String,
    name: String,
    /// Its final place.
    relative: String,
    file: Option<File>,
    hasher: Option<Hasher>,
}

impl Draft {
    /// Begins a file that will stand at `relative`, making the folders above it.
    pub(super) fn begin(folder: &Arc<Folder>, relative: &str, executable: bool) -> io::Result<Self> {
        let root = folder.root()?;
        let parent = root.make_folder(split(relative).0)?;
        let drafts = root.make_folder(DRAFTS)?;
        let together = fstat(&parent)?.st_dev == fstat(&drafts)?.st_dev;
        let (place, holder) = match together {
            true => (DRAFTS, &drafts),
            false => (split(relative).0, &parent),
        };
        let name = format!(".waybill-{}.draft", random_hex32());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
        let file = openat(holder, name.as_str(), flags, mode)?;
        Ok(Self {
            folder: Arc::clone(folder),
            drafts: place.into(),
            name,
            relative: relative.into(),
            file: Some(file.into()),
            hasher: Some(Hasher::default()),
        })
    }

    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("the draft was completed before")),
        }
    }

    /// Ends the bytes, sets the modification time that `metadata` asks for; returns the digest of what was written.
    ///
    /// With `sync` the file is durable after this; otherwise the caller makes the file system so.
    pub(super) fn complete(&mut self, metadata: &Metadata, sync: bool) -> io::Result<Digest> {
        let (Some(file), Some(hasher)) = (self.file.take(), self.hasher.take()) else {
            return Err(io::Error::other("the draft was completed before"));
        };
        if let Some(mtime) = wanted_mtime(metadata) {
            file.set_modified(mtime)?;
        }
        if sync {
            file.sync_all()?;
        }
        Ok(hasher.finish())
    }

    /// Gives it its name where nothing stands; says whether that was so.
    pub(super) fn publish_new(self) -> io::Result<bool> {
        let (drafts, parent) = self.places()?;
        let name = split(&self.relative).1;
        let moved = match renameat_with(&drafts, self.name.as_str(), &parent, name, RenameFlags::NOREPLACE) {
            // The file system cannot rename that way; a second name is as good, the first goes with `self`.
            Err(Errno::INVAL) => linkat(&drafts, self.name.as_str(), &parent, name, AtFlags::empty()),
            other => other,
        };
        match moved {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives it its name in the place of the file `replaced`, or of whatever file stands there; says whether it did.
    pub(super) fn publish_over(self, replaced: Option<&Identity>) -> io::Result<bool> {
        let (drafts, parent) = self.places()?;
        let name = split(&self.relative).1;
        if let Some(replaced) = replaced {
            match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if Identity::of(&stat) == *replaced => {}
                Ok(_) | Err(Errno::NOENT) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        renameat(&drafts, self.name.as_str(), &parent, name)?;
        Ok(true)
    }

    fn places(&self) -> io::Result<(OwnedFd, OwnedFd)> {
        let root = self.folder.root()?;
        Ok((root.folder(&self.drafts)?, root.folder(split(&self.relative).0)?))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing left; what cannot be removed now is swept later.
        if let Ok(root) = self.folder.root()
            && let Ok(drafts) = root.folder(&self.drafts)
        {
            let _ = unlinkat(&drafts, self.name.as_str(), AtFlags::empty());
        }
    }
}

/// Sets what `metadata` asks for on the file that stands at `relative`.
pub(super) fn set_metadata(root: &Root, relative: &str, metadata: &Metadata) -> io::Result<()> {
    let (file, stat) = root.file(relative)?;
    if let Some(executable) = wanted_executable(metadata) {
        let mode = if executable {
            stat.st_mode | (stat.st_mode & 0o444) >> 2
        } else {
            stat.st_mode & !0o111
        };
        file.set_permissions(Permissions::from_mode(mode & 0o7777))?;
    }
    if let Some(mtime) = wanted_mtime(metadata) {
        file.set_modified(mtime)?;
    }
    Ok(())
}

/// Removes drafts that were abandoned, and their folder if nothing is left in it.
pub(super) fn sweep(folder: &Folder) -> io::Result<()> {
    let root = folder.root()?;
    let drafts = match root.folder(DRAFTS) {
        Ok(drafts) => drafts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let now = folder.now();
    for entry in Dir::read_from(&drafts)? {
        let entry = entry?;
        if !is_ours(entry.file_name().to_bytes()) {
            continue;
        }
        if let Ok(stat) = statat(&drafts, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            let (seconds, _) = Identity::of(&stat).modified;
            let touched = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            if touched + ABANDONED < now {
                let _ = unlinkat(&drafts, entry.file_name(), AtFlags::empty());
            }
        }
    }
    remove_drafts(root);
    Ok(())
}

/// Removes the folder of drafts if it is empty.
pub(super) fn remove_drafts(root: &Root) {
    if let Ok(folder) = root.folder("") {
        let _ = unlinkat(&folder, DRAFTS, AtFlags::REMOVEDIR);
    }
}
