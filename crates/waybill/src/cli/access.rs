//! `waybill access`: what users may do in a project.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::json;

use super::server::Server;
use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, done, list, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill access grant ann --project demo --level write
  waybill access list --project demo
  waybill access revoke ann --project demo

For administrators, and for those who manage the project. Whoever makes a project manages it.";

/// `waybill access ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct AccessCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List who may do what in a project.
    #[command(after_help = "Example:\n  waybill access list --project demo")]
    List(Project),
    /// Say what a user may do in a project, instead of what was allowed before.
    #[command(after_help = "Example:\n  waybill access grant ann --project demo --level write")]
    Grant {
        /// Name of the user.
        name: String,
        /// How much; each includes the ones before it.
        #[arg(long, value_enum)]
        level: Level,
        #[command(flatten)]
        project: Project,
    },
    /// Take away what a user may do in a project.
    #[command(after_help = "Example:\n  waybill access revoke ann --project demo")]
    Revoke {
        /// Name of the user.
        name: String,
        #[command(flatten)]
        project: Project,
    },
}

#[derive(Args)]
struct Project {
    /// Name of the project.
    #[arg(long, value_name = "PROJECT")]
    project: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    /// See and download.
    Read,
    /// Upload, change and delete files.
    Write,
    /// Make, change and delete repositories, and grant access.
    Manage,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Manage => "manage",
        }
    }
}

const COLUMNS: [Column; 2] = [
    Column::text("USER", |row| text(row, "user")),
    Column::text("ACCESS", |row| text(row, "access")),
];

impl AccessCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List(Project { project }) => {
                let path = ["projects", &project, "access"];
                let found = client.native(Method::GET, &path, &[], None).await?;
                list(
                    format,
                    &COLUMNS,
                    rows_in(&found, "access"),
                    "nobody was granted access",
                )?;
            }
            Verb::Grant {
                name,
                level,
                project: Project { project },
            } => {
                let path = ["projects", &project, "access", &name];
                let body = json!({ "access": level.word() });
                let granted = client.native(Method::PUT, &path, &[], Some(&body)).await?;
                let said = format!("user {name} has {} access to project {project}", level.word());
                done(format, &said, &granted)?;
            }
            Verb::Revoke {
                name,
                project: Project { project },
            } => {
                let path = ["projects", &project, "access", &name];
                client.native(Method::DELETE, &path, &[], None).await?;
                let said = format!("user {name} has no access to project {project} any more");
                done(format, &said, &json!({ "user": name, "project": project }))?;
            }
        }
        Ok(Exit::Done)
    }
}
