//! What the stock console reads, call by call and member by member: under `/web`, with its cookie and with
//! plain credentials.

use axum::http::Method;
use serde_json::{Value, json};

use crate::console::cookie;
use crate::walk::furnished::Furnished;
use crate::walk::shape::Shape;
use crate::world::Answer;

/// How the console is let in.
#[derive(Debug, Clone, Copy)]
enum Login<'a> {
    Cookie(&'a str),
    Plain,
}

struct Console<'a> {
    furnished: &'a Furnished,
    login: Login<'a>,
}

impl Console<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let path = format!("/web{}", self.furnished.filled(path));
        let ask = self.furnished.world.ask(method, &path);
        let ask = match self.login {
            Login::Cookie(cookie) => ask.anonymous().header("cookie", cookie),
            Login::Plain => ask.basic("admin", "secret"),
        };
        let ask = ask
            .header("accept-language", "zh-CN")
            .header("x-bkrepo-time-zone", "Asia/Shanghai")
            .header("x-bkrepo-project-id", "demo")
            .header("x-csrftoken", "anything");
        match body {
            Some(body) => {
                ask.json(serde_json::from_str(&self.furnished.filled(&body.to_string())).expect("JSON"))
            }
            None => ask,
        }
        .send()
        .await
    }

    /// Calls and checks that every member read is there and of its shape: `records[].setting.executionStrategy`.
    async fn reads(&self, path: &str, members: &[(&str, &str)]) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.header("x-bkrepo-time-zone"), Some("+0800"));
        let data = answer.ok();
        for (member, shape) in members {
            let found = at(&data, member);
            assert!(!found.is_empty(), "{path} has no {member}: {data}");
            for value in found {
                let differs = Shape::of(shape).differs(value);
                assert_eq!(differs, None, "{path} {member} in {data}");
            }
        }
        data
    }

    /// Makes a call whose data nobody reads.
    async fn does(&self, method: Method, path: &str, body: Value) {
        let body = (!body.is_null()).then_some(body);
        self.call(method, path, body).await.ok();
    }
}

/// Returns what stands at a member, once for every item of the lists on the way.
fn at<'a>(data: &'a Value, member: &str) -> Vec<&'a Value> {
    let mut found = vec![data];
    for name in member.split('.').filter(|name| !name.is_empty()) {
        let (name, lists) = match name.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (name, false),
        };
        if !name.is_empty() {
            found = found.into_iter().filter_map(|value| value.get(name)).collect();
        }
        if lists {
            found = found.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    found
}

async fn starts(console: &Console<'_>) {
    let info = console
        .reads(
            "/auth/api/user/info",
            &[
                ("userId", "text"),
                ("displayName", "text"),
                ("tenantId", "text?"),
                ("timeZone", "text?"),
            ],
        )
        .await;
    assert_eq!(info["userId"], "admin");
    let user = [
        ("userId", "text"),
        ("name", "text"),
        ("admin", "true"),
        ("locked", "false"),
        ("asstUsers", "[text]"),
    ];
    console.reads("/auth/api/user/userinfo/admin", &user).await;
    console
        .reads(
            "/auth/api/user/list",
            &[("[].userId", "text"), ("[].name", "text")],
        )
        .await;
    console
        .reads(
            "/repository/api/project/list",
            &[("[].name", "text"), ("[].displayName", "text")],
        )
        .await;
    console
        .reads("/auth/api/user/admin/{projectId}", &[("", "true")])
        .await;
    let repository = [
        ("[].name", "text"),
        ("[].type", "GENERIC"),
        ("[].projectId", "text"),
    ];
    console
        .reads("/repository/api/repo/list/{projectId}", &repository)
        .await;
}

async fn looks_after_nodes(console: &Console<'_>) {
    let members = [
        ("[].id", "hex24"),
        ("[].name", "text"),
        ("[].type", "CENTER|EDGE|STANDALONE|REMOTE"),
        ("[].status", "HEALTHY|UNHEALTHY"),
        ("[].url", "text"),
        ("[].username", "text?"),
        ("[].createdDate", "date"),
        ("[].certificate", "text?"),
        ("[].udpPort", "int?"),
        ("[].appId", "text?"),
        ("[].accessKey", "text?"),
    ];
    let clusters = console.reads("/replication/api/cluster/list", &members).await;
    let centres = at(&clusters, "[].type")
        .into_iter()
        .filter(|kind| **kind == json!("CENTER"));
    assert_eq!(centres.count(), 1, "its name labels the local side");
    console
        .reads("/replication/api/cluster/exist?name=edge-1", &[("", "true")])
        .await;
    let node = json!({ "type": "STANDALONE", "name": "walked", "url": "http://walked.example:1", "username": "admin",
        "password": "p", "appId": null, "accessKey": null, "secretKey": null, "certificate": null, "udpPort": "7" });
    console
        .does(Method::POST, "/replication/api/cluster/create", node.clone())
        .await;
    console
        .does(Method::POST, "/replication/api/cluster/update", node)
        .await;
    let walked = console
        .reads(
            "/replication/api/cluster/info?name=walked",
            &[("udpPort", "int"), ("id", "hex24")],
        )
        .await;
    let id = walked["id"].as_str().expect("an id");
    console
        .does(
            Method::DELETE,
            &format!("/replication/api/cluster/delete/{id}"),
            Value::Null,
        )
        .await;
}

