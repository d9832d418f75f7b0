//! The artifact API: files and nodes, with exact status and codes.

use axum::http::Method;
use domain::cluster::Secret;
use domain::digest::Digest;
use serde_json::{Value, json};
use storage::users::Role;

use crate::world::{Answer, World};

const FILE: &str = "/generic/demo/files/a/b.txt";

/// Starts a node with project `demo` and its repository `files`.
pub async fn world() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    world
}

pub async fn put(world: &World, path: &str, bytes: &'static str, headers: &[(&str, &str)]) -> Answer {
    let ask = headers
        .iter()
        .fold(world.ask(Method::PUT, path), |ask, (name, value)| {
            ask.header(name, value)
        });
    ask.body(bytes).send().await
}

#[tokio::test]
async fn an_uploaded_file_comes_back_with_its_checksums_and_headers() {
    let world = world().await;

    let stored = put(&world, FILE, "123456789", &[("X-BKREPO-META-Build", "a%20b")]).await;
    let read = world.get(FILE).await;
    let head = world.ask(Method::HEAD, FILE).send().await;

    let sha256 = Digest::of(b"123456789").to_hex();
    for answer in [&stored, &read, &head] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-checksum-sha256"), Some(sha256.as_str()));
        assert_eq!(
            answer.header("x-checksum-md5"),
            Some("25f9e794323b453885f5181f1b624d0b")
        );
        assert_eq!(
            answer.header("x-checksum-crc64ecma"),
            Some("11051210869376104954")
        );
    }
    let node = stored.ok();
    assert_eq!(node["nodeInfo"]["fullPath"], "/a/b.txt");
    assert_eq!(
        (&node["path"], &node["name"], &node["size"]),
        (&json!("/a/"), &json!("b.txt"), &json!(9))
    );
    assert_eq!(node["metadata"], json!({ "build": "a b" }));
    assert_eq!(node["nodeMetadata"][0]["key"], "build");
    assert_eq!(read.text, "123456789");
    assert_eq!(head.text, "");
    for answer in [&read, &head] {
        assert_eq!(answer.header("content-length"), Some("9"));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.header("etag"), Some(sha256.as_str()));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(
            answer.header("content-disposition"),
            Some("attachment; filename=\"b.txt\"")
        );
        assert_eq!(
            answer.header("last-modified"),
            Some("Thu, 25 Jul 2024 03:20:00 GMT")
        );
        assert_eq!(answer.header("content-range"), None);
    }
    let preview = world.get(&format!("{FILE}?preview=true")).await;
    assert_eq!(preview.header("content-disposition"), None);
}

#[tokio::test]
async fn ranges_are_served_or_refused() {
    let world = world().await;
    put(&world, FILE, "123456789", &[]).await.ok();
    let range = async |range: &str| world.ask(Method::GET, FILE).header("range", range).send().await;

    for (asked, text, shown) in [
        ("bytes=0-1", "12", "bytes 0-1/9"),
        ("bytes=7-", "89", "bytes 7-8/9"),
        ("bytes=-2", "89", "bytes 7-8/9"),
        ("bytes=5-500", "6789", "bytes 5-8/9"),
    ] {
        let answer = range(asked).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (206, text),
            "{asked}"
        );
        assert_eq!(answer.header("content-range"), Some(shown));
        assert_eq!(
            answer.header("content-length"),
            Some(text.len().to_string().as_str())
        );
    }
    for asked in ["bytes=9-", "bytes=3-1", "bytes=0-1,3-4", "lines=1-2", "bytes=x"] {
        assert_eq!(range(asked).await.refusal(), (416, 250120), "{asked}");
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_named_and_nothing_is_stored() {
    let world = world().await;

    for (header, value, algorithm) in [
        ("X-BKREPO-SHA256", "00", "sha256"),
        ("X-BKREPO-SHA256", &*Digest::of(b"other").to_hex(), "sha256"),
        ("X-BKREPO-MD5", "0123456789abcdef0123456789abcdef", "md5"),
        ("X-BKREPO-CRC64ECMA", "1", "crc64ecma"),
    ] {
        let refused = put(&world, FILE, "123456789", &[(header, value)]).await;
        assert_eq!(refused.refusal(), (400, 251003), "{header}");
        assert!(refused.message().contains(algorithm), "{}", refused.message());
    }
    assert_eq!(world.get(FILE).await.refusal(), (404, 251010));
    let upper = Digest::of(b"123456789").to_hex().to_uppercase();
    put(&world, FILE, "123456789", &[("X-BKREPO-SHA256", &upper)])
        .await
        .ok();
}

#[tokio::test]
async fn existing_files_folders_and_bad_paths_are_refused_with_their_codes() {
    let world = world().await;
    let overwrite = [("X-BKREPO-OVERWRITE", "true")];
    put(&world, FILE, "1", &[("X-BKREPO-META-a", "1")]).await.ok();

    assert_eq!(put(&world, FILE, "2", &[]).await.refusal(), (400, 251012));
    let replaced = put(&world, FILE, "2", &overwrite).await.ok();
    assert_eq!(replaced["metadata"], json!({}));
    assert_eq!(
        put(&world, "/generic/demo/files/a", "3", &overwrite)
            .await
            .refusal(),
        (400, 251013)
    );
    assert_eq!(
        put(&world, &format!("{FILE}/c"), "3", &overwrite).await.refusal(),
        (400, 251013)
    );
    for bad in [
        "..%2Fx",
        "a%2F..%2Fx",
        "a%00b",
        "a%0Ab",
        "a%5Cb",
        &"x".repeat(256),
        &"y/".repeat(520),
    ] {
        let refused = put(&world, &format!("/generic/demo/files/{bad}"), "3", &[]).await;
        assert_eq!(refused.refusal(), (400, 251011), "{bad}");
    }
    assert_eq!(
        put(&world, "/generic/demo/files/a%ff", "3", &[]).await.refusal(),
        (400, 250105)
    );
    assert_eq!(
        put(&world, "/generic/demo/nowhere/a", "3", &[]).await.refusal(),
        (404, 251006)
    );
    assert_eq!(
        put(&world, "/generic/nowhere/files/a", "3", &[]).await.refusal(),
        (404, 251006)
    );
}

#[tokio::test]
async fn a_path_may_be_one_segment_and_all_prefixes_lead_to_the_same_file() {
    let world = world().await;
    put(
        &world,
        "/api/generic/demo/files/a%2Fsub%20dir%2F%C3%BC.txt",
        "x",
        &[],
    )
    .await
    .ok();

    for path in [
        "/generic/demo/files/a/sub%20dir/%C3%BC.txt",
        "/web/generic/demo/files//a/sub%20dir//%C3%BC.txt",
    ] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (200, "x"),
            "{path}"
        );
        let disposition = answer.header("content-disposition").expect("a file name");
        assert!(
            disposition.ends_with("filename*=UTF-8''%C3%BC.txt"),
            "{disposition}"
        );
    }
}

