//! Carries one version of a package to other names at the target: the contract's `targetVersions`.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing, Likeness, Metadata};
use domain::decide::Action;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::note::Note;
use domain::ports::{
    ByteStream, Capabilities, ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled, Target,
};
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

    /// Says whether what stands under a name is all that `put` asks for.
    fn is_done(&self, put: &Put, stands: &Existing) -> bool {
        let same_metadata = || {
            self.target
                .same_metadata(&put.artifact.metadata, &stands.metadata)
        };
        put.artifact.likeness(stands) == Likeness::Same && (!put.with_metadata || same_metadata())
    }

    /// Returns what stands under all names together: what only some names have counts as not there yet.
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
                    .map(|(earlier, found)| Some(together(earlier?, found?)))
                    .collect(),
            });
        }
        Ok(all.unwrap_or_default())
    }
}

/// Returns what two names hold together, so that an artifact is like it as it is like both: equal if it equals both,
/// to be completed where one of them lacks a blob, other content where one of them holds that.
fn together(earlier: Existing, found: Existing) -> Existing {
    if earlier.digest.is_some() && earlier.digest == found.digest {
        return earlier;
    }
    let shared = earlier.blobs.iter().filter_map(|blob| {
        let other = found.blobs.iter().find(|other| other.name == blob.name)?;
        Some(match blob.same_bytes(other) {
            Some(true) => blob.clone(),
            // No blob of an artifact is like this one.
            _ => Blob {
                name: blob.name.clone(),
                ..Blob::unknown(u64::MAX)
            },
        })
    });
    let blobs: Vec<Blob> = shared.collect();
    let digests = earlier.digest.zip(found.digest).filter(|_| blobs.is_empty());
    Existing {
        digest: digests.map(|(one, other)| Digest::of(format!("{one} and {other}").as_bytes())),
        blobs,
        mark: None,
        ..found
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

    fn keeps_property(&self, name: &str) -> bool {
        self.target.keeps_property(name)
    }

    fn notes(&self, artifact: &Artifact, before: Option<&Existing>, action: Action) -> Vec<Note> {
        self.target.notes(artifact, before, action)
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
            let put_key = put.artifact.key.clone();
            let mut whole: Option<PutOutcome> = None;
            for name in &self.names {
                let mut put = put.clone();
                put.artifact.key = named(&put.artifact.key, name);
                let found = self.target.find(std::slice::from_ref(&put.artifact.key)).await?;
                let stands = found.into_iter().next().flatten();
                if stands.is_some_and(|it| self.is_done(&put, &it)) {
                    whole = Some(summed(whole, stored_before()));
                    continue;
                }
                if self.names.len() > 1 && put.expect != domain::ports::Expect::Absent {
                    put.expect = domain::ports::Expect::Anything;
                }
                let outcome = Outcome::default();
                self.target.put(&[put], &content, &outcome).await?;
                let outcome = outcome.take().unwrap_or_else(|| {
                    let subject = named(&put_key, name).to_string();
                    let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, subject);
                    PutOutcome::Failed(error.words("the target did not say what became of it"))
                });
                let ended = !matches!(outcome, PutOutcome::Stored { .. });
                whole = Some(summed(whole, outcome));
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
fn summed(earlier: Option<PutOutcome>, outcome: PutOutcome) -> PutOutcome {
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

#[cfg(test)]
mod tests {
    use domain::artifact::Artifact;
    use domain::decide::{Action, decide};
    use domain::ports::Expect;
    use domain::task::{ConflictStrategy, PackageSelection};
    use testkit::MemoryRepository;
    use testkit::content::{MemoryContent, Outcomes};

    use super::*;

    fn version(name: &str, bytes: &[u8]) -> Artifact {
        let digest = Digest::of(bytes);
        Artifact {
            key: ArtifactKey {
                name: "docker://app".into(),
                version: Some(name.into()),
            },
            digest: Some(digest),
            blobs: vec![Blob::of(digest, bytes.len() as u64)],
            metadata: Metadata::new(),
            document: None,
        }
    }

    async fn put(target: &dyn Target, artifact: &Artifact, bytes: &[u8], expect: Expect) -> PutOutcome {
        let put = Put {
            artifact: artifact.clone(),
            expect,
            with_metadata: true,
        };
        let (content, outcomes) = (MemoryContent::of([bytes]), Outcomes::of(1));
        target.put(&[put], &content, &outcomes).await.expect("it answers");
        outcomes.all().remove(0)
    }

    /// Returns a repository that holds these bytes under these names, and it as a target under `1` and `latest`.
    async fn world(holding: &[(&str, &[u8])]) -> (MemoryRepository, Arc<dyn Target>) {
        let memory = MemoryRepository::default();
        for (name, bytes) in holding {
            put(&memory, &version(name, bytes), bytes, Expect::Absent).await;
        }
        let selection = PackageSelection {
            key: "docker://app".into(),
            versions: vec!["rc".into()],
            target_versions: vec!["1".into(), "latest".into()],
        };
        let target = renamed(memory.as_target(), &Scope::Packages(vec![selection]));
        (memory, target)
    }

    async fn decided(target: &dyn Target, artifact: &Artifact) -> Action {
        let found = target.find(std::slice::from_ref(&artifact.key)).await;
        let found = found.expect("it answers").remove(0);
        decide(artifact, found.as_ref(), ConflictStrategy::Skip, false)
    }

    #[tokio::test]
    async fn a_version_is_stored_under_all_its_names_and_then_equal() {
        let (memory, target) = world(&[]).await;
        let artifact = version("rc", b"new");

        let first = decided(&*target, &artifact).await;
        let outcome = put(&*target, &artifact, b"new", Expect::Absent).await;

        assert_eq!(first, Action::Copy);
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
        let stands = |name: &str| (format!("docker://app {name}"), Digest::of(b"new"));
        assert_eq!(memory.content(), [stands("1"), stands("latest")]);
        assert_eq!(decided(&*target, &artifact).await, Action::Keep);
    }

    #[tokio::test]
    async fn a_name_that_lacks_is_added_and_the_other_left_alone() {
        let (memory, target) = world(&[("latest", b"new")]).await;
        let artifact = version("rc", b"new");

        assert_eq!(decided(&*target, &artifact).await, Action::Copy);
        put(&*target, &artifact, b"new", Expect::Absent).await;

        assert_eq!(memory.content().len(), 2);
        assert_eq!(decided(&*target, &artifact).await, Action::Keep);
    }

    #[tokio::test]
    async fn other_content_under_one_of_the_names_is_a_conflict_whichever_it_is() {
        let (memory, target) = world(&[("1", b"one"), ("latest", b"two")]).await;
        let before = memory.content();

        for bytes in [&b"one"[..], b"two", b"new"] {
            let artifact = version("rc", bytes);
            assert_eq!(decided(&*target, &artifact).await, Action::SkipConflict);
        }
        assert_eq!(memory.content(), before);
        let artifact = version("rc", b"new");
        put(&*target, &artifact, b"new", Expect::Anything).await;
        assert_eq!(
            decided(&*target, &artifact).await,
            Action::Keep,
            "it was replaced"
        );
    }

    #[tokio::test]
    async fn other_content_that_came_meanwhile_is_told_and_stays() {
        let (memory, target) = world(&[("latest", b"old")]).await;

        let outcome = put(&*target, &version("rc", b"new"), b"new", Expect::Absent).await;

        let PutOutcome::Raced { found: Some(found) } = outcome else {
            unreachable!("{outcome:?}");
        };
        assert_eq!(found.digest, Some(Digest::of(b"old")));
        let stands = ("docker://app latest".to_owned(), Digest::of(b"old"));
        assert!(memory.content().contains(&stands));
    }

    #[test]
    fn what_is_compared_blob_by_blob_is_together_what_both_hold() {
        let named = |name: &str, bytes: &[u8]| Blob {
            name: name.into(),
            ..Blob::of(Digest::of(bytes), bytes.len() as u64)
        };
        let existing = |blobs: &[&Blob]| Existing {
            digest: None,
            size_bytes: 0,
            blobs: blobs.iter().map(|blob| (*blob).clone()).collect(),
            mark: None,
            metadata: Metadata::new(),
        };
        let (manifest, other, signature) = (named("m", b"m"), named("m", b"x"), named("s", b"s"));
        let signed = Artifact {
            digest: None,
            blobs: vec![manifest.clone(), signature.clone()],
            ..version("rc", b"")
        };
        let likeness =
            |one: &[&Blob], two: &[&Blob]| signed.likeness(&together(existing(one), existing(two)));
        let both = [&manifest, &signature];

        assert_eq!(likeness(&both, &both), Likeness::Same);
        assert_eq!(likeness(&both, &[&manifest]), Likeness::Partial);
        assert_eq!(likeness(&[&other, &signature], &both), Likeness::Different);
    }
}
