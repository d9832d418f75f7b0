//! Tags of images: the rows of packages and their versions that change as tags do.

use domain::artifact::ArtifactKey;
use domain::digest::Digest;
use domain::id::NodeId;
use domain::ports::Expect;

use crate::builder::Builder;
use crate::db::{Row, StoreResult, Value, Write, blob, int, list_of, size, text};
use crate::hosted::{HostedData, lists};
use crate::publish::Viewer;

/// A tag as it is written.
#[derive(Debug, Clone)]
pub struct TagWrite<'a> {
    /// Key of the image as a package.
    pub package_key: &'a str,
    /// Name of the image.
    pub image: &'a str,
    /// The tag.
    pub tag: &'a str,
    /// The manifest it leads to.
    pub digest: Digest,
    /// How large that is, with everything it consists of.
    pub total_bytes: u64,
    /// Where it must lead now.
    pub expect: Expect,
}

/// An image somewhere on this node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImagePlace {
    /// Its project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// Its name there.
    pub image: String,
}

const TAG: &str = "SELECT digest, size_bytes FROM package_versions \
     WHERE repository_no = $1 AND package_key = $2 AND version = $3";
const WRITE_TAG: &str = "INSERT INTO package_versions (repository_no, package_key, version, digest, size_bytes, \
     created_by, created_ms, modified_by, modified_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $7) \
     ON CONFLICT (repository_no, package_key, version) DO UPDATE SET digest = excluded.digest, \
     size_bytes = excluded.size_bytes, modified_by = excluded.modified_by, modified_ms = excluded.modified_ms";
const WRITE_PACKAGE: &str = "INSERT INTO packages (repository_no, key, name, id, latest, versions, \
     created_by, created_ms, modified_by, modified_ms) VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $6, $7) \
     ON CONFLICT (repository_no, key) DO UPDATE SET latest = excluded.latest, versions = packages.versions + $8, \
     modified_by = excluded.modified_by, modified_ms = excluded.modified_ms";
const DROP_TAG: &str =
    "DELETE FROM package_versions WHERE repository_no = $1 AND package_key = $2 AND version = $3";
const DROP_TAGS_OF: &str =
    "DELETE FROM package_versions WHERE repository_no = $1 AND package_key = $2 AND digest = $3";
const DROP_SOME_TAGS: &str = "DELETE FROM package_versions WHERE repository_no = $1 AND package_key = $2 \
     AND version IN (SELECT version FROM package_versions WHERE repository_no = $1 AND package_key = $2 \
     ORDER BY version LIMIT $3)";
const FEWER: &str = "UPDATE packages SET versions = versions - $3 WHERE repository_no = $1 AND key = $2";
const DROP_EMPTY: &str = "DELETE FROM packages WHERE repository_no = $1 AND key = $2 AND versions <= 0";
const NEW_LATEST: &str = "UPDATE packages SET latest = (SELECT v.version FROM package_versions v \
     WHERE v.repository_no = $1 AND v.package_key = $2 ORDER BY v.modified_ms DESC, v.version DESC LIMIT 1) \
     WHERE repository_no = $1 AND key = $2 AND NOT EXISTS (SELECT 1 FROM package_versions v \
     WHERE v.repository_no = $1 AND v.package_key = $2 AND v.version = packages.latest)";
const TAGS: &str = "SELECT version FROM package_versions WHERE repository_no = $1 AND package_key = $2 \
     AND version > $3 ORDER BY version LIMIT $4";
const KEYS: &str = "SELECT package_key, version FROM package_versions WHERE repository_no = $1 \
     AND (package_key, version) > ($2, $3) ORDER BY package_key, version LIMIT $4";

impl TagWrite<'_> {
    /// Returns where the tag leads now.
    pub(crate) async fn standing(
        &self,
        write: &mut Write,
        repository_no: i64,
    ) -> StoreResult<Option<(Digest, u64)>> {
        let values = vec![int(repository_no), text(self.package_key), text(self.tag)];
        let row = write.fetch_optional(TAG, values).await?;
        row.map(|row| tag_of(&row)).transpose()
    }

    pub(crate) async fn write(
        &self,
        data: &HostedData,
        write: &mut Write,
        repository_no: i64,
        user: &str,
    ) -> StoreResult<()> {
        let more = i64::from(self.standing(write, repository_no).await?.is_none());
        let now_ms = data.now_ms();
        let values = vec![
            int(repository_no),
            text(self.package_key),
            text(self.tag),
            blob(*self.digest.as_bytes()),
            size(self.total_bytes),
            text(user),
            int(now_ms),
        ];
        write.execute(WRITE_TAG, values).await?;
        let id: NodeId = data.next_id();
        let values = vec![
            int(repository_no),
            text(self.package_key),
            text(self.image),
            blob(*id.as_bytes()),
            text(self.tag),
            text(user),
            int(now_ms),
            int(more),
        ];
        write.execute(WRITE_PACKAGE, values).await?;
        Ok(())
    }
}

impl HostedData {
    /// Returns the manifest a tag leads to, and how large that is with everything it consists of.
    pub async fn tag(
        &self,
        repository_no: i64,
        package_key: &str,
        tag: &str,
    ) -> StoreResult<Option<(Digest, u64)>> {
        let values = vec![int(repository_no), text(package_key), text(tag)];
        let row = self.db().fetch_optional(TAG, values).await?;
        row.map(|row| tag_of(&row)).transpose()
    }

