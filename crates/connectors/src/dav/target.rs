//! A folder on a WebDAV server, written to.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::artifact::{ArtifactKey, Blob, Existing, Metadata};
use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{Capabilities, ConnectorError, ConnectorResult, Content, Put, Settled, Target};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OnceCell, Semaphore};

use super::PARALLEL;
use super::client::{Dav, Standing};
use super::state::State;
use crate::http::Reading;
use crate::scope::Named;

/// Keys of one folder that are worth listing it for.
const WORTH_LISTING: usize = 4;
/// A folder with more entries than this for each key asked about is not listed.
const ENTRIES_FOR_ONE: usize = 32;
/// Groups of files that are read and sent at the same time.
const GROUPS_AT_ONCE: usize = 4;
/// How long a look-up counts as the one before a write.
const LOOKED_FOR: Duration = Duration::from_secs(60);
/// Look-ups and folders that are kept.
const MOST_KEPT: usize = 50_000;

/// A folder on a WebDAV server, written to.
pub(super) struct DavTarget {
    pub(super) dav: Arc<Dav>,
    kept: Mutex<Kept>,
    /// Whether drafts can be moved to their place; asked once.
    pub(super) moves: OnceCell<bool>,
    /// Set once the server has shown that it does not understand `If`.
    pub(super) knows_no_if: AtomicBool,
    /// Held while folders are made.
    pub(super) making: tokio::sync::Mutex<()>,
    /// Turns to read and send files; drafts that wait for their second need none.
    pub(super) sending: Semaphore,
}

#[derive(Default)]
struct Kept {
    looked: HashMap<String, (Standing, Instant)>,
    /// Folders that are there.
    folders: HashSet<String>,
    /// Entries of folders.
    entries: HashMap<String, usize>,
}

