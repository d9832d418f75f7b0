//! Searching packages by rules over their fields: the same rules, looked up in another table.

use super::NodeSearch;
use super::condition::{expression, push_rule};
use crate::builder::Builder;
use crate::db::{Row, StoreResult, int, text};
use crate::hosted::HostedData;
use crate::packages::{Package, package_of};

/// A package that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPackage {
    /// Name of its repository.
    pub repository: String,
    /// Type of its repository.
    pub repository_type: String,
    /// The package.
    pub package: Package,
}

impl HostedData {
    /// Returns one page of the packages that are found.
    ///
    /// Only fields that packages have may be searched by: names, the package's own, and who changed it when.
    pub async fn search_packages(&self, search: &NodeSearch) -> StoreResult<Vec<FoundPackage>> {
        let mut sql = Builder::new("SELECT r.name AS repository, r.type AS repository_type, n.*");
        push_search(&mut sql, search);
        sql.push(" ORDER BY ");
        for (field, ascending) in &search.order {
            let by = expression(&mut sql, field);
            sql.push(&by).push(if *ascending { " ASC, " } else { " DESC, " });
        }
        let bounded = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
        sql.push("r.name, n.key LIMIT ")
            .bind(bounded(search.limit))
            .push(" OFFSET ")
            .bind(bounded(search.offset));
        self.look(sql).await?.iter().map(found).collect()
    }

    /// Returns how many packages all pages show together.
    pub async fn search_packages_count(&self, search: &NodeSearch) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS total");
        push_search(&mut sql, search);
        let rows = self.look(sql).await?;
        rows.first().map_or(Ok(0), |row| row.size("total"))
    }
}

fn push_search(sql: &mut Builder, search: &NodeSearch) {
    sql.push(
        " FROM repositories r CROSS JOIN packages n \
         WHERE n.repository_no = r.no AND r.deleted_ms IS NULL AND r.project = ",
    )
    .bind(text(&search.project));
    if search.only_public {
        sql.push(" AND r.public = 1");
    }
    sql.push(" AND ");
    push_rule(sql, &search.rule);
}

fn found(row: &Row) -> StoreResult<FoundPackage> {
    Ok(FoundPackage {
        repository: row.text("repository")?,
        repository_type: row.text("repository_type")?,
        package: package_of(row)?,
    })
}
