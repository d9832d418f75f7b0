//! Packs: the small blobs of one batch in one file, written and made durable together.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::write::write_all_at;
use super::{BlobFiles, NewFile};

/// Pieces one write takes.
const PIECES_PER_WRITE: usize = 512;

/// A durable pack no row names yet.
pub struct Packed {
    /// Its file.
    pub file: NewFile,
    /// Where each blob begins, in the order given.
    pub offsets_bytes: Vec<u64>,
    /// Length of the file.
    pub size_bytes: u64,
}

impl BlobFiles {
    /// Writes `blobs` one after the other into a new file and returns when it is durable. Blocks.
    pub fn pack(self: &Arc<Self>, blobs: &[Bytes]) -> io::Result<Packed> {
        let file = self.create()?;
        let mut offsets_bytes = Vec::with_capacity(blobs.len());
        let mut size_bytes = 0;
        for pieces in blobs.chunks(PIECES_PER_WRITE) {
            let begin = size_bytes;
            let mut slices = Vec::with_capacity(pieces.len());
            for piece in pieces {
                offsets_bytes.push(size_bytes);
                size_bytes += piece.len() as u64;
                slices.push(IoSlice::new(piece));
            }
            write_all_at(file.file(), &mut slices, begin)?;
        }
        file.file().sync_data()?;
        self.sync_entry(file.no())?;
        Ok(Packed {
            file,
            offsets_bytes,
            size_bytes,
        })
    }
}
