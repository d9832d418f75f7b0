//! `waybill event`: changes that real-time tasks have still to carry.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::task::key_of;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, done, list, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill event list
  waybill event list --task mirror --limit 1000
  waybill event retry mirror
  waybill event forget mirror

An event is there from the change until it has arrived at the target. What fails is tried again by itself:
after a minute, after ten, then hourly for a day. TASK is a task's name, or its key.";

/// `waybill event ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct EventCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List changes that have not arrived, the latest first.
    #[command(after_help = "Example:\n  waybill event list --task mirror")]
    List {
        /// Only of this task.
        #[arg(long)]
        task: Option<String>,
        /// Most rows.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "ROWS")]
        limit: u32,
    },
    /// Carry what a task has still to carry now, also what is not tried again by itself.
    #[command(after_help = "Example:\n  waybill event retry mirror")]
    Retry {
        /// Its name or key.
        task: String,
    },
    /// Forget what a task has still to carry; it then does not arrive.
    #[command(after_help = "Example:\n  waybill event forget mirror")]
    Forget {
        /// Its name or key.
        task: String,
    },
}

const COLUMNS: [Column; 6] = [
    Column::text("REPOSITORY", |row| {
        format!(
            "{}/{}",
            text(&row["event"], "projectId"),
            text(&row["event"], "repoName")
        )
    }),
    Column::text("PATH", |row| text(&row["event"], "resourceKey")),
    Column::text("BY", |row| text(&row["event"], "userId")),
    Column::text("SINCE", |row| text(row, "createdDate")),
    Column::text("LATEST", |row| text(row, "lastModifiedDate")),
    Column::number("FAILED", |row| text(row, "retryCount")),
];

const BASE: [&str; 4] = ["replication", "api", "replica", "event"];

impl EventCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { task, limit } => {
                let task = match task {
                    Some(task) => Some(key_of(&client, &task).await?),
                    None => None,
                };
                let query = [("pageSize", Some(limit.to_string())), ("taskKey", task)];
                let page = client.get(&[&BASE[..], &["page"]].concat(), &query).await?;
                list(
                    format,
                    &COLUMNS,
                    rows_in(&page, "records"),
                    "everything has arrived",
                )?;
            }
            Verb::Retry { task } => {
                let body = of_task(&client, &task).await?;
                client.post(&[&BASE[..], &["retry"]].concat(), &body).await?;
                let words = format!("what {task} has still to carry is carried now");
                done(format, &words, &body)?;
            }
            Verb::Forget { task } => {
                let body = of_task(&client, &task).await?;
                let request = client.request(Method::DELETE, &BASE, &[])?.json(&body);
                client.send(request).await?;
                done(
                    format,
                    &format!("what {task} had still to carry is forgotten"),
                    &body,
                )?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn of_task(client: &Client, task: &str) -> CliResult<Value> {
    Ok(json!({ "taskKey": key_of(client, task).await? }))
}
