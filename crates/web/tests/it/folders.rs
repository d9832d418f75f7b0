//! Folders and batches over HTTP: pages of links, zip archives, and files that go away by themselves.

use std::io::{Cursor, Read};

use axum::http::{Method, Request};
use futures_util::StreamExt;
use serde_json::json;
use tower::ServiceExt;
use zip::ZipArchive;

use crate::artifacts::{put, world};
use crate::world::{Answer, World};

const BASE: &str = "/generic/demo/files";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Starts a node with `/a/b.txt`, `/a/c/d.bin`, `/a/ü & <x>.txt` and `/e`.
async fn filled() -> World {
    let world = world().await;
    for (path, bytes) in [
        ("a/b.txt", "bees"),
        ("a/c/d.bin", "deep"),
        ("a/%C3%BC%20%26%20%3Cx%3E.txt", "odd"),
        ("e", "end"),
    ] {
        put(&world, &format!("{BASE}/{path}"), bytes, &[]).await.ok();
    }
    world
}

/// Returns names and texts of an archive's entries, in order.
fn entries(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    let mut archive = ZipArchive::new(Cursor::new(answer.bytes.clone())).expect("an archive");
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index).expect("an entry");
            let mut text = String::new();
            file.read_to_string(&mut text).expect("its bytes");
            (file.name().expect("a name").into_owned(), text)
        })
        .collect()
}

fn of(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs.iter().map(|(name, text)| ((*name).into(), (*text).into()));
    owned.collect()
}

async fn batch(world: &World, paths: &[&str]) -> Answer {
    let path = "/generic/batch/demo/files";
    world.post(path, json!({ "paths": paths })).await
}

#[tokio::test]
async fn a_folder_is_downloaded_as_an_archive_of_what_is_below_it() {
    let world = filled().await;

    let folder = world.get(&format!("{BASE}/a?download=true")).await;
    let root = world.get(&format!("{BASE}/?download=true")).await;
    let head = world
        .ask(Method::HEAD, &format!("{BASE}/a?download=true"))
        .send()
        .await;

    assert_eq!(
        entries(&folder),
        of(&[
            ("b.txt", "bees"),
            ("c/", ""),
            ("c/d.bin", "deep"),
            ("ü & <x>.txt", "odd"),
        ])
    );
    assert_eq!(
        folder.header("content-disposition"),
        Some("attachment; filename=\"a.zip\"")
    );
    let names: Vec<String> = entries(&root).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["a/", "a/b.txt", "a/c/", "a/c/d.bin", "a/ü & <x>.txt", "e"]
    );
    assert_eq!(
        root.header("content-disposition"),
        Some("attachment; filename=\"files.zip\"")
    );
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-type"), Some("application/zip"));
}

#[tokio::test]
async fn a_batch_comes_in_one_folder_named_after_what_its_paths_share() {
    let world = filled().await;

    let alone = batch(&world, &["/a/c/d.bin"]).await;
    let siblings = batch(&world, &["/a/c", "a/b.txt", "/a/c/d.bin"]).await;
    let apart = batch(&world, &["/e", "/a/b.txt"]).await;
    let got = world
        .ask(Method::GET, "/web/generic/batch/demo/files")
        .json(json!({ "paths": ["/e"] }))
        .send()
        .await;

    assert_eq!(entries(&alone), of(&[("d.bin", "deep")]));
    assert_eq!(
        entries(&siblings),
        of(&[("a/b.txt", "bees"), ("a/c/", ""), ("a/c/d.bin", "deep")])
    );
    assert_eq!(
        entries(&apart),
        of(&[("files/a/b.txt", "bees"), ("files/e", "end")])
    );
    assert_eq!(entries(&got), of(&[("e", "end")]));
    assert_eq!(
        apart.header("content-disposition"),
        Some("attachment; filename=\"files.zip\"")
    );
}

