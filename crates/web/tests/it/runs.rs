//! Runs as a node would carry them out, straight into the store.

use domain::artifact::ArtifactKey;
use domain::detail::{ExecuteType, Outcome, Settlement};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Failure, Stage};
use domain::id::{DetailId, RecordId, TaskKey};
use domain::record::{ReasonLine, RunEnd, RunPlan};
use domain::repository::RepositoryType;
use domain::task::{ConflictStrategy, TaskStatus};
use storage::records::{Claimed, NewRecord, Overlap, StartOutcome, TaskAfter, TaskNext, Unit};
use storage::writer::{DetailRow, Group, RowState};

use crate::world::World;

/// One artifact of a run: its unit, its name, what became of it.
pub struct Row {
    pub unit_no: u16,
    pub key: ArtifactKey,
    pub state: RowState,
}

/// Returns a file of unit `unit_no` that was settled so.
pub fn file(unit_no: u16, path: &str, settlement: Settlement) -> Row {
    let key = ArtifactKey {
        name: path.into(),
        version: None,
    };
    Row {
        unit_no,
        key,
        state: RowState::Settled(settlement),
    }
}

/// Returns a package version of unit `unit_no` that was settled so.
pub fn package(unit_no: u16, key: &str, version: &str, settlement: Settlement) -> Row {
    let key = ArtifactKey {
        name: key.into(),
        version: Some(version.into()),
    };
    Row {
        unit_no,
        key,
        state: RowState::Settled(settlement),
    }
}

pub fn copied() -> Settlement {
    Settlement {
        moved_bytes: 7,
        moved_blobs: 1,
        ..Settlement::of(Outcome::Copied)
    }
}

pub fn skipped() -> Settlement {
    Settlement {
        conflict: true,
        on_conflict: Some(ConflictStrategy::Skip),
        ..Settlement::of(Outcome::SkippedConflict)
    }
}

pub fn failed() -> Settlement {
    Settlement {
        failed_blobs: 1,
        attempts: 5,
        failure: Some(failure()),
        ..Settlement::of(Outcome::Failed)
    }
}

pub fn failure() -> Failure {
    Failure {
        stage: Stage::Write,
        class: ErrorKind::Limit,
        remote_status: Some(429),
        words: Some("slow down".into()),
        attempts: 5,
        subject: "edge-1".into(),
    }
}

pub fn reason() -> ReasonLine {
    ReasonLine::ArtifactsFailed {
        cluster: "edge-1".into(),
        failed: 1,
        artifact: "/c".into(),
        first: failure(),
    }
}

/// A run that goes on.
pub struct Run {
    pub id: RecordId,
    claimed: Claimed,
}

impl World {
    /// Triggers a run of a task; no node takes it.
    pub async fn trigger(&self, task_key: &str) -> RecordId {
        let created_ms = self.store.now_ms();
        let key = TaskKey(task_key.into());
        let task = self.store.tasks().by_key(&key).await.expect("a look-up");
        let task = task.expect("a task");
        let record = NewRecord {
            id: self.store.next_id(),
            task_key: key,
            created_ms,
            triggered_by: "admin".into(),
            plan: RunPlan {
                project: task.project,
                objects: task.objects,
                targets: vec!["edge-1".into(), "edge-2".into()],
                settings: task.settings,
                keeps_details: true,
                by_events: false,
                retry_of: None,
            },
        };
        let id = record.id;
        let next = TaskNext {
            status: TaskStatus::Replicating,
            next_run_ms: None,
        };
        let started = self.store.records().start(record, Overlap::Refuse, next).await;
        assert_eq!(started.expect("a start"), StartOutcome::Started);
        id
    }

    /// Starts a run of a task with two files repositories' units, to `edge-1` and `edge-2`.
    pub async fn start_run(&self, task_key: &str) -> Run {
        let id = self.trigger(task_key).await;
        let run = self.claim().await;
        assert_eq!(run.id, id);
        run
    }

    /// Claims a record as soon as one waits; its units are those of [`World::start_run`].
    pub async fn claim(&self) -> Run {
        let records = self.store.records();
        let claimed = loop {
            match records.claim("node", i64::MAX).await.expect("a claim") {
                Some(claimed) => break claimed,
                None => tokio::task::yield_now().await,
            }
        };
        let unit = |unit_no: u16, remote: &str, repository_type: &str| Unit {
            unit_no,
            local_cluster: "hq".into(),
            remote_cluster: remote.into(),
            local_repository: if unit_no == 2 { "npm" } else { "files" }.into(),
            repository_type: repository_type.parse::<RepositoryType>().expect("a type"),
            execute_type: Some(ExecuteType::Full),
        };
        let units = [
            unit(0, "edge-1", "GENERIC"),
            unit(1, "edge-2", "GENERIC"),
            unit(2, "edge-1", "NPM"),
        ];
        records.set_units(claimed.no, &units).await.expect("units");
        Run {
            id: claimed.record.id,
            claimed,
        }
    }

    /// Settles `rows`, one millisecond apart.
    pub async fn settle(&self, run: &Run, rows: Vec<Row>) -> Vec<DetailId> {
        let mut ids = Vec::new();
        let rows = rows.into_iter().map(|row| {
            self.clock.advance_ms(1);
            let now_ms = self.store.now_ms();
            let id = self.store.next_id();
            ids.push(id);
            let running = row.state == RowState::Running;
            DetailRow {
                unit_no: row.unit_no,
                id,
                digest: Some(Digest::of(row.key.name.as_bytes())),
                key: row.key,
                package_name: None,
                size_bytes: Some(7),
                state: row.state,
                started_ms: now_ms,
                ended_ms: (!running).then_some(now_ms),
                was_running: false,
            }
        });
        let group = Group {
            record_no: run.claimed.no,
            fence: run.claimed.fence,
            rows: rows.collect(),
            pages: Vec::new(),
        };
        self.store.writer().commit(group).await.expect("a commit");
        ids
    }

    /// Ends a run.
    pub async fn end(&self, run: &Run, end: RunEnd, reason: Vec<ReasonLine>) {
        let after = TaskAfter {
            status: TaskStatus::Waiting,
        };
        let now_ms = self.store.now_ms();
        let (no, fence) = (run.claimed.no, run.claimed.fence);
        let finished = self
            .store
            .records()
            .finish(no, fence, end, reason, now_ms, after)
            .await;
        assert!(finished.expect("an end").is_some(), "the lease is held");
    }

    /// Makes clusters `edge-1` and `edge-2` and a task, and returns its key.
    pub async fn task_key(&self, name: &str) -> String {
        let edges = [
            self.cluster("edge-1", "EDGE").await,
            self.cluster("edge-2", "EDGE").await,
        ];
        let targets: Vec<&str> = edges.iter().map(String::as_str).collect();
        let task = self.task(name, &targets, serde_json::json!({})).await;
        task["key"].as_str().expect("a key").into()
    }
}
