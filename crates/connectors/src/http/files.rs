//! Plain files on a foreign server, by URL: what registries are that keep their packages as files.
//!
//! Every request carries the login, if there is one. Nothing is verified here except lengths: who asks compares sums.

use std::sync::Arc;

use bytes::Bytes;
use domain::artifact::Blob;
use domain::checksums::Checksums;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorResult};
use futures_util::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::activity::Activity;
use super::answer::answered;
use super::body::body;
use super::server::Server;

/// The files of one server.
#[derive(Clone, Debug)]
pub struct Files {
    server: Server,
    login: Option<HeaderValue>,
}

/// A small file, whole.
#[derive(Debug, Clone)]
pub struct Whole {
    /// Its bytes.
    pub bytes: Bytes,
    /// When it was answered, by the server's clock.
    pub date: Option<String>,
}

impl Files {
    /// Reaches `server`; `login` goes with every request to it.
    pub fn of(server: Server, login: Option<HeaderValue>) -> Self {
        Self { server, login }
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Starts a request, with the login if it goes to the server itself.
    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.server.request(method, url.clone());
        match &self.login {
            Some(login) if self.server.owns(url) => request.header(AUTHORIZATION, login.clone()),
            _ => request,
        }
    }

    /// Sends `request`; `None` when the answer says that nothing is there.
    pub async fn ask(
        &self,
        request: RequestBuilder,
        activity: &Activity,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<Response>> {
        let answer = self.server.send(request, activity, stage, subject).await?;
        match answered(answer, activity, stage, subject).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the whole file at `url`, at most `most_bytes` of it; `None` when there is none.
    pub async fn whole(
        &self,
        url: &Url,
        most_bytes: u64,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<Whole>> {
        let Some(answer) = self.found(url, stage, subject).await? else {
            return Ok(None);
        };
        let date = answer.header(&DATE).map(|date| date.trim().to_owned());
        let bytes = answer.whole(most_bytes).await?;
        Ok(Some(Whole { bytes, date }))
    }

    /// Returns the time of an answer about `url`, whatever it says, by the server's clock.
    pub async fn date(&self, url: &Url, stage: Stage) -> ConnectorResult<Option<String>> {
        let activity = self.server.activity();
        let request = self.request(Method::HEAD, url);
        let answer = self.server.send(request, &activity, stage, url.path()).await?;
        Ok(text_of(answer.headers(), DATE.as_str()))
    }

    /// Returns the bytes of the file at `url`, which should be `blob`, from `offset_bytes` on.
    pub async fn open(
        &self,
        url: &Url,
        blob: &Blob,
        offset_bytes: u64,
        subject: &str,
    ) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        self.bytes_from(url, offset_bytes, subject).await
    }

    /// Stores `length_bytes` bytes at `url`, whatever stands there.
    pub async fn store(
        &self,
        url: &Url,
        bytes: ByteStream,
        length_bytes: u64,
        stage: Stage,
    ) -> ConnectorResult<()> {
        let request = self
            .request(Method::PUT, url)
            .header(CONTENT_LENGTH, length_bytes);
        self.send_body(request, bytes, stage, url.path()).await
    }

    /// Sends `request` with `bytes` as its body; an error among the bytes is the error.
    pub async fn send_body(
        &self,
        request: RequestBuilder,
        bytes: ByteStream,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<()> {
        let activity = Arc::new(self.server.activity());
        let (body, broken) = body(bytes, activity.clone());
        let sent = self
            .server
            .send(request.body(body), &activity, stage, subject)
            .await;
        if let Some(error) = broken.get() {
            return Err(error.again());
        }
        answered(sent?, &activity, stage, subject).await.map(drop)
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)?
        .to_str()
        .ok()
        .map(|text| text.trim().to_owned())
}

/// Returns the sums a repository manager tells in its headers: `X-Checksum-*` (Artifactory, Maven Central), and an
/// entity tag `{SHA1{...}}` (Nexus).
pub(super) fn told(headers: &HeaderMap) -> (Option<Digest>, Checksums) {
    let header = |name: &str| text_of(headers, name);
    let tag = header(ETAG.as_str());
    let tagged = tag
        .as_deref()
        .and_then(|tag| tag.trim_matches('"').strip_prefix("{SHA1{")?.strip_suffix("}}"));
    let sha1 = header("x-checksum-sha1").or_else(|| tagged.map(String::from));
    let checksums = Checksums {
        sha512: header("x-checksum-sha512").and_then(|text| sum(&text)),
        sha1: sha1.and_then(|text| sum(&text)),
        md5: header("x-checksum-md5").and_then(|text| sum(&text)),
    };
    let digest = header("x-checksum-sha256").and_then(|text| sum(&text));
    (digest.map(Digest::from_bytes), checksums)
}

/// Reads a sum that is written in hex.
pub fn sum<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
