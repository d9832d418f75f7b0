//! Which details, and which page of them.

use clap::Args;
use serde_json::Value;

use crate::output::Format;

/// One page of a list.
#[derive(Args)]
pub struct Paging {
    /// Which page, from 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
    /// Rows of one page.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    size: u32,
}

impl Paging {
    /// Returns the members of a query string.
    pub fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("pageNumber", Some(self.page.to_string())),
            ("pageSize", Some(self.size.to_string())),
        ]
    }

    /// Says on standard error how much more there is, when a person reads a table.
    pub fn more(&self, format: Format, found: &Value) {
        let pages = found["totalPages"].as_u64().unwrap_or_default();
        if format == Format::Table && pages > 1 {
            eprintln!(
                "page {} of {pages}, {} rows; --page shows the others",
                self.page, found["totalRecords"]
            );
        }
    }
}

/// Selects details of a record; all that is given must hold.
#[derive(Args)]
#[command(next_help_heading = "Which details")]
pub struct Filter {
    /// Exactly this status.
    #[arg(long, value_parser = ["running", "success", "failed"])]
    status: Option<String>,
    /// Exactly this target cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Exactly this repository of the source.
    #[arg(long)]
    repo: Option<String>,
    /// Paths that begin so.
    #[arg(long, value_name = "PREFIX")]
    path: Option<String>,
    /// Package names, or package keys, that begin so.
    #[arg(long, value_name = "PREFIX")]
    package: Option<String>,
    /// Artifact names that begin so.
    #[arg(long, value_name = "PREFIX")]
    artifact: Option<String>,
    /// Exactly this version.
    #[arg(long = "artifact-version", value_name = "VERSION")]
    version: Option<String>,
}

impl Filter {
    /// Returns the members of a query string of the contract.
    pub fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("status", self.status.as_ref().map(|status| status.to_uppercase())),
            ("clusterName", self.cluster.clone()),
            ("repoName", self.repo.clone()),
            ("path", self.path.clone()),
            ("packageName", self.package.clone()),
            ("artifactName", self.artifact.clone()),
            ("version", self.version.clone()),
        ]
    }
}
