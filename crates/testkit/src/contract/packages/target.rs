//! What every target of packages promises.

use domain::artifact::{ArtifactKey, Existing, Likeness};
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Target};

use super::{LARGE, PackageWorld, Release, VERSIONS, key};
use crate::content::{MemoryContent, Outcomes};

/// Runs the promises of every target of packages as tests; `$world` makes a fresh `impl PackageWorld`.
#[macro_export]
macro_rules! package_target_contract {
    ($world:expr) => {
        $crate::package_target_contract!($world;
            versions_that_were_put_are_found_and_hold_exactly_their_bytes,
            a_version_that_must_be_absent_never_replaces_another,
            other_content_is_replaced_where_that_is_asked,
            a_version_whose_bytes_are_wrong_or_end_is_never_seen,
            many_versions_arrive_from_many_batches_at_once,
        );
    };
    ($world:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::packages::target::$name(&$world.await).await;
        })*
    };
}

fn put(release: &Release, expect: Expect) -> Put {
    Put {
        artifact: release.artifact.clone(),
        expect,
        with_metadata: true,
    }
}

/// Returns the bytes of `releases` as a run reads them for `target`.
fn content(target: &dyn Target, releases: &[&Release]) -> MemoryContent {
    let bytes = releases.iter().flat_map(|release| &release.bytes);
    let content = MemoryContent::of(bytes.map(Vec::as_slice));
    if target.capabilities().verifies {
        content
    } else {
        content.verifying()
    }
}

async fn put_all(target: &dyn Target, batch: &[Put], content: &MemoryContent) -> Vec<PutOutcome> {
    let outcomes = Outcomes::of(batch.len());
    target
        .put(batch, content, &outcomes)
        .await
        .expect("the target answers");
    outcomes.all()
}

async fn fill(target: &dyn Target, release: &Release) {
    let outcomes = put_all(
        target,
        &[put(release, Expect::Absent)],
        &content(target, &[release]),
    )
    .await;
    assert!(
        matches!(outcomes[..], [PutOutcome::Stored { .. }]),
        "{outcomes:?}"
    );
}

/// Returns what stands there and how `release` compares with it, once everything is known that can be.
async fn likeness(target: &dyn Target, release: &Release) -> Option<(Existing, Likeness)> {
    let keys = [release.artifact.key.clone()];
    let mut found = target.find(&keys).await.expect("an answer").remove(0)?;
    if release.artifact.likeness(&found) == Likeness::Unknown {
        found = target.read_back(&keys).await.expect("an answer").remove(0)?;
    }
    let likeness = release.artifact.likeness(&found);
    Some((found, likeness))
}

/// Returns what must stand there for `existing` to be replaced, as a run says it.
fn expecting(existing: &Existing) -> Expect {
    match (existing.digest, &existing.mark) {
        (Some(digest), _) => Expect::Digest(digest),
        (None, Some(mark)) => Expect::Mark(mark.clone()),
        (None, None) => Expect::Anything,
    }
}

async fn holds(world: &dyn PackageWorld, release: &Release) -> bool {
    let found = world.found(release).await;
    found.len() == release.bytes.len()
        && found
            .iter()
            .zip(&release.bytes)
            .all(|(there, here)| there.as_ref() == Some(here))
}

async fn is_absent(world: &dyn PackageWorld, release: &Release) -> bool {
    world.found(release).await.iter().all(Option::is_none)
        && likeness(&*world.target(), release).await.is_none()
}

