//! Changing and searching nodes over HTTP, with exact status and codes.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::world::{Answer, World};

const NODE: &str = "/repository/api/node";

/// Starts a node with the repositories `files` and `open` (public) of project `demo`.
async fn world() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    for (name, public) in [("files", false), ("open", true)] {
        let body = json!({ "projectId": "demo", "name": name, "type": "GENERIC", "public": public });
        world.post("/repository/api/repo/create", body).await.ok();
    }
    world
}

async fn put(world: &World, path: &str, bytes: &'static str) {
    let path = format!("/generic/demo/{path}");
    world.ask(Method::PUT, &path).body(bytes).send().await.ok();
}

async fn send(world: &World, method: Method, path: &str, body: Value) -> Answer {
    world
        .ask(method, &format!("{NODE}/{path}"))
        .json(body)
        .send()
        .await
}

async fn paths(world: &World) -> Vec<String> {
    let page = world
        .get(&format!(
            "{NODE}/page/demo/files/?deep=true&sortProperty=fullPath"
        ))
        .await
        .ok();
    column(&page, "fullPath")
}

fn column(page: &Value, member: &str) -> Vec<String> {
    let records = page["records"].as_array().expect("records").iter();
    records
        .map(|record| record[member].as_str().expect("a text").into())
        .collect()
}

fn to(from: &str, to: &str) -> Value {
    json!({
        "srcProjectId": "demo", "srcRepoName": "files", "srcFullPath": from,
        "destProjectId": null, "destRepoName": null, "destFullPath": to, "overwrite": false,
    })
}

#[tokio::test]
async fn folders_are_made_and_stay_though_they_hold_nothing() {
    let world = world().await;
    put(&world, "files/f", "1").await;
    let mkdir = async |path: &str| {
        world
            .post(&format!("{NODE}/mkdir/demo/files/{path}"), json!({}))
            .await
    };

    assert_eq!(mkdir("a%2Fb%20c").await.ok(), Value::Null);

    assert_eq!(paths(&world).await, ["/a", "/a/b c", "/f"]);
    assert_eq!(mkdir("a").await.refusal(), (400, 251012));
    assert_eq!(mkdir("f/g").await.refusal(), (400, 251013));
    assert_eq!(mkdir("a/../b").await.refusal(), (400, 251011));
    let nowhere = world
        .post(&format!("{NODE}/mkdir/demo/nowhere/a"), json!({}))
        .await;
    assert_eq!(nowhere.refusal(), (404, 251006));
}

#[tokio::test]
async fn nodes_are_renamed_moved_and_copied() {
    let world = world().await;
    put(&world, "files/a/1", "1").await;
    put(&world, "files/b", "22").await;

    let renamed = format!("{NODE}/rename/demo/files/a?newFullPath=%2Fc%2Fd");
    assert_eq!(world.post(&renamed, json!({})).await.ok(), Value::Null);
    let body = json!({ "projectId": "demo", "repoName": "files", "fullPath": "/b", "newFullPath": "/e" });
    send(&world, Method::POST, "rename", body).await.ok();
    assert_eq!(paths(&world).await, ["/c", "/c/d", "/c/d/1", "/e"]);
    send(&world, Method::POST, "move", to("/c/d", "/g")).await.ok();
    send(&world, Method::POST, "copy", to("/e", "/g")).await.ok();
    assert_eq!(paths(&world).await, ["/c", "/e", "/g", "/g/1", "/g/e"]);
    let mut across = to("/g", "/");
    across["destRepoName"] = "open".into();
    send(&world, Method::POST, "copy", across).await.ok();
    assert_eq!(world.get("/generic/demo/open/g/e").await.text, "22");
}

