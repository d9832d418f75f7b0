//! What a copy shows: how far it is, and what became of everything.

use std::time::{Duration, Instant};

use domain::counts::Counts;
use domain::detail::{DetailFilter, DetailState, DetailStatus, RecordDetail};
use domain::failure::ErrorKind;
use domain::record::{Record, RecordStatus};
use engine::Engine;
use indicatif::ProgressBar;
use messages::notes::in_words;
use messages::{Language, Render};
use serde_json::{Value, json};

use super::ends::Uncarried;
use crate::cli::spinner;
use crate::exit::{CliResult, failed};
use crate::output::{Column, Format, bytes, list, members, one_line, text};

/// How many failed artifacts are named.
const NAMED: usize = 20;

/// A line that moves while the copy goes on; silent unless a person watches.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// Starts counting time.
    pub fn start() -> Self {
        Self {
            bar: spinner(),
            started: Instant::now(),
        }
    }

    /// Shows where `record` stands.
    pub fn show(&self, record: &Record, read_bytes: Option<u64>) {
        let counts = record.counts.unwrap_or_default();
        let read = read_bytes.unwrap_or(counts.bytes_moved);
        let seconds = self.started.elapsed().max(Duration::from_millis(1)).as_secs_f64();
        let per_second = bytes((read as f64 / seconds) as u64);
        self.bar.set_message(format!(
            "{} settled, {} failed, {} read, {per_second}/s",
            counts.settled(),
            counts.failed,
            bytes(read)
        ));
    }

    /// Removes the line.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

const FAILED: [Column; 2] = [
    Column::text("FAILED", |row| text(row, "artifact")),
    Column::text("REASON", |row| text(row, "reason")),
];

const NOTED: [Column; 2] = [
    Column::text("NOTED", |row| text(row, "artifact")),
    Column::text("NOTE", |row| text(row, "note")),
];

/// Prints what became of everything.
pub async fn outcome(
    format: Format,
    engine: &Engine,
    record: &Record,
    uncarried: &Uncarried,
) -> CliResult<()> {
    let counts = record.counts.unwrap_or_default();
    let failures = failures(engine, record).await?;
    let noted = noted(engine, record).await?;
    let reason: Vec<String> = record
        .reason
        .iter()
        .map(|line| line.render(Language::English))
        .collect();
    let whole = json!({
        "record": record.id.to_string(),
        "status": word(record.status),
        "counts": counts,
        "reason": reason,
        "failed": failures,
        "noted": noted,
        "uncarried": uncarried.losses,
        "uncarriedNames": uncarried.named,
        "emptyFolders": uncarried.empty_folders,
    });
    members(format, &rows(record.status, &counts), &whole)?;
    if format != Format::Table {
        return Ok(());
    }
    if !failures.is_empty() {
        println!();
        list(format, &FAILED, &failures, "")?;
    }
    if !noted.is_empty() {
        println!();
        list(format, &NOTED, &noted, "")?;
    }
    for line in &reason {
        eprintln!("{}", one_line(line));
    }
    for name in &uncarried.named {
        eprintln!("not carried: {name}");
    }
    let unnamed = uncarried.losses.saturating_sub(uncarried.named.len() as u64);
    if unnamed > 0 {
        eprintln!("not carried: {unnamed} more");
    }
    if uncarried.empty_folders > 0 {
        eprintln!("{} empty folders do not travel", uncarried.empty_folders);
    }
    if record.status == RecordStatus::Stopped {
        eprintln!("stopped; the same command goes on");
    }
    Ok(())
}

fn word(status: RecordStatus) -> &'static str {
    match status {
        RecordStatus::Waiting => "waiting",
        RecordStatus::Running => "running",
        RecordStatus::Stopping => "stopping",
        RecordStatus::Succeeded => "succeeded",
        RecordStatus::Failed => "failed",
        RecordStatus::Stopped => "stopped",
    }
}

fn rows(status: RecordStatus, counts: &Counts) -> Vec<(&'static str, String)> {
    vec![
        ("status", word(status).to_owned()),
        ("copied", counts.copied.to_string()),
        ("overwritten", counts.overwritten.to_string()),
        ("unchanged", counts.unchanged.to_string()),
        ("skipped (other content)", counts.skipped_conflict.to_string()),
        (
            if status == RecordStatus::Stopped {
                "failed or stopped"
            } else {
                "failed"
            },
            counts.failed.to_string(),
        ),
        ("with notes", counts.noted.to_string()),
        ("moved", bytes(counts.bytes_moved)),
    ]
}

/// Returns the first details that `filter` selects.
async fn details(engine: &Engine, record: &Record, filter: &DetailFilter) -> CliResult<Vec<RecordDetail>> {
    let details = engine.store().details();
    let found = details.after(record.id, filter, None, NAMED).await;
    found.map_err(|error| failed(error.to_string()))
}

async fn noted(engine: &Engine, record: &Record) -> CliResult<Vec<Value>> {
    let filter = DetailFilter {
        noted: true,
        ..DetailFilter::default()
    };
    let note = |detail: &RecordDetail| match &detail.state {
        DetailState::Settled(settled) => in_words(&settled.notes, Language::English),
        DetailState::Running | DetailState::Imported { .. } => None,
    };
    let details = details(engine, record, &filter).await?;
    Ok(details
        .iter()
        .map(|detail| {
            json!({ "artifact": detail.artifact.as_ref().map(ToString::to_string), "note": note(detail) })
        })
        .collect())
}

async fn failures(engine: &Engine, record: &Record) -> CliResult<Vec<Value>> {
    let filter = DetailFilter {
        status: Some(DetailStatus::Failed),
        ..DetailFilter::default()
    };
    let details = details(engine, record, &filter).await?;
    // What was stopped is not worth a line each: the same command carries it.
    let stopped = |detail: &RecordDetail| match &detail.state {
        DetailState::Settled(settled) => settled
            .failure
            .as_ref()
            .is_some_and(|why| why.class == ErrorKind::Stopped),
        DetailState::Running | DetailState::Imported { .. } => false,
    };
    Ok(details
        .iter()
        .filter(|detail| !stopped(detail))
        .map(|detail| {
            let reason = match &detail.state {
                DetailState::Settled(settled) => {
                    settled.failure.as_ref().map(|why| why.render(Language::English))
                }
                DetailState::Running | DetailState::Imported { .. } => None,
            };
            json!({ "artifact": detail.artifact.as_ref().map(ToString::to_string), "reason": reason })
        })
        .collect())
}
