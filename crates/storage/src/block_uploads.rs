//! Rows of block uploads: files that arrive in numbered blocks of any size and are joined at the end.

use domain::digest::Digest;
use domain::path::FilePath;

use crate::blobfiles::BlobPlace;
use crate::db::{Row, StoreError, StoreResult, Write, blob, flag, int, size, text};
use crate::hosted::HostedData;
use crate::open_uploads::open_bytes;
use crate::publish::{Publication, Published};
use crate::room::Room;

/// A block upload as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockUpload {
    /// Its id.
    pub id: String,
    /// Who started it.
    pub owner: String,
    /// The repository the file will be in.
    pub repository_no: i64,
    /// Where the file will be.
    pub path: FilePath,
    /// Whether it was started to replace a file that stands there.
    pub overwrite: bool,
    /// Bytes of all its blocks.
    pub size_bytes: u64,
    /// Grows with every block.
    pub revision: i64,
    /// When it is given up, in Unix milliseconds.
    pub expires_ms: i64,
}

/// One block, durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number, from 1.
    pub sequence: u32,
    /// SHA-256, verified.
    pub digest: Digest,
    /// Where it lies: a whole file.
    pub place: BlobPlace,
}

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockWritten {
    /// It counts now, in place of the file given.
    Stored {
        /// Number of the file of the block it replaced.
        replaced_file_no: Option<i64>,
    },
    /// The same bytes were there already; the new file is not used.
    Unchanged,
    /// Other bytes are there, and were not to be replaced.
    Taken,
    /// All blocks together would not fit into the repository's quota.
    OverQuota,
    /// Open uploads would take more than is set aside for them.
    OverBudget,
    /// The upload is gone.
    UploadGone,
}

const INSERT: &str = "INSERT INTO block_uploads (id, owner, repository_no, path, overwrite, size_bytes, revision, \
     expires_ms) VALUES ($1, $2, $3, $4, $5, 0, 0, $6)";
const BY_ID: &str = "SELECT * FROM block_uploads WHERE id = $1 AND owner = $2 AND repository_no = $3 \
     AND path = $4 AND expires_ms > $5";
const EXPIRED: &str = "SELECT id FROM block_uploads WHERE expires_ms <= $1 LIMIT 100";
const BLOCKS: &str = "SELECT * FROM upload_blocks WHERE upload = $1 ORDER BY sequence";
const ONE_BLOCK: &str = "SELECT * FROM upload_blocks WHERE upload = $1 AND sequence = $2";
const PUT_BLOCK: &str = "INSERT INTO upload_blocks (upload, sequence, file_no, size_bytes, digest) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (upload, sequence) DO UPDATE SET file_no = excluded.file_no, \
     size_bytes = excluded.size_bytes, digest = excluded.digest";
const GROW: &str = "UPDATE block_uploads SET size_bytes = size_bytes - $2 + $3, revision = revision + 1, \
     expires_ms = $4 WHERE id = $1";
const STANDING: &str = "SELECT size_bytes FROM nodes WHERE repository_no = $1 AND path = $2";
const END: &str = "DELETE FROM block_uploads WHERE id = $1 AND revision = $2";
const DROP: &str = "DELETE FROM block_uploads WHERE id = $1";
const DROP_BLOCKS: &str = "DELETE FROM upload_blocks WHERE upload = $1 RETURNING file_no";

impl HostedData {
    /// Stores a new upload without blocks.
    pub async fn insert_block_upload(&self, upload: &BlockUpload) -> StoreResult<()> {
        let values = vec![
            text(&upload.id),
            text(&upload.owner),
            int(upload.repository_no),
            text(upload.path.as_str()),
            flag(upload.overwrite),
            int(upload.expires_ms),
        ];
        self.db().execute(INSERT, values).await?;
        Ok(())
    }

    /// Returns the upload `id` of `owner` to `path`.
    pub async fn block_upload(
        &self,
        id: &str,
        owner: &str,
        repository_no: i64,
        path: &FilePath,
    ) -> StoreResult<Option<BlockUpload>> {
        let values = vec![
            text(id),
            text(owner),
            int(repository_no),
            text(path.as_str()),
            int(self.now_ms()),
        ];
        let row = self.db().fetch_optional(BY_ID, values).await?;
        row.map(|row| upload_of(&row)).transpose()
    }

    /// Returns the blocks of an upload by number.
    pub async fn blocks(&self, id: &str) -> StoreResult<Vec<Block>> {
        let rows = self.db().fetch_all(BLOCKS, vec![text(id)]).await?;
        rows.iter().map(block_of).collect()
    }

