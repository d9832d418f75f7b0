//! A verdaccio behind a proxy that breaks exchanges: nothing false is stored, nothing half is seen.

use std::time::Duration;

use connectors::http::Outgoing;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome};
use domain::task::Scope;
use serde_json::{Value, json};
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::packages::{PackageWorld, Release};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

use super::super::carrying::{breaks, broken_bytes_never_arrive};
use super::world::{Npm, opened, reached};

struct Broken {
    npm: Npm,
    proxy: FaultProxy,
}

impl Broken {
    async fn start() -> Self {
        let npm = Npm::start().await;
        let proxy = FaultProxy::to(npm.verdaccio.server.address()).await;
        Self { npm, proxy }
    }

    /// Puts a version through the proxy.
    async fn put(&self, release: &Release) -> Result<PutOutcome, domain::ports::ConnectorError> {
        let put = Put {
            artifact: release.artifact.clone(),
            expect: Expect::Absent,
            with_metadata: true,
        };
        let outcomes = Outcomes::of(1);
        let content = MemoryContent::of(release.bytes.iter().map(Vec::as_slice)).verifying();
        let target = self.opened().target;
        target.put(&[put], &content, &outcomes).await?;
        Ok(outcomes.all().remove(0))
    }

    /// Opens what the proxy shows, with little patience.
    fn opened(&self) -> connectors::registry::Opened {
        let outgoing = Outgoing {
            idle_timeout: Duration::from_secs(1),
            ..Outgoing::default()
        };
        reached(
            &self.proxy.url(),
            &Default::default(),
            Default::default(),
            outgoing,
        )
    }

    async fn described(
        &self,
        release: &Release,
    ) -> Result<domain::artifact::Artifact, domain::ports::ConnectorError> {
        let source = opened(&self.proxy.url(), &Default::default()).source;
        source
            .describe(std::slice::from_ref(&release.artifact.key))
            .await?
            .remove(0)
    }
}

