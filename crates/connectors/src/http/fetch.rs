//! Files that a registry's index points to: perhaps on another server, perhaps behind a redirect.
//!
//! Redirects are followed as far as the rules for addresses allow. The login never leaves the server it was given for.

use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::Blob;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::{TryStreamExt, stream};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use reqwest::{Method, Response};
use url::Url;

use super::activity::Activity;
use super::answer::{answered, begins_at};
use super::files::{Files, told};
use super::json::{Cut, Take};
use super::server::Server;
use crate::fatal::Apart;

/// Redirects that are followed.
const MOST_HOPS: usize = 5;

/// What is to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// GET, or HEAD for what is said of it only.
    pub method: Method,
    /// Where it is.
    pub url: Url,
    /// Headers besides the login.
    pub headers: Vec<(HeaderName, String)>,
    /// Whether it is only of use if this server has it: a redirect to another one says that it is not there.
    pub here: bool,
    /// Stage of errors.
    pub stage: Stage,
    /// What errors are about.
    pub subject: &'a str,
}

/// Takes a body piece by piece. An error ends the reading: what is wrong with the answer.
pub(crate) type TakePiece<'a> = dyn FnMut(&[u8]) -> Result<(), String> + Send + 'a;

/// An answer that says success; its body has not been read.
pub struct Fetched {
    server: Server,
    response: Response,
    activity: Arc<Activity>,
    url: Url,
    stage: Stage,
    subject: String,
}

impl Files {
    /// Returns the answer about the file at `url`, whose body has not been read; no redirect is followed. `None` when
    /// there is no such file.
    pub async fn found(&self, url: &Url, stage: Stage, subject: &str) -> ConnectorResult<Option<Fetched>> {
        let activity = Arc::new(self.server().activity());
        let request = self.request(Method::GET, url);
        let answer = self.ask(request, &activity, stage, subject).await?;
        Ok(answer.map(|response| Fetched {
            server: self.server().clone(),
            response,
            activity,
            url: url.clone(),
            stage,
            subject: subject.into(),
        }))
    }

    /// Fetches what is `wanted`; `None` when it is not there.
    pub async fn fetch(&self, wanted: Wanted<'_>) -> ConnectorResult<Option<Fetched>> {
        let Wanted { stage, subject, .. } = wanted;
        let error = |words: &str| ConnectorError::new(ErrorKind::Protocol, stage, subject).words(words);
        let server = self.server();
        let mut url = wanted.url;
        for _ in 0..=MOST_HOPS {
            server.check(&url, stage, subject)?;
            let activity = Arc::new(server.activity());
            let mut request = self.request(wanted.method.clone(), &url);
            for (name, value) in &wanted.headers {
                request = request.header(name, value);
            }
            let response = server.send(request, &activity, stage, subject).await?;
            if response.status().is_redirection() {
                let target = response.headers().get(LOCATION);
                let target = target.and_then(|target| url.join(target.to_str().ok()?).ok());
                let lost = || server.placed(&url, error("it points to something that is no URL"));
                url = target.ok_or_else(lost)?;
                if wanted.here && !server.owns(&url) {
                    return Ok(None);
                }
                continue;
            }
            return match answered(response, &activity, stage, subject).await {
                Ok(response) => Ok(Some(Fetched {
                    server: server.clone(),
                    response,
                    activity,
                    url,
                    stage,
                    subject: subject.into(),
                })),
                Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(server.placed(&url, error)),
            };
        }
        Err(server.placed(&url, error("it points on and on")))
    }

    /// Returns what is said of the file at `url`, wherever it is kept, without its bytes: its length, and sums where
    /// they are told; `None` when there is none.
    ///
    /// A signed address is often good for GET alone: where HEAD is refused, the first byte is asked for.
    pub async fn facts(&self, url: &Url, stage: Stage, subject: &str) -> ConnectorResult<Option<Blob>> {
        let wanted = |method: Method, headers| Wanted {
            method,
            url: url.clone(),
            headers,
            here: false,
            stage,
            subject,
        };
        let answer = match self.fetch(wanted(Method::HEAD, Vec::new())).await {
            Err(error) if matches!(error.remote_status, Some(403 | 405 | 501)) => {
                let first = vec![(RANGE, "bytes=0-0".into())];
                self.fetch(wanted(Method::GET, first)).await?
            }
            answer => answer?,
        };
        let Some(answer) = answer else { return Ok(None) };
        let Some(size_bytes) = answer.whole_bytes() else {
            let error = ConnectorError::new(ErrorKind::Protocol, stage, subject);
            return Err(error.words("it does not say how long the file is"));
        };
        let (digest, checksums) = told(answer.response.headers());
        Ok(Some(Blob {
            digest,
            checksums,
            ..Blob::unknown(size_bytes)
        }))
    }

    /// Returns how many bytes the file at `url` has; `None` when there is none.
    pub async fn size(&self, url: &Url, stage: Stage, subject: &str) -> ConnectorResult<Option<u64>> {
        let facts = self.facts(url, stage, subject).await?;
        Ok(facts.map(|facts| facts.size_bytes))
    }

