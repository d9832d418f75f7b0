//! Files that arrive in numbered blocks, over many connections and restarts, and are joined at the end.
//!
//! Unlike in an upload session nothing is known before: neither the digest nor the size, nor that of any
//! block. So each block is a file of its own, and joining writes the whole once more, digesting it.

use domain::id::random_hex32;
use domain::path::FilePath;
use domain::ports::ByteStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use storage::block_uploads::{Block, BlockUpload, BlockWritten};
use storage::nodes::Node;
use storage::publish::Viewer;

use crate::Hosted;
use crate::checksums::Wanted;
use crate::content::unreadable;
use crate::error::{HostedError, HostedResult};
use crate::moves::seen_through;
use crate::receive::{Received, UploadOptions, blocking};
use crate::repository::HostedRepository;
use crate::uploads::UPLOAD_MS;

/// Highest number of a block.
pub const MOST_BLOCKS: u32 = 65_536;
/// How often blocks are joined anew because another came meanwhile.
const JOIN_TRIES: u32 = 3;

impl HostedRepository {
    /// Begins an upload of `path` in blocks and returns its id; it lives for twelve hours behind its last block.
    pub async fn start_blocks(
        &self,
        path: &FilePath,
        overwrite: bool,
        viewer: &Viewer,
    ) -> HostedResult<String> {
        if path.is_root() {
            return Err(HostedError::NodeConflict(path.clone()));
        }
        self.check_place(path, overwrite, None).await?;
        let upload = BlockUpload {
            id: random_hex32(),
            owner: viewer.user.clone(),
            repository_no: self.info().no,
            path: path.clone(),
            overwrite,
            size_bytes: 0,
            revision: 0,
            expires_ms: self.hosted().data().clock().now_ms() + UPLOAD_MS,
        };
        self.hosted().data().insert_block_upload(&upload).await?;
        Ok(upload.id)
    }

    /// Stores block `sequence` (from 1); it is durable when this returns.
    ///
    /// Of `options`, the checksums, the size and `overwrite` count: whether other bytes that came under the
    /// same number before are replaced. The same bytes again are fine.
    pub async fn put_block(
        &self,
        path: &FilePath,
        id: &str,
        sequence: u32,
        bytes: ByteStream,
        options: &UploadOptions,
        viewer: &Viewer,
    ) -> HostedResult<()> {
        if !(1..=MOST_BLOCKS).contains(&sequence) {
            return Err(HostedError::Invalid {
                member: "block number",
                value: sequence.to_string(),
            });
        }
        let upload = self.block_upload(path, id, viewer).await?;
        self.check_room(options.size_bytes, None).await?;
        let subject = format!("block {sequence} of {path}");
        let received = self
            .hosted()
            .receive(&subject, bytes, options.size_bytes, options.wanted())
            .await?;
        options.check(received.sums())?;
        let hosted = self.hosted();
        match hosted
            .keep_block(upload, sequence, received, options.overwrite)
            .await?
        {
            BlockWritten::Stored { .. } | BlockWritten::Unchanged => Ok(()),
            BlockWritten::Taken => Err(HostedError::BlockExists(sequence)),
            BlockWritten::OverQuota => Err(HostedError::OverQuota(self.info().name.clone())),
            BlockWritten::OverBudget => Err(HostedError::UploadBudget(hosted.upload_budget_bytes())),
            BlockWritten::UploadGone => Err(HostedError::UploadUnknown(id.into())),
        }
    }

    /// Returns the blocks that are here, by number.
    pub async fn blocks(&self, path: &FilePath, id: &str, viewer: &Viewer) -> HostedResult<Vec<Block>> {
        let upload = self.block_upload(path, id, viewer).await?;
        Ok(self.hosted().data().blocks(&upload.id).await?)
    }

    /// Joins the blocks by number into the file at `path`, which is durable when this returns.
    ///
    /// A number that is missing is refused, and the upload goes on; so it does after any other refusal.
    pub async fn complete_blocks(
        &self,
        path: &FilePath,
        id: &str,
        mut options: UploadOptions,
        viewer: &Viewer,
    ) -> HostedResult<Node> {
        for _ in 0..JOIN_TRIES {
            let upload = self.block_upload(path, id, viewer).await?;
            options.overwrite |= upload.overwrite;
            self.check_place(path, options.overwrite, Some(upload.size_bytes))
                .await?;
            let received = match self.hosted().join(&upload).await {
                Ok(received) => received,
                // A block may be missing because somebody replaced it, or ended the upload, meanwhile.
                Err(error) if self.block_upload(path, id, viewer).await? == upload => return Err(error),
                Err(_) => continue,
            };
            options.check(received.sums())?;
            let write = options.write(path, received.digest());
            let written = self
                .publish_received(received, write, viewer.clone(), Some(upload))
                .await?;
            if let Some(written) = written {
                return self.answer(path, written).await;
            }
            // A block came while the others were joined, or somebody ended the upload.
        }
        Err(HostedError::UploadIncomplete(id.into()))
    }

