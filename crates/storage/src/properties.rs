//! Changing the properties of a file; its bytes stay.

use std::collections::BTreeMap;

use domain::artifact::{Metadata, PROPERTY_BYTES};
use domain::id::NodeId;
use domain::path::FilePath;

use crate::changes::{NodeChanges, NodeRow};
use crate::db::{Row, StoreResult, int, text};
use crate::hosted::HostedData;
use crate::nodes::{metadata_of, metadata_text};

/// Properties by name with the values they get; `None` removes one.
pub type PropertyChanges = BTreeMap<String, Option<String>>;

/// What became of a change of properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertiesChanged {
    /// The file has them as they were asked for.
    Changed,
    /// No file stands there.
    NoFile,
    /// All of them together would be this many bytes, more than [`PROPERTY_BYTES`]; nothing was changed.
    TooLong(usize),
}

const FILE: &str = "SELECT id, blob_no, size_bytes, metadata, expires_ms, created_by, created_ms FROM nodes \
     WHERE repository_no = $1 AND path = $2 AND folder = 0 AND (expires_ms IS NULL OR expires_ms > $3)";

impl HostedData {
    /// Changes the properties of the file at `path` that `changes` names, the others stay; who watches it is told.
    pub async fn change_properties(
        &self,
        repository_no: i64,
        path: &FilePath,
        changes: PropertyChanges,
        user: &str,
    ) -> StoreResult<PropertiesChanged> {
        let mut write = self.db().begin().await?;
        let now_ms = self.now_ms();
        let values = vec![int(repository_no), text(path.as_str()), int(now_ms)];
        let Some(row) = write.fetch_optional(FILE, values).await? else {
            return Ok(PropertiesChanged::NoFile);
        };
        let before = metadata_of(row.maybe_text("metadata")?)?;
        let after = changed(&before, changes);
        let bytes: usize = after.iter().map(|(name, value)| name.len() + value.len()).sum();
        // One that has more than it may is always allowed to have less.
        if bytes > PROPERTY_BYTES && after.iter().any(|(name, value)| before.get(name) != Some(value)) {
            return Ok(PropertiesChanged::TooLong(bytes));
        }
        if after == before {
            return Ok(PropertiesChanged::Changed);
        }
        let file = NodeRow {
            metadata: metadata_text(&after),
            modified_by: user.into(),
            modified_ms: now_ms,
            ..file_row(path, &row)?
        };
        let changes = NodeChanges {
            files: vec![file],
            ..NodeChanges::of(repository_no)
        };
        changes.apply(&mut write, self).await?;
        write.commit().await?;
        Ok(PropertiesChanged::Changed)
    }
}

fn changed(before: &Metadata, changes: PropertyChanges) -> Metadata {
    let mut after = before.clone();
    for (name, value) in changes {
        match value {
            Some(value) => after.insert(name, value),
            None => after.remove(&name),
        };
    }
    after
}

fn file_row(path: &FilePath, row: &Row) -> StoreResult<NodeRow> {
    let (created_by, created_ms) = (row.text("created_by")?, row.int("created_ms")?);
    Ok(NodeRow {
        blob_no: row.maybe_int("blob_no")?,
        size_bytes: row.size("size_bytes")?,
        expires_ms: row.maybe_int("expires_ms")?,
        ..NodeRow::folder(
            path.clone(),
            NodeId::from(row.bytes::<12>("id")?),
            &created_by,
            created_ms,
        )
    })
}
