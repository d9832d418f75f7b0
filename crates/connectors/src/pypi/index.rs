//! An index of Python packages as a server shows it: where its pages are, where it takes files, and what it says.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::page::{self, File, Page, Projects, Read, Reader};
use crate::http::{Fetched, Files, Wanted, answered};

/// Most bytes of a page.
const PAGE_BYTES: u64 = 64 * 1024 * 1024;
/// Files of the pages that are remembered.
const FILES: usize = 20_000;
/// What is read, best first.
const READ: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
/// What pages of the simple API are usually called: by most, and by devpi.
const SIMPLE: [&str; 2] = ["simple", "+simple"];

/// An index of Python packages.
#[derive(Clone)]
pub(super) struct Index(Arc<Inner>);

struct Inner {
    files: Files,
    /// Where its pages are, with a slash at the end.
    simple: OnceCell<Url>,
    /// Where it takes files.
    uploads: OnceCell<Url>,
    /// Pages that were read last.
    pages: Mutex<Pages>,
    /// Whether it takes no file without being told what it digests to.
    wants_digests: AtomicBool,
}

/// Pages by project, and how many files there are on all of them.
#[derive(Default)]
struct Pages {
    by_project: HashMap<String, Known>,
    files: usize,
}

/// A page that was read.
struct Known {
    page: Arc<Page>,
    /// Whether it was read for a listing, which nothing was described from yet.
    is_listed: bool,
}

impl Index {
    pub(super) fn of(files: Files) -> Self {
        Self(Arc::new(Inner {
            files,
            simple: OnceCell::new(),
            uploads: OnceCell::new(),
            pages: Mutex::default(),
            wants_digests: AtomicBool::new(false),
        }))
    }

    /// Returns what it keeps.
    pub(super) fn files(&self) -> &Files {
        &self.0.files
    }

    /// Returns whether it takes no file without being told what it digests to.
    pub(super) fn wants_digests(&self) -> &AtomicBool {
        &self.0.wants_digests
    }

    /// Returns the names of its projects, normalised and in order.
    pub(super) async fn projects(&self) -> ConnectorResult<Vec<String>> {
        let url = self.simple(Stage::List).await?.clone();
        let name = url.path().to_owned();
        let projects = self.read(Projects::default(), url, Stage::List, &name).await?;
        let projects = projects.ok_or_else(|| {
            ConnectorError::new(ErrorKind::NotFound, Stage::List, &name).words("the index lists no projects")
        })?;
        Ok(projects.0.into_iter().collect())
    }

    /// Returns the page of `project` (normalised) as it is now; `None` when there is none.
    pub(super) async fn page(&self, project: &str, stage: Stage) -> ConnectorResult<Option<Arc<Page>>> {
        let mut url = self.simple(stage).await?.clone();
        let path = format!("{}{project}/", url.path());
        url.set_path(&path);
        let Some(files) = self.read(page::Files::of(project), url, stage, project).await? else {
            return Ok(None);
        };
        let page = Arc::new(files.page);
        self.remember(project, page.clone(), stage == Stage::List);
        Ok(Some(page))
    }

