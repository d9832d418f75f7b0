//! Searching nodes, and packages, by rules over their fields.
//!
//! A rule becomes one SQL condition with bound values ([`condition`]); nothing a caller wrote is ever part of the
//! text. Within a repository these fields have an index: the full path (equal, one of, prefix, a pattern up to its
//! first wildcard), the folder (equal, one of) and the SHA-256 (equal, one of). Every other rule is looked up row by
//! row in the repositories it leaves over. A search ends after [`MOST_TIME`], and only [`AT_ONCE`] run at a time, so
//! that an expensive one costs its caller an answer and nobody else theirs.

mod condition;
mod packages;
mod pattern;

use std::time::Duration;

use crate::builder::Builder;
use crate::db::{Row, StoreResult, int, text};
use crate::hosted::HostedData;
use crate::nodes::{NODE_COLUMNS, Node, node_of};
use condition::{expression, push_places, push_rule};

pub use packages::FoundPackage;
pub use pattern::{InvalidPattern, Pattern};

/// How long a search may look.
pub const MOST_TIME: Duration = Duration::from_secs(10);
/// Searches that look at the same time.
pub const AT_ONCE: usize = 2;

/// What a node can be searched by; a package by names, who changed it when, and what it alone has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeField {
    /// Name of the project.
    Project,
    /// Name of the repository.
    Repository,
    /// Type of the repository.
    RepositoryType,
    /// The folder, with a slash at its end.
    Folder,
    /// The last name of the path.
    Name,
    /// The path.
    Path,
    /// Size in bytes.
    Size,
    /// Whether it is a folder: 0 or 1.
    IsFolder,
    /// SHA-256 in lowercase hex; folders have none.
    Sha256,
    /// MD5 in lowercase hex, where somebody computed it.
    Md5,
    /// Who made it.
    CreatedBy,
    /// When, in Unix milliseconds.
    Created,
    /// Who changed it last.
    ModifiedBy,
    /// When, in Unix milliseconds.
    Modified,
    /// When it goes away by itself, in Unix milliseconds.
    Expires,
    /// A property, by its key.
    Property(String),
    /// Key of a package.
    PackageKey,
    /// The version of a package that was written last.
    Latest,
    /// How many versions a package has.
    Versions,
    /// Something no node here has.
    Absent,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A number; properties are texts and count as numbers where they are some.
    Number(i64),
}

/// How a field is compared; what a node lacks is different from everything and in no order with it.
#[derive(Debug, Clone)]
pub enum NodeTest {
    /// Equal.
    Is(Operand),
    /// Not equal, or absent.
    IsNot(Operand),
    /// Less.
    Less(Operand),
    /// Less or equal.
    AtMost(Operand),
    /// Greater.
    More(Operand),
    /// Greater or equal.
    AtLeast(Operand),
    /// Equal to one of them.
    OneOf(Vec<Operand>),
    /// Equal to none of them, or absent.
    NoneOf(Vec<Operand>),
    /// Begins so.
    Prefix(String),
    /// Holds something the pattern fits.
    Fits(Pattern),
    /// Absent.
    Missing,
    /// There.
    Present,
}

/// Which nodes are looked for.
#[derive(Debug, Clone)]
pub enum NodeRule {
    /// All of these hold.
    All(Vec<NodeRule>),
    /// Any of these holds.
    Any(Vec<NodeRule>),
    /// None of these holds.
    None(Vec<NodeRule>),
    /// A field passes a test.
    Test(NodeField, NodeTest),
}

/// A search in the repositories of one project.
#[derive(Debug, Clone)]
pub struct NodeSearch {
    /// The project.
    pub project: String,
    /// Whether to look only into repositories that anybody may read.
    pub only_public: bool,
    /// Which nodes.
    pub rule: NodeRule,
    /// The order, the first one first, ascending where set; ties and the rest go by repository and path.
    pub order: Vec<(NodeField, bool)>,
    /// Nodes that come before the page.
    pub offset: u64,
    /// Most nodes of the page.
    pub limit: u64,
}

/// A node that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNode {
    /// Name of its repository.
    pub repository: String,
    /// The node.
    pub node: Node,
}

impl HostedData {
    /// Returns one page of what is found.
    pub async fn search(&self, search: &NodeSearch) -> StoreResult<Vec<FoundNode>> {
        let rows = self.look(self.page_of(search)).await?;
        rows.iter().map(found).collect()
    }

