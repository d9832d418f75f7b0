//! Questions of a node that copies to here.

use std::collections::HashMap;

use bytes::Bytes;
use connectors::peer::frame::{BadFrame, Frames};
use connectors::peer::wire::{
    Answer, BATCH_ARTIFACTS, BATCH_BYTES, Fate, Item, PART_BYTES, Parcel, Supply, Trouble,
};
use domain::artifact::ArtifactKey;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorResult, Put, PutOutcome};
use domain::repository::RepositoryType;
use futures_util::stream;
use hosted::{HostedError, HostedRepository, MOST_PARTS, Publish, holds_images};

use super::read::bounded;
use super::{Asked, turn, versions};

/// Fates in one frame.
const FATES: usize = 250;

pub(super) async fn prepare(
    asked: Asked,
    create: bool,
    repository_type: RepositoryType,
) -> ConnectorResult<Vec<Answer>> {
    let stage = Stage::Describe;
    if repository_type != RepositoryType::generic() && !holds_images(&repository_type) {
        let words = format!("repositories of type {repository_type} are not kept here");
        return Err(asked.error(ErrorKind::Protocol, stage, &words));
    }
    let repository = if create {
        let made = asked
            .hosted
            .ensure_repository_of(&asked.name, &repository_type, &asked.viewer.user)
            .await;
        let made = made.map_err(|error| error.to_connector(stage, asked.name.to_string()))?;
        asked.kept_here(made, stage)?
    } else {
        asked.repository(stage).await?
    };
    asked.holding(&repository, &repository_type, stage)?;
    Ok(vec![Answer::Done])
}

pub(super) async fn inventory(
    asked: Asked,
    keys: Vec<ArtifactKey>,
    checksums: bool,
) -> ConnectorResult<Vec<Answer>> {
    bounded(&asked, keys.len(), Stage::Describe)?;
    let repository = asked.repository(Stage::Describe).await?;
    let found = match checksums {
        true => repository.find_checked(&keys).await,
        false => repository.find(&keys).await,
    };
    let found = found.map_err(|error| error.to_connector(Stage::Describe, asked.name.to_string()))?;
    Ok(vec![Answer::Inventory(found)])
}

pub(super) async fn blobs(asked: Asked, digests: Vec<Digest>) -> ConnectorResult<Vec<Answer>> {
    bounded(&asked, digests.len(), Stage::Write)?;
    let present = asked.hosted.present(&digests, &asked.viewer).await;
    let present = present.map_err(|error| error.to_connector(Stage::Write, asked.name.to_string()))?;
    Ok(vec![Answer::Blobs(present)])
}

/// Takes a batch whole, then stores it in one durable step.
pub(super) async fn batch(asked: Asked, mut frames: Frames) -> ConnectorResult<Vec<Answer>> {
    let _turn = turn(&asked.turns.held).await?;
    let (items, blobs) = items(&asked, &mut frames).await?;
    frames.ended().await?;
    let repository = asked.repository(Stage::Write).await?;
    if repository.holds_images() {
        return versions::store(asked, &repository, items, blobs).await;
    }
    store(asked, repository, items).await
}

/// Takes the items of a batch, and the blobs that came for those of several blobs.
async fn items(
    asked: &Asked,
    frames: &mut Frames,
) -> ConnectorResult<(Vec<(Item, Bytes)>, HashMap<Digest, Bytes>)> {
    let refused = |words: &str| asked.error(ErrorKind::Protocol, Stage::Write, words);
    let mut items: Vec<(Item, Bytes)> = Vec::new();
    let mut blobs = HashMap::new();
    let (mut held_bytes, mut count) = (0, 0);
    loop {
        match frames.head::<Parcel>().await? {
            Some(Some(Parcel::Item(item))) => {
                let bytes = frames.body().await?;
                held_bytes += bytes.len() as u64;
                if held_bytes > BATCH_BYTES || items.len() == BATCH_ARTIFACTS {
                    return Err(refused("the batch is larger than one request may be"));
                }
                items.push((item, bytes));
                count += 1;
            }
            Some(Some(Parcel::Blob(digest))) => {
                let bytes = frames.body().await?;
                held_bytes += bytes.len() as u64;
                if held_bytes > BATCH_BYTES || Digest::of(&bytes) != digest {
                    return Err(refused("a blob is not the one announced, or one too many"));
                }
                blobs.insert(digest, bytes);
                count += 1;
            }
            Some(Some(Parcel::End(sent))) if sent == count => return Ok((items, blobs)),
            Some(Some(Parcel::End(_))) | None => return Err(frames.bad(BadFrame::Short)),
            Some(None) => return Err(frames.bad(BadFrame::Unexpected)),
        }
    }
}