#[tokio::test]
async fn a_batch_that_cannot_be_sent_whole_is_refused_whole() {
    let world = filled().await;
    let path = "/generic/batch/demo/files";

    let unknown = batch(&world, &["/e", "/none"]).await;
    assert_eq!(unknown.refusal(), (404, 251010));
    assert!(unknown.message().contains("/none"), "{}", unknown.message());
    assert_eq!(batch(&world, &[]).await.refusal(), (400, 250104));
    assert_eq!(batch(&world, &["/a/../e"]).await.refusal(), (400, 251011));
    for body in [json!({}), json!({ "paths": "/e" }), json!({ "paths": [{}] })] {
        assert_eq!(world.post(path, body).await.refusal(), (400, 250106));
    }
    let many: Vec<String> = (0..1_001).map(|no| format!("/{no}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(batch(&world, &many).await.refusal(), (400, 251014));
    let anonymous = world.ask(Method::POST, path).anonymous();
    let anonymous = anonymous.json(json!({ "paths": ["/e"] })).send().await;
    assert_eq!(anonymous.refusal(), (401, 250114));
}

#[tokio::test]
async fn an_archive_that_breaks_is_cut_short_and_one_nobody_reads_is_given_up() {
    let world = filled().await;
    let ask = || async {
        let request = Request::builder()
            .uri(format!("{BASE}/a?download=true"))
            .header("authorization", world.login())
            .body(axum::body::Body::empty())
            .expect("a request");
        let answer = world.router.clone().oneshot(request).await;
        answer.expect("the router never fails")
    };

    let mut open = Vec::new();
    loop {
        let answer = ask().await;
        if answer.status() == 429 {
            break;
        }
        open.push(answer);
    }
    let most = open.len();
    open.clear();
    let shelf = world.data().join("blobs");
    std::fs::remove_dir_all(shelf).expect("the bytes go");
    let broken = ask().await;
    let status = broken.status();
    let pieces: Vec<_> = broken.into_body().into_data_stream().collect().await;

    assert_eq!((most, status.as_u16()), (16, 200));
    assert!(pieces.last().is_some_and(Result::is_err), "{pieces:?}");
}

#[tokio::test]
async fn a_folder_is_shown_as_links_with_every_name_escaped() {
    let world = filled().await;

    let folder = world.get(&format!("{BASE}/a/")).await;
    let bare = world.get(&format!("{BASE}/a")).await;
    let root = world.get(BASE).await;

    for (page, base) in [(&folder, ""), (&bare, "a/")] {
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let links: Vec<&str> = page
            .text
            .split("href=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let odd = format!("./{base}%C3%BC%20%26%20%3Cx%3E.txt");
        let up = if base.is_empty() { "../" } else { "./" };
        let below = [format!("./{base}c/"), format!("./{base}b.txt"), odd];
        assert_eq!(links[0], up);
        assert_eq!(links[1..], below);
        assert!(
            page.text.contains("ü &amp; &lt;x&gt;.txt</a>") && !page.text.contains("<x>"),
            "{}",
            page.text
        );
        assert!(page.text.contains("<td>4</td>"), "{}", page.text);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    assert!(root.text.contains("demo/files/") && !root.text.contains("../"));
}

#[tokio::test]
async fn a_repository_may_keep_its_folders_to_itself() {
    let world = filled().await;
    let configuration = json!({ "type": "local", "settings": { "autoIndex": { "enabled": false } } });
    let change = json!({ "configuration": configuration });
    let update = "/repository/api/repo/update/demo/files";
    world.post(update, change).await.ok();

    for path in ["/a", "/a?download=true", "/"] {
        let refused = world.get(&format!("{BASE}{path}")).await;
        assert_eq!(refused.refusal(), (403, 251202), "{path}");
    }
    assert_eq!(batch(&world, &["/a", "/e"]).await.refusal(), (403, 251202));
    assert_eq!(entries(&batch(&world, &["/e"]).await), of(&[("e", "end")]));
    assert_eq!(world.get(&format!("{BASE}/e")).await.text, "end");
}

#[tokio::test]
async fn a_previewed_page_cannot_act_as_its_reader() {
    let world = world().await;
    let page = format!("{BASE}/page.html");
    put(&world, &page, "<script></script>", &[]).await.ok();

    let preview = world.get(&format!("{page}?preview=true")).await;
    let saved = world.get(&page).await;

    assert_eq!(preview.header("content-security-policy"), Some("sandbox"));
    assert_eq!(preview.header("content-disposition"), None);
    assert_eq!(saved.header("x-content-type-options"), Some("nosniff"));
    assert!(saved.header("content-disposition").is_some());
}

#[tokio::test]
async fn a_file_with_a_date_is_gone_at_once_when_it_is_due() {
    let world = world().await;
    let file = format!("{BASE}/a/due");
    put(&world, &file, "12345", &[("X-BKREPO-EXPIRES", "2")])
        .await
        .ok();
    let listed = async || {
        let page = "/repository/api/node/page/demo/files/a?deep=true";
        world.get(page).await.ok()["totalRecords"].clone()
    };

    world.clock.advance_ms(2 * DAY_MS - 1);
    let before = (world.get(&file).await.status.as_u16(), listed().await);
    world.clock.advance_ms(1);
    let due = (world.get(&file).await.refusal(), listed().await);
    put(&world, &file, "123", &[]).await.ok();

    assert_eq!(before, (200, json!(1)));
    assert_eq!(due, ((404, 251010), json!(0)));
    let info = world.get("/repository/api/repo/info/demo/files").await.ok();
    assert_eq!(info["used"], 3);
}
