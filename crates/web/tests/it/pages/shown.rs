use serde_json::json;

use super::browser::Browser;
use crate::world::World;

/// A node with a cluster, a task and a repository; returns the paths of pages that show them.
async fn furnished(world: &World, name: &str) -> Vec<String> {
    let cluster = world.cluster("edge-1", "STANDALONE").await;
    let project = json!({ "name": "demo", "displayName": name, "description": name });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC", "category": "LOCAL",
        "public": false, "description": name });
    world.post("/repository/api/repo/create", repository).await.ok();
    let file = format!(
        "/generic/demo/files/{}",
        percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
    );
    let uploaded = world
        .ask(axum::http::Method::PUT, &file)
        .body("bytes")
        .send()
        .await;
    assert_eq!(uploaded.status.as_u16(), 200, "{}", uploaded.text);
    let task = world
        .task(name, &[&cluster], json!({ "description": name }))
        .await;
    let key = task["key"].as_str().expect("a key").to_owned();
    let record = world
        .engine
        .start_task(&domain::id::TaskKey(key.clone()), name)
        .await
        .expect("a run");
    let tail = &file["/generic/demo/files".len()..];
    vec![
        "/".into(),
        "/tasks".into(),
        "/tasks/new".into(),
        format!("/tasks/{key}"),
        format!("/tasks/{key}/copy"),
        format!("/tasks/{key}/delete"),
        format!("/records/{record}"),
        format!("/records/{record}?status=failed&path=%2Fx"),
        "/clusters".into(),
        "/clusters/new".into(),
        format!("/clusters/{cluster}"),
        format!("/clusters/{cluster}/edit"),
        format!("/clusters/{cluster}/delete"),
        "/repositories".into(),
        "/repositories/new".into(),
        "/webhooks".into(),
        "/webhooks/new".into(),
        "/repositories/demo".into(),
        "/repositories/demo/files".into(),
        format!("/repositories/demo/files{tail}"),
        "/account".into(),
        "/account/users".into(),
        "/account/users/admin".into(),
    ]
}

/// Says whether a page names places elsewhere, as text.
fn shows_addresses(path: &str) -> bool {
    ["/clusters", "/webhooks", "/repositories/new"]
        .iter()
        .any(|page| path.starts_with(page))
}

