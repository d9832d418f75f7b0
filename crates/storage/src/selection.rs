//! Turns a filter into lanes and conditions.
//!
//! Status, cluster, repository and the kind of thing a filter speaks of choose lanes, which are counted.
//! Prefixes and versions become conditions, one branch for each index that finds their rows; branches
//! never share a row, so that their counts add up.

use std::collections::{BTreeMap, BTreeSet};

use domain::detail::{DetailFilter, DetailStatus, Outcome};

use crate::builder::Builder;
use crate::db::{Snapshot, StoreResult, int, prefix_end, text, unindexed};
use crate::entries::outcome_code;
use crate::lanes::{Kind, group_of, kind_of, status_of, unit_of};
use crate::records::{self, Unit};

/// Most groups of lanes whose names are looked at to find out that a prefix selects everything.
const PROBED_GROUPS: usize = 64;

/// What a row of a branch has to be, besides being in its lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Name(String),
    NotName(String),
    Package(String),
    Version(String),
    Outcome(i64),
    Class(&'static str),
}

/// Rows found through one index.
#[derive(Debug, Clone)]
pub struct Branch {
    lanes: Vec<i64>,
    /// Whether those are all lanes of the record.
    every_lane: bool,
    /// Whether the groups of these lanes have no other lanes.
    whole_groups: bool,
    conditions: Vec<Condition>,
}

/// How the rows of a branch are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Through the index of its condition, in no useful order.
    Index,
    /// In the order they are listed in, looking at each.
    Order,
}

/// The details of one record that a filter selects.
pub struct Selection {
    /// Number of the record.
    pub no: i64,
    /// Its units, by number.
    pub units: BTreeMap<u16, Unit>,
    /// Lanes that may hold selected rows.
    pub lanes: Vec<i64>,
    /// Whether those are all lanes of the record.
    pub every_lane: bool,
    /// How many rows these lanes have.
    pub lane_rows: u64,
    branches: Vec<Branch>,
}

const UNITS: &str = "SELECT * FROM record_unit WHERE record_no = $1";
const LANES: &str = "SELECT lane, rows FROM detail_lane WHERE record_no = $1 AND rows > 0";
const NAMES: &str = "SELECT (SELECT name FROM detail WHERE record_no = $1 AND lane_group = $2 ORDER BY name LIMIT 1) \
    AS first, (SELECT name FROM detail WHERE record_no = $1 AND lane_group = $2 ORDER BY name DESC LIMIT 1) AS last";

impl Selection {
    /// Reads what `filter` means in record `no`.
    pub async fn read(read: &mut Snapshot, no: i64, filter: &DetailFilter) -> StoreResult<Self> {
        let mut units = BTreeMap::new();
        for row in read.fetch_all(UNITS, vec![int(no)]).await? {
            let unit = records::read_unit(&row)?.unit;
            units.insert(unit.unit_no, unit);
        }
        let (mut lanes, mut others, mut lane_rows) = (Vec::new(), Vec::new(), 0);
        for row in read.fetch_all(LANES, vec![int(no)]).await? {
            let lane = row.int("lane")?;
            if may_match(filter, lane, &units) {
                lanes.push(lane);
                lane_rows += row.size("rows")?;
            } else {
                others.push(lane);
            }
        }
        let branches = branches(filter, &lanes, &others);
        let mut selection = Self {
            no,
            units,
            every_lane: others.is_empty(),
            lanes,
            lane_rows,
            branches,
        };
        selection.drop_idle_prefixes(read).await?;
        Ok(selection)
    }

    /// Says whether lanes alone decide what is selected.
    pub fn is_by_lane(&self) -> bool {
        self.branches.iter().all(|branch| branch.conditions.is_empty())
    }

    /// Says whether an index leads to the selected rows.
    pub fn has_index(&self) -> bool {
        self.branches
            .iter()
            .all(|branch| branch.conditions.iter().any(Condition::has_index))
    }

    /// Returns the branches.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Adds ` AND lane IN (...)`, unless every lane is selected.
    pub fn and_lanes(&self, sql: &mut Builder) {
        and_lanes(sql, &self.lanes, self.every_lane);
    }

