//! Writing a batch: what stands there is looked at, blobs get there each once, then files are made of them.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob, Existing, KnownBlob, Metadata};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{
    ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome, SMALL_BLOB_BYTES, Settled,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::PARALLEL;
use super::supply::Supplied;
use super::target::{BkRepoTarget, existing_of, path_of};
use super::wire::REPLICA;
use crate::fatal::is_the_servers;

/// Asking whether a smaller blob is there costs about as much as sending it.
const ASK_FIRST_BYTES: u64 = 32 * 1024;
/// Bytes of small blobs that are held in memory at once.
const TOGETHER_BYTES: u64 = 8 * 1024 * 1024;
/// Artifacts that are carried together.
const TOGETHER: usize = 100;

/// An artifact that is to be written, as far as that was decided.
struct Job<'a> {
    index: usize,
    put: &'a Put,
    path: FilePath,
    blob: KnownBlob<'a>,
    metadata: Metadata,
}

/// What was found out about an artifact before anything is sent.
enum Looked<'a> {
    Write(Box<Job<'a>>),
    Settled(PutOutcome),
}

type Blobs = HashMap<Digest, ConnectorResult<Supplied>>;

impl BkRepoTarget {
    /// Carries a batch, group by group.
    pub(super) async fn write_all(
        &self,
        batch: &[Put],
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        for group in groups(batch) {
            let looks = group
                .into_iter()
                .map(|(index, put)| async move { (index, self.look(index, put).await) });
            let looks: Vec<_> = looks.collect();
            let mut looked = stream::iter(looks).buffered(PARALLEL);
            let mut jobs = Vec::new();
            while let Some((index, look)) = looked.next().await {
                match look {
                    Ok(Looked::Write(job)) => jobs.push(*job),
                    Ok(Looked::Settled(outcome)) => settled.settled(index, outcome),
                    Err(error) if is_the_servers(&error) => return Err(error),
                    Err(error) => settled.settled(index, PutOutcome::Failed(error)),
                }
            }
            if !jobs.is_empty() {
                self.write(jobs, content, settled).await?;
            }
        }
        Ok(())
    }

