//! Platforms: by their keys in a header, and by signatures in the query.

use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connectors::signed::{Call, Platform};
use domain::cluster::Secret;
use domain::digest::Digest;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha1::Sha1;

use crate::world::{Answer, NOW_MS, World};

const ADMIN_PATH: &str = "/replication/api/cluster/list";
const USER_PATH: &str = "/auth/api/user/info";

pub async fn platform(world: &World) -> Platform {
    let made = world.post("/api/v1/platforms", json!({ "appId": "ci" })).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let member = |name: &str| made.body[name].as_str().expect("it is there").to_owned();
    Platform {
        app_id: member("appId"),
        access_key: member("accessKey"),
        secret_key: Secret::new(member("secretKey")),
    }
}

pub fn header(platform: &Platform) -> String {
    let pair = format!("{}:{}", platform.access_key, platform.secret_key.reveal());
    format!("Platform {}", STANDARD.encode(pair))
}

async fn get_as(world: &World, login: &str, user: Option<&str>, path: &str) -> Answer {
    let ask = world.ask(Method::GET, path).login(login);
    match user {
        Some(user) => ask.header("X-BKREPO-UID", user).send().await,
        None => ask.send().await,
    }
}

#[tokio::test]
async fn a_platform_acts_as_the_user_it_names_and_adds_one_nobody_knows() {
    let world = World::start().await;
    let login = header(&platform(&world).await);

    let as_admin = get_as(&world, &login, Some("admin"), ADMIN_PATH).await;
    let as_new = get_as(&world, &login, Some("dev@corp"), USER_PATH).await;
    let not_allowed = get_as(&world, &login, Some("dev@corp"), ADMIN_PATH).await;

    assert_eq!(as_admin.status, 200, "{}", as_admin.text);
    assert_eq!(as_new.ok()["userId"], "dev@corp");
    assert_eq!(not_allowed.refusal(), (403, 250113));
    let added = world.get("/api/v1/users/dev@corp").await;
    assert_eq!(
        (&added.body["role"], &added.body["access"]),
        (&json!("none"), &json!({}))
    );
    let own_login = world
        .ask(Method::GET, USER_PATH)
        .basic("dev@corp", "")
        .send()
        .await;
    assert_eq!(own_login.refusal(), (401, 250114));
}

#[tokio::test]
async fn a_platform_without_a_user_is_known_but_may_do_nothing_that_needs_one() {
    let world = World::start().await;
    let login = header(&platform(&world).await);

    for user in [None, Some(""), Some("anonymous")] {
        for path in [ADMIN_PATH, USER_PATH, "/generic/demo/files/a"] {
            assert_eq!(
                get_as(&world, &login, user, path).await.refusal(),
                (403, 250113),
                "{path}"
            );
        }
    }
    let bad_name = get_as(&world, &login, Some("a b"), USER_PATH).await;
    assert_eq!(bad_name.refusal(), (400, 250105));
    assert!(bad_name.message().contains("x-bkrepo-uid"));
}

#[tokio::test]
async fn wrong_keys_are_refused_and_a_named_user_alone_says_nothing() {
    let world = World::start().await;
    let platform = platform(&world).await;
    let login = header(&platform);
    let wrong = Platform {
        secret_key: Secret::new("guess"),
        ..platform.clone()
    };
    let unknown = Platform {
        access_key: "guess".into(),
        ..platform.clone()
    };

    for login in [&header(&wrong), &header(&unknown)] {
        let answer = get_as(&world, login, Some("admin"), USER_PATH).await;
        assert_eq!(answer.refusal(), (401, 250114));
    }
    let named = world
        .ask(Method::GET, USER_PATH)
        .anonymous()
        .header("X-BKREPO-UID", "admin")
        .send()
        .await;
    assert_eq!(named.refusal(), (401, 250114));
    let removed = world.delete("/api/v1/platforms/ci").await;
    assert_eq!(removed.status, 204);
    let after = get_as(&world, &login, Some("admin"), USER_PATH).await;
    assert_eq!(after.refusal(), (401, 250114));
}

#[tokio::test]
async fn platform_accounts_are_for_administrators_and_show_their_secret_once() {
    let world = World::start().await;
    let platform = platform(&world).await;

    let listed = world.get("/api/v1/platforms").await;
    let again = world.post("/api/v1/platforms", json!({ "appId": "ci" })).await;
    let bad = world.post("/api/v1/platforms", json!({ "appId": "a/b" })).await;

    assert_eq!(
        listed.body["platforms"][0]["accessKey"],
        json!(platform.access_key)
    );
    assert!(!listed.text.contains(platform.secret_key.reveal()));
    assert_eq!((again.status.as_u16(), bad.status.as_u16()), (409, 400));
    let login = header(&platform);
    let as_user = get_as(&world, &login, Some("dev"), "/api/v1/platforms").await;
    assert_eq!(as_user.refusal(), (403, 250113));
}

