//! Who is let in.

use axum::http::Method;
use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn nothing_is_answered_to_callers_who_are_not_known() {
    let world = World::start().await;
    let document = world.get("/api/v1/openapi.json").await.body;
    let paths = document["paths"].as_object().expect("paths");
    let mut asked = 0;

    for (path, item) in paths {
        let place = path.replace(['{', '}'], "");
        for method in item.as_object().expect("operations").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            for login in [None, Some("Bearer wrong")] {
                let ask = world.ask(method.clone(), &place).body("{");
                let ask = match login {
                    None => ask.anonymous(),
                    Some(login) => ask.login(login),
                };
                let answer = ask.send().await;

                let shown = format!("{method} {path} {login:?}: {}", answer.text);
                assert_eq!(answer.status, 401, "{shown}");
                assert_eq!(
                    answer.header("content-type"),
                    Some("application/problem+json"),
                    "{shown}"
                );
                assert!(answer.body["code"] != Value::Null, "{shown}");
                asked += 1;
            }
        }
    }
    assert!(asked > 100, "{asked}");
}
