//! One record and what its artifacts ended as, and the columns its details are listed under.

use reqwest::Method;
use serde_json::{Value, json};

use super::api;
use crate::client::Client;
use crate::exit::CliResult;
use crate::output::{Column, Format, bytes, members, one_line, rows_in, text, time};

/// What is shown of each detail.
pub const DETAILS: [Column; 8] = [
    Column::text("OUTCOME", outcome),
    Column::text("CLUSTER", |row| text(row, "cluster")),
    Column::text("REPOSITORY", |row| text(row, "repository")),
    Column::text("ARTIFACT", artifact),
    Column::number("SIZE", |row| {
        row["sizeBytes"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::number("TRIES", |row| text(row, "attempts")),
    Column::text("STARTED", |row| time(row, "startedAt")),
    Column::text("REASON", |row| text(row, "reason")),
];

/// Says what became of an artifact; of old rows only the status is known.
fn outcome(row: &Value) -> String {
    match row["outcome"].as_str() {
        Some(outcome) => outcome.replace('_', " "),
        None => text(row, "status"),
    }
}

/// Names the artifact of a detail, with its version where it has one.
fn artifact(row: &Value) -> String {
    match row["version"].as_str() {
        Some(_) => format!("{} {}", text(row, "artifact"), text(row, "version")),
        None => text(row, "artifact"),
    }
}

/// Returns the record `id` as the native API tells it.
pub async fn record(client: &Client, id: &str) -> CliResult<Value> {
    client.native(Method::GET, &["records", id], &[], None).await
}

/// Shows the record `id` and its overview.
pub async fn show(client: &Client, format: Format, id: &str) -> CliResult<()> {
    let record = record(client, id).await?;
    let overview = client.get(&api(&["overview", id]), &[]).await?;
    let counts = &record["counts"];
    let reasons = rows_in(&record, "reason");
    let reasons: Vec<String> = reasons.iter().map(|line| one_line(&text(line, "text"))).collect();
    let mut rows = vec![
        ("record", text(&record, "id")),
        ("task", text(&record, "taskKey")),
        ("status", text(&record, "status")),
        ("triggered by", text(&record, "triggeredBy")),
        ("started", time(&record, "startedAt")),
        ("ended", time(&record, "endedAt")),
        ("overview", overview_line(&overview)),
        ("copied", text(counts, "copied")),
        ("overwritten", text(counts, "overwritten")),
        ("unchanged", text(counts, "unchanged")),
        ("skipped", text(counts, "skippedConflict")),
        ("failed", text(counts, "failed")),
        (
            "moved",
            counts["bytesMoved"].as_u64().map_or_else(|| "-".into(), bytes),
        ),
    ];
    if record["retryOf"].is_object() {
        rows.push(("retry of", text(&record["retryOf"], "recordId")));
    }
    if !reasons.is_empty() {
        rows.push(("reason", reasons.join("\n")));
    }
    members(format, &rows, &json!({ "record": record, "overview": overview }))
}

fn overview_line(overview: &Value) -> String {
    if overview.is_null() {
        return "-".into();
    }
    let said = |name: &str| text(overview, name);
    format!(
        "{} success, {} failed, {} conflict, {} files moved, {} files failed",
        said("success"),
        said("failed"),
        said("conflict"),
        said("fileSuccess"),
        said("fileFailed")
    )
}
