use axum::http::Method;
use domain::cluster::Secret;
use serde_json::{Value, json};
use storage::access::Access;
use storage::users::Role;

use super::browser::Browser;
use crate::world::World;

const PAGE: &str = "/repositories/demo/files/a.bin";
const CHANGE: &str = "/files/properties/demo/files/a.bin";

async fn file(world: &World) {
    let project = json!({ "name": "demo", "displayName": "demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC" });
    world.post("/repository/api/repo/create", repository).await.ok();
    let upload = world.ask(Method::PUT, "/generic/demo/files/a.bin").body("bytes");
    upload.header("x-bkrepo-meta-build", "7").send().await.ok();
}

async fn properties(world: &World) -> Value {
    let node = world
        .get("/api/v1/repositories/demo/files/node?path=/a.bin")
        .await;
    node.body["properties"].clone()
}

fn asked<'a>(what: &'a str, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("do", what), ("name", name), ("value", value)]
}

#[tokio::test]
async fn a_property_is_added_changed_and_removed_on_the_page_of_its_file() {
    let world = World::start().await;
    file(&world).await;
    let mut browser = Browser::of_admin(&world).await;
    let page = browser.open(PAGE).await.text;
    assert!(page.contains("value=\"7\""), "{page}");

    let added = browser
        .send(CHANGE, &asked("add", " stage ", "<b>test</b>"))
        .await;
    assert_eq!(
        added.header("location"),
        Some("/repositories/demo/files/a.bin#properties"),
        "{}",
        added.text
    );
    let stage = json!({ "build": "7", "stage": "<b>test</b>" });
    assert_eq!(properties(&world).await, stage);
    let page = browser.open(PAGE).await.text;
    assert!(
        page.contains("value=\"&lt;b&gt;test&lt;/b&gt;\"") && !page.contains("<b>test"),
        "{page}"
    );

    browser.send(CHANGE, &asked("change", "stage", "live")).await;
    assert_eq!(properties(&world).await, json!({ "build": "7", "stage": "live" }));
    browser.send(CHANGE, &asked("remove", "build", "7")).await;
    assert_eq!(properties(&world).await, json!({ "stage": "live" }));
}

#[tokio::test]
async fn what_no_property_can_be_is_said_at_the_field_and_kept() {
    let world = World::start().await;
    file(&world).await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open(PAGE).await;
    let long = "x".repeat(17_000);
    for (fields, at, kept) in [
        (asked("add", "", "kept"), "name-says", "value=\"kept\""),
        (asked("add", "build", "kept"), "name-says", "value=\"kept\""),
        (asked("add", "kept", "two\nlines"), "value-says", "value=\"kept\""),
        (asked("add", "kept", &long), "value-says", "value=\"kept\""),
        (
            asked("change", "build", "a\u{7}b"),
            "property-0-says",
            "value=\"a\u{7}b\"",
        ),
    ] {
        let refused = browser.send(CHANGE, &fields).await;

        assert_eq!(refused.status.as_u16(), 422, "{at}: {}", refused.text);
        let said = refused.text.split_once(&format!("id=\"{at}\""));
        let said = said
            .is_some_and(|(_, rest)| at.starts_with("property") || rest.starts_with("><p class=\"wrong\">"));
        assert!(said, "{at}: {}", refused.text);
        assert!(refused.text.contains(kept), "{at}: {}", refused.text);
    }
    let nonsense = browser.send(CHANGE, &asked("burn", "build", "")).await;
    let nowhere = browser
        .send("/files/properties/demo/files/none", &asked("add", "x", "1"))
        .await;
    assert_eq!((nonsense.status.as_u16(), nowhere.status.as_u16()), (400, 404));
    assert_eq!(properties(&world).await, json!({ "build": "7" }));
}

#[tokio::test]
async fn properties_are_changed_only_by_a_form_of_somebody_who_may_write() {
    let world = World::start().await;
    file(&world).await;
    let users = world.store.users();
    let password = Secret::new("their secret");
    users
        .create("reader", &password, &Role::None)
        .await
        .expect("a user");
    let access = world.store.access();
    access.set("reader", "demo", Access::Read).await.expect("access");
    let mut admin = Browser::of_admin(&world).await;
    admin.open(PAGE).await;
    let mut reader = Browser::new(&world);
    reader.log_in("reader", "their secret").await;
    let page = reader.open(PAGE).await.text;
    reader.open("/account").await;

    let bare = admin.send_bare(CHANGE, &asked("remove", "build", "")).await;
    let read_only = reader.send(CHANGE, &asked("remove", "build", "")).await;

    assert!(page.contains("build") && !page.contains(CHANGE), "{page}");
    assert_eq!(bare.status.as_u16(), 403);
    assert_eq!(read_only.status.as_u16(), 403);
    assert_eq!(properties(&world).await, json!({ "build": "7" }));
}
