//! Logging in, as registries ask for it.

use domain::cluster::{Credentials, Secret};
use domain::failure::ErrorKind;
use testkit::contract::noise;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::images::{Image, manifest_at};
use testkit::servers::{OciRegistry, RegistryLogin};

use super::gate::Gate;
use super::world::{at, at_as, carry, describe, error, key, list, moved, server_with, url};

#[tokio::test]
async fn a_password_is_sent_once_it_is_asked_for() {
    let (here, there) = (
        OciRegistry::start().await,
        OciRegistry::with(RegistryLogin::Basic).await,
    );
    let image = Image::of(&[b"x", &noise(400_000, 1)]);
    image.push(&here.server.url(), "app", "v1").await;
    let proxy = FaultProxy::to(there.server.address()).await;

    moved(
        carry(
            &at(&url(&here, "/app")),
            &at_as(&format!("{}/app", proxy.url()), "bob"),
            &key("app", "v1"),
        )
        .await,
    );

    let seen = proxy.seen();
    assert_eq!(seen[0].header("authorization"), None, "nobody asked yet");
    assert!(
        seen[1..]
            .iter()
            .all(|seen| seen.header("authorization").is_some())
    );
}

#[tokio::test]
async fn a_wrong_password_and_none_are_refused_with_the_registrys_words() {
    let registry = OciRegistry::with(RegistryLogin::Basic).await;

    for opened in [at(&registry.server.url()), at_as(&registry.server.url(), "eve")] {
        let refused = opened.target.prepare(false).await.expect_err("nobody is let in");

        assert_eq!(
            (refused.kind, refused.remote_status),
            (ErrorKind::Unauthorised, Some(401))
        );
        assert!(refused.to_string().contains("UNAUTHORIZED"), "{refused}");
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn tokens_are_asked_for_what_is_done_and_kept_while_they_are_good() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let (from, to) = (
        Gate::to(here.server.address()).await,
        Gate::to(there.server.address()).await,
    );
    let image = Image::index(vec![
        ("linux/amd64", Image::of(&[b"a"])),
        ("linux/arm64", Image::of(&[b"b"])),
    ]);
    image.push(&here.server.url(), "team/app", "v1").await;
    from.ask_for_tokens(1000);
    to.ask_for_tokens(1000);
    let (source, target) = (at(&from.url("/team/app")), at_as(&to.url("/mirror"), "bob"));

    moved(carry(&source, &target, &key("team/app", "v1")).await);

    assert_eq!(
        manifest_at(&there.server.url(), "mirror", "v1").await,
        Some(image.bytes())
    );
    assert!(
        from.scopes()
            .iter()
            .all(|scope| scope == "repository:team/app:pull"),
        "{:?}",
        from.scopes()
    );
    assert!(
        to.scopes().contains(&"repository:mirror:pull,push".to_owned()),
        "{:?}",
        to.scopes()
    );
    assert!(from.logins().iter().all(Option::is_none), "anonymous tokens");
    assert!(to.logins().iter().all(Option::is_some));
    assert!(
        from.asked("/token") <= 2 && to.asked("/token") <= 3,
        "{}",
        to.asked("/token")
    );
}

#[tokio::test]
async fn an_expired_token_is_replaced_in_the_middle() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let (from, to) = (
        Gate::to(here.server.address()).await,
        Gate::to(there.server.address()).await,
    );
    // More than there are requests at the same time: a token that others have used up meanwhile is a refusal.
    from.ask_for_tokens(6);
    to.ask_for_tokens(8);
    let image = Image::of(&[b"a", b"b", b"c", &noise(100_000, 2)]);
    image.push(&here.server.url(), "app", "v1").await;

    moved(carry(&at(&from.url("/app")), &at(&to.url("/app")), &key("app", "v1")).await);

    assert_eq!(
        manifest_at(&there.server.url(), "app", "v1").await,
        Some(image.bytes())
    );
    assert!(to.asked("/token") > 1);
}

