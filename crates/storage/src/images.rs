//! Images: manifests, tags and the blobs between them, in repositories that hold images.
//!
//! The bytes are nodes: `/{image}/_blobs/sha256/{hex}` and `/{image}/_manifests/sha256/{hex}`; no name of an image
//! begins a part with `_`. A blob nobody's manifest names carries an expiry and goes away by it; the transaction
//! that writes a manifest checks that what it names stands there, and takes the expiry off.

use std::collections::HashSet;

use domain::digest::Digest;
use domain::ports::Expect;

use crate::db::{Row, StoreResult, Value, Write, blob, int, list_of, maybe, size, text};
use crate::hosted::{HostedData, lists};
use crate::publish::{Publication, Written};
use crate::tags::TagWrite;

/// How long a blob stays that no manifest names.
pub const UNNAMED_MS: i64 = 24 * 60 * 60 * 1000;

/// Returns where the blob `digest` of `image` lies.
pub fn blob_path(image: &str, digest: &Digest) -> String {
    format!("/{image}/_blobs/sha256/{}", digest.to_hex())
}

/// Returns where the manifest `digest` of `image` lies.
pub fn manifest_path(image: &str, digest: &Digest) -> String {
    format!("/{image}/_manifests/sha256/{}", digest.to_hex())
}

/// What is known of a manifest beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRow {
    /// SHA-256 of the manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// How long it is.
    pub size_bytes: u64,
    /// How large it is with everything it consists of.
    pub total_bytes: u64,
    /// The manifest it is about.
    pub subject: Option<Digest>,
    /// What kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Its annotations, a JSON object.
    pub annotations: Option<String>,
}

/// A manifest as it is written.
#[derive(Debug, Clone)]
pub struct NewManifest {
    /// What is known of it.
    pub row: ManifestRow,
    /// The blobs it names; they have to be there.
    pub blobs: Vec<Digest>,
}

/// Manifests of one image that become visible together, and the tag that leads to them.
pub struct ImagePublication<'a> {
    /// The files: manifests, and blobs that are referred to without being sent.
    pub files: Publication<'a>,
    /// Name of the image within the repository.
    pub image: &'a str,
    /// The manifests.
    pub manifests: &'a [NewManifest],
    /// Manifests they lead to that are there already, and have to be still.
    pub standing: &'a [Digest],
    /// The tag.
    pub tag: Option<TagWrite<'a>>,
}

/// What an image publication came to; whatever is not `Stored` changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageWritten {
    /// It stands there.
    Stored {
        /// The new files that hold live blobs now.
        kept_files: HashSet<i64>,
    },
    /// The tag leads elsewhere than expected.
    Raced {
        /// To this manifest, of this size with everything it consists of.
        found: Option<(Digest, u64)>,
    },
    /// These blobs are not there.
    BlobsMissing(Vec<Digest>),
    /// This manifest, which they lead to, is not there any more.
    ManifestGone(Digest),
    /// A file could not be written.
    Refused(Written),
}

const MANIFEST: &str = "SELECT * FROM manifests WHERE repository_no = $1 AND image = $2 AND digest = $3";
const ANY_MANIFEST: &str = "SELECT 1 AS one FROM manifests WHERE repository_no = $1 AND image = $2 LIMIT 1";
const MANIFESTS: &str = "SELECT digest FROM manifests WHERE repository_no = $1 AND image = $2 AND digest > $3 \
     ORDER BY digest LIMIT $4";
const REFERRERS: &str = "SELECT * FROM manifests WHERE repository_no = $1 AND image = $2 AND subject = $3 \
     AND digest > $4 ORDER BY digest LIMIT $5";
const INSERT_MANIFESTS: &str = "INSERT INTO manifests (repository_no, image, digest, media_type, size_bytes, \
     total_bytes, subject, artifact_type, annotations) VALUES";
const REPLACE_MANIFEST: &str = "ON CONFLICT (repository_no, image, digest) DO UPDATE SET \
     media_type = excluded.media_type, total_bytes = excluded.total_bytes";
const INSERT_BLOBS: &str = "INSERT INTO manifest_blobs (repository_no, image, manifest, digest) VALUES";
const BLOBS_OF: &str =
    "SELECT digest FROM manifest_blobs WHERE repository_no = $1 AND image = $2 AND manifest = $3";
