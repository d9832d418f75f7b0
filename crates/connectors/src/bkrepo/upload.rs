//! A large blob on its way to a bk-repo: in order, piece after piece, within a session that outlives broken
//! connections.
//!
//! A node takes a piece whole or not at all, and takes one that it has already without complaint. So whatever was
//! not acknowledged is sent again, in the same cut. A stock node forgets nothing but cannot be asked how far a
//! session is; what was sent is remembered here. A Waybill node says it when the session is opened.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::artifact::{Artifact, KnownBlob};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content};
use futures_util::StreamExt;
use futures_util::stream::Fuse;
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};

use super::address_of;
use super::exchange::{Payload, Refused};
use super::supply::{Sums, Supplied};
use super::target::BkRepoTarget;
use super::wire::{PIECE_BYTES, REPLICA, SESSION, range_of};

/// How often one piece is sent before its error counts.
const PIECE_TRIES: u32 = 3;
/// Sessions remembered at most.
const MOST_SESSIONS: usize = 256;
/// A node digests at least this much in a second before it answers the last call.
const DIGESTED_PER_SECOND: u64 = 20 * 1024 * 1024;

/// A session at the node, and how far it is.
#[derive(Clone)]
pub(super) struct Session {
    /// Its id.
    pub(super) id: String,
    /// Bytes the node has.
    pub(super) sent_bytes: u64,
    /// Their sums; `None` when others sent them.
    sums: Option<Sums>,
}

/// The sessions of a target that are not finished, by blob.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Digest, Session>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, digest: &Digest) -> Option<Session> {
        self.lock().remove(digest)
    }

    fn remember(&self, digest: Digest, session: Session) {
        let mut sessions = self.lock();
        if sessions.len() >= MOST_SESSIONS {
            sessions.clear();
        }
        sessions.insert(digest, session);
    }
}

impl BkRepoTarget {
    /// Opens a session for `blob`.
    pub(super) async fn open_session(&self, blob: &KnownBlob<'_>) -> Result<Session, Refused> {
        let sha256 = blob.digest.to_hex();
        let ask = self
            .server
            .ask(Method::POST, self.uploads(), Stage::Write, &sha256)
            .query("sha256", sha256.clone())
            .maybe("storageKey", self.storage_key().as_deref());
        let answer = ask.send(None).await?;
        // The location is for clients that share a network with the node; its last segment is what counts.
        let named = answer.header(SESSION).map(String::from).or_else(|| {
            let location = answer.header(LOCATION.as_str())?;
            let last = location
                .split('?')
                .next()?
                .trim_end_matches('/')
                .rsplit('/')
                .next()?;
            Some(last.to_owned())
        });
        let plain = |id: &String| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let Some(id) = named.filter(plain) else {
            return Err(self.strange(&sha256, "it opened no session").into());
        };
        let sent_bytes = match answer.header(RANGE.as_str()).and_then(range_of) {
            // What others write who have nothing at all.
            None | Some((_, 0)) => 0,
            Some((_, last)) => last + 1,
        };
        if sent_bytes > blob.size_bytes {
            return Err(self.strange(&sha256, "it has more bytes than there are").into());
        }
        Ok(Session {
            id,
            sent_bytes,
            sums: (sent_bytes == 0).then(Sums::default),
        })
    }

    /// Sends what is left of `blob` and makes the node digest the whole.
    ///
    /// Told size and MD5 as well it would only count bytes; so it is told neither.
    pub(super) async fn close_session(
        &self,
        id: &str,
        blob: &KnownBlob<'_>,
        rest: Bytes,
    ) -> Result<(), Refused> {
        let sha256 = blob.digest.to_hex();
        let ask = self
            .server
            .ask(
                Method::PUT,
                format!("{}/{id}", self.uploads()),
                Stage::Verify,
                &sha256,
            )
            .query("sha256", sha256.clone())
            .maybe("storageKey", self.storage_key().as_deref())
            .patient(Duration::from_secs(blob.size_bytes / DIGESTED_PER_SECOND));
        ask.send(Some(Payload::bytes(vec![rest]))).await?;
        Ok(())
    }

    /// Sends a large blob, going on in the session of an earlier try.
    pub(super) async fn upload(
        &self,
        artifact: &Artifact,
        blob: &KnownBlob<'_>,
        content: &dyn Content,
    ) -> Result<Supplied, Refused> {
        if let Some(session) = self.sessions.take(&blob.digest) {
            match self.upload_from(session, artifact, blob, content).await {
                Err(refused) if is_forgotten(&refused) => {}
                other => return other,
            }
        }
        let session = self.open_session(blob).await?;
        self.upload_from(session, artifact, blob, content).await
    }

