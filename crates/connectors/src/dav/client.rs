//! Requests to a WebDAV server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::stream;
use percent_encoding::utf8_percent_encode;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH, LOCATION, RANGE};
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::state::State;
use super::wire::{self, ASKED, Entry};
use crate::bkrepo::PLAIN;
use crate::http::{Activity, Again, Download, Reading, Server, answered, begins_at, kind_of};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file.
    File(State),
}

/// A folder on a WebDAV server, and what was learned of the server.
pub(super) struct Dav {
    pub(super) server: Server,
    login: Option<HeaderValue>,
    /// The names of the folder's own path, decoded.
    base_names: Vec<String>,
    knows_no_propfind: AtomicBool,
}

impl Dav {
    /// Prepares requests; nothing is sent.
    pub(super) fn new(server: Server) -> ConnectorResult<Self> {
        let login = login(&server)?;
        let base_names = wire::names(server.base().path());
        Ok(Self {
            server,
            login,
            base_names,
            knows_no_propfind: AtomicBool::new(false),
        })
    }

    /// Returns the URL of `path`.
    pub(super) fn url(&self, path: &str, as_folder: bool) -> Url {
        let mut url = self.server.base().clone();
        let mut text = url.path().trim_end_matches('/').to_owned();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            text.push('/');
            text.extend(utf8_percent_encode(name, PLAIN));
        }
        if as_folder || text.is_empty() {
            text.push('/');
        }
        url.set_path(&text);
        url
    }

    /// Returns what `path` is called in the memory of digests.
    pub(super) fn place(&self, path: &str) -> String {
        self.url(path, false).into()
    }

    /// Says whether the server is known to answer `HEAD` only.
    pub(super) fn is_plain(&self) -> bool {
        self.knows_no_propfind.load(Ordering::Relaxed)
    }

    /// Starts a request, with the login.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.server.request(method, url);
        match &self.login {
            Some(login) => request.header(AUTHORIZATION, login.clone()),
            None => request,
        }
    }

    /// Starts a request with one of WebDAV's own methods.
    pub(super) fn own(&self, method: &'static str, url: Url) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("the names of methods are tokens");
        self.request(method, url)
    }

    /// Says what stands at `path`.
    pub(super) async fn look(&self, path: &str, stage: Stage) -> ConnectorResult<Standing> {
        if self.is_plain() {
            return self.head(path, stage).await;
        }
        let activity = self.server.activity();
        let answer = self
            .propfind(self.url(path, false), "0", &activity, stage, path)
            .await?;
        match answer.status().as_u16() {
            404 | 410 => return Ok(Standing::Nothing),
            301 | 302 | 307 | 308 if self.leads_into(&answer, path) => return Ok(Standing::Folder),
            405 | 501 => {
                self.knows_no_propfind.store(true, Ordering::Relaxed);
                return self.head(path, stage).await;
            }
            _ => {}
        }
        let answer = self.multistatus(answer, activity, stage, path).await?;
        let wanted = self.names_of(path);
        let entry = answer.into_iter().find(|entry| entry.names == wanted);
        match entry {
            Some(entry) if entry.folder => Ok(Standing::Folder),
            // Some servers leave the length of a file to HEAD.
            Some(entry) if entry.state.size_bytes.is_none() => self.head(path, stage).await,
            Some(entry) => Ok(Standing::File(entry.state)),
            None => Err(self.elsewhere(stage, path)),
        }
    }

    /// Returns what lies directly in the folder `path`: names and whether they are folders; `None` when there is no
    /// such folder.
    pub(super) async fn children(&self, path: &str, stage: Stage) -> ConnectorResult<Option<Vec<Entry>>> {
        let activity = self.server.activity();
        let answer = self
            .propfind(self.url(path, true), "1", &activity, stage, path)
            .await?;
        match answer.status().as_u16() {
            404 | 410 => return Ok(None),
            405 | 501 => {
                self.knows_no_propfind.store(true, Ordering::Relaxed);
                let error = ConnectorError::new(ErrorKind::Protocol, stage, path);
                return Err(error.status(answer.status().as_u16()).words(
                    "it does not answer PROPFIND, so its folders cannot be listed: name the files as paths",
                ));
            }
            _ => {}
        }
        let entries = self.multistatus(answer, activity, stage, path).await?;
        let own = self.names_of(path);
        let mut children = Vec::with_capacity(entries.len());
        for mut entry in entries {
            let inside = entry.names.len() == own.len() + 1 && entry.names.starts_with(&own);
            if inside {
                entry.names.drain(..own.len());
                children.push(entry);
            } else if !entry.names.starts_with(&own) {
                return Err(self.elsewhere(stage, path));
            }
        }
        Ok(Some(children))
    }

    /// Begins a download from `offset_bytes` on; `known` is the state that is meant.
    pub(super) async fn get(
        &self,
        path: &str,
        offset_bytes: u64,
        known: Option<&State>,
        stage: Stage,
    ) -> ConnectorResult<Reading> {
        let mut request = self
            .request(Method::GET, self.url(path, false))
            .header(ACCEPT_ENCODING, "identity");
        if offset_bytes > 0 {
            request = request.header(RANGE, format!("bytes={offset_bytes}-"));
            if let Some(etag) = known.and_then(State::strong_etag) {
                request = request.header(IF_MATCH, etag);
            }
        }
        let activity = self.server.activity();
        let answer = self.server.send(request, &activity, stage, path).await?;
        let error = |kind| ConnectorError::new(kind, stage, path);
        let changed = || error(ErrorKind::Changed).words("other content stands there now");
        match answer.status().as_u16() {
            412 => return Err(changed()),
            206 if offset_bytes > 0 && begins_at(answer.headers(), offset_bytes) => {}
            200 if offset_bytes > 0 => {
                return Err(error(ErrorKind::Protocol).words("it sent the whole instead of a range"));
            }
            206 => {
                let words = "it sent another range than was asked for";
                return Err(error(ErrorKind::Protocol).words(words));
            }
            301 | 302 | 307 | 308 if self.leads_into(&answer, path) => {
                return Err(error(ErrorKind::NotFound).words("a folder stands there"));
            }
            _ => {}
        }
        let response = answered(answer, &activity, stage, path).await?;
        let mut state = State::of(response.headers());
        state.size_bytes = state.size_bytes.map(|size| size + offset_bytes);
        if known.is_some_and(|known| known.differs(&state)) {
            return Err(changed());
        }
        let activity = Arc::new(activity);
        Ok(Reading { response, activity })
    }

    /// Returns how a broken download of `path` goes on.
    pub(super) fn again(self: &Arc<Self>, path: &str, known: &State) -> Again {
        let (dav, path, known) = (Arc::clone(self), path.to_owned(), known.clone());
        Box::new(move |offset| {
            let (dav, path, known) = (Arc::clone(&dav), path.clone(), known.clone());
            Box::pin(async move { dav.get(&path, offset, Some(&known), Stage::Read).await })
        })
    }

    async fn propfind(
        &self,
        url: Url,
        depth: &'static str,
        activity: &Activity,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Response> {
        let request = self.own("PROPFIND", url).header("Depth", depth);
        let request = request
            .header(CONTENT_TYPE, "application/xml; charset=utf-8")
            .header(ACCEPT_ENCODING, "identity")
            .body(ASKED);
        self.server.send(request, activity, stage, subject).await
    }

    async fn multistatus(
        &self,
        answer: Response,
        activity: Activity,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Vec<Entry>> {
        let response = answered(answer, &activity, stage, subject).await?;
        if response.status().as_u16() != 207 {
            let error = ConnectorError::new(ErrorKind::Protocol, stage, subject);
            return Err(error
                .status(response.status().as_u16())
                .words("it is no WebDAV server: PROPFIND is answered with 207"));
        }
        let name = subject.to_owned();
        let state = (response, activity, name);
        let bytes = stream::try_unfold(state, move |(mut response, activity, name)| async move {
            let piece = activity.chunk(&mut response, stage, &name).await?;
            Ok(piece.map(|piece| (piece, (response, activity, name))))
        });
        wire::entries(Box::pin(bytes), stage, subject).await
    }

    async fn head(&self, path: &str, stage: Stage) -> ConnectorResult<Standing> {
        let request = self
            .request(Method::HEAD, self.url(path, false))
            .header(ACCEPT_ENCODING, "identity");
        let activity = self.server.activity();
        let answer = self.server.send(request, &activity, stage, path).await?;
        match answer.status().as_u16() {
            404 | 410 => Ok(Standing::Nothing),
            301 | 302 | 307 | 308 if self.leads_into(&answer, path) => Ok(Standing::Folder),
            status => match kind_of(answer.status()) {
                None => Ok(Standing::File(State::of(answer.headers()))),
                Some(kind) => Err(ConnectorError::new(kind, stage, path).status(status)),
            },
        }
    }

    /// Says whether a redirect leads to `path` as a folder.
    fn leads_into(&self, answer: &Response, path: &str) -> bool {
        let place = answer
            .headers()
            .get(LOCATION)
            .and_then(|place| place.to_str().ok());
        place.is_some_and(|place| {
            let path_of_it = place.split(['?', '#']).next().unwrap_or_default();
            path_of_it.ends_with('/') && wire::names(place) == self.names_of(path)
        })
    }

    fn names_of(&self, path: &str) -> Vec<String> {
        let names = path.split('/').filter(|name| !name.is_empty());
        self.base_names
            .iter()
            .cloned()
            .chain(names.map(String::from))
            .collect()
    }

    fn elsewhere(&self, stage: Stage, path: &str) -> ConnectorError {
        ConnectorError::new(ErrorKind::Protocol, stage, path)
            .words("it answers for other paths than it was asked about")
    }
}

/// Returns a download of `path`, which was begun with `reading`.
pub(super) fn download(
    dav: &Arc<Dav>,
    reading: Reading,
    path: &str,
    known: &State,
    (position, end): (u64, u64),
) -> Download {
    Download::new(reading, dav.again(path, known), position, end, path)
}

/// Returns the header that says who calls: user and password, or a token alone.
fn login(server: &Server) -> ConnectorResult<Option<HeaderValue>> {
    let credentials = server.credentials();
    let secret = credentials.password.as_ref().map(|password| password.reveal());
    let text = match (
        credentials.username.as_deref().filter(|user| !user.is_empty()),
        secret,
    ) {
        (None, None) => return Ok(None),
        (None, Some(token)) => format!("Bearer {token}"),
        (Some(user), secret) => {
            let pair = format!("{user}:{}", secret.unwrap_or_default());
            format!("Basic {}", STANDARD.encode(pair))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        ConnectorError::new(ErrorKind::Unauthorised, Stage::Describe, server.name())
            .words("the token cannot be sent: it has characters that no header takes")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}
