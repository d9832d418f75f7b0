//! `waybill package`: what repositories hold that are not of files, and in which versions.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::repo::split;
use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, bytes, done, list, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  waybill package list demo/images
  waybill package versions demo/images docker://team/app
  waybill package delete demo/images docker://team/app --version 1.4.2

Packages of registries elsewhere are not listed here.";

/// `waybill package ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct PackageCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

/// One page of a list.
#[derive(Args)]
struct Paging {
    /// Only names that begin so, in any case.
    #[arg(long, value_name = "PREFIX")]
    name: Option<String>,
    /// Most rows.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "ROWS")]
    limit: u32,
    /// Go on behind this place, as the page before said.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// List the packages of a repository.
    #[command(after_help = "Example:\n  waybill package list demo/images --name team/")]
    List {
        /// PROJECT/NAME.
        repository: String,
        #[command(flatten)]
        page: Paging,
    },
    /// List the versions of a package: the tags of an image.
    #[command(after_help = "Example:\n  waybill package versions demo/images docker://team/app --name 1.")]
    Versions {
        /// PROJECT/NAME.
        repository: String,
        /// The package's key.
        package: String,
        #[command(flatten)]
        page: Paging,
    },
    /// Delete a package with all its versions, or one of them.
    #[command(after_help = "\
Examples:
  waybill package delete demo/images docker://team/app --version 1.4.2
  waybill package delete demo/images docker://team/app

A tag goes alone; what it led to goes with its digest: --version sha256:...")]
    Delete {
        /// PROJECT/NAME.
        repository: String,
        /// The package's key.
        package: String,
        /// Only this version, or what has this digest, with every tag that leads to it.
        #[arg(long)]
        version: Option<String>,
    },
}

const PACKAGES: [Column; 5] = [
    Column::text("PACKAGE", |row| text(row, "key")),
    Column::text("LATEST", |row| text(row, "latest")),
    Column::number("VERSIONS", |row| text(row, "versions")),
    Column::text("CHANGED", |row| time(row, "modifiedAt")),
    Column::text("BY", |row| text(row, "modifiedBy")),
];

const VERSIONS: [Column; 5] = [
    Column::text("VERSION", |row| text(row, "version")),
    Column::number("SIZE", |row| {
        row["sizeBytes"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::text("CHANGED", |row| time(row, "modifiedAt")),
    Column::text("BY", |row| text(row, "modifiedBy")),
    Column::text("SHA256", |row| text(row, "sha256")),
];

impl PackageCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { repository, page } => {
                let list = ("packages", PACKAGES.as_slice());
                page.show(&client, format, &repository, None, list).await?;
            }
            Verb::Versions {
                repository,
                package,
                page,
            } => {
                let list = ("versions", VERSIONS.as_slice());
                page.show(&client, format, &repository, Some(package), list)
                    .await?;
            }
            Verb::Delete {
                repository,
                package,
                version,
            } => delete(&client, format, &repository, (package, version)).await?,
        }
        Ok(Exit::Done)
    }
}

impl Paging {
    /// Prints a page of the list called `name`, of `package` where it is of one.
    async fn show(
        self,
        client: &Client,
        format: Format,
        repository: &str,
        package: Option<String>,
        (name, columns): (&str, &[Column]),
    ) -> CliResult<()> {
        let (project, repository) = split(repository)?;
        let query = [
            ("package", package),
            ("name", self.name),
            ("limit", Some(self.limit.to_string())),
            ("cursor", self.after),
        ];
        let path = ["repositories", project, repository, name];
        let found = client.native(Method::GET, &path, &query, None).await?;
        list(format, columns, rows_in(&found, name), &format!("no {name}"))?;
        if let Some(next) = found["next"].as_str() {
            eprintln!("{} {name} in all; more: --after {next}", found["total"]);
        }
        Ok(())
    }
}

async fn delete(
    client: &Client,
    format: Format,
    repository: &str,
    (package, version): (String, Option<String>),
) -> CliResult<()> {
    let (project, name) = split(repository)?;
    let (what, shown) = match &version {
        Some(version) => ("version", format!("version {version} of {package}")),
        None => ("package", format!("{package} and all its versions")),
    };
    let gone = json!({ "repository": repository, "package": package, "version": version });
    let query = [("package", Some(package)), ("version", version)];
    let path = ["repositories", project, name, what];
    client.native(Method::DELETE, &path, &query, None).await?;
    done(format, &format!("{shown}: deleted"), &gone)
}
