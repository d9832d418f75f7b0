//! What this node keeps of its own repositories: rows and blob files, behind one handle.
//!
//! The rows are spread over [`crate::projects`], [`crate::repositories`], [`crate::nodes`],
//! [`crate::publish`], [`crate::blobs`], [`crate::collect`], [`crate::uploads`], [`crate::appends`] and
//! [`crate::block_uploads`]; all of them are methods of [`HostedData`]. A file counts only while a committed row names it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::clock::Clock;

use crate::Store;
use crate::blobfiles::BlobFiles;
use crate::db::{Db, StoreError, StoreResult};

/// How long a blob is kept without a reference, unless told otherwise.
pub const GRACE_MS: i64 = 60 * 60 * 1000;

/// Nodes that are removed, moved or copied in one transaction: a tenth of a second for the one writer, at most.
pub const BATCH_NODES: i64 = 1000;

/// Rows and files of the hosted repositories.
#[derive(Clone)]
pub struct HostedData {
    store: Store,
    files: Arc<BlobFiles>,
    next_blob_no: Arc<AtomicI64>,
    pub(crate) grace_ms: i64,
    pub(crate) batch_nodes: i64,
    /// Held by a move or copy that takes more than one transaction: two of them could pass nodes to and fro.
    pub(crate) moving: Arc<tokio::sync::Mutex<()>>,
    /// Held by a search: some readers are always left for everybody else.
    pub(crate) searching: Arc<tokio::sync::Semaphore>,
}

const NAMED_FILES: &str = "SELECT no FROM blob_files UNION SELECT file_no FROM upload_sessions \
     UNION SELECT file_no FROM upload_blocks UNION SELECT file_no FROM append_sessions";
const LAST_BLOB: &str = "SELECT COALESCE(MAX(no), 0) AS no FROM blobs";

impl HostedData {
    /// Opens the hosted part of `store`; files that a crash left without a row are removed.
    pub async fn open(store: &Store) -> StoreResult<Self> {
        let db = store.db();
        let rows = db.fetch_all(NAMED_FILES, vec![]).await?;
        let named = rows
            .iter()
            .map(|row| row.int("no"))
            .collect::<StoreResult<HashSet<i64>>>()?;
        let folder = store.folder().join("blobs");
        let files = blocking(move || BlobFiles::open(folder, &named)).await?;
        let last = db.fetch_optional(LAST_BLOB, vec![]).await?;
        let last = last.map(|row| row.int("no")).transpose()?.unwrap_or(0);
        Ok(Self {
            store: store.clone(),
            files: Arc::new(files),
            next_blob_no: Arc::new(AtomicI64::new(last + 1)),
            grace_ms: GRACE_MS,
            batch_nodes: BATCH_NODES,
            moving: Arc::default(),
            searching: Arc::new(tokio::sync::Semaphore::new(crate::search::AT_ONCE)),
        })
    }

    /// Keeps blobs without a reference for `grace_ms` instead of an hour.
    #[must_use]
    pub fn with_grace_ms(mut self, grace_ms: i64) -> Self {
        self.grace_ms = grace_ms;
        self
    }

    /// Removes, moves and copies at most `batch_nodes` nodes in one transaction instead of [`BATCH_NODES`].
    #[must_use]
    pub fn with_batch_nodes(mut self, batch_nodes: i64) -> Self {
        self.batch_nodes = batch_nodes;
        self
    }

    /// Returns the blob files.
    pub fn files(&self) -> &Arc<BlobFiles> {
        &self.files
    }

    /// Returns the clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.store.clock()
    }

    pub(crate) fn db(&self) -> &Db {
        self.store.db()
    }

    pub(crate) fn next_id<I: From<[u8; 12]>>(&self) -> I {
        self.store.next_id()
    }

    pub(crate) fn vault(&self) -> &crate::secrets::Vault {
        self.store.vault()
    }

    pub(crate) fn event_bell(&self) -> Arc<tokio::sync::Notify> {
        self.store.event_bell().clone()
    }

    pub(crate) fn next_blob_no(&self) -> i64 {
        self.next_blob_no.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.store.now_ms()
    }
}

/// Runs `work` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> StoreResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Disk(std::io::Error::other(error)))?
        .map_err(StoreError::Disk)
}

/// Sizes statements with a list of values are made in, so that few texts are prepared.
const LIST_SIZES: [usize; 4] = [8, 32, 128, 512];

/// Splits `items` into lists of a few fixed sizes, the last one filled up by repeating its last item.
pub(crate) fn lists<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let most = LIST_SIZES[LIST_SIZES.len() - 1];
    items
        .chunks(most)
        .map(|chunk| {
            let length = LIST_SIZES
                .iter()
                .copied()
                .find(|size| *size >= chunk.len())
                .unwrap_or(most);
            let mut list = chunk.to_vec();
            if let Some(last) = chunk.last() {
                list.resize(length, last.clone());
            }
            list
        })
        .collect()
}