impl DavTarget {
    pub(super) fn new(dav: Arc<Dav>) -> Self {
        Self {
            dav,
            kept: Mutex::default(),
            moves: OnceCell::new(),
            knows_no_if: AtomicBool::new(false),
            making: tokio::sync::Mutex::default(),
            sending: Semaphore::new(GROUPS_AT_ONCE),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what was seen at `path` a moment ago, once.
    pub(super) fn looked(&self, path: &FilePath) -> Option<Standing> {
        let (standing, when) = self.kept().looked.remove(path.as_str())?;
        (when.elapsed() < LOOKED_FOR).then_some(standing)
    }

    pub(super) fn knows_folder(&self, path: &FilePath) -> bool {
        path.is_root() || self.kept().folders.contains(path.as_str())
    }

    pub(super) fn note_folder(&self, path: &FilePath) {
        let mut kept = self.kept();
        if kept.folders.len() >= MOST_KEPT {
            kept.folders.clear();
        }
        kept.folders.insert(path.to_string());
    }

    pub(super) fn forget_folders(&self) {
        self.kept().folders.clear();
    }

    /// Says what stands at each of `paths`.
    pub(super) async fn standings(&self, paths: &[FilePath], stage: Stage) -> ConnectorResult<Vec<Standing>> {
        let mut groups: HashMap<FilePath, Vec<usize>> = HashMap::new();
        for (index, path) in paths.iter().enumerate() {
            groups
                .entry(path.parent().unwrap_or_else(FilePath::root))
                .or_default()
                .push(index);
        }
        let asked: Vec<_> = groups
            .iter()
            .map(|(folder, indices)| self.standings_in(folder, indices, paths, stage))
            .collect();
        let mut standings = vec![Standing::Nothing; paths.len()];
        let mut answers = stream::iter(asked).buffer_unordered(4);
        while let Some(answer) = answers.try_next().await? {
            for (index, standing) in answer {
                standings[index] = standing;
            }
        }
        Ok(standings)
    }

    async fn standings_in(
        &self,
        folder: &FilePath,
        indices: &[usize],
        paths: &[FilePath],
        stage: Stage,
    ) -> ConnectorResult<Vec<(usize, Standing)>> {
        let listed = match self.is_worth_listing(folder, indices.len()) {
            true => self.listed(folder, stage).await?,
            false => None,
        };
        let looks = indices.iter().map(|index| {
            let path = &paths[*index];
            let known = listed.as_ref().map(|listed| listed.get(path.name()));
            async move {
                Ok::<_, ConnectorError>(match known {
                    Some(None) => (*index, Standing::Nothing),
                    Some(Some(Standing::File(state))) if state.size_bytes.is_none() => {
                        (*index, self.dav.look(path.as_str(), stage).await?)
                    }
                    Some(Some(standing)) => (*index, standing.clone()),
                    None => (*index, self.dav.look(path.as_str(), stage).await?),
                })
            }
        });
        let looks: Vec<_> = looks.collect();
        stream::iter(looks).buffer_unordered(PARALLEL).try_collect().await
    }

    fn is_worth_listing(&self, folder: &FilePath, keys: usize) -> bool {
        let entries = self.kept().entries.get(folder.as_str()).copied();
        !self.dav.is_plain() && keys >= WORTH_LISTING && entries.unwrap_or(0) <= keys * ENTRIES_FOR_ONE
    }

    /// Returns what lies in `folder`, by name; `None` when it cannot be listed.
    async fn listed(
        &self,
        folder: &FilePath,
        stage: Stage,
    ) -> ConnectorResult<Option<HashMap<String, Standing>>> {
        let children = match self.dav.children(folder.as_str(), stage).await {
            Err(_) if self.dav.is_plain() => return Ok(None),
            children => children?,
        };
        let Some(children) = children else {
            return Ok(Some(HashMap::new()));
        };
        let mut kept = self.kept();
        if kept.entries.len() >= MOST_KEPT {
            kept.entries.clear();
        }
        kept.entries.insert(folder.to_string(), children.len());
        drop(kept);
        self.note_folder(folder);
        let standings = children.into_iter().filter_map(|mut child| {
            let standing = match child.folder {
                true => Standing::Folder,
                false => Standing::File(child.state),
            };
            Some((child.names.pop()?, standing))
        });
        Ok(Some(standings.collect()))
    }

    /// Describes the file in state `state` at `path`, with what is remembered of it.
    pub(super) fn existing(&self, path: &FilePath, state: &State, digest: Option<Digest>) -> Existing {
        let size_bytes = state.size_bytes.unwrap_or(0);
        let mark = state.mark();
        let digest = digest.or_else(|| {
            let mark = mark.as_deref()?;
            let digests = self.dav.server.digests();
            digests.get(&self.dav.place(path.as_str()), size_bytes, mark)
        });
        Existing {
            digest,
            blobs: vec![Blob {
                digest,
                ..Blob::unknown(size_bytes)
            }],
            size_bytes,
            mark,
            metadata: Metadata::new(),
        }
    }

    /// Reads the file at `path` and digests it; returns what it is, `None` when it is none.
    pub(super) async fn digested(&self, path: &FilePath) -> ConnectorResult<Option<(Digest, State)>> {
        let reading = match self.dav.get(path.as_str(), 0, None, Stage::Verify).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            reading => reading?,
        };
        let headers = reading.response.headers();
        let (mut state, lasting) = (State::of(headers), State::of(headers).is_lasting(headers));
        let Reading {
            mut response,
            activity,
        } = reading;
        let (mut hasher, mut length_bytes) = (Hasher::default(), 0);
        while let Some(piece) = activity
            .chunk(&mut response, Stage::Verify, path.as_str())
            .await?
        {
            hasher.update(&piece);
            length_bytes += piece.len() as u64;
        }
        let digest = hasher.finish();
        state.size_bytes = Some(length_bytes);
        if let Some(mark) = state.mark().filter(|_| lasting) {
            let digests = self.dav.server.digests();
            digests.put(&self.dav.place(path.as_str()), length_bytes, &mark, &digest);
        }
        Ok(Some((digest, state)))
    }

    /// Returns what stands at `path` with its digest, reading it if need be.
    pub(super) async fn read_back_one(
        &self,
        path: &FilePath,
        standing: &Standing,
    ) -> ConnectorResult<Option<Existing>> {
        let Standing::File(state) = standing else {
            return Ok(None);
        };
        let existing = self.existing(path, state, None);
        if existing.digest.is_some() {
            return Ok(Some(existing));
        }
        let read = self.digested(path).await?;
        Ok(read.map(|(digest, state)| self.existing(path, &state, Some(digest))))
    }
}

#[async_trait]
impl Target for DavTarget {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // Only "nothing stands there" is checked in one step everywhere.
            conditional_write: false,
            metadata: false,
            batch_artifacts: 1_000,
            // A batch waits for its drafts, so it is better large; its files are read and sent group by group.
            batch_bytes: 64 * 1024 * 1024,
            // Most of them wait for the second of their drafts to be over.
            parallel_batches: 12,
            needs_sha256: false,
            verifies: true,
        }
    }

    fn same_metadata(&self, _: &Metadata, _: &Metadata) -> bool {
        true
    }

    async fn prepare(&self, create: bool) -> ConnectorResult<()> {
        let standing = self.dav.look("/", Stage::Describe).await?;
        let error = |kind, words| {
            Err(ConnectorError::new(kind, Stage::Describe, self.dav.server.name()).words(words))
        };
        match standing {
            Standing::Nothing if create => self.make_base().await,
            Standing::Nothing => error(ErrorKind::NotFound, "there is no such folder"),
            Standing::File(_) if !self.dav.is_plain() => {
                error(ErrorKind::Conflict, "a file stands there, no folder")
            }
            Standing::File(_) | Standing::Folder => Ok(()),
        }
    }

    async fn find(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let named = Named::of(keys);
        let paths = &named.paths;
        let standings = self.standings(paths, Stage::Describe).await?;
        let found = paths
            .iter()
            .zip(&standings)
            .map(|(path, standing)| match standing {
                Standing::File(state) => Some(self.existing(path, state, None)),
                Standing::Folder | Standing::Nothing => None,
            });
        let found = named.in_order(found.collect());
        let mut kept = self.kept();
        if kept.looked.len() + paths.len() > MOST_KEPT {
            kept.looked.clear();
        }
        let now = Instant::now();
        for (path, standing) in paths.iter().zip(standings) {
            kept.looked.insert(path.to_string(), (standing, now));
        }
        Ok(found)
    }

    async fn read_back(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<Option<Existing>>> {
        let named = Named::of(keys);
        let standings = self.standings(&named.paths, Stage::Describe).await?;
        let reads: Vec<_> = named
            .paths
            .iter()
            .zip(&standings)
            .map(|(path, standing)| self.read_back_one(path, standing))
            .collect();
        let found = stream::iter(reads).buffered(PARALLEL).try_collect().await?;
        Ok(named.in_order(found))
    }

    async fn put(&self, batch: &[Put], content: &dyn Content, settled: &dyn Settled) -> ConnectorResult<()> {
        self.moves.get_or_try_init(|| self.can_move()).await?;
        self.write_all(batch, content, settled).await
    }
}

impl DavTarget {
    /// Says whether drafts can be moved to their place.
    pub(super) fn can_still_move(&self) -> bool {
        self.moves.get().copied().unwrap_or(false)
    }

    /// Says whether `If` is worth sending.
    pub(super) fn may_know_if(&self) -> bool {
        !self.knows_no_if.load(Ordering::Relaxed)
    }
}
