//! Requests to a registry: logged in, redirected where its answers point, refusals understood.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Method, Response};
use url::Url;

use super::auth::{Access, Auth};
use super::challenge::challenge;
use super::wire;
use crate::http::{self, Activity, Server};

/// Redirects that are followed.
const MOST_HOPS: usize = 5;

/// One registry.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    server: Server,
    auth: Auth,
    lists_no_referrers: AtomicBool,
}

/// What a request brings along.
pub(super) enum Payload {
    /// Nothing.
    None,
    /// Bytes that can be sent again.
    Bytes(Bytes),
    /// As many bytes as are said, which come as they are sent.
    Stream(u64, ByteStream),
}

/// A request in the making.
pub(super) struct Ask<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    access: Access<'a>,
    headers: HeaderMap,
    payload: Payload,
    stage: Stage,
    subject: &'a str,
}

/// An answer that says success.
pub(super) struct Answer {
    pub(super) response: Response,
    /// The registry that was asked, and where it was found in the end.
    from: (Client, Url),
    activity: Arc<Activity>,
    stage: Stage,
    subject: String,
}

impl Client {
    /// Speaks to `server`.
    pub(super) fn new(server: Server) -> Self {
        Self(Arc::new(Inner {
            auth: Auth::new(server.clone()),
            server,
            lists_no_referrers: AtomicBool::new(false),
        }))
    }

    /// Returns what errors call the registry.
    pub(super) fn name(&self) -> &str {
        self.0.server.name()
    }

    /// Returns whether the registry was found not to list what is about a manifest.
    pub(super) fn lists_no_referrers(&self) -> &AtomicBool {
        &self.0.lists_no_referrers
    }

    /// Returns the URL of `path` (names and digests need no encoding) below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.0.server.base().clone();
        url.set_path(&format!("/v2/{path}"));
        url.set_query(None);
        url
    }

    /// Returns the URL an answer to `url` points to; one that must not be gone to is refused.
    pub(super) fn pointed(
        &self,
        url: &Url,
        target: &str,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Url> {
        let next = url.join(target).map_err(|_| {
            ConnectorError::new(ErrorKind::Protocol, stage, subject)
                .words("it points to something that is no URL")
        })?;
        self.0.server.check(&next, stage, subject)?;
        Ok(next)
    }

    /// Begins a request; errors name `stage` and `subject`.
    pub(super) fn ask<'a>(
        &'a self,
        method: Method,
        url: Url,
        access: Access<'a>,
        stage: Stage,
        subject: &'a str,
    ) -> Ask<'a> {
        Ask {
            client: self,
            method,
            url,
            access,
            headers: HeaderMap::new(),
            payload: Payload::None,
            stage,
            subject,
        }
    }
}

