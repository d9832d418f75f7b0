//! Writes details to a file or a pipe, page by page: as many as there are, never many at once.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::ValueEnum;
use reqwest::Method;
use serde_json::Value;

use super::filter::Filter;
use crate::client::Client;
use crate::exit::{CliResult, refused};

/// Rows fetched at a time.
const ROWS: usize = 1_000;

/// How exported rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One JSON object a line, with everything that is known.
    Jsonl,
    /// Comma separated values with a header line.
    Csv,
}

const MEMBERS: [&str; 17] = [
    "id",
    "cluster",
    "repository",
    "repositoryType",
    "artifact",
    "version",
    "status",
    "outcome",
    "conflict",
    "conflictStrategy",
    "sizeBytes",
    "sha256",
    "movedBytes",
    "attempts",
    "startedAt",
    "endedAt",
    "reason",
];

/// Writes the details of the record `id` that `filter` selects; returns how many there were.
pub async fn export(
    client: &Client,
    id: &str,
    filter: &Filter,
    form: Form,
    to: Option<&Path>,
) -> CliResult<u64> {
    let out: Box<dyn Write> = match to {
        Some(path) => Box::new(
            File::create_new(path)
                .map_err(|error| refused(format!("cannot create {}: {error}", path.display())))?,
        ),
        None => Box::new(io::stdout()),
    };
    let mut sheet = Sheet::new(form, BufWriter::new(out))?;
    let (mut cursor, mut count) = (None, 0);
    loop {
        let page = page(client, id, filter, cursor, ROWS).await?;
        let rows = page["details"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        rows.iter().try_for_each(|row| sheet.write(row))?;
        count += rows.len() as u64;
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            sheet.end()?;
            return Ok(count);
        }
    }
}

/// Returns one page of details, and where the next begins.
pub async fn page(
    client: &Client,
    id: &str,
    filter: &Filter,
    cursor: Option<String>,
    limit: usize,
) -> CliResult<Value> {
    let mut query = filter.query();
    query.push(("cursor", cursor));
    query.push(("limit", Some(limit.to_string())));
    client
        .native(Method::GET, &["records", id, "details"], &query, None)
        .await
}

enum Sheet<W: Write> {
    Jsonl(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Sheet<W> {
    fn new(form: Form, out: W) -> CliResult<Self> {
        match form {
            Form::Jsonl => Ok(Self::Jsonl(out)),
            Form::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(MEMBERS)?;
                Ok(Self::Csv(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, row: &Value) -> CliResult<()> {
        match self {
            Self::Jsonl(out) => {
                serde_json::to_writer(&mut *out, row).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
            Self::Csv(out) => out.write_record(MEMBERS.iter().map(|name| cell(&row[*name])))?,
        }
        Ok(())
    }

    fn end(self) -> CliResult<()> {
        match self {
            Self::Jsonl(mut out) => out.flush()?,
            Self::Csv(mut out) => out.flush()?,
        }
        Ok(())
    }
}

/// Returns a value as one cell. A text that a spreadsheet would take for a formula is kept from being one.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_that_looks_like_a_formula_stays_a_name() {
        assert_eq!(cell(&json!("=1+1")), "'=1+1");
        assert_eq!(cell(&json!("/a=1")), "/a=1");
        assert_eq!((cell(&json!(null)), cell(&json!(7))), (String::new(), "7".into()));
    }
}
