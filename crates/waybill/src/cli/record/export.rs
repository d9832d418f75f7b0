//! Writes details to a file or a pipe as the server sends them: as many as there are, never many at once.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::ValueEnum;
use futures_util::StreamExt;
use reqwest::Method;

use super::filter::Filter;
use crate::client::Client;
use crate::exit::{CliResult, failed, refused};

/// How exported rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One JSON object a line, with everything that is known.
    Jsonl,
    /// Comma separated values with a header line.
    Csv,
}

impl Form {
    fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// Writes the details of the record `id` that `filter` selects; returns how many there were.
pub async fn export(
    client: &Client,
    id: &str,
    filter: &Filter,
    form: Form,
    to: Option<&Path>,
) -> CliResult<u64> {
    let mut query = filter.query();
    query.push(("as", Some(form.as_str().into())));
    let path = ["api", "v1", "records", id, "details", "export"];
    let answer = client.send(client.request(Method::GET, &path, &query)?).await?;
    let out: Box<dyn Write> = match to {
        Some(path) => Box::new(
            File::create_new(path)
                .map_err(|error| refused(format!("cannot create {}: {error}", path.display())))?,
        ),
        None => Box::new(io::stdout()),
    };
    let (mut out, mut lines) = (BufWriter::new(out), Lines::of(form));
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(format!("the export broke off: {error}")))?;
        lines.count(&piece);
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(match form {
        Form::Jsonl => lines.ended,
        // The first one names the columns.
        Form::Csv => lines.ended.saturating_sub(1),
    })
}

/// Counts lines; one of a sheet that ends between quotes goes on.
struct Lines {
    form: Form,
    ended: u64,
    quoted: bool,
}

impl Lines {
    fn of(form: Form) -> Self {
        Self {
            form,
            ended: 0,
            quoted: false,
        }
    }

    fn count(&mut self, piece: &[u8]) {
        for byte in piece {
            match byte {
                b'"' if self.form == Form::Csv => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.ended += 1,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_ends_between_quotes_goes_on() {
        let mut lines = Lines::of(Form::Csv);

        for piece in ["id,wo", "rds\r\n1,\"no\n\"\"ro", "om\"\"\"\r\n2,x\r\n"] {
            lines.count(piece.as_bytes());
        }

        assert_eq!(lines.ended, 3);
    }
}