#[tokio::test]
async fn what_cannot_move_is_refused_by_its_code_and_reason() {
    let world = world().await;
    for file in ["files/a/1", "files/b/a/1", "files/f"] {
        put(&world, file, "1").await;
    }
    let before = paths(&world).await;

    for (from, target, refusal, reason) in [
        ("/a", "/b", (400, 251013), "overwrite is not set"),
        ("/a", "/f", (400, 251013), "a file cannot stand"),
        ("/a", "/a/x", (400, 251013), "into itself"),
        ("/", "/x", (400, 251013), "into itself"),
        ("/x", "/y", (400, 251010), "/x"),
        ("/a/../b", "/y", (400, 251011), "a/../b"),
    ] {
        for kind in ["move", "copy"] {
            let refused = send(&world, Method::POST, kind, to(from, target)).await;
            assert_eq!(refused.refusal(), refusal, "{kind} {from} {target}");
            assert!(refused.message().contains(reason), "{}", refused.message());
        }
    }
    for (change, refusal) in [
        (json!({ "srcFullPath": null }), (400, 250106)),
        (json!({ "overwrite": [] }), (400, 250106)),
        (json!({ "destRepoName": "nowhere" }), (404, 251006)),
        (json!({ "destProjectId": "nowhere" }), (404, 251006)),
    ] {
        let mut body = to("/a", "/y");
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        assert_eq!(
            send(&world, Method::POST, "move", body).await.refusal(),
            refusal,
            "{change}"
        );
    }
    let taken = format!("{NODE}/rename/demo/files/a?newFullPath=/b");
    assert_eq!(world.post(&taken, json!({})).await.refusal(), (400, 251012));
    let without = format!("{NODE}/rename/demo/files/a");
    assert_eq!(world.post(&without, json!({})).await.refusal(), (400, 250103));
    assert_eq!(paths(&world).await, before);
}

