//! Searching nodes, by every rule and by strangers.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::users::Role;

use super::{NODE, column, put, send, world};

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
