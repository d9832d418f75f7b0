//! A chart repository, read from.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use domain::versions::VersionFilter;
use futures_util::{StreamExt, TryStreamExt, stream};
use url::Url;

use super::chart::{Chart, name_of, package_key};
use super::repository::{PARALLEL, Repository, provenance_url};
use crate::fatal::{Apart, apart, told};
use crate::packages::{self, Catalog, Listed};

/// A chart repository, read from.
pub(super) struct HelmSource(pub(super) Repository);

impl HelmSource {
    /// Returns where the file of `chart` is, and the digest the index has of it.
    async fn file(
        &self,
        key: &ArtifactKey,
        stage: Stage,
    ) -> ConnectorResult<(Chart, Url, Option<domain::digest::Digest>)> {
        let error = |kind, words: &str| ConnectorError::new(kind, stage, key.to_string()).words(words);
        let index = self.0.index(false, stage).await?;
        let chart = Chart::of_key(key);
        let name = key.name.trim_start_matches("helm://");
        let entry = index
            .0
            .get(name)
            .and_then(|versions| versions.get(key.version.as_deref()?));
        let entry = entry.ok_or_else(|| error(ErrorKind::NotFound, "the index has no such chart"))?;
        let chart =
            chart.ok_or_else(|| error(ErrorKind::Protocol, "no chart can have this name and version"))?;
        if !entry.is_its_own {
            return Err(error(
                ErrorKind::Protocol,
                "the index has another chart under this name",
            ));
        }
        let url = self.0.file_url(&chart, entry.file.as_deref(), stage)?;
        Ok((chart, url, entry.digest))
    }

    /// Describes `key`; the outer error is the repository's.
    async fn describe_one(&self, key: &ArtifactKey) -> Apart<Artifact> {
        let (chart, url, digest) = match told(self.file(key, Stage::Describe).await)? {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        let subject = key.to_string();
        let blobs = self.0.blobs(&chart, &url, digest, Stage::Describe).await;
        let blobs = apart(&subject, blobs)?;
        Ok(blobs.and_then(|blobs| {
            let gone = || {
                ConnectorError::new(ErrorKind::NotFound, Stage::Describe, &subject)
                    .words("the index names a file that is not there")
            };
            Ok(Artifact {
                key: key.clone(),
                digest: None,
                blobs: blobs.ok_or_else(gone)?,
                metadata: Metadata::new(),
                document: None,
            })
        }))
    }

    /// Returns where the file `blob` of `key` is.
    async fn place(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Url> {
        let (chart, url, _) = self.file(key, Stage::Read).await?;
        match &blob.name {
            name if *name == chart.file() => Ok(url),
            name if *name == chart.provenance() => Ok(provenance_url(&url)),
            _ => {
                let error = ConnectorError::new(ErrorKind::NotFound, Stage::Read, key.to_string());
                Err(error.words("it has no such file"))
            }
        }
    }

    /// Returns the bytes of `blob` of `key`; the outer error is the repository's.
    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> Apart<Bytes> {
        let url = match told(self.place(key, blob).await)? {
            Ok(url) => url,
            Err(error) => return Ok(Err(error)),
        };
        let files = self.0.files();
        let read = files.read(&url, blob.size_bytes, url.path()).await;
        apart(&key.to_string(), read)
    }
}

#[async_trait]
impl Catalog for HelmSource {
    fn name_of(&self, key: &str) -> Option<String> {
        name_of(key).map(Into::into)
    }

    fn key_of(&self, name: &str) -> String {
        package_key(name)
    }

    async fn names(&self, fresh: bool) -> ConnectorResult<Arc<Vec<String>>> {
        let index = self.0.index(fresh, Stage::List).await?;
        Ok(Arc::new(index.0.keys().cloned().collect()))
    }

    async fn versions(&self, name: &str) -> ConnectorResult<Option<Vec<Listed>>> {
        let index = self.0.index(false, Stage::List).await?;
        let versions = index.0.get(name).filter(|versions| !versions.is_empty());
        Ok(versions.map(|versions| {
            let listed = |version: &String| Listed {
                version: version.clone(),
                said_bytes: 0,
            };
            versions.keys().map(listed).collect()
        }))
    }

    fn wanted(&self) -> &VersionFilter {
        &self.0.files().server().choice().versions
    }
}

#[async_trait]
impl Source for HelmSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        packages::list(self, scope, cursor, limit).await
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        packages::missing(self, scope).await
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let url = self.place(key, blob).await?;
        self.0.files().open(&url, blob, offset_bytes, url.path()).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        stream::iter(reads).buffered(PARALLEL).try_collect().await
    }
}