    /// Adds the conditions that tell selected rows from others of the same lanes.
    pub fn and_conditions(&self, sql: &mut Builder) {
        if self.is_by_lane() {
            return;
        }
        sql.push(" AND (");
        for (index, branch) in self.branches.iter().enumerate() {
            sql.push(if index == 0 { "(1 = 1" } else { " OR (1 = 1" });
            if self.branches.len() > 1 {
                and_lanes(sql, &branch.lanes, branch.every_lane);
            }
            for condition in &branch.conditions {
                condition.write(sql, Access::Order);
            }
            sql.push(")");
        }
        sql.push(")");
    }

    /// Forgets a name prefix that all names of its lanes begin with: then it selects everything.
    async fn drop_idle_prefixes(&mut self, read: &mut Snapshot) -> StoreResult<()> {
        for branch in &mut self.branches {
            let prefixes: Vec<&String> = branch.conditions.iter().filter_map(Condition::name).collect();
            let Some(longest) = prefixes.iter().max_by_key(|prefix| prefix.len()) else {
                continue;
            };
            let groups = groups(&branch.lanes);
            if groups.len() > PROBED_GROUPS || !prefixes.iter().all(|prefix| longest.starts_with(*prefix)) {
                continue;
            }
            let mut idle = true;
            for group in groups {
                let names = read.fetch_optional(NAMES, vec![int(self.no), int(group)]).await?;
                let Some(names) = names else { continue };
                for end in ["first", "last"] {
                    idle &= names
                        .maybe_text(end)?
                        .is_some_and(|name| name.starts_with(longest.as_str()));
                }
                if !idle {
                    break;
                }
            }
            if idle {
                branch.conditions.retain(|condition| condition.name().is_none());
            }
        }
        // A branch that takes all of its lanes leaves nothing to others of the same lanes.
        let whole = self
            .branches
            .iter()
            .find(|branch| branch.conditions.is_empty())
            .cloned();
        if let Some(whole) = whole {
            self.branches
                .retain(|branch| branch.lanes != whole.lanes || branch.conditions.is_empty());
        }
        Ok(())
    }
}

fn may_match(filter: &DetailFilter, lane: i64, units: &BTreeMap<u16, Unit>) -> bool {
    let Some(unit) = units.get(&unit_of(lane)) else {
        return false;
    };
    let kind = kind_of(lane);
    let status = status_of(lane);
    let settled_as = filter.outcome.map(|outcome| match outcome {
        Outcome::Failed => DetailStatus::Failed,
        Outcome::Copied
        | Outcome::Overwritten
        | Outcome::Unchanged
        | Outcome::SkippedConflict
        | Outcome::Deleted => DetailStatus::Success,
    });
    filter.status.is_none_or(|wanted| wanted == status)
        && settled_as.is_none_or(|wanted| wanted == status)
        && (filter.class.is_none() || status == DetailStatus::Failed)
        && filter
            .cluster
            .as_ref()
            .is_none_or(|wanted| *wanted == unit.remote_cluster)
        && filter
            .repository
            .as_ref()
            .is_none_or(|wanted| *wanted == unit.local_repository)
        && (filter.path_prefix.is_none() || matches!(kind, Kind::File | Kind::HistoricalPath))
        && (filter.artifact_prefix.is_none() || matches!(kind, Kind::File | Kind::Package))
        && (filter.package_prefix.is_none() || matches!(kind, Kind::Package | Kind::HistoricalPackage))
        && (filter.version.is_none() || kind == Kind::Package)
}

/// Returns the branches of `filter` over `lanes`, which hold nothing it excludes by kind.
fn branches(filter: &DetailFilter, lanes: &[i64], others: &[i64]) -> Vec<Branch> {
    let mut conditions = Vec::new();
    if let Some(version) = &filter.version {
        conditions.push(Condition::Version(version.clone()));
    }
    if let Some(prefix) = &filter.path_prefix {
        conditions.push(Condition::Name(prefix.clone()));
    }
    if let Some(outcome) = filter.outcome {
        conditions.push(Condition::Outcome(outcome_code(outcome)));
    }
    if let Some(class) = filter.class {
        conditions.push(Condition::Class(class.as_str()));
    }
    let mut branches = vec![Branch {
        lanes: lanes.to_vec(),
        every_lane: others.is_empty(),
        whole_groups: groups(lanes).is_disjoint(&groups(others)),
        conditions,
    }];
    if let Some(prefix) = &filter.artifact_prefix {
        branches = branches
            .iter()
            .flat_map(|branch| branch.by_artifact(prefix))
            .collect();
    }
    if let Some(prefix) = &filter.package_prefix {
        branches = branches
            .iter()
            .flat_map(|branch| branch.by_package(prefix))
            .collect();
    }
    branches.retain(|branch| !branch.lanes.is_empty());
    branches
}

