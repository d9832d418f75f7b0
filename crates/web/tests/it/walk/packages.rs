//! Sections 8.6 and 10.2: packages and their versions.

use serde_json::{Value, json};

use super::endpoint::{Endpoint, Needs, get, post, refused};
use super::nodes::in_repository;
use super::records::{page, paged};

const PACKAGE: &str = "{id:hex24 createdBy:text createdDate:date lastModifiedBy:text lastModifiedDate:date \
    projectId:text repoName:text name:text key:text type:text latest:text downloads:0 versions:int \
    description:text? extension:object historyVersion:[text] clusterNames:[text]?}";

const VERSION: &str = "{createdBy:text createdDate:date lastModifiedBy:text lastModifiedDate:date name:text size:int \
    downloads:0 stageTag:[text] metadata:object packageMetadata:[object] tags:[text] extension:object \
    contentPath:text? contentPaths:[text]? manifestPath:text? clusterNames:[text]?}";

fn eq(field: &str, value: &str) -> Value {
    json!({ "field": field, "value": value, "operation": "EQ" })
}

fn rule(more: Value) -> Value {
    json!({ "rules": [eq("projectId", "demo"), more], "relation": "AND" })
}

pub fn endpoints() -> Vec<Endpoint> {
    let rows = page("object");
    let key = "packageKey=docker%3A%2F%2Fteam%2Fapp";
    let versions = in_repository(get("/repository/api/version/page/{projectId}/{repoName}"))
        .query(key)
        .answers(page(VERSION))
        .refuses("", 400, 250_103)
        .refuses(&format!("{key}&pageSize=x"), 400, 250_131)
        .also(
            &format!("{key}&pageNumber=0&pageSize=-1&version=1."),
            page(VERSION),
        );
    vec![
        post("/repository/api/package/search")
            .needs(Needs::ProjectInBody)
            .json(
                json!({ "select": ["name", "key"], "page": { "pageNumber": 1, "pageSize": 20 },
                "sort": { "properties": ["name", "lastModifiedDate"], "direction": "DESC" },
                "rule": { "rules": [eq("projectId", "demo"), eq("repoName", "files"), eq("repoType", "DOCKER"),
                    { "field": "name", "value": "*a*", "operation": "MATCH" }], "relation": "AND" } }),
            )
            .required(&["rule"])
            .answers(rows.clone())
            .also_body(json!({ "rule": rule(json!({ "field": "versions", "value": 3, "operation": "GT" })) }), rows.clone())
            .also_body(json!({ "rule": rule(eq("key", "docker://team/app")) }), rows.clone())
            .also_body(json!({ "rule": rule(eq("metadata.any", "x")), "sort": null }), rows)
            .refuses_body(json!({ "rule": eq("name", "x") }), 400, 250_105)
            .refuses_any_body(json!({ "rule": rule(eq("fullPath", "/x")) }))
            .refuses_any_body(json!({ "sort": { "properties": ["size"] } })),
        paged(
            in_repository(get("/repository/api/package/page/{projectId}/{repoName}")).answers(page(PACKAGE)),
            PACKAGE,
        )
        .also("packageName=a", page(PACKAGE)),
        in_repository(get("/repository/api/package/info/{projectId}/{repoName}"))
            .query(key)
            .good_is(refused(404, 251_017))
            .refuses("", 400, 250_103),
        versions,
    ]
}
