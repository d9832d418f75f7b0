//! Getting one blob into an image: found there, mounted from another image, or sent.
//!
//! Small ones are sent in one request. Large ones go piece by piece, and an upload that broke off is gone on with
//! where the registry says that it is.

use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::oci::digest_of;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Content, SMALL_BLOB_BYTES};
use futures_util::StreamExt;
use futures_util::stream::Fuse;
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, LOCATION, RANGE};
use tokio::sync::Mutex;
use url::Url;

use super::auth::Access;
use super::client::{Answer, Payload};
use super::target::OciTarget;
use super::wire::{CHUNK_MIN, CONTENT_DIGEST, uploaded_bytes};

/// Largest blob that is sent in one request.
const ONE_REQUEST_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of one piece of a larger one.
const PIECE_BYTES: u64 = 16 * 1024 * 1024;
/// Largest piece a registry can ask for.
const LARGEST_PIECE_BYTES: u64 = 1024 * 1024 * 1024;
const OCTETS: &str = "application/octet-stream";

/// One blob on its way into an image.
#[derive(Clone, Copy)]
pub(super) struct Delivery<'a> {
    pub(super) image: &'a str,
    pub(super) key: &'a ArtifactKey,
    pub(super) blob: &'a Blob,
    pub(super) content: &'a dyn Content,
}

/// An upload that is open.
struct Session {
    location: Url,
    /// Bytes the registry has.
    has_bytes: u64,
    piece_bytes: u64,
}

/// Says whether a blob goes piece by piece.
fn is_large(blob: &Blob) -> bool {
    blob.size_bytes > ONE_REQUEST_BYTES
}

/// Returns how long pieces are: at least as long as the registry wants them.
fn piece_bytes(answer: &Answer) -> u64 {
    let least = answer.header(CHUNK_MIN).and_then(|text| text.parse().ok());
    least.unwrap_or(0).clamp(PIECE_BYTES, LARGEST_PIECE_BYTES)
}

/// Returns the error of a registry that may have forgotten an upload: a new one can still succeed.
fn forgotten(mut error: ConnectorError) -> ConnectorError {
    if error.kind == ErrorKind::NotFound {
        error.kind = ErrorKind::Protocol;
    }
    error
}

