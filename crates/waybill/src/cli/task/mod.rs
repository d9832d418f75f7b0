//! `waybill task`: standing instructions to replicate.

mod create;
mod definition;
pub mod values;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::Server;
use crate::client::Client;
use crate::exit::{CliResult, Exit, refused};
use crate::output::{Column, Format, done, list, members, rows_in, text};

const EXAMPLES: &str = "\
Examples:
  waybill task create nightly --project demo --repo files --to edge-1 --cron '0 30 2 * * ?'
  waybill task create once --project demo --repo files=mirror/files --to edge-1 --to edge-2 --manual
  waybill task run once
  waybill task list
  waybill task disable nightly

TASK is a task's name, or its key.";

/// `waybill task ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TaskCommand {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    server: Server,
}

#[derive(Subcommand)]
enum Verb {
    /// List tasks: of one project, or of all.
    #[command(after_help = "Example:\n  waybill task list --project demo --last failed")]
    List {
        /// Only of this project.
        #[arg(long)]
        project: Option<String>,
        /// Only those whose name begins so.
        #[arg(long, value_name = "PREFIX")]
        name: Option<String>,
        /// Only those whose latest run stands so.
        #[arg(long, value_name = "STATUS", value_parser = ["running", "success", "failed"])]
        last: Option<String>,
    },
    /// Show one task.
    #[command(after_help = "Example:\n  waybill task show nightly")]
    Show {
        /// Its name or key.
        task: String,
    },
    /// Create a task.
    Create(Box<create::Create>),
    /// Replace all that a task does.
    Replace(Box<create::Replace>),
    /// Copy a task under a new name; the copy is switched off.
    #[command(after_help = "Example:\n  waybill task copy nightly weekly")]
    Copy {
        /// The task to copy.
        task: String,
        /// Name of the copy.
        name: String,
        /// What the copy is for.
        #[arg(long)]
        description: Option<String>,
    },
    /// Start a run now.
    #[command(after_help = "Example:\n  waybill task run nightly && waybill record watch nightly")]
    Run {
        /// Its name or key.
        task: String,
    },
    /// Say what a run would do now, and do nothing: looks at 10,000 artifacts of each repository, for 20 seconds.
    #[command(after_help = "\
Example:
  waybill task plan nightly --limit 1000

The exit code is 0 only if everything was looked at and nothing would fail.")]
    Plan {
        /// Its name or key.
        task: String,
        /// Most artifacts to name; all that were looked at are counted.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "ROWS")]
        limit: u32,
    },
    /// Switch a task on.
    #[command(after_help = "Example:\n  waybill task enable nightly")]
    Enable {
        /// Its name or key.
        task: String,
    },
    /// Switch a task off; a run that is going on goes on.
    #[command(after_help = "Example:\n  waybill task disable nightly")]
    Disable {
        /// Its name or key.
        task: String,
    },
    /// Delete a task, its records and their details; a run that is going on is stopped.
    #[command(after_help = "Example:\n  waybill task delete nightly")]
    Delete {
        /// Its name or key.
        task: String,
    },
}

const COLUMNS: [Column; 9] = [
    Column::text("NAME", |row| text(row, "name")),
    Column::text("PROJECT", |row| text(row, "projectId")),
    Column::text("TARGETS", targets),
    Column::text("ON", |row| {
        if row["enabled"] == json!(true) {
            "yes".into()
        } else {
            "no".into()
        }
    }),
    Column::text("STATUS", |row| text(row, "status")),
    Column::text("LAST RUN", |row| text(row, "lastExecutionStatus")),
    Column::text("AT", |row| text(row, "lastExecutionTime")),
    Column::text("NEXT", |row| text(row, "nextExecutionTime")),
    Column::number("RUNS", |row| text(row, "executionTimes")),
];