/// Sends a call as `platform` signs it at the present of the world's clock.
async fn signed(world: &World, platform: &Platform, call: &Call<'_>, path: &str) -> Answer {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(call.parameters);
    query.extend_pairs(platform.sign(call, NOW_MS));
    let method = call.method.parse().expect("a method");
    let path = format!("{path}?{}", query.finish());
    let mut ask = world.ask(method, &path).anonymous();
    if !call.body.is_empty() {
        let body: serde_json::Value = serde_json::from_slice(call.body).expect("JSON");
        ask = ask.json(body);
    }
    ask.send().await
}

/// The call that answers who makes it.
const WHO_AM_I: Call<'_> = Call {
    path: "/api/user/info",
    method: "GET",
    parameters: &[],
    body: b"",
};

/// Returns the path of [`WHO_AM_I`] with `query`.
fn who_am_i(query: &[(String, String)]) -> String {
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(query);
    format!("{USER_PATH}?{}", written.finish())
}

#[tokio::test]
async fn a_signed_call_acts_as_the_system_and_its_body_is_signed_too() {
    let world = World::start().await;
    let platform = platform(&world).await;
    let body = json!({ "name": "demo", "displayName": "Demo", "description": "" }).to_string();
    let create = Call {
        path: "/api/project/create",
        method: "POST",
        parameters: &[],
        body: body.as_bytes(),
    };
    let list = Call {
        path: "/api/cluster/list",
        method: "GET",
        parameters: &[("type".into(), "".into())],
        body: b"",
    };

    let made = signed(&world, &platform, &create, "/repository/api/project/create").await;
    let listed = signed(&world, &platform, &list, "/api/replication/api/cluster/list").await;
    let elsewhere = signed(&world, &platform, &list, "/replication/api/cluster/info/center").await;
    let stranger = Platform {
        secret_key: Secret::new("guess"),
        ..platform.clone()
    };
    let guessed = signed(&world, &stranger, &list, ADMIN_PATH).await;
    let other_app = Platform {
        app_id: "other".into(),
        ..platform
    };
    let confused = signed(&world, &other_app, &list, ADMIN_PATH).await;

    assert_eq!(made.ok(), json!("demo"));
    assert_eq!(listed.status, 200, "{}", listed.text);
    for answer in [elsewhere, guessed, confused] {
        assert_eq!(answer.refusal(), (401, 250114), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_its_time_and_for_the_user_it_comes_with() {
    let world = World::start().await;
    let platform = platform(&world).await;
    let path = who_am_i(&platform.sign(&WHO_AM_I, NOW_MS));
    let ask = || world.ask(Method::GET, &path).anonymous();

    let acting = ask().header("X-BKREPO-MS-UID", "dev").send().await;
    assert_eq!(acting.ok()["userId"], "dev");
    let repeated = ask().header("X-BKREPO-MS-UID", "admin").send().await;
    assert_eq!(repeated.refusal(), (401, 250114), "a signature counts once");
    let both = ask().basic("admin", "wrong").send().await;
    assert_eq!(both.refusal(), (401, 250114), "the header decides first");
    world.clock.advance_ms(5 * 60 * 1000 + 1000);
    assert_eq!(ask().send().await.refusal(), (403, 250113));
}

/// Signs a call without parameters of its own as a stock bk-repo does: without a nonce.
fn signed_as_stock(platform: &Platform, call: &Call<'_>) -> Vec<(String, String)> {
    let now_s = NOW_MS / 1000;
    let mut query = vec![
        ("access_key".to_owned(), platform.access_key.clone()),
        ("app_id".to_owned(), platform.app_id.clone()),
        ("sign_algorithm".to_owned(), "HmacSHA1".to_owned()),
        ("sign_time".to_owned(), format!("{now_s};{}", now_s + 600)),
    ];
    let mut text = format!("{}{}", call.path, call.method);
    for (name, value) in &query {
        let pair = format!("{name}{value}");
        text.extend(url::form_urlencoded::byte_serialize(pair.as_bytes()));
    }
    text.push_str(&Digest::of(call.body).to_hex());
    let key = platform.secret_key.reveal().as_bytes();
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("a key");
    mac.update(text.to_lowercase().as_bytes());
    let signature = mac.finalize().into_bytes();
    let digits: Vec<String> = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    query.push(("sig".to_owned(), digits.concat()));
    query
}

#[tokio::test]
async fn a_stock_call_may_have_a_twin_but_is_not_repeated_later() {
    let world = World::start().await;
    let platform = platform(&world).await;
    let path = who_am_i(&signed_as_stock(&platform, &WHO_AM_I));
    let ask = || world.ask(Method::GET, &path).anonymous();

    let (first, twin) = (ask().send().await, ask().send().await);
    world.clock.advance_ms(3_000);
    let repeated = ask().send().await;

    assert_eq!((first.status, twin.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(repeated.refusal(), (401, 250114));
}

#[tokio::test]
async fn what_was_signed_before_the_node_began_is_asked_for_anew() {
    let world = World::start().await;
    let platform = platform(&world).await;
    let path = who_am_i(&platform.sign(&WHO_AM_I, NOW_MS - 1_000));

    let answer = world.ask(Method::GET, &path).anonymous().send().await;

    assert_eq!(answer.refusal(), (503, 250124));
    assert_eq!(answer.headers["retry-after"], "1");
}
