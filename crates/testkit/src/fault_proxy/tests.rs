use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts a server that answers each request with its body, or with twelve letters when it has none.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = Vec::new();
                let mut body = None;
                while body.is_none() && matches!(client.read_buf(&mut heard).await, Ok(1..)) {
                    let text = String::from_utf8_lossy(&heard).into_owned();
                    let Some((head, rest)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let length = head.split("content-length: ").nth(1);
                    let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
                    body = (rest.len() >= length.unwrap_or(0)).then(|| rest.to_owned());
                }
                let body = body
                    .filter(|body| !body.is_empty())
                    .unwrap_or("twelve bytes".into());
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Sends a request; returns all that is answered until the end.
async fn call(proxy: &FaultProxy, method: &str, path: &str, body: &str) -> Result<String, std::io::Error> {
    let mut stream = TcpStream::connect(proxy.address()).await?;
    let length = body.len();
    let request = format!("{method} {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn what_no_rule_fits_passes_unchanged_and_is_remembered() {
    let proxy = FaultProxy::to(echo().await).await;
    proxy.add(Rule::on("PUT", "/a/*", Fault::status(500)));

    let answer = call(&proxy, "POST", "/a/b?c=d", "hello")
        .await
        .expect("an answer");

    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"),
        "{answer}"
    );
    assert_eq!((proxy.count("POST", "/a/*"), proxy.struck()), (1, 0));
    assert_eq!(proxy.seen()[0].header("content-length"), Some("5"));
}

#[tokio::test]
async fn a_rule_lets_some_pass_and_strikes_some() {
    let proxy = FaultProxy::to(echo().await).await;
    proxy.add(Rule::on("*", "*/b", Fault::slow_down(7)).after(1).times(2));

    let mut statuses = Vec::new();
    for path in ["/b", "/a/b", "/c", "/b", "/b"] {
        let answer = call(&proxy, "GET", path, "").await.expect("an answer");
        statuses.push(answer[9..12].to_owned());
    }

    assert_eq!(statuses, ["200", "429", "200", "429", "200"]);
}

#[tokio::test]
async fn bodies_are_cut_changed_shortened_and_lengthened() {
    for (fault, length, body) in [
        (Fault::CutAnswer(3), "12", "twe"),
        (Fault::ChangeAnswer(0), "12", "uwelve bytes"),
        (Fault::ShortenAnswer(2), "10", "twelve byt"),
        (Fault::LengthenAnswer(2), "14", "twelve bytes++"),
    ] {
        let proxy = FaultProxy::to(echo().await).await;
        proxy.add(Rule::on("GET", "*", fault.clone()));

        let answer = call(&proxy, "GET", "/", "").await.expect("an answer");

        let (head, rest) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.contains(&format!("content-length: {length}\r\n")),
            "{fault:?}: {head}"
        );
        assert_eq!(rest, body, "{fault:?}");
    }
}

#[tokio::test]
async fn requests_are_changed_and_answers_lost() {
    let proxy = FaultProxy::to(echo().await).await;
    proxy.add(Rule::on("PUT", "/changed", Fault::ChangeRequest(4)));
    proxy.add(Rule::on("PUT", "/lost", Fault::LoseAnswer));
    proxy.add(Rule::on("PUT", "/reset", Fault::Reset));

    let changed = call(&proxy, "PUT", "/changed", "hello").await.expect("an answer");

    assert!(changed.ends_with("helln"), "{changed}");
    for path in ["/lost", "/reset"] {
        let broken = call(&proxy, "PUT", path, "hello").await;
        assert!(
            broken.is_err() || broken.is_ok_and(|answer| answer.is_empty()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_stalls_does_not_end() {
    let proxy = FaultProxy::to(echo().await).await;
    proxy.add(Rule::on("GET", "*", Fault::StallAnswer(5)));
    let mut stream = TcpStream::connect(proxy.address()).await.expect("it listens");
    stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("it is sent");

    let mut heard = Vec::new();
    while !heard.ends_with(b"twelv") {
        assert_ne!(stream.read_buf(&mut heard).await.expect("bytes"), 0);
    }

    // Nothing is there, and no end either.
    let next = stream.try_read(&mut [0; 1]);
    assert_eq!(
        next.expect_err("it stalls").kind(),
        std::io::ErrorKind::WouldBlock
    );
}
