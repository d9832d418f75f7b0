//! Reads details in the order of an index: from each lane, or group of lanes, the first ones behind a place.
//!
//! They are put together part by part; nothing is looked at that cannot be on the page, however many are selected.

use std::collections::BTreeSet;

use domain::artifact::ArtifactKey;
use domain::detail::RecordDetail;

use crate::builder::Builder;
use crate::conditions::groups;
use crate::db::{Snapshot, StoreResult, Value, blob, by_index, int, size, text};
use crate::details;
use crate::lanes::{Kind, group_of, kind_of};
use crate::orders::{Asked, DetailOrder, attempts, size_of};
use crate::selection::Selection;

/// Most lanes that are read side by side.
const MOST_LANES: usize = 256;

/// A part of an index that is in order by itself.
struct Walk {
    index: &'static str,
    /// The column that tells the part, behind the record's number.
    column: &'static str,
    part: i64,
    /// What the part is ordered by, before time and id.
    keys: &'static [&'static str],
}

/// Returns the first details of `selection` that are `asked` for; `None` when no index has them in order.
///
/// However many parts there are, no more than twice as many are held as are asked for.
pub(crate) async fn first(
    read: &mut Snapshot,
    selection: &Selection,
    asked: &Asked,
) -> StoreResult<Option<Vec<RecordDetail>>> {
    let Some(walks) = walks(selection, asked.order) else {
        return Ok(None);
    };
    let mut first = Vec::new();
    for walk in walks {
        let mut missing = asked.limit;
        for stage in walk.stages(asked) {
            if missing == 0 {
                break;
            }
            let sql = walk.statement(selection, asked, &stage, missing);
            let found = read.fetch_all(sql.sql, sql.values).await?;
            missing = missing.saturating_sub(found.len());
            first.extend(details::read(&found, asked.record, selection)?);
        }
        asked.cut(&mut first);
    }
    Ok(Some(first))
}

fn walks(selection: &Selection, order: DetailOrder) -> Option<Vec<Walk>> {
    if !selection.is_by_lane() || selection.lanes.len() > MOST_LANES {
        return None;
    }
    let by_lane = |index, keys| {
        let lanes = selection.lanes.iter();
        lanes
            .map(|lane| Walk {
                index,
                column: "lane",
                part: *lane,
                keys,
            })
            .collect()
    };
    match order {
        DetailOrder::Time => None,
        DetailOrder::Size => Some(by_lane("detail_by_size", &["COALESCE(size_bytes, 0)"])),
        DetailOrder::Attempts => Some(by_lane("detail_by_attempts", &["attempts"])),
        DetailOrder::Name => {
            let groups: BTreeSet<i64> = groups(&selection.lanes);
            // What was imported without an artifact has a path, but no name of its own to be ordered by.
            let named = groups.iter().all(|group| keys_of(*group).is_some());
            let walk = |group: i64| Walk {
                index: "detail_by_name",
                column: "lane_group",
                part: group,
                keys: keys_of(group).unwrap_or_default(),
            };
            named.then(|| groups.into_iter().map(walk).collect())
        }
    }
}

fn keys_of(group: i64) -> Option<&'static [&'static str]> {
    match kind_of(group * 4) {
        Kind::File => Some(&["name"]),
        Kind::Package => Some(&["name", "version"]),
        Kind::HistoricalPath | Kind::HistoricalPackage => None,
    }
}

