//! Promises 5, 6, 8, 11 and 12 between two nodes.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Draw, Node, own_address, until};

struct Pair {
    centre: Node,
    edge: Node,
    cluster: String,
}

async fn pair() -> Pair {
    let (centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
    let cluster = centre.register("edge", edge.address).await;
    Pair {
        centre,
        edge,
        cluster,
    }
}

fn setting(conflict: &str) -> Value {
    json!({ "conflictStrategy": conflict, "errorStrategy": "CONTINUE" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflict_laws_hold() {
    let Pair {
        centre,
        edge,
        cluster,
    } = pair().await;
    for (strategy, survivor, status, counts) in [
        ("SKIP", "old", "SUCCESS", [3, 0, 1]),
        ("FAST_FAIL", "old", "FAILED", [2, 1, 1]),
        ("OVERWRITE", "new", "SUCCESS", [3, 0, 1]),
    ] {
        let name = strategy.to_lowercase();
        let repository = format!("laws/{name}");
        for node in [&centre, &edge] {
            node.make_repository("laws", &name).await;
            node.upload(&repository, "/same", b"same".to_vec()).await;
        }
        centre.upload(&repository, "/other", b"new".to_vec()).await;
        edge.upload(&repository, "/other", b"old".to_vec()).await;
        centre
            .upload(&repository, "/only-here", b"only here".to_vec())
            .await;
        let clusters = std::slice::from_ref(&cluster);
        let task = centre
            .make_task(&name, &repository, clusters, setting(strategy))
            .await;

        let record = centre.execute(&task).await;
        let ended = centre.ended(&record).await;

        assert_eq!(ended["status"], status, "{strategy}: {ended}");
        assert_eq!(
            edge.download(&repository, "/other").await,
            Some(survivor.into()),
            "{strategy}"
        );
        assert_eq!(
            edge.download(&repository, "/only-here").await,
            Some(b"only here".to_vec()),
            "{strategy}"
        );
        let overview = centre.overview(&record).await;
        assert_eq!(
            [&overview["success"], &overview["failed"], &overview["conflict"]],
            counts.map(|n| json!(n)).each_ref()
        );
        let rows = centre.assert_overview_equals_rows(&record).await;
        let row = |name: &str| {
            rows.iter()
                .find(|row| row["artifactName"] == name)
                .expect("a row")
                .clone()
        };
        assert_eq!(row("/other")["conflictStrategy"], strategy);
        assert_eq!(
            row("/same")["conflictStrategy"],
            Value::Null,
            "equal content is no conflict"
        );
        assert_eq!(row("/same")["progress"]["skip"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_copies_nothing() {
    let Pair {
        centre,
        edge,
        cluster,
    } = pair().await;
    centre.make_repository("laws", "again").await;
    let mut draw = Draw::new(5);
    for n in 0..30 {
        centre
            .upload("laws/again", &format!("/f{n}"), draw.bytes(500))
            .await;
    }
    centre.upload("laws/again", "/large", draw.bytes(1_000_000)).await;
    let task = centre
        .make_task("again", "laws/again", &[cluster], setting("OVERWRITE"))
        .await;
    let first = centre.execute(&task).await;
    assert_eq!(centre.ended(&first).await["status"], "SUCCESS");

    let second = centre.execute(&task).await;

    assert_eq!(centre.ended(&second).await["status"], "SUCCESS");
    let overview = centre.overview(&second).await;
    assert_eq!(
        overview,
        json!({ "success": 31, "failed": 0, "conflict": 0, "fileSuccess": 0, "fileFailed": 0 })
    );
    assert!(
        centre
            .details(&second)
            .await
            .iter()
            .all(|row| row["progress"]["skip"] == 1)
    );
    assert_eq!(edge.files("laws/again").await, centre.files("laws/again").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_does_exactly_the_selected_set() {
    let Pair {
        centre,
        edge,
        cluster,
    } = pair().await;
    for node in [&centre, &edge] {
        node.make_repository("laws", "retry").await;
    }
    for name in ["/a/1", "/a/2", "/b/1", "/b/2"] {
        centre
            .upload("laws/retry", name, format!("new {name}").into_bytes())
            .await;
        if name.ends_with('1') {
            edge.upload("laws/retry", name, b"old".to_vec()).await;
        }
    }
    let task = centre
        .make_task("retry", "laws/retry", &[cluster], setting("FAST_FAIL"))
        .await;
    let first = centre.execute(&task).await;
    assert_eq!(centre.ended(&first).await["status"], "FAILED");
    for name in ["/a/1", "/b/1"] {
        centre
            .ok(Method::DELETE, &format!("/generic/laws/retry{name}"), None)
            .await;
        centre.upload("laws/retry", name, b"old".to_vec()).await;
    }

    let filter = json!({ "filter": { "status": "failed", "path": "/a" } });
    let (status, answer) = centre
        .call(
            Method::POST,
            &format!("/api/v1/records/{first}/retry"),
            Some(filter),
        )
        .await;

    assert!(status < 300, "{status} {answer}");
    let second = answer["recordId"]
        .as_str()
        .expect("a retry is a record")
        .to_string();
    assert_ne!(second, first);
    assert_eq!(centre.ended(&second).await["status"], "SUCCESS");
    let names: Vec<_> = centre
        .details(&second)
        .await
        .iter()
        .map(|row| row["artifactName"].clone())
        .collect();
    assert_eq!(names, [json!("/a/1")]);
    let misspelt = json!({ "filter": { "status": "failed", "pathPrefix": "/a" } });
    let (status, answer) = centre
        .call(
            Method::POST,
            &format!("/api/v1/records/{first}/retry"),
            Some(misspelt),
        )
        .await;
    assert_eq!(
        status, 400,
        "a member that is ignored would retry more than was asked for: {answer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_ends_a_run_and_settles_what_was_in_flight() {
    let Pair {
        centre,
        edge: _edge,
        cluster,
    } = pair().await;
    centre.make_repository("laws", "stop").await;
    let mut draw = Draw::new(9);
    for n in 0..3 {
        centre
            .upload("laws/stop", &format!("/large/{n}"), draw.bytes(2_000_000))
            .await;
    }
    let slow = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE", "rateLimit": 100_000 });
    let task = centre.make_task("stop", "laws/stop", &[cluster], slow).await;
    let record = centre.execute(&task).await;
    until("something is in flight for longer than a second", || async {
        centre
            .details(&record)
            .await
            .iter()
            .any(|row| row["status"] == "RUNNING")
    })
    .await;

    let begin = Instant::now();
    let (status, answer) = centre
        .call(Method::POST, &format!("/api/v1/records/{record}/stop"), None)
        .await;
    assert!(status < 300, "{status} {answer}");
    let ended = centre.ended(&record).await;

    println!("stopped after {:?}", begin.elapsed());
    assert_eq!(ended["status"], "FAILED");
    assert!(
        ended["errorReason"]
            .as_str()
            .is_some_and(|reason| reason.contains("stopped by admin")),
        "{ended}"
    );
    let rows = centre.assert_overview_equals_rows(&record).await;
    assert!(rows.iter().all(|row| row["status"] != "RUNNING"), "{rows:?}");
    let (status, _) = centre
        .call(
            Method::POST,
            &format!("/replication/api/task/execute/{task}"),
            None,
        )
        .await;
    assert_eq!(status, 200, "a stopped task can be executed again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_target_slows_nobody_else_and_is_named() {
    let Pair {
        centre,
        edge,
        cluster,
    } = pair().await;
    centre.make_repository("laws", "dead").await;
    for n in 0..20 {
        centre.upload("laws/dead", &format!("/f{n}"), vec![n; 100]).await;
    }
    let gone = Node::start("gone").await;
    let dead = centre.register("gone", gone.address).await;
    let task = centre
        .make_task("dead", "laws/dead", &[dead, cluster], setting("SKIP"))
        .await;
    drop(gone);

    let record = centre.execute(&task).await;
    until("the living target has everything", || async {
        edge.files("laws/dead").await == centre.files("laws/dead").await
    })
    .await;
    let was_running = centre.record(&record).await["status"] == "RUNNING";
    let ended = centre.ended(&record).await;

    assert!(was_running, "the living target did not wait for the dead one");
    assert_eq!(ended["status"], "FAILED");
    let reason = ended["errorReason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("gone") && reason.contains("unreachable"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_during_the_run_ends_its_part_with_a_reason() {
    let Pair {
        centre,
        mut edge,
        cluster,
    } = pair().await;
    centre.make_repository("laws", "dies").await;
    let mut draw = Draw::new(3);
    for n in 0..40 {
        centre
            .upload("laws/dies", &format!("/f{n:02}"), draw.bytes(20_000))
            .await;
    }
    let slow = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE", "rateLimit": 150_000 });
    let task = centre.make_task("dies", "laws/dies", &[cluster], slow).await;
    let record = centre.execute(&task).await;
    edge.kill().await;

    let ended = centre.ended(&record).await;

    assert_eq!(ended["status"], "FAILED");
    let reason = ended["errorReason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("edge") && reason.contains("unreachable"),
        "{reason}"
    );
    edge.start_again().await;
    let (status, answer) = centre
        .call(
            Method::POST,
            &format!("/api/v1/records/{record}/retry"),
            Some(json!({})),
        )
        .await;
    assert!(status < 300, "{status} {answer}");
    let retry = answer["recordId"]
        .as_str()
        .expect("a retry is a record")
        .to_string();
    assert_eq!(
        centre.ended(&retry).await["status"],
        "SUCCESS",
        "a retry takes the failed and the unattempted"
    );
    assert_eq!(edge.files("laws/dies").await, centre.files("laws/dies").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_in_no_answer_and_no_log() {
    let Pair {
        centre,
        edge: _edge,
        cluster,
    } = pair().await;
    let secret = "a password of tests";
    for path in [
        "/replication/api/cluster/list".to_string(),
        "/replication/api/cluster/page".into(),
        format!("/replication/api/cluster/info/{cluster}"),
        "/replication/api/cluster/info?name=edge".into(),
    ] {
        let (_, answer) = centre.call(Method::GET, &path, None).await;
        let text = answer.to_string();
        assert!(
            !text.contains(secret) && !text.contains("\"password\""),
            "{path}: {text}"
        );
    }
    let wrong = json!({ "name": "wrong", "url": format!("http://{}", own_address()), "type": "STANDALONE",
        "username": "admin", "password": secret });
    let (_, answer) = centre
        .call(Method::POST, "/replication/api/cluster/create", Some(wrong))
        .await;
    assert!(!answer.to_string().contains(secret), "{answer}");
    let log = std::fs::read_to_string(centre.log()).expect("the node logs");
    assert!(!log.contains(secret), "the log shows a password");
}