#[tokio::test]
async fn a_publication_that_breaks_is_no_success_and_is_repeated_to_the_end() {
    let faults = [
        (Fault::status(500), ErrorKind::Protocol),
        (Fault::status(401), ErrorKind::Unauthorised),
        (Fault::slow_down(0), ErrorKind::Limit),
        (Fault::Reset, ErrorKind::Unreachable),
        (Fault::CutRequest(100_000), ErrorKind::Unreachable),
        (Fault::StallRequest(100_000), ErrorKind::Unreachable),
        // In the middle of the tarball: the registry finds other bytes than their entry says.
        (Fault::ChangeRequest(200_000), ErrorKind::Corrupt),
    ];
    let broken = Broken::start().await;
    for (number, (fault, kind)) in faults.into_iter().enumerate() {
        let release = broken
            .npm
            .release("left-pad", &format!("1.{number}.0"), 400_000, number as u64);
        broken.proxy.clear();
        broken
            .proxy
            .add(Rule::on("PUT", "/left-pad", fault.clone()).times(1));

        match broken.put(&release).await {
            Ok(PutOutcome::Failed(error)) | Err(error) => assert_eq!(error.kind, kind, "{fault:?}: {error}"),
            other => unreachable!("{fault:?}: {other:?}"),
        }
        assert_eq!(broken.npm.found(&release).await, [None], "{fault:?}");
        let again = broken.put(&release).await;

        assert!(
            matches!(again, Ok(PutOutcome::Stored { .. })),
            "{fault:?}: {again:?}"
        );
        assert_eq!(
            broken.npm.found(&release).await,
            [Some(release.bytes[0].clone())],
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn an_acknowledgement_that_is_lost_is_found_to_have_arrived() {
    let broken = Broken::start().await;
    let release = broken.npm.release("left-pad", "1.0.0", 1000, 1);
    broken
        .proxy
        .add(Rule::on("PUT", "/left-pad", Fault::LoseAnswer).times(1));

    let lost = broken.put(&release).await;
    assert!(matches!(lost, Ok(PutOutcome::Failed(_)) | Err(_)), "{lost:?}");
    let again = broken.put(&release).await.expect("it answers");

    let PutOutcome::Raced { found: Some(found) } = again else {
        unreachable!("{again:?}");
    };
    assert_eq!(
        release.artifact.likeness(&found),
        domain::artifact::Likeness::Same
    );
}

#[tokio::test]
async fn bytes_that_come_back_wrong_are_no_success_and_are_not_left_there() {
    let faults = [
        Fault::ChangeAnswer(500),
        Fault::ShortenAnswer(1),
        Fault::CutAnswer(10),
        Fault::status(404),
    ];
    for fault in faults {
        let broken = Broken::start().await;
        let release = broken.npm.release("left-pad", "1.0.0", 1000, 1);
        broken.proxy.add(Rule::on("GET", "*.tgz", fault.clone()).times(1));

        let outcome = broken.put(&release).await;

        assert!(
            matches!(outcome, Ok(PutOutcome::Failed(_)) | Err(_)),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!(broken.proxy.struck(), 1, "{fault:?}");
        let again = broken.put(&release).await.expect("it answers");
        match again {
            PutOutcome::Stored { .. } => {}
            // Only what was read back was wrong.
            PutOutcome::Raced { found: Some(_) } => {}
            other => unreachable!("{fault:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_packument_or_an_entry_that_is_none_fails_alone_and_says_why() {
    let broken = Broken::start().await;
    let good = broken.npm.release("left-pad", "1.0.0", 100, 1);
    let bad = broken.npm.release("@some-scope/right.pad", "1.0.0", 100, 2);
    broken.npm.hold(&good).await;
    broken.npm.hold(&bad).await;
    let answers = |body: Value| Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    };
    let entry = |dist: Value| {
        json!({"name": "@some-scope/right.pad", "versions": {"1.0.0":
            {"name": "@some-scope/right.pad", "version": "1.0.0", "dist": dist}}})
    };
    let bodies = [
        (json!("no packument"), "no JSON object"),
        (json!({"name": "left-pad", "versions": {}}), "another package"),
        (
            json!({"name": "@some-scope/right.pad", "versions": ["1.0.0"]}),
            "no packument",
        ),
        (
            entry(json!({"tarball": "http://h/x", "integrity": "sha512-AAAA"})),
            "`integrity`",
        ),
        (entry(json!({"integrity": "sha512-AAAA"})), "`dist`"),
        (entry(json!({"tarball": "file:///etc/passwd"})), "without TLS"),
        (entry(json!({"tarball": "http://169.254.169.254/latest"})), ""),
    ];
    for (body, words) in bodies {
        broken.proxy.clear();
        broken
            .proxy
            .add(Rule::on("GET", "/@some-scope%2Fright.pad", answers(body.clone())));
        let source = opened(&broken.proxy.url(), &Default::default()).source;

        let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
        let described = source.describe(&page.keys).await.expect("an answer");

        assert_eq!(page.keys.len(), 2, "{body}");
        assert!(described[1].is_ok(), "{body}: {described:?}");
        let error = described[0].as_ref().expect_err("it is bad");
        assert_eq!(page.keys[0].name, "npm://@some-scope/right.pad");
        assert!(error.to_string().contains(words), "{body}: {error}");
        assert!(error.to_string().contains("right.pad"), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_tarball_is_found_behind_a_redirect_and_the_login_stays_at_home() {
    let (broken, elsewhere) = (Broken::start().await, Broken::start().await);
    let release = broken.npm.release("left-pad", "1.0.0", 1000, 1);
    broken.npm.hold(&release).await;
    elsewhere.npm.hold(&release).await;
    let there = format!("{}/left-pad/-/left-pad-1.0.0.tgz", elsewhere.proxy.url());
    let points = Fault::Answer {
        status: 302,
        headers: vec![("Location".into(), there)],
        body: String::new(),
    };
    broken.proxy.add(Rule::on("*", "*.tgz", points));
    let token = domain::cluster::Credentials {
        password: Some(domain::cluster::Secret::new("token")),
        ..Default::default()
    };
    let source = opened(&broken.proxy.url(), &token).source;

    let key = &release.artifact.key;
    let artifact = source
        .describe(std::slice::from_ref(key))
        .await
        .expect("an answer")
        .remove(0);
    let artifact = artifact.expect("it is there");
    let read = source
        .read(&[(key, &artifact.blobs[0])])
        .await
        .expect("an answer")
        .remove(0);

    assert_eq!(read.expect("bytes"), release.bytes[0]);
    let seen = elsewhere.proxy.seen();
    assert_eq!(seen.len(), 2, "its size, and its bytes");
    assert!(seen.iter().all(|seen| seen.header("authorization").is_none()));
    let at_home = broken.proxy.seen();
    assert!(
        at_home
            .iter()
            .all(|seen| seen.header("authorization") == Some("Bearer token"))
    );
}

#[tokio::test]
async fn what_a_source_sends_wrong_or_not_at_all_is_noticed() {
    let broken = Broken::start().await;
    let release = broken.npm.release("left-pad", "1.0.0", 1000, 1);
    broken.npm.hold(&release).await;

    broken
        .proxy
        .add(Rule::on("HEAD", "*.tgz", Fault::status(404)).times(1));
    let error = broken.described(&release).await.expect_err("there is no tarball");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    broken
        .proxy
        .add(Rule::on("GET", "/left-pad", Fault::CutAnswer(20)).times(1));
    let error = broken.described(&release).await.expect_err("it is cut");
    assert!(
        matches!(error.kind, ErrorKind::Protocol | ErrorKind::Unreachable),
        "{error}"
    );
    let artifact = broken.described(&release).await.expect("it is there");

    assert_eq!(artifact.blobs[0].size_bytes, 1000);
    assert_eq!(artifact.blobs[0].checksums, release.artifact.blobs[0].checksums);
}

#[tokio::test]
async fn a_tarball_that_breaks_on_its_way_is_named_and_no_version_arrives() {
    let (broken, there) = (Broken::start().await, Npm::start().await);
    let release = broken.npm.release("left-pad", "1.0.0", 300_000, 1);
    broken.npm.hold(&release).await;
    let from = broken.opened();

    let way = (&from, &broken.proxy, "*.tgz");
    broken_bytes_never_arrive(way, &there.ports(), &release.artifact.key, breaks()).await;

    assert_eq!(there.found(&release).await, [Some(release.bytes[0].clone())]);
}

#[tokio::test]
async fn a_server_of_tarballs_that_is_gone_fails_its_versions_by_its_name_and_no_other() {
    let broken = Broken::start().await;
    let (gone, good) = (
        broken.npm.release("left-pad", "1.0.0", 100, 1),
        broken.npm.release("left-pad", "1.1.0", 100, 2),
    );
    broken.npm.hold(&gone).await;
    broken.npm.hold(&good).await;
    for (place, words) in [
        (
            "http://127.0.0.1:1/left-pad-1.0.0.tgz?key=s3cret",
            "http://127.0.0.1:1: no connection",
        ),
        (
            "http://169.254.169.254/latest",
            "http://169.254.169.254: this node's address rules",
        ),
        ("/left-pad/-/left-pad-1.0.0.tgz", "points on and on"),
    ] {
        broken.proxy.clear();
        let points = Fault::Answer {
            status: 302,
            headers: vec![("Location".into(), place.into())],
            body: String::new(),
        };
        broken.proxy.add(Rule::on("*", "*left-pad-1.0.0.tgz", points));
        let source = broken.opened().source;

        let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
        let described = source.describe(&page.keys).await.expect("the registry answers");

        assert_eq!(page.keys, [gone.artifact.key.clone(), good.artifact.key.clone()]);
        let error = described[0].as_ref().expect_err("it is gone").to_string();
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
        assert!(error.contains("left-pad 1.0.0"), "{error}");
        assert!(described[1].is_ok(), "{described:?}");
    }
}

#[tokio::test]
async fn lists_and_documents_without_end_and_names_that_are_none_are_named_failures() {
    let broken = Broken::start().await;
    let good = broken.npm.release("left-pad", "1.0.0", 100, 1);
    broken.npm.hold(&good).await;
    let found = |names: &mut dyn Iterator<Item = String>| -> Vec<Value> {
        names.map(|name| json!({"package": {"name": name}})).collect()
    };
    let many = found(&mut (0..200_001).map(|number| format!("a{number}")));
    let answer = |body: Value| Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    };
    let search = Rule::on(
        "GET",
        "/-/v1/search*",
        answer(json!({"objects": many, "total": 1_000_000_000})),
    );
    broken.proxy.add(Rule::on("GET", "/-/all", Fault::status(404)));
    broken.proxy.add(search);

    let refused = broken.opened().source.list(&Scope::Repository, None, 10).await;
    let refused = refused.expect_err("it has no end");
    assert_eq!(refused.kind, ErrorKind::Limit, "{refused}");
    assert!(refused.to_string().contains("200000"), "{refused}");

    broken.proxy.clear();
    let all = json!({"left-pad": {}, "..": {}, "../../secret": {}, "endless": {}, "_updated": 1});
    broken.proxy.add(Rule::on("GET", "/-/all", answer(all)));
    let endless = Fault::Endless {
        media_type: "application/json",
        begin: "{\"name\":\"endless\",\"readme\":\"".into(),
        piece: "on and ".into(),
    };
    broken.proxy.add(Rule::on("GET", "/endless", endless));
    let source = broken.opened().source;
    let page = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&page.keys).await.expect("an answer");

    let said: Vec<String> = page
        .keys
        .iter()
        .zip(described)
        .map(|(key, described)| match described {
            Ok(_) => format!("{key} is there"),
            Err(error) => format!("{key}: {}", error.words.unwrap_or_default()),
        })
        .collect();
    let none = "its name is no npm package's: npm://name or npm://@scope/name";
    let long = "it is longer than 67108864 bytes";
    let expected = [
        format!("npm://..: {none}"),
        format!("npm://../../secret: {none}"),
        format!("npm://endless: {long}"),
        "npm://left-pad 1.0.0 is there".to_owned(),
    ];
    assert_eq!(said, expected);
    assert_eq!(
        broken.proxy.count("*", "*secret*"),
        0,
        "what leads elsewhere is not asked for"
    );
}
