//! Whatever happens on the way, nothing is taken for stored that is not, and the error says what it was.

use std::time::Duration;

use domain::failure::ErrorKind;
use domain::ports::{ConnectorError, Expect, Put, PutOutcome, Source, Target};
use futures_util::StreamExt;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{key, noise};

use super::node::{Node, demo, peer};
use super::way::{Fault, Way};

/// Some small files and one that travels in parts.
struct Load {
    batch: Vec<Put>,
    contents: Vec<Vec<u8>>,
}

impl Load {
    fn new() -> Self {
        let mut contents: Vec<Vec<u8>> = (1..40)
            .map(|number| noise(number * 1700, number as u64))
            .collect();
        contents.push(noise(600_000, 99));
        let put = |(number, bytes): (usize, &Vec<u8>)| Put {
            artifact: testkit::contract::artifact(&format!("/{number}"), bytes),
            expect: Expect::Anything,
            with_metadata: false,
        };
        Self {
            batch: contents.iter().enumerate().map(put).collect(),
            contents,
        }
    }

    fn content(&self) -> MemoryContent {
        MemoryContent::of(self.contents.iter().map(Vec::as_slice))
    }

    /// Sends everything; what is said to be stored must be there, byte for byte.
    async fn send(&self, node: &Node, way: &Way) -> (Result<(), ConnectorError>, Vec<Option<PutOutcome>>) {
        let target = peer(&way.url(), "admin").target(demo());
        let outcomes = Outcomes::of(self.batch.len());
        let ended = target.put(&self.batch, &self.content(), &outcomes).await;
        let outcomes = outcomes.so_far();
        for (number, outcome) in outcomes.iter().enumerate() {
            if let Some(PutOutcome::Stored { .. }) = outcome {
                let there = node.bytes_at(&demo(), &format!("/{number}")).await;
                assert!(
                    there.as_ref() == Some(&self.contents[number]),
                    "/{number} is not there as it was sent"
                );
            }
        }
        if ended.is_ok() {
            assert!(
                outcomes.iter().all(Option::is_some),
                "an exchange that went well settles everything"
            );
        }
        (ended, outcomes)
    }

    /// Sends everything over a way that is whole again; all of it must arrive.
    async fn converges(&self, node: &Node, way: &Way) {
        let (ended, outcomes) = self.send(node, way).await;
        ended.expect("the way is whole");
        let stored = |outcome: &Option<PutOutcome>| matches!(outcome, Some(PutOutcome::Stored { .. }));
        assert!(outcomes.iter().all(stored), "{outcomes:?}");
    }
}

async fn broken_node() -> (Node, Way) {
    let node = Node::start().await;
    node.hosted
        .ensure_repository(&demo(), "admin")
        .await
        .expect("a repository");
    let way = Way::to(node.address).await;
    (node, way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_flipped_on_the_way_there_never_pass_for_stored() {
    let (node, way) = broken_node().await;
    let load = Load::new();

    for at in [2_000, 30_000, 300_001, 900_000, 1_300_000, 1_600_000] {
        way.break_up(Fault::Flip(at));
        let (ended, _) = load.send(&node, &way).await;
        if let Err(error) = ended {
            let kinds = [ErrorKind::Corrupt, ErrorKind::Protocol, ErrorKind::Unreachable];
            assert!(kinds.contains(&error.kind), "{error}");
        }
    }
    load.converges(&node, &way).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bits_flipped_and_answers_cut_on_the_way_back_never_pass_for_stored() {
    let (node, way) = broken_node().await;
    let load = Load::new();

    for at in [3, 20, 90, 150, 200, 260, 310, 420, 700, 1_000] {
        for fault in [Fault::Flip(at), Fault::Cut(at)] {
            way.break_down(fault);
            let (ended, _) = load.send(&node, &way).await;
            if let Err(error) = ended {
                let kinds = [ErrorKind::Corrupt, ErrorKind::Protocol, ErrorKind::Unreachable];
                assert!(kinds.contains(&error.kind), "{fault:?}: {error}");
                assert!(
                    error.words.is_some() || error.remote_status.is_some(),
                    "{fault:?}: it says what happened"
                );
            }
        }
    }
    load.converges(&node, &way).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_or_stalls_is_unreachable() {
    let (node, way) = broken_node().await;
    let load = Load::new();

    for fault in [
        Fault::Cut(400_000),
        Fault::Stall(400_000),
        Fault::Stall(1_500_000),
    ] {
        way.break_up(fault);
        let (ended, _) = load.send(&node, &way).await;
        assert_eq!(
            ended.expect_err("the way broke").kind,
            ErrorKind::Unreachable,
            "{fault:?}"
        );
    }
    load.converges(&node, &way).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none_are_told_by_what_they_are() {
    let (node, way) = broken_node().await;
    let load = Load::new();
    let cases: [(&str, ErrorKind, Option<u64>); 9] = [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Protocol,
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.waybill.frames\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Corrupt,
            None,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            ErrorKind::Protocol,
            None,
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Protocol,
            None,
        ),
        (
            "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow",
            ErrorKind::Limit,
            Some(7),
        ),
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
            ErrorKind::Protocol,
            None,
        ),
        (
            "HTTP/1.1 503 Later\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Unreachable,
            Some(3),
        ),
        (
            "HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Disk,
            None,
        ),
        ("rubbish\r\n\r\n", ErrorKind::Protocol, None),
    ];

    for (answer, kind, wait_s) in cases {
        way.answer(Some(answer));
        let (ended, outcomes) = load.send(&node, &way).await;
        let error = ended.expect_err("that was no answer");
        assert_eq!(
            (error.kind, error.retry_after),
            (kind, wait_s.map(Duration::from_secs)),
            "{answer}: {error}"
        );
        assert!(outcomes.iter().all(Option::is_none), "{answer}");
    }
    way.answer(None);
    load.converges(&node, &way).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_repeated_in_a_refusal_is_not_in_its_words() {
    let (node, way) = broken_node().await;
    way.answer(Some(
        "HTTP/1.1 403 No\r\nContent-Length: 53\r\n\r\nthe password secret (Basic YWRtaW46c2VjcmV0) is wrong",
    ));

    let (ended, _) = Load::new().send(&node, &way).await;

    let words = ended.expect_err("it was refused").words;
    assert_eq!(words.as_deref(), Some("the password *** (Basic ***) is wrong"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_over_a_broken_way_is_whole_or_an_error() {
    let (node, way) = broken_node().await;
    let bytes = noise(20_000_000, 8);
    node.hold(&demo(), "/large", &bytes).await;
    let source = peer(&way.url(), "admin").source(demo());
    let artifact = source
        .describe(&[key("/large")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");

    for fault in [
        Fault::Flip(5_000_000),
        Fault::Cut(5_000_000),
        Fault::Cut(18_000_000),
        Fault::Stall(9_000_000),
    ] {
        way.break_down(fault);
        let mut stream = source
            .open(&key("/large"), &artifact.blobs[0], 0)
            .await
            .expect("a stream");
        let mut read = Vec::new();
        let error = loop {
            match stream.next().await {
                Some(Ok(piece)) => read.extend_from_slice(&piece),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        let error = error.expect("the end is an error");
        assert!(
            matches!(error.kind, ErrorKind::Corrupt | ErrorKind::Unreachable),
            "{fault:?}: {error}"
        );
    }
}
