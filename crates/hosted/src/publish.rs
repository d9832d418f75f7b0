//! Publishing a batch: bytes verified and durable first, then one transaction names them all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, Put, PutOutcome};
use storage::blobfiles::{BlobFiles, BlobPlace, Packed};
use storage::publish::{NewBlob, NewBlobFile, NodeWrite, Publication, Viewer, Written};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;

/// One artifact to be published, and where its bytes come from.
#[derive(Debug, Clone)]
pub struct Publish {
    /// The artifact and what must stand there.
    pub put: Put,
    /// Where its bytes come from.
    pub supply: Supply,
}

/// Where the bytes of an artifact come from.
#[derive(Debug, Clone)]
pub enum Supply {
    /// They came with it, whole.
    Bytes(Bytes),
    /// They are here: the store answered so, or an upload brought them.
    Present,
}

/// The bytes of one new blob, checked.
pub(crate) struct Brought {
    pub digest: Digest,
    pub bytes: Bytes,
    pub md5: Option<[u8; 16]>,
    pub crc64: Option<u64>,
}

/// A small file that was checked already, with everything known of its bytes.
pub(crate) struct Checked {
    pub write: NodeWrite,
    pub bytes: Bytes,
    pub md5: Option<[u8; 16]>,
    pub crc64: Option<u64>,
}

/// Publishes files whose bytes need no more checking: one pack, one transaction.
pub(crate) async fn publish_checked(
    hosted: &Hosted,
    repository_no: i64,
    viewer: &Viewer,
    items: Vec<Checked>,
) -> HostedResult<Vec<Written>> {
    let mut writes = Vec::with_capacity(items.len());
    let mut brought = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(items.len());
    for item in items {
        if seen.insert(item.write.digest) {
            let Checked {
                bytes, md5, crc64, ..
            } = item;
            brought.push(Brought {
                digest: item.write.digest,
                bytes,
                md5,
                crc64,
            });
        }
        writes.push(item.write);
    }
    store(hosted.clone(), repository_no, viewer.clone(), writes, brought).await
}

/// Publishes a batch; what fails, fails alone.
pub(crate) async fn publish(
    hosted: &Hosted,
    repository_no: i64,
    batch: Vec<Publish>,
    viewer: &Viewer,
) -> HostedResult<Vec<PutOutcome>> {
    let checked = tokio::task::spawn_blocking(move || check(batch))
        .await
        .map_err(|error| HostedError::Disk(std::io::Error::other(error)))?;
    let Batch {
        mut outcomes,
        writes,
        moved_bytes,
        index_of,
        brought,
    } = checked;
    let written = store(hosted.clone(), repository_no, viewer.clone(), writes, brought).await?;
    for ((index, moved_bytes), written) in index_of.into_iter().zip(moved_bytes).zip(written) {
        outcomes[index] = Some(outcome(written, moved_bytes));
    }
    let unknown = || PutOutcome::Failed(ConnectorError::new(ErrorKind::Protocol, Stage::Commit, "batch"));
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(unknown))
        .collect())
}

/// A batch with its bytes verified: what cannot be written is answered already.
struct Batch {
    outcomes: Vec<Option<PutOutcome>>,
    writes: Vec<NodeWrite>,
    moved_bytes: Vec<Option<u64>>,
    index_of: Vec<usize>,
    brought: Vec<Brought>,
}

fn check(batch: Vec<Publish>) -> Batch {
    let count = batch.len();
    let mut checked = Batch {
        outcomes: (0..count).map(|_| None).collect(),
        writes: Vec::with_capacity(count),
        moved_bytes: Vec::with_capacity(count),
        index_of: Vec::with_capacity(count),
        brought: Vec::with_capacity(count),
    };
    let mut seen: HashMap<Digest, usize> = HashMap::with_capacity(count);
    for (index, item) in batch.into_iter().enumerate() {
        match check_one(&item) {
            Err(error) => checked.outcomes[index] = Some(PutOutcome::Failed(error)),
            Ok(write) => {
                if let Supply::Bytes(bytes) = item.supply {
                    checked.moved_bytes.push(Some(bytes.len() as u64));
                    seen.entry(write.digest).or_insert_with(|| {
                        let md5 = item
                            .put
                            .artifact
                            .blobs
                            .first()
                            .and_then(|blob| blob.checksums.md5);
                        checked.brought.push(Brought {
                            digest: write.digest,
                            bytes,
                            md5,
                            crc64: None,
                        });
                        index
                    });
                } else {
                    checked.moved_bytes.push(None);
                }
                checked.writes.push(write);
                checked.index_of.push(index);
            }
        }
    }
    checked
}

