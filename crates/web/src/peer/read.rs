//! Questions of a node that copies from here.
//!
//! Blobs are read by key, and only if the key still names the digest asked for: a digest alone opens nothing.

use axum::response::Response;
use bytes::Bytes;
use connectors::peer::wire::{Answer, BATCH_ARTIFACTS, BATCH_BYTES, Trouble, Wanted};
use domain::artifact::ArtifactKey;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor};
use domain::task::Scope;
use hosted::{HostedRepository, Node};

use super::{Asked, answer, turn};

/// Longest page of keys.
const PAGE_KEYS: usize = 5000;

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
    let _turn = match turn(&asked.turns.held).await {
        Ok(turn) => turn,
        Err(error) => return answer::refused(&error),
    };
    match try_read(&asked, &wanted).await {
        Ok(blobs) => answer::blobs(blobs),
        Err(error) => answer::refused(&error),
    }
}

async fn try_read(asked: &Asked, wanted: &[Wanted]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
    bounded(asked, wanted.len(), Stage::Read)?;
    let repository = asked.repository(Stage::Read).await?;
    let nodes = nodes(asked, &repository, wanted).await?;
    let held_bytes: u64 = nodes
        .iter()
        .flatten()
        .filter_map(|node| Some(node.file.as_ref()?.size_bytes))
        .sum();
    if held_bytes > BATCH_BYTES {
        return Err(asked.error(
            ErrorKind::Protocol,
            Stage::Read,
            "more bytes than one answer may hold",
        ));
    }
    let there: Vec<&Node> = nodes.iter().flatten().collect();
    let mut bytes = repository.read_small(&there).await.into_iter();
    let lost = || Err(asked.error(ErrorKind::Disk, Stage::Read, "its bytes could not be read"));
    Ok(nodes
        .iter()
        .map(|node| match node {
            Ok(_) => bytes.next().unwrap_or_else(lost),
            Err(error) => Err(error.again()),
        })
        .collect())
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
