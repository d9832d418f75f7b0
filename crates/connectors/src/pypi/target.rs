//! An index of Python packages, written to: what stands there. How versions get there says `put`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Metadata};
use domain::decide::Action;
use domain::digest::Hasher;
use domain::failure::{ErrorKind, Stage};
use domain::note::Note;
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled, Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::YANKED;
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
            metadata: yanked_of(&files),
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

/// Returns which of these files are yanked, as properties: nothing else looks at those of what stands here.
fn yanked_of(files: &[&File]) -> Metadata {
    let yanked = files.iter().filter(|file| file.yanked.is_some());
    yanked
        .map(|file| (yanked_name(&file.blob.name), String::new()))
        .collect()
}

/// Returns the property that says of what stands here that `file` is yanked.
fn yanked_name(file: &str) -> String {
    format!("{YANKED} {file}")
}

/// Notes the files that the source of `artifact` calls yanked and this index does not: the upload API cannot say it.
fn yank_lacks(artifact: &Artifact, before: Option<&Existing>) -> Option<Note> {
    let entries = artifact.document.as_ref()?.get("files")?.as_object()?;
    let is_yanked_here = |blob: &Blob| {
        let before = before.filter(|before| before.metadata.contains_key(&yanked_name(&blob.name)));
        // Other bytes under its name are gone, and what was said of them.
        before.is_some_and(|before| {
            let there = before.blobs.iter().find(|there| there.name == blob.name);
            there.is_some_and(|there| blob.same_bytes(there) != Some(false))
        })
    };
    let yanked: Vec<(&Blob, &str)> = artifact
        .blobs
        .iter()
        .filter_map(|blob| Some((blob, entries.get(&blob.name)?.get(YANKED)?.as_str()?)))
        .collect();
    let lacking: Vec<_> = yanked.iter().filter(|(blob, _)| !is_yanked_here(blob)).collect();
    let why = lacking.iter().map(|(_, why)| *why).find(|why| !why.is_empty());
    let all = lacking.len() == artifact.blobs.len();
    let named = lacking
        .iter()
        .map(|(blob, _)| blob.name.as_str())
        .filter(|_| !all);
    (!lacking.is_empty()).then(|| Note::yanked(named, why.unwrap_or_default()))
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
            batch_bytes: BATCH_BYTES,
            parallel_batches: PROJECTS,
            needs_sha256: false,
            verifies: false,
        }
    }

    fn same_metadata(&self, _wanted: &Metadata, _existing: &Metadata) -> bool {
        // What an index says of a version came with its files.
        true
    }

    fn keeps_property(&self, _name: &str) -> bool {
        // Which versions of Python a file is for goes into the upload; the yank is noted by itself.
        true
    }

    fn notes(&self, artifact: &Artifact, before: Option<&Existing>, action: Action) -> Vec<Note> {
        let stay = before.filter(|_| action == Action::Overwrite);
        let stay = stay.and_then(|before| Note::files_stay(artifact, before));
        yank_lacks(artifact, before).into_iter().chain(stay).collect()
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