#[tokio::test]
async fn files_and_empty_folders_are_deleted_and_others_refused() {
    let world = world().await;
    put(&world, FILE, "1", &[]).await.ok();

    assert_eq!(
        world.delete("/generic/demo/files/a").await.refusal(),
        (400, 251009)
    );
    assert_eq!(world.delete(FILE).await.ok(), Value::Null);
    assert_eq!(world.delete(FILE).await.refusal(), (404, 251010));
    assert_eq!(world.delete("/generic/demo/files/a").await.ok(), Value::Null);
    assert_eq!(world.get("/generic/demo/files/a").await.refusal(), (404, 251010));
}

#[tokio::test]
async fn anonymous_callers_read_public_repositories_and_learn_nothing_of_others() {
    let world = world().await;
    let public = json!({ "projectId": "demo", "name": "open", "type": "GENERIC", "public": true });
    world.post("/repository/api/repo/create", public).await.ok();
    put(&world, "/generic/demo/open/a", "1", &[]).await.ok();
    put(&world, FILE, "1", &[]).await.ok();
    let anonymous = async |method, path: &str| world.ask(method, path).anonymous().send().await;

    assert_eq!(anonymous(Method::GET, "/generic/demo/open/a").await.text, "1");
    assert_eq!(anonymous(Method::GET, FILE).await.refusal(), (401, 250114));
    assert_eq!(
        anonymous(Method::GET, "/generic/demo/nowhere/a").await.refusal(),
        (401, 250114)
    );
    assert_eq!(
        anonymous(Method::PUT, "/generic/demo/open/b").await.refusal(),
        (401, 250114)
    );
    assert_eq!(
        anonymous(Method::GET, "/repository/api/project/list")
            .await
            .refusal(),
        (401, 250114)
    );
    let wrong = world
        .ask(Method::GET, "/generic/demo/open/a")
        .basic("admin", "wrong")
        .send()
        .await;
    assert_eq!(wrong.refusal(), (401, 250114));
}

#[tokio::test]
async fn a_user_reaches_the_projects_named_for_them_only() {
    let world = world().await;
    let other = json!({ "name": "other", "displayName": "Other", "description": "" });
    world.post("/repository/api/project/create", other).await.ok();
    put(&world, FILE, "1", &[]).await.ok();
    let users = world.store.users();
    for (name, project) in [("in", "demo"), ("out", "other")] {
        let role = Role::Replicator {
            projects: vec![project.into()],
        };
        users
            .create(name, &Secret::new("pw"), &role)
            .await
            .expect("a user");
    }
    let ask = |user: &'static str, method, path| world.ask(method, path).basic(user, "pw");

    assert_eq!(ask("in", Method::GET, FILE).send().await.text, "1");
    assert_eq!(
        ask("in", Method::PUT, "/generic/demo/files/c")
            .body("2")
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        ask("out", Method::GET, FILE).send().await.refusal(),
        (403, 250113)
    );
    assert_eq!(
        ask("out", Method::PUT, FILE).send().await.refusal(),
        (403, 250113)
    );
    assert_eq!(
        ask("out", Method::DELETE, FILE).send().await.refusal(),
        (403, 250113)
    );
    let projects = ask("out", Method::GET, "/repository/api/project/list")
        .send()
        .await
        .ok();
    let names: Vec<&str> = projects
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|p| p["name"].as_str())
        .collect();
    assert_eq!(names, ["other"]);
    assert_eq!(
        ask("out", Method::GET, "/repository/api/repo/info/demo/files")
            .send()
            .await
            .refusal(),
        (403, 250113)
    );
}