/// A plan as the console's form sends it.
fn plan(name: &str) -> Value {
    json!({
        "name": name, "localProjectId": "demo", "replicaObjectType": "PATH", "replicaType": "SCHEDULED",
        "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "demo", "remoteRepoName": "files",
            "repoType": "GENERIC", "packageConstraints": null, "pathConstraints": [{ "path": "/img" }] }],
        "setting": { "rateLimit": 0, "includeMetadata": true, "conflictStrategy": "SKIP",
            "errorStrategy": "CONTINUE", "executionStrategy": "CRON_EXPRESSION",
            "executionPlan": { "executeImmediately": false, "cronExpression": "0 30 2 * * ? *" } },
        "remoteClusterIds": ["{clusterId}"], "enabled": true, "description": "of the console",
    })
}

async fn looks_after_plans(console: &Console<'_>) {
    console
        .does(Method::POST, "/replication/api/task/create", plan("walked"))
        .await;
    let members = [
        ("totalRecords", "int"),
        ("records[].name", "text"),
        ("records[].key", "hex32"),
        ("records[].description", "text?"),
        ("records[].remoteClusters", "[object]"),
        ("records[].remoteClusters[].name", "text"),
        ("records[].replicaObjectType", "REPOSITORY|PACKAGE|PATH"),
        ("records[].replicaType", "SCHEDULED|REAL_TIME|RUN_ONCE"),
        (
            "records[].setting.executionStrategy",
            "IMMEDIATELY|SPECIFIED_TIME|CRON_EXPRESSION",
        ),
        ("records[].lastExecutionTime", "date?"),
        ("records[].lastExecutionStatus", "RUNNING|SUCCESS|FAILED?"),
        ("records[].enabled", "flag"),
    ];
    let query = "pageNumber=1&pageSize=20&sortType=CREATED_TIME&sortDirection=DESC";
    console
        .reads(
            &format!("/replication/api/task/page/{{projectId}}?{query}"),
            &members,
        )
        .await;
    let filtered = format!("/replication/api/task/page/{{projectId}}?{query}&name=walked&enabled=true");
    let key = console.reads(&filtered, &members).await["records"][0]["key"]
        .as_str()
        .expect("a key")
        .to_owned();
    let members = [
        ("task.name", "text"),
        ("task.replicaObjectType", "PATH"),
        ("task.replicaType", "SCHEDULED"),
        ("task.remoteClusters[].id", "hex24"),
        ("task.description", "text"),
        ("task.createdBy", "text"),
        ("task.createdDate", "date"),
        ("task.setting.conflictStrategy", "SKIP"),
        ("task.setting.executionStrategy", "CRON_EXPRESSION"),
        ("task.setting.executionPlan.executeTime", "date?"),
        ("task.setting.executionPlan.cronExpression", "text"),
        ("objects[].remoteProjectId", "text"),
        ("objects[].remoteRepoName", "text"),
        ("objects[].repoType", "GENERIC"),
        ("objects[].packageConstraints", "[object]?"),
        ("objects[].pathConstraints[].path", "text"),
    ];
    console
        .reads(&format!("/replication/api/task/detail/{key}"), &members)
        .await;
    let mut changed = plan("changed");
    changed["key"] = key.clone().into();
    console
        .does(Method::POST, "/replication/api/task/update", changed)
        .await;
    console
        .does(
            Method::POST,
            &format!("/replication/api/task/toggle/status/{key}"),
            Value::Null,
        )
        .await;
    console
        .does(
            Method::POST,
            &format!("/replication/api/task/toggle/status/{key}"),
            Value::Null,
        )
        .await;
    let copied = json!({ "key": key, "name": "copied", "description": "" });
    console
        .does(Method::POST, "/replication/api/task/copy", copied)
        .await;
    console
        .does(
            Method::POST,
            &format!("/replication/api/task/execute/{key}"),
            Value::Null,
        )
        .await;
    console
        .does(
            Method::DELETE,
            &format!("/replication/api/task/delete/{key}"),
            Value::Null,
        )
        .await;
}