    fn page_of(&self, search: &NodeSearch) -> Builder {
        let mut sql = Builder::new(&format!("SELECT r.name AS repository, {NODE_COLUMNS}"));
        self.push_search(&mut sql, search);
        sql.push(" ORDER BY ");
        for (field, ascending) in &search.order {
            let by = expression(&mut sql, field);
            sql.push(&by).push(if *ascending { " ASC, " } else { " DESC, " });
        }
        let bounded = |number: u64| int(i64::try_from(number).unwrap_or(i64::MAX));
        sql.push("r.name, n.path LIMIT ")
            .bind(bounded(search.limit))
            .push(" OFFSET ")
            .bind(bounded(search.offset));
        sql
    }

    /// Returns how many nodes all pages show together.
    pub async fn search_count(&self, search: &NodeSearch) -> StoreResult<u64> {
        let mut sql = Builder::new("SELECT COUNT(*) AS total");
        self.push_search(&mut sql, search);
        let rows = self.look(sql).await?;
        rows.first().map_or(Ok(0), |row| row.size("total"))
    }

    fn push_search(&self, sql: &mut Builder, search: &NodeSearch) {
        // Repository by repository: a cross join is never turned round.
        sql.push(
            " FROM repositories r CROSS JOIN nodes n LEFT JOIN blobs b ON b.no = n.blob_no \
             WHERE n.repository_no = r.no AND r.deleted_ms IS NULL AND r.project = ",
        )
        .bind(text(&search.project));
        if search.only_public {
            sql.push(" AND r.public = 1");
        }
        sql.push(" AND (n.expires_ms IS NULL OR n.expires_ms > ")
            .bind(int(self.now_ms()))
            .push(") AND ");
        push_rule(sql, &search.rule);
        push_places(sql, &search.rule);
    }

    async fn look(&self, sql: Builder) -> StoreResult<Vec<Row>> {
        let _turn = self.searching.acquire().await.ok();
        self.db().fetch_within(MOST_TIME, sql.sql, sql.values).await
    }
}

fn found(row: &Row) -> StoreResult<FoundNode> {
    Ok(FoundNode {
        repository: row.text("repository")?,
        node: node_of(row)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use testkit::ManualClock;

    use super::*;
    use crate::Store;

    /// Returns how the database would look for `rule`.
    async fn plan(data: &HostedData, rule: NodeRule) -> String {
        let search = NodeSearch {
            project: "p".into(),
            only_public: false,
            rule,
            order: Vec::new(),
            offset: 0,
            limit: 10,
        };
        let mut sql = data.page_of(&search);
        sql.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let rows = data.look(sql).await.expect("a plan");
        let steps = rows.iter().map(|row| row.text("detail").expect("a text"));
        steps.collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn paths_folders_and_digests_are_found_by_index() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at(1_790_000_000_000));
        let store = Store::open(folder.path(), clock, None).await.expect("a store");
        let data = HostedData::open(&store).await.expect("it opens");
        let text = |text: &str| Operand::Text(text.into());
        let digest = "00".repeat(32);

        for (field, test, used) in [
            (
                NodeField::Path,
                NodeTest::Is(text("/a")),
                "PRIMARY KEY (repository_no=? AND path=?)",
            ),
            (
                NodeField::Path,
                NodeTest::Prefix("/a/".into()),
                "PRIMARY KEY (repository_no=? AND path>? AND path<?)",
            ),
            (
                NodeField::Path,
                NodeTest::Fits(Pattern::wildcards("/a/*.tgz", false).expect("a pattern")),
                "PRIMARY KEY (repository_no=? AND path>? AND path<?)",
            ),
            (NodeField::Folder, NodeTest::Is(text("/a/")), "nodes_by_depth"),
            (
                NodeField::Sha256,
                NodeTest::Is(text(&digest)),
                "INDEX nodes_by_blob (blob_no=?",
            ),
            (
                NodeField::Name,
                NodeTest::Is(text("a")),
                "PRIMARY KEY (repository_no=?)",
            ),
        ] {
            let shown = format!("{field:?} {test:?}");
            let plan = plan(&data, NodeRule::All(vec![NodeRule::Test(field, test)])).await;
            assert!(plan.contains(used), "{shown}: {plan}");
            assert!(plan.starts_with("SEARCH r"), "{shown}: {plan}");
        }
    }
}
