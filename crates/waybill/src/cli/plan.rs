//! What a run would do, as `task plan` and `copy --dry-run` show it.

use serde_json::Value;

use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, bytes, list, members, one_line, rows_in, text};

const ITEMS: [Column; 5] = [
    Column::text("ACTION", |row| text(row, "action").replace('_', " ")),
    Column::text("CLUSTER", |row| text(row, "cluster")),
    Column::text("REPOSITORY", |row| text(row, "repository")),
    Column::text("ARTIFACT", |row| text(&row["artifact"], "name")),
    Column::number("SIZE", |row| {
        row["sizeBytes"].as_u64().map_or_else(|| "-".into(), bytes)
    }),
];

/// Prints a dry run; 0 only if everything could be looked at and nothing would fail.
pub fn show(format: Format, found: &Value) -> CliResult<Exit> {
    let counts = &found["counts"];
    let rows = [
        ("would copy", text(counts, "copy")),
        ("would overwrite", text(counts, "overwrite")),
        ("equal already", text(counts, "keep")),
        ("would skip (other content)", text(counts, "skipConflict")),
        ("would fail (other content)", text(counts, "refuse")),
        (
            "at most",
            counts["bytes"].as_u64().map_or_else(|| "-".into(), bytes),
        ),
    ];
    let problems = rows_in(found, "problems");
    if format == Format::Table {
        let items = rows_in(found, "items");
        list(format, &ITEMS, items, "nothing would change")?;
        println!();
        problems
            .iter()
            .filter_map(Value::as_str)
            .for_each(|problem| eprintln!("{}", one_line(problem)));
    }
    members(format, &rows, found)?;
    let clean = problems.is_empty() && counts["refuse"] == 0;
    Ok(if clean { Exit::Done } else { Exit::Failed })
}