impl Branch {
    /// Splits by what an artifact's name is: the path of a file, the bare name of a package.
    fn by_artifact(&self, prefix: &str) -> Vec<Self> {
        let is_package = |lane: &i64| kind_of(*lane) == Kind::Package;
        let (packages, files): (Vec<i64>, Vec<i64>) = self.lanes.iter().partition(|lane| is_package(lane));
        let part = |lanes: Vec<i64>, condition| Self {
            every_lane: self.every_lane && lanes.len() == self.lanes.len(),
            whole_groups: self.whole_groups,
            lanes,
            conditions: self.conditions.iter().cloned().chain([condition]).collect(),
        };
        vec![
            part(files, Condition::Name(prefix.into())),
            part(packages, Condition::Package(prefix.into())),
        ]
    }

    /// Splits by where a package prefix is found: in its key, or only in its bare name.
    fn by_package(&self, prefix: &str) -> Vec<Self> {
        let with = |conditions: &[Condition]| Self {
            conditions: self.conditions.iter().chain(conditions).cloned().collect(),
            ..self.clone()
        };
        vec![
            with(&[Condition::Name(prefix.into())]),
            with(&[
                Condition::Package(prefix.into()),
                Condition::NotName(prefix.into()),
            ]),
        ]
    }

    /// Adds the whole condition of this branch, for record `no`.
    pub fn write(&self, sql: &mut Builder, no: i64) {
        sql.push("record_no = ").bind(int(no));
        let driver = self.conditions.iter().position(|condition| condition.has_index());
        let by_name = driver.is_some_and(|driver| self.conditions[driver].name().is_some());
        if by_name {
            let groups = groups(&self.lanes);
            sql.push(" AND lane_group IN ")
                .bind_list(groups.into_iter().map(int));
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let access = if Some(index) == driver {
                Access::Index
            } else {
                Access::Order
            };
            condition.write(sql, access);
        }
        and_lanes(
            sql,
            &self.lanes,
            self.every_lane || (by_name && self.whole_groups),
        );
    }
}

impl Condition {
    fn name(&self) -> Option<&String> {
        match self {
            Self::Name(prefix) => Some(prefix),
            _ => None,
        }
    }

    fn has_index(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Package(_) | Self::Version(_))
    }

    fn write(&self, sql: &mut Builder, access: Access) {
        let column = |name: &str| match access {
            Access::Index => name.to_owned(),
            Access::Order => unindexed(name),
        };
        match self {
            Self::Name(prefix) => and_prefix(sql, &column("name"), prefix),
            Self::Package(prefix) => and_prefix(sql, &column("package_name"), prefix),
            Self::Version(version) => {
                sql.push(&format!(" AND {} = ", column("version")))
                    .bind(text(version));
            }
            Self::NotName(prefix) => {
                sql.push(" AND (name < ").bind(text(prefix));
                if let Some(end) = prefix_end(prefix) {
                    sql.push(" OR name >= ").bind(text(end));
                }
                sql.push(")");
            }
            Self::Outcome(code) => {
                sql.push(&format!(" AND {} = ", unindexed("outcome")))
                    .bind(int(*code));
            }
            Self::Class(class) => {
                sql.push(" AND class = ").bind(text(*class));
            }
        }
    }
}

fn and_prefix(sql: &mut Builder, column: &str, prefix: &str) {
    sql.push(&format!(" AND {column} >= ")).bind(text(prefix));
    if let Some(end) = prefix_end(prefix) {
        sql.push(&format!(" AND {column} < ")).bind(text(end));
    }
}

fn groups(lanes: &[i64]) -> BTreeSet<i64> {
    lanes.iter().map(|lane| group_of(*lane)).collect()
}

fn and_lanes(sql: &mut Builder, lanes: &[i64], every_lane: bool) {
    if !every_lane {
        sql.push(" AND lane IN ")
            .bind_list(lanes.iter().map(|lane| int(*lane)));
    }
}
