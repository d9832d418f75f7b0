use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use super::browser::Browser;
use crate::world::World;

/// Starts somebody who listens at `/ok`, and at `/busy` refuses with words of their own; returns where.
async fn listener() -> (String, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    let hear = async move |body: String| ears.lock().expect("nobody panicked").push(body);
    let busy = async || {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "come back <script>alert(1)</script> later",
        )
    };
    let router = Router::new().route("/ok", post(hear)).route("/busy", post(busy));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, heard)
}

async fn made(browser: &mut Browser<'_>, name: &str, url: &str) -> (String, String) {
    browser.open("/webhooks/new").await;
    let fields = [
        ("name", name),
        ("url", url),
        ("events", "run.failed"),
        ("enabled", "on"),
    ];
    let made = browser.send("/webhooks", &fields).await.text;
    let secret = made.split_once("id=\"made\">").expect("its secret").1;
    let secret = secret.split('<').next().expect("a text").to_owned();
    let place = made.split_once("action=\"/webhooks/").expect("its page").1;
    let id = place.split('/').next().expect("an id");
    (format!("/webhooks/{id}"), secret)
}

#[tokio::test]
async fn a_webhook_is_made_tried_changed_and_removed_and_its_secret_is_shown_once() {
    let world = World::start().await;
    let (url, heard) = listener().await;
    let mut browser = Browser::of_admin(&world).await;

    let (place, secret) = made(&mut browser, "ops", &format!("{url}/ok")).await;
    browser.open(&place).await;
    let tried = browser.send(&format!("{place}/test"), &[]).await;
    let page = browser.open(&place).await.text;
    let list = browser.open("/webhooks").await.text;

    assert!(secret.len() >= 16, "{secret}");
    assert_eq!(tried.header("location"), Some(place.as_str()));
    assert_eq!(heard.lock().expect("nobody panicked").len(), 1);
    for shown in [&page, &list] {
        assert!(shown.contains("Delivered"), "{shown}");
        assert!(!shown.contains(&secret));
    }
    let fields = [
        ("name", "ops"),
        ("url", &format!("{url}/ok")),
        ("events", "schedule.silent"),
        ("secret", ""),
    ];
    let changed = browser.send(&place, &fields).await;
    assert_eq!(
        changed.header("location"),
        Some(place.as_str()),
        "{}",
        changed.text
    );
    let id = &place["/webhooks/".len()..];
    let known = world.engine.webhook(id).await.expect("the webhook");
    assert_eq!(known.secret.reveal(), secret);
    assert_eq!(known.events, [domain::notice::NoticeKind::ScheduleSilent]);
    assert!(!known.enabled);
    let asked = browser.open(&format!("{place}/delete")).await.text;
    assert!(asked.contains("Delete ops?"), "{asked}");
    browser.send(&format!("{place}/delete"), &[]).await;
    assert!(world.store.webhooks().all().await.expect("webhooks").is_empty());
}

#[tokio::test]
async fn what_a_receiver_answers_is_text_and_what_was_given_up_is_sent_again() {
    let world = World::start().await;
    let (url, _) = listener().await;
    let mut browser = Browser::of_admin(&world).await;
    let (place, _) = made(&mut browser, "busy", &format!("{url}/busy")).await;
    browser.open(&place).await;

    browser.send(&format!("{place}/test"), &[]).await;
    let page = browser.open(&place).await.text;

    assert!(page.contains("Given up") && page.contains("HTTP 503"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"),
        "{page}"
    );
    let again = page
        .split('"')
        .find(|part| part.ends_with("/deliver"))
        .expect("a way to send it again")
        .to_owned();
    let sent = browser.send(&again, &[]).await;
    assert_eq!(sent.header("location"), Some(place.as_str()), "{}", sent.text);
    let page = browser.open(&place).await.text;
    assert!(page.contains("Waiting"), "{page}");
}

#[tokio::test]
async fn the_form_of_a_webhook_says_at_the_field_what_is_wrong_and_keeps_what_was_typed() {
    let world = World::start().await;
    let mut browser = Browser::of_admin(&world).await;
    made(&mut browser, "taken", "http://127.0.0.1:1/x").await;
    browser.open("/webhooks/new").await;
    for (field, value, says) in [
        ("name", "taken", "This name is taken"),
        ("url", "ftp://x", "http or https address"),
        ("url", "https://bob:hunter2@x.example/", "without a login"),
        ("task", "nobody", "There is no task nobody"),
        ("secret", "short", "16 to 256"),
        ("events", "", "This is needed"),
    ] {
        let mut fields = vec![
            ("name", "kept name"),
            ("url", "http://127.0.0.1:1/kept"),
            ("events", "run.failed"),
            ("task", ""),
            ("secret", ""),
        ];
        for pair in &mut fields {
            if pair.0 == field {
                pair.1 = value;
            }
        }

        let refused = browser.send("/webhooks", &fields).await;

        assert_eq!(refused.status.as_u16(), 422, "{field}: {}", refused.text);
        let told = refused.text.split("class=\"wrong\">").nth(1).expect("a fault");
        let told = told.split("</p>").next().expect("its words");
        assert!(told.contains(says), "{field}: {told}");
        assert!(
            !refused.text.contains(r#"value="short""#),
            "a secret is not sent back"
        );
        if field != "url" {
            assert!(
                refused.text.contains("value=\"http://127.0.0.1:1/kept\""),
                "{field}"
            );
        }
    }
    assert_eq!(world.store.webhooks().all().await.expect("webhooks").len(), 1);
}