    /// Returns the bytes of the file at `url` from `offset_bytes` on, wherever it is kept.
    pub async fn bytes_from(
        &self,
        url: &Url,
        offset_bytes: u64,
        subject: &str,
    ) -> ConnectorResult<ByteStream> {
        let mut headers = Vec::new();
        if offset_bytes > 0 {
            headers.push((RANGE, format!("bytes={offset_bytes}-")));
        }
        let wanted = Wanted {
            method: Method::GET,
            url: url.clone(),
            headers,
            here: false,
            stage: Stage::Read,
            subject,
        };
        let gone = || ConnectorError::new(ErrorKind::NotFound, Stage::Read, subject).status(404);
        let answer = self.fetch(wanted).await?.ok_or_else(gone)?;
        // Not every registry knows ranges: what comes before is passed over then.
        let is_range = answer.response.status().as_u16() == 206;
        if is_range && !begins_at(answer.response.headers(), offset_bytes) {
            return Err(answer.wrong("it sent another range than was asked for"));
        }
        Ok(answer.stream(if is_range { 0 } else { offset_bytes }))
    }
}

impl Files {
    /// Returns the bytes of the file at `url`, which has `size_bytes` of them.
    pub async fn read(&self, url: &Url, size_bytes: u64, subject: &str) -> ConnectorResult<Bytes> {
        let mut pieces = self.bytes_from(url, 0, subject).await?;
        let mut whole = Vec::new();
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
            if whole.len() as u64 > size_bytes {
                let error = ConnectorError::new(ErrorKind::Changed, Stage::Read, subject);
                return Err(error.words("it is longer than it was"));
            }
        }
        Ok(whole.into())
    }
}

impl Fetched {
    /// Returns where it was found in the end.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns how many bytes the file has of which this is all or a part.
    fn whole_bytes(&self) -> Option<u64> {
        match self.response.status().as_u16() {
            206 => self.header(&CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok(),
            _ => self.header(&CONTENT_LENGTH)?.parse().ok(),
        }
    }

    /// Returns a header as text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the whole body; one longer than `most_bytes` is an error, at once where its length is said.
    pub async fn whole(mut self, most_bytes: u64) -> ConnectorResult<Bytes> {
        let mut whole = Vec::new();
        let mut take = |piece: &[u8]| {
            whole.extend_from_slice(piece);
            Ok(())
        };
        self.pieces(most_bytes, &mut take).await??;
        Ok(whole.into())
    }

    /// Reads the body part by part, each as soon as it is there. The outer error is the exchange's; the inner one is what
    /// is wrong with the answer: a body longer than `most_bytes`, or what `cut` and `take` say.
    pub(crate) async fn parts(mut self, most_bytes: u64, mut cut: Cut, take: &mut Take<'_>) -> Apart<()> {
        let read = self
            .pieces(most_bytes, &mut |piece| cut.read(piece, take))
            .await?;
        Ok(read.and_then(|()| cut.finish().map_err(|words| self.wrong(words))))
    }

    /// Hands the body to `take` piece by piece. The outer error is the exchange's; the inner one is what is wrong with the
    /// answer: a body longer than `most_bytes` (at once where its length is said), or what `take` says.
    pub(crate) async fn pieces(&mut self, most_bytes: u64, take: &mut TakePiece<'_>) -> Apart<()> {
        let too_long = format!("it is longer than {most_bytes} bytes");
        let said = self.response.content_length();
        if said.is_some_and(|length| length > most_bytes) {
            return Ok(Err(self.wrong(too_long)));
        }
        let mut left = most_bytes;
        while let Some(piece) = self.chunk().await? {
            let Some(less) = left.checked_sub(piece.len() as u64) else {
                return Ok(Err(self.wrong(too_long)));
            };
            left = less;
            if let Err(words) = take(&piece) {
                return Ok(Err(self.wrong(words)));
            }
        }
        Ok(Ok(()))
    }

    /// Returns the error that says what is wrong with the answer.
    pub(crate) fn wrong(&self, words: impl AsRef<str>) -> ConnectorError {
        let error = ConnectorError::new(ErrorKind::Protocol, self.stage, &self.subject);
        self.server.placed(&self.url, error.words(words))
    }

    /// Returns the body as it comes, without its first `skipped_bytes`.
    pub fn stream(self, skipped_bytes: u64) -> ByteStream {
        let state = (self, skipped_bytes);
        Box::pin(stream::try_unfold(state, |(mut answer, mut left)| async move {
            while let Some(mut piece) = answer.chunk().await? {
                let passed = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
                left -= passed as u64;
                let piece = piece.split_off(passed);
                if !piece.is_empty() {
                    return Ok(Some((piece, (answer, left))));
                }
            }
            Ok(None)
        }))
    }

    /// Returns the body as it comes; one longer than `most_bytes` breaks there.
    pub fn at_most(self, most_bytes: u64) -> ByteStream {
        let state = (self, most_bytes);
        Box::pin(stream::try_unfold(state, move |(mut answer, left)| async move {
            let Some(piece) = answer.chunk().await? else {
                return Ok(None);
            };
            match left.checked_sub(piece.len() as u64) {
                Some(left) => Ok(Some((piece, (answer, left)))),
                None => Err(answer.wrong(format!("it is longer than {most_bytes} bytes"))),
            }
        }))
    }

    async fn chunk(&mut self) -> ConnectorResult<Option<Bytes>> {
        let piece = self.activity.chunk(&mut self.response, self.stage, &self.subject);
        let piece = piece.await;
        piece.map_err(|error| self.server.placed(&self.url, error))
    }
}
