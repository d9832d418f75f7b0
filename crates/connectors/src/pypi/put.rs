//! How versions get into an index.
//!
//! The files of a version go up one by one, and where one of them fails, those of a version that was not there before
//! are taken out again. Other content is replaced by uploading over it; where an index refuses that, by withdrawing
//! it first, once it is certain that the new content can be had.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::artifact::{Blob, Existing, Likeness};
use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    ByteStream, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome, SMALL_BLOB_BYTES, Settled,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::REQUIRES_PYTHON;
use super::file;
use super::page::{File, Page};
use super::target::PyPiTarget;
use super::upload::Upload;
use crate::fatal::is_the_servers;

/// Versions that are verified at the same time.
const VERSIONS: usize = 8;
/// Pauses before an index that does not show yet what it took is asked again.
const PAUSES_MS: [u64; 3] = [200, 1000, 3000];

/// One version to be put.
pub(super) struct Job<'a> {
    pub(super) index: usize,
    pub(super) put: &'a Put,
    pub(super) project: &'a str,
    pub(super) version: &'a str,
}

/// What was sent of a version: its files by name.
type Sent = BTreeMap<String, Sums>;

/// A version on its way.
struct Work<'a> {
    job: &'a Job<'a>,
    uploads: Vec<Upload<'a>>,
    content: &'a dyn Content,
}

/// How far the files of a version got.
#[derive(Default)]
struct Attempt {
    /// What the index took.
    sent: Sent,
    /// What may be there because of it, acknowledged or not.
    tried: BTreeSet<String>,
}

/// What putting a version came to so far.
enum Step {
    Settled(PutOutcome),
    Sent(Sent),
}

impl PyPiTarget {
    /// Puts the versions of one project.
    pub(super) async fn put_project(
        &self,
        jobs: Vec<Job<'_>>,
        content: &dyn Content,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        let Some(project) = jobs.first().map(|job| job.project) else {
            return Ok(());
        };
        let page = match self.0.page(project, Stage::Write).await {
            Err(error) if is_the_servers(&error) => return Err(error),
            page => page,
        };
        let mut sent = Vec::new();
        for job in jobs {
            let step = match &page {
                Ok(page) => self.put_version(&job, page.as_deref(), content).await,
                Err(error) => Err(error.again()),
            };
            match step {
                Ok(Step::Sent(files)) => sent.push((job, files)),
                Ok(Step::Settled(outcome)) => settled.settled(job.index, outcome),
                Err(error) if error.stage != Stage::Read && is_the_servers(&error) => return Err(error),
                Err(error) => settled.settled(job.index, PutOutcome::Failed(error)),
            }
        }
        self.confirmed(project, sent, settled).await
    }

    async fn put_version(
        &self,
        job: &Job<'_>,
        page: Option<&Page>,
        content: &dyn Content,
    ) -> ConnectorResult<Step> {
        let work = Work {
            job,
            uploads: uploads_of(job)?,
            content,
        };
        let standing = self.standing(page, job.version, Stage::Write, false).await?;
        if !holds(&job.put.expect, standing.as_ref()) {
            return Ok(Step::Settled(PutOutcome::Raced { found: standing }));
        }
        let mut attempt = Attempt::default();
        let error = match self.send(&work, standing.as_ref(), &mut attempt).await {
            Ok(()) => return Ok(Step::Sent(attempt.sent)),
            Err(error) => error,
        };
        // What stands there now, if that can still be asked.
        let Ok(page) = self.0.page(job.project, Stage::Write).await else {
            return Err(error);
        };
        if is_refusal(&error) {
            let now = self
                .standing(page.as_deref(), job.version, Stage::Write, true)
                .await?;
            let likeness = now.as_ref().map(|now| job.put.artifact.likeness(now));
            match (likeness, &standing) {
                (Some(Likeness::Different), None) => {
                    let undone = self.undo(&work, page.as_deref(), None, &attempt).await;
                    return match undone {
                        Ok(true) => Ok(Step::Settled(PutOutcome::Raced { found: now })),
                        undone => Err(unless_withdrawn(undone, error)),
                    };
                }
                (Some(Likeness::Different), Some(_)) if is_taken(&error) => {
                    let error = match self.replaced(&work, page.as_deref(), &mut attempt).await {
                        Ok(true) => return Ok(Step::Sent(attempt.sent)),
                        Ok(false) => return Err(error),
                        Err(error) => error,
                    };
                    // What stood there was let go of: no half of what was to replace it stays.
                    let undone = match self.0.page(job.project, Stage::Write).await {
                        Ok(page) => self.undo(&work, page.as_deref(), None, &attempt).await,
                        // Whether anything of it is left is not known.
                        Err(_) => Ok(true),
                    };
                    return Err(unless_withdrawn(undone, error));
                }
                _ => {}
            }
        }
        let undone = self.undo(&work, page.as_deref(), standing.as_ref(), &attempt);
        Err(unless_withdrawn(undone.await, error))
    }

