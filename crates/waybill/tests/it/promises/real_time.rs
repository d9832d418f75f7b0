//! Real time between real nodes: kill either side while files are uploaded; every change arrives, none twice.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Draw, Node, until};

const UPLOADS: u64 = 40;

/// Makes a task that carries to `cluster` whatever changes in `repository`, and returns its key.
async fn follow(node: &Node, name: &str, repository: &str, cluster: &str) -> String {
    let (project, repository) = repository.split_once('/').expect("project/repository");
    let body = json!({ "name": name, "localProjectId": project, "replicaObjectType": "REPOSITORY",
        "replicaType": "REAL_TIME", "remoteClusterIds": [cluster],
        "setting": { "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE" },
        "replicaTaskObjects": [{ "localRepoName": repository, "repoType": "GENERIC" }] });
    let task = node
        .ok(Method::POST, "/replication/api/task/create", Some(body))
        .await;
    task["key"].as_str().expect("a task has a key").into()
}

/// Says whether everything has arrived and no run goes on; what waits for its next try is tried at once.
async fn drained(node: &Node, task: &str) -> bool {
    let running = node
        .records(task)
        .await
        .iter()
        .any(|record| record["status"] == json!("RUNNING"));
    let path = format!("/replication/api/replica/event/page?taskKey={task}");
    let left = node.ok(Method::GET, &path, None).await["totalRecords"].clone();
    if running || left == json!(0) {
        return !running;
    }
    let body = json!({ "taskKey": task });
    node.ok(Method::POST, "/replication/api/replica/event/retry", Some(body))
        .await;
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_arrives_and_none_twice_when_nodes_are_killed() {
    let mut centre = Node::start("centre").await;
    let mut edge = Node::start("edge").await;
    let cluster = centre.register("edge", edge.address).await;
    for seed in 1..=6 {
        println!("seed {seed}");
        let mut draw = Draw::new(seed);
        let repository = format!("live/files-{seed}");
        centre.make_repository("live", &format!("files-{seed}")).await;
        let task = follow(&centre, &format!("live-{seed}"), &repository, &cluster).await;
        let kills = [draw.below(UPLOADS), draw.below(UPLOADS)];
        let mut uploads: BTreeMap<String, usize> = BTreeMap::new();
        for n in 0..UPLOADS {
            // Some files change again and again.
            let path = format!("/d{}/f{}", n % 3, draw.below(UPLOADS / 2));
            let size = 1 + usize::try_from(draw.below(400_000)).expect("small");
            centre.upload(&repository, &path, draw.bytes(size)).await;
            *uploads.entry(path).or_default() += 1;
            if n == kills[0] {
                centre.kill().await;
                centre.start_again().await;
            }
            if n == kills[1] && seed % 2 == 0 {
                edge.kill().await;
                edge.start_again().await;
            }
        }

        until("everything has arrived", || drained(&centre, &task)).await;

        assert_eq!(
            edge.files(&repository).await,
            centre.files(&repository).await,
            "seed {seed}"
        );
        let records = centre.records(&task).await;
        println!(
            "{} changes of {} files in {} records",
            UPLOADS,
            uploads.len(),
            records.len()
        );
        let mut carried: BTreeMap<String, usize> = BTreeMap::new();
        let mut unchanged: BTreeMap<String, usize> = BTreeMap::new();
        for record in &records {
            let id = record["id"].as_str().expect("a record has an id");
            for row in centre.assert_overview_equals_rows(id).await {
                let path = row["artifactName"].as_str().unwrap_or_default().to_owned();
                let progress = &row["progress"];
                *carried.entry(path.clone()).or_default() += usize::from(progress["success"] == json!(1));
                *unchanged.entry(path).or_default() += usize::from(progress["skip"] == json!(1));
            }
        }
        let all_well = records.iter().all(|record| record["status"] == json!("SUCCESS"));
        for (path, times) in &uploads {
            let of = |rows: &BTreeMap<String, usize>| rows.get(path).copied().unwrap_or_default();
            let (carried, unchanged) = (of(&carried), of(&unchanged));
            // A file that changes while it is in hand travels as it is then; its next change finds it there.
            assert!(
                carried + unchanged <= *times || !all_well,
                "seed {seed}: {path} changed {times} times, was carried {carried} times and found {unchanged} times"
            );
            assert!(
                carried <= *times,
                "seed {seed}: {path} changed {times} times and was carried {carried} times"
            );
            assert!(carried > 0 || !all_well, "seed {seed}: {path} was never carried");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_follow_each_other_come_to_rest_with_the_same_files() {
    let (here, there) = (Node::start("here").await, Node::start("there").await);
    for (node, other) in [(&here, &there), (&there, &here)] {
        node.make_repository("live", "files").await;
        node.register(&other.name, other.address).await;
    }
    let id = async |node: &Node, name: &str| -> String {
        let path = format!("/replication/api/cluster/info?name={name}");
        let info: Value = node.ok(Method::GET, &path, None).await;
        info["id"].as_str().expect("an id").into()
    };
    let forth = follow(&here, "forth", "live/files", &id(&here, "there").await).await;
    let back = follow(&there, "back", "live/files", &id(&there, "here").await).await;

    for n in 0..20_u8 {
        here.upload("live/files", &format!("/h{n}"), vec![n; 100]).await;
        there.upload("live/files", &format!("/t{n}"), vec![n; 100]).await;
    }

    until("both have come to rest", || async {
        drained(&here, &forth).await
            && drained(&there, &back).await
            && here.files("live/files").await.len() == 40
    })
    .await;
    assert_eq!(here.files("live/files").await, there.files("live/files").await);
}
