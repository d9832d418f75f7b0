//! A Maven repository, written to.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing};
use domain::decide::Action;
use domain::failure::{ErrorKind, Stage};
use domain::note::Note;
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled, Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Mutex;

use super::layout::{METADATA, Package, Version};
use super::merge::{with_builds, with_versions};
use super::repository::{PARALLEL, Repository, Standing};
use super::upload::{Moved, Upload, put_text, sums_of};
use super::view::{Documents, Met, View, document, hasher, readable, summed};
use super::wire::Metadata;

/// How often a document is written again that others write at the same time.
const MOST_WRITES: usize = 5;
/// Versions of one batch that are put at the same time.
const VERSIONS: usize = 4;

/// A Maven repository, written to.
pub(super) struct MavenTarget {
    repository: Repository,
    /// Taken while the documents of a package are written; several packages share one.
    turns: [Mutex<()>; 32],
    hashing: RandomState,
}

/// A version whose files are all there.
struct Arrived<'a> {
    index: usize,
    version: Version,
    names: Vec<&'a str>,
    moved: Moved,
}

impl MavenTarget {
    pub(super) fn of(repository: Repository) -> Self {
        Self {
            repository,
            turns: std::array::from_fn(|_| Mutex::new(())),
            hashing: RandomState::new(),
        }
    }

    /// Reads the documents that list the versions of the packages of `keys`, each once.
    async fn documents(&self, keys: &[ArtifactKey]) -> ConnectorResult<Documents> {
        let packages: std::collections::BTreeSet<Package> =
            keys.iter().filter_map(|key| Package::of_key(&key.name)).collect();
        let reads: Vec<_> = packages
            .into_iter()
            .map(|package| async move {
                let standing = self.repository.metadata(&package.folder(), Stage::Describe).await;
                Ok::<_, ConnectorError>((package, readable(standing)?))
            })
            .collect();
        stream::iter(reads).buffered(PARALLEL).try_collect().await
    }

    async fn views(&self, keys: &[ArtifactKey], hash: bool) -> ConnectorResult<Vec<Option<Existing>>> {
        let documents = &self.documents(keys).await?;
        let looks: Vec<_> = keys
            .iter()
            .map(|key| async move {
                let version = version_of(key)?;
                let view = View::of(&self.repository, &version, document(documents, key)).await?;
                Ok::<_, ConnectorError>(match view {
                    Some(view) if hash => Some(view.hashed(&self.repository, &version).await?.published()),
                    view => view.map(|view| view.published()),
                })
            })
            .collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    /// Puts the files of one version; its outcome, if it is not to be published.
    async fn upload<'a>(
        &self,
        (index, put): (usize, &'a Put),
        listed: Option<&Metadata>,
        content: &dyn Content,
    ) -> Result<Arrived<'a>, (usize, PutOutcome)> {
        let failed = |error| (index, PutOutcome::Failed(error));
        let version = version_of(&put.artifact.key).map_err(failed)?;
        if let Some(stray) = put.artifact.blobs.iter().find(|blob| !version.owns(&blob.name)) {
            return Err(failed(stray_file(&put.artifact.key, stray)));
        }
        let view = View::of(&self.repository, &version, listed)
            .await
            .map_err(failed)?;
        let met = View::meet(view, put, &self.repository, &version)
            .await
            .map_err(failed)?;
        let standing = match met {
            Met::Free(standing) => standing,
            Met::Raced(found) => return Err((index, PutOutcome::Raced { found })),
        };
        let upload = Upload {
            repository: &self.repository,
            version: &version,
            artifact: &put.artifact,
            content,
        };
        let moved = upload.run(standing.as_ref()).await.map_err(failed)?;
        let names = put.artifact.blobs.iter().map(|blob| blob.name.as_str()).collect();
        Ok(Arrived {
            index,
            version,
            names,
            moved,
        })
    }

    /// Puts versions of one package, and lists them once all of them are there.
    async fn put_package(&self, puts: Vec<(usize, &Put)>, content: &dyn Content, settled: &dyn Settled) {
        let keys: Vec<ArtifactKey> = puts.iter().map(|(_, put)| put.artifact.key.clone()).collect();
        let documents = match self.documents(&keys[..1]).await {
            Ok(documents) => documents,
            Err(error) => {
                let failed = |index| settled.settled(index, PutOutcome::Failed(error.again()));
                return puts.iter().for_each(|(index, _)| failed(*index));
            }
        };
        let listed = document(&documents, &keys[0]);
        let uploads: Vec<_> = puts
            .into_iter()
            .map(|put| self.upload(put, listed, content))
            .collect();
        let mut uploads = stream::iter(uploads).buffer_unordered(VERSIONS);
        let mut arrived = Vec::new();
        while let Some(upload) = uploads.next().await {
            match upload {
                Ok(version) => arrived.push(version),
                Err((index, outcome)) => settled.settled(index, outcome),
            }
        }
        let published = self.publish(&arrived).await;
        for version in arrived {
            let outcome = match &published {
                Ok(()) => PutOutcome::Stored {
                    moved_bytes: version.moved.bytes,
                    moved_blobs: version.moved.blobs,
                },
                Err(error) => PutOutcome::Failed(error.again()),
            };
            settled.settled(version.index, outcome);
        }
    }