/// Where rows are to be: some columns equal to values, then one beyond its value.
struct Stage {
    equal: Vec<(&'static str, Value)>,
    beyond: Beyond,
}

enum Beyond {
    /// Anywhere.
    Anything,
    /// Past a value of a column, or at it.
    Value(&'static str, Value, bool),
    /// Past a time and id.
    Place(i64, Vec<u8>),
}

impl Stage {
    fn of(beyond: Beyond) -> Self {
        Self {
            equal: Vec::new(),
            beyond,
        }
    }
}

impl Walk {
    /// Returns where the rows behind the place asked for lie, one range of the index after the other.
    fn stages(&self, asked: &Asked) -> Vec<Stage> {
        let Some(behind) = &asked.behind else {
            return vec![Stage::of(Beyond::Anything)];
        };
        let values = match (asked.order, &behind.artifact) {
            (DetailOrder::Time, _) => Vec::new(),
            (DetailOrder::Size, _) => vec![size(size_of(behind))],
            (DetailOrder::Attempts, _) => vec![int(attempts(behind).into())],
            (DetailOrder::Name, Some(key)) => match self.of_other_kind(key, asked.descending) {
                Some(stage) => return vec![stage],
                None => name_values(key),
            },
            // Nothing of the kind is walked over: it would lie before everything with a name.
            (DetailOrder::Name, None) => return vec![Stage::of(Beyond::Anything)],
        };
        self.stages_behind(behind, values)
    }

    fn stages_behind(&self, behind: &RecordDetail, values: Vec<Value>) -> Vec<Stage> {
        let keys: Vec<(&'static str, Value)> = self.keys.iter().copied().zip(values).collect();
        let place = Beyond::Place(behind.started_ms, behind.id.as_bytes().to_vec());
        let mut stages = vec![Stage {
            equal: keys.clone(),
            beyond: place,
        }];
        for count in (0..keys.len()).rev() {
            let (column, value) = keys[count].clone();
            stages.push(Stage {
                equal: keys[..count].to_vec(),
                beyond: Beyond::Value(column, value, false),
            });
        }
        stages
    }

    /// Returns where files lie behind a version of a package, and versions behind a file: a file comes before the
    /// versions of a package of its name.
    fn of_other_kind(&self, key: &ArtifactKey, descending: bool) -> Option<Stage> {
        let packages = self.keys.len() > 1;
        if packages == key.version.is_some() {
            return None;
        }
        // Going up, versions of the file's name are still to come; going down, the file of the versions' name is.
        let at_it = packages != descending;
        Some(Stage::of(Beyond::Value("name", text(&key.name), at_it)))
    }

    fn statement(&self, selection: &Selection, asked: &Asked, stage: &Stage, limit: usize) -> Builder {
        let (past, order) = match asked.descending {
            true => ("<", "DESC"),
            false => (">", "ASC"),
        };
        let mut sql = Builder::new("SELECT d.* FROM (SELECT start_ms, id FROM detail ");
        sql.push(&by_index(self.index))
            .push(" WHERE record_no = ")
            .bind(int(selection.no));
        sql.push(&format!(" AND {} = ", self.column)).bind(int(self.part));
        for (column, value) in &stage.equal {
            sql.push(&format!(" AND {column} = ")).bind(value.clone());
        }
        match &stage.beyond {
            Beyond::Anything => {}
            Beyond::Value(column, value, at_it) => {
                let at_it = if *at_it { "=" } else { "" };
                sql.push(&format!(" AND {column} {past}{at_it} "))
                    .bind(value.clone());
            }
            Beyond::Place(start_ms, id) => {
                sql.push(&format!(" AND (start_ms, id) {past} "))
                    .bind_list([int(*start_ms), blob(id.clone())]);
            }
        }
        if self.column == "lane_group" {
            let lanes = selection
                .lanes
                .iter()
                .filter(|lane| group_of(**lane) == self.part);
            sql.push(" AND lane IN ").bind_list(lanes.map(|lane| int(*lane)));
        }
        // What is equal needs no order, and named in it SQLite would sort by it.
        let keys = self.keys.iter().skip(stage.equal.len());
        let keys: String = keys.map(|key| format!("{key} {order}, ")).collect();
        sql.push(&format!(" ORDER BY {keys}start_ms {order}, id {order} LIMIT "))
            .bind(size(limit as u64));
        // CROSS: the page leads, as in `details`.
        sql.push(") page CROSS JOIN detail d WHERE d.record_no = ")
            .bind(int(selection.no))
            .push(" AND d.start_ms = page.start_ms AND d.id = page.id");
        sql
    }
}

fn name_values(key: &ArtifactKey) -> Vec<Value> {
    let version = key.version.as_deref().map(text);
    std::iter::once(text(&key.name)).chain(version).collect()
}
