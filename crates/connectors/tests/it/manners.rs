//! What one server is given in a second, over a real connection and on a clock that is moved by hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connectors::http::{Budget, Files, Outgoing};
use connectors::peer::Peers;
use domain::clock::Clock;
use domain::cluster::Credentials;
use domain::failure::Stage;
use futures_util::stream;
use testkit::ManualClock;
use testkit::servers::{Nginx, NginxOptions};
use url::Url;

const BYTES: usize = 150_000;
const A_SECOND: u64 = 100_000;

fn files(peers: &Peers, nginx: &Nginx) -> (Files, Url) {
    let url = Url::parse(&format!("{}/file", nginx.server.url())).expect("a URL");
    let server = peers.server(&url, &Credentials::default()).expect("a server");
    (Files::of(server, None), url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_in_both_directions_share_the_bytes_of_their_server_and_of_no_other() {
    let (one, other) = (Nginx::start().await, Nginx::with(NginxOptions::default()).await);
    std::fs::write(one.files().join("file"), vec![7; BYTES]).expect("written");
    std::fs::write(other.files().join("file"), b"small").expect("written");
    let clock = Arc::new(ManualClock::at(1_000_000));
    let outgoing = Outgoing {
        // To wait for one's bytes is no silence, however long it is.
        idle_timeout: Duration::from_millis(300),
        budget: Budget {
            bytes_per_second: Some(A_SECOND),
            ..Budget::default()
        },
        ..Outgoing::default()
    };
    let peers = Peers::new(outgoing, clock.clone());
    let (files_of_one, url) = files(&peers, &one);
    let (again, copy) = (files_of_one.clone(), url.join("copy").expect("a URL"));

    let down = tokio::spawn(async move { files_of_one.whole(&url, BYTES as u64, Stage::Read, "down").await });
    let up = tokio::spawn(async move {
        let bytes = Box::pin(stream::iter([Ok(Bytes::from(vec![8; BYTES]))]));
        again.store(&copy, bytes, BYTES as u64, Stage::Write).await
    });
    let moving = async {
        while !(down.is_finished() && up.is_finished()) {
            let waits = clock.sleeping_until_ms().into_iter().min();
            match waits
                .map(|until_ms| until_ms - clock.now_ms())
                .filter(|ms| *ms > 0)
            {
                Some(left_ms) => clock.advance_ms(left_ms),
                None => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), moving)
        .await
        .expect("they end");

    // A quarter of a second's bytes may come at once.
    let took_ms = clock.now_ms() - 1_000_000;
    assert!((2_740..2_800).contains(&took_ms), "{took_ms} ms");
    let read = down
        .await
        .expect("no panic")
        .expect("an answer")
        .expect("it is there");
    assert_eq!(read.bytes.len(), BYTES);
    up.await.expect("no panic").expect("it is stored");
    assert_eq!(
        std::fs::read(one.files().join("copy")).expect("it is there"),
        vec![8; BYTES]
    );
    let (files_of_other, url) = files(&peers, &other);
    let small = files_of_other
        .whole(&url, BYTES as u64, Stage::Read, "small")
        .await;
    assert_eq!(small.expect("nobody waits").expect("it is there").bytes, "small");
}
