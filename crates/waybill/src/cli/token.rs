//! `waybill token`: texts that act as their user, so that scripts need no password.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::output::{Column, Format, done, list, once, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  waybill token create ci --days 90
  waybill token list
  waybill token revoke ci
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/replication/api/cluster/list

A token is shown once, when it is made. It may stand wherever a password may.";

/// `waybill token ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
    /// Whose tokens, when not your own; for administrators.
    #[arg(long = "of", global = true, value_name = "USER")]
    owner: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// List tokens, never their texts.
    #[command(after_help = "Example:\n  waybill token list --of sync")]
    List,
    /// Make a token and show its text, once.
    #[command(after_help = "Example:\n  TOKEN=$(waybill token create ci --days 90)")]
    Create {
        /// What it is for.
        name: String,
        /// How long it works, in days; without it: until it is revoked.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3650))]
        days: Option<i64>,
    },
    /// Make a token stop working.
    #[command(after_help = "Example:\n  waybill token revoke ci")]
    Revoke {
        /// Its name or id.
        token: String,
    },
}

const COLUMNS: [Column; 6] = [
    Column::text("NAME", |row| text(row, "name")),
    Column::text("ID", |row| text(row, "id")),
    Column::text("USER", |row| text(row, "user")),
    Column::text("CREATED", |row| time(row, "createdAt")),
    Column::text("LAST USED", |row| time(row, "lastUsedAt")),
    Column::text("EXPIRES", |row| time(row, "expiresAt")),
];

impl TokenCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        let owner = [("user", self.owner.clone())];
        match self.verb {
            Verb::List => list(format, &COLUMNS, &all(&client, &owner).await?, "no tokens")?,
            Verb::Create { name, days } => {
                let body = json!({ "name": name, "user": self.owner, "expiresInDays": days });
                let made = client.native(Method::POST, &["tokens"], &[], Some(&body)).await?;
                let what = format!("this is token {name}; it is");
                once(format, &text(&made, "token"), &made, &what)?;
            }
            Verb::Revoke { token } => {
                let known = all(&client, &owner).await?;
                let named = known
                    .iter()
                    .find(|row| row["id"] == json!(token) || row["name"] == json!(token));
                let Some(named) = named else {
                    return Err(refused(format!("there is no token `{token}`"))
                        .hint("`waybill token list` shows them"));
                };
                client
                    .native(Method::DELETE, &["tokens", &text(named, "id")], &owner, None)
                    .await?;
                done(format, &format!("token {token} works no more"), named)?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn all(client: &Client, owner: &[(&str, Option<String>)]) -> CliResult<Vec<Value>> {
    let found = client.native(Method::GET, &["tokens"], owner, None).await?;
    Ok(rows_in(&found, "tokens").to_vec())
}
