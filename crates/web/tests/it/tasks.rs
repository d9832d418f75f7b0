//! Task endpoints: making, showing, changing, copying and switching.

use domain::failure::ErrorKind;
use serde_json::{Value, json};

use crate::world::{World, task_body};

const BASE: &str = "/replication/api/task";

#[tokio::test]
async fn a_task_is_shown_with_every_member_and_every_default() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;

    let task = world.task("nightly", &[&edge, &edge], json!({})).await;

    assert_eq!(task["key"].as_str().map(str::len), Some(32));
    let mut expected = json!({
        "name": "nightly", "projectId": "demo", "replicaObjectType": "REPOSITORY",
        "replicaType": "SCHEDULED",
        "setting": {
            "rateLimit": 0, "includeMetadata": true, "conflictStrategy": "SKIP",
            "errorStrategy": "FAST_FAIL", "executionStrategy": "CRON_EXPRESSION",
            "executionPlan": {
                "executeImmediately": false, "executeTime": null, "cronExpression": "0 30 2 * * ?"
            },
            "storageConsistencyCheck": false, "automaticCreateRemoteRepo": true
        },
        "remoteClusters": [{ "id": edge, "name": "edge-1" }],
        "description": null, "status": "WAITING", "replicatedBytes": 0, "totalBytes": -1,
        "lastExecutionStatus": null, "lastExecutionTime": null,
        "nextExecutionTime": "2024-07-26T02:30:00", "executionTimes": 0, "enabled": true,
        "record": true, "recordReserveDays": 30, "createdBy": "admin",
        "createdDate": "2024-07-25T11:20:00", "lastModifiedBy": "admin",
        "lastModifiedDate": "2024-07-25T11:20:00"
    });
    expected["id"] = task["id"].clone();
    expected["key"] = task["key"].clone();
    assert_eq!(task, expected);
    let key = task["key"].as_str().expect("a key");
    assert_eq!(world.get(&format!("{BASE}/info/{key}")).await.ok(), task);
}

#[tokio::test]
async fn what_a_task_replicates_is_shown_with_its_nulls() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let objects = json!([{
        "localRepoName": "files", "repoType": "GENERIC", "remoteProjectId": "mirror", "remoteRepoName": "",
        "packageConstraints": [], "pathConstraints": [{ "path": "img/" }, { "path": "/doc" }]
    }]);

    let task = world
        .task(
            "paths",
            &[&edge],
            json!({ "replicaObjectType": "PATH", "replicaTaskObjects": objects }),
        )
        .await;

    let key = task["key"].as_str().expect("a key");
    let detail = world.get(&format!("{BASE}/detail/{key}")).await.ok();
    assert_eq!(detail["task"]["replicaObjectType"], "PATH");
    assert_eq!(
        detail["objects"],
        json!([{
            "localRepoName": "files", "remoteProjectId": "mirror", "remoteRepoName": null,
            "repoType": "GENERIC", "packageConstraints": null,
            "pathConstraints": [
                { "path": "/img", "pathRegex": null, "deletedDate": null },
                { "path": "/doc", "pathRegex": null, "deletedDate": null }
            ],
            "sourceFilter": null
        }])
    );
}

