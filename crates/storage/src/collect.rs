//! The collector: takes away bytes nothing refers to, and never any other.
//!
//! Condemning removes a blob's row in one transaction that checks that no node refers to it and that its grace time
//! is over; from then on it is absent, and its digest gets a new row and a new file when it comes again.
//! A file without blobs is condemned with them and unlinked only a while later, so that a reader who looked the
//! blob up just before still finds it. Packs that are mostly dead are written anew.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::blobfiles::{BlobPlace, Packed};
use crate::blobs::place_of;
use crate::db::{Row, StoreError, StoreResult, Write, int, list_of, size};
use crate::hosted::{HostedData, blocking, lists};

/// How long a condemned file stays for those who are about to open it.
pub const LINGER_MS: i64 = 60_000;
/// Blob numbers looked at in one go.
const WINDOW: i64 = 20_000;
/// Packs written anew in one pass; the rest has to wait for the next.
const PACKS: i64 = 64;
/// Longest file that counts as a pack.
const PACK_BYTES: i64 = 256 * 1024 * 1024;

/// What one pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Blobs condemned.
    pub blobs: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// Files unlinked.
    pub files: u64,
    /// Packs written anew.
    pub packs: u64,
}

const LAST_BLOB: &str = "SELECT COALESCE(MAX(no), 0) AS no FROM blobs";
const UNREFERENCED: &str = "SELECT b.no FROM blobs b WHERE b.no > $1 AND b.no <= $2 AND b.keep_until_ms < $3 \
     AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.blob_no = b.no)";
const LESS_LIVE: &str = "UPDATE blob_files SET live_bytes = live_bytes - $2 WHERE no = $1";
const CONDEMN_FILE: &str = "UPDATE blob_files SET condemned_ms = $2 WHERE no = $1 AND condemned_ms IS NULL \
     AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.file_no = blob_files.no)";
const CONDEMNED_FILES: &str =
    "SELECT no FROM blob_files WHERE condemned_ms IS NOT NULL AND condemned_ms <= $1 LIMIT 1000";
const FORGET_FILE: &str = "DELETE FROM blob_files WHERE no = $1 AND condemned_ms IS NOT NULL";
const FORGET_SENDERS: &str = "DELETE FROM blob_senders WHERE NOT EXISTS \
     (SELECT 1 FROM blobs b WHERE b.no = blob_senders.blob_no AND b.keep_until_ms >= $1)";
const DEAD_PACKS: &str = "SELECT no FROM blob_files WHERE condemned_ms IS NULL AND live_bytes * 2 < size_bytes \
     AND size_bytes <= $1 LIMIT $2";
const BLOBS_OF_FILE: &str =
    "SELECT no, file_no, offset_bytes, size_bytes FROM blobs WHERE file_no = $1 ORDER BY offset_bytes";
const MOVE_BLOB: &str = "UPDATE blobs SET file_no = $3, offset_bytes = $4 WHERE no = $1 AND file_no = $2";
const INSERT_FILE: &str = "INSERT INTO blob_files (no, size_bytes, live_bytes) VALUES ($1, $2, $3)";

impl HostedData {
    /// Makes one pass: unlinks what was condemned before, condemns what nothing refers to, writes dead packs anew.
    pub async fn collect(&self) -> StoreResult<Collected> {
        let mut collected = Collected {
            files: self.unlink_condemned().await?,
            ..Collected::default()
        };
        self.condemn(&mut collected).await?;
        self.db()
            .execute(FORGET_SENDERS, vec![int(self.now_ms())])
            .await?;
        for row in self
            .db()
            .fetch_all(DEAD_PACKS, vec![int(PACK_BYTES), int(PACKS)])
            .await?
        {
            let no = row.int("no")?;
            match self.rewrite_pack(no).await {
                Ok(()) => collected.packs += 1,
                // A full or broken disk must not keep the rest from being collected.
                Err(error) => tracing::warn!(blob_file.no = no, %error, "pack not written anew"),
            }
        }
        Ok(collected)
    }

    async fn unlink_condemned(&self) -> StoreResult<u64> {
        let mut unlinked = 0;
        loop {
            let before_ms = self.now_ms() - LINGER_MS;
            let rows = self.db().fetch_all(CONDEMNED_FILES, vec![int(before_ms)]).await?;
            let nos = rows
                .iter()
                .map(|row| row.int("no"))
                .collect::<StoreResult<Vec<i64>>>()?;
            if nos.is_empty() {
                return Ok(unlinked);
            }
            let (files, gone) = (self.files().clone(), nos.clone());
            blocking(move || gone.into_iter().try_for_each(|no| files.remove(no))).await?;
            let mut write = self.db().begin().await?;
            for no in &nos {
                write.execute(FORGET_FILE, vec![int(*no)]).await?;
            }
            write.commit().await?;
            unlinked += nos.len() as u64;
        }
    }