const NAMED: &str =
    "SELECT 1 AS one FROM manifest_blobs WHERE repository_no = $1 AND image = $2 AND digest = $3 LIMIT 1";
const DROP_BLOBS: &str =
    "DELETE FROM manifest_blobs WHERE repository_no = $1 AND image = $2 AND manifest = $3";
const DROP_MANIFEST: &str = "DELETE FROM manifests WHERE repository_no = $1 AND image = $2 AND digest = $3";
const STANDS: &str = "SELECT repository_no, path, size_bytes, blob_no, expires_ms FROM nodes \
     WHERE repository_no = $1 AND path = $2 AND folder = 0 AND (expires_ms IS NULL OR expires_ms > $3)";
const EXPIRE: &str = "UPDATE nodes SET expires_ms = $3 WHERE repository_no = $1 AND path = $2";
const PUT_OFF: &str = "UPDATE nodes SET expires_ms = $3 WHERE repository_no = $1 AND path = $2 \
     AND expires_ms IS NOT NULL AND expires_ms > $4";

/// What became of a blob that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobRemoved {
    /// It is gone.
    Removed,
    /// There was none.
    Unknown,
    /// A manifest names it.
    Named,
}

impl HostedData {
    /// Returns what is known of a manifest.
    pub async fn manifest(
        &self,
        repository_no: i64,
        image: &str,
        digest: &Digest,
    ) -> StoreResult<Option<ManifestRow>> {
        let values = of_digest(repository_no, image, digest);
        let row = self.db().fetch_optional(MANIFEST, values).await?;
        row.map(|row| manifest_of(&row)).transpose()
    }

    /// Returns what is known of each of `digests`, in their order.
    pub async fn manifests(
        &self,
        repository_no: i64,
        image: &str,
        digests: &[Digest],
    ) -> StoreResult<Vec<Option<ManifestRow>>> {
        let mut found = std::collections::HashMap::with_capacity(digests.len());
        for list in lists(digests) {
            let sql = format!(
                "SELECT * FROM manifests WHERE repository_no = ? AND image = ? AND digest IN ({})",
                list_of(list.len())
            );
            let values = [int(repository_no), text(image)]
                .into_iter()
                .chain(list.iter().map(|digest| blob(*digest.as_bytes())))
                .collect();
            for row in self.db().fetch_all(sql, values).await? {
                let manifest = manifest_of(&row)?;
                found.insert(manifest.digest, manifest);
            }
        }
        Ok(digests.iter().map(|digest| found.get(digest).cloned()).collect())
    }

    /// Says whether the image has any manifest.
    pub async fn has_manifests(&self, repository_no: i64, image: &str) -> StoreResult<bool> {
        let values = vec![int(repository_no), text(image)];
        Ok(self.db().fetch_optional(ANY_MANIFEST, values).await?.is_some())
    }

    /// Returns the digests of at most `limit` manifests of an image, in order, behind `after`.
    pub async fn manifests_of(
        &self,
        repository_no: i64,
        image: &str,
        after: Option<&Digest>,
        limit: u32,
    ) -> StoreResult<Vec<Digest>> {
        let after = after.map_or_else(|| blob([]), |after| blob(*after.as_bytes()));
        let values = vec![int(repository_no), text(image), after, int(limit.into())];
        let rows = self.db().fetch_all(MANIFESTS, values).await?;
        let digest = |row: &Row| Ok(Digest::from_bytes(row.bytes("digest")?));
        rows.iter().map(digest).collect()
    }

    /// Returns at most `limit` manifests about `subject` in the order of their digests, behind `after`.
    pub async fn referrers(
        &self,
        repository_no: i64,
        image: &str,
        subject: &Digest,
        after: Option<&Digest>,
        limit: u32,
    ) -> StoreResult<Vec<ManifestRow>> {
        let mut values = of_digest(repository_no, image, subject);
        values.push(after.map_or_else(|| blob([]), |after| blob(*after.as_bytes())));
        values.push(int(i64::from(limit)));
        let rows = self.db().fetch_all(REFERRERS, values).await?;
        rows.iter().map(manifest_of).collect()
    }