    /// Returns at most `limit` tags of an image in byte order, behind `after`.
    pub async fn tags(
        &self,
        repository_no: i64,
        package_key: &str,
        after: &str,
        limit: u32,
    ) -> StoreResult<Vec<String>> {
        let values = vec![
            int(repository_no),
            text(package_key),
            text(after),
            int(i64::from(limit)),
        ];
        let rows = self.db().fetch_all(TAGS, values).await?;
        rows.iter().map(|row| row.text("version")).collect()
    }

    /// Returns those of `tags` that an image has, in byte order.
    pub async fn tags_among(
        &self,
        repository_no: i64,
        package_key: &str,
        tags: &[String],
    ) -> StoreResult<Vec<String>> {
        let mut found = std::collections::BTreeSet::new();
        for list in lists(tags) {
            let sql = format!(
                "SELECT version FROM package_versions WHERE repository_no = ? AND package_key = ? AND version IN ({})",
                list_of(list.len())
            );
            let values = [int(repository_no), text(package_key)]
                .into_iter()
                .chain(list.into_iter().map(text))
                .collect();
            for row in self.db().fetch_all(sql, values).await? {
                found.insert(row.text("version")?);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Returns at most `limit` package versions of a repository by key and version, behind `after`.
    pub async fn version_keys(
        &self,
        repository_no: i64,
        after: (&str, &str),
        limit: usize,
    ) -> StoreResult<Vec<ArtifactKey>> {
        let values = vec![
            int(repository_no),
            text(after.0),
            text(after.1),
            int(i64::try_from(limit).unwrap_or(i64::MAX)),
        ];
        let rows = self.db().fetch_all(KEYS, values).await?;
        rows.iter()
            .map(|row| {
                Ok(ArtifactKey {
                    name: row.text("package_key")?,
                    version: Some(row.text("version")?),
                })
            })
            .collect()
    }

    /// Removes a tag; what it led to stays. `false` when there is none.
    pub async fn remove_tag(&self, repository_no: i64, package_key: &str, tag: &str) -> StoreResult<bool> {
        let mut write = self.db().begin().await?;
        let values = vec![int(repository_no), text(package_key), text(tag)];
        let removed = write.execute(DROP_TAG, values).await?;
        note_fewer(&mut write, repository_no, package_key, removed).await?;
        write.commit().await?;
        Ok(removed > 0)
    }

    /// Removes at most `batch` tags of a package; what they led to stays. Returns how many.
    pub async fn remove_tags(&self, repository_no: i64, package_key: &str, batch: u32) -> StoreResult<u64> {
        let mut write = self.db().begin().await?;
        let values = vec![int(repository_no), text(package_key), int(batch.into())];
        let removed = write.execute(DROP_SOME_TAGS, values).await?;
        note_fewer(&mut write, repository_no, package_key, removed).await?;
        write.commit().await?;
        Ok(removed)
    }

    /// Returns at most `limit` images with tags in repositories that hold images, behind `after`, of those the
    /// viewer may read; `None` for a viewer: public ones only.
    pub async fn images(
        &self,
        viewer: Option<&Viewer>,
        after: &ImagePlace,
        limit: u32,
    ) -> StoreResult<Vec<ImagePlace>> {
        let mut sql = Builder::new(
            "SELECT r.project, r.name AS repository, p.name AS image FROM repositories r \
             JOIN packages p ON p.repository_no = r.no WHERE r.deleted_ms IS NULL AND r.type IN ('DOCKER', 'OCI')",
        );
        match viewer.map(|viewer| &viewer.projects) {
            Some(None) => {}
            Some(Some(projects)) if !projects.is_empty() => {
                sql.push(" AND (r.public = 1 OR r.project IN ")
                    .bind_list(projects.iter().map(text))
                    .push(")");
            }
            _ => {
                sql.push(" AND r.public = 1");
            }
        }
        let place: [Value; 3] = [text(&after.project), text(&after.repository), text(&after.image)];
        sql.push(" AND (r.project, r.name, p.name) > ").bind_list(place);
        sql.push(" ORDER BY r.project, r.name, p.name LIMIT ")
            .bind(int(i64::from(limit)));
        let rows = self.db().fetch_all(sql.sql, sql.values).await?;
        rows.iter()
            .map(|row| {
                Ok(ImagePlace {
                    project: row.text("project")?,
                    repository: row.text("repository")?,
                    image: row.text("image")?,
                })
            })
            .collect()
    }
}

/// Removes the tags that lead to `digest`.
pub(crate) async fn remove_tags_of(
    write: &mut Write,
    repository_no: i64,
    package_key: &str,
    digest: &Digest,
) -> StoreResult<()> {
    let values = vec![int(repository_no), text(package_key), blob(*digest.as_bytes())];
    let removed = write.execute(DROP_TAGS_OF, values).await?;
    note_fewer(write, repository_no, package_key, removed).await
}

async fn note_fewer(
    write: &mut Write,
    repository_no: i64,
    package_key: &str,
    removed: u64,
) -> StoreResult<()> {
    if removed == 0 {
        return Ok(());
    }
    let of_package = vec![int(repository_no), text(package_key)];
    let mut fewer = of_package.clone();
    fewer.push(size(removed));
    write.execute(FEWER, fewer).await?;
    write.execute(DROP_EMPTY, of_package.clone()).await?;
    write.execute(NEW_LATEST, of_package).await?;
    Ok(())
}

fn tag_of(row: &Row) -> StoreResult<(Digest, u64)> {
    Ok((Digest::from_bytes(row.bytes("digest")?), row.size("size_bytes")?))
}
