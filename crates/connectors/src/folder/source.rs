//! A folder, read from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob};
use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ByteStream, ConnectorError, ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use futures_util::stream;
use rustix::fs::fstat;
use tokio::sync::mpsc;

use super::walk::{NotCarried, Walk};
use super::{Folder, FolderOptions, blocking, failure, metadata, relative};
use crate::digests::Identity;

/// Bytes read at once from a file that travels as a stream.
const PIECE_BYTES: u64 = 1024 * 1024;
/// Pieces read ahead of the reader.
const PIECES_AHEAD: usize = 2;
/// Threads that hash at the same time.
const HASHERS: usize = 2;

/// A folder, read from.
pub struct FolderSource {
    folder: Arc<Folder>,
    state: Arc<Mutex<Listing>>,
}

/// Where the last page ended, so that the next one does not read the folders above it again.
#[derive(Default)]
struct Listing {
    walk: Option<(Scope, FilePath, Walk)>,
    not_carried: NotCarried,
}

impl FolderSource {
    /// Reads from the folder at `path`, which need not be there yet.
    pub fn new(path: &Path, options: FolderOptions) -> Self {
        Self {
            folder: Arc::new(Folder::new(path, options)),
            state: Arc::default(),
        }
    }

    /// Returns what was met since the listing began and does not travel.
    pub fn not_carried(&self) -> NotCarried {
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .not_carried
            .clone()
    }
}

fn starts(scope: &Scope) -> Vec<FilePath> {
    match scope {
        Scope::Repository => vec![FilePath::root()],
        Scope::Paths(paths) => paths.clone(),
        Scope::Packages(_) => Vec::new(),
    }
}

fn list(
    folder: &Folder,
    state: &Mutex<Listing>,
    scope: &Scope,
    cursor: Option<&FilePath>,
    limit: usize,
) -> std::io::Result<KeyPage> {
    let root = folder.root()?;
    let mut state = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let Listing { walk, not_carried } = &mut *state;
    if cursor.is_none() {
        *not_carried = NotCarried::default();
    }
    let mut walk = match walk.take() {
        Some((known, after, walk)) if known == *scope && Some(&after) == cursor => walk,
        _ => Walk::new(root, &starts(scope), cursor, not_carried)?,
    };
    let mut keys = Vec::with_capacity(limit.min(10_000));
    let mut last = None;
    while keys.len() < limit {
        let Some(path) = walk.next(root, not_carried)? else {
            return Ok(KeyPage { keys, next: None });
        };
        keys.push(ArtifactKey::file(&path));
        last = Some(path);
    }
    let next = last.as_ref().or(cursor).map(|path| Cursor(path.as_str().into()));
    if let Some(last) = last {
        state.walk = Some((scope.clone(), last, walk));
    }
    Ok(KeyPage { keys, next })
}

fn describe(folder: &Folder, key: &ArtifactKey) -> ConnectorResult<Artifact> {
    let stage = Stage::Describe;
    let relative = relative(key, stage)?;
    let failed = |error: &std::io::Error| failure(stage, key.to_string(), error);
    let path = key
        .path()
        .ok_or_else(|| ConnectorError::new(ErrorKind::Protocol, stage, key.to_string()))?;
    let root = folder.root().map_err(|error| failed(&error))?;
    let (mut file, stat) = root.file(&relative).map_err(|error| failed(&error))?;
    let identity = Identity::of(&stat);
    let Some(digest) = folder
        .digest(&mut file, &identity)
        .map_err(|error| failed(&error))?
    else {
        return Err(changed(stage, key));
    };
    Ok(Artifact::file(
        &path,
        Blob::of(digest, identity.size_bytes),
        metadata(&stat),
    ))
}

fn changed(stage: Stage, key: &ArtifactKey) -> ConnectorError {
    ConnectorError::new(ErrorKind::Changed, stage, key.to_string())
        .words("the file changed while it was read")
}

/// A file opened to be read, with what it was then.
struct Opened {
    file: File,
    identity: Identity,
    key: ArtifactKey,
}

