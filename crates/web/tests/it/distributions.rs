//! Remote distribution.

mod allowed;
mod run_once;

use axum::http::Method;
use domain::cluster::Secret;
use domain::failure::ErrorKind;
use domain::task::TaskStatus;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::world::{Answer, World};

const BASE: &str = "/replication/api/remote/distribution";

/// Starts a node with the repository `demo/files`, and users who may write, read and do nothing there.
async fn world() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    for name in ["files", "other"] {
        let repository = json!({ "projectId": "demo", "name": name, "type": "GENERIC" });
        world.post("/repository/api/repo/create", repository).await.ok();
    }
    let users = world.store.users();
    for (name, access) in [
        ("writer", Some(Access::Write)),
        ("reader", Some(Access::Read)),
        ("nobody", None),
    ] {
        let created = users.create(name, &Secret::new("pw"), &Role::None).await;
        created.expect("a user");
        if let Some(access) = access {
            let set = world.store.access().set(name, "demo", access).await;
            set.expect("access");
        }
    }
    world
}

/// A configuration of the whole repository with the members of `changes` instead.
fn config(name: &str, changes: Value) -> Value {
    let mut config = json!({
        "name": name,
        "registry": "http://mirror:8080",
        "username": "bob",
        "password": "hunter2",
        "replicaObjectType": "REPOSITORY",
        "replicaType": "RUN_ONCE",
    });
    for (member, value) in changes.as_object().expect("an object") {
        config[member] = value.clone();
    }
    config
}

impl World {
    async fn distribute(&self, config: Value) -> Answer {
        let path = format!("{BASE}/create/demo/files");
        self.post(&path, json!({ "configs": [config] })).await
    }

    async fn as_user(&self, user: &str, method: Method, path: &str, body: Value) -> Answer {
        let ask = self.ask(method, &format!("{BASE}/{path}"));
        ask.basic(user, "pw").json(body).send().await
    }

    async fn task_named(&self, name: &str) -> Option<domain::task::Task> {
        self.store.tasks().by_name(name).await.expect("a look-up")
    }

    async fn cluster_named(&self, name: &str) -> Option<domain::cluster::Cluster> {
        self.store.clusters().by_name(name).await.expect("a look-up")
    }
}

#[tokio::test]
async fn a_distribution_is_a_task_and_a_cluster_of_one_name_and_shows_no_password() {
    let world = world().await;
    let paths = json!({
        "replicaObjectType": null, "pathConstraints": [{ "path": "/img" }], "description": "images",
        "certificate": null, "remoteProjectId": "there", "remoteRepoName": "copy",
    });
    world.distribute(config("mirror", paths)).await.ok();

    let answer = world.get(&format!("{BASE}/info/demo/files")).await;

    assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    let shown = answer.ok();
    let expected = json!([{
        "projectId": "demo", "repoName": "files", "name": "mirror", "registry": "http://mirror:8080",
        "certificate": null, "username": "bob", "password": null, "packageConstraints": null,
        "pathConstraints": [{ "path": "/img", "pathRegex": null, "deletedDate": null }],
        "replicaType": "RUN_ONCE", "setting": shown[0]["setting"], "description": "images", "enable": true,
    }]);
    assert_eq!(shown, expected);
    let task = world.task_named("demo/files/mirror").await.expect("a task");
    let cluster = world.cluster_named("demo/files/mirror").await.expect("a cluster");
    assert_eq!(task.targets, [cluster.id]);
    assert_eq!(task.objects[0].remote("demo").to_string(), "there/copy");
    let of_one = world.get(&format!("{BASE}/info/demo/files/mirror")).await.ok();
    assert_eq!(of_one, expected);
    assert_eq!(
        world.get(&format!("{BASE}/info/demo/files/none")).await.ok(),
        json!([])
    );
}

