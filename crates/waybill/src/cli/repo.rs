//! `waybill repo`: the projects and repositories a node keeps, and the files in them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliError, CliResult, Exit, refused};
use crate::output::{Column, Format, bytes, done, list, members, text};

const EXAMPLES: &str = "\
Examples:
  waybill repo create demo/files
  waybill repo list
  waybill repo files demo/files --under /img
  waybill repo delete demo/files --force

To fill a repository: waybill copy ./folder waybill+http://admin@host:8080/demo/files";

/// `waybill repo ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RepoCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List repositories: of one project, or of all you may see.
    #[command(after_help = "Example:\n  waybill repo list demo")]
    List {
        /// Only of this project.
        project: Option<String>,
    },
    /// Create a repository, and its project if that is missing.
    #[command(
        after_help = "Examples:\n  waybill repo create demo/files --description 'release files'\n  waybill repo create demo/images --type DOCKER"
    )]
    Create {
        /// PROJECT/NAME.
        repository: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
        /// Let everybody read it, without logging in.
        #[arg(long)]
        public: bool,
        /// What it holds: GENERIC files, or images of a registry (DOCKER, OCI).
        #[arg(long = "type", default_value = "GENERIC", value_name = "TYPE")]
        repository_type: String,
    },
    /// Show one repository.
    #[command(after_help = "Example:\n  waybill repo show demo/files")]
    Show {
        /// PROJECT/NAME.
        repository: String,
    },
    /// List the files of a repository, page by page.
    #[command(after_help = "Example:\n  waybill repo files demo/files --under /img --page 2")]
    Files {
        /// PROJECT/NAME.
        repository: String,
        /// Only below this folder.
        #[arg(long, default_value = "/", value_name = "PATH")]
        under: String,
        /// Which page, from 1.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        page: u32,
        /// Files of one page.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        size: u32,
    },
    /// Change what is given of a repository.
    #[command(after_help = "Example:\n  waybill repo change demo/files --public true --quota 10737418240")]
    Change {
        /// PROJECT/NAME.
        repository: String,
        /// Whether everybody may read it, without logging in.
        #[arg(long, value_name = "true|false")]
        public: Option<bool>,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// Bytes it may hold.
        #[arg(long, value_name = "BYTES")]
        quota: Option<u64>,
    },
    /// Delete a repository.
    #[command(after_help = "Example:\n  waybill repo delete demo/files --force")]
    Delete {
        /// PROJECT/NAME.
        repository: String,
        /// Even if it holds files.
        #[arg(long)]
        force: bool,
    },
}

const REPOSITORIES: [Column; 5] = [
    Column::text("PROJECT", |row| text(row, "projectId")),
    Column::text("NAME", |row| text(row, "name")),
    Column::text("TYPE", |row| text(row, "type")),
    Column::text("PUBLIC", |row| text(row, "public")),
    Column::text("DESCRIPTION", |row| text(row, "description")),
];

