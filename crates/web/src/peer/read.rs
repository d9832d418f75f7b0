//! Questions of a node that copies from here.
//!
//! Blobs are read by key, and only if the key still names the digest asked for: a digest alone opens nothing.

use std::collections::VecDeque;

use axum::response::Response;
use bytes::Bytes;
use connectors::peer::wire::{Answer, BATCH_ARTIFACTS, BATCH_BYTES, Trouble, Wanted};
use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor};
use domain::task::Scope;
use futures_util::stream;
use hosted::{HostedRepository, Node};
use tokio::sync::OwnedSemaphorePermit;

use super::{Asked, answer, turn};

/// Longest page of keys.
const PAGE_KEYS: usize = 5000;
/// Bytes of small blobs that are read in one go.
const READ_BYTES: u64 = 1024 * 1024;

pub(super) async fn list(
    asked: Asked,
    scope: Scope,
    cursor: Option<Cursor>,
    limit: usize,
) -> ConnectorResult<Vec<Answer>> {
    let source = asked.repository(Stage::List).await?.source();
    let page = source
        .list(&scope, cursor.as_ref(), limit.clamp(1, PAGE_KEYS))
        .await?;
    Ok(vec![Answer::Keys {
        keys: page.keys,
        next: page.next,
    }])
}

pub(super) async fn missing(asked: Asked, scope: Scope) -> ConnectorResult<Vec<Answer>> {
    let source = asked.repository(Stage::List).await?.source();
    Ok(vec![Answer::Missing(source.missing(&scope).await?)])
}

pub(super) async fn describe(asked: Asked, keys: Vec<ArtifactKey>) -> ConnectorResult<Vec<Answer>> {
    bounded(&asked, keys.len(), Stage::Describe)?;
    let source = asked.repository(Stage::Describe).await?.source();
    let described = source.describe(&keys).await?;
    let travelling = described
        .into_iter()
        .map(|artifact| artifact.map_err(|error| Trouble::from(&error)))
        .collect();
    Ok(vec![Answer::Artifacts(travelling)])
}

pub(super) fn bounded(asked: &Asked, count: usize, stage: Stage) -> ConnectorResult<()> {
    if count > BATCH_ARTIFACTS {
        return Err(asked.error(
            ErrorKind::Protocol,
            stage,
            "more artifacts than one request may name",
        ));
    }
    Ok(())
}

pub(super) async fn read(asked: Asked, wanted: Vec<Wanted>) -> Response {
    let turn = match turn(&asked.turns.held).await {
        Ok(turn) => turn,
        Err(error) => return answer::refused(&error),
    };
    let count = wanted.len() as u64;
    match Reading::begin(asked, wanted, turn).await {
        Ok(reading) => answer::blobs(stream::unfold(reading, Reading::next), count),
        Err(error) => answer::refused(&error),
    }
}

/// Blobs on their way to an asker: a few at a time are in memory, and as long as any is, its turn is taken.
struct Reading {
    asked: Asked,
    repository: HostedRepository,
    /// What is still to be read, with what was found for it.
    left: VecDeque<(Wanted, ConnectorResult<Node>)>,
    _turn: OwnedSemaphorePermit,
}

impl Reading {
    async fn begin(asked: Asked, wanted: Vec<Wanted>, turn: OwnedSemaphorePermit) -> ConnectorResult<Self> {
        bounded(&asked, wanted.len(), Stage::Read)?;
        let repository = asked.repository(Stage::Read).await?;
        let nodes = nodes(&asked, &repository, &wanted).await?;
        if nodes.iter().map(size_bytes).sum::<u64>() > BATCH_BYTES {
            return Err(asked.error(
                ErrorKind::Protocol,
                Stage::Read,
                "more bytes than one answer may hold",
            ));
        }
        Ok(Self {
            asked,
            repository,
            left: wanted.into_iter().zip(nodes).collect(),
            _turn: turn,
        })
    }

