//! Which details, and how many of them.

use clap::Args;
use serde_json::{Map, Value};

use crate::output::Format;

/// One page of a list of records.
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
    /// Exactly this outcome.
    #[arg(long, value_parser = ["copied", "overwritten", "unchanged", "skipped_conflict", "failed", "deleted"])]
    outcome: Option<String>,
    /// Exactly this class of failure.
    #[arg(long, value_parser = [
        "unreachable", "tls", "unauthorised", "not-found", "conflict", "limit", "corrupt", "changed", "disk",
        "protocol", "stopped",
    ])]
    class: Option<String>,
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
    /// Exactly this root cause, by its number in `waybill record causes`.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    cause: Option<u32>,
    /// Failures whose words, class or cluster have this in them.
    #[arg(long)]
    words: Option<String>,
    /// Those with a note: something to know of artifacts that are there all the same.
    #[arg(long)]
    noted: bool,
}

impl Filter {
    /// Returns the members of a query string.
    pub fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("status", self.status.clone()),
            ("outcome", self.outcome.clone()),
            ("class", self.class.clone()),
            ("cluster", self.cluster.clone()),
            ("repository", self.repo.clone()),
            ("path", self.path.clone()),
            ("package", self.package.clone()),
            ("artifact", self.artifact.clone()),
            ("version", self.version.clone()),
            ("cause", self.cause.map(|cause| cause.to_string())),
            ("words", self.words.clone()),
            ("noted", self.noted.then(|| "true".into())),
        ]
    }

    /// Returns the members of a body; `None` when nothing is given.
    pub fn body(&self) -> Option<Value> {
        let given = self
            .query()
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
        let members: Map<String, Value> = given.collect();
        if members.is_empty() {
            None
        } else {
            Some(Value::Object(members))
        }
    }
}
