//! Writing large blobs: big pieces, write-back that starts early, or past the page cache altogether.
//!
//! A blob that arrives is read again much later or never, so a file can be written directly: no page is
//! allocated, filled and written back for it. Direct writes need aligned memory; the copy into it costs a
//! fraction of what the pages would.

use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::FallocateFlags;
use tokio::task::JoinHandle;

/// What is gathered before it is written.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// Unwritten bytes after which a flush is started beside the writing.
const FLUSH_BYTES: u64 = 32 * 1024 * 1024;
/// What direct writes are multiples of, in memory, in length and in the file.
pub const BLOCK_BYTES: usize = 4096;

/// Bytes copied into memory that begins at a multiple of [`BLOCK_BYTES`].
struct Aligned {
    memory: Vec<u8>,
    begin: usize,
}

impl Aligned {
    fn of(pieces: &[Bytes]) -> Self {
        let bytes: usize = pieces.iter().map(Bytes::len).sum();
        let mut memory: Vec<u8> = Vec::with_capacity(bytes + BLOCK_BYTES);
        let begin = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        memory.resize(begin, 0);
        pieces.iter().for_each(|piece| memory.extend_from_slice(piece));
        Self { memory, begin }
    }
}

/// Writes all of `pieces` at `offset_bytes`. Blocks.
pub(super) fn write_all_at(file: &File, pieces: &mut [IoSlice<'_>], mut offset_bytes: u64) -> io::Result<()> {
    let mut left = pieces;
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match rustix::io::pwritev(file, left, offset_bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset_bytes += written as u64;
                IoSlice::advance_slices(&mut left, written);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes `size_bytes` from the disk at once, so that a full one says so before bytes travel. Blocks.
pub fn reserve(file: &File, size_bytes: u64) -> io::Result<()> {
    if size_bytes == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size_bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        other => Ok(other?),
    }
}

/// Writes the bytes of a file, or of one part of it, as they arrive.
///
/// Pieces are gathered to [`PIECE_BYTES`] and written by another thread while the next ones arrive; at
/// most one write and one flush are under way, so memory stays at two pieces.
pub struct PartWriter {
    file: Arc<File>,
    /// The same file, for direct writes.
    direct: Option<Arc<File>>,
    offset_bytes: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    unflushed_bytes: u64,
    writing: Option<JoinHandle<io::Result<()>>>,
    flushing: Option<JoinHandle<io::Result<()>>>,
    held: Option<Held>,
}

/// Something that is let go of when no write is under way any more.
pub type Held = Arc<dyn Send + Sync>;

impl PartWriter {
    /// Begins at `offset_bytes` of `file`.
    pub fn new(file: Arc<File>, offset_bytes: u64) -> Self {
        Self {
            file,
            direct: None,
            offset_bytes,
            gathered: Vec::new(),
            gathered_bytes: 0,
            unflushed_bytes: 0,
            writing: None,
            flushing: None,
            held: None,
        }
    }

    /// Holds on to `held` until the last write has ended, even when the writer itself is dropped before.
    #[must_use]
    pub fn holding(mut self, held: Held) -> Self {
        self.held = Some(held);
        self
    }

    /// Writes whole blocks through `direct`, the same file opened for direct writes; the offset to begin at
    /// must be a multiple of a block.
    #[must_use]
    pub fn directly(mut self, direct: Option<Arc<File>>) -> Self {
        self.direct = direct;
        self
    }

    /// Takes the next bytes.
    pub async fn push(&mut self, piece: Bytes) -> io::Result<()> {
        self.gathered_bytes += piece.len();
        self.gathered.push(piece);
        if self.gathered_bytes >= PIECE_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes what is left and returns when all of it is durable.
    pub async fn finish(mut self) -> io::Result<()> {
        self.write_rest().await?;
        done(self.flushing.take()).await?;
        let file = self.file.clone();
        done(Some(tokio::task::spawn_blocking(move || file.sync_data()))).await
    }

    /// Writes what is left and returns when all of it can be read; durable it becomes with the whole file.
    pub async fn finish_part(mut self) -> io::Result<()> {
        self.write_rest().await?;
        done(self.flushing.take()).await
    }

    async fn write_rest(&mut self) -> io::Result<()> {
        self.write().await?;
        self.direct = None;
        self.write().await?;
        done(self.writing.take()).await
    }

    /// Waits until nothing more is written: what a writer that gave up must do before another begins.
    pub async fn settle(mut self) {
        // The caller already knows why it stops; a failed write changes nothing about that.
        let _ = done(self.writing.take()).await;
    }

    async fn write(&mut self) -> io::Result<()> {
        done(self.writing.take()).await?;
        let gathered = self.take_gathered();
        let bytes: u64 = gathered.iter().map(|piece| piece.len() as u64).sum();
        if bytes == 0 {
            return Ok(());
        }
        let (file, offset_bytes) = (self.file.clone(), self.offset_bytes);
        let direct = self.direct.clone();
        self.offset_bytes += bytes;
        if direct.is_none() {
            self.unflushed_bytes += bytes;
        }
        let held = self.held.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let _held = held;
            if let Some(direct) = direct {
                let aligned = Aligned::of(&gathered);
                let mut slices = [IoSlice::new(&aligned.memory[aligned.begin..])];
                return write_all_at(&direct, &mut slices, offset_bytes);
            }
            let mut at_bytes = offset_bytes;
            for pieces in gathered.chunks(512) {
                let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
                write_all_at(&file, &mut slices, at_bytes)?;
                at_bytes += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            }
            Ok(())
        }));
        self.flush_early().await
    }

    /// Takes what is gathered; for direct writes only whole blocks of it.
    fn take_gathered(&mut self) -> Vec<Bytes> {
        let mut taken = std::mem::take(&mut self.gathered);
        let over = if self.direct.is_some() {
            self.gathered_bytes % BLOCK_BYTES
        } else {
            0
        };
        self.gathered_bytes = over;
        let mut left = over;
        while left > 0
            && let Some(mut last) = taken.pop()
        {
            let stays = left.min(last.len());
            self.gathered.insert(0, last.split_off(last.len() - stays));
            left -= stays;
            if !last.is_empty() {
                taken.push(last);
            }
        }
        taken
    }

    /// Starts write-back beside the writing, so that the last flush finds little left.
    async fn flush_early(&mut self) -> io::Result<()> {
        let idle = self.flushing.as_ref().is_none_or(JoinHandle::is_finished);
        if self.unflushed_bytes < FLUSH_BYTES || !idle {
            return Ok(());
        }
        done(self.flushing.take()).await?;
        self.unflushed_bytes = 0;
        let file = self.file.clone();
        self.flushing = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }
}

async fn done(task: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match task {
        None => Ok(()),
        Some(task) => task.await.map_err(io::Error::other)?,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_directly_is_what_was_pushed_whatever_its_pieces() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("blob");
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .expect("a file");
        let direct = super::super::open_direct(&path).expect("it opens again");
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| (n % 251) as u8).collect();

        let mut writer = PartWriter::new(Arc::new(file), 0).directly(direct.map(Arc::new));
        for piece in bytes.chunks(70_001) {
            writer.push(Bytes::copy_from_slice(piece)).await.expect("a piece");
        }
        writer.finish_part().await.expect("the rest");

        assert!(std::fs::read(&path).expect("it can be read") == bytes);
    }
}
