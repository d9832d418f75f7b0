//! Section 8.4: repositories.

use serde_json::json;

use super::endpoint::{Endpoint, Needs, data, delete, get, post, refused};
use super::records::page;

const REPOSITORY: &str = "{id:hex24 projectId:text name:text type:GENERIC category:LOCAL|COMPOSITE public:flag \
    description:text? configuration:object storageCredentialsKey:null createdBy:text createdDate:date \
    lastModifiedBy:text lastModifiedDate:date quota:int? used:int? display:flag displayName:text? visibility:text? \
    owner:text?}";

pub const DETAIL: &str = "{projectId:text name:text type:GENERIC category:LOCAL|COMPOSITE public:flag \
    description:text? configuration:object storageCredentials:null oldCredentialsKey:null createdBy:text \
    createdDate:date lastModifiedBy:text lastModifiedDate:date quota:int? used:int? displayName:text? \
    visibility:text? owner:text?}";

pub fn endpoints() -> Vec<Endpoint> {
    let in_project = |endpoint: Endpoint| endpoint.needs(Needs::Project);
    let list = in_project(get("/repository/api/repo/list/{projectId}")).answers(format!("[{REPOSITORY}]"));
    let of_files = in_project(get(
        "/repository/api/repo/page/{projectId}/{pageNumber}/{pageSize}",
    ));
    vec![
        in_project(post("/repository/api/repo/create"))
            .json(
                json!({ "projectId": "demo", "name": "walked_{fresh}", "type": "GENERIC", "category": "LOCAL",
                "public": false, "description": "of a walk", "quota": 1_000_000, "display": true,
                "displayName": "Walked", "configuration": { "type": "local", "settings": {} } }),
            )
            .required(&["projectId", "name", "type"])
            .answers(DETAIL)
            .refuses_body(json!({ "name": "1st" }), 400, 250_105)
            .refuses_body(json!({ "name": "x".repeat(65) }), 400, 250_105)
            .refuses_body(json!({ "description": "x".repeat(201) }), 400, 250_105)
            .refuses_body(json!({ "quota": -1 }), 400, 250_105)
            .refuses_body(json!({ "type": "TAPE" }), 400, 250_106)
            .refuses_body(json!({ "category": "NEITHER" }), 400, 250_106)
            .refuses_body(json!({ "projectId": "nobody" }), 400, 251_004)
            .refuses_body(json!({ "name": "files" }), 400, 251_007),
        list.also(
            "name=FIL&type=GENERIC&category=COMPOSITE&display=true",
            format!("[{REPOSITORY}]"),
        )
        .also("name=.*", "[null]")
        .also("display=false", "[null]")
        .refuses("type=TAPE", 400, 250_105)
        .refuses("display=maybe", 400, 250_105)
        .unknown("projectId", data("[null]")),
        of_files
            .answers(page(REPOSITORY))
            .with("pageNumber", "0", data(page(REPOSITORY)))
            .with("pageSize", "-1", data(page(REPOSITORY)))
            .with("pageNumber", "x", refused(400, 250_105))
            .with("pageSize", "99999999999", refused(400, 250_105)),
        in_project(get("/repository/api/repo/info/{projectId}/{repoName}"))
            .answers(REPOSITORY)
            .unknown("repoName", refused(404, 251_006)),
        in_project(get("/repository/api/repo/info/{projectId}/{repoName}/{type}"))
            .answers(REPOSITORY)
            .with("type", "NPM", refused(404, 251_006)),
        in_project(get("/repository/api/repo/exist/{projectId}/{repoName}"))
            .answers("true")
            .unknown("repoName", data("false"))
            .unknown("projectId", data("false")),
        in_project(post("/repository/api/repo/update/{projectId}/{repoName}"))
            .json(json!({ "public": false, "description": "again", "quota": 5_000_000, "display": true }))
            .refuses_body(json!({ "description": "x".repeat(201) }), 400, 250_105)
            .refuses_body(json!({ "quota": -1 }), 400, 250_105)
            .unknown("repoName", refused(404, 251_006)),
        in_project(delete("/repository/api/repo/delete/{projectId}/{repoName}"))
            .query("forced=true")
            .refuses("forced=maybe", 400, 250_105)
            .refuses("", 400, 251_008)
            .unknown("repoName", refused(404, 251_006)),
    ]
}