fn targets(task: &Value) -> String {
    let names = task["remoteClusters"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    names
        .iter()
        .map(|cluster| text(cluster, "name"))
        .collect::<Vec<_>>()
        .join(" ")
}

impl TaskCommand {
    /// Carries out the verb.
    pub async fn run(self, format: Format) -> CliResult<Exit> {
        let client = self.server.client()?;
        match self.verb {
            Verb::List { project, name, last } => {
                let rows = all(&client, project, name, last).await?;
                list(format, &COLUMNS, &rows, "no tasks")?;
            }
            Verb::Show { task } => {
                let key = key_of(&client, &task).await?;
                let mut found = client.get(&api(&["detail", &key]), &[]).await?;
                let native = client.native(Method::GET, &["tasks", &key], &[], None).await?;
                add_choices(&mut found, &native);
                show(format, &found)?;
            }
            Verb::Create(create) => return create.run(&client, format).await,
            Verb::Replace(replace) => return replace.run(&client, format).await,
            Verb::Copy {
                task,
                name,
                description,
            } => {
                let key = key_of(&client, &task).await?;
                let body = json!({ "key": key, "name": name, "description": description });
                client.post(&api(&["copy"]), &body).await?;
                done(
                    format,
                    &format!("task {name} is a copy of {task}, switched off"),
                    &body,
                )?;
            }
            Verb::Run { task } => {
                let key = key_of(&client, &task).await?;
                let started = client
                    .native(Method::POST, &["tasks", &key, "run"], &[], Some(&json!({})))
                    .await?;
                let id = text(&started, "recordId");
                done(
                    format,
                    &format!("record {id} runs; `waybill record watch {id}` follows it"),
                    &started,
                )?;
            }
            Verb::Plan { task, limit } => {
                let key = key_of(&client, &task).await?;
                let query = [("limit", Some(limit.to_string()))];
                let found = client
                    .native(Method::POST, &["tasks", &key, "plan"], &query, Some(&json!({})))
                    .await?;
                return super::plan::show(format, &found);
            }
            Verb::Enable { task } => switch(&client, format, &task, true).await?,
            Verb::Disable { task } => switch(&client, format, &task, false).await?,
            Verb::Delete { task } => {
                let key = key_of(&client, &task).await?;
                client.delete(&api(&["delete", &key]), &[]).await?;
                done(
                    format,
                    &format!("task {task} and its records are deleted"),
                    &json!({ "key": key }),
                )?;
            }
        }
        Ok(Exit::Done)
    }
}

fn api<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    ["replication", "api", "task"]
        .iter()
        .chain(rest)
        .copied()
        .collect()
}

async fn switch(client: &Client, format: Format, task: &str, on: bool) -> CliResult<()> {
    let key = key_of(client, task).await?;
    let found = client.get(&api(&["info", &key]), &[]).await?;
    if found["enabled"] != json!(on) {
        client.post(&api(&["toggle", "status", &key]), &json!({})).await?;
    }
    let word = if on { "on" } else { "off" };
    done(
        format,
        &format!("task {task} is switched {word}"),
        &json!({ "key": key, "enabled": on }),
    )
}

async fn all(
    client: &Client,
    project: Option<String>,
    name: Option<String>,
    last: Option<String>,
) -> CliResult<Vec<Value>> {
    let projects = match project {
        Some(project) => vec![project],
        None => super::repo::projects(client).await?,
    };
    let mut rows = Vec::new();
    for project in projects {
        for page in 1.. {
            let query = [
                ("pageNumber", Some(page.to_string())),
                ("pageSize", Some("200".to_owned())),
                ("name", name.clone()),
                (
                    "lastExecutionStatus",
                    last.as_ref().map(|last| last.to_uppercase()),
                ),
            ];
            let found = client.get(&api(&["page", &project]), &query).await?;
            rows.extend(found["records"].as_array().cloned().unwrap_or_default());
            if found["totalPages"].as_u64().unwrap_or_default() <= page {
                break;
            }
        }
    }
    Ok(rows)
}

/// Finds the key of the task that `task` names, or is the key of.
pub async fn key_of(client: &Client, task: &str) -> CliResult<String> {
    if task.len() == 32 && task.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(task.to_owned());
    }
    let found = all(client, None, Some(task.to_owned()), None).await?;
    match found.iter().find(|row| row["name"] == json!(task)) {
        Some(row) => Ok(text(row, "key")),
        None => Err(refused(format!("there is no task `{task}`")).hint("`waybill task list` shows them")),
    }
}

