//! Opening files beneath a root, and never anywhere else: no link is followed, no `..` leaves.
//!
//! Every name is resolved by the kernel relative to the root's descriptor, so that swapping a folder for a
//! link while we work changes nothing.

use std::fs::File;
use std::io::{self, ErrorKind as IoKind};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, mkdirat, open, openat, openat2, statat,
};
use rustix::io::Errno;

/// A folder of this machine, and the only way to what is below it.
#[derive(Debug)]
pub(super) struct Root(OwnedFd);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Root {
    /// Opens the folder at `path`; links on the way to it are followed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, FOLDER, Mode::empty())?))
    }

    /// Opens the folder at `relative` (no leading slash; empty: the root itself).
    pub(super) fn folder(&self, relative: &str) -> io::Result<OwnedFd> {
        self.beneath(relative, FOLDER)
    }

    /// Opens the regular file at `relative` for reading.
    pub(super) fn file(&self, relative: &str) -> io::Result<(File, Stat)> {
        // A pipe is not waited for and a terminal not taken over before it is known what they are.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = self.beneath(relative, flags)?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_a_file());
        }
        Ok((file.into(), stat))
    }

    /// Returns what stands at `relative`, of a link the link itself; `None`: nothing.
    pub(super) fn stat(&self, relative: &str) -> io::Result<Option<Stat>> {
        let (parent, name) = split(relative);
        let looked = self
            .folder(parent)
            .and_then(|parent| Ok(statat(&parent, shown(name), AtFlags::SYMLINK_NOFOLLOW)?));
        match looked {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the folder at `relative`, making it and those above it where they are missing.
    pub(super) fn make_folder(&self, relative: &str) -> io::Result<OwnedFd> {
        match self.folder(relative) {
            Err(error) if error.kind() == IoKind::NotFound => {}
            other => return other,
        }
        let (parent, name) = split(relative);
        let parent = self.make_folder(parent)?;
        match mkdirat(&parent, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => self.folder(relative),
            Err(error) => Err(error.into()),
        }
    }

    fn beneath(&self, relative: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&self.0, shown(relative), flags, Mode::empty(), resolve) {
                // Something was renamed while the kernel looked: it asks to look again.
                Err(Errno::AGAIN | Errno::INTR) => {}
                // A kernel or a sandbox without this call.
                Err(Errno::NOSYS | Errno::PERM) => return self.step_by_step(relative, flags),
                other => return Ok(other?),
            }
        }
    }

    fn step_by_step(&self, relative: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let mut folder = openat(&self.0, ".", FOLDER, Mode::empty())?;
        let names: Vec<&str> = relative.split('/').filter(|name| !name.is_empty()).collect();
        let Some((last, above)) = names.split_last() else {
            return Ok(folder);
        };
        if names.contains(&"..") {
            return Err(Errno::XDEV.into());
        }
        for name in above {
            folder = openat(&folder, *name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        Ok(openat(&folder, *last, flags | OFlags::NOFOLLOW, Mode::empty())?)
    }
}

/// Makes the folder at `path` and those above it, where they are missing.
pub(super) fn make_root(path: &Path) -> io::Result<Root> {
    std::fs::create_dir_all(path)?;
    Root::open(path)
}

/// Says whether a folder stands at `path`.
pub(super) fn is_folder(path: &Path) -> io::Result<bool> {
    match statat(CWD, path, AtFlags::empty()) {
        Ok(stat) => Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Splits a path into the folder that holds it and its name.
pub(super) fn split(relative: &str) -> (&str, &str) {
    relative.rsplit_once('/').unwrap_or(("", relative))
}

fn shown(relative: &str) -> &str {
    if relative.is_empty() { "." } else { relative }
}

/// The error for a name that stands for something else than a file.
pub(super) fn not_a_file() -> io::Error {
    io::Error::new(IoKind::IsADirectory, "not a regular file")
}

/// Says whether an error means that a link was in the way.
pub(super) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}
