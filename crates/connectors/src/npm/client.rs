//! Requests to a registry of npm packages.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::wire::{Entry, Packument, Reader, Wanted, file_name};
use crate::fatal::Apart;
use crate::http::{self, Cut, Fetched, Files, Member, Server};
use crate::packages::MOST_NAMES;
use crate::peer::login;

/// Most bytes of a packument or of a list of packages.
pub(super) const ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// Packages of one page of a search.
const SEARCH_PAGE: usize = 250;
/// Longest entry on such a page, in bytes.
const FOUND_BYTES: usize = 1024 * 1024;
/// What a name keeps when it stands in a URL.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// A registry of npm packages.
#[derive(Clone)]
pub(super) struct Registry(Arc<Inner>);

struct Inner {
    files: Files,
    /// One writer for each package: registries answer 409 or lose an entry when two write one packument.
    writers: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Registry {
    /// Speaks to `server`: with user and password, or with a token where there is no user.
    pub(super) fn new(server: Server) -> Self {
        let login = login(server.credentials());
        Self(Arc::new(Inner {
            files: Files::of(server, login),
            writers: Mutex::default(),
        }))
    }

    /// Returns what errors call it.
    pub(super) fn name(&self) -> &str {
        self.0.files.server().name()
    }

    /// Returns the files it keeps.
    pub(super) fn files(&self) -> &Files {
        &self.0.files
    }

    /// Returns the lock whoever writes the package `name` holds.
    pub(super) fn writer(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut writers = self.0.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writers.get(name).and_then(Weak::upgrade) {
            return writer;
        }
        writers.retain(|_, writer| writer.strong_count() > 0);
        let writer = Arc::default();
        writers.insert(name.to_owned(), Arc::downgrade(&writer));
        writer
    }

    /// Returns the URL of `path`, which is encoded already, below the registry.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.0.files.server().base().clone();
        let path = format!("{}/{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// Returns where the tarball of a version is put, and where it is looked for when its entry does not say.
    pub(super) fn tarball(&self, name: &str, version: &str) -> Url {
        // The part after the scope's slash is not encoded here: so clients write it, too.
        let parts: Vec<String> = name.split('/').map(encoded).collect();
        self.url(&format!(
            "{}/-/{}",
            parts.join("/"),
            encoded(&file_name(name, version))
        ))
    }

    /// Returns where the tarball of `entry` is.
    pub(super) fn tarball_of(&self, entry: &Entry, subject: &str) -> ConnectorResult<Url> {
        let base = self.url("");
        base.join(&entry.tarball).map_err(|_| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Describe, subject)
                .words("where its tarball is cannot be read")
        })
    }

    /// Asks for the packument of `name`; `None` when there is no such package. `fresh` asks for what a writer has to see.
    pub(super) async fn ask(
        &self,
        name: &str,
        fresh: bool,
        stage: Stage,
    ) -> ConnectorResult<Option<Fetched>> {
        let mut url = self.url(&encoded(name));
        if fresh {
            url.set_query(Some("write=true"));
        }
        self.get(url, stage, name).await
    }

    /// Reads what is `wanted` of the packument of `name`; the inner error is that of an answer that is none.
    pub(super) async fn packument(
        &self,
        name: &str,
        fresh: bool,
        stage: Stage,
        wanted: Wanted<'_>,
    ) -> Apart<Option<Packument>> {
        let Some(answer) = self.ask(name, fresh, stage).await? else {
            return Ok(Ok(None));
        };
        let mut reader = Reader::of(name, wanted);
        let mut take = |part: Member<'_>| reader.take(part);
        if let Err(error) = answer.parts(ANSWER_BYTES, Reader::cut(), &mut take).await? {
            return Ok(Err(error));
        }
        let error = |words| ConnectorError::new(ErrorKind::Protocol, stage, name).words(words);
        Ok(reader.finish().map(Some).map_err(|words: String| error(words)))
    }

    async fn get(&self, url: Url, stage: Stage, subject: &str) -> ConnectorResult<Option<Fetched>> {
        let wanted = http::Wanted {
            method: Method::GET,
            url,
            headers: vec![(ACCEPT, "application/json".into())],
            here: false,
            stage,
            subject,
        };
        self.0.files.fetch(wanted).await
    }

    /// Makes sure that a registry answers and lets the login in.
    pub(super) async fn ping(&self) -> ConnectorResult<()> {
        match self.get(self.url("-/ping"), Stage::Describe, self.name()).await {
            // Not every registry knows this; one that answers is there.
            Err(error) if matches!(error.remote_status, Some(405 | 501)) => Ok(()),
            answered => answered.map(drop),
        }
    }

    /// Returns the names of all packages, in order; an error when the registry does not tell all of them.
    pub(super) async fn names(&self) -> ConnectorResult<Vec<String>> {
        let names = match self.all().await? {
            Some(names) => names,
            None => self.searched().await?,
        };
        Ok(names.into_iter().collect())
    }

