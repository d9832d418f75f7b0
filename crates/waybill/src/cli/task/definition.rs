//! What a task does, as arguments: everything a body of the native API says.

use clap::Args;
use serde_json::{Value, json};

use super::values::{Conflict, OnError, PackageArg, byte_count, moment};
use crate::choice::ChoiceArgs;
use crate::cli::cluster;
use crate::cli::repo::split;
use crate::client::Client;
use crate::exit::{CliResult, refused};
use crate::output::text;

/// What a task does.
#[derive(Args)]
pub struct Definition {
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
    #[arg(long = "path", value_name = "PATH", conflicts_with = "packages")]
    paths: Vec<String>,
    /// Only this package, such as npm://left-pad or docker://team/app=1.0,1.1: these versions of it. May repeat.
    #[arg(long = "package", value_name = "KEY[=VERSION,...]", value_parser = PackageArg::parse)]
    packages: Vec<PackageArg>,
    /// What the only version of the only package is called at the target. May repeat.
    #[arg(long = "target-version", value_name = "VERSION", requires = "packages")]
    target_versions: Vec<String>,
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
    /// What it is for.
    #[arg(long)]
    description: Option<String>,
}

impl Definition {
    /// Returns the body of the task `name`, once the clusters it names are found.
    pub async fn body(&self, client: &Client, name: &str) -> CliResult<Value> {
        self.check()?;
        let mut clusters = Vec::new();
        for cluster in &self.targets {
            clusters.push(text(&cluster::by_name(client, cluster).await?, "id"));
        }
        let objects: CliResult<Vec<Value>> = self.repositories.iter().map(|text| self.object(text)).collect();
        let scope = match (self.paths.is_empty(), self.packages.is_empty()) {
            (true, true) => "REPOSITORY",
            (true, false) => "PACKAGE",
            (false, _) => "PATH",
        };
        Ok(json!({
            "name": name,
            "localProjectId": self.project,
            "replicaObjectType": scope,
            "replicaTaskObjects": objects?,
            "replicaType": match (self.manual, self.real_time) {
                (true, _) => "RUN_ONCE",
                (false, true) => "REAL_TIME",
                (false, false) => "SCHEDULED",
            },
            "remoteClusterIds": clusters,
            "description": self.description,
            "record": !self.failures_only,
            "recordReserveDays": self.keep,
            "setting": self.setting(),
        }))
    }

    /// Refuses what would be taken for all repositories though it can be meant for one only.
    fn check(&self) -> CliResult<()> {
        if self.repositories.len() > 1 {
            let lists = [("--path", self.paths.len()), ("--package", self.packages.len())];
            if let Some((flag, _)) = lists.iter().find(|(_, given)| *given > 0) {
                return Err(refused(format!("{flag} goes with exactly one --repo")));
            }
        }
        let one = matches!(self.packages.as_slice(), [package] if package.versions.len() == 1);
        if !self.target_versions.is_empty() && !one {
            let words = "--target-version goes with exactly one --package that names one version";
            return Err(refused(words).hint("for example --package docker://team/app=1.0"));
        }
        Ok(())
    }

    fn setting(&self) -> Value {
        let (strategy, plan) = self.trigger();
        json!({
            "rateLimit": self.rate,
            "includeMetadata": !self.no_metadata,
            "conflictStrategy": self.conflict.wire(),
            "errorStrategy": self.on_error.wire(),
            "executionStrategy": strategy,
            "executionPlan": plan,
            "automaticCreateRemoteRepo": !self.no_create,
        })
    }

    fn object(&self, repository: &str) -> CliResult<Value> {
        let (local, remote) = match repository.split_once('=') {
            None => (repository, None),
            Some((local, remote)) => (local, Some(split(remote)?)),
        };
        let choice = self.choice.choice();
        let paths: Vec<Value> = self.paths.iter().map(|path| json!({ "path": path })).collect();
        let packages = self.packages.iter();
        let packages: Vec<Value> = packages
            .map(|package| package.wire(&self.target_versions))
            .collect();
        let some = |list: Vec<Value>| (!list.is_empty()).then_some(list);
        Ok(json!({
            "localRepoName": local,
            "remoteProjectId": remote.map(|(project, _)| project),
            "remoteRepoName": remote.map(|(_, name)| name),
            "repoType": self.repository_type,
            "versionFilter": choice.versions,
            "platforms": choice.platforms,
            "pathConstraints": some(paths),
            "packageConstraints": some(packages),
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
