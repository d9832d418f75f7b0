//! What travels with a version besides its tarball.

use domain::artifact::Metadata;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Target};
use domain::task::{PackageSelection, Scope};
use serde_json::json;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::packages::{PackageWorld, Release};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::servers::{Verdaccio, VerdaccioLogin};

use super::world::{Npm, opened};

fn properties(pairs: &[(&str, &str)]) -> Metadata {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

async fn put(target: &dyn Target, release: &Release, expect: Expect) -> PutOutcome {
    let put = Put {
        artifact: release.artifact.clone(),
        expect,
        with_metadata: true,
    };
    let outcomes = Outcomes::of(1);
    let content = MemoryContent::of(release.bytes.iter().map(Vec::as_slice)).verifying();
    target.put(&[put], &content, &outcomes).await.expect("it answers");
    outcomes.all().remove(0)
}

#[tokio::test]
async fn tags_deprecation_and_the_entry_travel_with_a_version() {
    let (from, to) = (Npm::start().await, Npm::start().await);
    let first = from.release("left-pad", "1.0.0", 100, 1);
    let second = from.release("left-pad", "1.1.0", 100, 2);
    from.publish(&first, "legacy").await;
    from.publish(&second, "latest").await;
    let mut packument = from.shown("left-pad").await.expect("it is there");
    packument["versions"]["1.0.0"]["deprecated"] = json!("it pads wrongly");
    from.put("left-pad", &packument).await;
    let keys = [first.artifact.key.clone(), second.artifact.key.clone()];

    let described = from.source().describe(&keys).await.expect("an answer");
    let target = to.target();
    for (artifact, release) in described.into_iter().zip([&first, &second]) {
        let artifact = artifact.expect("it is there");
        let release = Release {
            artifact: domain::artifact::Artifact {
                blobs: release.artifact.blobs.clone(),
                ..artifact
            },
            bytes: release.bytes.clone(),
        };
        let outcome = put(&*target, &release, Expect::Absent).await;
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }

    let shown = to.shown("left-pad").await.expect("it is there");
    assert_eq!(shown["dist-tags"], json!({"legacy": "1.0.0", "latest": "1.1.0"}));
    let entry = &shown["versions"]["1.0.0"];
    assert_eq!(entry["deprecated"], "it pads wrongly");
    assert_eq!(entry["dependencies"], json!({"other": "^1.0.0"}));
    assert_eq!(
        entry["dist"]["integrity"],
        first.artifact.document.as_ref().expect("an entry")["dist"]["integrity"]
    );
    assert_eq!(
        entry["dist"]["tarball"],
        format!("{}/left-pad/-/left-pad-1.0.0.tgz", to.url())
    );
    assert!(shown["versions"]["1.1.0"].get("deprecated").is_none());
}

#[tokio::test]
async fn properties_change_without_moving_a_byte_and_tags_are_never_taken_away() {
    let npm = Npm::start().await;
    let target = npm.target();
    let mut release = npm.release("@some-scope/right.pad", "1.0.0", 100, 1);
    release.artifact.metadata = properties(&[("dist-tags", "beta,latest")]);
    put(&*target, &release, Expect::Absent).await;
    let key = std::slice::from_ref(&release.artifact.key);

    release.artifact.metadata = properties(&[("dist-tags", "next"), ("deprecated", "old")]);
    let existing = target
        .find(key)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    assert!(!target.same_metadata(&release.artifact.metadata, &existing.metadata));
    let mark = existing.mark.expect("it is named");
    let outcome = put(&*target, &release, Expect::Mark(mark.clone())).await;

    assert!(
        matches!(
            outcome,
            PutOutcome::Stored {
                moved_bytes: 0,
                moved_blobs: 0
            }
        ),
        "{outcome:?}"
    );
    let existing = target
        .find(key)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    let expected = properties(&[("dist-tags", "beta,latest,next"), ("deprecated", "old")]);
    assert_eq!(existing.metadata, expected);
    assert!(target.same_metadata(&release.artifact.metadata, &existing.metadata));
    release.artifact.metadata = properties(&[("dist-tags", "beta")]);
    put(&*target, &release, Expect::Mark(mark)).await;
    let existing = target
        .find(key)
        .await
        .expect("an answer")
        .remove(0)
        .expect("it is there");
    assert_eq!(
        existing.metadata,
        properties(&[("dist-tags", "beta,latest,next")])
    );
}

#[tokio::test]
async fn a_registry_that_wants_a_login_gets_it_and_strangers_are_told_so() {
    let npm = Npm::of(Verdaccio::with(VerdaccioLogin::Basic).await);
    let bob = domain::cluster::Credentials {
        username: Some("bob".into()),
        password: Some(domain::cluster::Secret::new("secret")),
        ..Default::default()
    };
    let release = npm.release("left-pad", "1.0.0", 100, 1);
    let (known, stranger) = (opened(&npm.url(), &bob), npm.ports());

    let content = MemoryContent::of(release.bytes.iter().map(Vec::as_slice));
    let outcomes = Outcomes::of(1);
    let batch = [Put {
        artifact: release.artifact.clone(),
        expect: Expect::Absent,
        with_metadata: true,
    }];
    let answered = stranger.target.put(&batch, &content, &outcomes).await;
    let error = match (answered, outcomes.so_far().remove(0)) {
        (Err(error), None) | (Ok(()), Some(PutOutcome::Failed(error))) => error,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    let outcome = put(&*known.target, &release, Expect::Absent).await;

    assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    let listed = known
        .source
        .list(&Scope::Repository, None, 10)
        .await
        .expect("a page");
    assert_eq!(listed.keys, [release.artifact.key]);
}

#[tokio::test]
async fn a_registry_that_lists_nothing_is_searched_or_needs_the_packages_named() {
    let npm = Npm::start().await;
    let release = npm.release("left-pad", "1.0.0", 100, 1);
    npm.hold(&release).await;
    let proxy = FaultProxy::to(npm.verdaccio.server.address()).await;
    proxy.add(Rule::on("GET", "/-/all", Fault::status(404)));
    let source = || opened(&proxy.url(), &Default::default()).source;
    let list = |scope: Scope| async move { source().list(&scope, None, 10).await };

    let searched = list(Scope::Repository).await.expect("a page");
    assert_eq!(searched.keys, std::slice::from_ref(&release.artifact.key));
    let some = Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: json!({"objects": [{"package": {"name": "left-pad"}}], "total": 3}).to_string(),
    };
    proxy.add(Rule::on("GET", "/-/v1/search*", some));
    let refused = list(Scope::Repository).await.expect_err("it is not all");
    assert!(refused.to_string().contains("1 of its 3 packages"), "{refused}");
    let selection = PackageSelection {
        key: "npm://left-pad".into(),
        versions: Vec::new(),
        target_versions: Vec::new(),
    };
    let named = list(Scope::Packages(vec![selection])).await.expect("a page");
    assert_eq!(named.keys, [release.artifact.key]);
}
