//! An index of Python packages, written to: what stands there. How versions get there says `put`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, Existing, Metadata};
use domain::digest::Hasher;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled, Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::file::parts;
use super::index::Index;
use super::page::{File, Page};
use super::put::Job;

/// Versions of one batch.
const BATCH_VERSIONS: usize = 32;
/// Projects that are looked at and written at the same time, and files of one version.
const PROJECTS: usize = 4;
const FILES: usize = 4;
/// Versions of one project that are looked at at the same time.
const VERSIONS: usize = 4;

/// An index of Python packages, written to.
pub(super) struct PyPiTarget(pub(super) Index);

impl PyPiTarget {
    /// Returns what stands under each of `keys`, with the SHA-256 of every file if `reading` is set.
    async fn found(&self, keys: &[ArtifactKey], reading: bool) -> ConnectorResult<Vec<Option<Existing>>> {
        // What no project can be called stands nowhere; whoever puts it is told.
        let named = keys.iter().map(|key| parts(key).ok());
        let mut of_projects: BTreeMap<String, Vec<(usize, &str)>> = BTreeMap::new();
        for (index, named) in named.enumerate() {
            if let Some((project, version)) = named {
                of_projects.entry(project).or_default().push((index, version));
            }
        }
        let asked = of_projects.into_iter().map(|(project, versions)| async move {
            let page = self.0.page(&project, Stage::Describe).await?;
            let looks = versions.into_iter().map(|(index, version)| {
                let standing = self.standing(page.as_deref(), version, Stage::Describe, reading);
                async move { Ok::<_, ConnectorError>((index, standing.await?)) }
            });
            let looks: Vec<_> = looks.collect();
            stream::iter(looks)
                .buffered(VERSIONS)
                .try_collect::<Vec<_>>()
                .await
        });
        let asked: Vec<_> = asked.collect();
        // The page of a project is let go of before that of the next is asked for.
        let mut answers = stream::iter(asked).buffer_unordered(PROJECTS);
        let mut found = vec![None; keys.len()];
        while let Some(answers) = answers.try_next().await? {
            for (index, standing) in answers {
                found[index] = standing;
            }
        }
        Ok(found)
    }

    /// Returns what stands under `version` on `page`: sizes are asked for where it does not have them, and bytes are
    /// read where it has no SHA-256 if `reading` is set. A file that is listed and not there is left out, as far as that
    /// is looked at: before something is written always.
    pub(super) async fn standing(
        &self,
        page: Option<&Page>,
        version: &str,
        stage: Stage,
        reading: bool,
    ) -> ConnectorResult<Option<Existing>> {
        let files: Vec<&File> = page.into_iter().flat_map(|page| page.files(version)).collect();
        if files.is_empty() {
            return Ok(None);
        }
        if let Some(words) = files.iter().find_map(|file| file.wrong.as_ref()) {
            return Err(ConnectorError::new(ErrorKind::Protocol, stage, version).words(words.clone()));
        }
        let looks: Vec<_> = files.iter().map(|file| self.kept(file, stage, reading)).collect();
        let kept: Vec<Option<Blob>> = stream::iter(looks).buffered(FILES).try_collect().await?;
        let mark = mark(kept.iter().flatten());
        let mut blobs = Vec::new();
        for (file, blob) in files.iter().zip(kept) {
            let Some(mut blob) = blob else { continue };
            if reading && blob.digest.is_none() {
                let sums = self.0.read_back(file, stage, &blob.name).await?;
                blob.size_bytes = sums.length_bytes;
                blob.digest = Some(sums.digest);
            }
            blobs.push(blob);
        }
        Ok(Some(Existing {
            digest: None,
            size_bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
            blobs,
            mark: Some(mark),
            metadata: Metadata::new(),
        }))
    }

    async fn kept(&self, file: &File, stage: Stage, reading: bool) -> ConnectorResult<Option<Blob>> {
        let compared = stage == Stage::Describe && !reading;
        let size_bytes = self.0.size(file, compared, stage, &file.blob.name).await?;
        Ok(size_bytes.map(|size_bytes| Blob {
            size_bytes,
            ..file.blob.clone()
        }))
    }
}

/// Returns what the state of these files is called, so that another one is noticed.
fn mark<'a>(blobs: impl Iterator<Item = &'a Blob>) -> String {
    let mut hasher = Hasher::default();
    for blob in blobs {
        let Blob {
            name,
            size_bytes,
            digest,
            checksums,
            ..
        } = blob;
        hasher.update(format!("{name} {size_bytes} {digest:?} {checksums:?}\n").as_bytes());
    }
    hasher.finish().to_hex()
}

#[async_trait]
impl Target for PyPiTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: false,
            metadata: false,
            batch_artifacts: BATCH_VERSIONS,
            parallel_batches: PROJECTS,
            needs_sha256: false,
            verifies: false,
        }
    }

    fn same_metadata(&self, _wanted: &Metadata, _existing: &Metadata) -> bool {
        // What an index says of a version came with its files.
        true
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        self.0.uploads().await.map(drop)
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.found(keys, false).await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.found(keys, true).await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let named: Vec<_> = batch.iter().map(|put| parts(&put.artifact.key)).collect();
        let mut of_projects: BTreeMap<&str, Vec<Job<'_>>> = BTreeMap::new();
        for (index, (put, named)) in batch.iter().zip(&named).enumerate() {
            match named {
                Ok((project, version)) => of_projects.entry(project).or_default().push(Job {
                    index,
                    put,
                    project,
                    version,
                }),
                Err(words) => {
                    let key = put.artifact.key.to_string();
                    let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, key).words(words);
                    settled.settled(index, PutOutcome::Failed(error));
                }
            }
        }
        let puts = of_projects.into_values();
        let puts: Vec<_> = puts
            .map(|jobs| self.put_project(jobs, content, settled))
            .collect();
        stream::iter(puts)
            .buffer_unordered(PROJECTS)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }
}
