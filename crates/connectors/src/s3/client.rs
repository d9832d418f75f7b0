//! Requests to a bucket.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::stream;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use reqwest::{Method, StatusCode};
use url::Url;

use super::sign::{self, Key};
use super::state::{Standing, State};
use super::wire::{self, Listing};
use crate::bkrepo::PLAIN;
use crate::http::{Again, Reading, Server, begins_at, retry_after};

/// The region signatures are for when nobody says another.
const REGION: &str = "us-east-1";
/// Keys of one page that are asked for: Amazon sends a thousand at most, and stores on file systems look at all they
/// have for each page.
pub(super) const PAGE_KEYS: usize = 10_000;

/// A bucket, and the prefix in it that is the repository.
pub(super) struct Bucket {
    pub(super) server: Server,
    /// Amazon's bucket named without a server: its host follows from its region.
    amazon: bool,
    endpoint: Url,
    name: String,
    /// Empty, or with a slash at its end.
    prefix: String,
    key: Option<Key>,
    region: Mutex<Option<String>>,
    /// Whether some object turned out to be encrypted so that its entity tag is no MD5.
    sealed: AtomicBool,
}

/// A request in the making.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The object; `None`: the bucket.
    pub(super) key: Option<&'a str>,
    pub(super) query: Vec<(&'a str, &'a str)>,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Bytes>,
    pub(super) stage: Stage,
    pub(super) subject: &'a str,
    /// How much longer than others its answer may take.
    pub(super) more: Duration,
}

