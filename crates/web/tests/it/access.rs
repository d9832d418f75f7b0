//! What users may do: everywhere, and project by project.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use crate::world::World;

const FILE: &str = "/generic/demo/files/a.txt";

/// A node with project `demo`, a repository in it, and users who may do ever more there.
async fn world() -> World {
    let world = World::start().await;
    let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    for name in ["nobody", "reader", "writer", "manager"] {
        user(&world, name, &Role::None).await;
    }
    let replicator = Role::Replicator {
        projects: vec!["demo".into()],
    };
    user(&world, "replicator", &replicator).await;
    for (name, access) in [
        ("reader", Access::Read),
        ("writer", Access::Write),
        ("manager", Access::Manage),
    ] {
        let set = world.store.access().set(name, "demo", access).await;
        assert!(set.expect("it is kept"), "{name}");
    }
    world
}

async fn user(world: &World, name: &str, role: &Role) {
    let users = world.store.users();
    users
        .create(name, &Secret::new("pw"), role)
        .await
        .expect("a user");
}

async fn status(world: &World, user: &str, method: Method, path: &str, body: &Value) -> u16 {
    let ask = world.ask(method, path).basic(user, "pw");
    let ask = if body.is_null() {
        ask.body("1").header("X-BKREPO-OVERWRITE", "true")
    } else {
        ask.json(body.clone())
    };
    ask.send().await.status.as_u16()
}

#[tokio::test]
async fn each_access_includes_the_one_before_it_and_nothing_more() {
    let world = world().await;
    let new = json!({ "projectId": "demo", "name": "more", "type": "GENERIC" });
    let access = json!({ "access": "read" });
    let asks = [
        (Method::PUT, FILE, Value::Null),
        (Method::GET, FILE, Value::Null),
        (Method::GET, "/repository/api/repo/list/demo", Value::Null),
        (Method::DELETE, FILE, Value::Null),
        (Method::POST, "/repository/api/repo/create", new),
        (
            Method::DELETE,
            "/repository/api/repo/delete/demo/more",
            Value::Null,
        ),
        (Method::GET, "/api/v1/projects/demo/access", Value::Null),
        (Method::PUT, "/api/v1/projects/demo/access/nobody", access),
        (Method::DELETE, "/api/v1/projects/demo/access/nobody", Value::Null),
        (Method::GET, "/replication/api/cluster/list", Value::Null),
    ];
    let put = world.ask(Method::PUT, FILE).body("0").send().await;
    assert_eq!(put.status, 200, "{}", put.text);

    for (user, allowed) in [
        ("nobody", [403; 10]),
        ("reader", [403, 200, 200, 403, 403, 403, 403, 403, 403, 403]),
        ("writer", [200, 200, 200, 200, 403, 403, 403, 403, 403, 403]),
        ("manager", [200, 200, 200, 200, 200, 200, 200, 200, 204, 403]),
        ("replicator", [200, 200, 200, 200, 403, 403, 403, 403, 403, 403]),
    ] {
        let mut got = Vec::new();
        for (method, path, body) in &asks {
            got.push(status(&world, user, method.clone(), path, body).await);
        }
        assert_eq!(got, allowed, "{user}");
    }
}

#[tokio::test]
async fn a_refusal_names_user_action_and_project() {
    let world = world().await;

    let answer = world.ask(Method::GET, FILE).basic("nobody", "pw").send().await;

    assert_eq!(answer.refusal(), (403, 250113));
    for named in ["nobody", "READ", "demo"] {
        assert!(answer.message().contains(named), "{}", answer.message());
    }
}

#[tokio::test]
async fn whoever_makes_a_project_manages_it() {
    let world = world().await;
    let project = json!({ "name": "mine", "displayName": "Mine", "description": "" });

    let made = world
        .ask(Method::POST, "/repository/api/project/create")
        .basic("nobody", "pw")
        .json(project)
        .send()
        .await;

    assert_eq!(made.status, 200, "{}", made.text);
    let access = world
        .ask(Method::GET, "/api/v1/projects/mine/access")
        .basic("nobody", "pw")
        .send()
        .await;
    assert_eq!(
        access.body["access"],
        json!([{ "user": "nobody", "access": "manage" }])
    );
    let shown = world.get("/api/v1/users/nobody").await;
    assert_eq!(shown.body["access"], json!({ "mine": "manage" }));
    let console = world
        .ask(Method::GET, "/auth/api/user/admin/mine")
        .basic("nobody", "pw");
    assert_eq!(console.send().await.ok(), json!(true));
}

#[tokio::test]
async fn access_is_given_by_words_that_exist_to_users_and_projects_that_exist() {
    let world = world().await;
    let put = async |path: &str, access: &str| {
        let ask = world.ask(Method::PUT, path).json(json!({ "access": access }));
        ask.send().await.refusal()
    };

    assert_eq!(
        put("/api/v1/projects/demo/access/reader", "own").await,
        (400, 250105)
    );
    assert_eq!(
        put("/api/v1/projects/demo/access/ghost", "read").await,
        (404, 250108)
    );
    assert_eq!(
        put("/api/v1/projects/ghost/access/reader", "read").await,
        (404, 251004)
    );
    let gone = world.delete("/api/v1/projects/demo/access/nobody").await;
    assert_eq!(gone.refusal(), (404, 250108));
}

#[tokio::test]
async fn a_public_repository_is_read_by_anybody_and_an_unknown_one_asks_for_a_login() {
    let world = world().await;
    let open = json!({ "projectId": "demo", "name": "open", "type": "GENERIC", "public": true });
    world.post("/repository/api/repo/create", open).await.ok();
    let path = "/generic/demo/open/a.txt";
    let put = world.ask(Method::PUT, path).body("1").send().await;
    assert_eq!(put.status, 200, "{}", put.text);
    let get = async |path: &str| world.ask(Method::GET, path).anonymous().send().await;
    let as_user = async |path: &str| world.ask(Method::GET, path).basic("nobody", "pw").send().await;

    assert_eq!(get(path).await.text, "1");
    assert_eq!(as_user(path).await.text, "1");
    for path in [FILE, "/generic/demo/ghost/a.txt", "/generic/ghost/ghost/a.txt"] {
        assert_eq!(get(path).await.refusal(), (401, 250114), "{path}");
        assert_eq!(as_user(path).await.refusal(), (403, 250113), "{path}");
    }
    assert_eq!(
        world.get("/generic/demo/ghost/a.txt").await.refusal(),
        (404, 251006)
    );
}