    /// Writes manifests and their tag in one transaction, if all they name is there.
    pub async fn publish_image(&self, publication: ImagePublication<'_>) -> StoreResult<ImageWritten> {
        let mut write = self.db().begin().await?;
        let written = self.publish_image_in(&mut write, &publication).await?;
        if matches!(written, ImageWritten::Stored { .. }) {
            write.commit().await?;
        }
        Ok(written)
    }

    async fn publish_image_in(
        &self,
        write: &mut Write,
        publication: &ImagePublication<'_>,
    ) -> StoreResult<ImageWritten> {
        let no = publication.files.repository_no;
        if let Some(tag) = &publication.tag {
            let found = tag.standing(write, no).await?;
            let holds = match (&tag.expect, &found) {
                (Expect::Anything, _) | (Expect::Absent, None) => true,
                (Expect::Digest(digest), Some((stands, _))) => digest == stands,
                (Expect::Mark(mark), Some((stands, _))) => *mark == stands.to_string(),
                (Expect::Absent, Some(_)) | (Expect::Digest(_) | Expect::Mark(_), None) => false,
            };
            if !holds {
                return Ok(ImageWritten::Raced { found });
            }
        }
        let published = self.publish_in(write, &publication.files).await?;
        // Where something stands already, it is the same: its path is its digest.
        let refused = published
            .written
            .iter()
            .find(|written| !matches!(written, Written::Stored { .. } | Written::Raced { .. }));
        if let Some(refused) = refused {
            return Ok(ImageWritten::Refused(refused.clone()));
        }
        let missing = self.keep_named(write, publication).await?;
        if !missing.is_empty() {
            return Ok(ImageWritten::BlobsMissing(missing));
        }
        for digest in publication.standing {
            let values = of_digest(no, publication.image, digest);
            if write.fetch_optional(MANIFEST, values).await?.is_none() {
                return Ok(ImageWritten::ManifestGone(*digest));
            }
        }
        insert_manifests(write, no, publication).await?;
        if let Some(tag) = &publication.tag {
            tag.write(self, write, no, &publication.files.viewer.user).await?;
        }
        Ok(ImageWritten::Stored {
            kept_files: published.kept_files,
        })
    }

    /// Takes the expiry off every blob the manifests name; returns those that are not there.
    async fn keep_named(
        &self,
        write: &mut Write,
        publication: &ImagePublication<'_>,
    ) -> StoreResult<Vec<Digest>> {
        let no = publication.files.repository_no;
        let named = publication.manifests.iter().flat_map(|manifest| &manifest.blobs);
        let named: Vec<Digest> = named.copied().collect::<HashSet<_>>().into_iter().collect();
        let paths: Vec<String> = named
            .iter()
            .map(|digest| blob_path(publication.image, digest))
            .collect();
        let mut standing: HashSet<String> = HashSet::with_capacity(paths.len());
        for list in lists(&paths) {
            let sql = format!(
                "UPDATE nodes SET expires_ms = NULL WHERE repository_no = ? AND folder = 0 \
                 AND (expires_ms IS NULL OR expires_ms > ?) AND path IN ({}) RETURNING path",
                list_of(list.len())
            );
            let values = [int(no), int(self.now_ms())]
                .into_iter()
                .chain(list.into_iter().map(text))
                .collect();
            for row in write.fetch_all(sql, values).await? {
                standing.insert(row.text("path")?);
            }
        }
        let missing = named
            .iter()
            .zip(&paths)
            .filter(|(_, path)| !standing.contains(*path));
        Ok(missing.map(|(digest, _)| *digest).collect())
    }

    /// Puts off the end of a blob that no manifest names yet: whoever was told that it is here relies on it.
    pub async fn put_off_blob(&self, repository_no: i64, image: &str, digest: &Digest) -> StoreResult<()> {
        let now_ms = self.now_ms();
        let values = vec![
            int(repository_no),
            text(blob_path(image, digest)),
            int(now_ms + UNNAMED_MS),
            int(now_ms),
        ];
        self.db().execute(PUT_OFF, values).await?;
        Ok(())
    }

