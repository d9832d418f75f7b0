//! Two registries and what carries images between them, without an engine.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connectors::http::{Outgoing, Server};
use connectors::oci::open;
use connectors::peer::Peers;
use connectors::registry::Opened;
use domain::artifact::{Artifact, ArtifactKey, Blob, Likeness};
use domain::cluster::{Credentials, Secret};
use domain::ports::{ByteStream, ConnectorResult, Content, Expect, Put, PutOutcome, Source, Target};
use domain::task::Scope;
use testkit::ManualClock;
use testkit::content::Outcomes;
use testkit::servers::OciRegistry;
use url::Url;

/// Returns the server at `url` for whoever logs in as `user` with the password `secret`.
pub fn server(url: &str, user: Option<&str>) -> Server {
    let credentials = Credentials {
        username: user.map(String::from),
        password: user.map(|_| Secret::new("secret")),
        ..Credentials::default()
    };
    server_with(url, &credentials, None)
}

/// Returns the server at `url`; what has to outlast the process is kept in `state`.
pub fn server_with(url: &str, credentials: &Credentials, state: Option<&std::path::Path>) -> Server {
    let outgoing = Outgoing {
        idle_timeout: std::time::Duration::from_secs(1),
        ..Outgoing::default()
    };
    let mut peers = Peers::new(outgoing, Arc::new(ManualClock::at(0)));
    if let Some(state) = state {
        peers = peers.keeping_state(state);
    }
    let url = Url::parse(url).expect("a URL");
    peers.server(&url, credentials).expect("a server")
}

/// Opens images at `url`, logged in as nobody.
pub fn at(url: &str) -> Opened {
    open(server(url, None)).expect("a place")
}

/// Returns what opening images at `url` for whoever is logged in finds.
pub fn at_as(url: &str, user: &str) -> Opened {
    open(server(url, Some(user))).expect("a place")
}

/// Returns the URL of `path` at `registry`.
pub fn url(registry: &OciRegistry, path: &str) -> String {
    format!("{}{path}", registry.server.url())
}

/// Returns the key of an image's tag.
pub fn key(image: &str, tag: &str) -> ArtifactKey {
    ArtifactKey {
        name: format!("docker://{image}"),
        version: Some(tag.into()),
    }
}

/// Returns every key, as `image:tag`, in pages of `limit`.
pub async fn list(source: &dyn Source, limit: usize) -> ConnectorResult<Vec<ArtifactKey>> {
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let page = source.list(&Scope::Repository, cursor.as_ref(), limit).await?;
        assert!(page.keys.len() <= limit);
        keys.extend(page.keys);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(keys),
        }
    }
}

/// Describes one artifact.
pub async fn describe(source: &dyn Source, key: &ArtifactKey) -> ConnectorResult<Artifact> {
    source.describe(std::slice::from_ref(key)).await?.remove(0)
}

/// The bytes of a source as a run hands them on: length and digest of small ones are checked.
pub struct From(pub Arc<dyn Source>);

#[async_trait]
impl Content for From {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.0.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        self.0.read(wanted).await
    }
}

/// Puts `artifact` where `found` stands, and returns what became of it.
pub async fn put(source: &Opened, target: &Opened, artifact: &Artifact, expect: Expect) -> PutOutcome {
    let batch = [Put {
        artifact: artifact.clone(),
        expect,
        with_metadata: true,
    }];
    let outcomes = Outcomes::of(1);
    let content = From(source.source.clone());
    match target.target.put(&batch, &content, &outcomes).await {
        Ok(()) => outcomes.all().remove(0),
        Err(error) => PutOutcome::Failed(error),
    }
}

/// Carries one tag as a run does; returns the outcome and `None` when it is the same at the target.
pub async fn carry(source: &Opened, target: &Opened, key: &ArtifactKey) -> Option<PutOutcome> {
    let artifact = match describe(&*source.source, key).await {
        Ok(artifact) => artifact,
        Err(error) => return Some(PutOutcome::Failed(error)),
    };
    let found = find(&*target.target, key).await;
    let expect = match &found {
        None => Expect::Absent,
        Some(found) if artifact.likeness(found) == Likeness::Same => return None,
        Some(found) => found.digest.map_or(Expect::Anything, Expect::Digest),
    };
    match put(source, target, &artifact, expect).await {
        PutOutcome::Raced { found: Some(found) } if artifact.likeness(&found) == Likeness::Same => None,
        outcome => Some(outcome),
    }
}

/// Looks one artifact up.
pub async fn find(target: &dyn Target, key: &ArtifactKey) -> Option<domain::artifact::Existing> {
    target
        .find(std::slice::from_ref(key))
        .await
        .expect("an answer")
        .remove(0)
}

/// Returns the bytes that moved; it must have been stored.
pub fn moved(outcome: Option<PutOutcome>) -> u64 {
    match outcome {
        Some(PutOutcome::Stored { moved_bytes, .. }) => moved_bytes,
        other => unreachable!("not stored: {other:?}"),
    }
}

/// Returns the error of what was not stored.
pub fn error(outcome: Option<PutOutcome>) -> domain::ports::ConnectorError {
    match outcome {
        Some(PutOutcome::Failed(error)) => error,
        other => unreachable!("it did not fail: {other:?}"),
    }
}