async fn store(
    asked: Asked,
    repository: HostedRepository,
    items: Vec<(Item, Bytes)>,
) -> ConnectorResult<Vec<Answer>> {
    let supplies: Vec<Supply> = items.iter().map(|(item, _)| item.supply).collect();
    let batch = publications(&asked, items)?;
    let outcomes = repository.publish(batch, &asked.viewer).await;
    let outcomes = outcomes.map_err(|error| error.to_connector(Stage::Commit, asked.name.to_string()))?;
    let fates = outcomes.into_iter().zip(supplies);
    Ok(settled(fates.map(|(outcome, supply)| fate(outcome, supply))))
}

/// Says what became of the items, in their order.
pub(super) fn settled(fates: impl Iterator<Item = Fate>) -> Vec<Answer> {
    let fates: Vec<(usize, Fate)> = fates.enumerate().collect();
    fates
        .chunks(FATES)
        .map(|fates| Answer::Settled(fates.to_vec()))
        .collect()
}

fn publications(asked: &Asked, items: Vec<(Item, Bytes)>) -> ConnectorResult<Vec<Publish>> {
    let mut earlier: HashMap<Digest, Bytes> = HashMap::new();
    let mut batch = Vec::with_capacity(items.len());
    for (item, bytes) in items {
        let Some(digest) = item.artifact.digest else {
            return Err(asked.error(ErrorKind::Protocol, Stage::Write, "an artifact without a digest"));
        };
        let supply = match item.supply {
            Supply::Here => {
                earlier.insert(digest, bytes.clone());
                hosted::Supply::Bytes(bytes)
            }
            Supply::Earlier => match earlier.get(&digest) {
                Some(bytes) => hosted::Supply::Bytes(bytes.clone()),
                None => {
                    let words = "bytes are referred to that did not come before";
                    return Err(asked.error(ErrorKind::Protocol, Stage::Write, words));
                }
            },
            Supply::Present => hosted::Supply::Present,
        };
        let put = Put {
            artifact: item.artifact,
            expect: item.expect,
            with_metadata: item.with_metadata,
        };
        batch.push(Publish { put, supply });
    }
    Ok(batch)
}

pub(super) fn fate(outcome: PutOutcome, supply: Supply) -> Fate {
    match outcome {
        PutOutcome::Stored { .. } => Fate::Stored,
        PutOutcome::Raced { found } => Fate::Raced(found),
        PutOutcome::Failed(error) if supply == Supply::Present && error.kind == ErrorKind::NotFound => {
            Fate::Lacks
        }
        PutOutcome::Failed(error) => Fate::Failed(Trouble::from(&error)),
    }
}

pub(super) async fn upload(asked: Asked, digest: Digest, size_bytes: u64) -> ConnectorResult<Vec<Answer>> {
    let failed = |error: HostedError| error.to_connector(Stage::Write, digest.to_string());
    asked.repository(Stage::Write).await?;
    let present = asked
        .hosted
        .present(&[digest], &asked.viewer)
        .await
        .map_err(failed)?;
    let part_bytes = PART_BYTES.max(size_bytes.div_ceil(MOST_PARTS));
    if present == [true] {
        let parts = Vec::new();
        return Ok(vec![Answer::Upload {
            upload: None,
            part_bytes,
            parts,
        }]);
    }
    let owner = &asked.viewer.user;
    let session = asked
        .hosted
        .open_upload(owner, digest, size_bytes, part_bytes)
        .await
        .map_err(failed)?;
    Ok(vec![Answer::Upload {
        upload: Some(session.id),
        part_bytes: session.part_bytes,
        parts: session.parts_done,
    }])
}

pub(super) async fn part(
    asked: Asked,
    upload: String,
    part: u32,
    frames: Frames,
) -> ConnectorResult<Vec<Answer>> {
    let _turn = turn(&asked.turns.parts).await?;
    let put = asked
        .hosted
        .put_part(&asked.viewer.user, &upload, part, raw(frames))
        .await;
    put.map_err(|error| error.to_connector(Stage::Write, upload))?;
    Ok(vec![Answer::Done])
}

/// Returns the bytes of the frames that follow; they end well only if the last frame says that none is lacking.
fn raw(frames: Frames) -> ByteStream {
    Box::pin(stream::try_unfold(
        (frames, 0_u64),
        |(mut frames, mut count)| async move {
            loop {
                if let Some(piece) = frames.body_piece().await? {
                    return Ok(Some((piece, (frames, count))));
                }
                match frames.head::<Parcel>().await? {
                    Some(None) => count += 1,
                    Some(Some(Parcel::End(sent))) if sent == count => {
                        frames.ended().await?;
                        return Ok(None);
                    }
                    Some(Some(Parcel::End(_))) | None => return Err(frames.bad(BadFrame::Short)),
                    Some(Some(Parcel::Item(_) | Parcel::Blob(_))) => {
                        return Err(frames.bad(BadFrame::Unexpected));
                    }
                }
            }
        },
    ))
}

pub(super) async fn finish(asked: Asked, upload: String) -> ConnectorResult<Vec<Answer>> {
    let finished = asked.hosted.finish_upload(&asked.viewer.user, &upload).await;
    finished.map_err(|error| error.to_connector(Stage::Verify, upload))?;
    Ok(vec![Answer::Done])
}
