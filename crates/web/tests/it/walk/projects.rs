//! Section 8.4: projects.

use serde_json::json;

use super::endpoint::{Endpoint, Needs, data, get, post, put};

pub const PROJECT: &str = "{name:text displayName:text description:text createdBy:text createdDate:date \
    lastModifiedBy:text lastModifiedDate:date rbacFlag:flag metadata:[object] credentialsKey:text? tenantId:text?}";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/repository/api/project/create")
            .needs(Needs::User)
            .json(json!({ "name": "walked_{fresh}", "displayName": "Walked", "description": "" }))
            .required(&["name", "displayName", "description"])
            .answers("text")
            .refuses_body(json!({ "name": "1st" }), 400, 250_105)
            .refuses_body(json!({ "name": "x" }), 400, 250_105)
            .refuses_body(json!({ "name": "x".repeat(101) }), 400, 250_105)
            .refuses_body(json!({ "displayName": "x" }), 400, 250_105)
            .refuses_body(json!({ "displayName": "x".repeat(101) }), 400, 250_105)
            .refuses_body(json!({ "name": "demo" }), 400, 251_005),
        get("/repository/api/project/list")
            .needs(Needs::User)
            .answers(format!("[{PROJECT}]"))
            .also("names=demo,other&displayNames=Demo", format!("[{PROJECT}]"))
            .also("names=nobody", "[null]")
            .also(
                "pageNumber=2&pageSize=1&sortProperty=name&direction=DESC",
                "[null]",
            )
            .refuses("pageNumber=x", 400, 250_131),
        get("/repository/api/project/exist/{projectId}")
            .needs(Needs::User)
            .answers("true")
            .unknown("projectId", data("false")),
        get("/repository/api/project/exist")
            .needs(Needs::User)
            .query("name=demo")
            .answers("true")
            .also("displayName=Demo", "true")
            .also("name=nobody", "false"),
        put("/repository/api/project/{projectId}")
            .needs(Needs::Project)
            .json(json!({ "displayName": "Walked", "description": "again" }))
            .answers("true")
            .refuses_body(json!({ "displayName": "x" }), 400, 250_105)
            .unknown("projectId", data("false")),
    ]
}
