//! One upload session at work: who writes which part, which parts are there, and how far the digest is.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::digest::{Digest, Hasher};
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError};
use futures_util::StreamExt;
use storage::blobfiles::{Held, PIECE_BYTES, PartWriter, read_piece};
use storage::uploads::UploadRow;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::error::{HostedError, HostedResult};
use crate::receive::blocking;
use crate::upload_marks::Marks;
use crate::uploads::Session;

/// One session: its file, which parts are there, and how far the digest is.
pub(crate) struct Upload {
    pub(crate) row: UploadRow,
    marks: Marks,
    file: Arc<File>,
    /// The same file for writes past the page cache, where the file system has them.
    direct: Option<Arc<File>>,
    state: Mutex<State>,
    /// What of [`FRESH_BYTES`] is free, in KiB.
    fresh_room: Arc<Semaphore>,
    /// Counts how often a hasher came to rest.
    rests: watch::Sender<u64>,
    pub(crate) turns: Vec<Arc<tokio::sync::Mutex<()>>>,
}

/// Bytes of parts, arriving or arrived, that wait in memory for the hasher at most; the others are read again
/// from the file.
const FRESH_BYTES: u64 = 32 * 1024 * 1024;

/// Bytes of a part that has just arrived and is not hashed yet.
struct Fresh {
    pieces: Vec<Bytes>,
    _room: OwnedSemaphorePermit,
}

struct State {
    done: Vec<bool>,
    fresh: HashMap<u32, Fresh>,
    closed: bool,
    /// Tells whoever writes a part to give up.
    writers: HashMap<u32, watch::Sender<bool>>,
    /// The digest so far and how many bytes are in it; away while somebody hashes, which is never once it is complete.
    resting: Option<(Hasher, u64)>,
    /// Why the last hashing stopped early.
    unreadable: Option<std::io::Error>,
}

impl Upload {
    /// Takes up the session of `row` with the parts that are there. Blocks.
    pub(crate) fn of(row: UploadRow, file: Arc<File>, direct: Option<Arc<File>>) -> std::io::Result<Self> {
        let parts = usize::try_from(row.size_bytes.div_ceil(row.part_bytes)).unwrap_or(0);
        let marks = Marks::of(file.clone(), row.size_bytes);
        let done = marks.read(parts)?;
        Ok(Self {
            row,
            marks,
            file,
            direct,
            state: Mutex::new(State {
                done,
                fresh: HashMap::new(),
                closed: false,
                writers: HashMap::new(),
                resting: Some((Hasher::default(), 0)),
                unreadable: None,
            }),
            fresh_room: Arc::new(Semaphore::new((FRESH_BYTES / 1024) as usize)),
            rests: watch::Sender::new(0),
            turns: (0..parts).map(|_| Arc::default()).collect(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn session(&self, expires_ms: i64) -> Session {
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
    pub(crate) fn announce(&self, part_no: u32) -> watch::Receiver<bool> {
        let (stop, give_up) = watch::channel(false);
        if let Some(before) = self.state().writers.insert(part_no, stop) {
            before.send_replace(true);
        }
        give_up
    }

    pub(crate) fn is_done(&self, part_no: u32) -> HostedResult<bool> {
        let state = self.state();
        if state.closed && !state.done[part_no as usize] {
            return Err(HostedError::UploadUnknown(self.row.id.clone()));
        }
        Ok(state.done[part_no as usize])
    }

    /// Remembers that a part is there. Blocks.
    pub(crate) fn mark_done(&self, part_no: u32) -> std::io::Result<()> {
        self.marks.set(part_no)?;
        let mut state = self.state();
        state.done[part_no as usize] = true;
        state.writers.remove(&part_no);
        Ok(())
    }

    /// Refuses further parts: everything is there, or somebody gives the session up.
    pub(crate) fn close(&self) -> HostedResult<()> {
        let mut state = self.state();
        if state.done.contains(&false) {
            return Err(HostedError::UploadIncomplete(self.row.id.clone()));
        }
        state.closed = true;
        Ok(())
    }

    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.closed = true;
        state.writers.drain().for_each(|(_, writer)| {
            writer.send_replace(true);
        });
    }

    pub(crate) async fn write_part(
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
        let mut writer = PartWriter::new(self.file.clone(), begin_bytes)
            .holding(turn)
            .directly(self.direct.clone());
        let mut arrived_bytes = 0;
        let mut fresh = self.room_for(length_bytes);
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
                    if let Some(fresh) = &mut fresh {
                        fresh.pieces.push(piece.clone());
                    }
                    if let Err(error) = writer.push(piece).await {
                        break Err(error.into());
                    }
                }
            }
        };
        match ended {
            Ok(()) => {
                writer.finish_part().await?;
                if let Some(fresh) = fresh {
                    self.state().fresh.insert(part_no, fresh);
                }
                Ok(())
            }
            Err(error) => {
                writer.settle().await;
                Err(error)
            }
        }
    }

    /// Leaves the bytes alone in the file and makes them durable: before a blob is made of it.
    pub(crate) async fn complete(&self) -> HostedResult<()> {
        let (file, marks) = (self.file.clone(), self.marks.clone());
        blocking(move || {
            marks.cut_off()?;
            file.sync_data()
        })
        .await
    }

    /// Returns where to keep a part for the hasher, if there is room.
    fn room_for(&self, length_bytes: u64) -> Option<Fresh> {
        let room_kib = u32::try_from(length_bytes.div_ceil(1024)).ok()?;
        let room = self.fresh_room.clone().try_acquire_many_owned(room_kib).ok()?;
        Some(Fresh {
            pieces: Vec::new(),
            _room: room,
        })
    }

    /// Returns the bytes of the part that begins at `at_bytes`, if they are still in memory.
    fn take_fresh(&self, at_bytes: u64) -> Option<Fresh> {
        if !at_bytes.is_multiple_of(self.row.part_bytes) {
            return None;
        }
        let part_no = u32::try_from(at_bytes / self.row.part_bytes).ok()?;
        self.state().fresh.remove(&part_no)
    }

    /// Returns how many bytes from the beginning are there without a gap.
    fn unbroken_bytes(state: &State, row: &UploadRow) -> u64 {
        let parts = state.done.iter().take_while(|done| **done).count() as u64;
        (parts * row.part_bytes).min(row.size_bytes)
    }

    /// Goes on hashing, beside everything else, if there is something to hash and nobody does.
    pub(crate) fn hash_on(self: &Arc<Self>) {
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
                if let Some(fresh) = self.take_fresh(at_bytes) {
                    for piece in &fresh.pieces {
                        hasher.update(piece);
                        at_bytes += piece.len() as u64;
                    }
                    continue;
                }
                let part_left = self.row.part_bytes - at_bytes % self.row.part_bytes;
                let wanted = (until_bytes - at_bytes).min(PIECE_BYTES as u64).min(part_left);
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
    pub(crate) async fn digest(self: Arc<Self>) -> HostedResult<Digest> {
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
