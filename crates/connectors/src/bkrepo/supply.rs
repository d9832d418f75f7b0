//! Getting a blob to a bk-repo, whichever way it takes it.

use bytes::Bytes;
use domain::artifact::{Artifact, KnownBlob};
use domain::digest::Hasher;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content};
use futures_util::{StreamExt, stream};
use md5::{Digest as _, Md5};
use reqwest::Method;
use serde_json::json;

use super::exchange::Payload;
use super::form::Form;
use super::target::BkRepoTarget;
use super::wire::REPLICA;

/// What getting a blob there came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Supplied {
    /// Bytes that really moved; `None`: it was there.
    pub(super) moved_bytes: Option<u64>,
    /// Its MD5 in hex, which a bk-repo wants to be told with every file; `None`: nobody knows.
    pub(super) md5: Option<String>,
}

/// Sums of bytes that pass by.
#[derive(Clone, Default)]
pub(super) struct Sums {
    sha256: Hasher,
    md5: Md5,
}

impl Sums {
    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.md5.update(bytes);
    }

    /// Takes many bytes, beside everything else; `None`: the sums broke.
    pub(super) async fn with(mut self, pieces: Vec<Bytes>) -> Option<Self> {
        let summing = tokio::task::spawn_blocking(move || {
            pieces.iter().for_each(|piece| self.update(piece));
            self
        });
        summing.await.ok()
    }

    /// Returns the MD5 in hex, if the bytes are those of `blob`.
    fn md5_of(self, blob: &KnownBlob<'_>) -> Option<String> {
        (self.sha256.finish() == blob.digest).then(|| hex::encode(self.md5.finalize()))
    }

    /// Returns the MD5, if the bytes are those of `blob`; otherwise the source gave others than it described.
    pub(super) fn check(self, artifact: &Artifact, blob: &KnownBlob<'_>) -> ConnectorResult<String> {
        self.md5_of(blob).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Corrupt, Stage::Read, artifact.key.to_string())
                .words("the source gave other bytes than it described")
        })
    }
}

impl BkRepoTarget {
    /// Says whether the bytes of `blob` need not be sent.
    pub(super) async fn holds(&self, blob: &KnownBlob<'_>) -> ConnectorResult<bool> {
        let sha256 = blob.digest.to_hex();
        let ask = self
            .server
            .ask(
                Method::GET,
                format!("{REPLICA}/blob/check"),
                Stage::Write,
                &sha256,
            )
            .query("sha256", sha256.clone())
            .query("repoType", "GENERIC")
            .maybe("storageKey", self.storage_key().as_deref());
        Ok(ask.data::<bool>(None).await?.unwrap_or(false))
    }

    /// Returns what a file of a blob that is there already has to be told: its MD5, read from the source if need be.
    pub(super) async fn known(
        &self,
        artifact: &Artifact,
        blob: &KnownBlob<'_>,
        content: &dyn Content,
    ) -> ConnectorResult<Supplied> {
        let md5 = match blob.checksums.md5_hex() {
            Some(md5) => md5,
            None => {
                let mut sums = Sums::default();
                let mut bytes = content.open(&artifact.key, blob, 0).await?;
                while let Some(piece) = bytes.next().await {
                    sums.update(&piece?);
                }
                sums.check(artifact, blob)?
            }
        };
        Ok(Supplied {
            moved_bytes: None,
            md5: Some(md5),
        })
    }

    /// Sends a small blob, in one closing call that makes the node digest it.
    pub(super) async fn supply_small(
        &self,
        artifact: &Artifact,
        blob: &KnownBlob<'_>,
        bytes: Bytes,
    ) -> ConnectorResult<Supplied> {
        let mut sums = Sums::default();
        sums.update(&bytes);
        let md5 = sums.check(artifact, blob)?;
        let session = match self.open_session(blob).await {
            Ok(session) => session,
            Err(refused) if refused.is_unknown_call() => {
                return self.push(blob, Box::pin(stream::iter([Ok(bytes)]))).await;
            }
            Err(refused) => return Err(refused.into()),
        };
        let there = usize::try_from(session.sent_bytes).unwrap_or(usize::MAX);
        let rest = bytes.slice(there.min(bytes.len())..);
        let moved_bytes = rest.len() as u64;
        self.close_session(&session.id, blob, rest).await?;
        Ok(Supplied {
            moved_bytes: Some(moved_bytes),
            md5: Some(md5),
        })
    }

    /// Sends a large blob piece after piece, going on where an earlier try broke off.
    pub(super) async fn supply_large(
        &self,
        artifact: &Artifact,
        blob: &KnownBlob<'_>,
        content: &dyn Content,
    ) -> ConnectorResult<Supplied> {
        match self.upload(artifact, blob, content).await {
            Ok(supplied) => Ok(supplied),
            Err(refused) if refused.is_unknown_call() => {
                self.push(blob, content.open(&artifact.key, blob, 0).await?).await
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Sends a blob whole, for nodes that know no sessions, and reads it back: they believe what they are told.
    async fn push(&self, blob: &KnownBlob<'_>, bytes: ByteStream) -> ConnectorResult<Supplied> {
        let storage_key = self.storage_key();
        let form = Form::of(blob, storage_key.as_deref());
        let sha256 = blob.digest.to_hex();
        let ask = self.server.ask(
            Method::POST,
            format!("{REPLICA}/blob/push"),
            Stage::Write,
            &sha256,
        );
        ask.send(Some(form.around(blob.size_bytes, bytes))).await?;
        let md5 = self.read_back(blob).await?;
        Ok(Supplied {
            moved_bytes: Some(blob.size_bytes),
            md5: Some(md5),
        })
    }

    /// Digests what the node keeps as `blob`; returns its MD5.
    async fn read_back(&self, blob: &KnownBlob<'_>) -> ConnectorResult<String> {
        let sha256 = blob.digest.to_hex();
        let mut sums = Sums::default();
        if let Some(last) = blob.size_bytes.checked_sub(1) {
            let range = json!({ "start": 0, "end": last, "total": blob.size_bytes });
            let body = json!({ "sha256": sha256, "range": range, "storageKey": self.storage_key() });
            let ask = self.server.ask(
                Method::POST,
                format!("{REPLICA}/blob/pull"),
                Stage::Verify,
                &sha256,
            );
            let mut kept = ask.send(Some(Payload::json(&body))).await?;
            while let Some(piece) = kept.chunk().await? {
                sums.update(&piece);
            }
        }
        sums.md5_of(blob).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, sha256)
                .words("what it keeps are not the bytes that were sent")
        })
    }
}
