//! `waybill task create`: the settings of a task as arguments.

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use crate::choice::ChoiceArgs;
use crate::cli::cluster;
use crate::client::Client;
use crate::exit::{CliResult, refused};
use crate::output::{Format, done, text};

const EXAMPLES: &str = "\
Examples:
  waybill task create first --project demo --repo files --to edge-1
  waybill task create nightly --project demo --repo files --to edge-1 --cron '0 30 2 * * ?'
  waybill task create images --project demo --repo files --path /img --to edge-1 --manual
  waybill task create live --project demo --repo files --to edge-1 --real-time --conflict overwrite
  waybill task create mirror --project demo --repo files=backup/files --to edge-2 \\
      --conflict overwrite --rate 10MiB
  waybill task create upstream --project demo --repo npm --type NPM --to verdaccio \\
      --include 'semver:>=1.2' --newest 5 --cron '0 0 * * * ?'

Without --cron, --at, --manual and --real-time the task runs once, at once. `waybill cron` shows when an
expression fires.";

/// `waybill task create NAME ...`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Create {
    /// Its name, unique on the node.
    name: String,
    /// Project whose repositories it reads.
    #[arg(long)]
    project: String,
    /// Repository to replicate; =PROJECT/NAME gives it another name at the target. May repeat.
    #[arg(long = "repo", required = true, value_name = "REPO[=PROJECT/NAME]")]
    repositories: Vec<String>,
    /// What the repositories hold: GENERIC files, images (DOCKER, OCI), or packages of a registry (NPM, MAVEN, ...).
    #[arg(long = "type", default_value = "GENERIC", value_name = "TYPE")]
    repository_type: String,
    /// Only this file, or all below this folder. May repeat.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// Cluster to replicate to. May repeat.
    #[arg(long = "to", required = true, value_name = "CLUSTER")]
    targets: Vec<String>,
    /// Run whenever this Quartz expression fires.
    #[arg(long, value_name = "EXPRESSION", group = "trigger")]
    cron: Option<String>,
    /// Run once at this time: 2027-03-01T02:30+01:00, or without offset a local time of the server's zone.
    #[arg(long, value_name = "TIME", group = "trigger", value_parser = moment)]
    at: Option<String>,
    /// Run only when `waybill task run` asks for it.
    #[arg(long, group = "trigger")]
    manual: bool,
    /// Carry whatever is uploaded or changed, from now on, as soon as it is there.
    #[arg(long, group = "trigger")]
    real_time: bool,
    /// What to do where other content stands at the target.
    #[arg(long, value_enum, default_value_t = Conflict::Skip)]
    conflict: Conflict,
    /// What to do after an artifact failed.
    #[arg(long, value_enum, default_value_t = OnError::Continue)]
    on_error: OnError,
    /// Most bytes per second, for example 500KiB or 10MiB; 0: no limit.
    #[arg(long, default_value = "0", value_parser = byte_count, value_name = "BYTES")]
    rate: u64,
    /// Leave properties behind.
    #[arg(long)]
    no_metadata: bool,
    /// Fail if the project or the repository is missing at the target.
    #[arg(long)]
    no_create: bool,
    /// Keep only the details of what failed.
    #[arg(long)]
    failures_only: bool,
    /// How long records are kept, in days.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60), value_name = "DAYS")]
    keep: u32,
    /// Create it switched off.
    #[arg(long)]
    disabled: bool,
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
}

/// What to do where other content stands at the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Conflict {
    /// Leave it alone.
    Skip,
    /// Replace it.
    Overwrite,
    /// Leave it alone and fail that artifact.
    Fail,
}

