//! What travels with a version, how it is compared, and what an index that is written to keeps.

use std::sync::Arc;

use connectors::digests::{DigestCache, Digests};
use domain::artifact::Likeness;
use domain::cluster::{Credentials, Secret};
use domain::decide::Action;
use domain::failure::ErrorKind;
use domain::note::Note;
use domain::ports::{Expect, PutOutcome};
use domain::task::Scope;
use serde_json::json;
use testkit::contract::packages::PackageWorld;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::servers::{PypiOptions, PypiServer, python_packages};

use super::world::{Pypi, at, bob, made, names, opened, put, remembering};
use crate::carrying::{carry, describe, list, moved};

async fn with(options: PypiOptions) -> Pypi {
    Pypi {
        pypiserver: PypiServer::with(options).await,
    }
}

#[tokio::test]
async fn real_packages_are_verified_by_sums_of_every_kind_or_by_their_bytes() {
    for hash in [None, Some("sha512"), Some("sha1"), Some("md5")] {
        let options = PypiOptions {
            hash,
            ..PypiOptions::default()
        };
        let (from, to) = (with(options).await, with(options).await);
        for file in python_packages() {
            let name = file.file_name().expect("a name").to_string_lossy();
            std::fs::copy(&file, from.file(&name)).expect("it can be copied");
        }
        let (source, target) = (at(&from.url()), at(&to.url()));

        let keys = list(&*source.source, &Scope::Repository).await;

        let shown: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["pypi://packaging 24.2", "pypi://six 1.17.0"]);
        for key in &keys {
            assert!(
                moved(carry(&source, &target, key).await) > 10_000,
                "{hash:?} {key}"
            );
        }
        for key in &keys {
            assert!(
                carry(&source, &target, key).await.is_none(),
                "{hash:?} {key} is there"
            );
            assert!(
                carry(&target, &source, key).await.is_none(),
                "{hash:?} {key} came from there"
            );
        }
        for file in python_packages() {
            let name = file.file_name().expect("a name").to_string_lossy();
            let (here, there) = (std::fs::read(&file), std::fs::read(to.file(&name)));
            assert_eq!(here.expect("it is there"), there.expect("it arrived"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_version_that_lacks_a_file_is_completed_and_what_only_the_target_has_stays() {
    let pypi = Pypi::start().await;
    let release = made("left-pad", "1.0.0", 300_000, 1);
    std::fs::write(pypi.file(names(&release)[1]), &release.bytes[1]).expect("written");
    let own = pypi.file("left_pad-1.0.0-cp312-cp312-linux_x86_64.whl");
    std::fs::write(&own, b"built here").expect("written");
    let target = pypi.target();
    let key = std::slice::from_ref(&release.artifact.key);
    let existing = target
        .find(key)
        .await
        .expect("an answer")
        .remove(0)
        .expect("some of it");
    assert_eq!(release.artifact.likeness(&existing), Likeness::Partial);

    let outcome = put(&*target, &release, Expect::Mark(existing.mark.expect("a mark"))).await;

    let Ok(PutOutcome::Stored {
        moved_bytes,
        moved_blobs,
    }) = outcome
    else {
        unreachable!("{outcome:?}");
    };
    assert_eq!((moved_bytes, moved_blobs), (300_000, 1));
    assert!(pypi.found(&release).await == release.bytes.iter().cloned().map(Some).collect::<Vec<_>>());
    assert_eq!(std::fs::read(own).expect("it stays"), b"built here");
}

#[tokio::test]
async fn nothing_is_replaced_where_that_would_take_away_what_only_the_target_has() {
    let (strict, lenient) = (
        Pypi::start().await,
        with(PypiOptions {
            overwrite: true,
            ..PypiOptions::default()
        })
        .await,
    );
    for (pypi, replaces) in [(strict, false), (lenient, true)] {
        let (old, new) = (
            made("left-pad", "1.0.0", 400, 1),
            made("left-pad", "1.0.0", 400, 2),
        );
        pypi.hold(&old).await;
        let own = pypi.file("left_pad-1.0.0-cp312-cp312-linux_x86_64.whl");
        std::fs::write(&own, b"built here").expect("written");
        let target = pypi.target();
        let existing = target
            .find(std::slice::from_ref(&old.artifact.key))
            .await
            .expect("an answer");
        let before = existing[0].as_ref().expect("it is there");
        let mark = before.mark.clone().expect("a mark");

        let outcome = put(&*target, &new, Expect::Mark(mark)).await.expect("it answers");
        let notes = target.notes(&new.artifact, Some(before), Action::Overwrite);

        assert_eq!(std::fs::read(&own).expect("it stays"), b"built here");
        match outcome {
            PutOutcome::Stored { .. } => {
                let files = "left_pad-1.0.0-cp312-cp312-linux_x86_64.whl".to_owned();
                assert!(replaces);
                assert_eq!(notes, [Note::FilesStay { files }]);
            }
            PutOutcome::Failed(error) => {
                assert!(!replaces && error.kind == ErrorKind::Conflict, "{error}");
                assert_eq!(pypi.found(&old).await[0].as_deref(), Some(&old.bytes[0][..]));
            }
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_another_index_has_is_not_there() {
    let other = Pypi::start().await;
    let release = made("left-pad", "1.0.0", 100, 1);
    other.hold(&release).await;
    // The server is told once, at its start, for as long as the test runs.
    let elsewhere: &'static str = Box::leak(format!("{}/simple/", other.url()).into_boxed_str());
    let index = with(PypiOptions {
        fallback: Some(elsewhere),
        ..PypiOptions::default()
    })
    .await;
    let key = std::slice::from_ref(&release.artifact.key);

    let found = index.target().find(key).await.expect("an answer");
    let described = index.source().describe(key).await.expect("an answer").remove(0);
    let stored = put(&*index.target(), &release, Expect::Absent).await;

    assert_eq!(found, [None], "installers would be sent away, the index has none");
    assert_eq!(described.expect_err("it is not there").kind, ErrorKind::NotFound);
    assert!(matches!(stored, Ok(PutOutcome::Stored { .. })), "{stored:?}");
}

#[tokio::test]
async fn a_login_is_asked_for_before_a_byte_moves() {
    let index = with(PypiOptions {
        login: true,
        ..PypiOptions::default()
    })
    .await;
    let release = made("left-pad", "1.0.0", 100, 1);
    let (known, stranger) = (opened(&index.url(), &bob()), index.target());

    let error = stranger.prepare(false).await.expect_err("nobody knows them");
    known.target.prepare(false).await.expect("bob may write");
    let outcome = put(&*known.target, &release, Expect::Absent).await;

    assert_eq!(error.kind, ErrorKind::Unauthorised, "{error}");
    assert!(matches!(outcome, Ok(PutOutcome::Stored { .. })), "{outcome:?}");
    assert_eq!(
        list(&*known.source, &Scope::Repository).await,
        [release.artifact.key]
    );
}

#[tokio::test]
async fn an_index_is_found_by_its_pages_and_takes_files_beside_them() {
    let pypi = Pypi::start().await;
    let release = made("left-pad", "1.0.0", 100, 1);

    let by_pages = at(&format!("{}/simple", pypi.url()));
    let outcome = put(&*by_pages.target, &release, Expect::Absent).await;
    let nowhere = at(&format!("{}/nowhere", pypi.url()));

    assert!(matches!(outcome, Ok(PutOutcome::Stored { .. })), "{outcome:?}");
    assert_eq!(
        list(&*by_pages.source, &Scope::Repository).await,
        [release.artifact.key]
    );
    let error = nowhere
        .source
        .list(&Scope::Repository, None, 10)
        .await
        .expect_err("nothing is there");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    assert!(
        error
            .to_string()
            .contains("/nowhere/simple/ or /nowhere/+simple/"),
        "{error}"
    );
    assert!(nowhere.target.prepare(false).await.is_err());
}

#[tokio::test]
async fn what_an_index_says_of_files_travels_and_files_come_from_wherever_it_points_to() {
    let (index, elsewhere) = (Pypi::start().await, Pypi::start().await);
    let release = made("left-pad", "1.0.0", 1000, 1);
    elsewhere.hold(&release).await;
    let (proxy, cdn) = (
        FaultProxy::to(index.pypiserver.server.address()).await,
        FaultProxy::to(elsewhere.pypiserver.server.address()).await,
    );
    let file = |place: usize, more: serde_json::Value| {
        let blob = &release.artifact.blobs[place];
        let mut file = json!({"filename": blob.name, "url": format!("{}/packages/{}", cdn.url(), blob.name),
            "hashes": {"sha256": blob.digest.expect("known").to_hex()}});
        file.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        file
    };
    let page = json!({"meta": {"api-version": "1.1"}, "name": "left-pad", "files": [
        file(0, json!({"yanked": "it pads wrongly", "requires-python": ">=3.8", "size": 1000})),
        file(1, json!({"yanked": true})),
    ]});
    let answer = Fault::Answer {
        status: 200,
        headers: vec![(
            "Content-Type".into(),
            "application/vnd.pypi.simple.v1+json".into(),
        )],
        body: page.to_string(),
    };
    proxy.add(Rule::on("GET", "/simple/left-pad/", answer));
    let from = opened(&proxy.url(), &bob());

    let artifact = describe(&*from.source, &release.artifact.key)
        .await
        .expect("it is there");
    let to = Pypi::start().await;
    let carried = carry(&from, &at(&to.url()), &release.artifact.key).await;

    assert_eq!(artifact.metadata["yanked"], "it pads wrongly");
    assert_eq!(artifact.metadata["requires-python"], ">=3.8");
    let described = artifact.clone();
    let document = artifact.document.expect("what it says");
    assert_eq!(
        document["files"][names(&release)[0]],
        json!({"yanked": "it pads wrongly", "requires-python": ">=3.8"})
    );
    assert_eq!(document["files"][names(&release)[1]], json!({"yanked": ""}));
    assert_eq!(moved(carried), 1040);
    let yanked = |files: &[&str]| vec![Note::yanked(files.iter().copied(), "it pads wrongly")];
    let key = std::slice::from_ref(&release.artifact.key);
    let arrived = to.target().find(key).await.expect("an answer").remove(0);
    let notes = |before, action| to.target().notes(&described, before, action);
    assert_eq!(notes(None, Action::Copy), yanked(&[]));
    assert_eq!(
        notes(arrived.as_ref(), Action::Keep),
        yanked(&[]),
        "by the next run, too"
    );
    let told = from.target.find(key).await.expect("an answer").remove(0);
    assert_eq!(
        notes(told.as_ref(), Action::Keep),
        [],
        "an index that says so itself"
    );
    let mut half = told.clone().expect("it is there");
    half.metadata.pop_last();
    assert_eq!(notes(Some(&half), Action::Keep), yanked(&names(&release)[..1]));
    assert!(to.found(&release).await == release.bytes.iter().cloned().map(Some).collect::<Vec<_>>());
    assert!(
        proxy
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_some())
    );
    let away = cdn.seen();
    assert!(!away.is_empty() && away.iter().all(|seen| seen.header("authorization").is_none()));
    assert!(
        away.iter()
            .filter(|seen| seen.method == "HEAD")
            .all(|seen| seen.path.ends_with(".tar.gz"))
    );
}

#[tokio::test]
async fn a_token_alone_is_a_login_to_upload_with() {
    let index = with(PypiOptions {
        login: true,
        ..PypiOptions::default()
    })
    .await;
    let release = made("left-pad", "1.0.0", 100, 1);
    let token = |text: &str| Credentials {
        password: Some(Secret::new(text)),
        ..Credentials::default()
    };

    let wrong = opened(&index.url(), &token("other")).target.prepare(false).await;
    let known = opened(&index.url(), &token("secret"));
    known.target.prepare(false).await.expect("the token may write");
    let outcome = put(&*known.target, &release, Expect::Absent).await;

    assert_eq!(wrong.expect_err("nobody gave it").kind, ErrorKind::Unauthorised);
    assert!(matches!(outcome, Ok(PutOutcome::Stored { .. })), "{outcome:?}");
    assert_eq!(
        list(&*known.source, &Scope::Repository).await,
        [release.artifact.key]
    );
}

#[tokio::test]
async fn nothing_is_asked_of_files_that_were_carried_before_and_everything_of_those_that_changed() {
    let (here, there) = (Pypi::start().await, Pypi::start().await);
    let (stays, changes) = (made("left-pad", "1.0.0", 1000, 1), made("six", "1.0.0", 1000, 2));
    here.hold(&stays).await;
    here.hold(&changes).await;
    let (from, to) = (
        FaultProxy::to(here.pypiserver.server.address()).await,
        FaultProxy::to(there.pypiserver.server.address()).await,
    );
    let home = tempfile::tempdir().expect("a folder");
    let cache = DigestCache::open(home.path().join("digests")).expect("a cache");
    let digests = Digests::in_cache(Arc::new(cache));
    let ends = || {
        (
            remembering(&digests, &from.url()),
            remembering(&digests, &to.url()),
        )
    };
    let questions = || from.count("HEAD", "/packages/*") + to.count("HEAD", "/packages/*");
    let (source, target) = ends();
    for key in list(&*source.source, &Scope::Repository).await {
        moved(carry(&source, &target, &key).await);
    }
    assert_eq!(
        from.count("HEAD", "/packages/*"),
        4,
        "the pages do not say how long files are"
    );
    from.clear();
    to.clear();

    // Another process, with what the first one remembered.
    let (source, target) = ends();
    let keys = list(&*source.source, &Scope::Repository).await;
    for key in &keys {
        assert!(carry(&source, &target, key).await.is_none(), "{key} is there");
    }
    let asked = questions();
    std::fs::write(here.file(names(&changes)[0]), b"another wheel").expect("written");
    let (source, _) = ends();
    list(&*source.source, &Scope::Repository).await;
    let changed = describe(&*source.source, &changes.artifact.key)
        .await
        .expect("it is there");

    assert_eq!((keys.len(), asked), (2, 0));
    assert_eq!(questions(), 1);
    assert!(
        changed.blobs.iter().any(|blob| blob.size_bytes == 13),
        "{changed:?}"
    );
}
