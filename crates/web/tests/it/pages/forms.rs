use axum::http::Method;
use serde_json::json;

use super::browser::Browser;
use crate::world::World;

async fn repository(world: &World) {
    let project = json!({ "name": "demo", "displayName": "demo", "description": "" });
    world.post("/repository/api/project/create", project).await.ok();
    let repository = json!({ "projectId": "demo", "name": "files", "type": "GENERIC", "category": "LOCAL",
        "public": false, "description": "" });
    world.post("/repository/api/repo/create", repository).await.ok();
}

fn task<'a>(cluster: &'a str, name: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("repository", "demo/files"),
        ("scope", "repository"),
        ("targets", cluster),
        ("trigger", "cron"),
        ("cron", "0 30 2 * * ?"),
        ("conflict", "overwrite"),
        ("error", "continue"),
        ("rate", "1.5"),
        ("days", "7"),
        ("details", "on"),
        ("enabled", "on"),
    ]
}

#[tokio::test]
async fn a_task_is_made_as_its_form_says() {
    let world = World::start().await;
    repository(&world).await;
    let cluster = world.cluster("edge-1", "STANDALONE").await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;

    let made = browser.send("/tasks", &task(&cluster, "nightly")).await;

    let place = made.header("location").expect("it shows the task").to_owned();
    let key = domain::id::TaskKey(place["/tasks/".len()..].into());
    let task = world.engine.task(&key).await.expect("the task");
    assert_eq!((task.name.as_str(), task.project.as_str()), ("nightly", "demo"));
    assert_eq!(task.settings.rate_limit_bytes_per_s, 1_572_864);
    assert_eq!(
        task.settings.trigger,
        domain::task::Trigger::Cron("0 30 2 * * ?".into())
    );
    assert_eq!(
        task.settings.on_conflict,
        domain::task::ConflictStrategy::Overwrite
    );
    assert!(!task.settings.include_metadata && task.keeps_details && task.enabled);
    assert_eq!((task.reserve_days, task.audit.created_by.as_str()), (7, "admin"));
    assert_eq!(browser.open(&place).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_form_says_at_the_field_what_is_wrong_and_keeps_what_was_typed() {
    let world = World::start().await;
    repository(&world).await;
    let cluster = world.cluster("edge-1", "STANDALONE").await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;
    for (field, value, says) in [
        ("name", "n", "it has to have 2 to 256 characters"),
        ("repository", "demo/none", "There is no repository demo/none"),
        ("cron", "every day", "it is no Quartz cron expression"),
        ("rate", "fast", "not a number"),
        ("days", "61", "between 1 and 60"),
        ("targets", "", "does not exist"),
    ] {
        let mut fields = task(&cluster, "kept name");
        for pair in &mut fields {
            if pair.0 == field {
                pair.1 = value;
            }
        }

        let refused = browser.send("/tasks", &fields).await;

        assert_eq!(refused.status.as_u16(), 422, "{field}");
        let at = format!("id=\"{field}-says\"");
        assert!(refused.text.contains(&at), "{field}: {}", refused.text);
        let told = refused.text.split(&at).nth(1).expect("it is there");
        let told = told.split("</div>").next().expect("a part");
        assert!(told.contains(says), "{field}: {told}");
        if field != "name" {
            assert!(refused.text.contains(r#"value="kept name""#), "{field}");
        }
    }
    let none = storage::tasks::TaskFilter::default();
    let page = world
        .engine
        .task_page(&none, storage::PageRequest::new(1, 9))
        .await
        .expect("tasks");
    assert_eq!(page.total, 0);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_refused_at_its_address_and_its_password_is_not_sent_back() {
    let world = World::start().await;
    world
        .greeter
        .fails("edge-9", domain::failure::ErrorKind::Unauthorised);
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/clusters/new").await;
    let fields = [
        ("name", "edge-9"),
        ("url", "https://edge-9.example"),
        ("type", "standalone"),
        ("user", "bob"),
        ("password", "hunter2-secret"),
        ("check", "on"),
    ];

    let refused = browser.send("/clusters", &fields).await;

    assert_eq!(refused.status.as_u16(), 422);
    assert!(refused.text.contains("unauthorised"), "{}", refused.text);
    assert!(!refused.text.contains("hunter2-secret"));
    assert!(refused.text.contains(r#"value="https://edge-9.example""#));
}

#[tokio::test]
async fn a_password_left_blank_stays_and_goes_with_its_user() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/clusters/new").await;
    let made = browser
        .send(
            "/clusters",
            &[
                ("name", "edge-1"),
                ("url", "http://edge-1:1"),
                ("user", "bob"),
                ("password", "first"),
            ],
        )
        .await;
    let place = made.header("location").expect("it shows the cluster").to_owned();
    let id = &place["/clusters/".len()..];
    let password = async || {
        let cluster = world
            .engine
            .cluster(id)
            .await
            .expect("a look")
            .expect("the cluster");
        cluster
            .credentials
            .password
            .map(|secret| secret.reveal().to_owned())
    };

    browser
        .send(
            &place,
            &[("url", "http://edge-1:2"), ("user", "bob"), ("password", "")],
        )
        .await;
    assert_eq!(password().await.as_deref(), Some("first"));
    browser
        .send(
            &place,
            &[("url", "http://edge-1:2"), ("user", ""), ("password", "")],
        )
        .await;
    assert_eq!(password().await, None);
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/account").await;

    let made = browser
        .send("/account/tokens", &[("token", "ci"), ("days", "30")])
        .await;
    let token = made.text.split_once("id=\"made\">").expect("a token").1;
    let token = token.split('<').next().expect("its text").to_owned();
    let again = browser.open("/account").await;
    let works = world
        .ask(Method::GET, "/api/v1/me")
        .login(&format!("Bearer {token}"))
        .send()
        .await;
    let known = world.store.tokens().list("admin").await.expect("tokens");
    let id = known
        .iter()
        .find(|known| known.name == "ci")
        .expect("the token")
        .id;
    browser.send(&format!("/account/tokens/{id}/revoke"), &[]).await;
    let over = world
        .ask(Method::GET, "/api/v1/me")
        .login(&format!("Bearer {token}"))
        .send()
        .await;

    assert!(!again.text.contains(&token));
    assert_eq!((works.status.as_u16(), over.status.as_u16()), (200, 401));
}

#[tokio::test]
async fn files_are_uploaded_through_a_form_of_ours_only_and_downloaded_as_files() {
    let world = World::start().await;
    repository(&world).await;
    let mut browser = Browser::of_admin(&world).await;
    let page = browser.open("/repositories/demo/files").await.text;
    let csrf = page
        .split_once("name=\"csrf\" value=\"")
        .expect("a form")
        .1
        .split('"')
        .next()
        .expect("a value")
        .to_owned();
    let send = |csrf: &str, name: &str| {
        let body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nthe bytes\r\n--b--\r\n"
        );
        let cookie = format!("waybill_session={}", browser.session().expect("logged in"));
        world
            .ask(Method::POST, "/files/upload/demo/files/folder")
            .anonymous()
            .header("cookie", &cookie)
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body)
    };

    let refused = send("0", "a.html").send().await;
    let stored = send(&csrf, "a.html").send().await;
    let again = send(&csrf, "a.html").send().await;
    let cookie = format!("waybill_session={}", browser.session().expect("logged in"));
    let read = world
        .ask(Method::GET, "/files/download/demo/files/folder/a.html")
        .anonymous()
        .header("cookie", &cookie)
        .send()
        .await;

    assert_eq!(refused.status.as_u16(), 403);
    assert_eq!(
        stored.header("location"),
        Some("/repositories/demo/files/folder"),
        "{}",
        stored.text
    );
    assert_eq!(again.status.as_u16(), 400, "{}", again.text);
    assert!(again.text.contains("already exists"), "{}", again.text);
    assert_eq!(read.text, "the bytes");
    assert!(
        read.header("content-disposition")
            .is_some_and(|how| how.starts_with("attachment"))
    );
}

#[tokio::test]
async fn the_next_five_firings_are_shown_on_the_clocks_of_the_node() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;

    let shown = browser.open("/tasks/cron?cron=0+30+2+*+*+%3F").await;
    let wrong = browser.open("/tasks/cron?cron=nonsense").await;

    assert_eq!(shown.text.matches("02:30:00 +08:00").count(), 5, "{}", shown.text);
    assert!(wrong.text.contains("class=\"wrong\""), "{}", wrong.text);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/account/users/admin").await;

    let refused = browser
        .send("/account/users/admin/role", &[("role", "none")])
        .await;

    assert_eq!(refused.status.as_u16(), 400);
    assert!(refused.text.contains("last administrator"), "{}", refused.text);
}
