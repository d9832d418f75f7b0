//! Repositories that stand for a registry elsewhere, and clusters that are one.

use serde_json::{Value, json};

use crate::world::World;

const REPOSITORIES: &str = "/repository/api/repo";
const TASKS: &str = "/replication/api/task";

async fn start() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    world
}

fn repository(name: &str, configuration: Value) -> Value {
    json!({ "projectId": "demo", "name": name, "type": "MAVEN", "category": "REMOTE",
        "configuration": configuration })
}

fn place(url: &str) -> Value {
    json!({ "type": "remote", "url": url, "credentials": { "username": "bob", "password": "hunter2" } })
}

#[tokio::test]
async fn a_foreign_repository_shows_its_address_and_never_its_password() {
    let world = start().await;

    let made = world
        .post(
            &format!("{REPOSITORIES}/create"),
            repository("central", place("https://maven.example/central")),
        )
        .await;
    let shown = world.get(&format!("{REPOSITORIES}/info/demo/central")).await;

    for answer in [&made, &shown] {
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    }
    let shown = shown.ok();
    assert_eq!(
        (&shown["type"], &shown["category"]),
        (&json!("MAVEN"), &json!("REMOTE"))
    );
    assert_eq!(shown["configuration"]["url"], "https://maven.example/central");
    assert_eq!(
        shown["configuration"]["credentials"],
        json!({ "username": "bob" })
    );
}

#[tokio::test]
async fn what_names_no_registry_for_what_a_repository_holds_is_refused() {
    let world = start().await;

    for configuration in [
        json!({ "type": "remote" }),
        json!({ "type": "local", "url": "https://maven.example" }),
        place(""),
        place("ftp://maven.example"),
        place("https://bob:hunter2@maven.example"),
        place("waybill+https://node.example/demo/files"),
        place("composer+https://maven.example"),
    ] {
        let refused = world
            .post(
                &format!("{REPOSITORIES}/create"),
                repository("central", configuration.clone()),
            )
            .await;
        assert_eq!(refused.refusal(), (400, 250105), "{configuration}");
        assert!(!refused.text.contains("hunter2@"), "{}", refused.text);
    }
    let mut kept = repository("central", place("https://maven.example"));
    kept["category"] = "LOCAL".into();
    let refused = world.post(&format!("{REPOSITORIES}/create"), kept).await;
    assert_eq!(
        refused.refusal(),
        (400, 250105),
        "no Maven repositories are kept here"
    );
}