#[tokio::test]
async fn a_distribution_to_a_registered_cluster_keeps_its_remote_names_and_is_not_in_info() {
    let world = world().await;
    let edge = world.cluster("edge-1", "STANDALONE").await;
    let to_edge =
        json!({ "registry": null, "clusterId": edge, "remoteProjectId": "p", "remoteRepoName": "r" });
    world.distribute(config("edge", to_edge.clone())).await.ok();
    let before = world.task_named("demo/files/edge").await.expect("a task");

    let mut change = config("ignored", to_edge);
    change["enable"] = false.into();
    let path = format!("{BASE}/update/demo/files/edge");
    world.post(&path, change).await.ok();

    let after = world.task_named("demo/files/edge").await.expect("a task");
    assert_eq!((&after.key, after.enabled), (&before.key, false));
    assert_ne!(after.id, before.id);
    assert_eq!(after.objects[0].remote("demo").to_string(), "p/r");
    assert_eq!(
        world.get(&format!("{BASE}/info/demo/files")).await.ok(),
        json!([])
    );
    assert!(world.cluster_named("demo/files/edge").await.is_none());
}

#[tokio::test]
async fn what_cannot_be_carried_is_refused_by_name_when_it_is_saved() {
    let world = world().await;
    let edge = world.cluster("edge-1", "STANDALONE").await;
    world.greeter.fails("http://docker.example", ErrorKind::Protocol);
    world
        .greeter
        .fails("http://silent.example", ErrorKind::Unreachable);
    world
        .greeter
        .fails("http://closed.example", ErrorKind::Unauthorised);
    world
        .greeter
        .is_node("http://self.example", world.store.node_id());

    for (changes, refusal, named) in [
        (json!({ "name": "1x" }), (400, 250105), "1x"),
        (json!({ "name": "a b" }), (400, 250105), "a b"),
        (json!({ "name": null }), (400, 250106), "name"),
        (json!({ "registry": null }), (400, 250105), "registry"),
        (json!({ "registry": "ftp://x" }), (400, 250105), "ftp://x"),
        (json!({ "registry": "a b" }), (400, 250105), "a b"),
        (json!({ "registry": "http://u:p@x" }), (400, 250105), "login"),
        (json!({ "clusterId": edge }), (400, 250105), "not both"),
        (
            json!({ "registry": null, "clusterId": "zz" }),
            (400, 250306),
            "zz",
        ),
        (
            json!({ "registry": "http://docker.example" }),
            (400, 250105),
            "docker.example",
        ),
        (
            json!({ "registry": "http://silent.example" }),
            (400, 250301),
            "silent.example",
        ),
        (
            json!({ "registry": "http://closed.example" }),
            (400, 250301),
            "closed",
        ),
        (
            json!({ "registry": "http://self.example" }),
            (400, 250105),
            "demo/files",
        ),
        (
            json!({ "packageConstraints": [{ "packageKey": "npm://x" }] }),
            (400, 250105),
            "npm://x",
        ),
        (
            json!({ "replicaObjectType": "PACKAGE" }),
            (400, 250105),
            "PACKAGE",
        ),
        (
            json!({ "replicaObjectType": null }),
            (400, 250105),
            "pathConstraints",
        ),
        (
            json!({ "replicaObjectType": "PATH", "pathConstraints": [] }),
            (400, 250105),
            "pathConstraints",
        ),
        (
            json!({ "pathConstraints": [{ "path": "/a" }] }),
            (400, 250106),
            "",
        ),
        (
            json!({ "replicaObjectType": "PATH", "pathConstraints": [{ "path": "/a/../b" }] }),
            (400, 251011),
            "/a/../b",
        ),
        (
            json!({ "replicaObjectType": "PATH", "pathConstraints": [{ "pathRegex": "x" }] }),
            (400, 250105),
            "pathRegex",
        ),
        (
            json!({ "replicaType": "FEDERATION" }),
            (400, 250105),
            "FEDERATION",
        ),
        (json!({ "replicaType": "WEIRD" }), (400, 250106), "replicaType"),
    ] {
        let answer = world.distribute(config("mirror", changes.clone())).await;
        assert_eq!(answer.refusal(), refusal, "{changes}: {}", answer.text);
        assert!(answer.message().contains(named), "{changes}: {}", answer.text);
        assert!(!answer.text.contains("hunter2"));
    }
    assert!(world.task_named("demo/files/mirror").await.is_none());
    assert!(world.cluster_named("demo/files/mirror").await.is_none());
}

