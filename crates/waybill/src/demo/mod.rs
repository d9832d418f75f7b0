//! `waybill demo`: a centre and two edges in one process, real files, one task, and the log of its run.
//!
//! It does what a person would do with `curl`: every step goes through the APIs of the three nodes.

mod files;
mod nodes;
mod transfer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::record::{details, show, watch};
use crate::cli::{bar, cluster, repo};
use crate::config::LogConfig;
use crate::exit::{CliResult, Exit, failed, refused};
use crate::output::{self, Format, text};
use files::Chosen;
use nodes::DemoNode;
use transfer::{Manifest, PROJECT, REPOSITORY};

const EXAMPLES: &str = "\
Examples:
  waybill demo
  waybill demo --from /usr/share/doc --once
  waybill demo --listen 127.0.0.1:8080

Everything it keeps lies in a temporary folder that is removed at the end.";

/// `waybill demo`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoCommand {
    /// Replicate the files of this folder [default: what git tracks here, else a bundled sample].
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// End when the run has ended: with 0 only if everything arrived and was verified.
    #[arg(long)]
    once: bool,
    /// Address of the centre; the edges take free ports.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
}

/// Details shown of each edge at the end.
const SHOWN: usize = 4;
const TASK: &str = "demo";

/// Starts everything, replicates, shows the log, and cleans up.
pub async fn run(command: DemoCommand, format: Format) -> CliResult<Exit> {
    crate::serve::log(&LogConfig {
        level: Some("warn".into()),
        ..LogConfig::default()
    })?;
    let chosen = choose(command.from.as_deref())?;
    let folder = tempfile::Builder::new().prefix("waybill-demo-").tempdir()?;
    let stop = CancellationToken::new();
    crate::serve::stop_on_signal(stop.clone())?;
    let nodes = start(command.listen, folder.path(), &stop).await?;
    let played = stop.run_until_cancelled(play(&nodes, &chosen, format)).await;
    if !command.once && matches!(played, Some(Ok(_))) {
        invite(&nodes[0]);
        stop.cancelled().await;
    }
    stop.cancel();
    for node in nodes {
        node.ended().await;
    }
    folder.close()?;
    match played {
        Some(ended) => ended,
        None => Err(failed("stopped before the end")),
    }
}

fn choose(from: Option<&Path>) -> CliResult<Chosen> {
    let chosen = files::choose(from).map_err(|error| refused(format!("cannot read the files: {error}")))?;
    match chosen.files.is_empty() {
        true => Err(refused(format!("{} holds no files", chosen.origin))),
        false => Ok(chosen),
    }
}

async fn start(listen: SocketAddr, folder: &Path, stop: &CancellationToken) -> CliResult<Vec<DemoNode>> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut nodes = Vec::new();
    for (name, listen) in [("centre", listen), ("edge-1", free), ("edge-2", free)] {
        let node = DemoNode::start(name, listen, folder, stop.clone()).await?;
        eprintln!("{name} answers at {}", node.url);
        nodes.push(node);
    }
    Ok(nodes)
}

