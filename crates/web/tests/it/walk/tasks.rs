//! Section 5: tasks.

use serde_json::{Value, json};

use super::endpoint::{Endpoint, Needs, data, delete, get, post, refused};
use super::records::{EMPTY, page, paged};

const TASK_WITHOUT_SETTING: &str = "{id:hex24 key:hex32 name:text projectId:text replicaObjectType:REPOSITORY|PATH \
    replicaType:SCHEDULED|RUN_ONCE|REAL_TIME setting:@ remoteClusters:[{id:hex24 name:text}] description:text? status:WAITING|REPLICATING|COMPLETED? \
    replicatedBytes:int? totalBytes:int? lastExecutionStatus:RUNNING|SUCCESS|FAILED? lastExecutionTime:date? \
    nextExecutionTime:date? executionTimes:int enabled:flag record:flag? recordReserveDays:int? createdBy:text \
    createdDate:date lastModifiedBy:text lastModifiedDate:date}";

pub const SETTING: &str = "{rateLimit:int includeMetadata:flag \
    conflictStrategy:SKIP|OVERWRITE|FAST_FAIL errorStrategy:CONTINUE|FAST_FAIL \
    executionStrategy:IMMEDIATELY|SPECIFIED_TIME|CRON_EXPRESSION executionPlan:{executeImmediately:flag \
    executeTime:date? cronExpression:text?} storageConsistencyCheck:flag automaticCreateRemoteRepo:flag}";

fn task() -> String {
    TASK_WITHOUT_SETTING.replace('@', SETTING)
}

const OBJECT: &str = "{localRepoName:text remoteProjectId:text? remoteRepoName:text? repoType:GENERIC \
    packageConstraints:[object]? pathConstraints:[{path:text pathRegex:text? deletedDate:text?}]? sourceFilter:text?}";

fn body(name: &str) -> Value {
    json!({
        "name": name, "localProjectId": "demo", "replicaObjectType": "PATH",
        "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "demo", "remoteRepoName": "files",
            "repoType": "GENERIC", "pathConstraints": [{ "path": "/img" }] }],
        "replicaType": "SCHEDULED",
        "setting": { "rateLimit": 0, "includeMetadata": true, "conflictStrategy": "SKIP",
            "errorStrategy": "CONTINUE", "executionStrategy": "CRON_EXPRESSION",
            "executionPlan": { "executeImmediately": false, "cronExpression": "0 30 2 * * ? *" } },
        "remoteClusterIds": ["{clusterId}"],
        "enabled": true, "description": "of a walk", "record": true, "recordReserveDays": 30,
    })
}

fn edge_body() -> Value {
    let mut body = body("pulled");
    body["replicaType"] = "EDGE_PULL".into();
    body
}

fn objects(constraints: Value) -> Value {
    let mut object = json!({ "localRepoName": "files", "repoType": "GENERIC" });
    if !constraints.is_null() {
        object["pathConstraints"] = constraints;
    }
    json!({ "replicaTaskObjects": [object] })
}

/// Adds the checks of 5.1 that creating and updating share, in their order.
fn checked(endpoint: Endpoint) -> Endpoint {
    let plan =
        |plan: Value| json!({ "setting": { "executionStrategy": "CRON_EXPRESSION", "executionPlan": plan } });
    endpoint
        .refuses_body(json!({ "name": "  " }), 400, 250_104)
        .refuses_body(json!({ "replicaTaskObjects": [] }), 400, 250_104)
        .refuses_body(json!({ "remoteClusterIds": [] }), 400, 250_104)
        .refuses_body(json!({ "recordReserveDays": 0 }), 400, 250_105)
        .refuses_body(json!({ "recordReserveDays": 61 }), 400, 250_105)
        .refuses_body(json!({ "name": "x" }), 400, 250_105)
        .refuses_body(json!({ "name": "x".repeat(257) }), 400, 250_105)
        .refuses_body(json!({ "replicaObjectType": "REPOSITORY" }), 400, 250_106)
        .refuses_body(json!({ "replicaObjectType": "EVERYTHING" }), 400, 250_106)
        .refuses_body(objects(Value::Null), 400, 250_103)
        .refuses_body(objects(json!([])), 400, 250_104)
        .refuses_body(objects(json!([{}])), 400, 250_103)
        .refuses_body(objects(json!([{ "path": "/a/../../b" }])), 400, 251_011)
        .refuses_body(plan(json!({})), 400, 250_103)
        .refuses_body(plan(json!({ "cronExpression": " " })), 400, 250_104)
        .refuses_body(plan(json!({ "cronExpression": "* * *" })), 400, 250_105)
        .refuses_body(
            json!({ "setting": { "conflictStrategy": "MAYBE" } }),
            400,
            250_106,
        )
        .refuses_body(json!({ "remoteClusterIds": ["unknown"] }), 400, 250_306)
}

