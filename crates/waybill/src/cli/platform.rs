//! `waybill platform`: keys for programs that act as the users they name.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, done, list, once, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  KEYS=$(waybill platform add ci)
  curl -H \"Authorization: Platform $(printf %s \"$KEYS\" | base64 | tr -d '\\n')\" -H 'X-BKREPO-UID: ann' \\
    http://127.0.0.1:8080/auth/api/user/info
  waybill platform list
  waybill platform remove ci

A platform acts as any user it names, administrators too; one nobody knows is added without a role.
Its keys are worth as much as an administrator's password.";

/// `waybill platform ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct PlatformCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List the platforms, never their secret keys.
    #[command(after_help = "Example:\n  waybill platform list")]
    List,
    /// Add a platform and show accessKey:secretKey, once.
    #[command(after_help = "Example:\n  KEYS=$(waybill platform add ci)")]
    Add {
        /// Letters, digits and . _ - @, at most 64.
        name: String,
    },
    /// Remove a platform; its keys are worth nothing at once.
    #[command(after_help = "Example:\n  waybill platform remove ci")]
    Remove {
        /// Which.
        name: String,
    },
}

const COLUMNS: [Column; 5] = [
    Column::text("NAME", |row| text(row, "appId")),
    Column::text("ACCESS KEY", |row| text(row, "accessKey")),
    Column::text("ADDED BY", |row| text(row, "createdBy")),
    Column::text("ADDED", |row| time(row, "createdAt")),
    Column::text("LAST USED", |row| time(row, "lastUsedAt")),
];

impl PlatformCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List => {
                let found = client.native(Method::GET, &["platforms"], &[], None).await?;
                list(format, &COLUMNS, rows_in(&found, "platforms"), "no platforms")?;
            }
            Verb::Add { name } => add(&client, format, &name).await?,
            Verb::Remove { name } => {
                client
                    .native(Method::DELETE, &["platforms", &name], &[], None)
                    .await?;
                done(
                    format,
                    &format!("platform {name} removed"),
                    &json!({ "appId": name }),
                )?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn add(client: &Client, format: Format, name: &str) -> CliResult<()> {
    let body = json!({ "appId": name });
    let made = client
        .native(Method::POST, &["platforms"], &[], Some(&body))
        .await?;
    let keys = format!("{}:{}", text(&made, "accessKey"), text(&made, "secretKey"));
    let what = format!("these are the keys of platform {name}; they are");
    once(format, &keys, &made, &what)
}