    /// Reads the answer at `url` into `read`; `None` when there is none.
    async fn read<T: Read>(
        &self,
        read: T,
        url: Url,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<T>> {
        let Some(mut found) = self.ask(Method::GET, url, stage, subject).await? else {
            return Ok(None);
        };
        let media_type = found.header(&CONTENT_TYPE).unwrap_or_default();
        let mut reader = Reader::of(read, found.url().clone(), media_type);
        found
            .pieces(PAGE_BYTES, &mut |piece| reader.read(piece))
            .await??;
        reader.finish().map(Some).map_err(|words| found.wrong(words))
    }

    /// Returns the page of `project` as it was when it was read last, or as it is now.
    pub(super) async fn known_page(&self, project: &str, stage: Stage) -> ConnectorResult<Option<Arc<Page>>> {
        let known = self
            .pages()
            .by_project
            .get(project)
            .map(|known| known.page.clone());
        match known {
            Some(page) => Ok(Some(page)),
            None => self.page(project, stage).await,
        }
    }

    /// Returns the page of `project` to describe files from: the one it was just listed from, but only once, so that
    /// whoever asks again is told how it is now; and whether it is that one.
    pub(super) async fn listed_page(&self, project: &str) -> ConnectorResult<Option<(Arc<Page>, bool)>> {
        let listed = self.pages().by_project.get_mut(project).and_then(|known| {
            let is_listed = std::mem::take(&mut known.is_listed);
            is_listed.then(|| known.page.clone())
        });
        match listed {
            Some(page) => Ok(Some((page, true))),
            None => Ok(self
                .page(project, Stage::Describe)
                .await?
                .map(|page| (page, false))),
        }
    }

    /// Returns the size of `file`, asking for it where its page does not have it; `None` when it is listed and not there.
    ///
    /// If `known` is set, what was counted before of the same file with the same SHA-256 is not asked for again.
    pub(super) async fn size(
        &self,
        file: &File,
        known: bool,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<u64>> {
        if file.size_bytes.is_some() {
            return Ok(file.size_bytes);
        }
        let (place, digests) = (file.url.as_str(), self.files().server().digests());
        let before = file.blob.digest.and_then(|digest| digests.length(place, &digest));
        if let Some(size_bytes) = before.filter(|_| known) {
            return Ok(Some(size_bytes));
        }
        let size_bytes = self.files().size(&file.url, stage, subject).await?;
        if let Some((size_bytes, digest)) = size_bytes.zip(file.blob.digest) {
            digests.put_length(place, &digest, size_bytes);
        }
        Ok(size_bytes)
    }

    fn remember(&self, project: &str, page: Arc<Page>, is_listed: bool) {
        let mut pages = self.pages();
        if pages.files + page.len() > FILES {
            *pages = Pages::default();
        }
        pages.files += page.len();
        let replaced = pages
            .by_project
            .insert(project.to_owned(), Known { page, is_listed });
        pages.files -= replaced.map_or(0, |known| known.page.len());
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Option<Fetched>> {
        let wanted = Wanted {
            method,
            url,
            headers: vec![(ACCEPT, READ.into())],
            // What another index has for what this one lacks is not in this one.
            here: true,
            stage,
            subject,
        };
        self.0.files.fetch(wanted).await
    }

    /// Returns where its pages are: the path that was named if that is called so, else `simple/` or `+simple/` below.
    async fn simple(&self, stage: Stage) -> ConnectorResult<&Url> {
        self.0.simple.get_or_try_init(|| self.look_for_pages(stage)).await
    }

    async fn look_for_pages(&self, stage: Stage) -> ConnectorResult<Url> {
        let base = self.0.files.server().base();
        if named_simple(base) {
            return Ok(below(base, ""));
        }
        let mut looked = Vec::new();
        for name in SIMPLE {
            let url = below(base, &format!("{name}/"));
            let found = match self.ask(Method::HEAD, url.clone(), stage, url.path()).await {
                Err(error) if matches!(error.remote_status, Some(405 | 501)) => {
                    self.ask(Method::GET, url.clone(), stage, url.path()).await?
                }
                found => found?,
            };
            if found.is_some() {
                return Ok(url);
            }
            looked.push(url.path().to_owned());
        }
        let error = ConnectorError::new(ErrorKind::NotFound, stage, base.path());
        Err(error.words(format!(
            "there is no index of Python packages at {}",
            looked.join(" or ")
        )))
    }

    /// Returns where it takes files: beside its pages. Asks with a form that stores nothing, so that a login that may
    /// not write is known before any byte moves.
    pub(super) async fn uploads(&self) -> ConnectorResult<&Url> {
        self.0.uploads.get_or_try_init(|| self.look_for_uploads()).await
    }

    async fn look_for_uploads(&self) -> ConnectorResult<Url> {
        let mut base = self.0.files.server().base().clone();
        if named_simple(&base) {
            let path = base
                .path()
                .trim_end_matches('/')
                .rsplit_once('/')
                .map(|(path, _)| path.to_owned());
            base.set_path(&path.unwrap_or_default());
        }
        let with_slash = below(&base, "");
        let without = base.path().trim_end_matches('/').to_owned();
        base.set_path(&without);
        for url in [with_slash.clone(), base] {
            let server = self.0.files.server();
            let activity = server.activity();
            let request = self
                .0
                .files
                .request(Method::POST, &url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(":action=verify&protocol_version=1");
            let answer = server
                .send(request, &activity, Stage::Describe, url.path())
                .await?;
            let status = answer.status();
            if takes_none(status) {
                continue;
            }
            if !status.is_client_error() || refuses_everything(status) {
                answered(answer, &activity, Stage::Describe, url.path()).await?;
            }
            return Ok(url);
        }
        let error = ConnectorError::new(ErrorKind::NotFound, Stage::Describe, with_slash.path());
        Err(error.words("it takes no uploads of Python packages there"))
    }
}

/// Says whether nobody takes a form there.
fn takes_none(status: StatusCode) -> bool {
    status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 410 | 501)
}

/// Says whether a refusal is of more than what the form says.
fn refuses_everything(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 407 | 408 | 429)
}

fn named_simple(base: &Url) -> bool {
    let last = base.path().trim_end_matches('/').rsplit('/').next();
    last.is_some_and(|last| SIMPLE.contains(&last))
}

/// Returns the URL of `path` below `base`.
fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
