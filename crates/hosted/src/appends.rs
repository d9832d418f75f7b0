//! Blobs that arrive piece after piece, in order, over restarts of either side: how bk-repo nodes send large ones.
//!
//! There is one session per owner and blob, so whoever begins again goes on where they were. Pieces may overlap
//! what is there: it is not written again, and the digest of the whole decides in the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::id::random_hex32;
use domain::ports::{ByteStream, ConnectorError};
use futures_util::StreamExt;
use storage::appends::AppendRow;
use storage::blobfiles::{BlobPlace, Held, NewFile, PartWriter};
use storage::publish::NewBlob;

use crate::Hosted;
use crate::checksums::{Checksums, Summing, Wanted};
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::receive::blocking;
use crate::upload_room::UploadRoom;
use crate::uploads::UPLOAD_MS;

/// An append session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Its id.
    pub id: String,
    /// How many bytes are there, from the beginning.
    pub arrived_bytes: u64,
}

/// Bytes that come for a session.
struct Piece {
    bytes: ByteStream,
    /// How many of them are there already.
    skipped_bytes: u64,
    /// How many come; `None`: nobody said so.
    length_bytes: Option<u64>,
    room: UploadRoom,
}

impl From<AppendRow> for Appended {
    fn from(row: AppendRow) -> Self {
        Self {
            id: row.id,
            arrived_bytes: row.arrived_bytes,
        }
    }
}

/// Whose turn it is to write, by session.
#[derive(Default)]
pub(crate) struct Appends(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Appends {
    pub(crate) async fn turn(&self, id: &str) -> Held {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            turns.entry(id.into()).or_default().clone()
        };
        Arc::new(turn.lock_owned().await)
    }
}

impl Hosted {
    /// Opens a session for a blob, or goes on with the one `owner` has for it.
    pub async fn open_append(&self, owner: &str, digest: &Digest) -> HostedResult<Appended> {
        for _ in 0..3 {
            if let Some(row) = self.data().append_of(owner, digest).await? {
                let expires_ms = self.append_expiry_ms();
                self.data().extend_append(&row.id, expires_ms).await?;
                return Ok(row.into());
            }
            self.insert_append(owner, digest).await?;
        }
        Err(HostedError::UploadUnknown(digest.to_string()))
    }

    /// Returns the session `id` of `owner`.
    pub async fn append_session(&self, owner: &str, id: &str) -> HostedResult<Appended> {
        Ok(self.append_row(owner, id).await?.into())
    }

    /// Takes the `length_bytes` bytes that begin at `offset_bytes` of the blob; returns how many are there then.
    ///
    /// What is there already is skipped. A piece that leaves a gap is [`HostedError::RangeOutside`]; one that ends
    /// early counts for nothing.
    pub async fn append(
        &self,
        owner: &str,
        id: &str,
        offset_bytes: u64,
        length_bytes: u64,
        bytes: ByteStream,
    ) -> HostedResult<u64> {
        let turn = self.appends().turn(id).await;
        let row = self.append_row(owner, id).await?;
        if offset_bytes > row.arrived_bytes {
            return Err(HostedError::RangeOutside);
        }
        let skipped_bytes = (row.arrived_bytes - offset_bytes).min(length_bytes);
        let room = self.upload_room().await?;
        room.check(length_bytes - skipped_bytes)?;
        let piece = Piece {
            bytes,
            skipped_bytes,
            length_bytes: Some(length_bytes),
            room,
        };
        let arrived_bytes = self.write_on(&row, piece, turn.clone()).await?;
        let expires_ms = self.append_expiry_ms();
        self.data().note_arrived(id, arrived_bytes, expires_ms).await?;
        Ok(arrived_bytes)
    }

    /// Takes the bytes that are left, checks the whole and makes it a live blob of `owner`, pinned for an hour.
    ///
    /// A whole that is not as announced ends the session: everything has to be sent again. One that is too short
    /// can go on.
    pub async fn finish_append(
        &self,
        owner: &str,
        id: &str,
        size_bytes: Option<u64>,
        rest: ByteStream,
    ) -> HostedResult<Digest> {
        let turn = self.appends().turn(id).await;
        let row = self.append_row(owner, id).await?;
        let room = self.upload_room().await?;
        if let Some(announced_bytes) = size_bytes {
            room.check(announced_bytes.saturating_sub(row.arrived_bytes))?;
        }
        let piece = Piece {
            bytes: rest,
            skipped_bytes: 0,
            length_bytes: None,
            room,
        };
        let whole_bytes = self.write_on(&row, piece, turn.clone()).await?;
        if let Some(announced_bytes) = size_bytes.filter(|announced| *announced != whole_bytes) {
            if whole_bytes > announced_bytes {
                self.drop_append(&row).await?;
            }
            return Err(HostedError::WrongSize {
                arrived_bytes: whole_bytes,
                announced_bytes,
            });
        }
        let place = BlobPlace {
            file_no: row.file_no,
            offset_bytes: 0,
            size_bytes: whole_bytes,
        };
        let sums = self.sums_of(place, Wanted::All).await?;
        if row.digest != Some(sums.sha256) {
            self.drop_append(&row).await?;
            return Err(HostedError::Mismatch("sha256"));
        }
        self.adopt_append(row, place, sums, turn).await?;
        Ok(sums.sha256)
    }

