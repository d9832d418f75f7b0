//! The stock console's login: key, form, cookie, and what it asks next.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::cluster::Secret;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::rand_core::UnwrapErr;
use rsa::{Pkcs1v15Encrypt, RsaPublicKey};
use serde_json::json;
use storage::users::Role;

use crate::world::{Answer, Ask, World};

const BOUNDARY: &str = "----console";

/// Encrypts `password` as the console does, with the key the node shows.
async fn token(world: &World, password: &str) -> String {
    let shown = world
        .ask(Method::GET, "/web/auth/api/user/rsa")
        .anonymous()
        .send()
        .await
        .ok();
    let key = STANDARD.decode(shown.as_str().expect("a text")).expect("base64");
    let key = RsaPublicKey::from_public_key_der(&key).expect("a public key");
    let mut random = UnwrapErr(getrandom::SysRng);
    let encrypted = key.encrypt(&mut random, Pkcs1v15Encrypt, password.as_bytes());
    STANDARD.encode(encrypted.expect("it is short"))
}

fn form<'a>(world: &'a World, user: &str, token: &str) -> Ask<'a> {
    let field = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!(
        "{}{}--{BOUNDARY}--\r\n",
        field("uid", user),
        field("token", token)
    );
    world
        .ask(Method::POST, "/web/auth/api/user/login")
        .anonymous()
        .header(
            "content-type",
            &format!("multipart/form-data; boundary={BOUNDARY}"),
        )
        .body(body)
}

async fn log_in(world: &World, user: &str, password: &str) -> Answer {
    let token = token(world, password).await;
    form(world, user, &token).send().await
}

/// Logs in and returns the cookie as a browser sends it back.
async fn cookie(world: &World, user: &str, password: &str) -> String {
    let answer = log_in(world, user, password).await;
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert_eq!(answer.ok(), json!(true));
    cookie.split(';').next().expect("a first part").to_owned()
}

async fn ann(world: &World) {
    let users = world.store.users();
    users
        .create("ann", &Secret::new("sésame öffne"), &Role::None)
        .await
        .expect("a user");
}

#[tokio::test]
async fn the_right_password_logs_in_for_a_day() {
    let world = World::start().await;
    ann(&world).await;

    let cookie = cookie(&world, "ann", "sésame öffne").await;

    let ask = |path: &str| {
        world
            .ask(Method::GET, path)
            .anonymous()
            .header("cookie", &format!("blueking_language=en; {cookie}"))
    };
    let info = ask("/web/auth/api/user/info").send().await.ok();
    assert_eq!(
        info,
        json!({ "userId": "ann", "displayName": "ann", "tenantId": null, "timeZone": "Asia/Shanghai" })
    );
    let user_info = ask("/web/auth/api/user/userinfo/ann").send().await.ok();
    assert_eq!(
        user_info,
        json!({
            "userId": "ann", "name": "ann", "email": null, "phone": null, "createdDate": "2024-07-25T11:20:00",
            "locked": false, "admin": false, "group": false, "asstUsers": [], "tenantId": null
        })
    );
    let list = ask("/web/auth/api/user/list").send().await.ok();
    assert_eq!(
        list,
        json!([{ "userId": "admin", "name": "admin" }, { "userId": "ann", "name": "ann" }])
    );
    assert_eq!(
        ask("/web/auth/api/user/admin/demo").send().await.ok(),
        json!(false)
    );
    assert_eq!(
        ask("/web/auth/api/user/userinfo/admin").send().await.refusal(),
        (403, 250113)
    );
    let bearer = cookie.replace("bkrepo_ticket=", "Bearer ");
    let by_bearer = world.ask(Method::GET, "/auth/api/user/info").login(&bearer);
    assert_eq!(by_bearer.send().await.ok()["userId"], "ann");
    world.clock.advance_ms(24 * 60 * 60 * 1000);
    assert_eq!(
        ask("/web/auth/api/user/info").send().await.refusal(),
        (401, 250114)
    );
}

#[tokio::test]
async fn a_wrong_password_and_a_spoilt_token_get_one_and_the_same_answer() {
    let world = World::start().await;
    let mut spoilt = STANDARD.decode(token(&world, "secret").await).expect("base64");
    spoilt[100] ^= 1;
    let spoilt = STANDARD.encode(spoilt);

    let answers = [
        log_in(&world, "admin", "guess").await,
        form(&world, "admin", &spoilt).send().await,
        log_in(&world, "nobody", "secret").await,
    ];

    for answer in answers {
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.ok(), json!(false));
    }
}

