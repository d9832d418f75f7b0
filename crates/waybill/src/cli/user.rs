//! `waybill user`: who may log in to a node, and what for.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::login;
use crate::output::{Column, Format, done, list, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  waybill user list
  waybill user add sync --role replicator --project demo --project shop
  waybill user password sync
  waybill user role sync --role none
  waybill user remove sync
  waybill user add ann && waybill access grant ann --project demo --level write

A password that is set comes from --password-file (- reads standard input), from
WAYBILL_NEW_PASSWORD, or a prompt. It has at least 8 characters.";

/// Where the password of a user may come from.
const PASSWORD: &str = "WAYBILL_NEW_PASSWORD";

/// `waybill user ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct UserCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List the users.
    #[command(after_help = "Example:\n  waybill user list")]
    List,
    /// Add a user.
    #[command(after_help = "Example:\n  waybill user add sync --role replicator --project demo")]
    Add {
        /// Letters, digits and . _ - @, at most 64.
        name: String,
        #[command(flatten)]
        role: RoleArgs,
        /// File with the password; - reads standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change a password.
    #[command(after_help = "Example:\n  waybill user password sync")]
    Password {
        /// Whose.
        name: String,
        /// File with the password; - reads standard input.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change what a user may do.
    #[command(after_help = "Example:\n  waybill user role sync --role replicator --project demo")]
    Role {
        /// Whose.
        name: String,
        #[command(flatten)]
        role: RoleArgs,
    },
    /// Remove a user and their tokens.
    #[command(after_help = "Example:\n  waybill user remove sync")]
    Remove {
        /// Who.
        name: String,
    },
}

#[derive(Args)]
struct RoleArgs {
    /// What the user may do.
    #[arg(long, value_enum, default_value_t = Role::None)]
    role: Role,
    /// Project a replicator is limited to. May repeat.
    #[arg(long = "project", value_name = "PROJECT")]
    projects: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Everything.
    Admin,
    /// Read and write the repositories of some projects, as a peer does.
    Replicator,
    /// Log in, and what `waybill access` grants.
    None,
}

const COLUMNS: [Column; 5] = [
    Column::text("NAME", |row| text(row, "name")),
    Column::text("ROLE", |row| text(row, "role")),
    Column::text("PROJECTS", |row| {
        rows_in(row, "projects")
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }),
    Column::text("ACCESS", |row| {
        let granted = row["access"].as_object().into_iter().flatten();
        granted
            .map(|(project, access)| format!("{project}:{}", access.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(" ")
    }),
    Column::text("CREATED", |row| time(row, "createdAt")),
];

impl RoleArgs {
    fn put_into(&self, body: &mut Value) -> CliResult<()> {
        match (self.role, self.projects.is_empty()) {
            (Role::Replicator, true) => Err(refused("a replicator needs at least one --project")),
            (Role::Admin | Role::None, false) => Err(refused("--project goes with --role replicator")),
            (Role::Replicator, false) => {
                body["role"] = json!("replicator");
                body["projects"] = json!(self.projects);
                Ok(())
            }
            (Role::Admin, true) => {
                body["role"] = json!("admin");
                Ok(())
            }
            (Role::None, true) => {
                body["role"] = json!("none");
                Ok(())
            }
        }
    }
}

impl UserCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List => {
                let found = client.native(Method::GET, &["users"], &[], None).await?;
                list(format, &COLUMNS, rows_in(&found, "users"), "no users")?;
            }
            Verb::Add {
                name,
                role,
                password_file,
            } => {
                let mut body = json!({ "name": name });
                role.put_into(&mut body)?;
                let secret = login::new_secret(
                    password_file.as_deref(),
                    PASSWORD,
                    &format!("Password of {name}: "),
                )?;
                body["password"] = json!(secret.reveal());
                let made = client.native(Method::POST, &["users"], &[], Some(&body)).await?;
                done(format, &format!("user {name} added"), &made)?;
            }
            Verb::Password { name, password_file } => {
                let question = format!("New password of {name}: ");
                let secret = login::new_secret(password_file.as_deref(), PASSWORD, &question)?;
                let body = json!({ "password": secret.reveal() });
                change(&client, format, &name, &body, "has a new password").await?;
            }
            Verb::Role { name, role } => {
                let mut body = json!({});
                role.put_into(&mut body)?;
                change(&client, format, &name, &body, "has a new role").await?;
            }
            Verb::Remove { name } => {
                client
                    .native(Method::DELETE, &["users", &name], &[], None)
                    .await?;
                done(format, &format!("user {name} removed"), &json!({ "name": name }))?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn change(client: &Client, format: Format, name: &str, body: &Value, what: &str) -> CliResult<()> {
    let user = client
        .native(Method::PUT, &["users", name], &[], Some(body))
        .await?;
    done(format, &format!("user {name} {what}"), &user)
}
