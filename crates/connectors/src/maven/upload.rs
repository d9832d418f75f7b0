//! Puts the files of one version: what makes it usable last, each read back and given its sums.

use bytes::Bytes;
use domain::artifact::{Artifact, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;

use super::layout::Version;
use super::repository::{PARALLEL, Repository};
use super::view::{View, hashed, hasher, summed};
use crate::summing::Summing;

/// What a version took.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Moved {
    pub(super) bytes: u64,
    pub(super) blobs: u32,
}

/// One version on its way.
pub(super) struct Upload<'a> {
    pub(super) repository: &'a Repository,
    pub(super) version: &'a Version,
    pub(super) artifact: &'a Artifact,
    pub(super) content: &'a dyn Content,
}

impl Upload<'_> {
    /// Puts every file that `standing` lacks. What was put is taken back if nothing stood there before and not all
    /// of it could be put.
    pub(super) async fn run(&self, standing: Option<&View>) -> ConnectorResult<Moved> {
        let is_lacking = |blob: &&Blob| standing.is_none_or(|standing| !standing.has(blob));
        let lacking: Vec<&Blob> = self.artifact.blobs.iter().filter(is_lacking).collect();
        let put = self.put_all(&lacking).await;
        if let (Err(error), None) = (&put, standing) {
            let error = error.again();
            return Err(match self.take_back(&lacking).await {
                Ok(()) => error,
                Err(left) => error.leaving(&left.to_string()),
            });
        }
        put?;
        Ok(Moved {
            bytes: lacking.iter().map(|blob| blob.size_bytes).sum(),
            blobs: u32::try_from(lacking.len()).unwrap_or(u32::MAX),
        })
    }

    async fn put_all(&self, lacking: &[&Blob]) -> ConnectorResult<()> {
        // Whoever finds the description may expect the rest.
        let (last, first): (Vec<&Blob>, Vec<&Blob>) =
            lacking.iter().partition(|blob| self.version.is_pom(&blob.name));
        for blobs in [first, last] {
            let puts: Vec<_> = blobs.into_iter().map(|blob| self.put(blob)).collect();
            stream::iter(puts)
                .buffer_unordered(PARALLEL)
                .try_collect::<Vec<()>>()
                .await?;
        }
        Ok(())
    }

    async fn put(&self, blob: &Blob) -> ConnectorResult<()> {
        let url = self.repository.url(&self.version.folder(), &blob.name);
        let bytes = self.content.open(&self.artifact.key, blob, 0).await?;
        let (bytes, summing) = Summing::over(bytes, hasher());
        let files = self.repository.files();
        files.store(&url, bytes, blob.size_bytes, Stage::Write).await?;
        let sums = summing.finish();
        let sent = sums.map_or_else(|| blob.clone(), |sums| summed(&blob.name, &sums));
        self.verify(&sent).await?;
        for (ending, sum) in sums_of(blob, &sent) {
            let name = format!("{}{ending}", blob.name);
            put_text(self.repository, &self.version.folder(), &name, sum).await?;
        }
        Ok(())
    }

    /// Compares what arrived with what was `sent`: by the sums the server tells, else by reading it.
    async fn verify(&self, sent: &Blob) -> ConnectorResult<()> {
        let url = self.repository.url(&self.version.folder(), &sent.name);
        let wrong = |words: &str| {
            Err(ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, url.path()).words(words))
        };
        let told = self
            .repository
            .files()
            .facts(&url, Stage::Verify, url.path())
            .await?;
        let Some(mut told) = told else {
            return wrong("the server took it and does not have it");
        };
        told.name.clone_from(&sent.name);
        let same = match sent.same_bytes(&told) {
            Some(same) => same,
            None => hashed(self.repository, self.version, &told).await?.digest == sent.digest,
        };
        if same {
            Ok(())
        } else {
            wrong("the server holds other bytes than it was sent")
        }
    }

    /// Removes what was put, as far as the server lets it; the first that it does not is the error.
    async fn take_back(&self, blobs: &[&Blob]) -> ConnectorResult<()> {
        let endings = ["", ".sha512", ".sha256", ".sha1", ".md5"];
        let names = blobs
            .iter()
            .flat_map(|blob| endings.map(|ending| format!("{}{ending}", blob.name)));
        let removals: Vec<_> = names
            .map(|name| async move {
                let url = self.repository.url(&self.version.folder(), &name);
                let files = self.repository.files();
                let activity = files.server().activity();
                let request = files.request(Method::DELETE, &url);
                let removed = files.ask(request, &activity, Stage::Commit, url.path()).await;
                let Err(error) = removed else { return Ok(()) };
                // What never arrived needs not be removed.
                match files.facts(&url, Stage::Commit, url.path()).await {
                    Ok(Some(_)) => Err(error),
                    Ok(None) | Err(_) => Ok(()),
                }
            })
            .collect();
        let removed: Vec<_> = stream::iter(removals).buffer_unordered(PARALLEL).collect().await;
        removed.into_iter().collect()
    }
}

/// Puts a small file that is made here.
pub(super) async fn put_text(
    repository: &Repository,
    folder: &[String],
    name: &str,
    text: String,
) -> ConnectorResult<()> {
    let url = repository.url(folder, name);
    let bytes = Bytes::from(text);
    let length_bytes = bytes.len() as u64;
    let bytes: ByteStream = Box::pin(stream::iter([Ok(bytes)]));
    repository
        .files()
        .store(&url, bytes, length_bytes, Stage::Commit)
        .await
}

/// Returns the sums that are written beside a file, which was `sent`: Maven's own two, and the others that are known of
/// it (as `blob`).
pub(super) fn sums_of(blob: &Blob, sent: &Blob) -> Vec<(&'static str, String)> {
    let sha512 = sent.checksums.sha512.filter(|_| blob.checksums.sha512.is_some());
    let sha256 = sent.digest.filter(|_| blob.digest.is_some());
    let sums = [
        (".sha512", sha512.map(hex::encode)),
        (".sha256", sha256.map(|digest| digest.to_hex())),
        (".md5", sent.checksums.md5_hex()),
        (".sha1", sent.checksums.sha1.map(hex::encode)),
    ];
    sums.into_iter()
        .filter_map(|(ending, sum)| Some((ending, sum?)))
        .collect()
}
