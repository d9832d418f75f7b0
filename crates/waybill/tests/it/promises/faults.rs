//! Promises 1 and 7: whatever the network does, SUCCESS means verified and every failure explains itself.

use domain::digest::Digest;
use serde_json::json;

use super::proxy::{FAULTS, Fault, Proxy};
use super::world::{Draw, Node};

const STAGES: [&str; 6] = ["list", "describe", "read", "write", "verify", "commit"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn success_means_verified_and_every_failure_explains_itself_behind_a_faulty_network() {
    let centre = Node::start("centre").await;
    let edge = Node::start("edge").await;
    let proxy = Proxy::to(edge.address, 11).await;
    let cluster = centre.register("edge", proxy.address).await;
    for (round, fault) in FAULTS.into_iter().enumerate() {
        for percent in [40, 100] {
            println!("{fault:?} on {percent} % of the connections");
            let name = format!("files-{round}-{percent}");
            one_round(&centre, &edge, &proxy, &cluster, &name, fault, percent).await;
        }
    }
}

async fn one_round(
    centre: &Node,
    edge: &Node,
    proxy: &Proxy,
    cluster: &String,
    name: &str,
    fault: Fault,
    percent: u64,
) {
    let repository = format!("faults/{name}");
    let mut draw = Draw::new(percent + fault as u64);
    centre.make_repository("faults", name).await;
    for n in 0..25 {
        let size = 1 + draw.below(30_000) as usize;
        centre
            .upload(&repository, &format!("/small/{n}"), draw.bytes(size))
            .await;
    }
    centre.upload(&repository, "/large", draw.bytes(2_000_000)).await;
    let setting = json!({ "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE" });
    let task = centre
        .make_task(name, &repository, std::slice::from_ref(cluster), setting)
        .await;

    proxy.set(fault, percent);
    let record = centre.execute(&task).await;
    let ended = centre.ended(&record).await;
    proxy.set(Fault::None, 0);

    for row in centre.assert_overview_equals_rows(&record).await {
        let path = row["artifactName"]
            .as_str()
            .expect("a new row names its artifact");
        match row["status"].as_str() {
            Some("SUCCESS") => {
                let there = edge
                    .download(&repository, path)
                    .await
                    .expect("a successful artifact is there");
                assert_eq!(
                    Digest::of(&there).to_hex(),
                    row["sha256"],
                    "{fault:?}: {path} is not what the log says"
                );
            }
            Some("FAILED") => {
                let reason = row["errorReason"].as_str().unwrap_or_default();
                let (step, words) = reason.split_once(": ").unwrap_or_default();
                let (stage, class) = step.split_once('/').unwrap_or_default();
                assert!(
                    STAGES.contains(&stage) && !class.is_empty() && words.len() > 10,
                    "{fault:?}: `{reason}`"
                );
                assert!(!reason.contains("internal error"), "{reason}");
            }
            other => unreachable!("{fault:?}: {path} ended as {other:?}"),
        }
    }
    if ended["status"] == json!("FAILED") {
        assert!(
            ended["errorReason"]
                .as_str()
                .is_some_and(|reason| reason.contains("edge")),
            "{ended}"
        );
    }
    let again = centre.execute(&task).await;
    assert_eq!(
        centre.ended(&again).await["status"],
        json!("SUCCESS"),
        "{fault:?}: a clean run converges"
    );
    assert_eq!(edge.files(&repository).await, centre.files(&repository).await);
}
