//! `waybill failure`: what did not arrive when it was carried last.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::task::key_of;
use crate::client::Client;
use crate::exit::{CliResult, Exit, failed, refused};
use crate::output::{Column, Format, done, list, text};

const EXAMPLES: &str = "\
Examples:
  waybill failure list
  waybill failure list --task nightly --repo files --sort retries
  waybill failure retry 66a1c3f2d94e5b0012ab34d0
  waybill failure dismiss 66a1c3f2d94e5b0012ab34d0

A failure is one artifact of a task that did not arrive at one target when it was carried last. It goes by
itself once the artifact arrives. `waybill record retry` does everything again that failed in a record.";

/// `waybill failure ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct FailureCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List failures, the latest first.
    #[command(after_help = "Example:\n  waybill failure list --task nightly --to edge-1")]
    List {
        /// Only of this task: its name or key.
        #[arg(long)]
        task: Option<String>,
        /// Only to this cluster.
        #[arg(long, value_name = "CLUSTER")]
        to: Option<String>,
        /// Only from this project.
        #[arg(long)]
        project: Option<String>,
        /// Only from this repository.
        #[arg(long)]
        repo: Option<String>,
        /// What comes first: what failed latest, what failed first latest, or what was retried most.
        #[arg(long, value_name = "ORDER", default_value = "latest", value_parser = ["latest", "first", "retries"])]
        sort: String,
        /// Most rows.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "ROWS")]
        limit: u32,
    },
    /// Carry one artifact to its target again; the exit code is 0 only if it arrived.
    #[command(after_help = "Example:\n  waybill failure retry 66a1c3f2d94e5b0012ab34d0")]
    Retry {
        /// The failure's id.
        failure: String,
    },
    /// Take failures off the list; their records keep them, and what fails again is back.
    #[command(after_help = "\
Examples:
  waybill failure dismiss 66a1c3f2d94e5b0012ab34d0
  waybill failure dismiss --retried-more-than 3")]
    Dismiss {
        /// Ids of failures.
        #[arg(required_unless_present = "retried_more_than", value_name = "FAILURE")]
        failures: Vec<String>,
        /// Only those of which more retries failed than this.
        #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(i32).range(0..))]
        retried_more_than: Option<i32>,
    },
}

const COLUMNS: [Column; 7] = [
    Column::text("FAILURE", |row| text(row, "id")),
    Column::text("REPOSITORY", |row| {
        format!("{}/{}", text(row, "projectId"), text(row, "repoName"))
    }),
    Column::text("ARTIFACT", artifact),
    Column::text("SINCE", |row| text(row, "createdDate")),
    Column::text("LATEST", |row| text(row, "lastModifiedDate")),
    Column::number("RETRIES", |row| text(row, "retryCount")),
    Column::text("REASON", |row| text(row, "failureReason")),
];

fn artifact(row: &Value) -> String {
    let package = &row["packageConstraint"];
    match package["versions"][0].as_str() {
        Some(version) => format!("{} {version}", text(package, "packageKey")),
        None => text(&row["pathConstraint"], "path"),
    }
}

fn api(rest: &str) -> [&str; 5] {
    ["replication", "api", "replica", "failure", rest]
}

impl FailureCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List {
                task,
                to,
                project,
                repo,
                sort,
                limit,
            } => {
                let task = match task {
                    Some(task) => Some(key_of(&client, &task).await?),
                    None => None,
                };
                let cluster = match to {
                    Some(name) => Some(cluster_id(&client, &name).await?),
                    None => None,
                };
                let field = match sort.as_str() {
                    "first" => "createdDate",
                    "retries" => "retryCount",
                    _ => "lastModifiedDate",
                };
                let query = [
                    ("pageSize", Some(limit.to_string())),
                    ("sortField", Some(field.to_owned())),
                    ("taskKey", task),
                    ("remoteClusterId", cluster),
                    ("projectId", project),
                    ("repoName", repo),
                ];
                let page = client.get(&api("page"), &query).await?;
                let rows = page["records"].as_array().cloned().unwrap_or_default();
                list(format, &COLUMNS, &rows, "nothing failed")?;
                let total = page["totalRecords"].as_u64().unwrap_or(0);
                if format == Format::Table && total > rows.len() as u64 {
                    eprintln!("{total} in all: --limit shows more");
                }
            }
            Verb::Retry { failure } => retry(&client, format, &failure).await?,
            Verb::Dismiss {
                failures,
                retried_more_than,
            } => {
                let ids = (!failures.is_empty()).then_some(failures);
                let body = json!({ "ids": ids, "maxRetryCount": retried_more_than });
                let request = client.request(Method::DELETE, &api("delete"), &[])?;
                let dismissed = client.data(request.json(&body)).await?;
                let words = format!("{dismissed} failures dismissed");
                done(format, &words, &json!({ "dismissed": dismissed }))?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn retry(client: &Client, format: Format, failure: &str) -> CliResult<()> {
    let mended = client.post(&api("retry"), &json!({ "id": failure })).await?;
    if mended == json!(true) {
        return done(format, "it has arrived", &json!({ "mended": true }));
    }
    let row = client.get(&api(failure), &[]).await?;
    let words = match row["retrying"] == json!(true) {
        true => "it is still being carried".to_owned(),
        false => text(&row, "failureReason"),
    };
    Err(failed(words).hint("`waybill failure list` shows it"))
}

async fn cluster_id(client: &Client, name: &str) -> CliResult<String> {
    let path = ["replication", "api", "cluster", "info"];
    let cluster = client.get(&path, &[("name", Some(name.to_owned()))]).await?;
    match cluster["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => {
            Err(refused(format!("there is no cluster `{name}`")).hint("`waybill cluster list` shows them"))
        }
    }
}
