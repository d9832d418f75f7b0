//! Webhooks whose other side misbehaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use connectors::http::Outgoing;
use connectors::webhook::{Answered, Call, Webhooks};
use domain::cluster::Secret;
use domain::failure::ErrorKind;
use domain::ports::ConnectorResult;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_of_these_tests";

/// What somebody does who was called, after it read the call's head.
#[derive(Clone)]
enum Behaviour {
    /// Answers this, then closes.
    Says(String),
    /// Answers the first, then the second again and again, as long as somebody reads.
    GoesOn(String, String),
    /// Says nothing and keeps the connection.
    Hangs,
}

/// Somebody who is called, and how often.
struct Receiver {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start(behaviour: Behaviour) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", socket.local_addr().expect("an address"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let behaviour = behaviour.clone();
                tokio::spawn(async move {
                    let mut head = [0; 16 * 1024];
                    let _ = stream.read(&mut head).await;
                    match behaviour {
                        Behaviour::Says(words) => drop(stream.write_all(words.as_bytes()).await),
                        Behaviour::GoesOn(head, piece) => {
                            drop(stream.write_all(head.as_bytes()).await);
                            while stream.write_all(piece.as_bytes()).await.is_ok() {}
                        }
                        Behaviour::Hangs => drop(stream.read(&mut head).await),
                    }
                });
            }
        });
        Self { url, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn call(url: &str) -> ConnectorResult<Answered> {
    let webhooks = Webhooks::new(Outgoing {
        idle_timeout: Duration::from_millis(300),
        ..Outgoing::default()
    });
    let call = Call {
        url: url.into(),
        event: "run.failed".into(),
        delivery: "66a1c0e00000000112345678".into(),
        body: "{}".into(),
        secret: Secret::new(SECRET),
        at_s: 1_800_000_000,
    };
    assert!(!format!("{call:?}").contains(SECRET), "{call:?}");
    webhooks.call(&call).await
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_its_wait_and_clean_words() {
    let words = "no\u{7} room <b>".repeat(200);
    let head = "HTTP/1.1 500 Oops\r\nRetry-After: 7\r\nConnection: close\r\n\r\n";
    let receiver = Receiver::start(Behaviour::Says(format!("{head}{words}"))).await;

    let answered = call(&receiver.url).await.expect("an answer");

    let words = answered.words.expect("words");
    assert_eq!(
        (answered.status, answered.wait),
        (500, Some(Duration::from_secs(7)))
    );
    assert!(words.starts_with("no"), "{words}");
    assert!(words.chars().count() <= 300, "{words}");
    assert!(!words.contains(char::is_control), "{words}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_else_is_called() {
    let elsewhere = Receiver::start(Behaviour::Says("HTTP/1.1 200 OK\r\n\r\n".into())).await;
    let moved = format!(
        "HTTP/1.1 307 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let receiver = Receiver::start(Behaviour::Says(moved)).await;

    let answered = call(&receiver.url).await.expect("an answer");

    assert_eq!((answered.status, elsewhere.calls()), (307, 0));
}

#[tokio::test]
async fn one_who_hangs_breaks_off_or_talks_nonsense_ends_with_a_reason() {
    for behaviour in [
        Behaviour::Hangs,
        Behaviour::Says(String::new()),
        Behaviour::Says("HTTP/1.1 2".into()),
        Behaviour::Says("I am no web server\r\n\r\n".into()),
    ] {
        let receiver = Receiver::start(behaviour).await;

        let error = call(&receiver.url).await.expect_err("it is no answer");

        let failure = error.to_failure("the webhook", 1);
        let class = failure.class;
        assert!(
            matches!(class, ErrorKind::Unreachable | ErrorKind::Protocol),
            "{failure:?}"
        );
        assert!(failure.words.is_some(), "{failure:?}");
        assert!(!format!("{error:?}{failure:?}").contains(SECRET));
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_its_end() {
    let endless = "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let piece = format!("400\r\n{}\r\n", "x".repeat(1024));
    let receiver = Receiver::start(Behaviour::GoesOn(endless, piece)).await;

    let answered = call(&receiver.url).await.expect("an answer");

    let words = answered.words.expect("words");
    assert_eq!((answered.status, words.chars().count()), (500, 300));
}

#[tokio::test]
async fn addresses_that_are_never_called_are_refused_before_anybody_is() {
    for (url, reason) in [
        ("http://169.254.169.254/latest", "address rules refuse"),
        ("http://[fe80::1]/hook", "address rules refuse"),
        ("no url", "URL"),
    ] {
        let error = call(url).await.expect_err("it is refused");

        assert!(error.to_string().contains(reason), "{error:?}");
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    }
}
