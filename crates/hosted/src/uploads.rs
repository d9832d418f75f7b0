//! Large blobs in parts: several at a time, in any order, over restarts of either side.
//!
//! Parts are written straight into the file that becomes the blob. A part counts once it is durable; from
//! then on it is never written again, so the digest can be taken of the parts in order while others arrive,
//! and finishing has little left to do.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::id::random_hex32;
use domain::ports::{ByteStream, ConnectorError};
use futures_util::StreamExt;
use storage::blobfiles::{BlobPlace, Held, NewFile, PIECE_BYTES, PartWriter, read_piece, reserve};
use storage::publish::NewBlob;
use storage::uploads::UploadRow;
use tokio::sync::watch;

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::receive::blocking;

/// How long a session lives after it was opened or resumed.
pub const UPLOAD_MS: i64 = 12 * 60 * 60 * 1000;
/// Smallest part, the last one apart.
pub const LEAST_PART_BYTES: u64 = 64 * 1024;
/// Most parts of one blob.
pub const MOST_PARTS: u64 = 65_536;
/// Bytes of the disk that uploads leave free.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;

/// An upload session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Size of every part but the last; part `n` begins at `n * part_bytes`.
    pub part_bytes: u64,
    /// How many parts there are.
    pub parts: u32,
    /// Numbers of the parts that need not be sent, in order.
    pub parts_done: Vec<u32>,
    /// When it is given up, in Unix milliseconds.
    pub expires_ms: i64,
}

/// The sessions somebody is working on.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Arc<Upload>>>);

/// One session: its file, which parts are there, and how far the digest is.
struct Upload {
    row: UploadRow,
    file: Arc<File>,
    state: Mutex<State>,
    /// Counts how often a hasher came to rest.
    rests: watch::Sender<u64>,
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
}

struct State {
    done: Vec<bool>,
    closed: bool,
    /// Tells whoever writes a part to give up.
    writers: HashMap<u32, watch::Sender<bool>>,
    /// The digest so far and how many bytes are in it; away while somebody hashes, which is never once it is complete.
    resting: Option<(Hasher, u64)>,
    /// Why the last hashing stopped early.
    unreadable: Option<std::io::Error>,
}

impl Hosted {
    /// Opens a session for a blob, or resumes the one `owner` has for it.
    pub async fn open_upload(
        &self,
        owner: &str,
        digest: Digest,
        size_bytes: u64,
        part_bytes: u64,
    ) -> HostedResult<Session> {
        let invalid = |member, value: u64| HostedError::Invalid {
            member,
            value: value.to_string(),
        };
        if size_bytes == 0 {
            return Err(invalid("size", size_bytes));
        }
        if part_bytes < LEAST_PART_BYTES || size_bytes.div_ceil(part_bytes) > MOST_PARTS {
            return Err(invalid("part size", part_bytes));
        }
        for _ in 0..3 {
            if let Some(row) = self.data().upload_of(owner, &digest, size_bytes).await?
                && let Some(upload) = self.working_upload(row).await?
            {
                let expires_ms = self.data().clock().now_ms() + UPLOAD_MS;
                self.data().extend_upload(&upload.row.id, expires_ms).await?;
                return Ok(upload.session(expires_ms));
            }
            self.insert_upload(owner, digest, size_bytes, part_bytes).await?;
        }
        Err(HostedError::UploadUnknown(digest.to_string()))
    }

    /// Returns the session `id` of `owner`.
    pub async fn upload_session(&self, owner: &str, id: &str) -> HostedResult<Session> {
        let upload = self.upload(owner, id).await?;
        Ok(upload.session(upload.row.expires_ms))
    }

