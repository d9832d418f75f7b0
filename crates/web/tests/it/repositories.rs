//! Projects and repositories over HTTP, with exact status and codes.

use axum::http::Method;
use serde_json::{Value, json};

use crate::artifacts::{put, world};

#[tokio::test]
async fn projects_are_made_listed_and_changed() {
    let world = world().await;
    let base = "/repository/api/project";
    let body = |name: &str, display: &str| json!({ "name": name, "displayName": display, "description": "" });

    let made = world
        .post(&format!("{base}/create"), body("second", "Second"))
        .await
        .ok();
    let changed = world
        .ask(Method::PUT, &format!("{base}/second"))
        .json(json!({ "description": "x" }))
        .send()
        .await;
    let list = world
        .get(&format!("{base}/list?sortProperty=name&direction=DESC"))
        .await
        .ok();

    assert_eq!(made, "second");
    assert_eq!(changed.ok(), true);
    let second = list
        .as_array()
        .expect("an array")
        .iter()
        .find(|project| project["name"] == "second");
    assert_eq!(second.expect("it is listed")["description"], "x");
    assert_eq!(world.get(&format!("{base}/exist/second")).await.ok(), true);
    assert_eq!(
        world.get(&format!("{base}/exist?displayName=Third")).await.ok(),
        false
    );
    assert_eq!(
        world
            .post(&format!("{base}/create"), body("second", "S2"))
            .await
            .refusal(),
        (400, 251005)
    );
    assert_eq!(
        world
            .post(&format!("{base}/create"), body("2nd", "Second"))
            .await
            .refusal(),
        (400, 250105)
    );
    let without = json!({ "name": "third", "displayName": "Third" });
    assert_eq!(
        world.post(&format!("{base}/create"), without).await.refusal(),
        (400, 250106)
    );
}

#[tokio::test]
async fn repositories_are_made_listed_changed_and_deleted() {
    let world = world().await;
    let base = "/repository/api/repo";
    let body = |changes: Value| {
        let mut body = json!({ "projectId": "demo", "name": "more", "type": "GENERIC", "description": "d" });
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };

    for (changes, refusal) in [
        (json!({ "projectId": "nowhere" }), (400, 251004)),
        (json!({ "name": "files" }), (400, 251007)),
        (json!({ "name": "a/b" }), (400, 250105)),
        (json!({ "type": "NPM" }), (400, 250105)),
        (json!({ "type": "npm" }), (400, 250106)),
        (json!({ "category": "PROXY" }), (400, 250105)),
        (json!({ "storageCredentialsKey": "s3" }), (400, 250105)),
        (json!({ "description": "x".repeat(201) }), (400, 250105)),
    ] {
        let refused = world.post(&format!("{base}/create"), body(changes.clone())).await;
        assert_eq!(refused.refusal(), refusal, "{changes}");
    }
    let made = world
        .post(
            &format!("{base}/create"),
            body(json!({ "category": "LOCAL", "quota": 5 })),
        )
        .await
        .ok();
    assert_eq!(
        (&made["category"], &made["quota"], made.get("id")),
        (&json!("LOCAL"), &json!(5), None)
    );
    assert_eq!(made["configuration"]["type"], "local");
    let info = world.get(&format!("{base}/info/demo/more/GENERIC")).await.ok();
    assert_eq!(info.as_object().expect("an object").len(), 19);
    let list = world.get(&format!("{base}/list/demo?name=MO")).await.ok();
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    let page = world.get(&format!("{base}/page/demo/1/1")).await.ok();
    assert_eq!(
        (&page["totalRecords"], page["records"].as_array().map(Vec::len)),
        (&json!(2), Some(1))
    );
    assert_eq!(
        world.get(&format!("{base}/page/demo/x/1")).await.refusal(),
        (400, 250105)
    );
    assert_eq!(
        put(&world, "/generic/demo/more/a", "123456", &[]).await.refusal(),
        (400, 251025)
    );
    put(&world, "/generic/demo/more/a", "12345", &[]).await.ok();
    assert_eq!(world.get(&format!("{base}/info/demo/more")).await.ok()["used"], 5);
    assert_eq!(
        world.delete(&format!("{base}/delete/demo/more")).await.refusal(),
        (400, 251008)
    );
    assert_eq!(
        world
            .delete(&format!("{base}/delete/demo/more?forced=true"))
            .await
            .ok(),
        Value::Null
    );
    assert_eq!(world.get(&format!("{base}/exist/demo/more")).await.ok(), false);
    assert_eq!(
        world.get(&format!("{base}/info/demo/more")).await.refusal(),
        (404, 251006)
    );
}