    async fn upload_from(
        &self,
        mut session: Session,
        artifact: &Artifact,
        blob: &KnownBlob<'_>,
        content: &dyn Content,
    ) -> Result<Supplied, Refused> {
        let mut moved_bytes = 0;
        if session.sent_bytes < blob.size_bytes {
            let bytes = content.open(&artifact.key, blob, session.sent_bytes).await?;
            let mut pieces = Pieces {
                bytes: bytes.fuse(),
                left: None,
            };
            loop {
                let piece = match pieces.next(PIECE_BYTES).await {
                    Ok(piece) => piece,
                    Err(error) => {
                        self.sessions.remember(blob.digest, session);
                        return Err(error.into());
                    }
                };
                let length_bytes: u64 = piece.iter().map(|slice| slice.len() as u64).sum();
                if length_bytes == 0 {
                    break;
                }
                if let Err(refused) = self.send_piece(&session, blob, &piece).await {
                    if !is_forgotten(&refused) {
                        self.sessions.remember(blob.digest, session);
                    }
                    return Err(refused);
                }
                if let Some(sums) = session.sums.take() {
                    session.sums = sums.with(piece).await;
                }
                session.sent_bytes += length_bytes;
                moved_bytes += length_bytes;
            }
        }
        let md5 = session
            .sums
            .clone()
            .map(|sums| sums.check(artifact, blob))
            .transpose()?;
        match self.close_session(&session.id, blob, Bytes::new()).await {
            Ok(()) => Ok(Supplied {
                moved_bytes: Some(moved_bytes),
                md5: md5.or_else(|| blob.checksums.md5_hex()),
            }),
            Err(refused) => {
                if refused.error.kind == ErrorKind::Unreachable {
                    self.sessions.remember(blob.digest, session);
                }
                Err(refused)
            }
        }
    }

    /// Sends one piece, again if the connection broke.
    async fn send_piece(
        &self,
        session: &Session,
        blob: &KnownBlob<'_>,
        piece: &[Bytes],
    ) -> Result<(), Refused> {
        let length_bytes: u64 = piece.iter().map(|slice| slice.len() as u64).sum();
        let last = session.sent_bytes + length_bytes - 1;
        let sha256 = blob.digest.to_hex();
        let mut tries = 1;
        loop {
            let ask = self
                .server
                .ask(
                    Method::PATCH,
                    format!("{}/{}", self.uploads(), session.id),
                    Stage::Write,
                    &sha256,
                )
                .query("sha256", sha256.clone())
                .maybe("storageKey", self.storage_key().as_deref())
                .header(CONTENT_RANGE, format!("{}-{last}", session.sent_bytes));
            let refused = match ask.send(Some(Payload::bytes(piece.to_vec()))).await {
                Ok(_) => return Ok(()),
                Err(refused) => refused,
            };
            let broke = refused.error.kind == ErrorKind::Unreachable && refused.error.retry_after.is_none();
            if !broke || tries >= PIECE_TRIES {
                return Err(refused);
            }
            tries += 1;
        }
    }

    fn uploads(&self) -> String {
        format!("{}/blobs/uploads", address_of(REPLICA, &self.repository))
    }

    fn strange(&self, subject: &str, words: &str) -> ConnectorError {
        ConnectorError::new(ErrorKind::Protocol, Stage::Write, subject).words(words)
    }
}

/// Says whether the node does not go on with a session: it is gone, or somewhere else than was thought.
fn is_forgotten(refused: &Refused) -> bool {
    refused.error.kind == ErrorKind::NotFound
        || matches!(refused.error.remote_status, Some(400 | 404 | 409 | 410 | 416))
}

/// Cuts a stream into pieces.
struct Pieces {
    bytes: Fuse<ByteStream>,
    left: Option<Bytes>,
}

impl Pieces {
    /// Returns the next `piece_bytes` bytes, fewer only at the end.
    async fn next(&mut self, piece_bytes: u64) -> ConnectorResult<Vec<Bytes>> {
        let mut piece = Vec::new();
        let mut room = usize::try_from(piece_bytes).unwrap_or(usize::MAX);
        while room > 0 {
            let mut bytes = match self.left.take() {
                Some(bytes) => bytes,
                None => match self.bytes.next().await {
                    Some(bytes) => bytes?,
                    None => break,
                },
            };
            let taken = bytes.split_to(bytes.len().min(room));
            room -= taken.len();
            piece.push(taken);
            if !bytes.is_empty() {
                self.left = Some(bytes);
            }
        }
        Ok(piece)
    }
}
