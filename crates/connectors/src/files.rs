//! Files of a batch on their way: small ones read together, large ones checked as they pass.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::checksums::{Hasher, Sums};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content, Put, SMALL_BLOB_BYTES};
use futures_util::{StreamExt, stream};

use crate::scope::path_of;

/// Bytes of small files that are read together where others do not wait for them.
const TOGETHER_BYTES: u64 = 4 * 1024 * 1024;

/// A file to be written.
pub(crate) struct Job<'a> {
    /// Its place in the batch.
    pub(crate) index: usize,
    /// What is to be done.
    pub(crate) put: &'a Put,
    /// Where it belongs.
    pub(crate) path: FilePath,
    /// What it consists of.
    pub(crate) blob: &'a Blob,
    /// Its bytes, if it is small.
    pub(crate) bytes: Option<ConnectorResult<Bytes>>,
}

/// Why a file is not written, beside `S`, what stands in its place.
pub(crate) enum Not<S> {
    /// Its bytes stand there already.
    Same,
    /// Something else stands there than was expected.
    Raced(S),
    /// It failed.
    Failed(ConnectorError),
}

impl<S> From<ConnectorError> for Not<S> {
    fn from(error: ConnectorError) -> Self {
        Self::Failed(error)
    }
}

/// Returns the error for a file that something stands in the way of.
pub(crate) fn conflict(path: &FilePath, words: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Conflict, Stage::Write, path.as_str()).words(words)
}

/// Returns the error for a file that is not what was sent.
pub(crate) fn corrupt(path: &FilePath, words: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, path.as_str()).words(words)
}

/// Returns the file that `put` is.
pub(crate) fn job(index: usize, put: &Put) -> ConnectorResult<Job<'_>> {
    let path = path_of(&put.artifact.key, Stage::Write)?;
    let [blob] = put.artifact.blobs.as_slice() else {
        let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, path.as_str());
        return Err(error.words("a file consists of exactly one blob"));
    };
    let bytes = None;
    Ok(Job {
        index,
        put,
        path,
        blob,
        bytes,
    })
}

/// Reads the bytes of those that are small.
pub(crate) async fn read_small(jobs: &mut [Job<'_>], content: &dyn Content) {
    let (mut wanted, mut readers): (Vec<(&ArtifactKey, &Blob)>, Vec<&mut Job<'_>>) = Default::default();
    for job in jobs
        .iter_mut()
        .filter(|job| job.blob.size_bytes <= SMALL_BLOB_BYTES)
    {
        wanted.push((&job.put.artifact.key, job.blob));
        readers.push(job);
    }
    if wanted.is_empty() {
        return;
    }
    match content.read(&wanted).await {
        Ok(answers) => readers
            .into_iter()
            .zip(answers)
            .for_each(|(job, bytes)| job.bytes = Some(bytes)),
        Err(error) => readers
            .into_iter()
            .for_each(|job| job.bytes = Some(Err(error.again()))),
    }
}

/// Cuts a batch into groups whose small files fit into memory together.
pub(crate) fn groups(batch: &[Put]) -> Vec<Vec<(usize, &Put)>> {
    groups_of(batch, TOGETHER_BYTES, usize::MAX)
}

/// Cuts a batch into groups of at most `most` files, of which the small ones have at most `most_bytes` together.
pub(crate) fn groups_of(batch: &[Put], most_bytes: u64, most: usize) -> Vec<Vec<(usize, &Put)>> {
    let mut groups: Vec<Vec<(usize, &Put)>> = Vec::new();
    let mut held_bytes = 0;
    for (index, put) in batch.iter().enumerate() {
        let size_bytes = Some(put.artifact.size_bytes())
            .filter(|size| *size <= SMALL_BLOB_BYTES)
            .unwrap_or(0);
        held_bytes += size_bytes;
        match groups.last_mut() {
            Some(group) if held_bytes <= most_bytes && group.len() < most => group.push((index, put)),
            _ => {
                groups.push(vec![(index, put)]);
                held_bytes = size_bytes;
            }
        }
    }
    groups
}

/// The sums of bytes that passed; there after their end.
pub(crate) type Summed = Arc<Mutex<Option<Sums>>>;

/// Returns `bytes`, which end with an error if they are not those of `blob`; the sums are there after the end.
pub(crate) fn checked(bytes: ByteStream, blob: &Blob, path: &FilePath) -> (ByteStream, Summed) {
    let summed = Summed::default();
    let state = (
        bytes,
        Hasher::of(blob),
        blob.clone(),
        path.clone(),
        summed.clone(),
        None::<Bytes>,
    );
    let checked = stream::try_unfold(Some(state), |state| async move {
        let Some((mut bytes, mut hasher, blob, path, summed, mut held)) = state else {
            return Ok(None);
        };
        loop {
            match bytes.next().await.transpose()? {
                Some(piece) => {
                    hasher.update(&piece);
                    // The last piece is held back, so that wrong bytes are never complete.
                    if let Some(earlier) = held.replace(piece) {
                        return Ok(Some((earlier, Some((bytes, hasher, blob, path, summed, held)))));
                    }
                }
                None => {
                    let sums = hasher.finish();
                    if !sums.are_of(&blob) {
                        return Err(other_bytes(&path));
                    }
                    *summed.lock().unwrap_or_else(PoisonError::into_inner) = Some(sums);
                    return Ok(held.map(|last| (last, None)));
                }
            }
        }
    });
    (Box::pin(checked), summed)
}

/// Returns the error for bytes that are not those their source described.
pub(crate) fn other_bytes(path: &FilePath) -> ConnectorError {
    ConnectorError::new(ErrorKind::Corrupt, Stage::Read, path.as_str())
        .words("the source sent other bytes than it described")
}