#[tokio::test]
async fn a_task_is_checked_in_the_contracts_order() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    world.cluster("silent", "EDGE").await;
    let silent = world.cluster("silent-2", "EDGE").await;
    world.greeter.fails("silent-2", ErrorKind::Unauthorised);
    world.task("taken", &[&edge], json!({})).await;
    let path = |object: Value| json!({ "replicaObjectType": "PATH", "replicaTaskObjects": [object] });
    let package = |object: Value| json!({ "replicaObjectType": "PACKAGE", "replicaTaskObjects": [object] });
    let plan = |strategy: &str, plan: Value| json!({ "setting": { "executionStrategy": strategy, "executionPlan": plan } });
    let object = json!({ "localRepoName": "files", "repoType": "GENERIC" });

    for (changes, code) in [
        (json!({ "name": null }), 250106),
        (json!({ "setting": null }), 250106),
        (json!({ "replicaTaskObjects": null }), 250106),
        (json!({ "replicaObjectType": "WEIRD" }), 250106),
        (
            json!({ "replicaTaskObjects": [{ "localRepoName": "x", "repoType": "WEIRD" }] }),
            250106,
        ),
        (json!({ "name": "taken", "localProjectId": "" }), 250107),
        (json!({ "name": "  " }), 250104),
        (json!({ "localProjectId": "" }), 250104),
        (json!({ "replicaTaskObjects": [] }), 250104),
        (json!({ "remoteClusterIds": [] }), 250104),
        (json!({ "recordReserveDays": 0 }), 250105),
        (json!({ "recordReserveDays": 61, "name": "x" }), 250105),
        (json!({ "name": "x" }), 250105),
        (json!({ "name": "x".repeat(257) }), 250105),
        (
            json!({ "replicaTaskObjects": [{ "localRepoName": "x", "repoType": "GENERIC",
                "pathConstraints": [{ "path": "/a" }] }] }),
            250106,
        ),
        (package(object.clone()), 250103),
        (
            package(json!({ "localRepoName": "x", "repoType": "NPM", "packageConstraints": [] })),
            250104,
        ),
        (
            package(json!({ "localRepoName": "x", "repoType": "NPM", "packageConstraints": [{}] })),
            250103,
        ),
        (path(object.clone()), 250103),
        (
            json!({ "replicaObjectType": "PATH", "replicaTaskObjects": [object.clone(), object.clone()] }),
            250106,
        ),
        (
            path(json!({ "localRepoName": "x", "repoType": "GENERIC", "pathConstraints": [] })),
            250104,
        ),
        (
            path(json!({ "localRepoName": "x", "repoType": "GENERIC", "pathConstraints": [{}] })),
            250103,
        ),
        (
            path(
                json!({ "localRepoName": "x", "repoType": "GENERIC", "pathConstraints": [{ "path": "/../x" }] }),
            ),
            251011,
        ),
        (
            plan("IMMEDIATELY", json!({ "executeImmediately": false })),
            250105,
        ),
        (plan("SPECIFIED_TIME", json!({})), 250103),
        (
            plan("SPECIFIED_TIME", json!({ "executeTime": "2024-07-25T11:20:00" })),
            250105,
        ),
        (plan("SPECIFIED_TIME", json!({ "executeTime": "soon" })), 250106),
        (plan("CRON_EXPRESSION", json!({})), 250103),
        (plan("CRON_EXPRESSION", json!({ "cronExpression": " " })), 250104),
        (
            plan("CRON_EXPRESSION", json!({ "cronExpression": "* * * * *" })),
            250105,
        ),
        (json!({ "remoteClusterIds": ["nobody"] }), 250306),
        (json!({ "remoteClusterIds": [silent] }), 250301),
    ] {
        let body = task_body("fine name", &[&edge], changes.clone());
        let answer = world.post(&format!("{BASE}/create"), body).await;
        assert_eq!(answer.refusal(), (400, code), "{changes}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_this_version_cannot_do_is_refused_by_name() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let center = world.cluster("hq", "CENTER").await;
    let foreign = world.cluster("hub", "REMOTE").await;
    let object = |changes: Value| {
        let mut object = json!({ "localRepoName": "files", "repoType": "GENERIC" });
        for (member, value) in changes.as_object().expect("an object") {
            object[member] = value.clone();
        }
        json!({ "replicaTaskObjects": [object] })
    };
    let path = |constraint: Value| {
        let mut changes = object(json!({ "pathConstraints": [constraint] }));
        changes["replicaObjectType"] = "PATH".into();
        changes
    };
    let mut package =
        object(json!({ "packageConstraints": [{ "packageKey": "npm://a", "versions": ["1"] }] }));
    package["replicaObjectType"] = "PACKAGE".into();

    for (changes, words) in [
        (
            json!({ "replicaType": "REAL_TIME" }),
            "executionStrategy = CRON_EXPRESSION",
        ),
        (
            json!({ "replicaType": "EDGE_PULL", "remoteClusterIds": [] }),
            "replicaType = EDGE_PULL",
        ),
        (json!({ "replicaType": "FEDERATION" }), "replicaType = FEDERATION"),
        (package, "replicaObjectType = PACKAGE"),
        (object(json!({ "repoType": "NPM" })), "repoType = NPM"),
        (
            object(json!({ "sourceFilter": { "a": 1 } })),
            "sourceFilter = {\"a\":1}",
        ),
        (path(json!({ "pathRegex": ".*" })), "pathRegex = .*"),
        (
            path(json!({ "path": "/a", "deletedDate": "2024-01-01T00:00:00" })),
            "deletedDate = 2024",
        ),
        (json!({ "remoteClusterIds": [center] }), "remoteClusterIds = hq"),
        (
            json!({ "remoteClusterIds": [foreign], "replicaTaskObjects": [
                { "localRepoName": "files", "repoType": "COMPOSER" }
            ] }),
            "repoType = COMPOSER",
        ),
        (
            json!({ "replicaType": "RUN_ONCE" }),
            "executionStrategy = CRON_EXPRESSION",
        ),
        (
            json!({ "replicaTaskObjects": [
                { "localRepoName": "a", "repoType": "GENERIC", "remoteRepoName": "b" },
                { "localRepoName": "b", "repoType": "GENERIC", "remoteProjectId": "demo" }
            ] }),
            "remoteRepoName = demo/b",
        ),
    ] {
        let body = task_body("fine name", &[&edge], changes.clone());
        let answer = world.post(&format!("{BASE}/create"), body).await;
        assert_eq!(answer.refusal(), (400, 250105), "{changes}: {}", answer.text);
        assert!(answer.message().contains(words), "{changes}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_peer_that_is_this_very_node_may_hold_other_repositories_only() {
    let world = World::start().await;
    let edge = world.cluster("mirror", "STANDALONE").await;
    world.greeter.is_node("mirror", world.store.node_id());

    let same = world
        .post(&format!("{BASE}/create"), task_body("same", &[&edge], json!({})))
        .await;
    let objects = json!([{ "localRepoName": "files", "repoType": "GENERIC", "remoteProjectId": "backup" }]);
    let other = task_body("other", &[&edge], json!({ "replicaTaskObjects": objects }));
    let other = world.post(&format!("{BASE}/create"), other).await;

    assert_eq!(same.refusal(), (400, 250105));
    assert!(same.message().contains("demo/files"), "{}", same.text);
    other.ok();
}

#[tokio::test]
async fn an_update_replaces_a_task_under_the_same_key_and_another_id() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let other = world.cluster("edge-2", "EDGE").await;
    let task = world.task("nightly", &[&edge], json!({ "enabled": false })).await;
    world.task("taken", &[&edge], json!({})).await;
    world.clock.advance_ms(5_000);
    let update = |changes: Value| {
        let mut body = task_body("nightly", &[&other], changes);
        body["key"] = task["key"].clone();
        if body["setting"].is_null() {
            body.as_object_mut().expect("an object").remove("setting");
        }
        world.post("/replication/api/task/update", body)
    };

    let done = update(
        json!({ "setting": null, "localProjectId": "elsewhere", "enabled": true,
        "replicaType": "REAL_TIME", "description": "new" }),
    )
    .await
    .ok();
    let taken = update(json!({ "name": "taken" })).await;
    let days = update(json!({ "recordReserveDays": 0, "name": "taken" })).await;
    let mut unknown = task_body("nightly", &[&other], json!({}));
    unknown["key"] = "nobody".into();
    let unknown = world.post("/replication/api/task/update", unknown).await;

    assert_eq!(done, Value::Null);
    assert_eq!(taken.refusal(), (400, 250107));
    assert_eq!(days.refusal(), (400, 250105));
    assert_eq!(unknown.refusal(), (400, 250310));
    let key = task["key"].as_str().expect("a key");
    let now = world.get(&format!("{BASE}/info/{key}")).await.ok();
    assert_ne!(now["id"], task["id"]);
    for kept in [
        "key",
        "projectId",
        "replicaType",
        "setting",
        "enabled",
        "createdDate",
        "createdBy",
    ] {
        assert_eq!(now[kept], task[kept], "{kept}");
    }
    assert_eq!(now["description"], "new");
    assert_eq!(now["remoteClusters"][0]["name"], "edge-2");
    assert_eq!(now["lastModifiedDate"], "2024-07-25T11:20:05");
}

#[tokio::test]
async fn a_task_that_has_run_is_changed_only_if_it_writes_to_a_registry_elsewhere_first() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let hub = world.cluster("hub", "REMOTE").await;
    let objects = json!([{ "localRepoName": "central", "repoType": "MAVEN" }]);
    let changes = json!({ "setting": {}, "replicaTaskObjects": objects });
    let task = world.task("mirror", &[&hub], changes.clone()).await;
    let key = task["key"].as_str().expect("a key");
    let run = world.start_run(key).await;
    let end = domain::record::RunEnd::Complete { failed: 0 };
    world.end(&run, end, Vec::new()).await;
    let update = async |targets: &[&str]| {
        let mut body = task_body("mirror 2", targets, changes.clone());
        body["key"] = json!(key);
        world.post("/replication/api/task/update", body).await
    };
    let info = async || world.get(&format!("{BASE}/info/{key}")).await.ok();

    let ran = info().await;
    let frozen = update(&[&edge, &hub]).await;
    let unknown = update(&["nobody", &hub]).await;
    update(&[&hub]).await.ok();
    let changed = info().await;

    assert_eq!(
        (&ran["lastExecutionStatus"], &ran["nextExecutionTime"]),
        (&json!("SUCCESS"), &Value::Null)
    );
    assert_eq!(
        (frozen.refusal(), unknown.refusal()),
        ((400, 250308), (400, 250308))
    );
    assert_eq!(
        (
            &changed["name"],
            &changed["lastExecutionStatus"],
            &changed["executionTimes"]
        ),
        (&json!("mirror 2"), &json!("SUCCESS"), &json!(1))
    );
    // It waits to run anew.
    assert_eq!(changed["status"], "WAITING");
    assert_ne!(changed["nextExecutionTime"], Value::Null);
}

#[tokio::test]
async fn a_copy_is_a_new_task_that_is_switched_off_and_keeps_its_creator() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let task = world.task("nightly", &[&edge], json!({})).await;
    world.clock.advance_ms(5_000);
    let copy = |body: Value| world.post("/replication/api/task/copy", body);

    copy(json!({ "key": task["key"], "name": "copy", "description": "d" }))
        .await
        .ok();
    let taken = copy(json!({ "key": "nobody", "name": "copy" })).await;
    let unknown = copy(json!({ "key": "nobody", "name": "another" })).await;

    let page = world.get(&format!("{BASE}/page/demo?name=copy")).await.ok();
    let copied = &page["records"][0];
    assert_eq!(
        (&copied["enabled"], &copied["status"]),
        (&json!(false), &json!("WAITING"))
    );
    assert_eq!(
        (&copied["nextExecutionTime"], &copied["description"]),
        (&Value::Null, &json!("d"))
    );
    assert_eq!(copied["createdDate"], task["createdDate"]);
    assert_eq!(copied["lastModifiedDate"], "2024-07-25T11:20:05");
    assert_ne!(copied["key"], task["key"]);
    assert_eq!(
        (taken.refusal(), unknown.refusal()),
        ((400, 250107), (400, 250310))
    );
}

