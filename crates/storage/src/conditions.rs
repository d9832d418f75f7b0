//! The conditions lanes cannot answer, and the branches they make: one for each index that finds rows.

use std::collections::BTreeSet;

use domain::detail::DetailFilter;

use crate::builder::Builder;
use crate::db::{int, prefix_end, text, unindexed};
use crate::entries::outcome_code;
use crate::lanes::{Kind, group_of, kind_of};

/// What a row of a branch has to be, besides being in its lanes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Name(String),
    Exactly(String),
    NotName(String),
    Package(String),
    Version(String),
    Outcome(i64),
    Class(&'static str),
    Causes(Vec<i64>),
    Noted,
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
enum Access {
    /// Through the index of its condition, in no useful order.
    Index,
    /// In the order they are listed in, looking at each.
    Order,
}

/// Returns the branches of `filter` over `lanes`, which hold nothing it excludes by kind; details must have
/// one of `causes`, if there are any given.
pub fn branches(
    filter: &DetailFilter,
    causes: Option<Vec<i64>>,
    lanes: &[i64],
    others: &[i64],
) -> Vec<Branch> {
    let mut conditions = Vec::new();
    if let Some(key) = &filter.artifact {
        conditions.push(Condition::Exactly(key.name.clone()));
    }
    let versions = [
        filter.version.as_ref(),
        filter.artifact.as_ref().and_then(|key| key.version.as_ref()),
    ];
    for version in versions.into_iter().flatten() {
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
    conditions.extend(causes.map(Condition::Causes));
    conditions.extend(filter.noted.then_some(Condition::Noted));
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
    /// Returns the lanes its rows are in.
    pub fn lanes(&self) -> &[i64] {
        &self.lanes
    }

    /// Says whether it takes every row of its lanes.
    pub fn is_whole(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Says whether an index leads to its rows.
    pub fn has_index(&self) -> bool {
        self.conditions.iter().any(Condition::has_index)
    }

    /// Returns the longest of its name prefixes, if rows that begin so begin with all of them.
    pub fn name_prefix(&self) -> Option<&str> {
        let prefixes = || self.conditions.iter().filter_map(Condition::name);
        let longest = prefixes().max_by_key(|prefix| prefix.len())?;
        prefixes()
            .all(|prefix| longest.starts_with(prefix.as_str()))
            .then_some(longest)
    }

    /// Returns the same without its name prefixes.
    pub fn without_prefixes(mut self) -> Self {
        self.conditions.retain(|condition| condition.name().is_none());
        self
    }

    /// Adds what tells its rows from others, in an expression no index is used for.
    pub fn write_in_order(&self, sql: &mut Builder, alone: bool) {
        sql.push("(1 = 1");
        if !alone {
            and_lanes(sql, &self.lanes, self.every_lane);
        }
        for condition in &self.conditions {
            condition.write(sql, Access::Order);
        }
        sql.push(")");
    }

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

    /// Returns which of its conditions leads to its rows: an outcome, which many have, only where nothing else does.
    fn driver(&self) -> Option<usize> {
        let many = |condition: &Condition| matches!(condition, Condition::Outcome(_));
        let led = self.conditions.iter().enumerate();
        let led = led.filter(|(_, condition)| condition.has_index());
        led.min_by_key(|(_, condition)| many(condition))
            .map(|(index, _)| index)
    }

    /// Adds the whole condition of this branch, for record `no`.
    pub fn write(&self, sql: &mut Builder, no: i64) {
        sql.push("record_no = ").bind(int(no));
        let driver = self.driver();
        let by_name = driver.is_some_and(|driver| self.conditions[driver].is_of_names());
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

    /// Says whether it is answered from the index of names.
    fn is_of_names(&self) -> bool {
        matches!(self, Self::Name(_) | Self::Exactly(_))
    }

    fn has_index(&self) -> bool {
        let others = matches!(
            self,
            Self::Package(_) | Self::Version(_) | Self::Causes(_) | Self::Outcome(_) | Self::Noted
        );
        self.is_of_names() || others
    }

    fn write(&self, sql: &mut Builder, access: Access) {
        let column = |name: &str| match access {
            Access::Index => name.to_owned(),
            Access::Order => unindexed(name),
        };
        match self {
            Self::Name(prefix) => and_prefix(sql, &column("name"), prefix),
            Self::Exactly(name) => {
                sql.push(&format!(" AND {} = ", column("name"))).bind(text(name));
            }
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
                sql.push(&format!(" AND {} = ", column("outcome")))
                    .bind(int(*code));
            }
            Self::Causes(causes) if causes.is_empty() => {
                sql.push(" AND 1 = 0");
            }
            Self::Causes(causes) => {
                sql.push(&format!(" AND {} IN ", column("cause_no")))
                    .bind_list(causes.iter().map(|cause| int(*cause)));
            }
            Self::Noted => {
                sql.push(&format!(" AND {} IS NOT NULL", column("note")));
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

/// Returns the groups `lanes` belong to.
pub fn groups(lanes: &[i64]) -> BTreeSet<i64> {
    lanes.iter().map(|lane| group_of(*lane)).collect()
}

/// Adds ` AND lane IN (...)`, unless every lane of the record is meant.
pub fn and_lanes(sql: &mut Builder, lanes: &[i64], every_lane: bool) {
    if !every_lane {
        sql.push(" AND lane IN ")
            .bind_list(lanes.iter().map(|lane| int(*lane)));
    }
}
