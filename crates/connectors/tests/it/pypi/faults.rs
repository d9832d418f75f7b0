//! A pypiserver behind a proxy that breaks exchanges: nothing false is stored, nothing half is seen.

use domain::artifact::Likeness;
use domain::failure::ErrorKind;
use domain::ports::{ConnectorResult, Expect, PutOutcome};
use domain::task::Scope;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

use super::world::{Pypi, at, made, names, put, release};
use crate::carrying::{breaks, broken_bytes_never_arrive, describe};

struct Broken {
    pypi: Pypi,
    proxy: FaultProxy,
}

impl Broken {
    async fn start() -> Self {
        let pypi = Pypi::start().await;
        let proxy = FaultProxy::to(pypi.pypiserver.server.address()).await;
        Self { pypi, proxy }
    }

    async fn put(&self, release: &Release) -> ConnectorResult<PutOutcome> {
        put(&*at(&self.proxy.url()).target, release, Expect::Absent).await
    }

    async fn has_nothing_of(&self, release: &Release) -> bool {
        self.pypi.found(release).await.iter().all(Option::is_none)
    }

    async fn has_all_of(&self, release: &Release) -> bool {
        let found = self.pypi.found(release).await;
        found == release.bytes.iter().cloned().map(Some).collect::<Vec<_>>()
    }
}

fn error_of(outcome: ConnectorResult<PutOutcome>) -> domain::ports::ConnectorError {
    match outcome {
        Ok(PutOutcome::Failed(error)) | Err(error) => error,
        other => unreachable!("{other:?}"),
    }
}

/// A version of two large files, so that a fault strikes either.
fn large(version: &str, seed: u64) -> Release {
    release(
        "left-pad",
        version,
        noise(400_000, seed),
        noise(400_001, seed + 1),
    )
}

/// Strikes the first file that is uploaded: the question where uploads go to comes before.
fn first_file(fault: Fault) -> Rule {
    Rule::on("POST", "/", fault).after(1).times(1)
}

#[tokio::test]
async fn an_upload_that_breaks_leaves_nothing_and_is_repeated_to_the_end() {
    let faults = [
        (Fault::status(500), ErrorKind::Protocol),
        (Fault::status(401), ErrorKind::Unauthorised),
        (Fault::slow_down(0), ErrorKind::Limit),
        (Fault::Reset, ErrorKind::Unreachable),
        (Fault::LoseAnswer, ErrorKind::Unreachable),
        (Fault::CutRequest(100_000), ErrorKind::Unreachable),
        (Fault::StallRequest(100_000), ErrorKind::Unreachable),
        // In the middle of a file: the index keeps other bytes than were sent.
        (Fault::ChangeRequest(200_000), ErrorKind::Corrupt),
    ];
    let broken = Broken::start().await;
    for (number, (fault, kind)) in faults.into_iter().enumerate() {
        let release = large(&format!("1.{number}.0"), 2 * number as u64);
        broken.proxy.clear();
        broken.proxy.add(first_file(fault.clone()));

        let error = error_of(broken.put(&release).await);

        assert_eq!(error.kind, kind, "{fault:?}: {error}");
        assert_eq!(broken.proxy.struck(), 1, "{fault:?}");
        assert!(broken.has_nothing_of(&release).await, "{fault:?}");
        let again = broken.put(&release).await;
        assert!(
            matches!(again, Ok(PutOutcome::Stored { .. })),
            "{fault:?}: {again:?}"
        );
        assert!(broken.has_all_of(&release).await, "{fault:?}");
    }
}

#[tokio::test]
async fn an_index_that_lets_nobody_withdraw_is_said_to_keep_a_part() {
    let broken = Broken::start().await;
    let release = large("1.0.0", 1);
    // The question, and the first file; then neither the second file nor its withdrawal.
    let refusal = Rule::on("POST", "/", Fault::status(403)).after(2);
    broken.proxy.add(refusal);

    let error = error_of(broken.put(&release).await);

    let words = error.words.clone().unwrap_or_default();
    assert_eq!(error.remote_status, Some(403), "{error}");
    assert!(
        words.starts_with("the proxy says no; what arrived of it stays there"),
        "{words}"
    );
    assert!(!broken.has_nothing_of(&release).await);
    broken.proxy.clear();
    let target = at(&broken.proxy.url()).target;
    let found = target.find(std::slice::from_ref(&release.artifact.key)).await;
    let mark = found.expect("an answer").remove(0).expect("a part").mark;
    let completed = put(&*target, &release, Expect::Mark(mark.expect("a mark"))).await;
    assert!(
        matches!(completed, Ok(PutOutcome::Stored { .. })),
        "{completed:?}"
    );
    assert!(broken.has_all_of(&release).await);
}

