//! Checksums of bytes while they arrive: each sum on a thread of its own, all fed the same pieces.

use bytes::Bytes;
use crc::{CRC_64_XZ, Crc, Table};
use domain::digest::{Digest, Hasher};
use md5::{Digest as _, Md5};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

static CRC64: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_XZ);

/// Bytes handed over at once.
const HANDED_BYTES: usize = 256 * 1024;
/// Hand-overs that may wait, per sum.
const WAITING: usize = 4;

/// Checksums of one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checksums {
    pub sha256: Digest,
    pub md5: Option<[u8; 16]>,
    pub crc64: Option<u64>,
}

impl Checksums {
    /// Sums up `bytes`, which are all there.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: Digest::of(bytes),
            md5: Some(Md5::digest(bytes).into()),
            crc64: Some(CRC64.checksum(bytes)),
        }
    }

    /// Returns the MD5 in lowercase hex.
    pub(crate) fn md5_hex(&self) -> Option<String> {
        self.md5
            .map(|md5| md5.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Which sums are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// SHA-256 only.
    Sha256,
    /// SHA-256, MD5 and CRC-64.
    All,
}

type Pieces = Vec<Bytes>;
/// Where pieces go, and the sum they become.
type Sum<T> = (mpsc::Sender<Pieces>, JoinHandle<T>);

/// Sums under way.
pub(crate) struct Summing {
    gathered: Pieces,
    gathered_bytes: usize,
    sha256: Sum<Digest>,
    others: Option<Sum<([u8; 16], u64)>>,
}

impl Summing {
    /// Begins with nothing.
    pub(crate) fn start(wanted: Wanted) -> Self {
        let (sender, mut pieces) = mpsc::channel::<Pieces>(WAITING);
        let sha256 = tokio::task::spawn_blocking(move || {
            let mut hasher = Hasher::default();
            while let Some(pieces) = pieces.blocking_recv() {
                pieces.iter().for_each(|piece| hasher.update(piece));
            }
            hasher.finish()
        });
        Self {
            gathered: Vec::new(),
            gathered_bytes: 0,
            sha256: (sender, sha256),
            others: (wanted == Wanted::All).then(start_others),
        }
    }

    /// Takes the next bytes; waits when the sums cannot keep up.
    pub(crate) async fn push(&mut self, piece: Bytes) {
        self.gathered_bytes += piece.len();
        self.gathered.push(piece);
        if self.gathered_bytes >= HANDED_BYTES {
            self.hand_over().await;
        }
    }

    /// Returns the sums of everything taken; `None` when a sum broke.
    pub(crate) async fn finish(mut self) -> Option<Checksums> {
        self.hand_over().await;
        drop(self.sha256.0);
        let others = match self.others {
            None => None,
            Some((sender, others)) => {
                drop(sender);
                Some(others.await.ok()?)
            }
        };
        Some(Checksums {
            sha256: self.sha256.1.await.ok()?,
            md5: others.map(|(md5, _)| md5),
            crc64: others.map(|(_, crc64)| crc64),
        })
    }

    async fn hand_over(&mut self) {
        self.gathered_bytes = 0;
        let pieces = std::mem::take(&mut self.gathered);
        // A sum that broke is found when it is asked for.
        if let Some((others, _)) = &self.others {
            let _ = others.send(pieces.clone()).await;
        }
        let _ = self.sha256.0.send(pieces).await;
    }
}

fn start_others() -> Sum<([u8; 16], u64)> {
    let (sender, mut pieces) = mpsc::channel::<Pieces>(WAITING);
    let sums = tokio::task::spawn_blocking(move || {
        let (mut md5, mut crc64) = (Md5::new(), CRC64.digest());
        while let Some(pieces) = pieces.blocking_recv() {
            for piece in &pieces {
                md5.update(piece);
                crc64.update(piece);
            }
        }
        (md5.finalize().into(), crc64.finalize())
    });
    (sender, sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sums_of_pieces_are_those_of_the_whole() {
        let mut summing = Summing::start(Wanted::All);
        for piece in ["1234", "", "56789"] {
            summing.push(Bytes::from(piece)).await;
        }

        let sums = summing.finish().await.expect("no sum broke");

        assert_eq!(sums, Checksums::of(b"123456789"));
        assert_eq!(sums.crc64, Some(0x995d_c9bb_df19_39fa));
        assert_eq!(
            sums.md5_hex().as_deref(),
            Some("25f9e794323b453885f5181f1b624d0b")
        );
    }
}
