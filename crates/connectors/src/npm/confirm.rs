//! Whether a registry shows what it was sent: only then a version counts as carried.

use domain::artifact::Blob;
use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult, PutOutcome, Settled};
use futures_util::{StreamExt, stream};

use super::PARALLEL;
use super::publish::tags_of;
use super::target::{Job, NpmTarget};
use super::wire::{DEPRECATED, Entry, TAGS, Wanted};

/// An item whose version is in the registry now, as far as its answers tell.
pub(super) struct Arrived<'a> {
    pub(super) job: Job<'a>,
    /// What was sent; `None` when nothing had to be.
    pub(super) sent: Option<Sums>,
}

impl NpmTarget {
    /// Looks at what the registry shows of `arrived` and settles each.
    pub(super) async fn confirmed(
        &self,
        name: &str,
        arrived: Vec<Arrived<'_>>,
        settled: &dyn Settled,
    ) -> ConnectorResult<()> {
        if arrived.is_empty() {
            return Ok(());
        }
        let versions: Vec<&str> = arrived.iter().map(|arrived| arrived.job.version).collect();
        let wanted = Wanted {
            versions: &versions,
            documents: false,
        };
        let read = self.registry.packument(name, true, Stage::Verify, wanted);
        let packument = read.await??.unwrap_or_default();
        let looks = arrived.iter().map(|arrived| async {
            match packument.entry(arrived.job.version) {
                Some(Ok(entry)) => self.verified(arrived, entry).await.map(|()| entry),
                Some(Err(words)) => Err(not_there(arrived).words(words)),
                None => Err(not_there(arrived).words("it took the version and does not list it")),
            }
        });
        let looks: Vec<_> = looks.collect();
        let shown: Vec<ConnectorResult<&Entry>> = stream::iter(looks).buffered(PARALLEL).collect().await;
        let described = self.described(name, &arrived, &shown).await;
        for (arrived, shown) in arrived.into_iter().zip(shown) {
            let blobs = u32::from(arrived.sent.is_some());
            let moved_bytes = arrived.sent.map_or(0, |sums| sums.length_bytes);
            let index = arrived.job.index;
            let outcome = match (shown, &described) {
                (Ok(_), Ok(())) => PutOutcome::Stored {
                    moved_bytes,
                    moved_blobs: blobs,
                },
                (Ok(_), Err(error)) => PutOutcome::Failed(error.again()),
                // What is wrong must not be seen; if it cannot be taken out, the failure says so.
                (Err(error), _) if error.kind == ErrorKind::Corrupt && arrived.sent.is_some() => {
                    let withdrawn = self.registry.withdraw(name, arrived.job.version).await;
                    PutOutcome::Failed(match withdrawn {
                        Err(left) if left.kind != ErrorKind::NotFound => error.leaving(&left.to_string()),
                        _ => error,
                    })
                }
                (Err(error), _) => PutOutcome::Failed(error),
            };
            settled.settled(index, outcome);
        }
        Ok(())
    }

    /// Compares what a client would install with what was sent.
    async fn verified(&self, arrived: &Arrived<'_>, entry: &Entry) -> ConnectorResult<()> {
        let Some(sums) = arrived.sent else {
            return Ok(());
        };
        let subject = arrived.job.put.artifact.key.to_string();
        let sent = Blob {
            size_bytes: sums.length_bytes,
            digest: Some(sums.digest),
            ..entry.blob.clone()
        };
        let read = self.registry.read_back(entry, &sent, &subject).await?;
        if read.are_of(&sent) {
            Ok(())
        } else {
            Err(not_there(arrived).words("it holds other bytes than were sent"))
        }
    }

    /// Lets tags and deprecations be those of the source, where the registry shows others.
    async fn described(
        &self,
        name: &str,
        arrived: &[Arrived<'_>],
        shown: &[ConnectorResult<&Entry>],
    ) -> ConnectorResult<()> {
        let mut deprecations = Vec::new();
        for (arrived, shown) in arrived.iter().zip(shown) {
            let (Ok(shown), true) = (shown, arrived.job.put.with_metadata) else {
                continue;
            };
            let artifact = &arrived.job.put.artifact;
            let wanted = artifact.metadata.get(DEPRECATED);
            if wanted != shown.metadata.get(DEPRECATED) {
                deprecations.push((arrived.job.version.to_owned(), wanted.cloned()));
            }
            let known = shown.metadata.get(TAGS).map(String::as_str).unwrap_or_default();
            for tag in tags_of(artifact) {
                if !known.split(',').any(|known| known == tag) {
                    self.registry.tag(name, &tag, arrived.job.version).await?;
                }
            }
        }
        if deprecations.is_empty() {
            return Ok(());
        }
        self.registry.deprecate(name, deprecations).await
    }
}

fn not_there(arrived: &Arrived<'_>) -> ConnectorError {
    ConnectorError::new(
        ErrorKind::Corrupt,
        Stage::Verify,
        arrived.job.put.artifact.key.to_string(),
    )
}
