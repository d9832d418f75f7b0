//! A ChartMuseum, written to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Likeness, Metadata};
use domain::checksums;
use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    BATCH_BYTES, Capabilities, ConnectorError, ConnectorResult, Content, Expect, Put, PutOutcome, Settled,
    Target,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::Deserialize;
use url::Url;

use super::chart::{Chart, name_of};
use super::repository::{PARALLEL, Repository};
use crate::http::{Form, Part};
use crate::summing::Summing;

/// Longest answer of ChartMuseum about all versions of a chart, in bytes.
const MOST_ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// Charts of one batch that are put at the same time.
const CHARTS: usize = 4;

/// A ChartMuseum, written to.
pub(super) struct HelmTarget(pub(super) Repository);

/// What ChartMuseum says of one version.
#[derive(Deserialize)]
struct Kept {
    version: String,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    urls: Vec<String>,
}

impl HelmTarget {
    /// Returns what ChartMuseum keeps under the name `name`, by version.
    async fn kept(&self, name: &str, stage: Stage) -> ConnectorResult<BTreeMap<String, Kept>> {
        let url = self.0.api_url(&[name]).await?;
        let Some(answer) = self
            .0
            .files()
            .whole(&url, MOST_ANSWER_BYTES, stage, url.path())
            .await?
        else {
            return Ok(BTreeMap::new());
        };
        let kept: Vec<Kept> = serde_json::from_slice(&answer.bytes).map_err(|error| {
            ConnectorError::new(ErrorKind::Protocol, stage, url.path())
                .words(format!("its answer cannot be read: {error}"))
        })?;
        Ok(kept
            .into_iter()
            .map(|kept| (kept.version.clone(), kept))
            .collect())
    }

    async fn existing(&self, chart: &Chart, kept: &Kept, stage: Stage) -> ConnectorResult<Option<Existing>> {
        let usual = format!("charts/{}", chart.file());
        let named = kept.urls.first().unwrap_or(&usual);
        let url = self.0.file_url(chart, Some(named), stage)?;
        let digest: Option<Digest> = kept.digest.as_deref().and_then(|digest| digest.parse().ok());
        let Some(mut blobs) = self.0.blobs(chart, &url, digest, stage).await? else {
            return Ok(None);
        };
        for blob in blobs.iter_mut().filter(|blob| blob.digest.is_none()) {
            blob.digest = Some(self.digest_of(&url, blob, stage).await?);
        }
        Ok(Some(existing_of(blobs)))
    }

    /// Reads a chart whose server does not tell its digest.
    async fn digest_of(&self, url: &Url, blob: &Blob, stage: Stage) -> ConnectorResult<Digest> {
        let at_target = |mut error: ConnectorError| {
            error.stage = stage;
            error
        };
        let opened = self.0.files().open(url, blob, 0, url.path()).await;
        let mut pieces = opened.map_err(at_target)?;
        let mut hasher = Hasher::default();
        while let Some(piece) = pieces.next().await {
            hasher.update(&piece.map_err(at_target)?);
        }
        Ok(hasher.finish())
    }

    async fn look(&self, chart: &Chart, stage: Stage) -> ConnectorResult<Option<Existing>> {
        match self.kept(&chart.name, stage).await?.get(&chart.version) {
            Some(kept) => self.existing(chart, kept, stage).await,
            None => Ok(None),
        }
    }