impl Conflict {
    fn wire(self) -> &'static str {
        match self {
            Self::Skip => "SKIP",
            Self::Overwrite => "OVERWRITE",
            Self::Fail => "FAST_FAIL",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum OnError {
    /// Go on with the rest.
    Continue,
    /// Stop planning for that target.
    Stop,
}

impl Create {
    /// Creates the task and prints it.
    pub async fn run(&self, client: &Client, format: Format) -> CliResult<()> {
        let mut ids = Vec::new();
        for name in &self.targets {
            ids.push(text(&cluster::by_name(client, name).await?, "id"));
        }
        let body = self.body(&ids)?;
        let made = client.native(Method::POST, &["tasks"], &[], Some(&body)).await?;
        let words = format!("task {} created with key {}", self.name, text(&made, "key"));
        done(format, &words, &made)
    }

    fn body(&self, cluster_ids: &[String]) -> CliResult<Value> {
        if !self.paths.is_empty() && self.repositories.len() > 1 {
            return Err(refused("--path goes with exactly one --repo"));
        }
        let objects: CliResult<Vec<Value>> = self.repositories.iter().map(|text| self.object(text)).collect();
        let (strategy, plan) = self.trigger();
        Ok(json!({
            "name": self.name,
            "localProjectId": self.project,
            "replicaObjectType": if self.paths.is_empty() { "REPOSITORY" } else { "PATH" },
            "replicaTaskObjects": objects?,
            "replicaType": match (self.manual, self.real_time) {
                (true, _) => "RUN_ONCE",
                (false, true) => "REAL_TIME",
                (false, false) => "SCHEDULED",
            },
            "remoteClusterIds": cluster_ids,
            "enabled": !self.disabled,
            "description": self.description,
            "record": !self.failures_only,
            "recordReserveDays": self.keep,
            "setting": {
                "rateLimit": self.rate,
                "includeMetadata": !self.no_metadata,
                "conflictStrategy": self.conflict.wire(),
                "errorStrategy": match self.on_error { OnError::Continue => "CONTINUE", OnError::Stop => "FAST_FAIL" },
                "executionStrategy": strategy,
                "executionPlan": plan,
                "automaticCreateRemoteRepo": !self.no_create,
            },
        }))
    }

    fn object(&self, repository: &str) -> CliResult<Value> {
        let (local, remote) = match repository.split_once('=') {
            None => (repository, None),
            Some((local, remote)) => match remote.split_once('/') {
                Some(remote) => (local, Some(remote)),
                None => {
                    return Err(
                        refused(format!("`{remote}` does not name a repository")).hint("write PROJECT/NAME")
                    );
                }
            },
        };
        let choice = self.choice.choice();
        let paths: Vec<Value> = self.paths.iter().map(|path| json!({ "path": path })).collect();
        Ok(json!({
            "localRepoName": local,
            "remoteProjectId": remote.map(|(project, _)| project),
            "remoteRepoName": remote.map(|(_, name)| name),
            "repoType": self.repository_type,
            "versionFilter": choice.versions,
            "platforms": choice.platforms,
            "pathConstraints": if paths.is_empty() { Value::Null } else { Value::Array(paths) },
        }))
    }

    fn trigger(&self) -> (&'static str, Value) {
        match (&self.cron, &self.at) {
            (Some(cron), _) => (
                "CRON_EXPRESSION",
                json!({ "executeImmediately": false, "cronExpression": cron }),
            ),
            (None, Some(at)) => (
                "SPECIFIED_TIME",
                json!({ "executeImmediately": false, "executeTime": at }),
            ),
            (None, None) => ("IMMEDIATELY", json!({ "executeImmediately": true })),
        }
    }
}

/// Reads a moment: with an offset an instant, without one a time on the server's clocks.
fn moment(text: &str) -> Result<String, String> {
    let instant = text.parse::<jiff::Timestamp>().map(|instant| instant.to_string());
    let local = text
        .parse::<jiff::civil::DateTime>()
        .map(|local| local.to_string());
    instant
        .or(local)
        .map_err(|_| "a time such as 2027-03-01T02:30 or 2027-03-01T02:30+01:00 is wanted".to_owned())
}

/// Reads a number of bytes: `1048576`, `500KiB`, `10MiB`, `2GB`.
pub fn byte_count(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        unit => return Err(format!("`{unit}` is not a unit: KiB, MiB, GiB, KB, MB, GB")),
    };
    let number: u64 = digits
        .trim()
        .parse()
        .map_err(|_| format!("`{digits}` is not a whole number"))?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "that is too much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_take_both_kinds_of_units() {
        assert_eq!(
            (byte_count("10MiB"), byte_count("2kb"), byte_count("7")),
            (Ok(10 << 20), Ok(2000), Ok(7))
        );
    }

    #[test]
    fn a_moment_with_an_offset_is_an_instant_and_one_without_is_not() {
        assert_eq!(
            moment("2027-03-01T02:30+01:00"),
            Ok("2027-03-01T01:30:00Z".into())
        );
        assert_eq!(moment("2027-03-01T02:30"), Ok("2027-03-01T02:30:00".into()));
        assert!(moment("tomorrow").is_err());
    }

    #[test]
    fn a_byte_count_that_is_none_is_refused_and_never_wraps() {
        assert!(byte_count("").is_err() && byte_count("-1").is_err() && byte_count("5 furlongs").is_err());
        assert!(byte_count("18446744073709551615GiB").is_err());
    }
}
