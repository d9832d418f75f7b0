//! Manifests of a registry: fetched and checked, looked up, written; and what it lists.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::{
    DOCKER_INDEX, DOCKER_MANIFEST, Descriptor, MANIFEST_BYTES, Manifest, OCI_INDEX, OCI_MANIFEST,
    check_repository, has_digest, is_digest,
};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH};
use serde::de::DeserializeOwned;

use super::auth::Access;
use super::client::{Answer, Client, Payload};
use super::place::Reference;
use super::wire::{self, CONTENT_DIGEST, Catalog, OCI_SUBJECT, TagList};
use crate::packages::MOST_NAMES;

/// Most bytes of one page of a list.
const PAGE_BYTES: u64 = 16 * 1024 * 1024;
/// Names asked for at once.
const PAGE_NAMES: usize = 1000;
/// Pages without any name that are followed one after the other: registries leave out what may not be seen.
const EMPTY_PAGES: usize = 100;
const ENDLESS: &str = "its list goes on and on with what it listed before or with empty pages";
/// Most manifests that are about one other; an image has not as many parts.
const MOST_REFERRERS: usize = 10_000;

/// A manifest as it was fetched; its digest is that of its bytes.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) bytes: Bytes,
    pub(super) manifest: Manifest,
}

/// What is known of a manifest without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size_bytes: u64,
}

fn error(kind: ErrorKind, stage: Stage, at: &Reference) -> ConnectorError {
    ConnectorError::new(kind, stage, at.to_string())
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if is_digest(&self.version) { '@' } else { ':' };
        write!(f, "{}{sign}{}", self.image, self.version)
    }
}

impl Client {
    async fn manifest_answer(&self, method: Method, at: &Reference, stage: Stage) -> ConnectorResult<Answer> {
        let url = self.url(&format!("{}/manifests/{}", at.image, at.version));
        let subject = at.to_string();
        let mut ask = self.ask(method, url, Access::Pull(&at.image), stage, &subject);
        for media_type in [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST] {
            ask = ask.header(ACCEPT, media_type);
        }
        ask.send().await
    }

    /// Fetches a manifest, checks it against the digest it was asked by or is said to have, and reads it.
    pub(super) async fn manifest(&self, at: &Reference, stage: Stage) -> ConnectorResult<Fetched> {
        let answer = self.manifest_answer(Method::GET, at, stage).await?;
        let media_type = answer.media_type();
        let announced = answer.header(CONTENT_DIGEST).map(str::to_owned);
        let bytes = answer.whole(MANIFEST_BYTES).await?;
        let wanted = match is_digest(&at.version) {
            true => Some(at.version.clone()),
            false => announced.filter(|digest| is_digest(digest)),
        };
        let digest = match wanted {
            Some(digest) if has_digest(&bytes, &digest) => digest,
            Some(_) => {
                return Err(
                    error(ErrorKind::Corrupt, stage, at).words("the manifest does not have its digest")
                );
            }
            None => Digest::of(&bytes).to_string(),
        };
        let manifest = Manifest::parse(media_type.as_deref(), &bytes)
            .map_err(|invalid| error(ErrorKind::Protocol, stage, at).words(invalid.to_string()))?;
        Ok(Fetched {
            media_type: media_type_of(media_type, &bytes, &manifest),
            digest,
            bytes,
            manifest,
        })
    }