    /// Uploads what lacks, one file after the other, so that nothing is on its way any more once one has failed.
    async fn send(
        &self,
        work: &Work<'_>,
        standing: Option<&Existing>,
        attempt: &mut Attempt,
    ) -> ConnectorResult<()> {
        for upload in work
            .uploads
            .iter()
            .filter(|upload| !stands(upload.blob, standing))
        {
            let name = &upload.blob.name;
            attempt.tried.insert(name.clone());
            match self.send_one(upload, work.content).await {
                Ok(sums) => {
                    attempt.sent.insert(name.clone(), sums);
                }
                Err(error) if is_refusal(&error) => {
                    attempt.tried.remove(name);
                    if !self.has(work.job, upload).await? {
                        return Err(error);
                    }
                    // Somebody else was faster with the same.
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says whether the index keeps the file of `upload`, whoever sent it.
    async fn has(&self, job: &Job<'_>, upload: &Upload<'_>) -> ConnectorResult<bool> {
        let page = self.0.page(job.project, Stage::Write).await?;
        let now = self
            .standing(page.as_deref(), job.version, Stage::Write, true)
            .await?;
        Ok(stands(upload.blob, now.as_ref()))
    }

    async fn send_one(&self, upload: &Upload<'_>, content: &dyn Content) -> ConnectorResult<Sums> {
        let knew = self.0.wants_digests().load(Ordering::Relaxed);
        let sent = self.0.upload(upload, opened(upload, content).await?).await;
        match sent {
            // It said just now that it wants to be told the digest.
            Err(_) if !knew && self.0.wants_digests().load(Ordering::Relaxed) => {
                self.0.upload(upload, opened(upload, content).await?).await
            }
            sent => sent,
        }
    }

    /// Withdraws the other content that stands under a version and uploads again; says whether the index let it go.
    async fn replaced(
        &self,
        work: &Work<'_>,
        page: Option<&Page>,
        attempt: &mut Attempt,
    ) -> ConnectorResult<bool> {
        let Work {
            job,
            uploads,
            content,
        } = work;
        for upload in uploads {
            let mut bytes = opened(upload, *content).await?;
            while bytes.try_next().await?.is_some() {}
        }
        let files: Vec<&File> = page
            .into_iter()
            .flat_map(|page| page.files(job.version))
            .collect();
        let of_it = |file: &&File| uploads.iter().find(|upload| upload.blob.name == file.blob.name);
        let differs = |file: &&File| of_it(file).is_some_and(|upload| !is_same(upload.blob, &file.blob));
        let gone: Vec<&File> = files.iter().copied().filter(differs).collect();
        let stay: Vec<&File> = files
            .iter()
            .copied()
            .filter(|file| of_it(file).is_none())
            .collect();
        self.0.withdraw(&gone, &stay).await?;
        let page = self.0.page(job.project, Stage::Write).await?;
        let now = self
            .standing(page.as_deref(), job.version, Stage::Write, false)
            .await?;
        let likeness = now.as_ref().map(|now| job.put.artifact.likeness(now));
        if matches!(likeness, Some(Likeness::Different | Likeness::Unknown)) {
            return Ok(false);
        }
        self.send(work, now.as_ref(), attempt).await?;
        Ok(true)
    }

    /// Takes out what a failed attempt left behind: all it brought of a version that was not there before, wrong bytes
    /// of one that was; says whether nothing of it is left. What cannot be taken out the next attempt finds; what others
    /// brought stays.
    async fn undo(
        &self,
        work: &Work<'_>,
        page: Option<&Page>,
        standing: Option<&Existing>,
        attempt: &Attempt,
    ) -> ConnectorResult<bool> {
        let Work { job, uploads, .. } = work;
        let files: Vec<&File> = page
            .into_iter()
            .flat_map(|page| page.files(job.version))
            .collect();
        let stood = |name: &String| {
            let blobs = standing.iter().flat_map(|standing| &standing.blobs);
            blobs.into_iter().any(|blob| blob.name == *name)
        };
        let is_new = |file: &&File| {
            let name = &file.blob.name;
            let right = uploads
                .iter()
                .any(|upload| upload.blob.name == *name && is_same(upload.blob, &file.blob));
            attempt.tried.contains(name) && !stood(name) && (standing.is_none() || !right)
        };
        let (gone, stay): (Vec<&File>, Vec<&File>) = files.into_iter().partition(is_new);
        self.0.withdraw(&gone, &stay).await
    }

    /// Looks at what the index shows of the versions that were `sent` and settles each.
    async fn confirmed(
        &self,
        project: &str,
        sent: Vec<(Job<'_>, Sent)>,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        if sent.is_empty() {
            return Ok(());
        }
        let page = self.showing(project, &sent).await?;
        let looks = sent
            .iter()
            .map(|(job, files)| self.verified(job, files, page.as_deref()));
        let looks: Vec<_> = looks.collect();
        let verified: Vec<ConnectorResult<()>> = stream::iter(looks).buffered(VERSIONS).collect().await;
        for ((job, files), verified) in sent.into_iter().zip(verified) {
            let outcome = match verified {
                Ok(()) => PutOutcome::Stored {
                    moved_bytes: files.values().map(|sums| sums.length_bytes).sum(),
                    moved_blobs: u32::try_from(files.len()).unwrap_or(u32::MAX),
                },
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    let withdrawn = self.spoiled(&job, &files, page.as_deref()).await;
                    PutOutcome::Failed(unless_withdrawn(withdrawn, error))
                }
                Err(error) => PutOutcome::Failed(error),
            };
            settled.settled(job.index, outcome);
        }
        Ok(())
    }

    /// Returns the page of `project` once it shows everything that was `sent`, or as it is after some patience.
    async fn showing(&self, project: &str, sent: &[(Job<'_>, Sent)]) -> ConnectorResult<Option<Arc<Page>>> {
        let shows = |page: Option<&Page>| {
            sent.iter().all(|(job, files)| {
                let file = |name: &String| page.and_then(|page| page.file(job.version, name));
                files.keys().all(|name| file(name).is_some())
            })
        };
        let mut page = self.0.page(project, Stage::Verify).await?;
        for pause_ms in PAUSES_MS {
            if shows(page.as_deref()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            page = self.0.page(project, Stage::Verify).await?;
        }
        Ok(page)
    }

    /// Compares what an installer would find with what was sent.
    async fn verified(&self, job: &Job<'_>, sent: &Sent, page: Option<&Page>) -> ConnectorResult<()> {
        let key = &job.put.artifact.key;
        for (name, sums) in sent {
            let subject = format!("{key} {name}");
            let corrupt =
                |words: &str| ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, &subject).words(words);
            let file = page.and_then(|page| page.file(job.version, name));
            let file = file.ok_or_else(|| corrupt("the index took the file and does not list it"))?;
            let shown = Blob {
                size_bytes: file.size_bytes.unwrap_or(sums.length_bytes),
                ..file.blob.clone()
            };
            let mut same = blob_of(sums).same_bytes(&shown);
            if same.is_none() {
                let read = self.0.read_back(file, Stage::Verify, &subject).await?;
                same = Some((read.length_bytes, read.digest) == (sums.length_bytes, sums.digest));
            }
            if same != Some(true) {
                return Err(corrupt("the index keeps other bytes than were sent"));
            }
            if file.blob.digest == Some(sums.digest) {
                let digests = self.0.files().server().digests();
                digests.put_length(file.url.as_str(), &sums.digest, sums.length_bytes);
            }
        }
        Ok(())
    }

    /// Takes out a version of which other bytes arrived than were sent; says whether nothing of it is left.
    async fn spoiled(&self, job: &Job<'_>, sent: &Sent, page: Option<&Page>) -> ConnectorResult<bool> {
        let files: Vec<&File> = page
            .into_iter()
            .flat_map(|page| page.files(job.version))
            .collect();
        let was_sent = |file: &&File| sent.contains_key(&file.blob.name);
        let (gone, stay): (Vec<&File>, Vec<&File>) = files.into_iter().partition(was_sent);
        self.0.withdraw(&gone, &stay).await
    }
}

/// Adds to `error` that something of a version is left at the index, unless it was `withdrawn`.
fn unless_withdrawn(withdrawn: ConnectorResult<bool>, error: ConnectorError) -> ConnectorError {
    match withdrawn {
        Ok(true) => error,
        Ok(false) => error.leaving("the index does not allow that"),
        Err(left) => error.leaving(&left.to_string()),
    }
}

/// Reads what has to be said of each file of a version.
fn uploads_of<'a>(job: &Job<'a>) -> ConnectorResult<Vec<Upload<'a>>> {
    let artifact = &job.put.artifact;
    let entries = artifact
        .document
        .as_ref()
        .and_then(|document| document.get("files"));
    let uploads = artifact.blobs.iter().map(|blob| {
        let said = file::read(job.project, &blob.name).filter(|said| said.version == job.version);
        let said = said.ok_or_else(|| {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, artifact.key.to_string());
            error.words(format!("`{}` is no distribution of this version", blob.name))
        })?;
        let entry = entries.and_then(|entries| entries.get(&blob.name));
        Ok(Upload {
            key: &artifact.key,
            blob,
            said,
            requires_python: entry.and_then(|entry| entry.get(REQUIRES_PYTHON)?.as_str()),
        })
    });
    uploads.collect()
}

/// Returns the verified bytes of a file.
async fn opened(upload: &Upload<'_>, content: &dyn Content) -> ConnectorResult<ByteStream> {
    if upload.blob.size_bytes > SMALL_BLOB_BYTES {
        return content.open(upload.key, upload.blob, 0).await;
    }
    let read = content.read(&[(upload.key, upload.blob)]).await?.pop();
    let gone = || ConnectorError::new(ErrorKind::NotFound, Stage::Read, upload.subject());
    let bytes = read.ok_or_else(gone)??;
    Ok(Box::pin(stream::iter([Ok(bytes)])))
}

fn holds(expect: &Expect, standing: Option<&Existing>) -> bool {
    match (expect, standing) {
        (Expect::Anything, _) | (Expect::Absent, None) => true,
        (Expect::Mark(mark), Some(standing)) => standing.mark.as_ref() == Some(mark),
        // What a version is called here is never the SHA-256 of the whole.
        (Expect::Digest(_) | Expect::Absent | Expect::Mark(_), _) => false,
    }
}

/// Says whether an index refused a file for what stands there, as far as its answer tells.
fn is_refusal(error: &ConnectorError) -> bool {
    error.kind == ErrorKind::Conflict || matches!(error.remote_status, Some(400 | 403))
}

/// Says whether an index refused a file because another one of that name stands there, not for what it is.
fn is_taken(error: &ConnectorError) -> bool {
    let words = error.words.as_deref().unwrap_or_default().to_lowercase();
    let says = ["exist", "already", "overwrit", "updat", "volatile"];
    error.kind == ErrorKind::Conflict || says.iter().any(|word| words.contains(word))
}

fn stands(blob: &Blob, standing: Option<&Existing>) -> bool {
    let there = standing.iter().flat_map(|standing| &standing.blobs);
    there
        .into_iter()
        .any(|there| there.name == blob.name && blob.same_bytes(there) == Some(true))
}

/// Says whether `shown`, whose size may not be known, is `blob`.
fn is_same(blob: &Blob, shown: &Blob) -> bool {
    let shown = Blob {
        size_bytes: blob.size_bytes,
        ..shown.clone()
    };
    blob.same_bytes(&shown) == Some(true)
}

fn blob_of(sums: &Sums) -> Blob {
    Blob {
        digest: Some(sums.digest),
        checksums: sums.checksums,
        ..Blob::unknown(sums.length_bytes)
    }
}