/// Fills the centre, replicates to the edges, shows the log, and compares what arrived.
async fn play(nodes: &[DemoNode], chosen: &Chosen, format: Format) -> CliResult<Exit> {
    let [centre, edges @ ..] = nodes else {
        return Err(failed("there is no centre"));
    };
    let new = json!({
        "projectId": PROJECT, "name": REPOSITORY, "type": "GENERIC", "category": "LOCAL", "public": false,
        "description": "what the demonstration replicates",
    });
    repo::create(&centre.client, PROJECT, &new).await?;
    let files = &chosen.files;
    let moving = bar(files.len(), "uploading");
    let manifest = transfer::upload(&centre.client, files, &moving).await?;
    moving.finish_and_clear();
    let size: u64 = manifest.values().map(|(_, size)| size).sum();
    eprintln!(
        "{} files, {}, uploaded from {}",
        manifest.len(),
        output::bytes(size),
        chosen.origin
    );
    if chosen.left > 0 {
        eprintln!(
            "{} links, special files or names that are not UTF-8 stay behind",
            chosen.left
        );
    }
    let key = task(centre, edges).await?;
    let record = latest(centre, &key).await?;
    let status = follow(centre, &record, manifest.len() * edges.len()).await?;
    show(centre, edges, &record, format).await?;
    let complete = compare(edges, &manifest).await?;
    Ok(if complete && status == "succeeded" {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn task(centre: &DemoNode, edges: &[DemoNode]) -> CliResult<String> {
    let mut ids = Vec::new();
    for edge in edges {
        let body = json!({
            "name": edge.name, "url": edge.url, "type": "EDGE", "username": "admin", "password": edge.password(),
        });
        centre
            .client
            .post(&["replication", "api", "cluster", "create"], &body)
            .await?;
        ids.push(text(&cluster::by_name(&centre.client, edge.name).await?, "id"));
    }
    let body = json!({
        "name": TASK,
        "localProjectId": PROJECT,
        "replicaObjectType": "REPOSITORY",
        "replicaTaskObjects": [{ "localRepoName": REPOSITORY, "repoType": "GENERIC" }],
        "replicaType": "RUN_ONCE",
        "setting": { "errorStrategy": "CONTINUE" },
        "remoteClusterIds": ids,
    });
    let made = centre
        .client
        .post(&["replication", "api", "task", "create"], &body)
        .await?;
    let key = text(&made, "key");
    centre
        .client
        .post(&["replication", "api", "task", "execute", &key], &json!({}))
        .await?;
    Ok(key)
}

async fn follow(centre: &DemoNode, record: &str, artifacts: usize) -> CliResult<String> {
    let moving = bar(artifacts, "replicating");
    let status = watch::until_ended(&centre.client, record, |record| {
        moving.set_position(watch::settled(record))
    })
    .await?;
    moving.finish_and_clear();
    Ok(status)
}

async fn latest(centre: &DemoNode, key: &str) -> CliResult<String> {
    let path = ["replication", "api", "task", "record", "page", key];
    let page = centre.client.get(&path, &[]).await?;
    match page["records"][0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(failed("the task has no record")),
    }
}

/// Prints the record, and a few details of each edge.
async fn show(centre: &DemoNode, edges: &[DemoNode], record: &str, format: Format) -> CliResult<()> {
    show::show(&centre.client, format, record).await?;
    let mut rows = Vec::new();
    for edge in edges {
        let query = [
            ("cluster", Some(edge.name.to_owned())),
            ("limit", Some(SHOWN.to_string())),
        ];
        let page = centre
            .client
            .native(Method::GET, &["records", record, "details"], &query, None)
            .await?;
        rows.extend(page["details"].as_array().cloned().unwrap_or_default());
    }
    println!();
    output::list(format, &details::COLUMNS, &rows, "no details")
}

/// Downloads everything from both edges again and compares it with the files of the start.
async fn compare(edges: &[DemoNode], manifest: &Manifest) -> CliResult<bool> {
    let mut complete = true;
    for edge in edges {
        let moving: ProgressBar = bar(manifest.len(), "comparing");
        let same = transfer::verify(&edge.client, manifest, &moving).await?;
        moving.finish_and_clear();
        eprintln!(
            "{} holds {same} of {} files, byte for byte",
            edge.name,
            manifest.len()
        );
        complete &= same == manifest.len();
    }
    Ok(complete)
}

fn invite(centre: &DemoNode) {
    eprintln!("\nlook around until Ctrl-C ends it:");
    eprintln!(
        "  export WAYBILL_SERVER={} WAYBILL_PASSWORD={}",
        centre.url,
        centre.password()
    );
    eprintln!("  waybill record details {TASK} --path /");
    eprintln!(
        "  curl -u admin:$WAYBILL_PASSWORD {}/replication/api/cluster/list",
        centre.url
    );
}
