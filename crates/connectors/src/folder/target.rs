//! A folder, written to.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, EXECUTABLE, Existing, MTIME, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, SMALL_BLOB_BYTES,
    Settled, Target,
};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::beneath::{is_folder, make_root};
use super::draft::{remove_drafts, sweep};
use super::store::{Job, Need, found, look, store, store_stream};
use super::{Folder, FolderOptions, blocking, failure, relative};

/// Bytes of small files that are written and made durable together.
const TOGETHER_BYTES: u64 = 8 * 1024 * 1024;
/// Pieces of a large file between the source and the disk.
const PIECES: usize = 2;

/// A folder, written to.
pub struct FolderTarget(Arc<Folder>);

impl FolderTarget {
    /// Writes to the folder at `path`; [`Target::prepare`] makes it if it is not there.
    pub fn new(path: &Path, options: FolderOptions) -> Self {
        Self(Arc::new(Folder::new(path, options)))
    }

    async fn put_small(
        &self,
        jobs: Vec<(usize, Job)>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let wanted: Vec<(&ArtifactKey, &Blob)> = jobs
            .iter()
            .filter_map(|(_, job)| Some((&job.put().artifact.key, job.put().artifact.blobs.first()?)))
            .collect();
        let bytes = content.read(&wanted).await?;
        let (places, jobs): (Vec<usize>, Vec<Job>) = jobs.into_iter().unzip();
        let folder = Arc::clone(&self.0);
        let outcomes = blocking(move || store(&folder, jobs.into_iter().zip(bytes).collect())).await?;
        for (index, outcome) in places.into_iter().zip(outcomes) {
            settled.settled(index, outcome);
        }
        Ok(())
    }

    async fn put_large(&self, job: Job, content: &dyn Content) -> ConnectorResult<PutOutcome> {
        let artifact = job.put().artifact.clone();
        let Some(blob) = artifact.blobs.first() else {
            return Ok(PutOutcome::Failed(not_a_file(&artifact.key)));
        };
        let mut bytes = match content.open(&artifact.key, blob, 0).await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(PutOutcome::Failed(error)),
        };
        let (sender, receiver) = mpsc::channel(PIECES);
        let folder = Arc::clone(&self.0);
        let writing = tokio::spawn(blocking(move || store_stream(&folder, &job, receiver)));
        while let Some(piece) = bytes.next().await {
            // The writer is gone when the disk refused; its outcome says why.
            if sender.send(piece).await.is_err() {
                break;
            }
        }
        drop(sender);
        writing.await.map_err(|error| {
            ConnectorError::new(ErrorKind::Disk, Stage::Write, artifact.key.to_string())
                .words(error.to_string())
        })?
    }

    fn here(&self) -> String {
        self.0.path.display().to_string()
    }
}

fn not_a_file(key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, Stage::Write, key.to_string()).words("a folder holds files only")
}

#[async_trait]
impl Target for FolderTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Only "nothing stands there" is checked by the file system itself.
            conditional_write: false,
            metadata: true,
            batch_artifacts: 1000,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 2,
            needs_sha256: true,
            verifies: true,
        }
    }

    fn same_metadata(&self, wanted: &Metadata, existing: &Metadata) -> bool {
        let same = |name| {
            wanted
                .get(name)
                .is_none_or(|value| existing.get(name) == Some(value))
        };
        same(MTIME) && same(EXECUTABLE)
    }

    fn keeps_property(&self, name: &str) -> bool {
        [MTIME, EXECUTABLE].contains(&name)
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        let folder = Arc::clone(&self.0);
        let prepare = move || -> std::io::Result<bool> {
            if !is_folder(&folder.path)? {
                if !create {
                    return Ok(false);
                }
                make_root(&folder.path)?;
            }
            sweep(&folder)?;
            Ok(true)
        };
        match blocking(prepare).await? {
            Ok(true) => Ok(()),
            Ok(false) => Err(
                ConnectorError::new(ErrorKind::NotFound, Stage::Describe, self.here())
                    .words("there is no such folder"),
            ),
            Err(error) => Err(failure(Stage::Describe, self.here(), &error)),
        }
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let (folder, keys) = (Arc::clone(&self.0), keys.to_vec());
        let look = move || -> ConnectorResult<Vec<Option<Existing>>> {
            let one = |key: &ArtifactKey| {
                // What is no path stands nowhere; whoever puts it is told.
                let Ok(relative) = relative(key, Stage::Describe) else {
                    return Ok(None);
                };
                found(&folder, &relative).map_err(|error| failure(Stage::Describe, key.to_string(), &error))
            };
            keys.iter().map(one).collect()
        };
        blocking(look).await?
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let (folder, puts) = (Arc::clone(&self.0), batch.to_vec());
        let needs = blocking(move || {
            puts.into_iter()
                .map(|put| look(&folder, put))
                .collect::<Vec<Need>>()
        })
        .await?;
        let mut together = Vec::new();
        let mut together_bytes = 0;
        for (index, need) in needs.into_iter().enumerate() {
            let job = match need {
                Need::Done(outcome) => {
                    settled.settled(index, outcome);
                    continue;
                }
                Need::Bytes(job) => job,
            };
            let artifact = &job.put().artifact;
            let size_bytes = artifact.size_bytes();
            if artifact.blobs.len() != 1 {
                settled.settled(index, PutOutcome::Failed(not_a_file(&artifact.key)));
            } else if size_bytes > SMALL_BLOB_BYTES {
                settled.settled(index, self.put_large(job, content).await?);
            } else {
                together_bytes += size_bytes;
                together.push((index, job));
                if together_bytes > TOGETHER_BYTES {
                    self.put_small(std::mem::take(&mut together), content, settled)
                        .await?;
                    together_bytes = 0;
                }
            }
        }
        if together.is_empty() {
            return Ok(());
        }
        self.put_small(together, content, settled).await
    }
}

impl Drop for FolderTarget {
    fn drop(&mut self) {
        if let Some(root) = self.0.root.get() {
            remove_drafts(root);
        }
    }
}
