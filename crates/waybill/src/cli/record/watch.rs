//! Follows a run until it ends.

use std::time::Duration;

use serde_json::Value;

use super::show;
use crate::cli::spinner;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Format, bytes, text};

const EVERY: Duration = Duration::from_millis(300);

/// Follows the record `id`, then shows it.
pub async fn watch(client: &Client, format: Format, id: &str) -> CliResult<Exit> {
    let moving = spinner();
    let status = until_ended(client, id, |record| moving.set_message(line(record))).await?;
    moving.finish_and_clear();
    show::show(client, format, id).await?;
    Ok(if status == "succeeded" {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Looks at the record `id` again and again, until it has ended; returns how.
pub async fn until_ended(client: &Client, id: &str, mut look: impl FnMut(&Value)) -> CliResult<String> {
    loop {
        let record = show::record(client, id).await?;
        look(&record);
        let status = text(&record, "status");
        if !matches!(status.as_str(), "waiting" | "running" | "stopping") {
            return Ok(status);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Returns how many artifacts of a record are settled.
pub fn settled(record: &Value) -> u64 {
    let counts = &record["counts"];
    [
        "copied",
        "overwritten",
        "unchanged",
        "skippedConflict",
        "failed",
        "deleted",
    ]
    .iter()
    .filter_map(|name| counts[*name].as_u64())
    .sum()
}

fn line(record: &Value) -> String {
    let counts = &record["counts"];
    let failed = counts["failed"].as_u64().unwrap_or_default();
    let moved = bytes(counts["bytesMoved"].as_u64().unwrap_or_default());
    format!(
        "{}: {} settled, {failed} failed, {moved} moved",
        text(record, "status"),
        settled(record)
    )
}