    /// Writes part `part_no` (from 0) and returns when it is durable; a part that is there is left alone.
    ///
    /// Whoever was writing the same part before gives up: their connection is taken for dead.
    pub async fn put_part(&self, owner: &str, id: &str, part_no: u32, bytes: ByteStream) -> HostedResult<()> {
        let upload = self.upload(owner, id).await?;
        let Some(turn) = upload.turns.get(part_no as usize) else {
            return Err(HostedError::Invalid {
                member: "part number",
                value: part_no.to_string(),
            });
        };
        let mut give_up = upload.announce(part_no);
        let turn: Held = Arc::new(turn.clone().lock_owned().await);
        if upload.is_done(part_no)? {
            return Ok(());
        }
        upload
            .write_part(part_no, bytes, &mut give_up, turn.clone())
            .await?;
        let data = self.data().clone();
        let remembering = tokio::spawn(async move {
            let _turn = turn;
            data.remember_part(&upload.row.id, part_no).await?;
            upload.mark_done(part_no);
            upload.hash_on();
            Ok(())
        });
        remembering
            .await
            .map_err(|error| HostedError::Disk(std::io::Error::other(error)))?
    }

    /// Checks the digest of the whole and makes it a live blob that `owner` may refer to, pinned for an hour.
    ///
    /// A digest that is not the one announced ends the session: everything has to be sent again.
    pub async fn finish_upload(&self, owner: &str, id: &str) -> HostedResult<Digest> {
        let upload = self.upload(owner, id).await?;
        upload.close()?;
        let digest = upload.clone().digest().await?;
        self.uploads().lock().remove(id);
        let row = upload.row.clone();
        if digest != row.digest {
            self.give_up(&row).await?;
            return Err(HostedError::Mismatch("sha256"));
        }
        let new = NewBlob {
            digest,
            md5: None,
            crc64: None,
            place: BlobPlace {
                file_no: row.file_no,
                offset_bytes: 0,
                size_bytes: row.size_bytes,
            },
        };
        let data = self.data().clone();
        let adopting = tokio::spawn(async move {
            match data.finish_upload(&row.id, &new, &row.owner).await? {
                None => return Err(HostedError::UploadUnknown(row.id)),
                Some(true) => {}
                Some(false) => {
                    let (files, no) = (data.files().clone(), row.file_no);
                    blocking(move || files.remove(no)).await?;
                }
            }
            Ok(())
        });
        adopting
            .await
            .map_err(|error| HostedError::Disk(std::io::Error::other(error)))??;
        Ok(digest)
    }

    /// Ends a session and removes what it brought; one that is gone is fine.
    pub async fn abort_upload(&self, owner: &str, id: &str) -> HostedResult<()> {
        match self.data().upload(id, owner).await? {
            Some(row) => self.give_up(&row).await,
            None => Ok(()),
        }
    }

    /// Gives up every session that expired; returns how many.
    pub(crate) async fn expire_uploads(&self) -> HostedResult<u64> {
        let expired = self.data().expired_uploads().await?;
        for row in &expired {
            self.give_up(row).await?;
        }
        Ok(expired.len() as u64)
    }

    async fn give_up(&self, row: &UploadRow) -> HostedResult<()> {
        if let Some(upload) = self.uploads().lock().remove(&row.id) {
            upload.stop();
        }
        if !self.data().drop_upload(&row.id).await? {
            return Ok(());
        }
        let (files, no) = (self.data().files().clone(), row.file_no);
        blocking(move || files.remove(no)).await
    }