    /// Lists `arrived`, all of one package: first the builds of snapshots, then the versions.
    async fn publish(&self, arrived: &[Arrived<'_>]) -> ConnectorResult<()> {
        let Some(first) = arrived.first() else {
            return Ok(());
        };
        let package = &first.version.package;
        let turn = usize::try_from(self.hashing.hash_one(package.key()) % 32).unwrap_or_default();
        let _turn = self.turns[turn].lock().await;
        for Arrived { version, names, .. } in arrived.iter().filter(|it| it.version.is_snapshot()) {
            let names = names.iter().copied();
            self.merge(&version.folder(), |standing, date| {
                with_builds(standing, version, names.clone(), date)
            })
            .await?;
        }
        let versions: Vec<&str> = arrived.iter().map(|it| it.version.version.as_str()).collect();
        self.merge(&package.folder(), |standing, date| {
            with_versions(standing, package, &versions, date)
        })
        .await
    }

    /// Writes the document of `folder` until it says what `merged` makes of it; `None` from there: it does.
    async fn merge(
        &self,
        folder: &[String],
        merged: impl Fn(Option<&Metadata>, Option<&str>) -> Option<Metadata>,
    ) -> ConnectorResult<()> {
        for _ in 0..MOST_WRITES {
            let Standing { metadata, date } = self.repository.metadata(folder, Stage::Commit).await?;
            if merged(metadata.as_ref(), None).is_none() {
                return Ok(());
            }
            let date = match date {
                Some(date) => Some(date),
                None => self.repository.date().await?,
            };
            let Some(document) = merged(metadata.as_ref(), date.as_deref()) else {
                return Ok(());
            };
            let xml = document.to_xml();
            let mut sums = hasher();
            sums.update(xml.as_bytes());
            let written = summed(METADATA, &sums.finish());
            put_text(&self.repository, folder, METADATA, xml).await?;
            for (ending, sum) in sums_of(&Blob::unknown(0), &written) {
                put_text(&self.repository, folder, &format!("{METADATA}{ending}"), sum).await?;
            }
        }
        let url = self.repository.url(folder, METADATA);
        let error = ConnectorError::new(ErrorKind::Conflict, Stage::Commit, url.path());
        Err(error.words("maven-metadata.xml is changed by somebody else again and again"))
    }
}

fn version_of(key: &ArtifactKey) -> ConnectorResult<Version> {
    Version::of_key(key).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, Stage::Describe, key.to_string())
            .words("it is no version of a Maven artifact: `gav://group:artifact` and a version")
    })
}

fn stray_file(key: &ArtifactKey, stray: &Blob) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, Stage::Write, key.to_string())
        .words(format!("`{}` is no name of a file of this version", stray.name))
}

#[async_trait]
impl Target for MavenTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: false,
            metadata: false,
            batch_artifacts: 64,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 4,
            needs_sha256: false,
            verifies: false,
        }
    }

    fn notes(&self, artifact: &Artifact, before: Option<&Existing>, action: Action) -> Vec<Note> {
        let replaced = before.filter(|_| action == Action::Overwrite);
        let stay = replaced.and_then(|before| Note::files_stay(artifact, before));
        stay.into_iter().collect()
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        // A server makes folders as files are put; that it answers, and takes the login, is seen by asking it.
        self.repository.lists(Stage::Describe).await.map(drop)
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.views(keys, false).await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.views(keys, true).await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let mut packages: BTreeMap<&str, Vec<(usize, &Put)>> = BTreeMap::new();
        for (index, put) in batch.iter().enumerate() {
            packages
                .entry(&put.artifact.key.name)
                .or_default()
                .push((index, put));
        }
        let puts: Vec<_> = packages
            .into_values()
            .map(|puts| self.put_package(puts, content, settled))
            .collect();
        stream::iter(puts)
            .buffer_unordered(VERSIONS)
            .collect::<Vec<()>>()
            .await;
        Ok(())
    }
}
