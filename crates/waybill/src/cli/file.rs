//! `waybill file`: finding, moving, copying and deleting the files a node keeps.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::output::{Column, Format, bytes, done, list, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill file find demo --name '*.tgz' --under /releases
  waybill file move demo/files/new demo/files/releases
  waybill file delete demo/files/releases/1.0

Nothing of this copies bytes. To fill a repository: waybill copy.";

/// `waybill file ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct FileCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// Find files of a project, page by page.
    #[command(
        after_help = "Example:\n  waybill file find demo/files --name 'app-*.tgz' --larger-than 1048576"
    )]
    Find {
        /// PROJECT or PROJECT/REPOSITORY.
        place: String,
        #[command(flatten)]
        wanted: Wanted,
        /// Which page, from 1.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        page: u32,
        /// Files of one page.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        size: u32,
    },
    /// Make a folder, and those above it.
    #[command(after_help = "Example:\n  waybill file mkdir demo/files/releases/1.0")]
    Mkdir {
        /// PROJECT/REPOSITORY/PATH.
        folder: String,
    },
    /// Move a file or folder, as mv does: into a folder that stands there, else under the new name.
    #[command(after_help = "Example:\n  waybill file move demo/files/new demo/files/releases")]
    Move(Route),
    /// Copy a file or folder, as cp does; it takes no room on the disk.
    #[command(after_help = "Example:\n  waybill file copy demo/files/1.0 demo/archive/1.0")]
    Copy(Route),
    /// Delete a file, or a folder with all below it.
    #[command(after_help = "Example:\n  waybill file delete demo/files/releases/1.0")]
    Delete {
        /// PROJECT/REPOSITORY/PATH.
        path: String,
    },
}

/// What is looked for; everything given has to hold.
#[derive(Args)]
struct Wanted {
    /// Name, with * for anything.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only below this folder.
    #[arg(long, value_name = "PATH")]
    under: Option<String>,
    /// Content.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Only larger files, in bytes.
    #[arg(long, value_name = "BYTES")]
    larger_than: Option<u64>,
    /// Property, as KEY=VALUE; may repeat.
    #[arg(long = "property", value_name = "KEY=VALUE")]
    properties: Vec<String>,
}

#[derive(Args)]
struct Route {
    /// PROJECT/REPOSITORY/PATH.
    from: String,
    /// PROJECT/REPOSITORY/PATH: the new path, or a folder that takes it in.
    to: String,
    /// Replace files that stand there.
    #[arg(long)]
    overwrite: bool,
}

const FOUND: [Column; 5] = [
    Column::text("REPOSITORY", |row| text(row, "repoName")),
    Column::text("PATH", |row| text(row, "fullPath")),
    Column::number("SIZE", |row| {
        row["size"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::text("MODIFIED", |row| text(row, "lastModifiedDate")),
    Column::text("SHA256", |row| text(row, "sha256")),
];

impl FileCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::Find {
                place,
                wanted,
                page,
                size,
            } => {
                let body = json!({
                    "rule": { "rules": wanted.rules(&place)?, "relation": "AND" },
                    "page": { "pageNumber": page, "pageSize": size },
                });
                let found = client.post(&node(&["queryWithoutCount"]), &body).await?;
                list(format, &FOUND, rows_in(&found, "records"), "nothing found")?;
            }
            Verb::Mkdir { folder } => {
                let (project, repository, path) = split(&folder)?;
                let made = node(&["mkdir", project, repository, path]);
                client.post(&made, &json!({})).await?;
                done(
                    format,
                    &format!("folder {folder} created"),
                    &json!({ "folder": folder }),
                )?;
            }
            Verb::Move(route) => go(&client, format, "move", "moved", &route).await?,
            Verb::Copy(route) => go(&client, format, "copy", "copied", &route).await?,
            Verb::Delete { path: asked } => {
                let (project, repository, path) = split(&asked)?;
                let gone = node(&["delete", project, repository, path]);
                let removed = client.delete(&gone, &[]).await?;
                let count = removed["deletedNumber"].as_u64().unwrap_or(0);
                if count == 0 {
                    return Err(refused(format!("there is no `{asked}`")));
                }
                let freed = bytes(removed["deletedSize"].as_u64().unwrap_or(0));
                done(
                    format,
                    &format!("{count} files and folders deleted, {freed}"),
                    &removed,
                )?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Wanted {
    fn rules(&self, place: &str) -> CliResult<Vec<Value>> {
        let (project, repository) = place
            .split_once('/')
            .map_or((place, None), |(project, name)| (project, Some(name)));
        let rule = |field: &str, value: Value, operation: &str| json!({ "field": field, "value": value, "operation": operation });
        let mut rules = vec![
            rule("projectId", project.into(), "EQ"),
            rule("folder", false.into(), "EQ"),
        ];
        rules.extend(repository.map(|name| rule("repoName", name.into(), "EQ")));
        rules.extend(
            self.name
                .as_deref()
                .map(|name| rule("name", name.into(), "MATCH")),
        );
        rules.extend(self.under.as_deref().map(|under| {
            let folder = format!("/{}/", under.trim_matches('/')).replace("//", "/");
            rule("fullPath", folder.into(), "PREFIX")
        }));
        rules.extend(self.sha256.as_deref().map(|hex| {
            let hex = hex.trim_start_matches("sha256:").to_ascii_lowercase();
            rule("sha256", hex.into(), "EQ")
        }));
        rules.extend(self.larger_than.map(|bytes| rule("size", bytes.into(), "GT")));
        for property in &self.properties {
            let Some((key, value)) = property.split_once('=') else {
                return Err(refused(format!("`{property}` is no property")).hint("write KEY=VALUE"));
            };
            rules.push(rule(&format!("metadata.{key}"), value.into(), "EQ"));
        }
        Ok(rules)
    }
}

async fn go(client: &Client, format: Format, verb: &str, done_word: &str, route: &Route) -> CliResult<()> {
    let (project, repository, path) = split(&route.from)?;
    let (to_project, to_repository, to_path) = split(&route.to)?;
    let body = json!({
        "srcProjectId": project, "srcRepoName": repository, "srcFullPath": path,
        "destProjectId": to_project, "destRepoName": to_repository, "destFullPath": to_path,
        "overwrite": route.overwrite,
    });
    client.post(&node(&[verb]), &body).await?;
    let said = format!("{} {done_word} to {}", route.from, route.to);
    done(format, &said, &json!({ "from": route.from, "to": route.to }))
}

fn node<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    ["repository", "api", "node"]
        .iter()
        .chain(rest)
        .copied()
        .collect()
}

fn split(place: &str) -> CliResult<(&str, &str, &str)> {
    let mut parts = place.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(project), Some(repository), Some(path))
            if !project.is_empty() && !repository.is_empty() && !path.trim_matches('/').is_empty() =>
        {
            Ok((project, repository, path))
        }
        _ => Err(refused(format!("`{place}` does not name a file or folder"))
            .hint("write PROJECT/REPOSITORY/PATH")),
    }
}
