//! Sections 7.1 and 7.2: remote distribution, and what runs once.

use serde_json::{Value, json};

use super::endpoint::{Endpoint, Needs, data, delete, get, post, refused};
use super::records::RECORD;
use super::tasks::SETTING;

fn shown() -> String {
    format!(
        "{{projectId:text repoName:text name:text registry:text certificate:text? username:text? password:null \
         packageConstraints:[object]? pathConstraints:[{{path:text pathRegex:text? deletedDate:text?}}]? \
         replicaType:REAL_TIME|SCHEDULED|RUN_ONCE setting:{SETTING} description:text? enable:flag}}"
    )
}

fn config(name: &str) -> Value {
    json!({ "name": name, "registry": "http://walked.example:1", "username": "admin", "password": "p",
        "remoteProjectId": "demo", "remoteRepoName": "files", "pathConstraints": [{ "path": "/img" }],
        "description": "of a walk", "enable": true })
}

fn configs(changes: Value) -> Value {
    let mut config = config("walked");
    super::endpoint::merge(&mut config, &changes);
    json!({ "configs": [config] })
}

fn in_repository(endpoint: Endpoint) -> Endpoint {
    endpoint
        .needs(Needs::Project)
        .unknown("repoName", refused(404, 251_006))
}

fn run_once() -> Vec<Endpoint> {
    let named = |endpoint: Endpoint| {
        in_repository(endpoint)
            .query("name=once")
            .refuses("", 400, 250_103)
    };
    vec![
        in_repository(post(
            "/replication/api/remote/distribution/create/runOnceTask/{projectId}/{repoName}",
        ))
        .json(
            json!({ "name": "walked", "clusterId": "{clusterId}", "pathConstraints": ["/img"],
                "description": "of a walk", "enable": true }),
        )
        .required(&["name"])
        .refuses_body(json!({ "name": "1st" }), 400, 250_105)
        .refuses_body(json!({ "clusterId": "unknown" }), 400, 250_306)
        .refuses_body(json!({ "pathConstraints": null }), 400, 250_105)
        .refuses_body(json!({ "packageName": "x" }), 400, 250_105),
        named(post(
            "/replication/api/remote/distribution/execute/runOnceTask/{projectId}/{repoName}",
        ))
        .refuses("name=nobody", 400, 250_108)
        .refuses("name=by_address", 400, 250_112),
        named(get(
            "/replication/api/remote/distribution/get/runOnceTaskStatus/{projectId}/{repoName}",
        ))
        .answers(format!("{RECORD}?"))
        .refuses("name=nobody", 400, 250_108),
        named(delete(
            "/replication/api/remote/distribution/delete/runOnceTask/{projectId}/{repoName}",
        ))
        .also("name=nobody", "null"),
    ]
}

pub fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        in_repository(post(
            "/replication/api/remote/distribution/create/{projectId}/{repoName}",
        ))
        .json(configs(json!({ "name": "walked_{fresh}" })))
        .required(&["configs"])
        .refuses_body(json!({ "configs": [] }), 400, 250_104)
        .refuses_body(json!({ "configs": ["x"] }), 400, 250_106)
        .refuses_body(configs(json!({ "name": null })), 400, 250_106)
        .refuses_body(configs(json!({ "name": "1st" })), 400, 250_105)
        .refuses_body(configs(json!({ "name": "x".repeat(129) })), 400, 250_105)
        .refuses_body(configs(json!({ "registry": null })), 400, 250_105)
        .refuses_body(configs(json!({ "registry": "ftp://x" })), 400, 250_105)
        .refuses_body(
            configs(json!({ "registry": null, "clusterId": "unknown" })),
            400,
            250_306,
        )
        .refuses_body(configs(json!({ "pathConstraints": null })), 400, 250_105),
        in_repository(post(
            "/replication/api/remote/distribution/update/{projectId}/{repoName}/{name}",
        ))
        .json(config("ignored"))
        .lenient(&["name"])
        .refuses_body(json!({ "registry": "ftp://x" }), 400, 250_105)
        .unknown("name", refused(400, 250_310)),
        in_repository(get(
            "/replication/api/remote/distribution/info/{projectId}/{repoName}",
        ))
        .answers(format!("[{}]", shown())),
        in_repository(get(
            "/replication/api/remote/distribution/info/{projectId}/{repoName}/{name}",
        ))
        .answers(format!("[{}]", shown()))
        .with("name", "once", data("[null]"))
        .unknown("name", data("[null]")),
        in_repository(post(
            "/replication/api/remote/distribution/toggle/status/{projectId}/{repoName}/{name}",
        ))
        .unknown("name", refused(400, 250_310)),
        in_repository(delete(
            "/replication/api/remote/distribution/delete/{projectId}/{repoName}/{name}",
        ))
        .unknown("name", refused(400, 250_310)),
        in_repository(post(
            "/replication/api/remote/distribution/push/{projectId}/{repoName}/{name}",
        ))
        .query("packageName=x&version=1")
        .good_is(refused(400, 250_105))
        .refuses("version=1", 400, 250_103)
        .refuses("packageName=x", 400, 250_103)
        .unknown("name", refused(400, 250_310)),
    ];
    endpoints.extend(run_once());
    endpoints
}