pub fn endpoints() -> Vec<Endpoint> {
    let create = post("/replication/api/task/create")
        .json(body("walked_{fresh}"))
        .answers(task())
        .required(&[
            "name",
            "localProjectId",
            "replicaObjectType",
            "replicaTaskObjects",
            "setting",
            "remoteClusterIds",
        ])
        .refuses_body(json!({ "name": "nightly", "remoteClusterIds": [] }), 400, 250_107)
        .refuses_body(json!({ "localProjectId": " " }), 400, 250_104);
    let mut changed = body("changed");
    changed["key"] = "{freshKey}".into();
    let update = post("/replication/api/task/update")
        .json(changed)
        .required(&[
            "key",
            "name",
            "localProjectId",
            "replicaObjectType",
            "replicaTaskObjects",
            "remoteClusterIds",
        ])
        .lenient(&["enabled", "replicaType"])
        .refuses_body(json!({ "key": "unknown" }), 400, 250_310)
        .refuses_body(json!({ "key": "{key}" }), 400, 250_308)
        .refuses_body(json!({ "name": "nightly" }), 400, 250_107);
    vec![
        checked(create),
        checked(update),
        post("/replication/api/task/edge/create")
            .needs(Needs::Project)
            .json(edge_body())
            .required(&[
                "name",
                "localProjectId",
                "replicaObjectType",
                "replicaTaskObjects",
                "setting",
                "remoteClusterIds",
            ])
            .good_is(refused(400, 250_105))
            .refuses_body(json!({ "replicaType": "SCHEDULED" }), 400, 250_105),
        post("/replication/api/task/copy")
            .json(json!({ "key": "{key}", "name": "copied {fresh}", "description": "of a walk" }))
            .required(&["key", "name"])
            .refuses_body(json!({ "name": "nightly" }), 400, 250_107)
            .refuses_body(json!({ "key": "unknown" }), 400, 250_310),
        get("/replication/api/task/info/{key}")
            .answers(task())
            .unknown("key", refused(400, 250_310)),
        get("/replication/api/task/detail/{key}")
            .answers(format!("{{task:{} objects:[{OBJECT}]}}", task()))
            .unknown("key", refused(400, 250_310)),
        paged(get("/replication/api/task/page/{projectId}"), &task())
            .answers(page(&task()))
            .also(
                "name=night&lastExecutionStatus=FAILED&enabled=true&sortType=CREATED_TIME&sortDirection=ASC",
                page(&task()),
            )
            .also("sortType=LAST_EXECUTION_TIME", page(&task()))
            .also("sortType=NEXT_EXECUTION_TIME", page(&task()))
            .also("sortType=CREATE_TIME", page(&task()))
            .also("name=.*", EMPTY)
            .also("name=%20", page(&task()))
            .refuses("lastExecutionStatus=DONE", 400, 250_131)
            .refuses("enabled=maybe", 400, 250_131)
            .refuses("sortType=NAME", 400, 250_131)
            .refuses("sortDirection=desc", 400, 250_105)
            .unknown("projectId", data(EMPTY)),
        delete("/replication/api/task/delete/{key}").unknown("key", data("null")),
        post("/replication/api/task/toggle/status/{key}").unknown("key", refused(400, 250_310)),
        post("/replication/api/task/execute/{key}")
            .unknown("key", refused(400, 250_310))
            .with("key", "{disabledKey}", refused(400, 250_304)),
    ]
}