    async fn all(&self) -> ConnectorResult<Option<BTreeSet<String>>> {
        let answer = match self.get(self.url("-/all"), Stage::List, self.name()).await {
            Err(error) if matches!(error.remote_status, Some(400 | 405 | 501)) => return Ok(None),
            answer => answer?,
        };
        let Some(answer) = answer else { return Ok(None) };
        let mut names = BTreeSet::new();
        let mut take = |part: Member<'_>| {
            // One member says when the list was made.
            if !part.name.starts_with('_') {
                names.insert(part.name.to_owned());
            }
            match names.len() > MOST_NAMES {
                true => Err(String::new()),
                false => Ok(()),
            }
        };
        let read = answer.parts(ANSWER_BYTES, Cut::new(0), &mut take).await?;
        if names.len() > MOST_NAMES {
            return Err(self.too_many());
        }
        Ok(read.ok().map(|()| names))
    }

    async fn searched(&self) -> ConnectorResult<BTreeSet<String>> {
        let unlisted = |words: String| {
            let words = format!("{words}: name the packages to be replicated");
            ConnectorError::new(ErrorKind::NotFound, Stage::List, self.name()).words(words)
        };
        let mut names = BTreeSet::new();
        let mut from = 0;
        loop {
            let mut url = self.url("-/v1/search");
            url.set_query(Some(&format!("text=&size={SEARCH_PAGE}&from={from}")));
            let answer = match self.get(url, Stage::List, self.name()).await {
                Err(error) if matches!(error.remote_status, Some(400 | 405 | 501)) => None,
                answer => answer?,
            };
            let none = || unlisted("this registry does not list its packages".into());
            let known = names.len();
            let page = search_page(answer.ok_or_else(none)?, &mut names).await?;
            if names.len() > MOST_NAMES {
                return Err(self.too_many());
            }
            let (found, total) = page.ok_or_else(none)?;
            from += found;
            if names.len() >= total {
                return Ok(names);
            }
            if names.len() == known {
                let words = format!("this registry lists {known} of its {total} packages");
                return Err(unlisted(words));
            }
        }
    }

    fn too_many(&self) -> ConnectorError {
        ConnectorError::new(ErrorKind::Limit, Stage::List, self.name()).words(format!(
            "this registry lists more than {MOST_NAMES} packages: name the packages to be replicated"
        ))
    }

    /// Sends a document and says what came of it.
    pub(super) async fn send(&self, sent: Sent<'_>) -> ConnectorResult<()> {
        let mut request = self.0.files.request(sent.method, &sent.url);
        if let Some((length_bytes, body)) = sent.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .header(CONTENT_LENGTH, length_bytes);
            return self
                .0
                .files
                .send_body(request, body, sent.stage, sent.subject)
                .await;
        }
        let activity = self.0.files.server().activity();
        let asked = self.0.files.ask(request, &activity, sent.stage, sent.subject);
        asked.await.map(drop)
    }

    /// Sends `document` with PUT.
    pub(super) async fn put(
        &self,
        url: Url,
        document: &Value,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<()> {
        let text = Bytes::from(document.to_string());
        let sent = Sent {
            method: Method::PUT,
            url,
            body: Some((
                text.len() as u64,
                Box::pin(futures_util::stream::iter([Ok(text)])),
            )),
            stage,
            subject,
        };
        self.send(sent).await
    }

    /// Removes what is at `url`; nothing being there is fine.
    pub(super) async fn delete(&self, url: Url, stage: Stage, subject: &str) -> ConnectorResult<()> {
        let sent = Sent {
            method: Method::DELETE,
            url,
            body: None,
            stage,
            subject,
        };
        self.send(sent).await
    }
}

/// A request that changes something.
pub(super) struct Sent<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// How long its JSON is, and the JSON.
    pub(super) body: Option<(u64, ByteStream)>,
    pub(super) stage: Stage,
    pub(super) subject: &'a str,
}

/// Adds the names on a page of a search to `names`, until they are too many. Returns how many there are on the page, and
/// in all; `None` when it is no such page.
async fn search_page(
    answer: Fetched,
    names: &mut BTreeSet<String>,
) -> ConnectorResult<Option<(usize, usize)>> {
    let (mut found, mut total) = (0, None);
    let mut take = |part: Member<'_>| {
        let text = part.text.unwrap_or_default();
        if part.within.is_some() {
            let object: Found = serde_json::from_str(text).map_err(|_| "it lists what is no package")?;
            names.insert(object.package.name);
            found += 1;
        } else if part.name == "total" {
            total = serde_json::from_str(text).ok();
        }
        match names.len() > MOST_NAMES {
            true => Err("it lists too many".into()),
            false => Ok(()),
        }
    };
    let cut = Cut::new(FOUND_BYTES).opening(&["objects"]);
    let read = answer.parts(ANSWER_BYTES, cut, &mut take).await?;
    Ok(total.map(|total| (found, total)).filter(|_| read.is_ok()))
}

#[derive(Deserialize)]
struct Found {
    package: FoundPackage,
}

#[derive(Deserialize)]
struct FoundPackage {
    name: String,
}

/// Returns `name` as one segment of a URL's path.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}