    async fn put_one(&self, put: &Put, content: &dyn Content) -> ConnectorResult<PutOutcome> {
        let artifact = &put.artifact;
        let chart = chart_of(&artifact.key)?;
        let (package, signature) = files_of(artifact, &chart)?;
        let standing = self.look(&chart, Stage::Describe).await?;
        let is_expected = match (&put.expect, &standing) {
            (Expect::Absent, standing) => standing.is_none(),
            (Expect::Mark(mark), Some(standing)) => standing.mark.as_ref() == Some(mark),
            (Expect::Mark(_) | Expect::Digest(_), _) => false,
            (Expect::Anything, _) => true,
        };
        if !is_expected {
            return Ok(PutOutcome::Raced { found: standing });
        }
        let has = |blob: &Blob| {
            let blobs = standing.iter().flat_map(|standing| &standing.blobs);
            blobs
                .into_iter()
                .any(|there| there.name == blob.name && blob.same_bytes(there) == Some(true))
        };
        let lacks_package = !has(package);
        let signature = signature.filter(|signature| lacks_package || !has(signature));
        let had_signature = standing
            .iter()
            .flat_map(|standing| &standing.blobs)
            .any(|there| there.name == chart.provenance());
        let standing = match lacks_package && signature.is_none() && had_signature {
            // Its signature would stay beside bytes it was not made for.
            true => {
                self.remove(&chart).await?;
                None
            }
            false => standing,
        };
        let mut lacking = Vec::new();
        lacking.extend(lacks_package.then_some(("chart", package)));
        lacking.extend(signature.map(|signature| ("prov", signature)));
        let sent = self
            .send(&artifact.key, &lacking, standing.is_some(), content)
            .await;
        if let Err(error) = &sent
            && error.kind == ErrorKind::Conflict
            && standing.is_none()
        {
            let found = self.look(&chart, Stage::Describe).await?;
            return Ok(PutOutcome::Raced { found });
        }
        let mut artifact = artifact.clone();
        for (name, digest) in sent? {
            let blob = artifact.blobs.iter_mut().find(|blob| blob.name == name);
            blob.into_iter().for_each(|blob| blob.digest = Some(digest));
        }
        self.verify(&artifact, &chart, standing.is_none()).await?;
        Ok(PutOutcome::Stored {
            moved_bytes: lacking.iter().map(|(_, blob)| blob.size_bytes).sum(),
            moved_blobs: u32::try_from(lacking.len()).unwrap_or(u32::MAX),
        })
    }

    /// Sends the files that lack, all in one request, so that a chart is never seen without its signature. Returns the
    /// digests of what was sent.
    async fn send(
        &self,
        key: &ArtifactKey,
        lacking: &[(&'static str, &Blob)],
        replaces: bool,
        content: &dyn Content,
    ) -> ConnectorResult<Vec<(String, Digest)>> {
        if lacking.is_empty() {
            return Ok(Vec::new());
        }
        let (mut parts, mut sums) = (Vec::new(), Vec::new());
        for (field, blob) in lacking {
            let bytes = content.open(key, blob, 0).await?;
            let (bytes, summing) = Summing::over(bytes, checksums::Hasher::of(blob));
            parts.push((*field, *blob, bytes));
            sums.push((blob.name.clone(), summing));
        }
        let alone = matches!(lacking, [("prov", _)]);
        let url = if alone {
            self.0.signatures().await?
        } else {
            self.0.api_url(&[]).await?
        };
        let mut request = self.0.files().request(Method::POST, &url);
        if replaces {
            request = request.query(&[("force", "true")]);
        }
        let (request, bytes) = match (alone, parts.pop()) {
            (true, Some((_, blob, bytes))) => (request.header(CONTENT_LENGTH, blob.size_bytes), bytes),
            (_, last) => {
                parts.extend(last);
                let parts = parts
                    .into_iter()
                    .map(|(field, blob, bytes)| Part::File { field, blob, bytes });
                let form = Form::of(parts.collect());
                let request = request.header(CONTENT_TYPE, form.content_type);
                (request.header(CONTENT_LENGTH, form.length_bytes), form.bytes)
            }
        };
        self.0
            .files()
            .send_body(request, bytes, Stage::Write, &key.to_string())
            .await?;
        let digest = |(name, summing): (String, Summing)| Some((name, summing.finish()?.digest));
        Ok(sums.into_iter().filter_map(digest).collect())
    }

    /// Removes a chart and its signature.
    async fn remove(&self, chart: &Chart) -> ConnectorResult<()> {
        let url = self.0.api_url(&[&chart.name, &chart.version]).await?;
        let activity = self.0.files().server().activity();
        let request = self.0.files().request(Method::DELETE, &url);
        let removed = self.0.files().ask(request, &activity, Stage::Commit, url.path());
        removed.await.map(drop)
    }

    /// Compares what the server keeps now with what it was sent; takes back what was not there before.
    async fn verify(&self, artifact: &Artifact, chart: &Chart, was_absent: bool) -> ConnectorResult<()> {
        // The index may lag behind, so the files themselves are looked at.
        let url = self.0.kept_url(chart);
        let mut kept = self.0.blobs(chart, &url, None, Stage::Verify).await?;
        for blob in kept.iter_mut().flatten().filter(|blob| blob.digest.is_none()) {
            blob.digest = Some(self.digest_of(&url, blob, Stage::Verify).await?);
        }
        let existing = kept.clone().map(existing_of);
        if existing.is_some_and(|existing| artifact.likeness(&existing) == Likeness::Same) {
            return Ok(());
        }
        let error = ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, artifact.key.to_string());
        let Some(_) = kept else {
            let words =
                "the server took the file and does not have this chart: its Chart.yaml may name another";
            return Err(error.words(words));
        };
        let error = error.words("the server keeps other bytes than it was sent");
        if !was_absent {
            return Err(error);
        }
        Err(match self.remove(chart).await {
            Ok(()) => error,
            Err(left) => error.leaving(&left.to_string()),
        })
    }
}

fn chart_of(key: &ArtifactKey) -> ConnectorResult<Chart> {
    Chart::of_key(key).ok_or_else(|| {
        ConnectorError::new(ErrorKind::Protocol, Stage::Describe, key.to_string())
            .words("it is no version of a chart: `helm://name` and a version")
    })
}

/// Returns the chart's file and its signature.
fn files_of<'a>(artifact: &'a Artifact, chart: &Chart) -> ConnectorResult<(&'a Blob, Option<&'a Blob>)> {
    let named = |name: String| artifact.blobs.iter().find(move |blob| blob.name == name);
    let (package, signature) = (named(chart.file()), named(chart.provenance()));
    let known = usize::from(package.is_some()) + usize::from(signature.is_some());
    match package {
        Some(package) if known == artifact.blobs.len() => Ok((package, signature)),
        _ => {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, artifact.key.to_string());
            Err(error.words("it consists of other files than a chart and its signature"))
        }
    }
}

