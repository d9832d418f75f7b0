//! `waybill task create` and `waybill task replace`: what a task does, as arguments.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::definition::Definition;
use super::key_of;
use crate::cli::plan;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Format, done, text};

const CREATE: &str = "\
Examples:
  waybill task create first --project demo --repo files --to edge-1
  waybill task create nightly --project demo --repo files --to edge-1 --cron '0 30 2 * * ?'
  waybill task create images --project demo --repo files --path /img --to edge-1 --manual
  waybill task create live --project demo --repo files --to edge-1 --real-time --conflict overwrite
  waybill task create mirror --project demo --repo files=backup/files --to edge-2 \\
      --conflict overwrite --rate 10MiB
  waybill task create upstream --project demo --repo npm --type NPM --to verdaccio \\
      --include 'semver:>=1.2' --newest 5 --cron '0 0 * * * ?'
  waybill task create release --project demo --repo images --type DOCKER --to edge-1 \\
      --package docker://team/app=1.4.2 --target-version stable --dry-run

Without --cron, --at, --manual and --real-time the task runs once, at once. `waybill cron` shows when an
expression fires.";

const REPLACE: &str = "\
Example:
  waybill task replace nightly --project demo --repo files --to edge-1 --to edge-2 --cron '0 30 3 * * ?'

What is not said is as in a new task, not as it was; the key, past runs and whether it is switched on stay.";

/// `waybill task create NAME ...`.
#[derive(Args)]
#[command(after_help = CREATE)]
pub struct Create {
    /// Its name, unique on the node.
    name: String,
    #[command(flatten)]
    definition: Definition,
    /// Create it switched off.
    #[arg(long)]
    disabled: bool,
    /// Say what it would do, as far as a plan looks, and save nothing.
    #[arg(long)]
    dry_run: bool,
}

/// `waybill task replace TASK ...`.
#[derive(Args)]
#[command(after_help = REPLACE)]
pub struct Replace {
    /// Its name or key.
    task: String,
    /// Its new name [default: the one it has].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    definition: Definition,
    /// Say what it would do, as far as a plan looks, and save nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Create {
    /// Creates the task and prints it, or prints what it would do.
    pub async fn run(&self, client: &Client, format: Format) -> CliResult<Exit> {
        let mut body = self.definition.body(client, &self.name).await?;
        body["enabled"] = json!(!self.disabled);
        if self.dry_run {
            return preview(client, format, &body).await;
        }
        let made = client.native(Method::POST, &["tasks"], &[], Some(&body)).await?;
        let words = format!("task {} created with key {}", self.name, text(&made, "key"));
        done(format, &words, &made)?;
        Ok(Exit::Done)
    }
}

impl Replace {
    /// Replaces what the task does and prints it, or prints what it would do.
    pub async fn run(&self, client: &Client, format: Format) -> CliResult<Exit> {
        let key = key_of(client, &self.task).await?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let known = client.native(Method::GET, &["tasks", &key], &[], None).await?;
                text(&known, "name")
            }
        };
        let body = self.definition.body(client, &name).await?;
        if self.dry_run {
            return preview(client, format, &body).await;
        }
        let changed = client
            .native(Method::PUT, &["tasks", &key], &[], Some(&body))
            .await?;
        done(format, &format!("task {name} does this now"), &changed)?;
        Ok(Exit::Done)
    }
}

async fn preview(client: &Client, format: Format, body: &Value) -> CliResult<Exit> {
    let found = client
        .native(Method::POST, &["tasks", "preview"], &[], Some(body))
        .await?;
    plan::show(format, &found)
}