    /// Looks a manifest up; `None` when it is known to be absent.
    pub(super) async fn head(&self, at: &Reference, stage: Stage) -> ConnectorResult<Option<Head>> {
        let answer = match self.manifest_answer(Method::HEAD, at, stage).await {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let told = answer.header(CONTENT_DIGEST).filter(|digest| is_digest(digest));
        let size = answer
            .header(CONTENT_LENGTH.as_str())
            .and_then(|text| text.parse().ok());
        if let (Some(digest), Some(size_bytes)) = (told, size) {
            return Ok(Some(Head {
                media_type: answer.media_type().unwrap_or_default(),
                digest: digest.into(),
                size_bytes,
            }));
        }
        // A registry that does not say it is read.
        let answer = self.manifest_answer(Method::GET, at, stage).await?;
        let media_type = answer.media_type().unwrap_or_default();
        let bytes = answer.whole(MANIFEST_BYTES).await?;
        Ok(Some(Head {
            media_type,
            digest: Digest::of(&bytes).to_string(),
            size_bytes: bytes.len() as u64,
        }))
    }

    /// Writes a manifest with `digest` and makes sure that it stands there; returns whether the registry lists it
    /// among its subject's referrers by itself.
    pub(super) async fn put_manifest(
        &self,
        at: &Reference,
        media_type: &str,
        digest: &str,
        bytes: Bytes,
    ) -> ConnectorResult<bool> {
        let url = self.url(&format!("{}/manifests/{}", at.image, at.version));
        let subject = at.to_string();
        let answer = self
            .ask(Method::PUT, url, Access::Push(&at.image), Stage::Commit, &subject)
            .payload(media_type, Payload::Bytes(bytes))
            .send()
            .await?;
        let lists = answer.header(OCI_SUBJECT).is_some();
        let told = answer.header(CONTENT_DIGEST).map(str::to_owned);
        let stands = match told {
            Some(told) => told,
            None => match self.head(at, Stage::Verify).await? {
                Some(head) => head.digest,
                None => String::new(),
            },
        };
        if stands == digest {
            return Ok(lists);
        }
        Err(error(ErrorKind::Corrupt, Stage::Verify, at)
            .words("another manifest stands there than was written"))
    }

    /// Asks whether it answers as registries do.
    pub(super) async fn version(&self, stage: Stage) -> ConnectorResult<()> {
        let subject = self.name();
        let answer = self
            .ask(Method::GET, self.url(""), Access::None, stage, subject)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::NotFound => {
                Err(error.words("it is no registry: it has no /v2/"))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the tags of `image`, sorted; `None` when there is no such image.
    pub(super) async fn tags(&self, image: &str) -> ConnectorResult<Option<Vec<String>>> {
        // A registry may list what is no name, and what would lead elsewhere.
        check_repository(image).map_err(|invalid| {
            ConnectorError::new(ErrorKind::Protocol, Stage::List, image).words(invalid.to_string())
        })?;
        let path = format!("{image}/tags/list");
        let of = |page: TagList| page.tags.unwrap_or_default();
        match self.names(&path, Access::Pull(image), image, of).await {
            Ok(tags) => Ok(Some(tags)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the names of all images, sorted.
    pub(super) async fn catalog(&self) -> ConnectorResult<Vec<String>> {
        let of = |page: Catalog| page.repositories.unwrap_or_default();
        let listed = self.names("_catalog", Access::Catalog, self.name(), of).await;
        listed.map_err(|error| match error.kind {
            ErrorKind::NotFound | ErrorKind::Unauthorised => {
                let words = error.words.clone().unwrap_or_default();
                error.words(format!(
                    "it does not list its images: name them one by one ({words})"
                ))
            }
            _ => error,
        })
    }

    /// Returns all pages of a list, sorted, each name once. One that goes on behind a page without anything new would go
    /// on for ever: an error.
    async fn names<T: DeserializeOwned>(
        &self,
        path: &str,
        access: Access<'_>,
        subject: &str,
        of: impl Fn(T) -> Vec<String>,
    ) -> ConnectorResult<Vec<String>> {
        let error = |kind| ConnectorError::new(kind, Stage::List, subject);
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut url = self.url(path);
        url.query_pairs_mut().append_pair("n", &PAGE_NAMES.to_string());
        let mut empty = 0;
        loop {
            let answer = self
                .ask(Method::GET, url.clone(), access, Stage::List, subject)
                .send()
                .await?;
            let next = wire::next_page(answer.response.headers());
            let body = answer.whole(PAGE_BYTES).await?;
            let page: T = serde_json::from_slice(&body).map_err(|_| {
                error(ErrorKind::Protocol).words("its list is not of the form registries have")
            })?;
            let (page, known) = (of(page), names.len());
            let length = page.len();
            names.extend(page);
            if names.len() > MOST_NAMES {
                let words = format!("it lists more than {MOST_NAMES} names");
                return Err(error(ErrorKind::Limit).words(words));
            }
            let Some(next) = next else {
                return Ok(names.into_iter().collect());
            };
            if !goes_on(&mut empty, length, names.len() - known) {
                return Err(error(ErrorKind::Protocol).words(ENDLESS));
            }
            url = self.pointed(&url, &next, Stage::List, subject)?;
        }
    }

    /// Returns what is about the manifest `digest` of `image`; `None` when the registry does not list that.
    pub(super) async fn referrers(
        &self,
        image: &str,
        digest: &str,
        stage: Stage,
    ) -> ConnectorResult<Option<Vec<Descriptor>>> {
        if self.lists_no_referrers().load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut url = self.url(&format!("{image}/referrers/{digest}"));
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut empty = 0;
        loop {
            let ask = self.ask(Method::GET, url.clone(), Access::Pull(image), stage, digest);
            let answer = match ask.header(ACCEPT, OCI_INDEX).send().await {
                Ok(answer) => answer,
                Err(error) if matches!(error.remote_status, Some(400 | 404 | 405 | 501)) => {
                    // One that lists them answers with an empty list; but the image may just be gone.
                    if !wire::is_about_the_image(&error) {
                        self.lists_no_referrers().store(true, Ordering::Relaxed);
                    }
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let is_index = answer
                .media_type()
                .is_some_and(|media_type| media_type == OCI_INDEX);
            let next = wire::next_page(answer.response.headers());
            let body = answer.whole(MANIFEST_BYTES).await?;
            let page = match Manifest::parse(Some(OCI_INDEX), &body) {
                Ok(page) if is_index => page,
                Ok(_) | Err(_) => return Ok(None),
            };
            let more = page
                .children()
                .iter()
                .filter(|child| seen.insert(child.digest().to_string()));
            let known = found.len();
            found.extend(more.cloned());
            if found.len() > MOST_REFERRERS {
                return Err(
                    ConnectorError::new(ErrorKind::Limit, stage, digest).words("it has too many referrers")
                );
            }
            let Some(next) = next else {
                return Ok(Some(found));
            };
            if !goes_on(&mut empty, page.children().len(), found.len() - known) {
                return Err(ConnectorError::new(ErrorKind::Protocol, stage, digest).words(ENDLESS));
            }
            url = self.pointed(&url, &next, stage, digest)?;
        }
    }
}

/// Says whether a list may go on behind a page of `length` names of which `new` were not listed before; counts the pages in
/// a row that are `empty`.
fn goes_on(empty: &mut usize, length: usize, new: usize) -> bool {
    *empty = if length == 0 { *empty + 1 } else { 0 };
    new > 0 || (length == 0 && *empty <= EMPTY_PAGES)
}

/// Returns the media type a manifest is kept under: as it was announced, else as it says itself.
fn media_type_of(announced: Option<String>, bytes: &[u8], manifest: &Manifest) -> String {
    #[derive(serde::Deserialize)]
    struct Own {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
    }
    let announced = announced.filter(|media_type| media_type != "application/json");
    let own = || serde_json::from_slice::<Own>(bytes).ok()?.media_type;
    announced.or_else(own).unwrap_or_else(|| match manifest {
        Manifest::Image(_) => OCI_MANIFEST.into(),
        Manifest::Index(_) => OCI_INDEX.into(),
    })
}