#[tokio::test]
async fn every_page_is_shown_in_every_language_and_keeps_to_itself() {
    let world = World::start().await;
    let paths = furnished(&world, "nightly").await;
    for language in ["en", "zh-CN", "zh-TW", "ja"] {
        let mut browser = Browser::of_admin(&world).await;
        browser.language = language;
        for path in &paths {
            let page = browser.open(path).await;

            assert_eq!(page.status.as_u16(), 200, "{path}: {}", page.text);
            assert!(
                page.text.contains(&format!("<html lang=\"{language}\"")),
                "{path}"
            );
            let policy = page.header("content-security-policy").expect("a policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(page.header("x-frame-options"), Some("DENY"));
            assert_eq!(page.header("cache-control"), Some("no-store"));
            for inline in [
                "style=",
                "onclick",
                "javascript:",
                "<style",
                "http://www",
                "https://",
            ] {
                let found = page.text.find(inline).filter(|_| !shows_addresses(path));
                assert_eq!(found, None, "{inline} in {path}");
            }
        }
    }
}

#[tokio::test]
async fn names_of_others_are_text_wherever_they_are_shown() {
    let world = World::start().await;
    let hostile = r#"<script>alert(1)</script><img src=x onerror=alert(2)>"'"#;
    let paths = furnished(&world, hostile).await;
    let mut browser = Browser::of_admin(&world).await;
    for path in paths {
        let page = browser.open(&path).await;

        assert_eq!(page.status.as_u16(), 200, "{path}: {}", page.text);
        assert!(!page.text.contains("<script>alert"), "{path}");
        assert!(!page.text.contains("<img"), "{path}");
    }
}

#[tokio::test]
async fn what_remotes_answered_and_what_was_imported_is_text_too() {
    let world = World::start().await;
    let hostile = "</td><script>alert(1)</script><img src=x onerror=alert(2)>";
    let id = "609b573d53ccce752bf9b860";
    let record = json!({ "record": { "id": id, "taskKey": "651095dfe0524ce9b3ab53d13532361c", "status": "FAILED",
        "startTime": "2021-05-12T12:19:08.813", "endTime": "2021-05-12T12:19:37.967", "errorReason": hostile } });
    let detail = json!({ "detail": { "id": "979b573d53efcd752bf9b762", "recordId": id, "localCluster": hostile,
        "remoteCluster": hostile, "localRepoName": hostile, "repoType": "NPM",
        "packageConstraint": { "packageKey": hostile, "versions": [hostile] }, "pathConstraint": null,
        "status": "FAILED", "progress": { "success": 0, "skip": 0, "failed": 1, "totalSize": 1 },
        "startTime": "2021-05-12T12:19:08.813", "endTime": "2021-05-12T12:19:37.967", "errorReason": hostile } });
    let imported = world
        .ask(axum::http::Method::POST, "/api/v1/records/import")
        .body(format!("{record}\n{detail}"))
        .send()
        .await;
    assert_eq!(imported.status.as_u16(), 200, "{}", imported.text);
    let mut browser = Browser::of_admin(&world).await;
    for path in ["/".into(), "/tasks".into(), format!("/records/{id}")] {
        let page = browser.open(&path).await;

        assert_eq!(page.status.as_u16(), 200, "{path}: {}", page.text);
        assert!(!page.text.contains("<script>alert"), "{path}");
        assert!(!page.text.contains("<img"), "{path}");
    }
    let shown = browser.open(&format!("/records/{id}")).await.text;
    assert!(
        shown.matches("&lt;script&gt;alert(1)&lt;/script&gt;").count() >= 3,
        "{shown}"
    );
    let sought = browser
        .open(&format!(
            "/records/{id}?words=%3Cscript%3E&path=%22%3E%3Cscript%3Ealert"
        ))
        .await;
    assert!(!sought.text.contains("<script>alert"), "{}", sought.text);
}

#[tokio::test]
async fn what_is_not_there_is_said_as_a_page() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    for path in [
        "/tasks/nobody",
        "/records/nobody",
        "/records/000000000000000000000000",
        "/clusters/nobody",
        "/repositories/nobody",
        "/repositories/nobody/files/x",
        "/account/users/nobody",
        "/webhooks/nobody",
        "/webhooks/nobody/edit",
    ] {
        let page = browser.open(path).await;

        assert_eq!(page.status.as_u16(), 404, "{path}: {}", page.text);
        assert!(
            page.text.contains("<h1>There is nothing here</h1>") && page.text.contains("role=\"alert\""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused_and_never_break_a_page() {
    let world = World::start().await;
    let paths = furnished(&world, "nightly").await;
    let record = paths
        .iter()
        .find(|path| path.starts_with("/records/"))
        .expect("a record")
        .clone();
    let task = paths
        .iter()
        .find(|path| path.starts_with("/tasks/") && path.len() > 20)
        .expect("a task")
        .clone();
    let mut browser = Browser::of_admin(&world).await;
    for path in [
        "/tasks?page=x".into(),
        "/tasks?page=0".into(),
        "/tasks?sort=x".into(),
        "/tasks?status=x".into(),
        format!("{task}?after=x"),
        format!("{record}?after=1"),
        format!("{record}?class=x"),
        format!("{record}?sort=x"),
        format!("{record}?sort=name&order=x"),
        format!("{record}?sort=name&after=1.2"),
        "/webhooks/new?x".into(),
        "/repositories/demo/files?package=%00&page=x".into(),
        "/repositories/demo/files?page=99999999999999999999".into(),
        "/repositories/demo/files?page=18446744073709551615".into(),
        "/tasks/cron?cron=%00".into(),
    ] {
        let page = browser.open(&path).await;

        assert!(
            page.status.as_u16() < 500,
            "{path}: {} {}",
            page.status,
            page.text
        );
    }
}

#[tokio::test]
async fn language_and_colours_are_chosen_and_kept() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;

    let chosen = browser
        .send(
            "/look",
            &[("language", "zh-CN"), ("theme", "dark"), ("back", "/clusters")],
        )
        .await;
    let page = browser.open("/clusters").await;

    assert_eq!(chosen.header("location"), Some("/clusters"));
    assert!(
        page.text.contains(r#"<html lang="zh-CN" data-theme="dark">"#),
        "{}",
        page.text
    );
    assert!(page.text.contains("集群"));
}

#[tokio::test]
async fn what_pages_load_is_small_and_stays_until_it_changes() {
    let world = World::start().await;
    let page = Browser::new(&world).open("/login").await.text;
    let assets: Vec<&str> = page
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    let ask = async |path: &str| {
        let ask = world.ask(axum::http::Method::GET, path).anonymous();
        ask.header("accept-encoding", "gzip, br").send().await
    };

    assert_eq!(assets.len(), 5, "{assets:?}");
    let mut bytes = 0;
    for path in &assets {
        let asset = ask(path).await;
        let plain = Browser::new(&world).open(path).await;

        assert_eq!(asset.status.as_u16(), 200, "{path}");
        assert_eq!(asset.header("content-encoding"), Some("gzip"));
        assert_eq!(asset.header("vary"), Some("accept-encoding"));
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert!(
            asset
                .header("cache-control")
                .is_some_and(|kept| kept.contains("immutable"))
        );
        bytes += asset.bytes.len();
    }
    assert!(bytes < 120 * 1024, "{bytes}");
    let of_another_version = assets[0].replace(assets[0].split('/').nth(2).expect("an edition"), "0");
    assert_eq!(
        ask(&of_another_version).await.header("cache-control"),
        Some("no-store")
    );
}