#[tokio::test]
async fn nobody_writes_to_or_reads_from_a_foreign_repository_here() {
    let world = start().await;
    let body = repository("central", place("https://maven.example"));
    world.post(&format!("{REPOSITORIES}/create"), body).await.ok();

    for path in [
        "/generic/demo/central/a",
        "/repository/api/node/page/demo/central/%2F",
        "/repository/api/node/detail/demo/central/a",
    ] {
        let refused = world.get(path).await;
        assert_eq!(refused.refusal(), (400, 250105), "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_task_is_refused_that_pairs_what_cannot_be_paired() {
    let world = start().await;
    let body = repository("central", place("https://maven.example"));
    world.post(&format!("{REPOSITORIES}/create"), body).await.ok();
    let mut body = repository("shared", place("https://files.example/shared"));
    body["type"] = "GENERIC".into();
    world.post(&format!("{REPOSITORIES}/create"), body).await.ok();
    let edge = world.cluster("edge", "EDGE").await;
    let hub = world.cluster("hub", "REMOTE").await;
    let task = |changes: Value| {
        let mut body = json!({ "name": "central to hub", "localProjectId": "demo", "replicaObjectType": "PACKAGE",
            "replicaType": "RUN_ONCE", "setting": {}, "remoteClusterIds": [hub],
            "replicaTaskObjects": [{ "localRepoName": "central", "repoType": "MAVEN",
                "packageConstraints": [{ "packageKey": "gav://org.example:app", "versions": ["1.0"] }] }] });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let object = |changes: Value| {
        let mut body = task(json!({}));
        for (name, value) in changes.as_object().expect("an object") {
            body["replicaTaskObjects"][0][name] = value.clone();
        }
        body
    };
    let package = |member: &str, value: Value| {
        let mut body = task(json!({}));
        body["replicaTaskObjects"][0]["packageConstraints"][0][member] = value;
        body
    };

    for (body, code, words) in [
        (
            task(json!({ "remoteClusterIds": [edge] })),
            250105,
            "repoType = MAVEN",
        ),
        (
            object(json!({ "repoType": "COMPOSER" })),
            250105,
            "repoType = COMPOSER",
        ),
        (object(json!({ "repoType": "HELM" })), 250105, "repoType = HELM"),
        (
            object(json!({ "packageConstraints": null })),
            250103,
            "packageConstraints",
        ),
        (
            object(json!({ "packageConstraints": [] })),
            250104,
            "packageConstraints",
        ),
        (package("packageKey", "".into()), 250104, "packageKey"),
        (package("versions", json!(["1", " "])), 250104, "version"),
        (package("versionRegex", ".*".into()), 250105, "versionRegex"),
        (
            {
                let mut body = package("targetVersions", json!(["stable"]));
                body["replicaTaskObjects"][0]["packageConstraints"][0]["versions"] = json!(["1", "2"]);
                body
            },
            250105,
            "targetVersions = stable",
        ),
        (
            task(json!({ "replicaType": "REAL_TIME" })),
            250105,
            "repoType = MAVEN",
        ),
        (
            task(
                json!({ "replicaType": "REAL_TIME", "replicaObjectType": "REPOSITORY", "replicaTaskObjects": [
                    { "localRepoName": "shared", "repoType": "GENERIC" }
                ] }),
            ),
            250105,
            "replicaType = REAL_TIME",
        ),
    ] {
        let refused = world.post(&format!("{TASKS}/create"), body.clone()).await;
        assert_eq!(refused.refusal(), (400, code), "{body}: {}", refused.text);
        assert!(refused.message().contains(words), "{body}: {}", refused.text);
    }
    let body = package("targetVersions", json!(["stable"]));
    let made = world.post(&format!("{TASKS}/create"), body).await.ok();
    assert_eq!(made["replicaObjectType"], "PACKAGE");
    let key = made["key"].as_str().expect("a key");
    let detail = world.get(&format!("{TASKS}/detail/{key}")).await.ok();
    let shown = &detail["objects"][0]["packageConstraints"][0];
    assert_eq!(
        (&shown["packageKey"], &shown["versions"], &shown["targetVersions"]),
        (
            &json!("gav://org.example:app"),
            &json!(["1.0"]),
            &json!(["stable"])
        )
    );
}

#[tokio::test]
async fn a_task_chooses_versions_and_says_so_where_that_can_be_said() {
    let world = start().await;
    let hub = world.cluster("hub", "REMOTE").await;
    let filter = json!({ "include": ["semver:>=1.2, <2"], "exclude": ["*-rc*"], "newest": 3 });
    let objects = json!([{ "localRepoName": "central", "repoType": "MAVEN", "versionFilter": filter }]);
    let changes = json!({ "replicaTaskObjects": objects, "replicaType": "RUN_ONCE", "setting": {} });
    let body = crate::world::task_body("mirror", &[&hub], changes.clone());

    let made = world.post("/api/v1/tasks", body).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    let key = made.body["key"].as_str().expect("a key").to_owned();
    let shown = world.get(&format!("/api/v1/tasks/{key}")).await;
    // The contract has no word for it: what it changes leaves it alone, what it makes has none.
    let mut changed = crate::world::task_body("mirror 2", &[&hub], changes);
    changed["key"] = json!(key);
    world.post(&format!("{TASKS}/update"), changed.clone()).await.ok();
    let after = world.get(&format!("/api/v1/tasks/{key}")).await;
    changed["name"] = json!("another");
    let other = world.post(&format!("{TASKS}/create"), changed).await.ok();
    let other = other["key"].as_str().expect("a key").to_owned();
    let other = world.get(&format!("/api/v1/tasks/{other}")).await;

    assert_eq!(
        shown.body["objects"][0]["versionFilter"], filter,
        "{}",
        shown.text
    );
    assert_eq!(after.body["name"], "mirror 2");
    assert_eq!(
        after.body["objects"][0]["versionFilter"], filter,
        "{}",
        after.text
    );
    assert_eq!(other.body["objects"][0]["versionFilter"], serde_json::Value::Null);
}

#[tokio::test]
async fn a_choice_that_nobody_would_heed_or_can_read_is_refused_by_its_member() {
    let world = start().await;
    let hub = world.cluster("hub", "REMOTE").await;
    let filter = json!({ "newest": 3 });
    let named = json!([{ "packageKey": "npm://a", "versions": ["1.0.0"] }]);
    for (object, scope, told) in [
        (
            json!({ "repoType": "GENERIC", "versionFilter": filter }),
            "REPOSITORY",
            "versionFilter",
        ),
        (
            json!({ "repoType": "NPM", "platforms": ["linux/amd64"] }),
            "REPOSITORY",
            "platforms",
        ),
        (
            json!({ "repoType": "NPM", "versionFilter": { "newest": 0 } }),
            "REPOSITORY",
            "versionFilter",
        ),
        (
            json!({ "repoType": "NPM", "versionFilter": { "inlcude": [] } }),
            "REPOSITORY",
            "inlcude",
        ),
        (
            json!({ "repoType": "NPM", "versionFilter": { "include": ["regex:("] } }),
            "REPOSITORY",
            "regex:(",
        ),
        (
            json!({ "repoType": "OCI", "platforms": ["amd64/linux/x/y"] }),
            "REPOSITORY",
            "platforms",
        ),
        (
            json!({ "repoType": "NPM", "versionFilter": filter, "packageConstraints": named }),
            "PACKAGE",
            "versionFilter",
        ),
    ] {
        let mut object = object;
        object["localRepoName"] = json!("central");
        let changes = json!({ "replicaTaskObjects": [object], "replicaObjectType": scope, "setting": {} });
        let body = crate::world::task_body("choosy", &[&hub], changes);

        let refused = world.post("/api/v1/tasks", body).await;

        assert_eq!(refused.status.as_u16(), 400, "{}", refused.text);
        assert!(refused.text.contains(told), "{told}: {}", refused.text);
    }
}
