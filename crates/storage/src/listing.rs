//! Lists of nodes of any length, page by page: each page goes on behind the last path of the one before.

use domain::path::FilePath;

use crate::db::{StoreResult, by_index, int, text};
use crate::hosted::HostedData;
use crate::nodes::{NODE_COLUMNS, Node, PathRange, depth, node_of};

impl HostedData {
    /// Returns at most `limit` nodes of `range` in byte order of their paths, behind `after`.
    pub async fn nodes_in(
        &self,
        repository_no: i64,
        range: &PathRange,
        after: Option<&FilePath>,
        limit: u32,
    ) -> StoreResult<Vec<Node>> {
        // Paths hold no control characters, so this is the first text behind `after`; `0` follows every path.
        let from = after.map_or_else(|| range.from.clone(), |after| format!("{after}\u{1}"));
        let until = range.until.clone().unwrap_or_else(|| "0".into());
        let sql = format!(
            "SELECT {NODE_COLUMNS} FROM nodes n LEFT JOIN blobs b ON b.no = n.blob_no \
             WHERE n.repository_no = $1 AND n.path >= $2 AND n.path < $3 \
             AND (n.expires_ms IS NULL OR n.expires_ms > $4) ORDER BY n.path LIMIT $5"
        );
        let values = vec![
            int(repository_no),
            text(from),
            text(until),
            int(self.now_ms()),
            int(i64::from(limit)),
        ];
        let rows = self.db().fetch_all(sql, values).await?;
        rows.iter().map(node_of).collect()
    }

    /// Returns at most `limit` folders (or files) that lie directly in `folder`, by path, behind `after`.
    pub async fn children(
        &self,
        repository_no: i64,
        folder: &FilePath,
        folders: bool,
        after: Option<&FilePath>,
        limit: u32,
    ) -> StoreResult<Vec<Node>> {
        let below = PathRange::below(folder);
        let from = after.map_or(below.from, |after| format!("{after}\u{1}"));
        let sql = format!(
            "SELECT {NODE_COLUMNS} FROM nodes n {} LEFT JOIN blobs b ON b.no = n.blob_no \
             WHERE n.repository_no = $1 AND n.depth = $2 AND n.folder = $3 AND n.path >= $4 AND n.path < $5 \
             AND (n.expires_ms IS NULL OR n.expires_ms > $6) ORDER BY n.path LIMIT $7",
            by_index("nodes_by_depth")
        );
        let values = vec![
            int(repository_no),
            int(depth(folder) + 1),
            int(i64::from(folders)),
            text(from),
            text(below.until.unwrap_or_else(|| "0".into())),
            int(self.now_ms()),
            int(i64::from(limit)),
        ];
        let rows = self.db().fetch_all(sql, values).await?;
        rows.iter().map(node_of).collect()
    }
}
