//! Who gets in.

use axum::http::Method;
use domain::cluster::Secret;
use storage::users::Role;

use crate::world::World;

const PATH: &str = "/replication/api/cluster/list";

#[tokio::test]
async fn an_administrator_gets_in_with_password_token_or_bearer() {
    let world = World::start().await;
    let (_, token) = world
        .store
        .tokens()
        .create("admin", "script", None)
        .await
        .expect("a token");
    let ask = || world.ask(Method::GET, PATH);

    assert_eq!(ask().basic("admin", "secret").send().await.status, 200);
    assert_eq!(ask().basic("admin", token.reveal()).send().await.status, 200);
    let bearer = format!("Bearer {}", token.reveal());
    assert_eq!(ask().login(&bearer).send().await.status, 200);
}

#[tokio::test]
async fn nobody_and_wrong_credentials_are_asked_to_log_in() {
    let world = World::start().await;
    let (_, token) = world
        .store
        .tokens()
        .create("admin", "script", None)
        .await
        .expect("a token");
    let ask = || world.ask(Method::GET, PATH);

    for ask in [
        ask().anonymous(),
        ask().basic("admin", "wrong"),
        ask().basic("nobody", "secret"),
        ask().basic("bob", token.reveal()),
        ask().login("Bearer wb_nothing"),
        ask().login("Platform YTpi"),
        ask().login("Digest x"),
    ] {
        let answer = ask.send().await;
        assert_eq!(answer.refusal(), (401, 250114));
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Basic realm=\"Authentication Required\""));
    }
}

#[tokio::test]
async fn the_role_is_asked_for_before_arguments_and_body_are_looked_at() {
    let world = World::start().await;
    let role = Role::Replicator {
        projects: vec!["demo".into()],
    };
    let users = world.store.users();
    users
        .create("edge", &Secret::new("pw"), &role)
        .await
        .expect("a user");

    let get = world.ask(Method::GET, PATH).basic("edge", "pw").send().await;
    let post = world
        .ask(Method::POST, "/replication/api/task/create")
        .basic("edge", "pw")
        .body("not json")
        .send()
        .await;

    assert_eq!(get.refusal(), (403, 250113));
    assert_eq!(post.refusal(), (403, 250113));
}

#[tokio::test]
async fn a_changed_password_and_a_removed_user_count_at_once() {
    let world = World::start().await;
    let users = world.store.users();
    users
        .create("ann", &Secret::new("old"), &Role::Admin)
        .await
        .expect("a user");
    let ask = |secret: &str| world.ask(Method::GET, PATH).basic("ann", secret);
    assert_eq!(ask("old").send().await.status, 200);

    world.clock.advance_ms(1);
    users
        .set_password("ann", &Secret::new("new"))
        .await
        .expect("a change");
    let after_change = (ask("old").send().await.status, ask("new").send().await.status);
    users.delete("ann").await.expect("a removal");
    let after_removal = ask("new").send().await.status;

    assert_eq!((after_change.0.as_u16(), after_change.1.as_u16()), (401, 200));
    assert_eq!(after_removal, 401);
}

#[tokio::test]
async fn guessing_is_slowed_and_the_right_password_still_gets_in() {
    let world = World::start().await;
    let ask = |secret: &str| world.ask(Method::GET, PATH).basic("admin", secret).send();
    for _ in 0..3 {
        assert_eq!(ask("wrong").await.status, 401);
    }

    let slowed = ask("secret");
    let patient = async {
        while world.clock.sleeping_until_ms().is_empty() {
            tokio::task::yield_now().await;
        }
        world.clock.advance_ms(10_000);
    };
    let (answer, ()) = tokio::join!(slowed, patient);

    assert_eq!(answer.status, 200);
    assert_eq!(ask("secret").await.status, 200, "and is remembered");
}
