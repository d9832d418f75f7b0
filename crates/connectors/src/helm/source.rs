//! A chart repository, read from.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::{PackageSelection, Scope};
use futures_util::{StreamExt, stream};
use url::Url;

use super::chart::{Chart, key_of, name_of};
use super::index::Index;
use super::repository::{PARALLEL, Repository, provenance_url};
use crate::fatal;

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
        if !entry.is_called(name) {
            return Err(error(
                ErrorKind::Protocol,
                "the index has another chart under this name",
            ));
        }
        let url = self.0.file_url(&chart, entry, stage)?;
        Ok((chart, url, entry.digest()))
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let (chart, url, digest) = self.file(key, Stage::Describe).await?;
        let blobs = self.0.blobs(&chart, &url, digest, Stage::Describe).await?;
        let blobs = blobs.ok_or_else(|| {
            ConnectorError::new(ErrorKind::NotFound, Stage::Describe, key.to_string())
                .words("the index names a file that is not there")
        })?;
        Ok(Artifact {
            key: key.clone(),
            digest: None,
            blobs,
            metadata: Metadata::new(),
            document: None,
        })
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let mut pieces = self.open(key, blob, 0).await?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
            if bytes.len() as u64 > blob.size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, &blob.name);
                return Err(error.words("it is longer than it was described"));
            }
        }
        Ok(bytes.freeze())
    }
}

/// Returns the keys of `scope`, in order.
fn keys_of(index: &Index, scope: &Scope) -> Vec<ArtifactKey> {
    let is_chosen = |key: &ArtifactKey| match scope {
        Scope::Repository => true,
        // A chart repository is replicated by charts; files of it are none.
        Scope::Paths(_) => false,
        Scope::Packages(selections) => selections.iter().any(|selection| chooses(selection, key)),
    };
    let all = index
        .0
        .iter()
        .flat_map(|(name, versions)| versions.keys().map(move |version| key_of(name, version)));
    all.filter(is_chosen).collect()
}

fn chooses(selection: &PackageSelection, key: &ArtifactKey) -> bool {
    let is_named = |version: &String| selection.versions.is_empty() || selection.versions.contains(version);
    selection.key == key.name
        && name_of(&selection.key).is_some()
        && key.version.as_ref().is_some_and(is_named)
}

fn missing_of(index: &Index, selection: &PackageSelection) -> Vec<ArtifactKey> {
    let versions = name_of(&selection.key).and_then(|name| index.0.get(name));
    let key = |version: Option<&String>| ArtifactKey {
        name: selection.key.clone(),
        version: version.cloned(),
    };
    if selection.versions.is_empty() {
        let is_there = versions.is_some_and(|versions| !versions.is_empty());
        return if is_there { Vec::new() } else { vec![key(None)] };
    }
    let is_missing = |version: &&String| versions.is_none_or(|versions| !versions.contains_key(*version));
    selection
        .versions
        .iter()
        .filter(is_missing)
        .map(|version| key(Some(version)))
        .collect()
}

#[async_trait]
impl Source for HelmSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let after = match cursor {
            None => None,
            Some(cursor) => Some(serde_json::from_str::<ArtifactKey>(&cursor.0).map_err(|_| {
                ConnectorError::new(ErrorKind::Protocol, Stage::List, "index.yaml")
                    .words("the cursor is none of this source")
            })?),
        };
        let index = self.0.index(after.is_none(), Stage::List).await?;
        let keys = keys_of(&index, scope);
        let left = keys
            .into_iter()
            .filter(|key| after.as_ref().is_none_or(|after| key > after));
        let mut keys: Vec<ArtifactKey> = left.take(limit + 1).collect();
        let more = keys.len() > limit;
        keys.truncate(limit);
        let last = keys.last().filter(|_| more);
        // A key is always JSON.
        let next = last.and_then(|key| serde_json::to_string(key).ok()).map(Cursor);
        Ok(KeyPage { keys, next })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        match scope {
            Scope::Repository => Ok(Vec::new()),
            Scope::Paths(paths) => Ok(paths.iter().map(ArtifactKey::file).collect()),
            Scope::Packages(selections) => {
                let index = self.0.index(false, Stage::List).await?;
                Ok(selections
                    .iter()
                    .flat_map(|selection| missing_of(&index, selection))
                    .collect())
            }
        }
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        fatal::settled(stream::iter(looks).buffered(PARALLEL).collect().await)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let (chart, url, _) = self.file(key, Stage::Read).await?;
        let url = match &blob.name {
            name if *name == chart.file() => url,
            name if *name == chart.provenance() => provenance_url(&url),
            _ => {
                let error = ConnectorError::new(ErrorKind::NotFound, Stage::Read, key.to_string());
                return Err(error.words("it has no such file"));
            }
        };
        self.0.files().open(&url, blob, offset_bytes, url.path()).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        fatal::settled(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}
