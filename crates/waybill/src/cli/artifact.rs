//! `waybill artifact`: where one artifact is, asked now, and why it isn't there yet.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::repo::split;
use super::server::Server;
use crate::exit::{CliResult, Exit};
use crate::output::{Column, Format, bytes, list, members, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill artifact demo/files /releases/1.4.2/app.bin
  waybill artifact demo/images docker://team/app --version 1.4.2

Every target of every task that carries it is asked now. The exit code is 0 only if all of them hold what
this node holds. `waybill record details TASK --artifact NAME` shows what runs did with it.";

/// `waybill artifact PROJECT/NAME ARTIFACT`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ArtifactCommand {
    /// The repository: PROJECT/NAME.
    repository: String,
    /// Path of a file, key of a package.
    artifact: String,
    /// Version of a package.
    #[arg(long)]
    version: Option<String>,
    #[command(flatten)]
    server: Server,
}

const COLUMNS: [Column; 8] = [
    Column::text("CLUSTER", |row| text(row, "cluster")),
    Column::text("REPOSITORY", |row| text(row, "repository")),
    Column::text("TASK", |row| text(row, "task")),
    Column::text("THERE", |row| match row["there"]["present"].as_bool() {
        Some(true) => "yes".into(),
        Some(false) => "no".into(),
        None => text(&row["there"], "reason"),
    }),
    Column::number("SIZE", |row| {
        row["there"]["sizeBytes"]
            .as_u64()
            .map_or_else(|| "-".into(), bytes)
    }),
    Column::text("SHA256", |row| text(&row["there"], "sha256")),
    Column::text("VERDICT", |row| text(row, "verdict").replace('_', " ")),
    Column::text("NOTE", |row| text(row, "note")),
];

impl ArtifactCommand {
    /// Prints where the artifact is; 0 only if it is everywhere it should be.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        let (project, repository) = split(&self.repository)?;
        let query = [
            ("project", Some(project.to_owned())),
            ("repository", Some(repository.to_owned())),
            ("artifact", Some(self.artifact)),
            ("version", self.version),
        ];
        let found = client.native(Method::GET, &["artifacts"], &query, None).await?;
        let sides = rows_in(&found, "sides");
        if format == Format::Json {
            members(format, &[], &found)?;
        } else {
            let here =
                json!({ "cluster": "this node", "repository": self.repository, "there": found["here"] });
            let rows: Vec<Value> = [here].into_iter().chain(sides.iter().map(row)).collect();
            list(format, &COLUMNS, &rows, "")?;
        }
        let unasked = found["unasked"].as_u64().unwrap_or_default();
        if format == Format::Table && sides.is_empty() {
            eprintln!("no task carries it");
        }
        if format == Format::Table && unasked > 0 {
            eprintln!("{unasked} more targets were not asked");
        }
        let everywhere = found["here"]["present"] == true
            && unasked == 0
            && sides.iter().all(|side| side["verdict"] == "same");
        Ok(if everywhere { Exit::Done } else { Exit::Failed })
    }
}

fn row(side: &Value) -> Value {
    json!({
        "cluster": side["cluster"],
        "repository": format!("{}/{}", text(side, "project"), text(side, "repository")),
        "task": side["task"]["name"],
        "there": side["there"],
        "verdict": side["verdict"],
        "note": side["note"],
    })
}
