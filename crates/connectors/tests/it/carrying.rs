//! Carries single versions between two registries as a run does, without an engine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connectors::registry::Opened;
use domain::artifact::{Artifact, ArtifactKey, Blob, Likeness};
use domain::checksums::Sums;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    ByteStream, ConnectorError, ConnectorResult, Content, Cursor, Expect, Put, PutOutcome, Source,
};
use domain::task::Scope;
use futures_util::future::ready;
use futures_util::{StreamExt, TryStreamExt, stream};
use testkit::content::Outcomes;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

/// The bytes of a source, verified as a run does for targets that do not: wrong ones never end.
struct Verified(Arc<dyn Source>);

fn verified(key: &ArtifactKey, blob: &Blob, bytes: &[u8]) -> ConnectorResult<()> {
    let error = |kind| Err(ConnectorError::new(kind, Stage::Read, key.to_string()));
    match bytes.len() as u64 == blob.size_bytes {
        true if Sums::of(bytes, blob).are_of(blob) => Ok(()),
        true => error(ErrorKind::Corrupt),
        false => error(ErrorKind::Changed),
    }
}

#[async_trait]
impl Content for Verified {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let mut pieces: Vec<Bytes> = Vec::new();
        let mut opened = self.0.open(key, blob, offset_bytes).await?;
        while let Some(piece) = opened.next().await {
            pieces.push(piece?);
        }
        let checked = match offset_bytes {
            0 => verified(key, blob, &pieces.concat()),
            _ => Ok(()),
        };
        if checked.is_err() {
            pieces.pop();
        }
        let end = checked.err().map(Err);
        Ok(Box::pin(stream::iter(pieces.into_iter().map(Ok).chain(end))))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let read = self.0.read(wanted).await?;
        let checked = wanted.iter().zip(read).map(|((key, blob), bytes)| {
            let bytes = bytes?;
            verified(key, blob, &bytes).map(|()| bytes)
        });
        Ok(checked.collect())
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
    let content = Verified(from.source.clone());
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

/// What a source does wrong, and what that can be called.
pub type Break = (Fault, &'static [ErrorKind]);

/// All that a source can do wrong with the bytes of a file.
pub fn breaks() -> Vec<Break> {
    vec![
        (Fault::status(401), &[ErrorKind::Unauthorised]),
        (Fault::status(500), &[ErrorKind::Protocol]),
        (Fault::slow_down(0), &[ErrorKind::Limit]),
        (
            Fault::CutAnswer(1_000),
            &[ErrorKind::Unreachable, ErrorKind::Changed],
        ),
        (Fault::StallAnswer(1_000), &[ErrorKind::Unreachable]),
        (Fault::ChangeAnswer(1_000), &[ErrorKind::Corrupt]),
        (Fault::ShortenAnswer(1), &[ErrorKind::Changed]),
        (Fault::LengthenAnswer(1), &[ErrorKind::Changed]),
    ]
}

/// Carries `key` while its file, which a proxy shows at a path like the pattern, breaks in each of these ways: each is
/// named, none brings anything, and once nothing breaks any more it arrives.
pub async fn broken_bytes_never_arrive(
    (from, proxy, pattern): (&Opened, &FaultProxy, &str),
    to: &Opened,
    key: &ArtifactKey,
    breaks: Vec<Break>,
) {
    for (fault, kinds) in breaks {
        proxy.clear();
        let artifact = describe(&*from.source, key).await.expect("it is there");
        let struck = proxy.struck();
        proxy.add(Rule::on("GET", pattern, fault.clone()));
        let put = Put {
            artifact,
            expect: Expect::Absent,
            with_metadata: false,
        };
        let (outcomes, content) = (Outcomes::of(1), Verified(from.source.clone()));

        let answer = to.target.put(&[put], &content, &outcomes).await;

        let outcome = match answer {
            Ok(()) => outcomes.all().remove(0),
            Err(error) => PutOutcome::Failed(error),
        };
        let error = refused(Some(outcome));
        assert!(kinds.contains(&error.kind), "{fault:?}: {error}");
        assert!(proxy.struck() > struck, "{fault:?} struck");
        let found = to
            .target
            .find(std::slice::from_ref(key))
            .await
            .expect("an answer");
        assert_eq!(found, [None], "{fault:?}");
    }
    proxy.clear();
    moved(carry(from, to, key).await);
}

/// Reads `/a.bin`, which has `length` bytes and breaks off: what comes next has the right length and is another range.
pub async fn another_range_is_refused(source: &dyn Source, proxy: &FaultProxy, length: usize) {
    const BEFORE: usize = 1_000_000;
    let key = testkit::contract::key("/a.bin");
    let described = describe(source, &key).await.expect("it is there");
    proxy.add(Rule::on("GET", "*", Fault::CutAnswer(BEFORE as u64)).times(1));
    let another = Fault::Answer {
        status: 206,
        headers: vec![(
            "Content-Range".into(),
            format!("bytes 0-{}/{length}", length - BEFORE - 1),
        )],
        body: "x".repeat(length - BEFORE),
    };
    proxy.add(Rule::on("GET", "*", another));

    let bytes = source.open(&key, &described.blobs[0], 0).await.expect("a stream");
    let read = bytes.try_for_each(|_| ready(Ok(()))).await;

    let error = read.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
}