#[tokio::test]
async fn node_detail_and_pages_show_every_member() {
    let world = world().await;
    put(&world, FILE, "123", &[("X-BKREPO-META-k", "v")]).await.ok();
    put(&world, "/generic/demo/files/z.bin", "4", &[]).await.ok();
    let base = "/repository/api/node";

    let file = world.get(&format!("{base}/detail/demo/files/a/b.txt")).await.ok();
    let folder = world.get(&format!("{base}/detail/demo/files/a")).await.ok();
    let root = world.get(&format!("{base}/detail/demo/files/%2F")).await.ok();
    let unknown = world.get(&format!("{base}/detail/demo/files/nothing")).await;
    let top = world.get(&format!("{base}/page/demo/files/%2F")).await.ok();
    let deep = world
        .get(&format!("{base}/page/demo/files/?deep=true&includeFolder=false&includeMetadata=true&sort=true&pageSize=1000"))
        .await
        .ok();

    let members = [
        "archived",
        "clusterNames",
        "compressed",
        "copyFromCredentialsKey",
        "copyIntoCredentialsKey",
        "crc64ecma",
        "createdBy",
        "createdDate",
        "federatedSource",
        "folder",
        "fullPath",
        "id",
        "lastAccessDate",
        "lastModifiedBy",
        "lastModifiedDate",
        "md5",
        "metadata",
        "name",
        "nodeMetadata",
        "nodeNum",
        "path",
        "projectId",
        "repoName",
        "sha256",
        "size",
    ];
    let names = |value: &Value| {
        let mut names: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&file["nodeInfo"]), members);
    assert_eq!(names(&top["records"][0]), members);
    let flat: Vec<String> = names(&file);
    assert!(!flat.contains(&"id".into()) && flat.contains(&"sha256".into()));
    assert_eq!(file["createdDate"], "2024-07-25T11:20:00");
    assert_eq!(
        (&folder["folder"], &folder["size"], &folder["sha256"]),
        (&json!(true), &json!(0), &Value::Null)
    );
    assert_eq!((&root["fullPath"], &root["path"]), (&json!("/"), &json!("/")));
    assert_eq!(unknown.refusal(), (400, 251010));
    let paths = |page: &Value| -> Vec<String> {
        let records = page["records"].as_array().expect("records").iter();
        records
            .map(|record| record["fullPath"].as_str().expect("a path").into())
            .collect()
    };
    assert_eq!(
        (paths(&top), &top["totalRecords"]),
        (vec!["/a".into(), "/z.bin".into()], &json!(2))
    );
    assert_eq!(paths(&deep), ["/a/b.txt", "/z.bin"]);
    assert_eq!(top["records"][0]["metadata"], Value::Null);
    assert_eq!(deep["records"][0]["metadata"], json!({ "k": "v" }));
    for (query, refusal) in [
        ("pageSize=100001", (400, 250105)),
        ("pageSize=-1", (400, 250105)),
        ("pageSize=x", (400, 250131)),
        ("deep=maybe", (400, 250131)),
        ("sortProperty=colour", (400, 250105)),
    ] {
        assert_eq!(
            world
                .get(&format!("{base}/page/demo/files/?{query}"))
                .await
                .refusal(),
            refusal,
            "{query}"
        );
    }
}

#[tokio::test]
async fn trees_are_measured_and_deleted_whole() {
    let world = world().await;
    put(&world, FILE, "123", &[]).await.ok();
    put(&world, "/generic/demo/files/a/c/d", "45", &[]).await.ok();
    let base = "/repository/api/node";

    let size = world.get(&format!("{base}/size/demo/files/a")).await.ok();
    let deleted = world.delete(&format!("{base}/delete/demo/files/a")).await.ok();
    let again = world.delete(&format!("{base}/delete/demo/files/a")).await.ok();

    assert_eq!(
        size,
        json!({ "subNodeCount": 3, "subNodeWithoutFolderCount": 2, "size": 5 })
    );
    assert_eq!(
        (&deleted["deletedNumber"], &deleted["deletedSize"]),
        (&json!(4), &json!(5))
    );
    assert_eq!(again["deletedNumber"], 0);
    assert_eq!(
        world
            .delete(&format!("{base}/delete/demo/files/"))
            .await
            .refusal(),
        (400, 250112)
    );
}