    /// Removes a manifest and the tags that lead to it; blobs that none names any more stay for [`UNNAMED_MS`].
    ///
    /// `false` when there is none.
    pub async fn remove_manifest(
        &self,
        repository_no: i64,
        image: &str,
        package_key: &str,
        digest: &Digest,
    ) -> StoreResult<bool> {
        let mut write = self.db().begin().await?;
        let of_manifest = of_digest(repository_no, image, digest);
        if write.execute(DROP_MANIFEST, of_manifest.clone()).await? == 0 {
            return Ok(false);
        }
        let blobs = write.fetch_all(BLOBS_OF, of_manifest.clone()).await?;
        write.execute(DROP_BLOBS, of_manifest).await?;
        let expires_ms = self.now_ms() + UNNAMED_MS;
        for row in blobs {
            let part = Digest::from_bytes(row.bytes("digest")?);
            let named = of_digest(repository_no, image, &part);
            if write.fetch_optional(NAMED, named).await?.is_none() {
                let values = vec![int(repository_no), text(blob_path(image, &part)), int(expires_ms)];
                write.execute(EXPIRE, values).await?;
            }
        }
        let path = text(manifest_path(image, digest));
        let node = vec![int(repository_no), path, int(self.now_ms())];
        if let Some(row) = write.fetch_optional(STANDS, node).await? {
            self.remove_rows(&mut write, &[row]).await?;
        }
        crate::tags::remove_tags_of(&mut write, repository_no, package_key, digest).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Removes a blob that no manifest names.
    pub async fn remove_blob(
        &self,
        repository_no: i64,
        image: &str,
        digest: &Digest,
    ) -> StoreResult<BlobRemoved> {
        let mut write = self.db().begin().await?;
        let node = vec![
            int(repository_no),
            text(blob_path(image, digest)),
            int(self.now_ms()),
        ];
        let Some(row) = write.fetch_optional(STANDS, node).await? else {
            return Ok(BlobRemoved::Unknown);
        };
        let named = of_digest(repository_no, image, digest);
        if write.fetch_optional(NAMED, named).await?.is_some() {
            return Ok(BlobRemoved::Named);
        }
        self.remove_rows(&mut write, &[row]).await?;
        write.commit().await?;
        Ok(BlobRemoved::Removed)
    }
}

async fn insert_manifests(
    write: &mut Write,
    repository_no: i64,
    publication: &ImagePublication<'_>,
) -> StoreResult<()> {
    let mut manifests = Vec::with_capacity(publication.manifests.len());
    let mut blobs = Vec::new();
    for NewManifest { row, blobs: named } in publication.manifests {
        let mut values = of_digest(repository_no, publication.image, &row.digest);
        let digest = |digest: Digest| blob(*digest.as_bytes());
        values.extend([
            text(&row.media_type),
            size(row.size_bytes),
            size(row.total_bytes),
            maybe(row.subject, digest),
            maybe(row.artifact_type.clone(), text),
            maybe(row.annotations.clone(), text),
        ]);
        manifests.push(values);
        blobs.extend(named.iter().map(|part| {
            let mut values = of_digest(repository_no, publication.image, &row.digest);
            values.push(digest(*part));
            values
        }));
    }
    write
        .insert_all(INSERT_MANIFESTS, 9, REPLACE_MANIFEST, manifests)
        .await?;
    write
        .insert_all(INSERT_BLOBS, 4, "ON CONFLICT DO NOTHING", blobs)
        .await?;
    Ok(())
}

fn of_digest(repository_no: i64, image: &str, digest: &Digest) -> Vec<Value> {
    vec![int(repository_no), text(image), blob(*digest.as_bytes())]
}

fn manifest_of(row: &Row) -> StoreResult<ManifestRow> {
    let subject = match row.maybe_blob("subject")? {
        Some(_) => Some(Digest::from_bytes(row.bytes("subject")?)),
        None => None,
    };
    Ok(ManifestRow {
        digest: Digest::from_bytes(row.bytes("digest")?),
        media_type: row.text("media_type")?,
        size_bytes: row.size("size_bytes")?,
        total_bytes: row.size("total_bytes")?,
        subject,
        artifact_type: row.maybe_text("artifact_type")?,
        annotations: row.maybe_text("annotations")?,
    })
}
