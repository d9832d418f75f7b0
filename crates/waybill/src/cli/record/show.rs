//! One record, what its artifacts ended as, and the records that repeat a part of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::api;
use crate::client::Client;
use crate::exit::CliResult;
use crate::output::{Format, bytes, members, one_line, rows_in, text, time};

/// Records that repeat a part of one, the newest so many of which are named.
const RETRIES: usize = 10;

/// Returns the record `id` as the native API tells it.
pub async fn record(client: &Client, id: &str) -> CliResult<Value> {
    client.native(Method::GET, &["records", id], &[], None).await
}

/// Shows the record `id` and its overview.
pub async fn show(client: &Client, format: Format, id: &str) -> CliResult<()> {
    let record = record(client, id).await?;
    let overview = client.get(&api(&["overview", id]), &[]).await?;
    let newest = [("limit", Some(RETRIES.to_string()))];
    let retries = client
        .native(Method::GET, &["records", id, "retries"], &newest, None)
        .await?;
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
        ("with notes", text(counts, "noted")),
        (
            "moved",
            counts["bytesMoved"].as_u64().map_or_else(|| "-".into(), bytes),
        ),
    ];
    if record["retryOf"].is_object() {
        rows.push(("retry of", text(&record["retryOf"], "recordId")));
    }
    let retried: Vec<String> = rows_in(&retries, "records").iter().map(retry_line).collect();
    if !retried.is_empty() {
        rows.push(("retried by", retried.join("\n")));
    }
    if !reasons.is_empty() {
        rows.push(("reason", reasons.join("\n")));
    }
    let whole = json!({ "record": record, "overview": overview, "retries": retries["records"] });
    members(format, &rows, &whole)
}

fn retry_line(retry: &Value) -> String {
    format!(
        "{} {} {}",
        text(retry, "id"),
        text(retry, "status"),
        time(retry, "createdAt")
    )
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