#[tokio::test]
async fn a_distribution_follows_changes_unless_it_says_otherwise() {
    let world = world().await;
    world
        .distribute(config("mirror", json!({ "replicaType": null })))
        .await
        .ok();

    let shown = world.get(&format!("{BASE}/info/demo/files/mirror")).await.ok();
    let task = world.task_named("demo/files/mirror").await.expect("a task");
    assert_eq!(shown[0]["replicaType"], "REAL_TIME");
    assert_eq!(
        (task.status, task.last_end),
        (TaskStatus::Replicating, Some(None))
    );
    // As a task that runs once, it has never run.
    world.distribute(config("mirror", json!({}))).await.ok();
    let task = world.task_named("demo/files/mirror").await.expect("a task");
    assert_eq!(task.last_end, None);
}

#[tokio::test]
async fn all_of_a_request_is_saved_or_nothing() {
    let world = world().await;
    let create = async |configs: Value| {
        let path = format!("{BASE}/create/demo/files");
        world.post(&path, json!({ "configs": configs })).await
    };
    let (good, bad) = (
        config("good", json!({})),
        config("bad", json!({ "replicaObjectType": null })),
    );

    assert_eq!(create(json!([good, bad])).await.refusal(), (400, 250105));
    assert_eq!(create(json!([good, good])).await.refusal(), (400, 250105));
    assert_eq!(create(json!([])).await.refusal(), (400, 250104));
    assert_eq!(create(Value::Null).await.refusal(), (400, 250106));
    let many: Vec<Value> = (0..51).map(|n| config(&format!("d{n}"), json!({}))).collect();
    assert_eq!(create(json!(many)).await.refusal(), (400, 250105));
    assert!(world.task_named("demo/files/good").await.is_none());
    create(json!([good, config("second", json!({}))])).await.ok();
    let shown = world.get(&format!("{BASE}/info/demo/files")).await.ok();
    assert_eq!(
        (&shown[0]["name"], &shown[1]["name"]),
        (&json!("good"), &json!("second"))
    );
}

#[tokio::test]
async fn without_a_scheme_https_is_tried_first_and_http_where_nobody_answers() {
    let world = world().await;
    world.greeter.fails("https://plain:80", ErrorKind::Unreachable);
    world.greeter.fails("https://closed:80", ErrorKind::Unauthorised);

    let url = async |name: &str, registry: &str, certificate: Value| {
        let registry = json!({ "registry": registry, "certificate": certificate });
        let answer = world.distribute(config(name, registry)).await;
        if answer.status == 200 {
            let cluster = world.cluster_named(&format!("demo/files/{name}")).await;
            cluster.expect("a cluster").url
        } else {
            answer.body["code"].to_string()
        }
    };

    assert_eq!(url("first", "secure:80", Value::Null).await, "https://secure:80");
    assert_eq!(url("second", "plain:80", Value::Null).await, "http://plain:80");
    assert_eq!(url("third", "plain:80", "PEM".into()).await, "250301");
    assert_eq!(url("fourth", "closed:80", Value::Null).await, "250301");
}

#[tokio::test]
async fn a_password_left_out_stays_only_as_long_as_address_and_user_do() {
    let world = world().await;
    let password = async || {
        let cluster = world.cluster_named("demo/files/mirror").await;
        let password = cluster.expect("a cluster").credentials.password;
        password.map(|password| password.reveal().to_owned())
    };
    world.distribute(config("mirror", json!({}))).await.ok();

    let same = json!({ "password": null, "description": "changed" });
    world.distribute(config("mirror", same)).await.ok();
    assert_eq!(password().await.as_deref(), Some("hunter2"));
    let elsewhere = json!({ "password": null, "registry": "http://evil.example" });
    world.distribute(config("mirror", elsewhere)).await.ok();
    assert_eq!(password().await, None);
}

