//! Writing large blobs: big pieces, no copies, write-back that starts early.

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
        self.write().await?;
        done(self.writing.take()).await?;
        done(self.flushing.take()).await?;
        let file = self.file.clone();
        done(Some(tokio::task::spawn_blocking(move || file.sync_data()))).await
    }

    /// Waits until nothing more is written: what a writer that gave up must do before another begins.
    pub async fn settle(mut self) {
        // The caller already knows why it stops; a failed write changes nothing about that.
        let _ = done(self.writing.take()).await;
    }

    async fn write(&mut self) -> io::Result<()> {
        done(self.writing.take()).await?;
        let gathered = std::mem::take(&mut self.gathered);
        let bytes = std::mem::take(&mut self.gathered_bytes) as u64;
        if bytes == 0 {
            return Ok(());
        }
        let (file, offset_bytes) = (self.file.clone(), self.offset_bytes);
        self.offset_bytes += bytes;
        self.unflushed_bytes += bytes;
        let held = self.held.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            let _held = held;
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