    /// Returns the next blobs; `None` after the last.
    async fn next(mut self) -> Option<(Vec<ConnectorResult<Bytes>>, Self)> {
        let mut some = Vec::new();
        let mut some_bytes = 0;
        while let Some(next) = self.left.pop_front() {
            some_bytes += size_bytes(&next.1);
            some.push(next);
            if some_bytes >= READ_BYTES {
                break;
            }
        }
        if some.is_empty() {
            return None;
        }
        let (wanted, found): (Vec<Wanted>, Vec<ConnectorResult<Node>>) = some.into_iter().unzip();
        let mut blobs = self.blobs(&found).await;
        // An asker may take its time, and what was found may have been moved to another pack meanwhile.
        if blobs.iter().any(is_lost)
            && let Ok(found) = nodes(&self.asked, &self.repository, &wanted).await
        {
            blobs = self.blobs(&found).await;
        }
        Some((blobs, self))
    }

    async fn blobs(&self, found: &[ConnectorResult<Node>]) -> Vec<ConnectorResult<Bytes>> {
        let there: Vec<&Node> = found.iter().flatten().collect();
        let mut bytes = self.repository.read_small(&there).await.into_iter();
        let lost = || {
            let words = "its bytes could not be read";
            Err(self.asked.error(ErrorKind::Disk, Stage::Read, words))
        };
        let blob = |node: &ConnectorResult<Node>| match node {
            Ok(_) => bytes.next().unwrap_or_else(lost),
            Err(error) => Err(error.again()),
        };
        found.iter().map(blob).collect()
    }
}

fn is_lost(blob: &ConnectorResult<Bytes>) -> bool {
    matches!(blob, Err(error) if error.kind == ErrorKind::Disk)
}

fn size_bytes(node: &ConnectorResult<Node>) -> u64 {
    let file = node.as_ref().ok().and_then(|node| node.file.as_ref());
    file.map_or(0, |file| file.size_bytes)
}

/// Returns the nodes that still are what is wanted, in its order.
async fn nodes(
    asked: &Asked,
    repository: &HostedRepository,
    wanted: &[Wanted],
) -> ConnectorResult<Vec<ConnectorResult<Node>>> {
    let named: Vec<_> = wanted.iter().map(|wanted| (&wanted.key, wanted.digest)).collect();
    let found = repository.files_of(&named).await;
    let found = found.map_err(|error| error.to_connector(Stage::Read, asked.name.to_string()))?;
    let checked = |(node, wanted): (Option<Node>, &Wanted)| {
        let error = |kind| ConnectorError::new(kind, Stage::Read, wanted.key.to_string());
        let node = node.ok_or_else(|| error(ErrorKind::NotFound))?;
        match &node.file {
            Some(file) if file.digest == wanted.digest => Ok(node),
            Some(_) => Err(error(ErrorKind::Changed).words("it has another content by now")),
            None => Err(error(ErrorKind::NotFound)),
        }
    };
    Ok(found.into_iter().zip(wanted).map(checked).collect())
}

pub(super) async fn range(asked: Asked, wanted: Wanted, offset_bytes: u64, length_bytes: u64) -> Response {
    match try_range(&asked, wanted, offset_bytes).await {
        Ok(content) => answer::raw(content, length_bytes),
        Err(error) => answer::refused(&error),
    }
}

async fn try_range(asked: &Asked, wanted: Wanted, offset_bytes: u64) -> ConnectorResult<ByteStream> {
    let repository = asked.repository(Stage::Read).await?;
    let subject = wanted.key.to_string();
    let wanted = [wanted];
    let node = nodes(asked, &repository, &wanted).await?.pop();
    let node =
        node.unwrap_or_else(|| Err(asked.error(ErrorKind::NotFound, Stage::Read, "no such artifact")))?;
    let size_bytes = node.file.as_ref().map_or(0, |file| file.size_bytes);
    let range = offset_bytes..size_bytes.max(offset_bytes);
    repository
        .read(&node, Some(range))
        .await
        .map_err(|error| error.to_connector(Stage::Read, subject))
}