fn check_one(item: &Publish) -> Result<NodeWrite, ConnectorError> {
    let artifact = &item.put.artifact;
    let refused =
        |kind, words: &str| ConnectorError::new(kind, Stage::Verify, artifact.key.to_string()).words(words);
    let Some(path) = artifact.key.path().filter(|path| !path.is_root()) else {
        return Err(refused(ErrorKind::Protocol, "its name is no path of a file"));
    };
    let [blob] = artifact.blobs.as_slice() else {
        return Err(refused(ErrorKind::Protocol, "a file has exactly one blob"));
    };
    let Some(digest) = blob.digest.filter(|_| blob.digest == artifact.digest) else {
        return Err(refused(
            ErrorKind::Protocol,
            "its digest is not the one of its blob",
        ));
    };
    if let Supply::Bytes(bytes) = &item.supply {
        if bytes.len() as u64 != blob.size_bytes {
            return Err(refused(ErrorKind::Corrupt, "its length is not the one announced"));
        }
        if Digest::of(bytes) != digest {
            return Err(refused(ErrorKind::Corrupt, "its sha256 is not the one announced"));
        }
    }
    Ok(NodeWrite {
        path,
        digest,
        brings_bytes: matches!(item.supply, Supply::Bytes(_)),
        expect: item.put.expect.clone(),
        metadata: artifact.metadata.clone(),
        with_metadata: item.put.with_metadata,
        expires_ms: None,
    })
}

/// Makes the bytes durable, then names them. Runs to its end even when whoever asked goes away.
async fn store(
    hosted: Hosted,
    repository_no: i64,
    viewer: Viewer,
    writes: Vec<NodeWrite>,
    brought: Vec<Brought>,
) -> HostedResult<Vec<Written>> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    seen_through(async move {
        let packed = pack(hosted.data().files().clone(), brought).await?;
        let (blobs, file) = match &packed {
            Some((packed, blobs)) => {
                let file = NewBlobFile {
                    no: packed.file.no(),
                    size_bytes: packed.size_bytes,
                };
                (blobs.as_slice(), vec![file])
            }
            None => (&[][..], Vec::new()),
        };
        let publication = Publication {
            repository_no,
            viewer: &viewer,
            writes: &writes,
            blobs,
            files: &file,
        };
        let published = hosted.data().publish(publication).await;
        if let Some((packed, _)) = packed {
            // After an error the rows may be there all the same; the next start knows.
            let no = packed.file.no();
            if published
                .as_ref()
                .map_or(true, |published| published.kept_files.contains(&no))
            {
                packed.file.keep();
            }
        }
        Ok(published?.written)
    })
    .await?
}

/// Writes the bytes of new blobs into one file, durable when this returns; `None` when there are none.
pub(crate) async fn pack(
    files: Arc<BlobFiles>,
    brought: Vec<Brought>,
) -> HostedResult<Option<(Packed, Vec<NewBlob>)>> {
    if brought.is_empty() {
        return Ok(None);
    }
    let packing = tokio::task::spawn_blocking(move || {
        let bytes: Vec<Bytes> = brought.iter().map(|new| new.bytes.clone()).collect();
        let packed = files.pack(&bytes)?;
        let blobs = brought
            .iter()
            .zip(&packed.offsets_bytes)
            .map(|(new, offset_bytes)| NewBlob {
                digest: new.digest,
                md5: new.md5,
                crc64: new.crc64,
                place: BlobPlace {
                    file_no: packed.file.no(),
                    offset_bytes: *offset_bytes,
                    size_bytes: new.bytes.len() as u64,
                },
            })
            .collect();
        Ok((packed, blobs))
    });
    let packed: std::io::Result<_> = packing
        .await
        .map_err(|error| HostedError::Disk(std::io::Error::other(error)))?;
    Ok(Some(packed?))
}

fn outcome(written: Written, moved_bytes: Option<u64>) -> PutOutcome {
    let failed = |kind, subject: String, words: &str| {
        PutOutcome::Failed(ConnectorError::new(kind, Stage::Commit, subject).words(words))
    };
    match written {
        Written::Stored { .. } => PutOutcome::Stored {
            moved_bytes: moved_bytes.unwrap_or(0),
            moved_blobs: u32::from(moved_bytes.is_some()),
        },
        Written::Raced { found } => PutOutcome::Raced { found },
        Written::Blocked { by } => failed(
            ErrorKind::Conflict,
            by.to_string(),
            "a file cannot replace a folder, nor a folder a file",
        ),
        Written::BlobAbsent => failed(ErrorKind::NotFound, "blob".into(), "its bytes are not here"),
        Written::OverQuota => failed(
            ErrorKind::Limit,
            "quota".into(),
            "the repository has no room left",
        ),
        Written::RepositoryGone => failed(ErrorKind::NotFound, "repository".into(), "it is gone"),
    }
}
