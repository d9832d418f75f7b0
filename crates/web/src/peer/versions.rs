//! Versions of packages that a node copies to here: their blobs came before them, in this request or in parts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connectors::peer::wire::{Answer, Fate, Item, Supply};
use domain::artifact::{ArtifactKey, Blob};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{
    ByteStream, ConnectorError, ConnectorResult, Content, Put, PutOutcome, Settled, known_digest,
};
use futures_util::{StreamExt, stream};
use hosted::{Hosted, HostedRepository, Viewer};

use super::Asked;
use super::write::{fate, settled};

/// Stores the versions in `items` out of the bytes in `blobs` and those that are here already.
pub(super) async fn store(
    asked: Asked,
    repository: &HostedRepository,
    items: Vec<(Item, Bytes)>,
    blobs: HashMap<Digest, Bytes>,
) -> ConnectorResult<Vec<Answer>> {
    let batch: Vec<Put> = items
        .into_iter()
        .map(|(item, _)| Put {
            artifact: item.artifact,
            expect: item.expect,
            with_metadata: item.with_metadata,
        })
        .collect();
    let fates = Fates(Mutex::new(batch.iter().map(|_| None).collect()));
    let came = Came {
        blobs,
        hosted: asked.hosted.clone(),
        viewer: asked.viewer.clone(),
    };
    repository
        .target(asked.viewer.clone())
        .put(&batch, &came, &fates)
        .await?;
    let fates = fates.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let unsettled = || asked.error(ErrorKind::Protocol, Stage::Commit, "nothing became of it");
    Ok(settled(fates.into_iter().map(|fate| {
        fate.unwrap_or_else(|| Fate::Failed((&unsettled()).into()))
    })))
}

struct Fates(Mutex<Vec<Option<Fate>>>);

impl Settled for Fates {
    fn settled(&self, index: usize, outcome: PutOutcome) {
        let mut fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = fates.get_mut(index) {
            *place = Some(fate(outcome, Supply::Present));
        }
    }
}

/// The bytes that came, and those the sender was told are here.
struct Came {
    blobs: HashMap<Digest, Bytes>,
    hosted: Hosted,
    viewer: Viewer,
}

impl Came {
    fn lacking(key: &ArtifactKey) -> ConnectorError {
        ConnectorError::new(ErrorKind::NotFound, Stage::Write, key.to_string())
            .words("its bytes are not here")
    }

    async fn whole(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        if let Some(bytes) = self.blobs.get(&known_digest(key, blob)?) {
            return Ok(bytes.clone());
        }
        let mut stream = self.open(key, blob, 0).await?;
        let mut whole = Vec::new();
        while let Some(piece) = stream.next().await.transpose()? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.into())
    }
}

#[async_trait]
impl Content for Came {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let digest = known_digest(key, blob)?;
        if let Some(bytes) = self.blobs.get(&digest) {
            let offset = usize::try_from(offset_bytes)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let rest = bytes.slice(offset..);
            return Ok(Box::pin(stream::iter([Ok(rest)])));
        }
        let range = Some(offset_bytes..blob.size_bytes.max(offset_bytes));
        let found = self.hosted.open_blob(&digest, &self.viewer, range).await;
        let found = found.map_err(|error| error.to_connector(Stage::Write, key.to_string()))?;
        found.map(|(_, bytes)| bytes).ok_or_else(|| Self::lacking(key))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let mut read = Vec::with_capacity(wanted.len());
        for (key, blob) in wanted {
            read.push(self.whole(key, blob).await);
        }
        Ok(read)
    }
}