const FILES: [Column; 4] = [
    Column::text("PATH", |row| text(row, "fullPath")),
    Column::number("SIZE", |row| {
        row["size"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::text("MODIFIED", |row| text(row, "lastModifiedDate")),
    Column::text("SHA256", |row| text(row, "sha256")),
];

const API: [&str; 3] = ["repository", "api", "repo"];

impl RepoCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { project } => {
                let projects = match project {
                    Some(project) => vec![project],
                    None => projects(&client).await?,
                };
                let mut rows = Vec::new();
                for project in projects {
                    let found = client.get(&with(&["list", &project]), &[]).await?;
                    rows.extend(found.as_array().cloned().unwrap_or_default());
                }
                list(format, &REPOSITORIES, &rows, "no repositories")?;
            }
            Verb::Create {
                repository,
                description,
                public,
                repository_type,
            } => {
                let (project, name) = split(&repository)?;
                let new = json!({
                    "projectId": project, "name": name, "type": repository_type, "category": "LOCAL",
                    "public": public, "description": description,
                });
                create(&client, project, &new).await?;
                let made = client.get(&with(&["info", project, name]), &[]).await?;
                done(format, &format!("repository {repository} created"), &made)?;
            }
            Verb::Show { repository } => {
                let (project, name) = split(&repository)?;
                let there = client.get(&with(&["exist", project, name]), &[]).await?;
                if there != json!(true) {
                    return Err(unknown(&repository));
                }
                let found = client.get(&with(&["info", project, name]), &[]).await?;
                show(format, &found)?;
            }
            Verb::Files {
                repository,
                under,
                page,
                size,
            } => {
                let (project, name) = split(&repository)?;
                files(&client, format, (project, name), &under, (page, size)).await?;
            }
            Verb::Change {
                repository,
                public,
                description,
                quota,
            } => {
                let (project, name) = split(&repository)?;
                let body = json!({ "public": public, "description": description, "quota": quota });
                client.post(&with(&["update", project, name]), &body).await?;
                let changed = client.get(&with(&["info", project, name]), &[]).await?;
                done(format, &format!("repository {repository} changed"), &changed)?;
            }
            Verb::Delete { repository, force } => {
                let (project, name) = split(&repository)?;
                client
                    .delete(
                        &with(&["delete", project, name]),
                        &[("forced", Some(force.to_string()))],
                    )
                    .await?;
                let gone = json!({ "projectId": project, "name": name });
                done(format, &format!("repository {repository} deleted"), &gone)?;
            }
        }
        Ok(Exit::Done)
    }
}

fn with<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    API.iter().chain(rest).copied().collect()
}

/// Returns project and name of `PROJECT/NAME`.
pub fn split(repository: &str) -> CliResult<(&str, &str)> {
    match repository.split_once('/') {
        Some((project, name)) if !project.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((project, name))
        }
        _ => Err(refused(format!("`{repository}` does not name a repository")).hint("write PROJECT/NAME")),
    }
}

fn unknown(repository: &str) -> CliError {
    refused(format!("there is no repository `{repository}`")).hint("`waybill repo list` shows them")
}

/// Returns the names of the projects the user may see.
pub async fn projects(client: &Client) -> CliResult<Vec<String>> {
    let found = client.get(&["repository", "api", "project", "list"], &[]).await?;
    let rows = found.as_array().cloned().unwrap_or_default();
    Ok(rows.iter().map(|row| text(row, "name")).collect())
}

/// Creates the repository, after its project where that is missing.
pub async fn create(client: &Client, project: &str, new: &Value) -> CliResult<()> {
    let there = client
        .get(&["repository", "api", "project", "exist", project], &[])
        .await?;
    if there != json!(true) {
        let body = json!({ "name": project, "displayName": project, "description": "" });
        client
            .post(&["repository", "api", "project", "create"], &body)
            .await?;
    }
    client.post(&with(&["create"]), new).await?;
    Ok(())
}

async fn files(
    client: &Client,
    format: Format,
    (project, name): (&str, &str),
    under: &str,
    (page, size): (u32, u32),
) -> CliResult<()> {
    let query = [
        ("deep", Some("true".to_owned())),
        ("includeFolder", Some("false".to_owned())),
        ("sort", Some("true".to_owned())),
        ("pageNumber", Some(page.to_string())),
        ("pageSize", Some(size.to_string())),
    ];
    let found = client
        .get(
            &["repository", "api", "node", "page", project, name, under],
            &query,
        )
        .await?;
    let rows = found["records"].as_array().cloned().unwrap_or_default();
    list(format, &FILES, &rows, "no files")?;
    let total = found["totalRecords"].as_u64().unwrap_or_default();
    if format == Format::Table && total > rows.len() as u64 {
        eprintln!("page {page} of {}, {total} files", found["totalPages"]);
    }
    Ok(())
}

fn show(format: Format, repository: &Value) -> CliResult<()> {
    const SHOWN: [(&str, &str); 8] = [
        ("project", "projectId"),
        ("name", "name"),
        ("type", "type"),
        ("public", "public"),
        ("description", "description"),
        ("created by", "createdBy"),
        ("created", "createdDate"),
        ("bytes used", "used"),
    ];
    let rows: Vec<(&str, String)> = SHOWN
        .iter()
        .map(|(label, name)| (*label, text(repository, name)))
        .collect();
    members(format, &rows, repository)
}