#[tokio::test]
async fn what_an_index_does_not_show_as_it_was_sent_is_no_success() {
    let broken = Broken::start().await;
    let release = made("left-pad", "1.0.0", 1000, 1);
    // The page after the upload; the one before it says that there is none.
    let page = |fault| Rule::on("GET", "/simple/left-pad/", fault).after(1);
    let empty = Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: "<html></html>".into(),
    };
    for (fault, kind) in [
        (Fault::status(500), ErrorKind::Protocol),
        (Fault::CutAnswer(100), ErrorKind::Unreachable),
        (empty, ErrorKind::Corrupt),
    ] {
        broken.proxy.clear();
        broken.proxy.add(page(fault.clone()));

        let error = error_of(broken.put(&release).await);

        assert!(
            error.kind == kind || error.kind == ErrorKind::Protocol && kind == ErrorKind::Unreachable,
            "{fault:?}: {error}"
        );
        broken.proxy.clear();
        // It did arrive: the next look finds it.
        let Ok(PutOutcome::Raced { found: Some(found) }) = broken.put(&release).await else {
            unreachable!("{fault:?}");
        };
        assert_eq!(release.artifact.likeness(&found), Likeness::Same);
        for name in names(&release) {
            std::fs::remove_file(broken.pypi.file(name)).expect("it is there");
        }
    }
}

#[tokio::test]
async fn an_index_that_wants_digests_is_told_them() {
    let broken = Broken::start().await;
    let release = made("left-pad", "1.0.0", 1000, 1);
    let wants = Fault::Answer {
        status: 400,
        headers: vec![("Content-Type".into(), "text/plain".into())],
        body: "Include at least one message digest.".into(),
    };
    broken.proxy.add(first_file(wants));

    let outcome = broken.put(&release).await;

    assert!(matches!(outcome, Ok(PutOutcome::Stored { .. })), "{outcome:?}");
    assert!(broken.has_all_of(&release).await);
    let sent = broken
        .proxy
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "POST" && !seen.struck);
    let lengths: Vec<u64> = sent
        .filter_map(|seen| seen.header("content-length")?.parse().ok())
        .collect();
    assert_eq!(lengths.len(), 3, "the question, and both files: {lengths:?}");
}

#[tokio::test]
async fn a_source_that_breaks_fails_by_name_and_is_read_again() {
    let broken = Broken::start().await;
    let release = made("left-pad", "1.0.0", 1000, 1);
    broken.pypi.hold(&release).await;
    let source = || at(&broken.proxy.url()).source;
    let key = &release.artifact.key;

    for (rule, kinds) in [
        (
            Rule::on("HEAD", "*.whl", Fault::status(404)),
            &[ErrorKind::NotFound][..],
        ),
        (Rule::on("HEAD", "*.whl", Fault::status(429)), &[ErrorKind::Limit]),
        (
            Rule::on("GET", "*left-pad/", Fault::status(401)),
            &[ErrorKind::Unauthorised],
        ),
        (
            Rule::on("GET", "*left-pad/", Fault::CutAnswer(20)),
            &[ErrorKind::Unreachable, ErrorKind::Protocol],
        ),
        (
            Rule::on("GET", "*left-pad/", Fault::StallAnswer(20)),
            &[ErrorKind::Unreachable],
        ),
    ] {
        broken.proxy.clear();
        broken.proxy.add(rule.times(1));
        let error = describe(&*source(), key).await.expect_err("it is broken");
        assert!(kinds.contains(&error.kind), "{kinds:?}: {error}");
        assert_eq!(broken.proxy.struck(), 1);
    }
    broken.proxy.clear();
    let artifact = describe(&*source(), key).await.expect("it is there");
    let is_wheel = |name: &str| name.ends_with(".whl");
    let wheel = artifact
        .blobs
        .iter()
        .find(|blob| is_wheel(&blob.name))
        .expect("a wheel");
    let wheel = (key, wheel);
    for (fault, kind) in [
        (Fault::CutAnswer(10), ErrorKind::Unreachable),
        (Fault::StallAnswer(10), ErrorKind::Unreachable),
        (Fault::status(503), ErrorKind::Unreachable),
        (Fault::LengthenAnswer(5), ErrorKind::Changed),
    ] {
        broken.proxy.clear();
        broken.proxy.add(Rule::on("GET", "*.whl", fault.clone()).times(1));
        let read = source().read(&[wheel]).await;
        let error = match read {
            Ok(mut answers) => answers.remove(0).expect_err("it is broken"),
            Err(error) => error,
        };
        assert_eq!(error.kind, kind, "{fault:?}: {error}");
    }
    let read = source().read(&[wheel]).await.expect("an answer").remove(0);
    assert_eq!(read.expect("bytes"), release.bytes[0]);
}

