//! Reading blobs: many small ones in one go, large ones as streams.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use tokio::task::JoinHandle;

use super::{BlobFiles, BlobPlace};

/// Most bytes one read of neighbouring blobs takes.
const RUN_BYTES: u64 = 4 * 1024 * 1024;
/// Most bytes between two blobs that are read over rather than skipped.
const GAP_BYTES: u64 = 4 * 1024;
/// Bytes of one piece of a stream.
const PIECE_BYTES: u64 = 512 * 1024;

/// Bytes of a blob, piece by piece.
pub type BlobBytes = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl BlobFiles {
    /// Returns the whole bytes of each of `places`, in their order: one hop to another thread for all.
    ///
    /// Blobs that lie side by side are read at once.
    pub async fn read_all(self: &Arc<Self>, places: Vec<BlobPlace>) -> Vec<io::Result<Bytes>> {
        let files = self.clone();
        let count = places.len();
        match tokio::task::spawn_blocking(move || files.read_blocking(&places)).await {
            Ok(read) => read,
            Err(error) => (0..count)
                .map(|_| Err(io::Error::other(error.to_string())))
                .collect(),
        }
    }

    fn read_blocking(&self, places: &[BlobPlace]) -> Vec<io::Result<Bytes>> {
        let mut read: Vec<io::Result<Bytes>> = places.iter().map(|_| Ok(Bytes::new())).collect();
        let mut by_file: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (index, place) in places.iter().enumerate() {
            by_file.entry(place.file_no).or_default().push(index);
        }
        for (no, mut wanted) in by_file {
            wanted.sort_by_key(|index| places[*index].offset_bytes);
            match self.open_file(no) {
                Ok(file) => read_runs(&file, places, &wanted, &mut read),
                Err(error) => wanted.iter().for_each(|index| read[*index] = Err(again(&error))),
            }
        }
        read
    }

    /// Returns the bytes of `place` from `begin_bytes` on, `length_bytes` of them, as a stream.
    ///
    /// The file is open when this returns, so a collector that unlinks it takes nothing away; the next
    /// piece is read while the last one is used.
    pub async fn stream(
        self: &Arc<Self>,
        place: BlobPlace,
        begin_bytes: u64,
        length_bytes: u64,
    ) -> io::Result<BlobBytes> {
        let files = self.clone();
        let file = tokio::task::spawn_blocking(move || files.open_file(place.file_no))
            .await
            .map_err(io::Error::other)??;
        let end_bytes = place.size_bytes.min(begin_bytes.saturating_add(length_bytes));
        let mut reader = Reader {
            file: Arc::new(file),
            at_bytes: place.offset_bytes + begin_bytes,
            end_bytes: place.offset_bytes + end_bytes,
            ahead: None,
        };
        reader.read_ahead();
        Ok(Box::pin(futures_util::stream::unfold(reader, Reader::next)))
    }
}

struct Reader {
    file: Arc<File>,
    at_bytes: u64,
    end_bytes: u64,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reader {
    fn read_ahead(&mut self) {
        if self.at_bytes >= self.end_bytes {
            self.ahead = None;
            return;
        }
        let (file, at_bytes) = (self.file.clone(), self.at_bytes);
        let length_bytes = PIECE_BYTES.min(self.end_bytes - at_bytes);
        self.at_bytes += length_bytes;
        self.ahead = Some(tokio::task::spawn_blocking(move || {
            read_at(&file, at_bytes, length_bytes).map(Bytes::from)
        }));
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let piece = self
            .ahead
            .take()?
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        if piece.is_ok() {
            self.read_ahead();
        }
        Some((piece, self))
    }
}

fn read_runs(file: &File, places: &[BlobPlace], wanted: &[usize], read: &mut [io::Result<Bytes>]) {
    let mut rest = wanted;
    while let Some(first) = rest.first() {
        let begin_bytes = places[*first].offset_bytes;
        let mut end_bytes = begin_bytes + places[*first].size_bytes;
        let mut count = 1;
        while let Some(next) = rest.get(count).map(|index| places[*index]) {
            let next_end_bytes = end_bytes.max(next.offset_bytes + next.size_bytes);
            if next.offset_bytes > end_bytes + GAP_BYTES || next_end_bytes - begin_bytes > RUN_BYTES {
                break;
            }
            end_bytes = next_end_bytes;
            count += 1;
        }
        let (run, left) = rest.split_at(count);
        let bytes = read_at(file, begin_bytes, end_bytes - begin_bytes).map(Bytes::from);
        for index in run {
            read[*index] = match &bytes {
                Ok(bytes) => Ok(cut(bytes, begin_bytes, places[*index])),
                Err(error) => Err(again(error)),
            };
        }
        rest = left;
    }
}

fn cut(run: &Bytes, begin_bytes: u64, place: BlobPlace) -> Bytes {
    // Runs hold at most RUN_BYTES or one blob that was asked for whole, so both fit into usize.
    let begin = usize::try_from(place.offset_bytes - begin_bytes).unwrap_or(usize::MAX);
    let length = usize::try_from(place.size_bytes).unwrap_or(usize::MAX);
    run.slice(begin..begin + length)
}

fn read_at(file: &File, at_bytes: u64, length_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_piece(file, &mut bytes, at_bytes, length_bytes)?;
    Ok(bytes)
}

/// Fills `bytes` anew with exactly the `length_bytes` that lie at `at_bytes`. Blocks.
pub fn read_piece(file: &File, bytes: &mut Vec<u8>, mut at_bytes: u64, length_bytes: u64) -> io::Result<()> {
    let length = usize::try_from(length_bytes).map_err(io::Error::other)?;
    bytes.clear();
    bytes.reserve_exact(length);
    while bytes.len() < length {
        match rustix::io::pread(file, rustix::buffer::spare_capacity(bytes), at_bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => at_bytes += read as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(())
}

fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
