//! `waybill record`: what each run did, artifact by artifact.

mod causes;
pub mod details;
mod export;
mod filter;
pub mod show;
pub mod watch;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use reqwest::{Body, Method};
use serde_json::{Value, json};

use super::server::Server;
use super::task::key_of;
use crate::client::Client;
use crate::exit::{CliResult, Exit, failed, refused};
use crate::output::{Column, Format, done, list, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill record list nightly
  waybill record show nightly
  waybill record details nightly --status failed
  waybill record causes nightly
  waybill record retry nightly --class unreachable
  waybill record export nightly --as csv --to nightly.csv
  waybill record watch nightly

RECORD is a record's id, or a task's name or key: then its latest record is meant.
Tables show times in this computer's time zone.";

/// `waybill record ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RecordCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List the records of a task, newest first.
    #[command(after_help = "Example:\n  waybill record list nightly --status failed")]
    List {
        /// The task's name or key.
        task: String,
        /// Only those that stand so.
        #[arg(long, value_name = "STATUS", value_parser = ["running", "success", "failed"])]
        status: Option<String>,
        #[command(flatten)]
        page: filter::Paging,
    },
    /// Show one record and its overview.
    #[command(after_help = "Example:\n  waybill record show nightly")]
    Show {
        /// The record's id, or its task.
        record: String,
    },
    /// List what happened to each artifact, the newest first or in another order.
    Details(Box<details::Details>),
    /// List why artifacts failed, the most frequent cause first.
    #[command(after_help = "\
Example:
  waybill record causes nightly && waybill record retry nightly --cause 1")]
    Causes {
        /// The record's id, or its task.
        record: String,
    },
    /// Follow a record until it ends; the exit code is 0 only if it succeeded.
    #[command(after_help = "Example:\n  waybill task run nightly && waybill record watch nightly")]
    Watch {
        /// The record's id, or its task.
        record: String,
    },
    /// Do a selection of its details again, in a new record; without one, all that failed or was not attempted.
    #[command(after_help = "\
Examples:
  waybill record retry nightly
  waybill record retry nightly --cluster edge-1 --class unreachable")]
    Retry {
        /// The record's id, or its task.
        record: String,
        #[command(flatten)]
        filter: filter::Filter,
    },
    /// Stop a run; what is in flight is settled first.
    #[command(after_help = "Example:\n  waybill record stop nightly")]
    Stop {
        /// The record's id, or its task.
        record: String,
    },
    /// Write details to a file or standard output, all of them or a selection.
    #[command(after_help = "\
Examples:
  waybill record export nightly > nightly.jsonl
  waybill record export nightly --as csv --status failed --to failed.csv")]
    Export {
        /// The record's id, or its task.
        record: String,
        /// How rows are written.
        #[arg(long = "as", value_enum, default_value_t = export::Form::Jsonl, value_name = "FORM")]
        form: export::Form,
        /// New file to write [default: standard output].
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        filter: filter::Filter,
    },
    /// Take over records of another system: JSON lines of the contract's own objects.
    #[command(after_help = "\
Example:
  waybill record import history.jsonl

Each line is {\"record\": {...}} or {\"detail\": {...}}, a record before its details. Rows keep their
ids: the same file may be imported again.")]
    Import {
        /// The file; - reads standard input.
        file: PathBuf,
    },
}

const RECORDS: [Column; 8] = [
    Column::text("RECORD", |row| text(row, "id")),
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("STARTED", |row| text(row, "startTime")),
    Column::text("ENDED", |row| text(row, "endTime")),
    Column::number("SUCCESS", |row| text(&row["replicaOverview"], "success")),
    Column::number("FAILED", |row| text(&row["replicaOverview"], "failed")),
    Column::number("CONFLICT", |row| text(&row["replicaOverview"], "conflict")),
    Column::text("REASON", |row| text(row, "errorReason")),
];

impl RecordCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { task, status, page } => {
                let key = key_of(&client, &task).await?;
                let mut query = page.query();
                query.push(("status", status.map(|status| status.to_uppercase())));
                let found = client.get(&api(&["page", &key]), &query).await?;
                list(format, &RECORDS, rows_in(&found, "records"), "no records")?;
                page.more(format, &found);
            }
            Verb::Show { record } => show::show(&client, format, &id_of(&client, &record).await?).await?,
            Verb::Details(details) => details.run(&client, format).await?,
            Verb::Causes { record } => causes::show(&client, format, &id_of(&client, &record).await?).await?,
            Verb::Watch { record } => {
                let id = id_of(&client, &record).await?;
                return watch::watch(&client, format, &id).await;
            }
            Verb::Retry { record, filter } => retry(&client, format, &record, &filter).await?,
            Verb::Stop { record } => stop(&client, format, &record).await?,
            Verb::Export {
                record,
                form,
                to,
                filter,
            } => {
                let id = id_of(&client, &record).await?;
                let count = export::export(&client, &id, &filter, form, to.as_deref()).await?;
                if let Some(path) = to {
                    eprintln!("{count} details in {}", path.display());
                }
            }
            Verb::Import { file } => import(&client, format, &file).await?,
        }
        Ok(Exit::Done)
    }
}

