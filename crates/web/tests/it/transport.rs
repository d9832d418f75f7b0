//! Paths, prefixes, methods, the envelope, languages and zones.

use axum::http::Method;

use crate::world::World;

const LIST: &str = "/replication/api/cluster/list";

#[tokio::test]
async fn a_resource_answers_under_all_of_a_gateways_prefixes() {
    let world = World::start().await;

    for prefix in ["", "/api", "/web"] {
        let answer = world.get(&format!("{prefix}{LIST}?x=1")).await;
        assert_eq!(answer.status, 200, "{prefix}");
    }
    assert_eq!(world.get(&format!("/v3{LIST}")).await.refusal(), (404, 250130));
}

#[tokio::test]
async fn unknown_urls_trailing_slashes_and_internal_paths_are_not_found() {
    let world = World::start().await;

    for path in [
        "/nothing",
        "/replication/api/cluster/list/",
        "/replication/api/task/canUpdated/x",
        "/replication/service/task",
        "/web/replication/service/api/cluster/list",
        "/replication/api/federation/list/p/r",
        "/replication/api/task/edge/create/x",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.refusal(), (404, 250130), "{path}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_is_overlooked_but_by_the_replication_service() {
    let world = World::start().await;
    let project = serde_json::json!({ "name": "demo", "displayName": "demo", "description": "" });
    world.post("/repository/api/project/create/", project).await.ok();

    for path in [
        "/repository/api/project/list/",
        "/web/repository/api/project/list/?names=demo",
        "/api/auth/api/user/info/",
        "/repository/api/repo/list/demo/?type=GENERIC",
    ] {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for path in ["/replication/api/cluster/list/", "/repository/api/project/list//"] {
        assert_eq!(world.get(path).await.refusal(), (404, 250130), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_so_and_head_works_where_get_does() {
    let world = World::start().await;

    let wrong = world.ask(Method::PUT, LIST).send().await;
    let head = world.ask(Method::HEAD, LIST).send().await;

    assert_eq!(wrong.refusal(), (405, 250112));
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn every_answer_is_an_envelope_with_one_trace_id_in_body_and_header() {
    let world = World::start().await;

    for answer in [world.get(LIST).await, world.get("/nothing").await] {
        let members: Vec<&String> = answer.body.as_object().expect("an object").keys().collect();
        assert_eq!(members.len(), 4, "{members:?}");
        let trace_id = answer.body["traceId"].as_str().expect("a trace id");
        assert_eq!(trace_id.len(), 32);
        assert_eq!(answer.header("x-bkrepo-rid"), Some(trace_id));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-bkrepo-time-zone"), Some("+0800"));
    }
}

#[tokio::test]
async fn errors_are_said_in_the_readers_language() {
    let world = World::start().await;
    let path = "/replication/api/task/info/nobody";

    for (header, message) in [
        ("", "replication task nobody is not found"),
        ("zh-CN,en;q=0.5", "未找到同步任务nobody"),
        ("zh-TW", "未找到同步任務nobody"),
        ("ja", "レプリケーションタスク nobody が見つかりません"),
        ("fr-FR,ja;q=0.9", "replication task nobody is not found"),
    ] {
        let ask = world.ask(Method::GET, path).header("accept-language", header);
        let answer = ask.send().await;

        assert_eq!(answer.message(), message, "{header}");
        assert_eq!(answer.refusal(), (400, 250310), "{header}");
    }
}

#[tokio::test]
async fn the_readers_zone_shifts_what_is_shown_and_never_what_is_stored() {
    let world = World::start().await;
    world.cluster("edge-1", "EDGE").await;
    let path = "/replication/api/cluster/info?name=edge-1";
    let shown = async |zone: &str| {
        let answer = world
            .ask(Method::GET, path)
            .header("X-BKREPO-Time-Zone", zone)
            .send()
            .await;
        let zone = answer.header("x-bkrepo-time-zone").map(String::from);
        (answer.ok()["createdDate"].clone(), zone.expect("a zone"))
    };

    assert_eq!(shown("UTC").await, ("2024-07-25T03:20:00".into(), "+0000".into()));
    assert_eq!(
        shown("America/New_York").await,
        ("2024-07-24T23:20:00".into(), "-0400".into())
    );
    assert_eq!(
        shown("nonsense").await,
        ("2024-07-25T11:20:00".into(), "+0800".into())
    );
}

#[tokio::test]
async fn bodies_of_the_wrong_type_or_size_or_form_are_refused() {
    let world = World::start().await;
    let ask = || world.ask(Method::POST, "/replication/api/task/copy");

    let form = ask()
        .header("content-type", "application/x-www-form-urlencoded")
        .body("key=a")
        .send()
        .await;
    let empty = ask().header("content-type", "application/json").send().await;
    let array = ask().json(serde_json::json!([])).send().await;
    let huge = ask().body(vec![b' '; 3 * 1024 * 1024]).send().await;

    assert_eq!(form.refusal(), (415, 250119));
    assert_eq!(empty.refusal(), (400, 250106));
    assert_eq!(array.refusal(), (400, 250106));
    assert_eq!(huge.refusal(), (413, 250106));
}
