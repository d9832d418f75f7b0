//! Large blobs in parts: several at a time, in any order, over restarts of either side.
//!
//! Parts are written straight into the file that becomes the blob. A part counts once it is there as a whole;
//! from then on it is never written again, so the digest can be taken of the parts in order while others arrive,
//! and finishing has little left to do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::digest::Digest;
use domain::id::random_hex32;
use domain::ports::ByteStream;
use storage::blobfiles::{BlobPlace, Held, NewFile, reserve};
use storage::publish::NewBlob;
use storage::uploads::{Opened, UploadRow};

use crate::Hosted;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::receive::blocking;
use crate::upload_marks::Marks;
use crate::upload_parts::Upload;

/// How long a session lives after it was opened or resumed.
pub const UPLOAD_MS: i64 = 12 * 60 * 60 * 1000;
/// Smallest part, the last one apart.
pub const LEAST_PART_BYTES: u64 = 64 * 1024;
/// Most parts of one blob.
pub const MOST_PARTS: u64 = 65_536;

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
        let unknown = || HostedError::UploadUnknown(id.into());
        let row = self.data().upload(id, owner).await?.ok_or_else(unknown)?;
        let expires_ms = row.expires_ms;
        let upload = self.working_upload(row).await?.ok_or_else(unknown)?;
        Ok(upload.session(expires_ms))
    }

    /// Writes part `part_no` (from 0) and returns when a killed process would not lose it; a part that is there is left alone.
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
        blocking(move || {
            let _turn = turn;
            upload.mark_done(part_no)?;
            upload.hash_on();
            Ok(())
        })
        .await
    }

    /// Checks the digest of the whole and makes it a live blob that `owner` may refer to, pinned for an hour.
    ///
    /// A digest that is not the one announced ends the session: everything has to be sent again.
    pub async fn finish_upload(&self, owner: &str, id: &str) -> HostedResult<Digest> {
        let upload = self.upload(owner, id).await?;
        upload.close()?;
        // Both to their end: what the one has to tell is not left for the next to ask.
        let (digest, completed) = tokio::join!(upload.clone().digest(), upload.complete());
        let digest = digest?;
        completed?;
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
        let hosted = self.clone();
        seen_through(async move {
            let used = hosted.data().finish_upload(&row.id, &new, &row.owner).await?;
            // Not before the row is gone: whoever asks in between would take the session up again.
            hosted.uploads().lock().remove(&row.id);
            match used {
                None => Err(HostedError::UploadUnknown(row.id)),
                Some(true) => Ok(()),
                Some(false) => hosted.remove_files(vec![row.file_no]).await,
            }
        })
        .await??;
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
        self.remove_files(vec![row.file_no]).await
    }

    async fn insert_upload(
        &self,
        owner: &str,
        digest: Digest,
        size_bytes: u64,
        part_bytes: u64,
    ) -> HostedResult<()> {
        self.upload_room().await?.check(size_bytes)?;
        let files = self.data().files().clone();
        let file: NewFile = blocking(move || {
            let file = files.create()?;
            reserve(file.file(), size_bytes)?;
            // Direct writes within a file's length do not wait for each other.
            Marks::of(file.file().clone(), size_bytes).make(size_bytes.div_ceil(part_bytes))?;
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
        let budget_bytes = self.upload_budget_bytes();
        let inserted = self.data().insert_upload(&row, budget_bytes).await;
        // After an error the row may be there all the same; the next start knows.
        if matches!(inserted, Ok(Opened::Opened) | Err(_)) {
            file.keep();
        }
        match inserted? {
            Opened::Opened | Opened::Exists => Ok(()),
            Opened::OverBudget => Err(HostedError::UploadBudget(budget_bytes)),
        }
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
        let files = self.data().files().clone();
        let no = row.file_no;
        let direct = blocking(move || files.reopen_direct(no)).await?.map(Arc::new);
        let upload = blocking(move || Upload::of(row, file, direct)).await?;
        let upload = Arc::new(upload);
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