    async fn insert_upload(
        &self,
        owner: &str,
        digest: Digest,
        size_bytes: u64,
        part_bytes: u64,
    ) -> HostedResult<()> {
        let open_bytes = self.data().open_upload_bytes().await?;
        if open_bytes.saturating_add(size_bytes) > self.upload_budget_bytes() {
            return Err(HostedError::UploadBudget(self.upload_budget_bytes()));
        }
        let files = self.data().files().clone();
        let file: NewFile = blocking(move || {
            if files.free_bytes()? < size_bytes.saturating_add(SPARE_BYTES) {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            let file = files.create()?;
            reserve(file.file(), size_bytes)?;
            files.sync_entry(file.no())?;
            Ok(file)
        })
        .await?;
        let row = UploadRow {
            id: random_hex32(),
            owner: owner.into(),
            digest,
            size_bytes,
            part_bytes,
            file_no: file.no(),
            expires_ms: self.data().clock().now_ms() + UPLOAD_MS,
        };
        let inserted = self.data().insert_upload(&row).await;
        // After an error the row may be there all the same; the next start knows.
        if *inserted.as_ref().unwrap_or(&true) {
            file.keep();
        }
        inserted?;
        Ok(())
    }

    async fn upload(&self, owner: &str, id: &str) -> HostedResult<Arc<Upload>> {
        let known = self.uploads().lock().get(id).cloned();
        let unknown = || HostedError::UploadUnknown(id.into());
        match known {
            Some(upload) if upload.row.owner == owner => Ok(upload),
            Some(_) => Err(unknown()),
            None => {
                let row = self.data().upload(id, owner).await?.ok_or_else(unknown)?;
                self.working_upload(row).await?.ok_or_else(unknown)
            }
        }
    }

    /// Returns the session somebody works on already, or takes it up again after a restart.
    async fn working_upload(&self, row: UploadRow) -> HostedResult<Option<Arc<Upload>>> {
        if let Some(upload) = self.uploads().lock().get(&row.id) {
            return Ok(Some(upload.clone()));
        }
        let (files, no) = (self.data().files().clone(), row.file_no);
        let file = match blocking(move || files.reopen(no)).await {
            Ok(file) => Arc::new(file),
            Err(HostedError::Disk(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                self.data().drop_upload(&row.id).await?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let done = self.data().upload_parts(&row.id).await?;
        let upload = Arc::new(Upload::new(row, file, &done));
        let upload = self
            .uploads()
            .lock()
            .entry(upload.row.id.clone())
            .or_insert(upload)
            .clone();
        upload.hash_on();
        Ok(Some(upload))
    }
}

impl Uploads {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    fn new(row: UploadRow, file: Arc<File>, done_parts: &[u32]) -> Self {
        let parts = usize::try_from(row.size_bytes.div_ceil(row.part_bytes)).unwrap_or(0);
        let mut done = vec![false; parts];
        for part_no in done_parts {
            if let Some(part) = done.get_mut(*part_no as usize) {
                *part = true;
            }
        }
        Self {
            row,
            file,
            state: Mutex::new(State {
                done,
                closed: false,
                writers: HashMap::new(),
                resting: Some((Hasher::default(), 0)),
                unreadable: None,
            }),
            rests: watch::Sender::new(0),
            turns: (0..parts).map(|_| Arc::default()).collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, expires_ms: i64) -> Session {
        let state = self.state();
        let numbers = 0..u32::try_from(state.done.len()).unwrap_or(u32::MAX);
        Session {
            id: self.row.id.clone(),
            part_bytes: self.row.part_bytes,
            parts: numbers.end,
            parts_done: numbers.filter(|part_no| state.done[*part_no as usize]).collect(),
            expires_ms,
        }
    }

    /// Says who writes a part from now on; whoever did before is told to give up.
    fn announce(&self, part_no: u32) -> watch::Receiver<bool> {
        let (stop, give_up) = watch::channel(false);
        if let Some(before) = self.state().writers.insert(part_no, stop) {
            before.send_replace(true);
        }
        give_up
    }

    fn is_done(&self, part_no: u32) -> HostedResult<bool> {
        let state = self.state();
        if state.closed && !state.done[part_no as usize] {
            return Err(HostedError::UploadUnknown(self.row.id.clone()));
        }
        Ok(state.done[part_no as usize])
    }

    fn mark_done(&self, part_no: u32) {
        let mut state = self.state();
        state.done[part_no as usize] = true;
        state.writers.remove(&part_no);
    }

    /// Refuses further parts: everything is there, or somebody gives the session up.
    fn close(&self) -> HostedResult<()> {
        let mut state = self.state();
        if state.done.contains(&false) {
            return Err(HostedError::UploadIncomplete(self.row.id.clone()));
        }
        state.closed = true;
        Ok(())
    }

    fn stop(&self) {
        let mut state = self.state();
        state.closed = true;
        state.writers.drain().for_each(|(_, writer)| {
            writer.send_replace(true);
        });
    }

    async fn write_part(
        &self,
        part_no: u32,
        mut bytes: ByteStream,
        give_up: &mut watch::Receiver<bool>,
        turn: Held,
    ) -> HostedResult<()> {
        let begin_bytes = u64::from(part_no) * self.row.part_bytes;
        let length_bytes = self.row.part_bytes.min(self.row.size_bytes - begin_bytes);
        let wrong = |words: &str| {
            HostedError::from(
                ConnectorError::new(ErrorKind::Protocol, Stage::Write, format!("part {part_no}"))
                    .words(words),
            )
        };
        let mut writer = PartWriter::new(self.file.clone(), begin_bytes).holding(turn);
        let mut arrived_bytes = 0;
        let ended = loop {
            let piece = tokio::select! {
                biased;
                _ = give_up.wait_for(|stop| *stop) => break Err(wrong("it is written anew by somebody else")),
                piece = bytes.next() => piece,
            };
            match piece {
                None if arrived_bytes == length_bytes => break Ok(()),
                None => break Err(wrong("it ended early")),
                Some(Err(error)) => break Err(error.into()),
                Some(Ok(piece)) => {
                    arrived_bytes += piece.len() as u64;
                    if arrived_bytes > length_bytes {
                        break Err(wrong("it is too long"));
                    }
                    if let Err(error) = writer.push(piece).await {
                        break Err(error.into());
                    }
                }
            }
        };
        match ended {
            Ok(()) => Ok(writer.finish().await?),
            Err(error) => {
                writer.settle().await;
                Err(error)
            }
        }
    }

    /// Returns how many bytes from the beginning are there without a gap.
    fn unbroken_bytes(state: &State, row: &UploadRow) -> u64 {
        let parts = state.done.iter().take_while(|done| **done).count() as u64;
        (parts * row.part_bytes).min(row.size_bytes)
    }

    /// Goes on hashing, beside everything else, if there is something to hash and nobody does.
    fn hash_on(self: &Arc<Self>) {
        let mut state = self.state();
        let unbroken_bytes = Self::unbroken_bytes(&state, &self.row);
        let Some((hasher, at_bytes)) = state.resting.take_if(|(_, at_bytes)| *at_bytes < unbroken_bytes)
        else {
            return;
        };
        let upload = self.clone();
        tokio::task::spawn_blocking(move || upload.hash(hasher, at_bytes));
    }

    fn hash(&self, mut hasher: Hasher, mut at_bytes: u64) {
        let mut buffer = Vec::with_capacity(PIECE_BYTES);
        let mut unreadable = None;
        loop {
            let until_bytes = {
                let mut state = self.state();
                let until_bytes = Self::unbroken_bytes(&state, &self.row);
                if at_bytes >= until_bytes || unreadable.is_some() {
                    state.resting = Some((hasher, at_bytes));
                    state.unreadable = unreadable;
                    break;
                }
                until_bytes
            };
            while at_bytes < until_bytes {
                let wanted = (until_bytes - at_bytes).min(PIECE_BYTES as u64);
                if let Err(error) = read_piece(&self.file, &mut buffer, at_bytes, wanted) {
                    unreadable = Some(error);
                    break;
                }
                hasher.update(&buffer);
                at_bytes += wanted;
            }
        }
        self.rests.send_modify(|rests| *rests += 1);
    }

    /// Returns the digest of the whole, waiting for what is not hashed yet; may be asked again after an error.
    async fn digest(self: Arc<Self>) -> HostedResult<Digest> {
        let mut rests = self.rests.subscribe();
        loop {
            {
                let mut state = self.state();
                if let Some(error) = state.unreadable.take() {
                    return Err(HostedError::Disk(error));
                }
                if let Some((hasher, at_bytes)) = &state.resting
                    && *at_bytes == self.row.size_bytes
                {
                    return Ok(hasher.clone().finish());
                }
            }
            self.hash_on();
            // The sender lives as long as `self`, so the wait cannot fail.
            let _ = rests.changed().await;
        }
    }
}