async fn reads_the_log(console: &Console<'_>) {
    let members = [
        ("totalRecords", "int"),
        ("records[].id", "hex24"),
        ("records[].status", "RUNNING|SUCCESS|FAILED"),
        ("records[].startTime", "date"),
        ("records[].endTime", "date?"),
        ("records[].errorReason", "text?"),
    ];
    for query in ["", "&status=FAILED"] {
        let path = format!("/replication/api/task/record/page/{{key}}?pageNumber=1&pageSize=20{query}");
        console.reads(&path, &members).await;
    }
    let members = [
        ("replicaType", "SCHEDULED"),
        ("replicaObjectType", "REPOSITORY"),
        ("record.id", "hex24"),
        ("record.taskKey", "hex32"),
        ("record.status", "FAILED"),
    ];
    console
        .reads("/replication/api/task/record/{recordId}", &members)
        .await;
    let members = [
        ("totalRecords", "int"),
        ("records[].remoteCluster", "text"),
        ("records[].localRepoName", "text"),
        ("records[].repoType", "GENERIC"),
        ("records[].status", "RUNNING|SUCCESS|FAILED"),
        ("records[].startTime", "date"),
        ("records[].endTime", "date?"),
        ("records[].errorReason", "text?"),
        ("records[].progress.success", "int"),
        ("records[].progress.skip", "int"),
        ("records[].progress.failed", "int"),
        ("records[].packageConstraint", "object?"),
        ("records[].pathConstraint.path", "text"),
    ];
    let filters = [
        "",
        "&status=FAILED",
        "&path=%2Fapp",
        "&repoName=files&clusterName=edge-1",
    ];
    for filter in filters {
        let path =
            format!("/replication/api/task/record/detail/page/{{recordId}}?pageNumber=1&pageSize=20{filter}");
        console.reads(&path, &members).await;
    }
    let shadowed = ["success", "skip", "failed", "path", "packageKey", "versions"];
    let row = console
        .reads("/replication/api/task/record/detail/page/{recordId}", &members)
        .await;
    let row = row["records"][0].as_object().expect("a row");
    assert!(
        shadowed.iter().all(|name| !row.contains_key(*name)),
        "spreading would hide a member: {row:?}"
    );
}

/// The plan form lets people choose packages and versions; here is a repository of files, which has none.
async fn looks_for_packages(console: &Console<'_>) {
    let rule = |field: &str, value: &str, operation: &str| json!({ "field": field, "value": value, "operation": operation });
    let search = json!({ "page": { "pageNumber": 1, "pageSize": 20 },
        "sort": { "properties": ["lastModifiedDate"], "direction": "DESC" },
        "rule": { "relation": "AND", "rules": [rule("projectId", "{projectId}", "EQ"), rule("repoType", "DOCKER", "EQ"),
            rule("name", "*app*", "MATCH")] } });
    let found = console
        .call(Method::POST, "/repository/api/package/search", Some(search))
        .await;
    assert_eq!(found.ok()["records"], json!([]));
    let query = "packageKey=docker%3A%2F%2Fapp&pageNumber=1&pageSize=20&version=";
    let versions = console
        .reads(
            &format!("/repository/api/version/page/{{projectId}}/{{repoName}}?{query}"),
            &[("totalRecords", "0"), ("records", "[object]")],
        )
        .await;
    assert_eq!(versions["records"], json!([]));
}

async fn is_told_what_went_wrong(console: &Console<'_>) {
    let refused = console
        .call(Method::GET, "/replication/api/task/info/nothing", None)
        .await;

    assert_eq!(refused.refusal(), (400, 250_310));
    assert!(refused.message().contains("任务"), "{}", refused.message());
}

async fn everything(login: impl AsyncFn(&Furnished) -> Option<String>) {
    let furnished = Furnished::new().await;
    let cookie = login(&furnished).await;
    let login = cookie.as_deref().map_or(Login::Plain, Login::Cookie);
    let console = Console {
        furnished: &furnished,
        login,
    };

    starts(&console).await;
    looks_after_nodes(&console).await;
    looks_after_plans(&console).await;
    reads_the_log(&console).await;
    looks_for_packages(&console).await;
    is_told_what_went_wrong(&console).await;
}

#[tokio::test]
async fn the_console_reads_what_it_needs_with_its_cookie() {
    everything(async |furnished| Some(cookie(&furnished.world, "admin", "secret").await)).await;
}

#[tokio::test]
async fn the_console_reads_what_it_needs_with_plain_credentials() {
    everything(async |_| None).await;
}

#[tokio::test]
async fn the_console_is_asked_to_log_in_by_status_alone() {
    let furnished = Furnished::new().await;
    let console = Console {
        furnished: &furnished,
        login: Login::Cookie("bkrepo_ticket=nonsense"),
    };

    for path in [
        "/replication/api/cluster/list",
        "/auth/api/user/info",
        "/repository/api/project/list",
    ] {
        let answer = console.call(Method::GET, path, None).await;
        assert_eq!(answer.refusal(), (401, 250_114), "{path}");
    }
}
