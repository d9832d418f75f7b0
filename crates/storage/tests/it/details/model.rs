//! Rows by chance, and what every filter should find of them.

use domain::artifact::ArtifactKey;
use domain::detail::{
    DetailFilter, DetailState, DetailStatus, Historical, Outcome, RecordDetail, Settlement,
};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::note::Note;
use storage::writer::{DetailRow, RowState};

use crate::world::{Run, START_MS, World, unit};

/// A small generator: the same rows on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(super) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }
}

pub(super) fn failure(class: ErrorKind) -> Failure {
    Failure {
        stage: Stage::Write,
        class,
        remote_status: Some(429),
        words: Some("slow down".into()),
        attempts: 5,
        subject: "edge-1".into(),
    }
}

pub(super) fn settlement(dice: &mut Dice) -> Settlement {
    let outcome = dice.one_of(&[
        Outcome::Copied,
        Outcome::Copied,
        Outcome::Unchanged,
        Outcome::Overwritten,
        Outcome::SkippedConflict,
        Outcome::Failed,
        Outcome::Deleted,
    ]);
    let class = dice.one_of(&[ErrorKind::Limit, ErrorKind::Disk]);
    Settlement {
        moved_bytes: dice.below(50),
        moved_blobs: dice.below(2) as u32,
        conflict: outcome == Outcome::SkippedConflict,
        failure: (outcome == Outcome::Failed).then(|| failure(class)),
        notes: notes(dice, outcome),
        ..Settlement::of(outcome)
    }
}

/// Returns what is noted of some of those that are there.
fn notes(dice: &mut Dice, outcome: Outcome) -> Vec<Note> {
    let is_noted = dice.below(4) == 0 && outcome != Outcome::Failed;
    let names = || dice.one_of(&["team", "team, \"é\" stage"]).to_owned();
    let unkept = is_noted.then(names).map(|names| Note::PropertiesUnkept { names });
    let yanked = unkept.iter().map(|_| Note::yanked(["a.whl"], "broken"));
    yanked.chain(unkept.clone()).collect()
}

/// Files and package versions of four units; start times repeat, names share prefixes.
pub(super) fn rows(world: &World, dice: &mut Dice, count: usize, spread_ms: u64) -> Vec<DetailRow> {
    (0..count)
        .map(|_| {
            let is_package = dice.below(3) == 0;
            let name = if is_package {
                format!(
                    "{}://{}{}",
                    dice.one_of(&["npm", "pypi"]),
                    dice.one_of(&["left", "npm", "é"]),
                    dice.below(30)
                )
            } else {
                format!(
                    "{}{}",
                    dice.one_of(&["/a/", "/a/b/", "/ü%_", "/c.+("]),
                    dice.below(40)
                )
            };
            let started_ms = START_MS + dice.below(spread_ms) as i64;
            let running = dice.below(12) == 0;
            DetailRow {
                unit_no: dice.below(4) as u16,
                id: world.store.next_id(),
                key: ArtifactKey {
                    name,
                    version: is_package.then(|| format!("1.{}", dice.below(3))),
                },
                package_name: None,
                size_bytes: dice.one_of(&[None, Some(7)]),
                digest: None,
                state: if running {
                    RowState::Running
                } else {
                    RowState::Settled(settlement(dice))
                },
                started_ms,
                ended_ms: (!running).then_some(started_ms + 1),
                was_running: false,
            }
        })
        .collect()
}

pub(super) async fn set_units(world: &World, run: &Run) {
    let units = [
        unit(0, "edge-1", "files"),
        unit(1, "edge-1", "npm"),
        unit(2, "edge-2", "files"),
        unit(3, "edge-2", "npm"),
    ];
    world.store.records().set_units(run.no, &units).await.unwrap();
}

pub(super) fn detail(run: &Run, row: &DetailRow) -> RecordDetail {
    let unit = match row.unit_no {
        0 => unit(0, "edge-1", "files"),
        1 => unit(1, "edge-1", "npm"),
        2 => unit(2, "edge-2", "files"),
        _ => unit(3, "edge-2", "npm"),
    };
    RecordDetail {
        id: row.id,
        record_id: run.id,
        local_cluster: unit.local_cluster,
        remote_cluster: unit.remote_cluster,
        local_repository: unit.local_repository,
        repository_type: unit.repository_type,
        artifact: Some(row.key.clone()),
        size_bytes: row.size_bytes,
        digest: row.digest,
        state: match &row.state {
            RowState::Running => DetailState::Running,
            RowState::Settled(settlement) => DetailState::Settled(settlement.clone()),
        },
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        execute_type: unit.execute_type,
        historical: None,
    }
}

pub(super) fn begins(text: Option<&str>, prefix: &Option<String>) -> bool {
    prefix
        .as_ref()
        .is_none_or(|prefix| text.is_some_and(|text| text.starts_with(prefix.as_str())))
}

