//! The one place where nodes change: every row of `nodes` is written and removed by [`NodeChanges::apply`].
//!
//! Whoever publishes, deletes, moves or copies decides first and says here what it came to. What has to go along
//! with a change (the bytes a repository holds, the grace time of blobs that lost a reference, the events of tasks that watch) happens here, in the
//! same transaction, so that nobody can forget it.

use domain::id::NodeId;
use domain::path::FilePath;

use crate::db::{StoreResult, Value, Write, blob, int, list_of, maybe, size, text};
use crate::hosted::{HostedData, lists};
use crate::nodes::depth;
use crate::publish::keep;
use crate::room::hold_more;

/// A node's row as it is written.
#[derive(Debug, Clone)]
pub(crate) struct NodeRow {
    pub path: FilePath,
    pub id: NodeId,
    /// `None` for a folder.
    pub blob_no: Option<i64>,
    pub size_bytes: u64,
    pub metadata: Option<String>,
    pub expires_ms: Option<i64>,
    pub created_by: String,
    pub created_ms: i64,
    pub modified_by: String,
    pub modified_ms: i64,
}

impl NodeRow {
    /// Starts the row of a new folder.
    pub(crate) fn folder(path: FilePath, id: NodeId, user: &str, now_ms: i64) -> Self {
        Self {
            path,
            id,
            blob_no: None,
            size_bytes: 0,
            metadata: None,
            expires_ms: None,
            created_by: user.into(),
            created_ms: now_ms,
            modified_by: user.into(),
            modified_ms: now_ms,
        }
    }

    fn values(self, repository_no: i64) -> Vec<Value> {
        vec![
            int(repository_no),
            text(self.path.as_str()),
            int(depth(&self.path)),
            int(i64::from(self.blob_no.is_none())),
            blob(*self.id.as_bytes()),
            maybe(self.blob_no, int),
            size(self.size_bytes),
            maybe(self.metadata, text),
            maybe(self.expires_ms, int),
            text(self.created_by),
            int(self.created_ms),
            text(self.modified_by),
            int(self.modified_ms),
        ]
    }
}

/// Changes of nodes in one repository that become visible together.
#[derive(Debug, Default)]
pub(crate) struct NodeChanges {
    /// The repository's number.
    pub repository_no: i64,
    /// Paths whose rows go away, before anything is written.
    pub removed: Vec<String>,
    /// Folders; one that stands already stays as it is.
    pub folders: Vec<NodeRow>,
    /// Files; one that stands already is replaced.
    pub files: Vec<NodeRow>,
    /// Blobs that lose a reference.
    pub released: Vec<i64>,
    /// Bytes the repository holds more, or fewer, afterwards.
    pub more_bytes: i64,
}

const INSERT: &str = "INSERT INTO nodes (repository_no, path, depth, folder, id, blob_no, size_bytes, metadata, \
     expires_ms, created_by, created_ms, modified_by, modified_ms) VALUES";
const REPLACE: &str = "ON CONFLICT (repository_no, path) DO UPDATE SET id = excluded.id, \
     blob_no = excluded.blob_no, size_bytes = excluded.size_bytes, metadata = excluded.metadata, \
     expires_ms = excluded.expires_ms, created_by = excluded.created_by, created_ms = excluded.created_ms, \
     modified_by = excluded.modified_by, modified_ms = excluded.modified_ms";
const KEEP: &str = "ON CONFLICT (repository_no, path) DO NOTHING";
const SET_EXPIRY: &str = "UPDATE nodes SET expires_ms = $3, modified_by = $4, modified_ms = $5 \
     WHERE repository_no = $1 AND path = $2 AND folder = 0 \
     AND (expires_ms IS NULL OR expires_ms > $5)";
const COLUMNS: usize = 13;

impl NodeChanges {
    /// Starts without any.
    pub(crate) fn of(repository_no: i64) -> Self {
        Self {
            repository_no,
            ..Self::default()
        }
    }

    /// Writes them; they count when `write` is committed.
    pub(crate) async fn apply(self, write: &mut Write, data: &HostedData) -> StoreResult<()> {
        let no = self.repository_no;
        for list in lists(&self.removed) {
            let sql = format!(
                "DELETE FROM nodes WHERE repository_no = ? AND path IN ({})",
                list_of(list.len())
            );
            let values = std::iter::once(int(no))
                .chain(list.into_iter().map(text))
                .collect();
            write.execute(sql, values).await?;
        }
        data.note_removed(write, no, &self.removed).await?;
        data.note_changed(write, no, &self.files).await?;
        let rows = |rows: Vec<NodeRow>| rows.into_iter().map(|row| row.values(no)).collect();
        write
            .insert_all(INSERT, COLUMNS, KEEP, rows(self.folders))
            .await?;
        write
            .insert_all(INSERT, COLUMNS, REPLACE, rows(self.files))
            .await?;
        hold_more(write, no, self.more_bytes).await?;
        keep(write, &self.released, data.now_ms() + data.grace_ms).await
    }
}

impl HostedData {
    /// Says when the file at `path` goes away by itself (`None`: never); `false` when there is no such file.
    ///
    /// Its content stays as it is, so this is no change anybody has to hear of.
    pub async fn set_expiry(
        &self,
        repository_no: i64,
        path: &FilePath,
        expires_ms: Option<i64>,
        user: &str,
    ) -> StoreResult<bool> {
        let values = vec![
            int(repository_no),
            text(path.as_str()),
            maybe(expires_ms, int),
            text(user),
            int(self.now_ms()),
        ];
        Ok(self.db().execute(SET_EXPIRY, values).await? > 0)
    }
}