#[tokio::test]
async fn what_others_bring_meanwhile_is_taken_for_there_if_it_is_the_same_and_left_alone_if_not() {
    for other in [false, true] {
        let broken = Broken::start().await;
        let release = large("1.0.0", 1);
        let sdist = broken.pypi.file(names(&release)[1]);
        let bytes = if other { &b"other"[..] } else { &release.bytes[1] };
        std::fs::write(&sdist, bytes).expect("written");
        // The page as it was before they came.
        let page = Rule::on("GET", "/simple/left-pad/", Fault::status(404));
        broken.proxy.add(page.times(1));

        let outcome = broken.put(&release).await.expect("it answers");

        assert_eq!(std::fs::read(&sdist).expect("it stays"), bytes);
        match outcome {
            PutOutcome::Stored { moved_blobs: 1, .. } => assert!(!other && broken.has_all_of(&release).await),
            PutOutcome::Raced { found: Some(_) } => {
                assert!(other);
                assert_eq!(
                    broken.pypi.found(&release).await[0],
                    None,
                    "what came in vain went again"
                );
            }
            outcome => unreachable!("{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_that_breaks_on_its_way_is_named_and_no_version_arrives() {
    let (broken, there) = (Broken::start().await, Pypi::start().await);
    let release = large("1.0.0", 1);
    broken.pypi.hold(&release).await;
    let from = at(&broken.proxy.url());

    let way = (&from, &broken.proxy, "*.whl");
    broken_bytes_never_arrive(way, &at(&there.url()), &release.artifact.key, breaks()).await;

    let arrived: Vec<_> = release.bytes.iter().cloned().map(Some).collect();
    assert!(there.found(&release).await == arrived);
}

#[tokio::test]
async fn a_server_of_files_that_is_gone_fails_its_versions_by_its_name_and_no_other() {
    let broken = Broken::start().await;
    let (gone, good) = (
        made("left-pad", "1.0.0", 100, 1),
        made("left-pad", "1.1.0", 100, 2),
    );
    broken.pypi.hold(&gone).await;
    broken.pypi.hold(&good).await;
    let points = Fault::Answer {
        status: 302,
        headers: vec![("Location".into(), "http://127.0.0.1:1/x.whl?key=s3cret".into())],
        body: String::new(),
    };
    broken.proxy.add(Rule::on("*", "*1.0.0*.whl", points));
    let source = at(&broken.proxy.url()).source;

    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&page.keys).await.expect("the index answers");

    let error = described[0].as_ref().expect_err("it is gone").to_string();
    assert!(error.contains("http://127.0.0.1:1: no connection"), "{error}");
    assert!(
        error.contains("left-pad 1.0.0") && !error.contains("s3cret"),
        "{error}"
    );
    assert!(described[1].is_ok(), "{described:?}");
}

#[tokio::test]
async fn a_page_without_end_fails_alone() {
    let broken = Broken::start().await;
    let (good, bad) = (made("six", "1.0.0", 100, 1), made("left-pad", "1.0.0", 100, 2));
    broken.pypi.hold(&good).await;
    broken.pypi.hold(&bad).await;
    let endless = Fault::Endless {
        media_type: "text/html",
        begin: "<html>".into(),
        piece: "<a href='left_pad-1.0.0.zip'>x</a>".into(),
    };
    broken.proxy.add(Rule::on("GET", "/simple/left-pad/", endless));
    let source = at(&broken.proxy.url()).source;

    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&page.keys).await.expect("an answer");

    assert_eq!(
        (page.keys.len(), page.keys[0].name.as_str()),
        (2, "pypi://left-pad")
    );
    let error = described[0].as_ref().expect_err("it has no end");
    assert!(error.to_string().contains("more than 50000 files"), "{error}");
    assert!(described[1].is_ok(), "{described:?}");
}