#[tokio::test]
async fn projects_keep_their_properties() {
    let world = world().await;
    let base = "/repository/api/project";
    let put = async |body: Value| {
        world
            .ask(Method::PUT, &format!("{base}/demo"))
            .json(body)
            .send()
            .await
    };
    let shown = async || {
        let list = world.get(&format!("{base}/list?names=demo")).await.ok();
        list[0]["metadata"].clone()
    };

    assert_eq!(shown().await, json!([]));
    let given =
        json!([{ "key": "team", "value": "a", "system": true, "other": 1 }, { "key": "size", "value": 5 }]);
    assert_eq!(put(json!({ "metadata": given })).await.ok(), true);

    let empty = Value::Null;
    let expected = json!([
        { "key": "team", "value": "a", "system": true, "description": empty, "link": empty, "color": empty },
        { "key": "size", "value": 5, "system": false, "description": empty, "link": empty, "color": empty },
    ]);
    assert_eq!(shown().await, expected);
    put(json!({ "description": "x" })).await.ok();
    assert_eq!(shown().await, expected);
    assert_eq!(
        put(json!({ "metadata": [{ "key": "x" }] })).await.refusal(),
        (400, 250106)
    );
    assert_eq!(put(json!({ "metadata": {} })).await.refusal(), (400, 250106));
}

#[tokio::test]
async fn repositories_are_filtered_by_lists_changed_member_by_member_and_shown_to_strangers_when_public() {
    let world = world().await;
    put(&world, "/generic/demo/files/a", "12345", &[]).await.ok();
    let base = "/repository/api/repo";
    let open = json!({ "projectId": "demo", "name": "open", "type": "GENERIC", "public": true });
    world.post(&format!("{base}/create"), open).await.ok();
    let local = json!({ "projectId": "demo", "name": "local", "type": "GENERIC", "category": "LOCAL", "display": false });
    world.post(&format!("{base}/create"), local).await.ok();
    let names = async |query: &str| {
        let list = world.get(&format!("{base}/list/demo?{query}")).await.ok();
        let list = list.as_array().expect("a list").clone();
        list.iter()
            .map(|repository| repository["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<String>>()
    };
    let update = async |body: Value| world.post(&format!("{base}/update/demo/files"), body).await;

    assert_eq!(names("category=LOCAL&display=false").await, ["local"]);
    assert_eq!(
        names("category=LOCAL,COMPOSITE&type=GENERIC,NPM").await,
        ["open", "files"]
    );
    assert_eq!(names("type=NPM").await, Vec::<String>::new());
    let refused = world.get(&format!("{base}/list/demo?category=LOCAL,X")).await;
    assert_eq!(refused.refusal(), (400, 250105));
    let page = world.get(&format!("{base}/page/demo/2/1?name=o")).await.ok();
    assert_eq!(
        (&page["totalRecords"], &page["pageNumber"]),
        (&json!(1), &json!(2))
    );

    let change = json!({ "displayName": "Files", "quota": "5", "public": true, "description": "d",
        "configuration": { "type": "composite", "settings": { "a": 1 } } });
    assert_eq!(update(change).await.ok(), Value::Null);
    let info = world
        .ask(Method::GET, &format!("{base}/info/demo/files"))
        .anonymous()
        .send()
        .await
        .ok();
    assert_eq!(
        (
            &info["displayName"],
            &info["quota"],
            &info["used"],
            &info["description"]
        ),
        (&json!("Files"), &json!(5), &json!(5), &json!("d"))
    );
    assert_eq!(
        info["configuration"],
        json!({ "type": "composite", "settings": { "a": 1 }, "proxy": { "channelList": [] }, "webHook": { "webHookList": [] } })
    );
    for (body, refusal) in [
        (json!({ "quota": 4 }), (400, 250105)),
        (json!({ "quota": -1 }), (400, 250105)),
        (json!({ "description": "x".repeat(201) }), (400, 250105)),
        (json!({ "configuration": { "type": "remote" } }), (400, 250105)),
        (json!({ "configuration": { "type": "x" } }), (400, 250106)),
        (
            json!({ "configuration": { "type": "composite", "proxy": { "channelList": [{}] } } }),
            (400, 250105),
        ),
        (
            json!({ "configuration": { "type": "composite", "proxy": { "channelList": 5 } } }),
            (400, 250106),
        ),
        (json!({ "configuration": [] }), (400, 250106)),
    ] {
        assert_eq!(update(body.clone()).await.refusal(), refusal, "{body}");
    }
    let hidden = world
        .ask(Method::GET, &format!("{base}/info/demo/local"))
        .anonymous()
        .send()
        .await;
    assert_eq!(hidden.refusal(), (401, 250114));
}