async fn retry(client: &Client, format: Format, record: &str, filter: &filter::Filter) -> CliResult<()> {
    let id = id_of(client, record).await?;
    let body = match filter.body() {
        Some(filter) => json!({ "filter": filter }),
        None => json!({}),
    };
    let started = client
        .native(Method::POST, &["records", &id, "retry"], &[], Some(&body))
        .await?;
    let new = text(&started, "recordId");
    done(
        format,
        &format!("record {new} retries {id}; `waybill record watch {new}` follows it"),
        &started,
    )
}

async fn stop(client: &Client, format: Format, record: &str) -> CliResult<()> {
    let id = id_of(client, record).await?;
    let answer = client
        .native(Method::POST, &["records", &id, "stop"], &[], Some(&json!({})))
        .await?;
    let words = match answer["stopped"] == json!(true) {
        true => format!("record {id} stops"),
        false => format!("record {id} had ended already"),
    };
    done(format, &words, &answer)
}

async fn import(client: &Client, format: Format, file: &Path) -> CliResult<()> {
    let request = client.long_request(Method::POST, &["api", "v1", "records", "import"])?;
    let file = if file.as_os_str() == "-" {
        Path::new("/dev/stdin")
    } else {
        file
    };
    let opened = tokio::fs::File::open(file).await;
    let opened = opened.map_err(|error| refused(format!("cannot read {}: {error}", file.display())))?;
    let body = Body::wrap_stream(tokio_util::io::ReaderStream::new(opened));
    let answer = client.send(request.body(body)).await?.bytes().await;
    let answer = answer.map_err(|error| failed(format!("the answer broke off: {error}")))?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|error| failed(error.to_string()))?;
    let words = format!(
        "{} records and {} details imported",
        answer["records"], answer["details"]
    );
    done(format, &words, &answer)
}

fn api<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    ["replication", "api", "task", "record"]
        .iter()
        .chain(rest)
        .copied()
        .collect()
}

/// Finds the id of the record that `record` is the id of, or of the latest record of the task it names.
async fn id_of(client: &Client, record: &str) -> CliResult<String> {
    if record.len() == 24 && record.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(record.to_owned());
    }
    let key = key_of(client, record).await?;
    let newest = [
        ("pageNumber", Some("1".to_owned())),
        ("pageSize", Some("1".to_owned())),
    ];
    let found = client.get(&api(&["page", &key]), &newest).await?;
    match rows_in(&found, "records").first() {
        Some(row) => Ok(text(row, "id")),
        None => {
            let error = refused(format!("task `{record}` never ran"));
            Err(error.hint(format!("`waybill task run {record}` starts it")))
        }
    }
}
