//! `waybill record details`: what happened to each artifact, page by page.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::filter::Filter;
use super::id_of;
use crate::client::Client;
use crate::exit::CliResult;
use crate::output::{Column, Format, bytes, list, rows_in, text, time};

const EXAMPLES: &str = "\
Examples:
  waybill record details nightly --status failed
  waybill record details nightly --path /img --cluster edge-1 --outcome overwritten
  waybill record details nightly --outcome copied --sort size --descending
  waybill record details nightly --noted";

/// `waybill record details RECORD ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Details {
    /// The record's id, or its task.
    record: String,
    #[command(flatten)]
    filter: Filter,
    /// Put them in this order [default: the newest first].
    #[arg(long, value_name = "ORDER", value_parser = ["time", "name", "size", "attempts"])]
    sort: Option<String>,
    /// The other way round: the largest first.
    #[arg(long, requires = "sort")]
    descending: bool,
    /// Most rows.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "ROWS")]
    limit: u32,
    /// Go on behind this place, as the page before said.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// What is shown of each detail.
pub const COLUMNS: [Column; 9] = [
    Column::text("OUTCOME", outcome),
    Column::text("CLUSTER", |row| text(row, "cluster")),
    Column::text("REPOSITORY", |row| text(row, "repository")),
    Column::text("ARTIFACT", artifact),
    Column::number("SIZE", |row| {
        row["sizeBytes"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
    Column::number("TRIES", |row| text(row, "attempts")),
    Column::text("STARTED", |row| time(row, "startedAt")),
    Column::text("REASON", |row| text(row, "reason")),
    Column::text("NOTE", |row| text(row, "note")),
];

/// Says what became of an artifact; of old rows only the status is known.
fn outcome(row: &Value) -> String {
    match row["outcome"].as_str() {
        Some(outcome) => outcome.replace('_', " "),
        None => text(row, "status"),
    }
}

/// Names the artifact of a detail, with its version where it has one.
fn artifact(row: &Value) -> String {
    match row["version"].as_str() {
        Some(_) => format!("{} {}", text(row, "artifact"), text(row, "version")),
        None => text(row, "artifact"),
    }
}

impl Details {
    /// Prints one page.
    pub async fn run(self, client: &Client, format: Format) -> CliResult<()> {
        let id = id_of(client, &self.record).await?;
        let mut query = self.filter.query();
        let order = self.sort.is_some().then_some(match self.descending {
            true => "desc",
            false => "asc",
        });
        query.extend([
            ("sort", self.sort),
            ("order", order.map(str::to_owned)),
            ("limit", Some(self.limit.to_string())),
            ("cursor", self.after),
        ]);
        let found = client
            .native(Method::GET, &["records", &id, "details"], &query, None)
            .await?;
        list(format, &COLUMNS, rows_in(&found, "details"), "no details")?;
        if let Some(next) = found["next"].as_str() {
            eprintln!("there may be more: --after {next}");
        }
        Ok(())
    }
}
