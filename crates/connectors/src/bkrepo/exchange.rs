//! One call of a bk-repo: sent, answered, and its refusal understood.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{Envelope, URL_UNKNOWN, kind_of};
use super::{BkRepo, Login, SILENCE};
use crate::http::{self, Activity};
use crate::signed::{ACTING_USER, Call};

/// Most bytes of a JSON answer.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A call in the making.
pub(super) struct Ask<'a> {
    server: &'a BkRepo,
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, String)>,
    stage: Stage,
    subject: String,
    silence: Duration,
}

/// What a call brings along.
pub(super) struct Payload {
    content_type: String,
    length_bytes: u64,
    bytes: ByteStream,
    /// What of it is signed: all of it when it is JSON, otherwise nothing.
    signed: Bytes,
}

impl Payload {
    /// Raw bytes.
    pub(super) fn bytes(pieces: Vec<Bytes>) -> Self {
        let length_bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        let bytes = Box::pin(stream::iter(pieces.into_iter().map(Ok)));
        Self::streamed("application/octet-stream".into(), length_bytes, bytes)
    }

    /// Bytes that come as they are sent; an error among them breaks the call off, and is its error.
    pub(super) fn streamed(content_type: String, length_bytes: u64, bytes: ByteStream) -> Self {
        Self {
            content_type,
            length_bytes,
            bytes,
            signed: Bytes::new(),
        }
    }

    /// JSON.
    pub(super) fn json(value: &Value) -> Self {
        let text = Bytes::from(value.to_string());
        Self {
            content_type: "application/json".into(),
            signed: text.clone(),
            ..Self::bytes(vec![text])
        }
    }
}

/// A refusal, with the code bk-repo gave it.
#[derive(Debug)]
pub(super) struct Refused {
    /// What a port says about it.
    pub(super) error: ConnectorError,
    /// The envelope's code.
    pub(super) code: Option<i64>,
}

impl Refused {
    /// Says whether the node does not know this call at all.
    pub(super) fn is_unknown_call(&self) -> bool {
        match (self.error.remote_status, self.code) {
            (_, Some(code)) => code == URL_UNKNOWN,
            (Some(404 | 405 | 501), None) => true,
            (_, None) => false,
        }
    }
}

impl From<ConnectorError> for Refused {
    fn from(error: ConnectorError) -> Self {
        Self { error, code: None }
    }
}

impl From<Refused> for ConnectorError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

impl Login {
    /// Returns the parameters of a call, with its signature among them where calls are signed.
    fn complete(
        &self,
        method: &str,
        path: &str,
        query: Vec<(&'static str, String)>,
        body: &[u8],
    ) -> Vec<(String, String)> {
        let mut query: Vec<(String, String)> = query
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if let Self::Signed { platform, clock } = self {
            // The service's name is the gateway's, not part of what the service sees.
            let within = path[1..].find('/').map_or(path, |end| &path[end + 1..]);
            let call = Call {
                path: within,
                method,
                parameters: &query,
                body,
            };
            let signature = platform.sign(&call, clock.now_ms());
            query.extend(signature);
        }
        query
    }

    /// Returns the header that says who calls.
    fn header(&self, user: Option<&str>) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Header(login) => Some((AUTHORIZATION, login.clone()?)),
            Self::Signed { .. } => {
                let name = HeaderName::from_bytes(ACTING_USER.as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(user?).ok()?))
            }
        }
    }
}

/// An answer that says success, and when something last moved.
pub(super) struct Answer {
    /// The answer; its body has not been read.
    pub(super) response: Response,
    activity: Arc<Activity>,
    stage: Stage,
    subject: String,
}

impl BkRepo {
    /// Begins to call `path` (percent-encoded); errors name `stage` and `subject`.
    pub(super) fn ask(
        &self,
        method: Method,
        path: impl Into<String>,
        stage: Stage,
        subject: &str,
    ) -> Ask<'_> {
        Ask {
            server: self,
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            stage,
            subject: subject.into(),
            silence: self.0.way.idle_timeout * SILENCE,
        }
    }
}

