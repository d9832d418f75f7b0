//! Versions between two Maven repositories on nginx.

use domain::decide::Action;
use domain::failure::ErrorKind;
use domain::note::Note;
use domain::ports::{Expect, PutOutcome};
use domain::task::{PackageSelection, Scope};
use testkit::contract::packages::PackageWorld;
use testkit::servers::{Nginx, NginxOptions};

use super::super::carrying::{carry, describe, list, moved, put, refused};
use super::world::{World, at_as, key, listed, listing_of, release};

const APP: &str = "org.example:app";

#[tokio::test]
async fn a_version_arrives_with_its_sums_and_a_second_time_nothing_moves() {
    let (here, there) = (World::start().await, World::start().await);
    let one = here.release(APP, "1.0", 50_000, 1);
    here.hold(&one).await;
    here.write_bare(
        "org/example/app/1.0/app-1.0.jar.sha256",
        domain::digest::Digest::of(&one.bytes[1]).to_hex().as_bytes(),
    );
    here.write_bare("org/example/app/1.0/_remote.repositories", b"not of the version");

    let first = carry(&here.opened(), &there.opened(), &key(APP, "1.0")).await;

    assert_eq!(moved(first), one.artifact.size_bytes());
    assert_eq!(
        there.found(&one).await,
        one.bytes.iter().cloned().map(Some).collect::<Vec<_>>()
    );
    let sums = ["jar.md5", "jar.sha1", "jar.sha256", "pom.md5", "pom.sha1"]
        .map(|name| format!("org/example/app/1.0/app-1.0.{name}"));
    let files = there.files();
    assert!(sums.iter().all(|name| files.contains(name)), "{files:?}");
    assert!(!files.iter().any(|name| name.contains("_remote")), "{files:?}");
    let document = "org/example/app/maven-metadata.xml";
    let text = there.text(document).expect("a document");
    for (ending, sum) in super::world::sums(text.as_bytes()) {
        assert_eq!(there.text(&format!("{document}{ending}")), Some(sum));
    }
    assert!(
        carry(&here.opened(), &there.opened(), &key(APP, "1.0"))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn files_that_stay_beside_those_that_replaced_the_others_are_noted() {
    let (here, there) = (World::start().await, World::start().await);
    let (new, old) = (here.release(APP, "1.0", 100, 1), here.release(APP, "1.0", 100, 2));
    here.hold(&new).await;
    there.hold(&old).await;
    there.write(
        "org/example/app/1.0/app-1.0.jar.asc",
        b"a signature of the old file",
    );
    let (from, to, key) = (here.opened(), there.opened(), key(APP, "1.0"));
    let before = to
        .target
        .find(std::slice::from_ref(&key))
        .await
        .expect("an answer")
        .remove(0);

    moved(carry(&from, &to, &key).await);
    let notes = |action| to.target.notes(&new.artifact, before.as_ref(), action);

    let files = "app-1.0.jar.asc".to_owned();
    assert!(there.text("org/example/app/1.0/app-1.0.jar.asc").is_some());
    assert_eq!(notes(Action::Overwrite), [Note::FilesStay { files }]);
    assert_eq!(notes(Action::Keep), []);
}

#[tokio::test]
async fn what_others_listed_at_the_target_stays_listed() {
    let (here, there) = (World::start().await, World::start().await);
    for version in ["1.9", "1.10"] {
        here.hold(&here.release(APP, version, 100, 1)).await;
    }
    there.hold(&there.release(APP, "1.2", 100, 2)).await;

    for version in ["1.10", "1.9"] {
        moved(carry(&here.opened(), &there.opened(), &key(APP, version)).await);
    }

    let text = there
        .text("org/example/app/maven-metadata.xml")
        .expect("a document");
    assert_eq!(listed(&text), ["1.2", "1.9", "1.10"]);
    assert!(
        text.contains("<latest>1.10</latest>") && text.contains("<release>1.10</release>"),
        "{text}"
    );
    assert!(
        !text.contains("20200101000000"),
        "the time is the server's: {text}"
    );
}

#[tokio::test]
async fn a_snapshot_arrives_with_its_builds_and_grows() {
    let (here, there) = (World::start().await, World::start().await);
    let folder = "org/example/app/1.0-SNAPSHOT";
    let build = |build: &str| {
        for rest in [".jar", ".pom", "-bin.tar.gz"] {
            here.write(
                &format!("{folder}/app-1.0-{build}{rest}"),
                format!("{build}{rest}").as_bytes(),
            );
        }
    };
    build("20260101.120000-1");
    let snapshot = key(APP, "1.0-SNAPSHOT");
    moved(carry(&here.opened(), &there.opened(), &snapshot).await);
    build("20260102.120000-2");

    let second = carry(&here.opened(), &there.opened(), &snapshot).await;

    assert_eq!(moved(second), 21 + 21 + 28, "only the new build moves");
    let text = there
        .text(&format!("{folder}/maven-metadata.xml"))
        .expect("a document");
    assert!(
        text.contains("<timestamp>20260102.120000</timestamp>")
            && text.contains("<buildNumber>2</buildNumber>"),
        "{text}"
    );
    assert_eq!(
        text.matches("<value>1.0-20260102.120000-2</value>").count(),
        3,
        "{text}"
    );
    assert!(
        text.contains("<classifier>bin</classifier>") && text.contains("<extension>tar.gz</extension>"),
        "{text}"
    );
    let versions = there
        .text("org/example/app/maven-metadata.xml")
        .expect("a document");
    assert_eq!(listed(&versions), ["1.0-SNAPSHOT"]);
    assert!(!versions.contains("<release>"), "{versions}");
    assert!(carry(&here.opened(), &there.opened(), &snapshot).await.is_none());
}

#[tokio::test]
async fn a_version_that_is_not_listed_is_completed_without_moving_what_is_there() {
    let (here, there) = (World::start().await, World::start().await);
    let one = here.release(APP, "1.0", 1000, 1);
    here.hold(&one).await;
    there.hold(&one).await;
    let document = there.file("org/example/app/maven-metadata.xml");
    std::fs::remove_file(&document).expect("removed");

    let outcome = carry(&here.opened(), &there.opened(), &key(APP, "1.0")).await;

    assert_eq!(moved(outcome), 0);
    assert_eq!(
        listed(&std::fs::read_to_string(document).expect("a document")),
        ["1.0"]
    );
}

#[tokio::test]
async fn what_stands_unlisted_with_other_content_is_not_replaced_unasked() {
    let (here, there) = (World::start().await, World::start().await);
    here.write("org/example/app/1.0/app-1.0.pom", b"<project/>");
    there.write("org/example/app/1.0/app-1.0.pom", b"<other/>");
    let (from, to) = (here.opened(), there.opened());
    let artifact = describe(&*from.source, &key(APP, "1.0")).await.expect("there");

    let found = to
        .target
        .find(&[key(APP, "1.0")])
        .await
        .expect("an answer")
        .remove(0);
    let mark = found.and_then(|found| found.mark).expect("a mark");
    let first = put(&from, &to, artifact.clone(), Expect::Mark(mark)).await;

    let PutOutcome::Raced { found: Some(found) } = first else {
        unreachable!("{first:?}")
    };
    assert_eq!(artifact.likeness(&found), domain::artifact::Likeness::Different);
    assert_eq!(
        there.text("org/example/app/1.0/app-1.0.pom").as_deref(),
        Some("<other/>")
    );
    let asked = put(&from, &to, artifact, Expect::Mark(found.mark.expect("a mark"))).await;
    assert_eq!(moved(Some(asked)), 10, "whoever saw it may replace it");
}

#[tokio::test]
async fn files_without_sums_are_compared_by_reading_them() {
    let (here, there) = (World::start().await, World::start().await);
    for world in [&here, &there] {
        world.write_bare("org/example/app/1.0/app-1.0.jar", b"the same");
        world.write(
            "org/example/app/maven-metadata.xml",
            listing_of(APP, &["1.0".into()]).as_bytes(),
        );
    }
    there.write_bare("org/example/app/1.0/app-1.0.jar", b"THE SAME");

    let found = there
        .opened()
        .target
        .read_back(&[key(APP, "1.0")])
        .await
        .expect("an answer")
        .remove(0);

    let found = found.expect("it is there");
    assert_eq!(
        found.blobs[0].digest,
        Some(domain::digest::Digest::of(b"THE SAME"))
    );
    assert_eq!(
        moved(carry(&here.opened(), &there.opened(), &key(APP, "1.0")).await),
        8
    );
}

#[tokio::test]
async fn a_server_that_lists_no_folders_serves_packages_by_name() {
    let options = NginxOptions {
        lists: false,
        ..NginxOptions::default()
    };
    let (here, there) = (World::on(Nginx::with(options).await), World::start().await);
    here.hold(&here.release(APP, "1.0", 100, 1)).await;
    here.hold(&here.release(APP, "1.1", 100, 2)).await;
    let source = here.opened().source;

    let whole = source
        .list(&Scope::Repository, None, 10)
        .await
        .expect_err("it cannot");
    let selection = |versions: &[&str]| {
        Scope::Packages(vec![PackageSelection {
            key: format!("gav://{APP}"),
            versions: versions.iter().map(|version| (*version).into()).collect(),
            target_versions: Vec::new(),
        }])
    };

    assert!(
        whole
            .words
            .as_deref()
            .is_some_and(|words| words.contains("lists no folders")),
        "{whole}"
    );
    assert_eq!(
        list(&*source, &selection(&[])).await,
        [key(APP, "1.0"), key(APP, "1.1")]
    );
    assert_eq!(list(&*source, &selection(&["1.1", "3"])).await, [key(APP, "1.1")]);
    assert_eq!(
        source
            .missing(&selection(&["1.1", "3"]))
            .await
            .expect("an answer"),
        [key(APP, "3")]
    );
    let artifact = describe(&*source, &key(APP, "1.1")).await.expect("there");
    assert_eq!(artifact.blobs.len(), 3, "{artifact:?}");
    moved(carry(&here.opened(), &there.opened(), &key(APP, "1.1")).await);
    let back = World::on(Nginx::with(options).await);
    moved(carry(&there.opened(), &back.opened(), &key(APP, "1.1")).await);
    assert!(
        carry(&there.opened(), &back.opened(), &key(APP, "1.1"))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn a_login_is_sent_and_its_refusal_is_named() {
    let options = NginxOptions {
        login: true,
        ..NginxOptions::default()
    };
    let (here, there) = (World::start().await, World::on(Nginx::with(options).await));
    here.hold(&here.release(APP, "1.0", 100, 1)).await;

    let nobody = there
        .opened()
        .target
        .prepare(false)
        .await
        .expect_err("a login is needed");
    let bob = at_as(&there.url(), Some("bob"));
    bob.target.prepare(false).await.expect("bob may");
    let carried = carry(&here.opened(), &bob, &key(APP, "1.0")).await;

    assert_eq!(nobody.kind, ErrorKind::Unauthorised);
    moved(carried);
}

#[tokio::test]
async fn hostile_and_broken_documents_fail_their_version_by_name() {
    let (here, there) = (World::start().await, World::start().await);
    here.hold(&here.release(APP, "1.0", 100, 1)).await;
    here.hold(&here.release("org.example:other", "1.0", 100, 2)).await;
    let bomb =
        "<!DOCTYPE m [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]><metadata><groupId>&b;</groupId></metadata>";
    there.write_bare("org/example/app/maven-metadata.xml", bomb.as_bytes());

    let bombed = refused(carry(&here.opened(), &there.opened(), &key(APP, "1.0")).await);
    moved(carry(&here.opened(), &there.opened(), &key("org.example:other", "1.0")).await);

    assert_eq!(bombed.kind, ErrorKind::Protocol);
    assert!(
        bombed
            .words
            .as_deref()
            .is_some_and(|words| words.contains("document type")),
        "{bombed}"
    );
    assert_eq!(
        there.text("org/example/app/maven-metadata.xml").as_deref(),
        Some(bomb),
        "it is left as it was"
    );
}

#[tokio::test]
async fn names_that_lead_out_of_the_version_are_refused() {
    let (here, there) = (World::start().await, World::start().await);
    let mut evil = release(APP, "1.0", &[(".jar", b"evil")]).artifact;
    evil.blobs[0].name = "../../../../app-1.0.jar".into();

    let outcome = put(&here.opened(), &there.opened(), evil, Expect::Absent).await;
    let traversal = describe(&*here.opened().source, &key("org.example:..", "1.0")).await;

    assert_eq!(refused(Some(outcome)).kind, ErrorKind::Protocol);
    assert!(traversal.is_err_and(|error| error.kind == ErrorKind::NotFound));
    assert_eq!(there.files(), Vec::<String>::new());
}
