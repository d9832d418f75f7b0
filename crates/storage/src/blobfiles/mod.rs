//! The files that hold blobs: packs of small ones, and large ones alone.
//!
//! A file has a number and lies under `blobs/<number / 1024>/<number>` from its first byte on; it means
//! nothing until a committed row names it, so nothing is ever renamed and no path is used twice. What no row
//! names when a node starts was left by a crash and is removed then. Nothing here knows SQL.

mod pack;
mod read;
mod write;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use pack::Packed;
pub use read::{BlobBytes, read_piece};
pub use write::{BLOCK_BYTES, Held, PIECE_BYTES, PartWriter, reserve};

const FILES_PER_FOLDER: i64 = 1024;

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobPlace {
    /// Number of the file.
    pub file_no: i64,
    /// First byte in it.
    pub offset_bytes: u64,
    /// How many bytes.
    pub size_bytes: u64,
}

/// The folder of blob files.
pub struct BlobFiles {
    folder: PathBuf,
    next_no: AtomicI64,
    folders: Mutex<HashMap<i64, Arc<File>>>,
}

impl BlobFiles {
    /// Opens (or makes) `folder`, removes every file whose number is not in `named`, and counts on from there.
    ///
    /// Blocks; `named` are the numbers some committed row names.
    pub fn open(folder: PathBuf, named: &HashSet<i64>) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let mut last_no = named.iter().copied().max().unwrap_or(0);
        for shelf in fs::read_dir(&folder)? {
            let shelf = shelf?.path();
            if !shelf.is_dir() {
                continue;
            }
            for file in fs::read_dir(&shelf)? {
                let file = file?.path();
                match number_of(&file) {
                    Some(no) if named.contains(&no) => last_no = last_no.max(no),
                    Some(no) => {
                        last_no = last_no.max(no);
                        fs::remove_file(&file)?;
                    }
                    None => {}
                }
            }
        }
        Ok(Self {
            folder,
            next_no: AtomicI64::new(last_no + 1),
            folders: Mutex::default(),
        })
    }

    /// Returns where file `no` lies.
    pub fn path(&self, no: i64) -> PathBuf {
        self.folder
            .join(format!("{:06x}", no / FILES_PER_FOLDER))
            .join(format!("{no:010x}"))
    }

    /// Makes a new, empty file; its guard removes it again unless somebody says [`NewFile::keep`].
    ///
    /// Blocks. The file is there for good only after [`BlobFiles::sync_entry`].
    pub fn create(self: &Arc<Self>) -> io::Result<NewFile> {
        let no = self.next_no.fetch_add(1, Ordering::Relaxed);
        self.shelf(no)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(no))?;
        Ok(NewFile {
            no,
            file: Arc::new(file),
            files: self.clone(),
            kept: false,
        })
    }

    /// Makes the name of file `no` durable. Blocks.
    pub fn sync_entry(&self, no: i64) -> io::Result<()> {
        self.shelf(no)?.sync_all()
    }

    /// Opens file `no` for reading. Blocks.
    pub fn open_file(&self, no: i64) -> io::Result<File> {
        File::open(self.path(no))
    }

    /// Opens file `no` to go on writing it. Blocks.
    pub fn reopen(&self, no: i64) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(no))
    }

    /// Takes over file `no`, which a row named until now: it is removed unless it is kept. Blocks.
    pub fn adopt(self: &Arc<Self>, no: i64) -> io::Result<NewFile> {
        Ok(NewFile {
            no,
            file: Arc::new(self.reopen(no)?),
            files: self.clone(),
            kept: false,
        })
    }

    /// Opens file `no` for direct writes; `None` where the file system has none. Blocks.
    pub fn reopen_direct(&self, no: i64) -> io::Result<Option<File>> {
        open_direct(&self.path(no))
    }

    /// Unlinks file `no`; one that is gone is fine. Blocks.
    pub fn remove(&self, no: i64) -> io::Result<()> {
        match fs::remove_file(self.path(no)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the bytes this disk can still take. Blocks.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Returns the open folder that file `no` lies in, making it durably when it is new.
    fn shelf(&self, no: i64) -> io::Result<Arc<File>> {
        let shelf = no / FILES_PER_FOLDER;
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(&shelf) {
            return Ok(folder.clone());
        }
        let path = self.folder.join(format!("{shelf:06x}"));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => File::open(&self.folder)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let folder = Arc::new(File::open(&path)?);
        // New files only ever come to the last shelf or the one before it.
        if folders.len() >= 8 {
            folders.clear();
        }
        folders.insert(shelf, folder.clone());
        Ok(folder)
    }
}

fn number_of(path: &Path) -> Option<i64> {
    i64::from_str_radix(path.file_name()?.to_str()?, 16).ok()
}

/// A file no row names yet; dropped without [`NewFile::keep`] it is unlinked.
pub struct NewFile {
    no: i64,
    file: Arc<File>,
    files: Arc<BlobFiles>,
    kept: bool,
}

impl NewFile {
    /// Returns its number.
    pub fn no(&self) -> i64 {
        self.no
    }

    /// Returns the open file.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Leaves the file where it is: a row names it now, or may do.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = self.files.remove(self.no) {
            tracing::warn!(blob_file.no = self.no, %error, "blob file not removed");
        }
    }
}
/// Opens a file for writes past the page cache; `None` where the file system has none. Blocks.
fn open_direct(path: &Path) -> io::Result<Option<File>> {
    let flags = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
    match OpenOptions::new().write(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}