impl Ask<'_> {
    /// Adds a header.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// Adds what it brings along.
    pub(super) fn payload(mut self, media_type: &str, payload: Payload) -> Self {
        self.payload = payload;
        self.header(CONTENT_TYPE, media_type)
    }

    /// Sends it and returns the answer once it says success; logs in if the registry asks for it.
    pub(super) async fn send(mut self) -> ConnectorResult<Answer> {
        let mut logged_in = false;
        let mut hops = 0;
        loop {
            let server = &self.client.0.server;
            let auth = &self.client.0.auth;
            let sent = match server.owns(&self.url) {
                true => auth.header(self.access, self.stage).await?,
                false => None,
            };
            let repeatable = !matches!(self.payload, Payload::Stream(..));
            let (response, activity) = self.once(sent.clone()).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(Answer {
                    response,
                    from: (self.client.clone(), self.url),
                    activity,
                    stage: self.stage,
                    subject: self.subject.into(),
                });
            }
            if status.is_redirection()
                && matches!(self.method, Method::GET | Method::HEAD)
                && hops < MOST_HOPS
            {
                let target = response
                    .headers()
                    .get(LOCATION)
                    .and_then(|target| target.to_str().ok());
                if let Some(target) = target {
                    self.url = self.client.pointed(&self.url, target, self.stage, self.subject)?;
                    hops += 1;
                    continue;
                }
            }
            if status.as_u16() == 401 && !logged_in && server.owns(&self.url) {
                let asked = challenge(response.headers());
                if auth.meet(asked, sent.as_ref(), self.access, self.stage).await? {
                    logged_in = true;
                    if repeatable {
                        continue;
                    }
                    // The bytes are gone; what arrived of them is gone on with.
                    let error = ConnectorError::new(ErrorKind::Unreachable, self.stage, self.subject);
                    return Err(error.status(401).words("the login expired in the middle"));
                }
            }
            let refused = refused(response, &activity, self.stage, self.subject).await;
            return Err(server.placed(&self.url, refused));
        }
    }

    /// Like [`Self::send`]; `None` when what is asked for is not there.
    pub(super) async fn find(self) -> ConnectorResult<Option<Answer>> {
        match self.send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn once(&mut self, login: Option<HeaderValue>) -> ConnectorResult<(Response, Arc<Activity>)> {
        let server = &self.client.0.server;
        let activity = Arc::new(server.activity());
        let mut request = server.request(self.method.clone(), self.url.clone());
        if let Some(login) = login {
            request = request.header(AUTHORIZATION, login);
        }
        request = request.headers(self.headers.clone());
        let mut broken = None;
        match std::mem::replace(&mut self.payload, Payload::None) {
            Payload::None if matches!(self.method, Method::GET | Method::HEAD) => {}
            Payload::None => request = request.header(CONTENT_LENGTH, 0),
            Payload::Bytes(bytes) => {
                self.payload = Payload::Bytes(bytes.clone());
                request = request.body(bytes);
            }
            Payload::Stream(length_bytes, bytes) => {
                let (body, kept) = http::body(bytes, Arc::clone(&activity));
                request = request.header(CONTENT_LENGTH, length_bytes).body(body);
                broken = Some(kept);
            }
        }
        let sent = server.send(request, &activity, self.stage, self.subject).await;
        if let Some(error) = broken.as_ref().and_then(|broken| broken.get()) {
            return Err(error.again());
        }
        Ok((sent?, activity))
    }
}

async fn refused(response: Response, activity: &Activity, stage: Stage, subject: &str) -> ConnectorError {
    let status = response.status();
    let retry_after = http::retry_after(response.headers());
    let body = http::read_beginning(response, activity, stage, subject).await;
    let said = wire::said(&body);
    let kind = wire::kind_of(status, said.code.as_deref());
    let mut error = ConnectorError::new(kind, stage, subject)
        .status(status.as_u16())
        .words(said.words);
    error.retry_after = retry_after;
    error
}

impl Answer {
    /// Returns a header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the media type of its body, without parameters.
    pub(super) fn media_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE.as_str())?;
        Some(text.split(';').next()?.trim().to_owned())
    }

    /// Returns the whole body; one longer than `most_bytes` is an error.
    pub(super) async fn whole(mut self, most_bytes: u64) -> ConnectorResult<Bytes> {
        let mut whole = Vec::new();
        while let Some(piece) = self.chunk().await? {
            whole.extend_from_slice(&piece);
            if whole.len() as u64 > most_bytes {
                let error = ConnectorError::new(ErrorKind::Protocol, self.stage, &self.subject);
                return Err(error.words(format!("it answered more than {most_bytes} bytes")));
            }
        }
        Ok(whole.into())
    }

    /// Returns the body as it comes.
    pub(super) fn stream(self) -> ByteStream {
        Box::pin(futures_util::stream::try_unfold(self, |mut answer| async move {
            let piece = answer.chunk().await?;
            Ok(piece.map(|piece| (piece, answer)))
        }))
    }

    async fn chunk(&mut self) -> ConnectorResult<Option<Bytes>> {
        let piece = self.activity.chunk(&mut self.response, self.stage, &self.subject);
        let piece = piece.await;
        let (client, url) = &self.from;
        piece.map_err(|error| client.0.server.placed(url, error))
    }
}
