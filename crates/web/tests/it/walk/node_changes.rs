//! Section 8.3 and 8.5: changing and searching files and folders.

use serde_json::{Value, json};

use super::endpoint::{Endpoint, Needs, data, delete, post, refused};
use super::nodes::in_repository;
use super::records::page;

const DELETED: &str = "{deletedNumber:int deletedSize:int deletedTime:date}";

fn place(changes: Value) -> Value {
    let mut body = json!({ "srcProjectId": "demo", "srcRepoName": "files", "srcFullPath": "/img/logo.png",
        "destProjectId": "demo", "destRepoName": "files", "destFullPath": "/walked_{fresh}.png", "overwrite": false });
    super::endpoint::merge(&mut body, &changes);
    body
}

/// What moving and copying share.
fn going(path: &'static str) -> Endpoint {
    post(path)
        .needs(Needs::Project)
        .json(place(json!({})))
        .required(&["srcProjectId", "srcRepoName", "srcFullPath", "destFullPath"])
        .refuses_body(json!({ "srcFullPath": "/nothing" }), 400, 251_010)
        .refuses_body(json!({ "srcRepoName": "nothing" }), 404, 251_006)
        .refuses_body(json!({ "destRepoName": "nothing" }), 404, 251_006)
        .refuses_body(json!({ "destFullPath": "/app/a.txt" }), 400, 251_013)
        .refuses_body(
            json!({ "srcFullPath": "/img", "destFullPath": "/img/below" }),
            400,
            251_013,
        )
        .refuses_body(json!({ "destFullPath": "/../x" }), 400, 251_011)
}

fn eq(field: &str, value: &str) -> Value {
    json!({ "field": field, "value": value, "operation": "EQ" })
}

fn rule(more: Value) -> Value {
    json!({ "rules": [eq("projectId", "demo"), eq("repoName", "files"), more], "relation": "AND" })
}

/// What searching shares: every operation, and every refusal.
fn searching(path: &'static str) -> Endpoint {
    let rows = page("object");
    let mut endpoint = post(path)
        .needs(Needs::ProjectInBody)
        .json(
            json!({ "select": ["name", "fullPath"], "page": { "pageNumber": 1, "pageSize": 20 },
            "sort": { "properties": ["name"], "direction": "ASC" }, "rule": rule(eq("folder", "false")) }),
        )
        .required(&["rule"])
        .answers(rows.clone())
        .also_body(json!({ "select": null, "sort": null }), rows.clone())
        .also_body(json!({ "page": { "current": 0, "size": -1 } }), rows.clone());
    for (operation, value) in [
        ("EQ", json!("logo.png")),
        ("NE", json!("logo.png")),
        ("IN", json!(["logo.png", "a.txt"])),
        ("NIN", json!(["logo.png"])),
        ("PREFIX", json!("lo.")),
        ("SUFFIX", json!(".png")),
        ("CONTAINS", json!("(")),
        ("MATCH", json!("*.p*")),
        ("MATCH_I", json!("*.P*")),
        ("REGEX", json!("^lo.*g$")),
        ("REGEX_I", json!("^LO.*G$")),
        ("NULL", Value::Null),
        ("NOT_NULL", Value::Null),
    ] {
        let more = json!({ "field": "name", "value": value, "operation": operation });
        endpoint = endpoint.also_body(json!({ "rule": rule(more) }), rows.clone());
    }
    for operation in ["LT", "LTE", "GT", "GTE"] {
        let more = json!({ "field": "size", "value": 5, "operation": operation });
        endpoint = endpoint.also_body(json!({ "rule": rule(more) }), rows.clone());
    }
    for operation in ["BEFORE", "AFTER"] {
        let more = json!({ "field": "createdDate", "value": "2024-07-25T11:20:00", "operation": operation });
        endpoint = endpoint.also_body(json!({ "rule": rule(more) }), rows.clone());
    }
    for more in [
        json!({ "field": "name", "value": "(", "operation": "REGEX" }),
        json!({ "field": "colour", "value": "x", "operation": "EQ" }),
        json!({ "field": "name", "value": "x", "operation": "LIKE" }),
        json!({ "field": "size", "value": "many", "operation": "GT" }),
        json!({ "rules": [], "relation": "XOR" }),
    ] {
        endpoint = endpoint.refuses_any_body(json!({ "rule": rule(more) }));
    }
    endpoint
}

pub fn endpoints() -> Vec<Endpoint> {
    let nowhere = || refused(400, 251_010);
    vec![
        in_repository(post("/repository/api/node/mkdir/{projectId}/{repoName}/{path}"))
            .with("path", "new/folder", data("null"))
            .good_is(refused(400, 251_012)),
        in_repository(post("/repository/api/node/update/{projectId}/{repoName}/{path}"))
            .json(json!({ "expires": 3 }))
            .refuses_body(json!({ "expires": -1 }), 400, 250_105)
            .unknown("path", nowhere()),
        in_repository(post("/repository/api/node/rename/{projectId}/{repoName}/{path}"))
            .query("newFullPath=/walked.png")
            .refuses("", 400, 250_103)
            .refuses("newFullPath=/app/a.txt", 400, 251_012)
            .refuses("newFullPath=/../x", 400, 251_011)
            .unknown("path", nowhere()),
        post("/repository/api/node/rename")
            .needs(Needs::Project)
            .json(
                json!({ "projectId": "demo", "repoName": "files", "fullPath": "/img/logo.png",
                "newFullPath": "/walked.png" }),
            )
            .required(&["projectId", "repoName", "fullPath", "newFullPath"])
            .refuses_body(json!({ "fullPath": "/nothing" }), 400, 251_010)
            .refuses_body(json!({ "repoName": "nothing" }), 404, 251_006)
            .refuses_body(json!({ "newFullPath": "/app/a.txt" }), 400, 251_012),
        going("/repository/api/node/move"),
        going("/repository/api/node/copy"),
        in_repository(delete("/repository/api/node/batch/{projectId}/{repoName}"))
            .json(json!(["/img/logo.png", "/nothing"]))
            .answers(DELETED),
        in_repository(post("/repository/api/node/batch/{projectId}/{repoName}"))
            .json(json!(["/img", "/nothing"]))
            .answers("int")
            .also("isFolder=true", "int")
            .refuses("isFolder=maybe", 400, 250_105),
        searching("/repository/api/node/search").refuses_body(
            json!({ "rule": eq("name", "x") }),
            400,
            250_105,
        ),
        searching("/repository/api/node/query"),
        searching("/repository/api/node/queryWithoutCount"),
        searching("/generic/{projectId}/{repoName}/search")
            .needs(Needs::Project)
            .unknown("repoName", refused(404, 251_006)),
    ]
}