#[tokio::test]
async fn a_token_server_that_refuses_says_why() {
    let registry = OciRegistry::start().await;
    let gate = Gate::to(registry.server.address()).await;
    gate.ask_for_tokens(10);

    let refused = describe(&*at_as(&gate.url("/app"), "eve").source, &key("app", "v1")).await;

    let refused = refused.expect_err("no token");
    assert_eq!(refused.kind, ErrorKind::Unauthorised);
    assert!(refused.to_string().contains("wrong password"), "{refused}");
}

#[tokio::test]
async fn a_token_that_was_given_is_used_as_it_is() {
    let registry = OciRegistry::start().await;
    let gate = Gate::to(registry.server.address()).await;
    Image::of(&[b"a"]).push(&registry.server.url(), "app", "v1").await;
    gate.ask_for_tokens(10);
    let credentials = Credentials {
        password: Some(Secret::new("token-1")),
        ..Credentials::default()
    };
    let server = server_with(&gate.url("/app"), &credentials, None);
    let opened = connectors::oci::open(server).expect("a place");

    let listed = list(&*opened.source, 10).await.expect("a list");

    assert_eq!((listed, gate.asked("/token")), (vec![key("app", "v1")], 0));
    // One that is refused is not replaced by one that anybody gets.
    let credentials = Credentials {
        password: Some(Secret::new("another")),
        ..Credentials::default()
    };
    let server = server_with(&gate.url("/app"), &credentials, None);
    let opened = connectors::oci::open(server).expect("a place");
    let refused = list(&*opened.source, 10).await.expect_err("another token");
    assert_eq!(refused.kind, ErrorKind::Unauthorised, "{refused}");
    assert_eq!(gate.asked("/token"), 0);
}

#[tokio::test]
async fn bytes_that_lie_elsewhere_are_fetched_without_the_login() {
    let (here, there) = (
        OciRegistry::with(RegistryLogin::Basic).await,
        OciRegistry::start().await,
    );
    let cdn = OciRegistry::start().await;
    let image = Image::of(&[&noise(300_000, 3)]);
    let open_door = FaultProxy::to(cdn.server.address()).await;
    image.push(&cdn.server.url(), "app", "v1").await;
    let front = FaultProxy::to(here.server.address()).await;
    for blob in &image.blobs {
        let path = format!("/v2/app/blobs/{}", domain::digest::Digest::of(blob));
        front.add(Rule::on(
            "GET",
            &path,
            Fault::Answer {
                status: 307,
                headers: vec![("Location".into(), format!("{}{path}", open_door.url()))],
                body: String::new(),
            },
        ));
    }
    front.add(Rule::on(
        "GET",
        "/v2/app/manifests/v1",
        Fault::Answer {
            status: 200,
            headers: vec![("Content-Type".into(), image.media_type.clone())],
            body: image.document.to_string(),
        },
    ));

    moved(
        carry(
            &at_as(&format!("{}/app", front.url()), "bob"),
            &at(&url(&there, "/app")),
            &key("app", "v1"),
        )
        .await,
    );

    let fetched = open_door.seen();
    assert_eq!(fetched.len(), image.blobs.len());
    assert!(fetched.iter().all(|seen| seen.header("authorization").is_none()));
}

#[tokio::test]
async fn a_redirect_to_a_refused_address_is_not_followed() {
    let registry = OciRegistry::start().await;
    let front = FaultProxy::to(registry.server.address()).await;
    Image::of(&[b"a"]).push(&registry.server.url(), "app", "v1").await;
    let there = OciRegistry::start().await;
    for (location, reason) in [
        ("http://169.254.169.254/latest", "address rules refuse"),
        ("file:///etc/passwd", "none for HTTP"),
        ("http://[fe80::1]/x", "address rules refuse"),
    ] {
        front.clear();
        front.add(Rule::on(
            "GET",
            "*/blobs/*",
            Fault::Answer {
                status: 302,
                headers: vec![("Location".into(), location.into())],
                body: String::new(),
            },
        ));

        let (source, target) = (at(&format!("{}/app", front.url())), at(&url(&there, "/app")));
        let failed = error(carry(&source, &target, &key("app", "v1")).await);

        assert!(failed.to_string().contains(reason), "{failed}");
    }
}
