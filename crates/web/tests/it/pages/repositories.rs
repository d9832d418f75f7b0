use domain::id::TaskKey;
use domain::task::{PackageSelection, Scope};

use super::browser::Browser;
use crate::world::World;

fn new<'a>(place: &'a str, kind: &'a str, name: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("project", "demo"),
        ("name", name),
        ("place", place),
        ("type", kind),
        ("url", ""),
        ("user", ""),
        ("password", ""),
    ]
}

fn with<'a>(mut fields: Vec<(&'a str, &'a str)>, name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    for pair in &mut fields {
        if pair.0 == name {
            pair.1 = value;
        }
    }
    fields
}

#[tokio::test]
async fn a_repository_that_stands_for_a_registry_elsewhere_is_made_and_its_password_is_never_shown() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/repositories/new").await;
    let fields = with(
        new("elsewhere", "NPM", "packages"),
        "url",
        "npm+http://127.0.0.1:9",
    );
    let fields = with(with(fields, "user", "bob"), "password", "hunter2-secret");

    let made = browser.send("/repositories/new", &fields).await;
    let page = browser.open("/repositories/demo/packages").await.text;
    let list = browser.open("/repositories").await.text;

    assert_eq!(
        made.header("location"),
        Some("/repositories/demo/packages"),
        "{}",
        made.text
    );
    assert!(
        page.contains("npm+http://127.0.0.1:9") && page.contains("bob"),
        "{page}"
    );
    assert!(list.contains("elsewhere"), "{list}");
    assert!(!page.contains("hunter2") && !list.contains("hunter2"));
    assert!(page.contains("••••••"), "it is kept: {page}");
}

#[tokio::test]
async fn the_form_of_a_repository_says_at_the_field_what_is_wrong_and_makes_nothing() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/repositories/new").await;
    let elsewhere = || new("elsewhere", "NPM", "kept");
    for (fields, field) in [
        (new("here", "NPM", "kept"), "type"),
        (new("here", "COBOL", "kept"), "type"),
        (new("here", "", "kept"), "type"),
        (new("here", "GENERIC", "no/name"), "name"),
        (elsewhere(), "url"),
        (with(elsewhere(), "url", "oci+http://127.0.0.1:9/x"), "url"),
        (with(elsewhere(), "url", "https://bob:hunter2@x.example"), "url"),
    ] {
        let refused = browser.send("/repositories/new", &fields).await;

        assert_eq!(refused.status.as_u16(), 422, "{fields:?}: {}", refused.text);
        let at = format!("id=\"{field}-says\"><p class=\"wrong\">");
        assert!(refused.text.contains(&at), "{fields:?}: {}", refused.text);
        assert!(refused.text.contains("value=\"demo\""), "what was typed is kept");
    }
    assert_eq!(browser.open("/repositories/demo").await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_task_of_packages_is_made_through_its_form_and_shown_in_it_again() {
    let world = World::start().await;
    let cluster = world.cluster("edge-1", "STANDALONE").await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/repositories/new").await;
    browser
        .send("/repositories/new", &new("here", "DOCKER", "images"))
        .await;
    let packages = "docker://library/nginx 1.27 1.28\r\n\r\n  docker://team/app  ";
    let task = |scope: &'static str| {
        vec![
            ("name", "images"),
            ("repository", "demo/images"),
            ("scope", scope),
            ("packages", packages),
            ("paths", "/x"),
            ("targets", cluster.as_str()),
            ("trigger", "manual"),
            ("days", "7"),
        ]
    };
    browser.open("/tasks/new").await;

    let refused = browser.send("/tasks", &task("paths")).await;
    let made = browser.send("/tasks", &task("packages")).await;

    assert_eq!(refused.status.as_u16(), 422);
    assert!(refused.text.contains("class=\"wrong\""), "{}", refused.text);
    let place = made.header("location").expect("it shows the task").to_owned();
    let task = world.engine.task(&TaskKey(place["/tasks/".len()..].into())).await;
    let selected = |key: &str, versions: &[&str]| PackageSelection {
        key: key.into(),
        versions: versions.iter().map(|version| (*version).into()).collect(),
        target_versions: Vec::new(),
    };
    assert_eq!(
        task.expect("the task").objects[0].scope,
        Scope::Packages(vec![
            selected("docker://library/nginx", &["1.27", "1.28"]),
            selected("docker://team/app", &[]),
        ])
    );
    let form = browser.open(&format!("{place}/edit")).await.text;
    assert!(
        form.contains("docker://library/nginx 1.27 1.28\ndocker://team/app</textarea>"),
        "{form}"
    );
    assert_eq!(
        browser.open("/repositories/demo/images").await.status.as_u16(),
        200
    );
}