/// The filter as its documentation says it, one row at a time.
pub(super) fn selects(filter: &DetailFilter, row: &RecordDetail) -> bool {
    let historical = row.historical.clone().unwrap_or_default();
    let member = |object: &Option<serde_json::Value>, name: &str| {
        object
            .as_ref()
            .and_then(|object| object.get(name)?.as_str().map(str::to_owned))
    };
    let file = row
        .artifact
        .as_ref()
        .filter(|key| key.version.is_none())
        .map(|key| key.name.clone());
    let package = row
        .artifact
        .as_ref()
        .filter(|key| key.version.is_some())
        .map(|key| key.name.clone());
    let path = file
        .clone()
        .or_else(|| member(&historical.path_constraint, "path"));
    let package_key = package
        .clone()
        .or_else(|| member(&historical.package_constraint, "packageKey"));
    let bare = |key: &str| {
        key.split_once("://")
            .map_or(key.to_owned(), |(_, name)| name.to_owned())
    };
    let package_name = package_key.as_deref().map(bare);
    let artifact_name = file.or_else(|| package.as_deref().map(bare));
    let settlement = match &row.state {
        DetailState::Settled(settlement) => Some(settlement),
        _ => None,
    };
    filter.status.is_none_or(|status| row.status() == status)
        && filter
            .cluster
            .as_ref()
            .is_none_or(|cluster| row.remote_cluster == *cluster)
        && filter
            .repository
            .as_ref()
            .is_none_or(|repository| row.local_repository == *repository)
        && (begins(package_key.as_deref(), &filter.package_prefix)
            || begins(package_name.as_deref(), &filter.package_prefix))
        && begins(path.as_deref(), &filter.path_prefix)
        && begins(artifact_name.as_deref(), &filter.artifact_prefix)
        && filter
            .version
            .as_ref()
            .is_none_or(|version| row.artifact.as_ref().and_then(|key| key.version.as_ref()) == Some(version))
        && filter
            .outcome
            .is_none_or(|outcome| settlement.is_some_and(|settlement| settlement.outcome == outcome))
        && (!filter.noted || settlement.is_some_and(|settlement| !settlement.notes.is_empty()))
        && filter.class.is_none_or(|class| {
            settlement
                .and_then(|settlement| settlement.failure.as_ref())
                .is_some_and(|failure| failure.class == class)
        })
}

pub(super) fn filters() -> Vec<DetailFilter> {
    let text = |text: &str| Some(text.to_owned());
    let mut filters = vec![DetailFilter::default()];
    let mut cross = |change: &dyn Fn(&mut DetailFilter)| {
        let changed: Vec<DetailFilter> = filters
            .iter()
            .map(|filter| {
                let mut filter = filter.clone();
                change(&mut filter);
                filter
            })
            .collect();
        filters.extend(changed);
    };
    cross(&|filter| filter.status = Some(DetailStatus::Success));
    cross(&|filter| filter.cluster = text("edge-2"));
    cross(&|filter| filter.repository = text("npm"));
    cross(&|filter| filter.path_prefix = text("/a/"));
    cross(&|filter| filter.package_prefix = text("npm"));
    cross(&|filter| filter.artifact_prefix = text("/a/b"));
    cross(&|filter| filter.version = text("1.1"));
    for (artifact, package, path) in [
        ("left", "npm://", "/"),
        ("", "é", "/ü%_"),
        ("/", "", ""),
        ("z", "p", "/c.+(1"),
    ] {
        filters.push(DetailFilter {
            artifact_prefix: text(artifact),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            package_prefix: text(package),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            path_prefix: text(path),
            ..DetailFilter::default()
        });
        filters.push(DetailFilter {
            package_prefix: text(package),
            artifact_prefix: text(artifact),
            ..DetailFilter::default()
        });
    }
    for outcome in [
        Outcome::Unchanged,
        Outcome::Failed,
        Outcome::Copied,
        Outcome::Deleted,
    ] {
        filters.push(DetailFilter {
            outcome: Some(outcome),
            ..DetailFilter::default()
        });
    }
    for (cluster, path_prefix, status) in [
        (None, None, None),
        (text("edge-2"), None, None),
        (None, text("/a/"), None),
        (None, None, Some(DetailStatus::Failed)),
        (text("edge-1"), text("/"), Some(DetailStatus::Success)),
    ] {
        filters.push(DetailFilter {
            noted: true,
            cluster,
            path_prefix,
            status,
            ..DetailFilter::default()
        });
    }
    for class in [ErrorKind::Disk, ErrorKind::Tls] {
        for path_prefix in [text("/a"), None] {
            filters.push(DetailFilter {
                class: Some(class),
                path_prefix,
                ..DetailFilter::default()
            });
        }
    }
    filters.push(DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    });
    filters.push(DetailFilter {
        status: Some(DetailStatus::Running),
        ..DetailFilter::default()
    });
    filters.push(DetailFilter {
        cluster: text("nowhere"),
        ..DetailFilter::default()
    });
    filters
}

pub(super) fn historical(world: &World, run: &Run, dice: &mut Dice) -> RecordDetail {
    let row = &rows(world, dice, 1, 3000)[0];
    let key = row.key.clone();
    let modern = dice.below(4) == 0;
    let constraint = match (&key.version, dice.below(5)) {
        (_, 0) => Historical::default(),
        (Some(version), _) => Historical {
            package_constraint: Some(serde_json::json!({"packageKey": key.name, "versions": [version]})),
            ..Historical::default()
        },
        (None, _) => Historical {
            path_constraint: Some(serde_json::json!({"path": key.name})),
            progress: Some(serde_json::json!({"success": 10, "skip": 0})),
            ..Historical::default()
        },
    };
    RecordDetail {
        artifact: modern.then_some(key),
        state: DetailState::Imported {
            succeeded: dice.below(3) > 0,
        },
        ended_ms: None,
        execute_type: None,
        historical: (!modern).then(|| Box::new(constraint)),
        ..detail(run, row)
    }
}