    /// Finds out whether and with which properties one artifact is to be written.
    async fn look<'a>(&self, index: usize, put: &'a Put) -> ConnectorResult<Looked<'a>> {
        let artifact = &put.artifact;
        let refused = |kind, words: &str| {
            let error = ConnectorError::new(kind, Stage::Write, artifact.key.to_string()).words(words);
            Looked::Settled(PutOutcome::Failed(error))
        };
        let only = match artifact.blobs.as_slice() {
            [blob] => blob.known(),
            _ => None,
        };
        let (Some(blob), Ok(path)) = (only, path_of(&artifact.key)) else {
            let words = "only files, of one blob with a known SHA-256 each, can be sent to a bk-repo";
            return Ok(refused(ErrorKind::Protocol, words));
        };
        // Where nothing may stand, the node itself sees to it; before a large blob travels it is asked all the same.
        let asks = put.expect != Expect::Absent || blob.size_bytes > SMALL_BLOB_BYTES;
        let node = if asks { self.existing(&path).await? } else { None };
        if node.as_ref().is_some_and(|node| node.folder) {
            return Ok(refused(ErrorKind::Conflict, "a folder stands there"));
        }
        let found = node.as_ref().map(existing_of);
        let holds = match (&put.expect, &found) {
            (Expect::Anything, _) | (Expect::Absent, None) => true,
            (Expect::Digest(digest), Some(found)) => found.digest == Some(*digest),
            (Expect::Absent, Some(_)) | (Expect::Digest(_), None) | (Expect::Mark(_), _) => false,
        };
        if !holds {
            return Ok(Looked::Settled(PutOutcome::Raced { found }));
        }
        let metadata = match &found {
            Some(found) if !put.with_metadata => found.metadata.clone(),
            _ => artifact.metadata.clone(),
        };
        let same = |found: &Existing| found.digest == artifact.digest && found.metadata == metadata;
        if found.as_ref().is_some_and(same) {
            let stored = PutOutcome::Stored {
                moved_bytes: 0,
                moved_blobs: 0,
            };
            return Ok(Looked::Settled(stored));
        }
        let job = Job {
            index,
            put,
            path,
            blob,
            metadata,
        };
        Ok(Looked::Write(Box::new(job)))
    }

    /// Gets the blobs of `jobs` there, each once; `trusting` says whether those called present are left out.
    async fn supply(
        &self,
        jobs: &[Job<'_>],
        content: &dyn Content,
        trusting: bool,
    ) -> ConnectorResult<Blobs> {
        let mut distinct: HashMap<Digest, &Job<'_>> = HashMap::new();
        for job in jobs {
            distinct.entry(job.blob.digest).or_insert(job);
        }
        let looks: Vec<_> = distinct
            .into_values()
            .map(|job| async move {
                let asks = trusting && job.blob.size_bytes >= ASK_FIRST_BYTES;
                if !asks {
                    return Ok((job, false));
                }
                let there = match self.holds(&job.blob).await {
                    Err(error) if is_fatal(&error) => return Err(error),
                    // Why it cannot say so is told again when the bytes are sent.
                    answer => answer.unwrap_or(false),
                };
                Ok::<_, ConnectorError>((job, there))
            })
            .collect();
        let looked: Vec<(&Job<'_>, bool)> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        let small: Vec<&Job<'_>> = looked
            .iter()
            .filter(|(job, there)| !there && job.blob.size_bytes <= SMALL_BLOB_BYTES)
            .map(|(job, _)| *job)
            .collect();
        let mut read = read(&small, content).await?;
        let supplies: Vec<_> = looked
            .into_iter()
            .map(|(job, there)| {
                let bytes = read.remove(&job.blob.digest);
                async move {
                    let (artifact, blob) = (&job.put.artifact, &job.blob);
                    let supplied = match bytes {
                        _ if there => self.known(artifact, blob, content).await,
                        Some(Ok(bytes)) => self.supply_small(artifact, blob, bytes).await,
                        Some(Err(error)) => Err(error),
                        None => self.supply_large(artifact, blob, content).await,
                    };
                    (blob.digest, supplied)
                }
            })
            .collect();
        Ok(stream::iter(supplies).buffer_unordered(PARALLEL).collect().await)
    }

    /// Makes a file of a blob that is there, and asks what stands there then.
    async fn publish(&self, job: &Job<'_>, md5: Option<&str>) -> ConnectorResult<Published> {
        let properties: Vec<Value> = job
            .metadata
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let body = json!({
            "projectId": self.repository.project,
            "repoName": self.repository.name,
            "fullPath": job.path.as_str(),
            "folder": false,
            "overwrite": job.put.expect != Expect::Absent,
            "size": job.blob.size_bytes,
            "sha256": job.blob.digest.to_hex(),
            "md5": md5,
            "nodeMetadata": properties,
            "operator": self.server.0.user.as_deref().unwrap_or("system"),
        });
        let path = format!("{REPLICA}/node/create");
        let ask = self
            .server
            .ask(Method::POST, path, Stage::Commit, job.path.as_str());
        let refused = match ask.data::<Value>(Some(&body)).await {
            Ok(_) => None,
            Err(refused) if refused.error.kind == ErrorKind::Conflict => Some(refused.error),
            Err(refused) => return Err(refused.into()),
        };
        let found = self.existing(&job.path).await?;
        match (refused, found) {
            (Some(_), Some(node)) if !node.folder => Ok(Published::Raced(Some(existing_of(&node)))),
            (Some(error), _) => Err(error),
            (None, Some(node))
                if node.digest() == Some(job.blob.digest) && node.size == job.blob.size_bytes =>
            {
                Ok(Published::Stored)
            }
            (None, Some(node)) if !node.folder => Err(not_there(&job.path, "it shows other content there")),
            (None, _) => Err(not_there(&job.path, "it shows no file there")),
        }
    }

    /// Writes `jobs`, whose small blobs fit into memory together.
    async fn write(
        &self,
        jobs: Vec<Job<'_>>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let lacking = self.write_once(jobs, (content, settled), true).await?;
        if lacking.is_empty() {
            return Ok(());
        }
        // The node had the bytes when it was asked, and then it had not.
        let lacking = self.write_once(lacking, (content, settled), false).await?;
        for job in lacking {
            let error = not_there(&job.path, "it took the bytes and then has not got them");
            settled.settled(job.index, PutOutcome::Failed(error));
        }
        Ok(())
    }

    /// Writes `jobs`; returns those whose bytes turned out not to be there.
    async fn write_once<'a>(
        &self,
        jobs: Vec<Job<'a>>,
        ports: (&dyn Content, &dyn Settled),
        trusting: bool,
    ) -> ConnectorResult<Vec<Job<'a>>> {
        let (content, settled) = ports;
        let blobs = self.supply(&jobs, content, trusting).await?;
        if let Some(error) = blobs
            .values()
            .find_map(|blob| blob.as_ref().err().filter(|error| is_fatal(error)))
        {
            return Err(error.again());
        }
        let mut counted: HashSet<Digest> = HashSet::new();
        let mut publishing = Vec::new();
        for job in jobs {
            match blobs.get(&job.blob.digest) {
                Some(Ok(supplied)) => {
                    let first = counted.insert(job.blob.digest);
                    let moved_bytes = supplied.moved_bytes.filter(|_| first);
                    publishing.push((job, supplied, moved_bytes));
                }
                Some(Err(error)) => settled.settled(job.index, PutOutcome::Failed(error.again())),
                None => settled.settled(
                    job.index,
                    PutOutcome::Failed(not_there(&job.path, "its bytes were not sent")),
                ),
            }
        }
        let publishing: Vec<_> = publishing
            .into_iter()
            .map(|(job, supplied, moved_bytes)| async move {
                let published = self.publish(&job, supplied.md5.as_deref()).await;
                (job, supplied, moved_bytes, published)
            })
            .collect();
        let mut published = stream::iter(publishing).buffer_unordered(PARALLEL);
        let mut lacking = Vec::new();
        while let Some((job, supplied, moved_bytes, published)) = published.next().await {
            let outcome = match published {
                Ok(Published::Stored) => PutOutcome::Stored {
                    moved_bytes: moved_bytes.unwrap_or(0),
                    moved_blobs: u32::from(moved_bytes.is_some()),
                },
                Ok(Published::Raced(found)) => PutOutcome::Raced { found },
                Err(error) if is_the_servers(&error) => return Err(error),
                Err(error)
                    if error.kind == ErrorKind::NotFound && supplied.moved_bytes.is_none() && trusting =>
                {
                    lacking.push(job);
                    continue;
                }
                Err(error) => PutOutcome::Failed(error),
            };
            settled.settled(job.index, outcome);
        }
        Ok(lacking)
    }
}

