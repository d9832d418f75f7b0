//! Who may push and pull, and how clients of registries log in.

use axum::http::Method;
use domain::cluster::Secret;
use serde_json::json;
use storage::access::Access;
use storage::users::Role;

use super::{Registry, refused};
use crate::world::Answer;

const TAGS: &str = "/v2/demo/images/app/tags/list";

async fn furnished() -> Registry {
    let registry = Registry::start().await;
    registry
        .repository("open", "OCI", json!({ "public": true }))
        .await;
    registry.image("demo/images/app", "v1", "layer").await;
    registry.image("demo/open/app", "v1", "layer").await;
    for (name, access) in [
        ("nobody", None),
        ("reader", Some(Access::Read)),
        ("writer", Some(Access::Write)),
    ] {
        let users = registry.world.store.users();
        users
            .create(name, &Secret::new("pw"), &Role::None)
            .await
            .expect("a user");
        if let Some(access) = access {
            let set = registry.world.store.access().set(name, "demo", access).await;
            assert!(set.expect("kept"));
        }
    }
    registry
}

/// Logs in as clients do: follows the challenge to the token and comes back with it.
async fn with_token(registry: &Registry, user: Option<&str>, method: Method, path: &str) -> Answer {
    let world = &registry.world;
    let first = world
        .ask(method.clone(), path)
        .anonymous()
        .header("host", "registry.example:5000")
        .send()
        .await;
    refused(&first, 401, "UNAUTHORIZED");
    let challenge = first.header("www-authenticate").expect("a challenge");
    let realm = challenge
        .strip_prefix("Bearer realm=\"http://registry.example:5000")
        .expect("where to log in");
    let (realm, rest) = realm.split_once('"').expect("an end");
    assert!(
        rest.starts_with(",service=\"registry.example:5000\""),
        "{challenge}"
    );
    let ask = world.ask(Method::GET, realm);
    let ask = match user {
        Some(user) => ask.basic(user, "pw"),
        None => ask.anonymous(),
    };
    let issued = ask.send().await;
    assert_eq!(issued.status, 200, "{}", issued.text);
    assert_eq!(issued.body["token"], issued.body["access_token"]);
    assert_eq!(issued.body["expires_in"], 300);
    let token = issued.body["token"].as_str().expect("a token");
    let again = world.ask(method, path).login(&format!("Bearer {token}"));
    again.send().await
}

#[tokio::test]
async fn clients_log_in_by_the_challenge_and_are_asked_what_they_may_do() {
    let registry = furnished().await;
    let token = async |user, method, path| with_token(&registry, user, method, path).await;
    let uploads = "/v2/demo/images/app/blobs/uploads/";

    assert_eq!(token(Some("reader"), Method::GET, "/v2/").await.status, 200);
    assert_eq!(token(Some("reader"), Method::GET, TAGS).await.status, 200);
    assert_eq!(token(Some("writer"), Method::POST, uploads).await.status, 202);
    refused(&token(Some("reader"), Method::POST, uploads).await, 403, "DENIED");
    refused(&token(Some("nobody"), Method::GET, TAGS).await, 403, "DENIED");
    refused(&token(None, Method::GET, TAGS).await, 401, "UNAUTHORIZED");
    let ghost = "/v2/demo/ghost/app/tags/list";
    refused(&token(None, Method::GET, ghost).await, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn anybody_pulls_from_a_public_repository_and_nobody_pushes() {
    let registry = furnished().await;
    let world = &registry.world;
    let ask = |method, path: &str| world.ask(method, path).anonymous().send();

    let pulled = ask(Method::GET, "/v2/demo/open/app/manifests/v1").await;
    let base = with_token(&registry, None, Method::GET, "/v2/").await;
    let catalog = with_token(&registry, None, Method::GET, "/v2/_catalog").await;
    let pushed = ask(Method::POST, "/v2/demo/open/app/blobs/uploads/").await;

    assert_eq!(pulled.status, 200);
    assert_eq!(base.status, 200, "a token for nobody lets clients in");
    assert_eq!(catalog.body["repositories"], json!(["demo/open/app"]));
    refused(&pushed, 401, "UNAUTHORIZED");
    let challenge = "scope=\"repository:demo/open/app:pull,push\"";
    let with_host = world
        .ask(Method::POST, "/v2/demo/open/app/blobs/uploads/")
        .anonymous()
        .header("host", "h")
        .send()
        .await;
    assert!(
        with_host
            .header("www-authenticate")
            .expect("a challenge")
            .contains(challenge)
    );
}

#[tokio::test]
async fn passwords_and_tokens_of_users_are_taken_everywhere() {
    let registry = furnished().await;
    let world = &registry.world;
    let basic =
        async |user: &str, secret: &str| world.ask(Method::GET, TAGS).basic(user, secret).send().await;
    let (_, token) = world
        .store
        .tokens()
        .create("reader", "ci", None)
        .await
        .expect("a token");

    assert_eq!(basic("reader", "pw").await.status, 200);
    assert_eq!(basic("reader", token.reveal()).await.status, 200);
    let bearer = world
        .ask(Method::GET, TAGS)
        .login(&format!("Bearer {}", token.reveal()));
    assert_eq!(bearer.send().await.status, 200);
    refused(&basic("reader", "wrong").await, 401, "UNAUTHORIZED");
    // What clients send that know no user.
    let nobody = world
        .ask(Method::GET, "/v2/demo/open/app/tags/list")
        .basic("", "");
    assert_eq!(nobody.send().await.status, 200);
    let wrong = world.ask(Method::GET, "/v2/token").basic("reader", "wrong");
    refused(&wrong.send().await, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_token_ends_with_its_time_and_with_its_users_password_and_opens_nothing_else() {
    let registry = furnished().await;
    let world = &registry.world;
    let issue = async || {
        let issued = world
            .ask(Method::GET, "/v2/token")
            .basic("reader", "pw")
            .send()
            .await;
        format!("Bearer {}", issued.body["token"].as_str().expect("a token"))
    };
    let with = async |token: &str, path: &str| world.ask(Method::GET, path).login(token).send().await;

    let first = issue().await;
    assert_eq!(with(&first, TAGS).await.status, 200);
    let elsewhere = with(&first, "/repository/api/repo/list/demo").await;
    world.clock.advance_ms(300_000);
    let late = with(&first, TAGS).await;
    let second = issue().await;
    world.clock.advance_ms(1_000);
    let users = world.store.users();
    users
        .set_password("reader", &Secret::new("new"))
        .await
        .expect("changed");
    let changed = with(&second, TAGS).await;

    assert_eq!(elsewhere.refusal(), (401, 250_114));
    refused(&late, 401, "UNAUTHORIZED");
    refused(&changed, 401, "UNAUTHORIZED");
    let forged = with("Bearer a.b.c", TAGS).await;
    refused(&forged, 401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_catalog_shows_what_its_reader_may_pull() {
    let registry = furnished().await;
    let catalog = async |user: &str| {
        let ask = registry.world.ask(Method::GET, "/v2/_catalog").basic(user, "pw");
        ask.send().await.body["repositories"].clone()
    };

    assert_eq!(
        catalog("reader").await,
        json!(["demo/images/app", "demo/open/app"])
    );
    assert_eq!(catalog("nobody").await, json!(["demo/open/app"]));
}