impl<'a> Ask<'a> {
    /// Starts a request for the object `key`, or the bucket.
    pub(super) fn new(method: Method, key: Option<&'a str>, stage: Stage, subject: &'a str) -> Self {
        Self {
            method,
            key,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            stage,
            subject,
            more: Duration::ZERO,
        }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl Bucket {
    /// Understands where the bucket is; nothing is sent.
    pub(super) fn new(server: Server) -> ConnectorResult<Self> {
        let base = server.base().clone();
        let host = base.host_str().unwrap_or_default().to_owned();
        let amazon = !host.contains(['.', ':']) && host != "localhost" && base.port().is_none();
        let mut names: Vec<String> = base
            .path_segments()
            .map(|names| names.filter(|name| !name.is_empty()).map(decoded).collect())
            .unwrap_or_default();
        let mut endpoint = base;
        endpoint.set_path("/");
        if amazon {
            names.insert(0, host.clone());
        }
        if names.is_empty() {
            return Err(
                ConnectorError::new(ErrorKind::Protocol, Stage::Describe, server.name())
                    .words("name the bucket: s3+https://host/bucket"),
            );
        }
        let name = names.remove(0);
        let prefix = names.iter().map(|name| format!("{name}/")).collect();
        let credentials = server.credentials();
        let (id, secret) = (
            credentials.access_key.as_ref().or(credentials.username.as_ref()),
            credentials.secret_key.as_ref().or(credentials.password.as_ref()),
        );
        let key = id.zip(secret).map(|(id, secret)| Key {
            id: id.clone(),
            secret: secret.reveal().into(),
        });
        Ok(Self {
            region: Mutex::new(region_of(&host)),
            server,
            amazon,
            endpoint,
            name,
            prefix,
            key,
            sealed: AtomicBool::new(false),
        })
    }

    /// Returns the key of the object at `path` (a name with a slash in front).
    pub(super) fn key(&self, path: &str) -> String {
        format!("{}{}", self.prefix, path.trim_start_matches('/'))
    }

    /// Returns the name of the object `key`, with a slash in front; `None` when it lies outside or stands for a folder.
    pub(super) fn path(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(&self.prefix)?;
        (!rest.is_empty() && !rest.ends_with('/')).then(|| format!("/{rest}"))
    }

    /// Returns what the object at `path` is called in the memory of digests.
    pub(super) fn place(&self, path: &str) -> String {
        format!("s3 {}/{}/{}", self.server.name(), self.name, self.key(path))
    }

    /// Says whether entity tags are not to be trusted as MD5s.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Relaxed)
    }

    fn note_sealed(&self, state: &State) {
        if state.sealed == Some(true) {
            self.sealed.store(true, Ordering::Relaxed);
        }
    }

    /// Sends `ask` and returns the answer once it says success.
    pub(super) async fn send(&self, ask: Ask<'_>) -> ConnectorResult<Reading> {
        let mut again = true;
        loop {
            let region = match &self.key {
                Some(key) => Some((key, self.region(ask.subject).await?)),
                None => None,
            };
            let reading = self
                .send_once(&ask, region.as_ref().map(|(key, region)| (*key, region.as_str())))
                .await?;
            let status = reading.response.status();
            if status.is_success() {
                return Ok(reading);
            }
            let wait = retry_after(reading.response.headers());
            let has_body = ask.method != Method::HEAD;
            let said = match has_body {
                true => wire::refusal(stream_of(reading, ask.stage, ask.subject)).await,
                false => wire::Said::default(),
            };
            match (&said.region, &region) {
                (Some(other), Some((_, region))) if again && other != region => {
                    again = false;
                    *self.known_region() = Some(other.clone());
                }
                _ => {
                    let mut error = said.error(status, ask.stage, ask.subject);
                    error.retry_after = wait;
                    return Err(error);
                }
            }
        }
    }

    async fn send_once(&self, ask: &Ask<'_>, signing: Option<(&Key, &str)>) -> ConnectorResult<Reading> {
        let url = self.url(ask.key, &ask.query, signing.map(|(_, region)| region));
        let mut headers = ask.headers.clone();
        if let Some((key, region)) = signing {
            let now_ms = self.server.now_ms();
            headers.extend(sign::signed(
                key,
                region,
                ask.method.as_str(),
                &url,
                &ask.headers,
                now_ms,
            ));
        }
        let mut request = self
            .server
            .request(ask.method.clone(), url)
            .header(ACCEPT_ENCODING, "identity");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_LENGTH, body.len()).body(body.clone());
        }
        let activity = Arc::new(self.server.patient_activity(ask.more));
        let sent = self.server.send(request, &activity, ask.stage, ask.subject).await;
        match sent {
            Ok(response) => Ok(Reading { response, activity }),
            // The host of a region is not what was named, and is the store all the same.
            Err(error) => Err(ConnectorError {
                elsewhere: None,
                ..error
            }),
        }
    }

    fn url(&self, key: Option<&str>, query: &[(&str, &str)], region: Option<&str>) -> Url {
        let mut url = self.endpoint.clone();
        if self.amazon {
            let host = format!("s3.{}.amazonaws.com", region.unwrap_or(REGION));
            // It is a host, so this cannot fail.
            let _ = url.set_host(Some(&host));
        }
        let mut path = format!("/{}", utf8_percent_encode(&self.name, PLAIN));
        for name in key.iter().flat_map(|key| key.split('/')) {
            path.push('/');
            path.extend(utf8_percent_encode(name, PLAIN));
        }
        url.set_path(&path);
        if !query.is_empty() {
            url.set_query(Some(&sign::query(query)));
        }
        url
    }

    fn known_region(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.region.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the region of the bucket, asking for it once.
    async fn region(&self, subject: &str) -> ConnectorResult<String> {
        if let Some(region) = self.known_region().clone() {
            return Ok(region);
        }
        let ask = Ask::new(Method::HEAD, None, Stage::Describe, subject);
        let signing = self.key.as_ref().map(|key| (key, REGION));
        let answer = self.send_once(&ask, signing).await?.response;
        let said = answer
            .headers()
            .get("x-amz-bucket-region")
            .and_then(|region| region.to_str().ok());
        let region = said.unwrap_or(REGION).to_owned();
        *self.known_region() = Some(region.clone());
        Ok(region)
    }

    /// Makes sure that the bucket is there, creating it if `create` is set.
    pub(super) async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        let name = self.server.name();
        let looked = self
            .send(Ask::new(Method::HEAD, None, Stage::Describe, name))
            .await;
        match looked {
            Ok(_) => Ok(()),
            Err(error) if error.remote_status == Some(404) && create => {
                let ask = Ask {
                    body: Some(Bytes::new()),
                    ..Ask::new(Method::PUT, None, Stage::Describe, name)
                };
                self.send(ask).await.map(drop)
            }
            Err(error) if error.remote_status == Some(404) => {
                Err(error.words(format!("there is no bucket {}", self.name)))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns at most `limit` objects whose keys begin with `prefix` and come behind `after`.
    pub(super) async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> ConnectorResult<Listing> {
        let limit = limit.clamp(1, PAGE_KEYS).to_string();
        let mut ask = Ask::new(Method::GET, None, Stage::List, prefix);
        ask.query = vec![
            ("list-type", "2"),
            ("max-keys", &limit),
            ("prefix", prefix),
            ("encoding-type", "url"),
        ];
        if let Some(after) = after {
            ask.query.push(("start-after", after));
        }
        let reading = self.send(ask).await?;
        let listing = wire::listing(stream_of(reading, Stage::List, prefix), prefix).await?;
        let first = listing.objects.first().map(|(key, _)| key.as_str());
        // What is taken for the end, or for what comes next, must be that.
        match (first, after) {
            (None, _) if listing.more => {
                let words = "it says that there are more objects and lists none";
                Err(wire::strange(Stage::List, prefix, words))
            }
            (Some(first), Some(after)) if first <= after => {
                let words = "it lists objects again that were listed before";
                Err(wire::strange(Stage::List, prefix, words))
            }
            _ => Ok(listing),
        }
    }

    /// Returns the state of the object at `path`; `None` when there is none.
    pub(super) async fn head(&self, path: &str, stage: Stage) -> ConnectorResult<Option<State>> {
        let key = self.key(path);
        let ask = Ask::new(Method::HEAD, Some(&key), stage, path).header("x-amz-checksum-mode", "ENABLED");
        match self.send(ask).await {
            Ok(reading) => {
                let state = State::of(reading.response.headers());
                self.note_sealed(&state);
                Ok(Some(state))
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            // Stores on file systems stumble over what is a folder to them.
            Err(error) if error.remote_status == Some(500) => match self.listed(path).await? {
                Some(_) => Err(error),
                None => Ok(None),
            },
            Err(error) => Err(error),
        }
    }

    /// Returns the object at `path` as a listing has it.
    pub(super) async fn listed(&self, path: &str) -> ConnectorResult<Option<State>> {
        let key = self.key(path);
        let listing = self.list(&key, None, 1).await?;
        Ok(listing
            .objects
            .into_iter()
            .find(|(found, _)| *found == key)
            .map(|(_, state)| state))
    }

    /// Says whether there are objects below `path`.
    pub(super) async fn is_folder(&self, path: &str) -> ConnectorResult<bool> {
        let prefix = format!("{}/", self.key(path));
        Ok(!self.list(&prefix, None, 1).await?.objects.is_empty())
    }

    /// Says what stands at `path`.
    pub(super) async fn look(&self, path: &str, stage: Stage) -> ConnectorResult<Standing> {
        Ok(match self.head(path, stage).await? {
            Some(state) => Standing::Object(state),
            None if self.is_folder(path).await? => Standing::Folder,
            None => Standing::Nothing,
        })
    }

    /// Begins a download from `offset_bytes` on; `etag` is that of the object that is meant.
    pub(super) async fn get(
        &self,
        path: &str,
        offset_bytes: u64,
        etag: Option<&str>,
        stage: Stage,
    ) -> ConnectorResult<Reading> {
        let key = self.key(path);
        let mut ask = Ask::new(Method::GET, Some(&key), stage, path);
        if offset_bytes > 0 {
            ask = ask.header("range", format!("bytes={offset_bytes}-"));
        }
        if let Some(etag) = etag {
            ask = ask.header("if-match", format!("\"{etag}\""));
        }
        let changed =
            || ConnectorError::new(ErrorKind::Changed, stage, path).words("another object stands there now");
        let reading = match self.send(ask).await {
            Err(error) if error.remote_status == Some(412) => return Err(changed()),
            reading => reading?,
        };
        let state = State::of(reading.response.headers());
        self.note_sealed(&state);
        if etag.is_some() && state.etag.is_some() && state.etag.as_deref() != etag {
            return Err(changed());
        }
        match (reading.response.status(), offset_bytes) {
            (StatusCode::OK, 0) => Ok(reading),
            (StatusCode::PARTIAL_CONTENT, 1..) if begins_at(reading.response.headers(), offset_bytes) => {
                Ok(reading)
            }
            (status, _) => Err(ConnectorError::new(ErrorKind::Protocol, stage, path)
                .status(status.as_u16())
                .words("it sent another range than was asked for")),
        }
    }

    /// Returns how a broken download of `path` goes on.
    pub(super) fn again(self: &Arc<Self>, path: &str, etag: Option<String>) -> Again {
        let (bucket, path) = (Arc::clone(self), path.to_owned());
        Box::new(move |offset| {
            let (bucket, path, etag) = (Arc::clone(&bucket), path.clone(), etag.clone());
            Box::pin(async move { bucket.get(&path, offset, etag.as_deref(), Stage::Read).await })
        })
    }

    /// Removes the object at `path`, as far as it can be.
    pub(super) async fn remove(&self, path: &str) {
        let key = self.key(path);
        let ask = Ask::new(Method::DELETE, Some(&key), Stage::Write, path);
        if let Err(error) = self.send(ask).await {
            tracing::debug!(%error, "object not removed");
        }
    }
}

/// Returns the body of an answer.
pub(super) fn stream_of(reading: Reading, stage: Stage, subject: &str) -> ByteStream {
    let state = (reading, subject.to_owned());
    Box::pin(stream::try_unfold(
        state,
        move |(mut reading, subject)| async move {
            let Reading { response, activity } = &mut reading;
            let piece = activity.chunk(response, stage, &subject).await?;
            Ok(piece.map(|piece| (piece, (reading, subject))))
        },
    ))
}

/// Returns the region in the name of one of Amazon's servers: `s3.eu-west-3.amazonaws.com`.
fn region_of(host: &str) -> Option<String> {
    let name = host.strip_prefix("s3.").or_else(|| host.strip_prefix("s3-"))?;
    let region = name
        .strip_suffix(".amazonaws.com")
        .or_else(|| name.strip_suffix(".amazonaws.com.cn"))?;
    (!region.is_empty() && !region.contains('.')).then(|| region.to_owned())
}

fn decoded(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

/// Says whether an error is an answer of a store that does not know what it was asked.
pub(super) fn is_unknown(error: &ConnectorError) -> bool {
    matches!(error.remote_status, Some(405 | 501))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_name_of_amazons_servers() {
        assert_eq!(
            region_of("s3.eu-west-3.amazonaws.com").as_deref(),
            Some("eu-west-3")
        );
        assert_eq!(region_of("s3.amazonaws.com"), None);
        assert_eq!(region_of("s3.example.com"), None);
    }
}
