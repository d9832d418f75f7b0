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

/// Prints a dry run; 0 only if everything was looked at and nothing would fail.
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
    let more = found["more"] == true;
    if format == Format::Table {
        let items = rows_in(found, "items");
        list(format, &ITEMS, items, "nothing would change")?;
        println!();
        problems
            .iter()
            .filter_map(Value::as_str)
            .for_each(|problem| eprintln!("{}", one_line(problem)));
        let told = problems.len() as u64;
        let untold = found["problemCount"]
            .as_u64()
            .map_or(0, |all| all.saturating_sub(told));
        if untold > 0 {
            eprintln!("{untold} more could not be looked at");
        }
        if more {
            eprintln!(
                "not all of it was looked at: a plan ends after 20 seconds, or 10,000 artifacts of a repository; \
                 a run carries everything"
            );
        }
    }
    members(format, &rows, found)?;
    let clean = problems.is_empty() && !more && counts["refuse"] == 0;
    Ok(if clean { Exit::Done } else { Exit::Failed })
}
