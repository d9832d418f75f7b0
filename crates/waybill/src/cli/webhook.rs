//! `waybill webhook`: who is called when a run fails or recovers, or a schedule falls silent.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::task::key_of;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::output::{Column, Format, done, list, once, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  waybill webhook add ops https://hooks.example/waybill
  waybill webhook add night https://hooks.example/night --task nightly --event run.failed
  waybill webhook test ops
  waybill webhook log ops

Calls are signed; docs/webhooks.md says how, and what they carry.";

/// `waybill webhook ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct WebhookCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List webhooks, never their secrets.
    #[command(after_help = "Example:\n  waybill webhook list")]
    List,
    /// Add a webhook and show its secret, once.
    #[command(after_help = "\
Example:
  SECRET=$(waybill webhook add ops https://hooks.example/waybill)")]
    Add {
        /// What it is for.
        name: String,
        /// Where it is called: http or https.
        url: String,
        /// Only of this task, by name or key; without it: of every task.
        #[arg(long, value_name = "TASK")]
        task: Option<String>,
        /// Only this; may be given again. Without it: everything.
        #[arg(long = "event", value_name = "EVENT", value_parser = ["run.failed", "run.recovered", "schedule.silent"])]
        events: Vec<String>,
    },
    /// Call a webhook now, as a test; the exit code is 0 only if it answered as it should.
    #[command(after_help = "Example:\n  waybill webhook test ops")]
    Test {
        /// Its name or id.
        webhook: String,
    },
    /// Show what a webhook was told, the latest first.
    #[command(after_help = "Example:\n  waybill webhook log ops --limit 20")]
    Log {
        /// Its name or id.
        webhook: String,
        /// Most rows.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "ROWS")]
        limit: u32,
    },
    /// Remove a webhook and its log.
    #[command(after_help = "Example:\n  waybill webhook remove ops")]
    Remove {
        /// Its name or id.
        webhook: String,
    },
}

const COLUMNS: [Column; 5] = [
    Column::text("NAME", |row| text(row, "name")),
    Column::text("URL", |row| text(row, "url")),
    Column::text("TASK", |row| text(row, "task")),
    Column::text("EVENTS", |row| words(&row["events"])),
    Column::text("CREATED", |row| time(row, "createdAt")),
];

const LOG: [Column; 7] = [
    Column::text("TOLD", |row| time(row, "createdAt")),
    Column::text("EVENT", |row| text(row, "event")),
    Column::text("TASK", |row| text(row, "taskName")),
    Column::text("STATE", |row| text(row, "state")),
    Column::number("TRIES", |row| text(row, "attempts")),
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("WORDS", |row| text(row, "words")),
];

impl WebhookCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List => list(format, &COLUMNS, &all(&client).await?, "no webhooks")?,
            Verb::Add {
                name,
                url,
                task,
                events,
            } => {
                let task = match task {
                    Some(task) => Some(key_of(&client, &task).await?),
                    None => None,
                };
                let body = json!({ "name": name, "url": url, "task": task, "events": events });
                let made = client
                    .native(Method::POST, &["webhooks"], &[], Some(&body))
                    .await?;
                let what = format!("this is the secret of {name}; it is");
                once(format, &text(&made, "secret"), &made, &what)?;
            }
            Verb::Test { webhook } => return test(&client, format, &webhook).await,
            Verb::Log { webhook, limit } => {
                let id = text(&named(&client, &webhook).await?, "id");
                let query = [("limit", Some(limit.to_string()))];
                let found = client
                    .native(Method::GET, &["webhooks", &id, "deliveries"], &query, None)
                    .await?;
                list(format, &LOG, rows_in(&found, "deliveries"), "nothing was told")?;
            }
            Verb::Remove { webhook } => {
                let known = named(&client, &webhook).await?;
                client
                    .native(Method::DELETE, &["webhooks", &text(&known, "id")], &[], None)
                    .await?;
                done(format, &format!("webhook {webhook} is called no more"), &known)?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn test(client: &Client, format: Format, webhook: &str) -> CliResult<Exit> {
    let id = text(&named(client, webhook).await?, "id");
    let tried = client
        .native(Method::POST, &["webhooks", &id, "test"], &[], Some(&json!({})))
        .await?;
    let arrived = tried["state"] == json!("delivered");
    let said = [text(&tried, "status"), text(&tried, "words")].join(" ");
    let words = match arrived {
        true => format!("webhook {webhook} answered {said}"),
        false => format!("webhook {webhook} did not take it: {said}"),
    };
    done(format, words.trim_end(), &tried)?;
    Ok(if arrived { Exit::Done } else { Exit::Failed })
}

async fn named(client: &Client, webhook: &str) -> CliResult<Value> {
    let known = all(client).await?;
    let found = known
        .into_iter()
        .find(|row| row["id"] == json!(webhook) || row["name"] == json!(webhook));
    found.ok_or_else(|| {
        refused(format!("there is no webhook `{webhook}`")).hint("`waybill webhook list` shows them")
    })
}

async fn all(client: &Client) -> CliResult<Vec<Value>> {
    let found = client.native(Method::GET, &["webhooks"], &[], None).await?;
    Ok(rows_in(&found, "webhooks").to_vec())
}

fn words(list: &Value) -> String {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(", ")
}
