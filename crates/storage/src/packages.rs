//! Packages of hosted repositories and their versions, as they are listed.
//!
//! A package without versions has no row.

use domain::digest::Digest;
use domain::id::NodeId;

use crate::builder::Builder;
use crate::db::{Row, StoreResult, int, text};
use crate::hosted::HostedData;

/// A package: the versions of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its id.
    pub id: NodeId,
    /// Its key: `docker://team/app`.
    pub key: String,
    /// Its name: `team/app`.
    pub name: String,
    /// The version written last.
    pub latest: String,
    /// How many versions there are.
    pub versions: u64,
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

/// One version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    /// Its name: the tag of an image.
    pub version: String,
    /// SHA-256 of the whole: of the manifest of an image.
    pub digest: Digest,
    /// How large it is, with everything it consists of.
    pub size_bytes: u64,
    /// Who made it.
    pub created_by: String,
    /// When, in Unix milliseconds.
    pub created_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// When, in Unix milliseconds.
    pub modified_ms: i64,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct PackageFilter {
    /// Only names that begin so, ignoring case.
    pub name_prefix: Option<String>,
    /// Only what comes behind this package's key, or this version.
    pub after: Option<String>,
    /// Rows that come before.
    pub offset: u64,
    /// Most rows.
    pub limit: u64,
}

const PACKAGE: &str = "SELECT * FROM packages WHERE repository_no = $1 AND key = $2";

impl HostedData {
    /// Returns one page of the packages of a repository, by key.
    pub async fn packages(&self, repository_no: i64, filter: &PackageFilter) -> StoreResult<Vec<Package>> {
        let mut sql = Builder::new("SELECT * FROM packages WHERE repository_no = ");
        sql.bind(int(repository_no));
        filter.push(&mut sql, "name");
        filter.push_page(&mut sql, "key");
        let rows = self.db().fetch_all(sql.sql, sql.values).await?;
        rows.iter().map(package_of).collect()
    }

    /// Returns how many packages all pages show together.
    pub async fn package_count(&self, repository_no: i64, filter: &PackageFilter) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS total FROM packages WHERE repository_no = ");
        sql.bind(int(repository_no));
        filter.push(&mut sql, "name");
        let row = self.db().fetch_optional(sql.sql, sql.values).await?;
        row.map_or(Ok(0), |row| row.size("total"))
    }

    /// Returns the package called `key`.
    pub async fn package(&self, repository_no: i64, key: &str) -> StoreResult<Option<Package>> {
        let values = vec![int(repository_no), text(key)];
        let row = self.db().fetch_optional(PACKAGE, values).await?;
        row.map(|row| package_of(&row)).transpose()
    }

    /// Returns one page of the versions of a package, by name.
    pub async fn versions(
        &self,
        repository_no: i64,
        key: &str,
        filter: &PackageFilter,
    ) -> StoreResult<Vec<PackageVersion>> {
        let mut sql = Builder::new("SELECT *");
        push_versions(&mut sql, repository_no, key, filter);
        filter.push_page(&mut sql, "version");
        let rows = self.db().fetch_all(sql.sql, sql.values).await?;
        rows.iter().map(version_of).collect()
    }

    /// Returns how many versions all pages show together.
    pub async fn version_count(
        &self,
        repository_no: i64,
        key: &str,
        filter: &PackageFilter,
    ) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS total");
        push_versions(&mut sql, repository_no, key, filter);
        let row = self.db().fetch_optional(sql.sql, sql.values).await?;
        row.map_or(Ok(0), |row| row.size("total"))
    }
}

fn push_versions(sql: &mut Builder, repository_no: i64, key: &str, filter: &PackageFilter) {
    sql.push(" FROM package_versions WHERE repository_no = ")
        .bind(int(repository_no))
        .push(" AND package_key = ")
        .bind(text(key));
    filter.push(sql, "version");
}

impl PackageFilter {
    fn push(&self, sql: &mut Builder, column: &str) {
        if let Some(prefix) = &self.name_prefix {
            let prefix = sql.refer(text(prefix));
            sql.push(&format!(
                " AND LOWER(SUBSTR({column}, 1, LENGTH({prefix}))) = LOWER({prefix})"
            ));
        }
    }

    fn push_page(&self, sql: &mut Builder, order: &str) {
        let bounded = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
        if let Some(after) = &self.after {
            sql.push(&format!(" AND {order} > ")).bind(text(after));
        }
        sql.push(&format!(" ORDER BY {order} LIMIT "))
            .bind(bounded(self.limit))
            .push(" OFFSET ")
            .bind(bounded(self.offset));
    }
}

pub(crate) fn package_of(row: &Row) -> StoreResult<Package> {
    Ok(Package {
        id: NodeId::from(row.bytes::<12>("id")?),
        key: row.text("key")?,
        name: row.text("name")?,
        latest: row.text("latest")?,
        versions: row.size("versions")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}

fn version_of(row: &Row) -> StoreResult<PackageVersion> {
    Ok(PackageVersion {
        version: row.text("version")?,
        digest: Digest::from_bytes(row.bytes("digest")?),
        size_bytes: row.size("size_bytes")?,
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}