    /// Gives up every session that expired; returns how many.
    pub(crate) async fn expire_appends(&self) -> HostedResult<u64> {
        let expired = self.data().expired_appends().await?;
        for row in &expired {
            self.drop_append(row).await?;
        }
        Ok(expired.len() as u64)
    }

    fn append_expiry_ms(&self) -> i64 {
        self.data().clock().now_ms() + UPLOAD_MS
    }

    pub(crate) async fn append_row(&self, owner: &str, id: &str) -> HostedResult<AppendRow> {
        let row = self.data().append(id, owner).await?;
        row.ok_or_else(|| HostedError::UploadUnknown(id.into()))
    }

    pub(crate) async fn drop_append(&self, row: &AppendRow) -> HostedResult<()> {
        if !self.data().drop_append(&row.id).await? {
            return Ok(());
        }
        self.remove_files(vec![row.file_no]).await
    }

    async fn insert_append(&self, owner: &str, digest: &Digest) -> HostedResult<()> {
        let files = self.data().files().clone();
        let file: NewFile = blocking(move || {
            let file = files.create()?;
            files.sync_entry(file.no())?;
            Ok(file)
        })
        .await?;
        let row = AppendRow {
            id: random_hex32(),
            owner: owner.into(),
            digest: Some(*digest),
            arrived_bytes: 0,
            file_no: file.no(),
            expires_ms: self.append_expiry_ms(),
        };
        let inserted = self.data().insert_append(&row).await;
        // After an error the row may be there all the same; the next start knows.
        if *inserted.as_ref().unwrap_or(&true) {
            file.keep();
        }
        inserted?;
        Ok(())
    }

    /// Writes what comes behind what is there; returns how many bytes are there then.
    async fn write_on(&self, row: &AppendRow, piece: Piece, turn: Held) -> HostedResult<u64> {
        let Piece {
            mut bytes,
            skipped_bytes,
            length_bytes,
            room,
        } = piece;
        let (files, no) = (self.data().files().clone(), row.file_no);
        let file = match blocking(move || files.reopen(no)).await {
            Ok(file) => Arc::new(file),
            Err(HostedError::Disk(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                self.data().drop_append(&row.id).await?;
                return Err(HostedError::UploadUnknown(row.id.clone()));
            }
            Err(error) => return Err(error),
        };
        let mut writer = PartWriter::new(file, row.arrived_bytes).holding(turn);
        let wrong = |words: &str| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Write, format!("upload {}", row.id)).words(words)
        };
        let mut seen_bytes = 0;
        let ended: HostedResult<()> = loop {
            let mut piece = match bytes.next().await {
                None if length_bytes.is_some_and(|length| seen_bytes < length) => {
                    break Err(wrong("it ended early").into());
                }
                None => break Ok(()),
                Some(Err(error)) => break Err(error.into()),
                Some(Ok(piece)) => piece,
            };
            let before_bytes = seen_bytes;
            seen_bytes += piece.len() as u64;
            if length_bytes.is_some_and(|length| seen_bytes > length) {
                break Err(wrong("it is longer than it says").into());
            }
            if let Err(refused) = room.check(seen_bytes.saturating_sub(skipped_bytes)) {
                break Err(refused);
            }
            let skip = skipped_bytes.saturating_sub(before_bytes).min(piece.len() as u64);
            let piece = piece.split_off(usize::try_from(skip).unwrap_or(usize::MAX));
            if !piece.is_empty()
                && let Err(error) = writer.push(piece).await
            {
                break Err(error.into());
            }
        };
        match ended {
            Ok(()) => {
                writer.finish_part().await?;
                Ok(row.arrived_bytes + seen_bytes.saturating_sub(skipped_bytes))
            }
            Err(error) => {
                writer.settle().await;
                Err(error)
            }
        }
    }

    pub(crate) async fn sums_of(&self, place: BlobPlace, wanted: Wanted) -> HostedResult<Checksums> {
        let mut bytes = self.data().files().stream(place, 0, place.size_bytes).await?;
        let mut summing = Summing::start(wanted);
        while let Some(piece) = bytes.next().await {
            summing.push(piece?).await;
        }
        summing.finish().await.ok_or(HostedError::Mismatch("sha256"))
    }

    /// Makes the file durable and a blob; runs to its end even when whoever asked goes away.
    async fn adopt_append(
        &self,
        row: AppendRow,
        place: BlobPlace,
        sums: Checksums,
        turn: Held,
    ) -> HostedResult<()> {
        let hosted = self.clone();
        seen_through(async move {
            let _turn = turn;
            let files = hosted.data().files().clone();
            blocking(move || {
                let file = files.reopen(place.file_no)?;
                // What a broken last piece left behind the end.
                file.set_len(place.size_bytes)?;
                file.sync_all()
            })
            .await?;
            let new = NewBlob {
                digest: sums.sha256,
                md5: sums.md5,
                crc64: sums.crc64,
                place,
            };
            match hosted.data().finish_append(&row.id, &new, &row.owner).await? {
                None => Err(HostedError::UploadUnknown(row.id)),
                Some(true) => Ok(()),
                Some(false) => hosted.remove_files(vec![place.file_no]).await,
            }
        })
        .await?
    }
}
