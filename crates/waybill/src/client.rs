//! Talks to a node over HTTP as any other client of it does: one envelope in, its data or its refusal out.

use std::time::Duration;

use domain::cluster::Secret;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::exit::{CliError, CliResult, failed, refused};

/// One server, and who we are there.
pub struct Client {
    http: reqwest::Client,
    /// Waits for an answer as long as the connection lives.
    patient: reqwest::Client,
    server: Url,
    user: String,
    secret: Secret,
    zone: String,
}

/// What a refusal says: in the contract's envelope or in the native API's problem.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(alias = "detail")]
    message: Option<String>,
    #[serde(rename = "traceId")]
    trace_id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    code: i64,
    #[serde(default)]
    data: Value,
}

/// Members of a query string; those without a value are left out.
pub type Query<'a> = [(&'a str, Option<String>)];

impl Client {
    /// Prepares calls to `server` as `user`; `ca_cert` is a PEM text that is trusted besides the public authorities.
    pub fn new(server: Url, user: &str, secret: Secret, ca_cert: Option<&[u8]>) -> CliResult<Self> {
        let connections = || -> CliResult<reqwest::ClientBuilder> {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("waybill/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(Duration::from_secs(10))
                .redirect(reqwest::redirect::Policy::none())
                .tcp_keepalive(Duration::from_secs(30))
                .tcp_nodelay(true);
            if let Some(pem) = ca_cert {
                let authorities = reqwest::Certificate::from_pem_bundle(pem)
                    .map_err(|error| refused(format!("the CA certificate cannot be read: {error}")))?;
                builder = builder.tls_certs_merge(authorities);
            }
            Ok(builder)
        };
        let built = |builder: reqwest::ClientBuilder| builder.build().map_err(|error| failed(words(&error)));
        Ok(Self {
            http: built(connections()?.read_timeout(Duration::from_secs(60)))?,
            patient: built(connections()?)?,
            server,
            user: user.into(),
            secret,
            zone: local_zone(),
        })
    }

    /// Returns the data that `GET path` answers.
    pub async fn get(&self, path: &[&str], query: &Query<'_>) -> CliResult<Value> {
        self.data(self.request(Method::GET, path, query)?).await
    }

    /// Returns the data that `POST path` with `body` answers.
    pub async fn post(&self, path: &[&str], body: &Value) -> CliResult<Value> {
        self.data(self.request(Method::POST, path, &[])?.json(body)).await
    }

    /// Returns the data that `DELETE path` answers.
    pub async fn delete(&self, path: &[&str], query: &Query<'_>) -> CliResult<Value> {
        self.data(self.request(Method::DELETE, path, query)?).await
    }

    /// Returns what the native API answers to `method path` with `body`; null when it answers nothing.
    pub async fn native(
        &self,
        method: Method,
        path: &[&str],
        query: &Query<'_>,
        body: Option<&Value>,
    ) -> CliResult<Value> {
        let whole: Vec<&str> = ["api", "v1"].iter().chain(path).copied().collect();
        let mut request = self.request(method, &whole, query)?;
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.send(request).await?;
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body)
            .map_err(|_| failed(format!("{} does not answer as a Waybill node does", self.server)))
    }

    /// Starts a request; each of `path` is one segment and is encoded as such.
    pub fn request(&self, method: Method, path: &[&str], query: &Query<'_>) -> CliResult<RequestBuilder> {
        self.request_by(&self.http, method, path, query)
    }

    /// Starts a request whose answer comes only when all of a long body has been worked through.
    pub fn long_request(&self, method: Method, path: &[&str]) -> CliResult<RequestBuilder> {
        self.request_by(&self.patient, method, path, &[])
    }

    fn request_by(
        &self,
        http: &reqwest::Client,
        method: Method,
        path: &[&str],
        query: &Query<'_>,
    ) -> CliResult<RequestBuilder> {
        let mut url = self.server.clone();
        url.path_segments_mut()
            .map_err(|()| refused("the server's URL cannot have a path"))?
            .clear()
            .extend(path);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        Ok(http
            .request(method, url)
            .basic_auth(&self.user, Some(self.secret.reveal()))
            .header("Accept-Language", "en-US")
            .header("X-BKREPO-Time-Zone", &self.zone))
    }

    /// Sends `request` and returns the answer, once it is known not to be a refusal.
    pub async fn send(&self, request: RequestBuilder) -> CliResult<Response> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        Err(self.refusal(status, &body))
    }

    /// Sends a request and returns the data of its answer.
    pub async fn data(&self, request: RequestBuilder) -> CliResult<Value> {
        let answer = self.send(request).await?;
        let body = answer.bytes().await.map_err(|error| self.unreachable(&error))?;
        match serde_json::from_slice::<Envelope>(&body) {
            Ok(envelope) if envelope.code == 0 => Ok(envelope.data),
            Ok(_) => Err(self.refusal(StatusCode::OK, &body)),
            Err(_) => Err(failed(format!(
                "{} does not answer as a Waybill node does",
                self.server
            ))),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        failed(format!("cannot reach {}: {}", self.server, words(error)))
            .hint("is `waybill serve` running there?")
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> CliError {
        let refusal: Refusal = serde_json::from_slice(body).unwrap_or_default();
        let said = crate::output::one_line(&refusal.message.unwrap_or_default());
        let trace = refusal.trace_id.unwrap_or_default();
        let server = &self.server;
        match status.as_u16() {
            401 => refused(format!("{server} does not accept the password of {}", self.user))
                .hint("set WAYBILL_PASSWORD, or `waybill login` again"),
            403 => refused(format!(
                "{server} does not allow {} to do this: {said}",
                self.user
            )),
            200..=499 if !said.is_empty() => refused(said),
            code => failed(format!("{server} answered {code} {said} (trace {trace})")),
        }
    }
}

/// Says what went wrong down to its cause, without URLs.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() {
        "no answer in time".into()
    } else {
        cause.to_string()
    }
}

fn local_zone() -> String {
    let zone = jiff::tz::TimeZone::system();
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_offset(jiff::Timestamp::now()).to_string(),
    }
}