#[tokio::test]
async fn moving_needs_the_right_to_write_at_both_ends() {
    let world = world().await;
    let other = json!({ "name": "other", "displayName": "Other", "description": "" });
    world.post("/repository/api/project/create", other).await.ok();
    let repository = json!({ "projectId": "other", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    put(&world, "files/a", "1").await;
    world
        .store
        .users()
        .create("u", &Secret::new("pw"), &Role::None)
        .await
        .expect("a user");
    let access = world.store.access();
    access.set("u", "demo", Access::Write).await.expect("access");
    access.set("u", "other", Access::Read).await.expect("access");
    let mut body = to("/a", "/a");
    body["destProjectId"] = "other".into();
    let copy = async |body: Value| {
        let path = format!("{NODE}/copy");
        world
            .ask(Method::POST, &path)
            .basic("u", "pw")
            .json(body)
            .send()
            .await
    };

    assert_eq!(copy(body).await.refusal(), (403, 250113));
    copy(to("/a", "/b")).await.ok();
    let anonymous = world
        .ask(Method::POST, &format!("{NODE}/copy"))
        .anonymous()
        .json(to("/a", "/c"))
        .send()
        .await;
    assert_eq!(anonymous.refusal(), (401, 250114));
}

#[tokio::test]
async fn a_file_goes_away_on_the_day_that_was_set() {
    let world = world().await;
    put(&world, "files/a/1", "1").await;
    let update = async |path: &str, body: Value| {
        world
            .post(&format!("{NODE}/update/demo/files/{path}"), body)
            .await
    };

    assert_eq!(update("a/1", json!({ "expires": "2" })).await.ok(), Value::Null);

    assert_eq!(
        update("a/1", json!({ "expires": -1 })).await.refusal(),
        (400, 250105)
    );
    assert_eq!(
        update("a/1", json!({ "expires": "x" })).await.refusal(),
        (400, 250106)
    );
    assert_eq!(
        update("a/2", json!({ "expires": 1 })).await.refusal(),
        (400, 251010)
    );
    assert_eq!(
        update("a", json!({ "expires": 1 })).await.refusal(),
        (400, 251013)
    );
    world.clock.advance_ms(2 * 24 * 60 * 60 * 1000 - 1);
    assert_eq!(world.get("/generic/demo/files/a/1").await.text, "1");
    world.clock.advance_ms(1);
    assert_eq!(
        world.get("/generic/demo/files/a/1").await.refusal(),
        (404, 251010)
    );
    assert_eq!(
        update("a/1", json!({ "expires": 0 })).await.refusal(),
        (400, 251010)
    );
}

#[tokio::test]
async fn many_paths_are_counted_and_deleted_at_once() {
    let world = world().await;
    for file in ["files/a/1", "files/a/b/2", "files/c", "files/d"] {
        put(&world, file, "12").await;
    }
    let batch = json!(["/a", "/a/b", "a/b/2", "/c", "/nothing"]);

    let files = send(&world, Method::POST, "batch/demo/files", batch.clone())
        .await
        .ok();
    let folders = send(
        &world,
        Method::POST,
        "batch/demo/files?isFolder=true",
        batch.clone(),
    )
    .await
    .ok();
    let deleted = send(&world, Method::DELETE, "batch/demo/files", batch).await.ok();

    assert_eq!((files, folders), (json!(3), json!(2)));
    assert_eq!(
        (&deleted["deletedNumber"], &deleted["deletedSize"]),
        (&json!(5), &json!(6))
    );
    assert_eq!(paths(&world).await, ["/d"]);
    for (body, refusal) in [
        (json!(["/"]), (400, 250112)),
        (json!({ "paths": [] }), (400, 250106)),
        (json!([1]), (400, 250106)),
        (json!(["/a/.."]), (400, 251011)),
        (json!(vec!["/x"; 201]), (400, 251014)),
    ] {
        let refused = send(&world, Method::DELETE, "batch/demo/files", body.clone()).await;
        assert_eq!(refused.refusal(), refusal, "{body}");
    }
}

/// Returns a search in project `demo` for what `rules` say too.
fn search(rules: &[Value]) -> Value {
    let mut all = vec![json!({ "field": "projectId", "value": "demo", "operation": "EQ" })];
    all.extend_from_slice(rules);
    json!({ "select": null, "page": { "pageNumber": 1, "pageSize": 10 }, "sort": null,
        "rule": { "rules": all, "relation": "AND" } })
}

#[tokio::test]
async fn rules_of_the_contract_find_nodes_with_the_members_selected() {
    let world = world().await;
    for file in [
        "files/a/App-1.tgz",
        "files/a/app-2.tgz",
        "files/b.txt",
        "open/c.tgz",
    ] {
        put(&world, file, "1").await;
    }
    let found = async |rule: Value| {
        let page = send(&world, Method::POST, "search", search(&[rule])).await.ok();
        assert_eq!(
            page["totalRecords"],
            page["records"].as_array().expect("records").len()
        );
        column(&page, "fullPath")
    };
    let rule = |field: &str, value: Value, operation: &str| json!({ "field": field, "value": value, "operation": operation });

    for (asked, expected) in [
        (
            rule("name", json!("*.tgz"), "MATCH"),
            vec!["/a/App-1.tgz", "/a/app-2.tgz", "/c.tgz"],
        ),
        (
            rule("name", json!("APP*"), "MATCH_I"),
            vec!["/a/App-1.tgz", "/a/app-2.tgz"],
        ),
        (rule("name", json!("^app-\\d"), "REGEX"), vec!["/a/app-2.tgz"]),
        (
            rule("name", json!("^app-\\d"), "REGEX_I"),
            vec!["/a/App-1.tgz", "/a/app-2.tgz"],
        ),
        (rule("name", json!(".txt"), "SUFFIX"), vec!["/b.txt"]),
        (
            rule("name", json!("-"), "CONTAINS"),
            vec!["/a/App-1.tgz", "/a/app-2.tgz"],
        ),
        (
            rule("fullPath", json!("/a/"), "PREFIX"),
            vec!["/a/App-1.tgz", "/a/app-2.tgz"],
        ),
        (
            json!({ "field": "path", "value": "/a/" }),
            vec!["/a/App-1.tgz", "/a/app-2.tgz"],
        ),
        (rule("repoName", json!(["open"]), "IN"), vec!["/c.tgz"]),
        (rule("folder", json!("true"), "EQ"), vec!["/a"]),
        (rule("folder", json!(false), "NE"), vec!["/a"]),
        (rule("size", json!("0"), "LTE"), vec!["/a"]),
        (rule("createdDate", json!("2024-07-25T11:20:00"), "AFTER"), vec![]),
        (rule("sha256", Value::Null, "NULL"), vec!["/a"]),
        (rule("expireDate", Value::Null, "NOT_NULL"), vec![]),
        (rule("metadata.x", json!("1"), "EQ"), vec![]),
        (
            json!({ "rules": [rule("name", json!("c.tgz"), "EQ"), rule("folder", json!(true), "EQ")], "relation": "OR" }),
            vec!["/a", "/c.tgz"],
        ),
        (
            json!({ "rules": [rule("name", json!("tgz"), "SUFFIX"), rule("folder", json!(true), "EQ")], "relation": "NOR" }),
            vec!["/b.txt"],
        ),
    ] {
        assert_eq!(found(asked.clone()).await, expected, "{asked}");
    }
    let mut body = search(&[rule("folder", json!(false), "EQ")]);
    body["select"] = json!(["name", "sha256", "metadata", "nothing"]);
    body["sort"] = json!({ "properties": ["name"], "direction": "DESC" });
    body["page"] = json!({ "current": 2, "size": 1 });
    let page = send(&world, Method::POST, "query", body.clone()).await.ok();
    assert_eq!(
        (&page["pageNumber"], &page["totalPages"], column(&page, "name")),
        (&json!(2), &json!(4), vec!["b.txt".to_owned()])
    );
    let members: Vec<&String> = page["records"][0]
        .as_object()
        .expect("an object")
        .keys()
        .collect();
    assert_eq!(members, ["metadata", "name", "sha256"]);
    body["page"] = json!({ "pageNumber": -1, "pageSize": 0 });
    let page = send(&world, Method::POST, "queryWithoutCount", body).await.ok();
    assert_eq!(
        (&page["pageNumber"], &page["pageSize"], &page["totalRecords"]),
        (&json!(1), &json!(20), &json!(0))
    );
    assert_eq!(column(&page, "name").len(), 4);
    let within = json!({ "rule": rule("folder", json!(false), "EQ") });
    let page = world.post("/generic/demo/open/search", within).await.ok();
    assert_eq!(
        (column(&page, "fullPath"), &page["totalRecords"]),
        (vec!["/c.tgz".to_owned()], &json!(0))
    );
}

#[tokio::test]
async fn searches_that_cannot_be_read_are_refused_and_say_what_would_be_right() {
    let world = world().await;
    let rule = |field: &str, value: Value, operation: &str| json!({ "field": field, "value": value, "operation": operation });
    let mut deep = rule("name", json!("x"), "EQ");
    for _ in 0..12 {
        deep = json!({ "rules": [deep], "relation": "AND" });
    }

    for (asked, refusal, word) in [
        (
            rule("colour", json!("x"), "EQ"),
            (400, 250105),
            "lastModifiedDate",
        ),
        (rule("name", json!("("), "REGEX"), (400, 250105), "unclosed"),
        (
            rule("name", json!("(a{999}){999}"), "REGEX"),
            (400, 250105),
            "limit",
        ),
        (rule("size", json!("x"), "GT"), (400, 250105), "size"),
        (rule("size", json!("1"), "PREFIX"), (400, 250105), "texts"),
        (rule("folder", json!("maybe"), "EQ"), (400, 250105), "folder"),
        (
            rule("createdDate", json!("yesterday"), "BEFORE"),
            (400, 250105),
            "createdDate",
        ),
        (rule("name", json!("x"), "LIKE"), (400, 250106), "operation"),
        (rule("name", json!("x"), "IN"), (400, 250106), "value"),
        (rule("name", json!({}), "EQ"), (400, 250106), "name"),
        (rule("name", Value::Null, "PREFIX"), (400, 250106), "value"),
        (json!({ "rules": [], "relation": "AND" }), (400, 250104), "rules"),
        (
            json!({ "rules": [{}], "relation": "XOR" }),
            (400, 250106),
            "relation",
        ),
        (rule("name", json!(vec!["x"; 2001]), "IN"), (400, 250127), "2000"),
        (deep, (400, 250127), "10"),
    ] {
        let refused = send(
            &world,
            Method::POST,
            "search",
            search(std::slice::from_ref(&asked)),
        )
        .await;
        assert_eq!(refused.refusal(), refusal, "{asked}: {}", refused.message());
        assert!(refused.message().contains(word), "{asked}: {}", refused.message());
    }
    for (body, refusal) in [
        (json!({}), (400, 250106)),
        (json!({ "rule": rule("name", json!("x"), "EQ") }), (400, 250105)),
        (
            json!({ "rule": { "rules": [rule("projectId", json!("demo"), "EQ")], "relation": "OR" } }),
            (400, 250105),
        ),
        (
            json!({ "rule": rule("projectId", json!("demo"), "EQ"), "sort": { "properties": ["x"] } }),
            (400, 250105),
        ),
        (
            json!({ "rule": rule("projectId", json!("demo"), "EQ"), "page": { "pageSize": "x" } }),
            (400, 250106),
        ),
        (
            json!({ "rule": rule("projectId", json!("demo"), "EQ"), "page": { "pageSize": 3_000_000_000_u64 } }),
            (400, 250106),
        ),
    ] {
        let refused = send(&world, Method::POST, "search", body.clone()).await;
        assert_eq!(refused.refusal(), refusal, "{body}");
    }
}

#[tokio::test]
async fn strangers_search_the_public_repositories_they_name_and_no_others() {
    let world = world().await;
    put(&world, "files/secret", "1").await;
    put(&world, "open/known", "1").await;
    let users = world.store.users();
    users
        .create("u", &Secret::new("pw"), &Role::None)
        .await
        .expect("a user");
    let path = format!("{NODE}/search");
    let named = |names: Value| search(&[json!({ "field": "repoName", "value": names, "operation": "IN" })]);
    let anonymous = async |body: Value| world.ask(Method::POST, &path).anonymous().json(body).send().await;
    let user = async |body: Value| {
        world
            .ask(Method::POST, &path)
            .basic("u", "pw")
            .json(body)
            .send()
            .await
    };

    let found = anonymous(named(json!(["open"]))).await.ok();

    assert_eq!(column(&found, "fullPath"), ["/known"]);
    assert_eq!(
        anonymous(named(json!(["open", "files"]))).await.refusal(),
        (401, 250114)
    );
    assert_eq!(
        anonymous(named(json!(["nowhere"]))).await.refusal(),
        (401, 250114)
    );
    assert_eq!(anonymous(search(&[])).await.refusal(), (401, 250114));
    assert_eq!(user(search(&[])).await.refusal(), (403, 250113));
    assert_eq!(user(named(json!(["files"]))).await.refusal(), (403, 250113));
    // A repository named elsewhere in the rule opens no other one.
    let sly = search(&[json!({ "relation": "OR", "rules": [
        { "field": "repoName", "value": "open" }, { "field": "name", "value": "secret" } ] })]);
    assert_eq!(anonymous(sly).await.refusal(), (401, 250114));
    let other = json!({ "rule": { "rules": [
        { "field": "projectId", "value": "demo" }, { "field": "repoName", "value": "open" },
        { "rules": [{ "field": "name", "value": "secret" }, { "field": "name", "value": "known" }], "relation": "OR" },
    ] } });
    assert_eq!(column(&anonymous(other).await.ok(), "fullPath"), ["/known"]);
}

#[tokio::test]
async fn projects_keep_their_properties() {
    let world = world().await;
    let base = "/repository/api/project";
    let put = async |body: Value| {
        world
            .ask(Method::PUT, &format!("{base}/demo"))
            .json(body)
            .send()
            .await
    };
    let shown = async || {
        let list = world.get(&format!("{base}/list?names=demo")).await.ok();
        list[0]["metadata"].clone()
    };

    assert_eq!(shown().await, json!([]));
    let given =
        json!([{ "key": "team", "value": "a", "system": true, "other": 1 }, { "key": "size", "value": 5 }]);
    assert_eq!(put(json!({ "metadata": given })).await.ok(), true);

    let empty = Value::Null;
    let expected = json!([
        { "key": "team", "value": "a", "system": true, "description": empty, "link": empty, "color": empty },
        { "key": "size", "value": 5, "system": false, "description": empty, "link": empty, "color": empty },
    ]);
    assert_eq!(shown().await, expected);
    put(json!({ "description": "x" })).await.ok();
    assert_eq!(shown().await, expected);
    assert_eq!(
        put(json!({ "metadata": [{ "key": "x" }] })).await.refusal(),
        (400, 250106)
    );
    assert_eq!(put(json!({ "metadata": {} })).await.refusal(), (400, 250106));
}

#[tokio::test]
async fn repositories_are_filtered_by_lists_changed_member_by_member_and_shown_to_strangers_when_public() {
    let world = world().await;
    put(&world, "files/a", "12345").await;
    let base = "/repository/api/repo";
    let local = json!({ "projectId": "demo", "name": "local", "type": "GENERIC", "category": "LOCAL", "display": false });
    world.post(&format!("{base}/create"), local).await.ok();
    let names = async |query: &str| {
        let list = world.get(&format!("{base}/list/demo?{query}")).await.ok();
        let list = list.as_array().expect("a list").clone();
        list.iter()
            .map(|repository| repository["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<String>>()
    };
    let update = async |body: Value| world.post(&format!("{base}/update/demo/files"), body).await;

    assert_eq!(names("category=LOCAL&display=false").await, ["local"]);
    assert_eq!(
        names("category=LOCAL,COMPOSITE&type=GENERIC,NPM").await,
        ["open", "files"]
    );
    assert_eq!(names("type=NPM").await, Vec::<String>::new());
    let refused = world.get(&format!("{base}/list/demo?category=LOCAL,X")).await;
    assert_eq!(refused.refusal(), (400, 250105));
    let page = world.get(&format!("{base}/page/demo/2/1?name=o")).await.ok();
    assert_eq!(
        (&page["totalRecords"], &page["pageNumber"]),
        (&json!(1), &json!(2))
    );

    let change = json!({ "displayName": "Files", "quota": "5", "public": true, "description": "d",
        "configuration": { "type": "composite", "settings": { "a": 1 } } });
    assert_eq!(update(change).await.ok(), Value::Null);
    let info = world
        .ask(Method::GET, &format!("{base}/info/demo/files"))
        .anonymous()
        .send()
        .await
        .ok();
    assert_eq!(
        (
            &info["displayName"],
            &info["quota"],
            &info["used"],
            &info["description"]
        ),
        (&json!("Files"), &json!(5), &json!(5), &json!("d"))
    );
    assert_eq!(
        info["configuration"],
        json!({ "type": "composite", "settings": { "a": 1 }, "proxy": { "channelList": [] }, "webHook": { "webHookList": [] } })
    );
    for (body, refusal) in [
        (json!({ "quota": 4 }), (400, 250105)),
        (json!({ "quota": -1 }), (400, 250105)),
        (json!({ "description": "x".repeat(201) }), (400, 250105)),
        (json!({ "configuration": { "type": "remote" } }), (400, 250105)),
        (json!({ "configuration": { "type": "x" } }), (400, 250106)),
        (
            json!({ "configuration": { "type": "composite", "proxy": { "channelList": [{}] } } }),
            (400, 250105),
        ),
        (
            json!({ "configuration": { "type": "composite", "proxy": { "channelList": 5 } } }),
            (400, 250106),
        ),
        (json!({ "configuration": [] }), (400, 250106)),
    ] {
        assert_eq!(update(body.clone()).await.refusal(), refusal, "{body}");
    }
    let hidden = world
        .ask(Method::GET, &format!("{base}/info/demo/local"))
        .anonymous()
        .send()
        .await;
    assert_eq!(hidden.refusal(), (401, 250114));
}