/// Adds to each object of a task what the contract has no word for: which versions and platforms are wanted.
fn add_choices(detail: &mut Value, native: &Value) {
    let Some(objects) = detail["objects"].as_array_mut() else {
        return;
    };
    for (object, native) in objects.iter_mut().zip(rows_in(native, "objects")) {
        for member in ["versionFilter", "platforms"] {
            object[member] = native[member].clone();
        }
    }
}

fn show(format: Format, detail: &Value) -> CliResult<()> {
    let task = &detail["task"];
    let setting = &task["setting"];
    let objects = detail["objects"]
        .as_array()
        .map_or(&[] as &[Value], Vec::as_slice);
    let rows = [
        ("name", text(task, "name")),
        ("key", text(task, "key")),
        ("project", text(task, "projectId")),
        ("what", objects.iter().map(object).collect::<Vec<_>>().join("\n")),
        ("to", targets(task)),
        ("trigger", trigger(task)),
        ("on conflict", text(setting, "conflictStrategy")),
        ("on error", text(setting, "errorStrategy")),
        ("rate limit", text(setting, "rateLimit")),
        ("metadata", text(setting, "includeMetadata")),
        ("enabled", text(task, "enabled")),
        ("status", text(task, "status")),
        (
            "last run",
            format!(
                "{} {}",
                text(task, "lastExecutionStatus"),
                text(task, "lastExecutionTime")
            ),
        ),
        ("next run", text(task, "nextExecutionTime")),
        ("runs", text(task, "executionTimes")),
        (
            "keeps records",
            format!("{} days", text(task, "recordReserveDays")),
        ),
        ("description", text(task, "description")),
    ];
    members(format, &rows, detail)
}

fn object(object: &Value) -> String {
    let remote = match (&object["remoteProjectId"], &object["remoteRepoName"]) {
        (Value::Null, Value::Null) => String::new(),
        _ => format!(
            " as {}/{}",
            text(object, "remoteProjectId"),
            text(object, "remoteRepoName")
        ),
    };
    let paths = rows_in(object, "pathConstraints").iter();
    let packages = rows_in(object, "packageConstraints").iter();
    let only: Vec<String> = paths
        .map(|path| text(path, "path"))
        .chain(packages.map(package))
        .collect();
    let only = if only.is_empty() {
        String::new()
    } else {
        format!(": {}", only.join(" "))
    };
    format!(
        "{} {}{remote}{only}{}",
        text(object, "repoType"),
        text(object, "localRepoName"),
        choice(object)
    )
}

/// Names what is wanted of an object as the arguments of `task create` do.
fn choice(object: &Value) -> String {
    let filter = &object["versionFilter"];
    let lists = [
        (filter, "include", "include"),
        (filter, "exclude", "exclude"),
        (object, "platforms", "platform"),
    ];
    let mut words = String::new();
    for (from, member, word) in lists {
        for wanted in rows_in(from, member).iter().filter_map(Value::as_str) {
            words.push_str(&format!(" --{word} '{wanted}'"));
        }
    }
    if !filter["newest"].is_null() {
        words.push_str(&format!(" --newest {}", text(filter, "newest")));
    }
    words
}

/// Names a package as `--package` does.
fn package(package: &Value) -> String {
    let versions: Vec<&str> = rows_in(package, "versions")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match versions.is_empty() {
        true => text(package, "packageKey"),
        false => format!("{}={}", text(package, "packageKey"), versions.join(",")),
    }
}

fn trigger(task: &Value) -> String {
    let plan = &task["setting"]["executionPlan"];
    match (
        task["replicaType"].as_str(),
        task["setting"]["executionStrategy"].as_str(),
    ) {
        (Some("RUN_ONCE"), _) => "when asked to".to_owned(),
        (Some("REAL_TIME"), _) => "whenever something changes".to_owned(),
        (_, Some("CRON_EXPRESSION")) => format!("cron {}", text(plan, "cronExpression")),
        (_, Some("SPECIFIED_TIME")) => format!("once, at {}", text(plan, "executeTime")),
        _ => "once, as soon as it is on".to_owned(),
    }
}
