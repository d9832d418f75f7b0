//! Which parts of an upload are there, remembered behind the bytes in the same file.
//!
//! One byte stands for each part, from the first block after the blob's last byte on; the marks are cut off
//! when every part is there. They outlive a killed process without a flush for each part. A power failure may
//! take marks or bytes with it: a lost mark costs sending its part again, and lost bytes do not pass the
//! digest of the whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use storage::blobfiles::BLOCK_BYTES;

/// The marks of one upload.
#[derive(Clone)]
pub(crate) struct Marks {
    file: Arc<File>,
    size_bytes: u64,
}

impl Marks {
    /// Looks behind the `size_bytes` of the blob in `file`.
    pub(crate) fn of(file: Arc<File>, size_bytes: u64) -> Self {
        Self { file, size_bytes }
    }

    fn begin_bytes(&self) -> u64 {
        self.size_bytes.next_multiple_of(BLOCK_BYTES as u64)
    }

    /// Makes room for the marks of `parts` parts, none of which is there. Blocks.
    pub(crate) fn make(&self, parts: u64) -> io::Result<()> {
        self.file.set_len(self.begin_bytes() + parts)
    }

    /// Says for each of `parts` parts whether it is there. Blocks.
    pub(crate) fn read(&self, parts: usize) -> io::Result<Vec<bool>> {
        if self.file.metadata()?.len() <= self.size_bytes {
            return Ok(vec![true; parts]);
        }
        let mut marks = vec![0; parts];
        self.file.read_exact_at(&mut marks, self.begin_bytes())?;
        Ok(marks.into_iter().map(|mark| mark != 0).collect())
    }

    /// Remembers that a part is there. Blocks.
    pub(crate) fn set(&self, part_no: u32) -> io::Result<()> {
        self.file
            .write_all_at(&[1], self.begin_bytes() + u64::from(part_no))
    }

    /// Leaves the blob's bytes alone in the file: every part is there. Blocks.
    pub(crate) fn cut_off(&self) -> io::Result<()> {
        // A file that lost bytes is not filled up: what is missing is told, not made up.
        if self.file.metadata()?.len() < self.size_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.set_len(self.size_bytes)
    }
}
