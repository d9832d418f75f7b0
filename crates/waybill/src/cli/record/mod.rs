//! `waybill record`: what each run did, artifact by artifact.

mod filter;
pub mod show;
mod watch;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::server::Server;
use super::task::key_of;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::output::{Column, Format, list, text};

const EXAMPLES: &str = "\
Examples:
  waybill record list nightly
  waybill record show nightly
  waybill record details nightly --status failed
  waybill record details 66a1c3f0d94e5b0012ab34cd --path /img --cluster edge-1
  waybill record watch nightly

RECORD is a record's id, or a task's name or key: then its latest record is meant.
Dates are shown in this computer's time zone.";

/// `waybill record ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RecordCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List the records of a task, newest first.
    #[command(after_help = "Example:\n  waybill record list nightly --status failed")]
    List {
        /// The task's name or key.
        task: String,
        /// Only those that stand so.
        #[arg(long, value_name = "STATUS", value_parser = ["running", "success", "failed"])]
        status: Option<String>,
        #[command(flatten)]
        page: filter::Paging,
    },
    /// Show one record and its overview.
    #[command(after_help = "Example:\n  waybill record show nightly")]
    Show {
        /// The record's id, or its task.
        record: String,
    },
    /// List what happened to each artifact, newest first.
    #[command(after_help = "\
Examples:
  waybill record details nightly --status failed
  waybill record details nightly --path /img --cluster edge-1 --page 2")]
    Details {
        /// The record's id, or its task.
        record: String,
        #[command(flatten)]
        filter: filter::Filter,
        #[command(flatten)]
        page: filter::Paging,
    },
    /// Follow a record until it ends; the exit code is 0 only if it succeeded.
    #[command(after_help = "Example:\n  waybill task run nightly && waybill record watch nightly")]
    Watch {
        /// The record's id, or its task.
        record: String,
    },
}

const RECORDS: [Column; 8] = [
    Column::text("RECORD", |row| text(row, "id")),
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("STARTED", |row| text(row, "startTime")),
    Column::text("ENDED", |row| text(row, "endTime")),
    Column::number("SUCCESS", |row| text(&row["replicaOverview"], "success")),
    Column::number("FAILED", |row| text(&row["replicaOverview"], "failed")),
    Column::number("CONFLICT", |row| text(&row["replicaOverview"], "conflict")),
    Column::text("REASON", |row| text(row, "errorReason")),
];

impl RecordCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { task, status, page } => {
                let key = key_of(&client, &task).await?;
                let mut query = page.query();
                query.push(("status", status.map(|status| status.to_uppercase())));
                let found = client.get(&api(&["page", &key]), &query).await?;
                list(format, &RECORDS, rows(&found), "no records")?;
                page.more(format, &found);
            }
            Verb::Show { record } => {
                let id = id_of(&client, &record).await?;
                show::show(&client, format, &id).await?;
            }
            Verb::Details { record, filter, page } => {
                let id = id_of(&client, &record).await?;
                let mut query = page.query();
                query.extend(filter.query());
                let found = client.get(&api(&["detail", "page", &id]), &query).await?;
                list(format, &show::DETAILS, rows(&found), "no details")?;
                page.more(format, &found);
            }
            Verb::Watch { record } => {
                let id = id_of(&client, &record).await?;
                return watch::watch(&client, format, &id).await;
            }
        }
        Ok(Exit::Done)
    }
}

fn api<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    ["replication", "api", "task", "record"]
        .iter()
        .chain(rest)
        .copied()
        .collect()
}

fn rows(page: &Value) -> &[Value] {
    page["records"].as_array().map_or(&[], Vec::as_slice)
}

/// Finds the id of the record that `record` is the id of, or of the latest record of the task it names.
async fn id_of(client: &Client, record: &str) -> CliResult<String> {
    if record.len() == 24 && record.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(record.to_owned());
    }
    let key = key_of(client, record).await?;
    let newest = [
        ("pageNumber", Some("1".to_owned())),
        ("pageSize", Some("1".to_owned())),
    ];
    let found = client.get(&api(&["page", &key]), &newest).await?;
    match rows(&found).first() {
        Some(row) => Ok(text(row, "id")),
        None => Err(refused(format!("task `{record}` never ran"))
            .hint(format!("`waybill task run {record}` starts it"))),
    }
}
