//! `waybill record causes`: why artifacts of a run failed, each reason once.

use reqwest::Method;

use crate::client::Client;
use crate::exit::CliResult;
use crate::output::{Column, Format, list, rows_in, text};

const COLUMNS: [Column; 7] = [
    Column::number("NO", |row| text(row, "no")),
    Column::number("FAILED", |row| text(row, "count")),
    Column::text("CLUSTER", |row| text(row, "cluster")),
    Column::text("CLASS", |row| text(row, "class")),
    Column::text("WORDS", |row| text(row, "words")),
    Column::text("FIRST", |row| text(row, "artifact")),
    Column::text("ADVICE", |row| text(row, "advice")),
];

/// Lists the root causes of the record `id`, the most frequent first.
pub async fn show(client: &Client, format: Format, id: &str) -> CliResult<()> {
    let found = client
        .native(Method::GET, &["records", id, "causes"], &[], None)
        .await?;
    list(format, &COLUMNS, rows_in(&found, "causes"), "nothing failed")?;
    if let (Format::Table, Some(ungrouped @ 1..)) = (format, found["ungrouped"].as_u64()) {
        eprintln!("{ungrouped} failures of earlier versions are in no cause");
    }
    Ok(())
}
