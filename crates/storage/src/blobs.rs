//! Blob rows: which bytes are here, where they lie, and who may know.

use std::collections::HashMap;

use domain::digest::Digest;

use crate::blobfiles::BlobPlace;
use crate::db::{Row, StoreResult, Value, Write, blob, int, list_of, text};
use crate::hosted::{HostedData, lists};
use crate::publish::{NewBlob, Viewer, insert_blob, keep};

const BY_DIGEST: &str = "SELECT no FROM blobs WHERE digest = $1";
const ADD_SENDER: &str = "INSERT INTO blob_senders (blob_no, sender) VALUES ($1, $2) ON CONFLICT DO NOTHING";

impl HostedData {
    /// Says for each of `digests`, in their order, whether its bytes need not be sent by `viewer`.
    ///
    /// Yes only for blobs that a project the viewer may read refers to, or that they sent themselves; all of
    /// those are pinned in the same transaction.
    pub async fn present(&self, digests: &[Digest], viewer: &Viewer) -> StoreResult<Vec<bool>> {
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.db().begin().await?;
        let known: HashMap<Digest, i64> = known_to(&mut write, digests, viewer).await?.into_iter().collect();
        let nos: Vec<i64> = known.values().copied().collect();
        keep(&mut write, &nos, self.now_ms() + self.grace_ms).await?;
        write.commit().await?;
        Ok(digests.iter().map(|digest| known.contains_key(digest)).collect())
    }

    /// Makes `new`, a file of its own, a live blob that `sender` may refer to; pinned for the grace time.
    ///
    /// Returns whether the new file is used; when the same bytes were here already it may be removed.
    pub async fn adopt(&self, new: &NewBlob, sender: &str) -> StoreResult<bool> {
        let mut write = self.db().begin().await?;
        let used = self.adopt_in(&mut write, new, sender).await?;
        write.commit().await?;
        Ok(used)
    }

    pub(crate) async fn adopt_in(&self, write: &mut Write, new: &NewBlob, sender: &str) -> StoreResult<bool> {
        let keep_until_ms = self.now_ms() + self.grace_ms;
        let known = write
            .fetch_optional(BY_DIGEST, vec![blob(*new.digest.as_bytes())])
            .await?;
        let (no, used) = match known {
            Some(row) => (row.int("no")?, false),
            None => (self.next_blob_no(), true),
        };
        if used {
            insert_blob(write, no, new, keep_until_ms).await?;
        } else {
            keep(write, &[no], keep_until_ms).await?;
        }
        write.execute(ADD_SENDER, vec![int(no), text(sender)]).await?;
        Ok(used)
    }

    /// Returns where each of `digests` lies, in their order; `None` for those that are not here.
    pub async fn places(&self, digests: &[Digest]) -> StoreResult<Vec<Option<BlobPlace>>> {
        let mut found: HashMap<Digest, BlobPlace> = HashMap::with_capacity(digests.len());
        for list in lists(digests) {
            let sql = format!(
                "SELECT digest, file_no, offset_bytes, size_bytes FROM blobs WHERE digest IN ({})",
                list_of(list.len())
            );
            let values = list.iter().map(|digest| blob(*digest.as_bytes())).collect();
            for row in self.db().fetch_all(sql, values).await? {
                found.insert(Digest::from_bytes(row.bytes("digest")?), place_of(&row)?);
            }
        }
        Ok(digests.iter().map(|digest| found.get(digest).copied()).collect())
    }
}

pub(crate) fn place_of(row: &Row) -> StoreResult<BlobPlace> {
    Ok(BlobPlace {
        file_no: row.int("file_no")?,
        offset_bytes: row.size("offset_bytes")?,
        size_bytes: row.size("size_bytes")?,
    })
}

/// Returns which of `digests` are live blobs that `viewer` may know of, and their numbers.
pub(crate) async fn known_to(
    write: &mut Write,
    digests: &[Digest],
    viewer: &Viewer,
) -> StoreResult<Vec<(Digest, i64)>> {
    let mut known = Vec::new();
    for list in lists(digests) {
        let mut values: Vec<Value> = list.iter().map(|digest| blob(*digest.as_bytes())).collect();
        let scope = scope_sql(viewer, &mut values);
        let sql = format!(
            "SELECT b.digest, b.no FROM blobs b WHERE b.digest IN ({}) {scope}",
            list_of(list.len())
        );
        for row in write.fetch_all(sql, values).await? {
            known.push((Digest::from_bytes(row.bytes("digest")?), row.int("no")?));
        }
    }
    Ok(known)
}

/// Returns the condition under which `viewer` may know of blob `b`, binding what it needs.
fn scope_sql(viewer: &Viewer, values: &mut Vec<Value>) -> String {
    let Some(projects) = &viewer.projects else {
        return String::new();
    };
    values.push(text(&viewer.user));
    let mut sql =
        String::from("AND (EXISTS (SELECT 1 FROM blob_senders s WHERE s.blob_no = b.no AND s.sender = ?)");
    if !projects.is_empty() {
        sql.push_str(&format!(
            " OR EXISTS (SELECT 1 FROM nodes n JOIN repositories r ON r.no = n.repository_no \
             WHERE n.blob_no = b.no AND r.deleted_ms IS NULL AND r.project IN ({}))",
            list_of(projects.len())
        ));
        values.extend(projects.iter().map(text));
    }
    sql.push(')');
    sql
}
