//! Pages of nodes, as people and the contract list them.

use domain::path::FilePath;

use crate::db::{StoreResult, Value, by_index, int, text};
use crate::hosted::HostedData;
use crate::nodes::{NODE_COLUMNS, Node, PathRange, depth, node_of};

/// Which nodes a page shows, and in which order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFilter {
    /// Whether folders are shown.
    pub folders: bool,
    /// Whether everything below is shown, not only what lies directly in the folder.
    pub deep: bool,
    /// The order, the first one first; ties and the rest go by path.
    pub order: Vec<(NodeOrder, bool)>,
}

/// What nodes can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeOrder {
    /// Folders or files first.
    Folder,
    /// Full path, in byte order.
    Path,
    /// The last name of the path, in byte order.
    Name,
    /// Size.
    Size,
    /// Time of creation.
    Created,
    /// Time of the last change.
    Modified,
}

impl NodeOrder {
    fn column(self) -> &'static str {
        match self {
            Self::Folder => "n.folder",
            Self::Path => "n.path",
            Self::Name => "n.name",
            Self::Size => "n.size_bytes",
            Self::Created => "n.created_ms",
            Self::Modified => "n.modified_ms",
        }
    }
}

/// What lies below a folder, all in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FolderSize {
    /// Files and folders.
    pub nodes: u64,
    /// Files.
    pub files: u64,
    /// Bytes of the files.
    pub size_bytes: u64,
}

const FOLDER_SIZE: &str = "SELECT COUNT(*) AS nodes, COALESCE(SUM(1 - folder), 0) AS files, \
     COALESCE(SUM(size_bytes), 0) AS bytes FROM nodes WHERE repository_no = $1 AND path >= $2 AND path < $3 \
     AND (expires_ms IS NULL OR expires_ms > $4)";

impl HostedData {
    /// Returns one page of what lies in `folder`.
    pub async fn node_page(
        &self,
        repository_no: i64,
        folder: &FilePath,
        filter: &NodeFilter,
        offset: i64,
        limit: i64,
    ) -> StoreResult<Vec<Node>> {
        let (within, mut values) = self.within(repository_no, folder, filter);
        let mut order: Vec<String> = Vec::new();
        for (by, ascending) in &filter.order {
            order.push(format!(
                "{} {}",
                by.column(),
                if *ascending { "ASC" } else { "DESC" }
            ));
        }
        if !filter.order.iter().any(|(by, _)| *by == NodeOrder::Path) {
            order.push("n.path".into());
        }
        let sql = format!(
            "SELECT {NODE_COLUMNS} FROM nodes n {} LEFT JOIN blobs b ON b.no = n.blob_no WHERE {within} \
             ORDER BY {} LIMIT ${} OFFSET ${}",
            // A folder's own nodes lie together there; by path they lie among all that is below them.
            if filter.deep {
                String::new()
            } else {
                by_index("nodes_by_depth")
            },
            order.join(", "),
            values.len() + 1,
            values.len() + 2
        );
        values.extend([int(limit), int(offset)]);
        self.db()
            .fetch_all(sql, values)
            .await?
            .iter()
            .map(node_of)
            .collect()
    }

    /// Returns how many nodes all pages show together.
    pub async fn node_count(
        &self,
        repository_no: i64,
        folder: &FilePath,
        filter: &NodeFilter,
    ) -> StoreResult<u64> {
        let (within, values) = self.within(repository_no, folder, filter);
        let sql = format!("SELECT COUNT(*) AS total FROM nodes n WHERE {within}");
        let row = self.db().fetch_optional(sql, values).await?;
        row.map_or(Ok(0), |row| row.size("total"))
    }

    /// Returns what lies below `folder`, all in all.
    pub async fn folder_size(&self, repository_no: i64, folder: &FilePath) -> StoreResult<FolderSize> {
        let below = PathRange::below(folder);
        let until = below.until.unwrap_or_else(|| "0".into());
        let row = self
            .db()
            .fetch_optional(
                FOLDER_SIZE,
                vec![
                    int(repository_no),
                    text(below.from),
                    text(until),
                    int(self.now_ms()),
                ],
            )
            .await?;
        let Some(row) = row else {
            return Ok(FolderSize::default());
        };
        Ok(FolderSize {
            nodes: row.size("nodes")?,
            files: row.size("files")?,
            size_bytes: row.size("bytes")?,
        })
    }

    /// Returns the condition for what a page of `folder` shows now.
    fn within(&self, repository_no: i64, folder: &FilePath, filter: &NodeFilter) -> (String, Vec<Value>) {
        let below = PathRange::below(folder);
        // Every path begins with a slash, and `0` is the character after it.
        let until = below.until.unwrap_or_else(|| "0".into());
        let mut values = vec![
            int(repository_no),
            text(below.from),
            text(until),
            int(self.now_ms()),
        ];
        let mut sql = String::from(
            "n.repository_no = $1 AND n.path >= $2 AND n.path < $3 \
             AND (n.expires_ms IS NULL OR n.expires_ms > $4)",
        );
        if !filter.deep {
            values.push(int(depth(folder) + 1));
            sql.push_str(" AND n.depth = $5");
            sql.push_str(if filter.folders {
                " AND n.folder IN (0, 1)"
            } else {
                " AND n.folder = 0"
            });
        } else if !filter.folders {
            sql.push_str(" AND n.folder = 0");
        }
        (sql, values)
    }
}
