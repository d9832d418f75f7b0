//! What commands print: the same JSON values as a table, as CSV or as they are.
//!
//! Tables are for people and may change; JSON and CSV are for programs. Nothing is coloured unless
//! it goes to a terminal.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::exit::CliResult;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    #[default]
    Table,
    /// One JSON document, as the server answered it.
    Json,
    /// Comma separated values with a header line.
    Csv,
}

/// One column of a list: what it is called, and how it is read from a row.
pub struct Column {
    header: &'static str,
    read: fn(&Value) -> String,
    right: bool,
}

impl Column {
    /// A column of words.
    pub const fn text(header: &'static str, read: fn(&Value) -> String) -> Self {
        Self {
            header,
            read,
            right: false,
        }
    }

    /// A column of numbers, aligned to the right.
    pub const fn number(header: &'static str, read: fn(&Value) -> String) -> Self {
        Self {
            header,
            read,
            right: true,
        }
    }
}

/// Prints `rows` under `columns`; `nothing` is what a table says instead of no rows.
pub fn list(format: Format, columns: &[Column], rows: &[Value], nothing: &str) -> CliResult<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, rows).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Csv => csv_rows(&mut out, columns, rows)?,
        Format::Table if rows.is_empty() => writeln!(out, "{nothing}")?,
        Format::Table => writeln!(out, "{}", table(columns, rows))?,
    }
    Ok(())
}

fn csv_rows(out: &mut impl Write, columns: &[Column], rows: &[Value]) -> CliResult<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.header))?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| (column.read)(row)))?;
    }
    writer.flush()?;
    Ok(())
}

fn table(columns: &[Column], rows: &[Value]) -> String {
    let mut table = blank_table();
    table.set_header(columns.iter().map(|column| heading(column.header)));
    for row in rows {
        table.add_row(columns.iter().map(|column| Cell::new((column.read)(row))));
    }
    for (index, column) in columns.iter().enumerate() {
        if let (true, Some(shown)) = (column.right, table.column_mut(index)) {
            shown.set_cell_alignment(CellAlignment::Right);
        }
    }
    trimmed(&table)
}

/// Returns the rows `found` has under `name`; none when it has no such list.
pub fn rows_in<'a>(found: &'a Value, name: &str) -> &'a [Value] {
    found[name].as_array().map_or(&[], Vec::as_slice)
}

/// Prints what is shown this once and never again: `made` as JSON, else only `secret`, and people are told `what` it is.
pub fn once(format: Format, secret: &str, made: &Value, what: &str) -> CliResult<()> {
    done(format, secret, made)?;
    if format == Format::Table {
        writeln!(io::stderr(), "{what} not shown again")?;
    }
    Ok(())
}

/// Prints `words`, one a line; JSON and CSV name what they are.
pub fn list_of_words(format: Format, header: &str, words: &[String]) -> CliResult<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, words).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut out);
            writer.write_record([header])?;
            words.iter().try_for_each(|word| writer.write_record([word]))?;
            writer.flush()?;
        }
        Format::Table => words.iter().try_for_each(|word| writeln!(out, "{word}"))?,
    }
    Ok(())
}

/// Prints one thing as a list of its members; `json` is what `--output json` shows.
pub fn members(format: Format, members: &[(&str, String)], json: &Value) -> CliResult<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, json).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut out);
            writer.write_record(members.iter().map(|(name, _)| *name))?;
            writer.write_record(members.iter().map(|(_, value)| value))?;
            writer.flush()?;
        }
        Format::Table => {
            let mut table = blank_table();
            for (name, value) in members {
                table.add_row([heading(name), Cell::new(value)]);
            }
            writeln!(out, "{}", trimmed(&table))?;
        }
    }
    Ok(())
}

/// Prints one line on standard output, for people; programs that asked for JSON or CSV get `json` instead.
pub fn done(format: Format, words: &str, json: &Value) -> CliResult<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, json).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Table | Format::Csv => writeln!(out, "{words}")?,
    }
    Ok(())
}

/// Says whether a person watches standard output.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

fn blank_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn heading(text: &str) -> Cell {
    let cell = Cell::new(text);
    if is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        cell.add_attribute(Attribute::Bold)
    } else {
        cell
    }
}

fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Reads the text member `name`; a dash where it is absent or null.
pub fn text(row: &Value, name: &str) -> String {
    match row.get(name) {
        None | Some(Value::Null) => "-".into(),
        Some(Value::String(text)) => one_line(text),
        Some(other) => other.to_string(),
    }
}

/// Reads the RFC 3339 member `name` as a time of this computer's zone; a dash where it is absent or null.
pub fn time(row: &Value, name: &str) -> String {
    match row[name]
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
    {
        Some(instant) => instant
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string(),
        None => text(row, name),
    }
}

/// Returns `text` without control characters, lines joined by `; `: what others wrote must not steer a terminal.
pub fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("; ").chars().filter(|c| !c.is_control()).collect()
}

/// Writes a number of bytes as people do: `1.5 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{count} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_people_write_them() {
        assert_eq!(
            (bytes(0), bytes(1023), bytes(1536)),
            ("0 B".into(), "1023 B".into(), "1.5 KiB".into())
        );
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn words_of_others_cannot_steer_a_terminal() {
        assert_eq!(one_line("a\u{1b}[31m\nb\r\n\n c"), "a[31m; b; c");
    }

    #[test]
    fn a_table_aligns_numbers_to_the_right_and_leaves_no_blanks_behind() {
        let columns = [
            Column::text("NAME", |row| text(row, "name")),
            Column::number("SIZE", |row| text(row, "size")),
        ];
        let rows = [
            serde_json::json!({"name": "a", "size": 7}),
            serde_json::json!({"name": "b", "size": 1234}),
        ];

        let shown = table(&columns, &rows);

        assert_eq!(shown, " NAME  SIZE\n a        7\n b     1234");
    }
}