/// What making a file came to.
enum Published {
    Stored,
    Raced(Option<Existing>),
}

/// Says whether an error of sending would meet every other artifact as well.
fn is_fatal(error: &ConnectorError) -> bool {
    error.stage != Stage::Read && is_the_servers(error)
}

fn not_there(path: &FilePath, words: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, path.as_str()).words(words)
}

/// Reads the bytes of small blobs.
async fn read(
    jobs: &[&Job<'_>],
    content: &dyn Content,
) -> ConnectorResult<HashMap<Digest, ConnectorResult<Bytes>>> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<(&ArtifactKey, &Blob)> = jobs
        .iter()
        .map(|job| (&job.put.artifact.key, &*job.blob))
        .collect();
    let digests = jobs.iter().map(|job| job.blob.digest);
    Ok(match content.read(&wanted).await {
        Ok(bytes) => digests.zip(bytes).collect(),
        Err(error) => digests.map(|digest| (digest, Err(error.again()))).collect(),
    })
}

/// Cuts a batch into groups whose small blobs fit into memory together.
fn groups(batch: &[Put]) -> Vec<Vec<(usize, &Put)>> {
    let mut groups: Vec<Vec<(usize, &Put)>> = Vec::new();
    let mut group_bytes = 0;
    for (index, put) in batch.iter().enumerate() {
        let size_bytes = Some(put.artifact.size_bytes()).filter(|size| *size <= SMALL_BLOB_BYTES);
        group_bytes += size_bytes.unwrap_or(0);
        match groups.last_mut() {
            Some(group) if group.len() < TOGETHER && group_bytes <= TOGETHER_BYTES => {
                group.push((index, put))
            }
            _ => {
                groups.push(vec![(index, put)]);
                group_bytes = size_bytes.unwrap_or(0);
            }
        }
    }
    groups
}