/// See its name.
pub async fn versions_that_were_put_are_found_and_hold_exactly_their_bytes(world: &dyn PackageWorld) {
    let [first, second, third] = world.names();
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let releases = [
        world.release(first, "1.0.0", 50, 1),
        world.release(second, "1.0.0", LARGE, 2),
        world.release(first, "1.10.0", 70_000, 3),
        world.release(third, "0.9.0", 300_000, 4),
    ];
    let keys: Vec<ArtifactKey> = releases.iter().map(|it| it.artifact.key.clone()).collect();
    let before = target.find(&keys).await.expect("an answer");
    assert!(before.iter().all(Option::is_none), "{before:?}");

    let content = content(&*target, &releases.each_ref());
    let batch: Vec<Put> = releases.iter().map(|it| put(it, Expect::Absent)).collect();
    let outcomes = put_all(&*target, &batch, &content).await;

    for (release, outcome) in releases.iter().zip(outcomes) {
        let artifact = &release.artifact;
        match outcome {
            PutOutcome::Stored {
                moved_bytes,
                moved_blobs,
            } => {
                assert_eq!(moved_bytes, artifact.size_bytes(), "{}", artifact.key);
                assert_eq!(moved_blobs as usize, artifact.blobs.len(), "{}", artifact.key);
            }
            outcome => unreachable!("{}: {outcome:?}", artifact.key),
        }
        let (found, likeness) = likeness(&*target, release).await.expect("it is there");
        assert_eq!(likeness, Likeness::Same, "{found:?}");
        assert!(
            target.same_metadata(&artifact.metadata, &found.metadata),
            "{found:?}"
        );
        assert!(holds(world, release).await, "{}", artifact.key);
    }
    let mut others = vec![key(world, first, "0.9.0"), releases[2].artifact.key.clone()];
    others.push(key(world, third, "1.0.0"));
    let found = target.find(&others).await.expect("an answer");
    assert_eq!(
        found.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert!(target.find(&[]).await.expect("an answer").is_empty());
}

/// See its name.
pub async fn a_version_that_must_be_absent_never_replaces_another(world: &dyn PackageWorld) {
    let name = world.names()[1];
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let old = world.release(name, "1.0.0", 500, 1);
    let (new, next) = (
        world.release(name, "1.0.0", 500, 2),
        world.release(name, "1.2.0", 500, 3),
    );
    fill(&*target, &old).await;

    let batch = [
        put(&new, Expect::Absent),
        put(&next, Expect::Absent),
        put(&old, Expect::Absent),
    ];
    let outcomes = put_all(&*target, &batch, &content(&*target, &[&old, &new, &next])).await;

    for place in [0, 2] {
        assert!(
            matches!(&outcomes[place], PutOutcome::Raced { found: Some(_) }),
            "{outcomes:?}"
        );
    }
    assert!(matches!(outcomes[1], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert!(holds(world, &old).await && holds(world, &next).await);
}

/// See its name.
pub async fn other_content_is_replaced_where_that_is_asked(world: &dyn PackageWorld) {
    let name = world.names()[0];
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let (old, other) = (
        world.release(name, "1.0.0", 400, 1),
        world.release(name, "1.2.0", 400, 2),
    );
    let new = world.release(name, "1.0.0", 400, 3);
    fill(&*target, &old).await;
    fill(&*target, &other).await;
    let (existing, compared) = likeness(&*target, &new).await.expect("it is there");
    assert_eq!(compared, Likeness::Different);

    let batch = [put(&new, expecting(&existing))];
    let outcomes = put_all(&*target, &batch, &content(&*target, &[&new])).await;

    assert!(matches!(outcomes[0], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert!(holds(world, &new).await);
    assert!(holds(world, &other).await, "its neighbours stay");
    let again = put_all(&*target, &batch, &content(&*target, &[&new])).await;
    if expecting(&existing) != Expect::Anything {
        assert!(
            matches!(again[0], PutOutcome::Raced { .. }),
            "that state has gone: {again:?}"
        );
    }
}

/// See its name.
pub async fn a_version_whose_bytes_are_wrong_or_end_is_never_seen(world: &dyn PackageWorld) {
    let [first, second, third] = world.names();
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let good = world.release(second, "1.0.0", 600, 1);
    let wrong = [
        world.release(first, "1.0.0", 700, 2),
        world.release(second, "1.2.0", LARGE, 3),
    ];
    let broken = world.release(third, "1.0.0", LARGE, 4);
    let content = content(&*target, &[&good, &wrong[0], &wrong[1], &broken]);
    for release in &wrong {
        let largest = largest(release);
        let mut lie = release.bytes[largest].clone();
        let middle = lie.len() / 2;
        lie[middle] ^= 1;
        content.lie(&digest(release, largest), lie);
    }
    content.break_after(&digest(&broken, largest(&broken)), 1_000_000);

    // Large ones travel alone.
    for (release, kind) in [
        (&wrong[0], ErrorKind::Corrupt),
        (&wrong[1], ErrorKind::Corrupt),
        (&broken, ErrorKind::Changed),
    ] {
        let outcomes = Outcomes::of(1);
        let ended = target
            .put(&[put(release, Expect::Absent)], &content, &outcomes)
            .await;
        match (ended, outcomes.so_far().remove(0)) {
            (_, Some(PutOutcome::Failed(error))) | (Err(error), None) => {
                assert_eq!(error.kind, kind, "{error}");
            }
            other => unreachable!("{}: {other:?}", release.artifact.key),
        }
        assert!(is_absent(world, release).await, "{}", release.artifact.key);
    }
    let outcomes = put_all(&*target, &[put(&good, Expect::Absent)], &content).await;
    assert!(matches!(outcomes[0], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert!(holds(world, &good).await);
}

fn largest(release: &Release) -> usize {
    let sizes = release.bytes.iter().map(Vec::len).enumerate();
    sizes.max_by_key(|(_, size)| *size).map_or(0, |(place, _)| place)
}

fn digest(release: &Release, place: usize) -> domain::digest::Digest {
    release.artifact.blobs[place]
        .digest
        .expect("releases know their digests")
}

/// See its name.
pub async fn many_versions_arrive_from_many_batches_at_once(world: &dyn PackageWorld) {
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let mut releases = Vec::new();
    for (seed, name) in world.names().iter().enumerate() {
        let large = world.release(name, "2.0.0", 400_000, 100 + seed as u64);
        releases.push(vec![large]);
        let versions = VERSIONS.iter().enumerate();
        releases.push(
            versions
                .map(|(no, version)| world.release(name, version, 1000 + no, (10 * seed + no) as u64))
                .collect(),
        );
    }

    let batches = releases.iter().map(|releases| {
        let target = &target;
        async move {
            let batch: Vec<Put> = releases.iter().map(|it| put(it, Expect::Absent)).collect();
            let content = content(&**target, &releases.iter().collect::<Vec<_>>());
            put_all(&**target, &batch, &content).await
        }
    });
    let outcomes = futures_util::future::join_all(batches).await;

    for outcome in outcomes.iter().flatten() {
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }
    for release in releases.iter().flatten() {
        assert!(holds(world, release).await, "{}", release.artifact.key);
    }
}
