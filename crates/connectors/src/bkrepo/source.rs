//! A repository of a bk-repo, read from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::checksums::Checksums;
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::repository::RepositoryRef;
use domain::task::Scope;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use reqwest::header::RANGE;

use super::exchange::Answer;
use super::listing::{Behind, Look, Page, Place};
use super::wire::{self, Node};
use super::{BkRepo, PARALLEL, address};
use crate::fatal::settled;
use crate::scope::roots;

/// How long what a listing said about a file is taken for its description.
const DESCRIBED_FOR: Duration = Duration::from_secs(30);
/// How often a listing is looked at to find the place where it goes on.
const MOST_LOOKS: usize = 200;

/// A repository of a bk-repo, read from.
#[derive(Debug, Clone)]
pub struct BkRepoSource {
    server: BkRepo,
    repository: RepositoryRef,
    seen: Arc<Mutex<Seen>>,
}

/// What the last look at the listing showed.
#[derive(Debug, Default)]
struct Seen {
    look: Option<Arc<Look>>,
    /// What it said about files, and when; each is told once.
    nodes: HashMap<String, (Node, Instant)>,
}

impl BkRepoSource {
    pub(super) fn new(server: BkRepo, repository: RepositoryRef) -> Self {
        Self {
            server,
            repository,
            seen: Arc::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what stands behind `place` below the folder `root`, and whether that is all.
    async fn rows_behind(
        &self,
        root: &FilePath,
        place: &Place,
        wanted: u64,
    ) -> ConnectorResult<(Vec<Place>, bool)> {
        let seen = self.seen().look.clone();
        if let Some(look) = seen.filter(|look| look.serves(root, place, wanted))
            && let Behind::These(places, end) = look.behind(place, wanted)
        {
            return Ok((places, end));
        }
        let mut rows = place.rows;
        for _ in 0..MOST_LOOKS {
            let look = self.look(root, Page::after(rows, wanted)).await?;
            match look.behind(place, wanted) {
                Behind::These(places, end) => {
                    self.seen().look = Some(Arc::new(look));
                    return Ok((places, end));
                }
                Behind::Elsewhere(other) => rows = other,
            }
        }
        Err(
            ConnectorError::new(ErrorKind::Changed, Stage::List, root.as_str())
                .words("it changes faster than it can be listed"),
        )
    }

    async fn look(&self, root: &FilePath, page: Page) -> ConnectorResult<Look> {
        let address = address("/repository/api/node/page", &self.repository, root);
        let ask = self
            .server
            .ask(Method::GET, address, Stage::List, root.as_str())
            .query("deep", "true")
            .query("includeFolder", "false")
            .query("includeMetadata", "true")
            .query("includeTotalRecords", "false")
            .query("sort", "true")
            .query("pageNumber", page.number.to_string())
            .query("pageSize", page.size.to_string());
        let answer: Option<wire::Page<Node>> = ask.data(None).await?;
        let Some(answer) = answer else {
            return Err(
                ConnectorError::new(ErrorKind::Protocol, Stage::List, root.as_str())
                    .words("it answered no page"),
            );
        };
        let paths = answer.records.iter().map(|node| node.full_path.clone()).collect();
        let look = Look::of(root, page, paths)?;
        let now = Instant::now();
        let told = answer
            .records
            .into_iter()
            .map(|node| (node.full_path.clone(), (node, now)));
        self.seen().nodes = told.collect();
        Ok(look)
    }

    async fn describe_one(&self, key: &ArtifactKey) -> ConnectorResult<Artifact> {
        let error = |kind| ConnectorError::new(kind, Stage::Describe, key.to_string());
        let Some(path) = key.path() else {
            return Err(error(ErrorKind::NotFound));
        };
        let told = self.seen().nodes.remove(path.as_str());
        let node = match told {
            Some((node, when)) if when.elapsed() < DESCRIBED_FOR => Some(node),
            _ => self.server.node(&self.repository, &path, Stage::Describe).await?,
        };
        let Some(node) = node.filter(|node| !node.folder) else {
            return Err(error(ErrorKind::NotFound));
        };
        let Some(digest) = node.digest() else {
            let words = "it has no sha256: files made of separate blocks cannot be carried";
            return Err(error(ErrorKind::Protocol).words(words));
        };
        let blob = Blob {
            checksums: Checksums::of_md5_hex(node.md5.as_deref()),
            ..Blob::of(digest, node.size)
        };
        Ok(Artifact::file(&path, blob, node.properties()))
    }

    /// Begins a download from `offset_bytes` on.
    async fn download(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<Answer> {
        let error = |kind| ConnectorError::new(kind, Stage::Read, key.to_string());
        let path = key.path().ok_or_else(|| error(ErrorKind::NotFound))?;
        let address = address("/generic", &self.repository, &path);
        let mut ask = self.server.ask(Method::GET, address, Stage::Read, path.as_str());
        if offset_bytes > 0 {
            ask = ask.header(RANGE, format!("bytes={offset_bytes}-"));
        }
        let answer = ask.send(None).await?;
        let told = answer.header(wire::SHA256);
        if let (Some(told), Some(digest)) = (told, blob.digest)
            && !told.eq_ignore_ascii_case(&digest.to_hex())
        {
            return Err(error(ErrorKind::Changed).words("other content stands there now"));
        }
        if offset_bytes > 0 && answer.response.status().as_u16() != 206 {
            return Err(error(ErrorKind::Protocol).words("it sent the whole instead of a range"));
        }
        Ok(answer)
    }

    async fn read_one(&self, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
        let answer = self.download(key, blob, 0).await?;
        let most_bytes = usize::try_from(blob.size_bytes).unwrap_or(usize::MAX);
        answer.whole(most_bytes).await
    }
}

#[async_trait]
impl Source for BkRepoSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let mut place = cursor.map(Place::of).transpose()?;
        let mut places: Vec<Place> = Vec::new();
        let roots = roots(scope);
        let passed = |root: &&FilePath| match &place {
            Some(place) => !within(root, &place.last),
            None => false,
        };
        let left: Vec<&FilePath> = roots.iter().skip_while(passed).collect();
        for root in left {
            let mut at = match place.take() {
                // A key that is its own root was a file.
                Some(place) if place.last == root.as_str() => continue,
                Some(place) => place,
                None if root.is_root() => Place::default(),
                None => match self.server.node(&self.repository, root, Stage::List).await? {
                    None => continue,
                    Some(node) if node.folder => Place::default(),
                    Some(_) => {
                        let last = root.to_string();
                        places.push(Place { last, rows: 1 });
                        continue;
                    }
                },
            };
            while places.len() <= limit {
                let wanted = limit + 1 - places.len();
                let (found, end) = self.rows_behind(root, &at, wanted as u64).await?;
                at = found.last().cloned().unwrap_or(at);
                places.extend(found);
                if end {
                    break;
                }
            }
            if places.len() > limit {
                break;
            }
        }
        let more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| more).map(Place::cursor);
        let keys = places.into_iter().map(|place| ArtifactKey {
            name: place.last,
            version: None,
        });
        Ok(KeyPage {
            keys: keys.collect(),
            next,
        })
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Paths(paths) = scope else {
            return Ok(Vec::new());
        };
        let looks = paths
            .iter()
            .filter(|path| !path.is_root())
            .map(|path| async move {
                let found = self.server.node(&self.repository, path, Stage::List).await?;
                Ok::<_, ConnectorError>(found.is_none().then(|| ArtifactKey::file(path)))
            });
        let looks: Vec<_> = looks.collect();
        let found: Vec<Option<ArtifactKey>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let looks: Vec<_> = keys.iter().map(|key| self.describe_one(key)).collect();
        let described: Vec<ConnectorResult<Artifact>> =
            stream::iter(looks).buffered(PARALLEL).collect().await;
        settled(described)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        if offset_bytes > 0 && offset_bytes >= blob.size_bytes {
            return Ok(Box::pin(stream::empty()));
        }
        let answer = self.download(key, blob, offset_bytes).await?;
        Ok(Box::pin(stream::try_unfold(answer, |mut answer| async move {
            Ok(answer.chunk().await?.map(|piece| (piece, answer)))
        })))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let reads: Vec<_> = wanted
            .iter()
            .map(|(key, blob)| self.read_one(key, blob))
            .collect();
        settled(stream::iter(reads).buffered(PARALLEL).collect().await)
    }
}

fn within(root: &FilePath, path: &str) -> bool {
    path.parse::<FilePath>()
        .is_ok_and(|path| path == *root || path.is_within(root))
}