    async fn condemn(&self, collected: &mut Collected) -> StoreResult<()> {
        let last = self.db().fetch_optional(LAST_BLOB, vec![]).await?;
        let last_no = last.map_or(Ok(0), |row| row.int("no"))?;
        let mut from_no = 0;
        while from_no < last_no {
            let until_no = from_no + WINDOW;
            let values = vec![int(from_no), int(until_no), int(self.now_ms())];
            let rows = self.db().fetch_all(UNREFERENCED, values).await?;
            let nos = rows
                .iter()
                .map(|row| row.int("no"))
                .collect::<StoreResult<Vec<i64>>>()?;
            for some in nos.chunks(512) {
                self.condemn_some(some, collected).await?;
            }
            from_no = until_no;
        }
        Ok(())
    }

    /// Condemns those of `nos` that nothing refers to, checked in the transaction that removes them.
    async fn condemn_some(&self, nos: &[i64], collected: &mut Collected) -> StoreResult<()> {
        let now_ms = self.now_ms();
        let mut write = self.db().begin().await?;
        let mut dead_of_file: BTreeMap<i64, u64> = BTreeMap::new();
        for list in lists(nos) {
            let sql = format!(
                "DELETE FROM blobs WHERE keep_until_ms < ? AND no IN ({}) \
                 AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.blob_no = blobs.no) RETURNING file_no, size_bytes",
                list_of(list.len())
            );
            let values = std::iter::once(int(now_ms))
                .chain(list.into_iter().map(int))
                .collect();
            for row in write.fetch_all(sql, values).await? {
                let size_bytes = row.size("size_bytes")?;
                *dead_of_file.entry(row.int("file_no")?).or_default() += size_bytes;
                collected.blobs += 1;
                collected.size_bytes += size_bytes;
            }
        }
        for (no, dead_bytes) in dead_of_file {
            write.execute(LESS_LIVE, vec![int(no), size(dead_bytes)]).await?;
            write.execute(CONDEMN_FILE, vec![int(no), int(now_ms)]).await?;
        }
        write.commit().await
    }

    /// Writes the live blobs of a pack into a new one and condemns the old.
    async fn rewrite_pack(&self, no: i64) -> StoreResult<()> {
        let rows = self.db().fetch_all(BLOBS_OF_FILE, vec![int(no)]).await?;
        let blobs = rows
            .iter()
            .map(blob_of)
            .collect::<StoreResult<Vec<(i64, BlobPlace)>>>()?;
        let mut packed: Option<Packed> = None;
        if !blobs.is_empty() {
            let places = blobs.iter().map(|(_, place)| *place).collect();
            let read = self.files().read_all(places).await;
            let bytes = read
                .into_iter()
                .collect::<Result<Vec<Bytes>, _>>()
                .map_err(StoreError::Disk)?;
            let files = self.files().clone();
            packed = Some(blocking(move || files.pack(&bytes)).await?);
        }
        let mut write = self.db().begin().await?;
        if let Some(packed) = &packed {
            move_blobs(&mut write, no, &blobs, packed).await?;
        }
        write
            .execute(CONDEMN_FILE, vec![int(no), int(self.now_ms())])
            .await?;
        // Committed or not known to be: the new file stays, and the next start knows.
        if let Some(packed) = packed {
            packed.file.keep();
        }
        write.commit().await
    }

    /// Returns the numbers of all files in use: for tests and checks.
    pub async fn file_numbers(&self) -> StoreResult<BTreeSet<i64>> {
        let rows = self.db().fetch_all("SELECT no FROM blob_files", vec![]).await?;
        rows.iter().map(|row| row.int("no")).collect()
    }
}

fn blob_of(row: &Row) -> StoreResult<(i64, BlobPlace)> {
    Ok((row.int("no")?, place_of(row)?))
}

async fn move_blobs(
    write: &mut Write,
    from_no: i64,
    blobs: &[(i64, BlobPlace)],
    packed: &Packed,
) -> StoreResult<()> {
    let mut live_bytes = 0;
    for ((no, place), offset_bytes) in blobs.iter().zip(&packed.offsets_bytes) {
        let values = vec![int(*no), int(from_no), int(packed.file.no()), size(*offset_bytes)];
        // One that was condemned meanwhile stays behind.
        if write.execute(MOVE_BLOB, values).await? > 0 {
            live_bytes += place.size_bytes;
        }
    }
    let values = vec![int(packed.file.no()), size(packed.size_bytes), size(live_bytes)];
    write.execute(INSERT_FILE, values).await?;
    Ok(())
}
