//! Follows a run until it ends.

use std::time::Duration;

use serde_json::Value;

use super::{api, show};
use crate::cli::spinner;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Format, text};

const EVERY: Duration = Duration::from_millis(500);

/// Follows the record `id`, then shows it.
pub async fn watch(client: &Client, format: Format, id: &str) -> CliResult<Exit> {
    let bar = spinner();
    let status = loop {
        let found = client.get(&api(&[id]), &[]).await?;
        let overview = client.get(&api(&["overview", id]), &[]).await?;
        let status = text(&found["record"], "status");
        bar.set_message(line(&status, &overview));
        if status != "RUNNING" {
            break status;
        }
        tokio::time::sleep(EVERY).await;
    };
    bar.finish_and_clear();
    show::show(client, format, id).await?;
    Ok(if status == "SUCCESS" {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn line(status: &str, overview: &Value) -> String {
    let count = |name: &str| overview[name].as_u64().unwrap_or_default();
    format!(
        "{status}  {} there, {} failed, {} conflicts, {} files moved",
        count("success"),
        count("failed"),
        count("conflict"),
        count("fileSuccess")
    )
}
