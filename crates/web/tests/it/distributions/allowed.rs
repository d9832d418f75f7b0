//! Who may distribute what, and where to.

use axum::http::Method;
use serde_json::{Value, json};

use super::{BASE, config, world};

#[tokio::test]
async fn who_may_do_what_is_the_repositorys_business() {
    let world = world().await;
    let body = json!({ "configs": [config("mirror", json!({}))] });
    let once = json!({ "name": "once" });

    for (method, path, body, least) in [
        (Method::POST, "create/demo/files", body, "writer"),
        (Method::POST, "update/demo/files/x", json!({}), "writer"),
        (Method::GET, "info/demo/files", Value::Null, "reader"),
        (Method::GET, "info/demo/files/x", Value::Null, "reader"),
        (Method::POST, "toggle/status/demo/files/x", Value::Null, "writer"),
        (Method::DELETE, "delete/demo/files/x", Value::Null, "writer"),
        (
            Method::POST,
            "push/demo/files/x?packageName=a&version=1",
            Value::Null,
            "writer",
        ),
        (Method::POST, "create/runOnceTask/demo/files", once, "writer"),
        (
            Method::POST,
            "execute/runOnceTask/demo/files?name=x",
            Value::Null,
            "writer",
        ),
        (
            Method::GET,
            "get/runOnceTaskStatus/demo/files?name=x",
            Value::Null,
            "reader",
        ),
        (
            Method::DELETE,
            "delete/runOnceTask/demo/files?name=x",
            Value::Null,
            "writer",
        ),
    ] {
        let ask = async |user: &str, path: &str| {
            let answer = world.as_user(user, method.clone(), path, body.clone()).await;
            answer.refusal()
        };
        assert_eq!(ask("nobody", path).await, (403, 250113), "{path}");
        if least == "writer" {
            assert_eq!(ask("reader", path).await, (403, 250113), "{path}");
        }
        let elsewhere = path.replace("demo/files", "demo/missing");
        assert_eq!(ask(least, &elsewhere).await, (404, 251006), "{path}");
        assert_eq!(ask("nobody", &elsewhere).await, (403, 250113), "{path}");
        let anonymous = world.ask(method.clone(), &format!("{BASE}/{path}")).anonymous();
        assert_eq!(anonymous.send().await.refusal(), (401, 250114), "{path}");
    }
}

#[tokio::test]
async fn users_reach_only_hosts_that_are_listed() {
    let world = world().await;
    let create = async |registry: &str| {
        let config = config("mirror", json!({ "registry": registry }));
        let body = json!({ "configs": [config] });
        world
            .as_user("writer", Method::POST, "create/demo/files", body)
            .await
    };

    let refused = create("http://anywhere.example").await;
    assert_eq!(refused.refusal(), (403, 250113));
    assert!(refused.message().contains("user_hosts"), "{}", refused.text);
    create("a.allowed.example:8080").await.ok();
    let edge = world.cluster("edge-1", "STANDALONE").await;
    let registered = config("edge", json!({ "registry": null, "clusterId": edge }));
    let body = json!({ "configs": [registered] });
    let answer = world.as_user("writer", Method::POST, "create/demo/files", body);
    answer.await.ok();
}

#[tokio::test]
async fn a_remote_user_has_to_be_allowed_to_write_there() {
    let world = world().await;
    let with = |password: &str, project: Value| {
        json!({
            "remoteUserUsername": "eve", "remoteUserPassword": password,
            "remoteProjectId": project, "remoteRepoName": "r",
        })
    };

    let refused = world
        .distribute(config("mirror", with("wrong", "p".into())))
        .await;
    assert_eq!(refused.refusal(), (403, 250113));
    assert!(refused.message().contains("eve") && refused.message().contains("p/r"));
    world
        .distribute(config("mirror", with("right", "p".into())))
        .await
        .ok();
    // Only where all four are given, as the contract has it.
    world
        .distribute(config("mirror", with("wrong", Value::Null)))
        .await
        .ok();
}
