//! Carries single versions between two registries as a run does, without an engine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connectors::registry::Opened;
use domain::artifact::{Artifact, ArtifactKey, Blob, Likeness};
use domain::ports::{
    ByteStream, ConnectorError, ConnectorResult, Content, Cursor, Expect, Put, PutOutcome, Source,
};
use domain::task::Scope;
use testkit::content::Outcomes;

/// The bytes of a source as they are, unverified.
struct Plain(Arc<dyn Source>);

#[async_trait]
impl Content for Plain {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.0.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        self.0.read(wanted).await
    }
}

/// Returns all keys of `scope`.
pub async fn list(source: &dyn Source, scope: &Scope) -> Vec<ArtifactKey> {
    let mut keys = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = source.list(scope, cursor.as_ref(), 3).await.expect("a page");
        keys.extend(page.keys);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return keys,
        }
    }
}

/// Describes one version.
pub async fn describe(source: &dyn Source, key: &ArtifactKey) -> ConnectorResult<Artifact> {
    source.describe(std::slice::from_ref(key)).await?.remove(0)
}

/// Puts `artifact`, whose bytes `from` has.
pub async fn put(from: &Opened, to: &Opened, artifact: Artifact, expect: Expect) -> PutOutcome {
    let put = Put {
        artifact,
        expect,
        with_metadata: false,
    };
    let outcomes = Outcomes::of(1);
    let content = Plain(from.source.clone());
    to.target
        .put(&[put], &content, &outcomes)
        .await
        .expect("an answer");
    outcomes.all().remove(0)
}

/// Carries one version as a run does that overwrites; `None` when it is there already.
pub async fn carry(from: &Opened, to: &Opened, key: &ArtifactKey) -> Option<PutOutcome> {
    let artifact = describe(&*from.source, key).await.expect("it is there");
    let keys = std::slice::from_ref(key);
    let mut found = to.target.find(keys).await.expect("an answer").remove(0);
    if found
        .as_ref()
        .is_some_and(|found| artifact.likeness(found) == Likeness::Unknown)
    {
        found = to.target.read_back(keys).await.expect("an answer").remove(0);
    }
    let expect = match found {
        None => Expect::Absent,
        Some(found) if artifact.likeness(&found) == Likeness::Same => return None,
        Some(found) => Expect::Mark(found.mark.expect("a mark")),
    };
    Some(put(from, to, artifact, expect).await)
}

/// Returns the bytes that moved; they were stored.
pub fn moved(outcome: Option<PutOutcome>) -> u64 {
    match outcome {
        Some(PutOutcome::Stored { moved_bytes, .. }) => moved_bytes,
        other => unreachable!("{other:?}"),
    }
}

/// Returns the error; nothing was stored.
pub fn refused(outcome: Option<PutOutcome>) -> ConnectorError {
    match outcome {
        Some(PutOutcome::Failed(error)) => error,
        other => unreachable!("{other:?}"),
    }
}