#[tokio::test]
async fn a_form_without_a_usable_token_is_refused() {
    let world = World::start().await;
    let short = STANDARD.encode("short");

    for token in ["!", &short] {
        assert_eq!(form(&world, "admin", token).send().await.refusal(), (401, 250114));
    }
    assert_eq!(form(&world, "admin", "").send().await.refusal(), (400, 250103));
    let broken = form(&world, "admin", "x").body("--no boundary").send().await;
    assert_eq!(broken.refusal(), (400, 250106));
    let json = world
        .ask(Method::POST, "/auth/api/user/login")
        .anonymous()
        .json(json!({}));
    assert_eq!(json.send().await.refusal(), (415, 250119));
    let long = form(&world, "admin", &"x".repeat(100_000)).send().await;
    assert_eq!(long.refusal(), (400, 250106));
}

#[tokio::test]
async fn guessing_at_the_form_is_slowed_as_everywhere() {
    let world = World::start().await;
    for _ in 0..3 {
        assert_eq!(log_in(&world, "admin", "guess").await.ok(), json!(false));
    }
    let token = token(&world, "secret").await;

    let slowed = form(&world, "admin", &token).send();
    let patient = async {
        while world.clock.sleeping_until_ms().is_empty() {
            tokio::task::yield_now().await;
        }
        world.clock.advance_ms(10_000);
    };
    let (answer, ()) = tokio::join!(slowed, patient);

    assert_eq!(answer.ok(), json!(true));
}

#[tokio::test]
async fn logging_out_a_new_password_and_a_removal_end_a_login() {
    let world = World::start().await;
    ann(&world).await;
    let info = async |cookie: &str| {
        let ask = world.ask(Method::GET, "/web/auth/api/user/info").anonymous();
        ask.header("cookie", cookie).send().await.status.as_u16()
    };
    let first = cookie(&world, "ann", "sésame öffne").await;
    let second = cookie(&world, "ann", "sésame öffne").await;

    let out = world
        .ask(Method::POST, "/web/auth/api/user/logout")
        .anonymous()
        .header("cookie", &first)
        .send()
        .await;

    let taken_back = out.header("set-cookie").expect("a cookie").to_owned();
    assert!(taken_back.starts_with("bkrepo_ticket=; Path=/; Max-Age=0;"));
    assert_eq!(out.ok(), json!(true));
    assert_eq!((info(&first).await, info(&second).await), (401, 200));
    world.clock.advance_ms(1);
    let users = world.store.users();
    users
        .set_password("ann", &Secret::new("new"))
        .await
        .expect("a change");
    assert_eq!(info(&second).await, 401);
    let third = cookie(&world, "ann", "new").await;
    users.delete("ann").await.expect("a removal");
    assert_eq!(info(&third).await, 401);
}

#[tokio::test]
async fn the_cookie_counts_under_web_only_and_after_the_header() {
    let world = World::start().await;
    let cookie = cookie(&world, "admin", "secret").await;
    let ask = |path: &str| world.ask(Method::GET, path).header("cookie", &cookie);

    for path in [
        "/replication/api/cluster/list",
        "/api/replication/api/cluster/list",
    ] {
        assert_eq!(
            ask(path).anonymous().send().await.refusal(),
            (401, 250114),
            "{path}"
        );
    }
    let console = "/web/replication/api/cluster/list";
    assert_eq!(ask(console).anonymous().send().await.status, 200);
    assert_eq!(
        ask(console).basic("admin", "wrong").send().await.refusal(),
        (401, 250114)
    );
    let stale = world.ask(Method::GET, console).anonymous();
    let stale = stale.header("cookie", "bkrepo_ticket=a.b.c").send().await;
    assert_eq!(stale.refusal(), (401, 250114));
    let key = world.ask(Method::GET, "/web/auth/api/user/rsa").anonymous();
    let key = key.header("cookie", "bkrepo_ticket=a.b.c").send().await;
    assert_eq!(key.status, 200, "a stale cookie never locks the login form");
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_change_anything() {
    let world = World::start().await;
    let cookie = cookie(&world, "admin", "secret").await;
    let body = json!({ "name": "demo", "displayName": "Demo", "description": "" });
    let ask = || {
        let ask = world.ask(Method::POST, "/web/repository/api/project/create");
        ask.anonymous().header("cookie", &cookie).json(body.clone())
    };

    let foreign = ask().header("sec-fetch-site", "cross-site").send().await;
    let own = ask().header("sec-fetch-site", "same-origin").send().await;

    assert_eq!(foreign.refusal(), (403, 250113));
    assert_eq!(own.status, 200, "{}", own.text);
}