#[tokio::test]
async fn somebody_elses_task_or_cluster_of_that_name_is_left_alone() {
    let world = world().await;
    let edge = world.cluster("edge-1", "STANDALONE").await;
    let other = json!({ "replicaTaskObjects": [{ "localRepoName": "other", "repoType": "GENERIC" }] });
    world.task("demo/files/theirs", &[&edge], other).await;
    let cluster = world.cluster("demo/files/mine", "STANDALONE").await;

    for (answer, refusal) in [
        (world.distribute(config("theirs", json!({}))).await, (400, 250107)),
        (world.distribute(config("mine", json!({}))).await, (400, 250305)),
        (
            world
                .distribute(config("mine", json!({ "registry": null, "clusterId": cluster })))
                .await,
            (400, 250105),
        ),
        (
            world.delete(&format!("{BASE}/delete/demo/files/theirs")).await,
            (400, 250310),
        ),
        (
            world
                .post(&format!("{BASE}/toggle/status/demo/files/theirs"), json!({}))
                .await,
            (400, 250310),
        ),
        (
            world
                .post(
                    &format!("{BASE}/update/demo/files/none"),
                    config("none", json!({})),
                )
                .await,
            (400, 250310),
        ),
    ] {
        assert_eq!(answer.refusal(), refusal, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_distribution_is_switched_and_removed_with_its_cluster() {
    let world = world().await;
    world.distribute(config("mirror", json!({}))).await.ok();
    let toggle = format!("{BASE}/toggle/status/demo/files/mirror");

    world.post(&toggle, json!({})).await.ok();
    let off = world.get(&format!("{BASE}/info/demo/files/mirror")).await.ok();
    let push = format!("{BASE}/push/demo/files/mirror");
    let pushed = world
        .post(&format!("{push}?packageName=npm://x&version=1"), json!({}))
        .await;
    let half = world.post(&format!("{push}?packageName=x"), json!({})).await;
    world
        .delete(&format!("{BASE}/delete/demo/files/mirror"))
        .await
        .ok();

    assert_eq!(off[0]["enable"], false);
    assert_eq!((pushed.refusal(), half.refusal()), ((400, 250105), (400, 250103)));
    assert!(world.task_named("demo/files/mirror").await.is_none());
    assert!(world.cluster_named("demo/files/mirror").await.is_none());
    assert_eq!(world.post(&toggle, json!({})).await.refusal(), (400, 250310));
}

#[tokio::test]
async fn what_no_node_of_this_kind_offers_is_refused_by_name() {
    let world = world().await;
    for (method, path) in [
        (Method::POST, "/replication/api/federation/create"),
        (Method::GET, "/replication/api/federation/list/demo/files"),
        (Method::POST, "/replication/ext/find/repo/difference"),
        (Method::GET, "/replication/ext/dispatch/config/list"),
    ] {
        let answer = world.ask(method, path).send().await;
        assert_eq!(answer.refusal(), (404, 250130), "{path}");
    }
    let edge = world.cluster("edge-1", "EDGE").await;
    let pull = async |user: &str, replica_type: &str| {
        let changes = json!({ "replicaType": replica_type });
        let body = crate::world::task_body("pull", &[&edge], changes);
        let ask = world.ask(Method::POST, "/replication/api/task/edge/create");
        ask.basic(user, "pw").json(body).send().await
    };
    assert_eq!(pull("nobody", "EDGE_PULL").await.refusal(), (403, 250113));
    let (pulled, scheduled) = (
        pull("reader", "EDGE_PULL").await,
        pull("reader", "SCHEDULED").await,
    );
    assert_eq!(
        (pulled.refusal(), scheduled.refusal()),
        ((400, 250105), (400, 250105))
    );
    assert!(pulled.message().contains("EDGE_PULL") && scheduled.message().contains("SCHEDULED"));
}