impl Opened {
    fn new(folder: &Folder, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Self> {
        let relative = relative(key, Stage::Read)?;
        let opened = folder.root().and_then(|root| root.file(&relative));
        let (file, stat) = opened.map_err(|error| failure(Stage::Read, key.to_string(), &error))?;
        let identity = Identity::of(&stat);
        if identity.size_bytes != blob.size_bytes {
            return Err(changed(Stage::Read, key));
        }
        Ok(Self {
            file,
            identity,
            key: key.clone(),
        })
    }

    /// Returns the next piece; empty at the end, once it is sure that the file stayed the same.
    fn piece(&mut self, most_bytes: u64) -> ConnectorResult<Bytes> {
        let failed = |error: std::io::Error| failure(Stage::Read, self.key.to_string(), &error);
        let mut piece = Vec::with_capacity(usize::try_from(most_bytes).unwrap_or(0));
        (&self.file)
            .take(most_bytes)
            .read_to_end(&mut piece)
            .map_err(failed)?;
        if piece.is_empty() {
            let later = Identity::of(&fstat(&self.file).map_err(|error| failed(error.into()))?);
            if !self.identity.is_same_content(&later) {
                return Err(changed(Stage::Read, &self.key));
            }
        }
        Ok(piece.into())
    }
}

fn read_whole(folder: &Folder, key: &ArtifactKey, blob: &Blob) -> ConnectorResult<Bytes> {
    let mut opened = Opened::new(folder, key, blob)?;
    // One byte more than it should have: a file that grew is noticed.
    let whole = opened.piece(blob.size_bytes + 1)?;
    opened.piece(1)?;
    if whole.len() as u64 != blob.size_bytes {
        return Err(changed(Stage::Read, key));
    }
    Ok(whole)
}

/// Reads pieces ahead of `sender`'s other end until that is gone.
fn pump(mut opened: Opened, sender: &mpsc::Sender<ConnectorResult<Bytes>>) {
    loop {
        let piece = opened.piece(PIECE_BYTES);
        let ends = piece.as_ref().map_or(true, Bytes::is_empty);
        if piece.as_ref().is_ok_and(Bytes::is_empty) || sender.blocking_send(piece).is_err() || ends {
            return;
        }
    }
}

#[async_trait]
impl Source for FolderSource {
    async fn list(&self, scope: &Scope, cursor: Option<&Cursor>, limit: usize) -> ConnectorResult<KeyPage> {
        let subject = self.folder.path.display().to_string();
        let after = match cursor {
            None => None,
            Some(Cursor(text)) => Some(text.parse::<FilePath>().map_err(|error| {
                ConnectorError::new(ErrorKind::Protocol, Stage::List, &subject).words(error.to_string())
            })?),
        };
        let (folder, state, scope) = (Arc::clone(&self.folder), Arc::clone(&self.state), scope.clone());
        blocking(move || list(&folder, &state, &scope, after.as_ref(), limit.max(1)))
            .await?
            .map_err(|error| failure(Stage::List, subject, &error))
    }

    async fn missing(&self, scope: &Scope) -> ConnectorResult<Vec<ArtifactKey>> {
        let Scope::Paths(paths) = scope else {
            return Ok(Vec::new());
        };
        let (folder, paths) = (Arc::clone(&self.folder), paths.clone());
        let look = move || -> std::io::Result<Vec<ArtifactKey>> {
            let root = folder.root()?;
            let mut missing = Vec::new();
            for path in paths {
                if root.stat(&path.as_str()[1..])?.is_none() {
                    missing.push(ArtifactKey::file(&path));
                }
            }
            Ok(missing)
        };
        let subject = self.folder.path.display().to_string();
        blocking(look)
            .await?
            .map_err(|error| failure(Stage::List, subject, &error))
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> ConnectorResult<Vec<ConnectorResult<Artifact>>> {
        let share = keys.len().div_ceil(HASHERS).max(1);
        let shares: Vec<_> = keys
            .chunks(share)
            .map(|keys| {
                let (folder, keys) = (Arc::clone(&self.folder), keys.to_vec());
                tokio::spawn(blocking(move || -> Vec<ConnectorResult<Artifact>> {
                    keys.iter().map(|key| describe(&folder, key)).collect()
                }))
            })
            .collect();
        let mut described = Vec::with_capacity(keys.len());
        for share in shares {
            let share = share.await.map_err(|error| {
                ConnectorError::new(ErrorKind::Disk, Stage::Describe, "a folder").words(error.to_string())
            })?;
            described.extend(share?);
        }
        Ok(described)
    }

    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let (folder, wanted, blob) = (Arc::clone(&self.folder), key.clone(), blob.clone());
        let opened = blocking(move || {
            let mut opened = Opened::new(&folder, &wanted, &blob)?;
            let sought = opened.file.seek(SeekFrom::Start(offset_bytes));
            sought.map_err(|error| failure(Stage::Read, wanted.to_string(), &error))?;
            Ok::<_, ConnectorError>(opened)
        });
        let opened: Opened = opened.await??;
        let (sender, mut receiver) = mpsc::channel(PIECES_AHEAD);
        tokio::task::spawn_blocking(move || pump(opened, &sender));
        Ok(Box::pin(stream::poll_fn(move |context| {
            receiver.poll_recv(context)
        })))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        let wanted: Vec<(ArtifactKey, Blob)> = wanted
            .iter()
            .map(|(key, blob)| ((*key).clone(), (*blob).clone()))
            .collect();
        let folder = Arc::clone(&self.folder);
        blocking(move || {
            wanted
                .iter()
                .map(|(key, blob)| read_whole(&folder, key, blob))
                .collect()
        })
        .await
    }
}
