//! Bytes of large objects, cut into parts that are held in memory while they travel.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::StreamExt;
use md5::{Digest as _, Md5};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Smallest part; what is not larger travels whole.
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Most parts of one object.
const MOST_PARTS: u64 = 10_000;
/// Bytes of parts that one target holds at the same time.
const HELD_BYTES: u64 = 48 * 1024 * 1024;
/// What is counted at once.
const UNIT_BYTES: u64 = 64 * 1024;

/// The memory that parts of one target share.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        let units = usize::try_from(HELD_BYTES / UNIT_BYTES).unwrap_or(1);
        Self(Arc::new(Semaphore::new(units)))
    }
}

impl Room {
    /// Waits for room for `bytes`.
    async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.min(HELD_BYTES).div_ceil(UNIT_BYTES)).unwrap_or(1);
        self.0.clone().acquire_many_owned(units).await.ok()
    }
}

/// Returns the length of the parts of an object of `size_bytes`; an error if they would not fit into memory.
pub(super) fn part_bytes(size_bytes: u64, subject: &str) -> ConnectorResult<u64> {
    let least = size_bytes.div_ceil(MOST_PARTS);
    let length = least.div_ceil(PART_BYTES).max(1) * PART_BYTES;
    if length > HELD_BYTES {
        return Err(
            ConnectorError::new(ErrorKind::Limit, Stage::Write, subject).words(format!(
                "objects of more than {} bytes are not supported",
                HELD_BYTES * MOST_PARTS
            )),
        );
    }
    Ok(length)
}

/// A part, and the room it takes.
pub(super) struct Part {
    /// Its number, from 1.
    pub(super) number: u32,
    /// Its bytes.
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Part {
    /// Returns the MD5 of its bytes.
    pub(super) async fn md5(&self) -> [u8; 16] {
        md5_of(self.bytes.clone()).await
    }
}

/// Cuts a stream into parts.
pub(super) struct Parts {
    bytes: futures_util::stream::Fuse<ByteStream>,
    left: Bytes,
    room: Room,
    length: u64,
    number: u32,
}

impl Parts {
    /// Cuts `bytes` into parts of `length` bytes.
    pub(super) fn new(bytes: ByteStream, length: u64, room: Room) -> Self {
        Self {
            bytes: bytes.fuse(),
            left: Bytes::new(),
            room,
            length,
            number: 0,
        }
    }

    /// Returns the next part, which is shorter only at the end; `None` behind it.
    pub(super) async fn next(&mut self) -> ConnectorResult<Option<Part>> {
        let room = self.room.take(self.length).await;
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let mut part = BytesMut::new();
        while part.len() < length {
            if self.left.is_empty() {
                match self.bytes.next().await.transpose()? {
                    Some(piece) => self.left = piece,
                    None => break,
                }
            }
            let taken = self.left.split_to(self.left.len().min(length - part.len()));
            part.reserve(if part.is_empty() { length } else { 0 });
            part.extend_from_slice(&taken);
        }
        if part.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Part {
            number: self.number,
            bytes: part.freeze(),
            _room: room,
        }))
    }
}

/// Returns the MD5 of `bytes`, computed beside everything else if it takes long.
pub(super) async fn md5_of(bytes: Bytes) -> [u8; 16] {
    if bytes.len() <= 64 * 1024 {
        return Md5::digest(&bytes).into();
    }
    let again = bytes.clone();
    let summing = tokio::task::spawn_blocking(move || Md5::digest(&bytes).into());
    match summing.await {
        Ok(md5) => md5,
        Err(_) => Md5::digest(&again).into(),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_stream_is_cut_into_equal_parts_and_a_rest() {
        let pieces = [&b"abcd"[..], b"e", b"fghij"].map(|piece| Ok(Bytes::from_static(piece)));
        let mut parts = Parts::new(Box::pin(stream::iter(pieces)), 3, Room::default());

        let mut cut = Vec::new();
        while let Some(part) = parts.next().await.expect("a part") {
            assert_eq!(part.md5().await, <[u8; 16]>::from(Md5::digest(&part.bytes)));
            cut.push((part.number, part.bytes));
        }

        let expected = [(1, "abc"), (2, "def"), (3, "ghi"), (4, "j")];
        assert_eq!(cut, expected.map(|(number, bytes)| (number, Bytes::from(bytes))));
    }

    #[test]
    fn parts_grow_with_the_object_as_far_as_memory_goes() {
        assert_eq!(part_bytes(PART_BYTES + 1, "/").ok(), Some(PART_BYTES));
        assert_eq!(
            part_bytes(PART_BYTES * MOST_PARTS + 1, "/").ok(),
            Some(2 * PART_BYTES)
        );
        assert!(part_bytes(HELD_BYTES * MOST_PARTS + 1, "/").is_err());
    }
}
