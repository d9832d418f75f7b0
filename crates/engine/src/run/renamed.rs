//! Carries one version of a package to other names at the target: the contract's `targetVersions`.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob, Existing, Likeness, Metadata};
use domain::ports::{ByteStream, Capabilities, ConnectorResult, Content, Put, PutOutcome, Settled, Target};
use domain::task::Scope;

/// Returns `target` as a run of `scope` writes to it.
pub(crate) fn renamed(target: Arc<dyn Target>, scope: &Scope) -> Arc<dyn Target> {
    let Scope::Packages(packages) = scope else {
        return target;
    };
    match packages.as_slice() {
        [only] if !only.target_versions.is_empty() => Arc::new(Renamed {
            target,
            names: only.target_versions.clone(),
        }),
        _ => target,
    }
}

/// A target at which every version that is written gets these names; a task has one version then.
struct Renamed {
    target: Arc<dyn Target>,
    names: Vec<String>,
}

impl Renamed {
    fn keys(&self, keys: &[ArtifactKey], name: &str) -> Vec<ArtifactKey> {
        keys.iter().map(|key| named(key, name)).collect()
    }

    /// Returns what stands under all names together: what only some names have counts as not there yet, and where
    /// one of them holds other content, that is what is found.
    async fn all_of<F, Fut>(&self, keys: &[ArtifactKey], find: F) -> ConnectorResult<Vec<Option<Existing>>>
    where
        F: Fn(Vec<ArtifactKey>) -> Fut,
        Fut: Future<Output = ConnectorResult<Vec<Option<Existing>>>>,
    {
        let mut all: Option<Vec<Option<Existing>>> = None;
        for name in &self.names {
            let found = find(self.keys(keys, name)).await?;
            all = Some(match all {
                None => found,
                Some(earlier) => earlier
                    .into_iter()
                    .zip(found)
                    .map(|(earlier, found)| {
                        earlier
                            .zip(found)
                            .map(|(earlier, found)| differing(earlier, found))
                    })
                    .collect(),
            });
        }
        Ok(all.unwrap_or_default())
    }
}

/// Returns one of two; if they differ, one of which it is known that no artifact equals both.
fn differing(earlier: Existing, found: Existing) -> Existing {
    if earlier.digest == found.digest && earlier.blobs == found.blobs {
        earlier
    } else {
        Existing {
            digest: None,
            blobs: Vec::new(),
            ..found
        }
    }
}

fn named(key: &ArtifactKey, name: &str) -> ArtifactKey {
    ArtifactKey {
        name: key.name.clone(),
        version: Some(name.to_owned()),
    }
}

#[async_trait]
impl Target for Renamed {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Several names are not written in one step.
            conditional_write: false,
            ..self.target.capabilities()
        }
    }

    fn same_metadata(&self, wanted: &Metadata, existing: &Metadata) -> bool {
        self.target.same_metadata(wanted, existing)
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        self.target.prepare(create).await
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.all_of(keys, |keys| async move { self.target.find(&keys).await })
            .await
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        self.all_of(keys, |keys| async move { self.target.read_back(&keys).await })
            .await
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        for (index, put) in batch.iter().enumerate() {
            let content = Unnamed {
                content,
                key: put.artifact.key.clone(),
            };
            let mut whole: Option<PutOutcome> = None;
            for name in &self.names {
                let mut put = put.clone();
                put.artifact.key = named(&put.artifact.key, name);
                let found = self.target.find(std::slice::from_ref(&put.artifact.key)).await?;
                let stands = found.into_iter().next().flatten();
                if stands.is_some_and(|it| put.artifact.likeness(&it) == Likeness::Same) {
                    whole = Some(together(whole, stored_before()));
                    continue;
                }
                if self.names.len() > 1 && put.expect != domain::ports::Expect::Absent {
                    put.expect = domain::ports::Expect::Anything;
                }
                let outcome = Outcome::default();
                self.target.put(&[put], &content, &outcome).await?;
                let Some(outcome) = outcome.take() else {
                    continue;
                };
                let ended = !matches!(outcome, PutOutcome::Stored { .. });
                whole = Some(together(whole, outcome));
                if ended {
                    break;
                }
            }
            if let Some(outcome) = whole {
                settled.settled(index, outcome);
            }
        }
        Ok(())
    }
}

fn stored_before() -> PutOutcome {
    PutOutcome::Stored {
        moved_bytes: 0,
        moved_blobs: 0,
    }
}

/// Returns what two names came to together: stored only if both are.
fn together(earlier: Option<PutOutcome>, outcome: PutOutcome) -> PutOutcome {
    match (earlier, outcome) {
        (
            Some(PutOutcome::Stored {
                moved_bytes: bytes,
                moved_blobs: blobs,
            }),
            PutOutcome::Stored {
                moved_bytes,
                moved_blobs,
            },
        ) => PutOutcome::Stored {
            moved_bytes: bytes + moved_bytes,
            moved_blobs: blobs + moved_blobs,
        },
        (_, outcome) => outcome,
    }
}

/// The outcome of one item.
#[derive(Default)]
struct Outcome(Mutex<Option<PutOutcome>>);

impl Outcome {
    fn take(self) -> Option<PutOutcome> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settled for Outcome {
    fn settled(&self, _index: usize, outcome: PutOutcome) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

/// Content that is asked for under the target's names and read under the source's.
struct Unnamed<'a> {
    content: &'a dyn Content,
    key: ArtifactKey,
}

#[async_trait]
impl Content for Unnamed<'_> {
    async fn open(&self, _: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.content.open(&self.key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let wanted: Vec<(&ArtifactKey, &Blob)> = wanted.iter().map(|(_, blob)| (&self.key, *blob)).collect();
        self.content.read(&wanted).await
    }
}