impl Ask<'_> {
    /// Adds a parameter.
    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a parameter that may be absent.
    pub(super) fn maybe(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Waits `more` for an answer than usual.
    pub(super) fn patient(mut self, more: Duration) -> Self {
        self.silence += more;
        self
    }

    /// Calls with a JSON body, or none, and returns the data of the answer.
    pub(super) async fn data<T: DeserializeOwned>(self, body: Option<&Value>) -> Result<Option<T>, Refused> {
        let answer = self.send(body.map(Payload::json)).await?;
        let (stage, subject) = (answer.stage, answer.subject.clone());
        let status = answer.response.status().as_u16();
        let secrets = http::Secrets::of(&answer.response);
        let body = answer.whole(ANSWER_BYTES).await?;
        let strange = || {
            ConnectorError::new(ErrorKind::Protocol, stage, &subject)
                .status(status)
                .words("its answer is not one of a bk-repo")
        };
        let envelope: Envelope<Value> = serde_json::from_slice(&body).map_err(|_| strange())?;
        if envelope.code != 0 {
            let kind = kind_of(envelope.code).unwrap_or(ErrorKind::Protocol);
            let error = ConnectorError::new(kind, stage, &subject).status(status);
            return Err(Refused {
                error: error.words(secrets.masked(&envelope.message.unwrap_or_default())),
                code: Some(envelope.code),
            });
        }
        let Some(data) = envelope.data else {
            return Ok(None);
        };
        Ok(serde_json::from_value(data).map_err(|_| strange())?)
    }

    /// Calls and returns the answer once it says success.
    pub(super) async fn send(self, payload: Option<Payload>) -> Result<Answer, Refused> {
        let Self {
            server,
            method,
            path,
            query,
            headers,
            stage,
            subject,
            silence,
        } = self;
        let mut url = server.0.way.base.clone();
        url.set_path(&path);
        let signed = payload.as_ref().map_or(&[][..], |payload| &payload.signed);
        let query = server
            .0
            .login
            .complete(method.as_str(), url.path(), query, signed);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(&query);
        }
        let activity = Arc::new(Activity::new(silence));
        let mut request = server.0.way.client.request(method, url);
        if let Some((name, value)) = server.0.login.header(server.0.user.as_deref()) {
            request = request.header(name, value);
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut broken = None;
        if let Some(payload) = payload {
            // Said in advance: a bk-repo takes no piece whose length it has to find out.
            request = request
                .header(CONTENT_TYPE, &payload.content_type)
                .header(CONTENT_LENGTH, payload.length_bytes);
            if payload.length_bytes > 0 {
                let (body, kept) = http::body(payload.bytes, Arc::clone(&activity));
                request = request.body(body);
                broken = Some(kept);
            }
        }
        let sent = http::send(request, &activity, stage, &subject).await;
        if let Some(error) = broken.as_ref().and_then(|broken| broken.get()) {
            return Err(error.again().into());
        }
        let response = sent?;
        if response.status().is_success() {
            return Ok(Answer {
                response,
                activity,
                stage,
                subject,
            });
        }
        Err(refused(response, &activity, stage, &subject).await)
    }
}

async fn refused(response: Response, activity: &Activity, stage: Stage, subject: &str) -> Refused {
    #[derive(serde::Deserialize)]
    struct Coded {
        code: i64,
    }
    let status = response.status();
    let retry_after = http::retry_after(response.headers());
    let body = http::read_beginning(response, activity, stage, subject).await;
    let code = serde_json::from_slice::<Coded>(&body)
        .ok()
        .map(|coded| coded.code);
    // A gateway in front of the services repeats the status where a service has a code.
    let code = code.filter(|code| *code != i64::from(status.as_u16()));
    let kind = code
        .and_then(kind_of)
        .or_else(|| http::kind_of(status))
        .unwrap_or(ErrorKind::Protocol);
    let mut error = ConnectorError::new(kind, stage, subject).status(status.as_u16());
    error.retry_after = retry_after;
    Refused {
        error: error.words(http::words_of(&body)),
        code,
    }
}

impl Answer {
    /// Returns the next piece of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> ConnectorResult<Option<Bytes>> {
        self.activity
            .chunk(&mut self.response, self.stage, &self.subject)
            .await
    }

    /// Returns a header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns the whole body; one longer than `most_bytes` is an error.
    pub(super) async fn whole(mut self, most_bytes: usize) -> ConnectorResult<Bytes> {
        let mut whole = Vec::new();
        while let Some(piece) = self.chunk().await? {
            whole.extend_from_slice(&piece);
            if whole.len() > most_bytes {
                return Err(
                    ConnectorError::new(ErrorKind::Protocol, self.stage, &self.subject)
                        .words(format!("it answered more than the {most_bytes} bytes expected")),
                );
            }
        }
        Ok(whole.into())
    }
}