impl OciTarget {
    /// Makes sure that the blob is in its image; returns the bytes that moved, `None` when it was there already.
    pub(super) async fn supply(&self, delivery: Delivery<'_>) -> ConnectorResult<Option<u64>> {
        let digest = digest_of(delivery.blob).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Write, delivery.key.to_string())
                .words("a blob without a digest cannot be kept in a registry")
        })?;
        // Whoever wants the same blob elsewhere waits, and mounts it then.
        let _turn = self.holdings.turn(&digest).await;
        if self.confirmed.has(delivery.image, &digest) {
            return Ok(None);
        }
        let elsewhere = self.holdings.image_with(&digest);
        let elsewhere = elsewhere.filter(|image| **image != *delivery.image);
        // Where mounting works one request does both: it finds the blob, in the image itself too, or opens an upload.
        let mounts = self.holdings.can_mount() && !is_large(delivery.blob);
        let itself = mounts.then_some(delivery.image);
        let mut moved = None;
        if mounts || !self.has(delivery.image, &digest).await? {
            let _transfer = self.transfers.acquire().await;
            let from = elsewhere.as_deref().or(itself);
            moved = self.mount_or_send(delivery, &digest, from).await?;
        }
        self.holdings.note(&digest, delivery.image);
        self.confirmed.note(delivery.image, &digest);
        Ok(moved)
    }

    async fn has(&self, image: &str, digest: &str) -> ConnectorResult<bool> {
        let url = self.client.url(&format!("{image}/blobs/{digest}"));
        let ask = self
            .client
            .ask(Method::HEAD, url, Access::Pull(image), Stage::Write, digest);
        Ok(ask.find().await?.is_some())
    }

    async fn mount_or_send(
        &self,
        delivery: Delivery<'_>,
        digest: &str,
        from: Option<&str>,
    ) -> ConnectorResult<Option<u64>> {
        let is_large = is_large(delivery.blob);
        let earlier = match is_large {
            true => self.earlier(delivery, digest).await?,
            false => None,
        };
        let session = match earlier {
            Some(session) => session,
            None => match self.open_or_mount(delivery.image, digest, from).await? {
                Some(session) => session,
                None => return Ok(None),
            },
        };
        let sent = match is_large {
            true => self.send_pieces(delivery, digest, session).await,
            false => self.send_whole(delivery, digest, session).await,
        };
        sent.map(Some)
    }

    /// Opens an upload; `None` when the blob could be mounted from the image `from`, which may well be refused.
    async fn open_or_mount(
        &self,
        image: &str,
        digest: &str,
        from: Option<&str>,
    ) -> ConnectorResult<Option<Session>> {
        match self.open(image, digest, from).await {
            Err(error)
                if from.is_some() && matches!(error.kind, ErrorKind::Unauthorised | ErrorKind::NotFound) =>
            {
                self.open(image, digest, None).await
            }
            opened => opened,
        }
    }

    /// Opens an upload; `None` when the blob was mounted from the image `from`.
    async fn open(&self, image: &str, digest: &str, from: Option<&str>) -> ConnectorResult<Option<Session>> {
        let mut url = self.client.url(&format!("{image}/blobs/uploads/"));
        let mut access = Access::Push(image);
        if let Some(from) = from {
            url.query_pairs_mut()
                .append_pair("mount", digest)
                .append_pair("from", from);
            access = Access::Mount(image, from);
        }
        let ask = self
            .client
            .ask(Method::POST, url.clone(), access, Stage::Write, digest);
        let answer = ask.send().await?;
        if from.is_some() && answer.response.status().as_u16() == 201 {
            self.holdings.note_mounted();
            return Ok(None);
        }
        Ok(Some(Session {
            location: self.location(&url, &answer, digest)?,
            has_bytes: 0,
            piece_bytes: piece_bytes(&answer),
        }))
    }

    fn location(&self, url: &Url, answer: &Answer, digest: &str) -> ConnectorResult<Url> {
        let Some(location) = answer.header(LOCATION.as_str()) else {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::Write, digest);
            return Err(error.words("it does not say where the upload goes on"));
        };
        self.client.pointed(url, location, Stage::Write, digest)
    }

    /// Returns the upload of an earlier try, if the registry still knows it.
    async fn earlier(&self, delivery: Delivery<'_>, digest: &str) -> ConnectorResult<Option<Session>> {
        let (registry, image) = (self.client.name(), delivery.image);
        let Some(location) = self.sessions.get(registry, image, digest).await else {
            return Ok(None);
        };
        let url = self.client.url("");
        let known = async {
            let url = self.client.pointed(&url, &location, Stage::Write, digest)?;
            let ask = self.client.ask(
                Method::GET,
                url.clone(),
                Access::Push(image),
                Stage::Write,
                digest,
            );
            let answer = ask.send().await?;
            let has_bytes = answer.header(RANGE.as_str()).and_then(uploaded_bytes);
            let location = self.location(&url, &answer, digest).unwrap_or(url);
            Ok::<_, ConnectorError>(has_bytes.map(|has_bytes| Session {
                location,
                has_bytes,
                piece_bytes: piece_bytes(&answer),
            }))
        };
        match known.await {
            Ok(Some(session)) if session.has_bytes <= delivery.blob.size_bytes => Ok(Some(session)),
            // It may be there again when this is tried again.
            Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Limit) => Err(error),
            Ok(_) | Err(_) => {
                self.sessions.end(registry, image, digest).await;
                Ok(None)
            }
        }
    }

    /// Sends a blob in one request.
    async fn send_whole(
        &self,
        delivery: Delivery<'_>,
        digest: &str,
        session: Session,
    ) -> ConnectorResult<u64> {
        let Delivery {
            key, blob, content, ..
        } = delivery;
        let payload = if blob.size_bytes <= SMALL_BLOB_BYTES {
            let read = content.read(&[(key, blob)]).await?.pop();
            Payload::Bytes(read.unwrap_or_else(|| Ok(Bytes::new()))?)
        } else {
            Payload::Stream(blob.size_bytes, content.open(key, blob, 0).await?)
        };
        self.finish(delivery.image, digest, session.location, payload)
            .await?;
        Ok(blob.size_bytes)
    }

    /// Sends what is left of a blob piece by piece.
    async fn send_pieces(
        &self,
        delivery: Delivery<'_>,
        digest: &str,
        mut session: Session,
    ) -> ConnectorResult<u64> {
        let Delivery {
            image,
            key,
            blob,
            content,
        } = delivery;
        let registry = self.client.name();
        self.sessions
            .set(registry, image, digest, session.location.as_str())
            .await;
        let left = blob.size_bytes - session.has_bytes;
        if left > 0 {
            let bytes = content.open(key, blob, session.has_bytes).await?;
            let pieces = Arc::new(Mutex::new(Pieces {
                bytes: bytes.fuse(),
                rest: Bytes::new(),
            }));
            while session.has_bytes < blob.size_bytes {
                let length_bytes = session.piece_bytes.min(blob.size_bytes - session.has_bytes);
                let piece = Pieces::next(pieces.clone(), length_bytes);
                self.send_piece(image, digest, &mut session, (length_bytes, piece))
                    .await?;
                self.sessions
                    .set(registry, image, digest, session.location.as_str())
                    .await;
            }
        }
        let finished = self.finish(image, digest, session.location, Payload::None).await;
        let is_over = match &finished {
            Ok(()) => true,
            Err(error) => !matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Limit),
        };
        if is_over {
            self.sessions.end(registry, image, digest).await;
        }
        finished.map(|()| left)
    }

    async fn send_piece(
        &self,
        image: &str,
        digest: &str,
        session: &mut Session,
        (length_bytes, piece): (u64, ByteStream),
    ) -> ConnectorResult<()> {
        let end = session.has_bytes + length_bytes;
        let url = session.location.clone();
        let sent = self
            .client
            .ask(
                Method::PATCH,
                url.clone(),
                Access::Push(image),
                Stage::Write,
                digest,
            )
            .header(CONTENT_RANGE, &format!("{}-{}", session.has_bytes, end - 1))
            .payload(OCTETS, Payload::Stream(length_bytes, piece))
            .send()
            .await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error.remote_status, Some(400 | 404 | 410 | 416)) {
                    self.sessions.end(self.client.name(), image, digest).await;
                }
                return Err(forgotten(error));
            }
        };
        let has_bytes = answer
            .header(RANGE.as_str())
            .and_then(uploaded_bytes)
            .unwrap_or(end);
        if has_bytes != end {
            self.sessions.end(self.client.name(), image, digest).await;
            let words = format!("it has {has_bytes} bytes where {end} were sent");
            return Err(ConnectorError::new(ErrorKind::Protocol, Stage::Write, digest).words(words));
        }
        session.location = self.location(&url, &answer, digest)?;
        session.has_bytes = end;
        Ok(())
    }

    /// Ends an upload: the registry compares what it has with the digest.
    async fn finish(&self, image: &str, digest: &str, mut url: Url, payload: Payload) -> ConnectorResult<()> {
        url.query_pairs_mut().append_pair("digest", digest);
        let answer = self
            .client
            .ask(Method::PUT, url, Access::Push(image), Stage::Verify, digest)
            .payload(OCTETS, payload)
            .send()
            .await
            .map_err(forgotten)?;
        match answer.header(CONTENT_DIGEST) {
            Some(told) if told != digest => {
                let error = ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, digest);
                Err(error.words("it keeps the blob under another digest"))
            }
            Some(_) => Ok(()),
            // What does not say what it keeps is asked.
            None if self.has(image, digest).await? => Ok(()),
            None => Err(ConnectorError::new(ErrorKind::Corrupt, Stage::Verify, digest)
                .words("it took the blob and does not have it")),
        }
    }
}

/// Cuts a stream into pieces that are streams themselves.
struct Pieces {
    bytes: Fuse<ByteStream>,
    rest: Bytes,
}

impl Pieces {
    /// Returns the next `length_bytes` bytes, fewer only where they end.
    fn next(pieces: Arc<Mutex<Self>>, length_bytes: u64) -> ByteStream {
        Box::pin(futures_util::stream::try_unfold(
            (pieces, length_bytes),
            |(pieces, left)| async move {
                if left == 0 {
                    return Ok(None);
                }
                let mut taken = {
                    let mut pieces = pieces.lock().await;
                    while pieces.rest.is_empty() {
                        match pieces.bytes.next().await.transpose()? {
                            Some(bytes) => pieces.rest = bytes,
                            None => return Ok(None),
                        }
                    }
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(pieces.rest.len());
                    pieces.rest.split_to(most)
                };
                let left = left - taken.len() as u64;
                let piece = taken.split_to(taken.len());
                Ok(Some((piece, (pieces, left))))
            },
        ))
    }
}
