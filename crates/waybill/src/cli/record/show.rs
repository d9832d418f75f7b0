//! One record and its overview, and the columns its details are listed under.

use serde_json::{Value, json};

use super::api;
use crate::client::Client;
use crate::exit::CliResult;
use crate::output::{Column, Format, bytes, members, text};

/// What is shown of each detail.
pub const DETAILS: [Column; 8] = [
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("CLUSTER", |row| text(row, "remoteCluster")),
    Column::text("REPOSITORY", |row| text(row, "localRepoName")),
    Column::text("ARTIFACT", artifact),
    Column::number("SIZE", |row| {
        row["size"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::text("CONFLICT", |row| text(row, "conflictStrategy")),
    Column::text("STARTED", |row| text(row, "startTime")),
    Column::text("REASON", |row| text(row, "errorReason")),
];

/// Names the artifact of a detail: its name and version, or what the constraint of an old row says.
pub fn artifact(row: &Value) -> String {
    match (row["artifactName"].as_str(), row["version"].as_str()) {
        (Some(_), None) => text(row, "artifactName"),
        (Some(_), Some(_)) => format!("{} {}", text(row, "artifactName"), text(row, "version")),
        (None, _) if row["pathConstraint"].is_object() => text(&row["pathConstraint"], "path"),
        (None, _) => text(&row["packageConstraint"], "packageKey"),
    }
}

/// Shows the record `id` and its overview.
pub async fn show(client: &Client, format: Format, id: &str) -> CliResult<()> {
    let found = client.get(&api(&[id]), &[]).await?;
    let overview = client.get(&api(&["overview", id]), &[]).await?;
    let record = &found["record"];
    let rows = [
        ("record", text(record, "id")),
        ("task", text(record, "taskKey")),
        ("status", text(record, "status")),
        ("started", text(record, "startTime")),
        ("ended", text(record, "endTime")),
        ("success", text(&overview, "success")),
        ("failed", text(&overview, "failed")),
        ("conflict", text(&overview, "conflict")),
        ("files moved", text(&overview, "fileSuccess")),
        ("files failed", text(&overview, "fileFailed")),
        ("reason", text(record, "errorReason").replace("; ", "\n")),
    ];
    members(format, &rows, &json!({ "record": found, "overview": overview }))
}