fn existing_of(blobs: Vec<Blob>) -> Existing {
    Existing {
        digest: None,
        size_bytes: blobs.iter().map(|blob| blob.size_bytes).sum(),
        mark: Some(mark(&blobs)),
        blobs,
        metadata: Metadata::new(),
    }
}

fn mark(blobs: &[Blob]) -> String {
    let mut hasher = Hasher::default();
    for blob in blobs {
        hasher.update(format!("{} {} {:?}\n", blob.name, blob.size_bytes, blob.digest).as_bytes());
    }
    hasher.finish().to_hex()
}

#[async_trait]
impl Target for HelmTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            conditional_write: false,
            metadata: false,
            batch_artifacts: 32,
            batch_bytes: BATCH_BYTES,
            parallel_batches: 4,
            needs_sha256: false,
            verifies: false,
        }
    }

    async fn prepare(&self, _create: bool) -> ConnectorResult<()> {
        self.0.api().await.map(drop)
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let names: std::collections::BTreeSet<&str> =
            keys.iter().filter_map(|key| name_of(&key.name)).collect();
        let asks: Vec<_> =
            names
                .into_iter()
                .map(|name| async move {
                    Ok::<_, ConnectorError>((name, self.kept(name, Stage::Describe).await?))
                })
                .collect();
        let kept: BTreeMap<&str, BTreeMap<String, Kept>> =
            stream::iter(asks).buffered(PARALLEL).try_collect().await?;
        let kept = &kept;
        let looks: Vec<_> = keys
            .iter()
            .map(|key| async move {
                // What no chart can be called stands nowhere; whoever puts it is told.
                let Some(chart) = Chart::of_key(key) else {
                    return Ok(None);
                };
                match kept
                    .get(chart.name.as_str())
                    .and_then(|kept| kept.get(&chart.version))
                {
                    Some(kept) => self.existing(&chart, kept, Stage::Describe).await,
                    None => Ok(None),
                }
            })
            .collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        let puts: Vec<_> = batch
            .iter()
            .enumerate()
            .map(|(index, put)| async move {
                let outcome = self
                    .put_one(put, content)
                    .await
                    .unwrap_or_else(PutOutcome::Failed);
                settled.settled(index, outcome);
            })
            .collect();
        stream::iter(puts)
            .buffer_unordered(CHARTS)
            .collect::<Vec<()>>()
            .await;
        Ok(())
    }
}
