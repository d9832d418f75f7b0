//! Turns a filter into lanes and conditions.
//!
//! Status, cluster, repository and the kind of thing a filter speaks of choose lanes, which are counted.
//! Prefixes and versions become conditions, one branch for each index that finds their rows; branches
//! never share a row, so that their counts add up.

use std::collections::BTreeMap;

use domain::detail::{DetailFilter, DetailStatus, Outcome};

use crate::builder::Builder;
use crate::conditions::{Branch, and_lanes, branches, groups};
use crate::db::{Snapshot, StoreResult, int};
use crate::lanes::{Kind, kind_of, status_of, unit_of};
use crate::records::{self, Unit};
use crate::shortcuts::Shortened;

/// Most groups of lanes whose names are looked at to find out that a prefix selects everything.
const PROBED_GROUPS: usize = 64;

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
        let mut rows_of = BTreeMap::new();
        for row in read.fetch_all(LANES, vec![int(no)]).await? {
            rows_of.insert(row.int("lane")?, row.size("rows")?);
        }
        let matching = |lane: &i64| may_match(filter, *lane, &units);
        let (lanes, others): (Vec<i64>, Vec<i64>) = rows_of.keys().partition(|lane| matching(lane));
        let Shortened { filter, causes } = Shortened::of(read, no, filter, &rows_of).await?;
        let branches = simplified(read, no, branches(&filter, causes, &lanes, &others)).await?;
        let mut selection = Self {
            no,
            units,
            every_lane: others.is_empty(),
            lane_rows: lanes.iter().filter_map(|lane| rows_of.get(lane)).sum(),
            lanes,
            branches,
        };
        if selection.is_by_lane() {
            selection.take_lanes_of_branches(&rows_of);
        }
        Ok(selection)
    }

    /// Says whether lanes alone decide what is selected.
    pub fn is_by_lane(&self) -> bool {
        self.branches.iter().all(Branch::is_whole)
    }

    /// Says whether an index leads to the selected rows.
    pub fn has_index(&self) -> bool {
        self.branches.iter().all(Branch::has_index)
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
        let alone = self.branches.len() == 1;
        for (index, branch) in self.branches.iter().enumerate() {
            sql.push(if index == 0 { " AND (" } else { " OR " });
            branch.write_in_order(sql, alone);
        }
        sql.push(")");
    }

    fn take_lanes_of_branches(&mut self, rows_of: &BTreeMap<i64, u64>) {
        let lanes: Vec<i64> = self.branches.iter().flat_map(Branch::lanes).copied().collect();
        self.every_lane &= lanes.len() == self.lanes.len();
        self.lane_rows = lanes.iter().filter_map(|lane| rows_of.get(lane)).sum();
        self.lanes = lanes;
    }
}

/// Forgets prefixes that all names begin with, and branches that select nothing.
///
/// Prefixes are forgotten only where lanes then decide alone: otherwise their index counts quicker.
async fn simplified(read: &mut Snapshot, no: i64, branches: Vec<Branch>) -> StoreResult<Vec<Branch>> {
    let mut simple: Vec<Branch> = Vec::new();
    let mut kept = Vec::new();
    for branch in branches {
        // A branch that takes all of its lanes leaves nothing to others of the same lanes.
        if simple
            .iter()
            .any(|other| other.is_whole() && other.lanes() == branch.lanes())
        {
            continue;
        }
        if is_idle(read, no, &branch).await? {
            simple.push(branch.clone().without_prefixes());
        } else if !simple.is_empty() && branch.has_index() && is_empty(read, no, &branch).await? {
            continue;
        } else {
            simple.push(branch.clone());
        }
        kept.push(branch);
    }
    let by_lane = simple.iter().all(Branch::is_whole);
    Ok(if by_lane { simple } else { kept })
}

/// Says whether all names of a branch's lanes begin as it asks for.
async fn is_idle(read: &mut Snapshot, no: i64, branch: &Branch) -> StoreResult<bool> {
    let Some(prefix) = branch.name_prefix() else {
        return Ok(false);
    };
    let groups = groups(branch.lanes());
    if groups.len() > PROBED_GROUPS {
        return Ok(false);
    }
    for group in groups {
        let names = read.fetch_optional(NAMES, vec![int(no), int(group)]).await?;
        let Some(names) = names else { continue };
        for end in ["first", "last"] {
            if !names
                .maybe_text(end)?
                .is_some_and(|name| name.starts_with(prefix))
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn is_empty(read: &mut Snapshot, no: i64, branch: &Branch) -> StoreResult<bool> {
    let mut sql = Builder::new("SELECT start_ms FROM detail WHERE ");
    branch.write(&mut sql, no);
    sql.push(" LIMIT 1");
    Ok(read.fetch_optional(sql.sql, sql.values).await?.is_none())
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
        && ((filter.class.is_none() && filter.cause.is_none() && filter.words.is_none())
            || status == DetailStatus::Failed)
        && (!filter.noted || status == DetailStatus::Success)
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
        && filter.artifact.as_ref().is_none_or(|key| match key.version {
            Some(_) => kind == Kind::Package,
            None => kind == Kind::File,
        })
}
