use axum::http::Method;

use super::browser::Browser;
use crate::world::World;

#[tokio::test]
async fn whoever_is_not_logged_in_is_led_to_the_login_and_back() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);

    let led = browser.open("/tasks?status=failed").await;
    let place = led.header("location").expect("it leads elsewhere").to_owned();
    let login = browser.open(&place).await;
    let back = browser
        .send(
            "/login",
            &[
                ("user", "admin"),
                ("password", "secret"),
                ("next", "/tasks?status=failed"),
            ],
        )
        .await;

    assert_eq!(
        (led.status.as_u16(), place.as_str()),
        (303, "/login?next=%2Ftasks%3Fstatus%3Dfailed")
    );
    assert!(
        login.text.contains(r#"name="next" value="/tasks?status=failed""#),
        "{}",
        login.text
    );
    assert_eq!(back.header("location"), Some("/tasks?status=failed"));
    assert_eq!(browser.open("/tasks?status=failed").await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_the_name_is_kept() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);

    let refused = browser.log_in("admin", "wrong").await;

    assert_eq!(refused.status.as_u16(), 401);
    assert!(refused.text.contains("do not go together"), "{}", refused.text);
    assert!(refused.text.contains(r#"value="admin""#), "{}", refused.text);
    assert!(!refused.text.contains("wrong"), "{}", refused.text);
    assert_eq!(browser.session(), None);
}

#[tokio::test]
async fn a_login_is_never_one_that_was_there_before() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    let first = browser.session().expect("logged in").to_owned();

    browser.log_in("admin", "secret").await;
    let second = browser.session().expect("logged in").to_owned();
    let mut thief = Browser::new(&world);
    thief.cookies.push(("waybill_session".into(), first.clone()));

    assert_ne!(first, second);
    assert_eq!(thief.open("/tasks").await.status.as_u16(), 303);
    thief.cookies = vec![("waybill_session".into(), "made.up.ticket".into())];
    thief.log_in("admin", "secret").await;
    assert_ne!(thief.session(), Some("made.up.ticket"));
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_logging_out_ends_the_login() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);

    let answer = browser.log_in("admin", "secret").await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let kept = browser.cookies.clone();
    browser.open("/").await;
    let left = browser.send("/logout", &[]).await;

    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(left.header("location"), Some("/login"));
    assert_eq!(browser.session(), None);
    browser.cookies = kept;
    assert_eq!(browser.open("/").await.status.as_u16(), 303);
}

#[tokio::test]
async fn forms_that_are_not_ours_change_nothing() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/account").await;
    let cookie = format!("waybill_session={}", browser.session().expect("logged in"));

    let without = browser.send_bare("/account/tokens", &[("token", "x")]).await;
    let guessed = browser
        .send_bare("/account/tokens", &[("token", "x"), ("csrf", "0")])
        .await;
    let elsewhere = world
        .ask(Method::POST, "/login")
        .anonymous()
        .header("cookie", &cookie)
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("user=admin&password=secret")
        .send()
        .await;

    for refused in [without, guessed, elsewhere] {
        assert_eq!(refused.status.as_u16(), 403, "{}", refused.text);
    }
    assert!(
        world
            .store
            .tokens()
            .list("admin")
            .await
            .expect("tokens")
            .iter()
            .all(|token| token.name != "x")
    );
}

#[tokio::test]
async fn no_form_is_taken_without_its_value_wherever_it_is_sent() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/account").await;
    for path in [
        "/logout",
        "/tasks",
        "/tasks/preview",
        "/tasks/x",
        "/tasks/x/run",
        "/tasks/x/stop",
        "/tasks/x/toggle",
        "/tasks/x/copy",
        "/tasks/x/delete",
        "/records/x/stop",
        "/records/x/retry",
        "/clusters",
        "/clusters/x",
        "/clusters/x/check",
        "/clusters/x/delete",
        "/repositories/new",
        "/files/delete/demo/files/x",
        "/webhooks",
        "/webhooks/x",
        "/webhooks/x/test",
        "/webhooks/x/delete",
        "/webhooks/x/deliveries/x/deliver",
        "/account/password",
        "/account/tokens",
        "/account/tokens/x/revoke",
        "/account/users",
        "/account/users/admin/role",
        "/account/users/admin/password",
        "/account/users/admin/access",
        "/account/users/admin/delete",
    ] {
        for value in [None, Some("0")] {
            let fields: Vec<(&str, &str)> = value.map(|value| ("csrf", value)).into_iter().collect();
            let refused = browser.send_bare(path, &fields).await;

            assert_eq!(refused.status.as_u16(), 403, "{path}: {}", refused.text);
            assert!(refused.text.contains("not of this login"), "{path}");
        }
    }
    assert_eq!(browser.open("/account").await.status.as_u16(), 200);
}

#[tokio::test]
async fn another_users_form_value_is_not_ours_either() {
    let world = World::start().await;
    let mut one = Browser::of_admin(&world).await;
    let mut other = Browser::of_admin(&world).await;
    let page = one.open("/account").await.text;
    other.open("/account").await;
    let csrf = page.split_once("name=\"csrf\" value=\"").expect("a form").1;
    let csrf = csrf.split('"').next().expect("a value");

    let refused = other
        .send_bare("/account/tokens", &[("token", "x"), ("csrf", csrf)])
        .await;

    assert_eq!(refused.status.as_u16(), 403);
}

#[tokio::test]
async fn nobody_is_sent_to_another_host_after_the_login() {
    let world = World::start().await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let mut browser = Browser::new(&world);

        let answer = browser
            .send(
                "/login",
                &[("user", "admin"), ("password", "secret"), ("next", next)],
            )
            .await;

        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
}

#[tokio::test]
async fn who_is_no_administrator_sees_repositories_and_their_own_account_only() {
    let world = World::start().await;
    let password = domain::cluster::Secret::new("a password");
    let users = world.store.users();
    users
        .create("ann", &password, &storage::users::Role::None)
        .await
        .expect("a user");
    let mut browser = Browser::new(&world);
    browser.log_in("ann", "a password").await;

    assert_eq!(browser.open("/").await.header("location"), Some("/repositories"));
    assert_eq!(browser.open("/repositories").await.status.as_u16(), 200);
    assert_eq!(browser.open("/account").await.status.as_u16(), 200);
    for path in [
        "/tasks",
        "/tasks/new",
        "/clusters",
        "/account/users",
        "/records/000000000000000000000000",
    ] {
        let refused = browser.open(path).await;
        assert_eq!(refused.status.as_u16(), 403, "{path}");
        assert!(refused.text.contains("<h1>You may not do this</h1>"), "{path}");
    }
}