    /// Makes `block`, whose file is durable, count for `upload`, which then lives until `expires_ms`.
    ///
    /// `replace` says whether other bytes under its number give way; `budget_bytes` is what all open
    /// uploads of this node may take together.
    pub async fn put_block(
        &self,
        upload: &BlockUpload,
        block: &Block,
        replace: bool,
        budget_bytes: u64,
        expires_ms: i64,
    ) -> StoreResult<BlockWritten> {
        let mut write = self.db().begin().await?;
        let values = vec![
            text(&upload.id),
            text(&upload.owner),
            int(upload.repository_no),
            text(upload.path.as_str()),
            int(self.now_ms()),
        ];
        let Some(row) = write.fetch_optional(BY_ID, values).await? else {
            return Ok(BlockWritten::UploadGone);
        };
        let gathered_bytes = row.size("size_bytes")?;
        let numbered = vec![text(&upload.id), int(i64::from(block.sequence))];
        let before = write.fetch_optional(ONE_BLOCK, numbered).await?;
        let before = before.map(|row| block_of(&row)).transpose()?;
        match &before {
            Some(before) if before.digest == block.digest => return Ok(BlockWritten::Unchanged),
            Some(_) if !replace => return Ok(BlockWritten::Taken),
            _ => {}
        }
        let was_bytes = before.as_ref().map_or(0, |before| before.place.size_bytes);
        let whole_bytes = (gathered_bytes - was_bytes).saturating_add(block.place.size_bytes);
        if !fits(&mut write, upload, whole_bytes).await? {
            return Ok(BlockWritten::OverQuota);
        }
        let open_bytes = open_bytes(&mut write).await?;
        if (open_bytes - was_bytes).saturating_add(block.place.size_bytes) > budget_bytes {
            return Ok(BlockWritten::OverBudget);
        }
        let values = vec![
            text(&upload.id),
            int(i64::from(block.sequence)),
            int(block.place.file_no),
            size(block.place.size_bytes),
            blob(*block.digest.as_bytes()),
        ];
        write.execute(PUT_BLOCK, values).await?;
        let values = vec![
            text(&upload.id),
            size(was_bytes),
            size(block.place.size_bytes),
            int(expires_ms),
        ];
        write.execute(GROW, values).await?;
        write.commit().await?;
        Ok(BlockWritten::Stored {
            replaced_file_no: before.map(|before| before.place.file_no),
        })
    }

    /// Publishes the file that the blocks of `upload` came to and ends it, in one transaction.
    ///
    /// Returns what became of the file and which files the blocks lay in; those are empty unless the file stands
    /// there, for the upload goes on otherwise. `None` (and nothing happens) when the upload is gone or a
    /// block came since it was read.
    pub async fn end_block_upload(
        &self,
        upload: &BlockUpload,
        publication: Publication<'_>,
    ) -> StoreResult<Option<(Published, Vec<i64>)>> {
        let mut write = self.db().begin().await?;
        let values = vec![text(&upload.id), int(upload.revision)];
        if write.execute(END, values).await? == 0 {
            return Ok(None);
        }
        let mut published = self.publish_in(&mut write, &publication).await?;
        if !published.all_stored() {
            published.kept_files.clear();
            return Ok(Some((published, Vec::new())));
        }
        let files = drop_blocks(&mut write, &upload.id).await?;
        write.commit().await?;
        Ok(Some((published, files)))
    }

    /// Forgets an upload; returns the files its blocks lay in, for the caller to remove.
    pub async fn drop_block_upload(&self, id: &str) -> StoreResult<Vec<i64>> {
        let mut write = self.db().begin().await?;
        write.execute(DROP, vec![text(id)]).await?;
        let files = drop_blocks(&mut write, id).await?;
        write.commit().await?;
        Ok(files)
    }

    /// Returns the ids of some uploads whose time is over.
    pub async fn expired_block_uploads(&self) -> StoreResult<Vec<String>> {
        let rows = self.db().fetch_all(EXPIRED, vec![int(self.now_ms())]).await?;
        rows.iter().map(|row| row.text("id")).collect()
    }
}

/// Says whether a file of `whole_bytes` has room where the upload is to put it, as it is now.
async fn fits(write: &mut Write, upload: &BlockUpload, whole_bytes: u64) -> StoreResult<bool> {
    let Some(mut room) = Room::of(write, upload.repository_no).await? else {
        return Ok(true);
    };
    let values = vec![int(upload.repository_no), text(upload.path.as_str())];
    let standing = write.fetch_optional(STANDING, values).await?;
    let standing_bytes = standing.map_or(Ok(0), |row| row.size("size_bytes"))?;
    Ok(room.take(whole_bytes, standing_bytes))
}

async fn drop_blocks(write: &mut Write, id: &str) -> StoreResult<Vec<i64>> {
    let rows = write.fetch_all(DROP_BLOCKS, vec![text(id)]).await?;
    rows.iter().map(|row| row.int("file_no")).collect()
}

fn upload_of(row: &Row) -> StoreResult<BlockUpload> {
    let path = row.text("path")?;
    Ok(BlockUpload {
        id: row.text("id")?,
        owner: row.text("owner")?,
        repository_no: row.int("repository_no")?,
        path: path.parse().map_err(|_| StoreError::Unreadable {
            table: "block_uploads",
            found: path,
        })?,
        overwrite: row.flag("overwrite")?,
        size_bytes: row.size("size_bytes")?,
        revision: row.int("revision")?,
        expires_ms: row.int("expires_ms")?,
    })
}

fn block_of(row: &Row) -> StoreResult<Block> {
    Ok(Block {
        sequence: u32::try_from(row.int("sequence")?).unwrap_or(u32::MAX),
        digest: Digest::from_bytes(row.bytes("digest")?),
        place: BlobPlace {
            file_no: row.int("file_no")?,
            offset_bytes: 0,
            size_bytes: row.size("size_bytes")?,
        },
    })
}