#[tokio::test]
async fn a_task_is_switched_off_and_on_again() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    let task = world.task("nightly", &[&edge], json!({})).await;
    let key = task["key"].as_str().expect("a key").to_owned();
    let toggled = async || {
        let path = format!("{BASE}/toggle/status/{key}");
        world.post(&path, json!({})).await.ok();
        let task = world.get(&format!("{BASE}/info/{key}")).await.ok();
        (task["enabled"].clone(), task["nextExecutionTime"].clone())
    };

    assert_eq!(toggled().await, (json!(false), Value::Null));
    assert_eq!(toggled().await, (json!(true), json!("2024-07-26T02:30:00")));
    let unknown = world.post(&format!("{BASE}/toggle/status/x"), json!({})).await;
    assert_eq!(unknown.refusal(), (400, 250310));
}

#[tokio::test]
async fn tasks_are_paged_by_project_literal_prefix_switch_and_order() {
    let world = World::start().await;
    let edge = world.cluster("edge-1", "EDGE").await;
    for (name, project, enabled) in [
        ("a.1", "demo", true),
        ("a-2", "demo", false),
        ("bb", "other", true),
    ] {
        world.clock.advance_ms(1_000);
        let changes = json!({ "localProjectId": project, "enabled": enabled });
        world.task(name, &[&edge], changes).await;
    }
    let names = async |query: &str| {
        let page = world.get(&format!("{BASE}/page/demo?{query}")).await.ok();
        let rows = page["records"].as_array().expect("rows").clone();
        rows.iter()
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(names("").await, ["a-2", "a.1"]);
    assert_eq!(names("name=a.").await, ["a.1"]);
    assert_eq!(names("name=%20").await, ["a-2", "a.1"]);
    assert_eq!(names("enabled=false").await, ["a-2"]);
    assert_eq!(
        names("sortType=CREATE_TIME&sortDirection=ASC").await,
        ["a.1", "a-2"]
    );
    assert_eq!(names("sortType=NEXT_EXECUTION_TIME").await, ["a.1", "a-2"]);
    assert_eq!(names("lastExecutionStatus=").await.len(), 2);
    assert_eq!(names("lastExecutionStatus=SUCCESS").await.len(), 0);
    for (query, code) in [
        ("sortDirection=asc", 250105),
        ("sortType=x", 250131),
        ("enabled=maybe", 250131),
        ("lastExecutionStatus=x", 250131),
        ("pageSize=x", 250131),
    ] {
        let answer = world.get(&format!("{BASE}/page/demo?{query}")).await;
        assert_eq!(answer.refusal(), (400, code), "{query}");
    }
}