    /// Gives an upload up and removes what came; one that is gone is unknown.
    pub async fn abort_blocks(&self, path: &FilePath, id: &str, viewer: &Viewer) -> HostedResult<()> {
        let upload = self.block_upload(path, id, viewer).await?;
        self.hosted().drop_blocks(&upload.id).await
    }

    async fn block_upload(&self, path: &FilePath, id: &str, viewer: &Viewer) -> HostedResult<BlockUpload> {
        let data = self.hosted().data();
        let found = data.block_upload(id, &viewer.user, self.info().no, path).await?;
        found.ok_or_else(|| HostedError::UploadUnknown(id.into()))
    }
}

impl Hosted {
    /// Writes the blocks of an upload one after the other into one file.
    async fn join(&self, upload: &BlockUpload) -> HostedResult<Received> {
        let blocks = self.data().blocks(&upload.id).await?;
        let gap = (1_u32..)
            .zip(&blocks)
            .find(|(sequence, block)| *sequence != block.sequence);
        if blocks.is_empty() || gap.is_some() {
            return Err(HostedError::BlockMissing(gap.map_or(1, |(sequence, _)| sequence)));
        }
        let size_bytes = blocks.iter().map(|block| block.place.size_bytes).sum();
        let subject = upload.path.to_string();
        let files = self.data().files().clone();
        let lost = subject.clone();
        let bytes: ByteStream = Box::pin(
            stream::iter(blocks)
                .then(move |block| {
                    let files = files.clone();
                    async move { files.stream(block.place, 0, block.place.size_bytes).await }
                })
                .try_flatten()
                .map_err(move |error| unreadable(lost.clone(), &error)),
        );
        let received = self.receive(&subject, bytes, Some(size_bytes), Wanted::All).await;
        received.map_err(|error| match error {
            HostedError::Arriving(_) => HostedError::DataLost(upload.path.clone()),
            other => other,
        })
    }

    /// Makes a block that arrived count. Runs to its end even when whoever sent it goes away.
    async fn keep_block(
        &self,
        upload: BlockUpload,
        sequence: u32,
        received: Received,
        replace: bool,
    ) -> HostedResult<BlockWritten> {
        let hosted = self.clone();
        seen_through(async move {
            let block = Block {
                sequence,
                digest: received.digest(),
                place: received.place(),
            };
            let budget_bytes = hosted.upload_budget_bytes();
            let expires_ms = hosted.data().clock().now_ms() + UPLOAD_MS;
            let written = hosted
                .data()
                .put_block(&upload, &block, replace, budget_bytes, expires_ms)
                .await;
            // After an error the row may be there all the same; the next start knows.
            if matches!(written, Ok(BlockWritten::Stored { .. }) | Err(_)) {
                received.keep();
            }
            let written = written?;
            if let BlockWritten::Stored {
                replaced_file_no: Some(no),
            } = written
            {
                hosted.remove_files(vec![no]).await?;
            }
            Ok(written)
        })
        .await?
    }

    /// Gives up every upload whose time is over; returns how many.
    pub(crate) async fn expire_blocks(&self) -> HostedResult<u64> {
        let mut expired = 0;
        loop {
            let ids = self.data().expired_block_uploads().await?;
            if ids.is_empty() {
                return Ok(expired);
            }
            for id in ids {
                self.drop_blocks(&id).await?;
                expired += 1;
            }
        }
    }

    async fn drop_blocks(&self, id: &str) -> HostedResult<()> {
        let files = self.data().drop_block_upload(id).await?;
        self.remove_files(files).await
    }

    /// Removes files no row names any more.
    pub(crate) async fn remove_files(&self, nos: Vec<i64>) -> HostedResult<()> {
        let files = self.data().files().clone();
        blocking(move || nos.into_iter().try_for_each(|no| files.remove(no))).await
    }
}
